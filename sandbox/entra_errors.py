"""Refusals of Entra's token endpoint, as they look on the wire.

Codes and shape: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import datetime as dt
import json
import uuid

from sandbox.faults import Answer
from sandbox.tenant import Json


class EntraError(Exception):
    """A refusal; the number is that of AADSTS. ``claims`` is what a sign-in page has to be asked for."""

    def __init__(
        self,
        status: int,
        error: str,
        number: int,
        text: str,
        suberror: str | None = None,
        claims: Json | None = None,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.error = error
        self.number = number
        self.text = text
        self.suberror = suberror
        self.claims = claims

    @property
    def description(self) -> str:
        """The text with its number."""
        return f"AADSTS{self.number}: {self.text}"

    def answer(self) -> Answer:
        """The refusal without what ``completed`` adds."""
        body: Json = {
            "error": self.error,
            "error_description": self.description,
            "error_codes": [self.number],
        }
        if self.suberror:
            body["suberror"] = self.suberror
        if self.claims:
            body["claims"] = json.dumps(self.claims, separators=(",", ":"))  # JSON in a string, not an object
        return Answer(self.status, body=body)


def completed(answer: Answer, now: float, client_request_id: str | None) -> Answer:
    """The answer with the keys that every error of Entra has; an injected one keeps what it says itself."""
    if not isinstance(answer.body, dict) or "error" not in answer.body:
        return answer
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    usual = {
        "error_description": "AADSTS90000: injected by the sandbox.",
        "error_codes": [],
        "timestamp": moment.strftime("%Y-%m-%d %H:%M:%SZ"),
        "trace_id": str(uuid.uuid4()),
        "correlation_id": client_request_id or str(uuid.uuid4()),
    }
    return Answer(answer.status, answer.headers, usual | answer.body)


def missing_parameter(name: str) -> EntraError:
    """A required parameter is absent."""
    text = f"The request body must contain the following parameter: '{name}'."
    return EntraError(400, "invalid_request", 900144, text)


def unknown_tenant(tenant: str) -> EntraError:
    """The path names a tenant that does not exist."""
    text = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
    return EntraError(400, "invalid_request", 90002, text)


def unknown_client(client_id: str) -> EntraError:
    """No such application in this tenant."""
    text = f"Application with identifier '{client_id}' was not found in the directory 'Contoso'."
    return EntraError(400, "unauthorized_client", 700016, text)


def no_credential() -> EntraError:
    """A confidential client without a credential."""
    text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
    return EntraError(401, "invalid_client", 7000218, text)


def wrong_secret(app_id: str) -> EntraError:
    """The secret is not that of the application."""
    text = (
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret "
        f"value, not the client secret ID, for a secret added to app '{app_id}'."
    )
    return EntraError(401, "invalid_client", 7000215, text)


def unsupported_grant(grant: str) -> EntraError:
    """A grant that this token endpoint does not play."""
    text = f"The app requested an unsupported grant type '{grant}'."
    return EntraError(400, "unsupported_grant_type", 70003, text)


def invalid_scope(scope: str) -> EntraError:
    """A scope that does not exist, or not on this resource."""
    text = f"The provided value for the input parameter 'scope' isn't valid. The scope {scope} isn't valid."
    return EntraError(400, "invalid_scope", 70011, text)


def invalid_assertion(why: str) -> EntraError:
    """The assertion is no token of this tenant that could be exchanged."""
    return EntraError(400, "invalid_grant", 50013, f"Assertion failed signature validation. [Reason - {why}]")


def wrong_audience(app_id: str) -> EntraError:
    """The assertion was issued to another application."""
    text = (
        "Assertion audience does not match the Client app presenting the assertion. The audience in the "
        f"assertion was for another app, the client is '{app_id}'."
    )
    return EntraError(400, "invalid_grant", 500131, text)


def assertion_expired() -> EntraError:
    """The assertion is too old, or not valid yet."""
    text = (
        "Assertion is not within its valid time range. Ensure that the access token is not expired before "
        "using it for user assertion, or request a new token."
    )
    return EntraError(400, "invalid_grant", 500133, text)


def unknown_user(oid: str) -> EntraError:
    """The assertion's person is not in the directory."""
    text = f"The user account {oid} does not exist in the Contoso directory."
    return EntraError(400, "invalid_grant", 50034, text)


