"""The card of every situation: as it was approved, in words from the catalogs, and readable by every client."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cards.elements import MAX_CARD_BYTES
from tests.gallery.pages import rendered
from tests.gallery.situations import PSEUDO, SITUATIONS

APPROVED = Path(__file__).parent / "approved"
LANGUAGES = ("en", "de", "es", "fr", "ja", "nl", "pt")
# What people, Graph, Entra and the settings bring along, and so has no translation.
FOREIGN = """
    ANN Ann Example of המפתח שלי ノートパソコン UTC
    Ben Helper Blue security key LAPTOP Phone telepathy BrandNewThing brandNewAuthenticationMethod
    Outlook on Pixel iPhone click https evil example DATE Helpdesk extension User Read UserAuthenticationMethod
    ReadWrite Nov PM login microsoftonline com contoso adminconsent client id scope aka ms mysecurityinfo
"""


def texts_of(node: Any) -> Iterator[str]:
    """All that a card shows or says."""
    if isinstance(node, dict):
        for key, child in node.items():
            if key in {"text", "title", "tooltip", "speak", "fallbackText"}:
                yield child
            else:
                yield from texts_of(child)
    elif isinstance(node, list):
        for child in node:
            yield from texts_of(child)


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_card_is_as_it_was_approved(name: str) -> None:
    """A changed card is seen in review: ``make approve`` writes the files anew, and the difference is to be read."""
    path = APPROVED / f"{name}.json"
    card = rendered("en")[name]
    if os.environ.get("APPROVE"):
        path.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == card


def test_nothing_is_approved_that_is_no_situation_any_more() -> None:
    """No file is left over."""
    assert set(SITUATIONS) == {path.stem for path in APPROVED.glob("*.json")}


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_word_comes_from_the_catalogs(name: str) -> None:
    """In a language that brackets each text of the catalogs, nothing but names from outside is without brackets."""
    foreign = set(FOREIGN.split())
    for text in texts_of(rendered(PSEUDO)[name]):
        rest = text
        while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", "", rest)) != rest:
            rest = shorter
        assert set() == set(re.findall(r"[^\W\d_]{2,}", rest)) - foreign


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_no_language_a_card_is_too_large(language: str) -> None:
    """Below 28 KB in each encoding that is counted, whatever the language."""
    for card in rendered(language).values():
        written = json.dumps(card, ensure_ascii=False)
        assert max(len(written.encode()), len(written.encode("utf-16-le"))) < MAX_CARD_BYTES


@pytest.mark.parametrize("language", LANGUAGES)
def test_in_no_language_a_blank_is_left(language: str) -> None:
    """All blanks are filled in, and nothing shows how the program is written."""
    for card in rendered(language).values():
        said = "\n".join(texts_of(card)).replace("\\{", "").replace("\\}", "")
        assert [] == [mark for mark in ("{", "}", "None", "DefaultMethod") if mark in said]
