"""Default methods, registered methods and what one makes of the other. Pure: no I/O, no clock.

The words are Microsoft Graph's:

- a *default method* is a value of ``userPreferredMethodForSecondaryAuthentication``
  (https://learn.microsoft.com/graph/api/resources/signinpreferences),
- a *registered method* is a row of ``/users/{id}/authentication/methods``
  (https://learn.microsoft.com/graph/api/authentication-list-methods, beta).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import NewType

__all__ = [
    "DefaultMethod",
    "MethodKind",
    "MfaState",
    "Oid",
    "Option",
    "Person",
    "PhoneType",
    "Policy",
    "Preferences",
    "RegisteredMethod",
    "Standing",
    "Strength",
    "TenantId",
    "flat_keys",
    "is_downgrade",
    "mask_number",
    "option_for",
    "options",
    "strength_of",
]

Oid = NewType("Oid", str)
"""Object id of a person in Entra ID, a GUID in lower case."""

TenantId = NewType("TenantId", str)
"""Id of an Entra tenant, a GUID in lower case."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the tenant. ``oid`` and ``tid`` identify; ``upn`` and ``display_name`` are only shown."""

    oid: Oid
    tid: TenantId
    upn: str = ""
    display_name: str = ""


class DefaultMethod(StrEnum):
    """What Graph accepts as a default, spelled as Graph spells it."""

    PUSH = "push"
    OATH = "oath"
    VOICE_MOBILE = "voiceMobile"
    VOICE_ALTERNATE_MOBILE = "voiceAlternateMobile"
    VOICE_OFFICE = "voiceOffice"
    SMS = "sms"

    @classmethod
    def parse(cls, value: object) -> DefaultMethod | None:
        """The method that Graph calls ``value``; None for null, for nothing and for a name that is new to us."""
        return next((method for method in cls if method.value == value), None)


class MethodKind(StrEnum):
    """What is registered: ``@odata.type`` without ``#microsoft.graph.`` and ``AuthenticationMethod``."""

    PASSWORD = "password"
    PHONE = "phone"
    AUTHENTICATOR = "microsoftAuthenticator"
    AUTHENTICATOR_PASSWORDLESS = "passwordlessMicrosoftAuthenticator"
    SOFTWARE_OATH = "softwareOath"
    HARDWARE_OATH = "hardwareOath"
    FIDO2 = "fido2"
    WINDOWS_HELLO = "windowsHelloForBusiness"
    PLATFORM_CREDENTIAL = "platformCredential"
    TEMPORARY_ACCESS_PASS = "temporaryAccessPass"
    EMAIL = "email"
    EXTERNAL = "external"
    QR_CODE_PIN = "qrCodePin"
    RESOURCE_ACCOUNT_KEY = "resourceAccountKey"
    UNKNOWN = "unknown"


class PhoneType(StrEnum):
    """``phoneType`` of a registered phone."""

    MOBILE = "mobile"
    ALTERNATE_MOBILE = "alternateMobile"
    OFFICE = "office"
    UNKNOWN = "unknown"


class Strength(Enum):
    """How well a method protects.

    Source: https://learn.microsoft.com/entra/identity/authentication/concept-authentication-methods, and the order in
    https://learn.microsoft.com/entra/identity/authentication/concept-system-preferred-multifactor-authentication
    """

    STRONG = "strong"
    WEAK = "weak"
    """Calls and text messages: they can be intercepted, or redirected to another phone."""


_STRONG = frozenset({DefaultMethod.PUSH, DefaultMethod.OATH})
_PHISHING_RESISTANT = frozenset({MethodKind.FIDO2, MethodKind.WINDOWS_HELLO, MethodKind.PLATFORM_CREDENTIAL})


def strength_of(method: DefaultMethod) -> Strength:
    """How well a default method protects; none of them resists phishing, as passkeys do."""
    return Strength.STRONG if method in _STRONG else Strength.WEAK


def is_downgrade(before: DefaultMethod | None, after: DefaultMethod) -> bool:
    """True from an app or a code to a call or a text message."""
    return before in _STRONG and after not in _STRONG


_ODATA_TYPE = re.compile(r"#?microsoft\.graph\.(\w+?)AuthenticationMethod")
_KINDS = {kind.value: kind for kind in MethodKind if kind is not MethodKind.UNKNOWN}
_PHONE_TYPES = {phone_type.value: phone_type for phone_type in PhoneType}

