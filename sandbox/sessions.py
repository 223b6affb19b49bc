"""The sessions behind the tokens: when and how somebody signed in, and whether that still counts.

A token carries its session's ``sid``, ``auth_time`` and ``amr``; one that was made on behalf of another keeps them,
which is how Graph tells a fresh sign-in from an old one however young the token is.
https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.tenant import Json, SandboxPerson

PASSWORD_ONLY = ("pwd",)
PASSWORD_AND_MFA = ("pwd", "mfa")

_SIGNED_IN_BEFORE_S = 8 * 3600  # who opens Teams has signed in some time ago


@dataclass(frozen=True)
class Session:
    """One sign-in of a person."""

    id: str
    oid: str
    auth_time: int
    amr: tuple[str, ...]

    @property
    def has_mfa(self) -> bool:
        """Whether a second factor was shown."""
        return "mfa" in self.amr

    def claims(self) -> Json:
        """What a token says of it."""
        return {"sid": self.id, "auth_time": self.auth_time, "amr": list(self.amr)}


class Sessions:
    """Two sessions for each person, as in life: that of Teams, and that of the browser behind the sign-in pages."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._all: dict[str, Session] = {}
        self._of_teams: dict[str, Session] = {}
        self._of_browser: dict[str, Session] = {}
        self._revoked_at: dict[str, int] = {}

    def of_teams(self, person: SandboxPerson) -> Session:
        """The session from which the Teams clients get their tokens."""
        return self._of_teams.get(person.oid) or self._begin_old(person)

    def of_browser(self, person: SandboxPerson) -> Session:
        """The session that the sign-in pages find; at first it is that of Teams."""
        return self._of_browser.get(person.oid) or self.of_teams(person)

    def sign_in(self, person: SandboxPerson) -> Session:
        """A new session of the browser, with a second factor.

        Whether the tokens of Teams become fresh too is not documented, so they do not. Only where the session of
        Teams was revoked does the person sign in to Teams again as well.
        """
        fresh = self._add(person, int(self._clock()), PASSWORD_AND_MFA)
        self._of_browser[person.oid] = fresh
        if self.revoked_at(self.of_teams(person)) is not None:
            self._of_teams[person.oid] = fresh
        return fresh

    def find(self, claims: Json, person: SandboxPerson) -> Session:
        """The session of a token; one without a known session counts as that of Teams."""
        return self._all.get(str(claims.get("sid"))) or self.of_teams(person)

    def revoke(self, person: SandboxPerson) -> None:
        """End all sessions of a person: their tokens are worth nothing from now on."""
        self.of_teams(person)
        now = int(self._clock())
        for session in self._all.values():
            if session.oid == person.oid:
                self._revoked_at.setdefault(session.id, now)

    def restore(self, person: SandboxPerson) -> None:
        """Take that back."""
        for session in self._all.values():
            if session.oid == person.oid:
                self._revoked_at.pop(session.id, None)

    def revoked_at(self, session: Session) -> int | None:
        """When the session was ended, in seconds since the epoch."""
        return self._revoked_at.get(session.id)

    def _begin_old(self, person: SandboxPerson) -> Session:
        old = self._add(person, int(self._clock()) - _SIGNED_IN_BEFORE_S, PASSWORD_ONLY)
        self._of_teams[person.oid] = old
        return old

    def _add(self, person: SandboxPerson, auth_time: int, amr: tuple[str, ...]) -> Session:
        session = Session(str(uuid.uuid4()), person.oid, auth_time, amr)
        self._all[session.id] = session
        return session
