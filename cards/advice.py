"""Answers to questions, and the way to what the bot does not do itself."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.locale import N_, Texts
from bot.replies import CantDoReply, ExplainReply
from cards.elements import Card, ExecuteAction, OpenUrlAction, TextBlock, escape
from cards.state import REFRESH_VERB
from cards.words import SECURITY_INFO_URL

__all__ = ["PASSWORD_RESET_URL", "cant_do_card", "explain_card"]

PASSWORD_RESET_URL = "https://aka.ms/sspr"  # noqa: S105
"""Self-service password reset: https://learn.microsoft.com/entra/identity/authentication/howto-sspr-deployment"""

# https://learn.microsoft.com/entra/identity/authentication/concept-system-preferred-multifactor-authentication
_OVERRULED = N_(
    "Your organisation may have switched on **system-preferred** sign-in. Then Microsoft asks for the strongest "
    "method that you have registered, whatever your default is. Your default still counts for some older ways to sign"
    " in, such as VPN (NPS extension) and AD FS. The card of your methods says whether that is so for you."
)
_DEFAULT = N_(
    "Your **default** is the method that Microsoft asks for first when you sign in. You can still choose another one "
    "of yours on the sign-in page. Push means: you approve a notification in the Authenticator app. Oath means: you "
    "type a one-time code from an app or a token."
)
_OTHERS = N_(
    "Choosing a default removes nothing. All your methods stay registered, you can still use them when you sign in, "
    "and you can choose another default at any time, or write **undo**."
)
_EXPLAINED = {
    "overruled": (N_("Why Microsoft may ask for something else"), (_OVERRULED, _DEFAULT)),
    "default": (N_("What a default method is"), (_DEFAULT, _OVERRULED)),
    "others": (N_("Your other methods stay"), (_OTHERS, _OVERRULED)),
}

_PASSKEY = N_("It can't be a **default** method. You can use it all the same: choose it on the sign-in page.")
# What is said, and whether Security info is the place for it.
_ELSEWHERE: dict[str, tuple[str, bool]] = {
    "password_reset": (N_("I can't reset passwords. You can do that yourself on the password page."), False),
    "lost_phone": (
        N_(
            "If you have lost your phone or token, tell your IT helpdesk now: they can block it and give you another "
            "way in. If you can still sign in, remove the lost one on the Security info page. If another method of "
            "yours still works, tell me to use that."
        ),
        True,
    ),
    "number": (N_("I can't add or change phone numbers. You do that on the **Security info** page."), True),
    "new_phone": (
        N_(
            "A new phone or a new app has to be registered on the **Security info** page. Your helpdesk can help you "
            "in."
        ),
        True,
    ),
    "register": (N_("I can't register or remove methods. You do that on the **Security info** page."), True),
    "tap": (N_("I can't issue a Temporary Access Pass. Your IT helpdesk can do that."), False),
    "mfa_off": (
        N_("I can't switch off the second proof: your organisation asks for it to protect your account."),
        False,
    ),
    "unlock": (N_("I can't unlock accounts. Your IT helpdesk can do that."), False),
    "unexpected": (
        N_(
            "**Deny every request that you did not start**, and tell your IT helpdesk or security team at once: "
            "somebody may know your password. Then change your password."
        ),
        True,
    ),
    "system_preferred": (
        N_("System-preferred sign-in is a setting of your whole organisation. Only your administrators can change it."),
        False,
    ),
    "not_arriving": (
        N_(
            "I don't send codes, calls or notifications; Microsoft does, when you sign in. Ask for a new one there, "
            "or choose another method on the sign-in page. If it happens often, choose another default here."
        ),
        True,
    ),
    "bulk": (N_("I change the default of one person at a time, and only for yourself."), False),
    "passkey": (_PASSKEY, True),
    "windows_hello": (_PASSKEY, True),
    "certificate": (_PASSKEY, True),
    "email": (N_("Microsoft sends no sign-in codes by e-mail here, so it can't be a default method."), True),
    "messenger": (N_("Codes can't be sent to a messenger here. A text message can be a default."), True),
    "question": (N_("Security questions are no way to sign in; they can't be a default method."), True),
}


def explain_card(reply: ExplainReply, texts: Texts, lang: str) -> Card:
    """An answer to "why" and "what is"."""
    heading, paragraphs = _EXPLAINED[reply.topic]
    _ = texts.gettext
    return _advice(_(heading), [_(paragraph) for paragraph in paragraphs], lang, [_show(texts)])


def cant_do_card(reply: CantDoReply, texts: Texts, lang: str) -> Card:
    """What is not done here, and where it is."""
    _ = texts.gettext
    sentence, at_security_info = _ELSEWHERE[reply.topic]
    paragraphs = [_(sentence)]
    if not reply.about_me:
        paragraphs.append(_("I can't do it for other people either; nothing was changed."))
    if reply.contact:
        paragraphs.append(_("Who can help: {contact}").format(contact=escape(reply.contact)))
    actions: list[BareObject] = [_show(texts)] if reply.about_me else []
    if at_security_info and reply.about_me:
        actions.append(OpenUrlAction(title=_("Security info"), url=SECURITY_INFO_URL))
    if reply.topic == "password_reset":
        actions.insert(0, OpenUrlAction(title=_("Reset password"), url=PASSWORD_RESET_URL))
    return _advice(_("That is done elsewhere"), paragraphs, lang, actions)


def _advice(heading: str, paragraphs: list[str], lang: str, actions: list[BareObject]) -> Card:
    body: list[BareObject] = [TextBlock(text=heading, style="heading", size="Large", weight="Bolder", wrap=True)]
    body += [TextBlock(text=paragraph, wrap=True) for paragraph in paragraphs]
    return Card(body, actions=actions, lang=lang, fallback=f"{heading}. {paragraphs[0]}")


def _show(texts: Texts) -> BareObject:
    return ExecuteAction(title=texts.gettext("Show my methods"), verb=REFRESH_VERB)
