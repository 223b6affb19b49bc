"""What people write, in the chat: own and other addresses, pronouns, second thoughts, fallbacks, other languages."""

from __future__ import annotations

import pytest

from sandbox.faults import token
from tests.conftest import ADA, GRACE, KATHERINE, World
from tests.http.signing_in import exchange, silent_card, sso


@pytest.mark.parametrize(
    "text",
    [
        "ich möchte bitte auf einmalcode umstellen",
        "je préfère le code à usage unique",
        "ponme el código de la app en vez del push",
        "zet mijn standaard op de code uit de app aub",
        "muda para o código do aplicativo, por favor",
        "アプリのワンタイムコードに変更してください",
        "&lt;b&gt;oath&lt;/b&gt; please",
        "pls switch to the roling code",
    ],
)
async def test_people_may_write_as_they_write_to_a_colleague(world: World, text: str) -> None:
    """A clear wish in each of the seven languages, with mark-up or a harmless typo, changes the default."""
    await world.ask(ADA, text)

    assert world.default_of(ADA) == "oath"


async def test_the_own_address_is_the_writer(world: World) -> None:
    """Who gives the address of their own account means themselves; the sign-in vouches for it."""
    upn = world.sandbox.tenant.people[ADA].upn

    shown = await world.read(ADA, f"please set {upn.upper()} to oath")

    assert "Changed: Authenticator notification → one-time code." in shown
    assert world.default_of(ADA) == "oath"


@pytest.mark.parametrize("text", ["set {} to sms", "my account is {}, set it to sms", "undo the change for {}"])
async def test_another_address_is_somebody_else(world: World, text: str) -> None:
    """An address that is not of the account that signed in changes nothing, however it is presented."""
    upn = world.sandbox.tenant.people[GRACE].upn

    shown = await world.read(ADA, text.format(upn))

    assert "other people" in shown
    assert upn.replace("@", "") in shown.replace("@", "").replace("\\", "")
    assert world.patches() == 0


async def test_her_is_the_person_who_was_named_last(world: World) -> None:
    """A pronoun is understood from the conversation, and changes nothing for the writer."""
    asked = await world.read(ADA, "switch her to sms")
    await world.read(ADA, "set Grace Hopper to sms")
    understood = await world.read(ADA, "switch her to push")

    assert "Who do you mean?" in asked
    assert "Grace Hopper" in understood
    assert world.patches() == 0


async def test_the_same_is_asked_about(world: World) -> None:
    """For oneself, "the same" is what was asked for before, after a question."""
    await world.read(ADA, "set Grace Hopper to oath")

    shown = await world.read(ADA, "the same for me please")

    assert "Did you mean: one-time code?" in shown
    assert world.patches() == 0


async def test_a_yes_is_the_method_that_was_asked_about(world: World) -> None:
    """The question that was just asked is answered by a plain word, and the default changes."""
    await world.read(ADA, "use one-time codes, right?")
    untouched = world.patches()
    await world.read(ADA, "yes please")

    assert (0, 1) == (untouched, world.patches())
    assert "oath" == world.default_of(ADA)


async def test_a_pressed_button_ends_the_question(world: World) -> None:
    """Once another choice is made on a card, an "ok" is a word of thanks and does not bring the question back."""
    card = await world.ask(ADA, "show my methods")
    await world.read(ADA, "use the code from the app, right?")
    await world.client(ADA).press(card, "Use text messages")
    await world.read(ADA, "ok")

    assert "sms" == world.default_of(ADA)
    assert 1 == world.patches()


async def test_a_second_thought_drops_what_waits(world: World) -> None:
    """A "never mind" before the sign-in is done: the change that waited is not carried out afterwards."""
    card = await silent_card(world, ADA, "set my default MFA to oath")
    client = world.client(ADA)
    await client.say("never mind, leave it as it is")
    again = await silent_card(world, ADA, "show my methods")

    for one in (card, again):
        await exchange(world, ADA, one["tokenExchangeResource"]["id"], sso(world, ADA))
    await client.next_bot_card()
    await world.sandbox.teams.idle()

    assert world.patches() == 0


async def test_otherwise_is_taken_where_the_first_wish_can_not_be(world: World) -> None:
    """A fallback that people name is chosen if what they want first is not registered."""
    await world.ask(KATHERINE, "the code from the app, if that doesn't work then text me")

    assert world.default_of(KATHERINE) == "sms"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I forgot my password", "I can't reset passwords"),
        ("make my passkey the default", "This method can't be a **default**"),
        ("I lost my phone!!", "If the device is lost or stolen, tell your IT helpdesk at once"),
        ("add my new number +44 7700 900123", "I can't add or change phone numbers"),
        ("I need a temporary access pass", "I can't issue a Temporary Access Pass"),
        ("turn off mfa", "I can't switch off the second step"),
        ("set everyone in Finance to push", "I change nobody's default but your own"),
        ("why does it still ask me for push?", "Why Microsoft may ask for something else"),
        ("what is the difference between push and oath", "What a default method is"),
        ("will I lose my other methods?", "Your other methods stay"),
        ("never mind", "I leave everything as it is"),
        ("482913", "code"),
    ],
)
async def test_what_is_not_done_here_is_said_with_the_way(world: World, text: str, expected: str) -> None:
    """An honest answer, with where to go, without any sign-in."""
    assert expected in await world.read(ADA, text)
    assert world.sandbox.faults.seen(token("jwt-bearer")) == [] or text == "never mind"
    assert world.patches() == 0
