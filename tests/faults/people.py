"""People at the wire: what they send is kept, so that it can be delivered again, and what they are told is judged."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from sandbox import Answer, Call, ChatMessage, PostResult, Sandbox
from sandbox.faults import connector, graph
from sandbox.teams import buttons, card_text
from sandbox.tenant import Json
from tests.conftest import ADA

__all__ = ["METHODS", "WISHES", "Hold", "Judge", "Someone", "crowd", "shown"]

METHODS = {
    "sms": "text message",
    "voiceOffice": "call to office phone",
    "voiceMobile": "call to mobile phone",
}
"""Some defaults, none of them a step down from another, and what the cards call them."""
WISHES = {"sms": "use text messages", "voiceOffice": "use calls to my office", "voiceMobile": "use calls to my mobile"}
"""How to ask for them."""

_LIMIT_S = 20
_CHANGED = re.compile(r"Changed: .* → (.*)\.\*\* I have checked: Microsoft has saved it\.")


class Someone:
    """A person of the tenant."""

    def __init__(self, sandbox: Sandbox, oid: str = ADA) -> None:
        self.oid = oid
        self._sandbox = sandbox
        self._person = sandbox.tenant.people[oid]
        self._client = sandbox.teams.client(oid)

    def writes(self, text: str) -> Json:
        """A message, not delivered yet."""
        return self._sandbox.teams.channel.activity(self._person, text=text)

    def presses(self, card: ChatMessage, title: str) -> Json:
        """A press of a button, not delivered yet."""
        value = {"action": buttons(card.card or {})[title], "trigger": "manual"}
        return self._sandbox.teams.channel.invoke(self._person, "adaptiveCard/action", value, replyToId=card.id)

    async def deliver(self, activity: Json, bot_url: str | None = None) -> PostResult:
        """Bring it to the bot, or to the one that listens at ``bot_url``."""
        if bot_url is not None:
            # Nothing else can run between this and the moment when the address is read.
            self._sandbox.connect_bot(f"{bot_url}/api/messages")
        return await self._sandbox.teams.channel.post(activity)

    async def ask(self, text: str, bot_url: str | None = None, timeout_s: float = _LIMIT_S) -> ChatMessage:
        """Write ``text``; the card that answers it."""
        before = {message.id for message in self._client.messages}
        await self.deliver(self.writes(text), bot_url)

        def is_answer(message: ChatMessage) -> bool:
            return message.card is not None and message.id not in before

        return await self._client.wait_for(is_answer, timeout_s)

    async def read(self, text: str, bot_url: str | None = None) -> str:
        """The same, as the card's text."""
        return (await self.ask(text, bot_url)).visible_text

    @property
    def cards(self) -> list[str]:
        """The texts of all cards that the bot has sent."""
        return [message.visible_text for message in self._client.messages if message.card is not None]

    @property
    def default(self) -> object:
        """What the tenant has stored."""
        return self._person.preferences.get("userPreferredMethodForSecondaryAuthentication")

    @property
    def patches(self) -> int:
        """How often Graph was asked to change the person's default."""
        return len(self._sandbox.faults.seen(lambda call: graph("PATCH")(call) and call.person_oid == self.oid))

    def is_read_back(self, call: Call) -> bool:
        """Matches reads of the preferences that follow the person's PATCH."""
        return graph("GET", "signInPreferences")(call) and call.person_oid == self.oid and bool(self.patches)


def crowd(sandbox: Sandbox, count: int) -> Sequence[Someone]:
    """``count`` new people who have registered the same as Ada."""
    ada = sandbox.tenant.people[ADA]
    people = []
    for number in range(count):
        oid = f"c40d0000-0000-4000-8000-{number:012}"
        upn = f"person{number}@contoso.example"
        sandbox.tenant.people[oid] = replace(deepcopy(ada), oid=oid, upn=upn, display_name=f"Person {number}")
        people.append(Someone(sandbox, oid))
    return people


def shown(result: PostResult) -> str:
    """The text of the card that answers a press."""
    return card_text(result.body["value"])


class Hold:
    """A fault that holds calls; when they are let go they get ``answer``, or go on where that is None."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.count = 0
        self._answer = answer
        self._arrived = asyncio.Condition()
        self._released = asyncio.Event()

    async def __call__(self, _call: Call) -> Answer | None:
        """Hold a call."""
        async with self._arrived:
            self.count += 1
            self._arrived.notify_all()
        async with asyncio.timeout(_LIMIT_S):
            await self._released.wait()
        return self._answer

    async def holds(self, count: int) -> None:
        """Return once ``count`` calls are held."""
        async with asyncio.timeout(_LIMIT_S), self._arrived:
            await self._arrived.wait_for(lambda: self.count >= count)

    def let_go(self) -> None:
        """Hold nothing any more."""
        self._released.set()


class Judge:
    """Reads all that the bot sends, at the moment when it is sent: ``lies`` are what was not true then.

    ``heard`` counts the changes that were told as read back.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.heard = 0
        self.lies: list[str] = []
        self._sandbox = sandbox
        for method in ("POST", "PUT"):
            sandbox.faults.add(connector(method), self._judge, times=None)

    async def _judge(self, call: Call) -> None:
        for attachment in call.detail.get("attachments") or []:
            content = attachment.get("content") or {}
            text = card_text(content) if content.get("type") == "AdaptiveCard" else ""
            said = _CHANGED.search(text)
            if said and call.person_oid:
                self.heard += 1
                if METHODS[str(Someone(self._sandbox, call.person_oid).default)] != said[1]:
                    self.lies.append(text)
