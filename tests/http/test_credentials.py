"""The bot's own credential: every kind of it through real MSAL, replaced while the bot runs, and in trouble."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.errors import BotMisconfigured, Unavailable
from bot.identity import EntraClient
from bot.telemetry import configure_logging
from sandbox import Answer, Sandbox
from sandbox.certificates import BotCertificate
from sandbox.faults import identity, token
from tests.conftest import ADA, ALAN, GRACE, KATHERINE, NORA, PACE, Start, World, eventually, settings_for

PASSWORD = "pass-word-of-the-file"
SHOWN = "Your default sign-in method"
OFTEN = {"credential_look_s": 0.0}
SELDOM = {"credential_look_s": 3600.0}


@pytest.fixture(scope="session")
def certificates() -> list[BotCertificate]:
    """Two certificates, made once: that takes a while."""
    return [BotCertificate.issue(), BotCertificate.issue()]


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Give what was logged since the last time, as in production."""
    configure_logging("INFO", "json")
    yield lambda: capsys.readouterr().out
    structlog.reset_defaults()


def by_certificate(sandbox: Sandbox, path: Path, certificate: BotCertificate, kind: str) -> dict[str, Any]:
    """Settings for a registered certificate in a file of that kind."""
    sandbox.registration.add_certificate(certificate.public_pem)
    password = PASSWORD if "password" in kind else ""
    path.write_bytes(certificate.pfx(password) if "PFX" in kind else certificate.pem(password))
    return {"client_secret": None, "certificate_path": path, "certificate_password": password or None}


def by_secret_file(path: Path, secret: str) -> dict[str, Any]:
    """Settings for a secret in a file."""
    path.write_text(f"{secret}\n", encoding="utf-8")
    return {"client_secret": None, "client_secret_path": path}


def by_identity(sandbox: Sandbox, environment: pytest.MonkeyPatch, *, trusted: bool = True) -> dict[str, Any]:
    """Settings for a managed identity that is assigned to where the bot runs."""
    assigned = sandbox.identities.assign()
    if trusted:
        sandbox.identities.trust(assigned)
    for name, value in sandbox.identities.environment().items():
        environment.setenv(name, value)
    return {"client_secret": None, "managed_identity_client_id": assigned.client_id}


def client(sandbox: Sandbox, settings: dict[str, Any]) -> closing[EntraClient]:
    """Entra's client without a bot around it."""
    return closing(EntraClient(settings_for(sandbox, "sqlite+aiosqlite:///unused.db", **settings), PACE))


async def apology(world: World, oid: str) -> str:
    """Ask as the person; the reference number on the card that says that the bot is not set up correctly."""
    text = await world.read(oid, "show my methods")
    assert "I am not set up correctly" in text
    found = re.search(r"Reference: ([\w-]+)", text)
    assert found is not None
    return found[1]


def errors(log: str) -> str:
    """The lines that alert the operator."""
    return "\n".join(line for line in log.splitlines() if '"level": "error"' in line)


# Every kind.


@pytest.mark.parametrize("kind", ["PEM", "PEM with password", "PFX", "PFX with password"])
async def test_a_certificate_signs_the_bot_in(
    start: Start, sandbox: Sandbox, tmp_path: Path, certificates: list[BotCertificate], kind: str
) -> None:
    """Either format, with or without a password, serves for the bot's own token and on behalf of a person."""
    settings = by_certificate(sandbox, tmp_path / "certificate", certificates[0], kind)
    sandbox.registration.expire_secret(sandbox.client_secret)
    async with start(**settings) as world:
        assert SHOWN in await world.read(ADA, "show my methods")


async def test_a_secret_in_a_file_signs_the_bot_in(start: Start, sandbox: Sandbox, tmp_path: Path) -> None:
    """The line end of the file is not taken for a part of the secret."""
    async with start(**by_secret_file(tmp_path / "secret", sandbox.client_secret)) as world:
        assert SHOWN in await world.read(ADA, "show my methods")


