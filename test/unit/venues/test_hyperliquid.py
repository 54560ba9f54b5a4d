"""Hyperliquid messages, by the values they become."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.hyperliquid import instruments, parse
from core.adapters.exchanges.models import OrderStatus
from core.errors import MalformedMessage, OrderNotFound

BTC = Listing(key="BTC", symbol="BTC-USDC-PERP", number=0)
FILL = {
    "coin": "BTC",
    "px": "66653.0",
    "sz": "0.001",
    "side": "A",
    "time": 1781528065899,
    "startPosition": "-0.0213",
    "dir": "Open Short",
    "closedPnl": "0.0",
    "hash": "0xe2",
    "oid": 55030848197,
    "crossed": False,
    "fee": "-0.001",
    "tid": 745210434703679,
    "cloid": "0xe8d5fd7ebbb4c3cff4d1803472a11463",
    "feeToken": "USDC",
}
ORDER = {
    "coin": "BTC",
    "side": "B",
    "limitPx": "60000.0",
    "sz": "0.3",
    "origSz": "0.5",
    "oid": 91490942,
    "timestamp": 1700126022555,
    "cloid": "0x01",
}


def book(bid: str, ask: str) -> dict[str, object]:
    """A book of one level a side."""
    return {
        "coin": "BTC",
        "time": 1737918846300,
        "levels": [[{"px": bid, "sz": "3", "n": 1}], [{"px": ask, "sz": "4", "n": 2}]],
    }


def test_book(said):
    """`l2Book` is the whole book, best first."""
    (found,) = said("hyperliquid", {"channel": "l2Book", "data": book("105055.0", "105056.0")})

    assert (found["bids"], found["asks"]) == ([["105055", "3"]], [["105056", "4"]])
    assert (found["symbol"], found["sequence"]) == ("BTC-USDC-PERP", None)
    assert found["at"] == "2025-01-26T19:14:06.300Z"


def test_a_crossed_book_is_refused(reading):
    """A book whose bid reaches its ask is no book."""
    with pytest.raises(MalformedMessage, match="cross the asks"):
        parse.parse_book(book("105056", "105056"), reading("hyperliquid", BTC))


def test_bbo_with_an_empty_side(said):
    """A side that is null is unknown, not zero."""
    message = {
        "channel": "bbo",
        "data": {
            "coin": "kPEPE",
            "time": 1737918846300,
            "bbo": [{"px": "0.0155", "sz": "20", "n": 1}, None],
        },
    }
    (ticker,) = said("hyperliquid", message)

    assert ticker["symbol"] == "kPEPE-USDC-PERP"
    assert (ticker["bid"], ticker["bid_amount"], ticker["ask"]) == ("0.0155", "20", None)


def test_context_is_mark_index_and_funding(said):
    """The oracle is the index, impact prices are no quotes, funding is a fraction per hour."""
    row = {
        "recv_ns": 1737918846300000000,
        "msg": {
            "channel": "activeAssetCtx",
            "data": {
                "coin": "BTC",
                "ctx": {
                    "funding": "0.0000125",
                    "markPx": "77562.0",
                    "oraclePx": "77605.0",
                    "midPx": "77558.5",
                    "impactPxs": ["77558.0", "77559.0"],
                    "prevDayPx": "76317.0",
                    "dayBaseVlm": "19707.5",
                    "openInterest": "1",
                },
            },
        },
    }
    ticker, funding = said("hyperliquid", row)

    assert (ticker["mark"], ticker["index"], ticker["open_24h"]) == ("77562", "77605", "76317")
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == (None, None, None)
    assert (funding["rate"], funding["interval_s"]) == ("0.0000125", 3600)
    assert funding["next_at"] == "2025-01-26T20:00:00.000Z"


def test_fills(said):
    """A rebate is negative, `crossed` false is the maker, ids are text."""
    (fill,) = said(
        "hyperliquid", {"channel": "userFills", "data": {"user": "0x1", "fills": [FILL]}}
    )

    assert (fill["side"], fill["price"], fill["amount"]) == ("sell", "66653", "0.001")
    assert (fill["fee"], fill["fee_currency"], fill["liquidity"]) == ("-0.001", "USDC", "maker")
    assert (fill["trade_id"], fill["order_id"]) == ("745210434703679", "55030848197")
    assert fill["client_order_id"] == "0xe8d5fd7ebbb4c3cff4d1803472a11463"


def test_old_fills_without_an_id_differ(reading):
    """Fills without `tid` are told apart by where the position stood before each."""
    old = {name: value for name, value in FILL.items() if name not in ("tid", "feeToken")}
    first, second = parse.parse_fills(
        [old, {**old, "startPosition": "-0.0223"}], reading("hyperliquid", BTC)
    )

    assert first.trade_id == "0xe2:55030848197:-0.0213:66653.0:0.001"
    assert first.trade_id != second.trade_id


def test_fills_of_another_account_are_refused(reading):
    """A private event of someone else stops here."""
    event = {"user": "0xdef", "isSnapshot": True, "fills": [FILL]}
    with pytest.raises(MalformedMessage, match="instead of ours"):
        parse.parse_fills_event(event, reading("hyperliquid", BTC, account="0xabc"))


@pytest.mark.parametrize(
    "word, status, filled, reason",
    [
        ("open", OrderStatus.PARTIALLY_FILLED, "0.2", None),
        ("filled", OrderStatus.FILLED, "0.5", None),
        ("marginCanceled", OrderStatus.CANCELED, "0.2", "marginCanceled"),
        ("badAloPxRejected", OrderStatus.REJECTED, "0.2", "badAloPxRejected"),
        ("frozen", OrderStatus.UNKNOWN, "0.2", "frozen"),
    ],
)
def test_order_states(reading, word, status, filled, reason):
    """`sz` is what remains; a state that nobody knows is UNKNOWN and keeps its word."""
    event = {"order": ORDER, "status": word, "statusTimestamp": 1700126023000}
    (order,) = parse.parse_order_updates([event], reading("hyperliquid", BTC))

    assert (order.status, order.filled, order.reason) == (status, Decimal(filled), reason)
    assert (order.amount, order.price) == (Decimal("0.5"), Decimal(60000))


def test_an_order_that_the_venue_does_not_know(reading):
    """`unknownOid` is an order that was not found, no broken message."""
    with pytest.raises(OrderNotFound):
        parse.parse_order_status({"status": "unknownOid"}, reading("hyperliquid", BTC))


def test_acks(reading):
    """One answer may hold a resting order, a filled one and a refusal."""
    answer = {
        "status": "ok",
        "response": {
            "type": "order",
            "data": {
                "statuses": [
                    {"resting": {"oid": 77738308}},
                    {"filled": {"totalSz": "0.02", "avgPx": "1891.4", "oid": 77747314}},
                    {"error": "Order must have minimum value of $10."},
                ]
            },
        },
    }
    resting, filled, refused = parse.parse_order_acks(answer, reading("hyperliquid"))

    assert (resting.order_id, resting.status) == ("77738308", OrderStatus.OPEN)
    assert (filled.filled, filled.average_price) == (Decimal("0.02"), Decimal("1891.4"))
    assert refused == "Order must have minimum value of $10."
    with pytest.raises(MalformedMessage, match="is not ok"):
        parse.parse_order_acks({"status": "err", "response": "x"}, reading("hyperliquid"))


def test_account(said):
    """Equity holds the open result, the balance does not; flat positions are left out."""
    state = {
        "assetPositions": [
            {
                "type": "oneWay",
                "position": {
                    "coin": "ETH",
                    "szi": "-0.5",
                    "leverage": {"type": "isolated", "value": 20, "rawUsd": "1"},
                    "entryPx": "2986.3",
                    "unrealizedPnl": "-4.5",
                    "liquidationPx": None,
                    "marginUsed": "75.2",
                },
            }
        ],
        "marginSummary": {"accountValue": "1000.5", "totalMarginUsed": "75.2"},
        "withdrawable": "900",
        "time": 1700000000000,
    }
    balance, position = said("hyperliquid", state)

    assert (balance["total"], balance["equity"], balance["free"]) == ("1005", "1000.5", "900")
    assert (position["size"], position["leverage"]) == ("-0.5", "20")
    assert (position["margin_mode"], position["liquidation_price"]) == ("isolated", None)


def test_instruments(reading):
    """Numbers follow the order of the universe; a builder's dex begins at its own offset."""
    known = reading("hyperliquid")
    meta = {
        "universe": [
            {"name": "BTC", "szDecimals": 5, "maxLeverage": 40},
            {"name": "OLD", "szDecimals": 0, "maxLeverage": 3, "isDelisted": True},
        ]
    }
    dex = {"universe": [{"name": "xyz:NVDA", "szDecimals": 3, "maxLeverage": 10}]}
    btc, old, nvda = instruments.parse_all_metas([meta, dex], known)

    assert (btc.number, old.number, nvda.number) == (0, 1, 110000)
    assert (old.is_trading, nvda.symbol) == (False, "xyz:NVDA-USDC-PERP")
    assert btc.instrument is not None
    assert (btc.instrument.tick_size, btc.instrument.lot_size) == (
        Decimal("0.1"),
        Decimal("0.00001"),
    )
    spot = {
        "universe": [{"name": "@142", "tokens": [1, 0], "index": 142}],
        "tokens": [
            {"name": "USDC", "szDecimals": 8, "index": 0},
            {"name": "UBTC", "szDecimals": 5, "index": 1},
        ],
    }
    (pair,) = instruments.parse_spot_meta(spot, known)
    assert (pair.symbol, pair.number) == ("BTC-USDC-SPOT", 10142)


