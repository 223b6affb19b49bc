"""Raw HTTP against the sandbox, and a bot that is only an endpoint."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from sandbox import Sandbox, SandboxPerson
from tests.conftest import ADA

Json = dict[str, Any]

ON_BEHALF_OF = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CONNECTOR_SCOPE = "https://api.botframework.com/.default"
PREFERRED = "userPreferredMethodForSecondaryAuthentication"
SYSTEM_PREFERRED_ENABLED = "isSystemPreferredAuthenticationMethodEnabled"
ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"
OAUTH_CARD = "application/vnd.microsoft.card.oauth"
WENT_WRONG = "Something went wrong. Please try again."


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which has to be JSON."""
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code of an error of Graph or of the Connector."""
        return self.status, self.json["error"]["code"]

    @property
    def entra_refusal(self) -> tuple[int, str, list[int]]:
        """Status, error and AADSTS numbers of an error of Entra."""
        return self.status, self.json["error"], self.json["error_codes"]


class Wire:
    """Requests to one sandbox; ``session`` trusts its certificate authority, or ``login_url`` is the one over http."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession, login_url: str = "") -> None:
        self.sandbox = sandbox
        self.login_url = login_url or sandbox.login_url
        self.session = session
        self.token_path = f"/{sandbox.tenant.tenant_id}/oauth2/v2.0/token"

    def person(self, oid: str = ADA) -> SandboxPerson:
        """A person of the tenant, Ada if none is named."""
        return self.sandbox.tenant.people[oid]

    async def ask(self, method: str, url: str, *, token: str = "", headers: Json | None = None, **more: Any) -> Reply:
        """Any request; an empty token sends no Authorization."""
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        async with self.session.request(method, url, headers=sent, **more) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    # Entra.

    async def token(self, form: Json, **headers: str) -> Reply:
        """A request to the token endpoint."""
        return await self.ask("POST", self.login_url + self.token_path, data=form, headers=headers)

    def on_behalf_of(self, *scopes: str, oid: str = ADA, **changes: str | None) -> Json:
        """The form of a good request for Graph scopes; None leaves a field out."""
        names = scopes or ("UserAuthenticationMethod.ReadWrite",)
        form = {
            "grant_type": ON_BEHALF_OF,
            "requested_token_use": "on_behalf_of",
            "client_id": self.sandbox.app_id,
            "client_secret": self.sandbox.client_secret,
            "assertion": self.sandbox.entra.issue_sso_token(self.person(oid)),
            "scope": " ".join(f"{self.sandbox.graph_url}/{name}" for name in names),
        }
        return {name: value for name, value in (form | changes).items() if value is not None}

    async def user_token(self, oid: str = ADA) -> str:
        """A token of the person for Graph, with every consented scope."""
        token: str = (await self.token(self.on_behalf_of(".default", oid=oid))).json["access_token"]
        return token

    async def bot_token(self) -> str:
        """The bot's own token for the Connector."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.sandbox.app_id,
            "client_secret": self.sandbox.client_secret,
            "scope": CONNECTOR_SCOPE,
        }
        token: str = (await self.token(form)).json["access_token"]
        return token

    # Graph.

    async def graph(self, method: str, path: str, *, token: str | None = None, **more: Any) -> Reply:
        """A request to Graph beta, with a token of Ada's unless another is given ("" sends none)."""
        bearer = await self.user_token() if token is None else token
        return await self.ask(method, f"{self.sandbox.graph_url}/beta{path}", token=bearer, **more)

    async def read(self, oid: str = ADA, resource: str = "signInPreferences", *, token: str | None = None) -> Reply:
        """A person's preferences or ``methods``."""
        return await self.graph("GET", resource_of(oid, resource), token=token)

    async def set_default(self, value: object, oid: str = ADA, *, token: str | None = None) -> Reply:
        """PATCH a person's default."""
        return await self.graph("PATCH", resource_of(oid), token=token, json={PREFERRED: value})

    async def batch(self, *parts: Json, token: str | None = None) -> Reply:
        """Several requests in one."""
        return await self.graph("POST", "/$batch", token=token, json={"requests": list(parts)})

    # The Connector.

    def conversation(self, oid: str = ADA) -> str:
        """The id of a person's chat."""
        activity = self.sandbox.teams.activity(self.person(oid))
        return str(activity["conversation"]["id"])

    async def connector(
        self, method: str, activity_id: str = "", *, conversation: str = "", token: str | None = None, **more: Any
    ) -> Reply:
        """A request about an activity of Ada's chat, or a new one, with the bot's token unless another is given."""
        bearer = await self.bot_token() if token is None else token
        activities = f"{self.sandbox.service_url}/v3/conversations/{conversation or self.conversation()}/activities"
        url = f"{activities}/{activity_id}" if activity_id else activities
        return await self.ask(method, url, token=bearer, **more)

    async def send(self, *attachments: Json, text: str = "") -> Reply:
        """A message of the bot to Ada."""
        return await self.connector("POST", json={"type": "message", "text": text, "attachments": list(attachments)})

    # The chat page.

    async def site(self, method: str, path: str, **more: Any) -> Reply:
        """A request of the page."""
        return await self.ask(method, self.sandbox.site_url + path, **more)


class FakeBot:
    """Records activities; ``answer`` makes the response to each, once ``may_answer`` is set."""

    def __init__(self) -> None:
        self.received: list[Json] = []
        self.answer: Callable[[Json], web.Response] = lambda _: web.Response()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def app(self) -> web.Application:
        """The endpoint."""
        app = web.Application()
        app.router.add_post("/api/messages", self._receive)
        return app

    def values(self, name: str) -> list[Json]:
        """The values of the invokes of this name."""
        return [activity["value"] for activity in self.received if activity.get("name") == name]

    async def _receive(self, request: web.Request) -> web.Response:
        activity = await request.json()
        self.received.append(activity)
        await self.may_answer.wait()
        return self.answer(activity)


def resource_of(oid: str, resource: str = "signInPreferences") -> str:
    """A path below ``/beta``."""
    return f"/users/{oid}/authentication/{resource}"


def card(text: str, *titles: str) -> Json:
    """An attachment: an Adaptive Card with a text and buttons."""
    actions = [{"type": "Action.Execute", "title": title, "verb": "do", "data": {"id": title}} for title in titles]
    body = [{"type": "TextBlock", "text": text}]
    return {
        "contentType": ADAPTIVE_CARD,
        "content": {"type": "AdaptiveCard", "version": "1.5", "body": body, "actions": actions},
    }


def sign_in_card(**content: Any) -> Json:
    """An attachment: an OAuth card that asks for single sign-on as exchange ``x1``."""
    usual = {"text": "Sign in", "connectionName": "", "buttons": [], "tokenExchangeResource": {"id": "x1"}}
    return {"contentType": OAUTH_CARD, "content": usual | content}
