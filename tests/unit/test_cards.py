"""Cards: valid, small, honest about what can be chosen, and deaf to foreign markup."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from adaptivecards.baseobject import BareObject
from jsonschema import Draft7Validator

from bot import errors
from bot.commands import AskWhich, Command, History, IfMe, Press, Refresh, SetDefault, Show, Undo
from bot.errors import MfaBotError
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
    CantChoose,
    CantDoReply,
    CantPutBack,
    CantUnset,
    Changed,
    ConsentWanted,
    ForSomebodyElseReply,
    GreetingReply,
    HelpReply,
    HistoryEntry,
    HistoryReply,
    InterruptedReply,
    NewsItem,
    NothingToUndo,
    NotUnderstoodReply,
    OutcomeUnknown,
    OutdatedCard,
    PersonalChatOnlyReply,
    Refused,
    Reply,
    ShallIPutBack,
    SignedOutReply,
    StateReply,
    StillWorking,
    TooOften,
    TroubleReply,
    UndoDoubt,
    UnknownBefore,
    Weaker,
    WelcomeReply,
    WhichOne,
    WorkingReply,
)
from bot.understanding import understand
from cards import Rendered, render
from cards.elements import (
    MAX_CARD_BYTES,
    ActionSet,
    Container,
    ExecuteAction,
    OpenUrlAction,
    TextBlock,
    ToggleAction,
    escape,
    plain,
)
from cards.parts import REFRESH_VERB, SET_VERB, UNDO_VERB

ENGLISH = Reader.of("en")
SCHEMA = json.loads((files("adaptive_cards") / "schemas" / "schema-1.5.json").read_text(encoding="utf-8"))
VALIDATOR = Draft7Validator(SCHEMA)
ANN = Person(
    Oid("aaaaaaaa-0000-4000-8000-000000000001"),
    TenantId("eeeeeeee-0000-4000-8000-000000000001"),
    "ann@contoso.example",
    "Ann Example",
)


def row(kind: str, **fields: object) -> RegisteredMethod:
    """A registration as Graph sends it."""
    return RegisteredMethod.from_graph({"@odata.type": f"#microsoft.graph.{kind}AuthenticationMethod", **fields})


APP = row("microsoftAuthenticator", id="m-1", displayName="Ann's Pixel", deviceTag="SoftwareTokenActivated")
LITE = row("microsoftAuthenticator", id="m-2", displayName="Outlook")
MOBILE = row("phone", id="m-3", phoneType="mobile", phoneNumber="+1 5551234567")
PHONES = [MOBILE, row("phone", phoneType="alternateMobile"), row("phone", phoneType="office")]
PASSKEY = row("fido2", id="m-4", displayName="Blue key")


def state_of(*methods: RegisteredMethod, default: str | None = None, overruled_by: str | None = None) -> MfaState:
    """A state; ``overruled_by=""`` is overruled without a name."""
    return MfaState(Preferences(default, overruled_by is not None, overruled_by or None), methods)


def reply_for(
    state: MfaState, policy: Policy | None = None, news: NewsItem | None = None, undo_id: str | None = None
) -> StateReply:
    """As the use case builds it: an action id for each available method and for no other."""
    policy = policy or Policy()
    found = options(state, policy)
    ids = {option.method: f"opaque-{n}" for n, option in enumerate(found) if option.standing is Standing.AVAILABLE}
    return StateReply(ANN, state, found, ids, news, policy.read_only, undo_id)


def card_of(reply: Reply) -> dict[str, Any]:
    """The card for a reply, as plain JSON."""
    card = render(reply, ENGLISH).card
    assert card is not None
    return card


def walk(node: object) -> Iterator[dict[str, Any]]:
    """Every object in a card, the outermost first."""
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from walk(child)
    elif isinstance(node, list):
        for child in node:
            yield from walk(child)


def texts_in(card: dict[str, Any]) -> str:
    """All that the card says, a text a line."""
    return "\n".join(node["text"] for node in walk(card) if isinstance(node.get("text"), str))


def default_block(card: dict[str, Any]) -> str:
    """What the card says of the default, a text a line."""
    return texts_in(next(node for node in walk(card) if node.get("style") in {"emphasis", "attention"}))


def set_buttons(card: dict[str, Any]) -> list[dict[str, Any]]:
    """The buttons that change something."""
    return [node for node in walk(card) if "Action.Execute" == node.get("type") and SET_VERB == node.get("verb")]


def undo_buttons(card: dict[str, Any]) -> list[dict[str, Any]]:
    """The buttons that put the last change back."""
    return [node for node in walk(card) if "Action.Execute" == node.get("type") and UNDO_VERB == node.get("verb")]


def row_texts(card: dict[str, Any], beginning: str) -> str:
    """All that one method's row says, by how its name begins."""
    found = [
        texts_in(node)
        for node in walk(card)
        if "Container" == node.get("type") and texts_in(node).startswith(beginning)
    ]
    # What is shown on demand is a container of rows.
    return min(found, key=len)


def forty_methods(label: str = "x" * 120) -> MfaState:
    """More registrations than anybody has, with long names."""
    kinds = ["microsoftAuthenticator", "fido2", "softwareOath", "hardwareOath", "windowsHelloForBusiness", "brandNew"]
    rows = [row(kinds[n % len(kinds)], id=f"m-{n}", displayName=f"{n} {label}") for n in range(37)]
    phones = [
        row("phone", phoneType=kind, phoneNumber="+1 5551234567") for kind in ("mobile", "alternateMobile", "office")
    ]
    return state_of(*rows, *phones, default="oath", overruled_by="PhoneAppNotification")


