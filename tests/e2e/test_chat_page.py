"""What a newcomer does: open the page, type the sentence, press a button."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.async_api import Locator, Page, expect

_PICTURE = Path(__file__).parents[2] / "docs" / "images" / "chat.png"


async def open_chat(page: Page, address: str, person: str = "Ada Lovelace") -> None:
    """The chat of a person, once the bot has welcomed them."""
    await page.goto(address)
    await page.get_by_test_id("person").filter(has_text=person).click()
    await expect(page.get_by_test_id("card")).to_contain_text("I look after your default sign-in method")


async def say(page: Page, text: str) -> Locator:
    """Write ``text``; the card that answers it."""
    cards = await page.get_by_test_id("card").count()
    await page.get_by_test_id("composer").fill(text)
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("card")).to_have_count(cards + 1)
    return page.get_by_test_id("card").last


async def test_the_sentence_is_typed_the_card_appears_and_a_button_changes_it(page: Page, address: str) -> None:
    """The mission in a browser: the card of the sentence, another method's button, the same card changed in place."""
    await open_chat(page, address)
    card = await say(page, "set my default MFA to oath")
    await expect(card).to_contain_text("Changed: Authenticator notification → one-time code.")
    await expect(card).to_contain_text("I have checked: Microsoft has saved it.")
    if os.environ.get("KEEP_PICTURE"):
        # README shows it; only on demand, so that a test run changes no file.
        await page.screenshot(path=_PICTURE, animations="disabled")
    messages = await page.get_by_test_id("message").count()

    await card.get_by_role("button", name="Choose something else").click()
    await card.get_by_role("button", name="Use text messages").click()

    await expect(card).to_contain_text("Changed: one-time code → text message.")
    await expect(page.get_by_test_id("message")).to_have_count(messages)
    methods = [await call.get_attribute("data-method") for call in await page.get_by_test_id("graph-call").all()]
    assert 2 == methods.count("PATCH")


async def test_somebody_else_sees_their_own_situation(page: Page, address: str) -> None:
    """Choosing another person shows their chat: an overruled default, and greyed-out methods with their reasons."""
    await open_chat(page, address, "Katherine Johnson")
    card = await say(page, "show my methods")

    await expect(card).to_contain_text("Microsoft chooses your strongest method by itself")
    await expect(card).to_contain_text("Not registered: Authenticator notification, one-time code")
    await card.get_by_role("button", name="Why, and what you can do").click()
    await expect(card).to_contain_text("Not registered. You need the Microsoft Authenticator app on your phone.")
    await expect(card.get_by_role("button", name="Use notifications")).to_be_disabled()
    await expect(card.get_by_role("button", name="Use calls to my office")).to_be_visible()


async def test_the_chat_follows_the_conversation(page: Page, address: str) -> None:
    """Whatever was said before, the end of the newest card is in view, on a desktop and on a phone."""
    await open_chat(page, address)
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 800})
        for text in ("show my methods", "help", "set my default to sms", "hello", "set my default to push"):
            card = await say(page, text)
            await expect(card.get_by_role("link").or_(card.get_by_role("button")).last).to_be_in_viewport()


async def test_a_change_is_put_back_and_looked_at(page: Page, address: str) -> None:
    """Undo by its button in the card that tells of the change, and the history with dates of the reader's own clock."""
    await open_chat(page, address)
    card = await say(page, "use one-time codes")

    await card.get_by_role("button", name="Undo", exact=True).click()

    await expect(card).to_contain_text("Changed back: one-time code → Authenticator notification.")
    history = await say(page, "history")
    await expect(history).to_contain_text("Your last changes")
    for change in ("One-time code → Authenticator notification", "Authenticator notification → one-time code"):
        await expect(history).to_contain_text(change)
    # Dates are worked out by the client; a function that it does not understand would show as it was written.
    await expect(history).not_to_contain_text("{{")


async def test_everything_can_be_done_by_keyboard(page: Page, address: str) -> None:
    """The sentence, the way to a button of the card, the press; and the focus stays on the card that has changed."""
    await open_chat(page, address)
    await page.get_by_test_id("composer").focus()
    await page.keyboard.type("show my methods")
    await page.keyboard.press("Enter")
    card = page.get_by_test_id("card").last
    wanted = card.get_by_role("button", name="Use one-time codes")
    await expect(wanted).to_be_visible()

    for _ in range(40):
        await page.keyboard.press("Shift+Tab")
        if await wanted.evaluate("one => one === document.activeElement"):
            break
    await page.keyboard.press("Enter")

    await expect(card).to_contain_text("Changed: Authenticator notification → one-time code.")
    assert await card.evaluate("one => one.contains(document.activeElement)")


async def test_an_old_card_says_that_it_is_old(page: Page, address: str) -> None:
    """Only the newest card shows how things are; the one before keeps what it told."""
    await open_chat(page, address)
    old = page.get_by_test_id("card").nth(1)
    await say(page, "use one-time codes")
    await say(page, "show my methods")

    await expect(old).to_contain_text("This card is out of date")
    await expect(old).to_contain_text("Changed: Authenticator notification → one-time code.")
    await old.get_by_role("button", name="Show how things are now").click()
    await expect(old).to_contain_text("Your default sign-in method")


async def test_a_step_down_is_agreed_to_by_a_click(page: Page, address: str) -> None:
    """The question offers its answers, so that nobody has to type."""
    await open_chat(page, address)
    await say(page, "use text messages")

    await page.get_by_role("button", name="yes", exact=True).click()

    newest = page.get_by_test_id("card").last
    await expect(newest).to_contain_text("Changed: Authenticator notification → text message.")
