"""Which language a message is written in: the one that knows most of its words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.understanding.text import Token, TokenKind
from bot.understanding.vocabulary import LANGUAGES, languages_of

__all__ = ["recognise"]

_KANA_OR_HAN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_ENOUGH = 60
"""So many words tell."""


def recognise(tokens: Sequence[Token], locale: str | None) -> str:
    """The language of ``tokens``, one of ``LANGUAGES``; where they do not tell, that of ``locale``, a BCP 47 tag."""
    words = [token for token in tokens if token.kind is TokenKind.WORD][:_ENOUGH]
    if any(_KANA_OR_HAN.match(word.text) for word in words):
        return "ja"
    scores = dict.fromkeys(LANGUAGES, 0.0)
    for word in words:
        languages = languages_of(word.lower) or languages_of(word.bare)
        for language in languages:
            scores[language] += 1 / len(languages)
    preferred = (locale or "").replace("_", "-").partition("-")[0].lower()
    best = max(scores.values())
    if best and preferred in scores and scores[preferred] == best:
        return preferred
    if best:
        return max(LANGUAGES, key=lambda language: scores[language])
    return preferred if preferred in scores else LANGUAGES[0]
