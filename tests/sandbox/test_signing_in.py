"""The Teams client's side of a sign-in: buttons, pages, and what the bot hears; and the proxy that serves the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox import AdminConsentMissing, Blocked, Sandbox, TeamsClient
from tests.conftest import ADA, GRACE
from tests.sandbox.signing_in import BotWithPages, SignIn
from tests.sandbox.wire import Json, Reply, Wire, card, sign_in_card

_LOGIN_REQUEST = "application/vnd.microsoft.activity.loginRequest"


@pytest.fixture
async def bot(wire: Wire) -> AsyncIterator[BotWithPages]:
    """A bot with pages, connected to the sandbox."""
    fake = BotWithPages(SignIn(wire))
    async with TestServer(fake.app()) as server:
        wire.sandbox.connect_bot(str(server.make_url("/api/messages")))
        yield fake
        await wire.sandbox.teams.idle()


@pytest.fixture
def ada(sandbox: Sandbox) -> TeamsClient:
    """Ada's Teams."""
    return sandbox.teams.client(ADA)


def _button(sandbox: Sandbox) -> Json:
    return {"type": "signin", "title": "Sign in", "value": f"{sandbox.site_url}/auth/start"}


def _step_up_card(sandbox: Sandbox) -> Json:
    return sign_in_card(buttons=[_button(sandbox)], tokenExchangeResource=None)


async def _shown(wire: Wire, *attachments: Json) -> str:
    return str((await wire.send(*attachments)).json["id"])


async def test_a_card_without_an_exchange_is_shown_at_once(wire: Wire, bot: BotWithPages, ada: TeamsClient) -> None:
    """No client sends a token for it, and its button leads to the bot's page."""
    message_id = await _shown(wire, _step_up_card(wire.sandbox))

    assert (False, []) == (ada.message(message_id).hidden, bot.values("signin/tokenExchange"))
    assert f"{wire.sandbox.site_url}/auth/start" == ada.sign_in_url(message_id)
    with pytest.raises(KeyError):
        ada.sign_in_url(await _shown(wire, card("no button")))


async def test_a_sign_in_ends_in_verify_state(wire: Wire, bot: BotWithPages, ada: TeamsClient) -> None:
    """What the page gives to notifySuccess reaches the bot, and the card is gone, also for a page opened later."""
    message_id = await _shown(wire, _step_up_card(wire.sandbox))

    ended = await ada.sign_in(message_id)

    assert (200, "handle-1", None) == (ended.status, ended.result, ended.failure)
    assert ended.url.startswith(f"{wire.sandbox.site_url}/auth/callback?code=")
    assert (200, True) == (ended.invoke and ended.invoke.status, ada.message(message_id).hidden)
    assert [{"state": "handle-1"}] == bot.values("signin/verifyState")
    assert [("message", message_id), ("removed", message_id)] == [(e.name, e.data["id"]) for e in ada.chat.events]


async def test_a_card_that_the_bot_deletes_meanwhile(wire: Wire, bot: BotWithPages, ada: TeamsClient) -> None:
    """The bot hears of the sign-in all the same."""
    message_id = await _shown(wire, _step_up_card(wire.sandbox))
    await wire.connector("DELETE", message_id)

    result = await ada.close_sign_in(message_id, "handle-1")

    assert (200, [{"state": "handle-1"}]) == (result.status, bot.values("signin/verifyState"))


async def test_outside_of_teams_the_bot_hears_nothing(wire: Wire, bot: BotWithPages, ada: TeamsClient) -> None:
    """The page is reached all the same; the card stays."""
    message_id = await _shown(wire, _step_up_card(wire.sandbox))

    ended = await ada.sign_in(message_id, outside_browser=True)

    assert ("handle-1", None, []) == (ended.result, ended.invoke, bot.received)
    assert not ada.message(message_id).hidden


@pytest.mark.parametrize(
    ("how", "failure"), [({"cancel": True}, "access_denied"), ({"code": "000000"}, None)], ids=["cancel", "wrong code"]
)
async def test_giving_up_is_told_as_cancelled(
    wire: Wire, bot: BotWithPages, ada: TeamsClient, how: Json, failure: str | None
) -> None:
    """Whether the page failed or the window was closed, the card stays."""
    message_id = await _shown(wire, _step_up_card(wire.sandbox))

    ended = await ada.sign_in(message_id, **how)

    assert (None, failure) == (ended.result, ended.failure)
    assert [{"state": "CancelledByUser"}] == bot.values("signin/verifyState")
    assert not ada.message(message_id).hidden


