"""Tokens in memory: people's by person and scopes, and the bot's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.errors import SignInNeeded, SignInRefused, Throttled, Unavailable
from bot.identity.bot_token import BotToken
from bot.identity.entra import AccessToken
from bot.identity.sso import SsoToken
from bot.identity.tokens import SELF_SCOPES, UserTokens
from bot.mfa import Oid, Person, TenantId

HOUR = 3600.0
OTHER_SCOPES = frozenset({"User.Read"})


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self.now


class Entra:
    """Exchanges by counting; waits while ``gate`` is closed, fails with ``error`` while one is set."""

    def __init__(self, clock: Clock, lifetime_s: float = HOUR) -> None:
        self.clock = clock
        self.lifetime_s = lifetime_s
        self.calls: list[tuple[str, frozenset[str]]] = []
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def on_behalf_of(self, assertion: str, scopes: frozenset[str]) -> AccessToken:
        """A token for a person, whoever it is."""
        self.calls.append((assertion, scopes))
        number = len(self.calls)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return AccessToken(f"token {number}", self.clock.now + self.lifetime_s)

    async def for_the_bot(self) -> AccessToken:
        """The bot's own token."""
        return await self.on_behalf_of("", frozenset())


@pytest.fixture
def clock() -> Clock:
    """The time, in the test's hand."""
    return Clock()


@pytest.fixture
def entra(clock: Clock) -> Entra:
    """An Entra that answers at once."""
    return Entra(clock)


@pytest.fixture
def tokens(entra: Entra, clock: Clock) -> UserTokens:
    """An empty cache for three."""
    return UserTokens(entra, capacity=3, clock=clock)


def person(name: str = "ann", tid: str = "t-1") -> Person:
    """Somebody in the tenant."""
    return Person(Oid(f"oid-{name}"), TenantId(tid))


def sso(clock: Clock, name: str = "ann", assertion: str = "first", lifetime_s: float = HOUR) -> SsoToken:
    """A verified token from Teams."""
    return SsoToken(person(name), clock.now + lifetime_s, assertion)


