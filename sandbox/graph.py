"""Microsoft Graph, as far as sign-in preferences and methods go: HTTP, tokens, permissions, the log.

Errors have Graph's shape: https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from sandbox import graph_batch, graph_policy, graph_resources, roles
from sandbox.context import Context
from sandbox.faults import Answer, Call, ConnectionDropped
from sandbox.graph_resources import GraphError
from sandbox.keys import Refusal, TokenRefused, bearer, claimed_oid, verify
from sandbox.sessions import Session
from sandbox.tenant import GraphCall, Json, SandboxPerson, iso_utc
from sandbox.trouble import GraphTrouble
from sandbox.web import drop, respond

_RESOURCE = re.compile(r"/beta/users/([^/]+)/authentication/(signInPreferences|methods)")
_READ = "UserAuthenticationMethod.Read"
_WRITE = "UserAuthenticationMethod.ReadWrite"
_TOKEN_REFUSALS: Mapping[Refusal, str] = {
    "signature": "Access token validation failure. Invalid signature.",
    "audience": "Access token validation failure. Invalid audience.",
    "tenant": "Access token validation failure. Invalid tenant.",
    "lifetime": "Lifetime validation failed, the token is expired.",
}


@dataclass(frozen=True)
class _Request:
    """An HTTP request to Graph, or a part of a batch; header names are in lower case."""

    id: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    batch: str | None = None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class _Caller:
    person: SandboxPerson
    scopes: frozenset[str]
    session: Session

    def holds(self, scope: str, target: SandboxPerson) -> bool:
        """Whether the token has the scope: for oneself the plain one or ``.All``, for others ``.All``."""
        own = target is self.person and scope in self.scopes
        return own or f"{scope}.All" in self.scopes


@dataclass(frozen=True)
class _Served:
    """An answer and the calls to log for it, a batch before its parts."""

    answer: Answer
    calls: list[GraphCall] = field(default_factory=list)


class Graph:
    """The sandbox's Graph."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tenant = context.tenant
        self._url = context.addresses.graph_url
        self._trouble = GraphTrouble(context.situations)
        self._ids = itertools.count(1)

    def app(self) -> web.Application:
        """The application; everything goes one way, so that every call is logged."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._receive)
        return app

    async def _receive(self, received: web.Request) -> web.Response:
        headers = {name.casefold(): value for name, value in received.headers.items()}
        body = await received.read()
        request = _Request(self._next_id(), received.method, received.raw_path, headers, body)
        try:
            served = await self._serve(request)
        except ConnectionDropped:
            return drop(received)
        for call in served.calls:
            self._tenant.call_log.append(call)
        return respond(served.answer)

    async def _serve(self, request: _Request) -> _Served:
        """Answer a request, or a part of a batch: what the faults say, or else what Graph would."""
        at = iso_utc(self._context.clock())
        started = time.perf_counter()
        injected = await self._injected(request)
        served = _Served(injected) if injected else await self._try_answer(request)
        answer = _with_ids(served.answer, request)
        ms = round((time.perf_counter() - started) * 1000, 1)
        return _Served(answer, [self._logged(request, answer, at, ms), *served.calls])

    async def _injected(self, request: _Request) -> Answer | None:
        """What faults and situations have in place of Graph's answer; trouble meets a batch as a whole."""
        call = _described(request)
        answer = await self._context.faults.ask(call)
        return await self._trouble.ask(call) if answer is None and request.batch is None else answer

    async def _try_answer(self, request: _Request) -> _Served:
        try:
            caller = self._caller(request)
            if _is_batch(request):
                return await self._batch(request)
            return _Served(self._resource(request, caller))
        except GraphError as refusal:
            return _Served(self._refused(refusal, request))

    async def _batch(self, request: _Request) -> _Served:
        content_type = request.headers.get("content-type", "")
        parts = graph_batch.parts(graph_resources.parsed(request.body, content_type))
        served = await self._serve_parts([self._part_request(request, part) for part in parts])
        answers = [(part.id, one.answer) for part, one in zip(parts, served, strict=True)]
        calls = [call for one in served for call in one.calls]
        return _Served(Answer(200, body=graph_batch.envelope_of(answers)), calls)

    async def _serve_parts(self, parts: Sequence[_Request]) -> list[_Served]:
        """All parts at once; one that drops the connection ends the others too."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._serve(part)) for part in parts]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        return [task.result() for task in tasks]

    def _part_request(self, batch: _Request, part: graph_batch.Part) -> _Request:
        """A part as a request of its own, with the batch's token and ids."""
        inherited = {name: batch.headers[name] for name in _INHERITED if name in batch.headers}
        headers = {**part.headers, **inherited}
        return _Request(self._next_id(), part.method, f"/beta{part.url}", headers, part.body, batch=batch.id)

    def _caller(self, request: _Request) -> _Caller:
        token = bearer(request.headers.get("authorization"))
        if not token:
            raise GraphError(401, "InvalidAuthenticationToken", "Access token is empty.")
        try:
            claims = verify(
                token,
                self._context.keys.entra,
                audience=self._url,
                tenant_id=self._tenant.tenant_id,
                now=self._context.clock(),
            )
        except TokenRefused as refused:
            message = _TOKEN_REFUSALS[refused.reason]
            raise GraphError(401, "InvalidAuthenticationToken", message) from refused
        person = self._tenant.people.get(str(claims.get("oid")))
        if person is None:
            raise GraphError(401, "InvalidAuthenticationToken", "The user account does not exist.")
        session = graph_policy.session_of(self._context, claims, person)
        graph_policy.check_not_revoked(self._context, session, claims.get("xms_cc") or [])
        return _Caller(person, frozenset(str(claims.get("scp", "")).split()), session)

    def _resource(self, request: _Request, caller: _Caller) -> Answer:
        found = _RESOURCE.fullmatch(request.path)
        if not found:
            raise _no_such_resource(request)
        id_or_upn, resource = unquote(found[1]), found[2]
        operation = (request.method, resource)
        if operation not in _OPERATIONS:
            raise _no_such_operation()
        target = self._tenant.find(id_or_upn)
        if target is None:
            raise _no_such_user(id_or_upn)
        return self._permitted(operation, caller, target, request)

    def _permitted(
        self, operation: tuple[str, str], caller: _Caller, target: SandboxPerson, request: _Request
    ) -> Answer:
        if operation == ("PATCH", "signInPreferences"):
            _check_may_write(caller, target)
            self._check_own_account(caller, target, "PATCH")
            content_type = request.headers.get("content-type", "")
            body = graph_resources.parsed(request.body, content_type)
            return graph_resources.update_preferences(target, body)
        _check_may_read(caller, target)
        self._check_own_account(caller, target, "GET")
        context_url = f"{self._url}/beta/$metadata"
        if operation == ("GET", "signInPreferences"):
            return graph_resources.preferences(target, context_url)
        if request.query:  # the list of methods documents that it takes no OData option
            raise graph_resources.bad_request("Query options are not supported for this resource.")
        return graph_resources.methods(target, caller.person, context_url)

    def _check_own_account(self, caller: _Caller, target: SandboxPerson, method: str) -> None:
        if target is caller.person:
            graph_policy.check_own_account(self._context, caller.session, method)

    def _refused(self, refusal: GraphError, request: _Request) -> Answer:
        inner = {
            "date": iso_utc(self._context.clock())[:19],
            "request-id": _request_id(request),
            "client-request-id": _client_request_id(request),
        }
        error = {"code": refusal.code, "message": refusal.message, "innerError": inner}
        return Answer(refusal.status, self._challenge(refusal), {"error": error})

    def _challenge(self, refusal: GraphError) -> Mapping[str, str]:
        if refusal.status != web.HTTPUnauthorized.status_code and refusal.claims is None:
            return {}
        authorize = f"{self._context.addresses.login_url}/common/oauth2/authorize"
        return {"WWW-Authenticate": graph_policy.challenge_header(authorize, refusal.claims)}

    def _logged(self, request: _Request, answer: Answer, at: str, ms: float) -> GraphCall:
        oid = claimed_oid(bearer(request.headers.get("authorization")))
        actor = self._tenant.people.get(oid) if oid else None
        return GraphCall(
            id=request.id,
            at=at,
            method=request.method,
            path=request.target,
            status=answer.status,
            ms=ms,
            actor=actor.upn if actor else None,
            client_request_id=request.headers.get("client-request-id"),
            request_body=graph_batch.without_credentials(_readable(request.body)),
            response_body=_readable(answer.body),
            batch=request.batch,
        )

    def _next_id(self) -> str:
        return f"g{next(self._ids)}"


