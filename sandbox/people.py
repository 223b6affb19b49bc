"""The people of the simulated tenant, each in a situation that the bot has to explain, in seven languages."""

from __future__ import annotations

from sandbox import methods
from sandbox.tenant import DOMAIN, PREFERRED, SYSTEM_PREFERRED, SYSTEM_PREFERRED_ENABLED, Json, SandboxPerson

ADA = "ada00000-0000-4000-8000-000000000001"
GRACE = "96ace000-0000-4000-8000-000000000002"
KATHERINE = "ca700000-0000-4000-8000-000000000003"
ALAN = "a1a00000-0000-4000-8000-000000000004"
NORA = "40ba0000-0000-4000-8000-000000000005"
KONRAD = "c0a4ad00-0000-4000-8000-000000000006"
MARIE = "3a41e000-0000-4000-8000-000000000007"
SANTIAGO = "5a4714a0-0000-4000-8000-000000000008"
EDSGER = "ed59e400-0000-4000-8000-000000000009"
BARTOLOMEU = "ba470100-0000-4000-8000-000000000010"
HIDEKI = "41dec100-0000-4000-8000-000000000011"
AHMED = "a43ed000-0000-4000-8000-000000000012"
MALLORY = "3a110470-0000-4000-8000-000000000013"


def everybody() -> list[SandboxPerson]:
    """Fresh copies of all, in the order in which the page lists them."""
    english = [_ada(), _grace(), _katherine(), _alan(), _nora()]
    return [*english, _konrad(), _marie(), _santiago(), _edsger(), _bartolomeu(), _hideki(), _ahmed(), _mallory()]


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


def _konrad() -> SandboxPerson:
    return SandboxPerson(
        oid=KONRAD,
        upn=f"konrad@{DOMAIN}",
        display_name="Konrad Zuse",
        situation="Writes German. Has a hardware token and a mobile phone.",
        methods=[methods.password(), methods.hardware_oath(6), methods.phone("mobile", "+49 15155550106")],
        preferences=_preferences(system_enabled=False, system=None) | {PREFERRED: "oath"},
        locale="de-DE",
        timezone="Europe/Berlin",
    )


def _marie() -> SandboxPerson:
    return SandboxPerson(
        oid=MARIE,
        upn=f"marie@{DOMAIN}",
        display_name="Marie Curie",
        situation="Writes French. The default is a call to an office phone that is not registered any more.",
        methods=[
            methods.password(),
            methods.authenticator(7, "iPhone de Marie"),
            methods.phone("mobile", "+33 655550107"),
        ],
        preferences=_preferences(system_enabled=False, system=None) | {PREFERRED: "voiceOffice"},
        locale="fr-FR",
        timezone="Europe/Paris",
    )


def _santiago() -> SandboxPerson:
    return SandboxPerson(
        oid=SANTIAGO,
        upn=f"santiago@{DOMAIN}",
        display_name="Santiago Ramón y Cajal",
        situation="Writes Spanish. Has the Authenticator in Outlook, which Microsoft prefers to his text messages.",
        methods=[
            methods.password(),
            methods.authenticator(8, "Outlook", device_tag=""),
            methods.phone("mobile", "+34 655550108"),
        ],
        preferences=_preferences(system_enabled=True, system="PhoneAppNotification") | {PREFERRED: "sms"},
        locale="es-ES",
        timezone="Europe/Madrid",
    )


def _edsger() -> SandboxPerson:
    return SandboxPerson(
        oid=EDSGER,
        upn=f"edsger@{DOMAIN}",
        display_name="Edsger Dijkstra",
        situation="Writes Dutch. Has an app and a phone, and never chose a default.",
        methods=[methods.password(), methods.authenticator(9, "Galaxy S25"), methods.phone("mobile", "+31 655550109")],
        preferences=_preferences(system_enabled=False, system=None) | {PREFERRED: None},
        locale="nl-NL",
        timezone="Europe/Amsterdam",
    )


def _bartolomeu() -> SandboxPerson:
    return SandboxPerson(
        oid=BARTOLOMEU,
        upn=f"bartolomeu@{DOMAIN}",
        display_name="Bartolomeu de Gusmão",
        situation="Writes Portuguese. The default and what Microsoft prefers have names newer than the bot.",
        methods=[
            methods.password(),
            methods.authenticator(10, "Moto G de Bartolomeu"),
            methods.phone("mobile", "+55 11955550110"),
        ],
        preferences=_preferences(system_enabled=True, system="BrandNewThing") | {PREFERRED: "brandNewThing"},
        locale="pt-BR",
        timezone="America/Sao_Paulo",
    )


def _hideki() -> SandboxPerson:
    keys = [methods.fido2(1100 + n, f"セキュリティキー {n}", "YubiKey 5 Series") for n in range(1, 16)]
    apps = [methods.authenticator(1100 + n, f"秀樹のスマートフォン {n}") for n in range(1, 6)]
    laptops = [methods.windows_hello(1100 + n, f"YUKAWA-PC-{n:02}") for n in range(1, 16)]
    phones = [methods.phone("mobile", "+81 9055550111"), methods.phone("office", "+81 355550112")]
    return SandboxPerson(
        oid=HIDEKI,
        upn=f"hideki@{DOMAIN}",
        display_name="湯川秀樹",
        situation="Writes Japanese. Has registered forty methods.",
        methods=[
            methods.password(),
            *apps,
            *keys,
            *laptops,
            *phones,
            methods.hardware_oath(11),
            methods.software_oath(11),
        ],
        preferences=_preferences(system_enabled=True, system="Fido2") | {PREFERRED: "push"},
        locale="ja-JP",
        timezone="Asia/Tokyo",
    )


def _ahmed() -> SandboxPerson:
    return SandboxPerson(
        oid=AHMED,
        upn=f"ahmed@{DOMAIN}",
        display_name="أحمد زويل 🧪",
        situation="Has names that are read from right to left, and emoji.",
        methods=[
            methods.password(),
            methods.authenticator(12, "هاتف أحمد 📱 (2)"),
            methods.fido2(12, "🔑 מפתח", "YubiKey 5 Series"),
            methods.phone("mobile", "+20 1055550112"),
        ],
        preferences=_preferences(system_enabled=False, system=None) | {PREFERRED: "sms"},
        locale="en-GB",
        timezone="Africa/Cairo",
    )


def _mallory() -> SandboxPerson:
    return SandboxPerson(
        oid=MALLORY,
        upn=f"mallory@{DOMAIN}",
        display_name="**Mallory** [win](https://evil.example) <b>x</b>",
        situation="Tries to put links and markup into names.",
        methods=[
            methods.password(),
            methods.authenticator(13, "[Click me](https://evil.example) {{DATE(2020-01-01T00:00:00Z)}}"),
            methods.fido2(13, "<img src=x onerror=alert(1)> *bold*", "YubiKey 5 Series"),
        ],
        preferences=_preferences(system_enabled=False, system=None) | {PREFERRED: "push"},
    )


def _preferences(*, system_enabled: bool, system: str | None) -> Json:
    return {SYSTEM_PREFERRED_ENABLED: system_enabled, SYSTEM_PREFERRED: system}
