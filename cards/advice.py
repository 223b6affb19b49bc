"""Answers to questions, and the way to what the bot does not do itself."""

from __future__ import annotations

from adaptivecards.baseobject import BareObject

from bot.locale import N_, Reader
from bot.replies import CantDoReply, ExplainReply
from cards.elements import Card, OpenUrlAction
from cards.parts import contact_button, contact_line, plain_card, show_button
from cards.words import SECURITY_INFO_URL

__all__ = ["PASSWORD_RESET_URL", "cant_do_card", "explain_card"]

PASSWORD_RESET_URL = "https://aka.ms/sspr"  # noqa: S105
"""Self-service password reset: https://learn.microsoft.com/entra/identity/authentication/howto-sspr-deployment"""

# https://learn.microsoft.com/entra/identity/authentication/concept-system-preferred-multifactor-authentication
_OVERRULED = N_(
    "Your organisation may have switched on **system-preferred** sign-in. Then Microsoft asks for the strongest "
    "method that you have registered, whatever your default is. Your default still counts for some older ways to "
    "sign in, such as VPN (NPS extension) and AD FS. Press the button below to see whether this applies to you."
)
_DEFAULT = N_(
    "Your **default** is the method that Microsoft asks for first when you sign in. You can still choose another of "
    "your methods on the sign-in page. Some pages use other names: **push** means that you approve a notification in "
    "the Authenticator app, **OATH** that you enter a one-time code from an app or a token."
)
_OTHERS = N_(
    "Choosing a default removes nothing. All your methods stay registered, you can still use them when you sign in, "
    "and you can choose another default at any time."
)
_EXPLAINED = {
    "overruled": (N_("Why Microsoft may ask for something else"), (_OVERRULED, _DEFAULT)),
    "default": (N_("What a default method is"), (_DEFAULT, _OVERRULED)),
    "others": (N_("Your other methods stay"), (_OTHERS, _OVERRULED)),
}

_FOR_OTHERS = N_(
    "I can't help with other people's accounts. Nothing was changed. They can do it themselves, or ask the IT helpdesk."
)
_DONE_ELSEWHERE = N_("That is done elsewhere")
_NOWHERE = N_("I can't do that")
_NO_DEFAULT = N_("That can't be a default")
_PASSKEY = N_("This method can't be a **default**. If you have registered it, choose it on the sign-in page.")
# The heading, what is said, and whether Security info is the place for it.
_ELSEWHERE: dict[str, tuple[str, str, bool]] = {
    "password_reset": (
        _DONE_ELSEWHERE,
        N_("I can't reset passwords. You can do that yourself; the button below opens Microsoft's page for it."),
        False,
    ),
    "lost_phone": (
        N_("When you can't use your phone or token"),
        N_(
            "If the device is lost or stolen, tell your IT helpdesk at once: they can block it and give you another "
            "way in. If you can still sign in, remove it on the Security info page. If it is only broken or left at "
            "home, choose another method of yours as your default. If you can't sign in at all, your IT helpdesk can "
            "help."
        ),
        True,
    ),
    "number": (
        _DONE_ELSEWHERE,
        N_("I can't add or change phone numbers. That is done on the **Security info** page."),
        True,
    ),
    "new_phone": (
        _DONE_ELSEWHERE,
        N_(
            "A new phone or a new app has to be registered on the **Security info** page. If you can't get in there, "
            "your helpdesk can help."
        ),
        True,
    ),
    "register": (
        _DONE_ELSEWHERE,
        N_("I can't register or remove methods. That is done on the **Security info** page."),
        True,
    ),
    "tap": (_DONE_ELSEWHERE, N_("I can't issue a Temporary Access Pass. Your IT helpdesk can do that."), False),
    "mfa_off": (
        _NOWHERE,
        N_("I can't switch off the second step: your organisation asks for it to protect your account."),
        False,
    ),
    "unlock": (_DONE_ELSEWHERE, N_("I can't unlock accounts. Your IT helpdesk can do that."), False),
    "unexpected": (
        N_("Somebody else may be trying to sign in as you"),
        N_(
            "**Deny every request that you did not start**, and tell your IT helpdesk or security team at once: "
            "somebody may know your password. Then change your password."
        ),
        True,
    ),
    "system_preferred": (
        _DONE_ELSEWHERE,
        N_("System-preferred sign-in is a setting of your whole organisation. Only your administrators can change it."),
        False,
    ),
    "not_arriving": (
        N_("When nothing arrives"),
        N_(
            "I don't send codes, calls or notifications; Microsoft does, when you sign in. Try once more there, or "
            "choose another method on the sign-in page. If it happens often, choose another default here."
        ),
        True,
    ),
    "bulk": (_NOWHERE, N_("I change nobody's default but your own."), False),
    "passkey": (_NO_DEFAULT, _PASSKEY, True),
    "windows_hello": (_NO_DEFAULT, _PASSKEY, True),
    "certificate": (_NO_DEFAULT, _PASSKEY, True),
    "email": (
        _NO_DEFAULT,
        N_("Microsoft sends no sign-in codes by e-mail here, so it can't be a default method."),
        True,
    ),
    "messenger": (
        _NO_DEFAULT,
        N_("Codes can't be sent to messaging apps here, only by text message."),
        True,
    ),
    "question": (
        _NO_DEFAULT,
        N_("You can't sign in with security questions, so they can't be a default method."),
        True,
    ),
}


def explain_card(reply: ExplainReply, reader: Reader) -> Card:
    """An answer to "why" and "what is"."""
    heading, paragraphs = _EXPLAINED[reply.topic]
    _ = reader.gettext
    return plain_card(_(heading), [_(paragraph) for paragraph in paragraphs], reader, [show_button(reader)])


def cant_do_card(reply: CantDoReply, reader: Reader) -> Card:
    """What is not done here, and where it is."""
    _ = reader.gettext
    heading, sentence, at_security_info = _ELSEWHERE[reply.topic]
    for_others = not reply.about_me and reply.topic != "bulk"
    paragraphs = [_(_FOR_OTHERS if for_others else sentence)]
    paragraphs += contact_line(reply.contact, reader)
    ask = contact_button(reply.contact, reader)
    if not reply.about_me:
        return plain_card(_(_NOWHERE), paragraphs, reader, ask)
    actions: list[BareObject] = [show_button(reader)]
    if at_security_info:
        actions.append(OpenUrlAction(title=_("Security info"), url=SECURITY_INFO_URL))
    if reply.topic == "password_reset":
        actions.insert(0, OpenUrlAction(title=_("Reset password"), url=PASSWORD_RESET_URL))
    return plain_card(_(heading), paragraphs, reader, actions + ask)
