"""Entra: what its token endpoint gives out and what it refuses, through real MSAL and by plain HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import jwt
import msal
import pytest
import requests

from sandbox import Sandbox, SandboxKeys, SigningKey
from tests.conftest import ADA, GRACE
from tests.sandbox.wire import CONNECTOR_SCOPE, Json, Wire

_OTHER_TENANT = "11111111-1111-4111-8111-111111111111"


class Msal:
    """Microsoft's own client as the bot builds it, in a thread, because it blocks."""

    def __init__(self, sandbox: Sandbox, session: requests.Session) -> None:
        self._sandbox = sandbox
        self._session = session

    async def for_client(self, scope: str = CONNECTOR_SCOPE, **settings: str) -> Json:
        """MSAL's answer to ``client_credentials``."""
        return await asyncio.to_thread(lambda: dict(self._app(**settings).acquire_token_for_client([scope])))

    async def on_behalf_of(self, assertion: str, *names: str, **settings: str) -> Json:
        """MSAL's answer to an on-behalf-of request for scopes of Graph."""
        scopes = [f"{self._sandbox.graph_url}/{name}" for name in names or ("UserAuthenticationMethod.ReadWrite",)]
        return await asyncio.to_thread(
            lambda: dict(self._app(**settings).acquire_token_on_behalf_of(assertion, scopes))
        )

    def _app(self, *, client_id: str = "", secret: str = "", tenant_id: str = "") -> Any:
        tenant = tenant_id or self._sandbox.tenant.tenant_id
        return msal.ConfidentialClientApplication(
            client_id or self._sandbox.app_id,
            client_credential=secret or self._sandbox.client_secret,
            authority=f"{self._sandbox.login_url}/{tenant}",
            instance_discovery=False,
            exclude_scopes=["offline_access"],
            client_capabilities=["CP1"],
            http_client=self._session,
        )


@pytest.fixture
def entra(sandbox: Sandbox) -> Iterator[Msal]:
    """MSAL that trusts the sandbox's certificate authority, whatever the environment says."""
    with requests.Session() as session:
        session.verify = str(sandbox.ca_file)
        session.trust_env = False  # REQUESTS_CA_BUNDLE would win over ``verify``
        yield Msal(sandbox, session)


def _claims(token: str) -> Json:
    claims: Json = jwt.decode(token, options={"verify_signature": False})
    return claims


def _refusal(answer: Json) -> tuple[str, list[int]]:
    return answer["error"], answer["error_codes"]


async def test_the_bot_gets_a_token_for_the_connector(entra: Msal, sandbox: Sandbox) -> None:
    """client_credentials gives an app-only token for the Bot Connector and nothing beside it."""
    answer = await entra.for_client()

    claims = _claims(answer["access_token"])
    expected = ("https://api.botframework.com", sandbox.app_id, sandbox.tenant.tenant_id, None)
    assert expected == (claims["aud"], claims["appid"], claims["tid"], claims.get("oid"))
    assert set() == {"refresh_token", "id_token", "client_info"} & answer.keys()


async def test_on_behalf_of_gives_every_consented_scope(entra: Msal, wire: Wire) -> None:
    """Whoever asks for one scope gets a token with all that were consented to, an id token and no refresh token."""
    answer = await entra.on_behalf_of(wire.sandbox.entra.issue_sso_token(wire.person()), "User.Read")

    claims, graph_url = _claims(answer["access_token"]), wire.sandbox.graph_url
    assert "User.Read UserAuthenticationMethod.ReadWrite" == claims["scp"]
    assert (graph_url, ADA, ["CP1"]) == (claims["aud"], claims["oid"], claims["xms_cc"])
    scopes = {f"{graph_url}/User.Read", f"{graph_url}/UserAuthenticationMethod.ReadWrite", "openid", "profile"}
    assert scopes == set(answer["scope"].split())
    assert (ADA, wire.person().upn) == (
        answer["id_token_claims"]["oid"],
        answer["id_token_claims"]["preferred_username"],
    )
    account = json.loads(base64.urlsafe_b64decode(answer["client_info"] + "=="))
    assert {"uid": ADA, "utid": wire.sandbox.tenant.tenant_id} == account
    assert "refresh_token" not in answer


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"secret": "wrong"}, ("invalid_client", [7000215])),
        ({"client_id": "22222222-2222-4222-8222-222222222222"}, ("unauthorized_client", [700016])),
    ],
    ids=["wrong secret", "unknown client"],
)
async def test_a_stranger_gets_no_token(
    entra: Msal, wire: Wire, settings: dict[str, str], expected: tuple[str, list[int]]
) -> None:
    """The client has to be the registered one, with its secret, for either grant."""
    assertion = wire.sandbox.entra.issue_sso_token(wire.person())

    assert expected == _refusal(await entra.for_client(**settings))
    assert expected == _refusal(await entra.on_behalf_of(assertion, **settings))


