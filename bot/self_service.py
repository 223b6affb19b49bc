"""People and their own default method: show it, set it, press a button for it, put it back, look at its history."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol
from weakref import WeakValueDictionary

from bot.change import ChangeMaker, ChangingGraph, Origin, Spawn, Wish, WritingRecords
from bot.errors import (
    AlreadyBegun,
    ChangeUnderWay,
    GraphRefused,
    MethodRefused,
    MfaBotError,
    ResultUnreadable,
    SignInNeeded,
    StepUpNeeded,
    StoreUnavailable,
    TooManyChanges,
    UpstreamError,
)
from bot.identity import SELF_SCOPES
from bot.mfa import DefaultMethod, MfaState, Oid, Person, Policy, Standing, is_downgrade, option_for, options
from bot.past import as_accepted, is_under_way, standing_after, what_came_of_it, what_to_put_back
from bot.replies import (
    AlreadyBack,
    AlreadyDefault,
    AnotherUnderWay,
    CantChoose,
    Changed,
    HistoryEntry,
    HistoryReply,
    NewsItem,
    NoneOfThem,
    OutcomeUnknown,
    OutdatedCard,
    Refused,
    StateReply,
    TooOften,
    Weaker,
    WhichOne,
)
from bot.settings import Pace
from bot.store import ActionIds, Change, Limits, MintedAction, OutcomeKind, Past
from bot.telemetry import get_logger, log_error

__all__ = ["Graph", "Records", "SelfService", "Tokens"]

_log = get_logger(__name__)


class Tokens(Protocol):
    """Delegated tokens that are in memory."""

    def cached(self, person: Person, scopes: frozenset[str]) -> str:
        """See ``bot.identity.UserTokens.cached``."""

    def forget(self, token: str, person: Person) -> None:
        """See ``bot.identity.UserTokens.forget``."""

    def is_fresh(self, person: Person, scopes: frozenset[str]) -> bool:
        """See ``bot.identity.UserTokens.is_fresh``."""

    def named(self, person: Person) -> Person:
        """See ``bot.identity.UserTokens.named``."""


class Graph(ChangingGraph, Protocol):
    """Graph, as far as a person's own method goes. See ``bot.graph.GraphClient``."""

    async def read_state(self, token: str, oid: Oid) -> MfaState:
        """Methods and preferences."""


class Records(WritingRecords, Protocol):
    """The audit trail, as far as people's own changes need it. See ``bot.store.AuditTrail``."""

    async def find_change(self, key: str) -> Change | None:
        """What was done under a key."""

    async def past_of(self, target: Person) -> Past:
        """What is on record about a person's default."""

    async def last_changes(self, target: Person, count: int) -> list[Change]:
        """The newest first."""

    async def is_under_way(self, target: Person) -> bool:
        """True while a change is being carried out."""


_HISTORY = 10

_LAG_S = 10 * 60
"""Longer than Graph's reads lag behind its writes."""

_MOST_CHANGED = 10_000
"""People whose last change is kept in mind, so that only they cost a look at the records when they look."""

_TRIES = 5
"""How often the same button may lead to a sign-in and go on."""


