"""Public keys of an issuer, from its OpenID metadata, with roll-over: the channel's and Entra's alike."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp
import jwt

from bot.telemetry import get_logger

__all__ = ["KeysUnavailable", "SigningKey", "SigningKeys", "UnknownKey"]

_log = get_logger(__name__)


class UnknownKey(Exception):
    """No such ``kid``, also after the keys were loaded again."""


class KeysUnavailable(Exception):
    """The keys could never be loaded, so nothing can be verified."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public RSA key. ``endorsements`` are the channels that it may speak for (Bot Framework only)."""

    key: jwt.PyJWK
    endorsements: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Loaded:
    issuer: str
    keys: Mapping[str, SigningKey]
    at: float


class SigningKeys:
    """Keys by ``kid``, loaded from ``openid_url`` and looked up without I/O.

    An unknown ``kid`` reloads them, at most once in ``reload_s`` seconds and once for all who wait; keys older than
    ``max_age_s`` are reloaded in the background while the old ones go on serving. Nothing blocks the loop.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        openid_url: str,
        *,
        reload_s: float = 60.0,
        max_age_s: float = 24 * 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._openid_url = openid_url
        self._reload_s = reload_s
        self._max_age_s = max_age_s
        self._clock = clock
        self._loaded: _Loaded | None = None
        self._reloaded_at = -float("inf")
        self._loading: asyncio.Task[None] | None = None

    @property
    def loaded(self) -> bool:
        """True once the keys were loaded."""
        return self._loaded is not None

    @property
    def issuer(self) -> str:
        """The issuer that the metadata names.

        Raises:
            KeysUnavailable: not loaded yet.
        """
        return self._need().issuer

    async def find(self, kid: str) -> SigningKey:
        """The key of that id.

        Raises:
            UnknownKey: the issuer does not have it.
            KeysUnavailable: the issuer's keys could never be loaded.
        """
        loaded = self._loaded
        if loaded is None or kid not in loaded.keys:
            await self._reload_if_due()
        elif self._clock() - loaded.at > self._max_age_s:
            self._start_reload_if_due()
        try:
            return self._need().keys[kid]
        except KeyError:
            raise UnknownKey(kid) from None

    async def load(self) -> None:
        """Load the keys now if that is due. A failure is logged, not raised: the next use tries again."""
        await self._reload_if_due()

    async def close(self) -> None:
        """Stop a reload that is under way."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)

    def _need(self) -> _Loaded:
        if self._loaded is None:
            raise KeysUnavailable(self._openid_url)
        return self._loaded

    async def _reload_if_due(self) -> None:
        self._start_reload_if_due()
        if self._loading is not None:
            # Shielded: one caller that gives up must not stop the load for the others.
            await asyncio.shield(self._loading)

    def _start_reload_if_due(self) -> None:
        if self._loading is not None and not self._loading.done():
            return
        # Before the first success every caller may try, else one hiccup at start would refuse everybody for a minute.
        if self._loaded is not None:
            if self._clock() - self._reloaded_at < self._reload_s:
                return
            self._reloaded_at = self._clock()
        self._loading = asyncio.create_task(self._reload(), name="load signing keys")

    async def _reload(self) -> None:
        try:
            metadata = await self._get(self._openid_url)
            jwks = await self._get(str(metadata["jwks_uri"]))
            keys = _keys(jwks["keys"])
            self._loaded = _Loaded(str(metadata["issuer"]), keys, self._clock())
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError) as error:
            _log.error("signing keys could not be loaded", url=self._openid_url, cause=type(error).__name__)
        else:
            _log.info("signing keys loaded", url=self._openid_url, keys=len(keys))

    async def _get(self, url: str) -> Mapping[str, object]:
        async with self._session.get(url, raise_for_status=True) as response:
            body = await response.json(content_type=None)
        if not isinstance(body, dict):
            raise TypeError("not a JSON object")
        return body


def _keys(rows: object) -> Mapping[str, SigningKey]:
    """The usable keys by their ids. An empty set is an error: keys that were good a moment ago are better than none."""
    keys = dict(_key(row) for row in rows if _is_usable(row)) if isinstance(rows, list) else {}
    if not keys:
        raise ValueError("no usable key")
    return keys


def _is_usable(row: object) -> bool:
    return isinstance(row, dict) and row.get("kty") == "RSA" and isinstance(row.get("kid"), str)


def _key(row: Mapping[str, object]) -> tuple[str, SigningKey]:
    endorsements = row.get("endorsements")
    names = frozenset(map(str, endorsements)) if isinstance(endorsements, list) else frozenset()
    try:
        key = jwt.PyJWK(dict(row), algorithm="RS256")
    except jwt.PyJWTError as error:
        raise ValueError("not a public RSA key") from error
    return str(row["kid"]), SigningKey(key, names)
