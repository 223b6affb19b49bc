"""From sentences to commands. What could change something by mistake matters most."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import (
    AskWhich,
    AskWho,
    Command,
    Explain,
    ForSomebodyElse,
    Greet,
    Help,
    History,
    IfMe,
    NotUnderstood,
    SetDefault,
    Show,
    SignOut,
    Undo,
)
from bot.locale import Reader
from bot.mfa import DefaultMethod
from bot.understanding import MAX_CHARACTERS, understand
from cards.words import button_title


def command_of(text: str) -> Command:
    """What ``text`` asks for when nothing was said before."""
    return understand(text).command


PUSH, OATH, SMS = DefaultMethod.PUSH, DefaultMethod.OATH, DefaultMethod.SMS
MOBILE, ALTERNATE, OFFICE = (
    DefaultMethod.VOICE_MOBILE,
    DefaultMethod.VOICE_ALTERNATE_MOBILE,
    DefaultMethod.VOICE_OFFICE,
)
CORPUS = [
    json.loads(line)
    for line in Path(__file__).with_name("utterances.jsonl").read_text(encoding="utf-8").splitlines()
    if line
]

SET_SENTENCES = [
    "set my default MFA to oath",
    "set my default to sms",
    "please change my default method to push",
    "make push my default",
    "I want to use text messages",
    "switch me to push notifications please",
    "could you switch my default to voiceOffice",
    "use my hardware token",
    "change my preferred method to authenticator notification",
    "put my default on voiceMobile",
]

UNDO_SENTENCES = [
    "undo",
    "Undo!",
    "UNDO IT",
    "undo that please",
    "undo this, thanks",
    "please undo my last change",
    "undo the last change",
    "undo what you just did",
    "put it back",
    "change it back",
    "switch it back",
    "set it back",
    "put everything back how it was",
    "change my default back to what it was",
    "switch me back",
    "put my default back",
    "restore my old default",
    "restore my previous default method",
    "set my default to what it was before",
    "I want my old default back",
    "revert",
    "revert that",
    "revert to my previous method",
    "roll back",
    "rollback",
    "roll it back",
    "go back to what I had before",
    "I'd like to go back to what I had before",
    "back to how it was",
    "ctrl z pls",
    "Ctrl+Z",
    "ctrl-z",
    "could you undo that please?",
    "can you undo this?",
    "Can you please undo?",
    "I need to undo this",
    "oops undo",
    "no, undo that",
    "undo that, it was the wrong one",
    "Oops, wrong button 😬 undo",
    "sorry, I clicked the wrong one. Please put it back!",
    "undo - wrong one",
    "🤦🏽 undo 🙏🏽",
    "undo...",
    "actually never mind, change it back to what I had before",
    "That was a mistake. Can you restore my old default?",
    "nooo not that one 😅 undo undo",
]
HISTORY_SENTENCES = [
    "history",
    "History!",
    "my history",
    "show my history please",
    "can I see my history?",
    "show my last changes",
    "show me my recent changes",
    "what did I change",
    "what have you changed?",
    "what changed?",
    "when did I change my default",
    "when was my default changed?",
    "who changed that",
    "who changed my default?",
    "who's changed my default?",
    "who changed my default to sms?",
    "I never said I wanted text messages, who changed that?",
    "change log",
    "changelog",
    "log",
]


@pytest.mark.parametrize("text", UNDO_SENTENCES)
def test_a_plain_wish_to_undo_is_one(text: str) -> None:
    """Whoever wants back what stood before says so in many ways, with regret, courtesy and faces around it."""
    assert Undo() == command_of(text)


@pytest.mark.parametrize("text", HISTORY_SENTENCES)
def test_a_question_after_earlier_changes_is_one(text: str) -> None:
    """What was changed, when and by whom is asked in many ways."""
    assert History() == command_of(text)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("push", PUSH),
        ("PUSH", PUSH),
        ("push notification", PUSH),
        ("authenticator notification", PUSH),
        ("number matching", PUSH),
        ("oath", OATH),
        ("TOTP", OATH),
        ("one-time code", OATH),
        ("one time password", OATH),
        ("authenticator code", OATH),
        ("hardware token", OATH),
        ("sms", SMS),
        ("SMS", SMS),
        ("text message", SMS),
        ("texting", SMS),
        ("voiceMobile", MOBILE),
        ("voicemobile", MOBILE),
        ("a call to my mobile", MOBILE),
        ("voiceAlternateMobile", ALTERNATE),
        ("alternate mobile", ALTERNATE),
        ("voiceOffice", OFFICE),
        ("office phone", OFFICE),
        ("landline", OFFICE),
    ],
)
@pytest.mark.parametrize("sentence", ["set my default MFA to {}", "Make {} my default!", "please use {}"])
def test_the_six_methods_by_their_usual_names(sentence: str, name: str, method: DefaultMethod) -> None:
    """Graph's spelling and what people call a method set it, in plain sentences."""
    assert SetDefault(method) == command_of(sentence.format(name))


