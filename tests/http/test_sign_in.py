"""Single sign-on: silent, bound to one person, and honest when it fails."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox import Answer, SigningKey
from sandbox.faults import connector, graph, token
from tests.conftest import ADA, GRACE, Start, World, eventually
from tests.database import execute
from tests.http.signing_in import exchange, invoke, oauth, sign_in_card, sign_in_cards, silent_card, sso, visible_cards

pytestmark = pytest.mark.usefixtures("nobody_steps_down")


async def test_the_sign_in_card_asks_silently_and_has_a_button(world: World) -> None:
    """The card names the exchange and nothing else, no uri; its button leads to our own page."""
    card = await silent_card(world, ADA, "show my methods")

    assert ["id"] == list(card["tokenExchangeResource"])
    (button,) = card["buttons"]
    assert "signin" == button["type"]
    assert f"{world.sandbox.site_url}/auth/start?for={card['tokenExchangeResource']['id']}" == button["value"]


async def test_a_good_token_is_answered_200_and_the_command_goes_on(world: World) -> None:
    """The exchange is answered without a body, and the command that waited is carried out by itself."""
    card = await silent_card(world, ADA, "set my default MFA to oath")

    result = await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA))

    assert (result.status, result.body) == (200, None)
    await world.client(ADA).next_bot_card()
    assert world.default_of(ADA) == "oath"


async def test_every_delivery_has_its_own_result_but_one_effect(world: World) -> None:
    """A client whose token is bad hears 400; the one with a good token still succeeds once."""
    card = await silent_card(world, ADA, "set my default MFA to oath")
    exchange_id = card["tokenExchangeResource"]["id"]

    bad = await exchange(world, ADA, exchange_id, sso(world, ADA, lifetime_s=-4000))
    good = [await exchange(world, ADA, exchange_id, sso(world, ADA)) for _ in range(3)]

    assert bad.status == 400
    assert {"id": exchange_id, "connectionName": ""}.items() <= bad.body.items()
    assert [result.status for result in good] == [200, 200, 200]
    await world.client(ADA).next_bot_card()
    await world.sandbox.teams.idle()
    assert world.patches() == 1


async def test_the_same_token_is_exchanged_once(world: World) -> None:
    """Deliveries that carry one and the same token cost one call to Entra."""
    card = await silent_card(world, ADA, "show my methods")
    sso_token = sso(world, ADA)

    for _ in range(4):
        assert (await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso_token)).status == 200

    assert len(world.sandbox.faults.seen(token("jwt-bearer"))) == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"oid": GRACE},
        {"tid": "11111111-1111-4111-8111-111111111111"},
        {"iss": "https://login.microsoftonline.com/other/v2.0"},
        {"aud": "api://somebody-else"},
        {"scp": "other_scope"},
        {"scp": None},
        {"exp": 1},
        {"exp": None},
        {"oid": None},
        {"nbf": 99999999999},
    ],
    ids=str,
)
async def test_a_token_that_is_not_this_persons_for_this_bot_has_no_effect(
    world: World, claims: dict[str, Any]
) -> None:
    """Rule 2: signature, issuer, audience, tenant, person, scope and times all count; Entra is not even asked."""
    card = await silent_card(world, ADA, "set my default MFA to oath")

    result = await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA, **claims))

    assert result.status == 400
    assert world.sandbox.faults.seen(token("jwt-bearer")) == []
    assert (world.default_of(ADA), len(world.tokens)) == ("voiceMobile", 0)


@pytest.mark.parametrize("forged", ["", "x.y.z", None, 5, {"a": 1}])
async def test_what_is_no_token_is_refused(world: World, forged: object) -> None:
    """A missing or malformed token is 400, never 500, and changes nothing."""
    card = await silent_card(world, ADA, "set my default MFA to oath")

    assert 400 == (await exchange(world, ADA, card["tokenExchangeResource"]["id"], forged)).status
    assert world.default_of(ADA) == "voiceMobile"


async def test_a_token_signed_by_somebody_else_is_refused(world: World) -> None:
    """A key that Entra does not publish signs nothing for us."""
    card = await silent_card(world, ADA, "set my default MFA to oath")
    forged = sso(world, ADA, key=SigningKey.generate())

    assert (await exchange(world, ADA, card["tokenExchangeResource"]["id"], forged)).status == 400
    assert world.default_of(ADA) == "voiceMobile"


async def test_nobody_can_take_over_somebody_elses_command(world: World) -> None:
    """Grace's good token with the id of Ada's card signs Grace in, and carries nothing out."""
    card = await silent_card(world, ADA, "set my default MFA to oath")

    result = await exchange(world, GRACE, card["tokenExchangeResource"]["id"], sso(world, GRACE))

    assert result.status == 200
    await world.sandbox.teams.idle()
    assert (world.default_of(ADA), world.default_of(GRACE), world.patches()) == ("voiceMobile", "push", 0)


@pytest.mark.parametrize("exchange_id", [None, "", 7, "x" * 65, ["a"], "\0", "a b", "\u00e4"])
async def test_an_exchange_needs_an_id(world: World, exchange_id: object) -> None:
    """An exchange without a usable id is 400."""
    assert (await exchange(world, ADA, exchange_id, sso(world, ADA))).status == 400


async def test_an_unknown_exchange_signs_in_and_does_nothing(world: World) -> None:
    """An id that we never sent, or whose command has expired, carries nothing out."""
    assert (await exchange(world, ADA, "never-sent", sso(world, ADA))).status == 200
    assert len(world.tokens) == 1
    assert world.client(ADA).messages == []


async def test_a_token_in_memory_serves_the_next_turn(world: World) -> None:
    """The second message needs no sign-in and no call to Entra."""
    await world.ask(ADA, "show my methods")
    await world.sandbox.teams.idle()
    exchanges = len(world.sandbox.faults.seen(token("jwt-bearer")))

    await world.ask(ADA, "set my default to sms")

    assert exchanges == len(world.sandbox.faults.seen(token("jwt-bearer")))
    assert len(world.client(ADA).notes) == 1


async def test_tokens_are_in_memory_only(world: World, tmp_path: Path) -> None:
    """Rule 3: after a whole conversation no token stands in the database."""
    await world.ask(ADA, "set my default MFA to oath")

    files = [path for path in tmp_path.iterdir() if path.name.startswith("mfabot.db")]
    assert {"mfabot.db", "mfabot.db-wal"} <= {path.name for path in files}
    assert [] == [path.name for path in files if b"eyJ" in path.read_bytes()]


async def test_tokens_do_not_reach_the_log(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Rule 3: neither a sign-in that works nor one that fails leaves a token in the log."""
    card = await silent_card(world, ADA, "show my methods")
    exchange_id = card["tokenExchangeResource"]["id"]
    world.sandbox.faults.add(token("jwt-bearer"), Answer(400, body="not json"))
    sso_token = sso(world, ADA)
    await exchange(world, ADA, exchange_id, sso_token)
    await exchange(world, ADA, exchange_id, sso_token)
    await exchange(world, ADA, exchange_id, sso(world, ADA, exp=1))

    printed = capsys.readouterr()
    assert "eyJ" not in printed.out + printed.err