PLAIN_STATE = state_of(APP, LITE, MOBILE, PASSKEY, default="sms")
AT = datetime(2026, 11, 23, 20, 0, 0, 123456, tzinfo=UTC)
WHEN = "Nov 23, 2026, 8:00\u00a0PM UTC"
OLD = ShallIPutBack(DefaultMethod.PUSH, DefaultMethod.SMS, AT, UndoDoubt.OLD)
ELSEWHERE = ShallIPutBack(DefaultMethod.PUSH, DefaultMethod.SMS, AT, UndoDoubt.ELSEWHERE)
NEWS: list[NewsItem] = [
    Changed(None, DefaultMethod.SMS, confirmed=True),
    Changed("push", DefaultMethod.SMS, confirmed=False),
    Changed("telepathy", DefaultMethod.SMS, confirmed=True),
    OutcomeUnknown(DefaultMethod.PUSH),
    AlreadyDefault(DefaultMethod.SMS),
    CantChoose(option_for(DefaultMethod.VOICE_OFFICE, PLAIN_STATE, Policy())),
    CantChoose(option_for(DefaultMethod.PUSH, PLAIN_STATE, Policy(frozenset({DefaultMethod.SMS})))),
    CantChoose(option_for(DefaultMethod.PUSH, PLAIN_STATE, Policy(read_only=True))),
    Refused(DefaultMethod.OATH),
    WhichOne(),
    WhichOne((DefaultMethod.PUSH, DefaultMethod.OATH)),
    WhichOne(tuple(DefaultMethod)),
    Weaker(DefaultMethod.PUSH, DefaultMethod.SMS),
    OutdatedCard(),
    StillWorking(),
    Changed("push", DefaultMethod.SMS, confirmed=True, undone=True),
    Changed("push", DefaultMethod.SMS, confirmed=False, undone=True),
    AnotherUnderWay(),
    TooOften(5, 1),
    TooOften(5, 12),
    NothingToUndo(),
    AlreadyBack(DefaultMethod.SMS),
    CantUnset(),
    CantPutBack(option_for(DefaultMethod.VOICE_OFFICE, PLAIN_STATE, Policy())),
    CantPutBack(option_for(DefaultMethod.PUSH, PLAIN_STATE, Policy(frozenset()))),
    UnknownBefore("telepathy"),
    OLD,
    ELSEWHERE,
]
ENTRIES = (
    HistoryEntry(AT, None, DefaultMethod.PUSH, sure=True),
    HistoryEntry(AT, "push", DefaultMethod.SMS, sure=True, undone=True),
    HistoryEntry(AT, "telepathy", DefaultMethod.OATH, sure=False),
    HistoryEntry(AT, "sms", DefaultMethod.VOICE_OFFICE, sure=False, undone=True, by="Ben Helper"),
)
TROUBLES = sorted(
    {
        value.user_sentence
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, MfaBotError)
    }
)
CONSENT = ConsentWanted(("User.Read", "User.Write"), "https://login.example/adminconsent?scope=a+b&client_id=c")
REPLIES: list[Reply] = [
    reply_for(state_of()),
    reply_for(PLAIN_STATE),
    reply_for(PLAIN_STATE, Policy(read_only=True)),
    reply_for(PLAIN_STATE, Policy(frozenset())),
    reply_for(state_of(APP, default="telepathy", overruled_by="Fido")),
    reply_for(state_of(APP, overruled_by="")),
    reply_for(forty_methods()),
    reply_for(forty_methods("\N{CJK UNIFIED IDEOGRAPH-6F22}" * 120)),
    reply_for(forty_methods("*[x](y)_#" * 20)),
    reply_for(forty_methods(), news=ELSEWHERE, undo_id="opaque-undo"),
    *(reply_for(PLAIN_STATE, news=news) for news in NEWS),
    *(reply_for(PLAIN_STATE, news=news, undo_id="opaque-undo") for news in (None, NEWS[0], NEWS[1], NEWS[2], OLD)),
    HistoryReply(()),
    *(HistoryReply((entry,)) for entry in ENTRIES),
    HistoryReply((HistoryEntry(AT, "*[x](y)_#" * 20, DefaultMethod.OATH, sure=False, undone=True, by="*" * 500),) * 10),
    InterruptedReply(),
    InterruptedReply(DefaultMethod.SMS),
    InterruptedReply(DefaultMethod.SMS, maybe_changed=True),
    InterruptedReply(maybe_changed=True),
    *(TroubleReply(sentence, "r-1", security_info=info) for sentence in TROUBLES for info in (True, False)),
    TroubleReply(
        MfaBotError.user_sentence, "r-1", contact="https://help.example/", retry=SetDefault(DefaultMethod.SMS)
    ),
    TroubleReply(MfaBotError.user_sentence, "r-1", contact="*Call* _me_", consent=CONSENT),
    SignedOutReply(),
    SignedOutReply(everywhere=False),
    WorkingReply(),
    WelcomeReply(),
    GreetingReply(),
    GreetingReply("Ann"),
    HelpReply(),
    NotUnderstoodReply(),
    ForSomebodyElseReply(),
]


def name_of(reply: object) -> str:
    """Which kind of reply it is, for the name of the test."""
    news = getattr(reply, "news", None)
    return type(reply).__name__ + (f"-{type(news).__name__}" if news else "")


@pytest.mark.parametrize("reply", REPLIES, ids=name_of)
def test_every_card_is_valid(reply: Reply) -> None:
    """Each card keeps to the schema of Adaptive Cards 1.5 that is published for hosts."""
    assert [] == [error.message for error in VALIDATOR.iter_errors(card_of(reply))]


