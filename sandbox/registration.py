"""The bot's app registration in the simulated tenant: its id, and the credentials by which it may prove to be itself.

https://learn.microsoft.com/graph/api/resources/application (passwordCredentials, keyCredentials) and
https://learn.microsoft.com/graph/api/resources/federatedidentitycredential
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

Verdict = Literal["good", "expired", "wrong"]


@dataclass(frozen=True)
class FederatedCredential:
    """A token of ``issuer`` about ``subject`` for ``audience`` stands for a credential of the application."""

    issuer: str
    subject: str
    audience: str


@dataclass(frozen=True)
class RegisteredCertificate:
    """The public part of a certificate, found by its thumbprints as a JWT header writes them."""

    certificate: x509.Certificate = field(repr=False)

    @property
    def sha256(self) -> str:
        """As ``x5t#S256`` has it."""
        return _base64url(self.certificate.fingerprint(SHA256()))

    @property
    def sha1(self) -> str:
        """As ``x5t`` has it; Entra still takes it."""
        return _base64url(self.certificate.fingerprint(SHA1()))  # noqa: S303  a name, no protection


class BotRegistration:
    """Several credentials may be good at a time, so that one can be replaced by the next without an outage."""

    def __init__(self, app_id: str, client_secret: str = "", redirect_uris: Iterable[str] = ()) -> None:
        self.app_id = app_id
        self.redirect_uris = set(redirect_uris)
        self.certificates: list[RegisteredCertificate] = []
        self.federated: list[FederatedCredential] = []
        self._good: dict[str, bool] = {}
        self.add_secret(client_secret)

    @property
    def client_secret(self) -> str:
        """The newest secret."""
        return next(reversed(self._good))

    def add_secret(self, secret: str = "") -> str:
        """Another secret that is good from now on; a new one if none is given."""
        secret = secret or secrets.token_urlsafe(24)
        self._good[secret] = True
        return secret

    def expire_secret(self, secret: str) -> None:
        """From now on the secret is known, but too old."""
        self._good[secret] = False

    def judge_secret(self, secret: str) -> Verdict:
        """What Entra says about a secret."""
        for known, good in self._good.items():
            if hmac.compare_digest(known.encode(), secret.encode()):
                return "good" if good else "expired"
        return "wrong"

    def add_certificate(self, pem: bytes) -> RegisteredCertificate:
        """Register the first certificate of ``pem``."""
        registered = RegisteredCertificate(x509.load_pem_x509_certificate(pem))
        self.certificates.append(registered)
        return registered

    def trust(self, issuer: str, subject: str, audience: str) -> FederatedCredential:
        """Add a federated credential."""
        credential = FederatedCredential(issuer, subject, audience)
        self.federated.append(credential)
        return credential


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
