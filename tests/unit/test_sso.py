"""The single sign-on token: genuine, in time, for this bot, and of the member of the tenant who has sent it."""

from __future__ import annotations

import time
from typing import Any, cast

import jwt
import pytest

from bot.errors import (
    AssertionExpired,
    BotMisconfigured,
    MfaBotError,
    NotAMember,
    SignInRefused,
    Unavailable,
    WrongPerson,
)
from bot.identity import KeysUnavailable, SigningKey, SsoValidator, UnknownKey
from bot.mfa import Oid, Person, TenantId
from sandbox import SigningKey as PrivateKey

TENANT = TenantId("eeeeeeee-0000-4000-8000-000000000001")
ELSEWHERE = "ffffffff-0000-4000-8000-000000000002"
CLIENT_ID = "cccccccc-0000-4000-8000-000000000003"
ISSUER, OLD_ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0", f"https://sts.windows.net/{TENANT}/"
ANN = Person(Oid("aaaaaaaa-0000-4000-8000-000000000001"), TENANT, display_name="Ann as in Teams")


class Keys:
    """Entra's keys, all of them given."""

    issuer = ISSUER

    def __init__(self, *keys: PrivateKey) -> None:
        self.keys = {key.kid: SigningKey(jwt.PyJWK(key.jwk()), frozenset()) for key in keys}

    async def find(self, kid: str) -> SigningKey:
        """The key of that id; with no keys at all they count as not loaded."""
        if not self.keys:
            raise KeysUnavailable
        if kid not in self.keys:
            raise UnknownKey(kid)
        return self.keys[kid]


@pytest.fixture(scope="session")
def entra() -> PrivateKey:
    """What Entra signs by, made once: that takes a while."""
    return PrivateKey.generate()


@pytest.fixture(scope="session")
def stranger() -> PrivateKey:
    """What somebody else signs by."""
    return PrivateKey.generate()


@pytest.fixture
def validator(entra: PrivateKey) -> SsoValidator:
    """The bot's."""
    return SsoValidator(cast("Any", Keys(entra)), CLIENT_ID, TENANT)


def claims(**changes: Any) -> dict[str, Any]:
    """What Ann's token says, with some of it changed; None leaves a claim out, ``exp_in`` counts from now."""
    usual = {
        "iss": ISSUER,
        "aud": CLIENT_ID,
        "exp": time.time() + 3600,
        "tid": TENANT,
        "oid": ANN.oid,
        "scp": "access_as_user",
        "preferred_username": "ann@contoso.example",
        "name": "Ann Example",
    }
    for name in [name for name in changes if name.endswith("_in")]:
        changes[name.removesuffix("_in")] = time.time() + changes.pop(name)
    return {name: value for name, value in (usual | changes).items() if value is not None}


async def refusal(validator: SsoValidator, token: str, sender: Person = ANN) -> type[MfaBotError] | None:
    """Why ``token`` is not taken; None if it is."""
    try:
        await validator.validate(token, sender)
    except MfaBotError as error:
        return type(error)
    return None


async def test_a_good_token_names_its_person(validator: SsoValidator, entra: PrivateKey) -> None:
    """What the token says of the person goes before what the channel says; its end and its text are kept."""
    said = claims(exp=2_000_000_000)
    token = entra.sign(said)
    sso = await validator.validate(token, ANN)

    assert Person(ANN.oid, TENANT, "ann@contoso.example", "Ann Example") == sso.person
    assert (2_000_000_000.0, token) == (sso.expires_at, sso.assertion)
    assert token not in repr(sso)


