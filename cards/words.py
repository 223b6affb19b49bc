"""Methods, registrations and reasons in everyday words."""

from __future__ import annotations

from bot.locale import N_, Texts
from bot.mfa import DefaultMethod, MethodKind, Option, RegisteredMethod, Standing
from cards.elements import escape

__all__ = [
    "SECURITY_INFO_URL",
    "button_title",
    "method_name",
    "other_name",
    "short_name",
    "stored_name",
    "where",
    "why_not",
]

SECURITY_INFO_URL = "https://aka.ms/mysecurityinfo"

_NAMES = {
    DefaultMethod.PUSH: N_("Approve a notification in the Authenticator app"),
    DefaultMethod.OATH: N_("Enter a one-time code from an app or a token"),
    DefaultMethod.VOICE_MOBILE: N_("Answer a call on your mobile phone"),
    DefaultMethod.VOICE_ALTERNATE_MOBILE: N_("Answer a call on your second mobile phone"),
    DefaultMethod.VOICE_OFFICE: N_("Answer a call on your office phone"),
    DefaultMethod.SMS: N_("Enter a code from a text message"),
}

_SHORT_NAMES = {
    DefaultMethod.PUSH: N_("Authenticator notification"),
    DefaultMethod.OATH: N_("one-time code"),
    DefaultMethod.VOICE_MOBILE: N_("call to your mobile phone"),
    DefaultMethod.VOICE_ALTERNATE_MOBILE: N_("call to your second mobile phone"),
    DefaultMethod.VOICE_OFFICE: N_("call to your office phone"),
    DefaultMethod.SMS: N_("text message"),
}

_BUTTONS = {
    DefaultMethod.PUSH: N_("Use notifications"),
    DefaultMethod.OATH: N_("Use one-time codes"),
    DefaultMethod.VOICE_MOBILE: N_("Use mobile calls"),
    DefaultMethod.VOICE_ALTERNATE_MOBILE: N_("Use second mobile calls"),
    DefaultMethod.VOICE_OFFICE: N_("Use office calls"),
    DefaultMethod.SMS: N_("Use text messages"),
}

_NEEDED = {
    DefaultMethod.PUSH: N_("Not registered. It needs the Microsoft Authenticator app on your phone."),
    DefaultMethod.OATH: N_("Not registered. It needs an authenticator app or a hardware token."),
    DefaultMethod.VOICE_MOBILE: N_("Not registered. It needs your mobile number."),
    DefaultMethod.VOICE_ALTERNATE_MOBILE: N_("Not registered. It needs a second mobile number."),
    DefaultMethod.VOICE_OFFICE: N_("Not registered. It needs your office number."),
    DefaultMethod.SMS: N_("Not registered. It needs your mobile number."),
}

_OTHERS = {
    MethodKind.PASSWORD: N_("Password"),
    MethodKind.FIDO2: N_("Passkey or security key"),
    MethodKind.WINDOWS_HELLO: N_("Windows Hello for Business"),
    MethodKind.PLATFORM_CREDENTIAL: N_("Platform credential"),
    MethodKind.TEMPORARY_ACCESS_PASS: N_("Temporary Access Pass"),
    MethodKind.EMAIL: N_("E-mail (only for resetting your password)"),
    MethodKind.EXTERNAL: N_("External method"),
    MethodKind.QR_CODE_PIN: N_("QR code with PIN"),
    MethodKind.AUTHENTICATOR_PASSWORDLESS: N_("Passwordless sign-in with the Authenticator app"),
    MethodKind.RESOURCE_ACCOUNT_KEY: N_("Resource account key"),
    MethodKind.PHONE: N_("Phone"),
}

_APPS = {
    MethodKind.AUTHENTICATOR: N_("Authenticator app"),
    MethodKind.SOFTWARE_OATH: N_("authenticator app (codes only)"),
    MethodKind.HARDWARE_OATH: N_("hardware token"),
}


def method_name(method: DefaultMethod, texts: Texts) -> str:
    """What the person does with this method, as a sentence without a full stop."""
    return texts.gettext(_NAMES[method])


def short_name(method: DefaultMethod, texts: Texts) -> str:
    """The method in two or three words."""
    return texts.gettext(_SHORT_NAMES[method])


def button_title(method: DefaultMethod, texts: Texts) -> str:
    """What the button says that makes ``method`` the default; each says something else, so that it can be read out."""
    return texts.gettext(_BUTTONS[method])


def stored_name(name: str | None, texts: Texts) -> str:
    """A default as Graph spells it, in words; a name that is new to us as it came."""
    if not name:
        return texts.gettext("none")
    method = DefaultMethod.parse(name)
    return short_name(method, texts) if method else escape(name)


def where(way: RegisteredMethod, texts: Texts) -> str:
    """On which device or number a registration is."""
    if way.masked_number:
        return escape(way.masked_number)
    app = texts.gettext(_APPS[way.kind]) if way.kind in _APPS else ""
    return texts.gettext("{app} on {device}").format(app=app, device=escape(way.label)) if way.label and app else app


def why_not(option: Option, texts: Texts) -> str:
    """Why a method can't be chosen; empty for one that can, and for the current one."""
    match option.standing:
        case Standing.NOT_REGISTERED:
            return texts.gettext(_NEEDED[option.method])
        case Standing.NOT_ALLOWED:
            return texts.gettext("Your organisation does not want this method to be used.")
        case Standing.READ_ONLY:
            return texts.gettext("Changes are switched off at the moment.")
    return ""


def other_name(row: RegisteredMethod, texts: Texts) -> str:
    """A registration that can't be a default: its kind, and its label if it has one; unknown types as Graph says."""
    known = _OTHERS.get(row.kind)
    if known is None:
        return escape(row.odata_type.removeprefix("#microsoft.graph.")) or texts.gettext("Unknown method")
    name = texts.gettext(known)
    return f"{name} ({escape(row.label)})" if row.label else name
