"""Meaning across messages, the explanation on the command line, and what the vocabulary promises to translators."""

from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import (
    AskWhich,
    AskWho,
    Cancel,
    CantDo,
    ForSomebodyElse,
    Greet,
    IfMe,
    SetDefault,
    Undo,
    changes_something,
)
from bot.mfa import DefaultMethod
from bot.teams.topics import Topics
from bot.understanding import LANGUAGES, Topic, read, understand
from bot.understanding.__main__ import main

PUSH, SMS = DefaultMethod.PUSH, DefaultMethod.SMS
HERE = Path(__file__).parent
VOCABULARY = Path(understand.__code__.co_filename).with_name("vocabulary")


def lines(name: str) -> list[dict[str, Any]]:
    """The labelled messages of a file beside this one."""
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines() if line]


def is_exact(line: dict[str, Any]) -> bool:
    """True if intent, method and target are those of the label."""
    reading = read(line["text"])
    method = reading.method.value if reading.method else None
    return (line["intent"], line["method"], line["target"].casefold()) == (
        reading.intent,
        method,
        reading.target.casefold(),
    )


def test_the_corpus_is_read_as_a_colleague_would_read_it() -> None:
    """At least 98 of 100 labelled messages are read exactly; ``make bench`` prints the figure."""
    corpus = lines("utterances.jsonl")
    otherwise = [line["text"] for line in corpus if not is_exact(line)]

    assert len(otherwise) <= len(corpus) * 0.02, otherwise


@pytest.mark.parametrize("line", lines("understood.jsonl"), ids=lambda line: f"{line['lang']} {line['text']}"[:30])
def test_what_was_mended_once_stays_mended(line: dict[str, Any]) -> None:
    """Each of these was misunderstood before a word or a rule was added."""
    assert is_exact(line)


@pytest.mark.parametrize(
    "line", lines("other_authors.jsonl"), ids=lambda line: line["text"][:40].encode("ascii", "replace").decode()
)
def test_nothing_that_other_authors_wrote_is_dangerous(line: dict[str, Any]) -> None:
    """Messages by people who have not seen the code never change what their label does not say."""
    command = understand(line["text"]).command

    if isinstance(command, SetDefault):
        assert ("set", line["method"], "me") == (line["intent"], command.method.value, line["target"])
    else:
        assert not changes_something(command) or line["intent"] in {"set", "undo"} or isinstance(command, IfMe)


TRAPS = [line for line in (HERE / "traps.txt").read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]


@pytest.mark.parametrize("text", TRAPS, ids=lambda text: text[:40].encode("ascii", "replace").decode())
def test_a_sentence_that_only_sounds_like_an_instruction_changes_nothing(text: str) -> None:
    """Neither the default nor the past is touched without a question."""
    assert not isinstance(understand(text.replace("\\n", "\n")).command, (SetDefault, Undo))


@pytest.mark.parametrize(
    "yes", ["yes", "yes please", "ok", "ja bitte", "oui", "sí", "sim, pode ser", "はい", "👍", "do it"]
)
def test_a_yes_answers_the_one_method_that_was_asked_about(yes: str) -> None:
    """After "Did you mean …?" a yes in any language is that method."""
    asked = understand("use sms, right?")

    assert AskWhich((SMS,)) == asked.command
    assert SetDefault(SMS) == understand(yes, topic=asked.topic).command


@pytest.mark.parametrize("word", ["undo", "annuler", "deshacer", "rückgängig", "元に戻す"])
def test_an_undo_in_answer_to_a_question_takes_nothing_back(word: str) -> None:
    """In French it means "cancel" as well; said once more, it is an undo."""
    asked = understand("use sms, right?")
    answered = understand(word, topic=asked.topic)

    assert Cancel() == answered.command
    assert Undo() == understand(word, topic=answered.topic).command


def test_a_yes_to_a_choice_asks_again() -> None:
    """Of several methods a yes chooses none."""
    asked = understand("call me")

    assert asked.command == understand("yes", topic=asked.topic).command


def test_a_yes_to_nothing_is_small_talk() -> None:
    """Without a question, and once the question is over, a yes changes nothing."""
    over = understand("thanks", topic=understand("use sms, right?").topic)

    assert Greet("thanks") == understand("yes").command
    assert Greet("thanks") == understand("ok", topic=over.topic).command


@pytest.mark.parametrize("text", ["no wait, put it back", "go back to that", "put it back please", "change it back"])
def test_put_it_back_is_undo(text: str) -> None:
    """Who regrets a change need not know the word undo."""
    assert Undo() == understand(text).command


def test_her_is_the_last_person_named() -> None:
    """A pronoun without anybody before it is asked about; with somebody it is that person."""
    named = understand("set Grace Hopper to sms")

    assert AskWho() == understand("switch her to push").command
    assert ForSomebodyElse("Grace Hopper", PUSH) == understand("switch her to push", topic=named.topic).command


def test_her_may_be_an_address() -> None:
    """The address that was named last is compared with the writer's, like any other."""
    before = understand("show ann@contoso.example")

    assert IfMe("ann@contoso.example", SetDefault(SMS)) == understand("set her to sms", topic=before.topic).command


