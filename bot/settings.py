"""Settings from the environment and a ``.env`` file, prefix ``MFABOT_``. Complete or the bot does not start."""

from __future__ import annotations

import re
import sqlite3
import ssl
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from bot.credential_files import read_certificate, read_secret
from bot.errors import SettingsError
from bot.mfa import DefaultMethod, Policy, TenantId

__all__ = [
    "CREDENTIALS",
    "Cloud",
    "Pace",
    "RecordSettings",
    "Settings",
    "is_loopback",
    "load_record_settings",
    "load_settings",
]

PREFIX = "MFABOT_"

CREDENTIALS = ("client_secret", "client_secret_path", "certificate_path", "managed_identity_client_id")
"""The settings of which exactly one is to be set."""


class Cloud(NamedTuple):
    """The endpoints of one Microsoft cloud.

    Sources: https://learn.microsoft.com/graph/deployments,
    https://learn.microsoft.com/azure/bot-service/how-to-deploy-gov-cloud-high
    """

    login_url: str
    graph_url: str
    channel_openid_url: str
    channel_issuer: str
    channel_scope: str
    service_url_hosts: tuple[str, ...]


_CLOUDS = {
    "public": Cloud(
        "https://login.microsoftonline.com",
        "https://graph.microsoft.com",
        "https://login.botframework.com/v1/.well-known/openidconfiguration",
        "https://api.botframework.com",
        "https://api.botframework.com/.default",
        ("smba.trafficmanager.net", "botframework.com", "smba.infra.gcc.teams.microsoft.com"),
    ),
    "usgov": Cloud(
        "https://login.microsoftonline.us",
        "https://graph.microsoft.us",
        "https://login.botframework.azure.us/v1/.well-known/openidconfiguration",
        "https://api.botframework.us",
        "https://api.botframework.us/.default",
        ("smba.infra.gov.teams.microsoft.us", "botframework.azure.us"),
    ),
    "usgov-dod": Cloud(
        "https://login.microsoftonline.us",
        "https://dod-graph.microsoft.us",
        "https://login.botframework.azure.us/v1/.well-known/openidconfiguration",
        "https://api.botframework.us",
        "https://api.botframework.us/.default",
        ("smba.infra.dod.teams.microsoft.us", "botframework.azure.us"),
    ),
    "china": Cloud(
        "https://login.partner.microsoftonline.cn",
        "https://microsoftgraph.chinacloudapi.cn",
        "https://login.botframework.azure.cn/v1/.well-known/openidconfiguration",
        "https://api.botframework.azure.cn",
        "https://api.botframework.azure.cn/.default",
        ("botframework.azure.cn",),
    ),
}

# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
_TOKEN_EXCHANGE_AUDIENCES = {
    "public": "api://AzureADTokenExchange",
    "usgov": "api://AzureADTokenExchangeUSGov",
    "usgov-dod": "api://AzureADTokenExchangeUSGov",
    "china": "api://AzureADTokenExchangeChina",
}

_HOST_SUFFIX = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")

_POSTGRESQL_OPTIONS = frozenset(
    {
        "database",
        "direct_tls",
        "gsslib",
        "host",
        "krbsrvname",
        "passfile",
        "password",
        "port",
        "prepared_statement_cache_size",
        "service",
        "servicefile",
        "ssl",
        "target_session_attrs",
        "user",
    }
)
"""What asyncpg takes as text, and what SQLAlchemy makes a number of. Time-outs are the bot's own."""

_SQLITE_OPTIONS = frozenset(
    {"cached_statements", "check_same_thread", "detect_types", "isolation_level", "timeout", "uri"}
)
_SQLITE_URI_OPTIONS = frozenset({"cache", "immutable", "mode", "modeof", "nolock", "psow", "vfs"})
"""https://www.sqlite.org/uri.html; only with ``uri=true``."""

_Kind = TypeVar("_Kind", bound="RecordSettings")
_Words = Annotated[tuple[str, ...], NoDecode]


