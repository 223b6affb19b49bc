"""The simulated tenant: its people, what they registered, the bot's registration, the log of Graph calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.feed import Feed

Json = dict[str, Any]

DOMAIN = "contoso.example"
TENANT_ID = "c0705000-0000-4000-8000-000000000000"
APP_ID = "b07b07b0-0000-4000-8000-00000000000b"
BOT_NAME = "Default MFA"

PREFERRED = "userPreferredMethodForSecondaryAuthentication"
SYSTEM_PREFERRED = "systemPreferredAuthenticationMethod"
SYSTEM_PREFERRED_ENABLED = "isSystemPreferredAuthenticationMethodEnabled"

DEFAULT_CONSENT = frozenset({"UserAuthenticationMethod.ReadWrite", "User.Read"})


def iso_utc(epoch_s: float) -> str:
    """The moment as Teams and Graph write it: ``2025-01-31T12:00:00.000Z``."""
    moment = dt.datetime.fromtimestamp(epoch_s, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class GraphCall:
    """One request to Graph, or one part of a batch, as the page's panel shows it. It holds no tokens."""

    id: str
    at: str
    method: str
    path: str
    status: int
    ms: float
    actor: str | None
    client_request_id: str | None
    request_body: Any
    response_body: Any
    batch: str | None


@dataclass
class SandboxPerson:
    """One person of the tenant. Mutable: this *is* the directory's and the MFA store's state.

    ``methods`` are rows exactly as Graph beta lists them; ``preferences`` holds the properties of
    signInPreferences, where an absent key is as possible as a null. ``roles`` are names or template GUIDs of
    Entra roles.
    ``locale`` and ``timezone`` are those of the person's Teams.
    ``stale_reads`` is the number of reads after a PATCH that still answer the old preferences.
    """

    oid: str
    upn: str
    display_name: str
    situation: str
    methods: list[Json]
    preferences: Json
    roles: frozenset[str] = frozenset()
    stale_reads: int = 0
    locale: str = "en-US"
    timezone: str = "Etc/UTC"
    _stale_left: int = field(default=0, repr=False)
    _stale_preferences: Json = field(default_factory=dict, repr=False)

    def read_preferences(self) -> Json:
        """What Graph answers now; it counts as one of the stale reads that may be left."""
        if self._stale_left:
            self._stale_left -= 1
            return dict(self._stale_preferences)
        return dict(self.preferences)

    def set_default(self, default_method: str) -> None:
        """Store the default method; readers may see the old one for a while (``stale_reads``)."""
        if not self._stale_left:
            self._stale_preferences = dict(self.preferences)
        self._stale_left = self.stale_reads
        self.preferences[PREFERRED] = default_method


class Tenant:
    """The one tenant of a sandbox."""

    def __init__(self, people: Iterable[SandboxPerson], tenant_id: str = TENANT_ID) -> None:
        self.tenant_id = tenant_id
        self.people: dict[str, SandboxPerson] = {person.oid: person for person in people}
        self.consented_scopes: set[str] = set(DEFAULT_CONSENT)
        self.call_log: Feed[GraphCall] = Feed()

    def find(self, id_or_upn: str) -> SandboxPerson | None:
        """The person with this object id or user principal name, in any case."""
        wanted = id_or_upn.casefold()
        for person in self.people.values():
            if wanted in (person.oid.casefold(), person.upn.casefold()):
                return person
        return None