async def test_a_managed_identity_signs_the_bot_in(
    start: Start, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity's token stands for a secret, for the bot's own token and for each person's; it is fetched once."""
    settings = by_identity(sandbox, monkeypatch)
    sandbox.registration.expire_secret(sandbox.client_secret)
    async with start(**settings) as world:
        for oid in (ADA, GRACE):
            assert SHOWN in await world.read(oid, "show my methods")
    (asked,) = sandbox.faults.seen(identity())
    expected = {"resource": "api://AzureADTokenExchange", "client_id": settings["managed_identity_client_id"]}
    assert expected == asked.detail


# Replaced while the bot runs.


async def test_a_new_secret_in_the_file_is_used_without_a_failed_turn(
    start: Start, sandbox: Sandbox, tmp_path: Path, pace: Any
) -> None:
    """Add the new one in Entra, write it to the file, remove the old one: nobody notices."""
    old, path = sandbox.client_secret, tmp_path / "secret"
    async with start(pace=pace(**OFTEN), **by_secret_file(path, old)) as world:
        for oid in (ADA, GRACE, KATHERINE, ALAN):
            world.client(oid).endpoints = 1
        assert SHOWN in await world.read(ADA, "show my methods")
        path.write_text(sandbox.registration.add_secret(), encoding="utf-8")
        assert SHOWN in await world.read(GRACE, "show my methods")
        sandbox.registration.expire_secret(old)
        for oid in (KATHERINE, ALAN):
            assert SHOWN in await world.read(oid, "show my methods")
    assert 4 == len(sandbox.faults.seen(token("jwt-bearer")))


async def test_a_refused_secret_is_read_anew_at_once(start: Start, sandbox: Sandbox, tmp_path: Path, pace: Any) -> None:
    """Between two looks at the file a refusal is reason enough to look; the person's turn does not fail."""
    old, path = sandbox.client_secret, tmp_path / "secret"
    async with start(pace=pace(**SELDOM), **by_secret_file(path, old)) as world:
        world.client(ADA).endpoints = 1
        path.write_text(sandbox.registration.add_secret(), encoding="utf-8")
        sandbox.registration.expire_secret(old)
        assert SHOWN in await world.read(ADA, "show my methods")
    assert 2 == len(sandbox.faults.seen(token("jwt-bearer")))


async def test_a_certificate_is_replaced_as_kubernetes_does_it(
    start: Start, sandbox: Sandbox, tmp_path: Path, pace: Any, certificates: list[BotCertificate]
) -> None:
    """A symbolic link is swapped, while people come and go; nobody's turn fails."""
    for number, certificate in enumerate(certificates):
        (tmp_path / f"v{number}").mkdir()
        settings = by_certificate(sandbox, tmp_path / f"v{number}" / "bot.pem", certificate, "PEM")
    (tmp_path / "current").symlink_to("v0")
    settings["certificate_path"] = tmp_path / "current" / "bot.pem"
    async with start(pace=pace(**OFTEN), **settings) as world:
        early = [asyncio.create_task(world.read(oid, "show my methods")) for oid in (ADA, GRACE)]
        (tmp_path / "next").symlink_to("v1")
        os.replace(tmp_path / "next", tmp_path / "current")  # noqa: PTH105
        texts = await asyncio.gather(*early, world.read(KATHERINE, "show my methods"))
        # From here on only the new one is known.
        del sandbox.registration.certificates[0]
        texts += [await world.read(oid, "show my methods") for oid in (ALAN, NORA)]
    assert [True] * 5 == [SHOWN in text for text in texts]


@pytest.mark.parametrize("content", ["", "   \n", "half of a\nsecret", None], ids=repr)
async def test_a_file_that_is_being_written_does_no_harm(
    start: Start, sandbox: Sandbox, tmp_path: Path, pace: Any, logged: Callable[[], str], content: str | None
) -> None:
    """Empty, odd or gone for a moment: the secret read before serves on, the log warns once, and later it is read."""
    old, path = sandbox.client_secret, tmp_path / "secret"
    async with start(pace=pace(**OFTEN), **by_secret_file(path, old)) as world:
        path.unlink()
        if content is not None:
            path.write_text(content, encoding="utf-8")
        for oid in (ADA, GRACE):
            assert SHOWN in await world.read(oid, "show my methods")
        assert 1 == logged().count("the credential read before stays in use")
        path.write_text(sandbox.registration.add_secret(), encoding="utf-8")
        sandbox.registration.expire_secret(old)
        assert SHOWN in await world.read(KATHERINE, "show my methods")
        assert "the credential was read anew from its file" in logged()


async def test_a_bad_certificate_does_not_replace_a_good_one(
    start: Start, sandbox: Sandbox, tmp_path: Path, pace: Any, logged: Callable[[], str],
    certificates: list[BotCertificate],
) -> None:  # fmt: skip
    """A file with an expired certificate is complained about, and the good one serves on."""
    path = tmp_path / "bot.pem"
    async with start(pace=pace(**OFTEN), **by_certificate(sandbox, path, certificates[0], "PEM")) as world:
        path.write_bytes(BotCertificate.issue(days=-1, key=certificates[0].key).pem())
        assert SHOWN in await world.read(ADA, "show my methods")
    assert "MFABOT_CERTIFICATE_PATH names a certificate that expired on" in logged()


# Trouble.


async def test_an_expired_secret_is_an_apology_and_an_alert(world: World, logged: Callable[[], str]) -> None:
    """The person reads a reference number; by it the operator finds the line that names the setting."""
    world.sandbox.registration.expire_secret(world.sandbox.client_secret)

    reference = await apology(world, ADA)

    alert = next(line for line in errors(logged()).splitlines() if reference in line)
    assert "AADSTS7000222" in alert
    assert "MFABOT_CLIENT_SECRET" in alert


async def test_a_certificate_that_entra_does_not_know_is_an_alert(
    start: Start, sandbox: Sandbox, tmp_path: Path, certificates: list[BotCertificate], logged: Callable[[], str]
) -> None:
    """Removed from the app registration while the bot runs: the apology, and which certificate to look at."""
    async with start(**by_certificate(sandbox, tmp_path / "bot.pem", certificates[0], "PEM")) as world:
        sandbox.registration.certificates.clear()
        reference = await apology(world, ADA)
    alert = next(line for line in errors(logged()).splitlines() if reference in line)
    assert "AADSTS700027" in alert
    assert "MFABOT_CERTIFICATE_PATH" in alert


@pytest.mark.parametrize(
    ("issuer", "audience", "subject", "code"),
    [
        ("https://login.example/v2.0", "api://AzureADTokenExchange", None, 700211),
        (None, "api://AzureADTokenExchangeUSGov", None, 700212),
        (None, "api://AzureADTokenExchange", "somebody", 700213),
    ],
)
async def test_a_federated_credential_that_does_not_match_is_an_alert(
    start: Start, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str],
    issuer: str | None, audience: str, subject: str | None, code: int,
) -> None:  # fmt: skip
    """Issuer, audience and subject each have their own code; the log says where the three stand."""
    async with start(**by_identity(sandbox, monkeypatch)) as world:
        (good,) = sandbox.registration.federated
        sandbox.registration.federated.clear()
        sandbox.registration.trust(issuer or good.issuer, subject or good.subject, audience)
        reference = await apology(world, ADA)
    alert = next(line for line in errors(logged()).splitlines() if reference in line)
    assert f"AADSTS{code}" in alert
    assert "Federated credentials" in alert


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("client_secret", "not-the-secret", "MFABOT_CLIENT_SECRET"),
        ("app_id", "11111111-1111-4111-8111-111111111111", "MFABOT_APP_ID"),
        ("tenant_id", "11111111-1111-4111-8111-111111111111", "MFABOT_TENANT_ID"),
        ("channel_scope", "https://api.botframework.example/.default", "MFABOT_CHANNEL_SCOPE"),
    ],
)
async def test_a_wrong_setting_is_an_alert_at_start(
    start: Start, logged: Callable[[], str], setting: str, value: str, named: str
) -> None:
    """The bot asks for its own token at once, so the operator need not wait for the first person."""
    async with start(**{setting: value}):
        await eventually(lambda: named in errors(logged()))