async def test_graphs_401_asks_for_a_new_token_once_and_goes_on(world: World) -> None:
    """A token that Graph does not take any more is dropped; the person is signed in again and need not repeat."""
    await world.ask(ADA, "show my methods")
    world.sandbox.faults.add(
        graph("GET", "signInPreferences"), Answer(401, body={"error": {"code": "InvalidAuthenticationToken"}})
    )

    assert "Your default sign-in method" in await world.read(ADA, "show my methods")
    await eventually(lambda: len(world.client(ADA).notes) == 2)


async def test_graphs_401_for_ever_ends_with_an_explanation(world: World) -> None:
    """No endless loop: one new sign-in, then a sentence."""
    world.sandbox.faults.add(graph("POST", "$batch"), Answer(401), times=None)

    assert "I need to sign you in again" in await world.read(ADA, "show my methods")
    await world.sandbox.teams.idle()
    assert len([message for message in world.client(ADA).messages if oauth(message)]) == 1


@pytest.mark.parametrize(
    ("answer", "status", "sentence"),
    [
        ({"error": "invalid_grant", "suberror": "consent_required", "error_codes": [65001]}, 200, "admin consent"),
        ({"error": "invalid_client", "error_codes": [7000215]}, 503, "I am not set up correctly"),
        ({"error": "access_denied", "error_codes": [53003]}, 200, "A policy of your organisation"),
        ({"error": "temporarily_unavailable", "error_codes": [90033]}, 503, "too many requests"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_trouble_is_told_once_in_the_chat(
    world: World, answer: dict[str, Any], status: int, sentence: str
) -> None:
    """What a new sign-in would not cure is not answered by 412, and the chat gets one card that says what it is."""
    card = await silent_card(world, ADA, "set my default MFA to oath")
    world.sandbox.faults.add(token("jwt-bearer"), Answer(400, body=answer), times=None)

    results = [await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA)) for _ in range(3)]

    assert {status} == {result.status for result in results}
    trouble = await world.client(ADA).next_bot_card()
    assert sentence in trouble.visible_text
    await world.sandbox.teams.idle()
    assert len([message for message in world.client(ADA).messages if message.card]) == 1
    assert world.default_of(ADA) == "voiceMobile"


@pytest.mark.parametrize(
    "body", ["", "not json", "[]", "null", {"access_token": "x", "expires_in": 3600, "id_token": 7}]
)
async def test_an_answer_of_entras_that_msal_can_not_read_is_trouble_that_may_pass(world: World, body: Any) -> None:
    """A proxy's page, for example: 503 to the client, a card that says to try again, and no token is kept."""
    card = await silent_card(world, ADA, "set my default MFA to oath")
    world.sandbox.faults.add(token("jwt-bearer"), Answer(200, body=body), times=None)

    assert 503 == (await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA))).status
    assert "Microsoft is not answering right now" in (await world.client(ADA).next_bot_card()).visible_text
    assert 0 == len(world.tokens)


