"""Raw HTTP against a sandbox without the bot."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from sandbox import Sandbox
from tests.sandbox.wire import FakeBot, Wire


@pytest.fixture
async def wire(sandbox: Sandbox) -> AsyncIterator[Wire]:
    """Requests to the sandbox, trusting its certificate authority and no other."""
    trust = ssl.create_default_context(cafile=str(sandbox.ca_file))
    connector, limit = aiohttp.TCPConnector(ssl=trust), aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(connector=connector, timeout=limit) as session:
        yield Wire(sandbox, session)


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[FakeBot]:
    """A bot that is only an endpoint, connected to the sandbox."""
    fake = FakeBot()
    async with TestServer(fake.app()) as server:
        sandbox.connect_bot(str(server.make_url("/api/messages")))
        yield fake
        fake.may_answer.set()
        await sandbox.teams.idle()