# The tag of a full Authenticator registration, whose app shows one-time codes as well. Another tag probably means
# Authenticator Lite or push only: the code may fail, so Graph decides.
_FULL_AUTHENTICATOR_TAG = "SoftwareTokenActivated"

_BY_PHONE = {
    PhoneType.MOBILE: frozenset({DefaultMethod.VOICE_MOBILE, DefaultMethod.SMS}),
    PhoneType.ALTERNATE_MOBILE: frozenset({DefaultMethod.VOICE_ALTERNATE_MOBILE}),
    PhoneType.OFFICE: frozenset({DefaultMethod.VOICE_OFFICE}),
}
_BY_KIND = {
    MethodKind.AUTHENTICATOR: frozenset({DefaultMethod.PUSH, DefaultMethod.OATH}),
    MethodKind.SOFTWARE_OATH: frozenset({DefaultMethod.OATH}),
    MethodKind.HARDWARE_OATH: frozenset({DefaultMethod.OATH}),
}


@dataclass(frozen=True, slots=True)
class RegisteredMethod:
    """One row of the registered methods. Phone numbers are masked when they come in, so none can leak later."""

    kind: MethodKind
    odata_type: str
    id: str = ""
    label: str = ""
    """Name of the device, app or key as its owner or the system gave it; foreign text, escape before showing."""
    phone_type: PhoneType | None = None
    masked_number: str = ""
    device_tag: str = ""

    @classmethod
    def from_graph(cls, row: Mapping[str, object]) -> RegisteredMethod:
        """Read a row as Graph beta answers it; a type that is new to us becomes ``MethodKind.UNKNOWN``."""
        odata_type = _text(row.get("@odata.type"))
        found = _ODATA_TYPE.fullmatch(odata_type)
        kind = _KINDS.get(found[1], MethodKind.UNKNOWN) if found else MethodKind.UNKNOWN
        phone_type = None
        if kind is MethodKind.PHONE:
            phone_type = _PHONE_TYPES.get(_text(row.get("phoneType")), PhoneType.UNKNOWN)
        return cls(
            kind=kind,
            odata_type=odata_type,
            id=_text(row.get("id")),
            label=_text(row.get("displayName")) or _text(row.get("model")),
            phone_type=phone_type,
            masked_number=mask_number(_text(row.get("phoneNumber"))),
            device_tag=_text(row.get("deviceTag")),
        )

    @property
    def enables(self) -> frozenset[DefaultMethod]:
        """The default methods that this registration makes possible; empty for passkeys, passwords and the like."""
        if self.kind is MethodKind.PHONE:
            return _BY_PHONE.get(self.phone_type or PhoneType.UNKNOWN, frozenset())
        return _BY_KIND.get(self.kind, frozenset())

    @property
    def resists_phishing(self) -> bool:
        """True for passkeys, security keys and Windows Hello."""
        return self.kind in _PHISHING_RESISTANT

    def surely_enables(self, method: DefaultMethod) -> bool:
        """False where Graph may still refuse: a one-time code from an Authenticator that may be push only."""
        if method not in self.enables:
            return False
        if self.kind is MethodKind.AUTHENTICATOR and method is DefaultMethod.OATH:
            return self.device_tag == _FULL_AUTHENTICATOR_TAG
        return True


@dataclass(frozen=True, slots=True)
class Preferences:
    """``signInPreferences`` of one person."""

    default_name: str | None = None
    """The stored default as Graph spelled it; None when nothing was ever set."""
    system_preferred_enabled: bool | None = None
    system_preferred: str | None = None
    """What Microsoft would choose; an undeclared property with a vocabulary of its own, only ever shown."""

    @classmethod
    def from_graph(cls, body: Mapping[str, object]) -> Preferences:
        """Read the three properties; each may be null or absent, and anything else than expected counts as absent."""
        enabled = body.get("isSystemPreferredAuthenticationMethodEnabled")
        return cls(
            default_name=_text(body.get("userPreferredMethodForSecondaryAuthentication")) or None,
            system_preferred_enabled=enabled if isinstance(enabled, bool) else None,
            system_preferred=_text(body.get("systemPreferredAuthenticationMethod")) or None,
        )

    @property
    def default(self) -> DefaultMethod | None:
        """The stored default; None when unset or of a name that is new to us (then ``default_name`` has it)."""
        return DefaultMethod.parse(self.default_name)


