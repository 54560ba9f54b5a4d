"""Recordings of venues that ccxt knows, through our door, value by value against a plain reading.

Each reader below knows the venue's own fields and nothing of ccxt. It says of each message what
is to be told: rows of fields, `REFUSED` for one that must not be read, None where it tells nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.adapters.exchanges.ccxt.transcript import CcxtTranscript
from core.adapters.exchanges.models import OrderSide, OrderStatus

D = Decimal
REFUSED = "refused"
MOST = {"coinbaseexchange": 300}
"""How many lines are read of a recording whose books are thousands of levels deep."""
SIDES = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(value):
    """The exact number of a field."""
    return None if value is None else D(str(value))


def at(ms):
    """The time of so many milliseconds."""
    return EPOCH + timedelta(milliseconds=int(ms))


def iso(text):
    """The time of an ISO text, in whole milliseconds, which is what ccxt keeps."""
    moment = datetime.fromisoformat(text)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def levels(rows):
    """Price and amount of rows that begin with both."""
    return [(D(str(row[0])), D(str(row[1]))) for row in rows]


def named(rows):
    """The same of rows with names."""
    return [(D(str(row["price"])), D(str(row["qty"]))) for row in rows]


def candle(opened, high, low, close, volume, moment):
    """Fields of a candle."""
    values = [number(value) for value in (opened, high, low, close, volume)]
    return dict(zip(("open", "high", "low", "close", "volume"), values, strict=True), at=moment)


class Books:
    """Books that are kept by hand: a price leads to its amount."""

    def __init__(self):
        self.kept = {}

    def after(self, key, bids, asks, *, is_new):
        """Both sides, best first, after a message."""
        if is_new:
            self.kept[key] = ({}, {})
        for side, rows in zip(self.kept[key], (bids, asks), strict=True):
            for price, amount in rows:
                if amount:
                    side[price] = amount
                else:
                    side.pop(price, None)
        first, second = self.kept[key]
        return {"bids": sorted(first.items(), reverse=True), "asks": sorted(second.items())}


class Bitget:
    """Books and candles; tickers and trades of 2022 are of a protocol that ccxt left."""

    def __init__(self):
        self.books = Books()

    def read(self, row):
        """One message."""
        message = row.get("msg")
        if row["dir"] != "in" or "data" not in message:
            return None
        channel, key, data = message["arg"]["channel"], message["arg"]["instId"], message["data"]
        symbol = f"{key.removesuffix('USDT')}-USDT-SPOT"
        if channel == "books":
            is_new = message["action"] == "snapshot"
            book = self.books.after(
                key, levels(data[0]["bids"]), levels(data[0]["asks"]), is_new=is_new
            )
            return [{**book, "symbol": symbol, "at": at(data[0]["ts"])}]
        if channel == "candle1m":
            return [{**candle(*row[1:6], at(row[0])), "symbol": symbol} for row in data]
        return REFUSED


class Kraken:
    """Version 2 of the socket, and answers of the spot market."""

    def __init__(self):
        self.books = Books()

    def read(self, row):
        """One message."""
        name, message = row["name"], row["msg"]
        if name == "http_ticker":
            ((_, told),) = message["result"].items()
            return [
                {
                    "symbol": "BTC-USDT-SPOT",
                    "bid": number(told["b"][0]),
                    "ask": number(told["a"][0]),
                    "last": number(told["c"][0]),
                    "high_24h": number(told["h"][1]),
                    "low_24h": number(told["l"][1]),
                    "volume_24h": number(told["v"][1]),
                }
            ]
        if name == "http_trades":
            return [
                {
                    "price": number(trade[0]),
                    "amount": number(trade[1]),
                    "side": {"b": OrderSide.BUY, "s": OrderSide.SELL}[trade[3]],
                    "trade_id": str(trade[6]),
                    "at": at(int(trade[2] * 1000)),
                }
                for trade in message["result"]["XBTUSDT"]
            ]
        if name == "http_asset_pairs":
            ((_, pair),) = message["result"].items()
            return [
                {
                    "tick_size": number(pair["tick_size"]),
                    "lot_size": D(1).scaleb(-pair["lot_decimals"]),
                    "min_amount": number(pair["ordermin"]),
                    "min_notional": number(pair["costmin"]),
                }
            ]
        if name.startswith(("http_open_orders", "http_closed_orders")):
            orders = message["result"].get("open") or message["result"]["closed"]
            return [
                {
                    "order_id": key,
                    "side": SIDES[order["descr"]["type"]],
                    "price": number(order["descr"]["price"]) or None,
                    "amount": number(order["vol"]),
                    "filled": number(order["vol_exec"]),
                }
                for key, order in orders.items()
            ]
        if name.startswith(("ws_book", "ws_ohlc", "ws_t")):
            return self.pushed(name, message, message["data"][0])
        return REFUSED if name in self.REFUSED else None

    def pushed(self, name, message, data):
        """One message of the socket."""
        if name.startswith("ws_book"):
            is_new = message["type"] == "snapshot"
            bids, asks = named(data["bids"]), named(data["asks"])
            return [self.books.after("BTC/USD", bids, asks, is_new=is_new)]
        if name.startswith("ws_ohlc"):
            values = [data[key] for key in ("open", "high", "low", "close", "volume")]
            return [candle(*values, iso(data["interval_begin"][:26] + "+00:00"))]
        if name.startswith("ws_ticker"):
            return [
                {
                    "bid": number(data["bid"]),
                    "bid_amount": number(data["bid_qty"]),
                    "ask": number(data["ask"]),
                    "ask_amount": number(data["ask_qty"]),
                    "last": number(data["last"]),
                }
            ]
        return [
            {
                "symbol": "BTC-USD-SPOT",
                "price": number(trade["price"]),
                "amount": number(trade["qty"]),
                "side": SIDES[trade["side"]],
                "trade_id": str(trade["trade_id"]),
                "at": iso(trade["timestamp"]),
            }
            for trade in message["data"]
        ]

    REFUSED = frozenset(
        {
            "http_futures_candles_spot",
            "http_futures_candles_trade",
            "http_futures_historical_funding_rates",
            "http_futures_orderbook",
            "http_spot_open_positions",
        }
    )
    """Of the other market, which is another venue of ccxt's, or without what ccxt needs."""


