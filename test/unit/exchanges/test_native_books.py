"""A side of a book from the wire's text: what it makes is as if made one by one, or refused."""

from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import BookLevel
from core.adapters.exchanges.native.books import best_of, check_sides, levels_of


def test_levels_are_what_their_class_makes():
    """Equal, of the same class, hashable and immutable, the second time as the first."""
    for _ in range(2):
        (level,) = levels_of([("118010.10", "0.250")])

        assert level == BookLevel(Decimal("118010.10"), Decimal("0.250"))
        assert type(level) is BookLevel
        assert hash(level) == hash(BookLevel(Decimal("118010.10"), Decimal("0.250")))
        with pytest.raises(FrozenInstanceError):
            level.price = Decimal(1)


def test_the_order_of_the_wire_is_kept():
    """Nothing is sorted, and an empty side is empty."""
    assert [level.price for level in levels_of([("3", "1"), ("5", "1"), ("4", "1")])] == [3, 5, 4]
    assert levels_of([]) == ()


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "Infinity", "", "null", "1e99", "0x10", " 1"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_level_that_cannot_be_is_refused(text, place):
    """Neither a price nor an amount is zero, negative, absurd or no number."""
    pair = ["1", "1"]
    pair[place] = text

    with pytest.raises(ValueError, match=r"^"):
        levels_of([tuple(pair)])


@pytest.mark.parametrize(
    "bids, asks",
    [
        (["9", "9"], []),
        (["8", "9"], []),
        ([], ["11", "11"]),
        ([], ["12", "11"]),
        (["10"], ["10"]),
        (["11"], ["10"]),
    ],
)
def test_sides_that_do_not_stand_right_are_refused(bids, asks):
    """Bids fall, asks rise, none comes twice, and the best bid is below the best ask."""
    with pytest.raises(ValueError, match=r"behind|reaches"):
        check_sides(_side(bids), _side(asks))


def test_sides_that_stand_right_pass():
    """One side may be missing."""
    check_sides(_side(["10", "9", "8"]), _side(["11", "12"]))
    check_sides((), _side(["11"]))
    check_sides(_side(["10"]), ())


def _side(prices):
    return levels_of([(price, "1") for price in prices])


def test_the_best_are_what_the_wire_says():
    """Bid, its amount, ask, its amount; a side that reaches the other, or is no number, is none."""
    assert best_of("3", "0.5", "3.1", "2") == (3, Decimal("0.5"), Decimal("3.1"), 2)
    for texts in (
        ("3", "1", "3", "1"),
        ("4", "1", "3", "1"),
        ("3", "0", "4", "1"),
        ("x", "1", "4", "1"),
    ):
        with pytest.raises(ValueError, match=r"."):
            best_of(*texts)
