"""The escape timer of a follow grid."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderSide
from core.domain.events import Horizon, MarketMoved
from core.services.grid.follow import EscapeWatch, price_of

SECOND = 1_000_000_000
TICK = Decimal("0.1")


def market(at_s: int, bid: int | None, ask: int | None, mark: str | None = None) -> MarketMoved:
    """Prices in ticks of 0.1; the mark is the mid unless it is given."""
    exact = None if mark is None else Decimal(mark)
    if exact is None and bid is not None and ask is not None:
        exact = (bid + ask) * TICK / 2
    return MarketMoved(at_ns=at_s * SECOND, bid=bid, ask=ask, last=bid, mark=exact)


def watch(side: OrderSide = OrderSide.BUY, timeout_s: int | None = 60) -> EscapeWatch:
    """A watch at 102.0."""
    timeout_ns = None if timeout_s is None else timeout_s * SECOND
    return EscapeWatch(edge=1020, entry_side=side, tick=TICK, timeout_ns=timeout_ns)


@pytest.mark.parametrize(
    "side,bid,ask,is_outside",
    [
        (OrderSide.BUY, 1020, 1020, False),
        (OrderSide.BUY, 1019, 1021, False),
        (OrderSide.BUY, 1019, 1022, True),
        (OrderSide.BUY, 1021, 1022, True),
        (OrderSide.SELL, 1020, 1020, False),
        (OrderSide.SELL, 1019, 1021, False),
        (OrderSide.SELL, 1018, 1021, True),
        (OrderSide.SELL, 1018, 1019, True),
    ],
)
def test_the_mid_must_be_strictly_beyond_the_edge(
    side: OrderSide, bid: int, ask: int, is_outside: bool
):
    """At the edge itself nothing begins."""
    timer = watch(side)
    timer.see(market(1, bid, ask))

    assert (timer.since_ns == SECOND) is is_outside


def test_a_price_finer_than_the_tick_counts_exactly():
    """102.04 is beyond 102, though it rounds to it."""
    timer = watch()
    timer.see(market(1, 1020, 1021, "102.04"))

    assert timer.since_ns == SECOND


def test_without_a_book_the_last_trade_counts():
    """And without any price there is no escape."""
    last = MarketMoved(at_ns=1, bid=None, ask=None, last=1021, mark=None)
    nothing = MarketMoved(at_ns=1, bid=None, ask=None, last=None, mark=None)

    assert price_of(last, TICK) == Decimal("102.1")
    assert price_of(nothing, TICK) is None
    timer = watch()
    timer.see(nothing)
    assert timer.since_ns is None


def test_the_timer_ends_a_timeout_after_the_first_escape():
    """To the nanosecond, and later prices outside do not move it."""
    timer = watch()
    timer.see(market(1, 1021, 1021))
    timer.see(market(30, 1025, 1025))

    assert timer.expires_ns == 61 * SECOND
    assert not timer.is_expired(61 * SECOND - 1)
    assert timer.is_expired(61 * SECOND)


def test_the_horizon_is_the_edge_from_either_side():
    """Inside it waits for the edge from below; outside for the edge from above, or the time."""
    timer = watch()
    assert timer.horizon() == Horizon(above=1020)
    timer.see(market(1, 1021, 1021))
    assert timer.horizon() == Horizon(below=1020, at_ns=61 * SECOND)

    down = watch(OrderSide.SELL)
    assert down.horizon() == Horizon(below=1020)
    down.see(market(1, 1019, 1019))
    assert down.horizon() == Horizon(above=1020, at_ns=61 * SECOND)
    assert watch(timeout_s=None).horizon() == Horizon()


def test_a_gap_of_a_minute_stops_the_timer_and_a_longer_one_clears_it():
    """Time without prices does not count as escaped."""
    short, long = watch(), watch()
    for timer, back_s in ((short, 70), (long, 72)):
        timer.see(market(1, 1021, 1021))
        timer.distrust(10 * SECOND)
        assert timer.expires_ns is None
        timer.see(market(back_s, 1021, 1021))

    assert short.expires_ns == 121 * SECOND
    assert long.expires_ns == (72 + 60) * SECOND
