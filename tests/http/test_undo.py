"""Undo and history: what was changed through the bot can be put back and looked at, and no rule is bent for it."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from bot.mfa import DefaultMethod, Oid, Person, TenantId
from bot.store import ActionIds, Intent, Limits, Outcome, OutcomeKind, Store
from sandbox import Answer, ChatMessage
from sandbox.faults import graph
from sandbox.teams import buttons
from tests.conftest import ADA, GRACE, Start, World
from tests.http.signing_in import sign_in_card

pytestmark = pytest.mark.usefixtures("nobody_steps_down")


REFUSAL = Answer(400, body={"error": {"code": "badRequest"}})


async def _changed_to_sms(world: World) -> ChatMessage:
    """Ada's default went from push to sms; the card that says so."""
    card = await world.ask(ADA, "use text messages")
    assert "Changed: call to mobile phone → text message." in card.visible_text
    return card


async def _on_record(
    world: World, before: str | None, method: DefaultMethod, ago: timedelta, *, by: str = ADA, name: str = "Ada"
) -> None:
    """A change of Ada's default that was made through the bot some time ago, by another instance."""
    moments = iter([datetime.now(UTC) - ago] * 4)
    store = await Store.open(world.database_url, clock=lambda: next(moments))
    tid = TenantId(world.sandbox.tenant.tenant_id)
    state = {"userpreferredmethodforsecondaryauthentication": before}
    actor, target = Person(Oid(by), tid, display_name=name), Person(Oid(ADA), tid)
    intent = Intent(str(uuid4()), actor, target, method, "a:1", state, str(uuid4()), f"message:{uuid4()}")
    await store.audit.record_intent(intent, Limits())
    await store.audit.record_outcome(Outcome(intent, OutcomeKind.CONFIRMED))
    await store.close()
    world.sandbox.tenant.people[ADA].set_default(method.value)


@pytest.mark.parametrize("text", ["undo", "put it back", "oops, wrong one! change it back please"])
async def test_undo_restores_what_stood_before(world: World, text: str) -> None:
    """The default before the last change is set again, and that is a change on record like any other."""
    await _changed_to_sms(world)

    assert "Changed back: text message → call to mobile phone." in await world.read(ADA, text)

    assert ("voiceMobile", 2) == (world.default_of(ADA), world.patches())
    assert ["confirmed", "confirmed"] == world.outcomes()
    first, second = world.rows("SELECT intent_id, command FROM audit WHERE kind = 'intent' ORDER BY seq")
    told = {"kind": "undo", "method": "voiceMobile", "by": "text", "undoes": first["intent_id"]}
    assert told == json.loads(second["command"])


async def test_the_undo_button_restores_in_place(world: World) -> None:
    """The card that tells of a change has the button, and shows what was put back; pressed again it says the same."""
    card = await _changed_to_sms(world)
    undo = buttons(card.card or {})["Undo"]

    await world.client(ADA).press(card, "Undo")
    assert "Changed back: text message → call to mobile phone." in world.client(ADA).message(card.id).visible_text
    await world.client(ADA).press(card, undo)

    assert "Changed back: text message → call to mobile phone." in world.client(ADA).message(card.id).visible_text
    assert ("voiceMobile", 2) == (world.default_of(ADA), world.patches())


async def test_the_undo_button_lives_ten_minutes(world: World) -> None:
    """After that it shows the fresh state and changes nothing."""
    card = await _changed_to_sms(world)
    (row,) = world.rows("SELECT key FROM server_keys")
    eleven_minutes_ago = ActionIds(row["key"], clock=lambda: time.time() - 660)
    person = Person(Oid(ADA), TenantId(world.sandbox.tenant.tenant_id))
    old = eleven_minutes_ago.mint(person, person.oid, [], undo=DefaultMethod.PUSH).undo_id

    pressed = {"type": "Action.Execute", "verb": "undo", "data": {"action": old}}
    await world.client(ADA).press(card, pressed)

    assert "That card is out of date" in world.client(ADA).message(card.id).visible_text
    assert ("sms", 1) == (world.default_of(ADA), world.patches())


async def test_an_undo_button_of_an_earlier_change_does_nothing(world: World) -> None:
    """It was for its own change; after another one it is out of date, and does not put back something else."""
    first = await _changed_to_sms(world)
    await world.ask(ADA, "use calls to my office")

    await world.client(ADA).press(first, "Undo")

    assert "That card is out of date" in world.client(ADA).message(first.id).visible_text
    assert ("voiceOffice", 2) == (world.default_of(ADA), world.patches())


