"""The single sign-on token that Teams sends: checked here, on every turn that brings one, before anything trusts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jwt

from bot.errors import AssertionExpired, BotMisconfigured, NotAMember, SignInRefused, Unavailable, WrongPerson
from bot.identity.signing_keys import KeysUnavailable, SigningKeys, UnknownKey
from bot.mfa import Oid, Person, TenantId

__all__ = ["SsoToken", "SsoValidator", "person_of"]

_LEEWAY_S = 300
_SCOPE = "access_as_user"


@dataclass(frozen=True, slots=True)
class SsoToken:
    """A verified token for the bot's own API, and whose it is. ``expires_at`` is in seconds since the epoch."""

    person: Person
    expires_at: float
    assertion: str = field(repr=False)


def person_of(claims: Mapping[str, Any]) -> Person:
    """Whom the claims of a verified token of Entra's are about; what they do not say is empty."""
    return Person(
        Oid(str(claims.get("oid", "")).lower()),
        TenantId(str(claims.get("tid", "")).lower()),
        str(claims.get("preferred_username") or claims.get("upn") or ""),
        str(claims.get("name") or ""),
    )


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
            AssertionExpired: genuine once, but too old.
            SignInRefused: forged, malformed or without the scope.
            BotMisconfigured: genuine, but for another application.
            WrongPerson: genuine, but not the sender's.
            NotAMember: genuine, but a guest's or another tenant's.
            Unavailable: Entra's keys can't be loaded.
        """
        claims = await self._verified_claims(token)
        person = person_of(claims)
        if person.tid != self._tenant:
            raise NotAMember("a token of another tenant", sender=sender.oid)
        if (person.oid, person.tid) != (sender.oid, sender.tid):
            raise WrongPerson(sender=sender.oid)
        if _is_guest(claims, self._tenant):
            raise NotAMember("a guest", sender=sender.oid)
        if _SCOPE not in str(claims.get("scp", "")).split():
            raise SignInRefused("the scope access_as_user is missing")
        named = person if person.display_name else replace(person, display_name=sender.display_name)
        return SsoToken(named, float(claims["exp"]), token)

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
        except jwt.ExpiredSignatureError:
            raise AssertionExpired from None
        except jwt.InvalidIssuerError:
            # Entra signs for all tenants with the same keys, so it may be genuine.
            raise NotAMember("a token of another issuer") from None
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


def _is_guest(claims: Mapping[str, Any], tenant: TenantId) -> bool:
    """True for somebody whom another tenant has authenticated.

    ``idp`` is there only if it differs from the issuer, ``acct`` only if the registration asks for it
    (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference,
    https://learn.microsoft.com/entra/identity-platform/optional-claims-reference).
    """
    provider = str(claims.get("idp") or "")
    return claims.get("acct") == 1 or (provider != "" and tenant not in provider.lower())
