"""What is handed out once, under a name that nobody can guess, and taken back once."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleUse(Generic[T]):
    """At most ``limit`` things, each for ``lifetime_s``; the oldest make room."""

    def __init__(self, clock: Callable[[], float], lifetime_s: float, limit: int = 1000) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._limit = limit
        self._kept: dict[str, tuple[float, T]] = {}

    def keep(self, thing: T) -> str:
        """The name under which ``take`` gives it back."""
        while len(self._kept) >= self._limit:
            del self._kept[next(iter(self._kept))]
        name = secrets.token_urlsafe(32)
        self._kept[name] = (self._clock() + self._lifetime_s, thing)
        return name

    def take(self, name: str) -> T | None:
        """The thing, the first time and in time."""
        ends_at, thing = self._kept.pop(name, (0.0, None))
        return thing if self._clock() < ends_at else None
