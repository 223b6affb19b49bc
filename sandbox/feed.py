"""A list that tells its listeners about every new item: what the chat page replays, then follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

T = TypeVar("T")


class Feed(Sequence[T], Generic[T]):
    """An append-only sequence with subscribers.

    Nothing here awaits: whoever takes a copy and subscribes in one go misses nothing and hears nothing twice.
    """

    def __init__(self) -> None:
        self._items: list[T] = []
        self._listeners: list[Callable[[T], None]] = []

    def append(self, item: T) -> None:
        """Keep the item, then tell the subscribers."""
        self._items.append(item)
        self.announce(item)

    def announce(self, item: T) -> None:
        """Tell the subscribers without keeping the item (a typing indicator has no history)."""
        for listener in list(self._listeners):
            listener(item)

    def subscribe(self, listener: Callable[[T], None]) -> Callable[[], None]:
        """Call ``listener`` with every item from now on; the answer ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)
