"""What the situations that are switched on mean for somebody who wants a token."""

from __future__ import annotations

from sandbox import entra_errors as refuse
from sandbox.context import Context
from sandbox.sessions import Session
from sandbox.situations import AccessRevoked, Blocked, StepUpAtSignIn


def check_session(context: Context, session: Session) -> None:
    """Refuse what comes from a session that has been ended.

    Raises:
        EntraError: it was revoked.
    """
    revoked_at = context.sessions.revoked_at(session)
    if revoked_at is not None:
        situation = context.situations.find(AccessRevoked, session.oid) or AccessRevoked()
        raise refuse.revoked(situation.error, revoked_at)


def check_assertion(context: Context, session: Session) -> None:
    """Hold an on-behalf-of request against Conditional Access, which applies to it as to a sign-in.

    https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow#error-response-example

    Raises:
        EntraError: the session was revoked, or a policy blocks or wants MFA.
    """
    check_session(context, session)
    if block := context.situations.find(Blocked, session.oid):
        raise refuse.blocked(block.error, claims=block.claims)
    step_up = context.situations.find(StepUpAtSignIn, session.oid)
    if step_up and (step_up.always or not session.has_mfa):
        raise refuse.mfa_required(context.addresses.graph_url)
