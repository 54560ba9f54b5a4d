"""Recordings of venues without parsers of ours, read by ccxt through our door: no digit is lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.adapters.exchanges.ccxt.client import make_client
from core.adapters.exchanges.ccxt.convert import Words
from core.adapters.exchanges.ccxt.rest import decode_text
from core.adapters.exchanges.ccxt.table import row_of
from core.adapters.exchanges.models import OrderSide
from core.adapters.exchanges.settings import VenueSettings

D = Decimal
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def pairs(rows):
    """Price and amount of each level of a message."""
    return [(D(str(row[0])), D(str(row[1]))) for row in rows]


def kucoin(row):
    """Books over REST, and matches."""
    msg = row.get("msg") or {}
    if row["dir"] == "http":
        yield "book", row["url"].partition("symbol=")[2], msg["data"]
    elif msg.get("subject") == "trade.l3match":
        data = msg["data"]
        yield "trade", data["symbol"], (data, data["price"], data["size"], data["side"])


def gate(row):
    """Books over REST, and trades."""
    msg = row.get("msg") or {}
    if row["dir"] == "http":
        yield "book", row["url"].partition("pair=")[2].partition("&")[0], msg
    elif msg.get("channel") == "spot.trades" and msg.get("event") == "update":
        data = msg["result"]
        yield "trade", data["currency_pair"], (data, data["price"], data["amount"], data["side"])


def coinbase(row):
    """Snapshots of books, and matches, whose side is the maker's."""
    msg = row.get("msg") or {}
    if msg.get("type") == "snapshot":
        yield "book", msg["product_id"], msg
    elif msg.get("type") in {"match", "last_match"}:
        side = {"buy": "sell", "sell": "buy"}[msg["side"]]
        yield "trade", msg["product_id"], (msg, msg["price"], msg["size"], side)


def kraken(row):
    """Trades as lists of price, amount, time and side."""
    msg = row.get("msg")
    if isinstance(msg, list) and msg[-2] == "trade":
        for data in msg[1]:
            yield "trade", msg[-1], (data, data[0], data[1], {"b": "buy", "s": "sell"}[data[3]])


CASES = {
    "kucoin": (kucoin, "kucoin", "cryptofeed_kucoin_public_ws.jsonl.gz", 9, 18),
    "gate": (gate, "gateio", "cryptofeed_gateio_public_ws.jsonl.gz", 10, 9),
    "coinbaseexchange": (coinbase, "coinbase", "cryptofeed_coinbase_public_ws.jsonl.gz", 10, 107),
    "kraken": (kraken, "kraken", "cryptofeed_kraken_public_ws.jsonl.gz", 0, 10),
}
"""ccxt's name -> its reader, the recording, and how many books and trades stand in it."""


PARSERS = {"coinbaseexchange": "parse_ws_trade"}
"""What reads a trade of a socket, where that is another method than for REST."""


class Reader:
    """ccxt's class of a venue, below our door, that has no network."""

    def __init__(self, name):
        self.row = row_of(f"ccxt-{name}")
        self.client = make_client(self.row, VenueSettings(urls={}), {}, None, None)
        self.words = Words(self.row, "")

    def market(self, key):
        """A spot market of any name, as ccxt would have it."""
        base, _, quote = key.replace("_", "-").replace("/", "-").partition("-")
        quote = quote or "USD"
        return self.client.safe_market_structure(
            {
                "id": key,
                "symbol": f"{base}/{quote}",
                "base": base,
                "quote": quote,
                "type": "spot",
                "spot": True,
                "active": True,
                "precision": {"price": D("0.0000000001"), "amount": D("0.00000001")},
            }
        )

    def learn(self, keys):
        """Lists the markets."""
        markets = [self.market(key) for key in keys]
        self.client.set_markets(markets)
        self.words.take_markets(self.client.markets, self.client.precisionMode)

    def unified(self, key):
        """Of a market."""
        return self.market(key)["symbol"]


@pytest.mark.parametrize("name", sorted(CASES))
async def test_books_and_trades_keep_every_digit(name, recorded):
    """Each level and trade of a recording is told with the price and the amount that it spells."""
    find, folder, file, books, trades = CASES[name]
    lines = recorded.lines(folder, file)
    told = [each for line in lines for each in find(json.loads(line, parse_float=D))]
    texts = [each for line in lines for each in find(decode_text(line))]
    reader = Reader(name)
    reader.learn(sorted({key for _, key, _ in told}))
    wrong, counts = [], {"book": 0, "trade": 0}
    for (kind, key, plain), (_, _, raw) in zip(told, texts, strict=True):
        counts[kind] += 1
        unified = reader.unified(key)
        if kind == "book":
            data = reader.client.parse_order_book(raw, unified)
            book = reader.words.book(data, unified, NOW)
            if [(lv.price, lv.amount) for lv in book.bids] != pairs(plain["bids"]):
                wrong.append((key, "bids"))
            if [(lv.price, lv.amount) for lv in book.asks] != pairs(plain["asks"]):
                wrong.append((key, "asks"))
        else:
            read = getattr(reader.client, PARSERS.get(name, "parse_trade"))
            data = read(raw[0], reader.client.market(unified))
            trade = reader.words.trade(data, NOW)
            _, price, amount, side = plain
            if (trade.price, trade.amount) != (D(str(price)), D(str(amount))):
                wrong.append((key, trade.price, price, trade.amount, amount))
            if trade.side is not {"buy": BUY, "sell": SELL}[side]:
                wrong.append((key, trade.side, side))
    await reader.client.close()

    assert wrong == []
    assert (counts["book"], counts["trade"]) == (books, trades)
