"""People's Graph tokens: in memory only, bounded, by person and scopes; one exchange at a time for each."""

from __future__ import annotations

import asyncio
import hashlib
import math
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
_LONGEST_S = 3600.0
"""A token from a code lives no longer here, whatever its own end: with CP1 that may be 28 hours away."""
_FRESH_S = 600.0
"""How long Microsoft takes a sign-in for fresh when a person manages their own methods
(https://learn.microsoft.com/graph/api/authentication-update)."""

_Key = tuple[TenantId, Oid, frozenset[str]]
_Flight = tuple[_Key, bytes]


class Exchanger(Protocol):
    """Entra, as far as this module needs it."""

    async def on_behalf_of(self, assertion: str, scopes: frozenset[str]) -> AccessToken:
        """See ``EntraClient.on_behalf_of``."""


@dataclass(frozen=True, slots=True)
class _Entry:
    assertion_hash: bytes | None
    access_token: str = field(repr=False)
    usable_until: float
    """The earlier of the access token's end less a margin and the assertion's own end, in seconds since the epoch."""
    by_page_at: float | None = None
    """When the person signed in by the page, in seconds since the epoch; None for a silent sign-in."""


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
        self._signed_out: OrderedDict[tuple[TenantId, Oid], float] = OrderedDict()
        # The few that are ever asked for, so that a person's tokens are found without a look at everybody's.
        self._scope_sets: set[frozenset[str]] = set()
        # Outlive a token that Microsoft does not take any more, so that the sign-in page need not ask for a name.
        self._names: OrderedDict[tuple[TenantId, Oid], Person] = OrderedDict()
        self._exchanging: dict[_Flight, asyncio.Task[str]] = {}

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
        if entry and entry.assertion_hash in {assertion_hash, None} and entry.usable_until > self._clock():
            # What the page has brought is worth more than what Teams gives silently.
            self._entries.move_to_end(key)
            return entry.access_token
        flight = (key, assertion_hash)
        task = self._exchanging.get(flight)
        if task is None:
            task = asyncio.create_task(self._exchange(flight, sso), name="on-behalf-of exchange")
            self._exchanging[flight] = task
            task.add_done_callback(lambda done: self._landed(flight, done))
        return await asyncio.shield(task)

    def named(self, person: Person) -> Person:
        """``person`` as named in what they last signed in with; the channel tells no UPN."""
        return self._names.get((person.tid, person.oid), person)

    def keep(self, person: Person, scopes: frozenset[str], token: AccessToken, *, asked_at: float) -> None:
        """Keep what ``person`` has got by signing in on the page, in place of all their tokens.

        Not if they have signed out since it was asked for, at ``asked_at`` in seconds since the epoch.
        """
        if self.has_signed_out(person, since=asked_at):
            return
        self._drop(person.tid, person.oid)
        now = self._clock()
        usable_until = min(token.expires_at - _MARGIN_S, now + _LONGEST_S)
        self._add((person.tid, person.oid, scopes), _Entry(None, token.secret, usable_until, now), person)

    def has_signed_out(self, person: Person, *, since: float) -> bool:
        """True if ``person`` has signed out at or after ``since``, in seconds since the epoch."""
        return self._signed_out.get((person.tid, person.oid), -math.inf) >= since

    def is_fresh(self, person: Person, scopes: frozenset[str]) -> bool:
        """True if ``person`` has signed in by the page within ten minutes."""
        entry = self._entries.get((person.tid, person.oid, scopes))
        return entry is not None and entry.by_page_at is not None and self._clock() - entry.by_page_at < _FRESH_S

    def forget(self, token: str, person: Person) -> None:
        """Drop ``token`` of ``person``, which Microsoft does not take (any more)."""
        for key in self._keys_of(person.tid, person.oid):
            if self._entries[key].access_token == token:
                del self._entries[key]

    def sign_out(self, tid: TenantId, oid: Oid) -> None:
        """Drop every token of a person, also those that are being fetched."""
        self._drop(tid, oid)
        self._names.pop((tid, oid), None)
        self._signed_out[tid, oid] = self._clock()
        self._signed_out.move_to_end((tid, oid))
        while len(self._signed_out) > self._capacity:
            self._signed_out.popitem(last=False)

    def _drop(self, tid: TenantId, oid: Oid) -> None:
        for key in self._keys_of(tid, oid):
            del self._entries[key]
        for flight in [flight for flight in self._exchanging if flight[0][:2] == (tid, oid)]:
            del self._exchanging[flight]

    def _keys_of(self, tid: TenantId, oid: Oid) -> list[_Key]:
        return [key for scopes in self._scope_sets if (key := (tid, oid, scopes)) in self._entries]

    def _landed(self, flight: _Flight, done: asyncio.Task[str]) -> None:
        if self._exchanging.get(flight) is done:
            del self._exchanging[flight]
        if not done.cancelled():
            # Looked at even if everybody who waited has given up, else asyncio complains about a lost exception.
            done.exception()

    async def _exchange(self, flight: _Flight, sso: SsoToken) -> str:
        key, assertion_hash = flight
        token = await self._entra.on_behalf_of(sso.assertion, key[2])
        if self._exchanging.get(flight) is asyncio.current_task():
            # Else the person has signed out meanwhile, or in by the page.
            usable_until = min(token.expires_at - _MARGIN_S, sso.expires_at)
            self._add(key, _Entry(assertion_hash, token.secret, usable_until), sso.person)
        return token.secret

    def _add(self, key: _Key, entry: _Entry, person: Person) -> None:
        """Keep a token, and the name of its person as the assertion or the id token has it."""
        self._entries[key] = entry
        self._entries.move_to_end(key)
        self._scope_sets.add(key[2])
        self._names[key[:2]] = person
        self._names.move_to_end(key[:2])
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        while len(self._names) > self._capacity:
            self._names.popitem(last=False)
