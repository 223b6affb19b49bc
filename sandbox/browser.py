"""A browser for tests: it follows redirects, reads forms and fills them in as a person would. It runs no script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import aiohttp

_LIMIT_S = 15.0


@dataclass
class Form:
    """The form of a page: its hidden fields, the names of those to fill in, and its buttons as names and values."""

    action: str = ""
    hidden: dict[str, str] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Page:
    """A page as it was served. ``result`` and ``failure`` are what it holds for the Teams client, if anything."""

    status: int
    url: str
    text: str
    headers: Mapping[str, str]
    form: Form | None
    result: str | None
    failure: str | None


class Browser:
    """Opens pages and sends their forms."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Browser]:
        """A browser with a fresh profile."""
        # As a newcomer's browser that was told to trust the sandbox's certificate; everything is on loopback.
        connector = aiohttp.TCPConnector(ssl=False, force_close=True)
        limit = aiohttp.ClientTimeout(total=_LIMIT_S)
        async with aiohttp.ClientSession(connector=connector, timeout=limit) as session:
            yield cls(session)

    async def get(self, url: str) -> Page:
        """The page at an address, behind all redirects.

        Raises:
            aiohttp.ClientError: the address, or one that it leads to, does not answer.
            TimeoutError: nor does it after a while.
        """
        async with self._session.get(url) as answer:
            return await _page(answer)

    async def send(self, page: Page, fields: Mapping[str, str]) -> Page:
        """The page to which the form of a page leads, filled in with ``fields``.

        Raises:
            aiohttp.ClientError: as for ``get``.
            TimeoutError: as for ``get``.
        """
        form = page.form or Form()
        url = urljoin(page.url, form.action)
        async with self._session.post(url, data={**form.hidden, **fields}) as answer:
            return await _page(answer)


async def _page(answer: aiohttp.ClientResponse) -> Page:
    text = await answer.text(errors="replace")
    read = _Reader()
    read.feed(text)
    return Page(answer.status, str(answer.url), text, answer.headers, read.form, read.result, read.failure)


class _Reader(HTMLParser):
    """Finds the first form, and the attributes ``data-result`` and ``data-failure`` wherever they are."""

    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None
        self.result: str | None = None
        self.failure: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for every element."""
        found = {name: value or "" for name, value in attrs}
        self.result = self.result if self.result is not None else found.get("data-result")
        self.failure = self.failure if self.failure is not None else found.get("data-failure")
        if tag == "form" and self.form is None and found.get("method", "").casefold() == "post":
            self.form = Form(found.get("action", ""))
        elif self.form is not None and "name" in found:
            _add(self.form, tag, found)


def _add(form: Form, tag: str, found: Mapping[str, str]) -> None:
    if tag == "button":
        form.buttons.append((found["name"], found.get("value", "")))
    elif tag == "input" and found.get("type") == "hidden":
        form.hidden[found["name"]] = found.get("value", "")
    elif tag == "input":
        form.inputs.append(found["name"])
