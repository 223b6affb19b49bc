"""The bot's own token for the connector: one, cached, fetched once for all who wait, renewed before it expires."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from bot.errors import MfaBotError
from bot.identity.entra import AccessToken
from bot.telemetry import get_logger, log_error

__all__ = ["BotToken"]

_log = get_logger(__name__)
_RENEW_BEFORE_S = 600.0
_UNUSABLE_BEFORE_S = 30.0


class BotToken:
    """Gives the bot's token without waiting while there is a good one.

    Args:
        fetch: asks Entra for a new one.
        clock: seconds since the epoch.
    """

    def __init__(self, fetch: Callable[[], Awaitable[AccessToken]], *, clock: Callable[[], float] = time.time) -> None:
        self._fetch = fetch
        self._clock = clock
        self._token: AccessToken | None = None
        self._fetching: asyncio.Task[AccessToken] | None = None

    async def get(self) -> str:
        """The token. One that nears its end is renewed in the background and serves on until then.

        Raises:
            MfaBotError: as ``EntraClient.for_the_bot``, when there is no usable token left.
        """
        token = self._token
        left_s = token.expires_at - self._clock() if token else 0.0
        if token is None or left_s < _UNUSABLE_BEFORE_S:
            return (await asyncio.shield(self._start())).secret
        if left_s < _RENEW_BEFORE_S:
            self._start()
        return token.secret

    def forget(self, secret: str) -> None:
        """Drop the token ``secret``: the connector did not take it."""
        if self._token is not None and self._token.secret == secret:
            self._token = None

    async def close(self) -> None:
        """Stop a fetch that is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _start(self) -> asyncio.Task[AccessToken]:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._renew(), name="fetch the bot's token")
            # Also when nobody waits any more: a failure is known, logged, and tried again by the next turn.
            self._fetching.add_done_callback(_log_failure)
        return self._fetching

    async def _renew(self) -> AccessToken:
        self._token = token = await self._fetch()
        return token


def _log_failure(task: asyncio.Task[AccessToken]) -> None:
    if not task.cancelled() and isinstance(error := task.exception(), MfaBotError):
        log_error(_log, error)
