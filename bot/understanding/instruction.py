"""The sentences that change something: a handful of patterns, each of which has to match from end to end.

A sentence is first made canonical: lower case, single blanks, and every phrase that names a method replaced by ``M``.
``please switch my default from sms to push!`` becomes ``please switch my default from M to M``. What no pattern matches
is no instruction, however much it sounds like one; it gets a question instead.
"""

from __future__ import annotations

import re

__all__ = ["wanted_mention"]

_POLITE = r"(?:(?:hi|hello|hey|ok|okay|yes|please|pls|plz|kindly|just|now|so) )*"
_ASKING = (
    r"(?:(?:can|could|will) (?:you|we) |would you (?:please |kindly )|i(?:'d| would) (?:like|love) (?:you )?to "
    r"|i (?:want|wish) (?:you )?to |let's |go ahead and )?"
)
_BYE = r"(?: (?:please|pls|plz|thanks|thank you|thx|from now on))*"
_THANKS = (
    r"(?: (?:please|pls|plz|thanks|thank you|thx|now|right now|from now on|for me|again|today|instead|by default"
    r"|when i sign in|for (?:signing in|sign in|sign-in|signin|login|logins|my logins|my account)))*"
)
_NOUN = (
    r"(?:default|preferred|primary|main|mfa|2fa|multi factor|two factor|second factor|factor|authentication|auth"
    r"|verification|sign in|sign-in|signin|login|method|option|setting)"
)
_DEFAULT = rf"(?:(?:my|the) )?{_NOUN}(?: {_NOUN})*"
_IT = rf"(?:{_DEFAULT}|it|me|this)"
_TO = r"(?:to|onto|on|over to|over on|back to)"
_M = r"(?:(?:a|an|the|my) )?M"
_AS_DEFAULT = rf"(?: (?:as|for) {_DEFAULT})?"

# Each pattern with the place, from 0, of the mention that is wanted.
_PATTERNS = (
    (rf"(?:set|change|switch|update|move|put|go) (?:{_IT} )?{_TO} {_M}", 0),
    (rf"(?:set|use|choose|pick|select|take) {_M}{_AS_DEFAULT}", 0),
    (rf"(?:have|get) {_M} as {_DEFAULT}", 0),
    (rf"make {_M} {_DEFAULT}", 0),
    (rf"make {_IT} {_M}", 0),
    (rf"{_DEFAULT} to {_M}", 0),
    (rf"(?:(?:set|change|switch|update|move|put|go) (?:{_IT} )?)?from {_M} {_TO} {_M}", 1),
    (rf"{_M} to {_M}", 1),
    (rf"(?:(?:set|use|choose|pick|select|take) )?{_M} instead of {_M}{_AS_DEFAULT}", 0),
    (rf"(?:set|change|switch|move|put) (?:{_IT} )?{_TO} {_M} instead of {_M}", 0),
)
_INSTRUCTIONS = tuple(
    (re.compile(f"{_POLITE}{_ASKING}{_POLITE}{pattern}{_THANKS}"), wanted) for pattern, wanted in _PATTERNS
)
# The bare name of a method. "Can you text me" and "call my office now" ask for a text or a call, not for a default.
_NAME = re.compile(rf"{_POLITE}{_M}(?: only)?{_BYE}")
# "I want push" wishes for a default; "I want a hardware token" for a token. So no article here.
_WISH = re.compile(rf"{_POLITE}i(?:'d| would) like M{_AS_DEFAULT}{_THANKS}|{_POLITE}i want M{_AS_DEFAULT}{_THANKS}")


def wanted_mention(canonical: str) -> int | None:
    """Which of the method mentions (from 0) the instruction ``canonical`` wants; None if it is no instruction."""
    for pattern, wanted in _INSTRUCTIONS:
        if pattern.fullmatch(canonical):
            return wanted
    return 0 if _NAME.fullmatch(canonical) or _WISH.fullmatch(canonical) else None
