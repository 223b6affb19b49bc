"""The pages of the sign-in window: off to Entra, back from it, and a plain sentence when something fails.

Nothing of what a request brings is ever shown. All texts are ours, and scripts and styles come from a fixed list of
files, TeamsJS among them (https://learn.microsoft.com/microsoftteams/platform/tabs/how-to/authentication/auth-flow-tab).
"""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from aiohttp import web
from babel import negotiate_locale

from bot.errors import (
    ConsentMissing,
    MfaBotError,
    SignInBlocked,
    SignInCancelled,
    SignInError,
    SignInOver,
    SignInRefused,
)
from bot.identity.entra import error_from_entra
from bot.locale import N_, Reader, translated_languages
from bot.mfa import TenantId
from bot.telemetry import get_logger, log_error

__all__ = ["SignInPages", "frame_ancestors", "sign_in_routes"]

_log = get_logger(__name__)
_STATIC = Path(__file__).parent / "static"
_FILES = {
    "MicrosoftTeams.min.js": "text/javascript",
    "no-fetch.js": "text/javascript",
    "page.js": "text/javascript",
    "page.css": "text/css",
}
_PLAIN = re.compile(r"[!-~]{1,4096}")
_SERVER_ERROR = 500
_MAX_HEADER = 1000
_AADSTS = re.compile(r"\bAADSTS(\d{4,7})\b")

# https://learn.microsoft.com/microsoftteams/platform/tabs/how-to/tab-requirements
_HOSTS = ("https://teams.microsoft.com", "https://*.teams.microsoft.com", "https://*.cloud.microsoft")
_HOSTS_OF_CLOUD = {
    "usgov": ("https://gov.teams.microsoft.us", "https://*.teams.microsoft.us"),
    "usgov-dod": ("https://dod.teams.microsoft.us", "https://*.teams.microsoft.us"),
    "china": ("https://teams.microsoftonline.cn", "https://*.teams.microsoftonline.cn"),
}


class SignInPages(Protocol):
    """What the pages need. See ``bot.page_sign_in.PageSignIns``."""

    async def begin(self, command_id: str) -> str:
        """The address of Entra's page."""

    async def is_open(self, state: str) -> bool:
        """True if Entra may still send back something to this state."""

    async def finish(self, state: str, code: str) -> str:
        """The handle for a code."""


class _Page(NamedTuple):
    """``result`` and ``failure`` are what TeamsJS passes on to Teams; one of them at most."""

    title: str
    text: str
    status: int = 200
    result: str = ""
    failure: str = ""


_CONSENT_GIVEN = _Page(N_("Thank you"), N_("The bot may now do its work for everybody. You can close this window."))
_CONSENT_REFUSED = _Page(
    N_("Nothing was granted"),
    N_("Without this consent the bot can't show or change anybody's sign-in methods. You can close this window."),
)


def frame_ancestors(cloud: str) -> str:
    """Who may show the pages in a frame: Teams of that cloud."""
    return " ".join(_HOSTS_OF_CLOUD.get(cloud, _HOSTS))


def sign_in_routes(pages: SignInPages, cloud: str, tenant: TenantId) -> list[web.RouteDef]:
    """The routes below ``/auth``, of a bot that serves ``tenant``."""
    headers = _page_headers(cloud)

    async def start(request: web.Request) -> web.Response:
        try:
            address = await pages.begin(_parameter(request, "for"))
        except MfaBotError as error:
            return _respond(request, _failed(error), headers)
        return web.Response(status=302, headers={**headers, "Location": address})

    async def callback(request: web.Request) -> web.Response:
        if "admin_consent" in request.query:
            answered = {name: _parameter(request, name).lower() for name in ("admin_consent", "tenant")}
            # Another organisation's consent is not for those whom we serve.
            granted = "error" not in request.query and answered == {"admin_consent": "true", "tenant": tenant}
            return _respond(request, _CONSENT_GIVEN if granted else _CONSENT_REFUSED, headers)
        try:
            error = _error_of(request)
            if error is not None:
                is_ours = await pages.is_open(_parameter(request, "state"))
                return _respond(request, _failed(error) if is_ours else _not_ours(error), headers)
            handle = await pages.finish(*_code_of(request))
        except MfaBotError as error:
            return _respond(request, _failed(error), headers)
        return _respond(request, _signed_in(handle), headers)

    return [
        web.get("/auth/start", _never_raising(start, headers), allow_head=False),
        web.get("/auth/callback", _never_raising(callback, headers), allow_head=False),
        web.get("/auth/static/{file}", _static_file, allow_head=False),
    ]


_Handler = Callable[[web.Request], Awaitable[web.Response]]


