"""Signing in by the page: step-up as the normal case, each way out, and nobody in somebody else's place."""

from __future__ import annotations

import asyncio
import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from bot.errors import SignInOver
from bot.locale import Reader, translated_languages
from sandbox import AccessRevoked, Blocked, ChatMessage, StepUp, StepUpAtSignIn
from sandbox.faults import Answer, graph, token
from tests.conftest import ADA, GRACE, Start, World, eventually
from tests.database import execute
from tests.http.signing_in import (
    exchange,
    invoke,
    oauth,
    sign_in_card,
    sign_in_cards,
    silent_card,
    sso,
    verify,
    visible_cards,
)

pytestmark = pytest.mark.usefixtures("nobody_steps_down")


CODE_GRANT = "authorization_code"


async def challenged(world: World, text: str = "set my default MFA to oath") -> ChatMessage:
    """Ada has said ``text``, Microsoft wants a fresh sign-in; the card that asks for it."""
    world.sandbox.situations.switch_on(StepUp(), ADA)
    await world.client(ADA).say(text)
    return await sign_in_card(world)


# Step-up


@pytest.mark.parametrize("status", [401, 403])
async def test_a_challenged_change_is_carried_out_after_the_sign_in_without_another_word(
    world: World, status: Any
) -> None:
    """Graph challenges the PATCH; the person signs in once, and the command goes on with the redeemed token."""
    world.sandbox.situations.switch_on(StepUp(status=status), ADA)
    await world.client(ADA).say("set my default MFA to oath")
    card = await sign_in_card(world)
    assert "tokenExchangeResource" not in (oauth(card) or {})

    signed = await world.client(ADA).sign_in(card)

    assert signed.invoke is not None
    assert 200 == signed.invoke.status
    assert (
        "Changed: call to mobile phone → one-time code."
        in (await world.client(ADA).next_bot_card(after=card)).visible_text
    )
    assert ("oath", ["refused", "confirmed"]) == (world.default_of(ADA), world.outcomes())
    assert 1 == len(world.sandbox.faults.seen(token(CODE_GRANT)))


async def test_the_challenge_travels_into_the_authorize_url(world: World) -> None:
    """The server builds Entra's address: tenant, client, scopes, login hint, PKCE, the claims as JSON, our redirect."""
    card = await challenged(world)
    url = world.client(ADA).sign_in_url(card)
    assert url.startswith(f"{world.sandbox.site_url}/auth/start?")

    async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as response:
        location = response.headers["Location"]

    asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    assert world.sandbox.tenant.tenant_id in location
    assert world.sandbox.app_id == asked["client_id"]
    assert ("code", "S256") == (asked["response_type"], asked["code_challenge_method"])
    assert f"{world.sandbox.site_url}/auth/callback" == asked["redirect_uri"]
    assert world.sandbox.tenant.people[ADA].upn == asked["login_hint"]
    assert {"UserAuthenticationMethod.ReadWrite", "User.Read"} == {
        scope.rsplit("/", 1)[-1] for scope in asked["scope"].split() if "/" in scope
    }
    assert "offline_access" not in asked["scope"]
    assert '"access_token"' in asked["claims"]
    assert len(asked["state"]) > 40
    assert "prompt" not in asked


async def test_nothing_of_the_challenge_is_kept_once_it_is_over(world: World) -> None:
    """That the message was there is remembered for a day, but neither Microsoft's claims nor the person's address."""
    card = await challenged(world)
    assert 1 == world.count("commands", "claims IS NOT NULL AND login_hint <> ''")

    await world.client(ADA).sign_in(card)
    await eventually(lambda: world.count("commands", "state = 'done'"))

    assert [{"claims": None, "login_hint": ""}] == world.rows("SELECT claims, login_hint FROM commands")


async def test_a_read_that_is_challenged_goes_on_as_well(world: World) -> None:
    """A challenge inside a batch is one as any other."""
    world.sandbox.situations.switch_on(StepUp(reads=True), ADA)
    await world.client(ADA).say("show my methods")

    await world.client(ADA).sign_in(await sign_in_card(world))

    assert "Your default sign-in method" in (await world.client(ADA).next_bot_card()).visible_text


