"""What the operator must mend when Entra does not accept the bot itself: a sentence for each of Entra's codes.

The codes' meanings: https://learn.microsoft.com/entra/identity-platform/reference-error-codes and
https://login.microsoftonline.com/error?code=700027 (with the code in question). Entra says also by 700027, with
another reason in its text, that a certificate has expired.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["ADVICE", "advice_on", "is_credential_refused"]

_WHERE = "App registrations > the bot > Certificates & secrets"

_FEDERATED = (
    f"the app registration does not trust the managed identity: in Entra, {_WHERE} > Federated credentials, add the "
    "identity of MFABOT_MANAGED_IDENTITY_CLIENT_ID"
)

ADVICE: Mapping[int, str] = {
    7000215: (
        "the client secret is wrong: set MFABOT_CLIENT_SECRET (or the file of MFABOT_CLIENT_SECRET_PATH) to the value, "
        f"not the id, of a secret in Entra, {_WHERE} > Client secrets"
    ),
    7000222: (
        f"the client secret has expired: make a new one in Entra, {_WHERE} > Client secrets, and set "
        "MFABOT_CLIENT_SECRET (or the file of MFABOT_CLIENT_SECRET_PATH) to its value"
    ),
    700027: (
        "Entra does not know the certificate of MFABOT_CERTIFICATE_PATH, or it has expired: upload its public part in "
        f"Entra, {_WHERE} > Certificates, and compare the thumbprints"
    ),
    700024: "the clock of the bot's machine is wrong, so Entra takes its assertion for expired: set the time",
    700023: "the bot's assertion is for another authority: check MFABOT_TENANT_ID, MFABOT_CLOUD and MFABOT_LOGIN_URL",
    700021: "the bot's assertion names another application: check MFABOT_APP_ID",
    70021: f"{_FEDERATED} (a new one takes some minutes)",
    700211: f"{_FEDERATED}; the issuer does not match: identity and bot must be in the tenant of MFABOT_TENANT_ID",
    700212: f"{_FEDERATED}; the audience does not match: it must be the one of MFABOT_CLOUD",
    7002121: f"{_FEDERATED}; the audience does not match: it must be the one of MFABOT_CLOUD",
    700213: f"{_FEDERATED}; the subject does not match: it must be the identity's object (principal) id",
    7002131: f"{_FEDERATED}; the subject does not match: it must be the identity's object (principal) id",
    700222: f"{_FEDERATED}; it must be a user-assigned identity of the tenant of MFABOT_TENANT_ID",
    700226: f"{_FEDERATED}; it must be a user-assigned identity of the tenant of MFABOT_TENANT_ID",
    7000229: (
        "the bot has no enterprise application in the tenant of MFABOT_TENANT_ID: grant admin consent in Entra, App "
        "registrations > the bot > API permissions"
    ),
    7000218: "Entra was shown no credential: set MFABOT_CLIENT_SECRET or one of the other three",
    70002: "Entra does not accept the credential: compare the one that is set with those in Entra, " + _WHERE,
    700016: (
        "the tenant has no such application: compare MFABOT_APP_ID and MFABOT_TENANT_ID with the Application (client) "
        "ID and the Directory (tenant) ID in Entra, App registrations > the bot > Overview"
    ),
    90002: "Entra knows no such tenant: check MFABOT_TENANT_ID, and MFABOT_CLOUD, for each cloud has its own tenants",
    500011: (
        "the tenant does not know Microsoft Graph or the Bot Connector by the address that is set: check MFABOT_CLOUD, "
        "MFABOT_GRAPH_URL and MFABOT_CHANNEL_SCOPE"
    ),
    650056: (
        "the app registration lacks a permission or its consent: in Entra, App registrations > the bot > API "
        "permissions, add the delegated Graph permissions of the README and grant admin consent"
    ),
    650057: (
        "the app registration does not list Microsoft Graph: in Entra, App registrations > the bot > API permissions, "
        "add the delegated Graph permissions of the README; check MFABOT_CLOUD and MFABOT_GRAPH_URL"
    ),
    65005: (
        "the app registration does not list a permission that the bot asks for: in Entra, App registrations > the bot "
        "> API permissions, add the delegated Graph permissions of the README"
    ),
    70011: "Entra does not know a scope: check MFABOT_CLOUD, MFABOT_GRAPH_URL and MFABOT_CHANNEL_SCOPE",
    500131: (
        "the token from Teams is for another application: compare webApplicationInfo of the Teams app, and the "
        "Application ID URI in Entra, App registrations > the bot > Expose an API, with MFABOT_APP_ID"
    ),
}
"""By code, the most telling first."""

_CREDENTIAL = frozenset({7000215, 7000222, 700027})


def advice_on(codes: Collection[int]) -> str:
    """What to mend, in a sentence for the log."""
    for code, sentence in ADVICE.items():
        if code in codes:
            return sentence
    return f"compare the app registration with MFABOT_APP_ID, MFABOT_TENANT_ID and the credential, in Entra, {_WHERE}"


def is_credential_refused(answer: Mapping[str, Any]) -> bool:
    """True if a newer secret or certificate might be accepted."""
    codes = answer.get("error_codes")
    return isinstance(codes, list) and any(code in _CREDENTIAL for code in codes)