@pytest.mark.parametrize("reply", REPLIES, ids=name_of)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_every_card_is_small_enough(reply: Reply, encoding: str) -> None:
    """Each card stays below Teams' 28 KB, whichever encoding Teams counts in."""
    assert 28 * 1024 == MAX_CARD_BYTES
    assert len(json.dumps(card_of(reply), ensure_ascii=False).encode(encoding)) < MAX_CARD_BYTES


@pytest.mark.parametrize("reply", REPLIES, ids=name_of)
def test_every_card_tells_version_and_language_and_can_be_heard(reply: Reply) -> None:
    """Version 1.5, the language for screen readers, a text for clients without cards and one to be spoken."""
    card = card_of(reply)
    assert ("AdaptiveCard", "1.5", "en") == (card["type"], card["version"], card["lang"])
    assert card["fallbackText"].strip()
    assert card["speak"].strip()


@pytest.mark.parametrize(
    "reply",
    [
        reply_for(PLAIN_STATE),
        reply_for(state_of(APP, default="a_b")),
        HelpReply(),
        GreetingReply("A_n"),
        WorkingReply(),
        reply_for(PLAIN_STATE, news=OLD),
        HistoryReply((HistoryEntry(AT, "a_b", DefaultMethod.SMS, sure=True),)),
        InterruptedReply(DefaultMethod.SMS),
    ],
    ids=name_of,
)
def test_what_is_spoken_or_notified_holds_no_markdown(reply: Reply) -> None:
    """Nobody hears or reads 'asterisk asterisk' or a date function: speech, fallback, notification are plain text."""
    rendered = render(reply, ENGLISH)
    assert rendered.card is not None
    spoken = (rendered.card["speak"], rendered.card["fallbackText"], rendered.summary)
    assert [] == [text for text in spoken if "*" in text or "\\" in text or "{" in text]


@pytest.mark.parametrize("reply", REPLIES, ids=name_of)
def test_every_card_begins_with_a_heading_and_wraps(reply: Reply) -> None:
    """A screen reader finds a heading, and no text is cut off on a phone."""
    card = card_of(reply)
    assert "heading" == card["body"][0]["style"]
    assert [] == [node for node in walk(card) if "TextBlock" == node.get("type") and not node.get("wrap")]


@pytest.mark.parametrize("reply", REPLIES, ids=name_of)
def test_no_placeholder_is_left(reply: Reply) -> None:
    """Each sentence is filled in: no {name} and no None is shown, and each date stands as the client wants it."""
    text = texts_in(card_of(reply)).replace("\\{", "")
    assert [] == [mark for mark in ("{", "None", "DefaultMethod", "Standing") if mark in text]


@pytest.mark.parametrize("reply", REPLIES, ids=name_of)
def test_buttons_carry_an_opaque_id_and_nothing_else(reply: Reply) -> None:
    """A button that changes something holds its id; every other one only the language that it was written in."""
    card = card_of(reply)
    ids = set(reply.action_ids.values()) if isinstance(reply, StateReply) else set()
    undo_ids = [reply.undo_id] if isinstance(reply, StateReply) and reply.undo_id else []
    changing = set_buttons(card) + undo_buttons(card)
    asked = isinstance(reply, StateReply) and isinstance(reply.news, (Weaker, WhichOne, ShallIPutBack))
    shown = {button["data"]["action"] for button in set_buttons(card)}
    assert shown <= ids if asked else shown == ids
    assert undo_ids == [button["data"]["action"] for button in undo_buttons(card)]
    assert [{"action", "lang"}] * len(changing) == [set(button["data"]) for button in changing]
    others = [node for node in walk(card) if str(node.get("type")).startswith("Action.") and node not in changing]
    assert [] == [node for node in others if node["type"] == "Action.Execute" and node["data"] != {"lang": "en"}]


@pytest.mark.parametrize("reply", REPLIES, ids=name_of)
def test_no_card_holds_an_id_or_a_number_of_the_person(reply: Reply) -> None:
    """Neither object id, tenant, address, id of a registration nor a full number is anywhere in a card."""
    written = json.dumps(card_of(reply))
    secrets = (ANN.oid, ANN.tid, ANN.upn, "5551234567", "m-1", "m-3")
    assert [] == [secret for secret in secrets if f'"{secret}"' in written or (len(secret) > 5 and secret in written)]


def test_one_button_for_each_available_method_and_none_for_others() -> None:
    """Current, unregistered and disallowed methods have no button; the available ones have one each."""
    policy = Policy(frozenset(DefaultMethod) - {DefaultMethod.VOICE_MOBILE})
    card = card_of(reply_for(state_of(APP, MOBILE, default="sms"), policy))
    assert ["Use notifications", "Use one-time codes"] == [button["title"] for button in set_buttons(card)]


def test_read_only_shows_everything_and_offers_nothing() -> None:
    """While changes are switched off nothing can be pressed, and the card says so."""
    card = card_of(reply_for(PLAIN_STATE, Policy(read_only=True)))
    assert [] == set_buttons(card)
    assert "Your administrators have switched off changes here for now." in texts_in(card)


def test_the_buttons_of_a_card_can_be_told_apart_by_their_titles() -> None:
    """A screen reader reads titles alone, so no two are the same, and each has a tooltip."""
    state = state_of(APP, *PHONES)
    buttons = set_buttons(card_of(reply_for(state)))
    assert 6 == len({button["title"] for button in buttons})
    assert 6 == len({button["tooltip"] for button in buttons})


