"""Bybit messages, by the values they become."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.bybit import instruments, parse
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.depth import Succession
from core.adapters.exchanges.models import OrderBookData, OrderStatus
from core.errors import MalformedMessage

BTC = Listing(key="BTCUSDT", symbol="BTC-USDT-PERP", funding_interval_s=8 * 3600)
ORDER = {
    "category": "linear",
    "symbol": "BTCUSDT",
    "orderId": "5cf98598-39a7-459e-97bf-76ca765ee021",
    "orderLinkId": "cAbc12x0E1",
    "side": "Sell",
    "orderType": "Limit",
    "price": "60000",
    "qty": "0.5",
    "orderStatus": "PartiallyFilledCanceled",
    "cancelType": "CancelByUser",
    "rejectReason": "EC_NoError",
    "avgPrice": "60000.5",
    "cumExecQty": "0.2",
    "timeInForce": "PostOnly",
    "reduceOnly": True,
    "createdTime": "1700000000000",
    "updatedTime": "1700000005000",
}


def book(kind: str, update: int, ask: list[str]) -> dict[str, object]:
    """A message of `orderbook.50.BTCUSDT`."""
    return {
        "topic": "orderbook.50.BTCUSDT",
        "type": kind,
        "ts": 1709891679500,
        "cts": 1709891679497,
        "data": {"s": "BTCUSDT", "b": [["27450.00", "0.400"]], "a": [ask], "u": update, "seq": 9},
    }


def test_books(reading):
    """A snapshot replaces, a delta counts on, and its time is the matching engine's."""
    known = reading("bybit", BTC)
    whole = parse.parse_orderbook(book("snapshot", 1, ["27451", "1"]), known)
    change = parse.parse_orderbook(book("delta", 2, ["27451", "0"]), known)

    assert isinstance(whole, OrderBookData)
    assert change.succession(1) is Succession.NEXT
    assert change.succession(0) is Succession.GAP
    assert change.asks[0].amount == 0
    assert change.at.microsecond == 497000


def test_a_delta_of_a_ticker_says_only_what_changed(said):
    """What a delta leaves out is unknown, not zero."""
    message = {
        "topic": "tickers.BTCUSDT",
        "type": "delta",
        "ts": 1709891679500,
        "data": {"symbol": "BTCUSDT", "markPrice": "60000", "bid1Price": "59999.5"},
    }
    (ticker,) = said("bybit", message)

    assert (ticker["mark"], ticker["bid"], ticker["ask"], ticker["last"]) == (
        "60000",
        "59999.5",
        None,
        None,
    )


def test_funding_states_its_interval(said):
    """The interval is the ticker's own, else the instrument's."""
    data = {
        "symbol": "BTCUSDT",
        "fundingRate": "-0.000212",
        "nextFundingTime": "1673280000000",
        "fundingIntervalHour": "4",
    }
    message = {"topic": "tickers.BTCUSDT", "type": "snapshot", "ts": 1673272861686, "data": data}
    _, funding = said("bybit", message)

    assert (funding["rate"], funding["interval_s"]) == ("-0.000212", 4 * 3600)


def test_an_order(said):
    """A partly filled order that was cancelled keeps what it filled and why it ended."""
    (order,) = said("bybit", {"topic": "order", "creationTime": 1, "data": [ORDER]})

    assert (order["status"], order["filled"], order["reason"]) == (
        "canceled",
        "0.2",
        "CancelByUser",
    )
    assert (order["side"], order["post_only"], order["reduce_only"]) == ("sell", True, True)
    assert order["updated_at"] == "2023-11-14T22:13:25.000Z"


def test_an_unknown_state_is_unknown(reading):
    """A state that nobody knows is UNKNOWN."""
    (order,) = parse.parse_orders([{**ORDER, "orderStatus": "Thawing"}], reading("bybit", BTC))

    assert order.status is OrderStatus.UNKNOWN


def test_only_trades_are_fills(reading):
    """Funding comes as an execution too, and is none of our fills."""
    row = {
        "symbol": "BTCUSDT",
        "execId": "0ab1bdf7",
        "orderId": "9aac161b",
        "orderLinkId": "",
        "side": "Buy",
        "execPrice": "95900.1",
        "execQty": "0.5",
        "execFee": "26.3725275",
        "execType": "Trade",
        "execTime": "1746270400353",
        "isMaker": False,
    }
    known = reading("bybit", BTC)
    (fill,) = parse.parse_executions([row, {**row, "execType": "Funding"}], known)

    assert (fill.fee, fill.liquidity) == (Decimal("26.3725275"), "taker")
    assert fill.client_order_id is None
    assert known.unknown == {"execution:execType=Funding": 1}