async def test_a_challenge_at_the_token_endpoint_shows_the_card_by_412(world: World) -> None:
    """Entra wants the person to act: every client hears 412, and the card's button asks for the claims."""
    world.sandbox.situations.switch_on(StepUpAtSignIn(), ADA)
    await world.client(ADA).say("set my default MFA to oath")
    card = await sign_in_card(world)
    assert "tokenExchangeResource" in (oauth(card) or {})

    await world.client(ADA).sign_in(card)

    assert "Changed:" in (await world.client(ADA).next_bot_card(after=card)).visible_text
    assert "oath" == world.default_of(ADA)


async def test_a_press_that_is_challenged_goes_on_in_its_card(world: World) -> None:
    """The press is remembered over the page, carried out once, and its card shows the result."""
    shown = await world.ask(ADA, "show my methods")
    world.sandbox.situations.switch_on(StepUp(), ADA)
    await world.client(ADA).press(shown, "Use text messages")
    await world.client(ADA).sign_in(await sign_in_card(world))

    await eventually(lambda: "Changed:" in world.client(ADA).message(shown.id).visible_text)
    assert ("sms", ["refused", "confirmed"]) == (world.default_of(ADA), world.outcomes())


async def test_the_same_press_twice_asks_once_and_writes_once(world: World) -> None:
    """Two deliveries of a challenged press bring one sign-in card, and one change after it."""
    shown = await world.ask(ADA, "show my methods")
    world.sandbox.situations.switch_on(StepUp(), ADA)
    await world.client(ADA).press(shown, "Use text messages")
    await world.client(ADA).press(shown, "Use text messages")

    asked = [message for message in world.client(ADA).messages if oauth(message) and not message.hidden]
    assert 1 == len(asked)
    await world.client(ADA).sign_in(asked[0])
    await eventually(lambda: "Changed:" in world.client(ADA).message(shown.id).visible_text)
    assert ("sms", 1) == (world.default_of(ADA), world.outcomes().count("confirmed"))


async def test_a_second_challenge_for_the_same_command_stops_with_an_explanation(world: World) -> None:
    """No endless loop: after one sign-in the person hears that Microsoft wants more, and where they can do it."""
    world.sandbox.situations.switch_on(StepUp(always=True), ADA)
    await world.client(ADA).say("set my default MFA to oath")
    card = await sign_in_card(world)

    await world.client(ADA).sign_in(card)

    answer = await world.client(ADA).next_bot_card(after=card)
    assert "Microsoft asks for more" in answer.visible_text
    assert "https://aka.ms/mysecurityinfo" in str(answer.card)
    await world.sandbox.teams.idle()
    assert ["tokenExchangeResource" in (oauth(asked) or {}) for asked in sign_in_cards(world)] == [True, False]
    assert ("voiceMobile", 2) == (world.default_of(ADA), world.patches())


async def test_the_old_token_is_not_reused(world: World) -> None:
    """After the step-up everything goes by the redeemed token: no other on-behalf-of, and a second change passes."""
    card = await challenged(world)
    await world.client(ADA).sign_in(card)
    await world.client(ADA).next_bot_card(after=card)
    exchanges = len(world.sandbox.faults.seen(token("jwt-bearer")))

    assert "Changed:" in await world.read(ADA, "use notifications")
    assert exchanges == len(world.sandbox.faults.seen(token("jwt-bearer")))
    assert 1 == len(world.sandbox.faults.seen(token(CODE_GRANT)))


