"""Entra's sign-in pages and the authorization code."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from urllib.parse import urlencode

import aiohttp
import jwt
import msal
import pytest
import requests

from sandbox import AdminConsentMissing, Blocked, Sandbox, SandboxKeys, StepUpAtSignIn
from tests.conftest import ADA, GRACE
from tests.sandbox.signing_in import CODE, SignIn, answer_of, title_of
from tests.sandbox.wire import Json, Wire

_CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'


@pytest.fixture
def browser(wire: Wire) -> SignIn:
    """A browser at the sign-in pages."""
    return SignIn(wire)


def _claims(token: str) -> Json:
    claims: Json = jwt.decode(token, options={"verify_signature": False})
    return claims


# Who has to do what.


async def test_a_session_signs_in_without_a_page(browser: SignIn) -> None:
    """Who is signed in gets a code at once, and the state as it was sent; the token tells of the old sign-in."""
    answer = answer_of(await browser.open())

    assert {"code", "state", "session_state"} == answer.keys()
    assert "s&1" == answer["state"]
    token = _claims((await browser.redeem(answer["code"])).json["access_token"])
    assert (ADA, ["pwd"]) == (token["oid"], token["amr"])
    assert token["auth_time"] < token["iat"] - 3600


@pytest.mark.parametrize(
    "changes",
    [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "600"}, {"claims": _CLAIMS}, {"claims": '{"id_token":{}}'}],
    ids=str,
)
async def test_a_second_factor_makes_a_fresh_token(browser: SignIn, changes: Json) -> None:
    """Claims, prompt=login and a limit of age ask for the code that the page names; the token is fresh then."""
    page = await browser.open(**changes)
    assert (200, "Enter code") == (page.status, title_of(page))
    assert b"In this sandbox the code is <strong>123456</strong>" in page.body

    answer = answer_of(await browser.send(page, code=CODE, action="verify"))

    token = _claims((await browser.redeem(answer["code"])).json["access_token"])
    assert ["pwd", "mfa"] == token["amr"]
    assert token["auth_time"] >= token["iat"] - 5


async def test_capabilities_are_no_challenge(browser: SignIn) -> None:
    """What every request of an app says of itself asks nobody for anything."""
    claims = '{"access_token":{"xms_cc":{"values":["CP1"]}}}'

    assert "code" in answer_of(await browser.open(claims=claims))


async def test_a_wrong_code_is_asked_for_again(browser: SignIn) -> None:
    """An error, and the same page once more."""
    page = await browser.open(prompt="login")
    again = await browser.send(page, code="654321", action="verify")
    empty = await browser.send(again, action="verify")

    assert ["Enter code", "Enter code"] == [title_of(again), title_of(empty)]
    assert (b'role="alert"' in page.body, b'role="alert"' in again.body) == (False, True)
    assert "code" in answer_of(await browser.send(empty, code=CODE, action="verify"))


@pytest.mark.parametrize("hint", [None, "nobody@contoso.example"])
async def test_without_a_usable_hint_one_picks_an_account(browser: SignIn, hint: str | None) -> None:
    """All people of the tenant are on offer."""
    page = await browser.open(login_hint=hint)
    assert ("Pick an account", True) == (title_of(page), b"grace@contoso.example" in page.body)

    code = answer_of(await browser.send(page, account=GRACE))["code"]

    assert GRACE == _claims((await browser.redeem(code)).json["access_token"])["oid"]


async def test_one_may_sign_in_as_somebody_else(browser: SignIn) -> None:
    """The hint is only a hint: another account can be used, with its own second factor."""
    page = await browser.open(prompt="login")
    people = await browser.send(page, action="other")
    page = await browser.send(people, account=GRACE)
    assert b"grace@contoso.example" in page.body

    code = answer_of(await browser.send(page, code=CODE, action="verify"))["code"]

    assert GRACE == _claims((await browser.redeem(code)).json["id_token"])["oid"]


async def test_select_account_ignores_the_hint(browser: SignIn) -> None:
    """prompt=select_account always asks."""
    assert "Pick an account" == title_of(await browser.open(prompt="select_account"))


async def test_cancel_goes_back(browser: SignIn) -> None:
    """The application hears that the person declined."""
    answer = answer_of(await browser.send(await browser.open(prompt="login"), action="cancel"))

    assert ("access_denied", "cancel", "s&1") == (answer["error"], answer["error_subcode"], answer["state"])
    assert answer["error_description"].startswith("AADSTS65004: ")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"login_hint": None}, "login_required"),
        ({"max_age": "0"}, "interaction_required"),
        ({"claims": _CLAIMS}, "interaction_required"),
    ],
    ids=str,
)
async def test_prompt_none_shows_no_page(browser: SignIn, changes: Json, error: str) -> None:
    """It signs in at once or says why it cannot."""
    assert "code" in answer_of(await browser.open(prompt="none"))
    assert error == answer_of(await browser.open(prompt="none", **changes))["error"]


async def test_an_administrator_has_to_approve(browser: SignIn) -> None:
    """Without consent the person can only go back, with an error that says so."""
    browser.sandbox.situations.switch_on(AdminConsentMissing())
    page = await browser.open()
    assert "Need admin approval" == title_of(page)
    assert [b"return"] == [line.partition(b'"')[0] for line in page.body.split(b'name="action" value="')[1:]]

    answer = answer_of(await browser.send(page, action="return"))

    assert ("access_denied", "s&1") == (answer["error"], answer["state"])
    assert answer["error_description"].startswith("AADSTS90094: ")
    assert "consent_required" == answer_of(await browser.open(prompt="none"))["error"]


async def test_a_policy_blocks(browser: SignIn) -> None:
    """Whoever is blocked can only go back, whatever they send."""
    browser.sandbox.situations.switch_on(Blocked(), ADA)
    page = await browser.open(prompt="login")
    assert ("You cannot access this right now", True) == (title_of(page), b"AADSTS53003" in page.body)
    page = await browser.send(page, code=CODE, action="verify")
    assert "You cannot access this right now" == title_of(page)

    answer = answer_of(await browser.send(page, action="return"))

    assert ("access_denied", True) == (answer["error"], answer["error_description"].startswith("AADSTS53003: "))
    assert "interaction_required" == answer_of(await browser.open(prompt="none"))["error"]
    assert "code" in answer_of(await browser.open(login_hint=browser.wire.person(GRACE).upn))


async def test_conditional_access_asks_those_who_have_had_no_mfa(browser: SignIn) -> None:
    """Step-up at sign-in: a page once, and none while that session lasts."""
    browser.sandbox.situations.switch_on(StepUpAtSignIn(), ADA)
    page = await browser.open()
    assert "Enter code" == title_of(page)
    await browser.send(page, code=CODE, action="verify")

    assert "code" in answer_of(await browser.open())


# What is refused.


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"client_id": None}, 900144),
        ({"client_id": "22222222-2222-4222-8222-222222222222"}, 700016),
        ({"redirect_uri": None}, 900144),
        ({"redirect_uri": "https://evil.example/auth/callback"}, 50011),
        ({"response_mode": "form_post"}, 90023),
        ({"response_mode": "fragment"}, 90023),
    ],
    ids=str,
)
async def test_without_a_trusted_address_nobody_is_redirected(browser: SignIn, changes: Json, number: int) -> None:
    """The person is told on a page."""
    page = await browser.open(**changes)

    assert (400, True) == (page.status, f"AADSTS{number}: ".encode() in page.body)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"scope": None}, "invalid_request"),
        ({"scope": "openid profile"}, "invalid_scope"),
        ({"scope": "User.Read"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "consent"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"claims": base64.b64encode(_CLAIMS.encode()).decode()}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": '{"access_token":[]}'}, "invalid_request"),
    ],
    ids=str,
)
async def test_a_malformed_request_goes_back(browser: SignIn, changes: Json, error: str) -> None:
    """The application is told at its own address, with its state."""
    reply = await browser.open(**changes)

    assert (error, "s&1") == (answer_of(reply)["error"], answer_of(reply)["state"])
    assert reply.headers["Location"].startswith(f"{browser.redirect_uri}?")


async def test_another_tenant_has_no_pages(browser: SignIn) -> None:
    """The tenant of the path has to be this one."""
    url = f"{browser.sandbox.login_http_url}/common/oauth2/v2.0/authorize?{urlencode(browser.query())}"
    page = await browser.wire.ask("GET", url, allow_redirects=False)

    assert (400, True) == (page.status, b"AADSTS90002" in page.body)


async def test_a_form_is_good_once(browser: SignIn) -> None:
    """Sent again, or invented, it leads nowhere."""
    page = await browser.open(prompt="login")
    await browser.send(page, code=CODE, action="verify")

    again = await browser.send(page, code=CODE, action="verify")

    assert (400, True) == (again.status, b"This sign-in is over" in again.body)


async def test_nothing_is_reflected_and_nothing_runs(browser: SignIn) -> None:
    """Parameters are text, and the policy of the page allows no script; forms may lead to the application only."""
    evil = '"><script>alert(1)</script>'
    pages = [
        await browser.open(client_id=evil),
        await browser.open(redirect_uri=evil),
        await browser.open(prompt="login", state=evil, nonce=evil),
        await browser.open(login_hint=evil),
    ]

    assert not [page for page in pages if b"<script" in page.body]
    policy = pages[2].headers["Content-Security-Policy"]
    assert ("default-src 'none'" in policy, "script" in policy, "frame-ancestors 'none'" in policy) == (
        True,
        False,
        True,
    )
    assert f"form-action 'self' {browser.sandbox.site_url};" in policy
    assert {"no-store"} == {page.headers["Cache-Control"] for page in pages}


# The code.


async def test_the_answer_to_a_code(browser: SignIn) -> None:
    """Tokens of the person with the nonce; a refresh token only for those who asked for one."""
    answer = (await browser.redeem(await browser.with_code(), client_info="1")).json

    graph_url = browser.sandbox.graph_url
    assert {"token_type", "scope", "expires_in", "ext_expires_in", "access_token", "id_token", "client_info"} == set(
        answer
    )
    access, identity = _claims(answer["access_token"]), _claims(answer["id_token"])
    assert (graph_url, ["CP1"]) == (access["aud"], access["xms_cc"])
    assert ("n1", ADA, browser.sandbox.tenant.tenant_id, "ada@contoso.example", "Ada Lovelace") == tuple(
        identity[name] for name in ("nonce", "oid", "tid", "preferred_username", "name")
    )
    scope = f"{browser.query()['scope']} offline_access"
    assert "refresh_token" in (await browser.redeem(await browser.with_code(scope=scope))).json


async def test_a_code_is_good_once(browser: SignIn) -> None:
    """The second use has a refusal of its own."""
    code = await browser.with_code()
    first, second = await browser.redeem(code), await browser.redeem(code)

    assert (200, (400, "invalid_grant", [54005])) == (first.status, second.entra_refusal)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"code": "1.unknown"}, (400, "invalid_grant", [9002313])),
        ({"code": None}, (400, "invalid_request", [900144])),
        ({"redirect_uri": None}, (400, "invalid_request", [900144])),
        ({"redirect_uri": "http://127.0.0.1/auth/callback"}, (400, "invalid_grant", [500112])),
        ({"code_verifier": None}, (400, "invalid_grant", [501481])),
        ({"code_verifier": "w" * 43}, (400, "invalid_grant", [501481])),
        ({"client_secret": "wrong"}, (401, "invalid_client", [7000215])),
        ({"scope": "User.Read"}, (400, "invalid_scope", [70011])),
    ],
    ids=str,
)
async def test_a_code_is_bound(browser: SignIn, changes: Json, expected: tuple[int, str, list[int]]) -> None:
    """To the client, the address and the verifier of its request."""
    code = await browser.with_code()

    assert expected == (await browser.redeem(**({"code": code} | changes))).entra_refusal


async def test_a_code_and_a_page_grow_old(keys: SandboxKeys) -> None:
    """A code is good for ten minutes, a page for fifteen."""
    now = 1_800_000_000.0
    async with await Sandbox.start(keys=keys, clock=lambda: now) as sandbox, aiohttp.ClientSession() as session:
        browser = SignIn(Wire(sandbox, session, login_url=sandbox.login_http_url))
        code, page = await browser.with_code(), await browser.open(prompt="login")
        now += 600
        late = await browser.redeem(code)
        now += 300
        over = await browser.send(page, code=CODE, action="verify")

    assert (400, "invalid_grant", [70008]) == late.entra_refusal
    assert b"This sign-in is over" in over.body


@pytest.mark.filterwarnings("ignore:response_mode='form_post' is recommended:UserWarning")
async def test_msal_signs_in(browser: SignIn, sandbox: Sandbox) -> None:
    """Microsoft's own client goes the whole way: PKCE, state, nonce, claims."""
    with requests.Session() as session:
        session.verify, session.trust_env = str(sandbox.ca_file), False

        def begin() -> tuple[Any, Json]:
            app = msal.ConfidentialClientApplication(
                sandbox.app_id,
                client_credential=sandbox.client_secret,
                authority=f"{sandbox.login_url}/{sandbox.tenant.tenant_id}",
                instance_discovery=False,
                exclude_scopes=["offline_access"],
                client_capabilities=["CP1"],
                http_client=session,
            )
            scopes = [f"{sandbox.graph_url}/UserAuthenticationMethod.ReadWrite"]
            return app, app.initiate_auth_code_flow(
                scopes, redirect_uri=browser.redirect_uri, login_hint="ada@contoso.example", claims_challenge=_CLAIMS
            )

        app, flow = await asyncio.to_thread(begin)
        page = await browser.wire.ask("GET", flow["auth_uri"], allow_redirects=False)
        answer = answer_of(await browser.send(page, code=CODE, action="verify"))
        tokens = await asyncio.to_thread(app.acquire_token_by_auth_code_flow, flow, answer)

    assert (ADA, sandbox.tenant.tenant_id) == (tokens["id_token_claims"]["oid"], tokens["id_token_claims"]["tid"])
    assert ["CP1"] == _claims(tokens["access_token"])["xms_cc"]
    assert "refresh_token" not in tokens


