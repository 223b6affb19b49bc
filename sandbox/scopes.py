"""Which scopes Entra knows for the bot, and which of them are consented to.

https://learn.microsoft.com/entra/identity-platform/scopes-oidc
"""

from __future__ import annotations

from collections.abc import Sequence

from sandbox import entra_errors as refuse
from sandbox.context import Context

OIDC_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
_DEFAULT = ".default"
_GRAPH_SCOPES = frozenset(
    {
        "GroupMember.Read.All",
        "User.Read",
        "User.Read.All",
        "User.ReadBasic.All",
        "UserAuthenticationMethod.Read",
        "UserAuthenticationMethod.Read.All",
        "UserAuthenticationMethod.ReadWrite",
        "UserAuthenticationMethod.ReadWrite.All",
    }
)


class Scopes:
    """The scopes of one sandbox."""

    def __init__(self, context: Context) -> None:
        self._tenant = context.tenant
        self._prefix = f"{context.addresses.graph_url}/"

    def asked(self, scopes: Sequence[str]) -> list[str]:
        """The names of the Graph scopes among ``scopes``, which may also hold those of OpenID Connect.

        Raises:
            EntraError: one does not exist, there is none, or ``.default`` stands beside another.
        """
        resource_scopes = [scope for scope in scopes if scope not in OIDC_SCOPES]
        if not resource_scopes:
            raise refuse.invalid_scope(" ".join(scopes))
        names = [scope.removeprefix(self._prefix) for scope in resource_scopes]
        for scope, name in zip(resource_scopes, names, strict=True):
            if not scope.startswith(self._prefix) or name not in _GRAPH_SCOPES | {_DEFAULT}:
                raise refuse.invalid_scope(scope)
        if _DEFAULT in names and len(names) > 1:
            raise refuse.invalid_scope(" ".join(scopes))
        return names

    def without_consent(self, scopes: Sequence[str]) -> list[str]:
        """Those of the asked scopes that nobody has consented to.

        Raises:
            EntraError: as ``asked``.
        """
        return [name for name in self.asked(scopes) if name not in self._tenant.consented_scopes | {_DEFAULT}]

    def granted(self, scopes: Sequence[str]) -> str:
        """The scopes of an answer: every consented one of the resource, not only those that were asked for."""
        granted = [f"{self._prefix}{name}" for name in sorted(self._tenant.consented_scopes)]
        return " ".join([*granted, *(name for name in ("openid", "profile", "email") if name in scopes)])
