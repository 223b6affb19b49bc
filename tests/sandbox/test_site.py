"""The chat page: its files, its API, and who is kept out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from sandbox import Sandbox, SandboxKeys
from tests.conftest import ADA, ALAN, GRACE, KATHERINE, NORA
from tests.sandbox.wire import FakeBot, Json, Wire, card, sign_in_card

_NOBODY = "33333333-3333-4333-8333-333333333333"
_PRESS = {"type": "Action.Execute", "id": "1", "title": "Go", "verb": "do", "data": {"id": "x"}}


class Stream:
    """The events of one person as the page gets them."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def read(self, count: int) -> list[tuple[str, Json]]:
        """The next events, names and data."""
        async with asyncio.timeout(5):
            return [_event(await self.answer.content.readuntil(b"\n\n")) for _ in range(count)]


def _event(frame: bytes) -> tuple[str, Json]:
    name, data = frame.decode().strip().split("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


@asynccontextmanager
async def _events(wire: Wire, oid: str = ADA) -> AsyncIterator[Stream]:
    async with wire.session.get(f"{wire.sandbox.site_url}/api/people/{oid}/events") as answer:
        yield Stream(answer)


# Files.


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "html"), ("/static/chat.js", "javascript"), ("/static/style.css", "css")],
)
async def test_the_page_comes_with_its_defences(wire: Wire, path: str, kind: str) -> None:
    """Page and files have their type, and headers against foreign scripts, frames, sniffing and caching."""
    answer = await wire.site("GET", path)

    assert (200, kind) == (answer.status, answer.headers["Content-Type"].partition(";")[0].partition("/")[2])
    policy = answer.headers["Content-Security-Policy"]
    assert ("default-src 'self'" in policy, "frame-ancestors 'none'" in policy, "script" in policy) == (
        True,
        True,
        False,
    )
    assert ("nosniff", "no-referrer", "no-store") == tuple(
        answer.headers[name] for name in ("X-Content-Type-Options", "Referrer-Policy", "Cache-Control")
    )


@pytest.mark.parametrize(
    "path",
    [
        "/static/../site.py",
        "/static/%2e%2e/site.py",
        "/static/..%2fsite.py",
        "/static/vendor/..%2f..%2f__init__.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/",
        "/static/vendor",
        "/static/nothing.js",
        "/static/chat.js%00.css",
        f"/static/{'x' * 300}",
        "/site.py",
    ],
)
async def test_nothing_but_the_page_s_files_is_served(wire: Wire, path: str) -> None:
    """No spelling of a path leads out of the directory of static files, and none to an error of the server."""
    url = URL(wire.sandbox.site_url + path, encoded=True)
    async with wire.session.get(url) as answer:
        assert 404 == answer.status


# Who is kept out.


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1]", "10.0.0.1"],
)
async def test_a_rebound_name_is_refused(wire: Wire, host: str) -> None:
    """A page of another site that has made its name point to this machine gets nothing."""
    paths = ("/", "/static/chat.js", "/api/people", f"/api/people/{ADA}/events", "/connector/openid/keys")
    assert {403} == {(await wire.site("GET", path, headers={"Host": host})).status for path in paths}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1"])
async def test_this_machine_may_come_in(wire: Wire, host: str) -> None:
    """Loopback by either name and any port is at home."""
    assert 200 == (await wire.site("GET", "/api/people", headers={"Host": host})).status


@pytest.mark.parametrize("resource", ["messages", "actions", "sign-in"])
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_foreign_form_is_refused(wire: Wire, bot: FakeBot, resource: str, content_type: str) -> None:
    """What a browser lets other sites post without asking is not taken."""
    sent = {"data": b'{"text": "hi"}', "headers": {"Content-Type": content_type}}

    assert 415 == (await wire.site("POST", f"/api/people/{ADA}/{resource}", **sent)).status
    assert [] == bot.received


@pytest.mark.parametrize(
    ("method", "resource", "body"),
    [
        ("GET", "events", None),
        ("POST", "messages", {"text": "hi"}),
        ("POST", "actions", {"messageId": "1", "action": _PRESS}),
        ("POST", "sign-in", {"messageId": "1", "state": "x"}),
    ],
)
async def test_an_unknown_person_is_404(wire: Wire, method: str, resource: str, body: Json | None) -> None:
    """Only the tenant's people have a chat."""
    assert 404 == (await wire.site(method, f"/api/people/{_NOBODY}/{resource}", json=body)).status


@pytest.mark.parametrize(
    ("resource", "content"),
    [
        ("messages", "{"),
        ("messages", "[]"),
        ("messages", "{}"),
        ("messages", '{"text": " "}'),
        ("messages", '{"text": 5}'),
        ("actions", "{}"),
        ("actions", '{"messageId": 1, "action": {}}'),
        ("actions", '{"messageId": "1", "action": "Go"}'),
        ("sign-in", "{}"),
        ("sign-in", '{"messageId": "1", "state": 5}'),
    ],
)
async def test_a_malformed_request_is_400(wire: Wire, resource: str, content: str) -> None:
    """What is no message or no press is refused."""
    headers = {"Content-Type": "application/json"}
    answer = await wire.site("POST", f"/api/people/{ADA}/{resource}", data=content, headers=headers)

    assert 400 == answer.status