async def settle() -> None:
    """Let every task run until it waits for something."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_empty_cache_has_no_token(tokens: UserTokens) -> None:
    """Nobody has a token before an exchange."""
    with pytest.raises(SignInNeeded):
        tokens.cached(person(), SELF_SCOPES)


async def test_what_was_exchanged_serves_later_turns(tokens: UserTokens, entra: Entra, clock: Clock) -> None:
    """A turn without an assertion uses the token of an earlier one."""
    assert "token 1" == await tokens.exchange(sso(clock), SELF_SCOPES)
    assert "token 1" == tokens.cached(person(), SELF_SCOPES)
    assert [("first", SELF_SCOPES)] == entra.calls


@pytest.mark.parametrize(
    ("token_s", "assertion_s", "usable_s"),
    [(HOUR, HOUR, 3300.0), (HOUR, 600.0, 600.0), (28 * HOUR, HOUR, HOUR), (HOUR, 28 * HOUR, 3300.0)],
)
async def test_a_token_ends_with_its_margin_or_with_its_assertion(
    entra: Entra, tokens: UserTokens, clock: Clock, token_s: float, assertion_s: float, usable_s: float
) -> None:
    """Five minutes before its own end, or at the end of the assertion it came from, whichever is earlier."""
    entra.lifetime_s = token_s
    await tokens.exchange(sso(clock, lifetime_s=assertion_s), SELF_SCOPES)
    clock.now += usable_s - 1
    assert "token 1" == tokens.cached(person(), SELF_SCOPES)
    clock.now += 1
    with pytest.raises(SignInNeeded):
        tokens.cached(person(), SELF_SCOPES)
    assert 0 == len(tokens)


async def test_the_same_assertion_is_exchanged_once(tokens: UserTokens, entra: Entra, clock: Clock) -> None:
    """Entra counts identical requests as a loop, so the second delivery is answered from memory."""
    once = sso(clock)
    assert ["token 1", "token 1"] == [await tokens.exchange(once, SELF_SCOPES) for _ in range(2)]
    assert 1 == len(entra.calls)


async def test_the_same_assertion_is_exchanged_again_when_its_token_has_ended(
    tokens: UserTokens, entra: Entra, clock: Clock
) -> None:
    """Memory answers no longer than the token lives."""
    once = sso(clock)
    await tokens.exchange(once, SELF_SCOPES)
    clock.now += HOUR
    assert "token 2" == await tokens.exchange(once, SELF_SCOPES)
    assert 2 == len(entra.calls)


async def test_a_new_assertion_is_exchanged_and_replaces_the_old(tokens: UserTokens, clock: Clock) -> None:
    """A fresh sign-in gives a fresh token at once, though the old one has not ended."""
    await tokens.exchange(sso(clock, assertion="first"), SELF_SCOPES)
    assert "token 2" == await tokens.exchange(sso(clock, assertion="second"), SELF_SCOPES)
    assert ("token 2", 1) == (tokens.cached(person(), SELF_SCOPES), len(tokens))


async def test_twenty_callers_share_one_flight(tokens: UserTokens, entra: Entra, clock: Clock) -> None:
    """Twenty deliveries of one assertion at the same moment are one call to Entra and one answer to all."""
    entra.gate.clear()
    once = sso(clock)
    callers = [asyncio.create_task(tokens.exchange(once, SELF_SCOPES)) for _ in range(20)]
    await settle()
    entra.gate.set()
    assert ["token 1"] * 20 == await asyncio.gather(*callers)
    assert 1 == len(entra.calls)


async def test_who_gives_up_does_not_take_the_others_along(tokens: UserTokens, entra: Entra, clock: Clock) -> None:
    """A caller that is cancelled leaves the exchange to the others, and its result in memory."""
    entra.gate.clear()
    once = sso(clock)
    first, second = (asyncio.create_task(tokens.exchange(once, SELF_SCOPES)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    entra.gate.set()
    assert "token 1" == await second
    assert (True, "token 1") == (first.cancelled(), tokens.cached(person(), SELF_SCOPES))


async def test_flights_of_different_people_are_their_own(tokens: UserTokens, entra: Entra, clock: Clock) -> None:
    """Two people at the same moment get a token each, even with one assertion's text."""
    entra.gate.clear()
    callers = [asyncio.create_task(tokens.exchange(sso(clock, name), SELF_SCOPES)) for name in ("ann", "ben")]
    await settle()
    entra.gate.set()
    assert ["token 1", "token 2"] == await asyncio.gather(*callers)


@pytest.mark.parametrize("error", [SignInRefused("expired"), Throttled("Entra"), Unavailable("Entra")])
async def test_a_failure_is_kept_for_nobody(tokens: UserTokens, entra: Entra, clock: Clock, error: Exception) -> None:
    """Everybody who waits for a failed exchange hears of it; the next one asks again and nothing is kept."""
    entra.error = error
    once = sso(clock)
    results = await asyncio.gather(*(tokens.exchange(once, SELF_SCOPES) for _ in range(3)), return_exceptions=True)
    assert ([error] * 3, 1, 0) == (results, len(entra.calls), len(tokens))
    entra.error = None
    assert "token 2" == await tokens.exchange(once, SELF_SCOPES)


async def test_a_failed_renewal_leaves_the_older_token(tokens: UserTokens, entra: Entra, clock: Clock) -> None:
    """A new assertion that is refused takes nothing away."""
    await tokens.exchange(sso(clock), SELF_SCOPES)
    entra.error = SignInRefused("forged")
    with pytest.raises(SignInRefused):
        await tokens.exchange(sso(clock, assertion="second"), SELF_SCOPES)
    assert "token 1" == tokens.cached(person(), SELF_SCOPES)


async def test_a_failure_that_nobody_waits_for_is_quiet(tokens: UserTokens, entra: Entra, clock: Clock) -> None:
    """If everybody has given up, the failed exchange does not complain about a lost exception."""
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    entra.gate.clear()
    entra.error = Unavailable("Entra")
    caller = asyncio.create_task(tokens.exchange(sso(clock), SELF_SCOPES))
    await settle()
    caller.cancel()
    entra.gate.set()
    await settle()
    assert [] == complaints


