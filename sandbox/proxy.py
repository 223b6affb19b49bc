"""The reverse proxy in front of the bot's own pages, as in production: the site forwards ``/auth/`` to the bot.

So these pages have the chat page's origin, and the bot's public address is that of the site.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sandbox.channel import Channel

_LIMIT_S = 15.0
_MAX_QUERY = 16 * 1024
_MAX_BODY = 4 * 1024 * 1024  # TeamsJS, uncompressed, is well below

# What a browser may tell the bot. The Host is the bot's own: links are built from its public address.
_REQUEST_HEADERS = ("Accept", "Accept-Encoding", "Accept-Language", "If-None-Match", "If-Modified-Since", "User-Agent")
# What concerns one connection only (RFC 9110 7.6.1), and what the server writes anew.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_AUTH = "/auth/"


def is_forwarded(path: str) -> bool:
    """Whether a path of the site belongs to the bot, which then says itself how browsers have to treat it."""
    return path.startswith(_AUTH)


class Proxy:
    """Forwards to the origin of the channel's messaging endpoint."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._session: aiohttp.ClientSession | None = None

    def add_to(self, app: web.Application) -> None:
        """Serve ``/auth/`` as long as the application runs."""
        app.router.add_get(f"{_AUTH}{{path:.*}}", self._forward, allow_head=False)
        app.cleanup_ctx.append(self._running)

    async def _running(self, _: web.Application) -> AsyncIterator[None]:
        limit = aiohttp.ClientTimeout(total=_LIMIT_S)
        connector = aiohttp.TCPConnector(force_close=True, limit=0)  # bots restart in between
        async with aiohttp.ClientSession(
            timeout=limit, connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        ) as self._session:
            yield
        self._session = None

    async def _forward(self, request: web.Request) -> web.Response:
        if len(request.raw_path) > _MAX_QUERY:
            return web.Response(status=414, text="The address is too long.")
        origin = self._channel.origin
        if origin is None or self._session is None:
            return _unreachable()
        headers = {name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers}
        url = URL(f"{origin}{request.raw_path}", encoded=True)
        try:
            async with self._session.get(url, headers=headers, allow_redirects=False) as answer:
                body = await _limited(answer.content)
                return web.Response(status=answer.status, headers=_kept(answer.headers), body=body)
        except (aiohttp.ClientError, TimeoutError):
            return _unreachable()


async def _limited(content: aiohttp.StreamReader) -> bytes:
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > _MAX_BODY:
            raise aiohttp.ClientPayloadError
    return bytes(body)


def _kept(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.casefold() not in _HOP_BY_HOP)


def _unreachable() -> web.Response:
    return web.Response(status=502, text="The bot does not answer.")
