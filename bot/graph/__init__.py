"""The port to Microsoft Graph: read somebody's MFA state, set their default method. Delegated tokens only."""

from bot.graph.client import GraphClient, PatchOutcome

__all__ = ["GraphClient", "PatchOutcome"]
