"""Commands that wait for a sign-in, and their stored form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import (
    AskWhich,
    Command,
    ForSomebodyElse,
    Greet,
    Help,
    History,
    NotUnderstood,
    Press,
    Refresh,
    SetDefault,
    Show,
    Undo,
    command_from_json,
    command_to_json,
)
from bot.mfa import DefaultMethod

METHODS = st.sampled_from(DefaultMethod)
STORABLE = (
    st.just(Show())
    | st.just(Refresh())
    | st.just(Undo())
    | st.just(History())
    | st.builds(SetDefault, METHODS)
    | st.builds(Press, st.text())
    | st.builds(AskWhich, st.lists(METHODS).map(tuple))
)


@given(STORABLE)
def test_a_stored_command_comes_back_as_it_was(command: Command) -> None:
    """What is stored as JSON text while somebody signs in is the same command afterwards."""
    assert command == command_from_json(json.loads(json.dumps(command_to_json(command))))


@pytest.mark.parametrize("command", [Help(), Greet(), NotUnderstood(), ForSomebodyElse()])
def test_what_needs_no_sign_in_is_never_stored(command: Command) -> None:
    """A command that needs no token can't become pending; the error names its kind."""
    with pytest.raises(ValueError, match=type(command).__name__):
        command_to_json(command)


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"kind": None},
        {"kind": "help"},
        {"kind": ["show"]},
        {"kind": "Undo"},
        {"kind": ["history"]},
        {"kind": "set"},
        {"kind": "set", "method": None},
        {"kind": "set", "method": "telepathy"},
        {"kind": "set", "method": "PUSH"},
        {"kind": "set", "method": ["push"]},
        {"kind": "press"},
        {"kind": "press", "action_id": 7},
        {"kind": "ask"},
        {"kind": "ask", "candidates": "push"},
        {"kind": "ask", "candidates": ["push", "telepathy"]},
        {"kind": "ask", "candidates": [["push"]]},
        {"kind": "ask", "candidates": [None]},
    ],
)
def test_what_was_never_stored_is_refused(stored: dict[str, object]) -> None:
    """A row that this bot can't have written is a ValueError, not a guess."""
    with pytest.raises(ValueError, match=r"stored command|is not a valid"):
        command_from_json(stored)


@given(
    st.dictionaries(
        st.sampled_from(["kind", "method", "action_id", "candidates"]), st.none() | st.text() | st.lists(st.text())
    )
)
def test_any_row_is_a_command_or_a_value_error(stored: dict[str, object]) -> None:
    """No row raises anything else than ValueError, and what is read can be stored again."""
    try:
        command = command_from_json(stored)
    except ValueError:
        return
    assert command == command_from_json(command_to_json(command))
