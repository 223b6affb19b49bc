"""``python -m bot.store``: what an administrator types, and what comes out."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.mfa import Person
from bot.store import Head, Store
from bot.store.__main__ import main
from tests.database import execute
from tests.store.conftest import ADA, BEN, CONTOSO, EVE, Clock, change, intent, person

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """How the command ended, and what it wrote."""

    status: int | None
    out: str
    err: str


Run = Callable[..., Awaitable[Done]]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a way to run the command on the database, while a bot has it open."""

    def status_of(arguments: tuple[str, ...]) -> int:
        try:
            return main(arguments)
        except SystemExit as end:
            return int(end.code or 0)

    async def ran(*arguments: str, url: str = database_url) -> Done:
        monkeypatch.setenv("MFABOT_DATABASE_URL", url)
        capsys.readouterr()
        # A thread, since the command has a loop of its own.
        status = await asyncio.to_thread(status_of, arguments)
        return Done(status, *capsys.readouterr())

    return ran


@pytest.fixture
async def head(store: Store) -> Head:
    """The head of a trail with two changes."""
    await change(store.audit, intent("card:1", ADA))
    await change(store.audit, intent("card:2", BEN))
    (found,) = await store.audit.heads()
    return found


async def test_a_trail_that_is_as_it_was_written_is_intact(run: Run, head: Head, store: Store) -> None:
    """Status 0, the number of rows and the head; a head that was noted earlier is found again."""
    await change(store.audit, intent("card:3", EVE))

    done = await run("verify", "--head", head.hash.upper())

    assert (0, "") == (done.status, done.err)
    assert f"Intact: tenant {CONTOSO}, 6 rows, head " in done.out


async def test_the_first_broken_row_is_named(run: Run, head: Head, database_url: str) -> None:
    """Status 1 for a trail that was tampered with, also when its end is as it was."""
    assert 4 == head.seq
    await asyncio.to_thread(execute, database_url, "UPDATE audit SET actor_name = 'Nobody' WHERE seq IN (2, 3)")

    done = await run("verify", "--head", head.hash)

    assert 1 == done.status
    assert f"BROKEN: tenant {CONTOSO}, row 2: its content is not what its hash was made of.\n" == done.out


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("column", ["actor_name", "tid"])
async def test_a_row_that_is_not_even_text_is_named(run: Run, head: Head, database_url: str, column: str) -> None:
    """SQLite takes any bytes for text: a broken row, and no stack trace."""
    assert head
    spoilt = f"UPDATE audit SET {column} = CAST(x'41ff' AS TEXT) WHERE seq = 2"  # noqa: S608
    await asyncio.to_thread(execute, database_url, spoilt)

    done = await run("verify")

    assert (1, "") == (done.status, done.err)
    assert ", row 2: it can't even be read.\n" in done.out


async def test_a_shortened_trail_is_found_by_its_head(run: Run, head: Head, database_url: str) -> None:
    """What remains is consistent, so only the head that was noted shows that something is gone."""
    await asyncio.to_thread(execute, database_url, "DELETE FROM audit WHERE seq > 2")

    assert 0 == (await run("verify")).status
    done = await run("verify", "--head", head.hash)

    assert 1 == done.status
    assert f"BROKEN: the head {head.hash} is not in the trail." in done.out


async def test_an_empty_trail_does_not_pass_for_one_with_a_head(run: Run, head: Head, database_url: str) -> None:
    """Who removes everything is found out as well."""
    await asyncio.to_thread(execute, database_url, "DELETE FROM audit")

    assert (0, "The trail has no rows.\n") == ((done := await run("verify")).status, done.out)
    assert 1 == (await run("verify", "--head", head.hash)).status


async def test_rows_are_exported_as_json_lines(run: Run, head: Head, clock: Clock, store: Store) -> None:
    """One object a row, within the time that was asked for; the head goes to standard error."""
    clock.now += timedelta(days=1)
    await change(store.audit, intent("card:3", EVE))
    (newest,) = await store.audit.heads()

    done = await run("export", "--since", "2026-01-02", "--format", "jsonl")

    rows = [json.loads(line) for line in done.out.splitlines()]
    assert ["intent", "outcome"] == [row["kind"] for row in rows]
    assert ("2026-01-02T00:00:00+00:00", EVE.oid) == (rows[0]["at_utc"], rows[0]["actor_oid"])
    assert head.hash == rows[0]["previous_hash"]
    assert f"Head of tenant {CONTOSO}: {newest.hash} (row 6)\n" == done.err


