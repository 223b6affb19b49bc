"""What a newcomer does: open the page, type the sentence, press a button."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect

_PICTURE = Path(__file__).parents[2] / "docs" / "images" / "chat.png"


def test_the_sentence_is_typed_the_card_appears_and_a_button_changes_it(page: Page, address: str) -> None:
    """The mission in a browser: the card of the sentence, another method's button, the same card changed in place."""
    page.goto(address)
    page.get_by_test_id("composer").fill("set my default MFA to oath")
    page.keyboard.press("Enter")

    card = page.get_by_test_id("card").last
    expect(card).to_contain_text("Changed: Authenticator notification → one-time code.")
    expect(card).to_contain_text("I read it back, and Microsoft has it.")
    _keep_picture(page)
    messages = page.get_by_test_id("message").count()

    card.get_by_role("button", name="Use text messages").click()

    expect(card).to_contain_text("Changed: one-time code → text message.")
    expect(page.get_by_test_id("message")).to_have_count(messages)
    methods = [call.get_attribute("data-method") for call in page.get_by_test_id("graph-call").all()]
    assert methods.count("PATCH") == 2


def test_somebody_else_sees_their_own_situation(page: Page, address: str) -> None:
    """Choosing another person shows their chat: an overruled default, and greyed-out methods with their reasons."""
    page.goto(address)
    page.get_by_test_id("person").filter(has_text="Katherine Johnson").click()
    page.get_by_test_id("composer").fill("show my methods")
    page.get_by_test_id("send").click()

    card = page.get_by_test_id("card").last
    expect(card).to_contain_text("Microsoft chooses the strongest method for you by itself")
    expect(card).to_contain_text("Not registered. It needs the Microsoft Authenticator app on your phone.")
    expect(card.get_by_role("button", name="Use notifications")).to_have_count(0)
    expect(card.get_by_role("button", name="Use office calls")).to_be_visible()


def _keep_picture(page: Page) -> None:
    """README shows this picture; it is taken anew when ``KEEP_PICTURE`` is set, so that a test run changes no file."""
    if os.environ.get("KEEP_PICTURE"):
        page.mouse.move(0, 0)
        page.screenshot(path=_PICTURE, animations="disabled")
