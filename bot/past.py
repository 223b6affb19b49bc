"""What the records mean for the present: what came of an earlier wish, and what an "undo" puts back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.errors import GraphRefused, MethodRefused, MfaBotError, PersonNotFound, StepUpNeeded
from bot.mfa import DefaultMethod, MfaState, Option, Policy, Standing, option_for
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
)
from bot.store import UNDER_WAY, Change, OutcomeKind

__all__ = ["as_accepted", "is_under_way", "standing_after", "what_came_of_it", "what_to_put_back"]

_SAID_BY_ERROR: Mapping[str, type[MfaBotError]] = {
    error.__name__: error for error in (GraphRefused, PersonNotFound, StepUpNeeded)
}
"""Refusals that have a card of their own; a repeated wish gets the same one."""

_UNASKED = timedelta(hours=24)
"""What was changed longer ago is not put back without asking."""

_LAG = timedelta(minutes=10)
"""Longer than Graph's reads lag behind its writes."""


def is_under_way(change: Change | None, now: datetime) -> bool:
    """True while somebody is carrying the change out; after a minute without an outcome nobody is."""
    return change is not None and change.outcome is None and now - change.at_utc < UNDER_WAY


def as_accepted(last: Change | None, state: MfaState, now: datetime) -> MfaState:
    """``state`` as it will be read soon: Graph may have accepted ``last`` a moment ago without showing it yet."""
    if last is None or last.outcome is not OutcomeKind.ACCEPTED or not _may_lag_behind(last, state, now):
        return state
    return state.with_default(last.method)


def standing_after(
    last: Change | None, method: DefaultMethod, state: MfaState, policy: Policy, now: datetime
) -> Option:
    """How ``method`` stands; never as current where ``last`` may have taken although reads do not show it yet."""
    if _may_have_taken(last, state, now):
        state = replace(state, preferences=replace(state.preferences, default_name=None))
    return option_for(method, state, policy)


def _may_have_taken(last: Change | None, state: MfaState, now: datetime) -> bool:
    """True where nobody knows what came of ``last``, and what is read does not tell it."""
    return last is not None and last.outcome in {None, OutcomeKind.UNKNOWN} and _may_lag_behind(last, state, now)


def _may_lag_behind(last: Change, state: MfaState, now: datetime) -> bool:
    return now - last.at_utc <= _LAG and state.preferences.default_name == last.before_name


def what_to_put_back(last: Change | None, state: MfaState, policy: Policy, now: datetime) -> DefaultMethod | NewsItem:
    """The default that stood before ``last``, if it may be put back at once; else what to say or to ask.

    Args:
        last: the person's last change that was made through the bot, None if there is none on record.
        state: as it is now.
        policy: what the organisation allows.
        now: aware of its time zone.
    """
    if last is None:
        return NothingToUndo()
    state = as_accepted(last, state, now)
    if last.before_name is None:
        return CantUnset()
    before = DefaultMethod.parse(last.before_name)
    if before is None:
        return UnknownBefore(last.before_name)
    # Also where it only may have taken: putting it back then does no harm, and nothing else makes sure.
    option = standing_after(last, before, state, policy, now)
    if option.standing is Standing.CURRENT:
        return AlreadyBack(before)
    if option.standing is not Standing.AVAILABLE:
        return CantPutBack(option)
    if state.default is not last.method and not _may_have_taken(last, state, now):
        return ShallIPutBack(before, last.method, last.at_utc, UndoDoubt.ELSEWHERE)
    if now - last.at_utc > _UNASKED:
        return ShallIPutBack(before, last.method, last.at_utc, UndoDoubt.OLD)
    return before


def what_came_of_it(
    change: Change | None, method: DefaultMethod, state: MfaState, now: datetime
) -> tuple[MfaState, NewsItem]:
    """What to show and to say to a wish for ``method`` that was carried out before, as ``change``.

    Raises:
        GraphRefused, PersonNotFound, StepUpNeeded: as it was refused then.
    """
    if change is None or change.method is not method:
        return state, OutdatedCard()
    if refusal := _SAID_BY_ERROR.get(change.error or ""):
        raise refusal("as before")
    if state.default is method and _is_shown_by(state, change):
        return state, _changed(change, confirmed=True)
    if change.outcome is OutcomeKind.ACCEPTED and state.preferences.default_name == change.before_name:
        # Graph's reads have still not caught up.
        return state.with_default(method), _changed(change, confirmed=False)
    if change.error == MethodRefused.__name__:
        return state, Refused(method)
    if is_under_way(change, now):
        return state, StillWorking()
    unknown = change.outcome in {None, OutcomeKind.UNKNOWN}
    return state, OutcomeUnknown(method) if unknown else OutdatedCard()


def _is_shown_by(state: MfaState, change: Change) -> bool:
    """True if ``change`` has taken, since ``state`` has its method for the default."""
    if change.outcome in {None, OutcomeKind.UNKNOWN}:
        # It may have taken: the record of that may have been lost. But what was read before as well proves nothing.
        return change.before_name != state.preferences.default_name
    return change.outcome is not OutcomeKind.REFUSED


def _changed(change: Change, *, confirmed: bool) -> Changed:
    return Changed(change.before_name, change.method, confirmed=confirmed, undone=change.undoes is not None)