async def test_another_tenant_does_not_exist(entra: Msal) -> None:
    """MSAL learns from the metadata address that there is no such tenant."""
    with pytest.raises(ValueError, match=_OTHER_TENANT):
        await entra.for_client(tenant_id=_OTHER_TENANT)


@pytest.mark.parametrize(
    ("claims", "number"),
    [
        ({"lifetime_s": -10}, 500133),
        ({"nbf": 99999999999}, 500133),
        ({"exp": None}, 500133),
        ({"aud": "api://somebody-else"}, 500131),
        ({"aud": None}, 500131),
        ({"tid": _OTHER_TENANT}, 50013),
        ({"scp": None}, 50013),
        ({"scp": "access_as_user_not"}, 50013),
        ({"oid": "33333333-3333-4333-8333-333333333333"}, 50034),
    ],
    ids=str,
)
async def test_a_bad_assertion_is_refused(entra: Msal, wire: Wire, claims: Json, number: int) -> None:
    """Times, audience, tenant, scope and person of an assertion are checked, each with Entra's own number."""
    answer = await entra.on_behalf_of(wire.sandbox.entra.issue_sso_token(wire.person(), **claims))

    assert ("invalid_grant", [number]) == _refusal(answer)
    assert answer["error_description"].startswith(f"AADSTS{number}: ")


@pytest.mark.parametrize("forgery", ["other key", "stolen kid", "no algorithm", "garbage"])
async def test_a_forged_assertion_is_refused(entra: Msal, wire: Wire, keys: SandboxKeys, forgery: str) -> None:
    """Right claims count for nothing unless one of Entra's keys signed them."""
    good = _claims(wire.sandbox.entra.issue_sso_token(wire.person()))
    forged = {
        "other key": keys.channel[0].sign(good),
        "stolen kid": keys.channel[0].sign(good, {"kid": keys.entra[0].kid}),
        "no algorithm": jwt.encode(good, "", algorithm="none", headers={"kid": keys.entra[0].kid}),
        "garbage": "a.b.c",
    }[forgery]

    assert ("invalid_grant", [50013]) == _refusal(await entra.on_behalf_of(forged))


async def test_a_token_for_graph_is_no_assertion(entra: Msal, wire: Wire) -> None:
    """Only a token for the bot itself can be exchanged."""
    assert ("invalid_grant", [500131]) == _refusal(await entra.on_behalf_of(await wire.user_token()))


async def test_a_scope_that_does_not_exist_is_invalid(entra: Msal, wire: Wire) -> None:
    """Graph has no such scope in this tenant: that is the caller's mistake and not a matter of consent."""
    answer = await entra.on_behalf_of(wire.sandbox.entra.issue_sso_token(wire.person()), "Mail.Reed")

    assert ("invalid_scope", [70011]) == _refusal(answer)


async def test_the_default_scope_stands_alone(entra: Msal, wire: Wire) -> None:
    """``.default`` can't be combined with single scopes of the resource: Entra's AADSTS70011 says so."""
    answer = await entra.on_behalf_of(wire.sandbox.entra.issue_sso_token(wire.person()), ".default", "User.Read")

    assert ("invalid_scope", [70011]) == (answer.get("error"), answer.get("error_codes"))


async def test_a_scope_without_consent_is_refused_until_there_is_consent(entra: Msal, wire: Wire) -> None:
    """Missing consent is 65001 with its suberror; once it is given, the same request succeeds."""
    name, tenant = "UserAuthenticationMethod.ReadWrite.All", wire.sandbox.tenant

    before = await entra.on_behalf_of(wire.sandbox.entra.issue_sso_token(wire.person()), name)
    tenant.consented_scopes.add(name)
    after = await entra.on_behalf_of(wire.sandbox.entra.issue_sso_token(wire.person()), name)

    assert (("invalid_grant", [65001]), "consent_required") == (_refusal(before), before["suberror"])
    assert name in _claims(after["access_token"])["scp"].split()


async def test_the_bot_has_no_permission_of_its_own_on_graph(entra: Msal, sandbox: Sandbox) -> None:
    """client_credentials are for the Connector only."""
    assert ("invalid_scope", [70011]) == _refusal(await entra.for_client(f"{sandbox.graph_url}/.default"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"grant_type": None}, (400, "invalid_request", [900144])),
        ({"assertion": None}, (400, "invalid_request", [900144])),
        ({"scope": ""}, (400, "invalid_request", [900144])),
        ({"client_id": None}, (400, "invalid_request", [900144])),
        ({"requested_token_use": "anything"}, (400, "invalid_request", [900144])),
        ({"client_secret": None}, (401, "invalid_client", [7000218])),
        ({"client_secret": None, "client_assertion": "a.b.c"}, (401, "invalid_client", [700027])),
        ({"client_secret": "wrong"}, (401, "invalid_client", [7000215])),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", [70003])),
        ({"scope": "openid profile"}, (400, "invalid_scope", [70011])),
        ({"scope": "User.Read"}, (400, "invalid_scope", [70011])),
        ({"scope": "https://graph.microsoft.com/User.Read"}, (400, "invalid_scope", [70011])),
        ({"claims": base64.b64encode(b'{"access_token":{}}').decode()}, (400, "invalid_request", [9002313])),
        ({"claims": '["access_token"]'}, (400, "invalid_request", [9002313])),
    ],
    ids=str,
)
async def test_a_malformed_request_is_refused(wire: Wire, changes: Json, expected: tuple[int, str, list[int]]) -> None:
    """Every missing or odd field has its own refusal; claims in base64 do not pass for JSON."""
    assert expected == (await wire.token(wire.on_behalf_of(**changes))).entra_refusal