@pytest.mark.parametrize("language", sorted(translated_languages()))
async def test_a_page_is_in_the_language_of_the_browser(world: World, language: str) -> None:
    """Title and text, also where the browser leaves blanks between its wishes."""
    headers = {"Accept-Language": f"tlh, {language}; q=0.9, en; q=0.1"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{world.bot_url}/auth/start") as answer:
        page = html.unescape(await answer.text())

    reader = Reader.of(language)
    assert f"<h1>{reader.gettext('That did not work')}</h1>" in page
    assert reader.gettext(SignInOver.user_sentence) in page


async def test_the_card_that_asks_for_a_sign_in_is_in_the_language_of_the_message(world: World) -> None:
    """Whatever the client's language is."""
    card = await challenged(world, "Einmalcodes nutzen")
    text = Reader.of("de").gettext(
        "Microsoft wants to be sure that it is you. Please press the button and sign in; then I'll carry on with what "
        "you asked for."
    )
    assert text == (oauth(card) or {})["text"]


async def test_an_outside_browser_works_too(world: World) -> None:
    """No handle comes back from there: the next turn finds the code, redeems it and goes on with what waited."""
    card = await challenged(world)
    ended = await world.client(ADA).sign_in(card, outside_browser=True)
    assert "send me any message" in ended.text
    assert "voiceMobile" == world.default_of(ADA)

    await world.client(ADA).say("done")

    assert "Changed:" in (await world.client(ADA).next_bot_card(after=card)).visible_text
    await world.sandbox.teams.idle()
    assert ("oath", 1) == (world.default_of(ADA), len(visible_cards(world)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("show my methods", "✓ Enter a one-time code"),
        ("use notifications", "Changed: one-time code → Authenticator notification"),
    ],
)
async def test_after_an_outside_browser_what_waited_goes_first(world: World, text: str, expected: str) -> None:
    """The next wish is answered as well, after the one that waited."""
    card = await challenged(world)
    await world.client(ADA).sign_in(card, outside_browser=True)

    await world.client(ADA).say(text)
    await eventually(lambda: len(visible_cards(world)) == 2)

    first, second = visible_cards(world)
    assert "Changed: call to mobile phone → one-time code." in first
    assert expected in second


async def test_the_next_turn_in_another_instance_redeems_the_code(start: Start, pace: Any, postgresql_url: str) -> None:
    """One instance has got the code, another one the next message: it goes on there."""
    async with (
        start(database_url=postgresql_url) as first,
        start(database_url=postgresql_url, pace=pace(neighbours_s=0.02)) as second,
    ):
        first.sandbox.connect_bot(f"{first.bot_url}/api/messages")
        card = await challenged(first)
        await first.client(ADA).sign_in(card, outside_browser=True)
        first.sandbox.connect_bot(f"{second.bot_url}/api/messages")

        await second.client(ADA).say("use notifications")

        await eventually(lambda: second.outcomes().count("confirmed") == 2)
        assert "push" == second.default_of(ADA)


# Who may finish a sign-in


async def test_a_handle_is_refused_from_somebody_else_and_stays_good(world: World) -> None:
    """Grace sends the handle of Ada's sign-in: 403, no effect; Ada's own client then goes on."""
    card = await challenged(world)
    ended = await world.client(ADA).sign_in(card, outside_browser=True)

    assert 403 == (await verify(world, GRACE, ended.result)).status
    assert [] == world.sandbox.faults.seen(token(CODE_GRANT))
    assert 200 == (await verify(world, ADA, ended.result)).status
    await world.client(ADA).next_bot_card(after=card)
    assert ("oath", "push") == (world.default_of(ADA), world.default_of(GRACE))


async def test_another_account_on_the_page_is_refused(world: World) -> None:
    """Grace signs in on Ada's page: her token is not kept for anybody, and Ada can still sign in herself."""
    card = await challenged(world)
    grace = world.sandbox.tenant.people[GRACE]
    before = len(world.tokens)

    await world.client(ADA).sign_in(card, account=grace)

    answer = await world.client(ADA).next_bot_card(after=card)
    assert "a different account" in answer.visible_text
    assert (before, "voiceMobile", "push") == (len(world.tokens), world.default_of(ADA), world.default_of(GRACE))
    await world.client(ADA).sign_in(card)
    assert "Changed:" in (await world.client(ADA).next_bot_card(after=answer)).visible_text


async def test_a_handle_is_good_once(world: World) -> None:
    """The same verifyState again finds nothing, and nothing is carried out twice."""
    card = await challenged(world)
    ended = await world.client(ADA).sign_in(card, outside_browser=True)

    statuses = [(await verify(world, ADA, ended.result)).status for _ in range(2)]

    assert [200, 404] == statuses
    await world.client(ADA).next_bot_card(after=card)
    await world.sandbox.teams.idle()
    assert 1 == world.outcomes().count("confirmed")


@pytest.mark.parametrize(
    ("state", "status"),
    [("unknown", 404), ("", 400), (None, 400), (7, 400), ("x" * 200, 400), ("\0", 400), ("a b", 400)],
)
async def test_a_state_that_nobody_gave_is_refused(world: World, state: object, status: int) -> None:
    """Neither a guess nor nonsense signs anybody in."""
    assert status == (await verify(world, ADA, state)).status
    assert [] == world.client(ADA).messages


async def test_a_verify_state_outside_the_personal_chat_is_refused(world: World) -> None:
    """Rule 8: a sign-in is a matter of the personal chat."""
    card = await challenged(world)
    ended = await world.client(ADA).sign_in(card, outside_browser=True)
    channel = world.sandbox.teams.channel
    value = {"state": ended.result}
    invoke = channel.invoke(world.sandbox.tenant.people[ADA], "signin/verifyState", value)
    invoke["conversation"]["conversationType"] = "groupChat"

    assert 400 == (await channel.post(invoke)).status
    assert "voiceMobile" == world.default_of(ADA)


async def test_a_closed_window_is_no_failure(world: World) -> None:
    """Closing it is answered 200; the button works on."""
    card = await challenged(world)
    cancelled = await world.client(ADA).sign_in(card, cancel=True)
    assert cancelled.invoke is not None
    assert (200, "cancelled") == (cancelled.invoke.status, cancelled.failure)

    await world.client(ADA).sign_in(card)

    assert "Changed:" in (await world.client(ADA).next_bot_card(after=card)).visible_text


# The pages


async def get(world: World, path: str, languages: str = "") -> tuple[int, str, dict[str, str]]:
    """A page of the bot's own, without following redirects; ``languages`` is an ``Accept-Language``."""
    headers = {"Accept-Language": languages} if languages else {}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(world.bot_url + path, allow_redirects=False) as response,
    ):
        return response.status, await response.text(), dict(response.headers)


