"""What was understood of a message, with the words that decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bot.mfa import DefaultMethod

__all__ = ["Intent", "Reading"]


class Intent(StrEnum):
    """What a message is for."""

    SHOW = "show"
    SET = "set"
    UNDO = "undo"
    EXPLAIN = "explain"
    HELP = "help"
    HISTORY = "history"
    SIGN_OUT = "sign_out"
    UNSUPPORTED = "unsupported"
    SMALLTALK = "smalltalk"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood. Nothing of it has been checked against anybody's rights or methods."""

    intent: Intent
    method: DefaultMethod | None = None
    candidates: tuple[DefaultMethod, ...] = ()
    """With ``SET`` and no method: which to ask about, in Graph's order; empty for all."""
    target: str = "me"
    """``me``, or the person as written."""
    language: str = "en"
    sure: bool = True
    """False where a careful colleague would ask before doing it."""
    otherwise: DefaultMethod | None = None
    """What to take if ``method`` can't be chosen."""
    topic: str = ""
    """What exactly can't be done or is to be explained; for ``NONE`` ``cancel`` or ``code``."""
    claimed: str = ""
    """The address that the writers give as their own."""
    pronoun: bool = False
    """True where ``target`` is only "her" or "him"."""
    agrees: bool = False
    """True for "yes" and what else agrees to what was asked, and nothing more."""
    same: bool = False
    """True for "the same", which is what was asked for before."""
    decided: tuple[str, ...] = field(default=())
    """The words that decided, each with its role."""
