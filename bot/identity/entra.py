"""Entra's token endpoint through MSAL: on-behalf-of for people, client credentials for the bot itself.

MSAL is synchronous, so it runs in a small pool of threads of its own. Two of its habits are tamed here, both seen in
msal 1.39:

- it replays answers of the token endpoint: a 400 for a minute, and one person's 429 to everybody. ``_DiscoveryCache``
  keeps discovery documents only;
- its token cache hoards every person's tokens. ``_NoTokens`` keeps none; ours are in ``tokens.py``.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import msal
import requests
from msal.exceptions import MsalError
from requests.adapters import HTTPAdapter

from bot.errors import (
    AssertionExpired,
    BotMisconfigured,
    ConsentMissing,
    DeviceNotTrusted,
    MfaBotError,
    NotAssigned,
    PlaceNotTrusted,
    SignInBlocked,
    SignInCancelled,
    SignInRefused,
    StepUpNeeded,
    Throttled,
    Unavailable,
    UnexpectedAnswer,
)
from bot.identity.advice import ADVICE, advice_on, is_credential_refused
from bot.identity.application import CurrentApplication
from bot.identity.credential import credential_for
from bot.identity.sso import person_of
from bot.mfa import Person
from bot.settings import Pace, Settings

__all__ = ["AccessToken", "EntraClient", "PageSignIn", "Redeemed", "error_from_entra"]

_THREADS = 8

# Teams opens the sign-in window on a page that it loads by GET, so the code comes back in the query. It is
# bound to the verifier (PKCE), used once, and never logged.
warnings.filterwarnings("ignore", "response_mode='form_post' is recommended", UserWarning)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and the moment it dies, in seconds since the epoch."""

    secret: str = field(repr=False)
    expires_at: float


