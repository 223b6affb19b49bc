"""The single sign-on token that Teams sends: checked here, on every turn that brings one, before anything trusts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jwt

from bot.errors import BotMisconfigured, SignInRefused, Unavailable, WrongPerson
from bot.identity.signing_keys import KeysUnavailable, SigningKeys, UnknownKey
from bot.mfa import Oid, Person, TenantId

__all__ = ["SsoToken", "SsoValidator"]

_LEEWAY_S = 300
_SCOPE = "access_as_user"


@dataclass(frozen=True, slots=True)
class SsoToken:
    """A verified token for the bot's own API, and whose it is. ``expires_at`` is in seconds since the epoch."""

    person: Person
    expires_at: float
    assertion: str = field(repr=False)


class SsoValidator:
    """Checks signature, issuer, audience, tenant, time and scope, and that token and sender are one person.

    Args:
        keys: Entra's keys for the tenant.
        client_id: the bot's application id; the token's audience in one of its three spellings
            (https://learn.microsoft.com/microsoftteams/platform/bots/how-to/authentication/bot-sso-register-aad).
        tenant: the one tenant that is served.
    """

    def __init__(self, keys: SigningKeys, client_id: str, tenant: TenantId) -> None:
        self._keys = keys
        self._audiences = [client_id, f"api://{client_id}", f"api://botid-{client_id}"]
        self._tenant = tenant

    async def validate(self, token: str, sender: Person) -> SsoToken:
        """The verified token.

        Raises:
            SignInRefused: expired, forged, malformed or without the scope.
            BotMisconfigured: genuine, but for another application.
            WrongPerson: genuine, but not the sender's.
            Unavailable: Entra's keys can't be loaded.
        """
        claims = await self._verified_claims(token)
        oid, tid = str(claims.get("oid", "")).lower(), str(claims.get("tid", "")).lower()
        if tid != self._tenant or (oid, tid) != (sender.oid, sender.tid):
            raise WrongPerson(sender=sender.oid)
        if _SCOPE not in str(claims.get("scp", "")).split():
            raise SignInRefused("the scope access_as_user is missing")
        person = Person(
            Oid(oid), TenantId(tid), str(claims.get("preferred_username") or claims.get("upn") or ""),
            str(claims.get("name") or sender.display_name),
        )  # fmt: skip
        return SsoToken(person, float(claims["exp"]), token)

    async def _verified_claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = (await self._keys.find(str(header.get("kid", "")))).key
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._audiences,
                issuer=[self._keys.issuer, f"https://sts.windows.net/{self._tenant}/"],
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.InvalidAudienceError:
            raise BotMisconfigured(
                "the single sign-on token is for another application: check the app's webApplicationInfo.resource and "
                "the registration's Application ID URI"
            ) from None
        except (jwt.PyJWTError, UnknownKey) as error:
            raise SignInRefused(type(error).__name__) from None
        except KeysUnavailable:
            raise Unavailable("Entra's signing keys") from None
        return claims
