"""People and their own default method: show it, set it, press a button for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from weakref import WeakValueDictionary

from bot.change import ChangeMaker, ChangingGraph, Origin, Spawn, Wish, WritingRecords
from bot.errors import (
    GraphRefused,
    MethodRefused,
    MfaBotError,
    PersonNotFound,
    ResultUnreadable,
    SignInNeeded,
    StepUpNeeded,
    UpstreamError,
)
from bot.identity import SELF_SCOPES
from bot.mfa import DefaultMethod, MfaState, Oid, Person, Policy, Standing, option_for, options
from bot.replies import (
    AlreadyDefault,
    CantChoose,
    Changed,
    NewsItem,
    NoneOfThem,
    OutcomeUnknown,
    OutdatedCard,
    Refused,
    StateReply,
    StillWorking,
    WhichOne,
)
from bot.settings import Pace
from bot.store import ActionIds, Change, MintedAction, OutcomeKind
from bot.telemetry import get_logger, log_error

__all__ = ["Graph", "Records", "SelfService", "Tokens"]

_log = get_logger(__name__)


class Tokens(Protocol):
    """Delegated tokens that are in memory."""

    def cached(self, person: Person, scopes: frozenset[str]) -> str:
        """See ``bot.identity.UserTokens.cached``."""

    def forget(self, person: Person) -> None:
        """See ``bot.identity.UserTokens.forget``."""


class Graph(ChangingGraph, Protocol):
    """Graph, as far as a person's own method goes. See ``bot.graph.GraphClient``."""

    async def read_state(self, token: str, oid: Oid) -> MfaState:
        """Methods and preferences."""


class Records(WritingRecords, Protocol):
    """The store, as far as buttons need it. See ``bot.store.Store``."""

    async def spend_action(self, card_id: str, actor: Person, target: Oid, method: DefaultMethod) -> bool:
        """True for the first press on a card."""

    async def find_change(self, key: str) -> Change | None:
        """What was done under a key."""