# Admin consent.


def _consent_url(browser: SignIn, **changes: str | None) -> str:
    query = {
        "client_id": browser.sandbox.app_id,
        "scope": f"{browser.sandbox.graph_url}/UserAuthenticationMethod.ReadWrite",
        "redirect_uri": browser.redirect_uri,
        "state": "s1",
    }
    kept = {name: value for name, value in (query | changes).items() if value is not None}
    return f"{browser.sandbox.login_http_url}/{browser.sandbox.tenant.tenant_id}/v2.0/adminconsent?{urlencode(kept)}"


async def test_an_administrator_consents_for_everybody(browser: SignIn) -> None:
    """Accept ends the missing consent; the application hears of it."""
    sandbox = browser.sandbox
    sandbox.situations.switch_on(AdminConsentMissing())
    assert [65001] == (await browser.wire.token(browser.wire.on_behalf_of())).json["error_codes"]
    page = await browser.wire.ask("GET", _consent_url(browser))
    assert ("Permissions requested", True) == (title_of(page), b"UserAuthenticationMethod.ReadWrite" in page.body)

    answer = answer_of(await browser.send(page, action="accept"))

    scope = f"{sandbox.graph_url}/UserAuthenticationMethod.ReadWrite"
    assert {"admin_consent": "True", "tenant": sandbox.tenant.tenant_id, "scope": scope, "state": "s1"} == answer
    assert 200 == (await browser.wire.token(browser.wire.on_behalf_of())).status
    assert sandbox.situations.switched(AdminConsentMissing, None) is None


