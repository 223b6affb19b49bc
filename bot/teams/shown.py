"""Which card of a conversation shows how things are. In memory only, and forgotten after a while."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from bot.locale import Reader
from bot.replies import StateReply

__all__ = ["Shown", "ShownCards"]

_LIFETIME_S = 24 * 60 * 60
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A card with somebody's methods: the id of its message, what it shows and who reads it."""

    activity_id: str
    reply: StateReply
    reader: Reader
    undo_until_s: float = 0.0
    """How long its Undo stays when it is refreshed, on the monotonic clock."""


class ShownCards:
    """The newest card of each conversation, so that the one before it can be marked as out of date.

    Bounded. A card that another instance of the bot has sent is not known here, and so stays as it is; what its
    buttons do is checked all the same when they are pressed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self._clock = clock
        self._most = most
        self._shown: OrderedDict[str, tuple[float, Shown]] = OrderedDict()

    def newest(self, conversation_id: str) -> Shown | None:
        """The card that shows how things are, as far as it is known."""
        return self._shown.get(conversation_id, (0.0, None))[1]

    def note(self, conversation_id: str, shown: Shown) -> Shown | None:
        """``shown`` is the newest card now; the one that was it before, if that is another message."""
        at_s, before = self._shown.pop(conversation_id, (0.0, None))
        self._shown[conversation_id] = (self._clock(), shown)
        if len(self._shown) > self._most:
            self._shown.popitem(last=False)
        if before is None or before.activity_id == shown.activity_id or self._clock() - at_s > _LIFETIME_S:
            return None
        return before