def _never_raising(handler: _Handler, headers: Mapping[str, str]) -> _Handler:
    """A mistake of ours gets a sentence as well, and the log its trace without the request's parameters."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except Exception:  # noqa: BLE001
            _log.exception("a sign-in page broke", path=request.path)
            return _respond(request, _failed(MfaBotError()), headers)

    return handle


def _page_headers(cloud: str) -> dict[str, str]:
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {frame_ancestors(cloud)}"
    )
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }


def _parameter(request: web.Request, name: str) -> str:
    """A parameter that was given once and looks like one of Entra's or ours; else empty, which nothing waits for."""
    values = request.query.getall(name, [])
    return values[0] if len(values) == 1 and _PLAIN.fullmatch(values[0]) else ""


def _error_of(request: web.Request) -> MfaBotError | None:
    """What Entra has sent back instead of a code."""
    error = _parameter(request, "error")
    if not error:
        return None
    # Of the description only the number is looked at: the rest may name the person.
    codes = [int(code) for code in _AADSTS.findall(request.query.get("error_description", ""))]
    return error_from_entra({"error": error if error.isidentifier() else "unknown", "error_codes": codes})


def _code_of(request: web.Request) -> tuple[str, str]:
    """State and code that Entra has sent back.

    Raises:
        SignInOver: there are none.
    """
    state, code = _parameter(request, "state"), _parameter(request, "code")
    if not state or not code:
        raise SignInOver("no code came back")
    return state, code


def _signed_in(handle: str) -> _Page:
    return _Page(
        N_("You are signed in"),
        N_("You can close this window. If nothing happens in Teams, send me any message there and I'll carry on."),
        result=handle,
    )


_REASONS: tuple[tuple[type[MfaBotError], str, int], ...] = (
    (SignInOver, "over", 410),
    (SignInCancelled, "cancelled", 200),
    (ConsentMissing, "consent", 200),
    (SignInBlocked, "blocked", 200),
    (SignInRefused, "refused", 200),
    (SignInError, "failed", 500),
)
"""What Teams is told, and the status of the page; the first that fits. Everything else is trouble that may pass."""


def _failed(error: MfaBotError) -> _Page:
    log_error(_log, error)
    return _page_about(error)


def _not_ours(error: MfaBotError) -> _Page:
    """Anybody can open this address with any error: it is explained, but nobody is alarmed by it."""
    _log.info("an error came back that nobody waits for", error=type(error).__name__)
    page = _page_about(error)
    return page if page.status < _SERVER_ERROR else page._replace(status=410)


def _page_about(error: MfaBotError) -> _Page:
    reason, status = next(
        ((reason, status) for kind, reason, status in _REASONS if isinstance(error, kind)), ("trouble", 503)
    )
    return _Page(N_("That did not work"), error.user_sentence, status, failure=reason)


def _respond(request: web.Request, page: _Page, headers: Mapping[str, str]) -> web.Response:
    text = _html(page, Reader.of(_language_of(request)))
    return web.Response(text=text, status=page.status, content_type="text/html", headers=headers)


def _language_of(request: web.Request) -> str | None:
    """The language that the browser likes best among those in which there are texts; None if it names none of them."""
    # https://babel.pocoo.org/en/latest/api/core.html#babel.core.negotiate_locale
    wanted = _preferred(request.headers.get("Accept-Language", "")[:_MAX_HEADER])
    return negotiate_locale(wanted, sorted(translated_languages()), sep="-")


def _preferred(header: str) -> list[str]:
    """The tags of an ``Accept-Language``, the most wanted first (RFC 9110, 12.5.4)."""
    weighed = []
    for part in header.split(","):
        tag, _, weight = part.partition(";")
        with suppress(ValueError):
            weighed.append((-float(weight.strip().removeprefix("q=") or 1), tag.strip()))
    return [tag for weight, tag in sorted(weighed, key=lambda one: one[0]) if weight]


def _html(page: _Page, reader: Reader) -> str:
    title, text = (html.escape(reader.gettext(message)) for message in (page.title, page.text))
    kind, value = ("result", page.result) if page.result else ("failure", page.failure)
    data = f' data-{kind}="{html.escape(value)}"' if value else ""
    return f"""<!doctype html>
<html lang="{reader.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/auth/static/page.css">
<script src="/auth/static/no-fetch.js" defer></script>
<script src="/auth/static/MicrosoftTeams.min.js" defer></script>
<script src="/auth/static/page.js" defer></script>
</head>
<body>
<main{data}>
<h1>{title}</h1>
<p>{text}</p>
</main>
</body>
</html>
"""


async def _static_file(request: web.Request) -> web.StreamResponse:
    name = request.match_info["file"]
    if name not in _FILES:
        raise web.HTTPNotFound
    headers = {"Content-Type": _FILES[name], "X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=3600"}
    return web.FileResponse(_STATIC / name, headers=headers)