async def test_what_a_token_leaves_out_the_channel_may_know(validator: SsoValidator, entra: PrivateKey) -> None:
    """Without a name of its own the person is called as in Teams; the UPN may stand in the old claim, or nowhere."""
    nameless = claims(name=None, preferred_username=None)
    people = [
        (await validator.validate(entra.sign(nameless | more), ANN)).person for more in ({}, {"upn": "a@b.example"})
    ]

    assert [Person(ANN.oid, TENANT, upn, ANN.display_name) for upn in ("", "a@b.example")] == people


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": OLD_ISSUER},
        {"aud": f"api://{CLIENT_ID}"},
        {"aud": f"api://botid-{CLIENT_ID}"},
        {"oid": ANN.oid.upper(), "tid": TENANT.upper()},
        {"scp": "openid access_as_user profile"},
        # The clocks of two machines need not agree.
        {"exp_in": -200},
        {"nbf_in": 200},
        {"idp": OLD_ISSUER},
        {"idp": OLD_ISSUER.upper()},
        {"idp": ISSUER},
        {"idp": ""},
        {"acct": 0},
    ],
    ids=str,
)
async def test_what_is_a_members_token_as_well(
    validator: SsoValidator, entra: PrivateKey, changes: dict[str, Any]
) -> None:
    """Entra writes the same in several ways, and some claims only sometimes."""
    assert None is await refusal(validator, entra.sign(claims(**changes)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # A guest of this tenant, authenticated by another one, or by no tenant at all.
        ({"idp": f"https://sts.windows.net/{ELSEWHERE}/"}, NotAMember),
        ({"idp": f"https://login.microsoftonline.com/{ELSEWHERE}/v2.0"}, NotAMember),
        ({"idp": "live.com"}, NotAMember),
        ({"idp": "mail"}, NotAMember),
        ({"acct": 1}, NotAMember),
        ({"acct": 1, "idp": OLD_ISSUER}, NotAMember),
        ({"tid": ELSEWHERE}, NotAMember),
        ({"tid": None}, NotAMember),
        ({"oid": "bbbbbbbb-0000-4000-8000-000000000002"}, WrongPerson),
        ({"oid": None}, WrongPerson),
        ({"exp_in": -400}, AssertionExpired),
        ({"exp": 0}, AssertionExpired),
        ({"exp": None}, SignInRefused),
        ({"exp": "soon"}, SignInRefused),
        ({"nbf_in": 400}, SignInRefused),
        ({"iss": "https://evil.example/"}, NotAMember),
        ({"iss": None}, SignInRefused),
        ({"scp": None}, SignInRefused),
        ({"scp": "access_as_users"}, SignInRefused),
        ({"scp": "User.Read"}, SignInRefused),
        ({"aud": "https://graph.microsoft.com"}, BotMisconfigured),
        ({"aud": f"api://bot.example/{CLIENT_ID}"}, BotMisconfigured),
        ({"aud": None}, SignInRefused),
    ],
    ids=str,
)
async def test_what_is_refused_and_as_what(
    validator: SsoValidator, entra: PrivateKey, changes: dict[str, Any], expected: type[MfaBotError]
) -> None:
    """Each refusal is the error of whoever can do something about it: the person, Teams, or the operator."""
    assert expected is await refusal(validator, entra.sign(claims(**changes)))


async def test_who_sends_somebody_elses_token_learns_nothing_of_them(
    validator: SsoValidator, entra: PrivateKey
) -> None:
    """That the token is a guest's is told to the guest alone."""
    others = claims(oid="bbbbbbbb-0000-4000-8000-000000000002", acct=1)
    with pytest.raises(WrongPerson) as caught:
        await validator.validate(entra.sign(others), ANN)

    assert {"sender": ANN.oid} == caught.value.facts
    assert "bbbbbbbb" not in str(caught.value)


async def test_the_sender_must_be_of_the_tokens_tenant(validator: SsoValidator, entra: PrivateKey) -> None:
    """The same object id in another tenant is somebody else."""
    assert WrongPerson is await refusal(validator, entra.sign(claims()), Person(ANN.oid, TenantId(ELSEWHERE)))


@pytest.mark.parametrize("changes", [{}, {"exp": 0}, {"aud": "x"}, {"tid": ELSEWHERE}], ids=str)
async def test_a_forged_token_is_forged_whatever_it_says(
    validator: SsoValidator, entra: PrivateKey, stranger: PrivateKey, changes: dict[str, Any]
) -> None:
    """Without Entra's signature nothing in it counts, also not that it is too old: nobody is asked for another one."""
    said = claims(**changes)
    head, body, _ = entra.sign(said).split(".")
    forged = [
        stranger.sign(said),
        stranger.sign(said, {"kid": entra.kid}),
        f"{head}.{body}.",
        jwt.encode(said, "", algorithm="none", headers={"kid": entra.kid}),
        jwt.encode(said, "x" * 32, algorithm="HS256", headers={"kid": entra.kid}),
    ]

    assert [SignInRefused] * len(forged) == [await refusal(validator, token) for token in forged]


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "....", "eyJhbGciOiJSUzI1NiJ9.e30.", "ä" * 100])
async def test_what_is_no_token_is_refused(validator: SsoValidator, text: str) -> None:
    """Whatever a client sends is an answer of ours and never a crash."""
    assert SignInRefused is await refusal(validator, text)


async def test_without_entras_keys_nothing_is_said_of_the_token(entra: PrivateKey) -> None:
    """That is Entra's trouble and passes: the person may try again."""
    away = SsoValidator(cast("Any", Keys()), CLIENT_ID, TENANT)

    assert Unavailable is await refusal(away, entra.sign(claims()))
