"""A person at the sign-in pages, and what the Teams client does when the window closes.

https://learn.microsoft.com/microsoftteams/platform/bots/how-to/authentication/auth-flow-bot
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from sandbox.browser import Browser, Page
from sandbox.channel import UNREACHABLE, PostResult
from sandbox.entra_pages import SANDBOX_CODE
from sandbox.tenant import SandboxPerson

CANCELLED_STATE = "CancelledByUser"
"""What Teams sends as ``state`` when the window was closed or failed: seen in the field, documented nowhere."""

_MOST_PAGES = 12


@dataclass(frozen=True)
class Wishes:
    """How the person signs in: as whom (as themselves unless given), with which code, and whether they give up."""

    account: SandboxPerson
    code: str = SANDBOX_CODE
    cancel: bool = False


@dataclass(frozen=True)
class SignInResult:
    """The last page of a sign-in, and how the bot answered the invoke that followed it, if one did.

    ``result`` is what the page gave to ``notifySuccess``, ``failure`` what it gave to ``notifyFailure``. Status 502
    means that a page could not be reached.
    """

    status: int
    url: str
    text: str
    headers: Mapping[str, str]
    result: str | None = None
    failure: str | None = None
    invoke: PostResult | None = None


async def walk(url: str, wishes: Wishes) -> SignInResult:
    """Open the address in a browser and go on until there is nothing more to do."""
    try:
        async with Browser.open() as browser:
            page = await _last_page(browser, await browser.get(url), wishes)
    except (aiohttp.ClientError, TimeoutError) as error:
        return SignInResult(UNREACHABLE, url, str(error), {})
    return SignInResult(page.status, page.url, page.text, page.headers, page.result, page.failure)


async def _last_page(browser: Browser, page: Page, wishes: Wishes) -> Page:
    done: set[str] = set()
    for _ in range(_MOST_PAGES):
        fields = _fields(page, wishes, done)
        if fields is None:
            break
        done.update(fields)
        page = await browser.send(page, fields)
    return page


def _fields(page: Page, wishes: Wishes, done: set[str]) -> dict[str, str] | None:
    """What the person does on this page; None if they have no more to do, or what they did has not helped."""
    if page.form is None or page.result is not None or page.failure is not None:
        return None
    buttons, inputs = page.form.buttons, page.form.inputs
    if ("action", "return") in buttons:
        return {"action": "return"}
    if wishes.cancel and ("action", "cancel") in buttons:
        return {"action": "cancel"}
    if ("account", wishes.account.oid) in buttons:
        return {"account": wishes.account.oid}
    if "code" not in inputs or "code" in done:
        return None
    if ("action", "other") in buttons and wishes.account.upn not in page.text and "account" not in done:
        return {"action": "other"}
    return {"action": "verify", "code": wishes.code}
