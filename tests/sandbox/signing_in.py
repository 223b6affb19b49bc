"""A sign-in at Entra's pages, request by request, and a bot that sends people there."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from tests.sandbox.wire import FakeBot, Json, Reply, Wire

VERIFIER = "v" * 43
CODE = "123456"


class SignIn:
    """A browser at the pages: ``open`` the first one, ``send`` its form."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.sandbox = wire.sandbox
        self.redirect_uri = f"{wire.sandbox.site_url}/auth/callback"

    def query(self, **changes: str | None) -> dict[str, str]:
        """The query of a good request; None leaves a parameter out."""
        good = {
            "client_id": self.sandbox.app_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": f"openid profile {self.sandbox.graph_url}/UserAuthenticationMethod.ReadWrite",
            "state": "s&1",
            "nonce": "n1",
            "login_hint": self.wire.person().upn,
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    async def open(self, **changes: str | None) -> Reply:
        """The answer of the authorization endpoint, not followed."""
        path = f"/{self.sandbox.tenant.tenant_id}/oauth2/v2.0/authorize?{urlencode(self.query(**changes))}"
        return await self.wire.ask("GET", self.sandbox.login_http_url + path, allow_redirects=False)

    async def send(self, page: Reply, **fields: str) -> Reply:
        """The answer to a page's form."""
        text = page.body.decode()
        action = re.search(r'<form method="post" action="([^"]+)">', text)
        ctx = re.search(r'name="ctx" value="([^"]+)"', text)
        assert action, text
        assert ctx, text
        url = self.sandbox.login_http_url + action[1]
        return await self.wire.ask("POST", url, data={"ctx": ctx[1], **fields}, allow_redirects=False)

    async def with_code(self, **changes: str | None) -> str:
        """Sign in with the second factor; the authorization code."""
        page = await self.open(**({"prompt": "login"} | changes))
        return answer_of(await self.send(page, code=CODE, action="verify"))["code"]

    async def redeem(self, code: str, **changes: str | None) -> Reply:
        """The token endpoint's answer to a code."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.sandbox.app_id,
            "client_secret": self.sandbox.client_secret,
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": VERIFIER,
            "claims": '{"access_token":{"xms_cc":{"values":["CP1"]}}}',
        }
        return await self.wire.token({name: value for name, value in (form | changes).items() if value is not None})

    async def fresh_token(self) -> str:
        """A token for Graph from a sign-in with the second factor just now."""
        token: str = (await self.redeem(await self.with_code())).json["access_token"]
        return token


def challenge_of(verifier: str) -> str:
    """PKCE, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def answer_of(reply: Reply) -> dict[str, str]:
    """What a redirect takes back to the application."""
    assert reply.status == 302, reply.body
    return dict(parse_qsl(urlsplit(reply.headers["Location"]).query, strict_parsing=True))


def title_of(reply: Reply) -> str:
    """The heading of a page."""
    found = re.search(r"<h1>(.*?)</h1>", reply.body.decode())
    assert found, reply.body
    return found[1]


def challenge_in(headers: Mapping[str, str]) -> tuple[str, Json]:
    """Error and claims of a ``WWW-Authenticate``."""
    parameters = dict(re.findall(r'(\w+)="([^"]*)"', headers["WWW-Authenticate"]))
    return parameters["error"], json.loads(base64.b64decode(parameters["claims"]))


class BotWithPages(FakeBot):
    """A bot with the two pages: one leads to Entra, the other holds what came back."""

    def __init__(self, browser: SignIn) -> None:
        super().__init__()
        self.browser = browser
        self.changes: dict[str, str | None] = {"prompt": "login"}
        self.asked: list[web.BaseRequest] = []

    def app(self) -> web.Application:
        """The endpoint and the pages."""
        app = super().app()
        app.router.add_get("/auth/start", self._start)
        app.router.add_get("/auth/callback", self._callback)
        app.router.add_get("/auth/echo/{path:.*}", self._echo)
        return app

    async def _start(self, _: web.Request) -> web.Response:
        sandbox = self.browser.sandbox
        query = urlencode(self.browser.query(**self.changes))
        url = f"{sandbox.login_http_url}/{sandbox.tenant.tenant_id}/oauth2/v2.0/authorize?{query}"
        return web.Response(status=302, headers={"Location": url})

    async def _callback(self, request: web.Request) -> web.Response:
        what = f'data-failure="{request.query["error"]}"' if "error" in request.query else 'data-result="handle-1"'
        return web.Response(text=f"<main {what}>Done.</main>", content_type="text/html")

    async def _echo(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        headers = {"Content-Security-Policy": "default-src 'none'", "X-One": "1", "Cache-Control": "no-store"}
        return web.Response(status=418, text=request.raw_path, headers=headers)