@pytest.mark.parametrize("situation", [AdminConsentMissing(), Blocked()], ids=str)
async def test_a_dead_end_leads_back(
    wire: Wire, bot: BotWithPages, ada: TeamsClient, situation: AdminConsentMissing | Blocked
) -> None:
    """Where nothing else can be done, the person returns to the application."""
    wire.sandbox.situations.switch_on(situation)

    ended = await ada.sign_in(await _shown(wire, _step_up_card(wire.sandbox)))

    assert ("access_denied", [{"state": "CancelledByUser"}]) == (ended.failure, bot.values("signin/verifyState"))


@pytest.mark.parametrize("prompt", ["login", "select_account", None])
async def test_one_signs_in_as_somebody_else(
    wire: Wire, bot: BotWithPages, ada: TeamsClient, prompt: str | None
) -> None:
    """Where a page asks at all; the code that comes back is the other person's."""
    bot.changes = {"prompt": prompt, "login_hint": "ada@contoso.example" if prompt else None}
    ended = await ada.sign_in(await _shown(wire, _step_up_card(wire.sandbox)), account=wire.person(GRACE))

    code = ended.url.partition("code=")[2].partition("&")[0]
    token = (await bot.browser.redeem(code)).json["access_token"]
    assert 200 == (await wire.read(GRACE, token=token)).status


async def test_a_bot_that_is_gone_is_an_ordinary_end(wire: Wire, ada: TeamsClient) -> None:
    """The proxy says 502; an address where nobody listens is told in the same way."""
    message_id = await _shown(wire, _step_up_card(wire.sandbox))
    nobody = sign_in_card(buttons=[{"type": "signin", "value": "http://127.0.0.1:9/x"}], tokenExchangeResource=None)

    ended = [await ada.sign_in(message_id), await ada.sign_in(await _shown(wire, nobody))]

    assert [(502, 502), (502, 502)] == [(one.status, one.invoke and one.invoke.status) for one in ended]


async def test_any_failure_can_be_reported(bot: BotWithPages, ada: TeamsClient) -> None:
    """Each client sends the code."""
    answers = await ada.report_failure("resourcematchfailed")

    assert [200, 200] == [answer.status for answer in answers]
    expected = {"code": "resourcematchfailed", "message": "Resource match failed"}
    assert [expected, expected] == bot.values("signin/failure")


# A card action that needs a sign-in.


def _login_request(sandbox: Sandbox, **more: object) -> Json:
    value = {"text": "Sign in", "connectionName": "own", "buttons": [_button(sandbox)], **more}
    return {"statusCode": 401, "type": _LOGIN_REQUEST, "value": value}


_DONE = {"statusCode": 200, "type": "application/vnd.microsoft.card.adaptive", "value": card("done")["content"]}


async def test_a_login_request_shows_its_button(wire: Wire, bot: BotWithPages, ada: TeamsClient) -> None:
    """After the sign-in the action is sent again with the state, and its answer replaces the card."""
    bot.answer = lambda activity: web.json_response(
        _DONE if "state" in activity["value"] else _login_request(wire.sandbox)
    )
    message_id = await _shown(wire, card("press me", "Go"))
    await ada.press(message_id, "Go")
    shown = ada.messages[-1]

    ended = await ada.sign_in(shown)

    first, second = bot.values("adaptiveCard/action")
    assert first | {"state": "handle-1"} == second
    assert (_DONE, "done", True) == (
        ended.invoke and ended.invoke.body,
        ada.message(message_id).visible_text,
        ada.message(shown).hidden,
    )
    assert [] == bot.values("signin/verifyState")