async def test_missing_consent_is_explained_without_a_loop(world: World) -> None:
    """In a tenant whose administrator has not consented yet the person learns whom to ask."""
    world.sandbox.tenant.consented_scopes.clear()

    assert "admin consent" in await world.read(ADA, "show my methods")


async def test_a_challenge_during_the_exchange_is_412(world: World) -> None:
    """When Entra wants the person to act, the client hears 412 and shows the card; what was said goes on waiting."""
    world.sandbox.faults.add(
        token("jwt-bearer"),
        Answer(400, body={"error": "interaction_required", "error_codes": [50076], "claims": '{"access_token":{}}'}),
        times=None,
    )
    await world.client(ADA).say("set my default MFA to oath")

    shown = await sign_in_card(world)
    assert "Please sign in once" in (oauth(shown) or {})["text"]
    await world.sandbox.teams.idle()
    assert [] == visible_cards(world)
    assert 1 == world.count("commands", "state = 'waiting'")
    assert world.default_of(ADA) == "voiceMobile"


async def test_an_outage_of_entra_is_not_a_consent_dialog(world: World) -> None:
    """When Entra is down no client is sent into a sign-in: 503, and a card that says to try again."""
    world.sandbox.faults.add(token("jwt-bearer"), Answer(503), times=None)

    assert "Microsoft is not answering right now" in await world.read(ADA, "show my methods")
    shown = [message for message in world.client(ADA).messages if oauth(message) and not message.hidden]
    assert shown == []


async def test_a_silent_entra_is_given_up_in_time(start: Start, pace: Any) -> None:
    """Rule 10: an answer that never comes is given up, and the person hears of it."""
    async with start(pace=pace(sign_in_s=0.2, call_s=0.15)) as world:
        world.sandbox.faults.add(token("jwt-bearer"), Answer(200, delay_s=1.0), times=None)
        started = time.monotonic()

        assert "Microsoft is not answering right now" in await world.read(ADA, "show my methods")
        assert time.monotonic() - started < 3.0


async def test_a_400_of_entra_is_not_replayed(world: World) -> None:
    """MSAL would answer the same request from its memory for a minute; after consent it has to work at once."""
    world.sandbox.tenant.consented_scopes.clear()
    assert "admin consent" in await world.read(ADA, "show my methods")
    world.sandbox.tenant.consented_scopes |= {"UserAuthenticationMethod.ReadWrite", "User.Read"}

    assert "Your default sign-in method" in await world.read(ADA, "show my methods")