@pytest.mark.parametrize(
    ("languages", "lang"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("pt-PT", "pt"),
        ("en;q=0.5, ja;q=0.9", "ja"),
        ("fi, nl;q=0.3", "nl"),
        ("fr;q=0, es", "es"),
        ("fi", "en"),
        ("*", "en"),
        ("de;q=x,;q=,,;", "en"),
        ("../../etc", "en"),
        ("x" * 5000, "en"),
    ],
)
async def test_a_page_speaks_the_browsers_language(world: World, languages: str, lang: str) -> None:
    """The language that the browser likes best among those in which there are texts."""
    status, page, _ = await get(world, "/auth/callback?admin_consent=true", languages)
    assert (200, True) == (status, f'<html lang="{lang}">' in page)


@pytest.mark.parametrize(
    "path",
    [
        "/auth/start",
        "/auth/start?for=",
        "/auth/start?for=unknown",
        "/auth/start?for=a&for=b",
        "/auth/start?for=%00",
        f"/auth/start?for={'x' * 5000}",
        "/auth/callback",
        "/auth/callback?state=unknown&code=x",
        "/auth/start?for=%ff%fe",
        "/auth/start?for=%ed%a0%80",
        "/auth/callback?state=%ed%a0%80&code=%ff",
        "/auth/callback?state=%00&code=%00",
        "/auth/callback?state=a&code=b&state=c",
        "/auth/callback?error=%00%ff&error_description=AADSTS99999999999999999999",
        "/auth/callback?state=a",
        "/auth/callback?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E",
        "/auth/callback?error=server_error&state=%22%3E%3Cimg%20src=x%3E",
        "/auth/callback?admin_consent=True&tenant=%3Cb%3E",
        "/auth/callback?admin_consent=True&error=access_denied&error_description=%3Cb%3E",
    ],
)
async def test_a_page_without_a_sign_in_says_so_and_reflects_nothing(world: World, path: str) -> None:
    """A plain sentence, strict headers, and no byte of what the request brought."""
    status, text, headers = await get(world, path)

    assert status in {200, 410, 503}
    assert "Content-Security-Policy" in headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors https://teams.microsoft.com" in policy
    assert "unsafe" not in policy
    assert ("no-referrer", "no-store", "nosniff") == tuple(
        headers[name] for name in ("Referrer-Policy", "Cache-Control", "X-Content-Type-Options")
    )
    assert "Set-Cookie" not in headers
    assert not re.search(r"alert|<img|<b>|unknown|xxx", text)
    assert not re.search(r"<script(?! src=\"/auth/static/)|style=|onload|javascript:", text)


async def test_a_page_is_opened_again_with_the_same_address(world: World) -> None:
    """A second click, or a link checker's look at the address, neither spoils the first page nor gives it more time."""
    card = await challenged(world)
    path = world.client(ADA).sign_in_url(card).removeprefix(world.sandbox.site_url)

    opened, until = [], []
    for _ in range(3):
        opened.append((await get(world, path))[2]["Location"])
        until.append(world.rows("SELECT c.until_utc, s.until_utc AS page FROM commands c, sign_ins s"))

    assert 1 == len(set(opened))
    assert [until[0]] * 3 == until
    await world.client(ADA).sign_in(card)
    assert "Changed:" in (await world.client(ADA).next_bot_card(after=card)).visible_text