class SelfService:
    """The use case. Everything that it needs is handed in; all of it may be replaced by a small object in a test."""

    def __init__(
        self,
        graph: Graph,
        tokens: Tokens,
        records: Records,
        action_ids: ActionIds,
        policy: Policy,
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
        self._changes = ChangeMaker(graph, records, pace, spawn, observe_change)
        self._spawn = spawn
        self._presses: dict[tuple[str, bool], asyncio.Task[StateReply]] = {}
        self._locks: WeakValueDictionary[Oid, asyncio.Lock] = WeakValueDictionary()

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
        state = await self._read_state(self._token(person), person)
        return self._reply(person, state, news)

    async def ask_which(self, person: Person, candidates: tuple[DefaultMethod, ...]) -> StateReply:
        """The state with the question which method was meant, as far as one can be chosen. Nothing is changed.

        Raises as ``show``.
        """
        state = await self._read_state(self._token(person), person)
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
        self, person: Person, method: DefaultMethod, origin: Origin, *, resumed: bool = False
    ) -> StateReply:
        """Make ``method`` the person's default, if it can be chosen; the reply says what came of it.

        Args:
            person: whose default it is.
            method: what it shall be.
            origin: where the wish comes from.
            resumed: True when the wish goes on after a sign-in that it needed.

        Raises:
            SignInNeeded: nothing was changed; sign in and call again with ``resumed``.
            StoreUnavailable: the intent could not be recorded, so nothing was changed.
            MfaBotError: Graph refused or could not be asked; nothing was changed.
        """
        async with self._turn_of(person):
            token = self._token(person)
            state = await self._read_state(token, person)
            objection = self._objection(person, method, state)
            key = origin.resumed() if resumed else origin
            return objection or await self._change(person, method, state, token, key)

    async def press(self, person: Person, action_id: str, origin: Origin, *, resumed: bool = False) -> StateReply:
        """Carry out a button's wish once, however often the press arrives. Arguments and errors as ``set_default``.

        Raises:
            ActionRejected: the id was not made by us for this person.
        """
        action = self._action_ids.read(action_id, person, person.oid)
        if action.expired:
            return await self.show(person, OutdatedCard())
        flight = (action_id, resumed)
        press = self._presses.get(flight)
        if press is None:
            once = Origin(f"card:{action.card_id}", origin.conversation_id)
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

    async def _press(self, person: Person, action: MintedAction, origin: Origin, *, resumed: bool) -> StateReply:
        async with self._turn_of(person):
            token = self._token(person)
            change = await self._find_change(origin)
            goes_on = resumed and change is not None and change.error == SignInNeeded.__name__
            if change and not goes_on:
                return await self._repeat(person, action.method, await self._ended(origin, change))
            state = await self._read_state(token, person)
            if objection := self._objection(person, action.method, state):
                return objection
            if goes_on:
                return await self._change(person, action.method, state, token, origin.resumed())
            if not await self._records.spend_action(action.card_id, person, person.oid, action.method):
                return await self._repeat(person, action.method, await self._ended(origin, None))
            return await self._change(person, action.method, state, token, origin)

    async def _find_change(self, origin: Origin) -> Change | None:
        """What was done under ``origin``; if that only led to a sign-in, what was done after it."""
        change = await self._records.find_change(origin.key)
        if change and change.error == SignInNeeded.__name__:
            return await self._records.find_change(origin.resumed().key) or change
        return change

    async def _ended(self, origin: Origin, change: Change | None) -> Change | None:
        """The change once it has ended: another instance may be carrying it out. As it is, when that takes too long."""
        give_up_at = time.monotonic() + self._pace.duplicate_wait_s
        while not (change and (change.outcome or _is_old(change))) and time.monotonic() < give_up_at:
            await asyncio.sleep(self._pace.duplicate_poll_s)
            change = await self._find_change(origin)
        return change

    async def _repeat(self, person: Person, method: DefaultMethod, change: Change | None) -> StateReply:
        """The card is spent: show what came of it, if it was this wish and nothing else has happened since."""
        try:
            state = await self._read_state(self._token(person), person)
        except UpstreamError as error:
            if change is None or change.outcome is OutcomeKind.REFUSED:
                raise
            raise ResultUnreadable(str(error)) from error
        if change is None or change.method is not method:
            return self._reply(person, state, OutdatedCard())
        if refusal := _SAID_BY_ERROR.get(change.error or ""):
            raise refusal("as before")
        before = change.before.get("userpreferredmethodforsecondaryauthentication")
        name = str(before) if before else None
        # Without an outcome it may have taken as well: the record of that may have been lost.
        if change.outcome is not OutcomeKind.REFUSED and state.default is method:
            return self._reply(person, state, Changed(name, method, confirmed=True))
        if change.outcome is OutcomeKind.ACCEPTED and state.preferences.default_name == name:
            # Graph's reads have still not caught up.
            return self._reply(person, state.with_default(method), Changed(name, method, confirmed=False))
        if change.error == MethodRefused.__name__:
            return self._reply(person, state, Refused(method))
        if change.outcome is None:
            return self._reply(person, state, OutcomeUnknown(method) if _is_old(change) else StillWorking())
        unknown = change.outcome is OutcomeKind.UNKNOWN
        return self._reply(person, state, OutcomeUnknown(method) if unknown else OutdatedCard())

    def _token(self, person: Person) -> str:
        return self._tokens.cached(person, SELF_SCOPES)

    async def _read_state(self, token: str, person: Person) -> MfaState:
        try:
            return await self._graph.read_state(token, person.oid)
        except SignInNeeded:
            self._tokens.forget(person)
            raise

    def _objection(self, person: Person, method: DefaultMethod, state: MfaState) -> StateReply | None:
        """Why ``method`` is not sent to Graph at all, None if it is."""
        option = option_for(method, state, self._policy)
        if option.standing is Standing.AVAILABLE:
            return None
        already = option.standing is Standing.CURRENT
        return self._reply(person, state, AlreadyDefault(method) if already else CantChoose(option))

    async def _change(
        self, person: Person, method: DefaultMethod, state: MfaState, token: str, origin: Origin
    ) -> StateReply:
        try:
            after, news = await self._changes.make(Wish(person, person.oid, method, state, origin), token)
        except SignInNeeded:
            self._tokens.forget(person)
            raise
        except MethodRefused as refusal:
            log_error(_log, refusal)
            try:
                return await self.show(person, Refused(method))
            except MfaBotError:
                # That Graph can't be read now is not what the person asked about.
                raise refusal from None
        return self._reply(person, after, news)

    def _reply(self, person: Person, state: MfaState, news: NewsItem | None) -> StateReply:
        standing = options(state, self._policy)
        choosable = [option.method for option in standing if option.standing is Standing.AVAILABLE]
        return StateReply(
            person=person,
            state=state,
            options=standing,
            action_ids=self._action_ids.mint(person, person.oid, choosable),
            news=news,
            read_only=self._policy.read_only,
        )


_SAID_BY_ERROR: Mapping[str, type[MfaBotError]] = {
    error.__name__: error for error in (GraphRefused, PersonNotFound, StepUpNeeded)
}
"""Refusals that have a card of their own; a repeated press gets the same one."""


def _is_old(change: Change) -> bool:
    """Nobody is carrying it out any more."""
    return datetime.now(UTC) - change.at_utc > timedelta(minutes=1)
