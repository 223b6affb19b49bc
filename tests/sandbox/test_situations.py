"""The situations that can be switched on: what Entra and Graph say in each."""

from __future__ import annotations

import base64
import time
from typing import Any

import aiohttp
import jwt
import pytest

from sandbox import (
    AccessRevoked,
    AdminConsentMissing,
    Blocked,
    Down,
    SelfServiceRefused,
    Slow,
    StepUp,
    StepUpAtSignIn,
    Throttled,
)
from tests.conftest import ADA, GRACE
from tests.sandbox.signing_in import CODE, SignIn, answer_of, challenge_in, title_of
from tests.sandbox.wire import Json, Wire, resource_of

_CP1 = '{"access_token":{"xms_cc":{"values":["cp1"]}}}'
_ACRS = {"access_token": {"acrs": {"essential": True, "value": "c1"}}}


@pytest.fixture
def browser(wire: Wire) -> SignIn:
    """A browser at the sign-in pages."""
    return SignIn(wire)


async def _cae_token(wire: Wire, oid: str = ADA, **changes: Any) -> str:
    """A token on behalf of the person for a client that declares cp1."""
    token: str = (await wire.token(wire.on_behalf_of(oid=oid, claims=_CP1, **changes))).json["access_token"]
    return token


async def test_nothing_is_on_at_first(wire: Wire) -> None:
    """A change with an old sign-in goes through."""
    assert 204 == (await wire.set_default("sms")).status


# Step-up at Graph.


@pytest.mark.parametrize(("status", "code"), [(401, "InvalidAuthenticationToken"), (403, "accessDenied")])
async def test_a_change_wants_a_fresh_sign_in(wire: Wire, browser: SignIn, status: Any, code: str) -> None:
    """One's own change is challenged; a token from a second factor just now meets the challenge, reading needs none."""
    wire.sandbox.situations.switch_on(StepUp(status=status), ADA)
    refused = await wire.set_default("sms", token=await _cae_token(wire))

    assert (status, code) == refused.refusal
    assert ("insufficient_claims", _ACRS) == challenge_in(refused.headers)
    header = refused.headers["WWW-Authenticate"]
    assert header.startswith('Bearer realm="", authorization_uri="https://localhost:')
    assert 200 == (await wire.read()).status
    assert 204 == (await wire.set_default("sms", token=await browser.fresh_token())).status
    assert 204 == (await wire.set_default("oath", GRACE, token=await _cae_token(wire, GRACE))).status


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"auth_time": -570}, 204),
        ({"auth_time": -660}, 401),
        ({"auth_time": -60, "amr": ["pwd"]}, 401),
    ],
    ids=str,
)
async def test_fresh_is_ten_minutes_with_mfa(wire: Wire, changes: Json, status: int) -> None:
    """What counts is the sign-in that the token tells of."""
    claims = {"amr": ["pwd", "mfa"]} | changes | {"auth_time": int(time.time()) + changes["auth_time"]}
    genuine = jwt.decode(await _cae_token(wire), options={"verify_signature": False})
    token = wire.sandbox.keys.entra[-1].sign(genuine | claims)
    wire.sandbox.situations.switch_on(StepUp(), ADA)

    assert status == (await wire.set_default("sms", token=token)).status


async def test_reads_can_be_challenged_too(wire: Wire, browser: SignIn) -> None:
    """Also inside a batch, in the headers of the part."""
    wire.sandbox.situations.switch_on(StepUp(reads=True))
    part = {"id": "1", "method": "GET", "url": resource_of(ADA)}
    token = await _cae_token(wire)

    (refused,) = (await wire.batch(part, token=token)).json["responses"]

    assert (401, ("insufficient_claims", _ACRS)) == (refused["status"], challenge_in(refused["headers"]))
    assert 401 == (await wire.read(token=token)).status
    (served,) = (await wire.batch(part, token=await browser.fresh_token())).json["responses"]
    assert 200 == served["status"]


async def test_a_challenge_can_be_without_end(wire: Wire, browser: SignIn) -> None:
    """With ``always`` no sign-in is fresh enough."""
    wire.sandbox.situations.switch_on(StepUp(always=True), ADA)

    assert 401 == (await wire.set_default("sms", token=await browser.fresh_token())).status


