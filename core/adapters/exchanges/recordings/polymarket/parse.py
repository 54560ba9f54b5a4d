"""Polymarket's public messages as `*Data`: books, their changes, best prices, trades. Pure.

Every function takes one decoded payload, or an array of the same kind. What is traded is an
outcome's token (`asset_id`, `asset`), whose id is its symbol; prices are USDC between 0 and 1,
sizes tokens, times milliseconds unless a parser says otherwise. Values that cannot be true raise
`MalformedMessage`. Source: docs.polymarket.com, "Market Channel", "CLOB", "Data API" and
"Real-Time Data Socket".

Traps:

- Books list bids upwards and asks downwards, or either side in any order; here the best is first.
- `price_change` states what there is at a price from now on, of one token or several, and the best
  bid and ask that follow. A best bid of 0 and a best ask of 1 stand for none.
- Nothing counts the changes of a book, and `hash` is not documented: a gap cannot be seen.
- A trade has no id; where a message names its transaction, that stands for it.
- The socket of other venues' prices (`crypto_prices`) passes on what outcomes are decided by: an
  index price of a pair that is not traded here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import (
    MILLISECOND,
    SECOND,
    Fields,
    Listing,
    Reading,
    objects,
    refuse_crossed,
    shape,
    sorted_book,
)
from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.models import (
    BookLevel,
    OrderBookData,
    OrderSide,
    TickerData,
    TradeData,
)
from core.adapters.exchanges.recordings.polymarket.pages import rows

SIDES: Final = {"BUY": OrderSide.BUY, "SELL": OrderSide.SELL}
_ONE: Final = Decimal(1)
_NEAR: Final = Decimal("0.01")

_BOOK: Final = shape(
    "book",
    "asks asset_id bids event_type hash last_trade_price market min_order_size neg_risk tick_size"
    " timestamp",
)
_CHANGES: Final = shape(
    "price_change", "asset_id changes event_type hash market price_changes timestamp"
)
_CHANGE: Final = shape("price_change.changes", "asset_id best_ask best_bid hash price side size")
_BEST: Final = shape(
    "best_bid_ask", "asset_id best_ask best_bid event_type market spread timestamp"
)
_LAST: Final = shape(
    "last_trade_price",
    "asset_id event_type fee_rate_bps market price side size timestamp transaction_hash",
)
_TRADE: Final = shape(
    "trades",
    "asset bio conditionId eventSlug icon name outcome outcomeIndex price profileImage"
    " profileImageOptimized proxyWallet pseudonym side size slug timestamp title transactionHash",
)
_SOCKET: Final = shape("rtds", "connection_id payload timestamp topic type")
_PRICES: Final = shape(
    "rtds.payload", "data full_accuracy_value received_at symbol timestamp value"
)


# -- books ------------------------------------------------------------------------------------


def parse_books(raw: object, reading: Reading) -> tuple[OrderBookData, ...]:
    """Event `book` and REST `book` and `books`: the whole book of a token.

    Raises:
        MalformedMessage: If a level is none or above 1, or the book is crossed.
    """
    return tuple(_book(fields) for fields in objects(rows(raw), _BOOK, reading))


def _book(fields: Fields) -> OrderBookData:
    reading = fields.reading
    listing = reading.listing(fields.text("asset_id"))
    bids, asks = (
        fields.levels(name, listing, price="price", amount="size") for name in ("bids", "asks")
    )
    bids, asks = sorted_book(fields, bids, asks)
    if any(level.price > _ONE for level in (*bids[:1], *asks[-1:])):
        fields.refuse("asks", "hold a price above 1")
    return OrderBookData(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        at=fields.event_time("timestamp", MILLISECOND),
        received_at=reading.received_at,
    )


def parse_price_changes(raw: object, reading: Reading) -> tuple[BookDelta | TickerData, ...]:
    """Event `price_change`: token by token the levels that changed, then its best bid and ask.

    Messages of before September 2025 have their changes in `changes` and name no best prices.
    """
    return tuple(
        item for fields in objects(rows(raw), _CHANGES, reading) for item in _changed(fields)
    )


def _changed(fields: Fields) -> Iterator[BookDelta | TickerData]:
    reading = fields.reading
    at = fields.event_time("timestamp", MILLISECOND)
    name = "price_changes" if fields.has("price_changes") else "changes"
    by_token: dict[str, list[Fields]] = {}
    for change in objects(fields.items(name), _CHANGE, reading):
        key = (change if name == "price_changes" else fields).text("asset_id")
        by_token.setdefault(key, []).append(change)
    for key, changes in by_token.items():
        listing = reading.listing(key)
        yield _delta(changes, listing, at)
        if changes[-1].has("best_bid") or changes[-1].has("best_ask"):
            yield _best(changes[-1], listing, at)


def _delta(changes: list[Fields], listing: Listing, at: datetime) -> BookDelta:
    sides: dict[OrderSide, list[BookLevel]] = {OrderSide.BUY: [], OrderSide.SELL: []}
    for change in changes:
        level = BookLevel(price_of(change, "price"), change.amount("size"))
        sides[change.choice("side", SIDES)].append(level)
    reading = changes[0].reading
    return BookDelta(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=tuple(sides[OrderSide.BUY]),
        asks=tuple(sides[OrderSide.SELL]),
        at=at,
        received_at=reading.received_at,
    )


def parse_best(raw: object, reading: Reading) -> tuple[TickerData, ...]:
    """Event `best_bid_ask`."""
    return tuple(
        _best(
            fields,
            reading.listing(fields.text("asset_id")),
            fields.event_time("timestamp", MILLISECOND),
        )
        for fields in objects(rows(raw), _BEST, reading)
    )


def _best(fields: Fields, listing: Listing, at: datetime) -> TickerData:
    bid, ask = fields.positive_or_none("best_bid"), fields.positive_or_none("best_ask")
    for name, price in (("best_bid", bid), ("best_ask", ask)):
        if price is not None and price > _ONE:
            fields.refuse(name, f"should be at most 1, not {price}")
    ask = None if ask == _ONE else ask
    refuse_crossed(fields, bid, ask)
    return TickerData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        bid=bid,
        ask=ask,
        at=at,
        received_at=fields.reading.received_at,
    )


def price_of(fields: Fields, name: str) -> Decimal:
    """The price of a token: above 0 and at most 1."""
    price = fields.positive(name)
    if price > _ONE:
        fields.refuse(name, f"should be at most 1, not {price}")
    return price


# -- trades -----------------------------------------------------------------------------------


def parse_last_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Event `last_trade_price`: a trade, with the taker's side."""
    return tuple(
        _trade(fields, asset="asset_id", transaction="transaction_hash")
        for fields in objects(rows(raw), _LAST, reading)
    )


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Data API `trades`, in the venue's order; times are seconds, sides the takers'."""
    return tuple(_public_trade(fields) for fields in objects(rows(raw), _TRADE, reading))


def parse_activity(raw: object, reading: Reading) -> TradeData:
    """Topic `activity`, type `trades`: one row of the Data API's."""
    return _public_trade(Fields(raw, _SOCKET, reading).part("payload", _TRADE))