@pytest.mark.parametrize("method", DefaultMethod)
def test_the_current_default_is_marked_in_words(method: DefaultMethod) -> None:
    """Not by colour alone: the first block has a tick and says what it means; who only listens hears it in words."""
    card = card_of(reply_for(state_of(APP, *PHONES, default=method.value)))
    assert default_block(card).startswith("✓ ")
    assert "When you sign in, Microsoft asks you for this first." in default_block(card)
    assert card["speak"].startswith("Your default is: ")


GONE = "It is not registered any more, so it may not work."
FIRST = "When you sign in, Microsoft asks you for this first."
FROM_NOW_ON = "From now on Microsoft asks you for this first when you sign in."


@pytest.mark.parametrize(
    ("state", "news", "said"),
    [
        (state_of(MOBILE, default="sms"), None, FIRST),
        (state_of(APP, default="sms"), None, GONE),
        (state_of(APP, default="sms", overruled_by="Fido2"), None, GONE),
        (state_of(MOBILE, default="sms", overruled_by="Fido2"), None, ""),
        (state_of(MOBILE, default="sms"), Changed("push", DefaultMethod.SMS, confirmed=True), FROM_NOW_ON),
        (state_of(MOBILE, default="sms"), Changed(None, DefaultMethod.SMS, confirmed=True), FROM_NOW_ON),
        (state_of(MOBILE, default="sms"), Changed("sms", DefaultMethod.SMS, confirmed=True), FIRST),
        (state_of(MOBILE, default="sms"), Changed("push", DefaultMethod.SMS, confirmed=False), ""),
        (state_of(MOBILE, default="sms", overruled_by=""), Changed("push", DefaultMethod.SMS, confirmed=True), ""),
    ],
)
def test_the_verdict_claims_no_more_than_is_known(state: MfaState, news: NewsItem | None, said: str) -> None:
    """What a default does is said only of one that is registered, took, and is not overruled."""
    block = default_block(card_of(reply_for(state, news=news)))
    assert ([said] if said else []) == [verdict for verdict in (GONE, FIRST, FROM_NOW_ON) if verdict in block]


@pytest.mark.parametrize("flag", [None, True])
def test_nothing_is_promised_where_it_is_not_known_whether_it_is_overruled(flag: bool | None) -> None:
    """The flag is nullable, and may be absent."""
    card = card_of(reply_for(MfaState(Preferences("sms", flag), (MOBILE,))))
    assert FIRST not in default_block(card)
    assert FIRST not in card["speak"]


def test_who_only_listens_hears_whether_it_counts() -> None:
    """What is spoken and notified has the verdict as well."""
    counts = card_of(reply_for(state_of(MOBILE, default="sms")))
    overruled = card_of(reply_for(state_of(MOBILE, default="sms", overruled_by="Fido2")))
    assert counts["speak"].endswith(FIRST)
    assert overruled["speak"].endswith("Your default only counts for VPN and similar sign-ins (NPS extension, AD FS).")


def test_what_names_an_address_is_not_said_again_by_a_button() -> None:
    """Without the address it would be about oneself."""
    trouble = TroubleReply(
        MfaBotError.user_sentence, "r-1", retry=IfMe("ben@contoso.example", SetDefault(DefaultMethod.SMS))
    )
    titles = [action["title"] for action in card_of(trouble)["actions"]]
    assert ["Show my methods"] == titles


@pytest.mark.parametrize(
    "reply",
    [
        lambda contact: ForSomebodyElseReply("Ben", None, contact),
        lambda contact: CantDoReply("tap", contact),
        lambda contact: CantDoReply("tap", contact, about_me=False),
        lambda contact: TroubleReply(MfaBotError.user_sentence, "r-1", contact=contact),
    ],
)
def test_who_can_help_is_a_whole_line_or_a_button(reply: Callable[[str], Reply]) -> None:
    """A long link is not cut off, nor is the number at the end of a sentence."""
    link = "https://helpdesk.example/" + "x" * 120
    sentence = "In the lobby of " + "x" * 100 + ", extension 4711"
    assert link in [action.get("url") for action in card_of(reply(link))["actions"]]
    assert link not in texts_in(card_of(reply(link)))
    assert f"Who can help: {sentence}" in texts_in(card_of(reply(sentence)))


@pytest.mark.parametrize(
    ("state", "heading", "effect"),
    [
        (state_of(APP, MOBILE, default="sms"), "You can also choose", "Microsoft then asks first for the one that you"),
        (state_of(APP, MOBILE), "You can choose", "Microsoft then asks first for the one that you choose. The others"),
        (state_of(APP, default="sms", overruled_by="Fido2"), "You can also choose", "choose only counts for VPN and"),
    ],
)
def test_what_choosing_does_is_said_before_anything_is_chosen(state: MfaState, heading: str, effect: str) -> None:
    """Above the methods that can be chosen."""
    text = texts_in(card_of(reply_for(state)))
    assert f"\n{heading}\n" in text
    assert effect in text


@pytest.mark.parametrize(
    ("default", "sentence"),
    [
        (None, "You have not chosen a default yet."),
        ("push", "✓ Approve a notification in the Authenticator app"),
        ("sms", "⚠ Enter a code from a text message"),
        ("telepathy", "Your default is one that I don't know: **telepathy**."),
    ],
)
def test_the_default_in_a_sentence(default: str | None, sentence: str) -> None:
    """None, a known one, and one that is new to us, as it came."""
    assert sentence in texts_in(card_of(reply_for(state_of(APP, default=default))))


@pytest.mark.parametrize(
    ("policy", "beginning", "reason"),
    [
        (Policy(), "Answer a call on your office phone", "Not registered. Microsoft needs your office number for it."),
        (Policy(frozenset()), "Approve a notification", "Your organisation does not allow this method."),
        (Policy(read_only=True), "Approve a notification", "Changes are switched off for now."),
    ],
)
def test_what_can_not_be_chosen_says_why(policy: Policy, beginning: str, reason: str) -> None:
    """A greyed-out method has its reason in the same row."""
    assert reason in row_texts(card_of(reply_for(PLAIN_STATE, policy)), beginning)


