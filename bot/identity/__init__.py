"""Who somebody is, and tokens: Entra's keys, the single sign-on token, on-behalf-of through MSAL, the token cache."""

from bot.identity.bot_token import BotToken
from bot.identity.entra import EntraClient, PageSignIn, Redeemed
from bot.identity.expiry import warn_of_expiry
from bot.identity.pages import sign_in_routes
from bot.identity.signing_keys import KeysUnavailable, SigningKey, SigningKeys, UnknownKey
from bot.identity.sso import SsoToken, SsoValidator
from bot.identity.tokens import SELF_SCOPES, UserTokens

__all__ = [
    "SELF_SCOPES",
    "BotToken",
    "EntraClient",
    "KeysUnavailable",
    "PageSignIn",
    "Redeemed",
    "SigningKey",
    "SigningKeys",
    "SsoToken",
    "SsoValidator",
    "UnknownKey",
    "UserTokens",
    "sign_in_routes",
    "warn_of_expiry",
]