@dataclass(frozen=True, slots=True)
class PageSignIn:
    """A sign-in by Entra's page: for whom and what for. ``scopes`` are short names such as ``User.Read``."""

    scopes: frozenset[str]
    redirect_uri: str
    state: str
    login_hint: str = ""
    claims: str | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What an authorization code has brought: a token, and who has signed in."""

    token: AccessToken
    person: Person


class _DiscoveryCache(dict[str, object]):
    """MSAL ``http_cache`` that keeps discovery documents and forgets every answer to a POST."""

    def __setitem__(self, key: str, value: object) -> None:
        if not key.startswith("POST "):
            super().__setitem__(key, value)


class _NoTokens(msal.TokenCache):
    """MSAL token cache that keeps nothing."""

    def add(self, event: object, now: float | None = None) -> None:
        """Forget it at once."""


class _Session(requests.Session):
    """What MSAL sends by: with time-outs, without cookies, and trusting exactly the certificate authority that is set.

    With plain requests a ``REQUESTS_CA_BUNDLE`` in the environment would win over the session's own ``verify``.
    """

    def __init__(self, ca_file: Path | None, timeout: tuple[float, float]) -> None:
        super().__init__()
        self.verify = str(ca_file) if ca_file else True
        # Nothing that the answer to one person sets may travel with another person's request.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("https://", HTTPAdapter(pool_maxsize=_THREADS, max_retries=1))
        self._timeout = timeout

    def merge_environment_settings(self, *args: Any, **kwargs: Any) -> Any:
        settings = super().merge_environment_settings(*args, **kwargs)
        return {**settings, "verify": self.verify} if self.verify is not True else settings

    def request(self, *args: Any, **kwargs: Any) -> Any:
        return super().request(*args, **{"timeout": self._timeout, **kwargs})


_Call = Callable[[msal.ConfidentialClientApplication], Mapping[str, Any]]
_MISREAD = (ValueError, RuntimeError, AttributeError, LookupError, TypeError)
"""What MSAL raises over an answer that is not as it takes for granted."""


class EntraClient:
    """One confidential client of the tenant. Built lazily in a thread, since its constructor asks the network.

    It is built anew when the credential in its file has changed.
    """

    def __init__(self, settings: Settings, pace: Pace, *, observe: Callable[[int], None] = lambda status: None) -> None:
        self._settings = settings
        self._pace = pace
        self._observe = observe
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="msal")
        self._http_cache = _DiscoveryCache()
        self._session = _Session(settings.ca_file, (pace.connect_s, pace.call_s))
        self.credential = credential_for(settings, pace)
        self._application = CurrentApplication(
            self.credential, self._construct, self._pool, look_every_s=pace.credential_look_s
        )

    async def on_behalf_of(self, assertion: str, scopes: frozenset[str]) -> AccessToken:
        """A Graph token for the person of ``assertion``. ``scopes`` are short names such as ``User.Read``.

        Raises:
            SignInError: see the tree in ``bot.errors``; which one is decided by ``error_from_entra``.
            UpstreamError: throttled, unavailable, or no answer in time.

        Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow
        """
        full = self._full(scopes)
        return await self._ask(lambda app: app.acquire_token_on_behalf_of(assertion, full))

    async def begin_page_sign_in(self, page: PageSignIn) -> Mapping[str, Any]:
        """What a page is opened with: ``auth_uri`` is its address, the rest is for ``redeem``. It holds no token.

        Raises:
            UpstreamError: Entra could not be asked for the address of its page.

        Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
        """

        def begin(app: msal.ConfidentialClientApplication) -> dict[str, Any]:
            flow: dict[str, Any] = app.initiate_auth_code_flow(
                self._full(page.scopes),
                redirect_uri=page.redirect_uri,
                state=page.state,
                login_hint=page.login_hint or None,
                prompt="login" if page.fresh else None,
                claims_challenge=page.claims,
            )
            return flow

        return await self._call(begin)

    async def redeem(self, flow: Mapping[str, Any], code: str) -> Redeemed:
        """The token for an authorization code. MSAL checks state and nonce, and sends the verifier.

        Raises as ``on_behalf_of``.
        """
        answer = {"code": code, "state": flow.get("state")}
        asked_at = time.time()
        # A copy, since MSAL takes out of the flow what it has used.
        result = await self._call(
            lambda app: app.acquire_token_by_auth_code_flow(dict(flow), answer), misread=SignInRefused
        )
        token = self._token(result, asked_at)
        claims = result.get("id_token_claims")
        return Redeemed(token, person_of(claims if isinstance(claims, dict) else {}))

    async def for_the_bot(self, scope: str) -> AccessToken:
        """The bot's own token for ``scope`` (the connector's), by client credentials.

        Raises:
            BotMisconfigured: the credential is not accepted.
            UpstreamError: throttled, unavailable, or no answer in time.
        """
        return await self._ask(lambda app: app.acquire_token_for_client([scope]))

    def close(self) -> None:
        """Let go of the threads; calls under way end by their own time-outs."""
        self._application.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._session.close()
        self.credential.close()

    def _full(self, scopes: frozenset[str]) -> list[str]:
        return [f"{self._settings.graph_url}/{scope}" for scope in sorted(scopes)]

    async def _ask(self, call: _Call) -> AccessToken:
        asked_at = time.time()
        return self._token(await self._call(call), asked_at)

    async def _call(self, call: _Call, misread: type[MfaBotError] = Unavailable) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(self._pace.sign_in_s):
                return await self._answer(call)
        except TimeoutError:
            self._observe(0)
            raise Unavailable("Entra did not answer in time") from None
        except (requests.RequestException, MsalError, OSError) as error:
            self._observe(0)
            # No chain: requests' errors hold the request, and that holds the assertion.
            raise Unavailable("Entra did not answer properly", cause=type(error).__name__) from None
        except _MISREAD as error:
            self._observe(0)
            # No chain here either: MSAL's sentences quote the id token.
            raise misread("Entra did not answer properly", cause=type(error).__name__) from None

    def _token(self, answer: Mapping[str, Any], asked_at: float) -> AccessToken:
        secret, lifetime_s = answer.get("access_token"), answer.get("expires_in")
        if isinstance(secret, str) and isinstance(lifetime_s, (int, float)):
            self._observe(200)
            return AccessToken(secret, asked_at + lifetime_s)
        self._observe(400)
        raise error_from_entra(answer)

    async def _answer(self, call: _Call) -> Mapping[str, Any]:
        """MSAL's answer; asked once more if the credential was refused and there is a newer one in its file."""
        loop = asyncio.get_running_loop()
        app = await self._application.get()
        answer: Mapping[str, Any] = await loop.run_in_executor(self._pool, call, app)
        if is_credential_refused(answer) and (newer := await self._application.get(look_now=True)) is not app:
            answer = await loop.run_in_executor(self._pool, call, newer)
        return answer

    def _construct(self, credential: object) -> msal.ConfidentialClientApplication:
        settings = self._settings
        try:
            return msal.ConfidentialClientApplication(
                settings.client_id,
                client_credential=credential,
                authority=f"{settings.login_url}/{settings.tenant}",
                instance_discovery=None if settings.in_known_cloud else False,
                client_capabilities=["CP1"],
                exclude_scopes=["offline_access"],
                token_cache=_NoTokens(),
                http_cache=self._http_cache,
                http_client=self._session,
            )
        except ValueError as error:
            # MSAL asks for the tenant's metadata and keeps Entra's answer in the text of the first error.
            if "AADSTS90002" in f"{error} {error.__context__}":
                raise BotMisconfigured(advice_on({90002}), code="AADSTS90002") from None
            raise


# Codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes. Numbers may change, so
# ``suberror`` and the presence of ``claims`` are looked at first.
_NONE: frozenset[int] = frozenset()
_BLOCKED: Mapping[int, type[SignInBlocked]] = {
    53000: DeviceNotTrusted,
    53001: DeviceNotTrusted,
    53002: DeviceNotTrusted,
    53003: SignInBlocked,
    530035: SignInBlocked,
    53010: PlaceNotTrusted,
    50105: NotAssigned,
}
_MISCONFIGURED = frozenset(ADVICE)
_MISCONFIGURED_ERRORS = frozenset({"invalid_client", "unauthorized_client", "invalid_scope", "invalid_resource"})
_EXPIRED_ASSERTION = frozenset({500133, 50013})
# The last five: the session was revoked or is too old, so only the person can begin another one.
_STEP_UP = frozenset({50076, 50079, 50074, 50072, 50078, 50158, 50097, 50131, 50173, 70043, 700082, 50132, 50133})


def error_from_entra(answer: Mapping[str, Any]) -> MfaBotError:
    """The error that an answer without a token stands for. Its description is not kept: it can name the person."""
    raw_codes = answer.get("error_codes")
    codes = frozenset(code for code in raw_codes if isinstance(code, int)) if isinstance(raw_codes, list) else _NONE
    error, suberror, claims = (str(answer.get(key) or "") for key in ("error", "suberror", "claims"))
    facts: dict[str, Any] = {
        "code": ",".join(f"AADSTS{code}" for code in sorted(codes)) or error,
        "suberror": suberror,
        "correlation_id": str(answer.get("correlation_id") or ""),
    }
    if not error:
        return UnexpectedAnswer("Entra answered neither a token nor an error")
    if codes & _MISCONFIGURED or error in _MISCONFIGURED_ERRORS:
        return BotMisconfigured(advice_on(codes), **facts)
    if suberror == "consent_required" or 65001 in codes:
        return ConsentMissing(**facts)
    if 65004 in codes or (error == "access_denied" and not codes):
        return SignInCancelled(**facts)
    blocked = next((_BLOCKED[code] for code in sorted(codes) if code in _BLOCKED), None)
    if blocked is not None:
        return blocked(**facts)
    if claims or error == "interaction_required" or codes & _STEP_UP:
        return StepUpNeeded("Entra", claims=claims or None, **facts)
    if error in {"temporarily_unavailable", "server_error"} or 50196 in codes:
        # 50196: too many identical requests, also said as invalid_grant; asking again makes it worse.
        return Throttled("Entra", **facts)
    if codes & _EXPIRED_ASSERTION:
        return AssertionExpired(**facts)
    if error == "invalid_grant":
        return SignInRefused(**facts)
    return UnexpectedAnswer("Entra", **facts)
