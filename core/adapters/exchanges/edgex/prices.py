"""edgeX's prices: REST, and the stream's first message where REST tells no trades."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.edgex import parse
from core.adapters.exchanges.edgex.rest import EdgexRest
from core.adapters.exchanges.models import (
    FundingRateData,
    OHLCVData,
    OrderBookData,
    TickerData,
    TradeData,
    to_ns,
)
from core.adapters.exchanges.native.listings import Listings
from core.errors import MalformedMessage, NotSupported, TransportError

_KINDS: Final = {
    "1m": ("MINUTE_1", 60),
    "5m": ("MINUTE_5", 300),
    "15m": ("MINUTE_15", 900),
    "30m": ("MINUTE_30", 1800),
    "1h": ("HOUR_1", 3600),
    "2h": ("HOUR_2", 7200),
    "4h": ("HOUR_4", 14_400),
    "6h": ("HOUR_6", 21_600),
    "8h": ("HOUR_8", 28_800),
    "12h": ("HOUR_12", 43_200),
    "1d": ("DAY_1", 86_400),
    "1w": ("WEEK_1", 604_800),
}
_HISTORY_S: Final = 3.0


class Prices:
    """Asks what everybody may know.

    Args:
        rest: Requests.
        listings: The venue's instruments.
        public: The public socket.
        newest_trades: Those of a contract that the socket told, while it is asked for them.
    """

    def __init__(
        self,
        rest: EdgexRest,
        listings: Listings,
        public: Connection,
        newest_trades: Callable[[str], list[TradeData] | None],
    ) -> None:
        self._rest = rest
        self._listings = listings
        self._public = public
        self._newest_trades = newest_trades
        self._venue = rest.venue

    async def ticker(self, symbol: str) -> TickerData:
        """Best prices of the book, last, mark and index."""
        listing = self._listings.of(symbol)
        book = await self.book(symbol, 15)
        answer = await self._rest.public("quote/getTicker", {"contractId": listing.key})
        for part in parse.parse_tickers(answer, self._rest.reading()):
            if isinstance(part, TickerData):
                return replace(
                    part,
                    bid=book.bids[0].price if book.bids else None,
                    bid_amount=book.bids[0].amount if book.bids else None,
                    ask=book.asks[0].price if book.asks else None,
                    ask_amount=book.asks[0].amount if book.asks else None,
                )
        raise MalformedMessage(f"{self._venue} told no ticker of {symbol}", venue=self._venue)

    async def book(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Fifteen or two hundred levels a side."""
        listing = self._listings.of(symbol)
        level = 15 if limit is not None and limit <= 15 else 200  # the venue's two
        answer = await self._rest.public(
            "quote/getDepth", {"contractId": listing.key, "level": level}
        )
        for book in parse.parse_depth(answer, self._rest.reading()):
            if isinstance(book, OrderBookData):
                if limit is None:
                    return book
                return replace(book, bids=book.bids[:limit], asks=book.asks[:limit])
        raise MalformedMessage(f"{self._venue} told no book of {symbol}", venue=self._venue)

    async def candles(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """The newest candles, or those since a moment; at most a thousand."""
        listing = self._listings.of(symbol)
        if timeframe not in _KINDS:
            raise NotSupported(
                f"{self._venue} has no candles of {timeframe[:10]}.", venue=self._venue
            )
        kind, length_s = _KINDS[timeframe]
        params: dict[str, object] = {
            "contractId": listing.key,
            "priceType": "LAST_PRICE",
            "klineType": kind,
            "size": min(limit or 500, 1000),
        }
        if since is not None:
            params["filterBeginKlineTimeInclusive"] = to_ns(since) // 1_000_000
        answer = await self._rest.public("quote/getKline", params)
        now = self._rest.clock.now()
        rows = [
            replace(row, is_closed=row.at + timedelta(seconds=length_s) <= now)
            for row in parse.parse_klines(answer, self._rest.reading())
        ]
        return sorted(rows, key=lambda row: row.at)

    async def trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """The newest ones of the stream, which begins with some: REST has none."""
        self._rest.need_open()
        listing = self._listings.of(symbol)
        topic = f"trades.{listing.key}"
        await self._public.start()
        await self._public.subscribe(topic)
        try:
            async with self._rest.clock.timeout(_HISTORY_S):
                while (rows := self._newest_trades(listing.key)) is None:
                    await self._rest.clock.sleep(0.01)
        except TimeoutError as error:
            raise TransportError(f"{self._venue} told no trades of {symbol}") from error
        finally:
            self._public.unsubscribe(topic)
        rows = [trade for trade in rows if since is None or trade.at >= since]
        return rows if limit is None else (rows[-limit:] if since is None else rows[:limit])

    async def funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement."""
        listing = self._listings.of(symbol)
        answer = await self._rest.public(
            "funding/getLatestFundingRate", {"contractId": listing.key}
        )
        for rate in parse.parse_funding(answer, self._rest.reading()):
            return rate
        raise MalformedMessage(f"{self._venue} told no funding of {symbol}", venue=self._venue)