def test_a_doubtful_method_says_so() -> None:
    """A code from an app that may be push only is offered with a warning; a sure one without."""
    doubt = "may not work with this authenticator app"
    doubtful = row_texts(card_of(reply_for(state_of(LITE))), "Enter a one-time code")
    sure = row_texts(card_of(reply_for(state_of(APP))), "Enter a one-time code")
    assert (True, False) == (doubt in doubtful, doubt in sure)


def test_where_a_method_is_registered() -> None:
    """A row names the device or the masked number, so that people recognise theirs."""
    card = card_of(reply_for(state_of(APP, MOBILE)))
    assert "Microsoft Authenticator on Ann's Pixel" in row_texts(card, "Approve a notification")
    assert "••• 67" in row_texts(card, "Enter a code from a text message")


def test_what_is_never_a_default_is_listed_apart() -> None:
    """A passkey is named with its label, and a type that is new to us as Graph calls it."""
    text = texts_in(card_of(reply_for(state_of(PASSKEY, row("brandNew")))))
    apart = text.partition("Also registered, but can't be your default\n")[2].splitlines()
    assert ["Passkey or security key (Blue key)", "brandNewAuthenticationMethod"] == apart[::2]
    assert apart[1].startswith("Strongest protection, even against fake sign-in pages. This kind of method replaces")


def test_a_long_list_is_counted_not_dropped() -> None:
    """Of forty passkeys six are named and the rest is counted."""
    text = texts_in(card_of(reply_for(state_of(*[PASSKEY] * 40))))
    assert (6, True) == (text.count("Blue key"), "And 34 more" in text)


@pytest.mark.parametrize(
    ("overruled_by", "part"),
    [
        ("PhoneAppNotification", "by itself (now: Authenticator notification)."),
        ("BrandNewThing", "by itself (now: BrandNewThing)."),
        ("", "by itself.** Your default only counts for VPN"),
        (
            "Fido2",
            "(now: passkey or security key).** Your default only counts for VPN and similar sign-ins (NPS extension",
        ),
    ],
)
def test_an_overruled_default_is_told(overruled_by: str, part: str) -> None:
    """Who is overruled by Microsoft learns it, with Microsoft's own word if it gives one, known to us or not."""
    assert part in texts_in(card_of(reply_for(state_of(APP, default="push", overruled_by=overruled_by))))


def test_without_a_default_nothing_is_said_of_where_it_counts() -> None:
    """Who has none learns what Microsoft chooses, and no more."""
    text = texts_in(card_of(reply_for(state_of(PASSKEY, overruled_by="Fido2"))))
    assert "by itself (now: passkey or security key)." in text
    assert "Your default only counts" not in text


def test_nothing_is_said_of_overruling_when_it_is_off() -> None:
    """The notice is only for those whom it concerns."""
    assert "by itself" not in texts_in(card_of(reply_for(PLAIN_STATE)))


