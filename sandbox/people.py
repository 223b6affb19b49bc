"""The five people of the simulated tenant, each in a situation that the bot has to explain."""

from __future__ import annotations

from sandbox import methods
from sandbox.tenant import DOMAIN, PREFERRED, SYSTEM_PREFERRED, SYSTEM_PREFERRED_ENABLED, Json, SandboxPerson

ADA = "ada00000-0000-4000-8000-000000000001"
GRACE = "96ace000-0000-4000-8000-000000000002"
KATHERINE = "ca700000-0000-4000-8000-000000000003"
ALAN = "a1a00000-0000-4000-8000-000000000004"
NORA = "40ba0000-0000-4000-8000-000000000005"


def five_people() -> list[SandboxPerson]:
    """Fresh copies of the five, in the order in which the page lists them."""
    return [_ada(), _grace(), _katherine(), _alan(), _nora()]


def _ada() -> SandboxPerson:
    return SandboxPerson(
        oid=ADA,
        upn=f"ada@{DOMAIN}",
        display_name="Ada Lovelace",
        situation="Has registered everything; the default is an Authenticator notification.",
        methods=[
            methods.password(),
            methods.phone("mobile", "+1 5555550101"),
            methods.phone("alternateMobile", "+1 5555550102"),
            methods.phone("office", "+1 5555550103"),
            methods.authenticator(1, "Ada's iPhone"),
            methods.software_oath(1),
            methods.fido2(1, "Blue security key", "YubiKey 5 Series"),
            methods.windows_hello(1, "ADA-LAPTOP"),
            methods.email("ada.lovelace@analytical-engine.example"),
        ],
        preferences=_preferences(system_enabled=False, system=None) | {PREFERRED: "push"},
    )


def _grace() -> SandboxPerson:
    return SandboxPerson(
        oid=GRACE,
        upn=f"grace@{DOMAIN}",
        display_name="Grace Hopper",
        situation="Uses Microsoft Authenticator and nothing else.",
        methods=[methods.password(), methods.authenticator(2, "Pixel 9")],
        preferences=_preferences(system_enabled=False, system=None) | {PREFERRED: "push"},
    )


def _katherine() -> SandboxPerson:
    return SandboxPerson(
        oid=KATHERINE,
        upn=f"katherine@{DOMAIN}",
        display_name="Katherine Johnson",
        situation="Has only phones, and system-preferred MFA overrules the default.",
        methods=[
            methods.password(),
            methods.phone("mobile", "+1 5555550131"),
            methods.phone("office", "+1 5555550132"),
        ],
        preferences=_preferences(system_enabled=True, system="Sms") | {PREFERRED: "voiceMobile"},
    )


def _alan() -> SandboxPerson:
    return SandboxPerson(
        oid=ALAN,
        upn=f"alan@{DOMAIN}",
        display_name="Alan Turing",
        situation="Signs in with a passkey, which cannot be a default; never set one.",
        methods=[methods.password(), methods.fido2(4, "Passkey", "YubiKey 5 Series")],
        preferences=_preferences(system_enabled=True, system="Fido2") | {PREFERRED: None},
    )


def _nora() -> SandboxPerson:
    return SandboxPerson(
        oid=NORA,
        upn=f"nora@{DOMAIN}",
        display_name="Nora Nothing",
        situation="Has a password and no second factor at all.",
        methods=[methods.password()],
        preferences=_preferences(system_enabled=True, system=None),
    )


def _preferences(*, system_enabled: bool, system: str | None) -> Json:
    return {SYSTEM_PREFERRED_ENABLED: system_enabled, SYSTEM_PREFERRED: system}
