"""Who reads: language, region and time zone, whatever a client says of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.locale import Reader

AT = datetime(2026, 11, 23, 22, 30, 15, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "zone", "written"),
    [
        ("en-US", "America/New_York", "Nov 23, 2026, 5:30\u00a0PM"),
        ("en-GB", "Europe/London", "23 Nov 2026, 22:30"),
        ("en", None, "Nov 23, 2026, 10:30\u00a0PM UTC"),
        ("de-DE", "Europe/Berlin", "23.11.2026, 23:30"),
        ("fr-FR", "Europe/Paris", "23 nov. 2026, 23:30"),
        ("es-ES", "Europe/Madrid", "23 nov 2026, 23:30"),
        ("nl-NL", "Europe/Amsterdam", "23 nov 2026, 23:30"),
        ("pt-BR", "America/Sao_Paulo", "23 de nov. de 2026 19:30"),
        ("ja-JP", "Asia/Tokyo", "2026/11/24 7:30"),
    ],
)
def test_a_moment_is_written_as_people_there_write_it(tag: str, zone: str | None, written: str) -> None:
    """The spelling of the country and the clock on the wall; without a zone it is UTC, and says so."""
    reader = Reader.of(tag, tag, zone)
    assert written == reader.moment(AT)
    assert written == reader.moment(AT.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("language", "names"),
    [("en-US", "a, b, or c"), ("en-GB", "a, b or c"), ("de", "a, b oder c"), ("fr", "a, b ou c"), ("es", "a, b o c")],
)
def test_a_choice_is_written_as_people_there_write_it(language: str, names: str) -> None:
    """The word and the commas of the language."""
    assert names == Reader.of(language, language).any_of(["a", "b", "c"])


@pytest.mark.parametrize(
    ("language", "read_out", "listed"),
    [("en", "Hello. One. Two.", "a, b"), ("de", "Hello. One. Two.", "a, b"), ("ja", "Hello。One.Two.", "a、b")],
)
def test_sentences_and_names_are_joined_as_the_language_wants_it(language: str, read_out: str, listed: str) -> None:
    """Japanese has no spaces after its full stops, and a comma of its own."""
    reader = Reader.of(language)
    assert read_out == reader.titled("Hello", reader.run_on("One.", "", "Two."))
    assert listed == reader.listed(["a", "b"])


@pytest.mark.parametrize("heading", ["Hello!", "Who do you mean?", "Working on it…", "分かりましたか？"])
def test_a_heading_that_has_ended_gets_no_full_stop(heading: str) -> None:
    """When it is read out together with what stands below it."""
    assert f"{heading} Well." == Reader.of("en").titled(heading, "Well.")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_bold_text_ends_with_a_space(language: str) -> None:
    """Otherwise Markdown would not see its end."""
    assert "**Done.** And so on." == Reader.of(language).run_on("**Done.**", "And so on.")


def test_the_region_counts_only_for_its_own_language() -> None:
    """Somebody in Britain who writes German gets German dates."""
    assert "23.11.2026, 22:30 UTC" == Reader.of("de", "en-GB").moment(AT)


@pytest.mark.parametrize("tag", ["en-XX", "en_US_POSIX", "en-\0", "en-" + "x" * 200, "../en", "en/../de"])
@pytest.mark.parametrize("zone", ["", "Nowhere/Land", "../../etc/passwd", "/etc/passwd", "\0", "x" * 5000])
def test_what_a_client_makes_up_does_no_harm(tag: str, zone: str) -> None:
    """Region and zone come from outside: what is none counts as not told."""
    assert "Nov 23, 2026, 10:30\u00a0PM UTC" == Reader.of(tag, tag, zone).moment(AT)


@given(st.none() | st.text(), st.none() | st.text(), st.none() | st.text())
def test_nothing_that_a_client_says_raises(language: str | None, tag: str | None, zone: str | None) -> None:
    """There is always a way to write a moment."""
    assert "2026" in Reader.of(language, tag, zone).moment(AT)
