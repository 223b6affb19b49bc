"""What one makes of Graph's rows: default methods, their standing, the flat keys, masked numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.mfa import (
    DefaultMethod,
    MethodKind,
    MfaState,
    PhoneType,
    Policy,
    Preferences,
    RegisteredMethod,
    Standing,
    flat_keys,
    mask_number,
    option_for,
    options,
)

PUSH, OATH, SMS = DefaultMethod.PUSH, DefaultMethod.OATH, DefaultMethod.SMS
MOBILE, ALTERNATE, OFFICE = (
    DefaultMethod.VOICE_MOBILE,
    DefaultMethod.VOICE_ALTERNATE_MOBILE,
    DefaultMethod.VOICE_OFFICE,
)
FULL_APP = {"deviceTag": "SoftwareTokenActivated"}


def row(kind: str, **fields: object) -> RegisteredMethod:
    """A registration as Graph sends it."""
    return RegisteredMethod.from_graph({"@odata.type": f"#microsoft.graph.{kind}AuthenticationMethod", **fields})


def state(*methods: RegisteredMethod, default: object = None, **preferences: object) -> MfaState:
    """Preferences and registrations as Graph sends them."""
    body = {"userPreferredMethodForSecondaryAuthentication": default, **preferences}
    return MfaState(Preferences.from_graph(body), methods)


@pytest.mark.parametrize(
    ("graph_name", "kind"),
    [
        ("password", MethodKind.PASSWORD),
        ("phone", MethodKind.PHONE),
        ("microsoftAuthenticator", MethodKind.AUTHENTICATOR),
        ("passwordlessMicrosoftAuthenticator", MethodKind.AUTHENTICATOR_PASSWORDLESS),
        ("softwareOath", MethodKind.SOFTWARE_OATH),
        ("hardwareOath", MethodKind.HARDWARE_OATH),
        ("fido2", MethodKind.FIDO2),
        ("windowsHelloForBusiness", MethodKind.WINDOWS_HELLO),
        ("platformCredential", MethodKind.PLATFORM_CREDENTIAL),
        ("temporaryAccessPass", MethodKind.TEMPORARY_ACCESS_PASS),
        ("email", MethodKind.EMAIL),
        ("external", MethodKind.EXTERNAL),
        ("qrCodePin", MethodKind.QR_CODE_PIN),
        ("resourceAccountKey", MethodKind.RESOURCE_ACCOUNT_KEY),
    ],
)
def test_every_type_of_graph_beta_is_known(graph_name: str, kind: MethodKind) -> None:
    """Each type of Graph's beta catalogue is told apart from the others."""
    assert kind is row(graph_name).kind


@pytest.mark.parametrize(
    "odata_type",
    [
        None,
        "",
        17,
        ["#microsoft.graph.phoneAuthenticationMethod"],
        "#microsoft.graph.brainwaveAuthenticationMethod",
        "#microsoft.graph.unknownAuthenticationMethod",
        "#microsoft.graph.PhoneAuthenticationMethod",
        "#microsoft.graph.phoneAuthenticationMethodV2",
        "#example.org.phoneAuthenticationMethod",
        "phone",
    ],
)
def test_a_type_that_is_new_or_broken_is_unknown_and_enables_nothing(odata_type: object) -> None:
    """A row of another type than those of the catalogue is kept as unknown and makes no default possible."""
    registered = RegisteredMethod.from_graph({"@odata.type": odata_type, "phoneType": "mobile"})
    assert (MethodKind.UNKNOWN, frozenset()) == (registered.kind, registered.enables)


def test_an_unknown_type_keeps_graphs_own_name() -> None:
    """What Graph calls a new type stays readable, so that the person can be told."""
    assert "#microsoft.graph.brainwaveAuthenticationMethod" == row("brainwave").odata_type


def test_an_empty_row_is_read() -> None:
    """A row without any property is an unknown registration, not a crash."""
    assert RegisteredMethod(MethodKind.UNKNOWN, "") == RegisteredMethod.from_graph({})


