"""Says in the log that the bot's certificate will expire, while there is still time to renew it."""

from __future__ import annotations

import asyncio
import datetime as dt

from bot.errors import BotMisconfigured
from bot.identity.credential import Credential
from bot.telemetry import get_logger, log_error

__all__ = ["warn_of_expiry"]

_log = get_logger(__name__)
_WARN_BEFORE = dt.timedelta(days=30)


async def warn_of_expiry(credential: Credential, every_s: float) -> None:
    """Look at once and then every ``every_s`` seconds, until cancelled; nothing to do where no end is known."""
    while True:
        try:
            end = await asyncio.to_thread(credential.expires_at)
        except BotMisconfigured as error:
            log_error(_log, error)
        else:
            if end is None:
                return
            _warn_if_near(end)
        await asyncio.sleep(every_s)


def _warn_if_near(end: dt.datetime) -> None:
    left = end - dt.datetime.now(dt.UTC)
    if left < _WARN_BEFORE:
        _log.error(
            "the certificate has expired" if left <= dt.timedelta() else "the certificate will expire soon",
            fix="put a new one, whose public part is in the app registration, into the file of MFABOT_CERTIFICATE_PATH",
            expires_at=end.isoformat(),
            days_left=left.days,
        )
