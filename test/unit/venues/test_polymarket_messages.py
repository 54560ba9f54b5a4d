"""Polymarket's messages: variants of each kind, what is left out by name, what is refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.transcript import Transcript

D = Decimal
YES, NO = "700001", "700002"
AT = "1703875200000"
LEVEL = {"price": "0.4", "size": "10"}
CHANGE = {"asset_id": YES, "price": ".5", "size": "0", "side": "SELL"}
ORDER = {
    "asset_id": YES,
    "id": "0xo1",
    "owner": "us",
    "market": "0xm",
    "original_size": "10",
    "size_matched": "0",
    "price": "0.4",
    "side": "BUY",
}
MADE = {"order_id": "0xm1", "owner": "us", "matched_amount": "3", "price": "0.6", "asset_id": NO}
TRADE = {
    "asset_id": YES,
    "id": "t1",
    "owner": "us",
    "taker_order_id": "0xo1",
    "maker_orders": [MADE],
    "side": "BUY",
    "size": "5",
    "price": "0.4",
    "status": "CONFIRMED",
    "trader_side": "TAKER",
    "match_time": "1703875200",
}
GAMMA = {
    "conditionId": "0xc",
    "question": "Will it rain?",
    "clobTokenIds": f'["{YES}", "{NO}"]',
    "orderPriceMinTickSize": 0.01,
    "orderMinSize": 5,
}


def read(*messages, channel="all"):
    """What is told of messages, and who read them."""
    script = Transcript("polymarket", channel)
    entries = list(script.read(json.dumps(message).encode() for message in messages))
    return entries, script


def items(*messages):
    """The things that are told of messages which all are read."""
    entries, _ = read(*messages)
    assert [entry.error for entry in entries if entry.error] == []
    return [item for entry in entries for item in entry.items]


# -- the market -----------------------------------------------------------------------------------


def test_books_come_alone_or_in_an_array():
    """A socket begins with the books of all its tokens in one message."""
    books = [
        {"event_type": "book", "asset_id": key, "bids": [LEVEL], "asks": [], "timestamp": AT}
        for key in (YES, NO)
    ]

    assert [book.symbol for book in items(books, books[0])] == [YES, NO, YES]


def test_older_changes_name_their_token_once():
    """Before September 2025 a message was about one token and named no best prices."""
    message = {
        "event_type": "price_change",
        "asset_id": YES,
        "changes": [LEVEL | {"side": "BUY"}, LEVEL | {"side": "SELL", "price": "0.6", "size": "0"}],
        "timestamp": AT,
    }
    (delta,) = items(message)

    assert isinstance(delta, BookDelta)
    assert [(level.price, level.amount) for level in delta.bids] == [(D("0.4"), 10)]
    assert [(level.price, level.amount) for level in delta.asks] == [(D("0.6"), 0)]
    assert delta.last_sequence is None


@pytest.mark.parametrize("none", [("0", "1"), ("", ""), ("0", "0")])
def test_an_empty_side_has_no_best_price(none):
    """A best bid of 0 and a best ask of 1 stand for an empty book."""
    bid, ask = none
    best = {"event_type": "best_bid_ask", "asset_id": YES, "best_bid": bid, "best_ask": ask}
    (ticker,) = items({**best, "timestamp": AT})

    assert (ticker.bid, ticker.ask) == (None, None)


def test_a_trade_with_a_transaction_has_an_id():
    """The transaction stands for the trade's id."""
    last = {"event_type": "last_trade_price", "transaction_hash": "0xt", **LEVEL, "side": "SELL"}
    (trade,) = items({**last, "asset_id": YES, "timestamp": AT})

    assert (trade.trade_id, trade.side) == ("0xt", "sell")


def test_the_socket_of_activity_tells_trades():
    """A row of the Data API in the envelope of the socket; what else wallets did is left out."""
    row = {"asset": YES, "side": "BUY", "price": 0.3, "size": 2, "timestamp": 1703875200}
    (trade,) = items({"topic": "activity", "type": "trades", "payload": row})
    _, script = read({"topic": "activity", "type": "orders_matched", "payload": row})

    assert (trade.symbol, trade.price, trade.amount) == (YES, D("0.3"), 2)
    assert script.skipped == {"other channel: news": 1}


