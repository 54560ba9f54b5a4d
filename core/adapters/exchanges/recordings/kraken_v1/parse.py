"""Messages of Kraken's first WebSocket API (`ws.kraken.com`) as `*Data`. Pure.

A message is an array: the channel's number, one or more parts, the channel's name and the pair
(`XBT/USD`). Everything is spot: amounts are base units and came as text. Source: Kraken's
"WebSockets API v1" (docs.kraken.com), public channels.

Traps:

- A book begins with `as` and `bs`; a change has `a`, `b` or both, each in a part of its own, and
  the last part has the checksum of the ten best levels a side.
- A book of depth N is cut to N levels a side by whoever keeps it: no message removes what falls
  off, and what comes back within reach is told again, marked `r`.
- A level has its own time, and the array of a trade names no id.
- A ticker has no time, and a candle is told again and again until it ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Self

from core.adapters.exchanges.decoding import (
    MICROSECOND,
    Fields,
    Listing,
    Reading,
    Shape,
    array,
    malformed,
    refuse_crossed,
    shape,
    sorted_book,
    time_of,
    timeframe_of,
)
from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.models import (
    BookLevel,
    OHLCVData,
    OrderBookData,
    OrderSide,
    TickerData,
    TradeData,
)

_SIDES: Final = {"b": OrderSide.BUY, "s": OrderSide.SELL}
_BOOK: Final = shape("book", "as bs a b c")
_TICKER: Final = shape("ticker", "a b c v p t l h o")


@dataclass(frozen=True, slots=True)
class _Row:
    """An array whose values are known by their places."""

    shape: Shape
    names: tuple[str, ...]

    @classmethod
    def of(cls, kind: str, names: str) -> Self:
        """The row `kind` whose values are the words of `names`, in this order."""
        return cls(shape(kind, names), tuple(names.split()))

    def fields(self, raw: object, reading: Reading) -> Fields:
        """The array's values by their names; one that is longer is counted."""
        values = array(raw, self.shape.name, reading)
        if len(values) > len(self.names):
            reading.unknown[f"{self.shape.name}.{len(self.names)}"] += 1
        return Fields(dict(zip(self.names, values, strict=False)), self.shape, reading)


_LEVEL: Final = _Row.of("book.level", "price amount time republished")
_BEST: Final = _Row.of("ticker.best", "price whole_amount amount")
_LAST: Final = _Row.of("ticker.last", "price amount")
_DAY: Final = _Row.of("ticker.day", "today day")
_TRADE: Final = _Row.of("trade", "price amount time side order_type more")
_SPREAD: Final = _Row.of("spread", "bid ask time bid_amount ask_amount")
_CANDLE: Final = _Row.of("ohlc", "time end open high low close vwap volume count")


