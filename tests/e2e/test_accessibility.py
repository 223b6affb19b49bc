"""Everybody can use it: axe-core finds nothing on any card or page, in any theme, wide or narrow."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from bot.locale import translated_languages
from tests.conftest import World
from tests.e2e.test_chat_page import open_chat, say
from tests.gallery.pages import THEMES, WIDTHS, opened, served


async def violations(page: Page, **options: Any) -> list[str]:
    """What axe-core objects to: rule, element and reason."""
    results = await Axe().run(page, options={"resultTypes": ["violations"], **options})
    return [
        f"{found['id']}: {node['target']}: {node['failureSummary']}"
        for found in results.response["violations"]
        for node in found["nodes"]
    ]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
async def test_no_card_is_an_obstacle(browser: Browser, theme: str, width: str) -> None:
    """Contrast, names of buttons, headings, roles: nothing to mend on the card of any situation."""
    async with served("en") as address, opened(browser, address, theme, width) as page:
        # All cards stand on one page, so headings come again and again, and the page has no other landmarks.
        assert [] == await violations(page)


@pytest.mark.parametrize("language", sorted(translated_languages()))
@pytest.mark.parametrize("width", WIDTHS)
async def test_long_words_fit(browser: Browser, language: str, width: str) -> None:
    """German compounds and Japanese lines stay inside their card, and no button's words are cut off."""
    async with served(language) as address, opened(browser, address, "light", width) as page:
        wide = await page.evaluate(
            """() => [...document.querySelectorAll(".card *")]
                .filter((one) => one.getBoundingClientRect().right > one.closest(".card").getBoundingClientRect().right
                    || (one.closest("button") && one.scrollWidth > one.clientWidth))
                .map((one) => one.closest(".card").id + ": " + one.textContent)"""
        )
        assert [] == wide


@pytest.mark.parametrize("theme", THEMES)
async def test_the_sign_in_page_is_no_obstacle(browser: Browser, world: World, theme: str) -> None:
    """The bot's own page, in the language of the browser."""
    context = await browser.new_context(locale="fr-CA", **THEMES[theme])
    page = await context.new_page()
    await page.goto(f"{world.bot_url}/auth/start?for=nothing")
    await expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert [] == await violations(page)
    await context.close()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", [(1280, 900), (360, 740)], ids=["desktop", "phone"])
async def test_the_chat_page_is_no_obstacle(browser: Browser, address: str, theme: str, size: tuple[int, int]) -> None:
    """The page with a conversation on it, as people see it."""
    viewport = {"width": size[0], "height": size[1]}
    context = await browser.new_context(viewport=viewport, reduced_motion="reduce", **THEMES[theme])  # type: ignore[arg-type]
    page = await context.new_page()
    if size[0] < 800:
        await page.goto(address)
        await expect(page.get_by_test_id("card")).to_be_visible()
    else:
        await open_chat(page, address)
    await say(page, "use one-time codes")
    await say(page, "use text messages")
    assert [] == await violations(page)
    await context.close()