async def names_in(tokens: UserTokens, *names: str) -> list[str]:
    """Who of ``names`` has a token, asked from the last to the first so that their order stays."""
    found = []
    for name in names:
        try:
            tokens.cached(person(name), SELF_SCOPES)
        except SignInNeeded:
            continue
        found.append(name)
    return found


@pytest.mark.parametrize("use", ["cached", "exchange"])
async def test_the_least_recently_used_goes_first(tokens: UserTokens, clock: Clock, use: str) -> None:
    """The cache holds three; whoever has not used theirs for the longest time makes room, by either way of use."""
    anns = sso(clock, "ann", "ann's")
    await tokens.exchange(anns, SELF_SCOPES)
    for name in ("ben", "cleo"):
        await tokens.exchange(sso(clock, name, name), SELF_SCOPES)
    if use == "cached":
        tokens.cached(person("ann"), SELF_SCOPES)
    else:
        await tokens.exchange(anns, SELF_SCOPES)
    await tokens.exchange(sso(clock, "dan", "dan"), SELF_SCOPES)
    assert 3 == len(tokens)
    assert ["ann", "cleo", "dan"] == await names_in(tokens, "ann", "ben", "cleo", "dan")


async def test_the_cache_is_bounded(tokens: UserTokens, clock: Clock) -> None:
    """However many people come, no more tokens than the capacity are in memory."""
    for number in range(50):
        await tokens.exchange(sso(clock, f"p{number}", f"a{number}"), SELF_SCOPES)
    assert 3 == len(tokens)


async def test_scopes_are_kept_apart(tokens: UserTokens, entra: Entra, clock: Clock) -> None:
    """A token for some scopes is never given out for others."""
    once = sso(clock)
    await tokens.exchange(once, OTHER_SCOPES)
    with pytest.raises(SignInNeeded):
        tokens.cached(person(), SELF_SCOPES)
    await tokens.exchange(once, SELF_SCOPES)
    assert ("token 1", "token 2") == (tokens.cached(person(), OTHER_SCOPES), tokens.cached(person(), SELF_SCOPES))
    assert [OTHER_SCOPES, SELF_SCOPES] == [scopes for _, scopes in entra.calls]


async def test_tenants_are_kept_apart(tokens: UserTokens, clock: Clock) -> None:
    """The same object id in another tenant is somebody else."""
    await tokens.exchange(sso(clock), SELF_SCOPES)
    with pytest.raises(SignInNeeded):
        tokens.cached(person(tid="t-2"), SELF_SCOPES)


async def test_a_person_is_named_as_in_their_assertion(tokens: UserTokens, clock: Clock) -> None:
    """The channel tells no UPN: it comes from what that very person last signed in with, until they sign out."""
    named = replace(person(), upn="ann@contoso.example", display_name="Ann")
    unnamed = [tokens.named(person())]
    await tokens.exchange(replace(sso(clock), person=named), SELF_SCOPES)
    unnamed += [tokens.named(person(tid="t-2"))]
    assert [person(), person(tid="t-2")] == unnamed
    # That the token has ended, or is not taken any more, takes no name away.
    tokens.forget("token 1", person())
    clock.now += 2 * HOUR
    assert named == tokens.named(replace(person(), display_name="another"))
    renamed = replace(named, display_name="Ann New")
    await tokens.exchange(replace(sso(clock, assertion="second"), person=renamed), SELF_SCOPES)
    assert renamed == tokens.named(person())
    tokens.sign_out(person().tid, person().oid)
    assert person() == tokens.named(person())


async def test_signing_out_drops_all_of_one_person_and_nothing_else(tokens: UserTokens, clock: Clock) -> None:
    """It ends every token of that person, for all scopes; others keep theirs, and twice does no harm."""
    for scopes in (SELF_SCOPES, OTHER_SCOPES):
        await tokens.exchange(sso(clock), scopes)
    await tokens.exchange(sso(clock, "ben"), SELF_SCOPES)
    for _ in range(2):
        tokens.sign_out(person().tid, person().oid)
    assert (["ben"], 1) == (await names_in(tokens, "ann", "ben"), len(tokens))


