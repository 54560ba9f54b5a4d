"""Questions about prices, over REST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal

from core.adapters.exchanges.ccxt.door import Door, ms_of
from core.adapters.exchanges.ccxt.values import Unified, seconds_of
from core.adapters.exchanges.models import (
    ExchangeType,
    FundingRateData,
    OHLCVData,
    OrderBookData,
    TickerData,
    TradeData,
)
from core.errors import NotSupported


class Market:
    """What everybody may ask a venue for.

    Args:
        door: The venue.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    async def ticker(self, symbol: str) -> TickerData:
        """Best prices of the book, and what the ticker says of last, mark and index."""
        door = self._door
        unified = door.unified(symbol)
        book = await self.book(symbol, 5)
        last, mark, index = None, None, None
        if door.client.has.get("fetchTicker"):
            data = await door.rest.run(lambda: door.client.fetch_ticker(unified))
            part = door.words.ticker(data, door.clock.now(), has_quote=False)
            last, mark, index = part.last, part.mark, part.index
        if mark is None and door.listings.of(symbol).market_type is ExchangeType.PERPETUAL:
            mark, index = await self._mark(unified)
        if door.row.asks_recent_trades or last is None:
            trades = await self.trades(symbol, limit=1)
            last = trades[-1].price if trades else last
        bid, ask = (side[0] if side else None for side in (book.bids, book.asks))
        return TickerData(
            venue=door.venue,
            symbol=symbol,
            bid=None if bid is None else bid.price,
            bid_amount=None if bid is None else bid.amount,
            ask=None if ask is None else ask.price,
            ask_amount=None if ask is None else ask.amount,
            last=last,
            mark=mark,
            index=index,
            at=book.at,
            received_at=book.received_at,
        )

    async def _mark(self, unified: str) -> tuple[Decimal | None, Decimal | None]:
        door = self._door
        for method in ("fetch_mark_price", "fetch_funding_rate"):
            if door.has(method):
                ask = getattr(door.client, method)
                data = await door.rest.run(lambda: ask(unified))  # noqa: B023 # called at once
                told = {**data, "timestamp": None}
                words = door.words.ticker(told, door.clock.now(), has_quote=False)
                if words.mark is not None:
                    return words.mark, words.index
        return None, None

    async def book(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Depth of the venue's default, cut to `limit`."""
        door = self._door
        unified = door.unified(symbol)
        data = await door.rest.run(lambda: door.client.fetch_order_book(unified))
        return door.words.book(data, unified, door.clock.now(), limit)

    async def candles(
        self, symbol: str, timeframe: str, since: datetime | None, limit: int | None
    ) -> list[OHLCVData]:
        """One page of candles."""
        door = self._door
        unified = door.unified(symbol)
        if timeframe not in (door.client.timeframes or {}):
            raise NotSupported(
                f"{door.venue} has no candles of {timeframe[:10]}.", venue=door.venue
            )
        if since is None and door.row.parsers in {"hyperliquid", "backpack"}:
            back = timedelta(seconds=seconds_of(timeframe) * (limit or 500))
            since = door.clock.now() - back
        rows = await door.rest.run(
            lambda: door.client.fetch_ohlcv(unified, timeframe, ms_of(since), limit)
        )
        found = door.words.candles(rows, unified, timeframe, door.clock.now())
        return found if limit is None else found[-limit:]

    async def trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """The newest page, or those since a moment."""
        door = self._door
        unified = door.unified(symbol)
        ask: Callable[..., Awaitable[list[Unified]]] = door.client.fetch_trades
        if door.row.asks_recent_trades:
            ask = self._recent_trades
        rows = await door.rest.run(lambda: ask(unified, ms_of(since), door.row.trades_page))
        now = door.clock.now()
        found = sorted((door.words.trade(row, now) for row in rows), key=lambda trade: trade.at)
        found = [trade for trade in found if since is None or trade.at >= since]
        return found if limit is None else (found[-limit:] if since is None else found[:limit])

    async def trades_between(self, symbol: str, first: int, last: int) -> list[TradeData]:
        """A page with trades whose numbers are from `first` to `last`; more may be missing yet."""
        door, between = self._door, self._door.row.trades_between
        if between is None:
            return []
        unified, params = door.unified(symbol), between(first, last)
        page = door.row.trades_page
        rows = await door.rest.run(
            lambda: door.client.fetch_trades(unified, None, page, dict(params))
        )
        now = door.clock.now()
        return [door.words.trade(row, now) for row in rows]

    async def _recent_trades(
        self, unified: str, since_ms: int | None, limit: int | None
    ) -> list[Unified]:
        """Hyperliquid's public trades: ccxt's method tells only those of an address."""
        del since_ms, limit
        listing = self._door.words.of(unified)
        asked = {"type": "recentTrades", "coin": listing.key}
        rows = await self._door.client.publicPostInfo(asked)
        return [
            {
                "symbol": unified,
                "id": str(row["tid"]),
                "price": row["px"],
                "amount": row["sz"],
                "side": "buy" if row["side"] == "B" else "sell",
                "timestamp": row["time"],
            }
            for row in (rows if isinstance(rows, list) else ())
        ]

    async def funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement."""
        door = self._door
        if door.listings.of(symbol).market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is no perpetual.", venue=door.venue)
        listing = door.listings.of(symbol)
        return await door.rest.run(lambda: door.account.funding(listing, door.reading()))
