"""``make run`` as a process of its own, and a system Chromium to look at it."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.browser import launched

_ROOT = Path(__file__).parents[2]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A system Chromium."""
    async with async_playwright() as playwright, launched(playwright) as running:
        yield running


@asynccontextmanager
async def _started() -> AsyncIterator[tuple[str, list[bytes]]]:
    """The bot as its users start it: the address of its chat page, and what else it has printed in the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "app.py", "sandbox", "--port", "0", cwd=_ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    printed: list[bytes] = []
    try:
        line = (await process.stdout.readline()).decode()
        found = re.fullmatch(r"Open (http://\S+)\n", line)
        assert found, f"the bot did not start: {line!r}"
        yield found[1], printed
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = await asyncio.wait_for(process.communicate(), timeout=30)
        printed += rest.splitlines()
        assert 0 == process.returncode


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """The chat page of a bot to which nothing happens that it would have to tell its operator."""
    async with _started() as (chat_page, printed):
        yield chat_page
    assert [] == printed


@pytest.fixture
async def troubled_address() -> AsyncIterator[str]:
    """The chat page of a bot that meets trouble: each is one line of its log, without a trace."""
    async with _started() as (chat_page, printed):
        yield chat_page
    assert [] == [line for line in printed if b"[warning" not in line and b"[error" not in line]
    assert printed


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A fresh page that fails the test when the browser reports an error."""
    context = await browser.new_context(viewport={"width": 1280, "height": 960}, locale="en-US")
    opened = await context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield opened
    await context.close()
    assert complaints == []
