"""Deliveries: an activity is new once, and what is kept of it is bounded."""

from __future__ import annotations

from botbuilder.schema import Activity, ConversationAccount

from bot.teams.deliveries import Deliveries


def activity(name: str | None, conversation: str = "a:1") -> Activity:
    """One of a conversation."""
    return Activity(id=name, conversation=ConversationAccount(id=conversation))


def test_an_activity_is_new_once_in_its_conversation() -> None:
    """The same id in another conversation is another activity; one without an id is always new."""
    deliveries = Deliveries()
    seen = [activity("1"), activity("1"), activity("2"), activity("1", "a:2"), activity(None), activity(None)]
    assert [False, True, False, False, False, False] == [deliveries.is_repeated(one) for one in seen]


def test_the_oldest_is_forgotten_first() -> None:
    """However many there are, memory stays within bounds."""
    deliveries = Deliveries(most=2)
    for name in ("1", "2", "3"):
        deliveries.is_repeated(activity(name))
    assert [True, True, False] == [deliveries.is_repeated(activity(name)) for name in ("3", "2", "1")]
