"""Ids of buttons: only ours, only for this person, target and method, only for ten minutes."""

from __future__ import annotations

import base64
import string
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.errors import ActionRejected
from bot.mfa import DefaultMethod, Oid, Person, TenantId
from bot.store.action_ids import ACTION_LIFETIME_S, KEY_BYTES, ActionIds

ANN = Person(Oid("aaaaaaaa-0000-4000-8000-000000000001"), TenantId("eeeeeeee-0000-4000-8000-000000000001"))
BEN = replace(ANN, oid=Oid("bbbbbbbb-0000-4000-8000-000000000002"))
NOW = 1_800_000_000.0
KEY = bytes(range(KEY_BYTES))


def ids(at: float = NOW, key: bytes = KEY) -> ActionIds:
    """The minter and reader of one installation at one moment."""
    return ActionIds(key, clock=lambda: at)


def minted(method: DefaultMethod = DefaultMethod.PUSH) -> str:
    """A good id of Ann for herself."""
    return ids().mint(ANN, ANN.oid, [method]).ids[method]


@pytest.mark.parametrize("method", DefaultMethod)
def test_an_id_says_its_method_to_the_person_for_whom_it_was_made(method: DefaultMethod) -> None:
    """What was minted for a method is read as that method, not yet expired."""
    action = ids().read(minted(method), ANN, ANN.oid)
    assert (method, False) == (action.method, action.expired)


@pytest.mark.parametrize(
    ("actor", "target"),
    [
        (BEN, ANN.oid),
        (ANN, BEN.oid),
        (BEN, BEN.oid),
        (replace(ANN, tid=TenantId("eeeeeeee-0000-4000-8000-000000000002")), ANN.oid),
    ],
    ids=["another actor", "another target", "both", "another tenant"],
)
def test_an_id_is_bound_to_tenant_actor_and_target(actor: Person, target: Oid) -> None:
    """Nobody else can press the button, and not for anybody else."""
    with pytest.raises(ActionRejected):
        ids().read(minted(), actor, target)


def test_names_do_not_bind() -> None:
    """Somebody whose name or UPN has changed in the meantime may still press."""
    action = ids().read(minted(), replace(ANN, upn="new@contoso.example", display_name="Ann New"), ANN.oid)
    assert DefaultMethod.PUSH is action.method


@pytest.mark.parametrize(
    ("age_s", "expired"), [(0, False), (ACTION_LIFETIME_S - 1, False), (ACTION_LIFETIME_S, True), (86400, True)]
)
def test_an_id_lives_ten_minutes(age_s: float, expired: bool) -> None:
    """After ten minutes it is still known as ours but expired, so that the answer can be a fresh card."""
    assert 600 == ACTION_LIFETIME_S
    assert expired is ids(at=NOW + age_s).read(minted(), ANN, ANN.oid).expired


@pytest.mark.parametrize(("pressed_s", "expired"), [(ACTION_LIFETIME_S - 1, False), (ACTION_LIFETIME_S, True)])
def test_an_id_may_have_been_pressed_before_it_is_read(pressed_s: float, expired: bool) -> None:
    """What counts then is its age when it was pressed."""
    read = ids(at=NOW + 2 * ACTION_LIFETIME_S).read(minted(), ANN, ANN.oid, pressed_at=NOW + pressed_s)

    assert expired is read.expired


def test_another_key_is_rejected() -> None:
    """What another installation has made is not ours."""
    with pytest.raises(ActionRejected):
        ids(key=bytes(KEY_BYTES)).read(minted(), ANN, ANN.oid)


@given(st.data())
def test_any_changed_character_is_rejected(data: st.DataObject) -> None:
    """An id is good to the letter: no other character in any place makes another good id."""
    original = minted(data.draw(st.sampled_from(DefaultMethod)))
    place = data.draw(st.integers(0, len(original) - 1))
    character = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_+/= .\0é"))
    assume(character != original[place])
    with pytest.raises(ActionRejected):
        ids().read(original[:place] + character + original[place + 1 :], ANN, ANN.oid)


@pytest.mark.parametrize("alias", [("-", "+"), ("_", "/")])
def test_the_other_alphabet_is_rejected(alias: tuple[str, str]) -> None:
    """An id is written in base64url; its spelling in plain base64 is not another good id."""
    ours, theirs = alias
    # A card id is random: among a few hundred ids some have the letter.
    original = next(found for found in (minted() for _ in range(500)) if ours in found)
    with pytest.raises(ActionRejected):
        ids().read(original.replace(ours, theirs), ANN, ANN.oid)


