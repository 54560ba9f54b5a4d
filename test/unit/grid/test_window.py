"""Which orders belong to the venue when only the nearest may."""

from __future__ import annotations

from core.adapters.exchanges.models import OrderSide
from core.services.grid.window import Want, window_of


def want(level: int, side: OrderSide, price: int, *, is_live: bool = False) -> Want:
    """One slot's wish."""
    return Want(level=level, side=side, price=price, is_live=is_live)


BUYS = [want(level, OrderSide.BUY, 100 + level) for level in range(1, 6)]
SELLS = [want(level, OrderSide.SELL, 200 + level) for level in range(6, 11)]


def test_the_highest_buys_and_the_lowest_sells_are_inside():
    """Nearest to the price on each side."""
    assert window_of([*BUYS, *SELLS], 2).inside == {4, 5, 6, 7}


def test_one_more_than_the_window_may_stay_on_each_side():
    """What lives beyond that has to leave, the nearest of it is spared."""
    live = [want(each.level, each.side, each.price, is_live=True) for each in (*BUYS, *SELLS)]

    assert window_of(live, 2).surplus == (2, 1, 9, 10)


def test_a_wide_window_holds_all():
    """Nothing to cancel."""
    window = window_of([*BUYS, *SELLS], 5)

    assert window.inside == set(range(1, 11))
    assert window.surplus == ()
