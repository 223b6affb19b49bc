"""Ids of buttons that change something: opaque, made by us, for one person, one target, one method, ten minutes.

An id is a random card id of 128 bits, its end of life, its method and whether it puts a change back, sealed by an HMAC
over all that and the people concerned. So showing a card writes nothing; the press records an intent under the card's
id, and whoever does so first may act. All buttons of a card share its id: a card is spent as a whole.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bot.errors import ActionRejected
from bot.mfa import DefaultMethod, Oid, Person

__all__ = ["ACTION_LIFETIME_S", "KEY_BYTES", "ActionIds", "MintedAction", "MintedCard"]

ACTION_LIFETIME_S = 600
KEY_BYTES = 32

_METHODS = tuple(DefaultMethod)
_HEAD = struct.Struct(">16sIB")
_SEAL_BYTES = 16
_UNDO = 0x80


@dataclass(frozen=True, slots=True)
class MintedAction:
    """What an id that we made says."""

    card_id: str
    """32 hexadecimal digits, the same for all buttons of a card."""
    method: DefaultMethod
    expired: bool
    undo: bool = False
    """True for the button that puts the last change back."""


@dataclass(frozen=True, slots=True)
class MintedCard:
    """The ids of one card's buttons."""

    ids: Mapping[DefaultMethod, str]
    undo_id: str | None = None


class ActionIds:
    """Mints and reads ids with ``key``, which all instances share."""

    def __init__(self, key: bytes, *, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    def mint(
        self, actor: Person, target: Oid, methods: Iterable[DefaultMethod], *, undo: DefaultMethod | None = None
    ) -> MintedCard:
        """Ids for one new card: one for each of ``methods``, and one that puts ``undo`` back where that is given."""
        card_id = secrets.token_bytes(16)
        expires_at = int(self._clock()) + ACTION_LIFETIME_S

        def sealed(method: DefaultMethod, flag: int = 0) -> str:
            head = _HEAD.pack(card_id, expires_at, _METHODS.index(method) | flag)
            return _encode(head + self._seal(head, actor, target))

        return MintedCard({method: sealed(method) for method in methods}, sealed(undo, _UNDO) if undo else None)

    def read(self, action_id: str, actor: Person, target: Oid, *, pressed_at: float | None = None) -> MintedAction:
        """What the id says, if we made it for ``actor`` to change the default of ``target``.

        Args:
            action_id: as it came back.
            actor: who has pressed the button.
            target: whose default it is about.
            pressed_at: when, in seconds since the epoch; None for now.

        Raises:
            ActionRejected: we did not.
        """
        try:
            raw = base64.b64decode(action_id + "=" * (-len(action_id) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise ActionRejected("not an id") from None
        if action_id != _encode(raw):
            raise ActionRejected("another spelling of an id")
        head, seal = raw[: _HEAD.size], raw[_HEAD.size :]
        if len(head) != _HEAD.size or not hmac.compare_digest(seal, self._seal(head, actor, target)):
            raise ActionRejected("not made by us for this person")
        card_id, expires_at, action = _HEAD.unpack(head)
        expired = expires_at <= (self._clock() if pressed_at is None else pressed_at)
        return MintedAction(card_id.hex(), _METHODS[action & ~_UNDO], expired, undo=bool(action & _UNDO))

    def _seal(self, head: bytes, actor: Person, target: Oid) -> bytes:
        # The ids are GUIDs without NUL bytes, so the joined text is unambiguous.
        bound = head + "\0".join((actor.tid, actor.oid, target)).encode()
        return hmac.new(self._key, bound, hashlib.sha256).digest()[:_SEAL_BYTES]


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
