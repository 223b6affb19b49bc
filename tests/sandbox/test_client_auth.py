"""How the simulated Entra knows the bot, and the endpoint of the bot's managed identity: what passes, what not."""

from __future__ import annotations

import time
import uuid
from typing import Any

import jwt
import pytest

from sandbox.certificates import BotCertificate
from sandbox.registration import RegisteredCertificate
from tests.sandbox.wire import CONNECTOR_SCOPE, Json, Reply, Wire

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_AUDIENCE = "api://AzureADTokenExchange"


@pytest.fixture(scope="session")
def certificate() -> BotCertificate:
    """A certificate, made once: that takes a while."""
    return BotCertificate.issue()


async def ask(wire: Wire, assertion: str = "", **changes: str | None) -> Reply:
    """Ask for the bot's own token; None leaves a field out."""
    form = {
        "grant_type": "client_credentials",
        "scope": CONNECTOR_SCOPE,
        "client_id": wire.sandbox.app_id,
        "client_assertion_type": _JWT_BEARER,
        "client_assertion": assertion,
    } | changes
    return await wire.token({name: value for name, value in form.items() if value})


def signed(wire: Wire, by: BotCertificate, *, algorithm: str = "PS256", shown: str = "", **changes: Any) -> str:
    """The bot's assertion; ``shown`` is another thumbprint to show, a claim of None is left out."""
    registered = RegisteredCertificate(by.certificate)
    app_id = wire.sandbox.app_id
    claims = {
        "aud": wire.sandbox.login_url + wire.token_path,
        "iss": app_id,
        "sub": app_id,
        "exp": time.time() + 600,
        "jti": uuid.uuid4().hex,
    } | changes
    headers = {"PS256": {"x5t#S256": shown or registered.sha256}, "RS256": {"x5t": shown or registered.sha1}}[algorithm]
    good = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(good, by.key, algorithm=algorithm, headers=headers)


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
async def test_a_registered_certificate_passes(wire: Wire, certificate: BotCertificate, algorithm: str) -> None:
    """By the newer thumbprint and signature as well as by the older ones."""
    wire.sandbox.registration.add_certificate(certificate.public_pem)
    assert 200 == (await ask(wire, signed(wire, certificate, algorithm=algorithm))).status


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"aud": "https://login.microsoftonline.com/other/oauth2/v2.0/token"}, 700023),
        ({"aud": None}, 700023),
        ({"sub": "another"}, 700021),
        ({"sub": None}, 700021),
        ({"exp": 1}, 700024),
        ({"exp": None}, 700024),
        ({"jti": None}, 50027),
        ({"iss": "another"}, 700211),
        ({"iss": None}, 700211),
        ({"shown": "unknown"}, 700027),
    ],
    ids=str,
)
async def test_an_assertion_that_is_not_in_order_is_refused(
    wire: Wire, certificate: BotCertificate, changes: Json, number: int
) -> None:
    """Every claim of the assertion counts."""
    wire.sandbox.registration.add_certificate(certificate.public_pem)
    answer = await ask(wire, signed(wire, certificate, **changes))
    assert (401, "invalid_client", [number]) == answer.entra_refusal


async def test_a_certificate_that_is_no_good_is_refused(wire: Wire, certificate: BotCertificate) -> None:
    """Unknown, expired, or another's signature under its name: one number, three reasons."""
    expired, forger = BotCertificate.issue(days=-1, key=certificate.key), BotCertificate.issue()
    unknown = await ask(wire, signed(wire, certificate))
    registered = wire.sandbox.registration.add_certificate(certificate.public_pem)
    wire.sandbox.registration.add_certificate(expired.public_pem)
    answers = [
        unknown,
        await ask(wire, signed(wire, expired)),
        await ask(wire, signed(wire, forger, shown=registered.sha256)),
    ]
    assert [(401, "invalid_client", [700027])] * 3 == [answer.entra_refusal for answer in answers]
    reasons = ["key was not found", "key used is expired", "did not match the expected signature"]
    assert reasons == [
        reason for reason, answer in zip(reasons, answers, strict=True) if reason in answer.json["error_description"]
    ]


async def test_an_assertion_must_say_what_it_is(wire: Wire, certificate: BotCertificate) -> None:
    """Without its type even a good one is refused."""
    wire.sandbox.registration.add_certificate(certificate.public_pem)
    answer = await ask(wire, signed(wire, certificate), client_assertion_type=None)
    assert (400, "invalid_request", [900144]) == answer.entra_refusal


async def test_secrets_overlap_while_they_are_replaced(wire: Wire) -> None:
    """Old and new are both good until the old one expires; that has its own number."""
    registration = wire.sandbox.registration
    old = registration.client_secret
    new = registration.add_secret()
    assert [200, 200] == [(await ask(wire, client_secret=secret)).status for secret in (old, new)]
    registration.expire_secret(old)
    assert (401, "invalid_client", [7000222]) == (await ask(wire, client_secret=old)).entra_refusal
    assert 200 == (await ask(wire, client_secret=new)).status


async def identity_token(wire: Wire, **changes: str | None) -> Reply:
    """Ask the endpoint of managed identities for a token of a new identity; None leaves a parameter out."""
    sandbox = wire.sandbox
    environment = sandbox.identities.environment()
    query = {"api-version": "2019-08-01", "resource": _AUDIENCE, "client_id": sandbox.identities.assign().client_id}
    header = changes.pop("header", environment["IDENTITY_HEADER"])
    params = {name: value for name, value in (query | changes).items() if value is not None}
    headers = {"X-IDENTITY-HEADER": header} if header else {}
    return await wire.ask("GET", environment["IDENTITY_ENDPOINT"], headers=headers, params=params)


async def test_the_token_of_a_trusted_identity_passes(wire: Wire) -> None:
    """It is of the tenant, about the identity, for the token exchange; without trust it is not enough."""
    answer = (await identity_token(wire)).json
    assert (_AUDIENCE, "Bearer") == (answer["resource"], answer["token_type"])
    assert time.time() + 3600 < int(answer["expires_on"])
    assert (401, "invalid_client", [700211]) == (await ask(wire, answer["access_token"])).entra_refusal
    wire.sandbox.identities.trust(wire.sandbox.identities.assigned[answer["client_id"]])
    assert 200 == (await ask(wire, answer["access_token"])).status


async def test_a_forged_identity_is_refused(wire: Wire, certificate: BotCertificate) -> None:
    """The right claims under another's signature do not pass."""
    trusted = wire.sandbox.registration.trust("https://issuer.example", "subject", _AUDIENCE)
    claims = {"iss": trusted.issuer, "sub": trusted.subject, "aud": trusted.audience, "exp": time.time() + 600}
    assertion = jwt.encode(claims, certificate.key, algorithm="RS256", headers={"kid": wire.sandbox.keys.entra[0].kid})
    assert (401, "invalid_client", [700027]) == (await ask(wire, assertion)).entra_refusal


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"header": None}, 401),
        ({"header": "guessed"}, 401),
        ({"client_id": None}, 400),
        ({"client_id": "44444444-4444-4444-8444-444444444444"}, 400),
        ({"resource": None}, 400),
        ({"api-version": "2017-09-01"}, 400),
    ],
    ids=str,
)
async def test_the_endpoint_gives_nothing_to_others(wire: Wire, changes: dict[str, str | None], status: int) -> None:
    """Only who runs there knows the header, and only an identity that is assigned has a token."""
    answer = await identity_token(wire, **changes)
    assert (status, status) == (answer.status, answer.json["statusCode"])
