"""Who may call /api/messages, and what bad input is answered. Never 500, never an effect."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.teams.adapter import MAX_BODY_BYTES
from sandbox import Answer, SigningKey
from sandbox.faults import connector
from tests.conftest import ADA, Start, World, eventually


async def _post(world: World, body: bytes, token: str | None = "", **headers: str) -> int:
    """The status for a raw request; a good token unless another is given (None sends none)."""
    sent = {"Content-Type": "application/json", **headers}
    if token is not None:
        sent["Authorization"] = f"Bearer {token or world.sandbox.teams.channel_token()}"
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{world.bot_url}/api/messages", data=body, headers=sent) as response,
    ):
        return response.status


def _activity(world: World, **overrides: Any) -> dict[str, Any]:
    return world.sandbox.teams.activity(world.sandbox.tenant.people[ADA], **overrides)


async def test_a_good_activity_is_accepted(world: World) -> None:
    """The counterpart of all refusals below: the same request, complete and signed, is a turn."""
    assert await _post(world, json.dumps(_activity(world, text="help")).encode()) == 200
    assert len(world.client(ADA).messages) == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": "https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/"},
        {"iss": None},
        {"aud": "00000000-0000-4000-8000-000000000000"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"nbf": 99999999999},
        {"serviceurl": None},
        {"serviceurl": ""},
        {"serviceurl": "https://smba.trafficmanager.net/other/"},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_or_missing_claim_is_refused(world: World, claims: dict[str, Any]) -> None:
    """Issuer, audience, times and service URL all have to be there and to be right: 401."""
    token = world.sandbox.teams.channel_token(**claims)

    assert await _post(world, json.dumps(_activity(world)).encode(), token) == 401
    assert world.client(ADA).messages == []


async def test_an_audience_list_is_refused(world: World) -> None:
    """A token for several audiences is not the channel's."""
    token = world.sandbox.teams.channel_token(aud=[world.sandbox.app_id, "another"])

    assert await _post(world, json.dumps(_activity(world)).encode(), token) == 401


@pytest.mark.parametrize("token", ["garbage", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.e30.", "x" * 9000])
async def test_what_is_no_token_is_refused(world: World, token: str) -> None:
    """Anything that can't be a token is 401, whatever its size."""
    assert await _post(world, b"{}", token) == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "bearer"])
async def test_without_a_bearer_token_nothing_is_read(world: World, header: str) -> None:
    """Rule 9: there is no anonymous mode; a body that is not even JSON is still 401."""
    assert await _post(world, b"not json", None, Authorization=header) == 401


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_only_rs256_is_accepted(world: World, algorithm: str) -> None:
    """A token without a signature, or signed with the public key as a secret, is 401."""
    key = world.sandbox.keys.channel[-1]
    good = jwt.decode(world.sandbox.teams.channel_token(), options={"verify_signature": False})
    head, payload = (_base64url(json.dumps(part).encode()) for part in ({"alg": algorithm, "kid": key.kid}, good))
    public = key.private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    seal = hmac.new(public, f"{head}.{payload}".encode(), hashlib.sha256).digest() if algorithm == "HS256" else b""
    forged = f"{head}.{payload}.{_base64url(seal)}"

    assert await _post(world, json.dumps(_activity(world)).encode(), forged) == 401


async def test_entras_key_is_not_the_channels(world: World) -> None:
    """A token that Entra signed does not open the channel."""
    token = world.sandbox.teams.channel_token(key=world.sandbox.keys.entra[-1])

    assert await _post(world, json.dumps(_activity(world)).encode(), token) == 401


async def test_an_unknown_key_is_looked_up_once_a_minute(world: World) -> None:
    """Key roll-over: an unknown key id reloads the keys once; more unknown ids within a minute ask nobody."""
    new = SigningKey.generate()
    loads = len(_key_loads(world))
    world.sandbox.keys.channel.append(new)

    assert await _post(world, json.dumps(_activity(world)).encode(), world.sandbox.teams.channel_token(key=new)) == 200
    stranger = SigningKey.generate()
    token = world.sandbox.teams.channel_token(key=stranger)
    assert [await _post(world, b"{}", token) for _ in range(5)] == [401] * 5
    assert len(_key_loads(world)) == loads + 1


