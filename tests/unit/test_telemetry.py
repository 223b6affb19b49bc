"""What reaches the log: no token, no phone number, no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import SignInRefused, StepUpNeeded, StoreUnavailable
from bot.telemetry import Metrics, configure_logging, get_logger, log_error, redact

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxMjMifQ.c2lnbmF0dXJl-_x"
PHONE = "+1 5551234567"
STYLES: list[Literal["json", "console"]] = ["json", "console"]


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """The process-wide configuration is put back after each test."""
    yield
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "text",
    [
        JWT,
        f"Bearer {JWT}",
        f"token={JWT}&x=1",
        f'{{"token":"{JWT}"}}',
        f"({JWT})",
        "eyJhbGciOiJub25lIn0.eyJvaWQiOiIxMjMifQ.",
        f"one {JWT} two {JWT}",
        "https://x.example/#id_token=" + JWT,
    ],
)
def test_tokens_are_redacted_wherever_they_stand(text: str) -> None:
    """A JWT disappears from any text, signed or not, with what surrounds it left as it was."""
    cleaned = redact(text)
    assert isinstance(cleaned, str)
    assert "eyJ" not in cleaned
    assert "[redacted]" in cleaned


@pytest.mark.parametrize(
    "number",
    [
        "+15551234567",
        "+1 5551234567",
        "+1 555-123-4567",
        "+1 (555) 123-4567",
        "+49 171 1234567",
        "+1 5551234x12",
        "+1.555.123.4567",
        "+49\N{NO-BREAK SPACE}171\N{NO-BREAK SPACE}1234567",
    ],
)
def test_phone_numbers_are_redacted(number: str) -> None:
    """A number in international form disappears from a sentence, however it is grouped."""
    assert "call [redacted] now" == redact(f"call {number} now")


@pytest.mark.parametrize(
    "text",
    [
        "11111111-2222-3333-4444-555555555555",
        "2026-03-01T12:00:30.000000+00:00",
        "d41d8cd98f00b204e9800998ecf8427e",
        "AADSTS50076",
        "1+1=2",
        "10.0.0.1:3978",
        "eyJ is how a token begins",
    ],
)
def test_ids_and_times_are_kept(text: str) -> None:
    """What an operator searches by is not taken for a phone number or a token."""
    assert text == redact(text)


@pytest.mark.parametrize(
    "key",
    ["token", "access_token", "assertion", "Authorization", "client_secret", "value", "Value", "claims", "CLAIMS"],
)
def test_secret_keys_are_redacted_at_any_depth(key: str) -> None:
    """What stands under such a key is gone whatever its type, in dictionaries within lists within dictionaries too."""
    deep: dict[str, object] = {"activity": [{"kept": 1, key: {"opaque": "0.AXoA"}}, ({key: 7},)]}
    assert {"activity": [{"kept": 1, key: "[redacted]"}, [{key: "[redacted]"}]]} == redact(deep)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([JWT, f"x {JWT}", PHONE]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "value"]), inner),
    max_leaves=12,
)


@given(JSON)
def test_no_shape_hides_a_token_or_a_number(value: object) -> None:
    """However values are nested, neither token nor number is left, and cleaning twice changes nothing more."""
    cleaned = redact(value)
    assert JWT not in json.dumps(cleaned)
    assert PHONE not in json.dumps(cleaned)
    assert cleaned == redact(cleaned)


def test_what_is_not_text_is_kept() -> None:
    """Numbers, booleans and None stay what they are."""
    assert [1, 2.5, True, None] == redact([1, 2.5, True, None])


def test_the_original_is_left_alone() -> None:
    """Redaction makes a copy: the activity is still needed after it was logged."""
    activity = {"value": JWT, "list": [JWT]}
    redact(activity)
    assert {"value": JWT, "list": [JWT]} == activity


@pytest.mark.parametrize("style", STYLES)
def test_an_event_is_redacted_in_the_output(
    capsys: pytest.CaptureFixture[str], style: Literal["json", "console"]
) -> None:
    """Text, fields and bound context reach standard output as one line without their secrets."""
    configure_logging("INFO", style)
    structlog.contextvars.bind_contextvars(correlation_id="c-1", who=PHONE)
    get_logger("test").info(f"got {JWT}", value=JWT, nested={"claims": "0.AXoA"}, number=PHONE, kept="yes")
    written = capsys.readouterr().out
    assert 1 == written.count("\n")
    assert [] == [secret for secret in (JWT, "eyJ", PHONE, "5551234567", "0.AXoA") if secret in written]
    assert ["c-1", "yes"] == [word for word in ("c-1", "yes") if word in written]


@pytest.mark.parametrize("style", STYLES)
def test_a_traceback_is_redacted(capsys: pytest.CaptureFixture[str], style: Literal["json", "console"]) -> None:
    """An exception's text and that of its cause lose tokens and numbers; its type stays."""
    configure_logging("INFO", style)
    try:
        try:
            {"known": 1}[JWT]
        except KeyError as cause:
            raise ValueError(f"no way to call {PHONE}") from cause
    except ValueError:
        get_logger("test").exception("failed")
    written = capsys.readouterr().out
    assert ["ValueError", "KeyError"] == [name for name in ("ValueError", "KeyError") if name in written]
    assert [] == [secret for secret in ("eyJ", PHONE, "5551234567") if secret in written]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "value",
    [ValueError(f"bad {JWT}"), JWT.encode(), {JWT}, frozenset({JWT})],
    ids=["exception", "bytes", "set", "frozenset"],
)
def test_a_field_that_is_no_plain_value_is_redacted(
    capsys: pytest.CaptureFixture[str], value: object, style: Literal["json", "console"]
) -> None:
    """What the renderer turns into text by itself loses its secrets as well."""
    configure_logging("INFO", style)
    get_logger("test").info("odd", field=value)
    assert "eyJ" not in capsys.readouterr().out