class SelfService:
    """The use case. Everything that it needs is handed in; all of it may be replaced by a small object in a test."""

    def __init__(
        self,
        graph: Graph,
        tokens: Tokens,
        records: Records,
        action_ids: ActionIds,
        policy: Policy,
        limits: Limits,
        pace: Pace,
        *,
        spawn: Spawn,
        observe_change: Callable[[OutcomeKind], None] = lambda kind: None,
    ) -> None:
        self._graph = graph
        self._tokens = tokens
        self._records = records
        self._action_ids = action_ids
        self._policy = policy
        self._pace = pace
        self._changes = ChangeMaker(graph, records, limits, pace, spawn, observe_change)
        self._spawn = spawn
        self._presses: dict[tuple[str, bool], asyncio.Task[StateReply]] = {}
        self._locks: WeakValueDictionary[Oid, asyncio.Lock] = WeakValueDictionary()
        self._changed_at_s: OrderedDict[Oid, float] = OrderedDict()

    def is_signed_in(self, person: Person) -> bool:
        """True when there is a token in memory for the person."""
        try:
            self._token(person)
        except SignInNeeded:
            return False
        return True

    async def show(self, person: Person, news: NewsItem | None = None) -> StateReply:
        """The person's methods and default, read now.

        Raises:
            SignInNeeded: no token in memory, or Graph does not take it any more.
            MfaBotError: as ``GraphClient.read_state``.
        """
        return self._reply(person, await self._state_now(person), news)

    def is_own(self, person: Person, address: str) -> bool:
        """True if ``address`` is the UPN with which ``person`` has signed in.

        Raises:
            SignInNeeded: nobody has signed in, so it can't be known.
        """
        self._token(person)
        return self._tokens.named(person).upn.casefold() == address.casefold()

    async def ask_which(self, person: Person, candidates: tuple[DefaultMethod, ...]) -> StateReply:
        """The state with the question which method was meant, as far as one can be chosen. Nothing is changed.

        Raises as ``show``.
        """
        state = await self._state_now(person)
        return self._reply(person, state, self._question(candidates, state))

    def _question(self, candidates: tuple[DefaultMethod, ...], state: MfaState) -> NewsItem | None:
        meant = [option_for(method, state, self._policy) for method in candidates or tuple(DefaultMethod)]
        choosable = tuple(option.method for option in meant if option.standing is Standing.AVAILABLE)
        if choosable:
            return WhichOne(choosable if candidates else ())
        if not candidates:
            # The card says by itself that there is nothing to choose, and why.
            return None
        current = [option for option in meant if option.standing is Standing.CURRENT]
        if current:
            return AlreadyDefault(current[0].method)
        return CantChoose(meant[0]) if len(meant) == 1 else NoneOfThem(candidates)

    async def set_default(
        self,
        person: Person,
        method: DefaultMethod,
        origin: Origin,
        otherwise: DefaultMethod | None = None,
        *,
        agreed: bool = False,
    ) -> StateReply:
        """Make ``method`` the person's default, if it can be chosen; the reply says what came of it.

        Args:
            person: whose default it is.
            method: what it shall be.
            origin: where the wish comes from; its ``attempt`` is not 0 if it goes on after a sign-in.
            otherwise: what it shall be if ``method`` can't be chosen.
            agreed: False to ask first where the new method protects less than the old one.

        Raises:
            SignInNeeded, StepUpNeeded: nothing was changed; sign in and call again with the next ``origin.attempt``.
            StoreUnavailable: the intent could not be recorded, so nothing was changed.
            MfaBotError: Graph refused or could not be asked; nothing was changed.
        """
        return await self._in_turn(person, origin, lambda key: self._set(person, method, key, otherwise, agreed=agreed))

    async def undo(self, person: Person, origin: Origin) -> StateReply:
        """Put back what stood before the last change that was made through the bot, or say why that is not done.

        Arguments and errors as ``set_default``.
        """
        return await self._in_turn(person, origin, lambda key: self._undo(person, key))

    async def history(self, person: Person) -> HistoryReply:
        """The person's last ten changes. They are read by nobody who has not signed in.

        Raises:
            SignInNeeded: no token in memory.
            StoreUnavailable: the records can't be read.
        """
        self._token(person)
        changes = await self._records.last_changes(person, _HISTORY)
        return HistoryReply(tuple(_entry(change, person) for change in changes))

    async def press(
        self, person: Person, action_id: str, origin: Origin, *, pressed_at: datetime | None = None
    ) -> StateReply:
        """Carry out a button's wish once, however often the press arrives. Arguments and errors as ``set_default``.

        Which try it is, is on record under the card; ``origin`` only tells whether it goes on after a sign-in. What
        counts is that the button was not too old when it was ``pressed_at``, however long the sign-in has taken.

        Raises:
            ActionRejected: the id was not made by us for this person.
        """
        at = pressed_at.timestamp() if pressed_at else None
        action = self._action_ids.read(action_id, person, person.oid, pressed_at=at)
        if action.expired:
            return await self.show(person, OutdatedCard())
        resumed = origin.attempt > 0
        flight = (action_id, resumed)
        press = self._presses.get(flight)
        if press is None:
            once = Origin(f"card:{action.card_id}", origin.conversation_id, by_button=True)
            press = self._spawn(self._press(person, action, once, resumed=resumed))
            self._presses[flight] = press
            press.add_done_callback(lambda done: self._pressed(flight, done))
        # Shielded: one delivery that gives up must not stop the change for the others.
        return await asyncio.shield(press)

    def _turn_of(self, person: Person) -> asyncio.Lock:
        """One change of a person at a time, in the order in which they come."""
        return self._locks.setdefault(person.oid, asyncio.Lock())

    def _pressed(self, flight: tuple[str, bool], done: asyncio.Task[StateReply]) -> None:
        self._presses.pop(flight, None)
        if not done.cancelled():
            done.exception()

    async def _in_turn(
        self, person: Person, origin: Origin, carry_out: Callable[[Origin], Awaitable[StateReply]]
    ) -> StateReply:
        """Carry out a typed wish after the person's earlier ones, or show what came of it if that was done before."""
        first = origin.at(0)
        async with self._turn_of(person):
            # Of a new message nothing is on record, so nobody need look.
            key = await self._next_try(first, resumed=True) if origin.attempt else first
            try:
                return await self._when_free(person, lambda: carry_out(key))
            except AlreadyBegun:
                change = await self._ended(first)
                if change is None:
                    raise
                return await self._repeat(person, change.method, change)

    async def _press(self, person: Person, action: MintedAction, origin: Origin, *, resumed: bool) -> StateReply:
        async with self._turn_of(person):
            # Who is not signed in gets no answer from the records either.
            self._token(person)
            act = self._undo_as_shown if action.undo else self._set
            try:
                key = await self._next_try(origin, resumed=resumed)
                reply = await self._when_free(person, lambda: act(person, action.method, key))
            except AlreadyBegun:
                return await self._repeat(person, action.method, await self._ended(origin))
            if isinstance(reply.news, (Changed, OutcomeUnknown, Refused)):
                return reply
            # Nothing to do perhaps because another instance has done it between our look at the records and at Graph.
            begun = await self._records.find_change(key.key)
            return await self._repeat(person, action.method, await self._ended(origin)) if begun else reply

    async def _when_free(self, person: Person, act: Callable[[], Awaitable[StateReply]]) -> StateReply:
        """``act``, once no other instance is changing the same default; it reads the state anew by then."""
        give_up_at = time.monotonic() + self._pace.duplicate_wait_s
        while True:
            try:
                return await act()
            except ChangeUnderWay:
                if not await self._is_free(person, give_up_at):
                    return await self.show(person, AnotherUnderWay())

    async def _is_free(self, person: Person, give_up_at: float) -> bool:
        """True as soon as nobody is changing the person's default, False if that takes too long."""
        while time.monotonic() < give_up_at:
            if not await self._records.is_under_way(person):
                return True
            await asyncio.sleep(self._pace.duplicate_poll_s)
        return False

    async def _set(
        self,
        person: Person,
        method: DefaultMethod,
        origin: Origin,
        otherwise: DefaultMethod | None = None,
        *,
        agreed: bool = True,
    ) -> StateReply:
        token = self._token(person)
        past, shown = await self._past_and_state(person, token)
        now = datetime.now(UTC)
        state = as_accepted(past.last, shown, now)
        if state.default is method is not shown.default:
            # Accepted a moment ago, but Graph shows another: it lags behind, or somebody changed it elsewhere since.
            state = shown
        option = standing_after(past.last, method, state, self._policy, now)
        if otherwise is not None and option.standing not in {Standing.AVAILABLE, Standing.CURRENT}:
            method = otherwise
            option = standing_after(past.last, method, state, self._policy, now)
        if option.standing is Standing.CURRENT:
            return replace(self._reply(person, state, AlreadyDefault(method)), carried_out=True)
        if option.standing is not Standing.AVAILABLE:
            return self._reply(person, state, CantChoose(option))
        # A default that is not registered any more protects nobody.
        if not agreed and state.default and is_downgrade(state.default, method) and state.ways(state.default):
            return self._reply(person, state, Weaker(state.default, method))
        wish = self._wish(person, method, state, origin, past)
        return await self._change(person, replace(wish, shown=shown.preferences.default_name), token)

    async def _undo(self, person: Person, origin: Origin, shown: DefaultMethod | None = None) -> StateReply:
        """Put back the last change; from a button only if that still means the method that was ``shown`` on it."""
        token = self._token(person)
        past, shown_state = await self._past_and_state(person, token)
        now = datetime.now(UTC)
        state = as_accepted(past.last, shown_state, now)
        found = what_to_put_back(past.last, state, self._policy, now)
        if not isinstance(found, DefaultMethod):
            return replace(self._reply(person, state, found), carried_out=isinstance(found, AlreadyBack))
        if shown not in {None, found}:
            return self._reply(person, state, OutdatedCard())
        assert past.last is not None
        wish = self._wish(person, found, state, origin, past)
        undoing = replace(wish, undoes=past.last.intent_id, shown=shown_state.preferences.default_name)
        return await self._change(person, undoing, token)

    async def _past_and_state(self, person: Person, token: str) -> tuple[Past, MfaState]:
        """What is on record, and then what Graph says, so that the one can be held against the other.

        Raises:
            ChangeUnderWay: what Graph says may be outdated in a moment.
        """
        past = await self._records.past_of(person)
        if past.under_way:
            raise ChangeUnderWay
        return past, await self._read_state(token, person)

    def _wish(self, person: Person, method: DefaultMethod, state: MfaState, origin: Origin, past: Past) -> Wish:
        named = self._tokens.named(person)
        return Wish(named, named, method, state, origin, follows=past.newest_intent_id)

    async def _undo_as_shown(self, person: Person, method: DefaultMethod, origin: Origin) -> StateReply:
        return await self._undo(person, origin, method)

    async def _next_try(self, origin: Origin, *, resumed: bool) -> Origin:
        """Under which key the wish may be begun now.

        Raises:
            AlreadyBegun: it was, and that did not just lead to a sign-in.
        """
        last, change = await self._last_try(origin)
        if change is None:
            return last
        if last.attempt >= _TRIES or not _goes_on(change, resumed=resumed):
            raise AlreadyBegun
        return last.at(last.attempt + 1)

    async def _last_try(self, origin: Origin) -> tuple[Origin, Change | None]:
        """The last try that is on record under ``origin``, and what came of it."""
        change = await self._records.find_change(origin.key)
        while change and _goes_on(change, resumed=True):
            following = origin.at(origin.attempt + 1)
            later = await self._records.find_change(following.key)
            if later is None:
                break
            origin, change = following, later
        return origin, change

    async def _ended(self, origin: Origin) -> Change | None:
        """The last try once it has ended: another instance may be carrying it out. As it is, if that takes too long."""
        give_up_at = time.monotonic() + self._pace.duplicate_wait_s
        while True:
            _, change = await self._last_try(origin)
            is_open = change is None or is_under_way(change, datetime.now(UTC))
            if not is_open or time.monotonic() >= give_up_at:
                return change
            await asyncio.sleep(self._pace.duplicate_poll_s)

    async def _repeat(self, person: Person, method: DefaultMethod, change: Change | None) -> StateReply:
        """The card is spent: show what came of it, if it was this wish and nothing else has happened since."""
        try:
            state = await self._read_state(self._token(person), person)
        except UpstreamError as error:
            if change is None or change.outcome is OutcomeKind.REFUSED:
                raise
            raise ResultUnreadable(str(error)) from error
        with self._signing_in_anew(self._token(person), person):
            return self._reply(person, *what_came_of_it(change, method, state, datetime.now(UTC)))

    async def _state_now(self, person: Person) -> MfaState:
        """As Graph says, and as a change of the last minutes has left it where Graph does not show that yet."""
        begun_at_s = time.monotonic()
        state = await self._read_state(self._token(person), person)
        changed_at_s = self._changed_at_s.get(person.oid)
        if changed_at_s is None or begun_at_s - changed_at_s > _LAG_S:
            return state
        if changed_at_s > begun_at_s:
            # A change has ended meanwhile, and what was read may be older than that.
            state = await self._read_state(self._token(person), person)
        try:
            past = await self._records.past_of(person)
        except StoreUnavailable as error:
            # To look is possible without records, too.
            log_error(_log, error)
            return state
        return as_accepted(past.last, state, datetime.now(UTC))

    def _note_change(self, person: Person) -> None:
        self._changed_at_s.pop(person.oid, None)
        self._changed_at_s[person.oid] = time.monotonic()
        if len(self._changed_at_s) > _MOST_CHANGED:
            self._changed_at_s.popitem(last=False)

    def _token(self, person: Person) -> str:
        return self._tokens.cached(person, SELF_SCOPES)

    async def _read_state(self, token: str, person: Person) -> MfaState:
        with self._signing_in_anew(token, person):
            return await self._graph.read_state(token, person.oid)

    @contextmanager
    def _signing_in_anew(self, token: str, person: Person) -> Iterator[None]:
        """Forget a token that is not good enough any more; ask once for a new sign-in where Graph just says no.

        Of a refusal without a challenge nobody can say whether a fresh sign-in would change it, until it is tried.
        """
        try:
            yield
        except (SignInNeeded, StepUpNeeded):
            self._tokens.forget(token, person)
            raise
        except GraphRefused as error:
            if self._tokens.is_fresh(person, SELF_SCOPES):
                raise
            raise StepUpNeeded("Graph refused without a challenge", fresh=True) from error

    async def _change(self, person: Person, wish: Wish, token: str) -> StateReply:
        try:
            with self._signing_in_anew(token, person):
                after, news = await self._changes.make(wish, token)
            self._note_change(person)
        except TooManyChanges as error:
            log_error(_log, error)
            return self._reply(person, wish.state, TooOften(error.limit, max(1, math.ceil(error.wait_s / 60))))
        except MethodRefused as refusal:
            log_error(_log, refusal)
            try:
                return await self.show(person, Refused(wish.method))
            except MfaBotError:
                # That Graph can't be read now is not what the person asked about.
                raise refusal from None
        return replace(self._reply(person, after, news), carried_out=True)

    def _reply(self, person: Person, state: MfaState, news: NewsItem | None) -> StateReply:
        standing = options(state, self._policy)
        choosable = [option.method for option in standing if option.standing is Standing.AVAILABLE]
        before = DefaultMethod.parse(news.before) if isinstance(news, Changed) else None
        undo = before if before in choosable else None
        card = self._action_ids.mint(person, person.oid, choosable, undo=undo)
        return StateReply(
            person=person,
            state=state,
            options=standing,
            action_ids=card.ids,
            news=news,
            read_only=self._policy.read_only,
            undo_id=card.undo_id,
        )


def _goes_on(change: Change, *, resumed: bool) -> bool:
    """True if the try only led to a sign-in, so that there may be another.

    Where Graph just said no, only the sign-in itself (``resumed``) makes another try worth while.
    """
    refused = {SignInNeeded.__name__, StepUpNeeded.__name__} | ({GraphRefused.__name__} if resumed else set())
    return change.error in refused


def _entry(change: Change, person: Person) -> HistoryEntry:
    by = None if change.actor.oid == person.oid else change.actor.display_name or change.actor.upn
    return HistoryEntry(
        at_utc=change.at_utc,
        before=change.before_name,
        after=change.method,
        sure=change.outcome in {OutcomeKind.CONFIRMED, OutcomeKind.ACCEPTED},
        undone=change.undoes is not None,
        by=by,
    )
