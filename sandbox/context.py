"""What every service of one sandbox needs: the tenant, the keys, the addresses, what goes wrong, and the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.faults import Faults
from sandbox.keys import SandboxKeys
from sandbox.registration import BotRegistration
from sandbox.sessions import Sessions
from sandbox.situations import Situations
from sandbox.tenant import Tenant


@dataclass(frozen=True)
class Addresses:
    """Where the services answer, without a slash at the end."""

    site_url: str
    graph_url: str
    login_url: str
    login_http_url: str
    identity_url: str

    @property
    def service_url(self) -> str:
        """The base address of the Bot Connector, as activities name it."""
        return f"{self.site_url}/connector"


@dataclass(frozen=True)
class Context:
    """Handed to each service; ``clock`` gives seconds since the epoch."""

    tenant: Tenant
    bot: BotRegistration
    keys: SandboxKeys
    addresses: Addresses
    faults: Faults
    sessions: Sessions
    situations: Situations
    clock: Callable[[], float]
