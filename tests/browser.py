"""A system Chromium, for the tests in a browser and for the gallery."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Playwright

__all__ = ["launched"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Without these Chromium looks for its maker's hosts at every start, which a closed network answers slowly.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@asynccontextmanager
async def launched(playwright: Playwright) -> AsyncIterator[Browser]:
    """Chromium as the system has it; ``CHROMIUM`` names another.

    Raises:
        RuntimeError: there is none.
    """
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise RuntimeError("no Chromium: install it (Debian: apt-get install chromium) or name one in CHROMIUM")
    running = await playwright.chromium.launch(executable_path=found, args=_FLAGS)
    try:
        yield running
    finally:
        await running.close()