async def test_self_service_is_refused_for_good(wire: Wire, browser: SignIn) -> None:
    """403 without a challenge, also after a fresh sign-in; it comes before the wish for one."""
    wire.sandbox.situations.switch_on(StepUp(), ADA)
    wire.sandbox.situations.switch_on(SelfServiceRefused(), ADA)
    answers = [
        await wire.set_default("sms", token=one) for one in (await wire.user_token(), await browser.fresh_token())
    ]

    assert [(403, "accessDenied")] * 2 == [answer.refusal for answer in answers]
    assert not [answer for answer in answers if "WWW-Authenticate" in answer.headers]
    assert 200 == (await wire.read()).status


# What the token endpoint says.


@pytest.mark.parametrize(
    ("situation", "expected", "suberror", "has_claims"),
    [
        (StepUpAtSignIn(), ("interaction_required", [50076]), "basic_action", True),
        (Blocked(), ("invalid_grant", [53003]), "message_only", True),
        (Blocked(error="interaction_required", claims=False), ("interaction_required", [53003]), "message_only", False),
        (AccessRevoked(), ("invalid_grant", [50173]), "bad_token", False),
        (AccessRevoked(error="interaction_required"), ("interaction_required", [50173]), "basic_action", True),
    ],
    ids=str,
)
async def test_a_token_is_refused(
    wire: Wire, situation: Any, expected: tuple[str, list[int]], suberror: str, has_claims: bool
) -> None:
    """On-behalf-of in each situation, for the one person."""
    wire.sandbox.situations.switch_on(situation, ADA)
    refusal = (await wire.token(wire.on_behalf_of())).json

    assert (expected, suberror, has_claims) == (
        (refusal["error"], refusal["error_codes"]),
        refusal["suberror"],
        "claims" in refusal,
    )
    assert 200 == (await wire.token(wire.on_behalf_of(oid=GRACE))).status


async def test_consent_can_be_missing(wire: Wire) -> None:
    """Only the scope that changes something is gone; switched off, it is back."""
    situations = wire.sandbox.situations
    situations.switch_on(AdminConsentMissing())
    refusal = (await wire.token(wire.on_behalf_of())).json
    reading = await wire.token(wire.on_behalf_of("User.Read"))
    situations.switch_off(AdminConsentMissing)

    assert ([65001], "consent_required", 200) == (refusal["error_codes"], refusal["suberror"], reading.status)
    assert 200 == (await wire.token(wire.on_behalf_of())).status


async def test_a_session_with_mfa_needs_no_step_up(wire: Wire, browser: SignIn) -> None:
    """The code's tokens are good; what Teams has stays old, and so refused."""
    wire.sandbox.situations.switch_on(StepUpAtSignIn(), ADA)

    assert 200 == (await wire.read(token=await browser.fresh_token())).status
    assert [50076] == (await wire.token(wire.on_behalf_of())).json["error_codes"]


# Revocation.


async def test_revoked_access_ends_in_a_sign_in(wire: Wire, browser: SignIn) -> None:
    """Old tokens are challenged with the moment, old assertions refused; a sign-in makes all good again."""
    old_token, old_assertion = await _cae_token(wire), wire.on_behalf_of()
    situations = wire.sandbox.situations
    situations.switch_on(AccessRevoked(), ADA)

    refused = await wire.read(token=old_token)
    assert (401, "InvalidAuthenticationToken") == refused.refusal
    error, claims = challenge_in(refused.headers)
    moment = claims["access_token"]["nbf"]
    assert ("insufficient_claims", True) == (error, moment["essential"])
    assert abs(time.time() - int(moment["value"])) < 10
    assert [50173] == (await wire.token(wire.on_behalf_of())).json["error_codes"]
    assert situations.switched(AccessRevoked, ADA)

    page = await browser.open()
    assert "Enter code" == title_of(page)
    code = answer_of(await browser.send(page, code=CODE, action="verify"))["code"]

    assert 200 == (await wire.read(token=(await browser.redeem(code)).json["access_token"])).status
    assert 200 == (await wire.token(wire.on_behalf_of())).status
    assert [50173] == (await wire.token(old_assertion)).json["error_codes"]
    assert 401 == (await wire.read(token=old_token)).status
    assert situations.switched(AccessRevoked, ADA) is None


async def test_a_code_of_a_revoked_session_is_worth_nothing(wire: Wire, browser: SignIn) -> None:
    """Revocation between the page and the token endpoint counts."""
    code = await browser.with_code()
    wire.sandbox.situations.switch_on(AccessRevoked(), ADA)

    assert (400, "invalid_grant", [50173]) == (await browser.redeem(code)).entra_refusal


