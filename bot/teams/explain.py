"""Errors on their way to people: what each means for them, and which ways out there are."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import uuid4

from bot.commands import Command
from bot.errors import (
    ConsentMissing,
    GraphRefused,
    MethodRefused,
    MfaBotError,
    SignInBlocked,
    StepUpInVain,
    StoreUnavailable,
    UpstreamError,
)
from bot.identity import SELF_SCOPES
from bot.locale import N_
from bot.replies import ConsentWanted, TroubleReply
from bot.settings import Settings
from bot.telemetry import get_logger, log_error

__all__ = ["Explainer"]

_log = get_logger(__name__)
_MAY_PASS = (UpstreamError, StoreUnavailable)
_HELPS_ONESELF = (GraphRefused, MethodRefused, StepUpInVain)
_HELPDESK = (GraphRefused, StepUpInVain, SignInBlocked)


@dataclass(frozen=True, slots=True)
class Explainer:
    """What one organisation's people are told. ``contact`` is a text or a link, and may be empty."""

    contact: str
    consent: ConsentWanted

    @classmethod
    def of(cls, settings: Settings) -> Explainer:
        """By the settings.

        The page for consent: https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
        """
        scopes = sorted(SELF_SCOPES)
        query = {
            "client_id": settings.client_id,
            "scope": " ".join(f"{settings.graph_url}/{scope}" for scope in scopes),
            "redirect_uri": f"{settings.public_url}/auth/callback",
        }
        url = f"{settings.login_url}/{settings.tenant}/v2.0/adminconsent?{urlencode(query)}"
        return cls(settings.helpdesk_contact, ConsentWanted(tuple(scopes), url))

    def trouble(self, error: MfaBotError, command: Command | None = None) -> TroubleReply:
        """What went wrong, in the person's words, with a reference to the log entry that this makes.

        ``command`` is what the person wanted; where the same may work in a while, there is a button for it.
        """
        reference = uuid4().hex[:8]
        log_error(_log, error, reference=reference)
        return TroubleReply(
            error.user_sentence,
            reference,
            retry=command if isinstance(error, _MAY_PASS) else None,
            security_info=isinstance(error, _HELPS_ONESELF),
            contact=self.contact if isinstance(error, _HELPDESK) else "",
            consent=self.consent if isinstance(error, ConsentMissing) else None,
        )

    def unforeseen(self, error: Exception) -> TroubleReply:
        """For what is a mistake of ours: the log gets the trace, the person a sentence that claims nothing."""
        reference = uuid4().hex[:8]
        _log.exception("a turn broke", error=type(error).__name__, reference=reference)
        sentence = N_("Something went wrong on my side, and I can't say how far I got. Look at how things are now.")
        return TroubleReply(sentence, reference)
