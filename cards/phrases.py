"""What people can write, as the cards quote it and as buttons say it for them: understood in each language."""

from __future__ import annotations

from enum import Enum

from bot.locale import N_, Reader
from bot.mfa import DefaultMethod

__all__ = ["Phrase", "phrase", "set_phrase"]


class Phrase(Enum):
    """A sentence that the bot understands."""

    SHOW = N_("show my methods")
    CHANGE = N_("change my default method")
    CODES = N_("use one-time codes")
    TEXTS = N_("use text messages")
    OFFICE = N_("use calls to my office")
    UNDO = N_("undo")
    HISTORY = N_("history")
    HELP = N_("help")
    SIGN_OUT = N_("sign out")
    YES = N_("yes")
    NO = N_("no")


def phrase(which: Phrase, reader: Reader) -> str:
    """``which`` as the reader would write it."""
    return reader.gettext(which.value)


def set_phrase(method: DefaultMethod, reader: Reader, otherwise: DefaultMethod | None = None) -> str:
    """The sentence that makes ``method`` the default, or ``otherwise`` where that can't be chosen."""
    if otherwise is None:
        return reader.gettext("set my default MFA to {method}").format(method=method.value)
    return reader.gettext("set my default MFA to {method}, otherwise {otherwise}").format(
        method=method.value, otherwise=otherwise.value
    )