async def test_one_persons_throttling_is_not_replayed_to_another(world: World) -> None:
    """MSAL would answer one person's 429 to everybody; here Grace is served while Ada is throttled."""

    async def only_ada(call: Any) -> Answer | None:
        return Answer(429, {"Retry-After": "60"}, {"error": "throttled"}) if call.person_oid == ADA else None

    world.sandbox.faults.add(token("jwt-bearer"), only_ada, times=None)

    assert "Your default sign-in method" not in await world.read(ADA, "show my methods")
    assert "Your default sign-in method" in await world.read(GRACE, "show my methods")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("resourcematchfailed", "I am not set up correctly"),
        ("oauthcardnotvalid", "I am not set up correctly"),
        ("installappfailed", "Teams can't find my app for you"),
        ("installedappnotfound", "Teams can't find my app for you"),
        ("invokeerror", "Microsoft is not answering right now"),
        ("authrequestfailed", "Microsoft is not answering right now"),
        ("somethingnew", "I could not sign you in"),
        (None, "I could not sign you in"),
        (5, "I could not sign you in"),
    ],
)
async def test_a_failure_that_teams_reports_is_told_to_the_person(
    world: World, code: object, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """signin/failure is answered 200, explained once for all clients, and logged; ignored, nobody would see it."""
    await silent_card(world, ADA, "show my methods")

    assert [200] * 3 == [(await invoke(world, ADA, "failure", {"code": code, "message": "x"})).status for _ in range(3)]

    assert sentence in (await world.client(ADA).next_bot_card()).visible_text
    await world.sandbox.teams.idle()
    assert 1 == len(visible_cards(world))
    assert f"code={code}" in capsys.readouterr().out or not isinstance(code, str)


@pytest.mark.parametrize("code", ["tokenmissing", "userconsentrequired", "interactionrequired"])
async def test_where_teams_gets_no_token_the_page_does(world: World, code: str) -> None:
    """Once for all clients the person is asked to sign in themselves, and what they said goes on after that."""
    await silent_card(world, ADA, "set my default MFA to oath")
    for _ in range(3):
        await invoke(world, ADA, "failure", {"code": code})
    await eventually(lambda: len(sign_in_cards(world)) == 2)
    await world.sandbox.teams.idle()
    asked = sign_in_cards(world)
    assert 2 == len(asked)
    assert "tokenExchangeResource" not in (oauth(asked[1]) or {})

    await world.client(ADA).sign_in(asked[1])

    assert "Changed:" in (await world.client(ADA).next_bot_card()).visible_text


async def test_a_failure_that_nobody_waits_for_is_only_logged(world: World) -> None:
    """Without a waiting command there is nothing to explain."""
    assert 200 == (await invoke(world, ADA, "failure", {"code": "tokenmissing"})).status
    await world.sandbox.teams.idle()
    assert [] == world.client(ADA).messages


async def test_an_expired_token_is_asked_for_once_more_without_a_word(world: World) -> None:
    """A client has sent a token from its memory that is too old: one silent retry, and the command goes on."""
    card = await silent_card(world, ADA, "set my default MFA to oath")
    world.client(ADA).endpoints = 1

    result = await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA, exp=1))

    assert 400 == result.status
    assert "Changed:" in (await world.client(ADA).next_bot_card()).visible_text
    assert 2 == len(sign_in_cards(world))
    assert [True, True] == [message.hidden for message in sign_in_cards(world)]


@pytest.mark.parametrize("by_entra", [False, True])
async def test_a_second_expired_token_shows_the_card(world: World, by_entra: bool) -> None:
    """No endless loop: after the retry the person is shown the sign-in card, whose page helps."""
    if by_entra:
        expired = Answer(400, body={"error": "invalid_grant", "error_codes": [500133]})
        world.sandbox.faults.add(token("jwt-bearer"), expired, times=None)
    first = await silent_card(world, ADA, "set my default MFA to oath")
    claims = {} if by_entra else {"exp": 1}
    assert 400 == (await exchange(world, ADA, first["tokenExchangeResource"]["id"], sso(world, ADA, **claims))).status
    await eventually(lambda: len(sign_in_cards(world)) == 2)
    second = sign_in_cards(world)[1]
    exchange_id = (oauth(second) or {})["tokenExchangeResource"]["id"]

    assert 412 == (await exchange(world, ADA, exchange_id, sso(world, ADA, **claims))).status

    await world.client(ADA).sign_in(second)
    assert "Changed:" in (await world.client(ADA).next_bot_card()).visible_text


