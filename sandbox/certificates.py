"""Certificates: of the sandbox's own authority, since MSAL insists on https, and such as a bot signs in by."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID


def server_tls(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """TLS for localhost and 127.0.0.1, and the PEM file in ``directory`` with which clients trust it."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    ca_file = directory / "sandbox-ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return context, ca_file


@dataclass(frozen=True)
class BotCertificate:
    """A self-signed certificate with its key, such as an administrator makes for an app registration."""

    key: RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate

    @classmethod
    def issue(cls, *, days: float = 365, key: RSAPrivateKey | None = None) -> BotCertificate:
        """A new one that ends in so many days; it began a year before that. Making a key takes a while."""
        key = key or generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bot.contoso.example")])
        end = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        unsigned = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - dt.timedelta(days=365))
            .not_valid_after(end)
        )
        return cls(key, unsigned.sign(key, SHA256()))

    @property
    def public_pem(self) -> bytes:
        """What is uploaded to the app registration."""
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self, password: str = "") -> bytes:
        """The private key."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, _encryption(password))

    def pem(self, password: str = "") -> bytes:
        """Key and certificate in one file."""
        return self.key_pem(password) + self.public_pem

    def pfx(self, password: str = "") -> bytes:
        """The same as PKCS #12."""
        return pkcs12.serialize_key_and_certificates(b"bot", self.key, self.certificate, None, _encryption(password))


def _encryption(password: str) -> KeySerializationEncryption:
    return BestAvailableEncryption(password.encode()) if password else NoEncryption()