async def test_a_page_is_over_once_it_is_done(world: World) -> None:
    """The state is used once: the same way back again, or the card's button later, brings nothing."""
    card = await challenged(world)
    ended = await world.client(ADA).sign_in(card, outside_browser=True)
    path = urlsplit(ended.url)

    again = await get(world, f"{path.path}?{path.query}")
    button = await get(world, world.client(ADA).sign_in_url(card).removeprefix(world.sandbox.site_url))

    assert (410, 410) == (again[0], button[0])
    assert "This sign-in is over" in again[1]
    assert ended.result is not None
    assert ended.result not in again[1]


async def test_the_callback_page_hands_over_a_handle_and_not_the_code(world: World) -> None:
    """What the page and Teams get to see is worth nothing by itself."""
    card = await challenged(world)
    ended = await world.client(ADA).sign_in(card, outside_browser=True)
    code = parse_qs(urlsplit(ended.url).query)["code"][0]

    assert ended.result is not None
    assert code not in ended.text + ended.result
    assert 200 == ended.status


@pytest.mark.parametrize("name", ["page.js", "page.css", "no-fetch.js", "MicrosoftTeams.min.js"])
async def test_scripts_and_styles_come_from_us(world: World, name: str) -> None:
    """TeamsJS is served locally, like everything else that a page loads."""
    status, text, headers = await get(world, f"/auth/static/{name}")

    assert 200 == status
    assert len(text) > 50
    assert headers["Content-Type"].startswith("text/")


@pytest.mark.parametrize("name", ["README.md", "..%2fpages.py", "%2e%2e/pages.py", "page.js/", "teams-js-LICENSE", ""])
async def test_nothing_else_is_served(world: World, name: str) -> None:
    """The list of files is fixed."""
    assert 404 == (await get(world, f"/auth/static/{name}"))[0]


async def test_entra_away_while_a_page_is_opened_is_told_on_the_page(world: World) -> None:
    """The command goes on waiting, and the page can be opened again."""
    await world.ask(GRACE, "show my methods")
    card = await challenged(world)
    world.sandbox.faults.add(token(CODE_GRANT), Answer(503), times=1)
    await world.client(ADA).sign_in(card)

    trouble = await world.client(ADA).next_bot_card(after=card)
    assert "Microsoft is not answering right now" in trouble.visible_text
    await world.client(ADA).press(trouble, "Try again")

    await eventually(lambda: world.default_of(ADA) == "oath")


@pytest.mark.parametrize("answer", [Answer(400, body={"error": "strange"}), Answer(200, body={"strange": 1})])
async def test_a_code_that_brought_a_strange_answer_is_not_tried_again(world: World, answer: Answer) -> None:
    """It is used up: the person hears of it, the next message does not stumble over it, and the button works."""
    card = await challenged(world)
    world.sandbox.faults.add(token(CODE_GRANT), answer, times=1)
    await world.client(ADA).sign_in(card)
    trouble = await world.client(ADA).next_bot_card(after=card)
    assert "was not what I expected" in trouble.visible_text
    assert 0 == world.count("sign_ins")

    await world.client(ADA).sign_in(card)

    assert "Changed:" in (await world.client(ADA).next_bot_card(after=trouble)).visible_text


async def test_a_page_that_is_opened_again_while_entra_is_away_works(world: World) -> None:
    """The first code could not be redeemed; what comes back from the second page can."""
    card = await challenged(world)
    path = world.client(ADA).sign_in_url(card).removeprefix(world.sandbox.site_url)

    async def open_again(_call: object) -> Answer:
        assert 302 == (await get(world, path))[0]
        return Answer(503)

    world.sandbox.faults.add(token(CODE_GRANT), open_again)
    await world.client(ADA).sign_in(card)
    trouble = await world.client(ADA).next_bot_card(after=card)
    assert "Microsoft is not answering right now" in trouble.visible_text

    await world.client(ADA).sign_in(card)

    assert "Changed:" in (await world.client(ADA).next_bot_card(after=trouble)).visible_text


