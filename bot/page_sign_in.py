"""Signing in by Entra's page, where what Teams gives silently is not enough: begin, take the code back, redeem it.

The address of the page is made here, on the server. ``state`` is bound to one person and one command, and used once.
The code that comes back is redeemed only for the person whose command it is, and only if that very person has signed
in: nobody can make somebody else finish their sign-in, or the other way round.

Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, Protocol

from bot.errors import OtherAccount, SignInOver, Throttled, Unavailable
from bot.identity import SELF_SCOPES, PageSignIn, Redeemed, UserTokens
from bot.mfa import Person
from bot.store import Inbox, SignIns

__all__ = ["Entra", "PageSignIns"]


class Entra(Protocol):
    """Entra, as far as pages need it. See ``bot.identity.EntraClient``."""

    async def begin_page_sign_in(self, page: PageSignIn) -> Mapping[str, Any]:
        """What a page is opened with."""

    async def redeem(self, flow: Mapping[str, Any], code: str) -> Redeemed:
        """The token for a code."""


class PageSignIns:
    """All pages of one bot. ``public_url`` is its origin, under which browsers reach it."""

    def __init__(self, entra: Entra, inbox: Inbox, records: SignIns, tokens: UserTokens, public_url: str) -> None:
        self._entra = entra
        self._inbox = inbox
        self._records = records
        self._tokens = tokens
        self._public_url = public_url

    def address_for(self, command_id: str) -> str:
        """Where the button of a sign-in card leads."""
        return f"{self._public_url}/auth/start?for={command_id}"

    async def begin(self, command_id: str) -> str:
        """The address of Entra's page for a command that waits. Opened again, it is the same page.

        Raises:
            SignInOver: no such command waits (any more).
            StoreUnavailable, UpstreamError: it can't be looked up, or Entra can't be asked.
        """
        pending = await self._inbox.find_waiting(command_id)
        if pending is None:
            raise SignInOver
        page = PageSignIn(
            scopes=SELF_SCOPES,
            redirect_uri=f"{self._public_url}/auth/callback",
            state=secrets.token_urlsafe(32),
            login_hint=pending.demand.login_hint,
            claims=pending.demand.claims,
            fresh=pending.demand.fresh,
        )
        flow = await self._records.open(pending, await self._entra.begin_page_sign_in(page))
        if flow is None:
            raise SignInOver("its code is there already")
        return str(flow["auth_uri"])

    async def is_open(self, state: str) -> bool:
        """True if a page of ours was opened with ``state``, and nothing has come back from it yet.

        Raises:
            StoreUnavailable: it can't be looked up.
        """
        return await self._records.is_open(state)

    async def finish(self, state: str, code: str) -> str:
        """Keep the code that Entra has sent to the page; the handle that the page passes on to Teams.

        Raises:
            SignInOver: ``state`` was never ours, is too old, or has brought its code already.
            StoreUnavailable: it can't be kept.
        """
        handle = await self._records.keep_code(state, code)
        if handle is None:
            raise SignInOver
        return handle

    def may_wait_for(self, person: Person) -> bool:
        """True if a code of ``person`` may be waiting, as far as this instance knows."""
        return self._records.may_have_code(person)

    async def redeem(self, person: Person, handle: str | None = None) -> bool:
        """Sign ``person`` in by the code of ``handle``, or by whichever code of theirs waits; False if there is none.

        Raises:
            WrongPerson: somebody else has begun the sign-in.
            OtherAccount: somebody else has signed in on the page; their token is not kept.
            SignInError: Entra does not take the code.
            UpstreamError: Entra can't be asked, and the code goes on waiting; or its answer was not what it should be.
            StoreUnavailable: the code can't be looked up.
        """
        waiting = await self._records.take(person, handle)
        if waiting is None:
            return False
        asked_at = time.time()
        try:
            redeemed = await self._entra.redeem(waiting.flow, waiting.code)
        except (Throttled, Unavailable):
            # Entra has not looked at it, as far as anybody can tell; after any other answer it is used up.
            if not self._tokens.has_signed_out(person, since=asked_at):
                await self._records.put_back(person, waiting)
            raise
        if (redeemed.person.tid, redeemed.person.oid) != (person.tid, person.oid):
            raise OtherAccount(sender=person.oid)
        self._tokens.keep(redeemed.person, SELF_SCOPES, redeemed.token, asked_at=asked_at)
        return True
