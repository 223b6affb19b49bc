"""MSAL's application with the newest credential, built anew when that has changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor

import msal
import requests
from msal.exceptions import MsalError

from bot.identity.credential import Credential
from bot.telemetry import get_logger

__all__ = ["CurrentApplication"]

_log = get_logger(__name__)


class CurrentApplication:
    """One application at a time. Calls that are under way end with the one that they began with.

    Args:
        credential: what it is built with.
        construct: builds it; blocks, and asks the network.
        pool: the threads for that, and for looking at the credential's file.
        look_every_s: how often that is looked at while there are calls.
    """

    def __init__(
        self,
        credential: Credential,
        construct: Callable[[object], msal.ConfidentialClientApplication],
        pool: Executor,
        look_every_s: float,
    ) -> None:
        self._credential = credential
        self._construct = construct
        self._pool = pool
        self._look_every_s = look_every_s
        self._looked_at = -float("inf")
        self._looking: asyncio.Task[msal.ConfidentialClientApplication] | None = None
        self._built: msal.ConfidentialClientApplication | None = None
        self._built_with: object = None

    async def get(self, *, look_now: bool = False) -> msal.ConfidentialClientApplication:
        """The application. All who wait share one look at the file, and one building."""
        if self._looking is None or (self._looking.done() and self._is_due(self._looking, look_now)):
            self._looked_at = time.monotonic()
            self._looking = asyncio.create_task(self._look(), name="build the MSAL application")
        # Shielded: one caller that gives up must not stop it for the others.
        return await asyncio.shield(self._looking)

    def close(self) -> None:
        """Stop what is under way."""
        if self._looking is not None:
            self._looking.cancel()

    def _is_due(self, done: asyncio.Task[msal.ConfidentialClientApplication], look_now: bool) -> bool:
        if done.cancelled() or done.exception() is not None:
            return True
        due = time.monotonic() - self._looked_at >= self._look_every_s
        return self._credential.changes and (look_now or due)

    async def _look(self) -> msal.ConfidentialClientApplication:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._renew)

    def _renew(self) -> msal.ConfidentialClientApplication:
        """Never runs twice at a time."""
        credential = self._credential.for_msal()
        if self._built is not None and credential is self._built_with:
            return self._built
        try:
            self._built, self._built_with = self._construct(credential), credential
        except (requests.RequestException, MsalError, ValueError, OSError) as error:
            if self._built is None:
                raise
            # The old one may do for a while; the next look tries again.
            _log.warning("the new credential can't be put to use yet", cause=type(error).__name__)
        return self._built
