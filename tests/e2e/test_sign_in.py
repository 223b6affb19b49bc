"""What a newcomer watches in the sandbox: a fresh sign-in, a refusal, an outage, signing out."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

from tests.e2e.test_chat_page import open_chat, say


async def _switch(page: Page, situation: str) -> None:
    """Switch a situation on or off, in the panel that is opened for it."""
    panel = page.get_by_test_id("situations")
    if await panel.get_attribute("open") is None:
        await panel.locator("summary").click()
    await page.get_by_role("switch", name=situation).click()


async def _sign_in(page: Page) -> None:
    """Press the newest sign-in button and type the code."""
    async with page.expect_popup() as opening:
        await page.get_by_role("link", name="Sign in").last.click()
    popup = await opening.value
    await popup.get_by_label("Six-digit code").fill("123456")
    async with popup.expect_event("close"):
        await popup.keyboard.press("Enter")


async def _write(page: Page, text: str) -> None:
    await page.get_by_test_id("composer").fill(text)
    await page.keyboard.press("Enter")


def _last_card(page: Page) -> Locator:
    return page.get_by_test_id("card").last


async def test_a_change_that_needs_a_fresh_sign_in_goes_on_by_itself(page: Page, address: str) -> None:
    """Step-up: said once, signed in once, and the answer is the card of the change."""
    await open_chat(page, address)
    await _switch(page, "Fresh sign-in before a change")
    await _write(page, "set my default MFA to oath")
    await _sign_in(page)

    await expect(_last_card(page)).to_contain_text("Changed: Authenticator notification → one-time code.")
    # The page itself never scrolls: what is long scrolls in its own column.
    assert await page.evaluate("document.documentElement.scrollHeight === innerHeight && scrollY === 0")


async def test_a_refusal_for_good_says_where_it_can_be_done(page: Page, troubled_address: str) -> None:
    """Self-service is not allowed here: one fresh sign-in, then a card with a button to Security info."""
    await open_chat(page, troubled_address)
    await _switch(page, "Changing your own is not allowed")
    await _write(page, "set my default MFA to oath")
    await _sign_in(page)

    await expect(_last_card(page)).to_contain_text("Your organisation's settings do not let me do this")
    await expect(_last_card(page).get_by_role("link", name="Security info")).to_be_visible()


async def test_an_outage_has_a_button_to_try_again(page: Page, troubled_address: str) -> None:
    """Microsoft is down: a card says so; once it is back the card's button shows the methods in its place."""
    await open_chat(page, troubled_address)
    await _switch(page, "Microsoft is down")
    card = await say(page, "show my methods")
    await expect(card).to_contain_text("Microsoft is not answering right now")
    await _switch(page, "Microsoft is down")

    await card.get_by_role("button", name="Try again").click()

    await expect(card).to_contain_text("Your default sign-in method")


async def test_signing_out_is_said_and_the_next_wish_signs_in_again(page: Page, address: str) -> None:
    """The bot forgets; Teams signs in again without a word when something is wanted."""
    await open_chat(page, address)
    await say(page, "show my methods")
    card = await say(page, "sign out")
    await expect(card).to_contain_text("You are signed out")

    await say(page, "show my methods")

    await expect(page.get_by_text("Signed in silently")).to_have_count(2)


async def test_an_administrator_can_consent_by_the_link(page: Page, troubled_address: str) -> None:
    """Without consent the card names the permissions and has the link to pass on; after that it works."""
    await open_chat(page, troubled_address)
    await _switch(page, "Administrator has not approved the bot")
    card = await say(page, "show my methods")
    await expect(card).to_contain_text("UserAuthenticationMethod.ReadWrite")
    async with page.expect_popup() as opening:
        await (
            card.get_by_role("link", name="Grant consent").or_(card.get_by_role("button", name="Grant consent")).click()
        )
    consent = await opening.value
    await consent.get_by_role("button", name="Accept").click()
    await expect(consent.get_by_text("The bot may now do its work for everybody.")).to_be_visible()

    await expect(await say(page, "show my methods")).to_contain_text("Your default sign-in method")
