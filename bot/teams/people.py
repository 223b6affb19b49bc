"""Who sent an activity and where they are, from what the channel vouches for; never from text or card data."""

from __future__ import annotations

import re

from botbuilder.schema import Activity, ChannelAccount, ConversationAccount, ConversationReference

from bot.errors import SenderUnknown
from bot.mfa import Oid, Person
from bot.store import ConversationAddress
from bot.teams.channel_auth import tenant_of

__all__ = ["address_of", "is_personal", "locale_of", "reference_to", "sender_of", "text_of", "zone_of"]

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_MAX_NAME = 256
_MAX_ID = 512


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
    return Person(Oid(oid), tid, display_name=(account.name or "")[:_MAX_NAME])


def is_personal(activity: Activity) -> bool:
    """True in a chat of two."""
    return bool(activity.conversation.conversation_type == "personal")


def address_of(activity: Activity, person: Person) -> ConversationAddress | None:
    """Where ``person`` can be written to from now on; None if the activity does not say it as Teams does."""
    locale = locale_of(activity)
    address = ConversationAddress(
        person.tid,
        person.oid,
        conversation_id=activity.conversation.id,
        service_url=activity.service_url,
        user_id=activity.from_property.id,
        bot_id=activity.recipient.id if activity.recipient else "",
        locale=locale[:64] if locale else None,
    )
    ids = (address.conversation_id, address.service_url, address.user_id, address.bot_id)
    well_formed = all(isinstance(part, str) and 0 < len(part) <= _MAX_ID for part in ids)
    return address if well_formed and is_personal(activity) else None


def reference_to(address: ConversationAddress) -> ConversationReference:
    """The address as the SDK wants it."""
    return ConversationReference(
        channel_id="msteams",
        service_url=address.service_url,
        conversation=ConversationAccount(
            id=address.conversation_id, conversation_type="personal", tenant_id=address.tid
        ),
        user=ChannelAccount(id=address.user_id, aad_object_id=address.oid),
        bot=ChannelAccount(id=address.bot_id),
        locale=address.locale,
    )


def locale_of(activity: Activity) -> str | None:
    """The client's language as a BCP 47 tag."""
    for entity in activity.entities or []:
        if entity.type == "clientInfo" and isinstance(locale := entity.additional_properties.get("locale"), str):
            return locale
    return str(activity.locale) if activity.locale else None


def zone_of(activity: Activity) -> str | None:
    """The name of the client's time zone."""
    for entity in activity.entities or []:
        if entity.type == "clientInfo" and isinstance(zone := entity.additional_properties.get("timezone"), str):
            return zone
    return str(activity.local_timezone) if activity.local_timezone else None


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
