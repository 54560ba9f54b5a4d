"""Orders that wait for a price at OKX and Bybit: somebody else's, told as open ones, left alone."""

import json
from decimal import Decimal

import pytest

from core.adapters.exchanges.decoding import Reading, listing_of
from core.adapters.exchanges.models import ExchangeType, OrderSide, OrderStatus, OrderType
from core.adapters.exchanges.okx.triggers import parse_triggers
from core.errors import OrderNotFound
from core.testing.venue import PERP
from core.testing.venues.ccxt_harness import okx_harness

D = Decimal
LISTING = listing_of("BTC-USDT-SWAP", "BTC", "USDT", ExchangeType.PERPETUAL, multiplier=D("0.01"))
ETH = listing_of("ETH-USDT-SWAP", "ETH", "USDT", ExchangeType.PERPETUAL, multiplier=D("0.1"))
READING = Reading(venue="okx", listings={item.key: item for item in (LISTING, ETH)})
ROW = {
    "algoId": "7", "algoClOrdId": "", "instId": "TEST-USDC-SWAP", "instType": "SWAP",
    "ordType": "trigger", "state": "live", "side": "sell", "posSide": "net", "sz": "2",
    "triggerPx": "150", "ordPx": "-1", "tdMode": "cross", "reduceOnly": "true",
    "cTime": "1737400000000", "uTime": "1737400000000",
}  # fmt: skip


@pytest.fixture
async def okx(tmp_path):
    """The door connected to OKX."""
    harness = okx_harness(tmp_path)
    await harness.start()
    yield harness
    await harness.stop()


def test_captured_rows_are_read(recorded):
    """Two that wait, of which one at market, and none that was triggered already."""
    rows = [json.loads(line) for line in recorded.lines("okx", "nautilus_okx_fixtures.jsonl.gz")]
    told = {row["name"]: row["msg"]["data"] for row in rows if "data" in row["msg"]}
    stop, limited = parse_triggers(told["ws_orders_algo"], READING)
    (both,) = parse_triggers(told["http_get_orders_algo_pending_attached_oco"], READING)

    assert (stop.order_id, stop.order_type, stop.side) == (
        "algo-706620792746729472",
        OrderType.MARKET,
        OrderSide.SELL,
    )
    assert (stop.amount, stop.reason, stop.reduce_only) == (D("0.0001"), "waits for 95000", True)
    assert (limited.price, limited.amount) == (D(106_000), D("0.0002"))
    assert limited.status is OrderStatus.PENDING
    assert both.reason == "waits for 39000 or 41000"
    assert parse_triggers(told["http_get_orders_algo_history"], READING) == ()


async def test_a_stop_of_somebody_else_is_told_and_left_alone(okx):
    """It stands among the open orders, and is no number that could be cancelled here."""
    okx.venue.rest.triggers = [ROW, {**ROW, "algoId": "8", "ordType": "oco", "state": "canceled"}]
    (found,) = await okx.exchange.get_open_orders(PERP)

    assert (found.order_id, found.symbol, found.status) == ("algo-7", PERP, OrderStatus.PENDING)
    assert found.client_order_id is None
    with pytest.raises(OrderNotFound):
        await okx.exchange.cancel_order(found.order_id, PERP)
    assert await okx.exchange.cancel_all_orders(PERP) == []


async def test_they_are_asked_for_once_a_minute(okx):
    """Three lists are a lot where the open orders are asked for again and again."""
    for _ in range(4):
        await okx.exchange.get_open_orders()

    assert len(okx.venue.calls_of("get_triggers")) == 3
    assert len(okx.venue.calls_of("get_open_orders")) == 4