_OPERATIONS = frozenset({("GET", "signInPreferences"), ("PATCH", "signInPreferences"), ("GET", "methods")})
_INHERITED = ("authorization", "client-request-id")


def _is_batch(request: _Request) -> bool:
    """Whether this is a batch; a batch inside a batch is none."""
    return request.method == "POST" and unquote(request.path) == "/beta/$batch" and request.batch is None


def _check_may_read(caller: _Caller, target: SandboxPerson) -> None:
    if not (caller.holds(_READ, target) or caller.holds(_WRITE, target)):
        raise graph_resources.forbidden()
    if target is not caller.person and not roles.may_read(caller.person.roles, target.roles):
        raise graph_resources.forbidden()


def _check_may_write(caller: _Caller, target: SandboxPerson) -> None:
    if not caller.holds(_WRITE, target):
        raise graph_resources.forbidden()
    if target is not caller.person and not roles.may_write(caller.person.roles, target.roles):
        raise graph_resources.forbidden()


def _no_such_resource(request: _Request) -> GraphError:
    segment = unquote(request.path).rstrip("/").rpartition("/")[2]
    return GraphError(404, "ResourceNotFound", f"Resource not found for the segment '{segment}'.")


def _no_such_operation() -> GraphError:
    """The old MFA service behind Graph shows in the answer to a wrong verb.

    https://github.com/microsoftgraph/msgraph-sdk-powershell/issues/445
    """
    uri = "https://mface.windowsazure.com/odata/authentication"
    message = f"No HTTP resource was found that matches the request URI '{uri}'."
    return GraphError(404, "ResourceNotFound", message)


def _no_such_user(id_or_upn: str) -> GraphError:
    message = f"Resource '{id_or_upn}' does not exist or one of its queried properties is not present."
    return GraphError(404, "Request_ResourceNotFound", message)


def _described(request: _Request) -> Call:
    body = _readable(request.body)
    detail: Json = graph_batch.without_credentials(body) if isinstance(body, dict) else {}
    oid = claimed_oid(bearer(request.headers.get("authorization")))
    return Call("graph", request.method, unquote(request.path), oid, detail)


def _with_ids(answer: Answer, request: _Request) -> Answer:
    """Every answer names itself and echoes the caller's id; parts of a batch have no such headers."""
    if request.batch:
        return answer
    ids = [("request-id", _request_id(request)), ("client-request-id", _client_request_id(request))]
    return replace(answer, headers=[*ids, *answer.header_pairs()])


def _request_id(request: _Request) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox:{request.id}"))


def _client_request_id(request: _Request) -> str:
    return request.headers.get("client-request-id") or _request_id(request)


def _readable(body: Json | str | bytes | None) -> Any:
    """A body for the log: parsed if it is JSON."""
    if not isinstance(body, bytes):
        return body
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")
