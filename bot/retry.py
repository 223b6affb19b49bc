"""When to try an outgoing call again: ``Retry-After`` and exponential back-off. Pure but for the jitter."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["RetryPolicy", "parse_retry_after"]


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a ``Retry-After`` header: a number, perhaps fractional, or an HTTP date; else None.

    Graph's own sample has ``Retry-After: 2.128`` (https://learn.microsoft.com/graph/throttling).
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        return _seconds_until(value, now)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _seconds_until(http_date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most ``attempts`` tries, all within ``budget_s`` seconds; the pauses start at ``first_pause_s`` and double."""

    attempts: int = 3
    budget_s: float = 5.0
    first_pause_s: float = 0.3

    def pause(self, attempt: int, retry_after_s: float | None, elapsed_s: float) -> float | None:
        """Seconds to wait after failed try number ``attempt`` (from 1); None when it is time to give up.

        A pause that the service asked for is never shortened: where it does not fit the budget, there is no
        further try.
        """
        if attempt >= self.attempts:
            return None
        if retry_after_s is None:
            # Jitter, so that many callers that failed together do not come back together.
            retry_after_s = self.first_pause_s * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311
        return retry_after_s if elapsed_s + retry_after_s < self.budget_s else None
