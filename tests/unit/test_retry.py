"""When to try again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.retry import RetryPolicy, parse_retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("2.128", 2.128),
        ("0", 0.0),
        ("-3", 0.0),
        (" 7 ", 7.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 13:00:30 +0100", 30.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("Sun, 99 Mar 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """Seconds, fractional or not, or a date in any zone; never negative; None for what is neither."""
    assert seconds == parse_retry_after(header, NOW)


@example("Sun, 01 Mar 3000000000 12:00:30 GMT")
@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,12} Mar \d{1,12} \d{1,3}:\d{1,3}:\d{1,3} (GMT|[+-]\d{1,9})"))
def test_no_header_is_too_odd(header: str) -> None:
    """Whatever a service writes there, the answer is a number of seconds that is not negative, or None."""
    seconds = parse_retry_after(header, NOW)
    assert seconds is None or 0 <= seconds < float("inf")


def test_the_last_try_is_the_last() -> None:
    """After as many tries as the policy has, there is no further pause."""
    policy = RetryPolicy(attempts=3)
    assert [True, True, False] == [policy.pause(attempt, 0.1, 0.0) is not None for attempt in (1, 2, 3)]


def test_the_service_s_own_pause_is_kept_as_it_is() -> None:
    """A Retry-After of 2.128 is waited for exactly, without jitter."""
    assert 2.128 == RetryPolicy().pause(1, 2.128, 0.0)


def test_zero_seconds_are_a_pause_too() -> None:
    """Retry-After: 0 means at once, not that nothing was said."""
    assert 0.0 == RetryPolicy().pause(1, 0.0, 0.0)


@pytest.mark.parametrize(("retry_after_s", "elapsed_s"), [(5.0, 0.0), (60.0, 0.0), (2.0, 3.5), (None, 4.9)])
def test_a_pause_beyond_the_budget_ends_it(retry_after_s: float | None, elapsed_s: float) -> None:
    """A pause that does not fit the budget is not shortened: there is no further try."""
    assert RetryPolicy(budget_s=5.0).pause(1, retry_after_s, elapsed_s) is None


@given(st.integers(min_value=1, max_value=6))
def test_own_pauses_double_with_a_little_jitter(attempt: int) -> None:
    """Without advice the pause doubles from try to try and varies by a fifth at most."""
    pause = RetryPolicy(attempts=9, budget_s=1e6, first_pause_s=0.3).pause(attempt, None, 0.0)
    assert pause is not None
    doubled = 0.3 * 2 ** (attempt - 1)
    assert 0.8 * doubled <= pause <= 1.2 * doubled


@given(st.none() | st.floats(0, 100), st.floats(0, 10), st.integers(1, 4))
def test_no_pause_ever_leaves_the_budget(retry_after_s: float | None, elapsed_s: float, attempt: int) -> None:
    """Whatever has happened, elapsed time and pause together stay within the budget."""
    pause = RetryPolicy(attempts=4, budget_s=5.0).pause(attempt, retry_after_s, elapsed_s)
    assert pause is None or elapsed_s + pause < 5.0