@pytest.mark.parametrize("method", DefaultMethod)
def test_what_a_button_says_can_be_written_as_well(method: DefaultMethod) -> None:
    """Whoever writes a button's title instead of pressing it is understood."""
    assert SetDefault(method) == command_of(button_title(method, Reader()))


@pytest.mark.parametrize("text", SET_SENTENCES)
def test_a_plain_instruction_is_carried_out(text: str) -> None:
    """The sentences that the properties below are built on do set."""
    assert isinstance(command_of(text), SetDefault)


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("Set   my\tdefault\nto sms", SMS),
        ("SET MY DEFAULT TO SMS!!!", SMS),
        ("ｓｅｔ my default to ｓｍｓ", SMS),
        ("set my default to “sms”", SMS),
        ("set my default to **sms**", SMS),
        ("I’d like to use sms", SMS),
        ("set my default to sms\N{NO-BREAK SPACE}", SMS),
        ("set my default to &quot;sms&quot;", SMS),
    ],
)
def test_how_it_is_typed_does_not_matter(text: str, method: DefaultMethod) -> None:
    """Case, blanks, wide letters, typographic marks and Teams' own escapes change nothing."""
    assert SetDefault(method) == command_of(text)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("show my methods", Show()),
        ("what is my default?", Show()),
        ("what's my default mfa", Show()),
        ("which methods do i have", Show()),
        ("status", Show()),
        ("is push my default?", Show()),
        ("help", Help()),
        ("What can you do?", Help()),
        ("?", Help()),
        ("hello", Greet()),
        ("Good morning!", Greet()),
        ("hi bot", Greet()),
        ("the weather is nice", NotUnderstood()),
        ("", NotUnderstood()),
        ("   ", NotUnderstood()),
        ("...", NotUnderstood()),
        ("> set my default to sms", NotUnderstood()),
    ],
)
def test_the_other_commands(text: str, command: Command) -> None:
    """Show, help, hello, and the honest rest."""
    assert command == command_of(text)


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("set my default to the authenticator app", {PUSH, OATH}),
        ("use a code", {OATH, SMS}),
        ("call me", {MOBILE, ALTERNATE, OFFICE}),
        ("use my phone", set()),
        ("set my default to push or sms", {PUSH, SMS}),
        ("push and sms", {PUSH, SMS}),
        ("from sms to push to oath", {PUSH, OATH, SMS}),
        ("change my default", set()),
        ("set my default method", set()),
    ],
)
def test_what_could_mean_several_methods_gets_a_question(text: str, candidates: set[DefaultMethod]) -> None:
    """The bot asks, and offers what could have been meant."""
    command = command_of(text)
    assert isinstance(command, AskWhich)
    assert candidates == set(command.candidates)


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("change my default from sms to push", PUSH),
        ("switch from push to sms please", SMS),
        ("move me from oath over to voiceOffice", OFFICE),
        ("use push instead of sms", PUSH),
        ("sms instead of push", SMS),
        ("set oath instead of sms as my default", OATH),
        ("swap push for sms", SMS),
        ("push → sms", SMS),
    ],
)
def test_from_to_and_instead_of(text: str, method: DefaultMethod) -> None:
    """Of two methods the wanted one counts, not the one that is left."""
    assert SetDefault(method) == command_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "switch to push from sms",
        "instead of sms use push",
        "push over sms",
        "push instead of sms instead of oath",
    ],
)
def test_two_methods_in_another_order_never_set_the_one_that_is_left(text: str) -> None:
    """What is not plainly from-to or instead-of may ask, but it never sets the method that somebody wants to leave."""
    command = command_of(text)
    assert isinstance(command, AskWhich) or command == SetDefault(PUSH)


