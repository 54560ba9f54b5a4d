"""What is listened to at TWS: prices, depth and trades of a contract, one line for all listeners.

A line is a request of TWS under a number; it is asked for with its first listener, ended with its
last, and asked for again under a new number when TWS has lost it. TWS tells no time of a price, so
that of a quote is the one at which it was heard. Trades are told in whole seconds; those of one
second are kept apart by microseconds, in their order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Final

from core.adapters.exchanges.ibkr import convert
from core.adapters.exchanges.ibkr.contracts import PAIR, STOCK, Listed
from core.adapters.exchanges.ibkr.errors import VENUE, is_notice, request_error
from core.adapters.exchanges.ibkr.wire import Wire
from core.adapters.exchanges.models import BookLevel, OrderBookData, TradeData
from core.adapters.exchanges.native.hub import Hub, Quote, checked_trade
from core.errors import NotSent, NotSupported, VenueError
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

ROWS: Final = 20
_MARK_PRICE: Final = "232"
_BID_SIZE, _BID, _ASK, _ASK_SIZE, _LAST, _MARK = 0, 1, 2, 3, 4, 37
_INSERT, _UPDATE, _DELETE = 0, 1, 2
_LIVE: Final = frozenset({1, 2})
"""Live, and frozen at the close. Delayed prices are not traded on."""


class LineKind(Enum):
    """What a line tells."""

    QUOTE = "quote"
    DEPTH = "depth"
    TRADES = "trades"


@dataclass(slots=True, kw_only=True)
class Line:
    """One request that goes on."""

    listed: Listed
    kind: LineKind
    request_id: int = -1
    """-1 while TWS does not know it."""
    holders: int = 0
    refusal: VenueError | None = None
    first: asyncio.Future[None] | None = None
    """Done when something was told."""
    bids: list[BookLevel | None] = field(default_factory=list)
    asks: list[BookLevel | None] = field(default_factory=list)
    second: int = 0
    in_second: int = 0
    """Trades of the newest second so far."""
    heard_ns: int | None = None
    """Monotonic time of its newest message, or of its last confirmation."""


@dataclass(slots=True, kw_only=True)
class Probe:
    """What a snapshot said of a line's best prices; empty for a side that it did not tell."""

    line: Line
    sides: dict[int, tuple[Decimal | None, Decimal | None]] = field(default_factory=dict)
    """Tick of bid or ask -> price and amount."""


