"""Keys of an issuer grow old in the background."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.identity import KeysUnavailable, SigningKeys, UnknownKey
from sandbox import SigningKey
from tests.conftest import eventually

DAY_S = 24 * 3600.0


@dataclass
class Issuer:
    """A small OpenID server whose key set the test chooses."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    loads: int = 0
    url: str = ""

    async def metadata(self, request: web.Request) -> web.Response:
        """Where the keys are."""
        return web.json_response({"issuer": "me", "jwks_uri": str(request.url.with_path("/keys"))})

    async def key_set(self, _request: web.Request) -> web.Response:
        """The keys."""
        self.loads += 1
        return web.json_response({"keys": self.keys})


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        """The moment that it is, in seconds."""
        return self.now


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer with one key."""
    served = Issuer([SigningKey.generate().jwk()])
    application = web.Application()
    application.router.add_get("/metadata", served.metadata)
    application.router.add_get("/keys", served.key_set)
    async with TestServer(application) as server:
        served.url = str(server.make_url("/metadata"))
        yield served


@pytest.fixture
async def keys(issuer: Issuer, clock: Clock) -> AsyncIterator[SigningKeys]:
    """Keys that are not loaded yet."""
    async with aiohttp.ClientSession() as session:
        made = SigningKeys(session, issuer.url, clock=clock)
        yield made
        await made.close()


@pytest.fixture
def clock() -> Clock:
    """Time zero."""
    return Clock()


async def test_keys_are_loaded_at_first_use(keys: SigningKeys, issuer: Issuer) -> None:
    """Nothing is needed before the first look-up; then issuer and key are known."""
    with pytest.raises(KeysUnavailable):
        _ = keys.issuer

    assert (await keys.find(issuer.keys[0]["kid"])).endorsements == frozenset()
    assert ("me", True, 1) == (keys.issuer, keys.loaded, issuer.loads)


async def test_old_keys_serve_on_while_new_ones_are_fetched(keys: SigningKeys, issuer: Issuer, clock: Clock) -> None:
    """After a day a look-up is answered at once by the old key, and the set is loaded anew behind it."""
    kid = issuer.keys[0]["kid"]
    await keys.find(kid)
    clock.now = DAY_S + 1

    await keys.find(kid)

    await eventually(lambda: issuer.loads == 2)


async def test_keys_that_are_no_public_rsa_keys_are_left_out(keys: SigningKeys, issuer: Issuer) -> None:
    """Other kinds of keys do not spoil the set; a broken one makes it no set at all."""
    good = issuer.keys[0]
    issuer.keys = [{"kty": "EC", "kid": "ec"}, {"kty": "RSA"}, good]
    await keys.find(good["kid"])
    with pytest.raises(UnknownKey):
        await keys.find("ec")


@pytest.mark.parametrize("broken", [[], [{"kty": "RSA", "kid": "x"}], [{"kty": "RSA", "kid": "x", "n": "!", "e": "?"}]])
async def test_a_broken_set_is_no_set(keys: SigningKeys, issuer: Issuer, broken: list[dict[str, Any]]) -> None:
    """What can't be read is not loaded, and the next look-up tries again."""
    good, issuer.keys = issuer.keys, broken
    with pytest.raises(KeysUnavailable):
        await keys.find("x")

    issuer.keys = good
    assert await keys.find(good[0]["kid"])


async def test_an_issuer_that_is_down_raises_nothing_at_start(clock: Clock) -> None:
    """Loading at start only logs: the bot starts, and /readyz is red."""
    async with aiohttp.ClientSession() as session:
        keys = SigningKeys(session, "http://127.0.0.1:1/metadata", clock=clock)
        await keys.load()
        assert not keys.loaded
        await keys.close()