async def test_rows_are_exported_as_csv_without_formulas(run: Run, store: Store, tmp_path: Path) -> None:
    """A name that a spreadsheet would calculate is text."""
    spoilt = Person(EVE.oid, EVE.tid, EVE.upn, '=HYPERLINK("http://evil")')
    await change(store.audit, intent("card:1", spoilt))
    await change(store.audit, intent("card:2", person("late")))
    file = tmp_path / "export.csv"

    done = await run("export", "--until", "2026-01-01T00:00:01", "--output", str(file))

    assert (0, "") == (done.status, done.out)
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert 4 == len(rows)
    assert """'=HYPERLINK("http://evil")""" == rows[0]["actor_name"]
    assert {"kind": "set", "method": "oath", "by": "text"} == json.loads(rows[0]["command"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_it_runs_as_a_command(database_url: str, head: Head) -> None:
    """``python -m bot.store`` in a process of its own, which stops quietly when nobody reads on."""
    command = f"{sys.executable} -m bot.store export --format jsonl | head -c 20; {sys.executable} -m bot.store verify"
    process = await asyncio.create_subprocess_shell(
        command, cwd=_ROOT, env={"MFABOT_DATABASE_URL": database_url, "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 30)

    assert f"head {head.hash}" in out.decode()
    assert "Traceback" not in err.decode()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "url", "said"),
    [
        (["verify"], "sqlite+aiosqlite:////nowhere/mfabot.db", "there is no file"),
        (["verify"], "postgresql+asyncpg://postgres@127.0.0.1:1/mfabot", "the database is not available"),
        (["export"], "mysql://host/mfabot", "MFABOT_DATABASE_URL: must start with"),
        (["verify", "--head", "abc"], None, "a head has 64 hexadecimal digits"),
        (["export", "--since", "yesterday"], None, "not a date such as 2026-01-31"),
        (["export", "--output", "/nowhere/export.csv"], None, "The export can't be written"),
        ([], None, "required: command"),
    ],
)
async def test_what_can_not_be_done_is_said_in_a_line(
    run: Run, store: Store, arguments: list[str], url: str | None, said: str
) -> None:
    """Status 2, one plain sentence, no stack trace."""
    assert store
    done = await (run(*arguments, url=url) if url else run(*arguments))

    assert 2 == done.status
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_looking_changes_nothing(run: Run, head: Head, store: Store, database_url: str, tmp_path: Path) -> None:
    """A copy that was kept as evidence is the same file afterwards."""
    assert head
    await store.close()
    copy = tmp_path / "copy.db"
    await asyncio.to_thread(execute, database_url, "PRAGMA wal_checkpoint", f"VACUUM INTO '{copy}'")
    before = copy.read_bytes()

    assert 0 == (await run("verify", url=f"sqlite+aiosqlite:///{copy}")).status
    assert 0 == (await run("export", url=f"sqlite+aiosqlite:///{copy}")).status
    assert before == copy.read_bytes()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_export_takes_its_files_place_when_it_is_complete(run: Run, head: Head, tmp_path: Path) -> None:
    """What was exported before stays where the new one fails, and nothing is left lying about."""
    assert head
    file = tmp_path / "export.jsonl"
    assert 0 == (await run("export", "--format", "jsonl", "--output", str(file))).status
    good = file.read_text()

    assert 2 == (await run("export", "--output", str(file), url="sqlite+aiosqlite:////nowhere/x.db")).status
    assert good == file.read_text()
    assert ["export.jsonl"] == [path.name for path in tmp_path.iterdir() if path.name.startswith("export")]
    assert 0o600 == file.stat().st_mode & 0o777


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_export_leaves_links_as_they_are(run: Run, head: Head, tmp_path: Path) -> None:
    """It goes to where they lead, also if nothing is there yet."""
    assert head
    link, target = tmp_path / "link.csv", tmp_path / "there" / "export.csv"
    target.parent.mkdir()
    link.symlink_to(target)
    for _ in range(2):
        assert 0 == (await run("export", "--output", str(link))).status
    assert (True, False, 5) == (link.is_symlink(), target.is_symlink(), len(target.read_text().splitlines()))
    assert ["export.csv"] == [path.name for path in target.parent.iterdir()]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_export_is_written_into_a_pipe(run: Run, head: Head, tmp_path: Path) -> None:
    """Whoever reads it gets the rows, and it is still a pipe."""
    assert head
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        done = await run("export", "--output", str(pipe))

        assert (0, True) == (done.status, pipe.is_fifo())
        assert 5 == len(os.read(reader, 65536).splitlines())
    finally:
        os.close(reader)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_an_export_does_not_take_a_databases_place(run: Run, head: Head, tmp_path: Path) -> None:
    """Not even where that is asked for."""
    done = await run("export", "--output", str(tmp_path / "mfabot.db"))

    assert (2, True) == (done.status, "is a database" in done.err)
    assert f"head {head.hash}" in (await run("verify")).out


async def test_a_pruning_that_the_settings_do_not_explain_is_pointed_out(
    run: Run, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain alone can't tell a pruning from a cut; how long rows are kept can."""
    await change(store.audit, intent("card:1"))
    clock.now += timedelta(days=30)
    await change(store.audit, intent("card:2"))
    await store.audit.prune(timedelta(days=20))
    said = []
    for days in ("0", "40", "20"):
        monkeypatch.setenv("MFABOT_AUDIT_RETENTION_DAYS", days)
        done = await run("verify")
        assert (0, True) == (done.status, "rows up to 2 pruned" in done.out)
        said.append("WARNING" in done.out)

    assert [True, True, False] == said


@pytest.mark.parametrize("name", ["verify", "export"])
async def test_a_database_without_a_trail_is_named(run: Run, store: Store, database_url: str, name: str) -> None:
    """It is reachable; there is only nothing in it."""
    await store.close()
    await asyncio.to_thread(execute, database_url, "DROP TABLE audit")

    done = await run(name)

    assert (2, "") == (done.status, done.out)
    assert "it has no audit trail: the bot has never been started on it" in done.err
