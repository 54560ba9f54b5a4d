"""Derive: every recorded message, value by value against a second, plain reading."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from core.adapters.exchanges.models import BookLevel, ExchangeType
from core.adapters.exchanges.transcript import Transcript

D = Decimal
FILE = "nautilus_derive_fixtures.jsonl.gz"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ms(value):
    """A time of the venue's."""
    return EPOCH + timedelta(milliseconds=value)


def said(item):
    """What one thing says beside its venue: every field that is not left at its default."""
    found = {}
    for field in fields(item):
        value = getattr(item, field.name)
        is_unsaid = field.default is not MISSING and value == field.default
        if not is_unsaid and field.name not in ("venue", "raw"):
            is_side = isinstance(value, tuple) and all(isinstance(x, BookLevel) for x in value)
            found[field.name] = [(x.price, x.amount) for x in value] if is_side else value
    return {"": type(item).__name__, **found}


# -- a second reading ---------------------------------------------------------------------------


def symbol(name):
    """How ctos writes a perpetual or a pair of the venue's."""
    base, rest = name.split("-")
    return f"{base}-USDC-PERP" if rest == "PERP" else f"{base}-{rest}-SPOT"


def known(**values):
    """Values that are above zero; the venue writes 0 for none."""
    return {name: D(value) for name, value in values.items() if value and D(value) > 0}


def instrument(row):
    """A row of `get_instruments`."""
    is_perpetual = row["instrument_type"] == "perp"
    more = {"funding_interval_s": 3600} if is_perpetual else {}
    return {
        "": "Instrument",
        "symbol": symbol(row["instrument_name"]),
        "market_type": ExchangeType.PERPETUAL if is_perpetual else ExchangeType.SPOT,
        "base": row["base_currency"],
        "quote": row["quote_currency"],
        "settle": row["quote_currency"],
        "venue_symbol": row["instrument_name"],
        "tick_size": D(row["tick_size"]),
        "lot_size": D(row["amount_step"]),
        "min_amount": D(row["minimum_amount"]),
        "max_amount": D(row["maximum_amount"]),
        "maker_fee": D(row["maker_fee_rate"]),
        "taker_fee": D(row["taker_fee_rate"]),
        **more,
    }


def position(row):
    """A position: signed."""
    return {
        "": "PositionData",
        "symbol": symbol(row["instrument_name"]),
        "size": D(row["amount"]),
        "unrealized_pnl": D(row["unrealized_pnl"]),
        "margin": D(row["initial_margin"]),
        **known(
            entry_price=row["average_price"],
            mark_price=row["mark_price"],
            liquidation_price=row["liquidation_price"],
            leverage=row["leverage"],
        ),
    }


def balances(m):
    """The assets of a subaccount."""
    return [
        {
            "": "BalanceData",
            "asset": c["asset_name"],
            "total": D(c["amount"]),
            "free": D(c["amount"]),
        }
        for c in m["collaterals"]
    ]


def book(m):
    """A whole book, best prices first."""
    more = {"sequence": m["publish_id"]} if "publish_id" in m else {}
    bids, asks = ([(D(p), D(a)) for p, a in m[side]] for side in ("bids", "asks"))
    return [
        {
            "": "OrderBookData",
            "symbol": symbol(m["instrument_name"]),
            "bids": sorted(bids, reverse=True),
            "asks": sorted(asks),
            "at": ms(m["timestamp"]),
            **more,
        }
    ]


def ticker(m):
    """The full ticker of a perpetual with its funding by the hour."""
    about = {"symbol": symbol(m["instrument_name"]), "at": ms(m["timestamp"])}
    prices = known(
        bid=m["best_bid_price"],
        bid_amount=m["best_bid_amount"],
        ask=m["best_ask_price"],
        ask_amount=m["best_ask_amount"],
        mark=m["mark_price"],
        index=m["index_price"],
        high_24h=m["stats"]["high"],
        low_24h=m["stats"]["low"],
        volume_24h=m["stats"]["contract_volume"],
    )
    rate = {"rate": D(m["perp_details"]["funding_rate"]), "interval_s": 3600}
    return [{"": "TickerData", **about, **prices}, {"": "FundingRateData", **about, **rate}]


