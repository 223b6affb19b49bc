"""All services of a sandbox, started and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from sandbox.certificates import server_tls
from sandbox.channel import CHANNEL_ISSUER
from sandbox.context import Addresses, Context
from sandbox.entra import Entra
from sandbox.faults import Faults
from sandbox.graph import Graph
from sandbox.keys import SandboxKeys
from sandbox.managed_identity import ManagedIdentities
from sandbox.people import everybody
from sandbox.registration import BotRegistration
from sandbox.sessions import Sessions
from sandbox.site import Site
from sandbox.situations import Situations
from sandbox.teams import Teams
from sandbox.tenant import APP_ID, Tenant
from sandbox.web import HOST, listening, port_of, serving

_DATABASE_URL = "sqlite+aiosqlite:///mfabot.db"  # the bot's own default


class Sandbox:
    """A simulated tenant on loopback: Entra, Graph, Teams and a chat page.

    ``async with await Sandbox.start() as sandbox:`` or ``start`` and ``stop``.
    """

    def __init__(self, context: Context, ca_file: Path) -> None:
        """Wire the services; ``start`` is what makes a running sandbox."""
        self.tenant = context.tenant
        self.keys = context.keys
        self.faults = context.faults
        self.sessions = context.sessions
        self.situations = context.situations
        self.entra = Entra(context)
        self.graph = Graph(context)
        self.teams = Teams(context, self.entra)
        self.site = Site(context, self.teams)
        self.registration = context.bot
        self.identities = ManagedIdentities(context, self.entra.issuer, context.addresses.identity_url)
        self._bot = context.bot
        self.app_id = context.bot.app_id
        self.site_url = context.addresses.site_url
        self.service_url = context.addresses.service_url
        self.graph_url = context.addresses.graph_url
        self.login_url = context.addresses.login_url
        self.login_http_url = context.addresses.login_http_url
        self.ca_file = ca_file
        self._running = contextlib.AsyncExitStack()

    @classmethod
    async def start(
        cls,
        *,
        site_port: int = 0,
        keys: SandboxKeys | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Sandbox:
        """A running sandbox. ``keys`` saves the time of making new ones; they are copied.

        Raises:
            OSError: the site's port is taken.
        """
        async with contextlib.AsyncExitStack() as stack:
            ports = (site_port, 0, 0, 0, 0)
            site, graph, login, login_http, identity = (stack.enter_context(listening(port)) for port in ports)
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="mfabot-sandbox-"))
            tls, ca_file = server_tls(Path(directory))
            keys = keys.copy() if keys else await asyncio.to_thread(SandboxKeys.generate)
            context = _context(_addresses(site, graph, login, login_http, identity), keys, clock)
            sandbox = cls(context, ca_file)
            await stack.enter_async_context(serving(sandbox.graph.app(), (graph, None)))
            await stack.enter_async_context(serving(sandbox.entra.app(), (login, tls), (login_http, None)))
            await stack.enter_async_context(serving(sandbox.identities.app(), (identity, None)))
            await stack.enter_async_context(serving(sandbox.site.app(), (site, None)))
            await stack.enter_async_context(sandbox.teams.running())
            sandbox._running = stack.pop_all()
            return sandbox

    async def stop(self) -> None:
        """End everything; a second call does nothing."""
        await self._running.aclose()

    async def __aenter__(self) -> Sandbox:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def client_secret(self) -> str:
        """The newest secret of the bot's registration."""
        return self.registration.client_secret

    def connect_bot(self, messaging_endpoint: str) -> None:
        """Where the Connector posts activities, for instance ``http://127.0.0.1:3978/api/messages``."""
        self.teams.channel.endpoint = messaging_endpoint

    def register_redirect_uri(self, redirect_uri: str) -> None:
        """Let sign-in pages lead back to this address, as its administrator does in the app registration."""
        self._bot.redirect_uris.add(redirect_uri)

    def environment(self, public_url: str | None = None, database_url: str = _DATABASE_URL) -> dict[str, str]:
        """The environment in which a bot meets this tenant instead of Microsoft's.

        People reach the bot's pages under ``public_url``: at the site, which forwards ``/auth/``, unless another
        address is given. Its ``/auth/callback`` becomes a registered redirect address.
        """
        public_url = public_url or self.site_url
        self.register_redirect_uri(callback_of(public_url))
        return {
            "MFABOT_APP_ID": self.app_id,
            "MFABOT_TENANT_ID": self.tenant.tenant_id,
            "MFABOT_CLIENT_SECRET": self.client_secret,
            "MFABOT_PUBLIC_URL": public_url,
            "MFABOT_LOGIN_URL": self.login_url,
            "MFABOT_GRAPH_URL": self.graph_url,
            "MFABOT_CHANNEL_OPENID_URL": f"{self.service_url}/openid/.well-known/openidconfiguration",
            "MFABOT_CHANNEL_ISSUER": CHANNEL_ISSUER,
            "MFABOT_SERVICE_URL_HOSTS": HOST,
            "MFABOT_DATABASE_URL": database_url,
            "SSL_CERT_FILE": str(self.ca_file),
            # requests, and so MSAL, lets this variable win over the certificates that code names.
            "REQUESTS_CA_BUNDLE": str(self.ca_file),
        }


def callback_of(public_url: str) -> str:
    """The redirect address of a bot with this public address."""
    return f"{public_url.rstrip('/')}/auth/callback"


def _context(addresses: Addresses, keys: SandboxKeys, clock: Callable[[], float]) -> Context:
    tenant, sessions = Tenant(everybody()), Sessions(clock)
    return Context(
        tenant=tenant,
        bot=BotRegistration(APP_ID, secrets.token_urlsafe(24), {callback_of(addresses.site_url)}),
        keys=keys,
        addresses=addresses,
        faults=Faults(),
        sessions=sessions,
        situations=Situations(tenant, sessions),
        clock=clock,
    )


def _addresses(
    site: socket.socket, graph: socket.socket, login: socket.socket, login_http: socket.socket, identity: socket.socket
) -> Addresses:
    return Addresses(
        site_url=f"http://{HOST}:{port_of(site)}",
        graph_url=f"http://{HOST}:{port_of(graph)}",
        login_url=f"https://localhost:{port_of(login)}",
        login_http_url=f"http://{HOST}:{port_of(login_http)}",
        identity_url=f"http://{HOST}:{port_of(identity)}",
    )
