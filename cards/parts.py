"""Small parts of which several cards are made."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.locale import Reader
from cards.elements import Card, Container, ExecuteAction, OpenUrlAction, TextBlock, escape
from cards.news import Notice

__all__ = [
    "REFRESH_VERB",
    "SET_VERB",
    "UNDO_VERB",
    "box",
    "contact_button",
    "contact_line",
    "heading",
    "plain_card",
    "refresh_button",
    "show_button",
    "small",
]

SET_VERB = "setDefault"
UNDO_VERB = "undo"
_LINKS = ("https://", "mailto:")
_MAX_CONTACT = 300
"""Characters of the setting; it may be a sentence with a number at its end."""
REFRESH_VERB = "refresh"


def plain_card(title: str, paragraphs: list[str], reader: Reader, actions: list[BareObject]) -> Card:
    """A heading, some paragraphs, some buttons; the first paragraph is read out as well."""
    body: list[BareObject] = [TextBlock(text=title, style="heading", size="Large", weight="Bolder", wrap=True)]
    body += [TextBlock(text=paragraph, wrap=True) for paragraph in paragraphs]
    return Card(body, actions=actions, lang=reader.language, fallback=reader.titled(title, paragraphs[0]))


def heading(text: str) -> BareObject:
    """A heading within a card."""
    return TextBlock(text=text, style="heading", size="Medium", weight="Bolder", wrap=True, spacing="Large")


def small(text: str) -> BareObject:
    """A remark close to what stands above it."""
    return TextBlock(text=text, wrap=True, size="Small", isSubtle=True, spacing="None")


def box(notice: Notice) -> BareObject:
    """A few sentences set apart."""
    return Container(style=notice.style, items=[TextBlock(text=notice.text, wrap=True)], spacing="Medium")


def refresh_button(title: str, reader: Reader, **properties: object) -> BareObject:
    """A button that shows how things are and changes nothing."""
    return ExecuteAction(title=title, verb=REFRESH_VERB, data={"lang": reader.language}, **properties)


def contact_line(contact: str, reader: Reader) -> list[str]:
    """Who can help, where that is no link."""
    if not contact or contact.startswith(_LINKS):
        return []
    return [reader.gettext("Who can help: {contact}").format(contact=escape(contact, _MAX_CONTACT))]


def contact_button(contact: str, reader: Reader) -> list[BareObject]:
    """The way to who can help, where that is a link."""
    if not contact.startswith(_LINKS):
        return []
    return [OpenUrlAction(title=reader.gettext("Ask the helpdesk"), url=contact)]


def show_button(reader: Reader) -> BareObject:
    """The button that turns any card into the one of the person's methods."""
    return refresh_button(reader.gettext("Show my methods"), reader)
