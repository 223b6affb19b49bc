"""People and their own default method: show it, set it, press a button for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from bot.errors import MethodRefused, MfaBotError, SignInNeeded, StoreUnavailable, UpstreamError
from bot.graph import PatchOutcome
from bot.identity import SELF_SCOPES
from bot.mfa import DefaultMethod, MfaState, Oid, Person, Policy, Preferences, Standing, flat_keys, option_for, options
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
from bot.store import ActionIds, Change, Intent, Outcome, OutcomeKind
from bot.telemetry import get_logger, log_error

__all__ = ["Graph", "Origin", "Records", "SelfService", "Tokens"]

_log = get_logger(__name__)


class Tokens(Protocol):
    """Delegated tokens that are in memory."""

    def cached(self, person: Person, scopes: frozenset[str]) -> str:
        """See ``bot.identity.UserTokens.cached``."""

    def forget(self, person: Person) -> None:
        """See ``bot.identity.UserTokens.forget``."""


class Graph(Protocol):
    """Graph, as far as a person's own method goes. See ``bot.graph.GraphClient``."""

    async def read_state(self, token: str, oid: Oid) -> MfaState:
        """Methods and preferences."""

    async def read_preferences(self, token: str, oid: Oid) -> Preferences:
        """Preferences alone."""

    async def set_default_method(
        self, token: str, oid: Oid, method: DefaultMethod, *, client_request_id: str
    ) -> PatchOutcome:
        """The one change that this bot makes."""


