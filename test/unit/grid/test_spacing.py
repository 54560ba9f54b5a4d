"""Ratios, numbers and distances, each from the other two."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.services.grid.spacing import count_of, interval_of, ratio_of


def test_the_ratio_of_five_steps_from_twenty_to_thirty_thousand():
    """(30000 / 20000) ^ (1 / 5)."""
    assert f"{ratio_of(Decimal(20_000), Decimal(30_000), 5):.5f}" == "1.08447"


@given(lower=st.integers(1, 10_000), more=st.integers(1, 10_000), count=st.integers(1, 2000))
def test_as_many_steps_fit_as_a_ratio_was_made_for(lower: int, more: int, count: int):
    """Counting with the ratio of n steps gives n, or one less by its last digit."""
    low, high = Decimal(lower), Decimal(lower + more)

    assert count_of(low, high, ratio_of(low, high, count)) in (count, count - 1)


def test_a_whole_number_of_steps_is_counted_whole():
    """100 to 133.1 by tenths of itself is three steps, and a little less is two."""
    ratio = Decimal("1.1")

    assert count_of(Decimal(100), Decimal("133.1"), ratio) == 3
    assert count_of(Decimal(100), Decimal("133.0999"), ratio) == 2
    assert count_of(Decimal(100), Decimal(109), ratio) == 0


def test_an_even_distance_never_reaches_beyond_the_range():
    """Cut down to the price step."""
    assert interval_of(Decimal(100), Decimal(120), 7, Decimal("0.1")) == Decimal("2.8")
    assert interval_of(Decimal(100), Decimal(120), 300, Decimal("0.1")) == 0
