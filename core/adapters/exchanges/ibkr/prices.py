"""Questions for prices: quotes and depth from lines, candles and past trades from history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.ibkr import convert
from core.adapters.exchanges.ibkr.contracts import PAIR
from core.adapters.exchanges.ibkr.errors import VENUE
from core.adapters.exchanges.ibkr.lines import LineKind, Lines, book_of
from core.adapters.exchanges.ibkr.listing import Listing
from core.adapters.exchanges.ibkr.questions import Questions
from core.adapters.exchanges.ibkr.wire import as_utc_text
from core.adapters.exchanges.models import (
    OHLCVData,
    OrderBookData,
    TickerData,
    TradeData,
    from_ns,
)
from core.adapters.exchanges.native.hub import Hub
from core.errors import NotSupported, VenueUnavailable
from core.infrastructure.clock import Clock

_FIRST_PRICE_S: Final = 5.0
_PAGE: Final = 1_000
_BARS: Final = {
    "1m": ("1 min", 60),
    "5m": ("5 mins", 300),
    "15m": ("15 mins", 900),
    "30m": ("30 mins", 1_800),
    "1h": ("1 hour", 3_600),
    "4h": ("4 hours", 14_400),
    "1d": ("1 day", 86_400),
}
_NEVER: Final = from_ns(0).astimezone(UTC)


class Prices:
    """See the module's text.

    Args:
        questions: Asks TWS.
        listing: Contracts by symbol.
        lines: What is listened to.
        hub: Keeps the newest quote.
        clock: Says what is past.
    """

    def __init__(
        self, questions: Questions, listing: Listing, lines: Lines, hub: Hub, clock: Clock
    ) -> None:
        self._questions = questions
        self._listing = listing
        self._lines = lines
        self._hub = hub
        self._clock = clock

    async def ticker(self, symbol: str) -> TickerData:
        """Best prices, last and mark, from a line that is opened where none is open.

        Raises:
            VenueUnavailable: If no price came.
        """
        listed = await self._listing.of(symbol)
        line = self._lines.hold(listed, LineKind.QUOTE)
        try:
            await self._lines.first(line, _FIRST_PRICE_S)
            quote = self._hub.of(symbol).quote
            if quote.at is None:
                raise VenueUnavailable(f"{VENUE} told no price of {symbol}.", venue=VENUE)
            return TickerData(
                venue=VENUE,
                symbol=symbol,
                bid=quote.bid,
                bid_amount=quote.bid_amount,
                ask=quote.ask,
                ask_amount=quote.ask_amount,
                last=quote.last,
                mark=quote.mark,
                at=quote.at,
                received_at=quote.at,
            )
        finally:
            self._lines.release(line)

    async def book(self, symbol: str, limit: int | None) -> OrderBookData:
        """Depth, twenty rows a side at most.

        Raises:
            VenueUnavailable: If none came.
        """
        listed = await self._listing.of(symbol)
        line = self._lines.hold(listed, LineKind.DEPTH)
        try:
            await self._lines.first(line, _FIRST_PRICE_S)
            book = book_of(line, self._clock.now())
        finally:
            self._lines.release(line)
        if book is None or not (book.bids or book.asks):
            raise VenueUnavailable(f"{VENUE} told no depth of {symbol}.", venue=VENUE)
        if limit is None:
            return book
        return replace(book, bids=book.bids[:limit], asks=book.asks[:limit])

    async def candles(
        self, symbol: str, timeframe: str, since: datetime | None, limit: int | None
    ) -> list[OHLCVData]:
        """Candles of trades, of the middle price for a pair, outside regular hours too.

        Raises:
            NotSupported: For a timeframe that IBKR does not have.
        """
        listed = await self._listing.of(symbol)
        if timeframe not in _BARS:
            raise NotSupported(f"{VENUE} has no candles of {timeframe[:10]}.", venue=VENUE)
        bar, seconds = _BARS[timeframe]
        now = self._clock.now()
        wanted = 100 if limit is None else limit
        span_s = wanted * seconds if since is None else int((now - since).total_seconds())
        what = "MIDPOINT" if listed.sec_type == PAIR else "TRADES"
        number = self._questions.number()
        rows = await self._questions.ask(
            number,
            lambda client: client.reqHistoricalData(
                *(number, listed.contract, "", _duration(span_s), bar, what, 0, 2),
                keepUpToDate=False,
                chartOptions=[],
            ),
        )
        found = [
            convert.candle_of(row, symbol, timeframe, seconds=seconds, now=now) for row in rows
        ]
        found = [candle for candle in found if since is None or candle.at >= since]
        if limit is None:
            return found
        return found[-limit:] if since is None else found[:limit]

    async def trades(
        self, symbol: str, since: datetime | None, limit: int | None
    ) -> list[TradeData]:
        """The newest thousand, or those since a moment; those of a second are in its order.

        Raises:
            NotSupported: For a pair, of which IBKR tells none.
        """
        listed = await self._listing.of(symbol)
        if listed.sec_type == PAIR:
            raise NotSupported(f"{VENUE} tells no trades of {symbol}.", venue=VENUE)
        start = "" if since is None else as_utc_text(since)
        end = "" if start else as_utc_text(self._clock.now() + timedelta(seconds=1))
        number = self._questions.number()
        ticks = await self._questions.ask(
            number,
            lambda client: client.reqHistoricalTicks(
                *(number, listed.contract, start, end, _PAGE, "TRADES", 0, False, []),
            ),
        )
        rows = _trades(symbol, ticks, listed.instrument.tick_size)
        rows = [trade for trade in rows if since is None or trade.at >= since]
        if limit is None:
            return rows
        return rows[-limit:] if since is None else rows[:limit]


def _duration(seconds: int) -> str:
    """A span as `reqHistoricalData` takes it: seconds up to a day, then days, then years."""
    if seconds <= 86_400:
        return f"{max(seconds, 60)} S"
    days = -(-seconds // 86_400)
    return f"{days} D" if days <= 365 else f"{-(-days // 365)} Y"


def _trades(symbol: str, ticks: Sequence[Any], tick: Decimal) -> list[TradeData]:
    """Past trades; those of one second are kept apart by microseconds, in their order."""
    found: list[TradeData] = []
    second, count = _NEVER, 0
    for row in ticks:
        price, amount = convert.quoted(row.price, tick), convert.size_of(row.size)
        at = row.time.astimezone(UTC)
        count = count + 1 if at == second else 0
        second = at
        if price is not None and amount:
            found.append(
                TradeData(
                    venue=VENUE,
                    symbol=symbol,
                    price=price,
                    amount=amount,
                    at=at + timedelta(microseconds=count),
                )
            )
    return found
