"""The chain of hashes that shows whether somebody has rewritten the audit trail. Pure.

Each row's hash covers all its columns, and one of these is the hash of the row before. So nobody can change, remove or
insert a row in the middle without changing every hash behind it, and the last hash, the *head*, vouches for all rows. A
head that was noted elsewhere (the log has it, so has every export) shows a chain that was rewritten as a whole or cut.

Old rows may be pruned. The trail then gets a row that names the last pruned row and its hash, so that the rest is still
anchored in what is vouched for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["GENESIS", "PRUNING", "ChainCheck", "ChainReport", "row_hash"]

PRUNING = "pruning"
"""The kind of the row that names the last pruned row."""

GENESIS = "0" * 64
"""What the first row of a tenant has for the hash of the row before."""

Row = Mapping[str, Any]


def row_hash(row: Row) -> str:
    """SHA-256 of ``row`` without its own ``hash``, as 64 hexadecimal digits.

    What is hashed is the row as JSON: sorted keys, no blanks, moments as ISO 8601 in UTC with microseconds. Columns
    that are null are left out, so a column that is added later changes no hash. This form must never change.
    """
    document = {name: _plain(value) for name, value in row.items() if name != "hash" and value is not None}
    # What we have written is JSON; what somebody else has may be anything, and must only not have the same hash.
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_foreign)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _plain(value: object) -> object:
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value


def _foreign(value: object) -> list[str]:
    return [type(value).__name__, repr(value)]


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a check of one tenant's chain found."""

    tid: str
    rows: int
    head: str | None
    head_seq: int
    pruned_through: int
    """Number of the last row that was pruned, 0 if none was."""
    pruned_age: timedelta | None = None
    """How old the newest pruned row was when it was pruned; None if none was."""
    broken_seq: int | None = None
    """Number of the first row that is not as it was written; None if all are."""
    complaint: str = ""
    """What is wrong with it."""
    missing_heads: tuple[str, ...] = ()
    """Heads that were noted elsewhere and are no part of this chain."""

    @property
    def intact(self) -> bool:
        """True when nothing was found."""
        return self.broken_seq is None and not self.missing_heads


def _age(pruning: Row | None) -> timedelta | None:
    until: datetime | None = pruning["pruned_until_utc"] if pruning else None
    at: datetime | None = pruning["at_utc"] if pruning else None
    return at - until if at and until else None


class ChainCheck:
    """Takes one tenant's rows in their order, and then tells what is wrong with them."""

    def __init__(self, tid: str, heads: Iterable[str] = ()) -> None:
        self._tid = tid
        self._missing_heads = list(dict.fromkeys(heads))
        self._rows = 0
        self._first: Row | None = None
        self._last: Row | None = None
        self._pruned: Row | None = None
        self._broken: tuple[int, str] | None = None

    def add(self, row: Row, complaint: str = "") -> None:
        """The next row, with all its columns; ``complaint`` is what its reader has found already."""
        complaint = complaint or self._complaint(row)
        if complaint:
            self._break(row["seq"], complaint)
        elif row["kind"] == PRUNING:
            self._pruned = row
        # Only the hash of a row that is there counts: what a pruning claims to have removed, anybody could claim.
        if row["hash"] in self._missing_heads:
            self._missing_heads.remove(row["hash"])
        self._first = self._first or row
        self._last = row
        self._rows += 1

    def add_unreadable(self, seq: int) -> None:
        """The next row, which holds what no row of ours can hold."""
        self._break(seq, "it can't even be read")
        self._rows += 1

    def report(self) -> ChainReport:
        """The verdict on the rows so far."""
        broken = min(filter(None, (self._broken_beginning(), self._broken)), default=None)
        return ChainReport(
            tid=self._tid,
            rows=self._rows,
            head=self._last["hash"] if self._last else None,
            head_seq=self._last["seq"] if self._last else 0,
            pruned_through=self._pruned["pruned_through"] if self._pruned else 0,
            pruned_age=_age(self._pruned),
            broken_seq=broken[0] if broken else None,
            complaint=broken[1] if broken else "",
            missing_heads=tuple(self._missing_heads),
        )

    def _complaint(self, row: Row) -> str:
        if row_hash(row) != row["hash"]:
            return "its content is not what its hash was made of"
        if self._last is not None and row["seq"] != self._last["seq"] + 1:
            return f"the rows between {self._last['seq']} and it are missing"
        if self._last is not None and row["previous_hash"] != self._last["hash"]:
            return "it does not follow on the row before"
        if row["kind"] == PRUNING and not self._is_possible(row):
            return "it tells of a pruning that can't have been"
        return ""

    def _is_possible(self, pruning: Row) -> bool:
        """Only rows before it can have been pruned, and each pruning goes further than the one before."""
        before = self._pruned["pruned_through"] if self._pruned else 0
        return isinstance(pruning["pruned_through"], int) and before < pruning["pruned_through"] < pruning["seq"]

    def _broken_beginning(self) -> tuple[int, str] | None:
        """The first row must be number one, or follow on what was pruned last."""
        if self._first is None:
            return None
        anchor = (self._pruned["pruned_through"], self._pruned["pruned_hash"]) if self._pruned else (0, GENESIS)
        if (self._first["seq"] - 1, self._first["previous_hash"]) == anchor:
            return None
        return self._first["seq"], "the rows before it are missing, and no pruning is on record that explains it"

    def _break(self, seq: int, complaint: str) -> None:
        self._broken = self._broken or (seq, complaint)