@pytest.mark.parametrize(
    ("news", "said"),
    [
        (Changed("push", DefaultMethod.SMS, confirmed=True), "Authenticator notification → text message"),
        (Changed("push", DefaultMethod.SMS, confirmed=True), "I have checked"),
        (Changed("push", DefaultMethod.SMS, confirmed=False), "does not show it yet"),
        (Changed(None, DefaultMethod.SMS, confirmed=True), "no default → text message"),
        (Changed("telepathy", DefaultMethod.SMS, confirmed=True), "telepathy → text message"),
        (OutcomeUnknown(DefaultMethod.PUSH), "I can't say whether it worked"),
        (AlreadyDefault(DefaultMethod.SMS), "This is already your default: text message"),
        (
            CantChoose(option_for(DefaultMethod.VOICE_OFFICE, PLAIN_STATE, Policy())),
            "Microsoft needs your office number",
        ),
        (Refused(DefaultMethod.OATH), "Microsoft did not accept this method: one-time code"),
        (WhichOne(), "I have changed nothing yet"),
        (WhichOne((DefaultMethod.PUSH, DefaultMethod.OATH)), "Authenticator notification or one-time code"),
        (OutdatedCard(), "out of date, so nothing was changed"),
        (StillWorking(), "still working"),
        (
            Changed("push", DefaultMethod.SMS, confirmed=True, undone=True),
            "✓ **Changed back: Authenticator notification → text message.** I have checked: Microsoft has saved it.",
        ),
        (Changed("push", DefaultMethod.SMS, confirmed=False, undone=True), "does not show it yet"),
        (
            Changed("sms", DefaultMethod.SMS, confirmed=True, undone=True),
            "✓ **Set once more, to make sure: text message.** I have checked: Microsoft has saved it.",
        ),
        (AnotherUnderWay(), "An earlier change of yours is still under way, so I have not begun this one."),
        (AnotherUnderWay(), "so I have not begun this one. Please try again in a moment."),
        (TooOften(5, 12), "The limit of changes in one hour is reached (5). The next one is possible in"),
        (TooOften(5, 12), "in about 12 minutes. Nothing was changed."),
        (TooOften(5, 1), "in about 1 minute. Nothing was changed."),
        (NothingToUndo(), "I have no record of a change to your default, so there is nothing to undo."),
        (AlreadyBack(DefaultMethod.SMS), "There is nothing to undo. This is already your default: text message."),
        (
            CantUnset(),
            "no way to take a default away again. Nothing was changed. If you like, choose another method below.",
        ),
        (
            CantPutBack(option_for(DefaultMethod.VOICE_OFFICE, PLAIN_STATE, Policy())),
            "had before: call to office phone. Not registered. Microsoft needs your office number for it.",
        ),
        (UnknownBefore("telepathy"), "that I don't know, so I can't go back to it: telepathy. Nothing was changed."),
        (OLD, f"Your last change here ({WHEN}): Authenticator notification → text message. Shall I"),
        (OLD, "If so, press **Use notifications** below. I have changed"),
        (
            ELSEWHERE,
            "Your default has been changed elsewhere since then. Shall I go back to this: Authenticator notification?",
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_the_news_is_told(news: NewsItem, said: str) -> None:
    """What has just happened stands in the card."""
    assert said in texts_in(card_of(reply_for(PLAIN_STATE, news=news)))


@pytest.mark.parametrize(
    "news", [item for item in NEWS if not isinstance(item, (Changed, AlreadyDefault))], ids=lambda n: type(n).__name__
)
def test_no_false_success(news: NewsItem) -> None:
    """Only a change that Graph took is called one."""
    text = texts_in(card_of(reply_for(PLAIN_STATE, news=news)))
    assert [] == [claim for claim in ("Changed:", "Changed back:", "I have checked", "✓ **") if claim in text]


def test_after_a_change_the_rest_is_shown_on_demand() -> None:
    """The result is seen at once, and no button of another method takes the place of the one just pressed."""
    card = card_of(reply_for(PLAIN_STATE, news=Changed("push", DefaultMethod.SMS, confirmed=True)))
    (rest,) = [node for node in card["body"] if node.get("id") == "rest"]
    (toggle,) = [action for node in card["body"] for action in node.get("actions", [])]

    assert (False, ["rest"]) == (rest["isVisible"], toggle["targetElements"])
    assert set_buttons(card) == set_buttons(rest) != []
    assert "Changed:" in texts_in(card)[: texts_in(card).index("You can also choose")]


@pytest.mark.parametrize(
    ("news", "shown"),
    [
        (Weaker(DefaultMethod.PUSH, DefaultMethod.VOICE_MOBILE), {"Use calls to my mobile"}),
        (WhichOne((DefaultMethod.PUSH, DefaultMethod.OATH)), {"Use notifications", "Use one-time codes"}),
        (OLD, {"Use notifications"}),
    ],
)
def test_the_card_of_a_question_shows_what_it_is_about_and_no_more(news: NewsItem, shown: set[str]) -> None:
    """So that the question is seen, also at the end of a chat on a phone; the rest is a press away."""
    card = card_of(reply_for(PLAIN_STATE, news=news))
    assert shown == {button["title"] for button in set_buttons(card)}
    assert "Show my methods" in [action["title"] for action in card["actions"]]
    assert "You can't choose these now" not in texts_in(card)
    assert "Also registered" not in texts_in(card)


@pytest.mark.parametrize(
    ("news", "tooltip"),
    [
        (Changed("push", DefaultMethod.SMS, confirmed=True), "Go back to: Authenticator notification"),
        (OLD, "Go back to: Authenticator notification"),
        (ELSEWHERE, "Go back to: Authenticator notification"),
        (Changed(None, DefaultMethod.SMS, confirmed=True), "Go back to what you had before"),
        (Changed("tele*pathy", DefaultMethod.SMS, confirmed=True), "Go back to what you had before"),
        (OutcomeUnknown(DefaultMethod.SMS), "Go back to what you had before"),
        (None, "Go back to what you had before"),
    ],
    ids=name_of,
)
def test_undo_is_one_press_and_the_first(news: NewsItem | None, tooltip: str) -> None:
    """Where something can be put back, the first button of the bar does it, and says what if that is known."""
    card = card_of(reply_for(PLAIN_STATE, news=news, undo_id="opaque-undo"))
    button = {
        "type": "Action.Execute",
        "title": "Undo",
        "verb": "undo",
        "data": {"action": "opaque-undo", "lang": "en"},
        "tooltip": tooltip,
    }
    assert button == card["actions"][0]
    look = "Show my methods" if isinstance(news, ShallIPutBack) else "Refresh"
    assert ["Undo", look, "Security info"] == [action["title"] for action in card["actions"]]


def test_without_an_id_there_is_no_undo() -> None:
    """A card that can put nothing back has no button for it."""
    assert [] == undo_buttons(card_of(reply_for(PLAIN_STATE, news=NEWS[1])))


@pytest.mark.parametrize(
    ("entry", "what", "details"),
    [
        (ENTRIES[0], "No default → Authenticator notification", f"{WHEN} · by you"),
        (ENTRIES[1], "Authenticator notification → text message", f"{WHEN} · this was an undo · by you"),
        (ENTRIES[2], "telepathy → one-time code", f"{WHEN} · by you · no clear answer; perhaps not changed"),
        (
            ENTRIES[3],
            "Text message → call to office phone",
            f"{WHEN} · this was an undo · by Ben Helper · no clear answer; perhaps not changed",
        ),
    ],
)
def test_a_row_of_the_history(entry: HistoryEntry, what: str, details: str) -> None:
    """What became what, when, and the marks: put back, by whom, and where nobody can say."""
    (row_of_it,) = [node for node in card_of(HistoryReply((entry,)))["body"] if "Container" == node["type"]]
    assert [what, details] == [item["text"] for item in row_of_it["items"]]


def test_the_history_keeps_its_order_and_has_ways_on() -> None:
    """Newest first as it came, no columns that a phone would squeeze, and buttons to the methods and to Microsoft."""
    card = card_of(HistoryReply(ENTRIES))
    shown = [node["items"][0]["text"].split(" → ")[0] for node in card["body"] if "Container" == node["type"]]
    assert ["No default", "Authenticator notification", "telepathy", "Text message"] == shown
    assert [] == [node for node in walk(card) if "ColumnSet" == node.get("type")]
    assert ["Show my methods", "Security info"] == [action["title"] for action in card["actions"]]
    assert REFRESH_VERB == card["actions"][0]["verb"]
    assert "Only changes made through me are on record here" in texts_in(card)


def test_an_empty_history_says_so() -> None:
    """Who has changed nothing reads that, and is not shown an empty list."""
    text = texts_in(card_of(HistoryReply(())))
    assert "There is nothing to show yet: I have no record of a change to your default." in text


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (InterruptedReply(), "working on what you asked for. Nothing was changed. Please ask me again."),
        (
            InterruptedReply(DefaultMethod.SMS),
            "making this your default: text message. Nothing was changed. Please ask me again.",
        ),
        (
            InterruptedReply(DefaultMethod.SMS, maybe_changed=True),
            "this your default: text message. I may have asked Microsoft already, so I can't say whether it worked.",
        ),
        (InterruptedReply(maybe_changed=True), "what you asked for. I may have asked Microsoft already"),
    ],
)
def test_an_interruption_is_told_honestly(reply: InterruptedReply, said: str) -> None:
    """What was being done, and whether it may have taken; a button shows how things are."""
    rendered = render(reply, ENGLISH)
    card = card_of(reply)
    assert said in texts_in(card)
    assert said in rendered.summary
    assert [("Show my methods", REFRESH_VERB)] == [(action["title"], action["verb"]) for action in card["actions"]]


def test_help_names_undo_and_history() -> None:
    """Who asks for help learns how to go back."""
    said = "To go back to what you had before, write **undo**. **history** shows your last changes."
    assert said in texts_in(card_of(HelpReply()))


@pytest.mark.parametrize(("info", "expected"), [(True, ["https://aka.ms/mysecurityinfo"]), (False, [])])
def test_trouble_has_a_reference_and_a_way_on(info: bool, expected: list[str]) -> None:
    """The sentence, a reference for the helpdesk, a way to try again, and the link where people can help themselves."""
    card = card_of(TroubleReply(MfaBotError.user_sentence, "r-42", security_info=info))
    text = texts_in(card)
    assert ["r-42", MfaBotError.user_sentence] == [part for part in ("r-42", MfaBotError.user_sentence) if part in text]
    assert expected == [node["url"] for node in walk(card) if "Action.OpenUrl" == node.get("type")]
    assert [REFRESH_VERB] == [node["verb"] for node in walk(card) if "Action.Execute" == node.get("type")]


def test_the_pointer_to_the_personal_chat_is_text_only() -> None:
    """In a group everybody reads it, so there is no card, no button and no suggestion."""
    rendered = render(PersonalChatOnlyReply(), ENGLISH)
    assert (None, (), rendered.text) == (rendered.card, rendered.suggestions, rendered.summary)
    assert "personal chat" in rendered.text


HOSTILE = {
    "link": "[click](https://evil.example)",
    "image": "![x](https://evil.example/x.png)",
    "html": "<script>alert(1)</script><at>Ben</at>",
    "macro": "{{DATE(2026-01-01T00:00:00Z, SHORT)}}",
    "template": "{$root.token} {0} {name} %s",
    "newline": "one\r\n\r\n# two\n- three",
    "line separator": "one\N{LINE SEPARATOR}two\N{PARAGRAPH SEPARATOR}three\x85four",
    "direction": "abc\N{RIGHT-TO-LEFT OVERRIDE}fdp.exe\N{RIGHT-TO-LEFT ISOLATE}x",
    "zero width": "a\N{ZERO WIDTH SPACE}b\N{ZERO WIDTH NO-BREAK SPACE}c",
    "emphasis": "**bold** _it_ ~~gone~~ `code` | table |",
    "escaped": "\\[x\\](https://evil.example)",
    "long": "L" * 500,
    "long markup": "*" * 500,
}
MARKUP = re.compile(r"[`*_{}\[\]#|~<>]")
CONTROLS = set("\r\x85\u2028\u2029\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\0")


SHOWN_IN: dict[str, Callable[[str], Reply]] = {
    "device label": lambda text: reply_for(state_of(row("microsoftAuthenticator", displayName=text))),
    "key label": lambda text: reply_for(state_of(row("fido2", displayName=text))),
    "model": lambda text: reply_for(state_of(row("fido2", model=text))),
    "greeting": GreetingReply,
    "system preferred": lambda text: reply_for(state_of(APP, overruled_by=text)),
    "unknown default": lambda text: reply_for(state_of(APP, default=text)),
    "default before": lambda text: reply_for(PLAIN_STATE, news=Changed(text, DefaultMethod.SMS, confirmed=True)),
    "odata type": lambda text: reply_for(state_of(RegisteredMethod.from_graph({"@odata.type": text}))),
    "masked number": lambda text: reply_for(state_of(row("phone", phoneType="mobile", phoneNumber=f"XX {text}"))),
    "unknown before": lambda text: reply_for(PLAIN_STATE, news=UnknownBefore(text)),
    "history": lambda text: HistoryReply((HistoryEntry(AT, text, DefaultMethod.SMS, sure=True),)),
    "target": ForSomebodyElseReply,
    "contact of somebody else": lambda text: ForSomebodyElseReply("Ben", None, text),
    "contact of what is not done": lambda text: CantDoReply("tap", text),
    "contact in trouble": lambda text: TroubleReply(MfaBotError.user_sentence, "r-1", contact=text),
    "agent": lambda text: HistoryReply((HistoryEntry(AT, None, DefaultMethod.SMS, sure=True, by=text),)),
}


def live_markup(reply: Reply) -> Counter[str]:
    """The characters of all texts that Markdown or a macro would act on: those without a backslash before them."""
    return Counter(MARKUP.findall(re.sub(r"\\.", "", texts_in(card_of(reply)))))


@pytest.mark.parametrize("place", SHOWN_IN)
@pytest.mark.parametrize("kind", HOSTILE)
def test_foreign_text_does_nothing(place: str, kind: str) -> None:
    """Names of devices, people and methods stay text: no link, tag, macro, line break, direction trick or flood."""
    card = card_of(SHOWN_IN[place](HOSTILE[kind]))
    shown = [node["text"] for node in walk(card) if isinstance(node.get("text"), str)]
    assert live_markup(SHOWN_IN[place]("harmless")) == live_markup(SHOWN_IN[place](HOSTILE[kind]))
    assert [] == [text for text in shown if CONTROLS & set(text) or "\n" in text]
    assert [] == [text for text in shown if len(plain(text)) > 400]


@pytest.mark.parametrize("place", SHOWN_IN)
def test_harmless_foreign_text_is_shown_as_it_is(place: str) -> None:
    """Letters of any language, blanks and apostrophes are not touched."""
    assert "Zoë's Téléphone 漢字" in texts_in(card_of(SHOWN_IN[place]("Zoë's Téléphone 漢字")))


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("", ""),
        ("  plain  ", "plain"),
        ("a*b", "a\\*b"),
        ("a\\b", "a\\\\b"),
        ("[x](y)", "\\[x\\](y)"),
        ("{{DATE()}}", "\\{\\{DATE()\\}\\}"),
        ("a\nb", "a b"),
        ("- a", "\\- a"),
        ("1. a", "1\\. a"),
        ("-1.5 a", "-1.5 a"),
        ("x" * 81, "x" * 79 + "…"),
        ("x" * 80, "x" * 80),
    ],
)
def test_escape(foreign: str, shown: str) -> None:
    """A backslash takes the meaning of markup away; what is too long ends in an ellipsis."""
    assert shown == escape(foreign)