async def test_without_keys_nobody_gets_in_and_the_caller_may_come_again(start: Start) -> None:
    """Fail closed: while the channel's keys can't be loaded every call is 503, and as soon as they can, it works."""
    async with start(channel_openid_url="http://127.0.0.1:1/nothing") as world:
        assert await _post(world, json.dumps(_activity(world)).encode()) == 503
        assert world.client(ADA).messages == []


async def test_readyz_tells_what_is_missing_and_heals(start: Start, sandbox: Any) -> None:
    """/readyz is red with one word while the keys are missing, and green once they have come; /healthz is green."""
    fault = sandbox.faults.add(connector("GET", "openid"), Answer(503), times=None)
    async with start() as world:
        assert await _get(f"{world.bot_url}/readyz") == (503, "keys")
        assert await _get(f"{world.bot_url}/healthz") == (200, "ok")
        assert fault.used
        sandbox.faults.clear()
        assert await _get(f"{world.bot_url}/readyz") == (200, "ok")


async def test_the_endorsement_counts(world: World) -> None:
    """A key that is not endorsed for Teams can't sign an activity of Teams."""
    assert await _post(world, json.dumps(_activity(world, channelId="webchat")).encode()) == 401


@pytest.mark.parametrize(
    "service_url",
    ["https://evil.example/", "http://169.254.169.254/", "https://127.0.0.1.evil.example/", "x", "http://["],
)
async def test_replies_go_to_known_hosts_only(world: World, service_url: str) -> None:
    """A service URL off the allow-list is 403, even if the token names it too: no request leaves for it."""
    token = world.sandbox.teams.channel_token(serviceurl=service_url)

    assert await _post(world, json.dumps(_activity(world, serviceUrl=service_url)).encode(), token) == 403


async def test_a_foreign_tenant_is_not_served(world: World) -> None:
    """The tenant in channelData has to be the configured one: 403."""
    foreign = _activity(world, channelData={"tenant": {"id": "11111111-1111-4111-8111-111111111111"}})

    assert await _post(world, json.dumps(foreign).encode()) == 403
    assert await _post(world, json.dumps(_activity(world, channelData=None)).encode()) == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b'"text"',
        b"null",
        b"[" * 100_000,
        b'{"type": "message"}',
        b"\xff\xfe",
        b'{"text": "\\ud800"}',
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_what_is_not_an_activity_is_400(world: World, body: bytes) -> None:
    """Broken, deep, binary or incomplete JSON is 400."""
    assert await _post(world, body) == 400


@pytest.mark.parametrize(
    "broken",
    [
        {"type": 1},
        {"text": {"a": 1}},
        {"from": "me"},
        {"from": {"id": 5}},
        {"from": None},
        {"conversation": []},
        {"conversation": {"conversationType": "personal"}},
        {"entities": {}},
        {"entities": [1]},
        {"membersAdded": [None]},
        {"recipient": [1]},
        {"id": ["x"]},
        {"serviceUrl": None},
        {"locale": 3},
    ],
    ids=str,
)
async def test_a_property_of_the_wrong_type_is_400(world: World, broken: dict[str, Any]) -> None:
    """Whatever type a property has, the answer is 400 and not a broken turn."""
    assert await _post(world, json.dumps(_activity(world, **broken)).encode()) == 400


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "\xed\xa0\x80"}',
        '{"text": "hello"}'.encode("utf-16"),
        '{"text": "hello"}'.encode("utf-32"),
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_only_utf_8_is_read(world: World, body: bytes) -> None:
    """Lone surrogates and other encodings are 400."""
    assert await _post(world, body) == 400


async def test_a_body_that_is_not_encoded_as_it_says_is_400(world: World) -> None:
    """A Content-Encoding that does not fit the body is bad input, not an error of ours."""
    assert await _post(world, b"{}", **{"Content-Encoding": "gzip"}) == 400


