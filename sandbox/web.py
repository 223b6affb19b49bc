"""Listening on loopback, and turning faults into HTTP: what the simulated services share."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.faults import Answer, Call, ConnectionDropped
from sandbox.tenant import Json

HOST = "127.0.0.1"
_GRACE_S = 0.25  # how long a stop waits for requests under way; a held call must not delay it


@contextlib.contextmanager
def listening(port: int = 0) -> Iterator[socket.socket]:
    """A socket bound to loopback, on any free port for 0: addresses are known before anything is served.

    Raises:
        OSError: the port is taken.
    """
    with socket.socket() as listener:
        if os.name == "posix":  # a port in TIME_WAIT is free; on Windows the option would share a taken one
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)  # claims the port now, not later
        yield listener


def port_of(listener: socket.socket) -> int:
    """The port that a listener got."""
    port: int = listener.getsockname()[1]
    return port


@contextlib.asynccontextmanager
async def serving(app: web.Application, *listeners: tuple[socket.socket, ssl.SSLContext | None]) -> AsyncIterator[None]:
    """Serve the application on the sockets, some of them with TLS."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE_S)
    await runner.setup()
    try:
        for listener, ssl_context in listeners:
            await web.SockSite(runner, listener, ssl_context=ssl_context).start()
        yield
    finally:
        await runner.cleanup()


def respond(answer: Answer) -> web.Response:
    """The answer as an HTTP response; a dict goes out as JSON."""
    response = _plain(answer)
    for name, value in answer.header_pairs():
        if name.casefold() == "content-type":
            response.headers[name] = value
        else:
            response.headers.add(name, value)
    return response


class Trouble(Protocol):
    """What may have an answer in place of the service's own."""

    async def ask(self, call: Call) -> Answer | None:
        """The answer, or None.

        Raises:
            ConnectionDropped: the answer is to give none.
        """


def faulty(
    trouble: Trouble,
    describe: Callable[[web.Request], Awaitable[Call]],
    complete: Callable[[web.Request, Answer], Answer] = lambda _, answer: answer,
) -> Middleware:
    """A middleware that asks ``trouble`` first; ``complete`` adds what every answer of the service has."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = await trouble.ask(await describe(request))
        except ConnectionDropped:
            return drop(request)
        return await handler(request) if answer is None else respond(complete(request, answer))

    return middleware


async def json_object(request: web.Request) -> Json:
    """The body of a request of the chat page.

    Raises:
        web.HTTPBadRequest: it is something else.
    """
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="the body has to be a JSON object")
    return body


def drop(request: web.Request) -> web.Response:
    """Close the connection without an answer; the response returned has nowhere to go."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _plain(answer: Answer) -> web.Response:
    if isinstance(answer.body, bytes):
        return web.Response(status=answer.status, body=answer.body)
    if isinstance(answer.body, dict):
        return web.json_response(answer.body, status=answer.status)
    return web.Response(status=answer.status, text=answer.body)