NO_INSTRUCTION = {
    "negated": [
        "don't set my default to sms",
        "do not set my default to sms",
        "don’t use push",
        "dont use push",
        "DON`T use push",
        "never use sms",
        "no sms please",
        "not push",
        "anything but sms",
        "stop using sms",
        "I can't use push",
        "please remove sms",
        "set my default to sms? no",
        "set my default to sms. Wait, don't",
        "sms isn't what I want",
        "no longer use sms",
        "no more push",
        "without sms",
        "set my default to sms, not",
        "I hate push",
        "do n't use push",
        "don\N{MODIFIER LETTER APOSTROPHE}t use push",
        "don\N{ACUTE ACCENT}t use push",
        "d\N{ZERO WIDTH SPACE}on't use push",
        "nоt push",
    ],
    "negated by a sign": [
        "🚫 sms",
        "❌ sms",
        "sms 👎",
        "my default ≠ sms",
        "default != sms",
        "!sms",
        "~~set my default to sms~~",
    ],
    "hypothetical or conditional": [
        "if I set my default to sms",
        "what if i use push",
        "suppose i set my default to sms",
        "maybe push",
        "perhaps use sms",
        "set my default to sms when i travel",
        "set it to sms unless push works",
        "should i use push",
        "I might use sms",
        "set my default to sms tomorrow",
        "I am thinking of push",
        "i could have used sms",
        "i would have set it to push",
        "i could have set it to sms",
        "i'd have set sms",
        "to set my default to sms i have to go to settings",
        "to change to sms go to security settings",
    ],
    "asked why, how, whether, must": [
        "why is my default sms",
        "why set it to push?",
        "how do I set my default to sms",
        "how to use push",
        "what does push do",
        "should I switch to push?",
        "what happens when i set sms",
        "does sms work",
        "is it safe to use sms",
        "do i have to use sms?",
        "do i need to switch to push?",
        "do you want me to use sms?",
        "have you set my default to sms?",
        "have i set it to sms?",
        "do i have sms?",
        "do i use push?",
        "do you prefer sms?",
        "sms?",
        "default sms?",
    ],
    "asked to be shown": [
        "show sms",
        "show my push method",
        "show me my sms settings",
        "list push",
        "check my push notifications",
        "get my sms status",
        "tell me my sms method",
        "i want to see push notifications",
        "status of my hardware token",
    ],
    "told how things are": [
        "i have push",
        "i have sms registered",
        "i use sms",
        "i'm using sms",
        "i'm currently using sms",
        "currently sms",
        "sms (current)",
        "i get push notifications",
        "i have sms and want to change",
        "i currently use push and want to change my default",
        "i use sms now and i'd like to change it",
    ],
    "told what has been done": [
        "I was told to use sms",
        "I changed my default to sms",
        "you switched me to push",
        "it had been set to sms",
        "yesterday I set my default to sms",
        "i just set my default to sms",
        "i have set my default to sms",
        "you set my default to sms",
        "IT set my default to sms",
        "IT put me on sms",
        "Security set my default to sms",
        "all set with sms thanks",
    ],
    "told what is to be left": [
        "switch from sms",
        "change from push notifications",
        "i want to switch from sms please",
        "move me from push",
        "move on from sms",
        "let go of sms",
        "i'm through with sms",
        "i'm over sms",
        "instead of sms",
        "use this instead of sms",
        "i want this instead of push",
    ],
    "something else": [
        "thanks for the notification",
        "thank you for the text message",
        "thanks for the sms",
        "can i text you",
        "update my office phone",
        "i need to change my work phone",
        "update my hardware token",
        "i need a hardware token",
        "get me a hardware token",
        "go to settings, select sms",
    ],
    "reported": [
        "she said set my default to sms",
        "the mail says: use sms",
        "my boss told me to use push",
        "Somebody wrote me: set my default to sms",
        "microsoft asked me to use push",
    ],
    "quoted": [
        '"set my default to sms"',
        "“set my default to sms”",
        "„set my default to sms“",
        "«set my default to sms»",
        "`set my default to sms`",
        "```set my default to sms```",
        "'set my default to sms'",
        "‘set my default to sms’",
        "‚set my default to sms‘",
        "‹set my default to sms›",
        "「set my default to sms」",
        '"set my default to sms',
        "&quot;set my default to sms&quot;",
        '"please" "set my default to sms"',
        "> set my default to sms",
        "&gt; set my default to sms",
        "  > set my default to sms\n> thanks",
        ">set my default to sms\nthanks",
        "<blockquote>set my default to sms</blockquote>",
        "<s>set my default to sms</s>",
    ],
    "about somebody else": [
        "set ann@contoso.example to sms",
        "set my default to sms ann@contoso.example",
        "set sms for Ann",
        "sms for Ann please",
        "set Grace's default to push",
        "set Ann's to sms",
        "change James' default to sms",
        "set her default to sms",
        "set his default to sms",
        "set their default to sms",
        "put him on push",
        "set my boss to sms",
        "set everyone to sms",
        "use push for all users",
        "my wife wants sms",
        "set Ann Smith to push",
        "switch Grace to push",
        "put Grace on push",
        "make Ann use sms",
        "give Ben sms",
        "set <at>Ann</at> to sms",
        "<at>Ann Smith</at> use push",
        "set <at>An</at> to sms",
        "<at>An Do</at> use sms",
        "set default of <at>My Le</at> to push",
        "set An to sms",
        "set your default to sms",
        "you use sms",
        "make all use sms",
        "we all use sms",
    ],
}


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, sentences in NO_INSTRUCTION.items() for text in sentences]
)
def test_what_is_no_clear_instruction_for_oneself_changes_nothing(kind: str, text: str) -> None:
    """A sentence that negates, supposes, asks, tells, reports, quotes or means somebody else never sets a default."""
    assert kind
    assert not isinstance(command_of(text), (SetDefault, Undo))


