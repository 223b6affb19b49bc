"""A simulated Microsoft 365 tenant that refuses what the real services refuse.

``Sandbox`` is all of it; ``sandbox.faults`` makes its services fail on demand.
"""

from sandbox.channel import PostResult
from sandbox.chat import ChatMessage
from sandbox.client import TeamsClient
from sandbox.faults import Answer, Call, Faults
from sandbox.keys import SandboxKeys, SigningKey
from sandbox.server import Sandbox
from sandbox.tenant import GraphCall, SandboxPerson, Tenant

__all__ = [
    "Answer",
    "Call",
    "ChatMessage",
    "Faults",
    "GraphCall",
    "PostResult",
    "Sandbox",
    "SandboxKeys",
    "SandboxPerson",
    "SigningKey",
    "TeamsClient",
    "Tenant",
]
