"""What everyone may ask Hyperliquid about a market."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.hyperliquid import parse
from core.adapters.exchanges.hyperliquid.dexes import dex_of
from core.adapters.exchanges.hyperliquid.instruments import tick_at
from core.adapters.exchanges.hyperliquid.rest import HyperliquidRest
from core.adapters.exchanges.models import (
    ExchangeType,
    FundingRateData,
    Instrument,
    OHLCVData,
    OrderBookData,
    OrderSide,
    TickerData,
    TradeData,
)
from core.adapters.exchanges.native.face import worst_price
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.errors import MalformedMessage, NotSupported

_FRESH: Final = timedelta(seconds=2)
"""How old a streamed price may be that a market order leans on."""


class Prices:
    """Questions about markets.

    Args:
        rest: Asks.
        listings: The venue's instruments.
        hub: The newest streamed prices.
        is_live: Whether those are being streamed now.
    """

    def __init__(
        self, rest: HyperliquidRest, listings: Listings, hub: Hub, is_live: Callable[[], bool]
    ) -> None:
        self._rest = rest
        self._listings = listings
        self._hub = hub
        self._is_live = is_live
        self._clock = rest.clock
        self._venue = rest.venue

    async def ticker(self, symbol: str) -> TickerData:
        """Best prices of the book, the last trade, mark and oracle (as index)."""
        listing = self._listings.of(symbol)
        book = await self.book(symbol, 1)
        trades = await self.trades(symbol, limit=1)
        mark = index = None
        if listing.market_type is ExchangeType.PERPETUAL:
            for part in await self._contexts(listing):
                if part.symbol == symbol and isinstance(part, TickerData):
                    mark, index = part.mark, part.index
        return TickerData(
            venue=self._venue,
            symbol=symbol,
            bid=book.bids[0].price if book.bids else None,
            bid_amount=book.bids[0].amount if book.bids else None,
            ask=book.asks[0].price if book.asks else None,
            ask_amount=book.asks[0].amount if book.asks else None,
            last=trades[-1].price if trades else None,
            mark=mark,
            index=index,
            at=book.at,
            received_at=book.received_at,
        )

    async def book(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Twenty levels a side, or fewer."""
        listing = self._listings.of(symbol)
        answer = await self._rest.info("l2Book", coin=listing.key)
        book = parse.parse_book(answer, self._rest.reading())
        if limit is None:
            return book
        return replace(book, bids=book.bids[:limit], asks=book.asks[:limit])

    async def candles(
        self, symbol: str, timeframe: str, since: datetime | None, limit: int | None
    ) -> list[OHLCVData]:
        """The newest five thousand candles that the venue keeps, or those since a moment."""
        listing = self._listings.of(symbol)
        try:
            return await self._rest.candles(listing.key, timeframe, since, limit)
        except KeyError:
            raise NotSupported(
                f"{self._venue} has no candles of {timeframe[:10]}.", venue=self._venue
            ) from None

    async def trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """The few newest ones that the venue tells."""
        listing = self._listings.of(symbol)
        answer = await self._rest.info("recentTrades", coin=listing.key)
        found = parse.parse_trades(answer, self._rest.reading())
        rows = list(found)[::-1]  # newest first: those of one millisecond keep their order
        rows.sort(key=lambda trade: trade.at)
        rows = [trade for trade in rows if since is None or trade.at >= since]
        return rows if limit is None else (rows[-limit:] if since is None else rows[:limit])

    async def funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the hour so far."""
        listing = self._listings.of(symbol)
        if listing.market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is no perpetual.", venue=self._venue)
        for part in await self._contexts(listing):
            if part.symbol == symbol and isinstance(part, FundingRateData):
                return part
        raise MalformedMessage(f"{self._venue} told no funding of {symbol}", venue=self._venue)

    async def server_time(self) -> datetime:
        """The venue's."""
        return parse.parse_status(await self._rest.info("exchangeStatus"), self._rest.reading())

    async def is_quiet(self, topics: Sequence[str]) -> bool:
        """Whether REST tells the prices that the stream told last; then they are fresh again."""
        topic = next((name for name in topics if not name.startswith("active")), None)
        if topic is None:
            return True
        listing = self._listings.by_key.get(topic.partition(":")[2])
        if listing is None:
            return False
        book = await self.book(listing.symbol, 1)
        quote = self._hub.of(listing.symbol).quote
        bid, ask = (side[0].price if side else None for side in (book.bids, book.asks))
        if (bid, ask) != (quote.bid, quote.ask):
            return False
        quote.at = book.at
        self._hub.tell_quote(listing.symbol, self._clock.now())
        return True

    async def worst(self, instrument: Instrument, side: OrderSide) -> Decimal:
        """The limit of a market order: beyond the streamed best price, or the book's."""
        symbol = instrument.symbol
        quote = self._hub.of(symbol).quote
        best = quote.ask if side is OrderSide.BUY else quote.bid
        is_fresh = quote.at is not None and self._clock.now() - quote.at < _FRESH
        return await worst_price(
            instrument,
            side,
            lambda: self.book(symbol, 1),
            best=best if is_fresh and self._is_live() else None,
            tick_at=tick_at,
        )

    async def _contexts(self, listing: Listing) -> tuple[TickerData | FundingRateData, ...]:
        answer = await self._rest.info("metaAndAssetCtxs", dex=dex_of(listing.key))
        return parse.parse_meta_and_ctxs(answer, self._rest.reading())
