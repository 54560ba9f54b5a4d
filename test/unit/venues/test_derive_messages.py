"""Derive's messages: envelopes, states of orders, what is left out by name, what is refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import Instrument
from core.adapters.exchanges.transcript import Transcript

D = Decimal


def notice(channel, data):
    """A notification as the socket sends it."""
    return {"method": "subscription", "params": {"channel": channel, "data": data}}


def read(*messages, channel="all"):
    """What is told of messages, and who read them."""
    script = Transcript("derive", channel)
    entries = list(script.read(json.dumps(message).encode() for message in messages))
    return entries, script


ORDER = {
    "subaccount_id": 7,
    "order_id": "o1",
    "instrument_name": "ETH-PERP",
    "direction": "sell",
    "label": "",
    "order_status": "open",
    "order_type": "limit",
    "time_in_force": "post_only",
    "amount": "3",
    "filled_amount": "1",
    "average_price": "2000.5",
    "limit_price": "2000",
    "cancel_reason": "",
    "creation_timestamp": 1700000000000,
    "last_update_timestamp": 1700000001000,
}
TRADE = {
    "trade_id": "t1",
    "instrument_name": "ETH-PERP",
    "direction": "buy",
    "trade_price": "2000",
    "trade_amount": "0.5",
    "timestamp": 1700000000000,
}
FILL = {**TRADE, "order_id": "o1", "label": "x", "liquidity_role": "maker", "trade_fee": "-0.1"}
SLIM = {"b": "9", "B": "1", "a": "10", "A": "2", "I": "9.6", "M": "9.5", "f": "-0.00001"}
SLIM = {**SLIM, "t": 1700000000000, "stats": {"c": "5", "h": "11", "l": "8"}}
OPTION = "ETH-20260627-3500-C"


def test_a_slim_ticker_is_of_its_channel():
    """The channel names the instrument, and a perpetual's funding is by the hour."""
    ((entry,), script) = read(notice("ticker_slim.SOL-PERP.1000", {"instrument_ticker": SLIM}))
    ticker, funding = entry.items

    assert (ticker.symbol, ticker.bid, ticker.ask, ticker.index) == (
        "SOL-USDC-PERP",
        D(9),
        D(10),
        D("9.6"),
    )
    assert (ticker.high_24h, ticker.low_24h, ticker.volume_24h) == (D(11), D(8), D(5))
    assert (funding.symbol, funding.rate, funding.interval_s) == (
        "SOL-USDC-PERP",
        D("-0.00001"),
        3600,
    )
    assert script.unknown == {}


def test_tickers_of_many_are_told_without_options():
    """A map of tickers: a bad one is counted and left out, as an option is."""
    crossed = {**SLIM, "b": "10.5"}
    told = {"ETH-PERP": SLIM, "BTC-PERP": crossed, OPTION: SLIM, "ETH-USDC": {**SLIM, "f": None}}
    ((entry,), script) = read({"id": 1, "result": {"tickers": told}})

    assert [item.symbol for item in entry.items] == [
        "ETH-USDC-PERP",
        "ETH-USDC-PERP",
        "ETH-USDC-SPOT",
    ]
    assert script.unknown == {"tickers:option": 1, "tickers:refused": 1}


def test_both_rows_of_a_trade_are_one_trade():
    """The maker's row says the opposite side; the trade is told once, with the taker's."""
    rows = [
        {**TRADE, "direction": "sell", "liquidity_role": "maker"},
        {**TRADE, "liquidity_role": "taker"},
    ]
    ((entry,), _) = read({"id": 1, "result": {"trades": rows, "pagination": {"count": 2}}})
    (trade,) = entry.items

    assert (trade.side, trade.trade_id, trade.amount) == ("buy", "t1", D("0.5"))