def parse_book(raw: object, reading: Reading) -> OrderBookData | BookDelta:
    """Channel `book-<depth>`: the whole book, or the levels that changed; 0 removes a level.

    Its time is that of its newest level.

    Raises:
        MalformedMessage: If a level is none, or a whole book is crossed.
    """
    parts, _, listing = _opened(raw, reading)
    sides: dict[str, list[BookLevel]] = {"as": [], "bs": [], "a": [], "b": []}
    checksum: int | None = None
    times: list[datetime] = []
    for part in parts:
        fields = Fields(part, _BOOK, reading)
        if fields.has("c"):
            checksum = fields.whole("c")
        for name, side in sides.items():
            side.extend(fields.levels(name, listing))
            rows = (_LEVEL.fields(row, reading) for row in fields.items_or_empty(name))
            times.extend(_time(row, "time") for row in rows)
    at = max(times, default=None) or reading.arrival()
    whole = Fields(parts[0], _BOOK, reading)
    if whole.raw("as") is not None or whole.raw("bs") is not None:
        bids, asks = sorted_book(whole, tuple(sides["bs"]), tuple(sides["as"]))
        return OrderBookData(
            venue=reading.venue,
            symbol=listing.symbol,
            bids=bids,
            asks=asks,
            at=at,
            received_at=reading.received_at,
        )
    return BookDelta(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=tuple(sides["b"]),
        asks=tuple(sides["a"]),
        checksum=checksum,
        at=at,
        received_at=reading.received_at,
    )


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Channel `trade`, in the venue's order; the side is the taker's, and there is no id."""
    parts, _, listing = _opened(raw, reading)
    rows = (_TRADE.fields(row, reading) for part in parts for row in array(part, "trade", reading))
    return tuple(
        TradeData(
            venue=reading.venue,
            symbol=listing.symbol,
            price=fields.positive("price"),
            amount=fields.positive("amount"),
            side=fields.choice("side", _SIDES),
            at=_time(fields, "time"),
            received_at=reading.received_at,
        )
        for fields in rows
    )


def parse_ticker(raw: object, reading: Reading) -> TickerData:
    """Channel `ticker`: the best levels, the last trade, and the last 24 hours.

    Of the day's values the first counts from midnight UTC and the second 24 hours.
    """
    parts, _, listing = _opened(raw, reading)
    fields = Fields(parts[0], _TICKER, reading)
    bid, ask = (_BEST.fields(fields.raw(name), reading) for name in ("b", "a"))
    last = _LAST.fields(fields.raw("c"), reading)
    volume, low, high, opened = (_DAY.fields(fields.raw(name), reading) for name in "vlho")
    prices = bid.positive_or_none("price"), ask.positive_or_none("price")
    refuse_crossed(fields, *prices)
    return TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        bid=prices[0],
        bid_amount=bid.amount("amount"),
        ask=prices[1],
        ask_amount=ask.amount("amount"),
        last=last.positive_or_none("price"),
        open_24h=opened.positive_or_none("day"),
        high_24h=high.positive_or_none("day"),
        low_24h=low.positive_or_none("day"),
        volume_24h=volume.amount("day"),
        at=reading.arrival(),
        received_at=reading.received_at,
    )


def parse_spread(raw: object, reading: Reading) -> TickerData:
    """Channel `spread`: the best levels at a moment."""
    parts, _, listing = _opened(raw, reading)
    fields = _SPREAD.fields(parts[0], reading)
    bid, ask = fields.positive_or_none("bid"), fields.positive_or_none("ask")
    refuse_crossed(fields, bid, ask)
    return TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        bid=bid,
        bid_amount=fields.amount_or_none("bid_amount"),
        ask=ask,
        ask_amount=fields.amount_or_none("ask_amount"),
        at=_time(fields, "time"),
        received_at=reading.received_at,
    )


def parse_candle(raw: object, reading: Reading) -> OHLCVData:
    """Channel `ohlc-<minutes>`: a candle as far as it is known; the venue tells when it ends.

    Raises:
        MalformedMessage: If the channel's name does not say how long it is.
    """
    parts, channel, listing = _opened(raw, reading)
    fields = _CANDLE.fields(parts[0], reading)
    minutes = channel.partition("-")[2]
    if not re.fullmatch(r"[1-9]\d{0,4}", minutes, re.ASCII):
        raise malformed(reading, "ohlc", f"does not say how long it is: {channel[:40]!r}")
    end = _time(fields, "end")
    return OHLCVData(
        venue=reading.venue,
        symbol=listing.symbol,
        timeframe=timeframe_of(int(minutes) * 60),
        at=end - timedelta(minutes=int(minutes)),
        open=fields.positive("open"),
        high=fields.positive("high"),
        low=fields.positive("low"),
        close=fields.positive("close"),
        volume=fields.amount("volume"),
        is_closed=_time(fields, "time") >= end,
    )


def _opened(raw: object, reading: Reading) -> tuple[list[object], str, Listing]:
    """The parts of a message, its channel, and whose it is."""
    values = array(raw, "message", reading)
    if len(values) < 4 or not isinstance(values[-2], str) or not isinstance(values[-1], str):
        raise malformed(reading, "message", "should be a number, parts, a channel and a pair")
    return values[1:-2], values[-2], reading.listing(values[-1])


def _time(fields: Fields, name: str) -> datetime:
    """A time that came as the text of seconds with a fraction."""
    text = fields.text(name)
    if not re.fullmatch(r"\d{1,11}(\.\d{1,9})?", text, re.ASCII):
        fields.refuse(name, f"should be seconds since 1970, not {text[:40]!r}")
    try:
        return time_of(int(Decimal(text) * 1_000_000), MICROSECOND, fields.reading)
    except ValueError as error:
        fields.refuse(name, str(error))