NO_WISH_TO_UNDO = {
    "negated": [
        "don't undo", "do not put it back", "dont put it back", "never undo", "no undo", "undo not", "undo, no",
        "don't, undo", "undo. never mind", "undo - not", "undo this? no", "let's not undo",
        "that was not a mistake, undo", "never mind undo", "nooo undo",
        "I didn't mean that undo", "I clicked the wrong undo",
    ],
    "negated by a sign": [
        "!undo", "! undo", "🚫 undo", "undo ❌", "undo 👎", "~~undo~~", "undo 🤔", "undo 🤷", "un-undo",
        "u\N{COMBINING LONG STROKE OVERLAY}ndo", "d\N{ZERO WIDTH SPACE}on't undo",
    ],
    "hypothetical or conditional": [
        "undo? maybe", "maybe undo", "if I undo, what happens", "what if I undo", "undo if it fails", "unless you undo",
        "undo later", "undo tomorrow", "I could undo", "I would undo", "I'd rather put it back", "wait, undo? hmm",
    ],
    "asked": [
        "can I undo this later?", "what does undo do", "how do I undo", "undo?",
        "should I put it back?", "put it back?", "why undo", "shall I undo it?", "did you undo it?", "was it put back",
    ],
    "told": ["I put it back", "you put it back", "undo was a mistake", "it was wrong to undo", "I had it undone"],
    "quoted": ['"undo"', "'undo'", "`undo`", "write 'undo' to go back", 'the help says "undo"', "> undo", "&gt; undo"],
    "another or no clear thing": [
        "undo and set sms", "undo push", "undo the sms change", "switch back to a code", "call me back", "text me back",
        "undo my password change", "undo 2 changes", "undo the undo", "sms and undo", "restore defaults",
        "restore my default", "go back", "I want it back", "undo. who changed that?", "redo",
    ],
    "about somebody else": [
        "undo the change for somebody", "put hers back", "put theirs back", "undo for Ann",
        "roll back the change for h.lindgren@contoso.com", "undo Ann's change", "restore Ann's old default",
        "put Ann back", "<at>Ann</at> undo",
        "undo <at>An</at>", "undo everything for all users", "put everyone back", "undo his last change",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, sentences in NO_WISH_TO_UNDO.items() for text in sentences]
)
def test_what_is_no_clear_wish_to_undo_changes_nothing(kind: str, text: str) -> None:
    """A sentence that negates, supposes, asks, tells, quotes or means something else neither undoes nor sets."""
    assert kind
    assert not isinstance(command_of(text), (Undo, SetDefault))


