"""Methods, registrations and reasons in everyday words."""

from __future__ import annotations

from bot.locale import N_, Reader
from bot.mfa import DefaultMethod, MethodKind, Option, RegisteredMethod, Standing, Strength
from cards.elements import escape

__all__ = [
    "SECURITY_INFO_URL",
    "button_title",
    "capital",
    "method_name",
    "next_step",
    "other_name",
    "preferred_name",
    "short_name",
    "stored_name",
    "strength",
    "where",
    "why_not",
]

SECURITY_INFO_URL = "https://aka.ms/mysecurityinfo"
_LABEL = 40
"""Characters of a name that somebody has given to a device."""

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
    DefaultMethod.VOICE_MOBILE: N_("call to mobile phone"),
    DefaultMethod.VOICE_ALTERNATE_MOBILE: N_("call to second mobile phone"),
    DefaultMethod.VOICE_OFFICE: N_("call to office phone"),
    DefaultMethod.SMS: N_("text message"),
}

_BUTTONS = {
    DefaultMethod.PUSH: N_("Use notifications"),
    DefaultMethod.OATH: N_("Use one-time codes"),
    DefaultMethod.VOICE_MOBILE: N_("Use calls to my mobile"),
    DefaultMethod.VOICE_ALTERNATE_MOBILE: N_("Use calls to my second mobile"),
    DefaultMethod.VOICE_OFFICE: N_("Use calls to my office"),
    DefaultMethod.SMS: N_("Use text messages"),
}

_NEEDED = {
    DefaultMethod.PUSH: N_("Not registered. You need the Microsoft Authenticator app on your phone."),
    DefaultMethod.OATH: N_("Not registered. You need an authenticator app or a hardware token."),
    DefaultMethod.VOICE_MOBILE: N_("Not registered. Microsoft needs your mobile number for it."),
    DefaultMethod.VOICE_ALTERNATE_MOBILE: N_("Not registered. Microsoft needs a second mobile number for it."),
    DefaultMethod.VOICE_OFFICE: N_("Not registered. Microsoft needs your office number for it."),
    DefaultMethod.SMS: N_("Not registered. Microsoft needs your mobile number for it."),
}

_STRENGTHS = {
    Strength.STRONG: N_("strong protection"),
    Strength.WEAK: N_("weaker protection"),
}

# The words of an undeclared property, as far as they have been seen; others are shown as they come.
_PREFERRED = {
    "fido2": N_("passkey or security key"),
    "sms": _SHORT_NAMES[DefaultMethod.SMS],
    "phoneappnotification": _SHORT_NAMES[DefaultMethod.PUSH],
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
    MethodKind.AUTHENTICATOR: N_("Microsoft Authenticator"),
    MethodKind.SOFTWARE_OATH: N_("app for one-time codes"),
    MethodKind.HARDWARE_OATH: N_("hardware token"),
}


def capital(line: str) -> str:
    """``line`` with a capital at its beginning; names of methods have none, since they stand within sentences too."""
    return line[:1].upper() + line[1:]


def method_name(method: DefaultMethod, reader: Reader) -> str:
    """What the person does with this method, as a sentence without a full stop."""
    return reader.gettext(_NAMES[method])


def short_name(method: DefaultMethod, reader: Reader) -> str:
    """The method in two or three words."""
    return reader.gettext(_SHORT_NAMES[method])


def button_title(method: DefaultMethod, reader: Reader) -> str:
    """What the button says that makes ``method`` the default; each says something else, so that it can be read out."""
    return reader.gettext(_BUTTONS[method])


def stored_name(name: str | None, reader: Reader) -> str:
    """A default as Graph spells it, in words; a name that is new to us as it came."""
    if not name:
        return reader.gettext("no default")
    method = DefaultMethod.parse(name)
    return short_name(method, reader) if method else escape(name)


def where(way: RegisteredMethod, reader: Reader) -> str:
    """On which device or number a registration is."""
    if way.masked_number:
        return escape(way.masked_number)
    app = reader.gettext(_APPS[way.kind]) if way.kind in _APPS else ""
    return (
        reader.gettext("{app} on {device}").format(app=app, device=escape(way.label, _LABEL))
        if way.label and app
        else app
    )


def why_not(option: Option, reader: Reader) -> str:
    """Why a method can't be chosen; empty for one that can, and for the current one."""
    match option.standing:
        case Standing.NOT_REGISTERED:
            return reader.gettext(_NEEDED[option.method])
        case Standing.NOT_ALLOWED:
            return reader.gettext("Your organisation does not allow this method.")
        case Standing.READ_ONLY:
            return reader.gettext("Changes are switched off for now.")
    return ""


def next_step(option: Option, reader: Reader) -> str:
    """What the person can do about a method that can't be chosen; empty where there is nothing to be done."""
    match option.standing:
        case Standing.NOT_REGISTERED:
            register = reader.gettext("Register this method on the Security info page")
            return f"[{register}]({SECURITY_INFO_URL})"
        case Standing.NOT_ALLOWED:
            return reader.gettext("If you need it, ask your IT helpdesk.")
    return ""


def strength(protection: Strength, reader: Reader) -> str:
    """How well a method protects, in a few words."""
    return reader.gettext(_STRENGTHS[protection])


def preferred_name(name: str, reader: Reader) -> str:
    """What Microsoft chooses by itself: its own word for it in everyday words, or as it came."""
    known = _PREFERRED.get(name.casefold())
    return reader.gettext(known) if known else escape(name)


def other_name(row: RegisteredMethod, reader: Reader) -> str:
    """A registration that can't be a default: its kind, and its label if it has one; unknown types as Graph says."""
    known = _OTHERS.get(row.kind)
    if known is None:
        return escape(row.odata_type.removeprefix("#microsoft.graph.")) or reader.gettext("Unknown method")
    name = reader.gettext(known)
    if not row.label:
        return name
    return reader.gettext("{name} ({label})").format(name=name, label=escape(row.label, _LABEL))