class Lines:
    """See the module's text.

    Args:
        wire: The connection.
        hub: Who listens.
        clock: Stamps what is heard.
        spend: Takes from the message budget.
    """

    def __init__(self, wire: Wire, hub: Hub, clock: Clock, spend: Callable[[], None]) -> None:
        self._wire = wire
        self._hub = hub
        self._clock = clock
        self._spend = spend
        self._lines: dict[tuple[str, LineKind], Line] = {}
        self._by_id: dict[int, Line] = {}
        self._probes: dict[int, Probe] = {}
        self._changed: dict[tuple[str, LineKind], Line] = {}
        self._trades: list[TradeData] = []
        self.heard_ns: int | None = None
        """Monotonic time of the newest message of any line."""

    def hold(self, listed: Listed, kind: LineKind) -> Line:
        """Listens, once more.

        Raises:
            NotSupported: If there is no such data of this kind of contract.
            NotSent: Without a connection.
        """
        if kind is LineKind.TRADES and listed.sec_type == PAIR:
            raise NotSupported(f"{VENUE} tells no trades of {listed.symbol}.", venue=VENUE)
        key = (listed.symbol, kind)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = Line(listed=listed, kind=kind)
        line.holders += 1
        if line.request_id < 0:
            try:
                self._ask(line)
            except VenueError:
                self.release(line)
                raise
        return line

    def release(self, line: Line) -> None:
        """Listens once less."""
        line.holders -= 1
        if line.holders > 0:
            return
        self._lines.pop((line.listed.symbol, line.kind), None)
        self._stop(line)

    def clear(self) -> None:
        """Nobody listens any more, and the connection is gone."""
        self._lines.clear()
        self._by_id.clear()

    async def first(self, line: Line, timeout_s: float) -> bool:
        """Waits until a line has told something; whether it did in time.

        Raises:
            VenueError: If TWS refused the line.
        """
        if line.first is not None and not line.first.done():
            try:
                async with self._clock.timeout(timeout_s):
                    await asyncio.shield(line.first)
            except TimeoutError:
                return False
        if line.refusal is not None:
            raise line.refusal
        return True

    def ask_again(self, *, only_silent: bool = False) -> None:
        """TWS has lost everything: the same under new numbers.

        Args:
            only_silent: TWS kept what it told; only what it never told is asked for again.
        """
        lost = [line for line in self._lines.values() if not only_silent or line.heard_ns is None]
        for line in lost:
            self._by_id.pop(line.request_id, None)
            self._ask(line)

    def open(self, kind: LineKind) -> list[Line]:
        """What is listened to of a kind and was not refused."""
        return [
            line
            for line in self._lines.values()
            if line.kind is kind and line.request_id >= 0 and line.refusal is None
        ]

    @contextmanager
    def probe(self, number: int, line: Line) -> Iterator[Probe]:
        """Hears what a snapshot under a number says of a line."""
        probe = self._probes[number] = Probe(line=line)
        try:
            yield probe
        finally:
            del self._probes[number]

    def settle(self, line: Line, probe: Probe) -> None:
        """The quote holds if the snapshot says the same; else its line is dead and asked anew."""
        quote = self._hub.of(line.listed.symbol).quote
        told = [probe.sides.get(tick, (None, None))[0] for tick in (_BID, _ASK)]
        if told != [quote.bid, quote.ask]:
            log.warning(
                "line.dead venue=%s symbol=%s had=%s is=%s",
                *(VENUE, line.listed.symbol, (quote.bid, quote.ask), tuple(told)),
            )
            self._stop(line)
            self._ask(line)
        elif told != [None, None]:
            line.heard_ns = self._clock.monotonic_ns()
            quote.at = now = self._clock.now()
            if not _is_crossed(quote):
                self._hub.tell_quote(line.listed.symbol, now)

    def refused(self, request_id: int, code: int, text: str) -> bool:
        """A code that names a line; whether there is one."""
        line = self._by_id.get(request_id)
        if line is None:
            return False
        if code == 317:
            line.bids.clear()
            line.asks.clear()
        elif not is_notice(code):
            log.warning(
                "line.refused venue=%s symbol=%s kind=%s code=%s text=%s",
                *(VENUE, line.listed.symbol, line.kind.value, code, text),
            )
            self._refuse(line, request_error(code, text))
        return True

    # -- what TWS tells ------------------------------------------------------------------------

    def price(self, request_id: int, tick: int, price: float, size: float) -> None:
        """A price with its size."""
        probe = self._probes.get(request_id)
        if probe is not None and tick in {_BID, _ASK}:
            value = convert.quoted(price, probe.line.listed.instrument.tick_size)
            probe.sides[tick] = (value, None if value is None else convert.size_of(size))
            return
        line = self._by_id.get(request_id)
        if line is None:
            return
        quote = self._hub.of(line.listed.symbol).quote
        value = convert.quoted(price, line.listed.instrument.tick_size)
        amount = None if value is None else convert.size_of(size)
        if tick == _BID:
            quote.bid, quote.bid_amount = value, amount
        elif tick == _ASK:
            quote.ask, quote.ask_amount = value, amount
        elif tick == _LAST and value is not None:
            quote.last = value
        elif tick == _MARK and value is not None:
            quote.mark = value
        else:
            return
        self._heard(line)

    def size(self, request_id: int, tick: int, size: float) -> None:
        """A size alone."""
        line = self._by_id.get(request_id)
        if line is None or tick not in {_BID_SIZE, _ASK_SIZE}:
            return
        quote = self._hub.of(line.listed.symbol).quote
        if tick == _BID_SIZE:
            quote.bid_amount = convert.size_of(size) if quote.bid is not None else None
        else:
            quote.ask_amount = convert.size_of(size) if quote.ask is not None else None
        self._heard(line)

    def data_kind(self, request_id: int, kind: int) -> None:
        """Whether prices are live: delayed ones are refused."""
        line = self._by_id.get(request_id)
        if line is not None and kind not in _LIVE:
            self._refuse(line, request_error(354, "only delayed prices are told"))

    def depth(
        self, request_id: int, place: int, operation: int, side: int, price: float, size: float
    ) -> None:
        """A row of the depth."""
        line = self._by_id.get(request_id)
        if line is None:
            return
        rows = line.bids if side == 1 else line.asks
        if operation == _DELETE:
            if place < len(rows):
                del rows[place]
        else:
            level = _level(line.listed, price, size)
            if operation == _INSERT and place <= len(rows):
                rows.insert(place, level)
            elif place < len(rows):
                rows[place] = level
            else:
                rows.append(level)
        del rows[ROWS:]
        self._heard(line)

    def trade(self, request_id: int, at_s: int, price: float, size: float) -> None:
        """A public trade."""
        line = self._by_id.get(request_id)
        if line is None:
            return
        value = convert.quoted(price, line.listed.instrument.tick_size)
        amount = convert.size_of(size)
        if value is None or amount is None or amount == 0:
            return
        line.in_second = line.in_second + 1 if at_s == line.second else 0
        line.second = at_s
        now = self._clock.now()
        at = datetime.fromtimestamp(at_s, UTC) + timedelta(microseconds=line.in_second)
        symbol = line.listed.symbol
        self._trades.append(checked_trade(VENUE, symbol, "", value, amount, None, at, now))  # type: ignore[arg-type] # TWS does not say who took
        self._heard(line)

    def batch_ended(self) -> None:
        """Tells the newest of everything, and every trade."""
        trades, self._trades = self._trades, []
        for trade in trades:
            self._hub.tell_trades(trade.symbol, (trade,))
        changed, self._changed = self._changed, {}
        now = self._clock.now()
        for line in changed.values():
            symbol = line.listed.symbol
            if line.kind is LineKind.QUOTE:
                quote = self._hub.of(symbol).quote
                quote.at = now
                if not _is_crossed(quote):
                    self._hub.tell_quote(symbol, now)
            elif line.kind is LineKind.DEPTH:
                book = book_of(line, now)
                if book is not None:
                    self._hub.of(symbol).books.tell(book)

    # -- inside -------------------------------------------------------------------------------

    def _ask(self, line: Line) -> None:
        client = self._wire.client
        contract = line.listed.contract
        self._spend()
        line.refusal = None
        line.heard_ns = None
        line.first = asyncio.get_running_loop().create_future()
        line.bids.clear()
        line.asks.clear()
        line.request_id = number = client.getReqId()
        self._by_id[number] = line
        if line.kind is LineKind.QUOTE:
            ticks = _MARK_PRICE if line.listed.sec_type == STOCK else ""
            act = lambda: client.reqMktData(number, contract, ticks, False, False, [])  # noqa: E731, FBT003
        elif line.kind is LineKind.DEPTH:
            is_smart = line.listed.sec_type == STOCK
            act = lambda: client.reqMktDepth(number, contract, ROWS, is_smart, [])  # noqa: E731
        else:
            act = lambda: client.reqTickByTickData(number, contract, "AllLast", 0, False)  # noqa: E731, FBT003
        self._wire.send(act)

    def _stop(self, line: Line) -> None:
        number, line.request_id = line.request_id, -1
        if self._by_id.pop(number, None) is None or not self._wire.is_up:
            return
        client = self._wire.client
        is_smart = line.listed.sec_type == STOCK
        try:
            self._spend()
            if line.kind is LineKind.QUOTE:
                self._wire.send(lambda: client.cancelMktData(number))
            elif line.kind is LineKind.DEPTH:
                self._wire.send(lambda: client.cancelMktDepth(number, is_smart))
            else:
                self._wire.send(lambda: client.cancelTickByTickData(number))
        except NotSent:
            return  # what ended with the connection needs no end

    def _heard(self, line: Line) -> None:
        self.heard_ns = line.heard_ns = self._clock.monotonic_ns()
        self._changed[(line.listed.symbol, line.kind)] = line
        if line.first is not None and not line.first.done():
            line.first.set_result(None)

    def _refuse(self, line: Line, error: VenueError) -> None:
        line.refusal = error
        if line.kind is LineKind.QUOTE:
            self._hub.of(line.listed.symbol).quote = Quote()
        if line.first is not None and not line.first.done():
            line.first.set_result(None)


def _level(listed: Listed, price: float, size: float) -> BookLevel | None:
    value = convert.quoted(price, listed.instrument.tick_size)
    amount = convert.size_of(size)
    return None if value is None or not amount else BookLevel(value, amount)


def _is_crossed(quote: Quote) -> bool:
    return quote.bid is not None and quote.ask is not None and quote.bid > quote.ask


def book_of(line: Line, now: datetime) -> OrderBookData | None:
    """The depth as it stands, amounts of one price together; None while it makes no sense."""
    sides: list[tuple[BookLevel, ...]] = []
    for rows, is_bid in ((line.bids, True), (line.asks, False)):
        amounts: dict[Decimal, Decimal] = {}
        for row in rows:
            if row is not None:
                amounts[row.price] = amounts.get(row.price, Decimal(0)) + row.amount
        sides.append(tuple(BookLevel(p, amounts[p]) for p in sorted(amounts, reverse=is_bid)))
    bids, asks = sides
    if bids and asks and bids[0].price >= asks[0].price:
        return None
    return OrderBookData(
        venue=VENUE, symbol=line.listed.symbol, bids=bids, asks=asks, at=now, received_at=now
    )