def test_json_output_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line is a JSON object with level, time in UTC, module and event."""
    configure_logging("INFO", "json")
    get_logger("bot.somewhere").warning("two\nlines", answer=42)
    (line,) = capsys.readouterr().out.splitlines()
    entry = json.loads(line)
    expected = {"event": "two\nlines", "level": "warning", "module": "bot.somewhere", "answer": 42}
    assert expected == {key: value for key, value in entry.items() if key != "timestamp"}
    assert entry["timestamp"].endswith("Z")


@pytest.mark.parametrize(("level", "written"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1)])
def test_the_level_is_kept(capsys: pytest.CaptureFixture[str], level: str, written: int) -> None:
    """Only what is at least as grave as the level is written."""
    configure_logging(level, "json")
    logger = get_logger("test")
    for write in (logger.debug, logger.info, logger.warning, logger.error):
        write("something")
    assert written == len(capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    ("error", "level"), [(StoreUnavailable("disk full"), "error"), (SignInRefused("expired"), "warning")]
)
def test_an_error_that_the_operator_must_mend_is_logged_as_one(
    capsys: pytest.CaptureFixture[str], error: SignInRefused | StoreUnavailable, level: str
) -> None:
    """The level says whether somebody has to act; sentence, class and further fields are there."""
    configure_logging("INFO", "json")
    log_error(get_logger("test"), error, reference="r-1")
    entry = json.loads(capsys.readouterr().out)
    assert (level, str(error), type(error).__name__, "r-1") == (
        entry["level"],
        entry["event"],
        entry["error"],
        entry["reference"],
    )


def test_the_facts_of_an_error_are_fields_and_claims_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    """An operator sees status and code of a challenge, never the challenge."""
    configure_logging("INFO", "json")
    log_error(get_logger("test"), StepUpNeeded("Graph", claims='{"access_token":{}}', status=401))
    written = capsys.readouterr().out
    assert 401 == json.loads(written)["status"]
    assert "access_token" not in written


def test_two_bots_in_a_process_count_for_themselves() -> None:
    """Metrics have a registry of their own, so that tests and sandbox do not collide."""
    first, second = Metrics(), Metrics()
    first.changes.labels(outcome="confirmed").inc()
    name, labels = "mfabot_changes_total", {"outcome": "confirmed"}
    assert (1.0, None) == (
        first.registry.get_sample_value(name, labels),
        second.registry.get_sample_value(name, labels),
    )
