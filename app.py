"""The command line: ``python app.py`` serves the bot, ``python app.py sandbox`` serves it with a simulated tenant."""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bot import __version__
from bot.errors import MfaBotError, SettingsError
from bot.server import running_bot
from bot.settings import CREDENTIALS, Settings, load_settings
from bot.telemetry import configure_logging

if TYPE_CHECKING:
    from sandbox import Sandbox

_DEFAULT_SANDBOX_PORT = 3980


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status (0 stopped, 1 could not start, 2 settings)."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_sandbox(options) if options.command == "sandbox" else _serve())
    except SettingsError as error:
        print(f"The bot can't start: {error}", file=sys.stderr)
        return 2
    except (MfaBotError, OSError) as error:
        print(f"The bot can't start: {_advice(error, options)}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="app.py", description="The Default-MFA bot for Microsoft Teams.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command")
    sandbox = commands.add_parser("sandbox", help="serve the bot together with a simulated tenant and a chat page")
    sandbox.add_argument(
        "--port", type=int, default=_DEFAULT_SANDBOX_PORT, help="where the chat page listens (default: %(default)s)"
    )
    sandbox.add_argument(
        "--playground",
        type=int,
        metavar="PORT",
        help="open the Microsoft 365 Agents Playground at this port as well (npx installs it; see its licence)",
    )
    return parser


def _advice(error: Exception, options: argparse.Namespace) -> str:
    """The error in a sentence that says what to do where that is known."""
    if not isinstance(error, OSError) or error.errno != errno.EADDRINUSE:
        return str(error)
    if options.command == "sandbox":
        return f"port {options.port} is in use. Choose another: make run PORT={options.port + 1}"
    return "a port is in use. Choose others in MFABOT_PORT and MFABOT_ADMIN_PORT"


async def _serve() -> None:
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    async with running_bot(settings):
        await _until_stopped()


async def _sandbox(options: argparse.Namespace) -> None:
    async with sandbox_with_bot(options.port, playground_port=options.playground) as address:
        print(f"Open {address}", flush=True)
        await _until_stopped()


@asynccontextmanager
async def sandbox_with_bot(port: int = 0, *, playground_port: int | None = None) -> AsyncIterator[str]:
    """A simulated tenant with the bot in it, until the block ends.

    Gives the address of its chat page, or of the Agents Playground where that was asked for (0 is any free port).
    """
    # Only here, so that a deployment needs neither the package nor what it uses.
    from sandbox import Sandbox
    from sandbox.playground import playground

    with tempfile.TemporaryDirectory(prefix="mfabot-") as folder:
        async with await Sandbox.start(site_port=port) as sandbox:
            settings = _sandbox_settings(sandbox, Path(folder))
            configure_logging(settings.log_level, settings.log_format)
            async with running_bot(settings) as bot:
                sandbox.connect_bot(f"http://127.0.0.1:{bot.port}/api/messages")
                if playground_port is None:
                    yield sandbox.site_url
                    return
                async with playground(sandbox, Path(folder), playground_port) as address:
                    yield address


def _sandbox_settings(sandbox: Sandbox, folder: Path) -> Settings:
    """Settings for a bot in the simulated tenant: its endpoints, credential and database win over the environment."""
    names = sandbox.environment(database_url=f"sqlite+aiosqlite:///{folder}/mfabot.db")
    fields = {name.removeprefix("MFABOT_").lower(): value for name, value in names.items()}
    quiet = {"host": "127.0.0.1", "port": 0, "admin_port": 0, "log_level": "WARNING", "log_format": "console"}
    no_other_credential = dict.fromkeys((*CREDENTIALS, "certificate_password"))
    return load_settings(**{**no_other_credential, **fields, **quiet})


async def _until_stopped() -> None:
    # What exists by now lives as long as the process; a full collection need not look at it again and again.
    gc.freeze()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