@pytest.mark.parametrize(
    "claims", [{"idp": "https://sts.windows.net/11111111-1111-4111-8111-111111111111/"}, {"acct": 1}], ids=str
)
async def test_a_guest_is_refused_kindly(world: World, claims: dict[str, Any]) -> None:
    """Whoever another organisation has authenticated is told where their methods belong; Entra is not asked."""
    card = await silent_card(world, ADA, "set my default MFA to oath")

    assert 400 == (await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA, **claims))).status

    assert "I can only help members of this organisation" in (await world.client(ADA).next_bot_card()).visible_text
    assert [] == world.sandbox.faults.seen(token("jwt-bearer"))


async def test_commands_that_wait_are_carried_out_in_their_order(world: World) -> None:
    """Who says "sms" and then "oath" before the sign-in is done ends with oath, however the exchanges arrive."""
    first = await silent_card(world, ADA, "use text messages")
    second = await silent_card(world, ADA, "set my default to oath")

    assert first != second
    assert (await exchange(world, ADA, second["tokenExchangeResource"]["id"], sso(world, ADA))).status == 200
    assert (await exchange(world, ADA, first["tokenExchangeResource"]["id"], sso(world, ADA))).status == 200
    await eventually(lambda: len([message for message in world.client(ADA).messages if message.card]) == 2)

    assert ("oath", 2) == (world.default_of(ADA), world.patches())


async def test_one_clients_failure_does_not_take_the_others_success(world: World) -> None:
    """The phone's exchange meets a busy Entra, the desktop's succeeds: the wish is carried out, and no trouble told."""
    card = await silent_card(world, ADA, "set my default MFA to oath")
    world.sandbox.faults.add(token("jwt-bearer"), Answer(503))
    exchange_id = card["tokenExchangeResource"]["id"]

    failed = await exchange(world, ADA, exchange_id, sso(world, ADA))
    good = await exchange(world, ADA, exchange_id, sso(world, ADA))

    assert (503, 200) == (failed.status, good.status)
    assert "Changed:" in (await world.client(ADA).next_bot_card()).visible_text
    assert world.default_of(ADA) == "oath"


async def test_a_reported_failure_does_not_take_anothers_success(world: World) -> None:
    """One client reports that it has no token, another brings one: the wish is carried out."""
    card = await silent_card(world, ADA, "set my default MFA to oath")
    channel = world.sandbox.teams.channel
    ada = world.sandbox.tenant.people[ADA]

    await channel.post(channel.invoke(ada, "signin/failure", {"code": "tokenmissing"}))
    await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA))

    assert "Changed:" in (await world.client(ADA).next_bot_card()).visible_text


async def test_what_was_given_up_is_not_carried_out_later(world: World) -> None:
    """Whoever has heard that it did not work is not surprised by it later: the wish is gone with the explanation."""
    card = await silent_card(world, ADA, "set my default MFA to oath")
    await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, GRACE))
    assert "a different account" in (await world.client(ADA).next_bot_card()).visible_text
    await eventually(lambda: world.count("commands", "state = 'done'") == 1)

    world.client(ADA).endpoints = 1
    assert "Your default sign-in method" in await world.read(ADA, "show my methods")
    assert ("voiceMobile", 0) == (world.default_of(ADA), world.patches())


async def test_a_wish_right_after_the_sign_in_comes_second(world: World) -> None:
    """What was said first is done first, also if the second wish arrives while the first is about to go on."""
    client = world.client(ADA)

    await client.say("use text messages")
    await client.say("set my default to oath")
    await eventually(lambda: len([message for message in client.messages if message.card]) == 2)

    first, second = (message.visible_text for message in client.messages if message.card)
    assert "Changed: call to mobile phone → text message." in first
    assert "Changed: text message → one-time code." in second


async def test_a_busy_database_does_not_strand_a_wish(world: World) -> None:
    """When the waiting command can't be claimed at once, it is claimed a moment later."""
    card = await silent_card(world, ADA, "show my methods")
    await _allow_claims(world, allowed=False)
    assert 200 == (await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA))).status
    await _allow_claims(world, allowed=True)

    assert "Your default sign-in method" in (await world.client(ADA).next_bot_card()).visible_text


async def test_a_wish_that_can_not_be_claimed_is_explained(world: World) -> None:
    """When the database stays away, the person hears it."""
    card = await silent_card(world, ADA, "show my methods")
    await _allow_claims(world, allowed=False)

    await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA))

    assert "I can't save my records" in (await world.client(ADA).next_bot_card()).visible_text