class Records(Protocol):
    """The store, as far as a change needs it. See ``bot.store.Store``."""

    async def spend_action(self, card_id: str, actor: Person, target: Oid, method: DefaultMethod) -> bool:
        """True for the first press on a card."""

    async def record_intent(self, intent: Intent) -> None:
        """Before Graph is asked."""

    async def record_outcome(self, outcome: Outcome) -> None:
        """After Graph has answered."""

    async def find_change(self, key: str) -> Change | None:
        """What was done under a key."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a wish comes from: ``key`` is unique to the message, ``conversation_id`` goes to the audit trail."""

    key: str
    conversation_id: str


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
        observe_change: Callable[[OutcomeKind], None] = lambda kind: None,
    ) -> None:
        self._graph = graph
        self._tokens = tokens
        self._records = records
        self._action_ids = action_ids
        self._policy = policy
        self._pace = pace
        self._observe_change = observe_change
        self._presses: dict[str, asyncio.Task[StateReply]] = {}

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

    async def set_default(self, person: Person, method: DefaultMethod, origin: Origin) -> StateReply:
        """Make ``method`` the person's default, if it can be chosen; the reply says what came of it.

        Raises:
            SignInNeeded: nothing was changed; sign in and call again.
            StoreUnavailable: the intent could not be recorded, so nothing was changed.
            MfaBotError: Graph refused or could not be asked; nothing was changed.
        """
        token = self._token(person)
        state = await self._read_state(token, person)
        return self._objection(person, method, state) or await self._change(person, method, state, token, origin)

    async def press(self, person: Person, action_id: str, origin: Origin) -> StateReply:
        """Carry out a button's wish once, however often the press arrives. Raises as ``set_default``, too.

        Raises:
            ActionRejected: the id was not made by us for this person.
        """
        action = self._action_ids.read(action_id, person, person.oid)
        if action.expired:
            return await self.show(person, OutdatedCard())
        press = self._presses.get(action_id)
        if press is None:
            once = Origin(f"card:{action.card_id}", origin.conversation_id)
            press = asyncio.create_task(self._press(person, action.method, action.card_id, once), name="press")
            self._presses[action_id] = press
            press.add_done_callback(lambda done: self._pressed(action_id, done))
        # Shielded: one delivery that gives up must not stop the change for the others.
        return await asyncio.shield(press)

    def _pressed(self, action_id: str, done: asyncio.Task[StateReply]) -> None:
        self._presses.pop(action_id, None)
        if not done.cancelled():
            done.exception()

    async def _press(self, person: Person, method: DefaultMethod, card_id: str, origin: Origin) -> StateReply:
        token = self._token(person)
        if change := await self._records.find_change(origin.key):
            return await self._repeat(person, method, change)
        state = await self._read_state(token, person)
        if objection := self._objection(person, method, state):
            return objection
        if not await self._records.spend_action(card_id, person, person.oid, method):
            change = await self._records.find_change(origin.key)
            return await (self._repeat(person, method, change) if change else self.show(person, OutdatedCard()))
        return await self._change(person, method, state, token, origin)

    async def _repeat(self, person: Person, method: DefaultMethod, change: Change) -> StateReply:
        """The card is spent: show what came of it, if it was this wish and nothing else has happened since."""
        reply = await self.show(person, OutdatedCard())
        if change.method is not method:
            return reply
        if change.outcome is None:
            return self._reply(person, reply.state, StillWorking())
        if change.outcome in {OutcomeKind.CONFIRMED, OutcomeKind.ACCEPTED} and reply.state.default is method:
            before = change.before.get("userpreferredmethodforsecondaryauthentication")
            return self._reply(person, reply.state, Changed(str(before) if before else None, method, confirmed=True))
        return reply

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
        intent = Intent(
            id=str(uuid4()),
            actor=person,
            target_oid=person.oid,
            method=method,
            conversation_id=origin.conversation_id,
            before=flat_keys(state),
            client_request_id=str(uuid4()),
            key=origin.key,
        )
        # Audit first: if this raises, Graph is never asked.
        await self._records.record_intent(intent)
        try:
            patch = await self._graph.set_default_method(
                token, person.oid, method, client_request_id=intent.client_request_id
            )
        except UpstreamError as error:
            return await self._after_doubt(person, state, token, intent, error)
        except MfaBotError as error:
            return await self._after_refusal(person, intent, error)
        return await self._after_success(person, state, token, intent, patch)

    async def _after_success(
        self, person: Person, state: MfaState, token: str, intent: Intent, patch: PatchOutcome
    ) -> StateReply:
        after = await self._reread(token, person, intent.method)
        kind = OutcomeKind.CONFIRMED if after else OutcomeKind.ACCEPTED
        # Graph said yes: that a read has not caught up yet does not make it a failure.
        shown = _with(state, after) if after else state.with_default(intent.method)
        await self._record_outcome(Outcome(intent.id, kind, flat_keys(shown), patch.request_id))
        news = Changed(state.preferences.default_name, intent.method, confirmed=after is not None)
        return self._reply(person, shown, news)

    async def _after_doubt(
        self, person: Person, state: MfaState, token: str, intent: Intent, error: UpstreamError
    ) -> StateReply:
        """No answer tells whether it took; only a read that shows the new default can."""
        log_error(_log, error)
        after = await self._reread(token, person, intent.method)
        if after:
            shown = _with(state, after)
            await self._record_outcome(
                Outcome(intent.id, OutcomeKind.CONFIRMED, flat_keys(shown), error=type(error).__name__)
            )
            return self._reply(person, shown, Changed(state.preferences.default_name, intent.method, confirmed=True))
        await self._record_outcome(Outcome(intent.id, OutcomeKind.UNKNOWN, error=type(error).__name__))
        return self._reply(person, state, OutcomeUnknown(intent.method))

    async def _after_refusal(self, person: Person, intent: Intent, error: MfaBotError) -> StateReply:
        request_id = error.facts.get("request_id")
        await self._record_outcome(
            Outcome(
                intent.id,
                OutcomeKind.REFUSED,
                intent.before,
                str(request_id) if request_id else None,
                type(error).__name__,
            )
        )
        if isinstance(error, SignInNeeded):
            self._tokens.forget(person)
        if not isinstance(error, MethodRefused):
            raise error
        log_error(_log, error)
        return await self.show(person, Refused(intent.method))

    async def _reread(self, token: str, person: Person, method: DefaultMethod) -> Preferences | None:
        """Graph's preferences once they show ``method``; None if they do not within the bound."""
        for pause_s in self._pace.reread_pauses_s:
            await asyncio.sleep(pause_s)
            try:
                preferences = await self._graph.read_preferences(token, person.oid)
            except MfaBotError as error:
                log_error(_log, error)
            else:
                if preferences.default is method:
                    return preferences
        return None

    async def _record_outcome(self, outcome: Outcome) -> None:
        self._observe_change(outcome.kind)
        _log.info("change ended", intent=outcome.intent_id, outcome=outcome.kind.value, error=outcome.error)
        try:
            await self._records.record_outcome(outcome)
        except StoreUnavailable as error:
            # Graph has answered already; hiding that from the person would be a lie. The intent stays without an
            # outcome, which the trail shows as unknown, and the operator is told.
            log_error(_log, error, intent=outcome.intent_id, outcome=outcome.kind.value)

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


def _with(state: MfaState, preferences: Preferences) -> MfaState:
    return MfaState(preferences, state.methods)
