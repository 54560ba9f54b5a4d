"""What is Backpack's own: windows, histories without an end, leverage of the whole account."""

from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.backpack.parse import parse_funding_payments
from core.adapters.exchanges.decoding import Reading, listing_of
from core.adapters.exchanges.models import (
    ExchangeType,
    MarginMode,
    OrderOptions,
    OrderSide,
    OrderType,
)
from core.errors import AuthError, NotSupported, OrderRejected
from core.testing.venue import PERP, SPOT
from core.testing.venues.harness import backpack_harness

D = Decimal


@asynccontextmanager
async def started():
    """A harness while it runs."""
    harness = backpack_harness(Path())
    await harness.start()
    try:
        yield harness
    finally:
        await harness.stop()


async def create(harness, price="190", **options):
    """A limit order to buy one."""
    return await harness.exchange.create_order(
        PERP, OrderSide.BUY, OrderType.LIMIT, D(1), D(price), OrderOptions(**options)
    )


async def test_a_deadline_becomes_the_window_of_the_request():
    """What arrives later is a definite no: the venue refuses it."""
    async with started() as harness:
        soon = harness.clock.now() + timedelta(seconds=3)
        await create(harness, expires_at=soon)
        (call,) = harness.venue.calls_of("create_order")
        harness.venue.faults.clock_offset_s = 30.0
        with pytest.raises(OrderRejected):
            await create(harness, price="191", expires_at=harness.clock.now())

        assert 2000 < int(call.headers["x-window"]) <= 3000


async def test_only_what_was_asked_for_is_sent():
    """No loan, no broker, no other field than an order's own."""
    async with started() as harness:
        await create(harness, client_order_id="a1", post_only=True)
        (call,) = harness.venue.calls_of("create_order")

        assert dict(call.params) == {
            "symbol": "TEST_USDC_PERP",
            "side": "Bid",
            "quantity": "1",
            "orderType": "Limit",
            "price": "190",
            "timeInForce": "GTC",
            "postOnly": True,
            "clientId": 398,
        }


async def test_isolated_margin_is_refused_and_spot_has_none():
    """The whole account is margined together."""
    async with started() as harness:
        with pytest.raises(OrderRejected, match="whole account"):
            await harness.exchange.set_margin_mode(PERP, MarginMode.ISOLATED)
        with pytest.raises(NotSupported):
            await harness.exchange.set_leverage(SPOT, D(2))


async def test_a_history_of_many_pages_is_walked_to_its_end(monkeypatch):
    """Every execution is there once, from old to new."""
    monkeypatch.setattr("core.adapters.exchanges.backpack.rest._PAGE", 2)
    async with started() as harness:
        for _ in range(5):
            await harness.exchange.create_order(PERP, OrderSide.BUY, OrderType.MARKET, D("0.5"))
        fills = await harness.exchange.get_fills(PERP)

        assert len({fill.trade_id for fill in fills}) == len(fills) == 5
        assert fills == sorted(fills, key=lambda fill: (fill.at, int(fill.trade_id)))
        assert len(harness.venue.calls_of("get_fills")) == 3


async def test_a_key_of_another_account_is_refused_where_a_position_tells():
    """Positions carry the user's number."""
    async with started() as harness:
        await harness.exchange.create_order(PERP, OrderSide.BUY, OrderType.MARKET, D(1))
        harness.exchange.account = "42"
        with pytest.raises(AuthError, match="another account"):
            await harness.exchange._prove()


def test_a_settlement_is_what_the_account_received():
    """Negative was paid; the position is not told."""
    listing = listing_of("SOL_USDC_PERP", "SOL", "USDC", ExchangeType.PERPETUAL)
    reading = Reading(venue="backpack", listings={"SOL_USDC_PERP": listing}, account="7")
    row = {
        "fundingRate": "0.0001",
        "intervalEndTimestamp": "2026-11-20T08:00:00",
        "quantity": "-0.25",
        "subaccountId": 0,
        "symbol": "SOL_USDC_PERP",
        "userId": 7,
    }
    (payment,) = parse_funding_payments([row], reading)

    assert (payment.symbol, payment.amount, payment.rate) == (
        "SOL-USDC-PERP",
        D("-0.25"),
        D("0.0001"),
    )
    assert (payment.account, payment.position) == ("7", 0)
    assert payment.at.isoformat() == "2026-11-20T08:00:00+00:00"