async def _allow_claims(world: World, *, allowed: bool) -> None:
    """Let the database refuse, or take, updates of what waits."""
    refuse = """CREATE TRIGGER no_claims BEFORE UPDATE ON commands WHEN NEW.state = 'working'
        BEGIN SELECT RAISE(FAIL, 'busy'); END"""
    await asyncio.to_thread(execute, world.database_url, "DROP TRIGGER no_claims" if allowed else refuse)


async def test_a_401_at_the_change_signs_in_and_goes_on(world: World) -> None:
    """A token that dies between reading and changing costs the person nothing: one sign-in, then the change."""
    await world.ask(ADA, "show my methods")
    world.sandbox.faults.add(graph("PATCH"), Answer(401, body={"error": {"code": "InvalidAuthenticationToken"}}))

    assert "Changed: call to mobile phone → text message." in await world.read(ADA, "use text messages")
    assert (["refused", "confirmed"], "sms") == (world.outcomes(), world.default_of(ADA))


async def test_an_exchange_outside_the_personal_chat_shows_nothing(world: World) -> None:
    """Rule 8: a sign-in that comes from a group is refused, and what waits in the personal chat stays there."""
    card = await silent_card(world, ADA, "show my methods")
    channel = world.sandbox.teams.channel
    value = {"id": card["tokenExchangeResource"]["id"], "connectionName": "", "token": sso(world, ADA)}
    invoke = channel.invoke(world.sandbox.tenant.people[ADA], "signin/tokenExchange", value)
    invoke["conversation"]["conversationType"] = "groupChat"

    assert (await channel.post(invoke)).status == 400
    assert world.client(ADA).messages[-1].card is None
    assert len(world.tokens) == 0


async def test_what_waits_in_one_conversation_is_not_answered_in_another(world: World) -> None:
    """A pending command belongs to the conversation in which it was said."""
    card = await silent_card(world, ADA, "set my default MFA to oath")
    channel = world.sandbox.teams.channel
    value = {"id": card["tokenExchangeResource"]["id"], "connectionName": "", "token": sso(world, ADA)}
    invoke = channel.invoke(world.sandbox.tenant.people[ADA], "signin/tokenExchange", value)
    invoke["conversation"]["id"] = "a:another"

    assert (await channel.post(invoke)).status == 200
    await world.sandbox.teams.idle()
    assert world.default_of(ADA) == "voiceMobile"


async def test_a_command_survives_a_stop_during_the_exchange(start: Start, pace: Any, sandbox: Any) -> None:
    """A bot that is stopped in the middle of an exchange finishes it and what waited for it."""
    async with start(pace=pace(turn_limit_s=0.05)) as world:
        card = await silent_card(world, ADA, "set my default MFA to oath")

        answered = asyncio.Event()

        async def hold(_call: object) -> None:
            await asyncio.wait_for(answered.wait(), 5)

        sandbox.faults.add(token("jwt-bearer"), hold)
        assert (await exchange(world, ADA, card["tokenExchangeResource"]["id"], sso(world, ADA))).status == 503
        answered.set()

    assert "oath" == sandbox.tenant.people[ADA].preferences["userPreferredMethodForSecondaryAuthentication"]


async def test_a_sign_in_card_that_can_not_be_sent_is_not_a_crash(world: World) -> None:
    """When the connector refuses the card, the turn ends quietly and the next one works."""
    world.sandbox.faults.add(connector("POST", "activities"), Answer(500))
    await world.client(ADA).say("show my methods")

    assert "Your default sign-in method" in await world.read(ADA, "show my methods")


async def test_an_answer_that_can_not_be_sent_does_not_hold_up_the_next(world: World) -> None:
    """Two wishes wait for one sign-in; Teams does not take the first one's answer, and the second is carried out."""
    client = world.client(ADA)
    client.sso_enabled = False
    cards = [await silent_card(world, ADA, text) for text in ("use text messages", "use calls to my office")]
    world.sandbox.faults.add(connector("POST", "activities"), Answer(400))

    await exchange(world, ADA, cards[0]["tokenExchangeResource"]["id"], sso(world, ADA))
    await eventually(lambda: world.default_of(ADA) == "voiceOffice")

    await eventually(lambda: world.count("commands", "state = 'done'") == 2)
