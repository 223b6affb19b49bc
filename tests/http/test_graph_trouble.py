"""When Graph refuses, stalls, lies or lags: never a false success, never a false failure."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from sandbox import Answer, SelfServiceRefused
from sandbox.faults import Match, graph
from tests.conftest import ADA, Start, World, eventually
from tests.database import execute
from tests.http.signing_in import sign_in_card, sign_in_cards

pytestmark = pytest.mark.usefixtures("nobody_steps_down")


_PATCH = graph("PATCH")
_READ = graph("POST", "$batch")
_REREAD = graph("GET", "signInPreferences")


async def _warm(world: World) -> None:
    """Sign in, so that what follows is about Graph alone."""
    await world.ask(ADA, "show my methods")


def _reread_only(world: World) -> Match:
    """Matches reads of the preferences that are requests of their own, once there was a PATCH."""
    return lambda call: _REREAD(call) and world.patches() > 0


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429, {"Retry-After": "0.02"}),
        Answer(429, {"Retry-After": "0.5, nonsense"}),
        Answer(429),
        Answer(503),
        Answer(504),
        Answer(500),
        Answer(502),
    ],
    ids=lambda answer: f"{answer.status}",
)
@pytest.mark.parametrize("what", [_READ, _REREAD, graph("GET", "methods")], ids=["batch", "preferences", "methods"])
async def test_a_passing_fault_of_a_read_is_not_noticed(world: World, what: Match, answer: Answer) -> None:
    """A read that fails for a moment, whole or in one part of the batch, is repeated within the bound."""
    await _warm(world)
    world.sandbox.faults.add(what, answer)

    assert "Your default sign-in method" in await world.read(ADA, "show my methods")


async def test_only_the_failed_part_of_a_batch_is_asked_again(world: World) -> None:
    """Batching saves round trips, not quota: what was answered is not asked twice."""
    await _warm(world)
    before = len(world.sandbox.faults.calls)
    world.sandbox.faults.add(graph("GET", "methods"), Answer(503))

    await world.ask(ADA, "show my methods")

    parts = [call.path.rsplit("/", 1)[-1] for call in world.sandbox.faults.calls[before:] if graph("GET")(call)]
    assert sorted(parts) == ["methods", "methods", "signInPreferences"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer(429, {"Retry-After": "3600"}), "too many requests"),
        (Answer(503), "Microsoft is not answering right now"),
        (Answer(drop=True), "Microsoft is not answering right now"),
        (Answer(404, body={"error": {"code": "Request_ResourceNotFound"}}), "Microsoft could not find your account"),
        (Answer(404), "Microsoft could not find your account"),
        (Answer(418), "not what I expected"),
        (Answer(301, {"Location": "https://evil.example/"}), "not what I expected"),
        (Answer(200, body="{}"), "not what I expected"),
        (Answer(200, body="<html>"), "not what I expected"),
        (Answer(200, body={"responses": []}), "not what I expected"),
        (Answer(200, body={"responses": "x"}), "not what I expected"),
    ],
    ids=lambda value: str(getattr(value, "status", value))[:12],
)
async def test_a_read_that_fails_for_good_is_explained(world: World, answer: Answer, sentence: str) -> None:
    """Each failure has a sentence that says what it means, and a reference for the operator."""
    await _warm(world)
    world.sandbox.faults.add(_READ, answer, times=None)

    text = await world.read(ADA, "set my default MFA to oath")

    assert sentence in text
    assert "Reference: " in text
    assert (world.patches(), world.count("audit")) == (0, 0)


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_a_method_that_graph_does_not_accept_is_not_a_success(world: World, status: int) -> None:
    """Graph has the last word: its refusal is told together with the state as it is, and recorded."""
    await _warm(world)
    world.sandbox.faults.add(_PATCH, Answer(status, body={"error": {"code": "badRequest", "message": "secret detail"}}))

    text = await world.read(ADA, "set my default MFA to oath")

    assert "Microsoft did not accept this method: one-time code." in text
    assert "✓ Answer a call on your mobile phone" in text
    assert "secret detail" not in text
    assert (world.outcomes(), world.patches()) == (["refused"], 1)


@pytest.mark.parametrize("at", ["PATCH", "read"])
async def test_a_refusal_is_believed_after_one_fresh_sign_in(start: Start, at: str) -> None:
    """403 without a challenge: after one sign-in it is said plainly, with Security info and whom to ask."""
    async with start(helpdesk_contact="Call 4711 (IT helpdesk)") as world:
        await _warm(world)
        refused = Answer(403, body={"error": {"code": "accessDenied"}})
        world.sandbox.faults.add(_PATCH if at == "PATCH" else _READ, refused, times=None)
        await world.client(ADA).say("set my default MFA to oath")
        asked = await sign_in_card(world)

        signed = await world.client(ADA).sign_in(asked)

        assert signed.invoke is not None
        told = await world.client(ADA).next_bot_card(after=asked)
        assert "Your organisation's settings do not let me do this for your account" in told.visible_text
        assert "Call 4711 (IT helpdesk)" in told.visible_text
        assert "https://aka.ms/mysecurityinfo" in [action.get("url") for action in (told.card or {})["actions"]]
        assert (["refused", "refused"] if at == "PATCH" else []) == world.outcomes()


async def test_who_has_just_signed_in_is_not_asked_again(world: World) -> None:
    """Refused once after a fresh sign-in, the next refusal within ten minutes is told at once."""
    world.sandbox.situations.switch_on(SelfServiceRefused(), ADA)
    await world.client(ADA).say("set my default MFA to oath")
    asked = await sign_in_card(world)
    await world.client(ADA).sign_in(asked)
    await world.client(ADA).next_bot_card(after=asked)

    assert "do not let me do this" in await world.read(ADA, "use text messages")
    assert 2 == len(sign_in_cards(world))


@pytest.mark.parametrize("status", [401, 403])
async def test_a_challenge_behind_another_header_is_found(world: World, status: int) -> None:
    """A claims challenge at the PATCH is no fault of the method: the person is asked to sign in, for these claims."""
    await _warm(world)
    claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
    encoded = base64.b64encode(claims.encode()).decode().rstrip("=")
    headers = [
        ("WWW-Authenticate", "Basic realm=x"),
        ("WWW-Authenticate", f'Bearer realm="", claims="{encoded}", error="insufficient_claims"'),
    ]
    world.sandbox.faults.add(_PATCH, Answer(status, headers))

    await world.client(ADA).say("set my default MFA to oath")

    await sign_in_card(world)
    assert [{"claims": claims}] == world.rows("SELECT claims FROM commands WHERE state = 'waiting'")
    assert ("voiceMobile", ["refused"]) == (world.default_of(ADA), world.outcomes())


async def test_a_stale_read_is_never_shown_as_a_failure(world: World) -> None:
    """Rule 6: Graph said 204, its reads lag behind: the card says that it was accepted and does not show yet."""
    await _warm(world)
    world.sandbox.tenant.people[ADA].stale_reads = 100

    text = await world.read(ADA, "set my default MFA to oath")

    assert "Microsoft accepted it but does not show it yet." in text
    assert "✓ Enter a one-time code" in text
    assert world.outcomes() == ["accepted"]


async def test_a_read_that_catches_up_confirms(world: World) -> None:
    """A stale re-read is repeated within the bound until it agrees."""
    await _warm(world)
    world.sandbox.tenant.people[ADA].stale_reads = 2

    assert "I have checked: Microsoft has saved it." in await world.read(ADA, "set my default MFA to oath")
    assert world.outcomes() == ["confirmed"]


async def test_a_failing_re_read_does_not_undo_the_success(world: World) -> None:
    """Rule 6: after a 204 nothing that happens to the re-read turns it into a failure."""
    await _warm(world)
    world.sandbox.faults.add(_reread_only(world), Answer(500), times=None)

    text = await world.read(ADA, "set my default MFA to oath")

    assert "Microsoft accepted it but does not show it yet." in text
    assert (world.default_of(ADA), world.outcomes()) == ("oath", ["accepted"])


@pytest.mark.parametrize(
    "answer",
    [Answer(500), Answer(502), Answer(503), Answer(429), Answer(200, delay_s=1.3), Answer(302)],
    ids=lambda a: f"{a.status}",
)
async def test_an_unclear_answer_is_neither_success_nor_failure(world: World, answer: Answer) -> None:
    """Rule 6: when no answer tells whether it took, and a re-read does not show it, the card says just that."""
    await _warm(world)
    world.sandbox.faults.add(_PATCH, answer, times=None)

    text = await world.read(ADA, "set my default MFA to oath")

    assert "I can't say whether it worked" in text
    assert "Changed" not in text
    assert world.outcomes() == ["unknown"]


async def test_a_lost_answer_is_a_success_if_a_re_read_shows_it(world: World) -> None:
    """The PATCH took, its answer got lost: the re-read tells the truth, and so does the card."""
    await _warm(world)
    person = world.sandbox.tenant.people[ADA]

    async def take_and_drop(_call: object) -> Answer:
        person.set_default("oath")
        return Answer(drop=True)

    world.sandbox.faults.add(_PATCH, take_and_drop, times=None)

    text = await world.read(ADA, "set my default MFA to oath")

    assert "I have checked: Microsoft has saved it." in text
    assert world.outcomes() == ["confirmed"]


async def test_a_throttled_change_is_tried_again(world: World) -> None:
    """429 with a short Retry-After, also a fractional one, is waited for and the change goes through."""
    await _warm(world)
    world.sandbox.faults.add(_PATCH, Answer(429, {"Retry-After": "0.05"}))

    assert "Changed" in await world.read(ADA, "set my default MFA to oath")
    assert (world.default_of(ADA), world.patches()) == ("oath", 2)


async def test_the_calls_carry_a_correlation_id_of_their_own(world: World) -> None:
    """Rule 10: every request to Graph has a client-request-id, and that of the change stands in the record."""
    await world.ask(ADA, "set my default MFA to oath")

    requests = [call for call in world.sandbox.tenant.call_log if call.batch is None]
    ids = [call.client_request_id for call in requests]
    assert None not in ids
    (intent,) = world.rows("SELECT client_request_id FROM audit WHERE kind = 'intent'")
    assert [intent["client_request_id"]] == [call.client_request_id for call in requests if call.method == "PATCH"]


async def test_graphs_foreign_texts_are_harmless(world: World) -> None:
    """Names of devices come from people: Markdown, HTML and links in them are shown as they are written."""
    person = world.sandbox.tenant.people[ADA]
    for row in person.methods:
        if "displayName" in row:
            row["displayName"] = "[click](https://evil.example) <b>x</b> {{DATE(2020-01-01)}}"
    person.preferences["isSystemPreferredAuthenticationMethodEnabled"] = True
    person.preferences["systemPreferredAuthenticationMethod"] = "**[x](https://evil.example)**"

    raw = json.dumps((await world.ask(ADA, "show my methods")).card)

    assert "[click](https" not in raw
    assert "[x](https" not in raw
    assert "{{DATE" not in raw


async def test_an_unknown_default_is_shown_as_it_came(world: World) -> None:
    """A default that Microsoft invents tomorrow is shown by its name, and the six known ones can still be chosen."""
    world.sandbox.tenant.people[ADA].preferences["userPreferredMethodForSecondaryAuthentication"] = "hologram"

    text = await world.read(ADA, "show my methods")
    assert "one that I don't know: **hologram**" in text

    assert "Changed: hologram → text message." in await world.read(ADA, "use sms")


async def test_without_a_record_nothing_is_changed(world: World) -> None:
    """Rule 5: when the intent can't be written, Graph is not asked, and the person is told why."""
    await _warm(world)
    await _break(world, "intent")

    text = await world.read(ADA, "set my default MFA to oath")

    assert "I can't save my records right now" in text
    assert (world.default_of(ADA), world.patches()) == ("voiceMobile", 0)


