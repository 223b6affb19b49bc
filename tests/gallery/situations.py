"""The situations: a name for each, and the reply that the bot gives in it. Everybody in them is invented."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.commands import NOT_DONE_HERE, SetDefault
from bot.errors import ConsentMissing, GraphRefused, StoreUnavailable
from bot.locale import Reader
from bot.mfa import (
    DefaultMethod,
    MfaState,
    Oid,
    Person,
    Policy,
    Preferences,
    RegisteredMethod,
    Standing,
    TenantId,
    option_for,
    options,
)
from bot.replies import (
    AlreadyBack,
    AlreadyDefault,
    AnotherUnderWay,
    CancelledReply,
    CantChoose,
    CantDoReply,
    CantPutBack,
    CantUnset,
    Changed,
    ConsentWanted,
    ExplainReply,
    ForSomebodyElseReply,
    GreetingReply,
    HelpReply,
    HistoryEntry,
    HistoryReply,
    InterruptedReply,
    NewsItem,
    NoneOfThem,
    NothingToUndo,
    NotUnderstoodReply,
    OutcomeUnknown,
    OutdatedCard,
    OutdatedReply,
    Refused,
    Reply,
    ShallIPutBack,
    SignedOutReply,
    SigningInReply,
    StateReply,
    StillWorking,
    TooOften,
    TroubleReply,
    UndoDoubt,
    UnknownBefore,
    Weaker,
    WelcomeReply,
    WhichOne,
    WhoReply,
    WorkingReply,
)

__all__ = ["PSEUDO", "SITUATIONS", "reader_for"]

PSEUDO = "pseudo"
"""Not a language: English that shows by its letters and its length what does not come from the catalogs, or is cut."""

_ANN = Person(
    Oid("aaaaaaaa-0000-4000-8000-000000000001"),
    TenantId("eeeeeeee-0000-4000-8000-000000000001"),
    "ann@contoso.example",
    "Ann Example",
)
_AT = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
_ZONE = "Europe/Berlin"
_ACCENTS = str.maketrans("aeiounscyAEIOUNSCY", "áéíóúñšçýÁÉÍÓÚÑŠÇÝ")


class _PseudoReader(Reader):
    """Brackets around each text from the catalogs, accents on its letters, and a third more of them."""

    def gettext(self, message: str) -> str:
        """``message`` as nobody would write it."""
        parts = message.replace("}", "{").split("{")
        # What is in braces is a blank to be filled in, and stays.
        stretched = "".join(f"{{{part}}}" if n % 2 else part.translate(_ACCENTS) for n, part in enumerate(parts))
        return f"⟦{stretched}{'~' * (len(message) // 3)}⟧".replace("~", "·")

    def ngettext(self, one: str, many: str, count: int) -> str:
        """The same for a plural."""
        return self.gettext(one if count == 1 else many)


def reader_for(language: str) -> Reader:
    """Whoever reads ``language``, which may be ``PSEUDO``."""
    return _PseudoReader() if language == PSEUDO else Reader.of(language, None, _ZONE)


def _row(kind: str, **fields: object) -> RegisteredMethod:
    return RegisteredMethod.from_graph({"@odata.type": f"#microsoft.graph.{kind}AuthenticationMethod", **fields})


_PASSWORD = _row("password")
_APP = _row("microsoftAuthenticator", displayName="Ann's iPhone", deviceTag="SoftwareTokenActivated")
_LITE = _row("microsoftAuthenticator", displayName="Outlook on Pixel 9")
_TOKEN = _row("hardwareOath")
_PASSKEY = _row("fido2", displayName="Blue security key")
_HELLO = _row("windowsHelloForBusiness", displayName="ANN-LAPTOP")
_EMAIL = _row("email")
_MOBILE, _SECOND, _OFFICE = (
    _row("phone", phoneType=kind, phoneNumber=f"+1 55555501{n:02}")
    for n, kind in enumerate(("mobile", "alternateMobile", "office"), start=1)
)
_EVERYTHING = (_PASSWORD, _APP, _MOBILE, _SECOND, _OFFICE, _PASSKEY, _HELLO, _EMAIL)


def _state(*methods: RegisteredMethod, default: str | None = None, overruled_by: str | None = None) -> MfaState:
    return MfaState(Preferences(default, overruled_by is not None, overruled_by or None), methods)


def _forty(label: str) -> MfaState:
    kinds = ("microsoftAuthenticator", "fido2", "softwareOath", "hardwareOath", "windowsHelloForBusiness", "brandNew")
    rows = [_row(kinds[n % len(kinds)], displayName=f"{label} {n}") for n in range(37)]
    return _state(*rows, _MOBILE, _SECOND, _OFFICE, default="oath", overruled_by="PhoneAppNotification")


_ALL = _state(*_EVERYTHING, default="push")
_BY_TEXT = _state(*_EVERYTHING, default="sms")
_PHONES = _state(_PASSWORD, _MOBILE, _OFFICE, default="voiceMobile", overruled_by="Sms")


def _shown(
    state: MfaState,
    news: NewsItem | None = None,
    policy: Policy | None = None,
    *,
    undo: bool = False,
) -> StateReply:
    """As the use case makes it: an id for each method that can be chosen."""
    found = options(state, policy or Policy())
    ids = {option.method: f"id-{option.method.value}" for option in found if option.standing is Standing.AVAILABLE}
    return StateReply(_ANN, state, found, ids, news, bool(policy and policy.read_only), "id-undo" if undo else None)


_PUSH, _OATH, _SMS = DefaultMethod.PUSH, DefaultMethod.OATH, DefaultMethod.SMS
_MOBILE_CALL, _OFFICE_CALL = DefaultMethod.VOICE_MOBILE, DefaultMethod.VOICE_OFFICE
_WITHOUT_PHONES = Policy(frozenset({_PUSH, _OATH}))
_CONSENT = ConsentWanted(
    ("User.Read", "UserAuthenticationMethod.ReadWrite"),
    "https://login.microsoftonline.com/contoso.example/v2.0/adminconsent?client_id=0b07&scope=User.Read",
)
_ENTRIES = (
    HistoryEntry(_AT, "sms", _PUSH, sure=True, undone=True),
    HistoryEntry(_AT, "push", _SMS, sure=True),
    HistoryEntry(_AT, None, _PUSH, sure=True, by="Ben Helper"),
    HistoryEntry(_AT, "telepathy", _OFFICE_CALL, sure=False),
)

SITUATIONS: dict[str, Reply] = {
    "welcome": WelcomeReply(),
    "help": HelpReply(),
    "hello": GreetingReply("Ann Example"),
    "thanks": GreetingReply(kind="thanks"),
    "are-you-a-robot": GreetingReply(kind="robot"),
    "not-understood": NotUnderstoodReply(),
    "pasted-code": NotUnderstoodReply(pasted_code=True),
    "cancelled": CancelledReply(),
    # What people have
    "state-everything": _shown(_ALL),
    "state-only-the-app": _shown(_state(_PASSWORD, _LITE, default="push")),
    "state-text-though-stronger": _shown(_BY_TEXT),
    "state-overruled": _shown(_PHONES),
    "state-overruled-by-something-new": _shown(_state(_APP, default="push", overruled_by="BrandNewThing")),
    "state-overruled-by-something-untold": _shown(_state(_APP, default="push", overruled_by="")),
    "state-passkey-only": _shown(_state(_PASSWORD, _PASSKEY, _HELLO, overruled_by="Fido2")),
    "state-password-only": _shown(_state(_PASSWORD)),
    "state-no-default": _shown(_state(_PASSWORD, _TOKEN, _MOBILE)),
    "state-default-is-new-to-us": _shown(_state(_APP, default="telepathy")),
    "state-default-is-gone": _shown(_state(_PASSWORD, _APP, default="voiceOffice")),
    "state-not-allowed": _shown(_BY_TEXT, policy=_WITHOUT_PHONES),
    "state-read-only": _shown(_ALL, policy=Policy(read_only=True)),
    "state-forty-methods": _shown(_forty("Phone of Ann")),
    "state-hostile-names": _shown(_forty("[click](https://evil.example) **b** <b>x</b> {{DATE(x)}}")),
    "state-right-to-left-and-emoji": _shown(
        _state(
            _row("microsoftAuthenticator", displayName="هاتف أحمد 📱", deviceTag="SoftwareTokenActivated"),
            _row("fido2", displayName="המפתח שלי 🔑"),
            _row("windowsHelloForBusiness", displayName="👩‍💻 ノートパソコン"),
            default="push",
        )
    ),
    # What has happened
    "changed": _shown(_BY_TEXT, Changed("push", _SMS, confirmed=True), undo=True),
    "changed-not-shown-yet": _shown(_BY_TEXT, Changed("push", _SMS, confirmed=False), undo=True),
    "changed-though-overruled": _shown(
        _state(_PASSWORD, _MOBILE, _OFFICE, default="sms", overruled_by="Fido2"),
        Changed("voiceMobile", _SMS, confirmed=True),
        undo=True,
    ),
    "changed-for-the-first-time": _shown(_ALL, Changed(None, _PUSH, confirmed=True)),
    "set-once-more": _shown(_ALL, Changed("push", _PUSH, confirmed=True)),
    "put-back": _shown(_ALL, Changed("sms", _PUSH, confirmed=True, undone=True), undo=True),
    "outcome-unknown": _shown(_ALL, OutcomeUnknown(_SMS)),
    "already-default": _shown(_ALL, AlreadyDefault(_PUSH)),
    "cant-choose-not-registered": _shown(_PHONES, CantChoose(option_for(_PUSH, _PHONES, Policy()))),
    "cant-choose-not-allowed": _shown(
        _ALL, CantChoose(option_for(_SMS, _ALL, _WITHOUT_PHONES)), policy=_WITHOUT_PHONES
    ),
    "refused": _shown(_ALL, Refused(_SMS)),
    "none-of-them": _shown(_state(_APP, default="push"), NoneOfThem((_MOBILE_CALL, _OFFICE_CALL))),
    "which-one": _shown(_ALL, WhichOne((_MOBILE_CALL, DefaultMethod.VOICE_ALTERNATE_MOBILE, _OFFICE_CALL))),
    "which-one-of-all": _shown(_ALL, WhichOne()),
    "weaker": _shown(_ALL, Weaker(_PUSH, _SMS)),
    "button-out-of-date": _shown(_ALL, OutdatedCard()),
    "still-working": _shown(_ALL, StillWorking()),
    "another-under-way": _shown(_ALL, AnotherUnderWay()),
    "too-often-one-minute": _shown(_ALL, TooOften(10, 1)),
    "too-often": _shown(_ALL, TooOften(10, 25)),
    "nothing-to-undo": _shown(_ALL, NothingToUndo()),
    "already-back": _shown(_ALL, AlreadyBack(_PUSH)),
    "cant-unset": _shown(_ALL, CantUnset()),
    "cant-put-back": _shown(_PHONES, CantPutBack(option_for(_PUSH, _PHONES, Policy()))),
    "unknown-before": _shown(_ALL, UnknownBefore("telepathy")),
    "shall-i-put-back": _shown(_BY_TEXT, ShallIPutBack(_PUSH, _SMS, _AT, UndoDoubt.OLD)),
    "shall-i-put-back-changed-elsewhere": _shown(_BY_TEXT, ShallIPutBack(_PUSH, _SMS, _AT, UndoDoubt.ELSEWHERE)),
    "outdated": OutdatedReply(),
    "outdated-after-a-change": OutdatedReply(Changed("push", _SMS, confirmed=True), "id-undo"),
    "working": WorkingReply(),
    "signing-in": SigningInReply(),
    "history": HistoryReply(_ENTRIES),
    "history-empty": HistoryReply(()),
    "interrupted": InterruptedReply(),
    "interrupted-changed": InterruptedReply(_SMS, changed=True),
    "interrupted-maybe-changed": InterruptedReply(_SMS, maybe_changed=True),
    "signed-out": SignedOutReply(),
    "signed-out-not-everywhere": SignedOutReply(everywhere=False),
    # Questions, and what is done elsewhere
    "explain-default": ExplainReply("default"),
    "explain-overruled": ExplainReply("overruled"),
    "explain-others": ExplainReply("others"),
    **{f"cant-do-{topic.replace('_', '-')}": CantDoReply(topic, "Helpdesk, extension 4711") for topic in NOT_DONE_HERE},
    "cant-do-for-others": CantDoReply("number", about_me=False),
    "somebody-else": ForSomebodyElseReply("Ben [Helper](https://evil.example)", _SMS, "Helpdesk, extension 4711"),
    "who": WhoReply(),
    # Trouble
    "trouble": TroubleReply(StoreUnavailable.user_sentence, "1a2b3c4d", retry=SetDefault(_OATH)),
    "trouble-refused": TroubleReply(
        GraphRefused.user_sentence, "1a2b3c4d", security_info=True, contact="https://helpdesk.example/mfa"
    ),
    "trouble-consent": TroubleReply(ConsentMissing.user_sentence, "1a2b3c4d", consent=_CONSENT),
}
