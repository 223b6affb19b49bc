"""A user-assigned managed identity's token, which the bot's app registration trusts in place of a secret.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
"""

from __future__ import annotations

from typing import Any

import msal
import requests
from msal.exceptions import MsalError
from requests.adapters import HTTPAdapter

from bot.errors import BotMisconfigured, Unavailable

__all__ = ["ManagedIdentity"]

# Besides 5xx; the endpoint is being updated, or busy:
# https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#error-handling
_COME_AGAIN = frozenset({404, 410, 429})


class ManagedIdentity:
    """Gets the identity's tokens for ``audience`` from the machine's own endpoint, through MSAL, which caches them.

    Args:
        client_id: the identity's, not the bot's.
        audience: what the federated credential of the app registration names.
        timeout: for connecting and for the answer, in seconds.
    """

    def __init__(self, client_id: str, audience: str, timeout: tuple[float, float]) -> None:
        self._client_id = client_id
        self._audience = audience
        self._http = _LocalHttp(timeout)
        identity = msal.UserAssignedManagedIdentity(client_id=client_id)
        self._client = msal.ManagedIdentityClient(identity, http_client=self._http)

    def assertion(self) -> str:
        """A token to assert with that the bot is the bot. Blocks: it belongs into a thread.

        Raises:
            BotMisconfigured: the endpoint knows no such identity here.
            Unavailable: no endpoint, or no answer of it.
        """
        try:
            answer = self._client.acquire_token_for_client(resource=self._audience)
        except (requests.RequestException, MsalError, ValueError, OSError) as error:
            # No chain: the errors hold the request, and that holds the endpoint's own secret.
            raise Unavailable(
                "the managed identity's endpoint did not answer properly; MFABOT_MANAGED_IDENTITY_CLIENT_ID works on "
                "Azure only, on a resource that has this identity",
                cause=str(error) if isinstance(error, _ComeAgain) else type(error).__name__,
            ) from None
        token = answer.get("access_token")
        if isinstance(token, str) and token:
            return token
        raise BotMisconfigured(
            "the managed identity has no token to give: compare MFABOT_MANAGED_IDENTITY_CLIENT_ID with the client id "
            "of a user-assigned identity, and assign that one to the resource on which the bot runs (Identity > User "
            "assigned)",
            identity=self._client_id,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class _ComeAgain(requests.RequestException):
    """The endpoint answered that it can't answer now."""


class _LocalHttp:
    """What MSAL asks the endpoint by: with time-outs, and past every proxy, for the endpoint is on this machine."""

    def __init__(self, timeout: tuple[float, float]) -> None:
        self._timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(max_retries=1))

    def get(self, url: str, **kwargs: Any) -> requests.Response:
        """Ask; an answer that is to be had later is an error here, since MSAL would take it for a refusal."""
        answer = self._session.get(url, **{"timeout": self._timeout, "allow_redirects": False, **kwargs})
        if answer.status_code in _COME_AGAIN or answer.status_code >= 500:
            raise _ComeAgain(f"HTTP {answer.status_code}")
        return answer

    def post(self, url: str, **kwargs: Any) -> requests.Response:
        """Some platforms are asked by POST."""
        return self._session.post(url, **{"timeout": self._timeout, "allow_redirects": False, **kwargs})

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
