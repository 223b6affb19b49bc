"""What the records mean for the present: what an "undo" puts back, and what to say to a repeated wish."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import GraphRefused, MfaBotError, PersonNotFound, StepUpNeeded
from bot.mfa import (
    DefaultMethod,
    MethodKind,
    MfaState,
    Oid,
    Option,
    Person,
    PhoneType,
    Policy,
    Preferences,
    RegisteredMethod,
    Standing,
    TenantId,
)  # fmt: skip
from bot.past import as_accepted, is_under_way, standing_after, what_came_of_it, what_to_put_back
from bot.replies import (
    AlreadyBack,
    CantPutBack,
    CantUnset,
    Changed,
    NewsItem,
    NothingToUndo,
    OutcomeUnknown,
    OutdatedCard,
    Refused,
    ShallIPutBack,
    StillWorking,
    UndoDoubt,
    UnknownBefore,
)  # fmt: skip
from bot.store import Change, OutcomeKind

PUSH, OATH, SMS, OFFICE = DefaultMethod.PUSH, DefaultMethod.OATH, DefaultMethod.SMS, DefaultMethod.VOICE_OFFICE
CONFIRMED, ACCEPTED, REFUSED, UNKNOWN = OutcomeKind
NOW = datetime(2026, 1, 1, tzinfo=UTC)
TICK, MINUTE, HOUR = timedelta(microseconds=1), timedelta(minutes=1), timedelta(hours=1)
APP = RegisteredMethod(MethodKind.AUTHENTICATOR, "", device_tag="SoftwareTokenActivated")
MOBILE = RegisteredMethod(MethodKind.PHONE, "", phone_type=PhoneType.MOBILE)
DEFAULT = "userpreferredmethodforsecondaryauthentication"
LAST = Change(
    "id 1", SMS, {DEFAULT: "push"}, NOW - HOUR, Person(Oid("ada"), TenantId("contoso")), outcome=CONFIRMED
)  # fmt: skip
"""From push to sms, an hour ago."""


def state(default: str | None) -> MfaState:
    """Somebody with an Authenticator app and a mobile phone."""
    return MfaState(Preferences(default), (APP, MOBILE))


def before(name: str | None) -> Change:
    """The last change, had another default stood before it."""
    return replace(LAST, before={DEFAULT: name})


def aged(age: timedelta, change: Change = LAST) -> Change:
    """The change, made so long ago."""
    return replace(change, at_utc=NOW - age)


DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (None, False),
        (aged(timedelta(0)), False),
        (aged(timedelta(0), replace(LAST, outcome=None)), True),
        (aged(MINUTE - TICK, replace(LAST, outcome=None)), True),
        (aged(MINUTE + TICK, replace(LAST, outcome=None)), False),
    ],
    ids=["none", "ended", "just begun", "nearly a minute", "over a minute"],
)
def test_what_is_under_way(change: Change | None, expected: bool) -> None:
    """Without an outcome, for a minute."""
    assert expected is is_under_way(change, NOW)


@pytest.mark.parametrize(
    ("last", "default", "expected"),
    [
        (None, "push", "push"),
        (aged(MINUTE), "push", "push"),
        (aged(MINUTE, replace(LAST, outcome=UNKNOWN)), "push", "push"),
        (aged(MINUTE, replace(LAST, outcome=None)), "push", "push"),
        (aged(MINUTE, replace(LAST, outcome=ACCEPTED)), "push", "sms"),
        (aged(10 * MINUTE, replace(LAST, outcome=ACCEPTED)), "push", "sms"),
        (aged(10 * MINUTE + TICK, replace(LAST, outcome=ACCEPTED)), "push", "push"),
        (aged(MINUTE, replace(LAST, outcome=ACCEPTED)), "oath", "oath"),
        (aged(MINUTE, replace(LAST, outcome=ACCEPTED)), "sms", "sms"),
        (aged(MINUTE, replace(before(None), outcome=ACCEPTED)), None, "sms"),
    ],
)
def test_what_was_accepted_counts_while_reads_may_lag(last: Change | None, default: str, expected: str) -> None:
    """For ten minutes an accepted change counts as made, as long as Graph still shows what stood before it."""
    assert state(expected) == as_accepted(last, state(default), NOW)


ALL = Policy()


@pytest.mark.parametrize(
    ("last", "default", "policy", "expected"),
    [
        (None, "sms", ALL, NothingToUndo()),
        (before(None), "sms", ALL, CantUnset()),
        (replace(LAST, before={}), "sms", ALL, CantUnset()),
        (before("carrierPigeon"), "sms", ALL, UnknownBefore("carrierPigeon")),
        (LAST, "push", ALL, AlreadyBack(PUSH)),
        (LAST, "push", Policy(read_only=True), AlreadyBack(PUSH)),
        (before("voiceOffice"), "sms", ALL, CantPutBack(Option(OFFICE, Standing.NOT_REGISTERED))),
        (LAST, "sms", Policy(frozenset({SMS})), CantPutBack(Option(PUSH, Standing.NOT_ALLOWED, (APP,)))),
        (LAST, "sms", Policy(read_only=True), CantPutBack(Option(PUSH, Standing.READ_ONLY, (APP,)))),
        (LAST, "oath", ALL, ShallIPutBack(PUSH, SMS, NOW - HOUR, UndoDoubt.ELSEWHERE)),
        (aged(2 * DAY), "oath", ALL, ShallIPutBack(PUSH, SMS, NOW - 2 * DAY, UndoDoubt.ELSEWHERE)),
        (LAST, None, ALL, ShallIPutBack(PUSH, SMS, NOW - HOUR, UndoDoubt.ELSEWHERE)),
        (aged(DAY + TICK), "sms", ALL, ShallIPutBack(PUSH, SMS, NOW - DAY - TICK, UndoDoubt.OLD)),
        (aged(DAY), "sms", ALL, PUSH),
        (LAST, "sms", ALL, PUSH),
        (replace(LAST, outcome=UNKNOWN), "sms", ALL, PUSH),
        (aged(MINUTE, replace(LAST, outcome=ACCEPTED)), "push", ALL, PUSH),
        (replace(LAST, outcome=ACCEPTED), "push", ALL, AlreadyBack(PUSH)),
        (aged(MINUTE, replace(LAST, outcome=UNKNOWN)), "push", ALL, PUSH),
        (aged(MINUTE, replace(before("sms"), outcome=UNKNOWN)), "sms", ALL, SMS),
        (aged(MINUTE, before("sms")), "sms", ALL, AlreadyBack(SMS)),
    ],
)
def test_what_an_undo_puts_back(
    last: Change | None, default: str | None, policy: Policy, expected: DefaultMethod | NewsItem
) -> None:
    """What stood before the last change, if it can be chosen; it is asked where the person may not expect it."""
    assert expected == what_to_put_back(last, state(default), policy, NOW)


@pytest.mark.parametrize(
    ("last", "default", "expected"),
    [
        (None, "push", Standing.CURRENT),
        (aged(MINUTE), "push", Standing.CURRENT),
        (aged(MINUTE, replace(LAST, outcome=ACCEPTED)), "push", Standing.CURRENT),
        (aged(MINUTE, replace(LAST, outcome=UNKNOWN)), "push", Standing.AVAILABLE),
        (aged(MINUTE, replace(LAST, outcome=None)), "push", Standing.AVAILABLE),
        (aged(10 * MINUTE + TICK, replace(LAST, outcome=UNKNOWN)), "push", Standing.CURRENT),
        (aged(MINUTE, replace(before("oath"), outcome=UNKNOWN)), "push", Standing.CURRENT),
    ],
)
def test_nothing_is_current_while_reads_may_lag_behind_what_nobody_knows(
    last: Change | None, default: str, expected: Standing
) -> None:
    """For ten minutes after a change without a clear answer its old default can be chosen, to make sure of it."""
    assert expected is standing_after(last, PUSH, state(default), ALL, NOW).standing


def was(outcome: OutcomeKind | None, error: str | None = None, age: timedelta = HOUR) -> Change:
    """The change with another end."""
    return replace(LAST, outcome=outcome, error=error, at_utc=NOW - age)


@pytest.mark.parametrize(
    ("change", "default", "shown", "expected"),
    [
        (None, "push", "push", OutdatedCard()),
        (replace(LAST, method=OATH), "sms", "sms", OutdatedCard()),
        (was(CONFIRMED), "sms", "sms", Changed("push", SMS, confirmed=True)),
        (replace(LAST, undoes="id 0"), "sms", "sms", Changed("push", SMS, confirmed=True, undone=True)),
        (before(None), "sms", "sms", Changed(None, SMS, confirmed=True)),
        (was(ACCEPTED), "sms", "sms", Changed("push", SMS, confirmed=True)),
        (was(UNKNOWN), "sms", "sms", Changed("push", SMS, confirmed=True)),
        (was(UNKNOWN, "Interrupted"), "sms", "sms", Changed("push", SMS, confirmed=True)),
        (was(None, age=TICK), "sms", "sms", Changed("push", SMS, confirmed=True)),
        (was(ACCEPTED), "push", "sms", Changed("push", SMS, confirmed=False)),
        (
            replace(was(ACCEPTED), undoes="id 0"), "push", "sms",
            Changed("push", SMS, confirmed=False, undone=True),
        ),
        (was(ACCEPTED), "oath", "oath", OutdatedCard()),
        (was(CONFIRMED), "push", "push", OutdatedCard()),
        (was(REFUSED), "sms", "sms", OutdatedCard()),
        (was(REFUSED), "push", "push", OutdatedCard()),
        (was(REFUSED, "StoreUnavailable"), "push", "push", OutdatedCard()),
        (was(REFUSED, "MethodRefused"), "push", "push", Refused(SMS)),
        (was(REFUSED, "MethodRefused"), "sms", "sms", Refused(SMS)),
        (was(None, age=MINUTE - TICK), "push", "push", StillWorking()),
        (was(None, age=MINUTE + TICK), "push", "push", OutcomeUnknown(SMS)),
        (was(UNKNOWN), "push", "push", OutcomeUnknown(SMS)),
        (was(UNKNOWN, "Throttled", TICK), "oath", "oath", OutcomeUnknown(SMS)),
        (replace(was(UNKNOWN), before={DEFAULT: "sms"}), "sms", "sms", OutcomeUnknown(SMS)),
        (replace(was(CONFIRMED), before={DEFAULT: "sms"}), "sms", "sms", Changed("sms", SMS, confirmed=True)),
    ],
)  # fmt: skip
def test_what_came_of_an_earlier_wish(change: Change | None, default: str, shown: str, expected: NewsItem) -> None:
    """A repeated press shows the result of the first as it is now, and never calls a change less than it was."""
    assert (state(shown), expected) == what_came_of_it(change, SMS, state(default), NOW)


@pytest.mark.parametrize("error", [GraphRefused, PersonNotFound, StepUpNeeded])
@pytest.mark.parametrize("default", ["push", "sms"])
def test_a_refusal_with_a_card_of_its_own_is_told_again(error: type[MfaBotError], default: str) -> None:
    """Whatever the default is by now, the second delivery gets the answer of the first."""
    with pytest.raises(error):
        what_came_of_it(was(REFUSED, error.__name__), SMS, state(default), NOW)


@pytest.mark.parametrize("error", [GraphRefused, PersonNotFound, StepUpNeeded])
def test_a_refusal_of_another_wish_is_not_told(error: type[MfaBotError]) -> None:
    """Another method than the one that was refused is only out of date."""
    refused = was(REFUSED, error.__name__)
    assert (state("push"), OutdatedCard()) == what_came_of_it(refused, OATH, state("push"), NOW)
