"""Entra roles, and who may touch whose authentication methods.

https://learn.microsoft.com/entra/identity/role-based-access-control/privileged-roles-permissions#who-can-perform-sensitive-actions
"""

from __future__ import annotations

from collections.abc import Iterable

AUTHENTICATION_ADMINISTRATOR = "Authentication Administrator"
PRIVILEGED_AUTHENTICATION_ADMINISTRATOR = "Privileged Authentication Administrator"
GLOBAL_READER = "Global Reader"
GLOBAL_ADMINISTRATOR = "Global Administrator"
HELPDESK_ADMINISTRATOR = "Helpdesk Administrator"

_NAMES = {
    "c4e39bd9-1100-46d3-8c65-fb160da0071f": AUTHENTICATION_ADMINISTRATOR,
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13": PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451": GLOBAL_READER,
    "62e90394-69f5-4237-9190-012177145e10": GLOBAL_ADMINISTRATOR,
    "729827e3-9c14-49f7-bb1b-9608f156bbb8": HELPDESK_ADMINISTRATOR,
}

# An Authentication Administrator may manage people who hold no role, or none but these.
_MANAGEABLE = frozenset(
    {
        AUTHENTICATION_ADMINISTRATOR,
        "Directory Readers",
        "Guest Inviter",
        "Message Center Reader",
        "Password Administrator",
        "Reports Reader",
        "User Experience Success Manager",
        "Usage Summary Reports Reader",
    }
)


def may_read(actor_roles: Iterable[str], target_roles: Iterable[str]) -> bool:
    """Whether the actor may read another person's methods and preferences."""
    return GLOBAL_READER in _named(actor_roles) or may_write(actor_roles, target_roles)


def may_write(actor_roles: Iterable[str], target_roles: Iterable[str]) -> bool:
    """Whether the actor may change another person's preferences. A Helpdesk Administrator may not."""
    actor = _named(actor_roles)
    if PRIVILEGED_AUTHENTICATION_ADMINISTRATOR in actor:
        return True
    return AUTHENTICATION_ADMINISTRATOR in actor and _named(target_roles) <= _MANAGEABLE


def sees_masked_numbers(actor_roles: Iterable[str]) -> bool:
    """Whether phone numbers of other people reach the actor masked."""
    return AUTHENTICATION_ADMINISTRATOR in _named(actor_roles)


def _named(roles: Iterable[str]) -> frozenset[str]:
    """Role names, from names or template GUIDs."""
    return frozenset(_NAMES.get(role.casefold(), role) for role in roles)
