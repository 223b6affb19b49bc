"""A simulated Microsoft 365 tenant that refuses what the real services refuse.

``Sandbox`` is all of it; ``sandbox.faults`` makes its services fail on demand, and
``sandbox.situations`` switches on what a person may meet in life.
"""

from sandbox.channel import PostResult
from sandbox.chat import ChatMessage
from sandbox.client import TeamsClient
from sandbox.faults import Answer, Call, Faults
from sandbox.keys import SandboxKeys, SigningKey
from sandbox.server import Sandbox
from sandbox.sign_in import SignInResult
from sandbox.situations import (
    AccessRevoked,
    AdminConsentMissing,
    Blocked,
    Down,
    SelfServiceRefused,
    Situations,
    Slow,
    StepUp,
    StepUpAtSignIn,
    Throttled,
)
from sandbox.tenant import GraphCall, SandboxPerson, Tenant

__all__ = [
    "AccessRevoked",
    "AdminConsentMissing",
    "Answer",
    "Blocked",
    "Call",
    "ChatMessage",
    "Down",
    "Faults",
    "GraphCall",
    "PostResult",
    "Sandbox",
    "SandboxKeys",
    "SandboxPerson",
    "SelfServiceRefused",
    "SignInResult",
    "SigningKey",
    "Situations",
    "Slow",
    "StepUp",
    "StepUpAtSignIn",
    "TeamsClient",
    "Tenant",
    "Throttled",
]