@pytest.mark.parametrize("text", ["what does undo do", "how do I undo?", "can I undo this later?"])
def test_who_asks_about_undoing_gets_help(text: str) -> None:
    """A question about undoing is answered by the help, which names it, or by what changing means."""
    assert isinstance(command_of(text), (Help, Explain))


@pytest.mark.parametrize(("text", "method"), [("put it back to push", PUSH), ("go back to sms", SMS)])
def test_back_to_a_named_method_sets_it(text: str, method: DefaultMethod) -> None:
    """Who names what they want back gets that, whatever stood before the last change."""
    assert SetDefault(method) == command_of(text)


@pytest.mark.parametrize(
    "text",
    ['"history"', "login", "log me in", "set my default to sms, who changed that?"],
)
def test_what_only_sounds_like_a_question_after_changes_is_none(text: str) -> None:
    """History is shown to who asks for it, and an instruction before the question is not lost silently."""
    assert not isinstance(command_of(text), (History, SetDefault, Undo))


ANN = "ann@contoso.example"
LINDGREN = "h.lindgren@contoso.com"


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("set sms for Ann", ForSomebodyElse("Ann", SMS)),
        ("set Grace's default to push", ForSomebodyElse("Grace", PUSH)),
        ("undo the change for somebody", ForSomebodyElse("somebody", None)),
        ("undo for Ann", ForSomebodyElse("Ann", None)),
        ("undo Ann's change", ForSomebodyElse("Ann", None)),
        ("show Ann's history", ForSomebodyElse("Ann", None)),
        ("history for Ann", ForSomebodyElse("Ann", None)),
        ("set her default to sms", AskWho()),
        ("put hers back", AskWho()),
        ("who changed her default?", AskWho()),
        (f"set {ANN} to sms", IfMe(ANN, SetDefault(SMS))),
        (f"roll back the change for {LINDGREN}", IfMe(LINDGREN, Undo())),
    ],
)
def test_who_means_somebody_else_is_told_so(text: str, command: Command) -> None:
    """A person who is plainly named is answered as such; an address may be the writer's own, which is found out."""
    assert command == command_of(text)


def test_a_quoted_line_does_not_spoil_the_own_words_below_it() -> None:
    """Teams quotes the answered message by '>'; what is written below it counts."""
    assert SetDefault(PUSH) == command_of("> set my default to sms\n\nset my default to push")


@given(st.text())
def test_no_text_raises(text: str) -> None:
    """Whatever is sent, there is a command."""
    assert isinstance(command_of(text), Command)


@given(
    st.lists(
        st.sampled_from(
            [
                *"set my default to sms push or not from instead of for ann show the is what undo back it who".split(),
                ", ",
                '"',
                ">",
                "'",
                "\n",
                "@",
                "?",
            ]
        ),
        max_size=12,
    )
)
def test_no_pile_of_known_words_raises(words: list[str]) -> None:
    """Known words in any order give a command, and the same one each time."""
    text = " ".join(words)
    assert command_of(text) == command_of(text)


SENTENCES = st.sampled_from(SET_SENTENCES)
WISHES = st.sampled_from(SET_SENTENCES + UNDO_SENTENCES)


@given(WISHES, st.sampled_from(["not", "don't", "don’t", "dont", "NOT", "never", "cannot", "do not"]), st.data())
def test_a_negation_anywhere_changes_nothing(sentence: str, negation: str, data: st.DataObject) -> None:
    """With 'not' or its kin in any place, no sentence changes anything."""
    words = sentence.split()
    place = data.draw(st.integers(0, len(words)))
    assert not isinstance(command_of(" ".join([*words[:place], negation, *words[place:]])), (SetDefault, Undo))


