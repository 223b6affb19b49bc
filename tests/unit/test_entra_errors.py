"""What Entra's refusals mean."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import (
    AssertionExpired,
    BotMisconfigured,
    ConsentMissing,
    DeviceNotTrusted,
    MfaBotError,
    NotAssigned,
    PlaceNotTrusted,
    SignInBlocked,
    SignInCancelled,
    SignInRefused,
    StepUpNeeded,
    Throttled,
    UnexpectedAnswer,
)
from bot.identity.entra import error_from_entra

CLAIMS = '{"access_token":{"capolids":{"essential":true,"values":["c-1"]}}}'


def refusal(code: int | None, error: str = "invalid_grant", **more: Any) -> dict[str, Any]:
    """An answer of the token endpoint as MSAL gives it."""
    return {
        "error": error,
        "error_description": "AADSTS: ann@contoso.example must do something",
        "error_codes": [] if code is None else [code],
        "correlation_id": "c-1",
        **more,
    }


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(65001, suberror="consent_required"), ConsentMissing),
        (refusal(65001), ConsentMissing),
        (refusal(None, suberror="consent_required"), ConsentMissing),
        (refusal(65001, "interaction_required"), ConsentMissing),
        (refusal(50076, "interaction_required", claims=CLAIMS), StepUpNeeded),
        (refusal(50076), StepUpNeeded),
        (refusal(50079), StepUpNeeded),
        (refusal(50074), StepUpNeeded),
        (refusal(50072), StepUpNeeded),
        (refusal(50078), StepUpNeeded),
        (refusal(50158), StepUpNeeded),
        (refusal(50097), StepUpNeeded),
        (refusal(50131), StepUpNeeded),
        (refusal(99999, claims=CLAIMS), StepUpNeeded),
        (refusal(99999, "interaction_required"), StepUpNeeded),
        (refusal(53003, claims=CLAIMS), SignInBlocked),
        (refusal(53003, "interaction_required"), SignInBlocked),
        (refusal(530035), SignInBlocked),
        (refusal(53000), DeviceNotTrusted),
        (refusal(53001), DeviceNotTrusted),
        (refusal(53002), DeviceNotTrusted),
        (refusal(53010), PlaceNotTrusted),
        (refusal(50105, "access_denied"), NotAssigned),
        (refusal(65004, "access_denied"), SignInCancelled),
        (refusal(None, "access_denied"), SignInCancelled),
        (refusal(500133), AssertionExpired),
        (refusal(50013), AssertionExpired),
        # The session is over, so only the person can begin another one.
        (refusal(50173), StepUpNeeded),
        (refusal(700082), StepUpNeeded),
        (refusal(70043), StepUpNeeded),
        (refusal(99999), SignInRefused),
        (refusal(500131), BotMisconfigured),
        (refusal(500131, claims=CLAIMS), BotMisconfigured),
        (refusal(7000215, "invalid_client"), BotMisconfigured),
        (refusal(7000222, "invalid_client"), BotMisconfigured),
        (refusal(700027, "invalid_client"), BotMisconfigured),
        (refusal(700016, "unauthorized_client"), BotMisconfigured),
        (refusal(650057, "invalid_resource"), BotMisconfigured),
        (refusal(70011, "invalid_scope"), BotMisconfigured),
        (refusal(None, "invalid_client"), BotMisconfigured),
        (refusal(None, "temporarily_unavailable"), Throttled),
        (refusal(90033, "temporarily_unavailable"), Throttled),
        (refusal(50196, "invalid_request"), Throttled),
        # A loop is too many requests; a new token from Teams would only make one more.
        (refusal(50196), Throttled),
        (refusal(None, "brand_new_error"), UnexpectedAnswer),
        ({"error": "interaction_required"}, StepUpNeeded),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else f"{value['error']}-{value.get('error_codes')}",
)
def test_what_a_refusal_means(answer: dict[str, Any], expected: type[MfaBotError]) -> None:
    """Each refusal of the token endpoint is the error of whoever can do something about it."""
    assert expected is type(error_from_entra(answer))


def test_of_several_codes_the_gravest_counts() -> None:
    """A wrong registration is the operator's however the person signs in; a block wins over a step-up."""
    both = [error_from_entra({**refusal(None), "error_codes": codes}) for codes in ([50076, 500131], [50076, 53003])]
    assert [BotMisconfigured, SignInBlocked] == [type(error) for error in both]


def test_claims_are_kept_for_the_sign_in_page_and_nowhere_else() -> None:
    """The challenge of a step-up is its attribute, as it came, and in no text or fact."""
    error = error_from_entra(refusal(50076, "interaction_required", claims=CLAIMS))
    assert isinstance(error, StepUpNeeded)
    assert CLAIMS == error.claims
    assert "capolids" not in f"{error} {error!r} {error.facts} {error.args}"


