"""The Microsoft 365 Agents Playground: install, sentence, sign-in as far as it supports it, press, card replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from app import sandbox_with_bot
from tests.browser import launched


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A system Chromium."""
    async with async_playwright() as playwright, launched(playwright) as running:
        yield running


async def _say(page: Page, text: str) -> None:
    await page.get_by_role("textbox").first.click()
    await page.keyboard.type(text)
    await page.get_by_role("button", name="Send Message").click()


async def test_the_mission_in_a_client_that_nobody_here_wrote(browser: Browser) -> None:
    """Everything that a person does in Teams, without a change in how the bot lets somebody in."""
    async with sandbox_with_bot(playground_port=0) as address:
        page = await browser.new_page(viewport={"width": 1280, "height": 1000})
        await page.goto(address)
        await expect(page.get_by_text("I look after your default sign-in method")).to_be_visible()

        # It ignores silent sign-in and only opens the link of the card's button, as a browser outside Teams would.
        await _say(page, "set my default MFA to oath")
        async with page.context.expect_page() as opening:
            await page.get_by_role("button", name="Sign in").or_(page.get_by_role("link", name="Sign in")).last.click()
        window = await opening.value
        await window.get_by_text("ada@contoso.example").click()
        code = window.get_by_label("Six-digit code")
        await expect(code.or_(window.get_by_role("heading", name="You are signed in"))).to_be_visible()
        if await code.is_visible():
            await code.fill("123456")
            await window.get_by_role("button", name="Verify").click()
        await expect(window.get_by_role("heading", name="You are signed in")).to_be_visible()
        await window.close()
        await _say(page, "done")
        await expect(page.get_by_text("Changed: Authenticator notification → one-time code.")).to_be_visible()

        cards = await page.get_by_text("Your default sign-in method").count()
        await page.get_by_role("button", name="Choose something else").last.click()
        await page.get_by_role("button", name="Use text messages").last.click()
        await expect(page.get_by_text("Changed: one-time code → text message.")).to_be_visible()
        await expect(page.get_by_text("Changed: Authenticator notification → one-time code.")).to_have_count(0)
        assert cards == await page.get_by_text("Your default sign-in method").count()

        await page.get_by_role("button", name="Undo").last.click()
        await expect(page.get_by_text("Changed back: text message → one-time code.")).to_be_visible()