def test_the_last_character_has_no_idle_bits() -> None:
    """Fifty characters hold 300 bits of which 296 count: the other four must not make sixteen ids of one."""
    original = minted()
    good = []
    for character in string.ascii_letters + string.digits + "-_":
        try:
            ids().read(original[:-1] + character, ANN, ANN.oid)
        except ActionRejected:
            continue
        good.append(character)
    assert [original[-1]] == good


@pytest.mark.parametrize(
    "change", [lambda i: i[:-1], lambda i: i + "A", lambda i: i + "=", lambda i: "A" + i, lambda i: i * 2]
)
def test_a_shorter_or_longer_id_is_rejected(change: object) -> None:
    """Neither a part nor an extension of a good id is good."""
    assert callable(change)
    with pytest.raises(ActionRejected):
        ids().read(change(minted()), ANN, ANN.oid)


@given(st.text())
def test_no_text_from_outside_raises_anything_else(text: str) -> None:
    """Whatever a client sends, it is rejected and nothing breaks."""
    with pytest.raises(ActionRejected):
        ids().read(text, ANN, ANN.oid)


def test_all_buttons_of_a_card_share_its_id() -> None:
    """A card is spent as a whole, so its six buttons name one card of 128 bits, each with its own method."""
    card = ids().mint(ANN, ANN.oid, DefaultMethod)
    actions = {method: ids().read(action_id, ANN, ANN.oid) for method, action_id in card.ids.items()}
    assert {method: method for method in DefaultMethod} == {key: action.method for key, action in actions.items()}
    (card_id,) = {action.card_id for action in actions.values()}
    assert (32, True) == (len(card_id), set(card_id) <= set(string.hexdigits.lower()))


@pytest.mark.parametrize("method", DefaultMethod)
def test_the_button_that_puts_back_says_so(method: DefaultMethod) -> None:
    """The same method to set and to put back are two ids of one card, and each says which it is."""
    card = ids().mint(ANN, ANN.oid, [method], undo=method)
    assert card.undo_id is not None
    to_set, to_undo = (ids().read(action_id, ANN, ANN.oid) for action_id in (card.ids[method], card.undo_id))
    assert (method, False, method, True) == (to_set.method, to_set.undo, to_undo.method, to_undo.undo)
    assert (to_set.card_id, to_set.expired) == (to_undo.card_id, to_undo.expired)


def test_a_card_may_have_nothing_to_put_back() -> None:
    """A card without that button has no id for it; one may have nothing else."""
    assert None is ids().mint(ANN, ANN.oid, DefaultMethod).undo_id
    alone = ids().mint(ANN, ANN.oid, [], undo=DefaultMethod.SMS)
    assert (0, True) == (len(alone.ids), bool(alone.undo_id))


@pytest.mark.parametrize("undo", [True, False])
def test_setting_and_putting_back_can_not_be_exchanged(undo: bool) -> None:
    """The flag is sealed: nobody makes the one of the other, with the seal of either."""
    card = ids().mint(ANN, ANN.oid, [DefaultMethod.SMS], undo=DefaultMethod.SMS)
    seals = [base64.urlsafe_b64decode(text + "==") for text in (card.ids[DefaultMethod.SMS], card.undo_id or "")]
    flag, original = 20, seals[undo]
    for seal in seals:
        forged = original[:flag] + bytes([original[flag] ^ 0x80]) + seal[flag + 1 :]
        if forged in seals:
            continue
        with pytest.raises(ActionRejected):
            ids().read(base64.urlsafe_b64encode(forged).decode().rstrip("="), ANN, ANN.oid)


def test_every_card_has_an_id_of_its_own() -> None:
    """Two cards of the same person at the same moment are different cards."""
    assert 100 == len({ids().read(minted(), ANN, ANN.oid).card_id for _ in range(100)})


def test_an_id_shows_nothing_of_the_people() -> None:
    """An id is opaque: letters of base64url only, and no part of an object id in it."""
    action_id = minted()
    assert set(action_id) <= set(string.ascii_letters + string.digits + "-_")
    assert [] == [part for part in (*ANN.oid.split("-"), *ANN.tid.split("-")) if part in action_id]
