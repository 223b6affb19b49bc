"""The sign-in window: the bot's own pages with Microsoft's TeamsJS, in a window of the chat page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from sandbox import ChatMessage, StepUp
from tests.conftest import ADA, World
from tests.http.signing_in import sign_in_card


@pytest.fixture
async def asked(world: World) -> ChatMessage:
    """Ada wants a change, and Microsoft wants a fresh sign-in: the card that asks for it."""
    world.sandbox.situations.switch_on(StepUp(), ADA)
    await world.client(ADA).say("set my default MFA to oath")
    return await sign_in_card(world)


@pytest.fixture
async def complaints(page: Page) -> AsyncIterator[list[str]]:
    """What the windows of the page complain about: nothing, when the test ends."""
    found: list[str] = []

    def listen(popup: Page) -> None:
        popup.on("pageerror", lambda error: found.append(str(error)))
        popup.on("console", lambda message: found.append(message.text) if message.type == "error" else None)

    page.context.on("page", listen)
    yield found
    assert [] == found


async def _open_window(page: Page, world: World) -> Page:
    await page.goto(f"{world.sandbox.site_url}/#{ADA}")
    async with page.expect_popup() as opening:
        await page.get_by_role("link", name="Sign in").click()
    return await opening.value


@pytest.mark.usefixtures("asked", "complaints")
async def test_the_window_tells_the_bot_and_closes(page: Page, world: World) -> None:
    """A wrong code, the right one, TeamsJS; then the window and the card are gone, and the change is made."""
    popup = await _open_window(page, world)
    await popup.get_by_label("Six-digit code").fill("111111")
    await popup.keyboard.press("Enter")
    await expect(popup.get_by_role("alert")).to_have_text("That code isn't right. Try again.")
    await popup.get_by_label("Six-digit code").fill("123456")
    async with popup.expect_event("close"):
        await popup.get_by_role("button", name="Verify").click()

    await expect(page.get_by_role("link", name="Sign in")).to_have_count(0)
    await expect(page.get_by_test_id("card").last).to_contain_text("Changed: Authenticator notification")


@pytest.mark.usefixtures("asked", "complaints")
async def test_a_declined_sign_in_can_be_made_later(page: Page, world: World) -> None:
    """Cancelled on Entra's page, the window closes too; the card stays, and its button works on."""
    popup = await _open_window(page, world)
    async with popup.expect_event("close"):
        await popup.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()

    popup = await _open_window(page, world)
    await popup.get_by_label("Six-digit code").fill("123456")
    async with popup.expect_event("close"):
        await popup.get_by_role("button", name="Verify").click()

    await expect(page.get_by_test_id("card").last).to_contain_text("Changed: Authenticator notification")


@pytest.mark.usefixtures("asked")
async def test_a_closed_window_changes_nothing(page: Page, world: World) -> None:
    """Whoever closes the window has cancelled: no trouble is made of it, and the button stays."""
    popup = await _open_window(page, world)
    await popup.close()

    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    await world.sandbox.teams.idle()
    assert "push" == world.default_of(ADA)


async def test_outside_of_teams_the_page_says_what_to_do(browser: Browser, world: World, asked: ChatMessage) -> None:
    """Without an opener nobody hears of it: the page tells the person to write a message, and that carries on."""
    context = await browser.new_context(viewport={"width": 360, "height": 640})
    opened = await context.new_page()
    await opened.goto(world.client(ADA).sign_in_url(asked))
    await opened.get_by_label("Six-digit code").fill("123456")
    await opened.get_by_role("button", name="Verify").click()
    await expect(opened.get_by_role("heading", name="You are signed in")).to_be_visible()
    await expect(opened.get_by_text("send me any message there")).to_be_visible()
    assert not await opened.evaluate("document.documentElement.scrollWidth > innerWidth")

    await world.client(ADA).say("done")

    assert "Changed:" in (await world.client(ADA).next_bot_card()).visible_text
    await context.close()


@pytest.mark.usefixtures("asked")
async def test_a_stranger_s_message_is_not_heard(page: Page, world: World) -> None:
    """Only the bot's own page may speak for the window: neither the chat page nor Entra's can end a sign-in."""
    popup = await _open_window(page, world)
    message = "{func: 'authentication.authenticate.success', args: ['forged']}"
    await page.evaluate(f"window.postMessage({message}, '*')")
    await popup.evaluate(f"window.opener.postMessage({message}, '*')")  # the window, but with Entra's page in it
    await popup.get_by_label("Six-digit code").fill("123456")
    async with popup.expect_event("close"):
        await popup.get_by_role("button", name="Verify").click()

    await expect(page.get_by_test_id("card").last).to_contain_text("Changed: Authenticator notification")


async def test_situations_are_switched_by_keyboard(page: Page, world: World) -> None:
    """Opened and switched with the keyboard, on a desktop and on a phone; what is on can be seen from outside."""
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 800})
        await page.goto(f"{world.sandbox.site_url}/#{ADA}")
        summary = page.get_by_test_id("situations").locator("summary")
        await summary.focus()
        await page.keyboard.press("Enter")
        switch = page.get_by_role("switch", name="Fresh sign-in before a change")
        await expect(switch).not_to_be_checked()
        await switch.focus()
        await page.keyboard.press("Space")
        await expect(summary).to_contain_text("1 on")
        assert StepUp() == world.sandbox.situations.switched(StepUp, ADA)
        await page.keyboard.press("Space")
        await expect(page.locator("#situations-count")).to_be_hidden()
        await page.goto("about:blank")
    assert world.sandbox.situations.switched(StepUp, ADA) is None