@pytest.mark.parametrize(
    "topic, symbol, exact, told, index",
    [
        ("crypto_prices", "ethusdt", "2000.123456", "ETH-USDT-SPOT", "2000.123456"),
        ("crypto_prices_chainlink", "eth/usd", "2000120000000000000000", "ETH-USD-SPOT", "2000.12"),
        ("crypto_prices", "ethusdt", None, "ETH-USDT-SPOT", "2000.12"),
        ("equity_prices", "NVDA", "2000.123", "NVDA-USD-STOCK", "2000.123"),
    ],
)
def test_prices_of_other_venues_are_index_prices(topic, symbol, exact, told, index):
    """More digits are used where they are of the same number."""
    row = {"symbol": symbol, "value": 2000.12, "full_accuracy_value": exact, "timestamp": int(AT)}
    (ticker,) = items({"topic": topic, "type": "update", "payload": row})

    assert (ticker.symbol, ticker.index, ticker.last) == (told, D(index), None)


def test_a_history_of_prices_is_told_in_order():
    """The first message of a topic holds the newest minutes."""
    rows = [{"timestamp": int(AT) + each, "value": 10 + each} for each in (0, 1000)]
    told = items({"topic": "crypto_prices", "payload": {"symbol": "solusdt", "data": rows}})

    assert [ticker.index for ticker in told] == [10, 1010]


# -- instruments ----------------------------------------------------------------------------------


def test_a_market_has_two_instruments_with_its_rules():
    """Each outcome's token is one; a later tick of a token is in its rules from then on."""
    change = {"asset_id": NO, "old_tick_size": "0.01", "new_tick_size": "0.001", "timestamp": AT}
    yes, no, changed = items(GAMMA, {"event_type": "tick_size_change", **change})

    assert [rules.symbol for rules in (yes, no, changed)] == [YES, NO, NO]
    assert [rules.tick_size for rules in (yes, no, changed)] == [D("0.01"), D("0.01"), D("0.001")]
    assert (yes.lot_size, yes.min_amount, yes.quote, yes.is_spot) == (D("0.01"), 5, "USDC", True)
    assert (changed.min_amount, changed.maker_fee) == (5, None)


def test_a_page_of_markets_leaves_out_what_has_no_token():
    """A market that never had a book names empty tokens."""
    market = {
        "condition_id": "0xc",
        "tokens": [{"token_id": YES}, {"token_id": ""}],
        "minimum_tick_size": 0.1,
        "minimum_order_size": 15,
    }

    assert [rules.symbol for rules in items({"data": [market], "next_cursor": "LTE="})] == [YES]


# -- orders and fills -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told, status, reason",
    [
        ({"status": "LIVE"}, "open", None),
        ({"status": "LIVE", "size_matched": "4"}, "partially_filled", None),
        ({"status": "ORDER_STATUS_MATCHED", "size_matched": "10"}, "filled", None),
        ({"status": "MATCHED", "size_matched": "4"}, "partially_filled", None),
        ({"status": "DELAYED"}, "pending", None),
        ({"status": "CANCELED", "size_matched": "4"}, "canceled", None),
        ({"status": "CANCELED_MARKET_RESOLVED"}, "canceled", "MARKET_RESOLVED"),
        ({"status": "INVALID"}, "rejected", "INVALID"),
        ({"status": "INVALID", "type": "CANCELLATION"}, "canceled", "INVALID"),
        ({"status": "LIVE", "type": "CANCELLATION"}, "canceled", None),
        ({"type": "PLACEMENT"}, "open", None),
        ({"type": "UPDATE", "size_matched": "4"}, "partially_filled", None),
        ({"type": "UPDATE", "size_matched": "10"}, "filled", None),
        ({"type": "CANCELLATION"}, "canceled", None),
        ({"status": "ASLEEP"}, "unknown", None),
    ],
)
def test_the_states_of_an_order(told, status, reason):
    """State and event together say how an order is; an unknown state is UNKNOWN."""
    (order,) = items({**ORDER, **told})

    assert (order.status.value, order.reason) == (status, reason)


def test_orders_come_in_pages():
    """A page is read as its rows are; `FAK` takes what it can at once."""
    (order,) = items({"data": [{**ORDER, "order_type": "FAK"}], "next_cursor": "LTE="})

    assert (order.time_in_force, order.order_type, order.price) == ("ioc", "limit", D("0.4"))


@pytest.mark.parametrize(
    "more, side",
    [({}, "buy"), ({"asset_id": YES}, "sell"), ({"side": "SELL"}, "sell")],
)
def test_a_maker_is_told_its_own_part(more, side):
    """The other token traded on the taker's own side, the same one on the opposite side."""
    others = {**MADE, "owner": "them", "order_id": "0xm0"}
    orders = [others, {**MADE, **more}]
    (fill,) = items({**TRADE, "trader_side": "MAKER", "maker_orders": orders})

    assert (fill.trade_id, fill.order_id, fill.liquidity) == ("t1:0xm1", "0xm1", "maker")
    assert (fill.side, fill.price, fill.amount) == (side, D("0.6"), 3)
    assert fill.symbol == more.get("asset_id", NO)