def slim(m):
    """The ticker in letters, of an instrument that the message does not name."""
    t = m["instrument_ticker"]
    prices = known(bid=t["b"], bid_amount=t["B"], ask=t["a"], ask_amount=t["A"], mark=t["M"])
    more = {"index": D(t["I"]), "volume_24h": D(t["stats"]["c"])}
    return [{"": "TickerData", "symbol": "?", "at": ms(t["t"]), **prices, **more}]


def candles(m):
    """Candles a quarter of an hour apart, of what the answer does not name."""
    return [
        {
            "": "OHLCVData",
            "symbol": "?",
            "timeframe": "15m",
            "at": ms(row["timestamp_bucket"] * 1000),
            **{name: D(row[f"{name}_price"]) for name in ("open", "high", "low", "close")},
            "volume": D(row["volume_contracts"]),
        }
        for row in m
    ]


def trades(m):
    """Public trades: the row of the side that took."""
    return [
        {
            "": "TradeData",
            "symbol": symbol(row["instrument_name"]),
            "trade_id": row["trade_id"],
            "price": D(row["trade_price"]),
            "amount": D(row["trade_amount"]),
            "side": row["direction"],
            "at": ms(row["timestamp"]),
        }
        for row in m["trades"]
    ]


def placed(m):
    """The answer to an order that rests and has not filled."""
    o = m["result"]["order"]
    return [
        {
            "": "OrderData",
            "symbol": symbol(o["instrument_name"]),
            "order_id": o["order_id"],
            "client_order_id": o["label"],
            "side": o["direction"],
            "order_type": o["order_type"],
            "status": o["order_status"],
            "amount": D(o["amount"]),
            "price": D(o["limit_price"]),
            "created_at": ms(o["creation_timestamp"]),
            "updated_at": ms(o["last_update_timestamp"]),
        }
    ]


PLAIN = {
    "common/http_get_instruments_eth_all": lambda m: [
        instrument(row) for row in m["result"] if row["instrument_type"] != "option"
    ],
    "common/http_subaccount_usdc": balances,
    "perps/http_position_eth": lambda m: [position(m)],
    "perps/http_positions_result_eth": lambda m: [position(row) for row in m["positions"]],
    "perps/http_public_candles_eth": candles,
    "perps/http_public_trades_result_eth": trades,
    "perps/ws_orderbook_eth": book,
    "perps/ws_ticker_eth": ticker,
    "spot/http_submit_order_response_mainnet": placed,
    "spot/instrument_eth": lambda m: [instrument(m)],
    "spot/ws_orderbook_eth": book,
    "spot/ws_ticker_slim_eth": slim,
}
"""What the recorder called a message -> what it says."""


def test_every_message_says_what_it_holds(recorded):
    """All 19 messages: twelve are told field by field, the others are left out by name."""
    entries, script = recorded("derive", FILE)
    rows = [json.loads(line) for line in recorded.lines("derive", FILE)]
    told = {rows[entry.line - 1]["name"]: [said(item) for item in entry.items] for entry in entries}

    assert [entry.error for entry in entries if entry.error] == []
    assert told == {
        row["name"]: PLAIN[row["name"]](row["msg"]) for row in rows if row["name"] in PLAIN
    }
    assert (len(rows), len(entries), sum(map(len, told.values()))) == (19, 12, 15)
    assert script.skipped == {
        "other channel: control": 1,
        "other channel: options": 2,
        "other channel: request": 4,
    }
    assert script.unknown == {"instruments:option": 1}


def test_an_envelope_changes_nothing(recorded):
    """A message as the answer to a question, or as a notice of its channel, says the same."""
    rows = [json.loads(line) for line in recorded.lines("derive", FILE)]
    alone = [row["msg"] for row in rows if row["name"] in PLAIN and "result" not in row["msg"]]
    books = [(m, f"orderbook.{m['instrument_name']}.1.10") for m in alone if "bids" in m]
    answers = [{"id": 1, "result": m} for m in alone]
    notices = [
        {"method": "subscription", "params": {"channel": name, "data": m}} for m, name in books
    ]

    assert (len(answers), len(notices)) == (10, 2)
    for bare, wrapped in ((alone, answers), ([m for m, _ in books], notices)):
        assert told(bare) == told(wrapped)


def told(messages):
    """Kind and content of what is told of messages."""
    lines = [json.dumps(message).encode() for message in messages]
    return [(entry.message, entry.items) for entry in Transcript("derive", "all").read(lines)]