@pytest.mark.parametrize(
    "channel, data, message, kinds",
    [
        ("orderbook.ETH-PERP.1.10", {"instrument_name": "ETH-PERP"}, "orderbook", "OrderBookData"),
        ("trades.perp.ETH", [TRADE], "trades", "TradeData"),
        ("7.trades", [FILL], "user_trades", "FillData"),
        ("7.orders", [ORDER], "orders", "OrderData"),
        ("7.balances", [{"name": "USDC", "new_balance": "-2"}], "balances", "BalanceData"),
        ("7.balances", [{"name": "ETH-PERP", "new_balance": "-2"}], "balances", "PositionData"),
    ],
)
def test_a_channel_says_what_its_messages_are(channel, data, message, kinds):
    """Public and private channels in their envelope."""
    if isinstance(data, dict):
        data = {**data, "bids": [["9", "1"]], "asks": [["10", "1"]], "timestamp": 1700000000000}
    ((entry,), _) = read(notice(channel, data))

    assert (entry.message, entry.error) == (message, None)
    assert [type(item).__name__ for item in entry.items] == [kinds]


@pytest.mark.parametrize(
    "message, name",
    [
        (notice(f"ticker_slim.{OPTION}.100", {"instrument_ticker": SLIM}), "options"),
        (notice("trades.option.ETH", [{**TRADE, "instrument_name": OPTION}]), "options"),
        (notice("7.orders", [{**ORDER, "instrument_name": OPTION}]), "options"),
        (notice("spot_feed.ETH", {"feeds": {}}), "news"),
        (notice("7.quotes", []), "news"),
        ({"id": 1, "error": {"code": 9}}, "control"),
        ({"id": 1, "result": "ok"}, "control"),
        ({"id": 1, "result": []}, "empty page"),
        ({"id": 1, "result": [7, 8]}, "control"),
        ({"id": 1, "result": {"cancelled_orders": 2}}, "control"),
        ({"id": 1, "method": "private/order", "params": {}}, "request"),
        ({"amount": "1", "nonce": 1, "signature": "0x"}, "request"),
    ],
)
def test_what_carries_nothing_is_named(message, name):
    """Options, feeds, acknowledgements and requests are counted by what they are."""
    entries, script = read(message)

    assert (entries, script.skipped) == ([], {f"other channel: {name}": 1})


# -- orders, fills, money -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word, filled, status",
    [
        ("open", "0", "open"),
        ("open", "1", "partially_filled"),
        ("filled", "3", "filled"),
        ("cancelled", "1", "canceled"),
        ("expired", "0", "expired"),
        ("rejected", "0", "rejected"),
        ("untriggered", "0", "pending"),
        ("sleeping", "0", "unknown"),
    ],
)
def test_the_states_of_an_order(word, filled, status):
    """A resting order that filled in part is so called; an unknown state is UNKNOWN and counted."""
    ((entry,), script) = read({**ORDER, "order_status": word, "filled_amount": filled})
    (order,) = entry.items

    assert (order.status.value, order.filled, order.post_only) == (status, D(filled), True)
    assert (order.client_order_id, order.price) == (None, D(2000))
    assert script.unknown == ({"orders:order_status=sleeping": 1} if status == "unknown" else {})


def test_an_answer_tells_the_order_and_its_fills():
    """A replaced order stands first; a market order's worst price is not its price."""
    market = {**ORDER, "order_type": "market", "time_in_force": "ioc", "order_status": "filled"}
    old = {**ORDER, "order_id": "o0", "order_status": "cancelled", "cancel_reason": "user_request"}
    answer = {"order": market, "cancelled_order": old, "trades": [FILL]}
    ((entry,), _) = read({"id": 1, "result": answer})
    before, order, fill = entry.items

    assert (before.order_id, before.reason) == ("o0", "user_request")
    assert (order.price, order.time_in_force, order.post_only) == (None, "ioc", False)
    assert (fill.fee, fill.liquidity, fill.client_order_id) == (D("-0.1"), "maker", "x")