@pytest.mark.parametrize(
    "more, unknown",
    [
        ({"status": "TRADE_STATUS_FAILED"}, "trade:status=FAILED"),
        ({"trader_side": "MAKER", "owner": "them"}, "trade:no maker order of ours"),
    ],
)
def test_what_is_no_fill_of_ours_is_counted(more, unknown):
    """A trade that failed, and one in which nothing says which part was ours."""
    ((entry,), script) = read({**TRADE, **more})

    assert (entry.items, entry.error) == ((), None)
    assert script.unknown == {unknown: 1}


def test_a_fee_that_is_a_formula_is_counted():
    """The rate is no fraction of the notional: no fee is told."""
    ((entry,), script) = read({**TRADE, "fee_rate_bps": "100", "status": "MATCHED"})

    assert entry.items[0].fee == 0
    assert script.unknown == {"trade:fee_rate_bps": 1}


def test_positions_are_what_is_held():
    """A token that lost is worth nothing, which is no price."""
    row = {"asset": YES, "conditionId": "0xc", "size": 2.5, "avgPrice": 0.4, "cashPnl": -1}
    (position,) = items([{**row, "curPrice": 0}])

    assert (position.symbol, position.size, position.entry_price) == (YES, D("2.5"), D("0.4"))
    assert (position.mark_price, position.unrealized_pnl) == (None, -1)


# -- what carries nothing, what cannot be ---------------------------------------------------------


@pytest.mark.parametrize(
    "message, name",
    [
        ("PONG", "control"),
        ({"data": [], "next_cursor": "LTE="}, "empty page"),
        ({"event_type": "new_market", "assets_ids": [YES]}, "news"),
        ({"topic": "comments", "type": "comment_created", "payload": {}}, "news"),
        ({"mid": "0.5"}, "prices"),
        ({"history": [{"t": 1, "p": 0.5}]}, "prices"),
        ({"minimum_tick_size": 0.01}, "settings"),
        ({"assets_ids": [YES], "type": "market"}, "request"),
        (
            [{"proxyWallet": "0x", "type": "REDEEM", "usdcSize": 1, "asset": ""}],
            "activity of a wallet",
        ),
        (
            {"name": "balance_conditional", "msg": {"balance": "5", "allowance": "5"}},
            "balance of a token",
        ),
    ],
)
def test_what_carries_nothing_is_named(message, name):
    """Each is counted by what it is."""
    entries, script = read(message)

    assert (entries, script.skipped) == ([], {f"other channel: {name}": 1})


@pytest.mark.parametrize(
    "message, problem",
    [
        ({"asset_id": YES, "bids": [LEVEL], "asks": [LEVEL], "timestamp": AT}, "cross the asks"),
        (
            {"asset_id": YES, "bids": [], "asks": [LEVEL | {"price": "1.1"}], "timestamp": AT},
            "above 1",
        ),
        ({"price_changes": [{**CHANGE, "size": "-1"}], "timestamp": AT}, "size should not be"),
        ({"price_changes": [{**CHANGE, "side": "ASK"}], "timestamp": AT}, "side should be one of"),
        (
            {"price_changes": [{**CHANGE, "best_bid": "0.6", "best_ask": "0.5"}], "timestamp": AT},
            "crosses the ask",
        ),
        ({**ORDER, "price": "1.01"}, "price should be at most 1"),
        ({**ORDER, "original_size": "0"}, "original_size should be above 0"),
        ({**TRADE, "match_time": "noon"}, "match_time should be a whole number"),
        ({**TRADE, "trader_side": "BOTH"}, "trader_side should be one of"),
        ({"balance": "1.5", "allowance": "0"}, "balance should be a whole number"),
        ({"balance": "-1", "allowance": "0"}, "balance should not be negative"),
        ({**GAMMA, "clobTokenIds": "[1]"}, "clobTokenIds should be an array of ids"),
        ({**GAMMA, "clobTokenIds": "yes"}, "no JSON"),
        ({**GAMMA, "orderPriceMinTickSize": 2}, "orderPriceMinTickSize should be below 1"),
    ],
)
def test_what_cannot_be_is_refused(message, problem):
    """One line names the field, and nothing of the message is told."""
    ((entry,), _) = read(message)

    assert entry.items == ()
    assert problem in (entry.error or "")
