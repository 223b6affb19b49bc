"""Situations that can be switched on and off, so that one can watch the bot in each.

Each is a small class whose fields are its parameters. All are off at first; several can be on at once, for one person
or for everybody::

    sandbox.situations.switch_on(StepUp(status=403), ADA)  # only Ada
    sandbox.situations.switch_on(Throttled(retry_after_s=120))  # everybody
    sandbox.situations.switch_off(StepUp, ADA)
    sandbox.situations.clear()

``AdminConsentMissing`` is the tenant's, ``AccessRevoked`` is one person's. Both end by themselves: when an
administrator consents, and when the person has signed in again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

from sandbox.sessions import Sessions
from sandbox.tenant import Tenant

WRITE_SCOPE = "UserAuthenticationMethod.ReadWrite"


@dataclass(frozen=True)
class AdminConsentMissing:
    """Nobody has consented to the scope with which methods are changed: no token (AADSTS65001)."""


@dataclass(frozen=True)
class StepUp:
    """Graph wants MFA not older than ten minutes before somebody changes their own default.

    How that surfaces is undocumented: ``status`` chooses. With ``reads`` it is wanted for reads as well, and so inside
    ``$batch``; with ``always`` even a fresh sign-in is not good enough.
    """

    status: Literal[401, 403] = 401
    reads: bool = False
    always: bool = False


@dataclass(frozen=True)
class StepUpAtSignIn:
    """Conditional Access wants MFA for a token at all: on-behalf-of is refused with claims (AADSTS50076).

    With ``always`` also for a session that has had MFA.
    """

    always: bool = False


@dataclass(frozen=True)
class Blocked:
    """Conditional Access blocks the person (AADSTS53003), both on-behalf-of and at the sign-in page.

    Both forms of the error are seen in the field; claims may come with it, though nothing can satisfy them.
    """

    error: Literal["invalid_grant", "interaction_required"] = "invalid_grant"
    claims: bool = True


@dataclass(frozen=True)
class Throttled:
    """Too many requests: Graph answers 429 and asks for more patience than a bot has; so does Entra if asked to."""

    retry_after_s: int = 120
    graph: bool = True
    entra: bool = False


@dataclass(frozen=True)
class Slow:
    """Graph, and Entra's token endpoint if asked to, take their time."""

    seconds: float = 1.5
    graph: bool = True
    entra: bool = False


@dataclass(frozen=True)
class Down:
    """Graph, and Entra's token endpoint if asked to, answer 503; with ``drop`` they close the connection instead."""

    drop: bool = False
    graph: bool = True
    entra: bool = False


@dataclass(frozen=True)
class AccessRevoked:
    """All tokens of the person that exist now are worth nothing: Graph challenges them, and Entra refuses them.

    ``error`` is how the token endpoint says so: AADSTS50173 without claims, or as a request for interaction with them.
    """

    error: Literal["invalid_grant", "interaction_required"] = "invalid_grant"


@dataclass(frozen=True)
class SelfServiceRefused:
    """Graph does not let people change their own default: 403 without a challenge, however fresh the sign-in."""


Situation = (
    AdminConsentMissing
    | StepUp
    | StepUpAtSignIn
    | Blocked
    | Throttled
    | Slow
    | Down
    | AccessRevoked
    | SelfServiceRefused
)
S = TypeVar("S", bound=Situation)

EVERYBODY = None


class Situations:
    """The switches of one sandbox. ``oid`` is a person's object id, or None for everybody."""

    def __init__(self, tenant: Tenant, sessions: Sessions) -> None:
        self._tenant = tenant
        self._sessions = sessions
        self._on: dict[tuple[type, str | None], Situation] = {}

    def switch_on(self, situation: Situation, oid: str | None = EVERYBODY) -> None:
        """Begin a situation, or begin it anew with other parameters.

        Raises:
            ValueError: it is the tenant's and was asked for one person, or the other way round.
            KeyError: no such person.
        """
        self._check(type(situation), oid)
        self._on[type(situation), oid] = situation
        if isinstance(situation, AdminConsentMissing):
            self._tenant.consented_scopes.discard(WRITE_SCOPE)
        elif isinstance(situation, AccessRevoked) and oid is not None:
            self._sessions.revoke(self._tenant.people[oid])

    def switch_off(self, kind: type[Situation], oid: str | None = EVERYBODY) -> None:
        """End a situation; nothing happens if it is not on.

        Raises:
            ValueError: it is the tenant's and was asked for one person, or the other way round.
            KeyError: no such person.
        """
        self._check(kind, oid)
        was_on = self._on.pop((kind, oid), None)
        if isinstance(was_on, AdminConsentMissing):
            self._tenant.consented_scopes.add(WRITE_SCOPE)
        elif isinstance(was_on, AccessRevoked) and oid is not None:
            self._sessions.restore(self._tenant.people[oid])

    def clear(self) -> None:
        """End them all."""
        for kind, oid in list(self._on):
            self.switch_off(kind, oid)

    def whose(self, kind: type[Situation]) -> list[str | None]:
        """For whom a situation is on: object ids, and None for everybody."""
        return [
            oid for (one, oid), situation in self._on.items() if one is kind and not self._has_ended(situation, oid)
        ]

    def find(self, kind: type[S], oid: str | None) -> S | None:
        """The situation in which a person is: their own, or else everybody's."""
        return self.switched(kind, oid) or self.switched(kind, EVERYBODY)

    def switched(self, kind: type[S], oid: str | None) -> S | None:
        """What was switched on for exactly this person, or for everybody, as far as it has not ended by itself."""
        found = self._on.get((kind, oid))
        return found if isinstance(found, kind) and not self._has_ended(found, oid) else None

    def _has_ended(self, situation: Situation, oid: str | None) -> bool:
        if isinstance(situation, AdminConsentMissing):
            return WRITE_SCOPE in self._tenant.consented_scopes
        if isinstance(situation, AccessRevoked) and oid is not None:
            return self._sessions.revoked_at(self._sessions.of_teams(self._tenant.people[oid])) is None
        return False

    def _check(self, kind: type[Situation], oid: str | None) -> None:
        if oid is not None and oid not in self._tenant.people:
            raise KeyError(oid)
        if kind is AdminConsentMissing and oid is not None:
            raise ValueError("consent is the tenant's")
        if kind is AccessRevoked and oid is None:
            raise ValueError("access is revoked for one person")
