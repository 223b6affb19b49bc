"""What other instances have come to know about people's sign-ins: sign-outs, and codes from sign-in pages."""

from __future__ import annotations

import asyncio

from bot.errors import StoreUnavailable
from bot.identity import UserTokens
from bot.store import Store
from bot.telemetry import get_logger, log_error

__all__ = ["Neighbours"]

_log = get_logger(__name__)


class Neighbours:
    """Looks into the database every few seconds, so that no turn has to."""

    def __init__(self, store: Store, tokens: UserTokens, *, every_s: float) -> None:
        self._store = store
        self._tokens = tokens
        self._every_s = every_s

    async def run(self) -> None:
        """Until cancelled. What can't be read now is read the next time."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log_error(_log, error)
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Forget the tokens of whoever has signed out elsewhere; learn whose code waits.

        Raises:
            StoreUnavailable: the records can't be read.
        """
        for tid, oid in await self._store.sign_outs.news():
            self._tokens.sign_out(tid, oid)
        await self._store.sign_ins.look_for_codes()
