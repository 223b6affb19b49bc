"""Signing keys of the simulated services, and the check of what was signed with them."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from sandbox.tenant import Json

Refusal = Literal["signature", "audience", "tenant", "lifetime"]


class TokenRefused(Exception):
    """A token does not pass; ``reason`` is the first check that failed."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason)
        self.reason: Refusal = reason


@dataclass(frozen=True)
class SigningKey:
    """An RSA key with its id. Making one takes a while: tests hand one set to many sandboxes."""

    kid: str
    private_key: RSAPrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key of 2048 bits with a random id."""
        return cls(uuid.uuid4().hex, generate_private_key(public_exponent=65537, key_size=2048))

    def sign(self, claims: Mapping[str, Any], headers: Mapping[str, Any] | None = None) -> str:
        """The claims as a JWT, RS256, with this key's ``kid``; ``headers`` go over the usual header."""
        return jwt.encode(
            dict(claims), self.private_key, algorithm="RS256", headers={"kid": self.kid, **(headers or {})}
        )

    def jwk(self) -> Json:
        """The public half as an entry of a JWK set."""
        numbers = self.private_key.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "n": _base64url(numbers.n),
            "e": _base64url(numbers.e),
        }


@dataclass(frozen=True)
class SandboxKeys:
    """Keys of the two issuers, Entra and the Bot Connector.

    The lists are live: append a key to roll over (the last one signs, all are published), remove one to
    retire it.
    """

    entra: list[SigningKey]
    channel: list[SigningKey]

    @classmethod
    def generate(cls) -> SandboxKeys:
        """One new key for each issuer."""
        return cls([SigningKey.generate()], [SigningKey.generate()])

    def copy(self) -> SandboxKeys:
        """The same keys in lists of their own, so that a rollover in one sandbox stays there."""
        return SandboxKeys(list(self.entra), list(self.channel))


def verify(token: str, keys: Sequence[SigningKey], *, audience: str, tenant_id: str, now: float) -> Json:
    """The claims of a token that one of ``keys`` signed for this audience and tenant and that is valid now.

    No leeway: all clocks of a sandbox are the same clock.

    Raises:
        TokenRefused: with the first reason found.
    """
    claims = _signed_claims(token, keys)
    if claims.get("aud") != audience:
        raise TokenRefused("audience")
    if claims.get("tid") != tenant_id:
        raise TokenRefused("tenant")
    if not _moment(claims, "nbf") <= now < _moment(claims, "exp"):
        raise TokenRefused("lifetime")
    return claims


def claimed_oid(token: str) -> str | None:
    """The ``oid`` that a token claims, unchecked: good for naming the caller in a log, for nothing else."""
    try:
        oid = jwt.decode(token, options={"verify_signature": False}).get("oid")
    except (jwt.InvalidTokenError, UnicodeError):
        return None
    return oid if isinstance(oid, str) else None


def bearer(authorization: str | None) -> str:
    """The token of an Authorization header; empty if there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else ""


def _signed_claims(token: str, keys: Sequence[SigningKey]) -> Json:
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        key = next(key for key in keys if key.kid == kid)
        payload = jwt.PyJWS().decode(token, key.private_key.public_key(), algorithms=["RS256"])
        claims = json.loads(payload)
    except (jwt.InvalidTokenError, StopIteration, ValueError) as error:
        raise TokenRefused("signature") from error
    if not isinstance(claims, dict):
        raise TokenRefused("signature")
    return claims


def _moment(claims: Json, name: str) -> float:
    """A time claim; its absence refuses the token, as the real services do."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TokenRefused("lifetime")
    return value


def _base64url(number: int) -> str:
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
