"""Commands: what was understood of a message. Frozen, and storable while a sign-in is under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.mfa import DefaultMethod

__all__ = [
    "AskWhich",
    "Command",
    "ForSomebodyElse",
    "Greet",
    "Help",
    "History",
    "NotUnderstood",
    "Press",
    "Refresh",
    "SetDefault",
    "Show",
    "SignOut",
    "Undo",
    "command_from_json",
    "command_to_json",
]


@dataclass(frozen=True, slots=True)
class Show:
    """Show my methods and my default."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """The same as Show, asked for by a card's button: the answer takes the card's place."""


@dataclass(frozen=True, slots=True)
class SetDefault:
    """Make ``method`` my default."""

    method: DefaultMethod


@dataclass(frozen=True, slots=True)
class Undo:
    """Put my default back to what it was before the last change that was made through the bot."""


@dataclass(frozen=True, slots=True)
class History:
    """Show what was changed through the bot for me."""


@dataclass(frozen=True, slots=True)
class Press:
    """A button of a card was pressed; ``action_id`` is what we minted for it, not yet verified."""

    action_id: str


@dataclass(frozen=True, slots=True)
class SignOut:
    """Forget my sign-in."""


@dataclass(frozen=True, slots=True)
class AskWhich:
    """A change was asked for, but not clearly which: offer ``candidates`` and change nothing."""

    candidates: tuple[DefaultMethod, ...] = ()


@dataclass(frozen=True, slots=True)
class ForSomebodyElse:
    """Something about another person than the one who writes."""


@dataclass(frozen=True, slots=True)
class Help:
    """What can you do?"""


@dataclass(frozen=True, slots=True)
class Greet:
    """Hello."""


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """Nothing that the bot knows."""


Command = (
    Show
    | Refresh
    | SetDefault
    | Undo
    | History
    | Press
    | SignOut
    | AskWhich
    | ForSomebodyElse
    | Help
    | Greet
    | NotUnderstood
)

_PLAIN: dict[str, type[Show] | type[Refresh] | type[Undo] | type[History]] = {
    "show": Show,
    "refresh": Refresh,
    "undo": Undo,
    "history": History,
}


def command_to_json(command: Command) -> dict[str, str | list[str]]:
    """The form in which a pending command is stored. Only commands that need a token are ever pending."""
    match command:
        case Show():
            return {"kind": "show"}
        case Refresh():
            return {"kind": "refresh"}
        case Undo():
            return {"kind": "undo"}
        case History():
            return {"kind": "history"}
        case SetDefault(method):
            return {"kind": "set", "method": method.value}
        case Press(action_id):
            return {"kind": "press", "action_id": action_id}
        case AskWhich(candidates):
            return {"kind": "ask", "candidates": [method.value for method in candidates]}
    raise ValueError(f"{type(command).__name__} needs no sign-in and is never stored")


def command_from_json(stored: Mapping[str, object]) -> Command:
    """The command that ``command_to_json`` stored.

    Raises:
        ValueError: nothing that it could have stored.
    """
    kind = stored.get("kind")
    if isinstance(kind, str) and kind in _PLAIN:
        return _PLAIN[kind]()
    if kind == "set":
        return SetDefault(DefaultMethod(str(stored.get("method"))))
    action_id = stored.get("action_id")
    if kind == "press" and isinstance(action_id, str):
        return Press(action_id)
    candidates = stored.get("candidates")
    if kind == "ask" and isinstance(candidates, list):
        return AskWhich(tuple(DefaultMethod(name) for name in candidates))
    raise ValueError(f"no stored command: {kind!r}")
