"""What the paper venue refuses, by the rules of a venue."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from core.adapters.exchanges.paper.moments import moment
from core.errors import OrderRejected
from core.testing.venue import PERP, SPOT, PaperHarness, venue_story

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
LIMIT, MARKET = OrderType.LIMIT, OrderType.MARKET


@pytest.fixture
def venue(tmp_path: Path) -> PaperHarness:
    """A venue whose perpetual has a smallest and a largest amount."""
    return PaperHarness(
        tmp_path / "venue.db", perp={"min_amount": D("0.1"), "max_amount": D(100)}, venue="binance"
    )


@pytest.mark.parametrize(
    "kind, amount, price, options, code",
    [
        (LIMIT, "1", "200", OrderOptions(client_order_id=""), "CLIENT_ID_INVALID"),
        (LIMIT, "1", "200", OrderOptions(client_order_id="x" * 200), "CLIENT_ID_INVALID"),
        (LIMIT, "1", "200", OrderOptions(client_order_id="a b"), "CLIENT_ID_INVALID"),
        (LIMIT, "1", "200", OrderOptions(client_order_id="à1"), "CLIENT_ID_INVALID"),
        (MARKET, "1", None, OrderOptions(post_only=True), "POST_ONLY_INVALID"),
        (
            LIMIT,
            "1",
            "200",
            OrderOptions(post_only=True, time_in_force=TimeInForce.IOC),
            "POST_ONLY_INVALID",
        ),
        (LIMIT, "0", "200", OrderOptions(), "AMOUNT_INVALID"),
        (LIMIT, "0.0005", "200", OrderOptions(), "LOT_SIZE"),
        (LIMIT, "0.099", "200", OrderOptions(), "MIN_AMOUNT"),
        (LIMIT, "100.001", "200", OrderOptions(), "MAX_AMOUNT"),
        (MARKET, "1", "200", OrderOptions(), "PRICE_INVALID"),
        (LIMIT, "1", None, OrderOptions(), "PRICE_INVALID"),
        (LIMIT, "1", "0", OrderOptions(), "PRICE_INVALID"),
        (LIMIT, "1", "200.05", OrderOptions(), "TICK_SIZE"),
        (LIMIT, "0.1", "49.9", OrderOptions(), "MIN_NOTIONAL"),
    ],
)
@venue_story
async def test_an_order_that_breaks_a_rule_is_refused_by_name(
    venue, kind, amount, price, options, code
):
    """The code tells which rule, and nothing of the order exists."""
    limit = None if price is None else D(price)
    with pytest.raises(OrderRejected) as caught:
        await venue.exchange.create_order(PERP, BUY, kind, D(amount), limit, options)

    assert caught.value.code == code
    assert await venue.exchange.get_open_orders() == []


@venue_story
async def test_amounts_and_values_at_the_edge_are_taken(venue):
    """The least and the most, and exactly the least value."""
    for amount, price in (("0.1", "50"), ("100", "50")):
        order = await venue.exchange.create_order(PERP, BUY, LIMIT, D(amount), D(price))
        assert order.status is OrderStatus.OPEN


@venue_story
async def test_what_arrives_after_its_deadline_is_refused(venue):
    """A create that was on its way for too long does nothing any more."""
    now = moment(venue.clock.now_ns())
    late = OrderOptions(client_order_id="late", expires_at=now - timedelta(seconds=1))
    with pytest.raises(OrderRejected) as caught:
        await venue.exchange.create_order(PERP, BUY, LIMIT, D(1), D(150), late)
    assert caught.value.code == "REQUEST_EXPIRED"

    early = OrderOptions(client_order_id="early", expires_at=now + timedelta(seconds=10))
    order = await venue.exchange.create_order(PERP, BUY, LIMIT, D(1), D(150), early)
    assert order.status is OrderStatus.OPEN


@venue_story
async def test_a_reduce_only_order_that_has_nothing_left_to_reduce_is_cancelled(venue):
    """It was right when it was placed; the position went another way meanwhile."""
    await venue.exchange.create_order(PERP, BUY, MARKET, D(1))
    exit_ = OrderOptions(client_order_id="exit", reduce_only=True)
    await venue.exchange.create_order(PERP, SELL, LIMIT, D(1), D(210), exit_)
    await venue.exchange.create_order(PERP, SELL, MARKET, D(1))
    await venue.trade("212")

    told = [item for item in venue.private if isinstance(item, OrderData)]
    last = [item for item in told if item.client_order_id == "exit"][-1]
    assert (last.status, last.reason, last.filled) == (OrderStatus.CANCELED, "REDUCE_ONLY", D(0))
    assert await venue.exchange.get_positions() == []


@venue_story
async def test_reduce_only_on_spot_sells_what_is_held_and_buys_nothing(venue):
    """There is no position to reduce: only what is held can be sold."""
    only = OrderOptions(reduce_only=True)
    for side in (BUY, SELL):
        with pytest.raises(OrderRejected) as caught:
            await venue.exchange.create_order(SPOT, side, LIMIT, D(1), D(200), only)
        assert caught.value.code == "REDUCE_ONLY"

    await venue.exchange.create_order(SPOT, BUY, MARKET, D(1))
    order = await venue.exchange.create_order(SPOT, SELL, LIMIT, D(1), D("199.9"), only)
    assert order.filled == D(1)
