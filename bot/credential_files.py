"""The bot's secret or certificate as it lies in a file: read, checked, and complained about without showing it.

A ``ValueError`` of this module is a complaint for the operator: it says what is wrong with the file, and never what
is in it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs12
from pydantic import SecretStr

__all__ = ["Certificate", "read_certificate", "read_secret"]

_MAX_BYTES = 1024 * 1024
_MIN_KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, good at the time of reading. Equal to another one with the same certificate."""

    thumbprint: str
    """SHA-256 in hexadecimal."""
    pem: str = field(repr=False, compare=False)
    key: RSAPrivateKey = field(repr=False, compare=False)
    expires_at: dt.datetime


def read_secret(path: Path) -> SecretStr:
    """The client secret that is all there is in the file, without blanks and line ends around it.

    Raises:
        ValueError: a complaint.
    """
    try:
        # Windows' editors begin a file with a byte order mark.
        secret = _content(path).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError("names a file that is not text") from None
    if not secret:
        raise ValueError("names an empty file")
    if len(secret.split()) > 1:
        raise ValueError("names a file with more in it than one secret")
    return SecretStr(secret)


def read_certificate(path: Path, password: SecretStr | None) -> Certificate:
    """The certificate with its private key from a PEM file (in any order, with or without a chain) or a PFX file.

    Raises:
        ValueError: a complaint; also about one that has expired, since Entra would refuse it.
    """
    content = _content(path)
    secret = password.get_secret_value().encode() if password else None
    key, found = _from_pem(content, secret) if b"-----BEGIN " in content else _from_pfx(content, secret)
    if not isinstance(key, RSAPrivateKey) or key.key_size < _MIN_KEY_BITS:
        # https://learn.microsoft.com/entra/identity-platform/certificate-credentials
        raise ValueError(f"names a file whose key is not an RSA key of {_MIN_KEY_BITS} bits or more")
    certificate = next((one for one in found if one.public_key() == key.public_key()), None)
    if certificate is None:
        raise ValueError("names a file whose key does not belong to the certificate in it")
    _check_time(certificate)
    pem = certificate.public_bytes(Encoding.PEM).decode()
    return Certificate(certificate.fingerprint(SHA256()).hex(), pem, key, certificate.not_valid_after_utc)


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ValueError("names a file that does not exist")
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"names a file that can't be read ({type(error).__name__})") from None
    if len(content) > _MAX_BYTES:
        raise ValueError("names a file that is too large")
    return content


def _from_pem(content: bytes, password: bytes | None) -> tuple[object, list[x509.Certificate]]:
    if b"PRIVATE KEY-----" not in content:
        raise ValueError("names a file without a private key")
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise ValueError("names a file without a certificate")
    try:
        return load_pem_private_key(content, password), x509.load_pem_x509_certificates(content)
    except TypeError:
        # The one error of this type: a password for a key without one, or none for a key that has one.
        raise ValueError(_password_complaint(password)) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("names a file that is damaged, or whose private key this password does not open") from None


def _password_complaint(password: bytes | None) -> str:
    if password is None:
        return "names a file whose private key needs MFABOT_CERTIFICATE_PASSWORD"
    return "names a file whose private key has no password, but MFABOT_CERTIFICATE_PASSWORD is set"


def _from_pfx(content: bytes, password: bytes | None) -> tuple[object, list[x509.Certificate]]:
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("names a file that is neither PEM nor PFX, or that this password does not open") from None
    if key is None:
        raise ValueError("names a file without a private key")
    found = [one for one in (certificate, *others) if one is not None]
    if not found:
        raise ValueError("names a file without a certificate")
    return key, found


def _check_time(certificate: x509.Certificate) -> None:
    now = dt.datetime.now(dt.UTC)
    if certificate.not_valid_after_utc <= now:
        raise ValueError(f"names a certificate that expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if certificate.not_valid_before_utc > now:
        raise ValueError(f"names a certificate that is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}")
