"""Bybit's linear contracts before V5, as recordings of 2021 have them: trades and books. Pure.

Nobody speaks this protocol any more; it is read for recordings alone. A book (`orderBookL2_25`,
`orderBook_200.100ms`) names each level by its side and price: a snapshot lists all, a change lists
what went, what changed and what came. `cross_seq` counts matches and not messages, so a change says
nothing of what must come before it. Source: Bybit's "Linear (USDT) API v2".
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import (
    MICROSECOND,
    MILLISECOND,
    Fields,
    Listing,
    Reading,
    objects,
    shape,
    sorted_book,
)
from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.models import BookLevel, OrderBookData, OrderSide, TradeData

_SIDES: Final = {"Buy": OrderSide.BUY, "Sell": OrderSide.SELL}
_TOPIC: Final = shape("topic", "topic type data cross_seq timestamp_e6")
_CHANGE: Final = shape("orderBookL2.data", "order_book delete update insert transactTimeE6")
_LEVEL: Final = shape("orderBookL2.level", "price symbol id side size")
_TRADE: Final = shape(
    "trade", "symbol tick_direction price size timestamp trade_time_ms side trade_id cross_seq"
)
_ZERO: Final = Decimal(0)


def parse_book(raw: object, reading: Reading) -> OrderBookData | BookDelta:
    """The whole book, or the levels that changed.

    Raises:
        MalformedMessage: If a level is none, or a whole book is crossed.
    """
    envelope = Fields(raw, _TOPIC, reading)
    listing = reading.listing(envelope.text("topic").rpartition(".")[2])
    at = envelope.event_time("timestamp_e6", MICROSECOND)
    data = envelope.part("data", _CHANGE)
    if envelope.text("type") == "snapshot":
        bids, asks = sorted_book(data, *_levels(data, ("order_book",), listing))
        return OrderBookData(
            venue=reading.venue,
            symbol=listing.symbol,
            bids=bids,
            asks=asks,
            at=at,
            received_at=reading.received_at,
        )
    bids, asks = _levels(data, ("delete", "update", "insert"), listing)
    return BookDelta(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        at=at,
        received_at=reading.received_at,
    )


def _levels(
    data: Fields, names: tuple[str, ...], listing: Listing
) -> tuple[tuple[BookLevel, ...], tuple[BookLevel, ...]]:
    """Bids and asks of some lists of levels; a deleted one has no amount."""
    sides: dict[OrderSide, list[BookLevel]] = {OrderSide.BUY: [], OrderSide.SELL: []}
    for name in names:
        for level in objects(data.items_or_empty(name), _LEVEL, data.reading):
            price = level.positive("price")
            amount = _ZERO if name == "delete" else level.positive("size")
            side = level.choice("side", _SIDES)
            sides[side].append(BookLevel(price, listing.amount(amount, price)))
    return tuple(sides[OrderSide.BUY]), tuple(sides[OrderSide.SELL])


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Topic `trade.<symbol>`, in the venue's order."""
    rows = Fields(raw, _TOPIC, reading).items("data")
    return tuple(_trade(fields) for fields in objects(rows, _TRADE, reading))


def _trade(fields: Fields) -> TradeData:
    listing = fields.reading.listing(fields.text("symbol"))
    price = fields.positive("price")
    return TradeData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        trade_id=fields.identifier("trade_id"),
        price=price,
        amount=listing.amount(fields.positive("size"), price),
        side=fields.choice("side", _SIDES),
        at=fields.time("trade_time_ms", MILLISECOND),
        received_at=fields.reading.received_at,
    )