async def test_an_identity_that_is_not_assigned_is_the_operators(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint knows no such identity: where to assign it is said."""
    settings = by_identity(sandbox, monkeypatch)
    sandbox.identities.assigned.clear()
    with client(sandbox, settings) as entra, pytest.raises(BotMisconfigured, match="MFABOT_MANAGED_IDENTITY_CLIENT_ID"):
        await entra.for_the_bot("https://api.botframework.com/.default")


@pytest.mark.parametrize(
    "answer",
    [Answer(500), Answer(503), Answer(429), Answer(410), Answer(200, body="<html>"), Answer(drop=True)],
    ids=str,
)
async def test_an_identity_endpoint_in_trouble_is_an_outage(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    """It may be better in a moment, so nobody is told that the bot is set up wrongly; then it is asked anew."""
    settings = by_identity(sandbox, monkeypatch)
    fault = sandbox.faults.add(identity(), answer, times=None)
    with client(sandbox, settings) as entra:
        with pytest.raises(Unavailable, match="managed identity's endpoint") as caught:
            await entra.for_the_bot("https://api.botframework.com/.default")
        assert caught.value.__suppress_context__
        fault.times = fault.used
        assert (await entra.for_the_bot("https://api.botframework.com/.default")).secret


@pytest.mark.parametrize(("days", "said"), [(29, True), (31, False)])
async def test_the_end_of_a_certificate_is_announced(
    start: Start, sandbox: Sandbox, tmp_path: Path, certificates: list[BotCertificate], logged: Callable[[], str],
    pace: Any, days: int, said: bool,
) -> None:  # fmt: skip
    """From thirty days before it, at the start and then again and again, as an error that names the file's setting."""
    soon = BotCertificate.issue(days=days, key=certificates[0].key)
    seen = ""

    def announced() -> bool:
        nonlocal seen
        seen += errors(logged())
        return seen.count("the certificate will expire soon") > 1

    async with start(pace=pace(expiry_look_s=0.01), **by_certificate(sandbox, tmp_path / "c", soon, "PEM")) as world:
        if said:
            await eventually(announced)
        assert SHOWN in await world.read(ADA, "show my methods")
    assert said is ("MFABOT_CERTIFICATE_PATH" in seen + errors(logged()))


async def test_no_secret_reaches_the_log(
    start: Start, sandbox: Sandbox, tmp_path: Path, certificates: list[BotCertificate], pace: Any,
    logged: Callable[[], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whatever the credential and whatever happens to it: neither it, nor its password, nor an assertion is written."""
    del logged  # it has set up the log
    secret = sandbox.client_secret
    pem = by_certificate(sandbox, tmp_path / "bot.pem", certificates[0], "PEM with password")
    for settings in (
        {}, by_secret_file(tmp_path / "secret", secret), pem, by_identity(sandbox, monkeypatch)
    ):  # fmt: skip
        async with start(pace=pace(**OFTEN), **settings) as world:
            await world.read(ADA, "show my methods")
            sandbox.faults.add(token(), Answer(401, body={"error": "invalid_client", "error_codes": [7000215]}))
            await world.read(GRACE, "show my methods")
            sandbox.faults.add(token(), Answer(503))
            await world.read(KATHERINE, "show my methods")
    sandbox.faults.clear()
    written = "".join(capsys.readouterr())
    assert "" != written
    header = sandbox.identities.environment()["IDENTITY_HEADER"]
    assert [] == [text for text in (secret, PASSWORD, header, "PRIVATE KEY", "eyJ") if text in written]