async def test_a_press_on_nothing_is_404(wire: Wire) -> None:
    """A message that is not in the chat has no buttons."""
    body = {"messageId": "unknown", "action": _PRESS}

    assert 404 == (await wire.site("POST", f"/api/people/{ADA}/actions", json=body)).status


# The API.


async def test_the_people_of_the_tenant(wire: Wire) -> None:
    """The page is told who there is, with a sentence about each, and what the bot is called."""
    found = (await wire.site("GET", "/api/people")).json

    assert {"name": "Default MFA"} == found["bot"]
    assert [ADA, GRACE, KATHERINE, ALAN, NORA] == [person["oid"] for person in found["people"]][:5]
    assert 13 == len({person["oid"] for person in found["people"]})
    assert {"oid", "displayName", "userPrincipalName", "situation"} == set().union(*found["people"])
    assert all(person["situation"].endswith(".") for person in found["people"])


async def test_the_chat_is_replayed_and_followed(wire: Wire, bot: FakeBot) -> None:
    """A page first hears ``reset``, then its own chat and every Graph call so far, then what happens."""
    await wire.sandbox.teams.client(ADA).say("before")
    await wire.read()
    async with _events(wire) as stream:
        names = [(name, data.get("text")) for name, data in await stream.read(3)]
        assert [("reset", None), ("message", "before"), ("graph", None)] == names
        await wire.connector("POST", json={"type": "typing"})
        await wire.send(text="after")
        (typing, (name, message)) = await stream.read(2)
    async with _events(wire, GRACE) as stream:
        others = [name for name, _ in await stream.read(2)]

    assert ("typing", {}) == typing
    assert ("message", "bot", "after") == (name, message["sender"], message["text"])
    assert ["reset", "graph"] == others
    await wire.sandbox.teams.idle()
    assert "before" == bot.received[0]["text"]


async def test_a_change_comes_under_the_known_id(wire: Wire) -> None:
    """A replaced message is sent again with its id, a deleted one is named as removed."""
    message_id = (await wire.send(card("old"))).json["id"]
    await wire.connector("PUT", message_id, json={"type": "message", "text": "new"})
    await wire.connector("DELETE", message_id)
    async with _events(wire) as stream:
        (_, old, new, removed) = await stream.read(4)

    assert (message_id, "new") == (old[1]["id"], new[1]["text"])
    assert message_id == new[1]["id"]
    assert ("removed", {"id": message_id}) == removed


async def test_a_graph_call_as_the_page_shows_it(wire: Wire) -> None:
    """The event has the call's bodies and its parent, and no token."""
    token = await wire.user_token()
    await wire.batch({"id": "1", "method": "GET", "url": f"/users/{ADA}/authentication/methods"}, token=token)
    async with _events(wire) as stream:
        (_, (_, batch), (_, part)) = await stream.read(3)

    names = {"id", "at", "method", "path", "status", "ms", "actor", "requestBody", "responseBody", "parent"}
    assert names == batch.keys()
    assert (None, batch["id"]) == (batch["parent"], part["parent"])
    assert token not in json.dumps([batch, part])


async def test_a_message_typed_in_the_page_reaches_the_bot(wire: Wire, bot: FakeBot) -> None:
    """202 at once, before the bot has answered; the message comes back through the events."""
    bot.may_answer.clear()
    async with _events(wire) as stream:
        await stream.read(1)
        answer = await wire.site("POST", f"/api/people/{ADA}/messages", json={"text": "hi"})
        ((name, message),) = await stream.read(1)
    bot.may_answer.set()
    await wire.sandbox.teams.idle()

    assert (202, {}) == (answer.status, answer.json)
    assert ("message", "me", "hi") == (name, message["sender"], message["text"])
    assert ["hi"] == [activity["text"] for activity in bot.received if activity["type"] == "message"]


async def test_a_button_pressed_in_the_page_reaches_the_bot(wire: Wire, bot: FakeBot) -> None:
    """200 once the bot has answered, with the replaced card in the events under the same id."""
    message_id = (await wire.send(card("old", "Go"))).json["id"]
    new: Any = {"statusCode": 200, "type": "application/vnd.microsoft.card.adaptive", "value": card("new")["content"]}
    bot.answer = lambda _: web.json_response(new)
    answer = await wire.site("POST", f"/api/people/{ADA}/actions", json={"messageId": message_id, "action": _PRESS})
    async with _events(wire) as stream:
        (_, old, replaced) = await stream.read(3)

    assert (200, {}) == (answer.status, answer.json)
    assert [{"action": _PRESS, "trigger": "manual"}] == bot.values("adaptiveCard/action")
    assert (message_id, card("new")) == (old[1]["id"], replaced[1]["attachments"][0])
    assert message_id == replaced[1]["id"]


