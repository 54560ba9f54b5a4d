"""BitMEX's public tables as `*Data`: books, quotes, trades and candles. Pure.

Source: bitmex.com/app/wsAPI and bitmex.com/api/explorer. Times are ISO 8601 in UTC. `tables.py`
says what a row is, and when contracts are base units.

Traps:

- A level of `orderBookL2` has an id that stands for its price: since it came, changes of older
  recordings say the id alone. Levels had no time of their own then.
- `Referential` trades are prices of indexes: nothing changed hands.
- A candle's time is its end, and only its table says how long it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from core.adapters.exchanges.decoding import (
    Fields,
    Listing,
    Reading,
    malformed,
    refuse_crossed,
    shape,
    sorted_book,
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
from core.adapters.exchanges.recordings.bitmex.tables import (
    Row,
    has_size,
    in_base,
    is_whole,
    rows,
    traded,
)

SIDES: Final = {"Buy": OrderSide.BUY, "Sell": OrderSide.SELL}
_LEVEL: Final = shape("orderBookL2", "symbol id side size price timestamp transactTime pool")
_TEN: Final = shape("orderBook10", "symbol bids asks timestamp transactTime pool")
_QUOTE: Final = shape("quote", "timestamp symbol bidSize bidPrice askPrice askSize pool")
_TRADE: Final = shape(
    "trade",
    "timestamp symbol side size price tickDirection trdMatchID grossValue homeNotional"
    " foreignNotional trdType pool",
)
_BIN: Final = shape(
    "tradeBin",
    "timestamp symbol open high low close trades volume vwap lastSize turnover homeNotional"
    " foreignNotional pool",
)
_BINS: Final = {
    "tradeBin1m": timedelta(minutes=1),
    "tradeBin5m": timedelta(minutes=5),
    "tradeBin1h": timedelta(hours=1),
    "tradeBin1d": timedelta(days=1),
}
_EARLIEST: Final = datetime(2014, 1, 1, tzinfo=UTC)
"""BitMEX opened in this year."""
_ZERO: Final = Decimal(0)


def parse_books(raw: object, reading: Reading) -> tuple[OrderBookData | BookDelta, ...]:
    """Table and REST `orderBookL2`: whole books, or their changes, one of each instrument.

    Raises:
        MalformedMessage: If a level is none or has an id that never came, or a whole book is
            crossed.
    """
    by_symbol: dict[str, list[Row]] = {}
    for row in rows(raw, _LEVEL, reading):
        by_symbol.setdefault(row.fields.text("symbol"), []).append(row)
    return tuple(
        book
        for key, levels in by_symbol.items()
        for book in _book(levels, reading.listing(key), is_whole=is_whole(raw))
    )


def _book(
    levels: list[Row], listing: Listing, *, is_whole: bool
) -> Iterator[OrderBookData | BookDelta]:
    """The book that these levels are, or change; nothing where contracts are of unknown size."""
    fields = levels[0].fields
    if not has_size(fields, listing):
        return
    sides: dict[OrderSide, list[BookLevel]] = {OrderSide.BUY: [], OrderSide.SELL: []}
    for row in levels:
        price = row.fields.positive("price")
        contracts = _ZERO if row.action == "delete" else row.fields.positive("size")
        level = BookLevel(price, listing.amount(contracts, price))
        sides[row.fields.choice("side", SIDES)].append(level)
    reading = fields.reading
    bids, asks = tuple(sides[OrderSide.BUY]), tuple(sides[OrderSide.SELL])
    at = max(_times(levels), default=None) or reading.arrival()
    if not is_whole:
        yield BookDelta(
            venue=reading.venue,
            symbol=listing.symbol,
            bids=bids,
            asks=asks,
            at=at,
            received_at=reading.received_at,
        )
        return
    bids, asks = sorted_book(fields, bids, asks)
    yield OrderBookData(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        at=at,
        received_at=reading.received_at,
    )


def _times(levels: list[Row]) -> Iterator[datetime]:
    """When the levels of a message changed, where it says so itself."""
    for row in levels:
        if "timestamp" in row.said and row.fields.has("timestamp"):
            yield row.fields.iso_time("timestamp")


def parse_ten(raw: object, reading: Reading) -> tuple[OrderBookData, ...]:
    """Table `orderBook10`: the ten best levels a side, whole each time."""
    return tuple(book for row in rows(raw, _TEN, reading) for book in _ten(row.fields))


def _ten(fields: Fields) -> Iterator[OrderBookData]:
    reading = fields.reading
    listing = reading.listing(fields.text("symbol"))
    if not has_size(fields, listing):
        return
    bids, asks = sorted_book(fields, fields.levels("bids", listing), fields.levels("asks", listing))
    yield OrderBookData(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        at=fields.iso_time("timestamp"),
        received_at=reading.received_at,
    )


def parse_quotes(raw: object, reading: Reading) -> tuple[TickerData, ...]:
    """Table and REST `quote`: best levels, without amounts where contracts are of unknown size."""
    return tuple(_quote(row.fields) for row in rows(raw, _QUOTE, reading))


def _quote(fields: Fields) -> TickerData:
    listing = fields.reading.listing(fields.text("symbol"))
    bid, ask = fields.positive_or_none("bidPrice"), fields.positive_or_none("askPrice")
    refuse_crossed(fields, bid, ask)
    is_sized = has_size(fields, listing)
    return TickerData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        bid=bid,
        bid_amount=_best(fields, "bidSize", listing, bid) if is_sized else None,
        ask=ask,
        ask_amount=_best(fields, "askSize", listing, ask) if is_sized else None,
        at=fields.iso_time("timestamp"),
        received_at=fields.reading.received_at,
    )


def _best(fields: Fields, name: str, listing: Listing, price: Decimal | None) -> Decimal | None:
    size = fields.amount_or_none(name)
    return None if size is None or price is None else listing.amount(size, price)


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Table and REST `trade`, in the venue's order; the side is the taker's."""
    return tuple(trade for row in rows(raw, _TRADE, reading) for trade in _trade(row.fields))


