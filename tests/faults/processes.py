"""Bots as processes of their own, which can be killed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["BotProcess"]

_ROOT = Path(__file__).parents[2]
_LIMIT_S = 20


class BotProcess:
    """``python app.py``. Its log is read all the time; ``url`` is known once it is ready."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self.url = ""
        self.log: list[dict[str, Any]] = []
        self._process = process
        self._is_ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(process.stdout))
        self._complaint = asyncio.create_task(process.stderr.read())

    @classmethod
    async def launch(cls, environment: Mapping[str, str]) -> BotProcess:
        """A bot that is starting, with no other settings than those of ``environment``."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MFABOT_")}
        local = {"MFABOT_HOST": "127.0.0.1", "MFABOT_PORT": "0", "MFABOT_ADMIN_PORT": "0"}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "app.py",
            cwd=_ROOT,
            env={**clean, **environment, **local},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return cls(process)

    async def ready(self) -> None:
        """Return once it serves."""
        async with asyncio.timeout(_LIMIT_S):
            ready, ended = asyncio.create_task(self._is_ready.wait()), asyncio.create_task(self._process.wait())
            await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            ended.cancel()
        assert self._is_ready.is_set(), (await self.end())[1]

    async def kill(self) -> None:
        """End it by SIGKILL: nothing of it runs any more when this returns."""
        if self._process.returncode is None:
            self._process.kill()
        await self.end()

    async def end(self) -> tuple[int, str]:
        """Its exit status and what it wrote to the standard error output, once it has ended by itself."""
        async with asyncio.timeout(_LIMIT_S):
            status = await self._process.wait()
            await self._reading
            return status, (await self._complaint).decode()

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        async for line in stdout:
            entry = json.loads(line)
            self.log.append(entry)
            if entry["event"] == "ready":
                self.url = f"http://127.0.0.1:{entry['port']}"
                self._is_ready.set()
