"""The wiring: settings in, a running bot out. The only place where the parts are put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.errors import StoreUnavailable
from bot.graph import GraphClient
from bot.housekeeping import Housekeeping
from bot.identity import (
    BotToken,
    EntraClient,
    SigningKeys,
    SsoValidator,
    UserTokens,
    sign_in_routes,
    warn_of_expiry,
)
from bot.neighbours import Neighbours
from bot.page_sign_in import PageSignIns
from bot.retry import RetryPolicy
from bot.self_service import SelfService
from bot.settings import Pace, Settings
from bot.store import ActionIds, Limits, OutcomeKind, Store
from bot.teams import (
    Answers,
    ChannelAuth,
    Connector,
    Errands,
    Explainer,
    Interruptions,
    SignIn,
    SignInSteps,
    TeamsAdapter,
    TeamsHandler,
    Topics,
)
from bot.telemetry import Metrics, get_logger

__all__ = ["Bot", "running_bot"]

_log = get_logger(__name__)

# aiohttp's own limit is just below that of a token, and what is over it would be answered 400 rather than 401.
_MAX_HEADER_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot and where it listens."""

    port: int
    admin_port: int
    tokens: UserTokens


@dataclass(frozen=True, slots=True)
class _Parts:
    adapter: TeamsAdapter
    handler: TeamsHandler
    sign_in_routes: list[web.RouteDef]
    store: Store
    channel_keys: SigningKeys
    tokens: UserTokens
    metrics: Metrics
    housekeeping: Housekeeping
    neighbours: Neighbours


@asynccontextmanager
async def running_bot(settings: Settings, pace: Pace | None = None) -> AsyncIterator[Bot]:
    """Start the bot, serve until the block ends, finish the turns that are under way.

    Raises:
        StoreUnavailable: no database, or a migration failed.
        OSError: a port is taken.
    """
    async with AsyncExitStack() as stack:
        pace = pace or Pace()
        parts = await _build(settings, pace, stack)
        # The stack unwinds backwards: the sites stop, then turns under way are finished, and only then do the parts
        # go that they use.
        await stack.enter_async_context(_kept(parts.housekeeping))
        await stack.enter_async_context(_running(parts.neighbours.run(), "neighbours"))
        stack.push_async_callback(parts.adapter.drain)
        port = await _serve(stack, _application(parts), settings.host, settings.port, pace.shutdown_s)
        admin_port = await _serve(
            stack, _admin_application(parts.metrics), settings.admin_host, settings.admin_port, pace.shutdown_s
        )
        _log.info("ready", port=port, admin_port=admin_port)
        yield Bot(port, admin_port, parts.tokens)


