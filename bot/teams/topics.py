"""What each conversation was about last, for "her" and "the same". In memory only, for half an hour."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from bot.commands import AskWhich
from bot.understanding import Topic

__all__ = ["Topics"]

_LIFETIME_S = 30 * 60
_MOST = 10_000


class Topics:
    """Bounded. Another instance of the bot does not know them; there "her" is asked about, which is safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self._clock = clock
        self._most = most
        self._topics: OrderedDict[str, tuple[float, Topic]] = OrderedDict()

    def of(self, conversation_id: str) -> Topic:
        """What the conversation was about within the last half hour."""
        noted_at_s, topic = self._topics.get(conversation_id, (0.0, Topic()))
        return topic if self._clock() - noted_at_s < _LIFETIME_S else Topic()

    def close_question(self, conversation_id: str) -> None:
        """What was asked is over: a button was pressed, so that a later "ok" agrees to nothing."""
        noted = self._topics.get(conversation_id)
        if noted is not None:
            self._topics[conversation_id] = (noted[0], replace(noted[1], asked=None, warned=False, language=None))

    def ask(self, conversation_id: str, question: AskWhich, language: str, *, warned: bool = False) -> None:
        """What the newest card asks, so that a "yes" agrees to it; ``warned`` if it says that this protects less."""
        topic = replace(self.of(conversation_id), asked=question, warned=warned, language=language)
        self.keep(conversation_id, topic)

    def keep(self, conversation_id: str, topic: Topic) -> None:
        """What it is about now."""
        self._topics.pop(conversation_id, None)
        if topic != Topic():
            self._topics[conversation_id] = (self._clock(), topic)
        if len(self._topics) > self._most:
            self._topics.popitem(last=False)