def test_what_is_no_execution_is_no_fill():
    """A position moved between subaccounts, and a trade whose settlement was reverted."""
    rows = [FILL, {**FILL, "is_transfer": True}, {**FILL, "tx_status": "reverted"}]
    ((entry,), script) = read(notice("7.trades", rows))

    assert len(entry.items) == 1
    assert script.unknown == {"user_trades:transfer": 1, "user_trades:reverted": 1}


def test_what_was_borrowed_is_a_negative_total():
    """A debt is a total below zero of which nothing is free."""
    row = {"asset_name": "USDC", "amount": "-12.5", "mark_value": "-12.5"}
    ((entry,), _) = read({"id": 1, "result": {"collaterals": [row], "subaccount_id": 7}})
    (balance,) = entry.items

    assert (balance.asset, balance.total, balance.free) == ("USDC", D("-12.5"), D(0))


def test_funding_history_is_by_the_hour():
    """Rates keep their sign."""
    rows = [{"timestamp": 1700000000000, "funding_rate": "-0.00002"}]
    ((entry,), _) = read({"id": 1, "result": {"funding_rate_history": rows}})

    assert [(item.rate, item.interval_s) for item in entry.items] == [(D("-0.00002"), 3600)]


def test_uneven_candles_have_no_length():
    """One candle, or steps that differ, do not say how long a candle is."""
    row = {"open_price": "1", "high_price": "2", "low_price": "1", "close_price": "2"}
    rows = [
        {**row, "volume_contracts": "1", "timestamp_bucket": 1700000000 + s} for s in (0, 60, 300)
    ]
    for answer in (rows[:1], rows[:2], rows):
        ((entry,), _) = read(answer)

        assert {item.timeframe for item in entry.items} == {""}


def test_empty_pages_are_read():
    """A page without rows is one of its kind."""
    pages = [{"id": 1, "result": {name: [], "subaccount_id": 7}} for name in ("orders", "trades")]
    entries, _ = read(*pages)

    assert [(entry.message, entry.items) for entry in entries] == [("orders", ()), ("trades", ())]


def test_an_instrument_that_is_learnt_is_used():
    """A perpetual that counts in another coin keeps that coin from then on."""
    listed = {
        "instrument_name": "ETH-PERP",
        "instrument_type": "perp",
        "base_currency": "ETH",
        "quote_currency": "USDT",
        "is_active": False,
        "tick_size": "0.1",
        "amount_step": "0.01",
    }
    first, second = read([listed], TRADE)[0]

    assert isinstance(first.items[0], Instrument)
    assert second.items[0].symbol == "ETH-USDT-PERP"


@pytest.mark.parametrize(
    "message, problem",
    [
        ({**TRADE, "trade_price": "0"}, "trade_price should be above 0"),
        ({**TRADE, "direction": "long"}, "direction should be one of buy, sell"),
        ({**ORDER, "amount": "-1"}, "amount should be above 0"),
        ({**ORDER, "order_type": "stop"}, "order_type should be one of"),
        ({**FILL, "liquidity_role": "both"}, "liquidity_role should be one of"),
        ({"name": "USDC", "new_balance": "NaN"}, "new_balance should be a number"),
        ({"instrument_ticker": {**SLIM, "b": "11"}}, "crosses the ask"),
        ({"instrument_ticker": {**SLIM, "I": "100"}}, "cannot belong together"),
        (
            {"instrument_name": "ETH-PERP", "bids": [["9", "1"]], "asks": [["9", "1"]]},
            "cross the asks",
        ),
        (
            {
                "instrument_name": "X-PERP",
                "instrument_type": "bond",
                "tick_size": 1,
                "amount_step": 1,
            },
            "instrument_type should be one of perp, erc20",
        ),
    ],
)
def test_what_cannot_be_is_refused(message, problem):
    """One line names the field."""
    ((entry,), _) = read(message)

    assert entry.items == ()
    assert problem in (entry.error or "")