async def _build(settings: Settings, pace: Pace, stack: AsyncExitStack) -> _Parts:
    metrics = Metrics()
    store = await Store.open(settings.database_url)
    stack.push_async_callback(store.close)
    timeout = aiohttp.ClientTimeout(total=pace.call_s, connect=pace.connect_s)
    connector = aiohttp.TCPConnector(ssl=settings.ssl_context(), limit=200)
    # No cookies: nothing that one answer sets may travel with another person's call.
    session = aiohttp.ClientSession(timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar())
    stack.push_async_callback(session.close)
    retry = RetryPolicy(budget_s=pace.call_budget_s, first_pause_s=pace.first_retry_s)

    entra = EntraClient(settings, pace, observe=_observer(metrics, "entra"))
    stack.callback(entra.close)
    await stack.enter_async_context(_running(warn_of_expiry(entra.credential, pace.expiry_look_s), "certificate's end"))
    bot_token = BotToken(lambda: entra.for_the_bot(settings.channel_scope))
    stack.push_async_callback(bot_token.close)
    channel_keys = SigningKeys(session, settings.channel_openid_url, reload_s=pace.key_reload_s)
    stack.push_async_callback(channel_keys.close)
    entra_openid_url = f"{settings.login_url}/{settings.tenant}/v2.0/.well-known/openid-configuration"
    entra_keys = SigningKeys(session, entra_openid_url, reload_s=pace.key_reload_s)
    stack.push_async_callback(entra_keys.close)

    tokens = UserTokens(entra)
    auth = ChannelAuth(channel_keys, settings)
    connector_client = Connector(session, bot_token, retry=retry, observe=_observer(metrics, "connector"))
    adapter = TeamsAdapter(auth, connector_client, pace, metrics)
    graph = GraphClient(session, settings.graph_url, retry=retry, observe=_observer(metrics, "graph"))
    action_ids = ActionIds(await store.action_key())

    def count_change(kind: OutcomeKind) -> None:
        metrics.changes.labels(outcome=kind.value).inc()

    self_service = SelfService(
        graph,
        tokens,
        store.audit,
        action_ids,
        settings.policy,
        _limits(settings),
        pace,
        spawn=adapter.spawn,
        observe_change=count_change,
    )
    pages = PageSignIns(entra, store.inbox, store.sign_ins, tokens, settings.public_url)
    sso = SsoValidator(entra_keys, settings.client_id, settings.tenant)
    sign_in = SignIn(store, sso, tokens, pages, pace)
    explain = Explainer.of(settings)
    topics = Topics()
    answers = Answers(adapter, topics)
    errands = Errands(adapter, answers, self_service, sign_in, store, explain, pace)
    steps = SignInSteps(adapter, answers, sign_in, errands, explain, pace)
    handler = TeamsHandler(adapter, answers, topics, errands, steps, store, explain, pace)
    housekeeping = Housekeeping(
        store,
        Interruptions(adapter, answers, store).tell,
        keep=timedelta(days=settings.audit_retention_days) if settings.audit_retention_days else None,
        every_s=pace.housekeeping_s,
        observe_change=count_change,
    )
    # Warm up at once; what fails is logged, and tried again when it is needed.
    await asyncio.gather(channel_keys.load(), entra_keys.load(), _warm(bot_token))
    routes = sign_in_routes(pages, settings.cloud, settings.tenant)
    neighbours = Neighbours(store, tokens, every_s=pace.neighbours_s)
    return _Parts(adapter, handler, routes, store, channel_keys, tokens, metrics, housekeeping, neighbours)


def _limits(settings: Settings) -> Limits:
    return Limits(settings.limit_self_per_hour, settings.limit_agent_per_hour, settings.limit_target_per_hour)


@asynccontextmanager
async def _kept(housekeeping: Housekeeping) -> AsyncIterator[None]:
    """Housekeeping as long as the block runs, and the audit trail's head in the log at its end."""
    try:
        async with _running(housekeeping.run(), "housekeeping"):
            yield
    finally:
        with suppress(StoreUnavailable):
            await housekeeping.log_heads()


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """The work beside the block, as long as that runs."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _warm(bot_token: BotToken) -> None:
    await asyncio.gather(bot_token.get(), return_exceptions=True)


def _observer(metrics: Metrics, service: str) -> Callable[[int], None]:
    def observe(status: int) -> None:
        metrics.upstream.labels(service=service, status=str(status)).inc()

    return observe


def _application(parts: _Parts) -> web.Application:
    async def messages(request: web.Request) -> web.Response:
        return await parts.adapter.handle(request, parts.handler.on_turn)

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(_request: web.Request) -> web.Response:
        missing = await _missing(parts)
        return web.Response(text=missing or "ok", status=503 if missing else 200)

    application = web.Application()
    application.router.add_post("/api/messages", messages)
    application.router.add_get("/healthz", healthz)
    application.router.add_get("/readyz", readyz)
    application.router.add_routes(parts.sign_in_routes)
    return application


async def _missing(parts: _Parts) -> str:
    """What keeps the bot from working, in one word; empty if nothing does."""
    try:
        await parts.store.ping()
    except StoreUnavailable:
        return "store"
    if not parts.channel_keys.loaded:
        # Nobody else would ask for them while the load balancer keeps people away.
        await parts.channel_keys.load()
    return "" if parts.channel_keys.loaded else "keys"


def _admin_application(metrics: Metrics) -> web.Application:
    async def show_metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    application.router.add_get("/metrics", show_metrics)
    return application


async def _serve(stack: AsyncExitStack, application: web.Application, host: str, port: int, shutdown_s: float) -> int:
    """Serve on ``host:port`` until the stack unwinds; the port it really got (0 asks for any)."""
    runner = web.AppRunner(
        application,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=shutdown_s,
        max_field_size=_MAX_HEADER_BYTES,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, host, port).start()
    address = runner.addresses[0]
    assert isinstance(address, tuple)
    return int(address[1])