def test_a_step_up_without_claims_has_none() -> None:
    """An empty challenge is none."""
    error = error_from_entra(refusal(50076, claims=""))
    assert isinstance(error, StepUpNeeded)
    assert error.claims is None


def test_the_description_is_not_kept() -> None:
    """Entra's description can name the person, so it is in no text and no fact."""
    error = error_from_entra(refusal(65001))
    assert "ann@contoso.example" not in f"{error} {error!r} {error.facts} {error.args}"


def test_code_suberror_and_correlation_id_are_facts() -> None:
    """An operator finds the sign-in in Entra's log by them."""
    error = error_from_entra({**refusal(None, suberror="bad_token"), "error_codes": [50173, 50013]})
    expected = {"code": "AADSTS50013,AADSTS50173", "suberror": "bad_token", "correlation_id": "c-1"}
    assert expected == error.facts


def test_without_a_number_the_code_is_the_error() -> None:
    """Where Entra gives no number, its OAuth error is the code."""
    assert "invalid_client" == error_from_entra({"error": "invalid_client"}).facts["code"]


@pytest.mark.parametrize(
    ("code", "hints"),
    [
        (7000215, ["MFABOT_CLIENT_SECRET", "MFABOT_CLIENT_SECRET_PATH", "Client secrets"]),
        (7000222, ["MFABOT_CLIENT_SECRET", "MFABOT_CLIENT_SECRET_PATH", "Client secrets"]),
        (700027, ["MFABOT_CERTIFICATE_PATH", "Certificates & secrets > Certificates"]),
        (700024, ["clock"]),
        (70021, ["MFABOT_MANAGED_IDENTITY_CLIENT_ID", "Federated credentials"]),
        (700211, ["MFABOT_MANAGED_IDENTITY_CLIENT_ID", "Federated credentials", "issuer"]),
        (700212, ["MFABOT_MANAGED_IDENTITY_CLIENT_ID", "Federated credentials", "MFABOT_CLOUD"]),
        (700213, ["MFABOT_MANAGED_IDENTITY_CLIENT_ID", "Federated credentials", "principal"]),
        (7000229, ["MFABOT_TENANT_ID", "admin consent"]),
        (700016, ["MFABOT_APP_ID", "MFABOT_TENANT_ID", "Overview"]),
        (90002, ["MFABOT_TENANT_ID", "MFABOT_CLOUD"]),
        (500011, ["MFABOT_CLOUD", "MFABOT_GRAPH_URL"]),
        (650056, ["API permissions"]),
        (650057, ["API permissions", "MFABOT_GRAPH_URL"]),
        (65005, ["API permissions"]),
        (70011, ["MFABOT_GRAPH_URL", "MFABOT_CHANNEL_SCOPE"]),
        (500131, ["MFABOT_APP_ID", "Expose an API", "webApplicationInfo"]),
    ],
)
def test_the_operator_is_told_what_to_mend_and_where(code: int, hints: list[str]) -> None:
    """Each code that only the operator can mend names the setting, and the place in Entra where there is one."""
    error = error_from_entra(refusal(code, "invalid_client"))
    assert BotMisconfigured is type(error)
    assert hints == [hint for hint in hints if hint in str(error)]


def test_an_unknown_refusal_of_the_bot_names_what_there_is_to_compare() -> None:
    """Entra's codes may change; then the log still says where to begin."""
    assert "MFABOT_APP_ID" in str(error_from_entra(refusal(123456789, "invalid_client")))


@pytest.mark.parametrize("answer", [{}, {"error": None}, {"error": ""}, {"access_token": 5}, {"error_codes": [65001]}])
def test_neither_token_nor_error_is_unexpected(answer: dict[str, Any]) -> None:
    """An answer of neither kind is told as such."""
    assert UnexpectedAnswer is type(error_from_entra(answer))


@pytest.mark.parametrize("codes", [None, [], "65001", {}, [None], ["65001"], [[65001]], 65001, True, 2.5])
def test_codes_of_an_unknown_shape_count_as_none(codes: object) -> None:
    """Without readable numbers the OAuth error decides."""
    assert SignInRefused is type(error_from_entra({"error": "invalid_grant", "error_codes": codes}))


JSON = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers() | st.text(), max_size=3)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "error": st.none() | st.text(),
            "suberror": JSON,
            "claims": st.none() | st.text(),
            "correlation_id": JSON,
            "error_codes": st.none() | st.lists(st.integers() | st.text() | st.none()),
        },
    )
)
def test_every_answer_is_some_error(answer: dict[str, Any]) -> None:
    """No answer without a token raises while it is read; its facts are texts for the log."""
    error = error_from_entra(answer)
    assert isinstance(error, MfaBotError)
    assert all(isinstance(fact, str) for fact in error.facts.values())
