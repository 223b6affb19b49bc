"""People's Graph tokens: in memory only, bounded, by person and scopes; one exchange at a time for each."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.errors import SignInNeeded
from bot.identity.entra import AccessToken
from bot.identity.sso import SsoToken
from bot.mfa import Oid, Person, TenantId

__all__ = ["SELF_SCOPES", "Exchanger", "UserTokens"]

SELF_SCOPES = frozenset({"UserAuthenticationMethod.ReadWrite", "User.Read"})
"""All that anybody needs for their own methods. MSAL adds openid and profile."""

_MARGIN_S = 300.0

_Key = tuple[TenantId, Oid, frozenset[str]]


class Exchanger(Protocol):
    """Entra, as far as this module needs it."""

    async def on_behalf_of(self, assertion: str, scopes: frozenset[str]) -> AccessToken:
        """See ``EntraClient.on_behalf_of``."""


@dataclass(frozen=True, slots=True)
class _Entry:
    assertion_hash: bytes
    access_token: str = field(repr=False)
    usable_until: float
    """The earlier of the access token's end less a margin and the assertion's own end, in seconds since the epoch."""
    person: Person
    """As the assertion names them."""


class UserTokens:
    """A bounded cache of delegated tokens, least recently used out first.

    A turn without an assertion (a message, a button) may use what an earlier assertion of the same person has given,
    as long as that assertion has not expired itself. There are no refresh tokens.
    """

    def __init__(self, entra: Exchanger, *, capacity: int = 10_000, clock: Callable[[], float] = time.time) -> None:
        self._entra = entra
        self._capacity = capacity
        self._clock = clock
        self._entries: OrderedDict[_Key, _Entry] = OrderedDict()
        self._exchanging: dict[tuple[_Key, bytes], asyncio.Task[str]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def cached(self, person: Person, scopes: frozenset[str]) -> str:
        """The token in memory for ``person``.

        Raises:
            SignInNeeded: there is none that is still good.
        """
        key = (person.tid, person.oid, scopes)
        entry = self._entries.get(key)
        if entry is None:
            raise SignInNeeded
        if entry.usable_until <= self._clock():
            del self._entries[key]
            raise SignInNeeded("expired")
        self._entries.move_to_end(key)
        return entry.access_token

    async def exchange(self, sso: SsoToken, scopes: frozenset[str]) -> str:
        """A token for the verified ``sso`` token: from memory if the same one has been exchanged, else on behalf of.

        Raises:
            SignInError, UpstreamError: as ``EntraClient.on_behalf_of``; nothing is kept then.
        """
        key = (sso.person.tid, sso.person.oid, scopes)
        assertion_hash = hashlib.sha256(sso.assertion.encode()).digest()
        entry = self._entries.get(key)
        if entry and entry.assertion_hash == assertion_hash and entry.usable_until > self._clock():
            self._entries.move_to_end(key)
            return entry.access_token
        flight = (key, assertion_hash)
        task = self._exchanging.get(flight)
        if task is None:
            task = asyncio.create_task(self._exchange(key, assertion_hash, sso), name="on-behalf-of exchange")
            self._exchanging[flight] = task
            task.add_done_callback(lambda done: self._landed(flight, done))
        return await asyncio.shield(task)

    def named(self, person: Person, scopes: frozenset[str]) -> Person:
        """``person`` as named in the assertion that they signed in with; the channel tells no UPN."""
        entry = self._entries.get((person.tid, person.oid, scopes))
        return entry.person if entry else person

    def forget(self, person: Person) -> None:
        """Drop every token of ``person``."""
        for key in [key for key in self._entries if key[:2] == (person.tid, person.oid)]:
            del self._entries[key]

    def _landed(self, flight: tuple[_Key, bytes], done: asyncio.Task[str]) -> None:
        self._exchanging.pop(flight, None)
        if not done.cancelled():
            # Looked at even if everybody who waited has given up, else asyncio complains about a lost exception.
            done.exception()

    async def _exchange(self, key: _Key, assertion_hash: bytes, sso: SsoToken) -> str:
        token = await self._entra.on_behalf_of(sso.assertion, key[2])
        usable_until = min(token.expires_at - _MARGIN_S, sso.expires_at)
        self._entries[key] = _Entry(assertion_hash, token.secret, usable_until, sso.person)
        self._entries.move_to_end(key)
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return token.secret
