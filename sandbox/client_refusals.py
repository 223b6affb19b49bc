"""Entra's refusals of an application that can't prove to be itself.

Codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes, and the texts that people report.
"""

from __future__ import annotations

from typing import Literal

from sandbox.entra_errors import EntraError

_FEDERATED_CODES = {"issuer": 700211, "audience": 700212, "subject": 700213}


def secret_expired(app_id: str) -> EntraError:
    """The secret was good once."""
    text = (
        f"The provided client secret keys for app '{app_id}' are expired. Visit the Azure portal to create new keys "
        "for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security."
    )
    return EntraError(401, "invalid_client", 7000222, text)


def certificate_refused(reason: str) -> EntraError:
    """Unknown, expired, or not the one that signed: all by one number."""
    text = f"The certificate with identifier used to sign the client assertion is not registered. [Reason - {reason}]"
    return EntraError(401, "invalid_client", 700027, text)


def assertion_out_of_time() -> EntraError:
    """Too old an assertion, perhaps by a wrong clock."""
    return EntraError(401, "invalid_client", 700024, "Client assertion is not within its valid time range.")


def assertion_for_another_audience() -> EntraError:
    """The assertion does not address this token endpoint."""
    return EntraError(401, "invalid_client", 700023, "Client assertion audience claim does not match Realm issuer.")


def assertion_of_another_client() -> EntraError:
    """The assertion speaks of another application."""
    text = "Client assertion application identifier doesn't match 'client_id' parameter."
    return EntraError(401, "invalid_client", 700021, text)


def malformed_assertion() -> EntraError:
    """A claim is missing that an assertion must have."""
    return EntraError(401, "invalid_client", 50027, "JWT token is invalid or malformed.")


def no_federated_record(what: Literal["issuer", "audience", "subject"], found: object) -> EntraError:
    """No federated credential matches the token in this claim."""
    text = (
        f"No matching federated identity record found for presented assertion {what} '{found}'. Check your federated "
        "identity credential Subject, Audience and Issuer against the presented assertion."
    )
    return EntraError(401, "invalid_client", _FEDERATED_CODES[what], text)
