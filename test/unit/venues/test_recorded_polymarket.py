"""Polymarket: every recorded message, value by value against a second, plain reading."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.models import BookLevel, ExchangeType, OrderBookData

D = Decimal
FIRST = "nautilus_polymarket_fixtures.jsonl.gz"
SECOND = "nautilus_polymarket_py_fixtures.jsonl.gz"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ms(value):
    """A time of the venue's in milliseconds."""
    return EPOCH + timedelta(milliseconds=int(value))


def seconds(value):
    """A time in seconds, or in ISO 8601."""
    is_iso = isinstance(value, str) and "T" in value
    return datetime.fromisoformat(value) if is_iso else EPOCH + timedelta(seconds=int(value))


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


def levels(rows):
    """Prices with their sizes."""
    return [(D(row["price"]), D(row["size"])) for row in rows]


def book(m):
    """A whole book, best prices first."""
    return [
        {
            "": "OrderBookData",
            "symbol": m["asset_id"],
            "bids": sorted(levels(m["bids"]), reverse=True),
            "asks": sorted(levels(m["asks"])),
            "at": ms(m["timestamp"]),
        }
    ]


def changes(m):
    """Token by token what changed, then the best prices of the last change."""
    found = []
    for token in dict.fromkeys(row["asset_id"] for row in m["price_changes"]):
        rows = [row for row in m["price_changes"] if row["asset_id"] == token]
        about = {"symbol": token, "at": ms(m["timestamp"])}
        bids, asks = (levels(r for r in rows if r["side"] == side) for side in ("BUY", "SELL"))
        best = {"bid": D(rows[-1]["best_bid"]), "ask": D(rows[-1]["best_ask"])}
        found.append({"": "BookDelta", **about, "bids": bids, "asks": asks})
        found.append({"": "TickerData", **about, **best})
    return found


def last_trade(m):
    """A trade without an id."""
    return [
        {
            "": "TradeData",
            "symbol": m["asset_id"],
            "price": D(m["price"]),
            "amount": D(m["size"]),
            "side": m["side"].lower(),
            "at": ms(m["timestamp"]),
        }
    ]


def trades(m):
    """Trades of the Data API, by their transactions."""
    return [
        {
            "": "TradeData",
            "symbol": row["asset"],
            "trade_id": row["transactionHash"],
            "price": D(str(row["price"])),
            "amount": D(str(row["size"])),
            "side": row["side"].lower(),
            "at": seconds(row["timestamp"]),
        }
        for row in m
    ]


def rules(tokens, tick, least):
    """The instruments of a market: one for each outcome."""
    return [
        {
            "": "Instrument",
            "symbol": token,
            "market_type": ExchangeType.SPOT,
            "base": token,
            "quote": "USDC",
            "settle": "USDC",
            "venue_symbol": token,
            "tick_size": D(str(tick)),
            "lot_size": D("0.01"),
            "min_amount": D(least),
        }
        for token in tokens
    ]


def market(m):
    """A market of the CLOB."""
    tokens = [token["token_id"] for token in m["tokens"]]
    return rules(tokens, m["minimum_tick_size"], m["minimum_order_size"])


def gamma(m):
    """A market of the Gamma API; the oldest have no book and no rules, some name no tokens."""
    tokens = json.loads(m.get("clobTokenIds", "[]"))
    tick = m.get("orderPriceMinTickSize")
    return rules(tokens, tick, m["orderMinSize"]) if tick else []


def event(m):
    """The markets of an event."""
    events = m if isinstance(m, list) else [m]
    return [item for each in events for row in each["markets"] for item in gamma(row)]


def order(m, **more):
    """An order; `more` is what its state means."""
    wanted = {
        "": "OrderData",
        "symbol": m["asset_id"],
        "order_id": m["id"],
        "side": m["side"].lower(),
        "order_type": "limit",
        "amount": D(m["original_size"]),
        "price": D(m["price"]),
    }
    if m["size_matched"] and D(m["size_matched"]):
        wanted["filled"] = D(m["size_matched"])
    if m["order_type"] == "FOK":
        wanted["time_in_force"] = "fok"
    if m["created_at"]:
        is_ms = isinstance(m["created_at"], str)
        wanted["created_at"] = ms(m["created_at"]) if is_ms else seconds(m["created_at"])
    if "timestamp" in m:
        wanted["updated_at"] = ms(m["timestamp"])
    return [{**wanted, **more}]


def taken(m):
    """A trade that we took."""
    assert m["trader_side"] == "TAKER"
    return [
        {
            "": "FillData",
            "symbol": m["asset_id"],
            "trade_id": m["id"],
            "order_id": m["taker_order_id"],
            "side": m["side"].lower(),
            "price": D(m["price"]),
            "amount": D(m["size"]),
            "fee_currency": "USDC",
            "liquidity": "taker",
            "at": seconds(m["match_time"]),
        }
    ]


def index(symbol):
    """A price that the venue passes on."""
    return lambda m: [
        {
            "": "TickerData",
            "symbol": symbol,
            "index": D(m["payload"]["full_accuracy_value"]),
            "at": ms(m["payload"]["timestamp"]),
        }
    ]


