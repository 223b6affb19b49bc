"""What has to be done from time to time: give up what was interrupted, clean, prune, log the audit trail's head."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from bot.errors import MfaBotError, StoreUnavailable
from bot.store import OutcomeKind, PendingCommand, Store
from bot.telemetry import get_logger, log_error

__all__ = ["Housekeeping"]

_log = get_logger(__name__)

_HOUR_S = 3600.0


class Housekeeping:
    """Runs every minute. All of it may be done by several instances at once; each thing happens once.

    Args:
        store: all of it.
        tell_interrupted: tells a person that a command of theirs was interrupted.
        keep: how long the audit trail is kept; None for ever.
        every_s: the pause between two rounds, in seconds.
        observe_change: called for each change that is given up.
    """

    def __init__(
        self,
        store: Store,
        tell_interrupted: Callable[[PendingCommand], Awaitable[None]],
        *,
        keep: timedelta | None,
        every_s: float,
        observe_change: Callable[[OutcomeKind], None] = lambda kind: None,
    ) -> None:
        self._store = store
        self._tell_interrupted = tell_interrupted
        self._keep = keep
        self._every_s = every_s
        self._observe_change = observe_change
        self._logged_heads: dict[str, str] = {}
        self._hourly_at: float | None = None

    async def run(self) -> None:
        """Work until cancelled. The first round is at once: what an earlier process has left is waiting."""
        while True:
            try:
                await self.work()
            except StoreUnavailable as error:
                log_error(_log, error)
            except Exception:  # noqa: BLE001  one bad round must not end all others
                _log.exception("housekeeping broke")
            await asyncio.sleep(self._every_s)

    async def work(self) -> None:
        """One round.

        Raises:
            StoreUnavailable: the rest is left to the next round.
        """
        for _ in range(await self._store.audit.sweep()):
            self._observe_change(OutcomeKind.UNKNOWN)
        for pending in await self._store.inbox.take_interrupted():
            await self._tell(pending)
        await self._store.clean()
        now = time.monotonic()
        if self._hourly_at is None or now - self._hourly_at >= _HOUR_S:
            await self._work_hourly()
            self._hourly_at = now

    async def _work_hourly(self) -> None:
        # Before and after a pruning, so that a genuine one can be told from one that somebody made up.
        await self.log_heads()
        if self._keep is not None and (pruned := await self._store.audit.prune(self._keep)):
            _log.info("audit rows pruned", rows=pruned)
            await self.log_heads()

    async def log_heads(self) -> None:
        """Write the head of each audit trail to the log, where nobody who rewrites the database can reach it.

        Raises:
            StoreUnavailable: they can't be read.
        """
        for head in await self._store.audit.heads():
            if self._logged_heads.get(head.tid) != head.hash:
                self._logged_heads[head.tid] = head.hash
                _log.info("audit head", tenant=head.tid, seq=head.seq, head=head.hash)

    async def _tell(self, pending: PendingCommand) -> None:
        try:
            await self._tell_interrupted(pending)
        except MfaBotError as error:
            log_error(_log, error)
        except Exception:  # noqa: BLE001  a mistake about one person must not keep the word from the others
            _log.exception("telling of an interruption broke")
