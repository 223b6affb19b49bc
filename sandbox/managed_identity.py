"""The endpoint on an Azure resource that gives its managed identities' tokens to whoever runs there.

As App Service and Container Apps have it:
https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
https://learn.microsoft.com/azure/container-apps/managed-identity#rest-endpoint-reference
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from dataclasses import dataclass

from aiohttp import web

from sandbox.context import Context
from sandbox.faults import Call
from sandbox.tenant import Json
from sandbox.web import faulty

TOKEN_EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"  # noqa: S105

_LIFETIME_S = 24 * 3600
_PATH = "/msi/token"


@dataclass(frozen=True)
class AssignedIdentity:
    """A user-assigned managed identity of the resource; ``principal_id`` is what its tokens are about."""

    client_id: str
    principal_id: str


class ManagedIdentities:
    """The resource's identities. They are of the same tenant as the bot, so Entra's keys sign their tokens."""

    def __init__(self, context: Context, issuer: str, url: str) -> None:
        self.assigned: dict[str, AssignedIdentity] = {}
        self._context = context
        self._issuer = issuer
        self._url = url
        self._header = secrets.token_hex(16)

    def assign(self) -> AssignedIdentity:
        """A new identity, assigned to the resource; the bot's registration does not trust it yet."""
        identity = AssignedIdentity(str(uuid.uuid4()), str(uuid.uuid4()))
        self.assigned[identity.client_id] = identity
        return identity

    def trust(self, identity: AssignedIdentity, *, audience: str = TOKEN_EXCHANGE_AUDIENCE) -> None:
        """Add the identity to the federated credentials of the bot's registration."""
        self._context.bot.trust(self._issuer, identity.principal_id, audience)

    def environment(self) -> dict[str, str]:
        """What the platform sets for the processes on the resource."""
        return {"IDENTITY_ENDPOINT": f"{self._url}{_PATH}", "IDENTITY_HEADER": self._header}

    def app(self) -> web.Application:
        """The endpoint."""
        app = web.Application(middlewares=[faulty(self._context.faults, _describe)])
        app.router.add_get(_PATH, self._token)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        header = request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(header.encode(), self._header.encode()):
            return _refusal(401, "The header X-IDENTITY-HEADER is missing or wrong.")
        if request.query.get("api-version") != "2019-08-01" or not request.query.get("resource"):
            return _refusal(400, "A parameter is missing or wrong.")
        identity = self.assigned.get(request.query.get("client_id", ""))
        if identity is None:
            text = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."
            return _refusal(400, text)
        return web.json_response(self._answer(identity, request.query["resource"]))

    def _answer(self, identity: AssignedIdentity, resource: str) -> Json:
        now = int(self._context.clock())
        claims = {
            "iss": self._issuer,
            "aud": resource,
            "sub": identity.principal_id,
            "oid": identity.principal_id,
            "appid": identity.client_id,
            "tid": self._context.tenant.tenant_id,
            "iat": now,
            "nbf": now,
            "exp": now + _LIFETIME_S,
            "uti": uuid.uuid4().hex,
        }
        return {
            "access_token": self._context.keys.entra[-1].sign(claims),
            "expires_on": str(now + _LIFETIME_S),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": identity.client_id,
        }


async def _describe(request: web.Request) -> Call:
    detail = {name: request.query[name] for name in ("resource", "client_id") if name in request.query}
    return Call("identity", request.method, request.path, None, detail)


def _refusal(status: int, message: str) -> web.Response:
    body = {"statusCode": status, "message": message, "correlationId": str(uuid.uuid4())}
    return web.json_response(body, status=status)