def collateral(m):
    """The balance, in millionths."""
    total = D(m["balance"]) / 1_000_000
    return [{"": "BalanceData", "asset": "USDC", "total": total, "free": total}]


KILLED = "order couldn't be fully filled. FOK orders are fully filled or killed."
PLAIN = {
    "clob_book_response": book,
    "clob_market_closed_binary_accepting_true": market,
    "data_api_trades_response": trades,
    "gamma_event": event,
    "gamma_market": gamma,
    "gamma_market_closed_binary_accepting_false": gamma,
    "gamma_market_closed_zero_zero_legacy": gamma,
    "gamma_market_sports_market_map_handicap": gamma,
    "http_balance_allowance_collateral": collateral,
    "http_open_order": lambda m: order(m, status="partially_filled"),
    "http_open_order_sell_fok": lambda m: order(m, status="filled"),
    "http_trades_page": lambda m: [fill for row in m["data"] for fill in taken(row)],
    "rtds_crypto_prices_update": index("BTC-USDT-SPOT"),
    "rtds_equity_prices_update": index("AAPL-USD-STOCK"),
    "ws_book_snapshot": book,
    "ws_last_trade": last_trade,
    "ws_market_book_msg": book,
    "ws_market_last_trade_msg": last_trade,
    "ws_market_price_change_msg": changes,
    "ws_quotes": changes,
    "ws_tick_size_change": lambda _: [],
    "ws_user_order_fok_killed": lambda m: order(m, status="canceled", reason=KILLED),
    "ws_user_order_matched": lambda m: order(m, status="filled"),
    "ws_user_order_msg": lambda m: order(m, status="open"),
    "ws_user_order_placement": lambda m: order(m, status="open"),
    "ws_user_order_venue_cancel": lambda m: order(m, status="canceled", reason="INVALID"),
    "ws_user_trade": taken,
    "http_responses/book": book,
    "http_responses/event": event,
    "http_responses/market": market,
    "http_responses/trades": trades,
    "ws_messages/book": book,
    "ws_messages/last_trade_price": last_trade,
    "ws_messages/price_change_v2": changes,
    "ws_messages/trades": taken,
    "ws_messages/user_trade1": lambda _: [],
    "ws_messages/user_trade2": taken,
}
"""What the recorder called a message -> what it says."""


def compared(recorded, file):
    """What was told and what a plain reading tells, by the recorder's name, and who read it."""
    entries, script = recorded("polymarket", file)
    rows = [json.loads(line) for line in recorded.lines("polymarket", file)]
    assert [entry.error for entry in entries if entry.error] == []
    told = {rows[each.line - 1]["name"]: [said(item) for item in each.items] for each in entries}
    plain = {row["name"]: PLAIN[row["name"]](row["msg"]) for row in rows if row["name"] in PLAIN}
    return told, plain, script


def test_every_message_of_the_first_says_what_it_holds(recorded):
    """All 35 messages: 27 are read field by field, the others are left out by name."""
    told, plain, script = compared(recorded, FIRST)

    assert told == plain
    assert len(told) == 27
    assert Counter(item[""] for items in told.values() for item in items) == {
        "Instrument": 12,
        "OrderData": 7,
        "TickerData": 5,
        "TradeData": 5,
        "BookDelta": 3,
        "OrderBookData": 3,
        "FillData": 2,
        "BalanceData": 1,
    }
    assert script.skipped == {
        "other channel: control": 4,
        "other channel: news": 1,
        "other channel: request": 1,
        "other channel: settings": 1,
        "other channel: tags": 1,
    }
    assert script.unknown == {}


def test_every_message_of_the_second_says_what_it_holds(recorded):
    """All ten messages; the trade that another owner took does not say which part was ours."""
    told, plain, script = compared(recorded, SECOND)

    assert told == plain
    assert len(told) == 10
    assert sum(map(len, told.values())) == 13
    assert len(told["ws_messages/book"][0]["asks"]) == 86
    assert script.skipped == {}
    assert script.unknown == {"trade:no maker order of ours": 1}


def test_books_are_as_kept_by_hand(recorded):
    """Books and changes in the order of the file give the books that a plain reading gives."""
    entries, _ = recorded("polymarket", FIRST)
    ours, plain = {}, {}
    for entry in entries:
        for item in entry.items:
            if isinstance(item, OrderBookData):
                ours[item.symbol] = ({}, {})
            if isinstance(item, OrderBookData | BookDelta):
                for side, found in zip(
                    ours.setdefault(item.symbol, ({}, {})), (item.bids, item.asks), strict=True
                ):
                    side |= {level.price: level.amount for level in found}
    for line in recorded.lines("polymarket", FIRST):
        m = json.loads(line)["msg"]
        if isinstance(m, dict) and "bids" in m:
            plain[m["asset_id"]] = (dict(levels(m["bids"])), dict(levels(m["asks"])))
        for row in m.get("price_changes", ()) if isinstance(m, dict) else ():
            sides = plain.setdefault(row["asset_id"], ({}, {}))
            sides[row["side"] == "SELL"][D(row["price"])] = D(row["size"])

    assert ours == plain
    assert len(ours) == 3
