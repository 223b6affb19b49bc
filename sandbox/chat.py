"""One person's chat with the bot: its messages, and its events as the page gets them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from sandbox.card_reading import ADAPTIVE_CARD, card_text
from sandbox.feed import Feed
from sandbox.tenant import Json


@dataclass(frozen=True)
class ChatMessage:
    """A message as it stood at one moment; ``updated`` counts how often it was replaced.

    A hidden message is in the chat but not on the screen (a sign-in card while single sign-on goes on). An
    ephemeral one is an answer to a button, shown as a note.
    """

    id: str
    sender: Literal["me", "bot"]
    text: str
    at: str
    attachments: tuple[Json, ...] = ()
    suggested_actions: tuple[Json, ...] = ()
    text_format: str = "markdown"
    hidden: bool = False
    ephemeral: bool = False
    updated: int = 0

    @property
    def card(self) -> Json | None:
        """The first Adaptive Card, if there is one."""
        cards = (one["content"] for one in self.attachments if one.get("contentType") == ADAPTIVE_CARD)
        return next(cards, None)

    @property
    def visible_text(self) -> str:
        """The text and that of the card."""
        return "\n".join(filter(None, [self.text, card_text(self.card) if self.card else ""]))

    def to_json(self) -> Json:
        """The message as the page wants it."""
        return {
            "id": self.id,
            "sender": self.sender,
            "text": self.text,
            "textFormat": self.text_format,
            "attachments": list(self.attachments),
            "suggestedActions": list(self.suggested_actions),
            "at": self.at,
        }


@dataclass(frozen=True)
class ChatEvent:
    """An event of the page's stream: ``message``, ``removed``, ``typing``, ``note`` or ``error``."""

    name: str
    data: Json


class Chat:
    """Messages in order, and the feed of events from which a page can be rebuilt."""

    def __init__(self) -> None:
        self.messages: list[ChatMessage] = []
        self.events: Feed[ChatEvent] = Feed()
        self._waiting: set[asyncio.Future[None]] = set()

    def find(self, message_id: str) -> ChatMessage | None:
        """The message as it stands now."""
        return next((message for message in self.messages if message.id == message_id), None)

    def add(self, message: ChatMessage) -> None:
        """A new message at the end."""
        self.messages.append(message)
        self._show(message)

    def change(self, message_id: str, **changes: Any) -> None:
        """Replace a message in place; nothing happens if it is gone."""
        for position, message in enumerate(self.messages):
            if message.id == message_id:
                self.messages[position] = replace(message, **changes)
                self._show(self.messages[position])

    def update(self, message_id: str, **changes: Any) -> None:
        """Change what a message says; that counts as an update."""
        message = self.find(message_id)
        if message is not None:
            self.change(message_id, updated=message.updated + 1, **changes)

    def hide(self, message_id: str) -> None:
        """Take a message off the screen; it stays in the chat."""
        self.change(message_id, hidden=True)
        self._publish(ChatEvent("removed", {"id": message_id}))

    def remove(self, message_id: str) -> None:
        """Take a message away."""
        self.messages = [message for message in self.messages if message.id != message_id]
        self._publish(ChatEvent("removed", {"id": message_id}))

    def typing(self) -> None:
        """Show that the bot is typing; that leaves no trace."""
        self.events.announce(ChatEvent("typing", {}))

    def note(self, text: str) -> None:
        """A small grey line."""
        self._publish(ChatEvent("note", {"text": text}))

    def error(self, text: str) -> None:
        """A red bar."""
        self._publish(ChatEvent("error", {"text": text}))

    async def wait_for(self, find: Callable[[], ChatMessage | None], timeout_s: float) -> ChatMessage:
        """What ``find`` finds, asked again after every change.

        Raises:
            TimeoutError: nothing found in time; the text says what is in the chat.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while (found := find()) is None:
                    await self._change()
        except TimeoutError as error:
            raise TimeoutError(f"not in the chat after {timeout_s} s: {self.messages}") from error
        return found

    async def _change(self) -> None:
        changed = asyncio.get_running_loop().create_future()
        self._waiting.add(changed)
        try:
            await changed
        finally:
            self._waiting.discard(changed)

    def _show(self, message: ChatMessage) -> None:
        """Ephemeral messages are notes on the page, hidden ones are not there."""
        if message.ephemeral:
            self._publish(ChatEvent("note", {"text": message.text}))
        elif not message.hidden:
            self._publish(ChatEvent("message", message.to_json()))
        else:
            self._wake()

    def _publish(self, event: ChatEvent) -> None:
        self.events.append(event)
        self._wake()

    def _wake(self) -> None:
        for changed in self._waiting:
            if not changed.done():
                changed.set_result(None)
