"""Every recording of a venue with parsers of ours, value by value against a second, plain reading.

Two readings that know nothing of the parsers: a table of fields (`FIELDS`) for what comes most, and
for everything else the rule that a number which is told stands in the message that it came from.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields
from decimal import Decimal, InvalidOperation

import pytest

from core.adapters.exchanges.models import OrderSide
from core.adapters.exchanges.transcript import Transcript

D = Decimal
MOST = 500
"""Lines of a long recording that are read."""

FILES = {
    "backpack": [
        ("backpack_rest_recorded.jsonl.gz", 12),
        ("hummingbot_backpack_shape_samples.jsonl.gz", 35),
    ],
    "binance": [
        ("basana_binance_exchange_info_btcusdt.jsonl.gz", 1),
        ("basana_binance_rest_depth.jsonl.gz", 1),
        ("binance_coinm_btcusd_perp_trade+bookTicker+depth_20240808.jsonl.gz", 500),
        ("binance_coinm_ethusd_perp_trade+bookTicker+depth_20240808.jsonl.gz", 500),
        ("binance_spot_btcusdt_trade+bookTicker+depth_20240808.jsonl.gz", 500),
        ("binance_spot_ethusdt_trade+bookTicker+depth_20240808.jsonl.gz", 500),
        ("binance_usdm_btcusdt_trade+bookTicker+depth+markPrice_20230404.jsonl.gz", 503),
        ("binance_usdm_btcusdt_trade+bookTicker+depth_20240808.jsonl.gz", 500),
        ("ccxt_recorded_binance_rest.jsonl.gz", 2),
        ("cryptofeed_binance_delivery_public_ws.jsonl.gz", 499),
        ("cryptofeed_binance_public_ws.jsonl.gz", 269),
        ("gct_binance_http_recorded.jsonl.gz", 6528),
        ("gct_binance_ws_messages.jsonl.gz", 8),
        ("nautilus_binance_fixtures.jsonl.gz", 29),
        ("nautilus_binance_py_fixtures.jsonl.gz", 65),
    ],
    "bybit": [
        ("bybit_linear_xrpusdt_orderbook500_2024-12-01.jsonl.gz", 30),
        ("ccxt_recorded_bybit_rest.jsonl.gz", 2),
        ("cryptofeed_bybit_linear_public_ws.jsonl.gz", 469),
        ("gct_bybit_ws_messages.jsonl.gz", 20),
        ("nautilus_bybit_fixtures.jsonl.gz", 40),
    ],
    "hyperliquid": [
        ("hl_sdk_info_recorded.jsonl.gz", 883),
        ("hyperliquid_perp_btc_l2Book+trades_20250126a.jsonl.gz", 62),
        ("nautilus_hyperliquid_fixtures.jsonl.gz", 35),
    ],
    "lighter": [
        ("hummingbot_lighter_shape_samples.jsonl.gz", 13),
        ("nautilus_lighter_fixtures.jsonl.gz", 29),
    ],
    "okx": [
        ("ccxt_recorded_okx_rest.jsonl.gz", 2),
        ("cryptofeed_okx_v5_public_ws_a.jsonl.gz", 200),
        ("nautilus_okx_fixtures.jsonl.gz", 42),
    ],
}
"""Venue -> recording and how many things are told of its first lines."""
CASES = [(venue, file, count) for venue, files in FILES.items() for file, count in files]


# -- a second reading ---------------------------------------------------------------------------


def payload(row):
    """The message itself, without who recorded it and on which stream it came."""
    name = next((each for each in ("msg", "response") if each in row), None)
    body = row[name] if name is not None else row["data"] if "route" in row else row
    if isinstance(body, dict) and isinstance(body.get("data"), dict) and "stream" in body:
        return body["data"]
    return body


def sides(bids, asks):
    """Levels as pairs of prices and amounts; of amounts alone that are not in contracts."""
    return {"bids": bids, "asks": asks}


def pairs(rows):
    """Price and amount of rows that begin with both."""
    return [(D(str(row[0])), D(str(row[1]))) for row in rows]


def named(rows, price, amount):
    """The same of rows with names."""
    return [(D(str(row[price])), D(str(row[amount]))) for row in rows]


def binance_trade(m):
    """`trade` and `aggTrade`: the buyer who made it was hit by a seller."""
    side = OrderSide.SELL if m["m"] else OrderSide.BUY
    return [
        {"price": m["p"], "amount": m["q"], "side": side, "trade_id": str(m.get("t", m.get("a")))}
    ]


def hyperliquid_trades(m):
    """`trades`: B is an aggressive buy."""
    rows = m["data"] if isinstance(m, dict) else m
    return [
        {
            "price": t["px"],
            "amount": t["sz"],
            "side": OrderSide.BUY if t["side"] == "B" else OrderSide.SELL,
        }
        for t in rows
    ]


def hyperliquid_book(m):
    """`l2Book`."""
    bids, asks = m.get("data", m)["levels"]
    return [sides(named(bids, "px", "sz"), named(asks, "px", "sz"))]


def okx_books(m):
    """`books`: price, contracts, and two more."""
    return [sides(pairs(row["bids"]), pairs(row["asks"])) for row in m["data"]]


def okx_trades(m):
    """`trades`."""
    return [{"price": t["px"], "side": OrderSide(t["side"])} for t in m["data"]]


def okx_tickers(m):
    """`tickers`."""
    return [
        {"bid": t["bidPx"] or None, "ask": t["askPx"] or None, "last": t["last"]} for t in m["data"]
    ]


def bybit_book(m):
    """`orderbook`, by stream and by question."""
    data = m.get("data") or m["result"]
    return [sides(pairs(data["b"]), pairs(data["a"]))]


def old_bybit_book(m):
    """`orderBookL2` of before V5: levels with sides; one that is deleted has no size."""
    data = m["data"]
    rows = [
        (row["side"], D(row["price"]), D(str(row.get("size", 0))))
        for name in ("order_book", "delete", "update", "insert")
        for row in data.get(name) or ()
    ]
    return [
        sides(
            [row[1:] for row in rows if row[0] == "Buy"],
            [row[1:] for row in rows if row[0] == "Sell"],
        )
    ]


def old_bybit_trades(m):
    """`trade` of before V5."""
    return [
        {
            "price": t["price"],
            "amount": t["size"],
            "side": OrderSide(t["side"].lower()),
            "trade_id": t["trade_id"],
        }
        for t in m["data"]
    ]


def lighter_book(m):
    """`order_book`."""
    book = m["order_book"]
    return [sides(named(book["bids"], "price", "size"), named(book["asks"], "price", "size"))]


def lighter_trade(m):
    """`trade` and `recentTrades`: a maker's ask was bought."""
    return [
        {
            "price": t["price"],
            "amount": t["size"],
            "side": OrderSide.BUY if t["is_maker_ask"] else OrderSide.SELL,
        }
        for t in m.get("trades") or ()
    ]


