"""Who may call: the channel's token, checked before a byte of the body is parsed; then what the activity claims.

Source: https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication. Only the
connector's own issuer is accepted: there is no branch for the emulator, for other bots or for no token at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import jwt
from botbuilder.schema import Activity

from bot.errors import ChannelError
from bot.identity import KeysUnavailable, SigningKeys, UnknownKey
from bot.mfa import TenantId
from bot.settings import Settings, is_loopback

__all__ = ["CHANNEL", "ChannelAuth", "ChannelCaller", "tenant_of"]

CHANNEL = "msteams"
_LEEWAY_S = 300
_MAX_TOKEN = 8192


@dataclass(frozen=True, slots=True)
class ChannelCaller:
    """What a verified token says about its bearer."""

    service_url: str
    endorsements: frozenset[str]


class ChannelAuth:
    """Checks tokens and activities for one bot in one tenant."""

    def __init__(self, keys: SigningKeys, settings: Settings) -> None:
        self._keys = keys
        self._audience = settings.client_id
        self._issuer = settings.channel_issuer
        self._hosts = settings.service_url_hosts
        self._tenant = settings.tenant

    async def verify(self, authorization: str | None) -> ChannelCaller:
        """Who sent the request.

        Raises:
            ChannelError: 401 for every token that is not the channel's for this bot; 503 while there are no keys.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN or not token.isascii():
            raise ChannelError(401, "no bearer token")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != "RS256":
                raise ChannelError(401, "not signed by RS256")
            key = await self._keys.find(str(header.get("kid", "")))
            claims = jwt.decode(
                token,
                key.key,
                algorithms=["RS256"],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_S,
                # PyJWT and the SDK let a token without an end pass.
                options={"require": ["exp", "iss", "aud"], "strict_aud": True},
            )
        except (jwt.PyJWTError, UnknownKey) as error:
            raise ChannelError(401, type(error).__name__) from None
        except KeysUnavailable:
            raise ChannelError(503, "the channel's keys are not loaded") from None
        service_url = claims.get("serviceurl")
        if not isinstance(service_url, str) or not service_url:
            raise ChannelError(401, "no service URL in the token")
        return ChannelCaller(service_url, key.endorsements)

    def admit(self, activity: Activity, caller: ChannelCaller) -> None:
        """Return if the activity may become a turn.

        Raises:
            ChannelError: 400 if it lacks what every activity has, 401 if it is not what the token stands for, 403 if
                it comes from a tenant or names a host that is not served.
        """
        if not activity.type or not activity.channel_id or not activity.service_url:
            raise ChannelError(400, "an activity needs type, channelId and serviceUrl")
        if not (activity.conversation and activity.conversation.id):
            raise ChannelError(400, "an activity needs a conversation id")
        if not (activity.from_property and activity.from_property.id):
            raise ChannelError(400, "an activity needs a sender")
        if activity.channel_id != CHANNEL or activity.channel_id not in caller.endorsements:
            raise ChannelError(401, "the key is not endorsed for this channel")
        if activity.service_url.rstrip("/") != caller.service_url.rstrip("/"):
            raise ChannelError(401, "the service URL is not the token's")
        if not self.may_send_to(activity.service_url):
            raise ChannelError(403, "the service URL is not on the allow-list")
        if tenant_of(activity) != self._tenant:
            raise ChannelError(403, "this tenant is not served")

    def may_send_to(self, service_url: str) -> bool:
        """True for an address on the allow-list; https only, except on this machine."""
        try:
            parts = urlsplit(service_url)
            host = (parts.hostname or "").lower()
        except ValueError:
            return False
        if parts.username or parts.password or not host:
            return False
        allowed = any(host == suffix or host.endswith(f".{suffix}") for suffix in self._hosts)
        return allowed and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def tenant_of(activity: Activity) -> TenantId | None:
    """The tenant that the channel names, in lower case."""
    data = activity.channel_data
    tenant = data.get("tenant") if isinstance(data, dict) else None
    tid = tenant.get("id") if isinstance(tenant, dict) else None
    return TenantId(tid.lower()) if isinstance(tid, str) else None
