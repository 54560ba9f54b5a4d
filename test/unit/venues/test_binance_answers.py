"""The answer to an order of Binance, decoded straight into what is used of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.binance.answers import OrderRow, order_answer, order_row
from core.adapters.exchanges.binance.parse import parse_order, read_order
from core.adapters.exchanges.decoding import Listing, Reading, decode
from core.adapters.exchanges.models import OrderSide, OrderStatus, OrderType
from core.errors import MalformedMessage, OrderRejected
from core.testing.venue import PERP
from core.testing.venues.harness import binance_harness

SYMBOL = "BTC-USDT-PERP"
USDM = Listing(key="BTCUSDT", symbol=SYMBOL, base="BTC", quote="USDT")
FUTURES = {
    "orderId": 20072994037,
    "symbol": "BTCUSDT",
    "status": "PARTIALLY_FILLED",
    "clientOrderId": "cAbc12x0E1",
    "price": "30005.0",
    "avgPrice": "30004.5",
    "origQty": "1.000",
    "executedQty": "0.400",
    "cumQty": "0.400",
    "cumQuote": "12001.8",
    "timeInForce": "GTX",
    "type": "LIMIT",
    "reduceOnly": True,
    "closePosition": False,
    "side": "BUY",
    "positionSide": "BOTH",
    "stopPrice": "0",
    "workingType": "CONTRACT_PRICE",
    "priceProtect": False,
    "origType": "LIMIT",
    "priceMatch": "NONE",
    "selfTradePreventionMode": "NONE",
    "goodTillDate": 0,
    "updateTime": 1702555534435,
}
SPOT = {
    "symbol": "BTCUSDT",
    "origClientOrderId": "mine",
    "orderId": 12569099453,
    "orderListId": -1,
    "clientOrderId": "the cancel request's",
    "transactTime": 1684804350068,
    "price": "23416.10",
    "origQty": "0.00847",
    "executedQty": "0.001",
    "cummulativeQuoteQty": "23.4161",
    "status": "CANCELED",
    "timeInForce": "GTC",
    "type": "LIMIT_MAKER",
    "side": "SELL",
    "selfTradePreventionMode": "NONE",
}


def reading() -> Reading:
    """What a parser may know."""
    received_at = datetime(2026, 1, 1, tzinfo=UTC)
    return Reading(venue="binance", listings={"BTCUSDT": USDM}, received_at=received_at)


@pytest.mark.parametrize("body", [FUTURES, SPOT, FUTURES | {"type": "MARKET", "price": "0"}])
def test_a_typed_answer_says_what_the_fields_say(body):
    """Over HTTP, over the socket and read field by field it is the same order."""
    text = json.dumps(body)
    message = f'{{"id":"7","status":200,"result":{text},"rateLimits":[{{"count":1}}]}}'
    answer, row = order_answer(message.encode()), order_row(text.encode())
    assert answer is not None
    assert row is not None
    expected = parse_order(decode(text, venue="binance"), reading())

    assert str(answer.id) == "7"
    assert read_order(answer.result, reading()) == expected
    assert read_order(row, reading()) == expected


def test_what_an_order_says():
    """Its average, our id where it was cancelled, and post-only in both of the venue's words."""
    futures, spot = parse_order(FUTURES, reading()), parse_order(SPOT, reading())

    assert (futures.status, futures.average_price) == (
        OrderStatus.PARTIALLY_FILLED,
        Decimal("30004.5"),
    )
    assert (spot.client_order_id, spot.average_price) == ("mine", Decimal("23416.1"))
    assert (futures.post_only, spot.post_only, futures.reduce_only) == (True, True, True)
    assert spot.created_at == spot.updated_at == datetime.fromtimestamp(1684804350.068, UTC)
    assert futures.created_at is None


@pytest.mark.parametrize(
    "message",
    [
        b'{"id":"7","status":400,"error":{"code":-2010,"msg":"no"}}',
        b'{"id":"7","status":200,"result":{"listenKey":"x"}}',
        b'{"id":"7","status":200,"result":%b,"error":{}}' % json.dumps(FUTURES).encode(),
        json.dumps({"id": 1, "status": 200, "result": FUTURES | {"new": 1}}).encode(),
        json.dumps({"id": 1, "status": 200, "result": FUTURES | {"price": 1.5}}).encode(),
        b"<html>",
        b"\xff",
    ],
)
def test_an_unusual_answer_is_left_to_whoever_reads_fields(message):
    """A refusal, another answer, a field that nobody knows, or no JSON."""
    assert order_answer(message) is None


def test_what_nobody_knows_is_counted():
    """A new field and a new state, and the order is read all the same."""
    at = reading()
    order = parse_order(FUTURES | {"new": 1, "status": "PONDERING"}, at)

    assert order.status is OrderStatus.UNKNOWN
    assert at.unknown == {"order.new": 1, "order:status=PONDERING": 1}


@pytest.mark.parametrize(
    "change, named",
    [
        ({"price": "NaN"}, "price"),
        ({"origQty": "-1"}, "origQty"),
        ({"executedQty": "1e99"}, "executedQty"),
        ({"side": "HOLD"}, "HOLD"),
        ({"type": ""}, "type"),
        ({"orderId": ""}, "id"),
        ({"symbol": "ETHUSDT"}, "ETHUSDT"),
        ({"updateTime": 5}, "updateTime"),
    ],
)
def test_what_cannot_be_is_named(change, named):
    """In a typed answer as in one that is read field by field."""
    row = order_row(json.dumps(FUTURES | change).encode())
    assert isinstance(row, OrderRow)

    with pytest.raises(MalformedMessage, match=named):
        read_order(row, reading())
    with pytest.raises(MalformedMessage):
        parse_order(FUTURES | change, reading())


async def test_an_order_follows_the_newest_rules():
    """What was looked up for the order before is not believed when the venue's list is another."""
    harness = binance_harness(Path())
    await harness.start()
    try:
        exchange = harness.exchange
        order = (PERP, OrderSide.BUY, OrderType.LIMIT, Decimal(1), Decimal(199))
        placed = await exchange.create_order(*order)
        listing = exchange.listings.by_symbol[PERP]
        exchange.listings.by_symbol[PERP] = replace(listing, is_trading=False)
        with pytest.raises(OrderRejected) as halted:
            await exchange.create_order(*order)
        rules = replace(listing.instrument, min_amount=Decimal(5))
        exchange.listings.by_symbol[PERP] = replace(listing, instrument=rules)
        with pytest.raises(OrderRejected) as small:
            await exchange.create_order(*order)
        exchange.listings.by_symbol[PERP] = listing
        again = await exchange.create_order(*order)
    finally:
        await harness.stop()

    assert (halted.value.code, small.value.code) == ("HALTED", "MIN_AMOUNT")
    assert placed.order_id != again.order_id