FIELDS = {
    ("binance", "trade"): binance_trade,
    ("binance", "aggTrade"): binance_trade,
    ("binance", "bookTicker"): lambda m: [
        {"bid": m["b"], "bid_amount": m["B"], "ask": m["a"], "ask_amount": m["A"]}
    ],
    ("binance", "depthUpdate"): lambda m: [
        sides(pairs(m.get("b", m.get("bids"))), pairs(m.get("a", m.get("asks"))))
    ],
    ("binance", "depth"): lambda m: [sides(pairs(m["bids"]), pairs(m["asks"]))],
    ("binance", "markPriceUpdate"): lambda m: [{"mark": m["p"], "index": m["i"]}, {"rate": m["r"]}],
    ("binance", "kline"): lambda m: [
        {"open": m["k"]["o"], "high": m["k"]["h"], "low": m["k"]["l"], "close": m["k"]["c"]}
    ],
    ("binance", "aggTrades"): lambda m: [
        {"price": t["p"], "side": OrderSide.SELL if t["m"] else OrderSide.BUY} for t in m
    ],
    ("binance", "klines"): lambda m: [
        {"open": k[1], "high": k[2], "low": k[3], "close": k[4]} for k in m
    ],
    ("binance", "fundingRate"): lambda m: [{"rate": f["fundingRate"]} for f in m],
    ("bybit", "orderbook"): bybit_book,
    ("bybit", "orderBookL2"): old_bybit_book,
    ("bybit", "trade before V5"): old_bybit_trades,
    ("hyperliquid", "l2Book"): hyperliquid_book,
    ("hyperliquid", "trades"): hyperliquid_trades,
    ("hyperliquid", "userFills"): lambda m: [
        {
            "price": f["px"],
            "amount": f["sz"],
            "fee": f["fee"],
            "side": OrderSide.BUY if f["side"] == "B" else OrderSide.SELL,
        }
        for f in m
    ],
    ("hyperliquid", "openOrders"): lambda m: [
        {"price": o["limitPx"], "order_id": str(o["oid"])} for o in m
    ],
    ("lighter", "order_book"): lighter_book,
    ("lighter", "trade"): lighter_trade,
    ("lighter", "recentTrades"): lighter_trade,
    ("okx", "books"): okx_books,
    ("okx", "trades"): okx_trades,
    ("okx", "tickers"): okx_tickers,
}
"""Venue and kind of message -> what its rows say, field by field."""


