"""Commands: what was understood of a message. Frozen, and storable while a sign-in is under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.mfa import DefaultMethod

__all__ = [
    "EXPLAINED",
    "NOT_DONE_HERE",
    "AskWhich",
    "AskWho",
    "Cancel",
    "CantDo",
    "Command",
    "Explain",
    "ForSomebodyElse",
    "Greet",
    "Help",
    "History",
    "IfMe",
    "NotUnderstood",
    "Press",
    "Refresh",
    "SetDefault",
    "Show",
    "SignOut",
    "Undo",
    "changes_something",
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
    """Make ``method`` my default; if it can't be chosen, ``otherwise``."""

    method: DefaultMethod
    otherwise: DefaultMethod | None = None
    agreed: bool = False
    """True when it answers the question whether it shall be so: then a weaker method needs no second yes."""


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

    target: str = ""
    """As written; empty where nobody was named."""
    method: DefaultMethod | None = None
    """What their default shall be; None where nothing (clear) shall be changed."""


@dataclass(frozen=True, slots=True)
class IfMe:
    """``command``, if ``address`` is the address of the person who writes; something about somebody else, if not."""

    address: str
    command: Show | SetDefault | AskWhich | Undo | History


@dataclass(frozen=True, slots=True)
class AskWho:
    """Something about "her" or "him", and nobody was named before."""


@dataclass(frozen=True, slots=True)
class Explain:
    """A question about how it all works; ``topic`` is one of ``EXPLAINED``."""

    topic: str


@dataclass(frozen=True, slots=True)
class CantDo:
    """Something that is done elsewhere; ``topic`` is one of ``NOT_DONE_HERE``."""

    topic: str
    about_me: bool = True
    """False where it is about somebody else."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """Never mind: whatever waits shall not be done."""


@dataclass(frozen=True, slots=True)
class Help:
    """What can you do?"""


@dataclass(frozen=True, slots=True)
class Greet:
    """Small talk."""

    kind: str = "hello"
    """``hello``, ``thanks`` or ``robot`` ("are you a real person?")."""


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """Nothing that the bot knows."""

    pasted_code: bool = False
    """True where it looks like a code that should not be shown to anybody."""


EXPLAINED = ("overruled", "default", "others")
NOT_DONE_HERE = (
    "password_reset", "lost_phone", "number", "new_phone", "register", "tap", "mfa_off", "unlock", "unexpected",
    "system_preferred", "not_arriving", "bulk",
    "passkey", "windows_hello", "certificate", "email", "messenger", "question",
)  # fmt: skip

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
    | IfMe
    | AskWho
    | Explain
    | CantDo
    | Cancel
    | Help
    | Greet
    | NotUnderstood
)


def changes_something(command: Command) -> bool:
    """True for what is carried out once, and in the order in which it was said."""
    return isinstance(command.command if isinstance(command, IfMe) else command, (SetDefault, Undo))


_PLAIN: dict[str, type[Show] | type[Refresh] | type[Undo] | type[History]] = {
    "show": Show,
    "refresh": Refresh,
    "undo": Undo,
    "history": History,
}


def command_to_json(command: Command) -> dict[str, Any]:
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
        case SetDefault(method, otherwise, agreed):
            stored: dict[str, Any] = {"kind": "set", "method": method.value}
            if otherwise:
                stored["otherwise"] = otherwise.value
            return {**stored, "agreed": True} if agreed else stored
        case IfMe(address, wanted):
            return {"kind": "if_me", "address": address, "command": command_to_json(wanted)}
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
        otherwise = stored.get("otherwise")
        return SetDefault(
            DefaultMethod(str(stored.get("method"))),
            DefaultMethod(str(otherwise)) if otherwise else None,
            agreed=stored.get("agreed") is True,
        )
    address, inner = stored.get("address"), stored.get("command")
    if kind == "if_me" and isinstance(address, str) and isinstance(inner, dict):
        wanted = command_from_json(inner)
        if isinstance(wanted, (Show, SetDefault, AskWhich, Undo, History)):
            return IfMe(address, wanted)
    action_id = stored.get("action_id")
    if kind == "press" and isinstance(action_id, str):
        return Press(action_id)
    candidates = stored.get("candidates")
    if kind == "ask" and isinstance(candidates, list):
        return AskWhich(tuple(DefaultMethod(name) for name in candidates))
    raise ValueError(f"no stored command: {kind!r}")