class RecordSettings(BaseSettings):
    """Where the records are and how long they are kept: all that is needed to look at them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        extra="ignore",
        frozen=True,
        # A blank line in a file is a setting that is not set.
        env_ignore_empty=True,
        # The text of a validation error would show the wrong value, and that may be a secret.
        hide_input_in_errors=True,
    )

    database_url: str = "sqlite+aiosqlite:///mfabot.db"
    audit_retention_days: int = Field(default=0, ge=0)
    """0 keeps the audit trail for ever."""

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        try:
            url = make_url(value)
        except (ArgumentError, ValueError):
            raise ValueError("is not an address of a database") from None
        if url.drivername not in {"sqlite+aiosqlite", "postgresql+asyncpg"} or not (url.database or url.host):
            raise ValueError("must start with sqlite+aiosqlite:/// or postgresql+asyncpg://")
        if "sslmode" in url.query:
            raise ValueError("must say ssl=require (or verify-full), not sslmode=")
        if url.drivername.startswith("sqlite") and (
            url.host
            or url.username
            or not url.database
            or ":memory:" in url.database
            or url.query.get("mode") == "memory"
        ):
            raise ValueError("must name a file behind sqlite+aiosqlite:///; records in memory would be lost")
        if (wrong := _wrong_option(url)) is not None:
            raise ValueError(f"has an option that can not be set there, or not to this value: {wrong}=")
        return value


class Settings(RecordSettings):
    """All settings. Names in the environment are these in upper case with the prefix ``MFABOT_``."""

    app_id: UUID
    tenant_id: UUID
    client_secret_path: Path | None = None
    certificate_password: SecretStr | None = None
    certificate_path: Path | None = Field(default=None, validate_default=True)
    managed_identity_client_id: UUID | None = None
    client_secret: SecretStr | None = Field(default=None, validate_default=True)
    """The last of the credentials, since its check looks at them all."""
    public_url: str
    host: str = "0.0.0.0"  # noqa: S104  the bot serves the network; the sandbox sets 127.0.0.1
    port: int = Field(default=3978, ge=0, le=65535)
    admin_host: str = "127.0.0.1"
    admin_port: int = Field(default=3979, ge=0, le=65535)
    cloud: Literal["public", "usgov", "usgov-dod", "china"] = "public"
    login_url: str = ""
    graph_url: str = ""
    channel_openid_url: str = ""
    channel_issuer: str = ""
    channel_scope: str = ""
    service_url_hosts: _Words = ()
    limit_self_per_hour: int = Field(default=10, ge=1)
    limit_agent_per_hour: int = Field(default=60, ge=1)
    limit_target_per_hour: int = Field(default=3, ge=1)
    allowed_methods: Annotated[frozenset[DefaultMethod], NoDecode] = frozenset(DefaultMethod)
    read_only: bool = False
    helpdesk_contact: str = Field(default="", max_length=300)
    """Shown where only a person can help: a text, or a link (https:// or mailto:)."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    ssl_cert_file: Path | None = Field(default=None, validation_alias=AliasChoices("SSL_CERT_FILE", "ssl_cert_file"))
    requests_ca_bundle: Path | None = Field(
        default=None, validation_alias=AliasChoices("REQUESTS_CA_BUNDLE", "requests_ca_bundle")
    )

    @field_validator("service_url_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        hosts = tuple(_split(value.lower()))
        if not all(_HOST_SUFFIX.fullmatch(host) or is_loopback(host) for host in hosts):
            raise ValueError("is not a list of host names with at least one dot each")
        return hosts

    @field_validator("allowed_methods", mode="before")
    @classmethod
    def _split_methods(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if not _split(value):
            # Taken at its word it would forbid all six without a sound; READ_ONLY says that better.
            raise ValueError("names no method")
        return frozenset(_split(value))

    @field_validator(*CREDENTIALS, "certificate_password", mode="before")
    @classmethod
    def _blank_is_not_set(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("client_secret_path")
    @classmethod
    def _holds_a_secret(cls, value: Path | None) -> Path | None:
        if value is not None:
            read_secret(value)
        return value

    @field_validator("certificate_path")
    @classmethod
    def _holds_a_certificate(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is not None:
            read_certificate(value, info.data.get("certificate_password"))
        return value

    @field_validator("client_secret")
    @classmethod
    def _one_credential(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        # What is not in ``data`` was set, but wrong; that has its own complaint.
        others = [name for name in CREDENTIALS[1:] if info.data.get(name, "wrong") is not None]
        chosen = ["client_secret"] * (value is not None) + others
        if len(chosen) > 1:
            raise _complain(chosen, "are set together; exactly one credential must be set")
        if info.data.get("certificate_password") and "certificate_path" not in chosen:
            raise _complain(["certificate_password"], f"is set, but {PREFIX}CERTIFICATE_PATH is missing")
        if not chosen:
            names = ", ".join(PREFIX + name.upper() for name in CREDENTIALS[1:])
            raise ValueError(f"is missing, and so are {names}; exactly one of the four must be set")
        return value

    @field_validator("public_url", "graph_url", "channel_openid_url")
    @classmethod
    def _https_or_loopback(cls, value: str) -> str:
        if value and not _is_safe_url(value):
            raise ValueError("must be an https:// address (http:// only on this machine)")
        return value.rstrip("/")

    @field_validator("public_url")
    @classmethod
    def _origin_only(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.path or parts.query or parts.fragment or parts.username:
            raise ValueError("must be an origin, such as https://bot.example, without anything behind it")
        return value

    @field_validator("login_url")
    @classmethod
    def _https_only(cls, value: str) -> str:
        if value and not (_is_safe_url(value) and value.startswith("https://")):
            raise ValueError("must be an https:// address")
        return value.rstrip("/")

    @field_validator("ssl_cert_file", "requests_ca_bundle")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("names a file that does not exist")
        return value

    @model_validator(mode="after")
    def _fill_endpoints(self) -> Settings:
        """What is not set comes from the cloud; frozen fields are filled before anybody can have read them."""
        for name, value in _CLOUDS[self.cloud]._asdict().items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)
        return self

    @property
    def tenant(self) -> TenantId:
        """The one tenant that is served, as it is written in tokens."""
        return TenantId(str(self.tenant_id))

    @property
    def client_id(self) -> str:
        """The bot's application id, as it is written in tokens."""
        return str(self.app_id)

    @property
    def ca_file(self) -> Path | None:
        """A private certificate authority for all outgoing calls, by whichever name it was set."""
        return self.ssl_cert_file or self.requests_ca_bundle

    @property
    def policy(self) -> Policy:
        """What the organisation allows."""
        return Policy(self.allowed_methods, self.read_only)

    @property
    def in_known_cloud(self) -> bool:
        """False for a login host that MSAL must not look up in Microsoft's instance discovery."""
        return self.login_url in {cloud.login_url for cloud in _CLOUDS.values()}

    @property
    def token_exchange_audience(self) -> str:
        """For whom a managed identity's token has to be that stands for the bot's credential, in this cloud."""
        return _TOKEN_EXCHANGE_AUDIENCES[self.cloud]

    def ssl_context(self) -> ssl.SSLContext:
        """TLS for aiohttp; with a private certificate authority where one is set."""
        return ssl.create_default_context(cafile=self.ca_file)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds. Fixed in production; tests scale them down.

    An invoke is given up after 10 to 15 s and some clients repeat it after 5, hence 4 and 8
    (https://learn.microsoft.com/azure/bot-service/bot-builder-howto-long-operations-guidance).
    """

    typing_after_s: float = 1.0
    press_answer_s: float = 3.5
    turn_limit_s: float = 8.0
    connect_s: float = 2.0
    call_s: float = 4.0
    call_budget_s: float = 6.0
    sign_in_s: float = 6.0
    reread_pauses_s: tuple[float, ...] = (0.0, 0.5, 1.0)
    first_retry_s: float = 0.3
    key_reload_s: float = 60.0
    shutdown_s: float = 20.0
    exchange_grace_s: float = 2.0
    store_pauses_s: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
    claim_s: float = 8.0
    duplicate_wait_s: float = 3.0
    duplicate_poll_s: float = 0.25
    housekeeping_s: float = 60.0
    renew_after_s: float = 30.0
    credential_look_s: float = 2.0
    expiry_look_s: float = 24 * 3600.0
    neighbours_s: float = 5.0


def load_settings(**overrides: object) -> Settings:
    """Settings from environment and ``.env``; ``overrides`` (field names) win.

    Raises:
        SettingsError: its text names every setting that is missing or wrong, and no value.
    """
    return _load(Settings, overrides)


def load_record_settings(**overrides: object) -> RecordSettings:
    """The settings of the records alone; arguments and errors as ``load_settings``."""
    return _load(RecordSettings, overrides)


def _load(kind: type[_Kind], overrides: dict[str, object]) -> _Kind:
    try:
        return kind(**overrides)  # type: ignore[arg-type]  # the values are validated, that is the point
    except ValidationError as error:
        lines = [f"  {_setting_names(item)}: {_complaint(item)}" for item in error.errors()]
        raise SettingsError("\n" + "\n".join(lines)) from None


def _wrong_option(url: URL) -> str | None:
    """The first option behind the ``?`` with which no connection can be made; None if all are good."""
    is_good = _is_good_for_sqlite if url.get_backend_name() == "sqlite" else _is_good_for_postgresql
    return next((name for name in url.query if not is_good(url, name)), None)


def _is_good_for_postgresql(url: URL, name: str) -> bool:
    several_hosts = {"host", "port"}
    if name not in _POSTGRESQL_OPTIONS or (name not in several_hosts and not isinstance(url.query[name], str)):
        return False
    together = several_hosts if name in several_hosts else {name}
    try:
        _, options = url.get_dialect()().create_connect_args(_only_with(url, together))
    except (ArgumentError, ValueError):
        return False
    # A negative size makes SQLAlchemy's cache hang.
    return int(options.get("prepared_statement_cache_size", 0)) >= 0


def _is_good_for_sqlite(url: URL, name: str) -> bool:
    if name not in _SQLITE_OPTIONS | _SQLITE_URI_OPTIONS or not isinstance(url.query[name], str):
        return False
    try:
        _, options = url.get_dialect()().create_connect_args(_only_with(url, {name} & _SQLITE_OPTIONS or {"uri"}))
        # Only the driver itself knows what numbers it can hold.
        sqlite3.connect(":memory:", **options).close()
    except (ValueError, OverflowError, sqlite3.Error):
        return False
    return name in _SQLITE_OPTIONS or bool(options.get("uri"))


def _only_with(url: URL, names: Set[str]) -> URL:
    return url.set(query={name: value for name, value in url.query.items() if name in names})


def is_loopback(host: str | None) -> bool:
    """True for names and addresses of this machine."""
    return host in {"localhost", "127.0.0.1", "::1"}


def _is_safe_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def _split(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]


def _complain(fields: list[str], complaint: str) -> PydanticCustomError:
    """A complaint about other fields than the one that is being looked at."""
    return PydanticCustomError("settings", "{complaint}", {"complaint": complaint, "fields": fields})


def _setting_names(item: object) -> str:
    assert isinstance(item, dict)
    fields = item["ctx"]["fields"] if item["type"] == "settings" else item["loc"][:1]
    return ", ".join(_setting_name(str(field)) for field in fields)


def _setting_name(name: str) -> str:
    return name if name in {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"} else f"{PREFIX}{name.upper()}"


def _complaint(item: object) -> str:
    assert isinstance(item, dict)
    return "is missing" if item["type"] == "missing" else str(item["msg"]).removeprefix("Value error, ")
