"""Whether a change follows a book, by each venue's way of counting."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.adapters.exchanges.depth import BookDelta, Succession


def delta(first: int | None, last: int | None, previous: int | None) -> BookDelta:
    """An empty change with these ids."""
    return BookDelta(
        venue="v",
        symbol="s",
        bids=(),
        asks=(),
        first_sequence=first,
        last_sequence=last,
        previous_sequence=previous,
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "change, sequence, expected",
    [
        (delta(157, 160, None), 156, Succession.NEXT),
        (delta(157, 160, None), 158, Succession.NEXT),
        (delta(157, 160, None), 155, Succession.GAP),
        (delta(157, 160, None), 160, Succession.STALE),
        (delta(157, 160, 149), 149, Succession.NEXT),
        (delta(157, 160, 149), 148, Succession.GAP),
        (delta(None, 10382292188, 10382292136), 10382292136, Succession.NEXT),
        (delta(None, 10382292188, 10382292136), 10382292135, Succession.GAP),
        (delta(None, 10382292188, 10382292136), 10382292188, Succession.STALE),
        (delta(None, 7, 7), 7, Succession.NEXT),
        (delta(None, 3, 9), 9, Succession.NEXT),
        (delta(5, 5, None), 4, Succession.NEXT),
        (delta(5, 5, None), 3, Succession.GAP),
        (delta(None, None, None), 3, Succession.NEXT),
    ],
    ids=[
        "spot: next",
        "spot: first after a snapshot overlaps",
        "spot: gap",
        "spot: old",
        "futures: previous fits",
        "futures: gap",
        "nonce: next",
        "nonce: gap",
        "nonce: old",
        "heartbeat of the same id",
        "the venue counts anew",
        "one by one: next",
        "one by one: gap",
        "no sequence at all",
    ],
)
def test_succession(change, sequence, expected):
    """A change is next, old, or shows that something is missing."""
    assert change.succession(sequence) is expected