async def test_somebody_elses_undo_button_does_nothing(world: World) -> None:
    """Rule 4: it is bound to its person."""
    card = await _changed_to_sms(world)
    other = await world.ask(GRACE, "show my methods")

    await world.client(GRACE).press(other, buttons(card.card or {})["Undo"])

    assert "I don't know this button" in world.client(GRACE).message(other.id).visible_text
    assert 1 == world.patches()


async def test_there_may_be_nothing_to_undo(world: World) -> None:
    """Nothing was changed through the bot."""
    assert "there is nothing to undo" in await world.read(ADA, "undo")
    assert 0 == world.patches()


async def test_what_was_unset_can_not_be_unset_again(world: World) -> None:
    """Graph has no way to take a default away, and the person hears it."""
    world.sandbox.tenant.people[ADA].preferences["userPreferredMethodForSecondaryAuthentication"] = None
    card = await world.ask(ADA, "use text messages")

    assert "no way to take a default away" in await world.read(ADA, "undo")
    assert "Undo" not in buttons(card.card or {})
    assert ("sms", 1) == (world.default_of(ADA), world.patches())


async def test_what_was_changed_elsewhere_is_asked_about(world: World) -> None:
    """A default that is not what the bot set is not overwritten without asking; the button for it is there."""
    await _changed_to_sms(world)
    world.sandbox.tenant.people[ADA].set_default("voiceOffice")

    card = await world.ask(ADA, "undo")

    assert "changed elsewhere" in card.visible_text
    assert ("voiceOffice", 1) == (world.default_of(ADA), world.patches())
    await world.client(ADA).press(card, "Use calls to my mobile")
    assert "voiceMobile" == world.default_of(ADA)


async def test_the_undo_button_asks_as_well_when_it_was_changed_elsewhere(world: World) -> None:
    """Card data is untrusted, and so is what a card knew ten minutes ago."""
    card = await _changed_to_sms(world)
    world.sandbox.tenant.people[ADA].set_default("voiceOffice")

    await world.client(ADA).press(card, "Undo")

    assert "changed elsewhere" in world.client(ADA).message(card.id).visible_text
    assert ("voiceOffice", 1) == (world.default_of(ADA), world.patches())


async def test_what_is_not_registered_any_more_is_not_put_back(world: World) -> None:
    """Undo obeys every rule of a set: what can't be chosen is not sent to Graph."""
    await _changed_to_sms(world)
    ada = world.sandbox.tenant.people[ADA]
    ada.methods[:] = [row for row in ada.methods if row.get("phoneType") != "mobile"]

    assert "Not registered." in await world.read(ADA, "undo")
    assert ("sms", 1) == (world.default_of(ADA), world.patches())


async def test_undo_obeys_what_the_organisation_allows(start: Start) -> None:
    """Neither a method that is not allowed any more is put back, nor anything while changes are switched off."""
    async with start() as world:
        await _changed_to_sms(world)
    async with start(allowed_methods=frozenset({DefaultMethod.SMS, DefaultMethod.OATH})) as world:
        assert "Your organisation does not allow" in await world.read(ADA, "undo")
    async with start(read_only=True) as world:
        assert "Changes are switched off" in await world.read(ADA, "undo")

    assert ("sms", 1) == (world.default_of(ADA), world.patches())


async def test_a_change_of_yesterday_is_put_back_only_if_asked_for_again(start: Start, postgresql_url: str) -> None:
    """The word works for a day; for what is older it asks, with the date and the button."""
    async with start(database_url=postgresql_url) as world:
        await _on_record(world, "voiceMobile", DefaultMethod.SMS, timedelta(hours=25))
        card = await world.ask(ADA, "undo")
        assert "Your last change here (" in card.visible_text
        assert ("sms", 0) == (world.default_of(ADA), world.patches())

        await world.client(ADA).press(card, "Use calls to my mobile")

        assert ("voiceMobile", 1) == (world.default_of(ADA), world.patches())


async def test_a_change_of_this_morning_is_put_back(start: Start, postgresql_url: str) -> None:
    """Twenty-three hours are within a day, and it does not matter which instance made the change."""
    async with start(database_url=postgresql_url) as world:
        await _on_record(world, "voiceMobile", DefaultMethod.SMS, timedelta(hours=23))

        assert "Changed back: text message → call to mobile phone." in await world.read(ADA, "undo")


async def test_an_undo_delivered_again_does_nothing(world: World) -> None:
    """The same message must not undo the undo."""
    await _changed_to_sms(world)
    activity = world.sandbox.teams.activity(world.sandbox.tenant.people[ADA], text="undo")

    for _ in range(3):
        await world.sandbox.teams.post(activity)

    assert ("voiceMobile", 2) == (world.default_of(ADA), world.patches())


