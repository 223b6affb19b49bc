"""The way to PostgreSQL, which can be cut."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Self

from sqlalchemy import make_url

__all__ = ["Loss", "Proxy"]


@dataclass
class Loss:
    """A COMMIT whose answer does not come back: that of the next transaction in which all ``words`` were sent."""

    words: tuple[bytes, ...]
    happened: bool = False


@dataclass(eq=False)
class _Connection:
    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    sent: bytearray = field(default_factory=bytearray)
    """What the client has sent since the beginning of its transaction."""
    is_losing: bool = False

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """Passes bytes on between clients and the server of ``database_url``.

    ``refusing`` closes every new connection at once. ``swallowing`` takes what is sent and passes nothing on, in both
    directions, while all connections stay. ``url`` is the way through it, ``behind`` the one past it.
    """

    def __init__(self, database_url: str) -> None:
        self.refusing = False
        self.swallowing = False
        self._target = make_url(database_url)
        self._connections: set[_Connection] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._losses: list[Loss] = []
        self.url = ""
        self.behind = database_url

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = self._target.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        for serving in self._serving:
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Break every connection."""
        for connection in list(self._connections):
            connection.cut()

    def lose_commit(self, *words: bytes) -> Loss:
        """Let the next transaction in which ``words`` are sent commit, and break its connection before the answer."""
        loss = Loss(words)
        self._losses.append(loss)
        return loss

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        up_reader, up_writer = await asyncio.open_connection(self._target.host, self._target.port or 5432)
        connection = _Connection((writer, up_writer))
        self._connections.add(connection)
        try:
            upwards = asyncio.create_task(self._pass_on(connection, reader, up_writer, upwards=True))
            downwards = asyncio.create_task(self._pass_on(connection, up_reader, writer, upwards=False))
            try:
                await asyncio.wait({upwards, downwards}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                connection.cut()
                await asyncio.gather(upwards, downwards, return_exceptions=True)
        finally:
            self._connections.discard(connection)

    async def _pass_on(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, upwards: bool
    ) -> None:
        while chunk := await reader.read(65536):
            if self.swallowing:
                continue
            if upwards:
                self._look(connection, chunk)
            elif connection.is_losing:
                return
            writer.write(chunk)
            await writer.drain()

    def _look(self, connection: _Connection, chunk: bytes) -> None:
        if b"BEGIN" in chunk:
            connection.sent.clear()
        connection.sent += chunk
        if b"COMMIT" not in chunk:
            return
        for loss in self._losses:
            if not loss.happened and all(word in connection.sent for word in loss.words):
                loss.happened = connection.is_losing = True
                return