@pytest.mark.parametrize("element", [TextBlock, Container, ActionSet, ExecuteAction, OpenUrlAction, ToggleAction])
def test_elements_refuse_what_they_do_not_know(element: type[BareObject]) -> None:
    """A misspelt property is an error; the package alone would drop it without a word."""
    with pytest.raises(TypeError, match="colour"):
        element(colour="red")


@pytest.mark.parametrize("name", ["render", "set_data", "action_type", "__class__"])
def test_a_method_is_no_property(name: str) -> None:
    """Only properties of an element can be given, not whatever attribute it has."""
    with pytest.raises(TypeError, match=name):
        ExecuteAction(**{name: "x"})


@pytest.mark.parametrize(
    ("reply", "suggestions"),
    [
        (NotUnderstoodReply(), ("show my methods", "help")),
        (GreetingReply("Ann"), ("show my methods", "help")),
        (WelcomeReply(), ("show my methods", "help")),
        (HelpReply(), ()),
        (WorkingReply(), ()),
    ],
)
def test_suggestions(reply: Reply, suggestions: tuple[str, ...]) -> None:
    """Where people may not know what to write they get at most three sentences to click."""
    rendered: Rendered = render(reply, ENGLISH)
    assert suggestions == rendered.suggestions


def test_something_that_is_no_reply_is_a_programming_error() -> None:
    """A new kind of reply without a card is found at once."""
    with pytest.raises(TypeError, match="no card for str"):
        render("hello", ENGLISH)  # type: ignore[arg-type]


