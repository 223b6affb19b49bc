"""Entra's authorization endpoint and its pages: from a request to a code, or to an error for the application.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from uuid import uuid4

from aiohttp import web

from sandbox import authorize_request, entra_pages
from sandbox import entra_errors as refuse
from sandbox.authorization_codes import AuthorizationCodes, Grant
from sandbox.authorize_request import AuthorizeRequest, go_to
from sandbox.context import Context
from sandbox.entra_errors import EntraError
from sandbox.scopes import Scopes
from sandbox.sessions import Session
from sandbox.single_use import SingleUse
from sandbox.situations import Blocked, StepUpAtSignIn
from sandbox.tenant import BOT_NAME, SandboxPerson

_PAGE_LIFETIME_S = 900


@dataclass(frozen=True)
class _Step:
    """A sign-in that waits for a form: whose it is, once that is known."""

    request: AuthorizeRequest
    person: SandboxPerson | None


class Authorize:
    """The authorization endpoint of one sandbox; ``codes`` takes what it gives out."""

    def __init__(self, context: Context, scopes: Scopes, codes: AuthorizationCodes) -> None:
        self._context = context
        self._scopes = scopes
        self._codes = codes
        self._steps: SingleUse[_Step] = SingleUse(context.clock, _PAGE_LIFETIME_S)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Serve the endpoint and what its forms post to."""
        router.add_get("/{tenant}/oauth2/v2.0/authorize", self._begin)
        router.add_post("/{tenant}/login", self._go_on)

    async def _begin(self, request: web.Request) -> web.Response:
        try:
            reply_to = authorize_request.reply_to(request, self._context.tenant, self._context.bot)
        except EntraError as refusal:
            return entra_pages.sorry(refusal.description)
        try:
            asked = authorize_request.read(request.query, reply_to, self._scopes)
        except EntraError as refusal:
            return go_to(reply_to.refusal(refusal))
        person = self._context.tenant.find(asked.login_hint) if asked.login_hint else None
        if asked.prompt == "none":
            return self._without_a_page(asked, person)
        return self._next(asked, None if asked.prompt == "select_account" else person)

    async def _go_on(self, request: web.Request) -> web.Response:
        """A form of one of the pages."""
        form = await request.post()
        step = self._steps.take(str(form.get("ctx", "")))
        if step is None:
            # Sent twice, or left lying: the browser's way back leads here too.
            return entra_pages.sorry("AADSTS165000: This sign-in is over. Close this window and begin again.")
        action = form.get("action")
        if action == "cancel":
            return self._cancelled(step.request)
        if action == "return" and step.person is not None:
            return self._returned(step.request, step.person)
        if step.person is None:
            return self._next(step.request, self._context.tenant.find(str(form.get("account", ""))))
        if action == "other":
            return self._next(step.request, None)
        return self._second_factor(step.request, step.person, str(form.get("code", "")))

    def _next(self, asked: AuthorizeRequest, person: SandboxPerson | None) -> web.Response:
        """The next page, or the end without one."""
        if person is None:
            people = list(self._context.tenant.people.values())
            return entra_pages.choose_account(self._form(asked, None), people)
        if block := self._block(person):
            return entra_pages.blocked(self._form(asked, person), person, block.description)
        session = self._context.sessions.of_browser(person)
        if self._wants_code(asked, session):
            return entra_pages.enter_code(self._form(asked, person), person, was_wrong=False)
        return self._consented(asked, person, session)

    def _second_factor(self, asked: AuthorizeRequest, person: SandboxPerson, code: str) -> web.Response:
        if not hmac.compare_digest(code.strip().encode(), entra_pages.SANDBOX_CODE.encode()):
            return entra_pages.enter_code(self._form(asked, person), person, was_wrong=True)
        return self._consented(asked, person, self._context.sessions.sign_in(person))

    def _consented(self, asked: AuthorizeRequest, person: SandboxPerson, session: Session) -> web.Response:
        """The end of a sign-in, unless a policy blocks it or somebody has to consent first.

        Nobody may consent for themselves here: the scopes that matter need an administrator anyway, and tenants that
        leave nothing to their users are common.
        """
        if block := self._block(person):
            return entra_pages.blocked(self._form(asked, person), person, block.description)
        if missing := self._scopes.without_consent(asked.scopes):
            return entra_pages.need_admin_approval(self._form(asked, person), person, BOT_NAME, missing)
        return self._signed_in(asked, person, session)

    def _without_a_page(self, asked: AuthorizeRequest, person: SandboxPerson | None) -> web.Response:
        """``prompt=none``: at once, or not at all."""
        if person is None:
            text = "Session information is not sufficient for single-sign-on."
            return self._refused(asked, EntraError(400, "login_required", 50058, text))
        if block := self._block(person):
            return self._refused(asked, EntraError(400, "interaction_required", block.number, block.text))
        session = self._context.sessions.of_browser(person)
        if self._wants_code(asked, session):
            return self._refused(asked, refuse.mfa_required(self._context.bot.app_id))
        if self._scopes.without_consent(asked.scopes):
            error = refuse.consent_required(self._context.bot.app_id, BOT_NAME)
            return self._refused(asked, EntraError(400, "consent_required", error.number, error.text))
        return self._signed_in(asked, person, session)

    def _wants_code(self, asked: AuthorizeRequest, session: Session) -> bool:
        """Whether this request calls for a second factor now."""
        situation = self._context.situations.find(StepUpAtSignIn, session.oid)
        age = self._context.clock() - session.auth_time
        return (
            asked.prompt == "login"
            or (asked.max_age is not None and age >= asked.max_age)
            or asked.demands_more
            or (situation is not None and (situation.always or not session.has_mfa))
            or self._context.sessions.revoked_at(session) is not None
        )

    def _block(self, person: SandboxPerson) -> EntraError | None:
        situation = self._context.situations.find(Blocked, person.oid)
        return refuse.blocked(situation.error, claims=False) if situation else None

    def _form(self, asked: AuthorizeRequest, person: SandboxPerson | None) -> entra_pages.Form:
        action = f"/{self._context.tenant.tenant_id}/login"
        return entra_pages.Form(action, self._steps.keep(_Step(asked, person)), asked.reply_to.redirect_uri)

    def _signed_in(self, asked: AuthorizeRequest, person: SandboxPerson, session: Session) -> web.Response:
        reply_to = asked.reply_to
        grant = Grant(person, session, reply_to.redirect_uri, asked.code_challenge, asked.scopes, asked.nonce)
        return go_to(reply_to.location(code=self._codes.issue(grant), session_state=str(uuid4())))

    def _returned(self, asked: AuthorizeRequest, person: SandboxPerson) -> web.Response:
        """Back from a page that leaves nothing else to do. Which error Entra sends along is not documented."""
        if block := self._block(person):
            return self._refused(asked, EntraError(400, "access_denied", block.number, block.text))
        text = (
            f"{BOT_NAME} needs permission to access resources in your organization that only an admin can grant. "
            "Please ask an admin to grant permission to this app before you can use it."
        )
        return self._refused(asked, EntraError(400, "access_denied", 90094, text))

    def _cancelled(self, asked: AuthorizeRequest) -> web.Response:
        declined = EntraError(400, "access_denied", 65004, f"User declined to consent to access the app {BOT_NAME}.")
        description = declined.description
        return go_to(
            asked.reply_to.location(error=declined.error, error_subcode="cancel", error_description=description)
        )

    def _refused(self, asked: AuthorizeRequest, error: EntraError) -> web.Response:
        return go_to(asked.reply_to.refusal(error))