class KrakenFutures:
    """Executions; what is about inverse contracts (PI_) is not traded through the door."""

    REFUSED = (
        frozenset({"http_ticker", "http_trades", "http_spot_balance", "ws_futures_book_delta"})
        | Kraken.REFUSED
    )

    def read(self, row):
        """One message."""
        if row["name"] == "ws_futures_fills_delta":
            return [
                {
                    "symbol": "ETH-USD-PERP",
                    "price": number(fill["price"]),
                    "amount": number(fill["qty"]),
                    "trade_id": fill["fill_id"],
                    "order_id": fill["order_id"],
                    "side": OrderSide.BUY if fill["buy"] else OrderSide.SELL,
                    "fee": number(fill["fee_paid"]),
                    "at": at(fill["time"]),
                }
                for fill in row["msg"]["fills"]
            ]
        return REFUSED if row["name"] in self.REFUSED else None


class Dydx:
    """Version 4."""

    def read(self, row):
        """One message."""
        name, message = row["name"], row["msg"]
        told = message.get("contents") or {}
        if name == "ws_trades_update":
            return [
                {
                    "symbol": "BTC-USD-PERP",
                    "trade_id": trade["id"],
                    "price": number(trade["price"]),
                    "amount": number(trade["size"]),
                    "side": SIDES[trade["side"].lower()],
                    "at": iso(trade["createdAt"]),
                }
                for trade in told["trades"]
            ]
        if name == "ws_orderbook_update":
            rows = {side: dict(levels(told[side])) for side in ("bids", "asks")}
            book = {
                side: [each for each in found.items() if each[1]] for side, found in rows.items()
            }
            return [{"bids": sorted(book["bids"], reverse=True), "asks": sorted(book["asks"])}]
        if name == "ws_candles_update":
            values = [told[key] for key in ("open", "high", "low", "close", "baseTokenVolume")]
            return [candle(*values, iso(told["startedAt"]))]
        return REFUSED if name == "http_get_orders" else None


class Huobi:
    """HTX, as it is called today. Its orders here lack what ccxt needs of them."""

    def read(self, row):
        """One message."""
        name, message = row["name"], row["msg"]
        if name == "wsTicker":
            tick = message["tick"]
            return [
                {
                    "symbol": "BTC-USDT-SPOT",
                    "last": number(tick["close"]),
                    "open_24h": number(tick["open"]),
                    "high_24h": number(tick["high"]),
                    "low_24h": number(tick["low"]),
                    "volume_24h": number(tick["amount"]),
                    "at": at(message["ts"]),
                }
            ]
        if name == "wsMyTrades":
            data = message["data"]
            return [
                {
                    "symbol": "BTC-USDT-SPOT",
                    "price": number(data["tradePrice"]),
                    "amount": number(data["tradeVolume"]),
                    "side": SIDES[data["orderSide"]],
                    "trade_id": str(data["tradeId"]),
                    "order_id": str(data["orderId"]),
                    "fee": number(data["transactFee"]),
                    "at": at(data["tradeTime"]),
                }
            ]
        return REFUSED if name == "wsMyOrders" else None