async def test_a_code_that_entra_does_not_take_can_be_got_anew(world: World) -> None:
    """The person hears that the sign-in was not valid; the card's button opens a new page."""
    card = await challenged(world)
    refused = Answer(400, body={"error": "invalid_grant", "error_codes": [54005]})
    world.sandbox.faults.add(token(CODE_GRANT), refused, times=1)
    await world.client(ADA).sign_in(card)
    trouble = await world.client(ADA).next_bot_card(after=card)

    await world.client(ADA).sign_in(card)

    assert "Changed:" in (await world.client(ADA).next_bot_card(after=trouble)).visible_text


@pytest.mark.parametrize("id_token", ["another nonce", "", "x", "x.x.x", "e30.W10.e30", 7, None])
async def test_an_id_token_that_is_no_good_signs_nobody_in(world: World, id_token: Any) -> None:
    """Of another sign-in, or unreadable: the token beside it is not kept, the person is told, and the button works."""
    card = await challenged(world)
    kept = len(world.tokens)
    body = {
        "access_token": "secret",
        "expires_in": 3600,
        "id_token": sso(world, ADA) if id_token == "another nonce" else id_token,
    }
    world.sandbox.faults.add(token(CODE_GRANT), Answer(200, body=body))

    ended = await world.client(ADA).sign_in(card)

    assert ended.invoke is not None
    assert 200 == ended.invoke.status
    trouble = await world.client(ADA).next_bot_card(after=card)
    assert "was not valid" in trouble.visible_text
    assert (kept, "voiceMobile") == (len(world.tokens), world.default_of(ADA))
    await world.client(ADA).sign_in(card)
    assert "Changed:" in (await world.client(ADA).next_bot_card(after=trouble)).visible_text


async def test_a_failure_that_teams_reports_while_the_page_is_awaited_is_told_once(world: World) -> None:
    """By whichever of the person's clients; what they said goes on waiting, and the button works."""
    card = await challenged(world)
    for code in ("tokenmissing", "installappfailed", "installappfailed", "invokeerror"):
        assert 200 == (await invoke(world, ADA, "failure", {"code": code})).status
    told = await world.client(ADA).next_bot_card(after=card)

    await world.client(ADA).sign_in(card)

    assert "Changed:" in (await world.client(ADA).next_bot_card(after=told)).visible_text
    assert "oath" == world.default_of(ADA)
    assert re.search("can't find my app|does not answer", told.visible_text)
    assert 2 == len(visible_cards(world))


async def test_blocked_on_the_page_is_explained_there(world: World) -> None:
    """Conditional Access stops the person on Entra's page; nothing loops."""
    card = await challenged(world)
    world.sandbox.situations.switch_on(Blocked(), ADA)

    ended = await world.client(ADA).sign_in(card)

    assert ended.failure in {"blocked", "cancelled"}
    assert "voiceMobile" == world.default_of(ADA)


# Revoked in mid-conversation


async def test_a_revoked_token_is_given_up_within_the_turn(world: World) -> None:
    """Continuous access evaluation: the challenge drops the token, and a sign-in by the page goes on."""
    await world.ask(ADA, "show my methods")
    world.sandbox.situations.switch_on(AccessRevoked(), ADA)
    await world.client(ADA).say("set my default MFA to oath")
    card = await sign_in_card(world)
    assert 0 == len(world.tokens)

    await world.client(ADA).sign_in(card)

    assert "Changed:" in (await world.client(ADA).next_bot_card(after=card)).visible_text


async def test_the_token_declares_that_it_can_be_challenged(world: World) -> None:
    """Client capability cp1, in both grants."""
    await world.client(ADA).sign_in(await challenged(world))
    await eventually(lambda: world.default_of(ADA) == "oath")

    asked = world.sandbox.faults.seen(token("jwt-bearer")) + world.sandbox.faults.seen(token(CODE_GRANT))
    assert {True} == {"CP1" in str(call.detail["claims"]).upper() for call in asked}


