"""The Microsoft 365 Agents Playground as one more client of the simulated tenant.

It is a local emulator of the Teams client that sends no token, so a bot that lets nobody in without one refuses it. A
relay between the two signs what it brings with the channel's key, and passes on what the bot answers. The bot itself
is the same as ever. The terms allow evaluation only: npx installs it for whoever wants to try it.
https://learn.microsoft.com/microsoftteams/platform/teams-sdk/developer-tools/agents-playground/overview
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from sandbox.channel import conversation_id, user_id
from sandbox.tenant import BOT_NAME, Json, SandboxPerson

if TYPE_CHECKING:
    from sandbox.server import Sandbox

__all__ = ["PlaygroundFailed", "playground"]

_PACKAGE = "@microsoft/m365agentsplayground@0.2.28"
_HOST = "127.0.0.1"
_START_S = 120
"""npx may have to install it first."""


class PlaygroundFailed(OSError):
    """It did not start; the text says what it printed."""


class _Relay:
    """Between the Playground and the bot: signs one way, forwards the other way."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession, playground_url: str) -> None:
        self._sandbox = sandbox
        self._session = session
        self._playground_url = playground_url
        self.url = ""

    def application(self) -> web.Application:
        """Its two doors: one for what the Playground sends, one for the bot's replies."""
        app = web.Application()
        app.router.add_post("/api/messages", self._to_bot)
        app.router.add_route("*", "/connector/{path:.*}", self._to_playground)
        return app

    async def _to_bot(self, request: web.Request) -> web.Response:
        activity = self._as_teams_sends_it(await request.json())
        service_url = f"{self.url}/connector"
        token = self._sandbox.teams.channel.channel_token(serviceurl=service_url)
        activity["serviceUrl"] = service_url
        endpoint = str(self._sandbox.teams.channel.endpoint)
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.post(endpoint, json=activity, headers=headers) as answer:
            return await _passed_on(answer)

    def _as_teams_sends_it(self, activity: Json) -> Json:
        """With the language and time zone of the person, and without nothing where Teams sends nothing."""
        sender = activity.get("from") or {}
        person = self._sandbox.tenant.people.get(str(sender.get("aadObjectId")))
        if person is not None:
            activity["locale"] = person.locale
            activity["localTimezone"] = person.timezone
            activity.pop("entities", None)
        return {key: value for key, value in activity.items() if value is not None}

    async def _to_playground(self, request: web.Request) -> web.Response:
        url = f"{self._playground_url}/{request.match_info['path']}"
        body = await request.read()
        headers = {"Content-Type": request.content_type}
        async with self._session.request(request.method, url, data=body, headers=headers) as answer:
            return await _passed_on(answer)


async def _passed_on(answer: aiohttp.ClientResponse) -> web.Response:
    return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)


@contextlib.asynccontextmanager
async def playground(sandbox: Sandbox, folder: Path, port: int) -> AsyncIterator[str]:
    """The Playground as the first person of the tenant, until the block ends; its address.

    Args:
        sandbox: the tenant, with a bot connected.
        folder: where its configuration and its log shall be.
        port: where it shall listen; 0 for any that is free.

    Raises:
        PlaygroundFailed: it did not start.
    """
    person = next(iter(sandbox.tenant.people.values()))
    port = port or _free_port()
    connector = f"http://{_HOST}:{port}/_connector"
    async with aiohttp.ClientSession() as session:
        relay = _Relay(sandbox, session, connector)
        runner = web.AppRunner(relay.application())
        await runner.setup()
        await web.TCPSite(runner, _HOST, 0).start()
        relay.url = f"http://{_HOST}:{runner.addresses[0][1]}"
        try:
            # YAML is a superset of JSON.
            configuration = json.dumps(_configuration(sandbox, person), ensure_ascii=False, indent=1)
            (folder / ".m365agentsplayground.yml").write_text(configuration, encoding="utf-8")
            async with _process(f"{relay.url}/api/messages", connector, folder, port):
                yield f"http://{_HOST}:{port}"
        finally:
            await runner.cleanup()


def _configuration(sandbox: Sandbox, person: SandboxPerson) -> Json:
    # It wants five other people, whoever they are.
    others = [one for one in sandbox.tenant.people.values() if one is not person][:5]
    return {
        "version": "0.1.1",
        "tenantId": sandbox.tenant.tenant_id,
        "bot": {"id": sandbox.teams.channel.bot_id, "name": BOT_NAME},
        "currentUser": _member(person),
        "users": [_member(one) for one in others],
        "personalChat": {"id": conversation_id(person)},
        "groupChat": {"id": "19:group@thread.v2", "name": "Group"},
        "team": {
            "id": "19:team@thread.tacv2",
            "name": "Team",
            "aadGroupId": "7ea30000-0000-4000-8000-000000000001",
            "channels": [{"id": "19:general@thread.tacv2", "name": "General"}],
        },
    }


def _member(person: SandboxPerson) -> Json:
    given, _, surname = person.display_name.rpartition(" ")
    return {
        "id": user_id(person),
        "name": person.display_name,
        "userPrincipleName": person.upn,  # spelled as it spells it
        "aadObjectId": person.oid,
        "givenName": given or surname,
        "surname": surname,
        "email": person.upn,
    }


@contextlib.asynccontextmanager
async def _process(endpoint: str, connector: str, folder: Path, port: int) -> AsyncIterator[None]:
    command = os.environ.get("AGENTSPLAYGROUND", f"npx --yes {_PACKAGE}").split()
    arguments = ["start", "-e", endpoint, "-c", "msteams", "-p", str(port), "--disable-telemetry"]
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, "--service-url", connector,
        cwd=folder, env={**os.environ, "BROWSER": "true"}, start_new_session=True,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    reading: asyncio.Task[None] | None = None
    try:
        if process.stdout is not None:
            await _until_it_listens(process.stdout, port)
            reading = asyncio.create_task(_drain(process.stdout))
        # It says so before it has read its configuration.
        await _until_it_answers(f"http://{_HOST}:{port}", process, folder)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
        if reading is not None:
            await reading


async def _until_it_listens(output: asyncio.StreamReader, port: int) -> None:
    printed: list[str] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_S):
            async for line in output:
                printed.append(line.decode(errors="replace").rstrip())
                if f"Listening on {port}" in printed[-1]:
                    return
                if "Listening on" in printed[-1]:
                    raise PlaygroundFailed(f"port {port} is in use")
    raise PlaygroundFailed("the Playground did not start: " + " | ".join(printed[-8:]))


async def _until_it_answers(url: str, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with aiohttp.ClientSession() as session:
        while process.returncode is None:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url):
                    return
            await asyncio.sleep(0.1)
    log = folder / "devTools" / "m365agentsplayground.log"
    told = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    raise PlaygroundFailed("the Playground has stopped: " + " | ".join(told[-3:]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


async def _drain(output: asyncio.StreamReader) -> None:
    async for _ in output:
        pass