async def test_a_login_request_may_be_met_silently(wire: Wire, bot: BotWithPages, ada: TeamsClient) -> None:
    """With a tokenExchangeResource the client sends the action again with its token; the person notices nothing."""
    request = _login_request(wire.sandbox, tokenExchangeResource={"id": "x1"})
    bot.answer = lambda activity: web.json_response(_DONE if "authentication" in activity["value"] else request)
    message_id = await _shown(wire, card("press me", "Go"))

    assert _DONE == (await ada.press(message_id, "Go")).body

    sent = bot.values("adaptiveCard/action")[1]["authentication"]
    assert ({"id", "connectionName", "token"}, "x1", "own") == (sent.keys(), sent["id"], sent["connectionName"])
    assert "done" == ada.message(message_id).visible_text


async def test_a_refused_token_shows_the_button(wire: Wire, bot: BotWithPages, ada: TeamsClient) -> None:
    """412 inside the answer: the person has to act."""
    refused = {
        "statusCode": 412,
        "type": "application/vnd.microsoft.error.preconditionFailed",
        "value": {"code": "412"},
    }
    request = _login_request(wire.sandbox, tokenExchangeResource={"id": "x1"})
    bot.answer = lambda activity: web.json_response(refused if "authentication" in activity["value"] else request)
    await ada.press(await _shown(wire, card("press me", "Go")), "Go")

    assert f"{wire.sandbox.site_url}/auth/start" == ada.sign_in_url(ada.messages[-1])
    assert [] == ada.errors


async def test_a_login_request_without_a_connection_name_is_ignored(
    wire: Wire, bot: BotWithPages, ada: TeamsClient
) -> None:
    """Clients may ignore it, so these do."""
    bot.answer = lambda _: web.json_response(_login_request(wire.sandbox, connectionName=""))
    await ada.press(await _shown(wire, card("press me", "Go")), "Go")

    assert (1, ["Something went wrong. Please try again."]) == (len(ada.messages), ada.errors)


# The proxy.


async def _echo(wire: Wire, path: str, **more: object) -> Reply:
    return await wire.site("GET", f"/auth/echo/{path}", allow_redirects=False, **more)


async def test_the_bot_s_pages_pass_unchanged(wire: Wire, bot: BotWithPages) -> None:
    """Path, query and status are the bot's, and no header of the chat page is added; no cookie is sent."""
    sent = {"Cookie": "a=b", "Accept-Language": "de", "Authorization": "Bearer x"}
    answer = await _echo(wire, "a%2Fb?x=%26&y", headers=sent)

    assert (418, b"/auth/echo/a%2Fb?x=%26&y") == (answer.status, answer.body)
    assert ("default-src 'none'", "1", None) == tuple(
        answer.headers.get(name) for name in ("Content-Security-Policy", "X-One", "X-Content-Type-Options")
    )
    asked = bot.asked[0].headers
    assert ("de", False, False) == (asked["Accept-Language"], "Cookie" in asked, "Authorization" in asked)


async def test_a_redirect_is_not_followed(wire: Wire, bot: BotWithPages) -> None:
    """The browser goes, not the proxy."""
    answer = await wire.site("GET", "/auth/start", allow_redirects=False)

    assert (302, True) == (answer.status, answer.headers["Location"].startswith(bot.browser.sandbox.login_http_url))


@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", "/auth/echo/x", 405), ("HEAD", "/auth/echo/x", 405), ("GET", "/auth", 404)]
)
async def test_nothing_else_is_forwarded(wire: Wire, bot: BotWithPages, method: str, path: str, status: int) -> None:
    """Only GET below /auth/."""
    assert (status, []) == ((await wire.site(method, path)).status, bot.asked)


async def test_limits_of_the_proxy(wire: Wire, bot: BotWithPages) -> None:
    """An endless address is refused, other names of the machine too; without a bot there is a plain 502."""
    assert 403 == (await _echo(wire, "x", headers={"Host": "evil.example"})).status
    assert [] == bot.asked
    wire.sandbox.connect_bot("http://127.0.0.1:9/api/messages")
    answer = await _echo(wire, "x")
    assert (502, b"The bot does not answer.") == (answer.status, answer.body)


async def test_the_public_address_is_the_site(sandbox: Sandbox) -> None:
    """Unless another is given; its callback becomes a registered address."""
    environment = sandbox.environment(database_url="sqlite+aiosqlite:///x.db")

    assert sandbox.site_url == environment["MFABOT_PUBLIC_URL"]
    assert "http://127.0.0.1" == sandbox.environment("http://127.0.0.1", "x")["MFABOT_PUBLIC_URL"]
