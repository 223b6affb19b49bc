"""The tokens that Entra signs: for Teams clients, for Graph, for the Bot Connector, and id tokens.

Claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference. Teams' token for
the bot is a v2 token; Graph and the Bot Connector get v1 tokens, as Entra issues them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import Any

from sandbox.context import Context
from sandbox.keys import SigningKey
from sandbox.sessions import Session
from sandbox.tenant import BOT_NAME, Json, SandboxPerson

CONNECTOR_AUDIENCE = "https://api.botframework.com"
TEAMS_CLIENT_ID = "1fec8e78-bce4-4aaf-ab1b-5451cc387264"  # Teams on desktop and phone
SSO_SCOPE = "access_as_user"


class TokenIssuer:
    """Signs with the newest of the keys; every token has an id of its own, so no two are equal."""

    def __init__(self, context: Context, issuer: str) -> None:
        self._tenant = context.tenant
        self._bot = context.bot
        self._keys = context.keys.entra
        self._clock = context.clock
        self._issuer = issuer

    def sso_token(
        self, person: SandboxPerson, session: Session, lifetime_s: float, key: SigningKey | None, overrides: Json
    ) -> str:
        """A Teams client's token for the bot (``access_as_user``); an override of None removes a claim."""
        claims = self._of_person(person, "2.0", self._issuer, lifetime_s) | {
            **session.claims(),
            "aud": self._bot.app_id,
            "azp": TEAMS_CLIENT_ID,
            "azpacr": "0",
            "scp": SSO_SCOPE,
            "preferred_username": person.upn,
        }
        return self._sign(without_none(claims | overrides), key)

    def graph_token(
        self, person: SandboxPerson, session: Session, graph_url: str, lifetime_s: float, capabilities: list[str]
    ) -> str:
        """A delegated token with every consented scope, whichever of them was asked for, as Entra does.

        How fresh the sign-in behind it is stands in ``auth_time`` and ``amr``; the moment of its issue says nothing.
        """
        claims = self._of_person(person, "1.0", self._v1_issuer, lifetime_s) | {
            **session.claims(),
            "aud": graph_url,
            "app_displayname": BOT_NAME,
            "appid": self._bot.app_id,
            "appidacr": "1",
            "idtyp": "user",
            "scp": " ".join(sorted(self._tenant.consented_scopes)),
            "unique_name": person.upn,
            "upn": person.upn,
        }
        return self._sign(claims | ({"xms_cc": capabilities} if capabilities else {}))

    def connector_token(self, lifetime_s: float) -> str:
        """The bot's own token for the Bot Connector."""
        app_id = self._bot.app_id
        claims = self._common("1.0", self._v1_issuer, lifetime_s) | {
            "aud": CONNECTOR_AUDIENCE,
            "appid": app_id,
            "azp": app_id,
            "appidacr": "1",
            "idtyp": "app",
        }
        return self._sign(claims)

    def id_token(self, person: SandboxPerson, lifetime_s: float, nonce: str | None = None) -> str:
        """An id token for the bot, with the nonce of the request that it answers."""
        claims = self._of_person(person, "2.0", self._issuer, lifetime_s)
        of_request = {"nonce": nonce} if nonce is not None else {}
        return self._sign(claims | {"aud": self._bot.app_id, "preferred_username": person.upn, **of_request})

    def client_info(self, person: SandboxPerson) -> str:
        """The account's ids as MSAL expects them beside a token."""
        ids = {"uid": person.oid, "utid": self._tenant.tenant_id}
        return base64.urlsafe_b64encode(json.dumps(ids).encode()).rstrip(b"=").decode()

    @property
    def _v1_issuer(self) -> str:
        return f"https://sts.windows.net/{self._tenant.tenant_id}/"

    def _of_person(self, person: SandboxPerson, version: str, issuer: str, lifetime_s: float) -> Json:
        return self._common(version, issuer, lifetime_s) | {
            "name": person.display_name,
            "oid": person.oid,
            "sub": self._pairwise_subject(person),
        }

    def _common(self, version: str, issuer: str, lifetime_s: float) -> Json:
        now = int(self._clock())
        expires_at = now + int(lifetime_s)
        issued_at = min(now, expires_at - 1)  # a token made to be expired was valid once
        return {
            "iss": issuer,
            "tid": self._tenant.tenant_id,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": expires_at,
            "uti": uuid.uuid4().hex,
            "ver": version,
        }

    def _pairwise_subject(self, person: SandboxPerson) -> str:
        """Entra's ``sub`` differs from application to application; it is no object id."""
        digest = hashlib.sha256(f"{self._bot.app_id}:{person.oid}".encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _sign(self, claims: Json, key: SigningKey | None = None) -> str:
        return (key or self._keys[-1]).sign(claims)


def without_none(claims: dict[str, Any]) -> Json:
    """The claims that have a value."""
    return {name: value for name, value in claims.items() if value is not None}