def consent_required(app_id: str, app_name: str) -> EntraError:
    """A scope that nobody has consented to."""
    text = (
        f"The user or administrator has not consented to use the application with ID '{app_id}' named "
        f"'{app_name}'. Send an interactive authorization request for this user and resource."
    )
    return EntraError(400, "invalid_grant", 65001, text, suberror="consent_required")


def malformed() -> EntraError:
    """Claims that are no JSON object, or a code that never was one.

    Entra's own code for claims is not documented; what counts is that base64 does not pass for JSON.
    """
    return EntraError(400, "invalid_request", 9002313, "Invalid request. Request is malformed or invalid.")


def unknown_code() -> EntraError:
    """An authorization code that was not issued to this client."""
    return EntraError(400, "invalid_grant", 9002313, "Invalid request. Request is malformed or invalid.")


def code_redeemed() -> EntraError:
    """An authorization code is good for one use."""
    text = (
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing "
        "refresh token."
    )
    return EntraError(400, "invalid_grant", 54005, text)


def code_expired() -> EntraError:
    """An authorization code is good for ten minutes."""
    text = (
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive "
        "authorization request for this user and resource."
    )
    return EntraError(400, "invalid_grant", 70008, text)


def wrong_reply_address(given: str) -> EntraError:
    """The redirect address is not the one that the code was sent to."""
    text = f"The reply address '{given}' does not match the reply address provided when requesting Authorization code."
    return EntraError(400, "invalid_grant", 500112, text)


def wrong_verifier() -> EntraError:
    """PKCE: https://datatracker.ietf.org/doc/html/rfc7636#section-4.6."""
    text = "The Code_Verifier does not match the code_challenge supplied in the authorization request."
    return EntraError(400, "invalid_grant", 501481, text)


def unregistered_reply_address(given: str, app_id: str) -> EntraError:
    """An address that the application has not registered."""
    text = (
        f"The redirect URI '{given}' specified in the request does not match the redirect URIs configured for the "
        f"application '{app_id}'."
    )
    return EntraError(400, "invalid_request", 50011, text)


# The policy that a person has to satisfy, in the form in which the on-behalf-of documentation shows it.
_POLICY_CLAIMS: Json = {
    "access_token": {"polids": {"essential": True, "values": ["9ab03e19-ed42-4168-b6b7-7001fb3e933a"]}}
}


def mfa_required(resource: str) -> EntraError:
    """Conditional Access wants a second factor."""
    text = (
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must "
        f"use multi-factor authentication to access '{resource}'."
    )
    return EntraError(400, "interaction_required", 50076, text, suberror="basic_action", claims=_POLICY_CLAIMS)


def blocked(error: str, *, claims: bool) -> EntraError:
    """Conditional Access blocks, and nothing that the person does helps."""
    text = "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."
    return EntraError(400, error, 53003, text, "message_only", _POLICY_CLAIMS if claims else None)


def revoked(error: str, revoked_at: int) -> EntraError:
    """The session was ended. Which error comes is seen both ways; claims come only with a wish for interaction."""
    text = (
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have "
        "changed or reset their password."
    )
    claims = issued_after(revoked_at) if error == "interaction_required" else None
    return EntraError(400, error, 50173, text, "bad_token" if claims is None else "basic_action", claims)


def issued_after(moment: int) -> Json:
    """The claims for a token issued after ``moment``, as a revocation asks for them.

    https://learn.microsoft.com/entra/identity-platform/claims-challenge
    """
    return {"access_token": {"nbf": {"essential": True, "value": str(moment)}}}
