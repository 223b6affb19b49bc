"""Rows of ``/authentication/methods`` as Graph beta returns them, and the default that each makes possible.

Types and properties: https://learn.microsoft.com/graph/api/resources/authenticationmethods-overview?view=graph-rest-beta
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.tenant import Json

_CREATED = "2024-03-01T09:00:00Z"
_PREFIX = "#microsoft.graph."

# The ids that Graph uses for everybody, because a person has one of each at most.
PASSWORD_ID = "28c10230-6103-485e-b985-444c60001490"  # noqa: S105 - an id, no password
EMAIL_ID = "3ddfcfc8-9383-446f-83cc-3ab9be4be18f"
PHONE_IDS = {
    "mobile": "3179e48a-750b-4051-897c-87b9720928f7",
    "alternateMobile": "b6332ec1-7057-4abe-9331-3d72feddfe41",
    "office": "e37fc753-ff3b-4958-9484-eaa9425c82bc",
}

DEFAULT_METHODS = ("push", "oath", "voiceMobile", "voiceAlternateMobile", "voiceOffice", "sms")


def password() -> Json:
    """The password; Graph never returns its value."""
    return _row("passwordAuthenticationMethod", PASSWORD_ID, password=None)


def authenticator(number: int, device: str, *, device_tag: str = "SoftwareTokenActivated") -> Json:
    """A Microsoft Authenticator registration; Graph leaves ``createdDateTime`` null for these."""
    row = _row(
        "microsoftAuthenticatorAuthenticationMethod",
        _id("a", number),
        displayName=device,
        deviceTag=device_tag,
        phoneAppVersion="6.2501.0108",
        clientAppName="microsoftAuthenticator",
    )
    return row | {"createdDateTime": None}


def software_oath(number: int) -> Json:
    """A third-party TOTP app; Graph never returns the secret key."""
    return _row("softwareOathAuthenticationMethod", _id("b", number), secretKey=None)


def hardware_oath(number: int) -> Json:
    """An OATH hardware token (beta only)."""
    return _row("hardwareOathAuthenticationMethod", _id("c", number))


def phone(phone_type: str, phone_number: str) -> Json:
    """A phone: ``mobile``, ``alternateMobile`` or ``office``; ``smsSignInState`` is not about SMS MFA."""
    return _row(
        "phoneAuthenticationMethod",
        PHONE_IDS[phone_type],
        phoneNumber=phone_number,
        phoneType=phone_type,
        smsSignInState="notEnabled" if phone_type == "mobile" else "notSupported",
    )


def fido2(number: int, name: str, model: str) -> Json:
    """A passkey (FIDO2 security key)."""
    return _row(
        "fido2AuthenticationMethod",
        _id("f", number),
        displayName=name,
        model=model,
        aaGuid="2fc0579f-8113-47ea-b116-bb5a8db9202a",
        attestationLevel="attested",
        attestationCertificates=[],
        passkeyType="deviceBound",
    )


def windows_hello(number: int, device: str) -> Json:
    """Windows Hello for Business on one device."""
    return _row(
        "windowsHelloForBusinessAuthenticationMethod",
        _id("d", number),
        displayName=device,
        keyStrength="normal",
    )


def email(address: str) -> Json:
    """An e-mail address; it serves password reset only."""
    return _row("emailAuthenticationMethod", EMAIL_ID, emailAddress=address)


def possible_defaults(methods: Sequence[Json]) -> frozenset[str]:
    """The default methods that these rows make possible.

    Microsoft documents no such table; it follows from what each registration can do: Authenticator carries
    notifications and a TOTP of its own, text messages go to the mobile phone, the other phones are for calls.
    """
    possible: set[str] = set()
    for row in methods:
        possible |= _POSSIBLE.get(row["@odata.type"].removeprefix(_PREFIX), frozenset())
        possible |= _POSSIBLE.get(row.get("phoneType", ""), frozenset())
    return frozenset(possible)


_POSSIBLE = {
    "microsoftAuthenticatorAuthenticationMethod": frozenset({"push", "oath"}),
    "softwareOathAuthenticationMethod": frozenset({"oath"}),
    "hardwareOathAuthenticationMethod": frozenset({"oath"}),
    "mobile": frozenset({"sms", "voiceMobile"}),
    "alternateMobile": frozenset({"voiceAlternateMobile"}),
    "office": frozenset({"voiceOffice"}),
}


def _row(odata_type: str, row_id: str, **properties: object) -> Json:
    common = {"id": row_id, "createdDateTime": _CREATED, "lastUsedDateTime": None}
    return {"@odata.type": _PREFIX + odata_type, **common, **properties}


def _id(kind: str, number: int) -> str:
    return f"{kind * 8}-0000-4000-8000-{number:012d}"