async def test_an_administrator_may_decline(browser: SignIn) -> None:
    """Cancel changes nothing, and is good once."""
    browser.sandbox.situations.switch_on(AdminConsentMissing())
    page = await browser.wire.ask("GET", _consent_url(browser))

    answer = answer_of(await browser.send(page, action="cancel"))

    assert ("access_denied", "True", "s1") == (answer["error"], answer["admin_consent"], answer["state"])
    assert b"This request is over" in (await browser.send(page, action="accept")).body
    assert [65001] == (await browser.wire.token(browser.wire.on_behalf_of())).json["error_codes"]


@pytest.mark.parametrize(
    "changes", [{"client_id": "x"}, {"redirect_uri": "https://evil.example/"}, {"scope": None}, {"scope": "User.Read"}]
)
async def test_a_malformed_consent_is_refused(browser: SignIn, changes: Json) -> None:
    """On a page, because there may be no address to trust."""
    assert 400 == (await browser.wire.ask("GET", _consent_url(browser, **changes), allow_redirects=False)).status


async def test_claims_in_a_refusal_are_json_in_a_string(browser: SignIn) -> None:
    """As Entra writes them, so that they can be passed on as they came."""
    browser.sandbox.situations.switch_on(StepUpAtSignIn(), ADA)
    refusal = (await browser.wire.token(browser.wire.on_behalf_of())).json

    assert ("interaction_required", [50076], "basic_action") == (
        refusal["error"],
        refusal["error_codes"],
        refusal["suberror"],
    )
    assert "Enter code" == title_of(await browser.open(claims=refusal["claims"]))
    assert {"access_token"} == json.loads(refusal["claims"]).keys()
