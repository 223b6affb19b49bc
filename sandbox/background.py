"""Work that goes on after the request that caused it has been answered."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any


class Background:
    """Tasks that are kept and awaited. A context manager: leaving it cancels what still runs."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run ``work``; a failure goes to the loop's exception handler at once."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def idle(self) -> None:
        """Returns when nothing is running any more, including what the work itself has started."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def __aenter__(self) -> Background:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await self.idle()

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            context = {"message": "work of the sandbox failed", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)
