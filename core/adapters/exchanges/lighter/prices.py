"""Lighter's prices over REST: tickers, books, candles, trades, funding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.lighter import parse
from core.adapters.exchanges.lighter.rest import LighterRest
from core.adapters.exchanges.models import (
    ExchangeType,
    FundingRateData,
    OHLCVData,
    OrderBookData,
    TickerData,
    TradeData,
    to_ns,
)
from core.adapters.exchanges.native.listings import Listings
from core.errors import MalformedMessage, NotSupported

_SECONDS: Final = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "4h": 14_400,
    "12h": 43_200,
    "1d": 86_400,
    "1w": 604_800,
}


class Prices:
    """Asks what everybody may know.

    Args:
        rest: Requests.
        listings: The venue's instruments.
    """

    def __init__(self, rest: LighterRest, listings: Listings) -> None:
        self._rest = rest
        self._listings = listings
        self._venue = rest.venue

    async def ticker(self, symbol: str) -> TickerData:
        """Best prices of the book; the last trade, mark and index of the market's details."""
        listing = self._listings.of(symbol)
        book = await self.book(symbol, 1)
        answer = await self._rest.public("orderBookDetails", {"market_id": listing.key})
        row = _details(answer, listing)
        return TickerData(
            venue=self._venue,
            symbol=symbol,
            bid=book.bids[0].price if book.bids else None,
            bid_amount=book.bids[0].amount if book.bids else None,
            ask=book.asks[0].price if book.asks else None,
            ask_amount=book.asks[0].amount if book.asks else None,
            last=_price(row, "last_trade_price"),
            mark=_price(row, "mark_price"),
            index=_price(row, "index_price"),
            at=book.at,
            received_at=book.received_at,
        )

    async def book(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """The orders nearest to the market, added up by price."""
        listing = self._listings.of(symbol)
        params = {"market_id": listing.key, "limit": 250}
        answer = await self._rest.public("orderBookOrders", params)
        book = parse.parse_book_orders(answer, self._rest.reading(listing.key))
        if limit is None:
            return book
        return replace(book, bids=book.bids[:limit], asks=book.asks[:limit])

    async def candles(
        self, symbol: str, timeframe: str, since: datetime | None, limit: int | None
    ) -> list[OHLCVData]:
        """The newest candles, or those since a moment; at most five hundred."""
        listing = self._listings.of(symbol)
        length_s = _SECONDS.get(timeframe)
        if length_s is None:
            raise NotSupported(
                f"{self._venue} has no candles of {timeframe[:10]}.", venue=self._venue
            )
        now = self._rest.clock.now()
        count = min(limit or 500, 500)
        start = now - timedelta(seconds=length_s * count) if since is None else since
        params = {
            "market_id": listing.key,
            "resolution": timeframe,
            "start_timestamp": to_ns(start) // 1_000_000,
            "end_timestamp": to_ns(now) // 1_000_000,
            "count_back": 500,
        }
        answer = await self._rest.public("candles", params)
        rows = [
            replace(row, is_closed=row.at + timedelta(seconds=length_s) <= now)
            for row in parse.parse_candles(answer, self._rest.reading(listing.key))
            if since is None or row.at >= since
        ]
        return rows[-count:] if since is None else rows[:count]

    async def trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """At most the hundred newest."""
        rows: Sequence[TradeData] = await self.newest_trades(self._listings.of(symbol))
        rows = [trade for trade in rows if since is None or trade.at >= since]
        return rows if limit is None else (rows[-limit:] if since is None else rows[:limit])

    async def newest_trades(self, listing: Listing) -> list[TradeData]:
        """The hundred newest trades from old to new."""
        params = {"market_id": listing.key, "limit": 100}
        answer = await self._rest.public("recentTrades", params)
        found = parse.parse_trades(answer, self._rest.reading(listing.key))
        return sorted(found, key=lambda trade: (trade.at, _number(trade.trade_id)))

    async def funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement, as the venue compares it: per eight hours."""
        if self._listings.of(symbol).market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is no perpetual.", venue=self._venue)
        answer = await self._rest.public("funding-rates")
        for rate in parse.parse_funding_rates(answer, self._rest.reading()):
            if rate.symbol == symbol:
                return rate
        raise MalformedMessage(f"{self._venue} told no funding of {symbol}", venue=self._venue)


def _details(answer: object, listing: Listing) -> dict[str, object]:
    """The row of a market among the venue's details."""
    if isinstance(answer, dict):
        for name in ("order_book_details", "spot_order_book_details"):
            rows = answer.get(name)
            for row in rows if isinstance(rows, list) else []:
                if isinstance(row, dict) and str(row.get("market_id")) == listing.key:
                    return row
    raise MalformedMessage(f"lighter told nothing of {listing.symbol}", venue="lighter")


def _price(row: dict[str, object], name: str) -> Decimal | None:
    """A price as text or as an exact number; None where there is none."""
    value = row.get(name)
    try:
        found = Decimal(str(value)) if isinstance(value, str | int | Decimal) else None
    except ArithmeticError:
        return None
    return found if found is not None and found.is_finite() and found > 0 else None


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
