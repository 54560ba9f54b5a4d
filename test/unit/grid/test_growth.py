"""What becomes of booked profit."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.services.grid.growth import grown_lots, share_of

D = Decimal


def test_a_share_is_taken_of_profits_only():
    """An eighth of 4 is 0.5; of a loss nothing."""
    assert share_of(D(4), D("12.5")) == D("0.5")
    assert share_of(D(-4), D("12.5")) == 0


def test_profit_is_put_in_by_whole_steps():
    """Ten percent more of 995 lots is 99.5: ninety in steps of ten."""
    assert grown_lots(995, 10, D(10), D(100)) == 995 + 90
    assert grown_lots(995, 1, D(10), D(100)) == 995 + 99


def test_a_loss_or_no_capital_leaves_amounts_alone():
    """Nothing is put in, and nothing taken away."""
    assert grown_lots(995, 1, D(-10), D(100)) == 995
    assert grown_lots(995, 1, D(10), D(0)) == 995


@given(
    lots=st.integers(1, 10**6),
    step=st.integers(1, 1000),
    invested=st.decimals(0, 10**6, places=8),
    capital=st.decimals(1, 10**6, places=8),
)
def test_no_more_is_put_in_than_there_is(lots: int, step: int, invested: D, capital: D):
    """The growth never exceeds its share of the capital."""
    grown = grown_lots(lots, step, invested, capital)

    assert grown >= lots
    assert (grown - lots) * capital <= lots * invested