async def test_a_refused_token_is_exchanged_anew(tokens: UserTokens, clock: Clock) -> None:
    """After Graph has refused a token, the same assertion asks Entra for another; a newer one is not dropped."""
    once = sso(clock)
    await tokens.exchange(once, SELF_SCOPES)
    tokens.forget("token 1", person())
    assert "token 2" == await tokens.exchange(once, SELF_SCOPES)
    tokens.forget("token 1", person())
    assert "token 2" == tokens.cached(person(), SELF_SCOPES)


async def test_what_is_fetched_while_somebody_signs_out_is_not_kept(clock: Clock) -> None:
    """An exchange that was under way ends, but its token is gone."""
    fetching, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        async def on_behalf_of(self, assertion: str, scopes: frozenset[str]) -> AccessToken:
            fetching.set()
            await go_on.wait()
            return AccessToken(f"{assertion} {len(scopes)}", clock.now + HOUR)

    tokens = UserTokens(Slow(), clock=clock)
    exchange = asyncio.create_task(tokens.exchange(sso(clock), SELF_SCOPES))
    await fetching.wait()
    tokens.sign_out(person().tid, person().oid)
    go_on.set()
    await exchange
    assert 0 == len(tokens)


async def test_what_the_page_has_brought_goes_before_all_else(tokens: UserTokens, clock: Clock) -> None:
    """It replaces every token of the person, and a silent exchange neither asks Entra nor puts a weaker one there."""
    for scopes in (SELF_SCOPES, OTHER_SCOPES):
        await tokens.exchange(sso(clock), scopes)
    tokens.keep(person(), SELF_SCOPES, AccessToken("from the page", clock.now + 28 * HOUR), asked_at=clock.now)
    assert ("from the page", 1) == (tokens.cached(person(), SELF_SCOPES), len(tokens))
    assert "from the page" == await tokens.exchange(sso(clock, assertion="another"), SELF_SCOPES)
    clock.now += HOUR
    with pytest.raises(SignInNeeded):
        tokens.cached(person(), SELF_SCOPES)


async def test_what_the_page_brings_after_signing_out_is_not_kept(tokens: UserTokens, clock: Clock) -> None:
    """The code was being redeemed when the person signed out; a later sign-in counts again."""
    asked_at = clock.now
    tokens.sign_out(person().tid, person().oid)
    kept = []
    for at in (asked_at, asked_at + 1):
        tokens.keep(person(), SELF_SCOPES, AccessToken("from the page", clock.now + HOUR), asked_at=at)
        kept.append(len(tokens))
    assert [0, 1] == kept


@pytest.mark.parametrize(("minutes", "fresh"), [(0, True), (9.99, True), (10, False)])
async def test_a_sign_in_by_the_page_is_fresh_for_ten_minutes(
    tokens: UserTokens, clock: Clock, minutes: float, fresh: bool
) -> None:
    """A silent one is never."""
    await tokens.exchange(sso(clock, "ben"), SELF_SCOPES)
    tokens.keep(person(), SELF_SCOPES, AccessToken("from the page", clock.now + HOUR), asked_at=clock.now)
    clock.now += minutes * 60
    assert (fresh, False) == tuple(tokens.is_fresh(person(who), SELF_SCOPES) for who in ("ann", "ben"))
    assert not tokens.is_fresh(person("eve"), SELF_SCOPES)


async def test_no_text_of_a_token_holds_it(clock: Clock) -> None:
    """A token or an assertion that is printed by mistake shows when it ends, not what it is."""
    texts = f"{AccessToken('very secret', 1.0)!r} {sso(clock, assertion='very secret')!r}"
    assert "very secret" not in texts


@pytest.fixture
def bot_token(entra: Entra, clock: Clock) -> BotToken:
    """The bot's own token, not fetched yet."""
    return BotToken(entra.for_the_bot, clock=clock)


async def test_one_fetch_serves_all_who_wait(bot_token: BotToken, entra: Entra) -> None:
    """Twenty turns at the start are one call to Entra."""
    entra.gate.clear()
    callers = [asyncio.create_task(bot_token.get()) for _ in range(20)]
    await settle()
    entra.gate.set()
    assert ["token 1"] * 20 == await asyncio.gather(*callers)
    assert 1 == len(entra.calls)


