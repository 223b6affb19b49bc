"""How Entra's token endpoint knows the application: by a secret, by a certificate, or by a token of another issuer.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials (the assertion's header and claims) and
https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from urllib.parse import unquote_plus

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from sandbox import client_refusals as refuse
from sandbox.context import Context
from sandbox.entra_errors import missing_parameter, no_credential, unknown_client, wrong_secret
from sandbox.registration import RegisteredCertificate
from sandbox.tenant import Json

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS = ["PS256", "RS256"]

Form = Mapping[str, str]


class ClientAuth:
    """Checks who asks. ``audiences`` are the names under which assertions may address the token endpoint."""

    def __init__(self, context: Context, audiences: tuple[str, ...]) -> None:
        self._bot = context.bot
        self._keys = context.keys.entra
        self._clock = context.clock
        self._audiences = audiences

    def check(self, authorization: str, form: Form) -> None:
        """Pass if the caller is the bot.

        Raises:
            EntraError: it is not, or can't prove it.
        """
        client_id, secret = _basic(authorization) or (form.get("client_id", ""), form.get("client_secret", ""))
        if not client_id:
            raise missing_parameter("client_id")
        if client_id.casefold() != self._bot.app_id:
            raise unknown_client(client_id)
        if secret:
            self._check_secret(secret)
        elif "client_assertion" in form:
            self._check_assertion(form["client_assertion"])
            if form.get("client_assertion_type") != _JWT_BEARER:
                raise missing_parameter("client_assertion_type")
        else:
            raise no_credential()

    def _check_secret(self, secret: str) -> None:
        verdict = self._bot.judge_secret(secret)
        if verdict == "expired":
            raise refuse.secret_expired(self._bot.app_id)
        if verdict == "wrong":
            raise wrong_secret(self._bot.app_id)

    def _check_assertion(self, assertion: str) -> None:
        header, claims = _unverified(assertion)
        # An application speaks for itself by its certificate; any other issuer must be a trusted one.
        if claims.get("iss") == self._bot.app_id:
            self._check_certificate(assertion, header)
            self._check_own_claims(claims)
        else:
            self._check_federated(assertion, header, claims)
        expires_at = claims.get("exp")
        if not isinstance(expires_at, (int, float)) or expires_at <= self._clock():
            raise refuse.assertion_out_of_time()

    def _check_certificate(self, assertion: str, header: Json) -> None:
        registered = self._named(header)
        if registered is None:
            raise refuse.certificate_refused("The key was not found.")
        certificate = registered.certificate
        if certificate.not_valid_after_utc.timestamp() <= self._clock():
            raise refuse.certificate_refused("The key used is expired.")
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey) or not _is_signed(assertion, key):
            raise refuse.certificate_refused("The provided signature value did not match the expected signature value.")

    def _named(self, header: Json) -> RegisteredCertificate | None:
        sha256, sha1 = (str(header.get(name, "")).rstrip("=") for name in ("x5t#S256", "x5t"))
        return next((one for one in self._bot.certificates if sha256 == one.sha256 or sha1 == one.sha1), None)

    def _check_own_claims(self, claims: Json) -> None:
        if claims.get("sub") != self._bot.app_id:
            raise refuse.assertion_of_another_client()
        if claims.get("aud") not in self._audiences:
            raise refuse.assertion_for_another_audience()
        if not claims.get("jti"):
            raise refuse.malformed_assertion()

    def _check_federated(self, assertion: str, header: Json, claims: Json) -> None:
        """The issuer that the sandbox plays besides is the tenant itself, for its managed identities."""
        records = [one for one in self._bot.federated if one.issuer == claims.get("iss")]
        if not records:
            raise refuse.no_federated_record("issuer", claims.get("iss"))
        records = [one for one in records if one.audience == claims.get("aud")]
        if not records:
            raise refuse.no_federated_record("audience", claims.get("aud"))
        if claims.get("sub") not in [one.subject for one in records]:
            raise refuse.no_federated_record("subject", claims.get("sub"))
        key = next((one for one in self._keys if one.kid == header.get("kid")), None)
        if key is None or not _is_signed(assertion, key.private_key.public_key()):
            raise refuse.certificate_refused("The key was not found.")


def _basic(authorization: str) -> tuple[str, str] | None:
    """Client id and secret by HTTP Basic (RFC 6749 2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.casefold() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote_plus(client_id), unquote_plus(secret)


def _unverified(assertion: str) -> tuple[Json, Json]:
    try:
        header = jwt.get_unverified_header(assertion)
        claims = json.loads(jwt.PyJWS().decode(assertion, options={"verify_signature": False}))
    except (jwt.InvalidTokenError, ValueError) as error:
        raise refuse.certificate_refused("The assertion can't be read.") from error
    if not isinstance(claims, dict):
        raise refuse.certificate_refused("The assertion can't be read.")
    return header, claims


def _is_signed(assertion: str, key: RSAPublicKey) -> bool:
    try:
        jwt.PyJWS().decode(assertion, key, algorithms=_ALGORITHMS)
    except jwt.InvalidTokenError:
        return False
    return True
