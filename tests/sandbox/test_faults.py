"""Faults: which calls they meet, and what comes instead of an answer."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from sandbox import Answer, Call, Faults
from sandbox.faults import ConnectionDropped, connector, graph, token
from tests.conftest import ADA
from tests.sandbox.wire import Wire

_CALL = Call("graph", "GET", "/beta/users/x/authentication/methods")


async def _statuses(faults: Faults, times: int, call: Call = _CALL) -> list[int | None]:
    answers = [await faults.ask(call) for _ in range(times)]
    return [answer.status if answer else None for answer in answers]


@pytest.mark.parametrize(
    ("times", "expected"),
    [(1, [503, None, None]), (2, [503, 503, None]), (None, [503, 503, 503]), (0, [None, None, None])],
)
async def test_a_rule_is_used_up(times: int | None, expected: list[int | None]) -> None:
    """A rule meets as many calls as it says, or all of them; then the service answers itself."""
    faults = Faults()
    rule = faults.add(graph(), Answer(503), times)

    assert expected == await _statuses(faults, 3)
    assert rule.used == sum(status is not None for status in expected)


async def test_rules_are_asked_in_order() -> None:
    """The first rule that matches and is not used up answers; one for other calls is left alone."""
    faults = Faults()
    other = faults.add(graph("PATCH"), Answer(500))
    faults.add(graph(), Answer(429))
    faults.add(graph("GET", "methods"), Answer(503))

    assert ([429, 503, None], 0) == (await _statuses(faults, 3), other.used)


async def test_a_callable_may_let_the_call_go_on() -> None:
    """None from a callable counts as a use and hands the call to the next rule, in the end to the service."""
    faults = Faults()
    seen: list[Call] = []

    async def pass_on(call: Call) -> Answer | None:
        seen.append(call)
        return None

    first = faults.add(graph(), pass_on, times=2)
    faults.add(graph(), Answer(503))

    assert [503, None, None] == await _statuses(faults, 3)
    assert ([_CALL, _CALL], 2) == (seen, first.used)


async def test_a_callable_may_hold_the_call() -> None:
    """A call that is held is recorded at once and answered when the callable returns."""
    faults, reached, released = Faults(), asyncio.Event(), asyncio.Event()

    async def hold(_: Call) -> Answer:
        reached.set()
        await released.wait()
        return Answer(418)

    faults.add(graph(), hold)
    held = asyncio.create_task(_statuses(faults, 1))
    await reached.wait()
    assert [None] == await _statuses(faults, 1)
    assert (2, False) == (len(faults.calls), held.done())

    released.set()
    assert [418] == await held


async def test_forgotten_rules_leave_the_record() -> None:
    """After ``clear`` calls are answered by the service; what was called stays known."""
    faults = Faults()
    faults.add(graph(), Answer(503), times=None)
    await faults.ask(_CALL)
    faults.clear()

    assert [None] == await _statuses(faults, 1)
    assert [_CALL, _CALL] == faults.calls


async def test_matchers_know_their_service() -> None:
    """Each helper matches by service, method and part of the path or of the grant."""
    calls = [
        _CALL,
        Call("connector", "POST", "/connector/v3/conversations/a/activities"),
        Call("entra", "POST", "/t/oauth2/v2.0/token", detail={"grant_type": "urn:ietf:...:jwt-bearer"}),
        Call("entra", "POST", "/t/oauth2/v2.0/token", detail={"grant_type": "client_credentials"}),
        Call("entra", "GET", "/t/discovery/v2.0/keys"),
    ]
    matchers = [graph(), graph("GET", "methods"), graph("PATCH"), graph("GET", "signInPreferences")]
    matchers += [connector("POST"), connector("PUT"), token(), token("jwt-bearer")]

    found = [[number for number, call in enumerate(calls) if match(call)] for match in matchers]
    assert [[0], [0], [], [], [1], [], [2, 3], [2]] == found


async def test_dropping_is_no_answer() -> None:
    """A dropped connection reaches the service as an error, once the rule's delay of nothing is over."""
    faults = Faults()
    faults.add(graph(), Answer(drop=True, delay_s=0))

    with pytest.raises(ConnectionDropped):
        await faults.ask(_CALL)
    assert [None] == await _statuses(faults, 1)


@pytest.mark.parametrize("service", ["entra", "graph", "connector"])
async def test_every_service_drops_and_answers_as_told(wire: Wire, service: str) -> None:
    """A dropped POST fails at the client; an injected answer comes with its status, both headers and its body."""
    bearer = await wire.bot_token()
    urls = {
        "entra": wire.sandbox.login_http_url + wire.token_path,
        "graph": f"{wire.sandbox.graph_url}/beta/$batch",
        "connector": f"{wire.sandbox.service_url}/v3/conversations/{wire.conversation()}/activities",
    }
    wire.sandbox.faults.add(lambda call: call.service == service, Answer(drop=True))
    wire.sandbox.faults.add(
        lambda call: call.service == service, Answer(418, [("X-Two", "a"), ("X-Two", "b")], {"own": True}, delay_s=0)
    )

    with pytest.raises(aiohttp.ClientError):
        await wire.ask("POST", urls[service], token=bearer, json={})
    answer = await wire.ask("POST", urls[service], token=bearer, json={})
    two = [value for name, value in answer.headers.items() if name == "X-Two"]
    assert (418, ["a", "b"], {"own": True}) == (answer.status, two, answer.json)


async def test_a_dropped_part_drops_its_batch(wire: Wire) -> None:
    """A part has no connection of its own to close."""
    wire.sandbox.faults.add(graph("GET", "methods"), Answer(drop=True))
    part = {"method": "GET", "url": f"/users/{ADA}/authentication/methods"}

    with pytest.raises(aiohttp.ClientError):
        await wire.batch({"id": "1", **part}, {"id": "2", **part})


@pytest.mark.parametrize("body", ["plain", b"\x00\xff", None])
async def test_a_body_may_be_anything(wire: Wire, body: str | bytes | None) -> None:
    """Text, bytes and nothing go out as they are, so that the bot meets answers that are no JSON."""
    wire.sandbox.faults.add(graph(), Answer(502, {"Content-Type": "text/html"}, body))

    answer = await wire.read()
    sent = body.encode() if isinstance(body, str) else body or b""
    assert (502, "text/html", sent) == (answer.status, answer.headers["Content-Type"].partition(";")[0], answer.body)


async def test_an_injected_refusal_of_entra_is_completed(wire: Wire) -> None:
    """A test names what matters (claims, numbers); the keys that every error of Entra has are added."""
    injected = {"error": "interaction_required", "error_codes": [50076], "claims": '{"access_token":{}}'}
    wire.sandbox.faults.add(token("jwt-bearer"), Answer(400, body=injected))

    answer = await wire.token(wire.on_behalf_of())
    assert injected.items() <= answer.json.items()
    assert {"error_description", "timestamp", "trace_id", "correlation_id"} <= answer.json.keys()


async def test_a_record_of_a_token_request_holds_no_secret(wire: Wire) -> None:
    """The record says who asked for what, and keeps neither assertion nor secret."""
    form = wire.on_behalf_of()
    await wire.token(form)

    recorded = wire.sandbox.faults.calls[-1]
    assert (ADA, form["scope"]) == (recorded.person_oid, recorded.detail["scope"])
    assert not any(form[name] in str(recorded) for name in ("assertion", "client_secret"))