@dataclass(frozen=True, slots=True)
class MfaState:
    """Preferences and registered methods of one person, as read from Graph at one moment."""

    preferences: Preferences
    methods: tuple[RegisteredMethod, ...]

    @property
    def default(self) -> DefaultMethod | None:
        """The current default method, None when unset or unknown to us."""
        return self.preferences.default

    @property
    def overruled(self) -> bool:
        """True when Microsoft chooses by itself, so that the default counts only for NPS extension and AD FS.

        Source: https://learn.microsoft.com/graph/api/resources/signinpreferences
        """
        return self.preferences.system_preferred_enabled is True

    @property
    def overruled_by(self) -> str | None:
        """What Microsoft would choose, in its own word, when it is overruled and Graph tells it."""
        return self.preferences.system_preferred if self.overruled else None

    def ways(self, method: DefaultMethod) -> tuple[RegisteredMethod, ...]:
        """The registered methods that make ``method`` possible, the surest first."""
        able = [row for row in self.methods if method in row.enables]
        return tuple(sorted(able, key=lambda row: not row.surely_enables(method)))

    def with_default(self, method: DefaultMethod) -> MfaState:
        """The same state with another default: what Graph will say once its reads have caught up."""
        changed = Preferences(
            method.value, self.preferences.system_preferred_enabled, self.preferences.system_preferred
        )
        return MfaState(changed, self.methods)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the organisation allows: the settings ``ALLOWED_METHODS`` and ``READ_ONLY``."""

    allowed: frozenset[DefaultMethod] = field(default_factory=lambda: frozenset(DefaultMethod))
    read_only: bool = False


class Standing(Enum):
    """Whether a default method can be chosen, and why not."""

    CURRENT = "current"
    AVAILABLE = "available"
    NOT_REGISTERED = "not registered"
    NOT_ALLOWED = "not allowed"
    READ_ONLY = "read only"


@dataclass(frozen=True, slots=True)
class Option:
    """One of the six default methods as it stands for one person."""

    method: DefaultMethod
    standing: Standing
    ways: tuple[RegisteredMethod, ...] = ()

    @property
    def certain(self) -> bool:
        """False when nothing but Graph's answer can tell whether the registration is enough."""
        return any(way.surely_enables(self.method) for way in self.ways)


def option_for(method: DefaultMethod, state: MfaState, policy: Policy) -> Option:
    """How ``method`` stands. What can't be cured soonest is named first: registering helps nobody if not allowed."""
    ways = state.ways(method)
    if state.default is method:
        standing = Standing.CURRENT
    elif method not in policy.allowed:
        standing = Standing.NOT_ALLOWED
    elif not ways:
        standing = Standing.NOT_REGISTERED
    elif policy.read_only:
        standing = Standing.READ_ONLY
    else:
        standing = Standing.AVAILABLE
    return Option(method, standing, ways)


def options(state: MfaState, policy: Policy) -> tuple[Option, ...]:
    """All six default methods as they stand, in Graph's order."""
    return tuple(option_for(method, state, policy) for method in DefaultMethod)


def flat_keys(state: MfaState) -> dict[str, str | bool | None]:
    """The state as nine flat keys, the form in which the audit trail keeps before and after.

    ``*_registered`` are booleans; the two names are Graph's own strings or None; the switch is a boolean or None.
    """
    possible = _union(row.enables for row in state.methods)
    return {
        "userpreferredmethodforsecondaryauthentication": state.preferences.default_name,
        "systempreferredauthenticationmethod": state.preferences.system_preferred,
        "issystempreferredauthenticationmethodenabled": state.preferences.system_preferred_enabled,
        **{f"{method.value.lower()}_registered": method in possible for method in DefaultMethod},
    }


_EXTENSION = re.compile(r"\s*(?:x|ext\.?)\s*\d+\s*$", re.IGNORECASE)
_GRAPH_MASK = re.compile(r"[*•]|X{2,}")
_LAST_DIGITS = re.compile(r"(\d{2})\D*$")


def mask_number(number: str) -> str:
    """All that is ever shown of a phone number: as Graph masked it, else dots and its last two digits.

    >>> mask_number("+1 5551234x12")
    '••• 34'
    >>> mask_number("+1 XXXXXXXX56")
    '+1 XXXXXXXX56'
    """
    if not number:
        return ""
    if _GRAPH_MASK.search(number):
        return number
    last = _LAST_DIGITS.search(_EXTENSION.sub("", number))
    return f"••• {last[1]}" if last else "•••"


def _union(sets: Iterable[frozenset[DefaultMethod]]) -> frozenset[DefaultMethod]:
    return frozenset().union(*sets)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