async def test_a_good_token_is_not_fetched_again(bot_token: BotToken, entra: Entra, clock: Clock) -> None:
    """Until it nears its end, the token is given out without asking."""
    await bot_token.get()
    clock.now += HOUR - 601
    await bot_token.get()
    await settle()
    assert 1 == len(entra.calls)


async def test_it_is_renewed_in_the_background(bot_token: BotToken, entra: Entra, clock: Clock) -> None:
    """Near its end the old token serves on while one fetch is under way; then the new one serves."""
    await bot_token.get()
    clock.now += HOUR - 599
    entra.gate.clear()
    during = [await bot_token.get() for _ in range(5)]
    await settle()
    entra.gate.set()
    await settle()
    assert (["token 1"] * 5, "token 2", 2) == (during, await bot_token.get(), len(entra.calls))


async def test_a_failing_renewal_keeps_the_old_one_to_its_end(bot_token: BotToken, entra: Entra, clock: Clock) -> None:
    """While Entra is down the old token serves until it is useless; only then does the failure show."""
    await bot_token.get()
    entra.error = Unavailable("Entra")
    for left_s in (599.0, 300.0, 31.0):
        clock.now = 1_800_000_000.0 + HOUR - left_s
        assert "token 1" == await bot_token.get()
        await settle()
    clock.now += 2
    with pytest.raises(Unavailable):
        await bot_token.get()


@pytest.mark.parametrize("left_s", [29.0, 0.0, -5.0])
async def test_a_token_at_its_end_is_not_given_out(
    bot_token: BotToken, entra: Entra, clock: Clock, left_s: float
) -> None:
    """With less than half a minute left the caller waits for a new one."""
    await bot_token.get()
    clock.now += HOUR - left_s
    assert ("token 2", 2) == (await bot_token.get(), len(entra.calls))


async def test_a_failed_fetch_is_tried_again_by_the_next_turn(bot_token: BotToken, entra: Entra) -> None:
    """Everybody who waits hears of the failure; nothing of it stays."""
    entra.error = Unavailable("Entra")
    results = await asyncio.gather(*(bot_token.get() for _ in range(3)), return_exceptions=True)
    assert ([entra.error] * 3, 1) == (results, len(entra.calls))
    entra.error = None
    assert "token 2" == await bot_token.get()


async def test_forget_drops_the_refused_token(bot_token: BotToken) -> None:
    """What the connector did not take is not tried again."""
    bot_token.forget(await bot_token.get())
    assert "token 2" == await bot_token.get()


async def test_forget_of_an_older_token_does_not_drop_the_new(bot_token: BotToken, entra: Entra) -> None:
    """Ten turns that were refused with the old token do not throw away the new one ten times."""
    old = await bot_token.get()
    bot_token.forget(old)
    await bot_token.get()
    bot_token.forget(old)
    assert ("token 2", 2) == (await bot_token.get(), len(entra.calls))


async def test_who_gives_up_leaves_the_fetch_to_the_others(bot_token: BotToken, entra: Entra) -> None:
    """A turn that runs out of time does not end the fetch for all."""
    entra.gate.clear()
    first, second = (asyncio.create_task(bot_token.get()) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    entra.gate.set()
    assert ("token 1", 1) == (await second, len(entra.calls))


async def test_close_ends_a_fetch_under_way(bot_token: BotToken, entra: Entra) -> None:
    """Closing waits for nothing and leaves no task behind; closing twice is fine."""
    entra.gate.clear()
    caller = asyncio.create_task(bot_token.get())
    await settle()
    for _ in range(2):
        await bot_token.close()
    await settle()
    assert caller.cancelled()
    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_an_unused_token_can_be_closed(entra: Entra) -> None:
    """A bot that never sent anything stops without asking Entra."""
    clocks: list[Callable[[], float]] = [lambda: 0.0]
    await BotToken(entra.for_the_bot, clock=clocks[0]).close()
    assert [] == entra.calls
