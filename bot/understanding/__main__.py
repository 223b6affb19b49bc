"""``python -m bot.understanding``: one message per line in, one JSON object per line out.

For admins who ask themselves why the bot understood what it did. ``--explain`` adds the words that decided.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from bot.understanding.reader import read

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None, lines: Iterable[str] = sys.stdin, out: TextIO = sys.stdout) -> None:
    """Answer each of ``lines`` on ``out``."""
    parser = argparse.ArgumentParser(prog="python -m bot.understanding", description=__doc__)
    parser.add_argument("--explain", action="store_true", help="show which words decided, and what each did")
    parser.add_argument("--locale", default=None, help="the language of the client, such as de-CH")
    options = parser.parse_args(arguments)
    for line in lines:
        text = line.rstrip("\r\n")
        reading = read(text, options.locale)
        shown: dict[str, object] = {
            "text": text,
            "intent": reading.intent.value,
            "method": reading.method.value if reading.method else None,
            "candidates": [method.value for method in reading.candidates],
            "target": reading.target,
            "language": reading.language,
        }
        if options.explain:
            shown |= {"sure": reading.sure, "topic": reading.topic, "decided": list(reading.decided)}
        print(json.dumps(shown, ensure_ascii=False), file=out, flush=True)


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    main()
