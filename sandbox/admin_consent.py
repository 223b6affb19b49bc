"""The admin consent endpoint: an administrator accepts scopes for the whole tenant.

https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from sandbox import authorize_request, entra_pages
from sandbox.authorize_request import ReplyTo, go_to
from sandbox.context import Context
from sandbox.entra_errors import EntraError, missing_parameter
from sandbox.scopes import Scopes
from sandbox.single_use import SingleUse
from sandbox.tenant import BOT_NAME

_PAGE_LIFETIME_S = 900


@dataclass(frozen=True)
class _Wish:
    reply_to: ReplyTo
    scope: str
    names: list[str]


class AdminConsent:
    """The endpoint of one sandbox. Nobody is asked who they are: a newcomer shall see both sides."""

    def __init__(self, context: Context, scopes: Scopes) -> None:
        self._context = context
        self._scopes = scopes
        self._wishes: SingleUse[_Wish] = SingleUse(context.clock, _PAGE_LIFETIME_S)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Serve the endpoint and what its form posts to."""
        router.add_get("/{tenant}/v2.0/adminconsent", self._ask)
        router.add_post("/{tenant}/v2.0/adminconsent", self._decide)

    async def _ask(self, request: web.Request) -> web.Response:
        try:
            reply_to = authorize_request.reply_to(request, self._context.tenant, self._context.bot)
            scope = request.query.get("scope")
            if not scope:
                raise missing_parameter("scope")
            names = self._scopes.asked(scope.split())
        except EntraError as refusal:
            return entra_pages.sorry(refusal.description)
        ctx = self._wishes.keep(_Wish(reply_to, scope, names))
        form = entra_pages.Form(request.path, ctx, reply_to.redirect_uri)
        return entra_pages.admin_consent(form, BOT_NAME, names)

    async def _decide(self, request: web.Request) -> web.Response:
        form = await request.post()
        wish = self._wishes.take(str(form.get("ctx", "")))
        if wish is None:
            return entra_pages.sorry("AADSTS165000: This request is over. Open the link again.")
        if form.get("action") != "accept":
            return self._go_back(
                wish, error="access_denied", error_description="AADSTS65004: The admin declined to consent."
            )
        # Entra's .default means all that the registration lists, which the sandbox does not keep apart.
        self._context.tenant.consented_scopes.update(name for name in wish.names if name != ".default")
        return self._go_back(wish, scope=wish.scope)

    def _go_back(self, wish: _Wish, **answer: str) -> web.Response:
        tenant_id = self._context.tenant.tenant_id
        return go_to(wish.reply_to.location(admin_consent="True", tenant=tenant_id, **answer))