def _trade(fields: Fields) -> Iterator[TradeData]:
    key = fields.text("symbol")
    if key.startswith(".") or fields.says("trdType", {"Referential"}):
        fields.reading.unknown["trade:trdType=Referential"] += 1
        return
    listing = fields.reading.listing(key)
    price = fields.positive("price")
    amount = traded(fields, listing, "size", price)
    if amount is None:
        return
    yield TradeData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        trade_id=fields.identifier("trdMatchID"),
        price=price,
        amount=amount,
        side=fields.choice("side", SIDES),
        at=fields.iso_time("timestamp"),
        received_at=fields.reading.received_at,
    )


def parse_candles(raw: object, reading: Reading) -> tuple[OHLCVData, ...]:
    """Tables `tradeBin…` and REST `trade/bucketed`, in the venue's order.

    A candle is as long as its table says, and one of an answer as its distance to the next.

    Raises:
        MalformedMessage: If neither says how long it is.
    """
    found = [row.fields for row in rows(raw, _BIN, reading)]
    if not found:
        return ()
    ends = [fields.iso_time("timestamp") for fields in found]
    if min(ends) < _EARLIEST:
        raise malformed(reading, "tradeBin", f"has a candle of {min(ends):%Y}")
    table = raw.get("table") if isinstance(raw, dict) else None
    length = _BINS.get(table) if isinstance(table, str) else _distance(ends)
    if length is None or length not in _BINS.values():
        raise malformed(reading, "tradeBin", "does not say how long its candles are")
    return tuple(
        candle
        for fields, end in zip(found, ends, strict=True)
        for candle in _candle(fields, end - length, length)
    )


def _distance(ends: list[datetime]) -> timedelta | None:
    """The shortest time between two candles of an answer."""
    times = sorted(set(ends))
    return min((later - at for at, later in pairwise(times)), default=None)


def _candle(fields: Fields, at: datetime, length: timedelta) -> Iterator[OHLCVData]:
    """The candle; nothing before the first trade of all, when there is no price yet."""
    listing = fields.reading.listing(fields.text("symbol"))
    if not fields.has("open"):
        fields.reading.unknown["tradeBin:no price"] += 1
        return
    close = fields.positive("close")
    volume = fields.amount_or_none("homeNotional")
    if volume is None:
        average = fields.positive_or_none("vwap") or close
        volume = in_base(fields, listing, fields.amount("volume"), average)
    if volume is None:
        return
    yield OHLCVData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        timeframe=timeframe_of(int(length.total_seconds())),
        at=at,
        open=fields.positive("open"),
        high=fields.positive("high"),
        low=fields.positive("low"),
        close=close,
        volume=volume,
    )
