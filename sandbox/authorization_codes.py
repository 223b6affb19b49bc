"""Authorization codes: what a sign-in page sends back, and the token endpoint takes once.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sandbox import entra_errors as refuse
from sandbox.sessions import Session
from sandbox.tenant import SandboxPerson

_LIFETIME_S = 600
_LIMIT = 1000


@dataclass(frozen=True)
class Grant:
    """What a code stands for."""

    person: SandboxPerson
    session: Session
    redirect_uri: str
    code_challenge: str
    scopes: tuple[str, ...]
    nonce: str | None


@dataclass
class _Issued:
    grant: Grant
    ends_at: float
    redeemed: bool = False


class AuthorizationCodes:
    """The codes of one sandbox; used ones are remembered, because Entra says so of a second use."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issued: dict[str, _Issued] = {}

    def issue(self, grant: Grant) -> str:
        """A code for the grant."""
        while len(self._issued) >= _LIMIT:
            del self._issued[next(iter(self._issued))]
        code = f"1.{secrets.token_urlsafe(96)}"
        self._issued[code] = _Issued(grant, self._clock() + _LIFETIME_S)
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Grant:
        """The grant, once. A request that does not fit leaves the code as it is: what Entra does is not documented.

        Raises:
            EntraError: the code is unknown, used or old, or address or verifier are not those of the request.
        """
        issued = self._issued.get(code)
        if issued is None:
            raise refuse.unknown_code()
        if issued.redeemed:
            raise refuse.code_redeemed()
        if self._clock() >= issued.ends_at:
            raise refuse.code_expired()
        if redirect_uri != issued.grant.redirect_uri:
            raise refuse.wrong_reply_address(redirect_uri)
        if not hmac.compare_digest(_challenge(verifier), issued.grant.code_challenge.encode()):
            raise refuse.wrong_verifier()
        issued.redeemed = True
        return issued.grant


def _challenge(verifier: str) -> bytes:
    """S256: https://datatracker.ietf.org/doc/html/rfc7636#section-4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