@pytest.mark.parametrize(
    "price, tick",
    [("105056", "1"), ("9999.9", "0.1"), ("123.45", "0.1"), ("1.2345", "0.1"), ("1234567", "1")],
)
def test_five_significant_digits(reading, price, tick):
    """The step is five significant digits, never finer than the tick, whole numbers always."""
    meta = {"universe": [{"name": "BTC", "szDecimals": 5, "maxLeverage": 40}]}
    (btc,) = instruments.parse_meta(meta, reading("hyperliquid"))
    assert btc.instrument is not None

    assert instruments.tick_at(btc.instrument, Decimal(price)) == Decimal(tick)


def test_recorded_answers(recorded):
    """The library's recorded answers parse whole, to the values that stand in them."""
    entries, script = recorded("hyperliquid", "hl_sdk_info_recorded.jsonl.gz")
    by_name = {entry.message: entry.items for entry in entries}

    assert [entry.error for entry in entries if entry.error] == []
    assert script.unknown == {}
    candle = by_name["candleSnapshot"][-1]
    assert (candle.close, candle.volume) == (Decimal("0.00154"), Decimal("308219489.0"))
    funding = by_name["fundingHistory"]
    assert (funding[0].rate, funding[0].interval_s) == (Decimal("-0.00061334"), 8 * 3600)
    paid = by_name["userFunding"][-1]
    assert (paid.amount, paid.position) == (Decimal("0.023856"), Decimal("-3.48"))
    dydx = by_name["l2Book"][0]
    assert (dydx.bids[0].price, dydx.asks[0].price) == (Decimal("2.111"), Decimal("2.1124"))
    assert len({fill.trade_id for fill in by_name["userFills"]}) == len(by_name["userFills"])
