"""Secrets and certificates in files: which are good, and what the operator reads about those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr

from bot.credential_files import read_certificate, read_secret
from sandbox.certificates import BotCertificate

PASSWORD = "pass-word-of-the-file"
SECRET = "s3cr3t-that-nobody-may-see"


@pytest.fixture(scope="session")
def good() -> BotCertificate:
    """A certificate, made once: that takes a while."""
    return BotCertificate.issue()


@pytest.fixture(scope="session")
def other() -> BotCertificate:
    """Another one, with another key."""
    return BotCertificate.issue()


def read(path: Path, content: bytes, password: str = "") -> str:
    """The thumbprint of what is in a file with that content."""
    path.write_bytes(content)
    return read_certificate(path, SecretStr(password) if password else None).thumbprint


def complaint(path: Path, content: bytes, password: str = "") -> str:
    """What is complained about; it never shows what is in the file."""
    with pytest.raises(ValueError, match="names a") as caught:
        read(path, content, password)
    assert not caught.value.__cause__
    assert "PRIVATE KEY" not in str(caught.value)
    assert not password or password not in str(caught.value)
    return str(caught.value)


def test_every_format_gives_the_same_certificate(tmp_path: Path, good: BotCertificate, other: BotCertificate) -> None:
    """PEM with the key first or last, with a chain in any order, PFX; with and without a password."""
    files = [
        (good.pem(), ""),
        (good.pem(PASSWORD), PASSWORD),
        (good.public_pem + good.key_pem(), ""),
        (other.public_pem + good.pem(), ""),
        (good.pem() + other.public_pem, ""),
        (b"Bag Attributes\r\n" + good.pem().replace(b"\n", b"\r\n"), ""),
        (good.pfx(), ""),
        (good.pfx(PASSWORD), PASSWORD),
    ]
    assert 1 == len({read(tmp_path / "file", content, password) for content, password in files})


def test_what_is_wrong_with_a_certificate_is_said(tmp_path: Path, good: BotCertificate, other: BotCertificate) -> None:
    """Each mistake has its own sentence."""
    path = tmp_path / "file"
    expired, future = (BotCertificate.issue(days=days, key=good.key) for days in (-1, 400))
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505  a short one is what is tested
    assert "without a private key" in complaint(path, good.public_pem)
    assert "without a certificate" in complaint(path, good.key_pem())
    assert "does not belong" in complaint(path, good.key_pem() + other.public_pem)
    assert "needs MFABOT_CERTIFICATE_PASSWORD" in complaint(path, good.pem(PASSWORD))
    assert "this password does not open" in complaint(path, good.pem(PASSWORD), "another-password")
    assert "has no password" in complaint(path, good.pem(), PASSWORD)
    assert "neither PEM nor PFX" in complaint(path, good.pfx(PASSWORD), "another-password")
    assert "neither PEM nor PFX" in complaint(path, good.pfx(PASSWORD))
    assert "neither PEM nor PFX" in complaint(path, b"")
    assert "neither PEM nor PFX" in complaint(path, b"\x00\xff" * 100)
    assert "damaged" in complaint(path, good.pem()[:200] + good.public_pem)
    assert "damaged" in complaint(path, good.key_pem() + good.public_pem.replace(b"M", b"!"))
    assert "expired on 20" in complaint(path, expired.pem())
    assert "not valid before 20" in complaint(path, future.pem())
    assert "RSA key of 2048 bits" in complaint(path, curve + good.public_pem)
    assert "RSA key of 2048 bits" in complaint(path, BotCertificate.issue(key=short).pem())
    assert "too large" in complaint(path, b" " * 2_000_000)


def test_neither_key_nor_certificate_is_shown(tmp_path: Path, good: BotCertificate) -> None:
    """A certificate may be logged by mistake."""
    (tmp_path / "file").write_bytes(good.pem())
    shown = repr(read_certificate(tmp_path / "file", None))
    assert [] == [word for word in ("PRIVATE", "BEGIN", "RSAPrivateKey") if word in shown]


@pytest.mark.parametrize("content", [SECRET, f"{SECRET}\n", f" {SECRET}\r\n\r\n", f"\ufeff{SECRET}"], ids=repr)
def test_a_secret_is_read_without_what_surrounds_it(tmp_path: Path, content: str) -> None:
    """Blanks, line ends and a byte order mark are no part of it; it is not shown."""
    (tmp_path / "file").write_text(content, encoding="utf-8", newline="")
    secret = read_secret(tmp_path / "file")
    assert SECRET == secret.get_secret_value()
    assert SECRET not in repr(secret)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b" \n", "empty"), (f"{SECRET} {SECRET}".encode(), "more in it"), (b"\xff\xfe\x00", "not text")],
)
def test_what_is_wrong_with_a_secret_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    """The complaint does not show the content, neither by its text nor by its chain."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=said) as caught:
        read_secret(tmp_path / "file")
    assert SECRET not in str(caught.value)
    assert not caught.value.__cause__


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """So is a folder in its place."""
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ValueError, match="does not exist"):
            read_secret(path)