# Trouble, and the ways out of it

ALL_COMMANDS = [
    *(SetDefault(method) for method in DefaultMethod), Undo(), History(), AskWhich(), Show(), Refresh(), Press("id-1"),
]  # fmt: skip


@pytest.mark.parametrize("command", ALL_COMMANDS, ids=repr)
def test_a_passing_trouble_has_a_button_that_asks_for_the_same_again(command: Command) -> None:
    """By the very button that was pressed, or by a sentence that is understood as the same command."""
    card = card_of(TroubleReply(MfaBotError.user_sentence, "r-1", retry=command))
    again = next(action for action in card["actions"] if action["title"] == "Try again")
    match command:
        case Press(action_id):
            assert ("setDefault", {"action": action_id, "lang": "en"}) == (again["verb"], again["data"])
        case Show() | Refresh():
            assert "refresh" == again["verb"]
        case _:
            assert "imBack" == again["data"]["msteams"]["type"]
            assert command == understand(again["data"]["msteams"]["value"]).command


@pytest.mark.parametrize(
    ("contact", "written", "linked"),
    [
        ("Call 4711", True, False),
        ("https://help.example/", False, True),
        ("mailto:help@contoso.example", False, True),
        ("", False, False),
    ],
)
def test_whom_to_ask_is_a_text_or_a_link(contact: str, written: bool, linked: bool) -> None:
    """As the administrator has set it."""
    card = card_of(TroubleReply(MfaBotError.user_sentence, "r-1", contact=contact))
    assert written == ("Who can help: Call 4711" in json.dumps(card))
    assert linked == (contact in [action.get("url") for action in card["actions"]])


@pytest.mark.parametrize("everywhere", [True, False])
def test_signing_out_says_whether_it_reached_everywhere(everywhere: bool) -> None:
    """Where other instances could not be told, the person hears it."""
    assert everywhere != ("could not tell the other servers" in json.dumps(card_of(SignedOutReply(everywhere))))