async def test_a_token_outside_ascii_is_401(world: World) -> None:
    """Bytes that can't be in a token are refused before anything looks at them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(world.bot_url.rsplit(":", 1)[1]))
    head = b"POST /api/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
    writer.write(head + b"Authorization: Bearer \xff\xfe\r\n\r\n")
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()

    assert b" 401 " in status


async def test_an_empty_key_set_does_not_lock_everybody_out(world: World) -> None:
    """Keys that were good stay good when the issuer answers with none."""
    world.sandbox.faults.add(connector("GET", "openid/keys"), Answer(200, body={"keys": []}))
    await _post(world, b"{}", world.sandbox.teams.channel_token(key=SigningKey.generate()))

    assert await _post(world, json.dumps(_activity(world, text="help")).encode()) == 200


@pytest.mark.parametrize("text", ["㌖" * 4000, "a" * 4000 + " @", "push " * 800, "'" * 4000, "set my " * 600])
async def test_a_message_of_costly_characters_is_answered(world: World, text: str) -> None:
    """Characters that become many when they are written out, or that invite a pattern to try and try, cost nothing."""
    assert await _post(world, json.dumps(_activity(world, text=text)).encode()) == 200


async def test_the_body_has_to_be_json(world: World) -> None:
    """Another content type is 415."""
    assert await _post(world, b"text", **{"Content-Type": "text/plain"}) == 415


async def test_a_large_body_is_413(world: World) -> None:
    """More than 256 KiB is 413, whether the length is announced or the body comes in chunks."""
    body = b" " * (MAX_BODY_BYTES + 1)

    assert await _post(world, body) == 413

    async def chunks() -> Any:
        for _ in range(MAX_BODY_BYTES // 65536 + 1):
            yield b" " * 65536

    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {world.sandbox.teams.channel_token()}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{world.bot_url}/api/messages", data=chunks(), headers=headers) as response,
    ):
        assert response.status == 413


async def test_unknown_activities_and_invokes_are_harmless(world: World) -> None:
    """An unknown type is accepted and ignored; an unknown invoke is 501, the protocol's word for that."""
    assert await _post(world, json.dumps(_activity(world, type="somethingNew", text=None)).encode()) == 200
    assert await _post(world, json.dumps(_activity(world, type="invoke", name="fileConsent/invoke")).encode()) == 501


async def test_a_person_without_a_directory_id_is_refused_kindly(world: World) -> None:
    """Guests and anonymous users may come without an object id: they get a sentence, and nothing else happens."""
    activity = _activity(world, text="set my default MFA to oath")
    del activity["from"]["aadObjectId"]

    assert await _post(world, json.dumps(activity).encode()) == 200
    (message,) = world.client(ADA).messages
    assert "Teams does not tell me who you are" in message.visible_text


async def test_other_paths_and_methods_are_not_there(world: World) -> None:
    """Nothing else is served on the public port; the metrics have a port of their own."""
    assert (await _get(f"{world.bot_url}/metrics"))[0] == 404
    assert (await _get(f"{world.bot_url}/api/messages"))[0] == 405


async def test_metrics_count_turns_and_name_nobody(world: World) -> None:
    """Turns, changes and upstream calls are counted, without a person in any label."""
    await world.ask(ADA, "set my default MFA to oath")

    status, text = await _get(f"{world.admin_url}/metrics")

    assert status == 200
    assert 'mfabot_changes_total{outcome="confirmed"} 1.0' in text
    assert 'mfabot_upstream_calls_total{service="graph",status="204"} 1.0' in text
    assert ADA not in text


async def test_a_reply_that_the_connector_refuses_for_a_moment_is_sent_again(world: World) -> None:
    """412, 429, 502, 503 and 504 of the connector are tried again within a bound."""
    for status in (412, 429):
        world.sandbox.faults.add(connector("POST", "activities"), Answer(status, {"Retry-After": "0.01"}))

    assert "What I can do for you" in await world.read(ADA, "help")


async def test_a_reply_that_can_not_be_delivered_breaks_nothing(world: World) -> None:
    """When the connector is down the turn ends quietly, and the next one works."""
    # All of them: on a slow machine the sign that the bot is typing is one more.
    world.sandbox.faults.add(connector("POST", "activities"), Answer(503), times=None)
    assert await _post(world, json.dumps(_activity(world, text="help")).encode()) == 200
    assert world.client(ADA).messages == []
    world.sandbox.faults.clear()

    assert "What I can do for you" in await world.read(ADA, "help")


async def test_the_bots_own_token_is_fetched_again_when_the_connector_refuses_it(world: World) -> None:
    """A 401 from the connector drops the cached token; the reply goes out with a new one."""
    world.sandbox.faults.add(connector("POST", "activities"), Answer(401))

    assert "What I can do for you" in await world.read(ADA, "help")
    await eventually(
        lambda: len(world.sandbox.faults.seen(lambda call: call.detail.get("grant_type") == "client_credentials")) == 2
    )


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _key_loads(world: World) -> list[Any]:
    return world.sandbox.faults.seen(connector("GET", "openid/keys"))


async def _get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()
