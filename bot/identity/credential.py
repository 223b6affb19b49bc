"""The bot's own credential, as MSAL wants it: a secret, a certificate, or a managed identity that vouches for the bot.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow and, for what MSAL takes,
https://learn.microsoft.com/python/api/msal/msal.application.confidentialclientapplication
"""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from pydantic import SecretStr

from bot.credential_files import Certificate, read_certificate, read_secret
from bot.errors import BotMisconfigured
from bot.identity.managed_identity import ManagedIdentity
from bot.identity.watched_file import WatchedFile
from bot.settings import PREFIX, Pace, Settings

__all__ = ["Credential", "credential_for"]


class Credential(Protocol):
    """What the bot proves by that it is the bot."""

    changes: bool
    """False if looking at it again is no use."""

    def for_msal(self) -> object:
        """``client_credential`` for MSAL; the very same object as long as nothing has changed. Call it in a thread.

        Raises:
            BotMisconfigured: there is none that could be used.
        """

    def expires_at(self) -> dt.datetime | None:
        """When it stops to be good, where that is known. Call it in a thread; raises as ``for_msal``."""

    def close(self) -> None:
        """Let go of connections."""


def credential_for(settings: Settings, pace: Pace) -> Credential:
    """The one credential that is set."""
    if settings.client_secret_path is not None:
        return _Secret(WatchedFile(settings.client_secret_path, f"{PREFIX}CLIENT_SECRET_PATH", read_secret))
    if settings.certificate_path is not None:
        password = settings.certificate_password
        setting = f"{PREFIX}CERTIFICATE_PATH"
        return _Certificate(
            WatchedFile(settings.certificate_path, setting, lambda path: read_certificate(path, password))
        )
    if settings.managed_identity_client_id is not None:
        identity = str(settings.managed_identity_client_id)
        return _Federated(ManagedIdentity(identity, settings.token_exchange_audience, (pace.connect_s, pace.call_s)))
    if settings.client_secret is None:
        raise BotMisconfigured("no credential is set")
    return _Secret(settings.client_secret)


class _Secret:
    """A client secret, from the environment or from a file."""

    def __init__(self, source: SecretStr | WatchedFile[SecretStr]) -> None:
        self._source = source
        self.changes = isinstance(source, WatchedFile)

    def for_msal(self) -> object:
        secret = self._source.latest() if isinstance(self._source, WatchedFile) else self._source
        return secret.get_secret_value()

    def expires_at(self) -> dt.datetime | None:
        """Only Entra knows."""
        return None

    def close(self) -> None:
        """There is nothing to close."""


class _Certificate:
    """A certificate with its private key, from a file."""

    changes = True

    def __init__(self, file: WatchedFile[Certificate]) -> None:
        self._file = file
        self._given: tuple[Certificate, dict[str, object]] | None = None

    def for_msal(self) -> object:
        """With the certificate instead of a thumbprint MSAL signs by PS256, names it by SHA-256, and sends it along.

        https://learn.microsoft.com/entra/identity-platform/certificate-credentials
        """
        certificate = self._file.latest()
        if self._given is None or self._given[0] is not certificate:
            self._given = certificate, {"private_key": certificate.key, "public_certificate": certificate.pem}
        return self._given[1]

    def expires_at(self) -> dt.datetime | None:
        """The end of the certificate that is in use."""
        return self._file.latest().expires_at

    def close(self) -> None:
        """There is nothing to close."""


class _Federated:
    """A managed identity whose token stands for a secret of the app registration."""

    changes = False

    def __init__(self, identity: ManagedIdentity) -> None:
        self._identity = identity
        self._given = {"client_assertion": identity.assertion}

    def for_msal(self) -> object:
        """MSAL asks for the assertion in the thread in which it is about to ask Entra."""
        return self._given

    def expires_at(self) -> dt.datetime | None:
        """The platform renews it."""
        return None

    def close(self) -> None:
        self._identity.close()