@pytest.mark.parametrize(
    "written",
    [
        "ann@contoso.example",
        "[ann@contoso.example](mailto:ann@contoso.example)",
        "[Ann](mailto:ann@contoso.example)",
        "<mailto:ann@contoso.example>",
        "mailto:ann@contoso.example",
        '<a href="mailto:ann@contoso.example">ann@contoso.example</a>',
        "&lt;ann@contoso.example&gt;",
        "(ann@contoso.example)",
        "Ann Lee (ann@contoso.example)",
    ],
)
def test_an_address_is_found_in_whatever_teams_puts_around_it(written: str) -> None:
    """Links, brackets and a name beside it do not hide whom a change is for."""
    assert IfMe("ann@contoso.example", SetDefault(SMS)) == understand(f"set {written} to sms").command


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("set <at>Ann Lee</at> to sms", "Ann Lee"),
        ("<at>Default-MFA bot</at> set Pushpa Nair to sms", "Pushpa Nair"),
        ("set O’Brien, Siobhan to sms", "O'Brien, Siobhan"),
        ("set Dr. van der Berg to sms", "Dr. van der Berg"),
        ("Dr. Osei can't hear the phone, change her to sms", "Dr. Osei"),
        ("Mr Texter wants sms", "Mr Texter"),
        ("Frau Kessler braucht SMS", "Frau Kessler"),
        ("mets SMS pour Mme Dubois", "Mme Dubois"),
        ("pon sms para Lucía Fernández", "Lucía Fernández"),
        ("zet Jan de Vries op sms", "Jan de Vries"),
        ("muda a Joana Silva para sms", "Joana Silva"),
        ("田中さんをSMSに変更してください", "田中"),
    ],
)
def test_a_name_is_a_name_also_if_it_holds_a_methods_word(text: str, target: str) -> None:
    """Titles, particles, apostrophes, either order; and nothing is changed for the writer."""
    assert ForSomebodyElse(target, SMS) == understand(text).command


def test_the_same_is_never_done_without_a_question() -> None:
    """What was asked for before is offered again."""
    assert AskWhich((SMS,)) == understand("the same please", topic=Topic(method=SMS)).command


def test_about_somebody_else_one_hears_that_it_is_not_done_for_them_either() -> None:
    """What the bot can't do at all is said in the same way for others."""
    assert CantDo("password_reset", about_me=False) == understand("reset the password of ann@contoso.example").command


def test_a_topic_is_forgotten_after_half_an_hour_and_when_there_are_too_many() -> None:
    """Each conversation has its own; the oldest goes first."""
    now = [0.0]
    topics = Topics(clock=lambda: now[0], most=2)
    for name in "abc":
        topics.keep(name, Topic(target=name))

    assert ["", "b", "c"] == [topics.of(name).target for name in "abc"]
    now[0] = 1801.0
    assert "" == topics.of("c").target


@pytest.mark.parametrize("explain", [False, True])
def test_the_command_line_answers_each_line_with_one(explain: bool) -> None:
    """``python -m bot.understanding`` prints one JSON object a line; ``--explain`` names the words that decided."""
    out = io.StringIO()

    main(["--explain"] if explain else [], lines=["set my default to sms\n", "\n", "ruf mich an\n"], out=out)

    first, empty, german = [json.loads(line) for line in out.getvalue().splitlines()]
    assert ("set", "sms", "en") == (first["intent"], first["method"], first["language"])
    assert "none" == empty["intent"]
    assert (None, 3, "de") == (german["method"], len(german["candidates"]), german["language"])
    assert explain == ("decided" in first)
    assert not explain or any("sms" in word and "method" in word for word in first["decided"])


@pytest.mark.parametrize(
    ("text", "locale", "language"),
    [
        ("set my default to sms", "de-DE", "en"),
        ("stell bitte auf sms um", "en-US", "de"),
        ("sms", "pt-BR", "pt"),
        ("sms", "xx", "en"),
        ("SMSに変更してください", None, "ja"),
        ("?", "fr-FR", "fr"),
    ],
)
def test_the_words_tell_the_language_before_the_client_does(text: str, locale: str | None, language: str) -> None:
    """Only where the words belong to several languages or to none, the client's decides."""
    assert language == understand(text, locale).language


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_can_say_everything(language: str) -> None:
    """A file has the same keys as the English one, except for what its language has no word for."""
    english = tomllib.loads((VOCABULARY / "en.toml").read_text(encoding="utf-8"))
    other = tomllib.loads((VOCABULARY / f"{language}.toml").read_text(encoding="utf-8"))
    without = {("words", "no"), ("words", "with"), ("words", "needs"), ("words", "replace"), ("methods", "messenger")}

    for section in ("methods", "words", "cant", "explain"):
        missing = {(section, key) for key in english[section].keys() - other[section].keys()}
        assert set() == missing - without
        assert set() == other[section].keys() - english[section].keys()


METHOD_SENTENCES = [
    line["text"]
    for line in lines("utterances.jsonl")
    if line["intent"] == "set" and line["target"] == "me" and isinstance(understand(line["text"]).command, SetDefault)
]


@given(st.sampled_from(METHOD_SENTENCES), st.sampled_from(['""', "“”", "„“", "«»", "「」", "``"]))
def test_a_wish_in_quotation_marks_sets_nothing(sentence: str, marks: str) -> None:
    """In any of the languages: quoted words are somebody else's."""
    inside = "".join(sign for sign in sentence if sign not in '"“”„«»「」`')

    assert not isinstance(understand(f"{marks[0]}{inside}{marks[1]}").command, SetDefault)


@given(st.sampled_from(METHOD_SENTENCES), st.sampled_from(["en-US", "de-DE", "ja-JP", None]))
def test_a_target_is_never_invented(sentence: str, locale: str | None) -> None:
    """Who is named stands in the message, letter for letter."""
    reading = read(sentence, locale)

    assert reading.target == "me" or reading.target in sentence


@given(st.text(alphabet=st.sampled_from("sms @.<>a\"'「にpush,-/&;:!?\n"), max_size=4000))
def test_no_pile_of_signs_raises_or_invents_anybody(text: str) -> None:
    """Mark-up, quotation marks and addresses in any order give a command."""
    assert understand(text) == understand(text)