async def test_a_lost_outcome_does_not_hide_the_success(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """When only the outcome can't be written the person hears the truth, and the operator gets an alert."""
    await _warm(world)
    await _break(world, "outcome")

    assert "I have checked: Microsoft has saved it." in await world.read(ADA, "set my default MFA to oath")
    assert "the database is not available" in capsys.readouterr().out


async def test_a_lost_outcome_is_written_as_soon_as_it_can_be(world: World) -> None:
    """The record of what Graph has answered is not given up when the database is away for a moment."""
    await _warm(world)
    await _break(world, "outcome")
    await world.ask(ADA, "set my default MFA to oath")

    await asyncio.to_thread(execute, world.database_url, "DROP TRIGGER broken_outcome")

    await eventually(lambda: world.outcomes() == ["confirmed"])


async def test_showing_needs_no_database(world: World) -> None:
    """With a token in memory the methods are shown although no record could be written."""
    await _warm(world)
    for kind in ("intent", "outcome"):
        await _break(world, kind)

    assert "Your default sign-in method" in await world.read(ADA, "show my methods")
    assert "I can't save my records right now" in await world.read(ADA, "use sms")


async def _break(world: World, kind: str) -> None:
    """Make the database refuse to write that kind of audit row, as a full disk would."""
    trigger = f"""CREATE TRIGGER broken_{kind} BEFORE INSERT ON audit WHEN NEW.kind = '{kind}'
        BEGIN SELECT RAISE(FAIL, 'disk full'); END"""
    # In a thread: the bot may be in the middle of a transaction, and it needs the loop to end it.
    await asyncio.to_thread(execute, world.database_url, trigger)