async def test_entras_reason_is_told_on_the_page(world: World) -> None:
    """By the number in its description, which has line breaks; nothing else of it is looked at."""
    description = "AADSTS53003%3A+Access+has+been+blocked.%0D%0ATrace+ID%3A+x%0D%0A"
    _, text, _ = await get(world, f"/auth/callback?error=access_denied&error_description={description}&state=x")

    assert 'data-failure="blocked"' in text
    assert "A policy of your organisation" in text


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        ("invalid_client", 7000215, "I am not set up correctly"),
        ("consent_required", 65001, "Your organisation has not yet allowed"),
        ("new", 1, "answer was not what I expected"),
    ],
)
async def test_only_an_error_of_a_sign_in_of_ours_alarms_the_operator(
    world: World, error: str, code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anybody can open the address with any error: they get a sentence, but neither an alert nor a 5xx comes of it."""
    page = world.client(ADA).sign_in_url(await challenged(world)).removeprefix(world.sandbox.site_url)
    state = parse_qs(urlsplit((await get(world, page))[2]["Location"]).query)["state"][0]
    path = f"/auth/callback?error={error}&error_description=AADSTS{code}&state="
    capsys.readouterr()

    answers = [await get(world, path + of) for of in ("", "made-up", "%00")]
    quiet = capsys.readouterr().out
    ours = await get(world, path + state)

    assert not [status for status, _, _ in answers if status >= 500]
    assert "[error" not in quiet
    assert "[error" in capsys.readouterr().out
    assert all(sentence in text for _, text, _ in (*answers, ours))


@pytest.mark.parametrize(
    ("tenant", "told"),
    [
        ("ours", "The bot may now do its work"),
        ("OURS", "The bot may now do its work"),
        ("", "Nothing was granted"),
        ("11111111-1111-4111-8111-111111111111", "Nothing was granted"),
    ],
)
async def test_only_the_own_organisations_consent_is_thanked_for(world: World, tenant: str, told: str) -> None:
    """That of another one, or one that says nothing, gives the bot no right here."""
    own = world.sandbox.tenant.tenant_id
    named = {"ours": own, "OURS": own.upper()}.get(tenant, tenant)

    assert told in (await get(world, f"/auth/callback?admin_consent=True&tenant={named}"))[1]


@pytest.mark.parametrize("cloud", ["public", "usgov", "usgov-dod", "china"])
async def test_each_cloud_has_its_own_teams(start: Start, sandbox: Any, cloud: str) -> None:
    """Only Teams of that cloud may show the pages in a frame."""
    own = {"public": "teams.microsoft.com", "china": "teams.microsoftonline.cn"}.get(cloud, "teams.microsoft.us")
    assert sandbox
    async with start(cloud=cloud) as world:
        policy = (await get(world, "/auth/start"))[2]["Content-Security-Policy"]
    ancestors = policy.split("frame-ancestors ")[1].split()
    assert any(host.endswith(own) for host in ancestors)
    assert cloud == "public" or not any("microsoft.com" in host for host in ancestors)


# Many things at once


async def test_two_commands_that_wait_go_on_after_one_sign_in(world: World) -> None:
    """In the order in which they were said; the other card's button is over then."""
    first = await challenged(world, "use text messages")
    await world.client(ADA).say("use calls to my office")
    await eventually(lambda: len([card for card in sign_in_cards(world) if not card.hidden]) == 2)

    await world.client(ADA).sign_in(first)
    await eventually(lambda: len(visible_cards(world)) == 2)

    first_text, second_text = visible_cards(world)
    assert "Changed: call to mobile phone → text message" in first_text
    assert "Changed: text message → call to office phone" in second_text
    assert 410 == (await world.client(ADA).sign_in(sign_in_cards(world)[-1])).status


@pytest.mark.parametrize("second", ["use calls to my office", "show my methods"])
async def test_what_was_said_after_a_challenged_command_waits_with_it(world: World, second: str) -> None:
    """Both waited for the silent sign-in, and the first is challenged: one sign-in by the page, and both go on."""
    await silent_card(world, ADA, "use text messages")
    card = await silent_card(world, ADA, second)
    world.sandbox.situations.switch_on(StepUp(), ADA)
    await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA))
    await eventually(lambda: len(sign_in_cards(world)) == 4)
    assert [] == visible_cards(world)

    await world.client(ADA).sign_in(sign_in_cards(world)[2])
    await eventually(lambda: len(visible_cards(world)) == 2)

    first_text, second_text = visible_cards(world)
    assert "Changed: call to mobile phone → text message" in first_text
    office = "Changed: text message → call to office phone"
    assert (office if "office" in second else "Your default sign-in method") in second_text
    assert 1 == len(world.sandbox.faults.seen(token(CODE_GRANT)))


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("by", ["text", "button", "nothing to do"])
async def test_a_change_that_waits_is_over_once_a_newer_one_is_made(world: World, by: str, opened: bool) -> None:
    """Its sign-in card was ignored: neither the card's button nor a page that is open already brings it back."""
    shown = await world.ask(ADA, "show my methods")
    card = await challenged(world, "use calls to my office")
    path = world.client(ADA).sign_in_url(card).removeprefix(world.sandbox.site_url)
    page = (await get(world, path))[2]["Location"] if opened else ""
    world.sandbox.situations.clear()

    if by == "button":
        await world.client(ADA).press(shown, "Use text messages")
    else:
        await world.client(ADA).say("use text messages" if by == "text" else "set my default to voiceMobile")
    await eventually(lambda: world.count("commands", "state = 'waiting'") == 0)

    if opened:
        state = parse_qs(urlsplit(page).query)["state"][0]
        assert 410 == (await get(world, f"/auth/callback?state={state}&code=x"))[0]
    assert 410 == (await world.client(ADA).sign_in(card)).status
    await world.sandbox.teams.idle()
    assert ("voiceMobile" if by == "nothing to do" else "sms") == world.default_of(ADA)