async def test_a_client_without_cae_keeps_its_tokens(wire: Wire) -> None:
    """Graph challenges only those who declare cp1, and only the person concerned."""
    plain, others = await wire.user_token(), await _cae_token(wire, GRACE)
    wire.sandbox.situations.switch_on(AccessRevoked(), ADA)

    assert [200, 200] == [(await wire.read(oid, token=token)).status for oid, token in ((ADA, plain), (GRACE, others))]


async def test_a_revocation_can_be_taken_back(wire: Wire) -> None:
    """Switched off, the tokens are good again."""
    token = await _cae_token(wire)
    wire.sandbox.situations.switch_on(AccessRevoked(), ADA)
    wire.sandbox.situations.clear()

    assert (200, 200) == ((await wire.read(token=token)).status, (await wire.token(wire.on_behalf_of())).status)


# Trouble.


async def test_graph_throttles(wire: Wire) -> None:
    """429 with a long wait, once for a batch as a whole; Entra goes on unless it is asked not to."""
    wire.sandbox.situations.switch_on(Throttled(retry_after_s=77), ADA)
    token = await wire.user_token()
    answers = [await wire.read(token=token), await wire.batch({"id": "1", "method": "GET", "url": "/"}, token=token)]

    assert [(429, "TooManyRequests"), (429, "TooManyRequests")] == [answer.refusal for answer in answers]
    assert {"77"} == {answer.headers["Retry-After"] for answer in answers}
    assert 200 == (await wire.read(GRACE, token=await wire.user_token(GRACE))).status


async def test_entra_throttles(wire: Wire) -> None:
    """The token endpoint says so with an error of its own; metadata and pages go on."""
    wire.sandbox.situations.switch_on(Throttled(graph=False, entra=True))
    answer = await wire.token(wire.on_behalf_of())

    assert (429, "temporarily_unavailable", "120") == (
        answer.status,
        answer.json["error"],
        answer.headers["Retry-After"],
    )
    assert "code" in answer_of(await SignIn(wire).open())


async def test_services_are_down(wire: Wire) -> None:
    """503 from Graph, and from the token endpoint if asked to."""
    token = await wire.user_token()
    wire.sandbox.situations.switch_on(Down(entra=True), ADA)

    assert (503, "serviceNotAvailable") == (await wire.read(token=token)).refusal
    assert 503 == (await wire.token(wire.on_behalf_of())).status


async def test_services_are_gone(wire: Wire) -> None:
    """Connections are closed instead."""
    token = await wire.user_token()
    wire.sandbox.situations.switch_on(Down(drop=True, entra=True))

    with pytest.raises(aiohttp.ClientError):
        await wire.read(token=token)
    with pytest.raises(aiohttp.ClientError):
        await wire.token(wire.on_behalf_of())


async def test_services_are_slow(wire: Wire) -> None:
    """They answer as always, later."""
    token = await wire.user_token()
    wire.sandbox.situations.switch_on(Slow(seconds=0.05, entra=True), ADA)
    started = time.perf_counter()
    statuses = [(await wire.read(token=token)).status, (await wire.token(wire.on_behalf_of())).status]

    assert [200, 200] == statuses
    assert time.perf_counter() - started >= 0.1


# The switches.


async def test_a_switch_is_somebodys_or_everybodys(wire: Wire) -> None:
    """One's own parameters go before everybody's; switching off ends only what was switched on."""
    situations = wire.sandbox.situations
    situations.switch_on(Throttled(retry_after_s=1))
    situations.switch_on(Throttled(retry_after_s=2), ADA)
    assert [Throttled(2), Throttled(1)] == [situations.find(Throttled, oid) for oid in (ADA, GRACE)]

    situations.switch_off(Throttled, ADA)
    situations.switch_off(Throttled, GRACE)
    assert Throttled(1) == situations.find(Throttled, ADA)

    situations.clear()
    assert situations.find(Throttled, ADA) is None


async def test_a_switch_that_makes_no_sense(wire: Wire) -> None:
    """Consent is the tenant's, revocation a person's, and people exist."""
    situations = wire.sandbox.situations
    with pytest.raises(ValueError, match="tenant"):
        situations.switch_on(AdminConsentMissing(), ADA)
    with pytest.raises(ValueError, match="one person"):
        situations.switch_on(AccessRevoked())
    with pytest.raises(KeyError):
        situations.switch_off(StepUp, base64.b64encode(b"nobody").decode())
