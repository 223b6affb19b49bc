"""The way out: sending, replacing and removing messages, and giving up in time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.errors import Throttled, Unavailable, UnexpectedAnswer
from bot.identity import BotToken
from bot.identity.entra import AccessToken
from bot.retry import RetryPolicy
from bot.teams import Connector
from sandbox import Answer, Sandbox
from sandbox.faults import connector
from tests.conftest import ADA

MESSAGE = {"type": "message", "text": "hello"}


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[Connector]:
    """A connector client whose token the sandbox accepts."""

    async def fetch() -> AccessToken:
        form = {
            "grant_type": "client_credentials",
            "client_id": sandbox.app_id,
            "client_secret": sandbox.client_secret,
            "scope": "https://api.botframework.com/.default",
        }
        url = f"{sandbox.login_http_url}/{sandbox.tenant.tenant_id}/oauth2/v2.0/token"
        async with session.post(url, data=form) as response:
            body = await response.json()
        return AccessToken(body["access_token"], time.time() + body["expires_in"])

    timeout = aiohttp.ClientTimeout(total=0.3)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Connector(session, BotToken(fetch), retry=RetryPolicy(budget_s=1.0, first_pause_s=0.01))


def _conversation(sandbox: Sandbox) -> str:
    activity: dict[str, Any] = sandbox.teams.activity(sandbox.tenant.people[ADA])
    return str(activity["conversation"]["id"])


async def test_a_message_is_sent_replaced_and_removed(client: Connector, sandbox: Sandbox) -> None:
    """Each of the three does what it says to the one message."""
    chat, conversation = sandbox.teams.client(ADA), _conversation(sandbox)

    sent = await client.send(sandbox.service_url, conversation, MESSAGE)
    assert ["hello"] == [message.text for message in chat.messages]
    await client.update(sandbox.service_url, conversation, {**MESSAGE, "id": sent, "text": "bye"})
    assert ["bye"] == [message.text for message in chat.messages]
    await client.delete(sandbox.service_url, conversation, sent)
    assert [] == chat.messages


@pytest.mark.parametrize("status", [412, 429, 502, 503, 504])
async def test_a_passing_refusal_is_tried_again(client: Connector, sandbox: Sandbox, status: int) -> None:
    """What Teams documents as passing is tried again, and the message arrives once."""
    sandbox.faults.add(connector("POST"), Answer(status, {"Retry-After": "0.01"}))

    await client.send(sandbox.service_url, _conversation(sandbox), MESSAGE)

    assert 1 == len(sandbox.teams.client(ADA).messages)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(429, {"Retry-After": "60"}), Throttled),
        (Answer(503), Unavailable),
        (Answer(412), Unavailable),
        (Answer(403), UnexpectedAnswer),
        (Answer(404), UnexpectedAnswer),
        (Answer(401), UnexpectedAnswer),
        (Answer(drop=True), Unavailable),
        (Answer(200, delay_s=0.6), Unavailable),
    ],
    ids=lambda value: str(getattr(value, "status", value))[:12],
)
async def test_what_can_not_be_delivered_has_a_name(
    client: Connector, sandbox: Sandbox, answer: Answer, error: type[Exception]
) -> None:
    """After a bounded number of tries the caller learns what kind of trouble it is."""
    sandbox.faults.add(connector("POST"), answer, times=None)

    with pytest.raises(error):
        await client.send(sandbox.service_url, _conversation(sandbox), MESSAGE)

    assert len(sandbox.faults.seen(connector("POST"))) <= 3


@pytest.mark.parametrize("body", ["", "not json", "[]", "{}"])
async def test_an_answer_without_an_id_is_still_a_delivery(client: Connector, sandbox: Sandbox, body: str) -> None:
    """A 201 says that the message is there, whatever its body looks like."""
    sandbox.faults.add(connector("POST"), Answer(201, body=body))

    assert "" == await client.send(sandbox.service_url, _conversation(sandbox), MESSAGE)
