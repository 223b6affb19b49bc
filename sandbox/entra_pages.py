"""The pages of Entra's sign-in: plain HTML with forms, no script, everything escaped.

Every form carries ``ctx``, the name of the sign-in under way, as Entra's own forms do; its buttons are called
``action``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.tenant import SandboxPerson

SANDBOX_CODE = "123456"

_STYLE = """
:root { color-scheme: light dark; --back: #f2f2f2; --card: #fff; --text: #1b1b1b; --subtle: #5c5c5c; --line: #8a8a8a;
  --brand: #0067b8; --on-brand: #fff; --wrong: #b10e1c; --hover: #eee; }
@media (prefers-color-scheme: dark) { :root { --back: #1b1b1b; --card: #2b2b2b; --text: #fff; --subtle: #c0c0c0;
  --line: #8a8a8a; --brand: #4ba0e8; --on-brand: #000; --wrong: #ff99a4; --hover: #3a3a3a; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--back); color: var(--text);
  font: 16px/1.5 "Segoe UI", -apple-system, Roboto, "Liberation Sans", sans-serif; }
main { width: 100%; max-width: 440px; padding: 32px; background: var(--card); }
h1 { margin: 8px 0 12px; font-size: 24px; line-height: 1.25; font-weight: 600; }
p, ul { margin: 0 0 16px; overflow-wrap: anywhere; }
small, .who, .where { color: var(--subtle); font-size: 14px; }
.wrong { color: var(--wrong); font-weight: 600; }
label { display: block; margin-bottom: 4px; font-weight: 600; }
input { width: 100%; margin-bottom: 16px; padding: 8px 10px; border: 1px solid var(--line); border-radius: 2px;
  background: var(--card); color: var(--text); font: inherit; letter-spacing: 0.15em; }
button { min-height: 44px; padding: 8px 16px; border: 1px solid var(--line); border-radius: 2px;
  background: var(--card); color: var(--text); font: inherit; cursor: pointer; }
button:hover { background: var(--hover); }
button.main { border-color: var(--brand); background: var(--brand); color: var(--on-brand); }
button.row { display: block; width: 100%; margin-bottom: 8px; text-align: left; overflow-wrap: anywhere; }
button.row small { display: block; }
.end { display: flex; flex-wrap: wrap; gap: 8px; justify-content: flex-end; }
:focus-visible { outline: 2px solid var(--text); outline-offset: 2px; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


@dataclass(frozen=True)
class Form:
    """Where a page's form goes, and which address its answer may lead to."""

    action: str
    ctx: str
    redirect_uri: str


def choose_account(form: Form, people: Sequence[SandboxPerson]) -> web.Response:
    """Pick an account."""
    rows = "".join(
        f'<button class="row" name="account" value="{escape(person.oid)}">{escape(person.display_name)}'
        f"<small>{escape(person.upn)}</small></button>"
        for person in people
    )
    return _page("Pick an account", f"{rows}{_end(_button('cancel', 'Cancel'))}", form=form)


def enter_code(form: Form, person: SandboxPerson, *, was_wrong: bool) -> web.Response:
    """The second factor; since this is a sandbox, the page says what to type."""
    wrong = '<p class="wrong" role="alert">That code isn\'t right. Try again.</p>' if was_wrong else ""
    content = (
        f'<p class="who">{escape(person.upn)}</p>{wrong}'
        f"<p>In this sandbox the code is <strong>{SANDBOX_CODE}</strong>.</p>"
        '<label for="code">Six-digit code</label>'
        '<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="6" autofocus>'
        # The first button of a form is the one that Enter presses.
        + _end(
            _button("verify", "Verify", main=True),
            _button("cancel", "Cancel"),
            _button("other", "Use another account"),
        )
    )
    return _page("Enter code", content, form=form)


def need_admin_approval(form: Form, person: SandboxPerson, app: str, scopes: Sequence[str]) -> web.Response:
    """What Entra shows where only an administrator may consent."""
    content = (
        f'<p class="who">{escape(person.upn)}</p><p><strong>{escape(app)}</strong> needs permission to access '
        f"resources in your organization that only an admin can grant. Please ask an admin to grant permission to "
        f"this app before you can use it.</p>{_list(scopes)}"
    )
    return _page("Need admin approval", content + _end(_return_button(" without granting consent")), form=form)


def blocked(form: Form, person: SandboxPerson, description: str) -> web.Response:
    """What Entra shows where Conditional Access blocks."""
    content = (
        f'<p class="who">{escape(person.upn)}</p><p>Your sign-in was successful but does not meet the criteria to '
        f"access this resource.</p><p><small>{escape(description)}</small></p>"
    )
    return _page("You cannot access this right now", content + _end(_return_button()), form=form)


def admin_consent(form: Form, app: str, scopes: Sequence[str]) -> web.Response:
    """An administrator consents for everybody."""
    content = (
        f"<p><strong>{escape(app)}</strong> would like to, for everybody in your organization:</p>{_list(scopes)}"
        "<p><small>In this sandbox everybody is an administrator here.</small></p>"
        + _end(_button("cancel", "Cancel"), _button("accept", "Accept", main=True))
    )
    return _page("Permissions requested", content, form=form)


def sorry(description: str, status: int = 400) -> web.Response:
    """Nothing can be done here, and there is no address to go back to."""
    content = f"<p>Sorry, but we're having trouble signing you in.</p><p>{escape(description)}</p>"
    return _page("Sign in", content, status=status)


def _button(action: str, text: str, *, main: bool = False) -> str:
    return f'<button name="action" value="{action}"{" class=main" if main else ""}>{text}</button>'


def _return_button(how: str = "") -> str:
    return _button("return", f"Return to the application{how}", main=True)


def _end(*buttons: str) -> str:
    return f'<p class="end">{"".join(buttons)}</p>'


def _list(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _page(title: str, content: str, *, form: Form | None = None, status: int = 200) -> web.Response:
    if form is not None:
        content = (
            f'<form method="post" action="{escape(form.action)}">'
            f'<input type="hidden" name="ctx" value="{escape(form.ctx)}">{content}</form>'
        )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - simulated Microsoft sign-in</title><style>{_STYLE}</style></head>"
        f'<body><main><p class="where">Simulated Microsoft sign-in</p><h1>{escape(title)}</h1>{content}</main>'
        "</body></html>"
    )
    return web.Response(status=status, text=text, content_type="text/html", headers=_headers(form))


def _headers(form: Form | None) -> dict[str, str]:
    # Browsers hold the redirect that answers a form against form-action too, so the application has to be in it.
    targets = "'none'" if form is None else f"'self' {_origin(form.redirect_uri)}"
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
