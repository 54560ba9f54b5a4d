"""What everyone may ask Backpack about a market, and the state that its streams do not tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from core.adapters.exchanges.backpack import parse
from core.adapters.exchanges.backpack.rest import BackpackRest
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.models import (
    ExchangeType,
    FundingRateData,
    OHLCVData,
    OrderBookData,
    TickerData,
    TradeData,
    to_ns,
)
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.market import Change
from core.errors import MalformedMessage, NotSupported

_SECONDS: Final = {
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "2h": 7200,
    "4h": 14_400,
    "6h": 21_600,
    "8h": 28_800,
    "12h": 43_200,
    "1d": 86_400,
    "3d": 259_200,
    "1w": 604_800,
}
_DEPTHS: Final = (5, 10, 20, 50, 100, 500)
_DEEPEST: Final = 1000


class Prices:
    """Questions about markets.

    Args:
        rest: Asks.
        listings: The venue's instruments.
        hub: The newest streamed prices.
    """

    def __init__(self, rest: BackpackRest, listings: Listings, hub: Hub) -> None:
        self._rest = rest
        self._listings = listings
        self._hub = hub
        self._clock = rest.clock
        self._venue = rest.venue

    async def ticker(self, symbol: str) -> TickerData:
        """Best prices of the book, the last trade, and of perpetuals mark and index."""
        listing = self._listings.of(symbol)
        book = await self.book(symbol, 1)
        answer = await self._rest.public("/api/v1/ticker", {"symbol": listing.key})
        day = parse.parse_ticker(answer, self._rest.reading())
        ticker = replace(
            day,
            bid=book.bids[0].price if book.bids else None,
            bid_amount=book.bids[0].amount if book.bids else None,
            ask=book.asks[0].price if book.asks else None,
            ask_amount=book.asks[0].amount if book.asks else None,
            at=book.at,
        )
        if listing.market_type is not ExchangeType.PERPETUAL:
            return ticker
        for part in await self._mark(listing):
            if isinstance(part, TickerData):
                return replace(ticker, mark=part.mark, index=part.index)
        return ticker

    async def book(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Depth of at most a thousand levels."""
        listing = self._listings.of(symbol)
        asked = next((size for size in _DEPTHS if size >= (limit or 100)), _DEEPEST)
        answer = await self._rest.public("/api/v1/depth", {"symbol": listing.key, "limit": asked})
        book = parse.parse_depth(answer, self._rest.reading(listing.key))
        if limit is None:
            return book
        return replace(book, bids=book.bids[:limit], asks=book.asks[:limit])

    async def candles(
        self, symbol: str, timeframe: str, since: datetime | None, limit: int | None
    ) -> list[OHLCVData]:
        """The newest candles, or those since a moment."""
        listing = self._listings.of(symbol)
        length_s = _SECONDS.get(timeframe)
        if length_s is None:
            raise NotSupported(
                f"{self._venue} has no candles of {timeframe[:10]}.", venue=self._venue
            )
        now_s = self._rest.now_ms() // 1000
        start_s = now_s - length_s * (limit or 500) if since is None else to_ns(since) // 10**9
        params = {"symbol": listing.key, "interval": timeframe, "startTime": start_s}
        answer = await self._rest.public("/api/v1/klines", params)
        found = parse.parse_klines(answer, self._rest.reading(listing.key))
        rows = [row for row in found if since is None or row.at >= since]
        return rows if limit is None else (rows[-limit:] if since is None else rows[:limit])

    async def trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """At most the thousand newest."""
        listing = self._listings.of(symbol)
        answer = await self._rest.public("/api/v1/trades", {"symbol": listing.key, "limit": 1000})
        found = parse.parse_trades(answer, self._rest.reading(listing.key))
        rows = sorted(found, key=lambda trade: (trade.at, _number(trade.trade_id)))
        rows = [trade for trade in rows if since is None or trade.at >= since]
        return rows if limit is None else (rows[-limit:] if since is None else rows[:limit])

    async def funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement."""
        listing = self._listings.of(symbol)
        if listing.market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is no perpetual.", venue=self._venue)
        for part in await self._mark(listing):
            if isinstance(part, FundingRateData):
                return part
        raise MalformedMessage(f"{self._venue} told no funding of {symbol}", venue=self._venue)

    async def _mark(self, listing: Listing) -> list[TickerData | FundingRateData]:
        rows = await self._rest.public("/api/v1/markPrices", {"symbol": listing.key})
        found: list[TickerData | FundingRateData] = []
        for row in rows if isinstance(rows, list) else []:
            found += parse.parse_mark(row, self._rest.reading())
        return [part for part in found if part.symbol == listing.symbol]

    # -- what the streams do not tell ---------------------------------------------------------

    async def whole_book(self, listing: Listing) -> tuple[int, Change]:
        """Sequence and levels of a book that the stream's changes go on from."""
        book = await self.book(listing.symbol, _DEEPEST)
        bids, asks = (
            [(float(level.price), float(level.amount)) for level in side]
            for side in (book.bids, book.asks)
        )
        return book.sequence or 0, Change(bids, asks, to_ns(book.at))

    async def tell_best(self, listing: Listing) -> None:
        """Tells best prices as they are now, unless the stream was quicker."""
        book = await self.book(listing.symbol, 1)
        quote = self._hub.of(listing.symbol).quote
        if (quote.bid is None and quote.ask is None) or quote.at is None or book.at > quote.at:
            self._set_best(book)

    async def tell_mark(self, listing: Listing) -> None:
        """Tells mark and index as they are now."""
        for part in await self._mark(listing):
            if isinstance(part, TickerData):
                self._hub.take_part(part.symbol, part)
                self._hub.tell_quote(part.symbol, self._clock.now())

    async def is_quiet(self, topics: Sequence[str]) -> bool:
        """Whether REST tells the prices that the stream told last; then they are fresh again."""
        topic = next((name for name in topics if name.startswith("bookTicker.")), None)
        if topic is None:
            return not topics
        listing = self._listings.by_key.get(topic.partition(".")[2])
        if listing is None:
            return False
        book = await self.book(listing.symbol, 1)
        quote = self._hub.of(listing.symbol).quote
        bid, ask = (side[0].price if side else None for side in (book.bids, book.asks))
        if (bid, ask) != (quote.bid, quote.ask):
            return False
        self._set_best(replace(book, at=self._clock.now()))
        return True

    def _set_best(self, book: OrderBookData) -> None:
        quote = self._hub.of(book.symbol).quote
        self._hub.set_best(
            quote,
            book.bids[0].price if book.bids else None,
            book.bids[0].amount if book.bids else None,
            book.asks[0].price if book.asks else None,
            book.asks[0].amount if book.asks else None,
        )
        quote.at = book.at
        self._hub.tell_quote(book.symbol, self._clock.now())


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