QUOTES = ['""', "“”", "„“", "«»", "``", "''", "‘’", "‚‘", "‹›", "「」", "『』", "《》", "❝❞", "‟”", "＂＂"]


@pytest.mark.parametrize("marks", QUOTES)
def test_a_quoted_instruction_changes_nothing(marks: str) -> None:
    """A whole sentence between quotation marks of any kind is somebody else's words."""
    quoted = [f"{marks[0]}{sentence}{marks[1]}" for sentence in SET_SENTENCES + UNDO_SENTENCES]
    assert [] == [text for text in quoted if isinstance(command_of(text), (SetDefault, Undo))]


@given(SENTENCES, st.text(alphabet=st.characters(categories=["Ll", "Lu", "Lo"]), min_size=4, max_size=12), st.data())
def test_an_unknown_word_anywhere_never_makes_it_another_method(sentence: str, word: str, data: st.DataObject) -> None:
    """A word more may turn an instruction into a question, but never into one for another method."""
    words = sentence.split()
    place = data.draw(st.integers(0, len(words)))
    meant = command_of(sentence)
    command = command_of(" ".join([*words[:place], f"x{word}x7", *words[place:]]))
    assert not isinstance(command, SetDefault) or meant == command


@given(st.sampled_from(UNDO_SENTENCES), st.text(alphabet=st.characters(categories=["Ll"]), min_size=4), st.data())
def test_an_unknown_word_anywhere_undoes_nothing(sentence: str, word: str, data: st.DataObject) -> None:
    """Only a wish whose every word is known is carried out."""
    words = sentence.split()
    # Behind "thanks" stands whoever signs.
    behind = next((index for index, word in enumerate(words) if word == "thanks"), len(words))
    place = data.draw(st.integers(0, behind))
    assert not isinstance(command_of(" ".join([*words[:place], f"x{word}x7", *words[place:]])), (SetDefault, Undo))


@pytest.mark.parametrize("instruction", ["set my default to sms", "undo"])
def test_an_instruction_that_was_cut_changes_nothing(instruction: str) -> None:
    """What stands beyond the limit may take everything back, so a message that is too long changes nothing."""
    text = instruction.ljust(MAX_CHARACTERS) + " - that is what the fraudster wrote, ignore it"
    assert not isinstance(command_of(text), (SetDefault, Undo))


def dangerous(line: dict[str, Any], command: Command) -> bool:
    """True for a change that the label does not ask for: another intent, another or no method, another target."""
    asked_for = (line["intent"], line["target"].casefold())
    if isinstance(command, Undo):
        return ("undo", "me") != asked_for
    return isinstance(command, SetDefault) and (("set", "me") != asked_for or command.method.value != line["method"])


def test_the_corpus_is_whole() -> None:
    """The two hundred labelled messages are there."""
    assert 200 == len(CORPUS)


@pytest.mark.parametrize("line", CORPUS, ids=lambda line: line["text"][:40].encode("ascii", "replace").decode())
def test_nothing_in_the_corpus_is_dangerous(line: dict[str, Any]) -> None:
    """No message changes a default that its author did not ask to change."""
    assert not dangerous(line, command_of(line["text"]))


@pytest.mark.parametrize(
    "text",
    ["sign out", "Sign out!", "log out", "logout", "sign me out please", "please log me off", "can you sign me out?",
     "forget me", "forget my sign-in", "sign out, please", "hi, sign me out"],
)  # fmt: skip
def test_a_wish_to_be_signed_out_is_understood(text: str) -> None:
    """In the usual words."""
    assert SignOut() == command_of(text)


@pytest.mark.parametrize(
    "text",
    ["how do I sign out?", "don't sign out", "sign out ann", "should I sign out?", "forget my default", "sign in",
     "why was I signed out?"],
)  # fmt: skip
def test_what_only_mentions_signing_out_signs_nobody_out(text: str) -> None:
    """Questions, negations and other people."""
    assert SignOut() != command_of(text)