async def test_a_newer_change_that_fails_takes_nothing_from_the_one_that_waits(world: World) -> None:
    """Only what was done stands in the way of what was said before it."""
    card = await challenged(world)
    world.sandbox.situations.clear()
    world.sandbox.faults.add(graph("PATCH"), Answer(400, body={"error": {"code": "badRequest"}}))
    assert "Microsoft did not accept this method" in await world.read(ADA, "use text messages")

    await world.client(ADA).sign_in(card)

    await eventually(lambda: world.default_of(ADA) == "oath")


async def test_the_handle_and_the_next_message_at_the_same_time_do_it_once(world: World) -> None:
    """Whichever redeems the code, the command is carried out once, and the message is answered."""
    card = await challenged(world)
    ended = await world.client(ADA).sign_in(card, outside_browser=True)

    verified, _ = await asyncio.gather(verify(world, ADA, ended.result), world.client(ADA).say("show my methods"))
    await eventually(lambda: len(visible_cards(world)) == 2)
    await world.sandbox.teams.idle()

    assert verified.status in {200, 404}
    assert ("oath", 1, 1) == (
        world.default_of(ADA),
        world.outcomes().count("confirmed"),
        len(world.sandbox.faults.seen(token(CODE_GRANT))),
    )


async def test_the_same_handle_at_two_instances_does_it_once(start: Start, postgresql_url: str) -> None:
    """One of them gets the code."""
    async with start(database_url=postgresql_url) as first, start(database_url=postgresql_url) as second:
        first.sandbox.connect_bot(f"{first.bot_url}/api/messages")
        card = await challenged(first)
        ended = await first.client(ADA).sign_in(card, outside_browser=True)

        statuses = []
        for world in (second, first):
            world.sandbox.connect_bot(f"{world.bot_url}/api/messages")
            statuses.append((await verify(world, ADA, ended.result)).status)
        await eventually(lambda: first.outcomes().count("confirmed") == 1)

        assert [200, 404] == statuses
        assert "oath" == first.default_of(ADA)


@pytest.mark.parametrize("at", ["verify", "page"])
async def test_without_the_database_a_sign_in_is_explained(world: World, at: str) -> None:
    """The page or the chat says so; nothing breaks, nothing is changed."""
    card = await challenged(world)
    ended = await world.client(ADA).sign_in(card, outside_browser=True) if at == "verify" else None
    await asyncio.to_thread(execute, world.database_url, "DROP TABLE sign_ins")

    if ended is not None:
        assert 200 == (await verify(world, ADA, ended.result)).status
        assert "I can't save my records" in (await world.client(ADA).next_bot_card()).visible_text
    else:
        page = await world.client(ADA).sign_in(card)
        assert (503, "trouble") == (page.status, page.failure)
    assert "voiceMobile" == world.default_of(ADA)


async def test_what_the_person_said_ten_minutes_ago_is_not_done(world: World) -> None:
    """The card's button is over then, and a later sign-in carries nothing out."""
    card = await challenged(world)
    past = "2020-01-01 00:00:00.000000"
    await asyncio.to_thread(execute, world.database_url, f"UPDATE commands SET until_utc = '{past}'")  # noqa: S608

    assert 410 == (await world.client(ADA).sign_in(card)).status
    world.sandbox.situations.clear()
    assert "Your default sign-in method" in await world.read(ADA, "show my methods")
    assert "voiceMobile" == world.default_of(ADA)
