"""Which orders count as a way out: never kept back by a cap, so the line must be exact."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.adapters.exchanges.models import OrderSide
from core.services.risk.rules import Exposure, reduces, worst_position
from core.testing.execution import order

BUY, SELL = OrderSide.BUY, OrderSide.SELL


@pytest.mark.parametrize(
    "position, side, amount, is_way_out",
    [
        (3, SELL, 1, True),
        (3, SELL, 3, True),
        (3, SELL, 4, False),
        (3, SELL, 0, False),
        (3, BUY, 1, False),
        (1, SELL, 1, True),
        (-3, BUY, 1, True),
        (-3, BUY, 3, True),
        (-3, BUY, 4, False),
        (-3, SELL, 1, False),
        (0, SELL, 1, False),
        (0, BUY, 1, False),
    ],
)
def test_an_order_reduces_up_to_what_is_held(
    position: int, side: OrderSide, amount: int, *, is_way_out: bool
):
    """The opposite side, from one lot to all of it; one lot more would open the other way."""
    command = order("a", amount=amount, side=side)

    assert reduces(command, Exposure(position=position)) is is_way_out


@pytest.mark.parametrize(
    "position, foreign, side, amount, is_way_out",
    [
        (2, 3, SELL, 5, True),
        (2, 3, SELL, 6, False),
        (-2, -3, BUY, 5, True),
        (-2, -3, BUY, 6, False),
        (2, -2, SELL, 2, True),
        (2, -3, BUY, 1, True),
        (2, -3, BUY, 2, False),
        (0, 4, SELL, 4, True),
    ],
)
def test_a_reduce_only_order_may_close_what_is_not_ours_as_well(
    position: int, foreign: int, side: OrderSide, amount: int, *, is_way_out: bool
):
    """The venue lets it take the whole position; without the mark only ours counts."""
    exposure = Exposure(position=position, foreign=foreign)
    plain = order("a", amount=amount, side=side)
    command = replace(plain, reduce_only=True)

    assert reduces(command, exposure) is is_way_out
    held = -position * side.sign
    assert reduces(plain, exposure) is (0 < amount <= held)


def test_the_worst_position_counts_what_may_still_fill_on_the_order_s_side():
    """Orders of the other side are not hoped for; the position counts with its sign."""
    exposure = Exposure(position=4, buys=10, sells=7)

    assert worst_position(order("a", amount=2, side=BUY), exposure) == 16
    assert worst_position(order("a", amount=2, side=SELL), exposure) == 5
    assert worst_position(order("a", amount=2, side=SELL), Exposure(position=-4, sells=1)) == 7
