"""The Teams clients of one person: what the person does, and what the bot's answers do to the chat.

Card actions: https://learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from sandbox import sso
from sandbox.background import Background
from sandbox.card_reading import ADAPTIVE_CARD, buttons, sign_in_url
from sandbox.channel import Channel, PostResult, user_id
from sandbox.chat import Chat, ChatMessage
from sandbox.entra_pages import SANDBOX_CODE
from sandbox.login_request import WaitingAction, asks_for_sign_in, login_request
from sandbox.sign_in import CANCELLED_STATE, SignInResult, Wishes, walk
from sandbox.tenant import Json, SandboxPerson, iso_utc

TEXT_REPLY = "application/vnd.microsoft.activity.message"
ERROR_REPLY = "application/vnd.microsoft.error"
WENT_WRONG = "Something went wrong. Please try again."
SIGNED_IN_NOTE = "Signed in silently (Teams single sign-on)"


class TeamsClient:
    """One person with their Teams clients.

    ``endpoints`` is the number of active clients (desktop and phone), each of which takes part in single
    sign-on; with ``sso_enabled`` False they get no token.
    """

    def __init__(
        self,
        person: SandboxPerson,
        channel: Channel,
        background: Background,
        issue_sso_token: Callable[[SandboxPerson], str],
        clock: Callable[[], float],
    ) -> None:
        self.person = person
        self.chat = Chat()
        self.endpoints = 2
        self.sso_enabled = True
        self._channel = channel
        self._background = background
        self._issue_sso_token = issue_sso_token
        self._clock = clock
        self._waiting_actions: dict[str, WaitingAction] = {}

    # What the person sees.

    @property
    def messages(self) -> list[ChatMessage]:
        """All messages, hidden ones too, as they stand now."""
        return list(self.chat.messages)

    @property
    def notes(self) -> list[str]:
        """The grey lines so far."""
        return self._texts("note")

    @property
    def errors(self) -> list[str]:
        """The red bars so far."""
        return self._texts("error")

    def message(self, message: ChatMessage | str) -> ChatMessage:
        """A message as it stands now.

        Raises:
            KeyError: there is none with this id (any more).
        """
        message_id = message.id if isinstance(message, ChatMessage) else message
        found = self.chat.find(message_id)
        if found is None:
            raise KeyError(message_id)
        return found

    async def wait_for(self, predicate: Callable[[ChatMessage], bool], timeout_s: float = 5) -> ChatMessage:
        """The first visible message for which the predicate holds, now or as soon as there is one.

        Raises:
            TimeoutError: there was none in time.
        """

        def first() -> ChatMessage | None:
            shown = (message for message in self.chat.messages if not message.hidden)
            return next((message for message in shown if predicate(message)), None)

        return await self.chat.wait_for(first, timeout_s)

    async def next_bot_card(self, after: ChatMessage | str | None = None, timeout_s: float = 5) -> ChatMessage:
        """The bot's first visible message with an Adaptive Card, in the whole chat or below a message."""
        after_id = after.id if isinstance(after, ChatMessage) else after

        def is_next(message: ChatMessage) -> bool:
            return message.sender == "bot" and message.card is not None and self._is_below(message, after_id)

        return await self.wait_for(is_next, timeout_s)

    # What the person does.

    async def say(self, text: str) -> ChatMessage:
        """Send a message; returns when the bot has taken it (or has not: then there is an error)."""
        mine, _ = await self._say(text)
        return mine

    async def press(
        self,
        message: ChatMessage | str,
        button: str | Json,
        *,
        inputs: Mapping[str, str] | None = None,
    ) -> PostResult:
        """Press a button of a message's card, by title or given as an action; returns the bot's answer.

        ``inputs`` are what the person filled in. Disabled buttons work too: Teams has ignored ``isEnabled``.

        Raises:
            KeyError: no such message, or no such button on it.
        """
        pressed = self.message(message)
        action = buttons(pressed.card or {})[button] if isinstance(button, str) else button
        if action.get("type") == "Action.Submit":
            return await self._submit(pressed, _sent(action, inputs))
        return await self._execute(WaitingAction(pressed.id, _sent(action, inputs)))

    async def install(self) -> Sequence[PostResult]:
        """Add the app: Teams tells the bot so in two activities at once."""
        no_text = {"text": None, "textFormat": None, "entities": None}
        sender = {"id": user_id(self.person), "aadObjectId": self.person.oid}
        added = self._channel.activity(
            self.person,
            type="conversationUpdate",
            membersAdded=[{"id": self._channel.bot_id}],
            **no_text,
            **{"from": sender},
        )
        installed = self._channel.activity(
            self.person, type="installationUpdate", action="add", **no_text, **{"from": sender}
        )
        return await asyncio.gather(self._channel.post(added), self._channel.post(installed))

    def sign_in_url(self, message: ChatMessage | str) -> str:
        """The address behind a message's sign-in button.

        Raises:
            KeyError: no such message, or no such button on it.
        """
        found = sign_in_url(self.message(message).attachments)
        if found is None:
            raise KeyError("no sign-in button")
        return found

    async def sign_in(
        self,
        message: ChatMessage | str,
        code: str = SANDBOX_CODE,
        *,
        account: SandboxPerson | None = None,
        outside_browser: bool = False,
        cancel: bool = False,
    ) -> SignInResult:
        """Press a message's sign-in button and go through the pages; returns when the bot has heard of it.

        ``account`` signs in as somebody else. In a browser outside of Teams the bot hears nothing. Who cancels, gives
        a wrong code or ends at a page that knows no way on closes the window.

        Raises:
            KeyError: no such message, or no sign-in button on it.
        """
        signed = self.message(message)
        wishes = Wishes(account or self.person, code, cancel)
        ended = await walk(self.sign_in_url(signed), wishes)
        if outside_browser:
            return ended
        return replace(ended, invoke=await self.close_sign_in(signed, ended.result))

    async def close_sign_in(self, message: ChatMessage | str, state: str | None) -> PostResult:
        """The sign-in window has closed, with what its page gave to ``notifySuccess`` or with nothing.

        The bot may have taken the message away meanwhile; it hears of the sign-in all the same.
        """
        message_id = message.id if isinstance(message, ChatMessage) else message
        waiting = self._waiting_actions.get(message_id)
        if waiting and state is not None:
            del self._waiting_actions[message_id]
            self.chat.hide(message_id)
            return await self._execute(replace(waiting, state=state))
        value = {"state": CANCELLED_STATE if state is None else state}
        result = await self._send_invoke("signin/verifyState", value)
        if state is not None and result.ok and self.chat.find(message_id):
            self.chat.hide(message_id)
        return result

    async def report_failure(self, code: str) -> list[PostResult]:
        """Single sign-on fails in every client with a code such as ``resourcematchfailed``; the bot's answers."""
        return await sso.report_failure(self.endpoints, self._send_invoke, code)

    # What the bot does, through the Bot Connector.

    def receive(self, activity: Json) -> str:
        """A message of the bot; returns its id. A card that asks for single sign-on waits for its outcome."""
        wanted = sso.wanted_exchange(activity.get("attachments") or [])
        message_id = self._channel.next_id()
        content = _content(activity)
        at = iso_utc(self._clock())
        self.chat.add(ChatMessage(message_id, "bot", at=at, hidden=wanted is not None, **content))
        if wanted:
            self._background.start(self._sign_in(message_id, wanted))
        return message_id

    def update(self, message_id: str, activity: Json) -> None:
        """The bot replaces a message. A hidden sign-in card stays hidden as long as it is one."""
        content = _content(activity)
        hidden = self.message(message_id).hidden and sso.wanted_exchange(content["attachments"]) is not None
        self.chat.update(message_id, hidden=hidden, **content)

    async def _sign_in(self, message_id: str, wanted: sso.Exchange) -> None:
        if self.sso_enabled:
            outcome = await sso.exchange(
                wanted, self.endpoints, lambda: self._issue_sso_token(self.person), self._send_invoke
            )
        else:
            await sso.report_failure(self.endpoints, self._send_invoke)
            outcome = sso.Outcome.SHOW_NOTHING
        if outcome is sso.Outcome.SIGNED_IN:
            self.chat.note(SIGNED_IN_NOTE)
        elif outcome is sso.Outcome.SHOW_CARD:
            self.chat.change(message_id, hidden=False)

    async def _execute(self, action: WaitingAction) -> PostResult:
        """Send a card action, a second time with a token or after a sign-in if the bot asks for one."""
        result = await self._send_invoke("adaptiveCard/action", action.value(), replyToId=action.message_id)
        wanted = login_request(result)
        if wanted is None:
            self._show_answer(action.message_id, result)
            return result
        exchange = sso.wanted_exchange([wanted])
        if exchange and self.sso_enabled and action.is_first:
            token = self._issue_sso_token(self.person)
            result = await self._send_invoke(
                "adaptiveCard/action", action.value(exchange, token), replyToId=action.message_id
            )
            if not asks_for_sign_in(result):
                self._show_answer(action.message_id, result)
                return result
        shown = self._show(attachments=(wanted,))
        self._waiting_actions[shown.id] = action
        return result

    def _show(self, text: str = "", **more: Any) -> ChatMessage:
        """What the client itself puts into the chat."""
        message = ChatMessage(self._channel.next_id(), "bot", text, iso_utc(self._clock()), **more)
        self.chat.add(message)
        return message

    def _show_answer(self, message_id: str, result: PostResult) -> None:
        """The HTTP status of an answer to a card action is always 200, the real one is in the body."""
        body = result.body if result.status == HTTPStatus.OK and isinstance(result.body, dict) else {}
        kind, value = str(body.get("type")), body.get("value")
        succeeded = body.get("statusCode") == HTTPStatus.OK
        if succeeded and kind == ADAPTIVE_CARD and isinstance(value, dict):
            self._replace_card(message_id, value)
        elif succeeded and kind == TEXT_REPLY and isinstance(value, str):
            self._show(value, ephemeral=True)
        elif kind.startswith(ERROR_REPLY) and isinstance(value, dict):
            self.chat.error(str(value.get("message") or WENT_WRONG))
        else:
            self.chat.error(WENT_WRONG)

    def _replace_card(self, message_id: str, card: Json) -> None:
        message = self.chat.find(message_id)
        if message is None:
            return
        replaced = {"contentType": ADAPTIVE_CARD, "content": card}
        kept = [one for one in message.attachments if one["contentType"] != ADAPTIVE_CARD]
        self.chat.update(message_id, attachments=(replaced, *kept))

    async def _submit(self, pressed: ChatMessage, action: Json) -> PostResult:
        """An Action.Submit is a message with a value; with ``imBack`` the person says that value."""
        teams = action["data"].get("msteams")
        if isinstance(teams, dict) and teams.get("type") == "imBack":
            return (await self._say(str(teams.get("value", ""))))[1]
        activity = self._channel.activity(self.person, text=None, value=action["data"], replyToId=pressed.id)
        return await self._deliver(activity)

    async def _say(self, text: str) -> tuple[ChatMessage, PostResult]:
        activity = self._channel.activity(self.person, text=text)
        mine = ChatMessage(activity["id"], "me", text, activity["timestamp"], text_format="plain")
        self.chat.add(mine)
        return mine, await self._deliver(activity)

    async def _deliver(self, activity: Json) -> PostResult:
        result = await self._channel.post(activity)
        if not result.ok:
            self.chat.error(WENT_WRONG)
        return result

    async def _send_invoke(self, name: str, value: Json, **more: Any) -> PostResult:
        return await self._channel.post(self._channel.invoke(self.person, name, value, **more))

    def _is_below(self, message: ChatMessage, after_id: str | None) -> bool:
        ids = [one.id for one in self.chat.messages]
        return after_id not in ids or ids.index(message.id) > ids.index(after_id)

    def _texts(self, event_name: str) -> list[str]:
        return [event.data["text"] for event in self.chat.events if event.name == event_name]


def _sent(action: Json, inputs: Mapping[str, str] | None) -> Json:
    """The action as a client sends it: its name, its data, and the inputs merged into that."""
    named = {name: action[name] for name in ("type", "id", "title", "verb") if name in action}
    data = action.get("data")
    return named | {"data": {**(data if isinstance(data, dict) else {}), **(inputs or {})}}


def _content(activity: Json) -> dict[str, Any]:
    """What a message of the bot says, as fields of ChatMessage."""
    suggested = (activity.get("suggestedActions") or {}).get("actions") or []
    return {
        "text": activity.get("text") or "",
        "attachments": tuple(activity.get("attachments") or []),
        "suggested_actions": tuple(suggested),
        "text_format": activity.get("textFormat") or "markdown",
    }
