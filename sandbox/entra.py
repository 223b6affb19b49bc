"""Entra ID for one tenant: OpenID metadata, keys, and a token endpoint with three grants.

The pages are in ``authorize`` and ``admin_consent``. https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow,
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow and
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox import entra_errors as refuse
from sandbox import token_policy
from sandbox.admin_consent import AdminConsent
from sandbox.authorization_codes import AuthorizationCodes
from sandbox.authorize import Authorize
from sandbox.authorize_request import claims_object
from sandbox.client_auth import ClientAuth
from sandbox.context import Context
from sandbox.entra_errors import EntraError
from sandbox.faults import Answer, Call
from sandbox.keys import Refusal, SigningKey, TokenRefused, claimed_oid, verify
from sandbox.scopes import OIDC_SCOPES, Scopes
from sandbox.sessions import Session
from sandbox.tenant import BOT_NAME, Json, SandboxPerson
from sandbox.token_issuer import CONNECTOR_AUDIENCE, SSO_SCOPE, TokenIssuer
from sandbox.trouble import EntraTrouble
from sandbox.web import faulty, respond

ON_BEHALF_OF = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUTHORIZATION_CODE = "authorization_code"

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
        self._scopes = Scopes(context)
        self._codes = AuthorizationCodes(context.clock)

    def issue_sso_token(
        self,
        person: SandboxPerson,
        *,
        lifetime_s: float = 3600,
        key: SigningKey | None = None,
        **claim_overrides: Any,
    ) -> str:
        """What a Teams client gets for the bot: a v2 token of the person with scope ``access_as_user``.

        It tells of the session in Teams, which began hours ago with a password and no second factor.
        An override of None removes that claim; ``key`` signs instead of Entra's own.
        """
        session = self._context.sessions.of_teams(person)
        return self._issue.sso_token(person, session, lifetime_s, key, claim_overrides)

    def app(self) -> web.Application:
        """The application, to be served over https and over http."""
        faults = faulty(self._context.faults, _describe, self._completed)
        trouble = faulty(EntraTrouble(self._context.situations), _describe, self._completed)
        app = web.Application(middlewares=[faults, trouble, self._answer_refusals])
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._metadata)
        app.router.add_get("/{tenant}/discovery/v2.0/keys", self._key_set)
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._token)
        Authorize(self._context, self._scopes, self._codes).add_to(app.router)
        AdminConsent(self._context, self._scopes).add_to(app.router)
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
                "scopes_supported": sorted(OIDC_SCOPES),
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
        elif grant == AUTHORIZATION_CODE:
            body = self._authorization_code(form)
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
        person, session = self._asserted_sign_in(_required(form, "assertion"))
        asked = _required(form, "scope").split()
        self._check_consent(asked)
        token_policy.check_assertion(self._context, session)
        return self._delegated(person, session, asked, capabilities) | self._beside_tokens(person, form, asked)

    def _authorization_code(self, form: Form) -> Json:
        """The scopes are those of the request to the authorization endpoint, unless fewer are named here."""
        capabilities = _capabilities(form)
        code, redirect_uri = _required(form, "code"), _required(form, "redirect_uri")
        grant = self._codes.redeem(code, redirect_uri, form.get("code_verifier", ""))
        asked = form["scope"].split() if form.get("scope") else list(grant.scopes)
        self._check_consent(asked)
        token_policy.check_session(self._context, grant.session)
        tokens = self._delegated(grant.person, grant.session, asked, capabilities)
        return tokens | self._beside_tokens(grant.person, form, asked, grant.nonce)

    def _asserted_sign_in(self, assertion: str) -> tuple[SandboxPerson, Session]:
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
        return person, self._context.sessions.find(claims, person)

    def _assertion_refusal(self, reason: Refusal) -> EntraError:
        if reason == "audience":
            return refuse.wrong_audience(self._bot.app_id)
        if reason == "lifetime":
            return refuse.assertion_expired()
        why = "The key was not found." if reason == "signature" else "The token is of another tenant."
        return refuse.invalid_assertion(why)

    def _check_consent(self, asked: Sequence[str]) -> None:
        if self._scopes.without_consent(asked):
            raise refuse.consent_required(self._bot.app_id, BOT_NAME)

    def _delegated(
        self, person: SandboxPerson, session: Session, asked: Sequence[str], capabilities: list[str]
    ) -> Json:
        graph_url, lifetime_s = self._addresses.graph_url, self.token_lifetime_s
        token = self._issue.graph_token(person, session, graph_url, lifetime_s, capabilities)
        return self._lifetimes() | {"scope": self._scopes.granted(asked), "access_token": token}

    def _beside_tokens(self, person: SandboxPerson, form: Form, asked: Sequence[str], nonce: str | None = None) -> Json:
        """What comes with the access token, each only for those who asked for it."""
        body: Json = {}
        if "openid" in asked:
            body["id_token"] = self._issue.id_token(person, self.token_lifetime_s, nonce)
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
    """The client capabilities (``CP1``) in the claims request."""
    values = claims_object(form.get("claims")).get("access_token", {}).get("xms_cc", {})
    if not isinstance(values, dict) or not isinstance(values.get("values", []), list):
        raise refuse.malformed()
    return [str(value) for value in values.get("values", [])]
