"""For administrators: ``python -m bot.store verify`` and ``export`` read the audit trail, also while a bot is running.

They read ``MFABOT_DATABASE_URL`` from the environment or ``.env``, and nothing else; they never write.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

from bot.errors import MfaBotError, SettingsError
from bot.settings import load_record_settings
from bot.store.chain import ChainReport
from bot.store.schema import audit
from bot.store.store import Store

INTACT, BROKEN, UNUSABLE = 0, 1, 2
"""The exit statuses."""

_COLUMNS = [column.name for column in audit.columns]
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_SQLITE = b"SQLite format 3\0"
_HASH = re.compile(r"[0-9a-f]{64}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status (0 done and intact, 1 the trail was tampered with, 2 can't be read)."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_record_settings()
        store = Store.open_for_reading(settings.database_url)
        if options.command == "verify":
            return asyncio.run(_verify(store, options.head, settings.audit_retention_days))
        return asyncio.run(_export(store, options))
    except SettingsError as error:
        print(error, file=sys.stderr)
    except MfaBotError as error:
        reason = str(error.__cause__ or "").partition("\n")[0]
        if "no such table" in reason or 'relation "audit" does not exist' in reason:
            reason = "it has no audit trail: the bot has never been started on it, or the table was removed"
        print(f"The audit trail can't be read: {error}{f' ({reason})' if reason else ''}", file=sys.stderr)
    except BrokenPipeError:
        # Whoever reads our output has seen enough. Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTACT
    except OSError as error:
        print(f"The export can't be written: {error}", file=sys.stderr)
    return UNUSABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot.store", description="Look at the audit trail.")
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="check that nobody has rewritten or shortened the trail")
    verify.add_argument(
        "--head",
        action="append",
        type=_head,
        default=[],
        metavar="HASH",
        help="a head that the log or an export has shown earlier; it must still be in the trail (may be repeated)",
    )
    export = commands.add_parser("export", help="write the rows of the trail; the head goes to standard error")
    export.add_argument("--since", type=_moment, metavar="WHEN", help="from this day or moment on (UTC), 2026-01-31")
    export.add_argument("--until", type=_moment, metavar="WHEN", help="before this day or moment (UTC)")
    export.add_argument("--format", choices=["csv", "jsonl"], default="csv", help="default: %(default)s")
    export.add_argument("--output", metavar="FILE", help="default: standard output")
    return parser


def _head(value: str) -> str:
    if not _HASH.fullmatch(value.lower()):
        raise argparse.ArgumentTypeError("a head has 64 hexadecimal digits")
    return value.lower()


def _moment(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise argparse.ArgumentTypeError("not a date such as 2026-01-31 or 2026-01-31T12:00") from None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise argparse.ArgumentTypeError("not a date that there is in UTC") from None


async def _verify(store: Store, heads: list[str], retention_days: int) -> int:
    try:
        reports = await store.audit.verify(tuple(heads))
    finally:
        await store.close()
    for report in reports:
        print(_verdict(report))
        if doubt := _doubt(report, retention_days):
            print(f"WARNING: tenant {report.tid}: {doubt}")
    # A head belongs to one tenant's trail; it is missing if it is in none.
    missing = [head for head in heads if all(head in report.missing_heads for report in reports)]
    for head in missing:
        print(
            f"BROKEN: the head {head} is not in the trail. It was rewritten or shortened after that head was noted, "
            "or the row was pruned since."
        )
    if not reports:
        print("The trail has no rows.")
    return BROKEN if missing or any(report.broken_seq is not None for report in reports) else INTACT


def _verdict(report: ChainReport) -> str:
    if report.broken_seq is not None:
        return f"BROKEN: tenant {report.tid}, row {report.broken_seq}: {report.complaint}."
    pruned = f", rows up to {report.pruned_through} pruned" if report.pruned_through else ""
    return f"Intact: tenant {report.tid}, {report.rows} rows{pruned}, head {report.head} (row {report.head_seq})."


def _doubt(report: ChainReport, retention_days: int) -> str:
    """What the chain itself can't tell: that rows are gone which the settings keep."""
    if not report.pruned_through:
        return ""
    if not retention_days:
        return "rows were pruned, but MFABOT_AUDIT_RETENTION_DAYS keeps them for ever. Was it set otherwise before?"
    if report.pruned_age is None or report.pruned_age.days < retention_days:
        return "rows were pruned that were younger than MFABOT_AUDIT_RETENTION_DAYS. Was it set otherwise before?"
    return ""


async def _export(store: Store, options: argparse.Namespace) -> int:
    try:
        # Before anything is written: a database that can't be read must not leave half an export.
        heads = await store.audit.heads()
        write = _write_csv if options.format == "csv" else _write_jsonl
        async with aclosing(store.audit.rows(options.since, options.until)) as rows:
            if options.output:
                with _written(Path(options.output)) as file:
                    await write(rows, file)
            else:
                await write(rows, sys.stdout)
        for head in heads:
            print(f"Head of tenant {head.tid}: {head.hash} (row {head.seq})", file=sys.stderr)
    finally:
        await store.close()
    return INTACT


@contextmanager
def _written(path: Path) -> Iterator[TextIO]:
    """What to write to for ``path``: where that is a link, for what it leads to."""
    target = Path(os.path.realpath(path))
    if path.exists() and not target.is_file():
        # A pipe or a terminal, perhaps standard output by its name: whoever reads it is waiting at this one.
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    else:
        with _replacing(target) as file:
            yield file


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file that takes the place of ``path`` when it is complete, readable by its owner only."""
    if path.is_file() and path.read_bytes()[: len(_SQLITE)] == _SQLITE:
        raise OSError(f"{path} is a database")
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=path.parent, prefix=path.name, delete=False
    ) as file:
        try:
            # csv ends its lines by itself, hence the newline.
            yield cast("TextIO", file)
        except BaseException:
            Path(file.name).unlink()
            raise
    Path(file.name).replace(path)


async def _write_jsonl(rows: AsyncIterator[dict[str, Any]], file: TextIO) -> None:
    async for row in rows:
        print(json.dumps({name: _plain(value) for name, value in row.items()}, ensure_ascii=False), file=file)


async def _write_csv(rows: AsyncIterator[dict[str, Any]], file: TextIO) -> None:
    writer = csv.DictWriter(file, _COLUMNS)
    writer.writeheader()
    async for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _cell(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets an apostrophe: names in it are foreign."""
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.lstrip().startswith(_FORMULA):
        return f"'{value}"
    return _plain(value)


if __name__ == "__main__":
    sys.exit(main())