def _public_trade(fields: Fields) -> TradeData:
    return _trade(fields, asset="asset", transaction="transactionHash")


def _trade(fields: Fields, *, asset: str, transaction: str) -> TradeData:
    return TradeData(
        venue=fields.reading.venue,
        symbol=fields.reading.listing(fields.text(asset)).symbol,
        trade_id=fields.text_or_none(transaction) or "",
        price=price_of(fields, "price"),
        amount=fields.positive("size"),
        side=fields.choice("side", SIDES),
        at=fields.time("timestamp", SECOND),
        received_at=fields.reading.received_at,
    )


# -- prices of other venues -------------------------------------------------------------------


def parse_socket_prices(raw: object, reading: Reading) -> tuple[TickerData, ...]:
    """Topics `crypto_prices…` and `equity_prices`: index prices, one or a short history.

    `full_accuracy_value` is the same number with more digits, or in units of 1e-18.
    """
    payload = Fields(raw, _SOCKET, reading).part("payload", _PRICES)
    symbol = reading.listing(payload.text("symbol")).symbol
    told = objects(payload.items("data"), _PRICES, reading) if payload.has("data") else [payload]
    return tuple(
        TickerData(
            venue=reading.venue,
            symbol=symbol,
            index=_exact(fields),
            at=fields.time("timestamp", MILLISECOND),
            received_at=reading.received_at,
        )
        for fields in told
    )


def _exact(fields: Fields) -> Decimal:
    value, exact = fields.positive("value"), fields.positive_or_none("full_accuracy_value")
    return exact if exact is not None and abs(exact - value) < value * _NEAR else value