class Coinbase:
    """Advanced Trade."""

    def read(self, row):
        """One message."""
        name, message = row["name"], row["msg"]
        if name == "ws_market_trades":
            return [
                {
                    "symbol": "BTC-USD-SPOT",
                    "trade_id": trade["trade_id"],
                    "price": number(trade["price"]),
                    "amount": number(trade["size"]),
                    "side": SIDES[trade["side"].lower()],
                    "at": iso(trade["time"]),
                }
                for trade in reversed(message["events"][0]["trades"])
            ]
        if name == "ws_user":
            order = message["events"][0]["orders"][0]
            return [
                {
                    "order_id": order["order_id"],
                    "client_order_id": order["client_order_id"],
                    "side": SIDES[order["order_side"].lower()],
                    "amount": D(order["cumulative_quantity"]) + D(order["leaves_quantity"]),
                    "status": {"OPEN": OrderStatus.OPEN}[order["status"]],
                }
            ]
        if name == "http_products":
            return [
                {
                    "venue_symbol": product["product_id"],
                    "tick_size": number(product["quote_increment"]),
                    "lot_size": number(product["base_increment"]),
                    "min_amount": number(product["base_min_size"]),
                }
                for product in message["products"]
            ]
        if name == "http_cfm_balance_summary":
            summary = message["balance_summary"]
            return [{"asset": "USD", "total": number(summary["total_usd_balance"]["value"])}]
        return REFUSED if name == "http_candles" else None


class CoinbaseExchange:
    """Books with their changes, tickers, and matches, whose side is the maker's."""

    def __init__(self):
        self.books = Books()

    def read(self, row):
        """One message."""
        message = row.get("msg") or {}
        kind = message.get("type") if row["dir"] == "in" else None
        if kind in {"snapshot", "l2update"}:
            sides = {"buy": [], "sell": []}
            for side, price, amount in message.get("changes") or ():
                sides[side].append((D(price), D(amount)))
            bids = sides["buy"] + levels(message.get("bids") or ())
            asks = sides["sell"] + levels(message.get("asks") or ())
            key = message["product_id"]
            return [self.books.after(key, bids, asks, is_new=kind == "snapshot")]
        if kind == "ticker":
            names = {"bid": "best_bid", "ask": "best_ask", "last": "price", "high_24h": "high_24h"}
            names |= {"low_24h": "low_24h", "open_24h": "open_24h", "volume_24h": "volume_24h"}
            return [{ours: number(message[theirs]) for ours, theirs in names.items()}]
        if kind == "match":
            return [
                {
                    "symbol": message["product_id"] + "-SPOT",
                    "trade_id": str(message["trade_id"]),
                    "price": number(message["price"]),
                    "amount": number(message["size"]),
                    "side": SIDES["buy" if message["side"] == "sell" else "sell"],
                    "at": iso(message["time"]),
                }
            ]
        return None


class Gate:
    """Tickers, trades and candles of 2021; books of then have no time."""

    def read(self, row):
        """One message."""
        message = row.get("msg") or {}
        if row["dir"] == "http":
            return REFUSED if "order_book" in row["url"] else None
        if row["dir"] != "in" or message.get("event") != "update":
            return None
        told = message["result"]
        if message["channel"] == "spot.trades":
            return [
                {
                    "symbol": told["currency_pair"].replace("_", "-") + "-SPOT",
                    "trade_id": str(told["id"]),
                    "price": number(told["price"]),
                    "amount": number(told["amount"]),
                    "side": SIDES[told["side"]],
                }
            ]
        if message["channel"] == "spot.tickers":
            names = {"bid": "highest_bid", "ask": "lowest_ask", "last": "last"}
            names |= {"high_24h": "high_24h", "low_24h": "low_24h", "volume_24h": "base_volume"}
            return [{ours: number(told[theirs]) for ours, theirs in names.items()}]
        if message["channel"] == "spot.candlesticks":
            values = [told[key] for key in ("o", "h", "l", "c")]
            found = candle(*values, None, at(int(told["t"]) * 1000))
            return [{name: value for name, value in found.items() if name != "volume"}]
        return None


