"""The questions after earlier changes: whole patterns as well, though a mistake here would only show something.

What stands before the question does not matter, unless it tells the bot to do something: ``I never wanted this, who
changed it?``
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.understanding.instruction import Part, wanted_mention, wants_undo

__all__ = ["asks_for_history"]

_HELLO = r"(?:(?:hi|hello|hey|ok|okay|please|pls|plz|kindly|just|so|and|but|wait) )*"
_SHOW = (
    r"(?:(?:(?:can|could|will) (?:you|i|we)|would you|i(?:'d| would) like to|i want to|let me) (?:please )?)?"
    r"(?:(?:show|list|see|view|display|check|get|give|tell)(?: me)?|what(?: is| are|'s| was| were))"
)
_NOUN = r"(?:default|preferred|mfa|2fa|authentication|auth|verification|sign in|sign-in|signin|login|method|settings?)"
_MINE = rf"(?:(?:my|the)(?: {_NOUN})+|it|that|this)"
_CHANGES = (
    rf"(?:(?:(?:{_NOUN}|change|changes) )*history|logs?|changelog|change logs?|(?:{_NOUN} )*changes"
    rf"|(?:last|latest|recent|most recent|past|previous|earlier) (?:few )?(?:{_NOUN} )*changes?)"
)
_CHANGED = r"(?:change|changed|set|switch|switched|update|updated)"
_LATELY = r"(?: (?:last|lately|recently|so far|before|here|please|pls|thanks|thank you|for me))*"
_QUESTION = re.compile(
    rf"{_HELLO}(?:"
    rf"(?:{_SHOW} )?(?:(?:all )?(?:my|the|our|your) |all )?{_CHANGES}(?: of (?:{_MINE}|my changes))?"
    r"|what (?:(?:did|have|has) (?:i|you|we|been)|was|were)(?: just| recently| last)? changed?"
    rf"(?: (?:in|on|about) {_MINE})?"
    r"|what(?: has|'s)?(?: just| recently)? changed"
    rf"|when (?:did|have) (?:i|you|we)(?: last| just)? {_CHANGED} {_MINE}(?: to M)?"
    rf"|when (?:did|was|has) {_MINE}(?: last| been)* {_CHANGED}(?: to M)?"
    rf"|who(?: has|'s)?(?: just)? (?:changed|set|switched|updated) {_MINE}(?: to M)?|who did (?:it|that|this)"
    rf"){_LATELY}"
)


def asks_for_history(parts: Sequence[Part]) -> bool:
    """True if the last of ``parts`` asks for earlier changes and nothing before it is to be carried out."""
    *before, last = parts
    instructed = wants_undo(before) or any(wanted_mention(part.canonical) is not None for part in before)
    return not instructed and _QUESTION.fullmatch(last.canonical) is not None
