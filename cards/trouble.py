"""The card for what did not work: what that means, who can help, and a reference for whoever looks into it."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.commands import AskWhich, Command, History, IfMe, Press, Refresh, SetDefault, Show, Undo
from bot.locale import Reader
from bot.replies import ConsentWanted, TroubleReply
from cards.elements import Card, Container, ExecuteAction, OpenUrlAction, SayAction, TextBlock, escape
from cards.parts import REFRESH_VERB, SET_VERB, contact_button, contact_line, show_button
from cards.phrases import Phrase, phrase, set_phrase
from cards.words import SECURITY_INFO_URL

__all__ = ["said_again", "trouble_card"]


def trouble_card(reply: TroubleReply, reader: Reader) -> Card:
    """What went wrong, and each way out of it that there is."""
    _ = reader.gettext
    body: list[BareObject] = [
        TextBlock(text=_("That did not work"), style="heading", size="Large", weight="Bolder", wrap=True),
        Container(style="attention", items=[TextBlock(text=_(reply.sentence), wrap=True)]),
    ]
    if reply.consent is not None:
        body += _what_to_allow(reply.consent, reader)
    body += [TextBlock(text=line, wrap=True) for line in contact_line(reply.contact, reader)]
    reference = _("Reference: {reference}").format(reference=reply.reference)
    body.append(TextBlock(text=reference, size="Small", isSubtle=True, wrap=True))
    return Card(body, actions=_ways_out(reply, reader), lang=reader.language, fallback=_(reply.sentence))


def _what_to_allow(consent: ConsentWanted, reader: Reader) -> list[BareObject]:
    _ = reader.gettext
    permissions = reader.listed(escape(name) for name in consent.permissions)
    return [
        TextBlock(
            text=_("For your administrator: I need consent to these delegated permissions of Microsoft Graph."),
            wrap=True,
        ),
        TextBlock(text=permissions, weight="Bolder", wrap=True),
        # To be copied and passed on: the person who reads this can't grant it.
        TextBlock(text=_("Link to pass on: {url}").format(url=consent.url), size="Small", wrap=True),
    ]


def _ways_out(reply: TroubleReply, reader: Reader) -> list[BareObject]:
    _ = reader.gettext
    # What names an address is not said again by a button: without the address it would be about oneself.
    again = reply.retry is not None and not isinstance(reply.retry, IfMe)
    actions: list[BareObject] = [_try_again(reply.retry, reader) if reply.retry and again else show_button(reader)]
    if reply.consent is not None:
        actions.append(OpenUrlAction(title=_("Grant consent (administrators)"), url=reply.consent.url))
    if reply.security_info:
        actions.append(OpenUrlAction(title=_("Security info"), url=SECURITY_INFO_URL))
    return actions + contact_button(reply.contact, reader)


def _try_again(command: Command, reader: Reader) -> BareObject:
    title = reader.gettext("Try again")
    match command:
        case Press(action_id):
            return ExecuteAction(title=title, verb=SET_VERB, data={"action": action_id, "lang": reader.language})
        case Show() | Refresh():
            return ExecuteAction(title=title, verb=REFRESH_VERB, data={"lang": reader.language})
    return SayAction(title=title, says=said_again(command, reader))


def said_again(command: Command, reader: Reader) -> str:
    """A sentence that is understood as ``command``, for a button that says it in the person's name."""
    match command:
        case SetDefault(method, otherwise):
            return set_phrase(method, reader, otherwise)
        case Undo():
            return phrase(Phrase.UNDO, reader)
        case History():
            return phrase(Phrase.HISTORY, reader)
        case AskWhich():
            return phrase(Phrase.CHANGE, reader)
    return phrase(Phrase.SHOW, reader)