class Kucoin:
    """Books over REST, tickers, trades, candles."""

    def read(self, row):
        """One message."""
        message = row.get("msg") or {}
        if row["dir"] == "http" and "level2" in row["url"]:
            data = message["data"]
            return [{"bids": levels(data["bids"]), "asks": levels(data["asks"])}]
        if row["dir"] != "in" or message.get("type") != "message":
            return None
        data = message["data"]
        if message["subject"] == "trade.ticker":
            names = {"bid": "bestBid", "bid_amount": "bestBidSize", "ask": "bestAsk"}
            names |= {"ask_amount": "bestAskSize", "last": "price"}
            return [{ours: number(data[theirs]) for ours, theirs in names.items()}]
        if message["subject"] == "trade.l3match":
            return [
                {
                    "trade_id": data["tradeId"],
                    "price": number(data["price"]),
                    "amount": number(data["size"]),
                    "side": SIDES[data["side"]],
                    "at": at(int(data["time"]) // 1_000_000),
                }
            ]
        if message["subject"] == "trade.candles.update":  # ccxt does not know `add`
            moment, opened, close, high, low, volume, _ = data["candles"]
            return [candle(opened, high, low, close, volume, at(int(moment) * 1000))]
        return None


CASES = {
    "bitget": (
        Bitget,
        "bitget/cryptofeed_bitget_spot_public_ws.jsonl.gz",
        {"OHLCVData": 8035, "OrderBookData": 443, "refused": 166},
    ),
    "kraken": (Kraken, "kraken/nautilus_kraken_fixtures.jsonl.gz", {"refused": 5}),
    "krakenfutures": (
        KrakenFutures,
        "kraken/nautilus_kraken_fixtures.jsonl.gz",
        {"FillData": 1, "refused": 9},
    ),
    "dydx": (Dydx, "dydx/nautilus_dydx_fixtures.jsonl.gz", {"TradeData": 2, "refused": 1}),
    "htx": (Huobi, "huobi/gct_huobi_ws_messages.jsonl.gz", {"FillData": 1, "refused": 4}),
    "coinbase": (Coinbase, "coinbase/nautilus_coinbase_fixtures.jsonl.gz", {"refused": 1}),
    "coinbaseexchange": (
        CoinbaseExchange,
        "coinbase/cryptofeed_coinbase_public_ws.jsonl.gz",
        {"OrderBookData": 253, "TickerData": 20, "TradeData": 10},
    ),
    "gate": (Gate, "gateio/cryptofeed_gateio_public_ws.jsonl.gz", {"TradeData": 9, "refused": 10}),
    "kucoin": (Kucoin, "kucoin/cryptofeed_kucoin_public_ws.jsonl.gz", {"OrderBookData": 9}),
}
"""ccxt's name -> who reads it plainly, the recording, and how many of some kinds must be told."""


def differences(item, wanted):
    """What of one thing is not as the plain reading has it."""
    for name, value in wanted.items():
        ours = getattr(item, name)
        if name in {"bids", "asks"}:
            ours = [(level.price, level.amount) for level in ours]
        if ours != value:
            yield name, ours, value


@pytest.mark.parametrize("venue", sorted(CASES))
def test_every_message_is_told_as_it_is_written(venue, recorded):
    """What is told of each message is what stands in it, and the rest is refused or left out."""
    reader, file, counts = CASES[venue]
    lines = recorded.lines(*file.split("/"))[: MOST.get(venue)]
    told = {entry.line: entry for entry in CcxtTranscript(venue, "all").read(lines)}
    plain, wrong, found = reader(), [], Counter()
    for number_, line in enumerate(lines, start=1):
        row = json.loads(line, parse_float=D)
        wanted, entry = plain.read(row), told.get(number_)
        if wanted == REFUSED or wanted is None:
            is_right = entry is None if wanted is None else bool(entry and entry.error)
            found["refused"] += wanted is not None
            if not is_right:
                wrong.append((number_, row.get("name"), wanted, entry))
            continue
        items = entry.items if entry is not None else ()
        if len(items) != len(wanted):
            wrong.append((number_, row.get("name"), len(items), len(wanted), entry and entry.error))
            continue
        for item, values in zip(items, wanted, strict=True):
            found[type(item).__name__] += 1
            wrong += [(number_, row.get("name"), *each) for each in differences(item, values)]

    assert wrong[:3] == []
    assert counts.items() <= found.items()
