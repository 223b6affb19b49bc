"""Entra ID for one tenant: OpenID metadata, keys, and a token endpoint with two grants.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow and
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox import entra_errors as refuse
from sandbox.client_auth import ClientAuth
from sandbox.context import Context
from sandbox.entra_errors import EntraError
from sandbox.faults import Answer, Call
from sandbox.keys import Refusal, SigningKey, TokenRefused, claimed_oid, verify
from sandbox.tenant import BOT_NAME, Json, SandboxPerson
from sandbox.token_issuer import CONNECTOR_AUDIENCE, SSO_SCOPE, TokenIssuer
from sandbox.web import faulty, respond

ON_BEHALF_OF = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_OIDC_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
_GRAPH_SCOPES = frozenset(
    {
        "GroupMember.Read.All",
        "User.Read",
        "User.Read.All",
        "User.ReadBasic.All",
        "UserAuthenticationMethod.Read",
        "UserAuthenticationMethod.Read.All",
        "UserAuthenticationMethod.ReadWrite",
        "UserAuthenticationMethod.ReadWrite.All",
    }
)

Form = Mapping[str, str]


class Entra:
    """The sandbox's Entra; ``token_lifetime_s`` is that of the tokens that the token endpoint gives out."""

    def __init__(self, context: Context) -> None:
        self.token_lifetime_s = 3600
        self.issuer = f"{context.addresses.login_url}/{context.tenant.tenant_id}/v2.0"
        self._context = context
        self._tenant = context.tenant
        self._bot = context.bot
        self._addresses = context.addresses
        self._issue = TokenIssuer(context, self.issuer)
        tenant_url = f"{context.addresses.login_url}/{context.tenant.tenant_id}"
        self._client_auth = ClientAuth(context, (f"{tenant_url}/oauth2/v2.0/token", f"{tenant_url}/v2.0"))

    def issue_sso_token(
        self,
        person: SandboxPerson,
        *,
        lifetime_s: float = 3600,
        key: SigningKey | None = None,
        **claim_overrides: Any,
    ) -> str:
        """What a Teams client gets for the bot: a v2 token of the person with scope ``access_as_user``.

        An override of None removes that claim; ``key`` signs instead of Entra's own.
        """
        return self._issue.sso_token(person, lifetime_s, key, claim_overrides)

    def app(self) -> web.Application:
        """The application, to be served over https and over http."""
        faults = faulty(self._context.faults, _describe, self._completed)
        app = web.Application(middlewares=[faults, self._answer_refusals])
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._metadata)
        app.router.add_get("/{tenant}/discovery/v2.0/keys", self._key_set)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        return app

    async def _metadata(self, request: web.Request) -> web.Response:
        self._check_tenant(request)
        tenant_id = self._tenant.tenant_id
        base = f"{self._addresses.login_url}/{tenant_id}"
        # Browsers do not know the sandbox's certificate authority, so they get the http address.
        browser_base = f"{self._addresses.login_http_url}/{tenant_id}"
        return web.json_response(
            {
                "issuer": self.issuer,
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{browser_base}/oauth2/v2.0/authorize",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": sorted(_OIDC_SCOPES),
                "tenant_region_scope": None,
            }
        )

    async def _key_set(self, request: web.Request) -> web.Response:
        self._check_tenant(request)
        keys = [key.jwk() | {"issuer": self.issuer} for key in self._context.keys.entra]
        return web.json_response({"keys": keys})

    async def _token(self, request: web.Request) -> web.Response:
        form = await _form(request)
        self._check_tenant(request)
        grant = _required(form, "grant_type")
        self._client_auth.check(request.headers.get("Authorization", ""), form)
        if grant == "client_credentials":
            body = self._client_credentials(form)
        elif grant == ON_BEHALF_OF:
            body = self._on_behalf_of(form)
        else:
            raise refuse.unsupported_grant(grant)
        return web.json_response(body, headers={"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"})

    def _check_tenant(self, request: web.Request) -> None:
        tenant = request.match_info["tenant"]
        if tenant.casefold() != self._tenant.tenant_id:
            raise refuse.unknown_tenant(tenant)

    def _client_credentials(self, form: Form) -> Json:
        """Only the Bot Connector is to be had: the bot holds no application permission elsewhere."""
        scope = _required(form, "scope")
        if scope != f"{CONNECTOR_AUDIENCE}/.default":
            raise refuse.invalid_scope(scope)
        return self._lifetimes() | {"access_token": self._issue.connector_token(self.token_lifetime_s)}

    def _on_behalf_of(self, form: Form) -> Json:
        if _required(form, "requested_token_use") != "on_behalf_of":
            raise refuse.missing_parameter("requested_token_use")
        capabilities = _capabilities(form)
        person = self._asserted_person(_required(form, "assertion"))
        asked = _required(form, "scope").split()
        self._check_consent(asked)
        return self._delegated(person, asked, capabilities) | self._beside_tokens(person, form, asked)

    def _asserted_person(self, assertion: str) -> SandboxPerson:
        try:
            claims = verify(
                assertion,
                self._context.keys.entra,
                audience=self._bot.app_id,
                tenant_id=self._tenant.tenant_id,
                now=self._context.clock(),
            )
        except TokenRefused as refused:
            raise self._assertion_refusal(refused.reason) from refused
        # Which code Entra gives a token without a delegated scope is not documented; it refuses it.
        if SSO_SCOPE not in str(claims.get("scp", "")).split():
            raise refuse.invalid_assertion("The token has no delegated scope of the application.")
        oid = str(claims.get("oid"))
        person = self._tenant.people.get(oid)
        if person is None:
            raise refuse.unknown_user(oid)
        return person

    def _assertion_refusal(self, reason: Refusal) -> EntraError:
        if reason == "audience":
            return refuse.wrong_audience(self._bot.app_id)
        if reason == "lifetime":
            return refuse.assertion_expired()
        why = "The key was not found." if reason == "signature" else "The token is of another tenant."
        return refuse.invalid_assertion(why)

    def _check_consent(self, asked: Sequence[str]) -> None:
        prefix = f"{self._addresses.graph_url}/"
        resource_scopes = [scope for scope in asked if scope not in _OIDC_SCOPES]
        if not resource_scopes:
            raise refuse.invalid_scope(" ".join(asked))
        for scope in resource_scopes:
            name = scope.removeprefix(prefix)
            if not scope.startswith(prefix) or name not in _GRAPH_SCOPES | {".default"}:
                raise refuse.invalid_scope(scope)
            if name == ".default" and len(resource_scopes) > 1:
                raise refuse.invalid_scope(" ".join(asked))
            if name != ".default" and name not in self._tenant.consented_scopes:
                raise refuse.consent_required(self._bot.app_id, BOT_NAME)

    def _delegated(self, person: SandboxPerson, asked: Sequence[str], capabilities: list[str]) -> Json:
        """Entra answers with every consented scope of the resource, not only those that were asked for."""
        graph_url = self._addresses.graph_url
        granted = [f"{graph_url}/{name}" for name in sorted(self._tenant.consented_scopes)]
        granted += [scope for scope in ("openid", "profile", "email") if scope in asked]
        token = self._issue.graph_token(person, graph_url, self.token_lifetime_s, capabilities)
        return self._lifetimes() | {"scope": " ".join(granted), "access_token": token}

    def _beside_tokens(self, person: SandboxPerson, form: Form, asked: Sequence[str]) -> Json:
        """What comes with the access token, each only for those who asked for it."""
        body: Json = {}
        if "openid" in asked:
            body["id_token"] = self._issue.id_token(person, self.token_lifetime_s)
        if form.get("client_info") == "1":
            body["client_info"] = self._issue.client_info(person)
        if "offline_access" in asked:
            body["refresh_token"] = f"sandbox-{uuid.uuid4().hex}"
        return body

    def _lifetimes(self) -> Json:
        seconds = self.token_lifetime_s
        return {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds}

    @web.middleware
    async def _answer_refusals(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except EntraError as refusal:
            return respond(self._completed(request, refusal.answer()))

    def _completed(self, request: web.Request, answer: Answer) -> Answer:
        return refuse.completed(answer, self._context.clock(), request.headers.get("client-request-id"))


async def _describe(request: web.Request) -> Call:
    """The call for the faults: no secret and no token in it."""
    form = await _form(request) if request.method == "POST" else {}
    detail = {name: form[name] for name in ("grant_type", "scope", "client_id", "claims") if name in form}
    oid = claimed_oid(form["assertion"]) if "assertion" in form else None
    return Call("entra", request.method, request.path, oid, detail)


async def _form(request: web.Request) -> Form:
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def _required(form: Form, name: str) -> str:
    value = form.get(name)
    if not value:
        raise refuse.missing_parameter(name)
    return value


def _capabilities(form: Form) -> list[str]:
    """The client capabilities (``CP1``) in the claims request, which has to be a JSON object.

    https://learn.microsoft.com/entra/identity-platform/claims-challenge
    """
    if "claims" not in form:
        return []
    try:
        claims = json.loads(form["claims"])
        values = claims.get("access_token", {}).get("xms_cc", {}).get("values", [])
        return [str(value) for value in values]
    except (ValueError, AttributeError, TypeError) as error:
        # Entra's own code for this is not documented; what counts is that base64 does not pass for JSON.
        raise EntraError(400, "invalid_request", 9002313, "Invalid request. Request is malformed.") from error
