"""Changes of books and what came before them."""

import pytest

from core.adapters.exchanges.connection.sequence import (
    Joint,
    counted,
    linked,
    spanning,
)
from core.adapters.exchanges.depth import Succession

NEXT, STALE, GAP = Succession.NEXT, Succession.STALE, Succession.GAP


@pytest.mark.parametrize(
    "rule, known, change, verdict",
    [
        (linked, 10, (11, 12, 10), NEXT),
        (linked, 10, (12, 12, 11), GAP),
        (linked, 10, (9, 10, 8), STALE),
        (linked, 10, (9, 12, 8), NEXT),
        (spanning, 10, (11, 12, -1), NEXT),
        (spanning, 10, (8, 12, -1), NEXT),
        (spanning, 10, (12, 13, -1), GAP),
        (spanning, 10, (9, 10, -1), STALE),
        (counted, 10, (11, 11, -1), NEXT),
        (counted, 10, (12, 12, -1), GAP),
        (counted, 10, (10, 10, -1), STALE),
    ],
)
def test_each_rule_tells_next_stale_and_gap(rule, known, change, verdict):
    """What follows, what is old, and what has something missing before it."""
    assert rule(known, *change) is verdict


def test_changes_wait_for_the_whole_book():
    """Those it holds are dropped, the others are applied on top, in order."""
    joint = Joint(linked)
    for last in (5, 6, 7, 8):
        assert joint.take(last, last, last - 1, f"c{last}") is STALE
    changes = joint.restart(6)

    assert changes == ["c7", "c8"]
    assert joint.known == 8
    assert joint.take(9, 9, 8, "c9") is NEXT


def test_a_missing_change_breaks_the_book_until_there_is_a_whole_one():
    """Nothing is believed in between, and what came meanwhile is not lost."""
    joint = Joint(linked)
    joint.restart(1)
    joint.take(2, 2, 1, "c2")
    assert joint.take(4, 4, 3, "c4") is GAP
    assert not joint.is_whole
    joint.take(5, 5, 4, "c5")

    assert joint.restart(2) is None
    assert joint.restart(3) == ["c4", "c5"]
    assert (joint.known, joint.gaps) == (5, 1)
