"""All cards on one page, drawn by the official renderer with Teams' host configuration; served on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, Page

from cards import render
from sandbox.site import STATIC
from tests.gallery.situations import SITUATIONS, reader_for

__all__ = ["THEMES", "WIDTHS", "opened", "rendered", "served"]

THEMES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    # No package has Teams' third theme; a browser shows it as it shows Windows' contrast themes.
    "contrast": {"color_scheme": "dark", "forced_colors": "active"},
}
WIDTHS = {"desktop": 560, "phone": 320}
"""In CSS pixels: what a chat leaves to a card on a desktop, and on a narrow phone."""

_HERE = Path(__file__).parent


@lru_cache
def rendered(language: str) -> dict[str, dict[str, Any]]:
    """The card of each situation in ``language``, as it goes out."""
    reader = reader_for(language)
    cards = {name: render(reply, reader).card for name, reply in SITUATIONS.items()}
    return {name: card for name, card in cards.items() if card is not None}


@asynccontextmanager
async def served(language: str) -> AsyncIterator[str]:
    """The address of the page with all cards in ``language``."""

    async def cards(_: web.Request) -> web.Response:
        return web.json_response(
            {"lang": language if len(language) == len("en") else "en", "cards": rendered(language)}
        )

    app = web.Application()
    app.router.add_get("/cards.json", cards)
    for name in ("page.html", "page.js"):
        app.router.add_get(f"/{name}", _file(_HERE / name))
    app.router.add_static("/static/", STATIC)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/page.html"
    finally:
        await runner.cleanup()


def _file(path: Path) -> Any:
    async def give(_: web.Request) -> web.FileResponse:
        return web.FileResponse(path)

    return give


@asynccontextmanager
async def opened(browser: Browser, address: str, theme: str, width: str) -> AsyncIterator[Page]:
    """The page in a theme and a width, once all cards are drawn."""
    viewport = {"width": WIDTHS[width] + 32, "height": 900}
    context = await browser.new_context(viewport=viewport, reduced_motion="reduce", **THEMES[theme])  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(f"{address}?width={WIDTHS[width]}")
    await page.wait_for_selector("body[data-ready]")
    yield page
    await context.close()
