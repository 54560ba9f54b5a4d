"""One symbol's prices: a feed, where it stands, and the orders that rest on it.

Prices count units (the finest the feed has used, which divide the tick), amounts count parts (which
divide lot and feed amounts). A market opens when somebody first listens to it, so that whoever
starts up misses no row, and stands still while nobody is connected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from core.adapters.exchanges.models import BookLevel, Instrument, OrderBookData, TickerData
from core.adapters.exchanges.paper.columns import (
    UNKNOWN,
    Bounds,
    Columns,
    Depth,
    Quote,
    common_unit,
    times,
)
from core.adapters.exchanges.paper.history import History, ShownCandle, ShownTrade
from core.adapters.exchanges.paper.moments import moment
from core.domain.book import Level, Levels, rescaled
from core.domain.events import Horizon
from core.domain.matching import (
    NEVER_ABOVE,
    NEVER_BELOW,
    NONE,
    FillRule,
    Matcher,
    Row,
)
from core.domain.matching import (
    Market as Prices,
)
from core.errors import CtosError
from core.services.ports import Chunk, Feed, FeedKind

_HALF: Final = Decimal("0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPosition:
    """Where a market stands; enough to go on after a restart."""

    row: int = 0
    """Index of the next row."""
    at_ns: int | None = None
    """Time of the newest row as it was handed over."""
    last: Decimal | None = None
    bid: Decimal | None = None
    bid_amount: Decimal | None = None
    ask: Decimal | None = None
    ask_amount: Decimal | None = None


NEW_FEED: Final = FeedPosition()


class Market:
    """Prices and resting orders of one symbol.

    Args:
        instrument: Its rules.
        feed: Where prices come from.
        rule: When resting orders fill.
        position: Where the feed stood when this market was last closed.
    """

    def __init__(
        self,
        instrument: Instrument,
        feed: Feed,
        rule: FillRule,
        position: FeedPosition = NEW_FEED,
    ) -> None:
        self.instrument = instrument
        self.feed = feed
        self.history = History()
        self.unit = instrument.tick_size
        """Price of one unit, quote per base."""
        self.part = instrument.lot_size
        """Amount of one part, base units."""
        self.per_tick = 1
        self.matcher = Matcher(rule)
        self.shift_ns = 0
        """Added to the times of rows, so that a feed of another day runs now."""
        self.error: CtosError | None = None
        """Why the feed ended before its end."""
        self.is_open = False
        self.has_announced_end = False
        self._chunks: Iterator[Chunk] | None = None
        self._pushed: deque[Chunk] = deque()
        self._columns: Columns | None = None
        self._index = -1
        self._is_exhausted = False
        self._carried: Depth | None = None
        self._next_row = position.row
        self._start: Quote = UNKNOWN
        self.at_ns: int | None = position.at_ns
        """Time of the newest row."""
        self._mark: Decimal | None = None
        self._quote: Quote | None = None
        self._next_at: int | None = None
        """Time of the next row as the feed has it, where known."""
        self._restore(position)

    # -- where it stands ----------------------------------------------------------------------

    @property
    def symbol(self) -> str:
        """Canonical symbol."""
        return self.instrument.symbol

    @property
    def quote(self) -> Quote:
        """What is known now, in units and parts."""
        if self._quote is None:
            columns = self._columns
            self._quote = self._start if columns is None else columns.quote(self._index)
        return self._quote

    @property
    def has_price(self) -> bool:
        """Whether the feed has shown anything yet, in this life or an earlier one."""
        return self.at_ns is not None

    @property
    def lot_parts(self) -> int:
        """Parts of a lot."""
        return self.matcher.lot

    @property
    def next_row(self) -> int:
        """Index of the next row in the whole feed."""
        return self._next_row

    @property
    def mark(self) -> Decimal | None:
        """Exact price open results are valued at: mid of a whole quote, else the last trade."""
        if self._mark is None:
            self._mark = self._new_mark()
        return self._mark

    def position(self) -> FeedPosition:
        """What a restart needs."""
        quote = self.quote
        return FeedPosition(
            row=self._next_row,
            at_ns=self.at_ns,
            last=self._price(quote.last),
            bid=self._price(quote.bid),
            bid_amount=self._amount(quote.bid_amount),
            ask=self._price(quote.ask),
            ask_amount=self._amount(quote.ask_amount),
        )

    def prices(self) -> Prices:
        """What an arriving order finds."""
        quote = self.quote
        bids, asks = self._sides(quote)
        return Prices(
            last=None if quote.last == NONE else quote.last,
            bids=bids,
            asks=asks,
            has_book=self.feed.has_book and (bool(bids) or bool(asks)),
        )

    def ticker(self, venue: str) -> TickerData | None:
        """The newest prices; None before the first row."""
        at_ns = self.at_ns
        if at_ns is None:
            return None
        quote = self.quote
        return TickerData(
            venue=venue,
            symbol=self.instrument.symbol,
            bid=self._price(quote.bid),
            bid_amount=self._amount(quote.bid_amount),
            ask=self._price(quote.ask),
            ask_amount=self._amount(quote.ask_amount),
            last=self._price(quote.last),
            mark=self.mark,
            at=moment(at_ns),
        )

    def book(self, venue: str, limit: int | None) -> OrderBookData | None:
        """The known depth; None before the first row."""
        if self.at_ns is None:
            return None
        bids, asks = self._sides(self.quote)
        return OrderBookData(
            venue=venue,
            symbol=self.instrument.symbol,
            bids=self._levels(bids[:limit]),
            asks=self._levels(asks[:limit]),
            sequence=self._next_row,
            at=moment(self.at_ns),
        )

    def trades(self) -> list[ShownTrade]:
        """The newest trades from old to new."""
        return self.history.trades(
            self._columns, self._index + 1, self.unit, self.part, self.shift_ns
        )

    def newest_trade(self) -> list[ShownTrade]:
        """The trade of the row at hand; empty where it carries none."""
        columns, index = self._columns, self._index
        if columns is None or index < 0 or columns.last[index] < 0:
            return []
        return [
            ShownTrade(
                row=columns.first_row + index,
                at_ns=int(columns.ts[index]) + self.shift_ns,
                price=int(columns.last[index]) * self.unit,
                amount=max(int(columns.amount[index]), 0) * columns.amounts * self.part,
                side=int(columns.side[index]),
            )
        ]

    def candles(self, interval_ns: int) -> list[ShownCandle]:
        """Candles from old to new; the interval is whole minutes."""
        return self.history.candles(
            self._columns, self._index + 1, self.unit, self.part, self.shift_ns, interval_ns
        )

    # -- rows ---------------------------------------------------------------------------------

    def open(self) -> None:
        """Begins to read the feed at the next row. Idempotent."""
        if not self.is_open:
            self.is_open = True
            if self.feed.kind is not FeedKind.LIVE:
                self._chunks = self.feed.chunks(self._next_row)

    def push(self, chunk: Chunk) -> None:
        """Queues rows of a live feed; they have no place in a recording."""
        self._pushed.append(chunk)
        self._is_exhausted = False

    def next_ns(self) -> int | None:
        """Time of the next row; None when there is none."""
        if self._next_at is None:
            columns = self._ahead()
            if columns is None:
                return None
            self._next_at = int(columns.ts[self._index + 1])
        return self._next_at + self.shift_ns

    def step(self) -> Row | None:
        """Moves on to the next row."""
        columns = self._ahead()
        if columns is None:
            return None
        self._move(columns, self._index + 1)
        return columns.row(self._index)

    def skip(self, limit_ns: int | None, bounds: Bounds, at_ns: int | None) -> bool:
        """Moves over rows that concern nobody, up to the one before the next that does.

        Stays inside the chunk at hand. A row concerns somebody when it reaches a bound, is at or
        after `at_ns`, or is not strictly before `limit_ns`.

        Returns:
            Whether any row was skipped.
        """
        columns = self._ahead()
        if columns is None:
            return False
        start = self._index + 1
        stop = len(columns)
        ends = [ns - self.shift_ns for ns in (limit_ns, at_ns) if ns is not None]
        if ends:
            stop = min(stop, int(np.searchsorted(columns.ts, min(ends), "left")))
        found = columns.first_reaching(start, stop, columns.bounds_for(bounds))
        if found <= start:
            return False
        self._move(columns, found - 1)
        return True

    @property
    def is_chunk_over(self) -> bool:
        """Whether every row of the chunk at hand is behind us."""
        columns = self._columns
        return columns is None or self._index + 1 >= len(columns)

    def bounds(self, horizon: Horizon, low: Decimal | None, high: Decimal | None) -> Bounds:
        """Where somebody could act.

        Args:
            horizon: Of machines and risk, in ticks; their view of a price is rounded to the tick
                in any direction, so the whole tick before it is handed over too.
            low: Mark at or below which a position is liquidated.
            high: Mark at or above which one is.
        """
        below, above = NEVER_BELOW, NEVER_ABOVE
        if horizon.below is not None:
            below = (horizon.below + 1) * self.per_tick - 1
        if horizon.above is not None:
            above = (horizon.above - 1) * self.per_tick + 1
        if low is not None:
            below = max(below, int(low // self.unit) + 1)
        if high is not None:
            above = min(above, int(high // self.unit))
        return Bounds(below, above, self.matcher.reach_below, self.matcher.reach_above)

    # -- inside -------------------------------------------------------------------------------

    def _ahead(self) -> Columns | None:
        """The chunk that holds the next row."""
        columns = self._columns
        while columns is None or self._index + 1 >= len(columns):
            if not self.is_open or self._is_exhausted:
                return None
            chunk = self._next_chunk()
            if chunk is None:
                self._is_exhausted = True
                return None
            columns = self._load(chunk)
        return columns

    def _next_chunk(self) -> Chunk | None:
        if self._chunks is None:
            return self._pushed.popleft() if self._pushed else None
        try:
            return next(self._chunks, None)
        except CtosError as error:
            self.error = error
            return None

    def _load(self, chunk: Chunk) -> Columns:
        self._scale(chunk)
        quote = self.quote
        if self._columns is not None:
            self._carried = self._depth()
            self.history.retire(self._columns, self.unit, self.part, self.shift_ns)
        prices = times(chunk.price_unit, self.unit)
        amounts = times(chunk.amount_unit, self.part)
        self._columns = Columns(chunk, prices, amounts, quote)
        self._start = quote
        self._quote = quote
        self._index = -1
        return self._columns

    def _scale(self, chunk: Chunk) -> None:
        """Goes over to finer units where the chunk needs them."""
        unit = common_unit(self.unit, chunk.price_unit)
        part = common_unit(self.part, chunk.amount_unit)
        prices, amounts = times(self.unit, unit), times(self.part, part)
        if prices == amounts == 1:
            return
        quote, depth = self.quote, self._depth()
        if self._columns is not None:
            self.history.retire(self._columns, self.unit, self.part, self.shift_ns)
        self._columns = None
        self._start = Quote(
            last=_finer(quote.last, prices),
            bid=_finer(quote.bid, prices),
            bid_amount=_finer(quote.bid_amount, amounts),
            ask=_finer(quote.ask, prices),
            ask_amount=_finer(quote.ask_amount, amounts),
        )
        self._quote = self._start
        if depth is not None:
            self._carried = (
                rescaled(depth[0], prices, amounts),
                rescaled(depth[1], prices, amounts),
            )
        self.matcher.rescale(prices, amounts)
        self.unit, self.part = unit, part
        self.per_tick = times(self.instrument.tick_size, unit)

    def _move(self, columns: Columns, index: int) -> None:
        self._index = index
        self._next_row = columns.first_row + index + 1
        self.at_ns = int(columns.ts[index]) + self.shift_ns
        self._mark = None
        self._quote = None
        self._next_at = None

    def _depth(self) -> Depth | None:
        found = None if self._columns is None else self._columns.depth(self._index)
        return self._carried if found is None else found

    def _sides(self, quote: Quote) -> tuple[Levels, Levels]:
        """Bids and asks: the depth where it agrees with the quote, else the quote itself."""
        if not self.feed.has_book:
            return (), ()
        depth = self._depth()
        bids: Levels = () if quote.bid == NONE else ((quote.bid, quote.bid_amount),)
        asks: Levels = () if quote.ask == NONE else ((quote.ask, quote.ask_amount),)
        if depth is None:
            return bids, asks
        return _deeper(bids, depth[0]), _deeper(asks, depth[1])

    def _new_mark(self) -> Decimal | None:
        quote = self.quote
        if NONE not in (quote.bid, quote.ask):
            return (quote.bid + quote.ask) * self.unit * _HALF
        return self._price(quote.last)

    def _price(self, units: int) -> Decimal | None:
        return None if units == NONE else units * self.unit

    def _amount(self, parts: int) -> Decimal | None:
        return None if parts < 0 else parts * self.part

    def _levels(self, levels: Levels) -> tuple[BookLevel, ...]:
        return tuple(
            BookLevel(price * self.unit, max(amount, 0) * self.part) for price, amount in levels
        )

    def _restore(self, position: FeedPosition) -> None:
        """Takes up the prices at which the market was closed, in units that hold them all."""
        known = (position.last, position.bid, position.ask)
        unit = self.unit
        for price in known:
            if price is not None:
                unit = common_unit(unit, price)
        part = self.part
        for amount in (position.bid_amount, position.ask_amount):
            if amount:
                part = common_unit(part, amount)
        self.matcher.rescale(times(self.unit, unit), times(self.part, part))
        self.unit, self.part = unit, part
        self.per_tick = times(self.instrument.tick_size, unit)
        self._start = Quote(
            last=_units(position.last, unit),
            bid=_units(position.bid, unit),
            bid_amount=_units(position.bid_amount, part),
            ask=_units(position.ask, unit),
            ask_amount=_units(position.ask_amount, part),
        )


def _units(value: Decimal | None, unit: Decimal) -> int:
    return NONE if value is None else times(value, unit)


def _finer(value: int, factor: int) -> int:
    return value * factor if value > 0 else value


def _deeper(quoted: Levels, depth: Sequence[Level]) -> Levels:
    if depth and quoted and depth[0][0] == quoted[0][0]:
        return depth
    return quoted