async def test_the_app_is_installed_on_the_first_visit(wire: Wire, bot: FakeBot) -> None:
    """A person's first page installs the app; a reload does not install it again."""
    for oid in (ADA, ADA, GRACE):
        async with _events(wire, oid) as stream:
            await stream.read(1)
        await wire.sandbox.teams.idle()

    added = [activity["from"]["aadObjectId"] for activity in bot.received if activity["type"] == "installationUpdate"]
    assert [ADA, GRACE] == added


async def test_a_closed_sign_in_window_reaches_the_bot(wire: Wire, bot: FakeBot) -> None:
    """With what its page gave to Teams, or as cancelled."""
    message_id = (await wire.send(sign_in_card(tokenExchangeResource=None))).json["id"]
    path = f"/api/people/{ADA}/sign-in"
    answers = [await wire.site("POST", path, json={"messageId": message_id, "state": one}) for one in (None, "handle")]

    assert [(200, {}), (200, {})] == [(answer.status, answer.json) for answer in answers]
    assert [{"state": "CancelledByUser"}, {"state": "handle"}] == bot.values("signin/verifyState")
    assert wire.sandbox.teams.client(ADA).message(message_id).hidden


async def test_the_situations_of_the_page(wire: Wire) -> None:
    """Nine switches with a title and one sentence each; all are off."""
    found = (await wire.site("GET", "/api/situations")).json["situations"]

    assert 9 == len(found)
    assert [[]] * 9 == [one["on"] for one in found]
    assert all(one["text"].count(".") == 1 and one["text"].endswith(".") for one in found)


async def test_a_situation_is_switched_in_the_page(wire: Wire) -> None:
    """For a person or for everybody; the answer tells what is on then."""

    async def switch(name: str, person: str | None, *, on: bool) -> Json:
        answer = await wire.site("POST", "/api/situations", json={"name": name, "person": person, "on": on})
        return {one["name"]: one["on"] for one in answer.json["situations"] if one["on"]}

    assert {"step-up": [ADA]} == await switch("step-up", ADA, on=True)
    assert {"step-up": [ADA], "down": [None]} == await switch("down", None, on=True)
    assert 503 == (await wire.read(GRACE, token=await wire.user_token(GRACE))).status
    assert {"step-up": [ADA]} == await switch("down", None, on=False)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "down", "on": True}, 200),
        ({"name": "weather", "person": None, "on": True}, 400),
        ({"name": "down", "person": None, "on": "yes"}, 400),
        ({"name": "down", "person": 5, "on": True}, 400),
        ({"name": "access-revoked", "person": None, "on": True}, 400),
        ({"name": "step-up", "person": _NOBODY, "on": True}, 404),
    ],
    ids=str,
)
async def test_a_switch_that_makes_no_sense_is_refused(wire: Wire, body: Json, status: int) -> None:
    """Everybody is meant where nobody is named; what does not exist is not switched."""
    assert status == (await wire.site("POST", "/api/situations", json=body)).status


async def test_a_foreign_form_switches_nothing(wire: Wire) -> None:
    """Situations have the same protection as the chats."""
    headers = {"Content-Type": "text/plain"}
    answer = await wire.site("POST", "/api/situations", data=b'{"name": "down", "on": true}', headers=headers)

    assert 415 == answer.status


# Start and stop.


async def test_a_stop_ends_the_streams_and_leaves_nothing(keys: SandboxKeys) -> None:
    """Open pages are ended, tasks and files are gone, a second stop is harmless, and the port can be used again."""
    before = asyncio.all_tasks()
    sandbox = await Sandbox.start(keys=keys)
    events_url = f"{sandbox.site_url}/api/people/{ADA}/events"
    async with aiohttp.ClientSession() as session, session.get(events_url) as answer:
        assert b"event: reset" == await answer.content.readuntil(b"reset")
        await sandbox.stop()
        await sandbox.stop()
        async with asyncio.timeout(5):
            await answer.content.read()  # returns only at the end of the stream
    assert not sandbox.ca_file.exists()
    assert set() == asyncio.all_tasks() - before

    port = int(sandbox.site_url.rpartition(":")[2])
    async with await Sandbox.start(keys=keys, site_port=port) as again:
        assert sandbox.site_url == again.site_url


async def test_a_taken_port_is_an_error(sandbox: Sandbox, keys: SandboxKeys) -> None:
    """Who asks for a port that is in use is told so."""
    with pytest.raises(OSError, match="in use"):
        await Sandbox.start(keys=keys, site_port=int(sandbox.site_url.rpartition(":")[2]))
