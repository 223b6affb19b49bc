"""How Graph refuses a token that is good in itself: challenges for a fresher one, and refusals for good.

https://learn.microsoft.com/entra/identity-platform/claims-challenge
"""

from __future__ import annotations

import base64
import json

from sandbox import graph_resources
from sandbox.context import Context
from sandbox.entra_errors import issued_after
from sandbox.graph_resources import GraphError
from sandbox.sessions import Session
from sandbox.situations import SelfServiceRefused, StepUp
from sandbox.tenant import Json, SandboxPerson

GRAPH_CLIENT_ID = "00000003-0000-0000-c000-000000000000"

# "For users managing their own methods, the last authentication must not be more than 10 minutes ago":
# https://learn.microsoft.com/graph/api/authentication-update?view=graph-rest-beta
_FRESH_S = 600

# Which claims the rule asks for is not documented; an authentication context is the form that Entra's pages show.
_STEP_UP_CLAIMS: Json = {"access_token": {"acrs": {"essential": True, "value": "c1"}}}


def check_not_revoked(context: Context, session: Session, capabilities: list[str]) -> None:
    """Continuous access evaluation, which concerns only clients that declare ``cp1``; others keep their tokens.

    https://learn.microsoft.com/entra/identity-platform/app-resilience-continuous-access-evaluation

    Raises:
        GraphError: the session behind the token was revoked.
    """
    revoked_at = context.sessions.revoked_at(session)
    if revoked_at is not None and "cp1" in [one.casefold() for one in capabilities]:
        message = (
            "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: "
            "TokenIssuedBeforeRevocationTimestamp"
        )
        raise GraphError(401, "InvalidAuthenticationToken", message, claims=issued_after(revoked_at))


def check_own_account(context: Context, session: Session, method: str) -> None:
    """What holds for people who look at or change their own methods.

    Raises:
        GraphError: a fresher sign-in is wanted, or self-service is not.
    """
    is_write = method == "PATCH"
    if is_write and context.situations.find(SelfServiceRefused, session.oid):
        raise graph_resources.forbidden()
    rule = context.situations.find(StepUp, session.oid)
    if rule is None or not (is_write or rule.reads):
        return
    if rule.always or not session.has_mfa or context.clock() - session.auth_time > _FRESH_S:
        code = "InvalidAuthenticationToken" if rule.status == 401 else "accessDenied"
        raise GraphError(rule.status, code, "The request requires a recent sign-in with MFA.", claims=_STEP_UP_CLAIMS)


def challenge_header(authorization_uri: str, claims: Json | None) -> str:
    """``WWW-Authenticate``, with the claims in base64 if a token that has them would do."""
    header = f'Bearer realm="", authorization_uri="{authorization_uri}", client_id="{GRAPH_CLIENT_ID}"'
    if claims is None:
        return header
    encoded = base64.b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode()
    return f'{header}, error="insufficient_claims", claims="{encoded}"'


def session_of(context: Context, claims: Json, person: SandboxPerson) -> Session:
    """The session behind a token, with the age and the methods that the token itself tells of."""
    known = context.sessions.find(claims, person)
    auth_time, amr = claims.get("auth_time", known.auth_time), claims.get("amr", known.amr)
    return Session(known.id, person.oid, int(auth_time), tuple(str(one) for one in amr))
