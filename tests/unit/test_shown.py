"""Which card is the newest of its conversation."""

from __future__ import annotations

from bot.locale import Reader
from bot.mfa import MfaState, Oid, Person, Preferences, TenantId
from bot.replies import StateReply
from bot.teams.shown import Shown, ShownCards

READER = Reader()
REPLY = StateReply(Person(Oid("oid"), TenantId("tid")), MfaState(Preferences(), ()), ())


def shown(activity_id: str) -> Shown:
    """A card in a message of that id."""
    return Shown(activity_id, REPLY, READER)


def test_the_card_before_is_given_once() -> None:
    """A newer card makes the one before it out of date; the same message again does not."""
    cards = ShownCards()
    assert cards.note("a", shown("1")) is None
    assert cards.note("a", shown("1")) is None
    assert shown("1") == cards.note("a", shown("2"))
    assert shown("2") == cards.note("a", shown("1"))


def test_conversations_do_not_know_of_each_other() -> None:
    """A card of somebody else is not touched."""
    cards = ShownCards()
    cards.note("a", shown("1"))
    assert cards.note("b", shown("2")) is None


def test_a_card_of_yesterday_is_left_alone() -> None:
    """It is far up in the chat, and what its buttons do is checked anyway."""
    now = 0.0
    cards = ShownCards(clock=lambda: now)
    cards.note("a", shown("1"))
    now = 24 * 3600 + 1
    assert cards.note("a", shown("2")) is None


def test_only_so_many_are_remembered() -> None:
    """The memory is bounded: the oldest is forgotten first."""
    cards = ShownCards(most=2)
    for conversation in ("a", "b", "c"):
        cards.note(conversation, shown(conversation))
    assert cards.note("a", shown("new")) is None
    assert shown("c") == cards.note("c", shown("new"))
