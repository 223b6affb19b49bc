"""What Entra and Graph may ask for or refuse, and which answer each gets: explained, and never a pointless dialog."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from sandbox import AdminConsentMissing, Answer, Blocked, Down, Slow, StepUp, Throttled
from sandbox.faults import token
from tests.conftest import ADA, GRACE, Start, World, eventually
from tests.database import execute
from tests.http.signing_in import exchange, oauth, sign_in_card, sign_in_cards, silent_card, sso, visible_cards


async def test_missing_consent_names_what_to_grant_and_where(world: World) -> None:
    """200 to every client, no dialog; the chat names the permissions and has the administrator's link to pass on."""
    world.sandbox.situations.switch_on(AdminConsentMissing())

    told = await world.ask(ADA, "set my default MFA to oath")

    assert "admin consent" in told.visible_text
    assert "User.Read, UserAuthenticationMethod.ReadWrite" in told.visible_text
    link = next(action["url"] for action in (told.card or {})["actions"] if action["type"] == "Action.OpenUrl")
    assert link in told.visible_text
    assert link.startswith(f"{world.sandbox.login_url}/{world.sandbox.tenant.tenant_id}/v2.0/adminconsent?")
    asked = parse_qs(urlsplit(link).query)
    assert [f"{world.sandbox.site_url}/auth/callback"] == asked["redirect_uri"]
    assert [world.sandbox.app_id] == asked["client_id"]
    assert [True] == [card.hidden for card in sign_in_cards(world)]


async def test_after_consent_it_works_at_once(world: World) -> None:
    """An administrator opens the link and accepts; the page thanks, and the next message is answered."""
    world.sandbox.situations.switch_on(AdminConsentMissing())
    told = await world.ask(ADA, "show my methods")
    link = next(action["url"] for action in (told.card or {})["actions"] if action["type"] == "Action.OpenUrl")
    address = link.replace(world.sandbox.login_url, world.sandbox.login_http_url)
    async with aiohttp.ClientSession() as session:
        page = await (await session.get(address)).text()
        accepted = await session.post(_form_of(page, address), data=_fields_of(page) | {"action": "accept"})
        assert "The bot may now do its work for everybody" in await accepted.text()

    assert "Your default sign-in method" in await world.read(ADA, "show my methods")


def _form_of(page: str, address: str) -> str:
    action = page.split("<form")[1].split(">", maxsplit=1)[0]
    found = action.split('action="')[1].split('"')[0] if "action=" in action else ""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}{found}" if found.startswith("/") else found or address


def _fields_of(page: str) -> dict[str, str]:
    fields = {}
    for field in page.split("<input")[1:]:
        tag = field.split(">")[0]
        if 'type="hidden"' in tag:
            fields[tag.split('name="')[1].split('"')[0]] = tag.split('value="')[1].split('"')[0]
    return fields


@pytest.mark.parametrize("error", ["invalid_grant", "interaction_required"])
@pytest.mark.parametrize("claims", [True, False])
async def test_blocked_by_policy_is_explained_without_a_loop(start: Start, error: Any, claims: bool) -> None:
    """53003, in whichever form it comes: no sign-in card, one explanation, and whom to ask."""
    async with start(helpdesk_contact="https://help.contoso.example/") as world:
        world.sandbox.situations.switch_on(Blocked(error=error, claims=claims), ADA)

        told = await world.ask(ADA, "set my default MFA to oath")

        assert "A policy of your organisation does not let you sign in to me" in told.visible_text
        assert "https://help.contoso.example/" in [action.get("url") for action in (told.card or {})["actions"]]
        await world.sandbox.teams.idle()
        assert [True] == [card.hidden for card in sign_in_cards(world)]
        assert 1 == len(visible_cards(world))
        assert "Your default sign-in method" in await world.read(GRACE, "show my methods")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (53000, "only from a device that it manages"),
        (53001, "only from a device that it manages"),
        (53010, "only from certain places or devices"),
        (50105, "Your organisation has not given you access to me"),
        (530035, "A policy of your organisation"),
    ],
)
async def test_each_kind_of_block_has_its_own_sentence(world: World, code: int, sentence: str) -> None:
    """What the person may do about it differs: another device, another place, being added."""
    world.sandbox.faults.add(
        token("jwt-bearer"), Answer(400, body={"error": "invalid_grant", "error_codes": [code]}), times=None
    )

    assert sentence in await world.read(ADA, "show my methods")


@pytest.mark.parametrize(
    "situation",
    [Throttled(graph=False, entra=True), Down(graph=False, entra=True)],
    ids=["throttled", "down"],
)
async def test_trouble_of_entra_is_no_consent_dialog(world: World, situation: Any) -> None:
    """Every client hears 503 and shows no sign-in; the card has a button, and the button works when it is over."""
    card = await silent_card(world, ADA, "set my default MFA to oath")
    world.sandbox.situations.switch_on(situation)
    result = await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA))
    assert 503 == result.status
    trouble = await world.client(ADA).next_bot_card()
    world.sandbox.situations.clear()
    world.client(ADA).endpoints = 1

    await world.client(ADA).press(trouble, "Try again")

    assert "Changed:" in (await world.client(ADA).next_bot_card(after=trouble)).visible_text
    assert "oath" == world.default_of(ADA)


