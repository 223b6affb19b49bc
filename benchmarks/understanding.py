"""How well and how fast messages are understood: ``make bench``.

Prints how many labelled messages are read exactly and how many dangerously (a change that the label does not ask for),
and the CPU time of one message. Times depend on the machine; compare figures of one run only.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bot.understanding import LANGUAGES, Intent, read

FILES = Path(__file__).parents[1] / "tests" / "unit"
HOSTILE = {
    "one word, no end": "a" * 4000,
    "apostrophes": "don't'" * 660,
    "quotation marks": "\"'“«`" * 800,
    "half an address": "a.b@c." * 660,
    "at signs": "@" * 4000,
    "tags that never close": "<at <b <blockquote " * 210,
    "methods": "push or sms not oath " * 190,
    "typos": "notifcation authentcator massege " * 120,
    "names": "Ann Smith von der Heide " * 165,
    "kana": "携帯じゃなくて会社の電話に" * 300,
    "line breaks": "\n>" * 2000,
    "blanks": " " * 4000,
    "brackets": "a(b)" * 1000,
    "halves of addresses": "x@" * 2000,
    "titles": "dr. " * 1000,
    "colons": "a:b " * 1000,
    "kana, one by one": "あ" * 4000,
    "letters under many accents": "e\u0301\u0302" * 1333,
    "tags that never open": "<a" * 2000,
}


def lines(name: str) -> list[dict[str, Any]]:
    """The labelled messages of a file."""
    return [json.loads(line) for line in (FILES / name).read_text(encoding="utf-8").splitlines() if line]


def quality(name: str) -> str:
    """Exact and dangerous readings of the messages in a file."""
    exact = dangerous = 0
    messages = lines(name)
    for line in messages:
        reading = read(line["text"])
        method = reading.method.value if reading.method else None
        same = (line["intent"], line["method"], line["target"].casefold()) == (
            reading.intent,
            method,
            reading.target.casefold(),
        )
        exact += same
        dangerous += reading.intent is Intent.SET and reading.method is not None and reading.sure and not same
    return f"{name}: {len(messages)} messages, exact {100 * exact / len(messages):.1f} %, dangerous {dangerous}"


def cpu_ms(message: str, times: int) -> float:
    """The median CPU time of reading ``message``, in milliseconds."""
    spent = []
    for _ in range(times):
        started = time.process_time_ns()
        read(message)
        spent.append(time.process_time_ns() - started)
    return statistics.median(spent) / 1e6


def random_text(length: int) -> str:
    """Words of the corpus in any order."""
    words = [word for line in lines("utterances.jsonl") for word in line["text"].split()]
    chosen = random.Random(7)  # noqa: S311
    text = ""
    while len(text) < length:
        text += chosen.choice(words) + " "
    return text[:length]


def times() -> Iterator[str]:
    """One line for each kind of message."""
    short = [line["text"] for line in lines("utterances.jsonl") if len(line["text"]) <= 100]
    for text in short:
        # What is read for the first time: vocabularies are loaded once, typos are remembered.
        read(text)
    yield _times("up to 100 characters", [cpu_ms(text, 20) for text in short])
    yield _times("4,000 characters of words", [cpu_ms(random_text(4000), 20)])
    for name, text in HOSTILE.items():
        yield _times(f"4,000 characters of {name}", [cpu_ms(text[:4000], 10)])


def _times(what: str, figures: Sequence[float]) -> str:
    return f"{what}: median {statistics.median(figures):.3f} ms, worst {max(figures):.3f} ms"


def main() -> None:
    """Print everything."""
    started = time.process_time_ns()
    for language in LANGUAGES:
        read("sms", language)
    print(f"loading {len(LANGUAGES)} vocabularies: {(time.process_time_ns() - started) / 1e6:.0f} ms, once")
    for name in ("utterances.jsonl", "other_authors.jsonl"):
        print(quality(name))
    for line in times():
        print(line)


if __name__ == "__main__":
    main()