@given(
    st.dictionaries(
        st.sampled_from(["@odata.type", "id", "displayName", "model", "phoneType", "phoneNumber", "deviceTag"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()),
    )
)
def test_no_row_of_any_shape_is_too_odd_to_read(fields: dict[str, object]) -> None:
    """Whatever the values are, a row is read; the texts of the result are texts."""
    registered = RegisteredMethod.from_graph(fields)
    assert all(isinstance(text, str) for text in (registered.id, registered.label, registered.masked_number))


@pytest.mark.parametrize(
    ("registered", "enabled"),
    [
        (row("phone", phoneType="mobile"), {MOBILE, SMS}),
        (row("phone", phoneType="alternateMobile"), {ALTERNATE}),
        (row("phone", phoneType="office"), {OFFICE}),
        (row("phone", phoneType="unknownFutureValue"), set()),
        (row("phone", phoneType=None), set()),
        (row("phone"), set()),
        (row("microsoftAuthenticator"), {PUSH, OATH}),
        (row("softwareOath"), {OATH}),
        (row("hardwareOath"), {OATH}),
        (row("passwordlessMicrosoftAuthenticator"), set()),
        (row("fido2"), set()),
        (row("windowsHelloForBusiness"), set()),
        (row("platformCredential"), set()),
        (row("temporaryAccessPass"), set()),
        (row("email"), set()),
        (row("password"), set()),
        (row("external"), set()),
        (row("qrCodePin"), set()),
    ],
    ids=lambda value: f"{value.kind}-{value.phone_type}" if isinstance(value, RegisteredMethod) else "",
)
def test_what_a_registration_makes_possible(registered: RegisteredMethod, enabled: set[DefaultMethod]) -> None:
    """A second mobile takes calls only, an Authenticator shows codes too, and a passkey is never a default."""
    assert enabled == registered.enables


def test_a_phone_of_a_new_type_is_still_a_phone() -> None:
    """A phoneType that is new to us is named unknown; only phones have a phone type at all."""
    assert (PhoneType.UNKNOWN, None) == (row("phone", phoneType="satellite").phone_type, row("fido2").phone_type)


@pytest.mark.parametrize(
    ("registered", "method", "sure"),
    [
        (row("microsoftAuthenticator", **FULL_APP), OATH, True),
        (row("microsoftAuthenticator", deviceTag="AuthenticatorLite"), OATH, False),
        (row("microsoftAuthenticator"), OATH, False),
        (row("microsoftAuthenticator"), PUSH, True),
        (row("softwareOath"), OATH, True),
        (row("hardwareOath"), OATH, True),
        (row("phone", phoneType="mobile"), SMS, True),
        (row("phone", phoneType="alternateMobile"), SMS, False),
        (row("fido2", **FULL_APP), OATH, False),
    ],
)
def test_only_a_code_of_a_perhaps_push_only_app_is_uncertain(
    registered: RegisteredMethod, method: DefaultMethod, sure: bool
) -> None:
    """Whether an Authenticator's code is enough is certain only for a full registration of the app."""
    assert sure is registered.surely_enables(method)


def test_the_surest_registration_comes_first() -> None:
    """With a Lite app and a hardware token, the token is the first way to a code, and the option is certain."""
    lite, token = row("microsoftAuthenticator"), row("hardwareOath")
    option = option_for(OATH, state(lite, token), Policy())
    assert ((token, lite), True) == (option.ways, option.certain)


def test_an_option_with_only_doubtful_ways_is_uncertain_but_available() -> None:
    """A Lite app's code can be tried; the option says that Graph decides."""
    option = option_for(OATH, state(row("microsoftAuthenticator")), Policy())
    assert (Standing.AVAILABLE, False) == (option.standing, option.certain)


@pytest.mark.parametrize(
    ("body", "name", "default"),
    [
        ({}, None, None),
        ({"userPreferredMethodForSecondaryAuthentication": None}, None, None),
        ({"userPreferredMethodForSecondaryAuthentication": ""}, None, None),
        ({"userPreferredMethodForSecondaryAuthentication": 3}, None, None),
        ({"userPreferredMethodForSecondaryAuthentication": ["sms"]}, None, None),
        ({"userPreferredMethodForSecondaryAuthentication": "sms"}, "sms", SMS),
        ({"userPreferredMethodForSecondaryAuthentication": "voiceAlternateMobile"}, "voiceAlternateMobile", ALTERNATE),
        ({"userPreferredMethodForSecondaryAuthentication": "SMS"}, "SMS", None),
        ({"userPreferredMethodForSecondaryAuthentication": "telepathy"}, "telepathy", None),
    ],
)
def test_the_stored_default(body: dict[str, object], name: str | None, default: DefaultMethod | None) -> None:
    """Null, absent and wrong types are no default; a new name is kept though nothing is known of it."""
    preferences = Preferences.from_graph(body)
    assert (name, default) == (preferences.default_name, preferences.default)


@pytest.mark.parametrize(
    ("enabled", "chosen", "overruled", "by"),
    [
        (True, "PhoneAppNotification", True, "PhoneAppNotification"),
        (True, None, True, None),
        (True, 5, True, None),
        (False, "PhoneAppNotification", False, None),
        (None, "PhoneAppNotification", False, None),
        ("true", "PhoneAppNotification", False, None),
        (1, "PhoneAppNotification", False, None),
    ],
)
def test_overruled_and_by_what(enabled: object, chosen: object, overruled: bool, by: str | None) -> None:
    """The default is overruled only if Graph says true, and then by what Graph names, in its own word."""
    observed = state(isSystemPreferredAuthenticationMethodEnabled=enabled, systemPreferredAuthenticationMethod=chosen)
    assert (overruled, by) == (observed.overruled, observed.overruled_by)


ALL_ROWS = (
    row("microsoftAuthenticator", **FULL_APP),
    row("phone", phoneType="mobile"),
    row("phone", phoneType="alternateMobile"),
)


@pytest.mark.parametrize(
    ("method", "allowed", "read_only", "standing"),
    [
        (PUSH, set(DefaultMethod), False, Standing.AVAILABLE),
        (SMS, set(DefaultMethod), False, Standing.CURRENT),
        (OFFICE, set(DefaultMethod), False, Standing.NOT_REGISTERED),
        (PUSH, {OATH}, False, Standing.NOT_ALLOWED),
        (PUSH, set(DefaultMethod), True, Standing.READ_ONLY),
        # What can't be cured soonest is named first.
        (OFFICE, {PUSH}, False, Standing.NOT_ALLOWED),
        (OFFICE, {PUSH}, True, Standing.NOT_ALLOWED),
        (OFFICE, set(DefaultMethod), True, Standing.NOT_REGISTERED),
        (SMS, {PUSH}, True, Standing.CURRENT),
    ],
)
def test_how_a_method_stands(
    method: DefaultMethod, allowed: set[DefaultMethod], read_only: bool, standing: Standing
) -> None:
    """Current wins, then not allowed, then not registered, then read only; the rest can be chosen."""
    policy = Policy(frozenset(allowed), read_only)
    assert standing is option_for(method, state(*ALL_ROWS, default="sms"), policy).standing


def test_the_current_default_is_current_even_if_it_is_not_registered_any_more() -> None:
    """A default whose phone has gone is still the default, without a way to it."""
    option = option_for(SMS, state(default="sms"), Policy())
    assert (Standing.CURRENT, ()) == (option.standing, option.ways)


def test_all_six_methods_are_listed_in_graphs_order() -> None:
    """A person sees every default method, chosen or not, always in the same order."""
    expected = ["push", "oath", "voiceMobile", "voiceAlternateMobile", "voiceOffice", "sms"]
    assert expected == [option.method.value for option in options(state(), Policy())]


def test_everything_is_allowed_unless_somebody_says_otherwise() -> None:
    """The policy without settings allows all six methods and writing."""
    assert Policy(frozenset(DefaultMethod), read_only=False) == Policy()


def test_the_nine_flat_keys() -> None:
    """The audit trail's form has exactly the article's nine keys, with Graph's names and booleans as values."""
    expected = {
        "userpreferredmethodforsecondaryauthentication": "sms",
        "systempreferredauthenticationmethod": "PhoneAppNotification",
        "issystempreferredauthenticationmethodenabled": True,
        "push_registered": True,
        "oath_registered": True,
        "voicemobile_registered": True,
        "voicealternatemobile_registered": True,
        "voiceoffice_registered": False,
        "sms_registered": True,
    }
    observed = state(
        *ALL_ROWS,
        default="sms",
        isSystemPreferredAuthenticationMethodEnabled=True,
        systemPreferredAuthenticationMethod="PhoneAppNotification",
    )
    assert expected == flat_keys(observed)


def test_the_flat_keys_of_somebody_without_anything() -> None:
    """Nothing set and nothing registered is three times None and six times False."""
    assert [None] * 3 + [False] * 6 == list(flat_keys(state()).values())


def test_a_default_that_is_new_to_us_is_audited_as_it_came() -> None:
    """The audit trail keeps Graph's spelling, also of a name that we do not know."""
    assert "telepathy" == flat_keys(state(default="telepathy"))["userpreferredmethodforsecondaryauthentication"]


def test_with_default_changes_the_default_and_nothing_else() -> None:
    """What Graph will say after a change differs in the default alone."""
    before = state(*ALL_ROWS, default="sms", isSystemPreferredAuthenticationMethodEnabled=True)
    after = before.with_default(PUSH)
    assert (PUSH, True, before.methods) == (after.default, after.overruled, after.methods)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("", ""),
        ("+1 5551234567", "••• 67"),
        ("+1 5551234x12", "••• 34"),
        ("+1 5551234 ext. 12", "••• 34"),
        ("+1 5551234 EXT 9876", "••• 34"),
        ("+49 (171) 123-45 6-7", "•••"),
        ("12", "••• 12"),
        ("1", "•••"),
        ("x12", "•••"),
        ("unknown", "•••"),
        ("+1 XXXXXXXX56", "+1 XXXXXXXX56"),
        ("+1 ******56", "+1 ******56"),
        ("••• 56", "••• 56"),
    ],
)
def test_how_a_number_is_shown(number: str, shown: str) -> None:
    """As Graph masked it, else its last two digits without the extension, else nothing of it."""
    assert shown == mask_number(number)


@given(st.text(alphabet="0123456789 +-()./#xext", max_size=40))
def test_at_most_two_digits_of_an_unmasked_number_survive(number: str) -> None:
    """However a number is written, no more than two of its digits are ever shown."""
    assert 2 >= sum(character.isdigit() for character in mask_number(number))


def test_a_number_is_masked_when_it_comes_in() -> None:
    """The full number is nowhere in what is kept of a row, so nothing can leak it later."""
    registered = row("phone", phoneType="mobile", phoneNumber="+1 5551234567")
    assert ("••• 67", False) == (registered.masked_number, "5551234567" in repr(registered))
