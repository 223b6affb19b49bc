"""The card of the last changes: what became what, when, by whom, and where nobody can say whether it took."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.locale import Reader
from bot.mfa import DefaultMethod
from bot.replies import HistoryEntry, HistoryReply
from cards.elements import Card, Container, OpenUrlAction, TextBlock, escape
from cards.parts import show_button
from cards.words import SECURITY_INFO_URL, capital, short_name, stored_name

__all__ = ["history_card"]


def history_card(reply: HistoryReply, reader: Reader) -> Card:
    """The whole card for ``reply``."""
    _ = reader.gettext
    heading = _("Your last changes")
    nothing = _("There is nothing to show yet: I have no record of a change to your default.")
    body: list[BareObject] = [TextBlock(text=heading, style="heading", size="Large", weight="Bolder", wrap=True)]
    body += [_row(entry, reader) for entry in reply.entries] or [TextBlock(text=nothing, wrap=True)]
    note = _("Only changes made through me are on record here, not those made elsewhere.")
    body.append(TextBlock(text=note, wrap=True, size="Small", isSubtle=True, separator=True))
    actions: list[BareObject] = [
        show_button(reader),
        OpenUrlAction(title=_("Security info"), url=SECURITY_INFO_URL, tooltip=_("Register or remove methods")),
    ]
    newest = _what(reply.entries[0], reader) if reply.entries else nothing
    return Card(body, actions=actions, lang=reader.language, fallback=reader.titled(heading, newest))


def _row(entry: HistoryEntry, reader: Reader) -> BareObject:
    """What became what, and below it the rest: no columns, so that it is readable on a narrow phone."""
    _ = reader.gettext
    details = [reader.moment(entry.at_utc)]
    if entry.undone:
        details.append(_("this was an undo"))
    details.append(_("by {name}").format(name=escape(entry.by)) if entry.by is not None else _("by you"))
    if not entry.sure:
        details.append(_("no clear answer; perhaps not changed"))
    return Container(
        items=[
            TextBlock(text=_what(entry, reader), wrap=True, weight="Bolder"),
            TextBlock(text=" · ".join(details), wrap=True, size="Small", isSubtle=True, spacing="None"),
        ],
        separator=True,
        spacing="Small",
    )


def _what(entry: HistoryEntry, reader: Reader) -> str:
    after = short_name(entry.after, reader)
    if entry.before == entry.after.value:
        # Set once more, to make sure of it.
        return capital(after)
    before = stored_name(entry.before, reader)
    # A name that is new to us is shown as it came.
    is_ours = entry.before is None or DefaultMethod.parse(entry.before) is not None
    return f"{capital(before) if is_ours else before} → {after}"
