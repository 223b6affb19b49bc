"""The command line, and the floors of the house that import-linter does not see."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from app import sandbox_with_bot
from bot import __version__

_ROOT = Path(__file__).parents[1]


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python arguments`` in an environment without any setting of the bot's."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MFABOT_")}
    return subprocess.run(  # noqa: S603
        [sys.executable, *arguments],
        cwd=_ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_missing_settings_stop_the_start_with_one_message() -> None:
    """Rule 9: without configuration the bot does not start; one message names every missing setting."""
    done = _run("app.py", MFABOT_PUBLIC_URL="http://example.com")

    assert done.returncode == 2
    for name in ("MFABOT_APP_ID", "MFABOT_TENANT_ID", "MFABOT_CLIENT_SECRET"):
        assert f"{name}: is missing" in done.stderr
    assert "MFABOT_PUBLIC_URL: must be an https:// address" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_certificate_that_is_no_good_stops_the_start(tmp_path: Path) -> None:
    """The file is looked at before anything is served; what is wrong with it is one line."""
    (tmp_path / "bot.pem").write_text("-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n")
    done = _run("app.py", MFABOT_CERTIFICATE_PATH=str(tmp_path / "bot.pem"), MFABOT_CLIENT_SECRET=" ")

    assert done.returncode == 2
    assert "MFABOT_CERTIFICATE_PATH: names a file without a private key\n" in done.stderr
    assert "MFABOT_CLIENT_SECRET" not in done.stderr
    assert "c2VjcmV0" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_can_not_be_opened_stops_the_start() -> None:
    """The reason is one line, without a stack trace."""
    guid = "11111111-1111-4111-8111-111111111111"
    done = _run(
        "app.py",
        MFABOT_APP_ID=guid,
        MFABOT_TENANT_ID=guid,
        MFABOT_CLIENT_SECRET="secret",
        MFABOT_PUBLIC_URL="https://bot.example",
        MFABOT_DATABASE_URL="sqlite+aiosqlite:////nonexistent/folder/mfabot.db",
    )

    assert done.returncode == 1
    assert "The bot can't start: the database is not available" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_said_plainly() -> None:
    """When the chat page's port is in use the message names what is wrong and how to choose another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = _run("app.py", "sandbox", "--port", str(taken.getsockname()[1]))

    assert done.returncode == 1
    assert "is in use. Choose another: make run PORT=" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_told() -> None:
    """``--version`` prints the version of the package."""
    assert f"{__version__}\n" == _run("app.py", "--version").stdout


async def test_the_sandbox_serves_the_page_and_a_bot_that_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded sandbox needs no setting, and a credential that is set does not disturb it; it is local only."""
    monkeypatch.setenv("MFABOT_MANAGED_IDENTITY_CLIENT_ID", "11111111-1111-4111-8111-111111111111")
    async with sandbox_with_bot() as address, aiohttp.ClientSession() as session:
        assert address.startswith("http://127.0.0.1:")
        async with session.get(address) as response:
            assert response.status == 200
            assert "Default MFA" in await response.text()


@pytest.mark.parametrize("module", ["app", "bot.server"])
def test_a_deployment_does_not_load_the_sandbox(module: str) -> None:
    """The bot runs without the sandbox and without what only that needs."""
    code = f"import sys, {module}; print([name for name in ('sandbox', 'trustme') if name in sys.modules])"

    assert "[]\n" == _run("-c", code).stdout


def test_nothing_calls_back_up_to_the_command_line() -> None:
    """``app.py`` is the top floor: no package imports it."""
    importing = [
        str(path.relative_to(_ROOT))
        for package in ("bot", "cards", "sandbox")
        for path in (_ROOT / package).rglob("*.py")
        if {"import app", "from app"} & {line.split(" import ")[0].strip() for line in path.read_text().splitlines()}
    ]

    assert importing == []