def differences(item, wanted, *, in_contracts):
    """What of one thing is not as the second reading has it."""
    found = []
    for name, value in wanted.items():
        ours = getattr(item, name)
        if name in {"bids", "asks"}:
            prices = [level.price for level in ours]
            if sorted(prices) != sorted(price for price, _ in value):
                found.append((name, "prices"))
            theirs = dict(value)
            if not in_contracts and any(theirs[level.price] != level.amount for level in ours):
                found.append((name, "amounts"))
        elif isinstance(ours, Decimal) and not (in_contracts and "amount" in name):
            if ours != D(str(value)):
                found.append((name, ours, value))
        elif not isinstance(ours, Decimal) and ours != value:
            found.append((name, ours, value))
    return found


def numbers(value, found):
    """Every number that stands anywhere in a message."""
    if isinstance(value, dict):
        for key, part in value.items():
            numbers(key, found)
            numbers(part, found)
    elif isinstance(value, list | tuple):
        for part in value:
            numbers(part, found)
    elif value is not None and not isinstance(value, bool):
        try:
            number = D(str(value))
        except InvalidOperation:
            return found
        if number.is_finite():
            found.add(abs(number).normalize())
    return found


def told(item):
    """Every number of a thing, by its name."""
    for field in fields(item):
        value = getattr(item, field.name)
        if field.name in {"bids", "asks"}:
            for level in value:
                yield f"{field.name}.price", level.price
        elif isinstance(value, Decimal) and value:
            yield field.name, value


def stands(number, known):
    """Whether a number stands there, also as a percent or in contracts of a power of ten."""
    value = abs(number).normalize()
    return any(value.scaleb(shift).normalize() in known for shift in (0, 2, -2, 1, -1, 3, -3, -4))


COMPUTED = {
    "total", "free", "used", "equity",  # sums of what stands there
    "max_leverage", "tick_size", "lot_size", "min_amount", "contract_size", "quantity",
    "average_price", "filled", "volume_24h", "open_24h", "maintenance_margin_rate", "min_notional",
    "fee",  # of a rate and a value, at Lighter
    "unrealized_pnl", "margin", "leverage", "max_amount", "amount", "bid_amount", "ask_amount",
    "volume", "maker_fee", "taker_fee", "size", "position",
}  # fmt: skip
"""Quotients, sums and contracts; the venues' own tests hold those."""


@pytest.mark.parametrize("venue, file, count", CASES)
def test_every_value_of_a_recording_stands_in_it(venue, file, count, recorded):
    """Each field is as a plain reading has it, and no number is told that the venue did not say."""
    lines = recorded.lines(venue, file)[:MOST]
    wrong, compared, total = [], Counter(), 0
    for entry in Transcript(venue, "all").read(lines):
        row = json.loads(lines[entry.line - 1], parse_float=D)
        known = numbers(row, set())
        total += len(entry.items)
        read = FIELDS.get((venue, entry.message))
        wanted = read(payload(row)) if read is not None and entry.items else []
        if wanted and len(wanted) == len(entry.items):
            for item, values in zip(entry.items, wanted, strict=True):
                in_contracts = venue == "okx" or "-USD-" in item.symbol
                found = differences(item, values, in_contracts=in_contracts)
                compared[type(item)] += 1
                wrong += [(entry.line, entry.message, each) for each in found]
        for item in entry.items:
            wrong += [
                (entry.line, entry.message, name, number)
                for name, number in told(item)
                if name not in COMPUTED and not stands(number, known)
            ]

    assert wrong[:5] == []
    assert total == count
    if total > 100:
        assert sum(compared.values()) > total / 3
