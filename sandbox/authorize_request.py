"""The query of a request to the authorization endpoint, checked.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-authorization-code
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from sandbox import entra_errors as refuse
from sandbox.entra_errors import EntraError
from sandbox.registration import BotRegistration
from sandbox.scopes import Scopes
from sandbox.tenant import Json, Tenant

_PROMPTS = frozenset({"login", "select_account", "none"})
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes in base64url

Query = Mapping[str, str]


@dataclass(frozen=True)
class ReplyTo:
    """Where the answer goes, whatever it is."""

    redirect_uri: str
    state: str | None

    def location(self, **answer: str) -> str:
        """The registered address with an answer in its query, and the state as it came."""
        state = {"state": self.state} if self.state is not None else {}
        return f"{self.redirect_uri}?{urlencode(answer | state)}"

    def refusal(self, error: EntraError) -> str:
        """The address that takes the browser back with an error."""
        return self.location(error=error.error, error_description=error.description)


@dataclass(frozen=True)
class AuthorizeRequest:
    """A request that can be answered."""

    reply_to: ReplyTo
    scopes: tuple[str, ...]
    code_challenge: str
    nonce: str | None
    login_hint: str | None
    prompt: str | None
    max_age: int | None
    claims: Json

    @property
    def demands_more(self) -> bool:
        """Whether the claims ask for more than a client's capabilities, which every request of an app names."""
        access = {name: value for name, value in self.claims.get("access_token", {}).items() if name != "xms_cc"}
        return bool(access) or bool(self.claims.keys() - {"access_token"})


def reply_to(request: web.Request, tenant: Tenant, bot: BotRegistration) -> ReplyTo:
    """The address for the answer.

    Raises:
        EntraError: there is no trusted one, so the person has to be told on a page.
    """
    query = request.query
    if request.match_info["tenant"].casefold() != tenant.tenant_id:
        raise refuse.unknown_tenant(request.match_info["tenant"])
    client_id = _required(query, "client_id")
    if client_id.casefold() != bot.app_id:
        raise refuse.unknown_client(client_id)
    redirect_uri = _required(query, "redirect_uri")
    if redirect_uri not in bot.redirect_uris:
        raise refuse.unregistered_reply_address(redirect_uri, bot.app_id)
    if query.get("response_mode", "query") != "query":
        raise _invalid("The sandbox plays response_mode=query only.")
    return ReplyTo(redirect_uri, query.get("state"))


def read(query: Query, answer_to: ReplyTo, scopes: Scopes) -> AuthorizeRequest:
    """The whole request.

    Raises:
        EntraError: something is missing or wrong; the application has to be told.
    """
    if query.get("response_type") != "code":
        text = "The response type isn't supported: 'code' is expected."
        raise EntraError(400, "unsupported_response_type", 700054, text)
    asked = tuple(_required(query, "scope").split())
    scopes.asked(asked)
    prompt = query.get("prompt")
    if prompt is not None and prompt not in _PROMPTS:
        raise _invalid("The sandbox knows the prompts login, select_account and none.")
    return AuthorizeRequest(
        reply_to=answer_to,
        scopes=asked,
        code_challenge=_code_challenge(query),
        nonce=query.get("nonce"),
        login_hint=query.get("login_hint"),
        prompt=prompt,
        max_age=_max_age(query),
        claims=claims_object(query.get("claims")),
    )


def go_to(location: str) -> web.Response:
    """Send the browser there; a query with a code in it is to be kept by nobody."""
    headers = {"Location": location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(status=302, headers=headers)


def claims_object(claims: str | None) -> Json:
    """The claims request, which has to be a JSON object; what a challenge carries is that object in base64.

    https://learn.microsoft.com/entra/identity-platform/claims-challenge

    Raises:
        EntraError: it is something else.
    """
    if claims is None:
        return {}
    try:
        found = json.loads(claims)
    except ValueError as error:
        raise refuse.malformed() from error
    if not isinstance(found, dict) or not isinstance(found.get("access_token", {}), dict):
        raise refuse.malformed()
    return found


def _code_challenge(query: Query) -> str:
    """Entra leaves PKCE to a client with a secret; the sandbox wants it of the bot, as design.md 4 does."""
    challenge = query.get("code_challenge", "")
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        text = "Proof Key for Code Exchange is required: code_challenge with code_challenge_method=S256."
        raise EntraError(400, "invalid_request", 9002325, text)
    return challenge


def _max_age(query: Query) -> int | None:
    value = query.get("max_age")
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal()):
        raise _invalid("max_age has to be a number of seconds.")
    return int(value)


def _required(query: Query, name: str) -> str:
    value = query.get(name)
    if not value:
        raise refuse.missing_parameter(name)
    return value


def _invalid(text: str) -> EntraError:
    return EntraError(400, "invalid_request", 90023, text)
