"""Settings: complete or the bot does not start; endpoints by cloud; no secret in a message."""

from __future__ import annotations

import itertools
import os
import ssl
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.mfa import DefaultMethod, Policy
from bot.settings import CREDENTIALS, is_loopback, load_record_settings, load_settings
from sandbox.certificates import BotCertificate

APP_ID = "11111111-2222-3333-4444-555555555555"
TENANT_ID = "99999999-8888-7777-6666-aaaaaaaaaaaa"
SECRET = "s3cr3t-that-nobody-may-see"
COMPLETE = {
    "MFABOT_APP_ID": APP_ID,
    "MFABOT_TENANT_ID": TENANT_ID,
    "MFABOT_CLIENT_SECRET": SECRET,
    "MFABOT_PUBLIC_URL": "https://bot.example.com",
}


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the machine's environment nor a .env file of the project takes part."""
    for name in list(os.environ):
        if name.upper().startswith("MFABOT_") or name.upper() in {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CA_FILE"}:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with all that is required."""
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def complaint() -> str:
    """What the operator reads when the bot does not start."""
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


def test_all_missing_settings_are_named_at_once() -> None:
    """An operator who starts with nothing reads the whole list, not one name after the other."""
    message = complaint()
    assert list(COMPLETE) == [name for name in COMPLETE if f"{name}: is missing" in message]


@pytest.mark.parametrize("name", COMPLETE)
def test_one_missing_setting_is_named_alone(environment: pytest.MonkeyPatch, name: str) -> None:
    """Only what is missing is named."""
    environment.delenv(name)
    assert [name] == [other for other in COMPLETE if other in complaint()]


@pytest.mark.parametrize("name", COMPLETE)
def test_an_empty_setting_is_as_good_as_missing(environment: pytest.MonkeyPatch, name: str) -> None:
    """``MFABOT_X=`` in a file stops the start as well, and is named."""
    environment.setenv(name, "")
    assert name in complaint()


def test_missing_and_wrong_settings_are_named_together(environment: pytest.MonkeyPatch) -> None:
    """One start tells everything that is to be done."""
    environment.delenv("MFABOT_APP_ID")
    environment.setenv("MFABOT_PORT", "70000")
    environment.setenv("MFABOT_CLOUD", "mars")
    named = ["MFABOT_APP_ID", "MFABOT_PORT", "MFABOT_CLOUD"]
    assert named == [name for name in named if name in complaint()]


@pytest.mark.parametrize(
    "name",
    [
        "MFABOT_APP_ID", "MFABOT_TENANT_ID", "MFABOT_PUBLIC_URL", "MFABOT_PORT", "MFABOT_CLOUD", "MFABOT_LOGIN_URL",
        "MFABOT_GRAPH_URL", "MFABOT_CHANNEL_OPENID_URL", "MFABOT_ALLOWED_METHODS", "MFABOT_READ_ONLY",
        "MFABOT_DATABASE_URL", "MFABOT_LOG_LEVEL", "MFABOT_LOG_FORMAT", "MFABOT_AUDIT_RETENTION_DAYS",
        "MFABOT_LIMIT_SELF_PER_HOUR", "SSL_CERT_FILE",
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_but_never_shown(environment: pytest.MonkeyPatch, name: str) -> None:
    """A secret put into the wrong variable is not printed, neither in the message nor by the error's chain."""
    environment.setenv(name, SECRET)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert name in str(caught.value)
    assert SECRET not in f"{caught.value!r} {caught.value} {caught.value.facts}"
    assert caught.value.__suppress_context__


def test_a_good_secret_is_not_shown_with_another_mistake(environment: pytest.MonkeyPatch) -> None:
    """The message about one setting does not print the others."""
    environment.setenv("MFABOT_PORT", "none")
    assert SECRET not in complaint()


@pytest.mark.usefixtures("environment")
def test_the_secret_is_not_in_any_text_of_the_settings() -> None:
    """Settings may be logged by mistake; the secret is only where it is asked for."""
    settings = load_settings()
    assert SECRET not in f"{settings} {settings!r} {settings.model_dump_json()}"
    assert settings.client_secret is not None
    assert SECRET == settings.client_secret.get_secret_value()


GUID = "44444444-4444-4444-8444-444444444444"


@pytest.fixture(scope="session")
def certificate() -> BotCertificate:
    """A certificate, made once: that takes a while."""
    return BotCertificate.issue()


@pytest.fixture
def credentials(tmp_path: Path, certificate: BotCertificate) -> dict[str, str]:
    """A good value for each of the four."""
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    (tmp_path / "bot.pem").write_bytes(certificate.pem())
    return {
        "MFABOT_CLIENT_SECRET": SECRET,
        "MFABOT_CLIENT_SECRET_PATH": str(tmp_path / "secret"),
        "MFABOT_CERTIFICATE_PATH": str(tmp_path / "bot.pem"),
        "MFABOT_MANAGED_IDENTITY_CLIENT_ID": GUID,
    }


@pytest.fixture
def none_yet(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with all that is required but a credential."""
    environment.delenv("MFABOT_CLIENT_SECRET")
    return environment


def test_each_credential_is_enough(none_yet: pytest.MonkeyPatch, credentials: dict[str, str]) -> None:
    """With one of the four the settings are complete, however blank the others are."""
    for name, value in credentials.items():
        with none_yet.context() as here:
            for other in credentials:
                here.setenv(other, value if other == name else "  ")
            settings = load_settings()
        chosen = [field for field in CREDENTIALS if getattr(settings, field) is not None]
        assert [name.removeprefix("MFABOT_").lower()] == chosen


def test_two_credentials_stop_the_start(none_yet: pytest.MonkeyPatch, credentials: dict[str, str]) -> None:
    """Which one would count is not guessed: the message names those that are set, and no other."""
    for pair in itertools.combinations(credentials, 2):
        with none_yet.context() as here:
            for name in pair:
                here.setenv(name, credentials[name])
            message = complaint()
        assert f"{', '.join(pair)}: are set together" in message.replace("\n  ", "")


def test_no_credential_names_all_four(none_yet: pytest.MonkeyPatch, credentials: dict[str, str]) -> None:
    """The operator learns of the choice, together with whatever else is missing."""
    none_yet.delenv("MFABOT_APP_ID")
    assert [*credentials, "MFABOT_APP_ID"] == [name for name in [*credentials, "MFABOT_APP_ID"] if name in complaint()]


def test_a_password_needs_its_certificate(environment: pytest.MonkeyPatch) -> None:
    """A password beside a secret is a mistake; somebody thinks that the certificate counts."""
    environment.setenv("MFABOT_CERTIFICATE_PASSWORD", SECRET)
    message = complaint()
    assert "MFABOT_CERTIFICATE_PASSWORD: is set, but MFABOT_CERTIFICATE_PATH is missing" in message
    assert SECRET not in message


def test_a_password_opens_the_certificate(
    none_yet: pytest.MonkeyPatch, tmp_path: Path, certificate: BotCertificate
) -> None:
    """It is tried at the start, so that a wrong one is found then; neither is shown."""
    (tmp_path / "bot.pfx").write_bytes(certificate.pfx(SECRET))
    none_yet.setenv("MFABOT_CERTIFICATE_PATH", str(tmp_path / "bot.pfx"))
    none_yet.setenv("MFABOT_CERTIFICATE_PASSWORD", SECRET)
    assert SECRET not in f"{load_settings()!r} {load_settings().model_dump_json()}"
    none_yet.setenv("MFABOT_CERTIFICATE_PASSWORD", f"{SECRET}-not")
    message = complaint()
    assert "MFABOT_CERTIFICATE_PATH: names a file that is neither" in message
    assert SECRET not in message


@pytest.mark.parametrize("name", ["MFABOT_CLIENT_SECRET_PATH", "MFABOT_CERTIFICATE_PATH"])
def test_a_credential_file_that_is_no_good_stops_the_start(none_yet: pytest.MonkeyPatch, name: str) -> None:
    """The file is looked at before the bot serves; it is complained about once, and no other credential asked for."""
    none_yet.setenv(name, "/nowhere/credential")
    message = complaint()
    assert f"{name}: names a file that does not exist" in message
    assert 1 == len(message.strip().splitlines()) - 1


def test_a_managed_identity_is_a_guid(none_yet: pytest.MonkeyPatch) -> None:
    """Its name or resource id in place of the client id is found at the start."""
    none_yet.setenv("MFABOT_MANAGED_IDENTITY_CLIENT_ID", "my-identity")
    assert "MFABOT_MANAGED_IDENTITY_CLIENT_ID" in complaint()


@pytest.mark.usefixtures("environment")
def test_the_defaults_are_the_documented_ones() -> None:
    """With nothing but the required settings the bot serves the public cloud on 3978, metrics on this machine only."""
    settings = load_settings()
    assert ("0.0.0.0", 3978, "127.0.0.1", 3979) == (  # noqa: S104
        settings.host,
        settings.port,
        settings.admin_host,
        settings.admin_port,
    )
    assert ("https://login.microsoftonline.com", "https://graph.microsoft.com") == (
        settings.login_url,
        settings.graph_url,
    )
    assert ("sqlite+aiosqlite:///mfabot.db", "INFO", "json", None) == (
        settings.database_url,
        settings.log_level,
        settings.log_format,
        settings.ca_file,
    )
    assert Policy() == settings.policy


def test_ids_are_compared_as_tokens_write_them(environment: pytest.MonkeyPatch) -> None:
    """Ids in capital letters or braces are read as the lower-case GUIDs of the tokens."""
    environment.setenv("MFABOT_APP_ID", APP_ID.upper())
    environment.setenv("MFABOT_TENANT_ID", "{" + TENANT_ID.upper() + "}")
    settings = load_settings()
    assert (APP_ID, TENANT_ID) == (settings.client_id, settings.tenant)


@pytest.mark.parametrize("name", ["MFABOT_PUBLIC_URL", "MFABOT_GRAPH_URL", "MFABOT_CHANNEL_OPENID_URL"])
@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://bot.example.com", True),
        ("http://localhost:3978", True),
        ("http://127.0.0.1:3978", True),
        ("http://[::1]:3978", True),
        ("http://bot.example.com", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://127.0.0.1@example.com", False),
        ("http://192.168.0.7", False),
        ("http://0.0.0.0:3978", False),
        ("ftp://localhost", False),
        ("https://", False),
        ("//localhost", False),
        ("localhost:3978", False),
        ("https://[::1", False),
        ("javascript:alert(1)", False),
    ],
)
def test_http_is_for_this_machine_only(environment: pytest.MonkeyPatch, name: str, url: str, good: bool) -> None:
    """Addresses are https; plain http only for loopback, and not for names that merely look like it."""
    environment.setenv(name, url)
    if good:
        assert url == getattr(load_settings(), name.removeprefix("MFABOT_").lower())
    else:
        assert name in complaint()


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://login.example.com", "login.example.com", "https://"])
def test_the_login_address_is_https_without_exception(environment: pytest.MonkeyPatch, url: str) -> None:
    """MSAL insists on https also on this machine, so a wrong address is named at the start."""
    environment.setenv("MFABOT_LOGIN_URL", url)
    assert "MFABOT_LOGIN_URL" in complaint()


def test_a_slash_at_the_end_does_not_matter(environment: pytest.MonkeyPatch) -> None:
    """Paths are appended to addresses, so a slash at the end is taken off."""
    environment.setenv("MFABOT_PUBLIC_URL", "https://bot.example.com/")
    assert "https://bot.example.com" == load_settings().public_url


CLOUDS = {
    "public": (
        "https://login.microsoftonline.com",
        "https://graph.microsoft.com",
        "https://login.botframework.com/v1/.well-known/openidconfiguration",
        "https://api.botframework.com",
        "https://api.botframework.com/.default",
        "api://AzureADTokenExchange",
        {"smba.trafficmanager.net", "smba.infra.gcc.teams.microsoft.com"},
    ),
    "usgov": (
        "https://login.microsoftonline.us",
        "https://graph.microsoft.us",
        "https://login.botframework.azure.us/v1/.well-known/openidconfiguration",
        "https://api.botframework.us",
        "https://api.botframework.us/.default",
        "api://AzureADTokenExchangeUSGov",
        {"smba.infra.gov.teams.microsoft.us"},
    ),
    "usgov-dod": (
        "https://login.microsoftonline.us",
        "https://dod-graph.microsoft.us",
        "https://login.botframework.azure.us/v1/.well-known/openidconfiguration",
        "https://api.botframework.us",
        "https://api.botframework.us/.default",
        "api://AzureADTokenExchangeUSGov",
        {"smba.infra.dod.teams.microsoft.us"},
    ),
    "china": (
        "https://login.partner.microsoftonline.cn",
        "https://microsoftgraph.chinacloudapi.cn",
        "https://login.botframework.azure.cn/v1/.well-known/openidconfiguration",
        "https://api.botframework.azure.cn",
        "https://api.botframework.azure.cn/.default",
        "api://AzureADTokenExchangeChina",
        {"botframework.azure.cn"},
    ),
}
"""Login, Graph, the channel's keys, issuer and scope, the token exchange's audience, and hosts of replies.

Sources, in this order:
https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud (for China
https://docs.azure.cn/entra/identity-platform/authentication-national-cloud), https://learn.microsoft.com/graph/deployments,
https://learn.microsoft.com/azure/bot-service/how-to-deploy-gov-cloud-high (for China
https://docs.azure.cn/bot-service/how-to-deploy-china-cloud),
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity,
https://learn.microsoft.com/microsoftteams/platform/teams-sdk/essentials/app-configuration/sovereign-cloud
"""


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_cloud_sets_its_endpoints(environment: pytest.MonkeyPatch, cloud: str) -> None:
    """One word chooses all endpoints of a national cloud, each as Microsoft documents it."""
    environment.setenv("MFABOT_CLOUD", cloud)
    settings = load_settings()
    *endpoints, hosts = CLOUDS[cloud]
    assert endpoints == [
        settings.login_url,
        settings.graph_url,
        settings.channel_openid_url,
        settings.channel_issuer,
        settings.channel_scope,
        settings.token_exchange_audience,
    ]
    assert hosts <= set(settings.service_url_hosts)
    assert settings.in_known_cloud


@pytest.mark.parametrize("cloud", ["usgov", "usgov-dod", "china"])
def test_no_endpoint_of_a_national_cloud_is_a_public_one(environment: pytest.MonkeyPatch, cloud: str) -> None:
    """Nothing of a national cloud leaves for an endpoint of the public one."""
    names = (
        "login_url", "graph_url", "channel_openid_url", "channel_issuer", "channel_scope", "service_url_hosts",
        "token_exchange_audience",
    )  # fmt: skip
    public = load_settings()
    environment.setenv("MFABOT_CLOUD", cloud)
    national = load_settings()
    assert [] == [name for name in names if getattr(public, name) == getattr(national, name)]


def test_one_endpoint_can_be_set_alone(environment: pytest.MonkeyPatch) -> None:
    """What is set wins over the cloud, the rest stays; an own login host is not looked up in Microsoft's list."""
    environment.setenv("MFABOT_LOGIN_URL", "https://login.sandbox.example/")
    environment.setenv("MFABOT_SERVICE_URL_HOSTS", " a.example , b.example,, ")
    settings = load_settings()
    assert ("https://login.sandbox.example", False) == (settings.login_url, settings.in_known_cloud)
    assert (("a.example", "b.example"), "https://graph.microsoft.com") == (
        settings.service_url_hosts,
        settings.graph_url,
    )


def test_allowed_methods_are_a_list_with_commas(environment: pytest.MonkeyPatch) -> None:
    """Graph's names, separated by commas, with or without blanks."""
    environment.setenv("MFABOT_ALLOWED_METHODS", "push, oath ,voiceOffice")
    expected = {DefaultMethod.PUSH, DefaultMethod.OATH, DefaultMethod.VOICE_OFFICE}
    assert expected == load_settings().policy.allowed


@pytest.mark.parametrize("value", ["push,pigeon", "PUSH", "push;oath"])
def test_a_method_that_does_not_exist_stops_the_start(environment: pytest.MonkeyPatch, value: str) -> None:
    """A typing error does not silently forbid a method."""
    environment.setenv("MFABOT_ALLOWED_METHODS", value)
    assert "MFABOT_ALLOWED_METHODS" in complaint()


@pytest.mark.parametrize("value", ["", " ", ","])
def test_an_empty_list_of_methods_does_not_forbid_them_all(environment: pytest.MonkeyPatch, value: str) -> None:
    """A blank line in the file means the default, all six, or stops the start; it never locks everything in silence."""
    environment.setenv("MFABOT_ALLOWED_METHODS", value)
    try:
        allowed = load_settings().policy.allowed
    except SettingsError as error:
        assert "MFABOT_ALLOWED_METHODS" in str(error)  # noqa: PT017 -- either way is right
    else:
        assert frozenset(DefaultMethod) == allowed


@pytest.mark.parametrize(("value", "read_only"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_read_only(environment: pytest.MonkeyPatch, value: str, read_only: bool) -> None:
    """READ_ONLY reaches the policy."""
    environment.setenv("MFABOT_READ_ONLY", value)
    assert read_only is load_settings().policy.read_only


def some_ca() -> Path:
    """A file with certificates as every Python has one; its content does not matter here."""
    path = Path("ca.pem").absolute()
    path.write_text("", encoding="ascii")
    return path


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_private_ca_by_either_name(environment: pytest.MonkeyPatch, name: str) -> None:
    """The CA file is found under the names that OpenSSL and requests know."""
    ca = some_ca()
    environment.setenv(name, str(ca))
    assert ca == load_settings().ca_file


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_private_ca_from_the_file(name: str) -> None:
    """The CA file may stand in .env too, under its own name without the prefix."""
    ca = some_ca()
    Path(".env").write_text(f"{name}={ca}\n", encoding="utf-8")
    assert ca == load_settings().ca_file


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_ca_file_that_is_not_there_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    """A wrong path is found at the start, not at the first call, and named as the operator wrote it."""
    environment.setenv(name, "/nowhere/ca.pem")
    assert f"{name}: names a file that does not exist" in complaint()


@pytest.mark.usefixtures("environment")
def test_certificates_are_checked() -> None:
    """TLS verifies the other side and its name."""
    context = load_settings().ssl_context()
    assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)


def test_settings_from_the_file() -> None:
    """A .env file in the working folder is enough; names of others in it do not matter."""
    lines = [f"{name}={value}" for name, value in COMPLETE.items()]
    Path(".env").write_text("\n".join([*lines, "MFABOT_PORT=4000", "SOMETHING_ELSE=1"]), encoding="utf-8")
    settings = load_settings()
    assert (4000, APP_ID) == (settings.port, settings.client_id)


def test_the_environment_wins_over_the_file_and_an_argument_over_both(environment: pytest.MonkeyPatch) -> None:
    """What is nearer to the start of the process wins."""
    Path(".env").write_text("MFABOT_PORT=4000\nMFABOT_HOST=file.example\nMFABOT_ADMIN_PORT=1", encoding="utf-8")
    environment.setenv("MFABOT_PORT", "4001")
    environment.setenv("MFABOT_HOST", "environment.example")
    settings = load_settings(host="127.0.0.1")
    assert (1, 4001, "127.0.0.1") == (settings.admin_port, settings.port, settings.host)


@pytest.mark.usefixtures("environment")
def test_settings_are_fixed_after_the_start() -> None:
    """Nobody changes a setting of a running bot."""
    with pytest.raises(ValueError, match="frozen"):
        load_settings().read_only = True


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104 -- nothing is bound here
        ("example.com", False),
        (None, False),
    ],
)
def test_what_is_this_machine(host: str | None, local: bool) -> None:
    """Loopback is the name localhost and the two loopback addresses."""
    assert local is is_loopback(host)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:///mfabot.db",
        "sqlite+aiosqlite:////var/lib/mfabot/mfabot.db",
        "sqlite+aiosqlite:///file:/data/mfabot.db?mode=rw&uri=true",
        "postgresql+asyncpg://mfabot:s%40cret@db.example:5433/mfabot?ssl=verify-full",
        "postgresql+asyncpg:///mfabot?host=/var/run/postgresql",
        "postgresql+asyncpg:///mfabot?host=a:1&host=b:2&prepared_statement_cache_size=0&target_session_attrs=any",
        "sqlite+aiosqlite:///mfabot.db?timeout=5&cached_statements=200",
    ],
)
def test_the_address_of_a_database(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A file of SQLite or a PostgreSQL server, and nothing else is needed to look at the records."""
    monkeypatch.setenv("MFABOT_DATABASE_URL", url)
    assert (url, 0) == (load_record_settings().database_url, load_record_settings().audit_retention_days)


@pytest.mark.parametrize(
    "url",
    [
        "mfabot.db",
        "/var/lib/mfabot.db",
        "sqlite:///mfabot.db",
        "sqlite+pysqlite:///mfabot.db",
        "sqlite+aiosqlite:mfabot.db",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///",
        "sqlite+aiosqlite://mfabot.db",
        "sqlite+aiosqlite:///:memory:",
        "sqlite+aiosqlite:///:memory:?cache=shared",
        "sqlite+aiosqlite:///?timeout=3",
        "sqlite+aiosqlite:///file::memory:?uri=true",
        "sqlite+aiosqlite:///file:mfabot?mode=memory&uri=true",
        "postgres://db.example/mfabot",
        "postgresql://db.example/mfabot",
        "postgresql+psycopg://db.example/mfabot",
        "postgresql+asyncpg://",
        "postgresql+asyncpg://db.example:port/mfabot",
        "mysql+aiomysql://db.example/mfabot",
    ],
)
def test_an_address_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Another driver, half an address, or a database in memory that would lose the records, is named at the start."""
    monkeypatch.setenv("MFABOT_DATABASE_URL", url)
    with pytest.raises(SettingsError, match="MFABOT_DATABASE_URL"):
        load_record_settings()


@pytest.mark.parametrize("kind", ["sqlite+aiosqlite:////data/mfabot.db", "postgresql+asyncpg://db.example/mfabot"])
@pytest.mark.parametrize(
    "option",
    [
        "foo=1", "connect_timeout=5", "loop=1", "plugin=x", "statement_cache_size=0", "server_settings=x", "mode=ro",
        "port=x", "prepared_statement_cache_size=x", "prepared_statement_cache_size=-1", "user=a&user=b", "uri=x",
        "timeout=x", "timeout=1&timeout=2", "detect_types=99999999999999", "cached_statements=x",
    ],
)  # fmt: skip
def test_an_option_that_no_driver_takes_is_named(monkeypatch: pytest.MonkeyPatch, kind: str, option: str) -> None:
    """What would end the start in a stack trace, or be passed over without a word, is a complaint that names it."""
    monkeypatch.setenv("MFABOT_DATABASE_URL", f"{kind}?{option}")
    with pytest.raises(SettingsError, match=rf"MFABOT_DATABASE_URL: .*: {option.partition('=')[0]}=$"):
        load_record_settings()


def test_sslmode_has_a_message_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is what other drivers call it, so the complaint says what it is called here."""
    monkeypatch.setenv("MFABOT_DATABASE_URL", "postgresql+asyncpg://db.example/mfabot?sslmode=require")
    with pytest.raises(SettingsError, match="must say ssl=require"):
        load_record_settings()


LIMITS = {"MFABOT_LIMIT_SELF_PER_HOUR": 10, "MFABOT_LIMIT_AGENT_PER_HOUR": 60, "MFABOT_LIMIT_TARGET_PER_HOUR": 3}


@pytest.mark.parametrize("name", LIMITS)
def test_the_limits_of_an_hour(environment: pytest.MonkeyPatch, name: str) -> None:
    """Each has its documented number and can be set to any from one on; none would forbid everything."""
    field = name.removeprefix("MFABOT_").lower()
    numbers = [getattr(load_settings(), field)]
    for value in ("1", "1000"):
        environment.setenv(name, value)
        numbers.append(getattr(load_settings(), field))
    assert [LIMITS[name], 1, 1000] == numbers
    for value in ("0", "-1", "1.5", "many"):
        environment.setenv(name, value)
        assert name in complaint()


def test_how_long_the_trail_is_kept(environment: pytest.MonkeyPatch) -> None:
    """For ever unless set; in whole days, and never negative."""
    kept = [load_settings().audit_retention_days]
    environment.setenv("MFABOT_AUDIT_RETENTION_DAYS", "365")
    kept += [load_settings().audit_retention_days, load_record_settings().audit_retention_days]
    assert [0, 365, 365] == kept
    for value in ("-1", "0.5", "a year"):
        environment.setenv("MFABOT_AUDIT_RETENTION_DAYS", value)
        assert "MFABOT_AUDIT_RETENTION_DAYS" in complaint()


def test_looking_at_the_records_needs_nothing_but_their_place() -> None:
    """Neither the secret nor anything else of the bot is asked for; what is wrong is named all the same."""
    assert "sqlite+aiosqlite:///mfabot.db" == load_record_settings().database_url
    Path(".env").write_text("MFABOT_AUDIT_RETENTION_DAYS=30\nMFABOT_PORT=none", encoding="utf-8")
    assert 30 == load_record_settings().audit_retention_days