async def test_an_undo_while_reads_lag_behind_is_carried_out(world: World) -> None:
    """Rule 6: Graph has accepted the change; that its reads do not show it yet does not make it undone."""
    world.sandbox.tenant.people[ADA].stale_reads = 4
    assert "does not show it yet" in await world.read(ADA, "use text messages")

    assert "Changed back: text message → call to mobile phone." in await world.read(ADA, "undo")

    assert ("voiceMobile", 2) == (world.default_of(ADA), world.patches())


async def test_choosing_the_old_default_while_reads_lag_behind_is_carried_out(world: World) -> None:
    """Rule 6: "already your default" would be false a moment later."""
    world.sandbox.tenant.people[ADA].stale_reads = 4
    await world.ask(ADA, "use text messages")

    await world.ask(ADA, "use calls to my mobile")

    assert ("voiceMobile", 2) == (world.default_of(ADA), world.patches())


async def test_undo_needs_a_sign_in_and_goes_on_after_it(start: Start) -> None:
    """An instance without a token asks Teams silently; the person says it once."""
    async with start() as world:
        await _changed_to_sms(world)
    async with start() as world:
        assert "Changed back: text message → call to mobile phone." in await world.read(ADA, "undo")
        assert ("voiceMobile", 2) == (world.default_of(ADA), world.patches())


async def test_a_refused_change_is_not_undone(world: World) -> None:
    """What Graph has refused changed nothing, so the change before it is put back."""
    await _changed_to_sms(world)
    world.sandbox.faults.add(graph("PATCH"), REFUSAL)
    await world.ask(ADA, "use calls to my office")

    assert "Changed back: text message → call to mobile phone." in await world.read(ADA, "undo")


# History


async def test_history_shows_the_changes_newest_first(world: World) -> None:
    """What became what and when, also what was put back; what Graph refused is no change."""
    await _changed_to_sms(world)
    world.sandbox.faults.add(graph("PATCH"), REFUSAL)
    await world.ask(ADA, "use calls to my office")
    await world.ask(ADA, "undo")

    text = await world.read(ADA, "history")

    assert "office" not in text
    newest = text.index("Text message → call to mobile phone")
    assert newest < text.index("this was an undo") < text.index("Call to mobile phone → text message")
    assert 2 == text.count(" by you")


async def test_history_shows_ten_at_most(start: Start) -> None:
    """The last ten."""
    async with start(limit_self_per_hour=100) as world:
        for number in range(12):
            await world.ask(ADA, "use calls to my mobile" if number % 2 else "use text messages")

        assert 10 == (await world.read(ADA, "history")).count("→")


async def test_history_is_ones_own(world: World) -> None:
    """Nobody sees other people's changes."""
    await _changed_to_sms(world)

    assert "nothing to show yet" in await world.read(GRACE, "show my history")


async def test_history_names_the_agent(start: Start, postgresql_url: str) -> None:
    """A change that somebody else made for the person says who it was, as plain text."""
    async with start(database_url=postgresql_url) as world:
        await _on_record(world, "voiceMobile", DefaultMethod.SMS, timedelta(hours=3), by=GRACE, name="Grace *Hopper*")

        assert r"by Grace \*Hopper\*" in await world.read(ADA, "history")


async def test_history_needs_a_sign_in(world: World) -> None:
    """Identity comes from two tokens that agree, also for looking at what was done: no records without a sign-in."""
    world.client(ADA).sso_enabled = False
    await world.client(ADA).say("history")
    await sign_in_card(world)
    await world.sandbox.teams.idle()

    assert [] == [message for message in world.client(ADA).messages if message.card]


# Limits


async def test_ten_changes_an_hour_are_the_limit(world: World) -> None:
    """The eleventh is not sent, whether typed, pressed or put back; the person hears when the next one is possible."""
    for number in range(10):
        card = await world.ask(ADA, "use calls to my mobile" if number % 2 else "use text messages")
        button = buttons(card.card or {}).get("Use text messages", {})
    assert 10 == world.patches()

    assert "The limit of changes in one hour is reached (10)" in await world.read(ADA, "use text messages")
    assert "in about 60 minutes" in await world.read(ADA, "undo")
    await world.client(ADA).press(card, button)

    assert "The limit of changes in one hour is reached (10)" in world.client(ADA).message(card.id).visible_text
    assert ("voiceMobile", 10) == (world.default_of(ADA), world.patches())
    assert "Changed:" in await world.read(GRACE, "use one-time codes")


async def test_the_limit_holds_for_many_at_once(start: Start) -> None:
    """Settable, and exact however many tries arrive together."""
    async with start(limit_self_per_hour=2) as world:
        await world.ask(ADA, "show my methods")
        wishes = ("use text messages", "use calls to my mobile") * 10

        await asyncio.gather(*(world.client(ADA).say(wish) for wish in wishes))

        assert (2, 2) == (world.patches(), world.count("audit", "kind = 'intent'"))