async def test_errors_carry_the_ids_that_support_asks_for(wire: Wire) -> None:
    """An error has a time, a trace id and the caller's own id."""
    answer = await wire.token({}, **{"client-request-id": "mine"})

    usual = {"error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id"}
    assert usual == answer.json.keys()
    assert "mine" == answer.json["correlation_id"]


@pytest.mark.parametrize(
    ("extra_scope", "fields", "beside"),
    [
        ("", {}, set()),
        ("openid", {}, {"id_token"}),
        ("", {"client_info": "1"}, {"client_info"}),
        ("offline_access", {}, {"refresh_token"}),
    ],
)
async def test_what_was_not_asked_for_does_not_come(
    wire: Wire, extra_scope: str, fields: Json, beside: set[str]
) -> None:
    """Id token, account and refresh token come only to those who ask."""
    form = wire.on_behalf_of(**fields)
    answer = await wire.token(form | {"scope": f"{form['scope']} {extra_scope}".strip()})

    assert {"token_type", "scope", "expires_in", "ext_expires_in", "access_token"} | beside == answer.json.keys()


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_metadata_and_keys_over_both_schemes(wire: Wire, scheme: str) -> None:
    """Both addresses give the same issuer and keys, and those keys verify what Entra signs."""
    sandbox = wire.sandbox
    base = {"https": sandbox.login_url, "http": sandbox.login_http_url}[scheme]
    found = (await wire.ask("GET", f"{base}/{sandbox.tenant.tenant_id}/v2.0/.well-known/openid-configuration")).json
    key_set = (await wire.ask("GET", f"{base}/{sandbox.tenant.tenant_id}/discovery/v2.0/keys")).json

    assert f"{sandbox.login_url}/{sandbox.tenant.tenant_id}/v2.0" == found["issuer"]
    assert sandbox.login_url + wire.token_path == found["token_endpoint"]
    assert key_set == (await wire.ask("GET", found["jwks_uri"])).json
    token = sandbox.entra.issue_sso_token(wire.person())
    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(key_set).keys}
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=sandbox.app_id, issuer=found["issuer"])
    assert ("access_as_user", ADA, "2.0") == (claims["scp"], claims["oid"], claims["ver"])


async def test_https_needs_the_sandbox_s_own_authority(sandbox: Sandbox) -> None:
    """Who does not trust the sandbox's certificate authority gets no connection."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(sandbox.login_url)


async def test_a_new_key_signs_while_the_old_one_still_counts(wire: Wire) -> None:
    """Rollover: an appended key signs at once, tokens of the old one pass until it is retired."""
    old = wire.sandbox.entra.issue_sso_token(wire.person())
    fresh = SigningKey.generate()
    wire.sandbox.keys.entra.append(fresh)
    new = wire.sandbox.entra.issue_sso_token(wire.person())

    assert fresh.kid == jwt.get_unverified_header(new)["kid"]
    assert [200, 200] == [(await wire.token(wire.on_behalf_of(assertion=one))).status for one in (old, new)]

    del wire.sandbox.keys.entra[0]
    answers = [await wire.token(wire.on_behalf_of(assertion=one)) for one in (old, new)]
    assert [400, 200] == [answer.status for answer in answers]


async def test_a_rollover_stays_in_its_sandbox(sandbox: Sandbox, keys: SandboxKeys) -> None:
    """Sandboxes that were given the same keys do not see each other's changes."""
    before = list(keys.entra)
    sandbox.keys.entra.clear()

    assert before == keys.entra


async def test_tokens_expire_by_the_sandbox_s_clock(keys: SandboxKeys) -> None:
    """A token that was good a moment ago is refused once the given clock has passed its end."""
    now = 1_800_000_000.0
    async with await Sandbox.start(keys=keys, clock=lambda: now) as sandbox, aiohttp.ClientSession() as session:
        form = Wire(sandbox, session).on_behalf_of(oid=GRACE)
        url = sandbox.login_http_url + f"/{sandbox.tenant.tenant_id}/oauth2/v2.0/token"
        statuses = []
        for later_s in (0, 3599, 3600):
            now = 1_800_000_000.0 + later_s
            async with session.post(url, data=form) as answer:
                statuses.append(answer.status)

    assert [200, 200, 400] == statuses