@pytest.mark.parametrize("side, size", [("Buy", "0.1"), ("Sell", "-0.1"), ("", "0")])
def test_positions_are_signed(reading, side, size):
    """The side gives the sign; another word is refused."""
    row = {"symbol": "BTCUSDT", "side": side, "size": "0.1", "entryPrice": "50000", "tradeMode": 1}
    (position,) = parse.parse_positions([row], reading("bybit", BTC))

    assert (position.size, position.margin_mode) == (Decimal(size), "isolated")
    with pytest.raises(MalformedMessage, match="should be Buy, Sell or empty"):
        parse.parse_positions([{**row, "side": "Both"}], reading("bybit", BTC))


def test_instruments(reading):
    """Spot's steps are `basePrecision`, linear's `qtyStep`; an inverse contract is one dollar."""
    linear = {
        "symbol": "BTCUSDT",
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": "BTC",
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "leverageFilter": {"maxLeverage": "100"},
        "priceFilter": {"tickSize": "0.10"},
        "lotSizeFilter": {"qtyStep": "0.001", "minOrderQty": "0.001", "minNotionalValue": "5"},
        "fundingInterval": 480,
    }
    spot = {
        "symbol": "BTCUSDT",
        "status": "PreLaunch",
        "baseCoin": "BTC",
        "quoteCoin": "USDT",
        "priceFilter": {"tickSize": "0.01"},
        "lotSizeFilter": {
            "basePrecision": "0.000001",
            "minOrderQty": "0.00005",
            "minOrderAmt": "1",
        },
    }
    inverse = {**linear, "symbol": "BTCUSD", "quoteCoin": "USD", "contractType": "InversePerpetual"}
    answer = {"retCode": 0, "result": {"category": "x", "list": [linear, spot, inverse]}}
    first, second, third = instruments.parse_instruments(answer, reading("bybit"))

    assert first.instrument is not None
    assert second.instrument is not None
    assert (first.instrument.lot_size, first.instrument.min_notional) == (Decimal("0.001"), 5)
    assert first.funding_interval_s == 8 * 3600
    assert (second.symbol, second.is_trading) == ("BTC-USDT-SPOT", False)
    assert second.instrument.lot_size == Decimal("0.000001")
    assert third.amount(Decimal(30_000), Decimal(60_000)) == Decimal("0.5")


def test_a_recorded_book_is_unbroken(recorded):
    """A recorded book of 500 levels counts on without a gap."""
    entries, script = recorded("bybit", "bybit_linear_xrpusdt_orderbook500_2024-12-01.jsonl.gz")
    (whole,) = entries[0].items
    sequence = whole.sequence
    for entry in entries[1:]:
        (change,) = entry.items
        assert change.succession(sequence) is Succession.NEXT
        sequence = change.last_sequence

    assert len(entries) == 30
    assert (len(whole.bids), whole.symbol) == (500, "XRP-USDT-PERP")
    assert script.unknown == {}


def test_recorded_fixtures(recorded):
    """Single recorded messages parse, and nothing in them is unknown."""
    entries, script = recorded("bybit", "nautilus_bybit_fixtures.jsonl.gz")
    by_name = {entry.message: entry.items for entry in entries}

    assert [entry.error for entry in entries if entry.error] == []
    assert script.unknown == {}
    assert by_name["publicTrade"][0].price == Decimal("27451.00")
    assert by_name["kline"][0].close == Decimal(16677)
    fills = [item for entry in entries if entry.message == "execution" for item in entry.items]
    told = {fill.trade_id: fill for fill in fills}["0ab1bdf7-4219-438b-b30a-32ec863018f7"]
    assert (told.price, told.amount, told.fee, told.fee_currency) == (
        Decimal("95900.1"),
        Decimal("0.5"),
        Decimal("26.3725275"),
        "USDT",
    )
    sizes = [item.size for entry in entries if entry.message == "position" for item in entry.items]
    assert [size for size in sizes if size] == [
        Decimal("0.5"),
        Decimal("-5.0"),
        Decimal("-0.01"),
        Decimal("0.1"),
    ]
    money = [item for entry in entries if entry.message == "wallet" for item in entry.items]
    assert (money[2].asset, money[2].free) == ("BTC", Decimal("0.00092964"))


def test_a_post_only_order_that_would_take_is_rejected(said):
    """The venue cancels it with a reason of its own."""
    row = {
        "symbol": "BTCUSDT", "orderId": "o1", "orderLinkId": "a1", "side": "Buy",
        "orderType": "Limit", "price": "60000", "qty": "1", "cumExecQty": "0",
        "orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity",
        "timeInForce": "PostOnly", "category": "linear",
    }  # fmt: skip
    (order,) = said("bybit", {"topic": "order", "data": [row]})

    assert (order["status"], order["reason"]) == ("rejected", "POST_ONLY_WOULD_CROSS")
