"""The switches of the chat page: which situations there are, in plain words, and what is on."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from sandbox.situations import (
    AccessRevoked,
    AdminConsentMissing,
    Blocked,
    Down,
    SelfServiceRefused,
    Situation,
    Situations,
    Slow,
    StepUp,
    StepUpAtSignIn,
    Throttled,
)
from sandbox.tenant import Json
from sandbox.web import json_object


@dataclass(frozen=True)
class _Switch:
    """A situation as the page offers it: for the person whose chat it shows, or for everybody."""

    name: str
    title: str
    text: str
    situation: Situation
    for_everybody: bool = False


_SWITCHES = (
    _Switch(
        "step-up",
        "Fresh sign-in before a change",
        "Microsoft lets you read, but wants you to sign in with a code again before it changes anything.",
        StepUp(),
    ),
    _Switch(
        "step-up-at-sign-in",
        "Fresh sign-in before anything",
        "The bot gets no access at all until you have signed in with a code.",
        StepUpAtSignIn(),
    ),
    _Switch(
        "blocked",
        "Blocked by policy",
        "Your organisation's rules keep you out, and signing in does not help.",
        Blocked(),
    ),
    _Switch(
        "access-revoked",
        "Access revoked just now",
        "An administrator ends all your sign-ins in the middle of the conversation; it is over when you sign in again.",
        AccessRevoked(),
    ),
    _Switch(
        "self-service-refused",
        "Changing your own is not allowed",
        "Microsoft refuses every change that you make for yourself, however often you sign in.",
        SelfServiceRefused(),
    ),
    _Switch(
        "admin-consent-missing",
        "Administrator has not approved the bot",
        "Nobody gets anything from the bot until an administrator opens its link and accepts.",
        AdminConsentMissing(),
        for_everybody=True,
    ),
    _Switch(
        "throttled",
        "Microsoft is too busy",
        "Microsoft asks to be left alone for two minutes, which is longer than the bot waits.",
        Throttled(),
        for_everybody=True,
    ),
    _Switch(
        "slow",
        "Microsoft is slow",
        "Every answer takes a second and a half, so that you see what the bot does meanwhile.",
        Slow(),
        for_everybody=True,
    ),
    _Switch(
        "down",
        "Microsoft is down",
        "Nothing can be read or changed for now.",
        Down(),
        for_everybody=True,
    ),
)
_BY_NAME = {switch.name: switch for switch in _SWITCHES}


class SituationsApi:
    """``GET`` and ``POST /api/situations``; either answers with all switches."""

    def __init__(self, situations: Situations) -> None:
        self._situations = situations

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Serve both."""
        router.add_get("/api/situations", self._list)
        router.add_post("/api/situations", self._change)

    async def _list(self, _: web.Request) -> web.Response:
        return web.json_response({"situations": [self._described(switch) for switch in _SWITCHES]})

    async def _change(self, request: web.Request) -> web.Response:
        """``{"name", "person": an object id or null for everybody, "on"}``."""
        body = await json_object(request)
        switch, oid, on = _BY_NAME.get(str(body.get("name"))), body.get("person"), body.get("on")
        if switch is None or not isinstance(oid, str | None) or not isinstance(on, bool):
            raise web.HTTPBadRequest(text="name, person or on is missing")
        try:
            if on:
                self._situations.switch_on(switch.situation, oid)
            else:
                self._situations.switch_off(type(switch.situation), oid)
        except KeyError:
            raise web.HTTPNotFound(text="no such person") from None
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return await self._list(request)

    def _described(self, switch: _Switch) -> Json:
        return {
            "name": switch.name,
            "title": switch.title,
            "text": switch.text,
            "forEverybody": switch.for_everybody,
            "on": self._situations.whose(type(switch.situation)),
        }
