"""The tree of errors: sentences, facts and the diagram."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from bot import errors
from bot.errors import ChannelError, MfaBotError, SignInError, StepUpNeeded, Throttled, UpstreamError

CLAIMS = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'


def tree(root: type[MfaBotError] = MfaBotError) -> Iterator[type[MfaBotError]]:
    """``root`` and all that derives from it."""
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


CLASSES = [found for found in tree() if found.__module__ == errors.__name__]
DRAWN = re.compile(r"^    ([ │├└─]*)(\w+)(?:  |$)", re.MULTILINE)


def sample(error: type[MfaBotError]) -> MfaBotError:
    """An error of that class."""
    return ChannelError(401, "no token") if error is ChannelError else error("the detail")


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_a_sentence_for_the_person(error: type[MfaBotError]) -> None:
    """The sentence for the person is whole: a capital letter first, a full stop last, nothing to fill in."""
    assert re.fullmatch(r"[A-Z][^{}\n]*\.", error.user_sentence)


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_a_sentence_for_the_log(error: type[MfaBotError]) -> None:
    """The log reads the class's own sentence and then the detail."""
    assert error.log_sentence
    assert str(sample(error)).startswith(f"{error.log_sentence}: ")


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_says_what_became_of_the_change(error: type[MfaBotError]) -> None:
    """Nobody is left in doubt: unless nothing could have been changed, the sentence says that nothing was.

    One error comes after a change was asked for; it must not say so.
    """
    no_change_in_question = {"SignInNeeded", "SignInOver", "SenderUnknown", "NotAMember", "StoreUnavailable"}
    said = re.search(r"nothing was changed|I change nothing", error.user_sentence, re.IGNORECASE)
    if error is errors.ResultUnreadable:
        assert not said
    else:
        assert said or error.__name__ in no_change_in_question


def test_the_diagram_names_exactly_the_classes_that_exist() -> None:
    """The tree drawn at the top of the module is the tree of classes, no more and no less."""
    drawn = {name for _, name in DRAWN.findall(errors.__doc__ or "")}
    assert {error.__name__ for error in CLASSES} == drawn


def test_the_diagram_draws_the_parents_as_they_are() -> None:
    """Who stands under whom in the drawing is who derives from whom."""
    path: list[str] = []
    parents: dict[str, str] = {}
    for lines, name in DRAWN.findall(errors.__doc__ or ""):
        depth = len(lines) // 4
        path[depth:] = [name]
        parents[name] = path[depth - 1] if depth else "Exception"
    assert {error.__name__: error.__bases__[0].__name__ for error in CLASSES} == parents


def test_all_names_are_public() -> None:
    """Whoever handles errors may import every class of the tree."""
    assert {error.__name__ for error in CLASSES} == set(errors.__all__)


def test_an_error_without_a_detail_is_its_sentence_alone() -> None:
    """No colon dangles where there is no detail."""
    assert "upstream trouble" == str(UpstreamError())


def test_facts_are_kept_beside_the_sentence() -> None:
    """Facts go to the log as fields, not into the text."""
    error = SignInError("Entra", code="AADSTS50076", status=400)
    assert ({"code": "AADSTS50076", "status": 400}, "sign-in failed: Entra") == (error.facts, str(error))


@pytest.mark.parametrize("retry_after_s", [None, 0.0, 2.128])
def test_throttled_says_when_to_come_back(retry_after_s: float | None) -> None:
    """The pause that the service asked for is there for the caller and for the log."""
    error = Throttled("Graph", retry_after_s=retry_after_s, status=429)
    assert retry_after_s == error.retry_after_s
    assert {"retry_after_s": retry_after_s, "status": 429} == error.facts


def test_channel_error_carries_the_status_and_the_reason() -> None:
    """The server answers with the status; the log has it too."""
    error = ChannelError(413, "larger than 256 KiB")
    assert (413, "larger than 256 KiB", {"status": 413}) == (error.status, error.reason, error.facts)


def test_step_up_carries_its_claims_where_no_log_looks() -> None:
    """The challenge is for the sign-in page: neither the facts nor any text of the error holds it."""
    error = StepUpNeeded("Graph sent a claims challenge", claims=CLAIMS, status=401)
    assert CLAIMS == error.claims
    assert "acrs" not in f"{error.facts} {error} {error!r} {error.args}"


def test_step_up_without_a_challenge() -> None:
    """Entra may ask for a fresh sign-in without claims."""
    assert StepUpNeeded("Entra").claims is None
