"""Who sent an activity, from what the channel vouches for; never from text or card data."""

from __future__ import annotations

import re

from botbuilder.schema import Activity

from bot.errors import SenderUnknown
from bot.mfa import Oid, Person
from bot.teams.channel_auth import tenant_of

__all__ = ["is_personal", "locale_of", "sender_of", "text_of"]

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def sender_of(activity: Activity) -> Person:
    """The person who wrote or pressed.

    Raises:
        SenderUnknown: the channel names no directory id.
    """
    account = activity.from_property
    oid = (account.aad_object_id or "").lower()
    tid = tenant_of(activity)
    if not _GUID.fullmatch(oid) or tid is None:
        raise SenderUnknown
    return Person(Oid(oid), tid, display_name=account.name or "")


def is_personal(activity: Activity) -> bool:
    """True in a chat of two."""
    return bool(activity.conversation.conversation_type == "personal")


def locale_of(activity: Activity) -> str | None:
    """The client's language as a BCP 47 tag."""
    for entity in activity.entities or []:
        if entity.type == "clientInfo" and isinstance(locale := entity.additional_properties.get("locale"), str):
            return locale
    return str(activity.locale) if activity.locale else None


def text_of(activity: Activity) -> str:
    """What was written, without the mention of the bot; mentions of other people stay, they matter."""
    text = str(activity.text or "")
    for entity in activity.entities or []:
        if entity.type != "mention":
            continue
        mentioned, written = entity.additional_properties.get("mentioned"), entity.additional_properties.get("text")
        is_bot = isinstance(mentioned, dict) and activity.recipient and mentioned.get("id") == activity.recipient.id
        if is_bot and isinstance(written, str) and written:
            text = text.replace(written, " ")
    return text
