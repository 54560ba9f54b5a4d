from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.models import OrderSide
from core.domain.position import FLAT, Position, cash_flow, liquidation_price, unrealized, value_of

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
ONE = D(1)


def test_adding_averages_the_entry():
    """Two buys of the same size meet in the middle."""
    position = FLAT.after(BUY, D("100"), D("1")).after(BUY, D("110"), D("1"))

    assert position == Position(size=D("2"), entry_price=D("105"))


def test_reducing_keeps_the_entry_and_closing_forgets_it():
    """The average changes only when the position grows."""
    position = FLAT.after(SELL, D("100"), D("3")).after(BUY, D("90"), D("1"))

    assert position == Position(size=D("-2"), entry_price=D("100"))
    assert position.after(BUY, D("80"), D("2")) == FLAT


def test_turning_takes_the_new_price():
    """What is beyond zero was entered at the price that turned it."""
    position = FLAT.after(BUY, D("100"), D("1")).after(SELL, D("120"), D("3"))

    assert position == Position(size=D("-2"), entry_price=D("120"))


@pytest.mark.parametrize("size, expected", [("2", "20"), ("-2", "-20")])
def test_the_open_result_has_the_side_s_sign(size, expected):
    """A rise of ten is a gain for a long and a loss for a short."""
    position = Position(size=D(size), entry_price=D("100"))

    assert unrealized(position, D("110"), ONE) == D(expected)


EXECUTIONS = st.lists(
    st.tuples(st.sampled_from(OrderSide), st.integers(1, 10**7), st.integers(1, 10**6)),
    min_size=1,
    max_size=30,
)


@given(EXECUTIONS, st.integers(1, 10**7))
def test_cash_and_worth_are_exact(executions, mark):
    """Equity is what whole numbers say, to the last digit."""
    tick, lot = D("0.00001"), D("0.000001")
    cash, units, size = D(0), 0, 0
    position = FLAT
    for side, ticks, lots in executions:
        cash += cash_flow(side, ticks * tick, lots * lot, D(7))
        position = position.after(side, ticks * tick, lots * lot)
        units -= side.sign * ticks * lots
        size += side.sign * lots
    worth = cash + value_of(position.size, mark * tick, D(7))

    assert worth == (units + size * mark) * 7 * tick * lot
    assert position.size == size * lot


@pytest.mark.parametrize(
    "size, entry, collateral, rate, expected",
    [
        # Binance isolated, margin = notional / leverage, cum 0.
        ("1", "10", "2", "0.01", "8.0808080808"),
        ("-1", "10", "2", "0.01", "11.8811881188"),
        # 50 times leverage, 0.5 % maintenance.
        ("1", "20000", "400", "0.005", "19698.4924623116"),
    ],
)
def test_the_liquidation_price_is_where_equity_meets_maintenance(
    size, entry, collateral, rate, expected
):
    """At that mark collateral and open result are the maintenance margin."""
    position = Position(size=D(size), entry_price=D(entry))
    price = liquidation_price(position, D(collateral), D(rate), ONE)

    assert price is not None
    assert round(price, 10) == D(expected)
    equity = D(collateral) + unrealized(position, price, ONE)
    assert abs(equity - abs(D(size)) * price * D(rate)) < D("1e-20")


def test_a_position_with_enough_behind_it_is_never_liquidated():
    """A long whose collateral exceeds its worth has no such price, nor has a flat one."""
    assert liquidation_price(FLAT, D(1), D("0.01"), ONE) is None
    covered = Position(size=ONE, entry_price=D(10))
    assert liquidation_price(covered, D(10), D("0.01"), ONE) is None
