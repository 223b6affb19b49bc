"""The card for what did not work: what that means, who can help, and a reference for whoever looks into it."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.commands import AskWhich, Command, History, IfMe, Press, Refresh, SetDefault, Show, Undo
from bot.locale import Texts
from bot.replies import ConsentWanted, TroubleReply
from cards.elements import Card, Container, ExecuteAction, OpenUrlAction, SayAction, TextBlock, escape
from cards.state import REFRESH_VERB, SET_VERB
from cards.words import SECURITY_INFO_URL

__all__ = ["said_again", "trouble_card"]

_LINKS = ("https://", "mailto:")


def trouble_card(reply: TroubleReply, texts: Texts, lang: str) -> Card:
    """What went wrong, and each way out of it that there is."""
    _ = texts.gettext
    body: list[BareObject] = [
        TextBlock(text=_("That did not work"), style="heading", size="Large", weight="Bolder", wrap=True),
        Container(style="attention", items=[TextBlock(text=_(reply.sentence), wrap=True)]),
    ]
    if reply.consent is not None:
        body += _what_to_allow(reply.consent, texts)
    if reply.contact and not reply.contact.startswith(_LINKS):
        contact = _("Who can help: {contact}").format(contact=escape(reply.contact, 300))
        body.append(TextBlock(text=contact, wrap=True))
    reference = _("Reference: {reference}").format(reference=reply.reference)
    body.append(TextBlock(text=reference, size="Small", isSubtle=True, wrap=True))
    return Card(body, actions=_ways_out(reply, texts), lang=lang, fallback=_(reply.sentence))


def _what_to_allow(consent: ConsentWanted, texts: Texts) -> list[BareObject]:
    _ = texts.gettext
    permissions = ", ".join(escape(name) for name in consent.permissions)
    return [
        TextBlock(
            text=_("For your administrator: I need consent to these delegated permissions of Microsoft Graph."),
            wrap=True,
        ),
        TextBlock(text=permissions, weight="Bolder", wrap=True),
        # To be copied and passed on: the person who reads this can't grant it.
        TextBlock(text=_("The page for it, to pass on: {url}").format(url=consent.url), size="Small", wrap=True),
    ]


def _ways_out(reply: TroubleReply, texts: Texts) -> list[BareObject]:
    _ = texts.gettext
    show: BareObject = ExecuteAction(title=_("Show my methods"), verb=REFRESH_VERB)
    actions: list[BareObject] = [_try_again(reply.retry, texts) if reply.retry is not None else show]
    if reply.consent is not None:
        actions.append(OpenUrlAction(title=_("Grant consent (administrators)"), url=reply.consent.url))
    if reply.security_info:
        actions.append(OpenUrlAction(title=_("Security info"), url=SECURITY_INFO_URL))
    if reply.contact.startswith(_LINKS):
        actions.append(OpenUrlAction(title=_("Ask the helpdesk"), url=reply.contact))
    return actions


def _try_again(command: Command, texts: Texts) -> BareObject:
    title = texts.gettext("Try again")
    match command:
        case Press(action_id):
            return ExecuteAction(title=title, verb=SET_VERB, data={"action": action_id})
        case Show() | Refresh():
            return ExecuteAction(title=title, verb=REFRESH_VERB)
    return SayAction(title=title, says=said_again(command))


def said_again(command: Command) -> str:
    """A sentence that is understood as ``command``, for a button that says it in the person's name."""
    match command:
        case SetDefault(method, otherwise):
            fallback = f", otherwise {otherwise.value}" if otherwise else ""
            return f"set my default MFA to {method.value}{fallback}"
        case IfMe(_, wanted):
            return said_again(wanted)
        case Undo():
            return "undo"
        case History():
            return "history"
        case AskWhich():
            return "change my default method"
    return "show my methods"
