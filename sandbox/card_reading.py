"""What a person sees of an Adaptive Card: its text and its buttons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.tenant import Json

ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"
OAUTH_CARD = "application/vnd.microsoft.card.oauth"

# Neither content nor actions of the card itself.
_NO_CONTENT = frozenset({"data", "fallback", "msteams", "refresh", "authentication"})


def buttons(card: Json) -> dict[str, Json]:
    """Every button that the bot answers and that is not greyed out, at any depth, by title (or id or verb).

    Of equal ones the first.
    """
    found: dict[str, Json] = {}
    for node in _nodes(card, hidden=True):
        if node.get("type") in {"Action.Execute", "Action.Submit"} and node.get("isEnabled") is not False:
            name = node.get("title") or node.get("id") or node.get("verb") or ""
            found.setdefault(str(name), node)
    return found


def sign_in_url(attachments: Iterable[Json]) -> str | None:
    """The address behind the sign-in button of an OAuth card, if there is one."""
    for attachment in attachments:
        content = attachment.get("content")
        if attachment.get("contentType") != OAUTH_CARD or not isinstance(content, dict):
            continue
        for button in content.get("buttons") or []:
            if button.get("type") == "signin" and isinstance(button.get("value"), str):
                return str(button["value"])
    return None


def card_text(card: Json) -> str:
    """The text that the card shows without a click, one piece a line, without the titles of buttons."""
    return "\n".join(text for node in _nodes(card, hidden=False) for text in _texts(node) if text)


def _nodes(node: Any, *, hidden: bool) -> Iterator[Json]:
    """The objects of a card in reading order, with or without what appears only after a click."""
    if isinstance(node, list):
        for item in node:
            yield from _nodes(item, hidden=hidden)
    elif isinstance(node, dict) and (hidden or node.get("isVisible", True)):
        yield node
        for name, child in node.items():
            if name not in _NO_CONTENT and (hidden or name != "card"):  # the card of an Action.ShowCard
                yield from _nodes(child, hidden=hidden)


def _texts(node: Json) -> Iterator[str]:
    """The text of one element, apart from the elements in it."""
    match node.get("type"):
        case "TextBlock" | "Badge":
            yield _text(node, "text")
        case "RichTextBlock":
            runs = node.get("inlines") or []
            yield "".join(run if isinstance(run, str) else _text(run, "text") for run in runs)
        case "FactSet":
            for fact in node.get("facts") or []:
                yield from (_text(fact, "title"), _text(fact, "value"))
        case "Input.ChoiceSet":
            yield _text(node, "label")
            yield from (_text(choice, "title") for choice in node.get("choices") or [])
        case str(kind) if kind.startswith("Input."):
            yield from (_text(node, "label"), _text(node, "title"))


def _text(node: Json, name: str) -> str:
    value = node.get(name)
    return value if isinstance(value, str) else ""
