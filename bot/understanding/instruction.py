"""The sentences that change something: a handful of patterns, each of which has to match from end to end.

A sentence is first made canonical: lower case, single blanks, and every phrase that names a method replaced by ``M``.
``please switch my default from sms to push!`` becomes ``please switch my default from M to M``. What no pattern matches
is no instruction, however much it sounds like one; it gets a question instead.

The wish to undo is read part by part, as the punctuation cuts it: ``oops, wrong one! put it back, please``. Each part
has to match from end to end as well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile

__all__ = ["Part", "wanted_mention", "wants_sign_out", "wants_undo"]


@dataclass(frozen=True, slots=True)
class Part:
    """What stands between two signs of punctuation, made canonical; ``asked`` if a question mark ends it."""

    canonical: str
    asked: bool = False


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

# What stood before the last change: "my old default", "what I had before", "how it was".
_OLD = rf"(?:my|the) (?:old|previous|former|earlier|prior) (?:{_NOUN}(?: {_NOUN})*|one|setting|settings|choice)"
_BEFORE = (
    r"(?:(?:what|how|the way) (?:i|we) (?:had|used|was using|had set)(?: it| that)?(?: before)?"
    r"|(?:what|how|the way|as|like) (?:it|that|this|everything|things) (?:was|were|used to be)(?: set)?(?: before)?"
    rf"|what was there before|(?:(?:as|like) )?before|{_OLD})"
)
_LAST = r"(?:last|latest|most recent|recent|previous)"
_CHANGE = rf"(?:(?:my|the|that|this|your)(?: {_LAST})?|{_LAST})(?: {_NOUN})* (?:change|switch)"
_DEED = (
    rf"(?:it|that|this|that one|this one|the last one|{_CHANGE}"
    r"|what (?:i|you|we)(?: have)?(?: just)? (?:did|done|changed))"
)
_PUT = r"(?:put|change|switch|set|move|bring|roll)"
_THING = rf"(?:it|that|this|everything|things|me|{_DEFAULT})"
_BACK = rf"back(?: again)?(?:(?: to)? {_BEFORE})?"
_UNDO = r"(?:undo|revert|rollback|roll back)"
_UNDO_PATTERNS = (
    rf"{_UNDO} {_DEED}",
    rf"(?:roll|change) {_DEED} back",
    rf"reverse {_DEED}",
    rf"{_PUT} {_THING} {_BACK}",
    rf"{_PUT} back (?:it|that|{_DEFAULT}|{_BEFORE})",
    rf"(?:(?:go|switch|change|revert|roll|return|get) )?back to {_BEFORE}",
    rf"(?:set|change|switch|put|revert|return)(?: {_THING})? to {_BEFORE}",
    rf"restore (?:what i had(?: before)?|{_OLD})",
    rf"give me (?:back {_OLD}|{_OLD} back)",
)
# Without a word for what is to be undone, "can you undo?" may only ask what the bot is able to do.
_BARE = rf"{_UNDO}(?: {_UNDO})*|(?:switch|change|roll) back|(?:ctrl|control|cmd) z|i want {_OLD} back"
_OH = r"(?:(?:oo+ps|whoo*ps|oh|ah|ugh|argh|omg|damn|sorry|actually|wait) )*"
_MISTAKE = (
    r"(?:(?:that|this|it)(?: was| is|'s) (?:a mistake|an accident|wrong|the wrong (?:one|button|method))"
    r"|(?:that|this|it)(?: was not| wasn't| wasnt| is not| isn't| isnt|'s not)"
    r" (?:what i (?:wanted|meant)|the right one)"
    r"|i made a mistake|i (?:did not|didn't|didnt) mean (?:that|this|it|to do that)"
    r"|i (?:clicked|pressed|picked|chose|tapped|hit) (?:on )?(?:the )?wrong(?: (?:one|button|method|thing))?"
    r"|my (?:mistake|bad)|(?:the )?wrong (?:one|button|method))"
)
_AND_THANKS = r"(?: (?:please|pls|plz|thanks|thank you|thx|ty|now|right now|right away|for me|asap|sorry))*"
# "No undo" and "I didn't mean that undo" wish for none: so these stand before the wish only as parts of their own.
_REGRET = re.compile(
    rf"{_OH}(?:no+ )*(?:(?:{_MISTAKE}|never mind|nevermind|not (?:that|this) one|i changed my mind) )?{_POLITE}"
)
_WISH_TO_UNDO = re.compile(
    rf"{_OH}{_POLITE}(?P<asking>{_ASKING}|i need (?:you )?to ){_POLITE}"
    rf"(?:(?P<what>{'|'.join(_UNDO_PATTERNS)})|{_BARE}){_AND_THANKS}"
)
_REASON = re.compile(rf"(?: {_MISTAKE})?{_AND_THANKS}")
_SIGN_OUT = re.compile(
    rf"{_POLITE}{_ASKING}{_POLITE}(?:(?:sign|log)(?: me)?[ -]?(?:out|off)"
    r"|forget (?:me|my (?:sign in|sign-in|signin|login|account|session)))"
    rf"(?: (?:of this|of the bot|everywhere|here))*{_AND_THANKS}"
)
_PLEASE = re.compile(r"\b(?:please|pls|plz|kindly)\b")


def wanted_mention(canonical: str) -> int | None:
    """Which of the method mentions (from 0) the instruction ``canonical`` wants; None if it is no instruction."""
    for pattern, wanted in _INSTRUCTIONS:
        if pattern.fullmatch(canonical):
            return wanted
    return 0 if _NAME.fullmatch(canonical) or _WISH.fullmatch(canonical) else None


def wants_undo(parts: Sequence[Part]) -> bool:
    """True if ``parts`` are a wish to undo the last change, with nothing else than regret around it."""
    after_regret = list(dropwhile(lambda part: _is_only(_REGRET, part, f"{part.canonical} "), parts))
    after_wish = list(dropwhile(_is_wish_to_undo, after_regret))
    return len(after_wish) < len(after_regret) and all(
        _is_only(_REASON, part, f" {part.canonical}") for part in after_wish
    )


def wants_sign_out(parts: Sequence[Part]) -> bool:
    """True if ``parts`` are a wish to be signed out, and nothing else; "how do I sign out?" is none."""
    return _SIGN_OUT.fullmatch(" ".join(part.canonical for part in parts)) is not None


def _is_only(pattern: re.Pattern[str], part: Part, text: str) -> bool:
    return not part.asked and pattern.fullmatch(text) is not None


def _is_wish_to_undo(part: Part) -> bool:
    found = _WISH_TO_UNDO.fullmatch(part.canonical)
    if found is None:
        return False
    begged = _PLEASE.search(part.canonical) is not None
    requested = found["asking"].startswith(("can ", "could ", "will ", "would "))
    if requested:
        return begged or found["what"] is not None
    return begged or not part.asked
