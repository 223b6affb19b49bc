"""One change of a default method: on record before it is made, and never called more or less than it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import uuid4

from bot.errors import MfaBotError, StoreUnavailable, UpstreamError
from bot.graph import PatchOutcome
from bot.mfa import DefaultMethod, MfaState, Oid, Person, Preferences, flat_keys
from bot.replies import Changed, NewsItem, OutcomeUnknown
from bot.settings import Pace
from bot.store import RESUMED, Intent, Limits, Outcome, OutcomeKind
from bot.telemetry import get_logger, log_error

__all__ = ["ChangeMaker", "ChangingGraph", "Origin", "Spawn", "Wish", "WritingRecords"]

_log = get_logger(__name__)

Spawn = Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]
"""Runs something in the background that is waited for at shutdown."""


class ChangingGraph(Protocol):
    """Graph, as far as a change needs it. See ``bot.graph.GraphClient``."""

    async def read_preferences(self, token: str, oid: Oid) -> Preferences:
        """Preferences alone."""

    async def set_default_method(
        self, token: str, oid: Oid, method: DefaultMethod, *, client_request_id: str
    ) -> PatchOutcome:
        """The one change that this bot makes."""


class WritingRecords(Protocol):
    """The audit trail, as far as a change needs it. See ``bot.store.AuditTrail``."""

    async def record_intent(self, intent: Intent, limits: Limits) -> None:
        """Before Graph is asked."""

    async def record_outcome(self, outcome: Outcome) -> None:
        """After Graph has answered."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a wish comes from: ``wish_key`` is unique to the message or card, the rest goes to the audit trail."""

    wish_key: str
    conversation_id: str
    by_button: bool = False
    attempt: int = 0
    """How often the same wish was tried before: a try may end with a sign-in, after which it goes on."""

    @property
    def key(self) -> str:
        """What makes this try unique."""
        return f"{RESUMED}{self.attempt}:{self.wish_key}" if self.attempt else self.wish_key

    def at(self, attempt: int) -> Origin:
        """Another try of the same wish."""
        return replace(self, attempt=attempt)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be changed: ``actor`` wants ``method`` for ``target``, whose ``state`` was read a moment ago."""

    actor: Person
    target: Person
    method: DefaultMethod
    state: MfaState
    origin: Origin
    undoes: str | None = None
    """Id of the intent of the change that is put back."""
    follows: str | None = None
    """See ``bot.store.Intent.follows``."""
    shown: str | None = None
    """The default that Graph showed before, where ``state`` knows better than its reads."""


class ChangeMaker:
    """Intent, PATCH, re-read, outcome: in this order, and each exactly once."""

    def __init__(
        self,
        graph: ChangingGraph,
        records: WritingRecords,
        limits: Limits,
        pace: Pace,
        spawn: Spawn,
        observe: Callable[[OutcomeKind], None],
    ) -> None:
        self._graph = graph
        self._records = records
        self._limits = limits
        self._pace = pace
        self._spawn = spawn
        self._observe = observe

    async def make(self, wish: Wish, token: str) -> tuple[MfaState, NewsItem]:
        """The state after the change, and what to say of it: changed, or that nobody can tell.

        Raises:
            NotBegun: what is on record does not let it begin, so Graph was not asked.
            StoreUnavailable: the intent could not be recorded, so Graph was not asked.
            MfaBotError: Graph refused; nothing was changed.
        """
        intent = Intent(
            id=str(uuid4()),
            actor=wish.actor,
            target=wish.target,
            method=wish.method,
            conversation_id=wish.origin.conversation_id,
            before=flat_keys(wish.state),
            client_request_id=str(uuid4()),
            key=wish.origin.key,
            by_button=wish.origin.by_button,
            undoes=wish.undoes,
            follows=wish.follows,
        )
        # Audit first: if this raises, Graph is never asked.
        await self._begin(intent)
        try:
            patch = await self._graph.set_default_method(
                token, wish.target.oid, wish.method, client_request_id=intent.client_request_id
            )
        except UpstreamError as error:
            return await self._after_doubt(wish, token, intent, error)
        except MfaBotError as error:
            request_id = error.facts.get("request_id")
            await self._record(intent, OutcomeKind.REFUSED, wish.state, str(request_id) if request_id else None, error)
            raise
        return await self._after_success(wish, token, intent, patch)

    async def _begin(self, intent: Intent) -> None:
        try:
            await self._records.record_intent(intent, self._limits)
        except StoreUnavailable as failure:
            # The connection may have broken when the record was already made. Then it must not say for ever that
            # something may have happened.
            never_asked = Outcome(intent, OutcomeKind.REFUSED, error=type(failure).__name__)
            self._spawn(self._write_later(never_asked))
            raise

    async def _after_success(
        self, wish: Wish, token: str, intent: Intent, patch: PatchOutcome
    ) -> tuple[MfaState, NewsItem]:
        """Graph said yes: that a read has not caught up yet does not make it a failure."""
        after = await self._reread(wish, token)
        kind = OutcomeKind.CONFIRMED if after else OutcomeKind.ACCEPTED
        state = after or wish.state.with_default(wish.method)
        await self._record(intent, kind, state, patch.request_id)
        return state, _news(wish, confirmed=after is not None)

    async def _after_doubt(
        self, wish: Wish, token: str, intent: Intent, error: UpstreamError
    ) -> tuple[MfaState, NewsItem]:
        """No answer tells whether it took; only a read that shows the new default can."""
        log_error(_log, error)
        # A read that showed the wished method before already proves nothing.
        after = None if wish.shown == wish.method.value else await self._reread(wish, token)
        if after is None:
            await self._record(intent, OutcomeKind.UNKNOWN, None, None, error)
            return wish.state, OutcomeUnknown(wish.method)
        await self._record(intent, OutcomeKind.CONFIRMED, after, None, error)
        return after, _news(wish, confirmed=True)

    async def _reread(self, wish: Wish, token: str) -> MfaState | None:
        """The state once Graph's preferences show the wished method; None if they do not within the bound."""
        for pause_s in self._pace.reread_pauses_s:
            await asyncio.sleep(pause_s)
            try:
                preferences = await self._graph.read_preferences(token, wish.target.oid)
            except MfaBotError as error:
                log_error(_log, error)
            else:
                if preferences.default is wish.method:
                    return MfaState(preferences, wish.state.methods)
        return None

    async def _record(
        self,
        intent: Intent,
        kind: OutcomeKind,
        after: MfaState | None,
        request_id: str | None = None,
        error: MfaBotError | None = None,
    ) -> None:
        name = type(error).__name__ if error else None
        self._observe(kind)
        _log.info("change ended", intent=intent.id, outcome=kind.value, error=name)
        outcome = Outcome(intent, kind, flat_keys(after) if after else None, request_id, name)
        if not await self._write(outcome):
            # Graph has answered already; hiding that from the person would be a lie. So the record comes later.
            self._spawn(self._write_later(outcome))

    async def _write(self, outcome: Outcome) -> bool:
        try:
            await self._records.record_outcome(outcome)
        except StoreUnavailable as failure:
            log_error(_log, failure, intent=outcome.intent.id, outcome=outcome.kind.value)
            return False
        return True

    async def _write_later(self, outcome: Outcome) -> None:
        """Try again for a while. If that stays in vain, the sweep will say that the outcome is unknown."""
        for pause_s in self._pace.store_pauses_s:
            await asyncio.sleep(pause_s)
            if await self._write(outcome):
                return


def _news(wish: Wish, *, confirmed: bool) -> Changed:
    before = wish.state.preferences.default_name
    return Changed(before, wish.method, confirmed=confirmed, undone=wish.undoes is not None)
