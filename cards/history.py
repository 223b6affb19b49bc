"""The card of the last changes: what became what, when, by whom, and where nobody can say whether it took."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.locale import Texts
from bot.replies import HistoryEntry, HistoryReply
from cards.elements import Card, Container, ExecuteAction, OpenUrlAction, TextBlock, escape, local_date, local_time
from cards.state import REFRESH_VERB
from cards.words import SECURITY_INFO_URL, short_name, stored_name

__all__ = ["history_card"]


def history_card(reply: HistoryReply, texts: Texts, lang: str) -> Card:
    """The whole card for ``reply``."""
    _ = texts.gettext
    heading = _("Your last changes")
    nothing = _("There is nothing to show yet: I have no change of yours on record.")
    body: list[BareObject] = [TextBlock(text=heading, style="heading", size="Large", weight="Bolder", wrap=True)]
    body += [_row(entry, texts) for entry in reply.entries] or [TextBlock(text=nothing, wrap=True)]
    note = _("Only changes made through me are on record here, not those made elsewhere.")
    body.append(TextBlock(text=note, wrap=True, size="Small", isSubtle=True, separator=True))
    actions: list[BareObject] = [
        ExecuteAction(title=_("Show my methods"), verb=REFRESH_VERB),
        OpenUrlAction(title=_("Security info"), url=SECURITY_INFO_URL, tooltip=_("Register or remove methods")),
    ]
    # A date is worked out only in the texts of a card, so what is spoken and notified goes without.
    newest = _what(reply.entries[0], texts) if reply.entries else nothing
    return Card(body, actions=actions, lang=lang, fallback=f"{heading}. {newest}")


def _row(entry: HistoryEntry, texts: Texts) -> BareObject:
    """What became what, and below it the rest: no columns, so that it is readable on a narrow phone."""
    _ = texts.gettext
    details = [f"{local_date(entry.at_utc)} {local_time(entry.at_utc)}"]
    if entry.undone:
        details.append(_("put back"))
    details.append(_("by {name}").format(name=escape(entry.by)) if entry.by is not None else _("by you"))
    if not entry.sure:
        details.append(_("no clear answer; may not have taken"))
    return Container(
        items=[
            TextBlock(text=_what(entry, texts), wrap=True, weight="Bolder"),
            TextBlock(text=" · ".join(details), wrap=True, size="Small", isSubtle=True, spacing="None"),
        ],
        separator=True,
        spacing="Small",
    )


def _what(entry: HistoryEntry, texts: Texts) -> str:
    after = short_name(entry.after, texts)
    if entry.before == entry.after.value:
        # Set once more, to make sure of it.
        return after
    return f"{stored_name(entry.before, texts)} → {after}"