@pytest.mark.parametrize("situation", [Throttled(), Down(), Down(drop=True)], ids=["throttled", "down", "dropped"])
async def test_trouble_of_graph_has_a_button_that_tries_again(world: World, situation: Any) -> None:
    """A press of it, once Graph is back, shows the methods in the same card."""
    world.sandbox.situations.switch_on(situation)
    trouble = await world.ask(ADA, "show my methods")
    assert "Your default sign-in method" not in trouble.visible_text
    world.sandbox.situations.clear()

    await world.client(ADA).press(trouble, "Try again")

    assert "Your default sign-in method" in world.client(ADA).message(trouble.id).visible_text


async def test_a_press_that_met_trouble_is_tried_again_by_its_card(world: World) -> None:
    """The button of the trouble card is the very button that was pressed, still bound and still good once."""
    shown = await world.ask(ADA, "show my methods")
    world.sandbox.situations.switch_on(Down())
    await world.client(ADA).press(shown, "Use text messages")
    await eventually(lambda: "is not answering" in world.client(ADA).message(shown.id).visible_text)
    world.sandbox.situations.clear()

    await world.client(ADA).press(shown, "Try again")

    assert "Changed:" in world.client(ADA).message(shown.id).visible_text
    assert ("sms", ["confirmed"]) == (world.default_of(ADA), world.outcomes())


async def test_a_slow_graph_is_waited_for(world: World) -> None:
    """Slow is no trouble as long as it is within the bounds."""
    world.sandbox.situations.switch_on(Slow(seconds=0.2))

    assert "Changed:" in await world.read(ADA, "set my default MFA to oath")


async def test_somebody_without_a_directory_id_is_refused_kindly(world: World) -> None:
    """No aadObjectId: a sentence, no sign-in card, and an exchange of theirs is refused."""
    ada = world.sandbox.tenant.people[ADA]
    nameless = {"from": {"id": "29:nobody", "name": "Nobody"}}

    await world.sandbox.teams.post(world.sandbox.teams.activity(ada, text="set my default MFA to oath", **nameless))
    channel = world.sandbox.teams.channel
    invoke = channel.invoke(ada, "signin/verifyState", {"state": "x"}) | nameless

    assert "Teams does not tell me who you are" in (await world.client(ADA).next_bot_card()).visible_text
    assert [] == sign_in_cards(world)
    assert 403 == (await channel.post(invoke)).status


# Signing out


async def test_signing_out_forgets_and_says_so(world: World) -> None:
    """The token is gone from memory, what waited is not carried out later, and the next wish signs in again."""
    await world.ask(ADA, "show my methods")
    await world.ask(GRACE, "show my methods")
    world.sandbox.situations.switch_on(StepUp(), ADA)
    await world.client(ADA).say("set my default MFA to oath")
    card = await sign_in_card(world)

    assert "You are signed out" in await world.read(ADA, "sign out")
    assert 1 == len(world.tokens)
    late = await world.client(ADA).sign_in(card)
    assert 410 == late.status
    world.sandbox.situations.clear()

    assert "Your default sign-in method" in await world.read(ADA, "show my methods")
    assert "push" == world.default_of(ADA)


async def test_a_code_that_waits_is_forgotten_too(world: World) -> None:
    """Signed in by an outside browser, but signed out before the code was used: nothing goes on."""
    world.sandbox.situations.switch_on(StepUp(), ADA)
    await world.client(ADA).say("set my default MFA to oath")
    ended = await world.client(ADA).sign_in(await sign_in_card(world), outside_browser=True)
    await world.client(ADA).say("sign out")
    await eventually(lambda: any("signed out" in text for text in visible_cards(world)))

    assert ended.result is not None
    assert 0 == world.count("sign_ins")
    assert 0 == world.count("commands", "state = 'waiting'")
    await world.sandbox.teams.idle()
    assert ("push", 1) == (world.default_of(ADA), len(visible_cards(world)))


async def test_signing_out_reaches_the_other_instances(start: Start, pace: Any, postgresql_url: str) -> None:
    """Signed out in one instance, the other has forgotten the token within its few seconds."""
    quick = pace(neighbours_s=0.02)
    async with (
        start(database_url=postgresql_url, pace=quick) as first,
        start(database_url=postgresql_url, pace=quick) as second,
    ):
        await second.ask(ADA, "show my methods")
        first.sandbox.connect_bot(f"{first.bot_url}/api/messages")
        await first.ask(ADA, "show my methods")
        assert (1, 1) == (len(first.tokens), len(second.tokens))

        await first.ask(ADA, "sign out")

        await eventually(lambda: (0, 0) == (len(first.tokens), len(second.tokens)))


async def test_signing_out_without_the_database_is_honest(world: World) -> None:
    """Forgotten here at once; that other instances could not be told is said."""
    await world.ask(ADA, "show my methods")
    await asyncio.to_thread(execute, world.database_url, "DROP TABLE sign_outs")

    assert "could not tell the other servers" in await world.read(ADA, "sign out")
    assert 0 == len(world.tokens)


async def test_a_card_names_nobody(world: World) -> None:
    """The sign-in card and its address hold neither a name nor a directory id."""
    world.sandbox.situations.switch_on(StepUp(), ADA)
    await world.client(ADA).say("set my default MFA to oath")
    card = str(oauth(await sign_in_card(world)))

    person = world.sandbox.tenant.people[ADA]
    assert [] == [secret for secret in (person.oid, person.upn, person.display_name) if secret in card]
