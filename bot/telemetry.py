"""Logging with redaction, and metrics. Nothing here knows a person; no label or field may hold one's secrets."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from bot.errors import MfaBotError

__all__ = ["Metrics", "configure_logging", "get_logger", "log_error", "redact"]

REDACTED = "[redacted]"
_SECRET_KEYS = frozenset(
    """token access_token assertion authorization client_secret client_assertion password value claims flow handle
    code_verifier""".split()
)
# Three dotted base64url parts that begin like a JSON header: every JWT, wherever it turns up.
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?")
# A number in international form with the usual separators. Other digits are ids, times and counts.
_PHONE = re.compile(r"(?<![\w-])\+\d[\d\s.\-()x]{5,}\d")

Logger = structlog.stdlib.BoundLogger


def get_logger(name: str) -> Logger:
    """A logger whose entries pass the redaction."""
    logger: Logger = structlog.get_logger(module=name)
    return logger


def redact(value: object) -> object:
    """``value`` without tokens, secrets and phone numbers, at any depth."""
    if isinstance(value, str):
        return _PHONE.sub(REDACTED, _JWT.sub(REDACTED, value))
    if isinstance(value, Mapping):
        return {key: REDACTED if str(key).lower() in _SECRET_KEYS else redact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    # Everything else would become text behind our back, when the entry is written.
    return redact(repr(value))


def _redact_event(_logger: object, _method: str, event: MutableMapping[str, object]) -> Mapping[str, object]:
    cleaned = redact(event)
    assert isinstance(cleaned, dict)
    return cleaned


def configure_logging(level: str, style: Literal["json", "console"]) -> None:
    """Set up structlog for the process: one line an event, redacted, with the correlation id of the turn."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        # After the traceback has become text, so that it is redacted too.
        _redact_event,
    ]
    # What libraries log goes the same way, from warnings on: they do not know what must not be written.
    handler = logging.StreamHandler(sys.stdout)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared[:3], processors=[strip, *shared[3:], renderer])
    )
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, logging.getLevelName(level)), force=True)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=False,
    )


def log_error(logger: Logger, error: MfaBotError, **fields: object) -> None:
    """One entry for ``error``: an error where the operator must act, else a warning."""
    write = logger.error if error.alert else logger.warning
    write(str(error), error=type(error).__name__, **{**error.facts, **fields})


class Metrics:
    """Counters and durations of one bot instance, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.turns = Counter(
            "mfabot_turns", "Requests to /api/messages by status", ["kind", "status"], registry=self.registry
        )
        self.turn_seconds = Histogram(
            "mfabot_turn_seconds", "Time to answer /api/messages", ["kind"], registry=self.registry
        )
        self.changes = Counter(
            "mfabot_changes", "Changes of a default method by outcome", ["outcome"], registry=self.registry
        )
        self.upstream = Counter(
            "mfabot_upstream_calls", "Outgoing calls by service and status", ["service", "status"],
            registry=self.registry,
        )  # fmt: skip
