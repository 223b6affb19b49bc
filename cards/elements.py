"""What the ``adaptivecards`` package lacks, and a guard for what it swallows.

Version 0.4.1 has no actions, fixes the card's version at 1.2 and silently drops arguments that it does not know. Here
are strict elements that refuse those, a 1.5 card, and ``Action.Execute``, ``Action.Submit`` and ``Action.OpenUrl``
(https://adaptivecards.io/explorer/Action.Execute.html).
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from adaptivecards.adaptivecard import AdaptiveCard
from adaptivecards.baseobject import AdaptiveCardJSONEncoder, BareObject, PropertyType
from adaptivecards.containers import ActionSet as _ActionSet
from adaptivecards.containers import Container as _Container
from adaptivecards.elements import TextBlock as _TextBlock

__all__ = [
    "MAX_CARD_BYTES",
    "ActionSet",
    "Card",
    "Container",
    "ExecuteAction",
    "OpenUrlAction",
    "SayAction",
    "TextBlock",
    "ToggleAction",
    "escape",
    "plain",
]

VERSION = "1.5"
MAX_CARD_BYTES = 28 * 1024
"""Below this every version of Teams' documentation lets a card through."""

# What Teams' Markdown and the card's own {{DATE()}} macros give a meaning inside a line. A backslash takes it away.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~<>])")
# Controls, line and paragraph separators, direction marks. The joiner U+200D stays: emoji are made with it.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")
# What would begin a list, where the text stands first.
_LIST = re.compile(r"^(\d*)([-+.)])(?=\s)")
_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"
_ESCAPED = re.compile(r"\\(.)")


def escape(foreign: str, limit: int = 80) -> str:
    """Text from people or from Graph, made harmless: no Markdown, no line breaks, no direction tricks, not too long."""
    plain = _INVISIBLE.sub(" ", foreign).strip()
    if len(plain) > limit:
        plain = plain[: limit - 1] + "…"
    harmless = _LIST.sub(r"\1\\\2", _MARKDOWN.sub(r"\\\1", plain))
    # A name that is read from right to left is set apart, so that it does not turn round what stands beside it.
    return f"{_ISOLATE}{harmless}{_END_OF_ISOLATE}" if any(map(_reads_leftwards, plain)) else harmless


def _reads_leftwards(character: str) -> bool:
    return unicodedata.bidirectional(character) in {"R", "AL", "AN"}


def plain(markdown: str) -> str:
    """A sentence of a card as it is read out or notified: without bold marks and escapes."""
    return _ESCAPED.sub(r"\1", markdown.replace("**", ""))


class _Strict(BareObject):
    """Refuses names that are no property of the class; the package would drop them without a word."""

    def __init__(self, **properties: Any) -> None:
        for name in properties:
            if not isinstance(_attribute(type(self), name), PropertyType):
                raise TypeError(f"{type(self).__name__} has no property {name!r}")
        super().__init__(**properties)


def _attribute(owner: type, name: str) -> object:
    """The attribute itself; ``getattr`` would call the property."""
    return next((vars(base)[name] for base in owner.__mro__ if name in vars(base)), None)


class TextBlock(_Strict, _TextBlock):
    """A paragraph; ``style="heading"`` (1.5) tells screen readers that it is one."""

    style = PropertyType(type=str)


class Container(_Strict, _Container):
    """A group of elements."""


class ActionSet(_Strict, _ActionSet):
    """Buttons in the body."""


class _Action(_Strict):
    title = PropertyType(type=str)
    id = PropertyType(type=str)
    style = PropertyType(type=str)
    tooltip = PropertyType(type=str)
    enabled = PropertyType(type=bool, key_name="isEnabled")
    action_type = ""

    def __init__(self, **properties: Any) -> None:
        super().__init__(**properties)
        self.set_data("type", self.action_type)


class ExecuteAction(_Action):
    """A button that the bot answers with a card."""

    action_type = "Action.Execute"
    verb = PropertyType(type=str)
    data = PropertyType(type=dict)


class SayAction(_Action):
    """A button that sends a message in the person's name (``imBack``).

    Source: https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-actions
    """

    action_type = "Action.Submit"
    data = PropertyType(type=dict)

    def __init__(self, *, says: str, **properties: Any) -> None:
        super().__init__(**properties, data={"msteams": {"type": "imBack", "value": says}})


class OpenUrlAction(_Action):
    """A button that opens a page."""

    action_type = "Action.OpenUrl"
    url = PropertyType(type=str)


class ToggleAction(_Action):
    """A button that shows parts of the card, and hides them again.

    Source: https://adaptivecards.io/explorer/Action.ToggleVisibility.html
    """

    action_type = "Action.ToggleVisibility"
    targets = PropertyType(type=list, key_name="targetElements")


class Card:
    """A whole card, version 1.5. ``to_dict`` gives plain JSON values."""

    def __init__(
        self, body: list[BareObject], *, actions: list[BareObject] | None = None, lang: str, fallback: str
    ) -> None:
        card = AdaptiveCard()
        # Setting ``card.version`` would be ignored.
        card.set_data("version", VERSION)
        card.body = body
        card.lang = lang
        card.fallback_text = plain(fallback)
        card.speak = plain(fallback)
        if actions:
            card.actions = actions
        self._card = card

    def to_dict(self) -> dict[str, Any]:
        """The card as dictionaries, lists and strings; ``render()`` alone would hand out live objects."""
        plain: dict[str, Any] = json.loads(json.dumps(self._card.render(), cls=AdaptiveCardJSONEncoder))
        return plain
