"""Listens to a venue's public data and keeps it.

    callbacks (loop) ─► a bounded queue ─► every half second, in a thread: lines ─► spools
         ▲                    │ full: the row is dropped, counted, and told as a gap
      adapter, tap            └ a book that lost a message begins anew with a snapshot

Nothing is filled in: what was missed between a lost connection and its return is a row of
`gaps.jsonl`, with how many rows are missing where anybody can know.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from core.adapters.exchanges.interface import ExchangeInterface, Subscription
from core.adapters.exchanges.models import (
    EventType,
    ExchangeEvent,
    OrderBookData,
    TickerData,
    TradeData,
)
from core.errors import ConfigError, NotSupported, VenueError
from core.infrastructure.clock import Clock
from core.services.recorder.rows import BookRows, Kind, QuoteRows, TradeRows, gap_row, raw_row

log = logging.getLogger(__name__)

FLUSH_S: Final = 0.5
MOST_WAITING: Final = 100_000
"""Rows and frames between two flushes; more are dropped and counted."""
LEAVE_S: Final = 10.0
_TOLD: Final = (EventType.RECONNECTING, EventType.STALE, EventType.RECOVERED)


class RawFrame(Protocol):
    """A message as it came over the wire."""

    @property
    def recv_ns(self) -> int:
        """When it was received."""

    @property
    def channel(self) -> str:
        """Where it came from."""

    @property
    def url(self) -> str:
        """Path and query of the question that it answers; empty for a socket."""

    @property
    def message(self) -> bytes:
        """Itself."""

    @property
    def request(self) -> bytes:
        """Body of the question."""


class Spool(Protocol):
    """Where the lines of one kind go."""

    rows: int
    """Written so far."""
    files: list[Path]
    """Finished."""
    recovered: int
    """Parts of a process that was killed."""
    has_earlier: bool
    """Whether another recording wrote there before."""

    def write(self, lines: Sequence[str]) -> None:
        """Appends whole lines."""

    def close(self) -> None:
        """Finishes what is open."""


Apart = Callable[[Callable[[], None]], Awaitable[None]]
"""Does work that waits for a disk where the loop does not wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to record."""

    symbols: tuple[str, ...]
    kinds: frozenset[Kind]
    """Of trades, quotes and books."""
    depth: int = 50
    seconds: float | None = None
    """How long; None until told to end."""


@dataclass(slots=True, kw_only=True)
class Recorded:
    """What came of it."""

    rows: dict[str, int] = field(default_factory=dict)
    """Kind -> lines."""
    lost: int = 0
    gaps: int = 0
    """Rows of `gaps.jsonl` but for the beginning and the end."""
    files: tuple[Path, ...] = ()
    unsupported: tuple[str, ...] = ()
    """What the venue does not tell, in words."""


class Recorder:
    """One recording.

    Args:
        exchange: Not yet connected, without keys.
        clock: On the wall.
        spools: A spool for each kind that is kept; `raw` and `gaps` among them or not.
        wish: What to record.
        apart: Where lines are made and written.
        missing: Topic -> messages that the adapter knows to be missing for good, since it began.
        most_waiting: Rows and frames that may wait for the next flush.
    """

    def __init__(  # a recording has as many parts
        self,
        exchange: ExchangeInterface,
        clock: Clock,
        spools: Mapping[Kind, Spool],
        wish: Wish,
        *,
        apart: Apart,
        missing: Callable[[], Mapping[str, int]] = dict,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._apart = apart
        self._missing = missing
        self._known_missing: dict[str, int] = {}
        self._exchange = exchange
        self._clock = clock
        self._spools = spools
        self._wish = wish
        self._most = most_waiting
        self._waiting: deque[tuple[Kind, Callable[[], list[str]]]] = deque()
        continued = any(spool.has_earlier for spool in spools.values())
        self._trades = TradeRows(first_ns=clock.now_ns() if continued else 0)
        self._quotes = QuoteRows()
        self._books = BookRows(wish.depth)
        self._dropped: dict[tuple[Kind, str | None], int] = {}
        """(kind, symbol) -> rows since the last flush."""
        self._ending = asyncio.Event()
        self.result = Recorded()

    def end(self) -> None:
        """Asks it to end in an orderly way."""
        self._ending.set()

    def on_frame(self, frame: RawFrame) -> None:
        """A raw message; see `connection.tap`."""
        venue = self._exchange.venue
        parts = (frame.recv_ns, frame.channel, frame.url, frame.message, frame.request)
        self._put(Kind.RAW, None, lambda: [raw_row(venue, *parts)])

    async def run(self) -> Recorded:
        """Records until the time is over or `end` was called; finishes every file.

        Raises:
            VenueError: If the venue cannot be reached or refuses; nothing of this one is kept then.
            OSError: If there is no room. What was written before is finished all the same.
        """
        handles: list[Subscription] = []
        try:
            if any(spool.recovered for spool in self._spools.values()):
                self._gap("killed", detail="the recording before this one was cut off")
            before = tuple(self._waiting)
            try:
                handles = await self._listen()
            except BaseException:
                self._waiting = deque(before)
                raise
            self._gap("started", detail=", ".join(self._wish.symbols))
            await self._flush_until_ended()
            self._gap("ended")
        finally:
            for handle in handles:
                handle.cancel()
            await self._leave()
            await self._apart(self._finish)
        return self.result

    async def _listen(self) -> list[Subscription]:
        if not await self._exchange.connect():
            detail = self._exchange.get_status().detail or "it gave no reason"
            raise VenueError(f"{self._exchange.venue} refused the connection: {detail}.")
        handles = [self._exchange.add_event_callback(kind, self._on_event) for kind in _TOLD]
        handles.append(self._exchange.add_event_callback(EventType.FEED_ENDED, self._on_end))
        for symbol in await self._symbols():
            handles += await self._subscribe(symbol)
        return handles

    async def _symbols(self) -> list[str]:
        """Canonical symbols of what was asked for, in our spelling or the venue's.

        Raises:
            ConfigError: For one that the venue does not have, with the nearest that it has.
        """
        known: dict[str, str] = {}
        for item in await self._exchange.get_instruments():
            known.setdefault((item.venue_symbol or item.symbol).upper(), item.symbol)
            known[item.symbol.upper()] = item.symbol
        found = []
        for name in self._wish.symbols:
            if name.upper() not in known:
                near = get_close_matches(name.upper(), known, n=1, cutoff=0.3)
                raise ConfigError(
                    f"{self._exchange.venue} has no {name[:40]!r}.",
                    source="arguments",
                    key="SYMBOL",
                    remedy=f"Did you mean {known[near[0]]}?" if near else None,
                )
            found.append(known[name.upper()])
        return list(dict.fromkeys(found))

    async def _subscribe(self, symbol: str) -> list[Subscription]:
        handles = []
        exchange = self._exchange
        try:
            if Kind.TRADES in self._wish.kinds:
                handles.append(await exchange.subscribe_trades(symbol, self._on_trade))
            if Kind.QUOTES in self._wish.kinds:
                handles.append(await exchange.subscribe_ticker(symbol, self._on_ticker))
            if Kind.BOOKS in self._wish.kinds:
                handles.append(await exchange.subscribe_orderbook(symbol, self._on_book))
        except NotSupported as error:
            self.result.unsupported = (*self.result.unsupported, error.message)
        return handles

    async def _flush_until_ended(self) -> None:
        began_ns = self._clock.monotonic_ns()
        while not self._ending.is_set():
            await self._nap()
            await self._apart(partial(self._write, self._taken()))
            seconds = self._wish.seconds
            if seconds is not None and self._clock.monotonic_ns() - began_ns >= seconds * 1e9:
                return

    async def _nap(self) -> None:
        try:
            async with self._clock.timeout(FLUSH_S):
                await self._ending.wait()
        except TimeoutError:
            return

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._exchange.disconnect()
        except (TimeoutError, VenueError) as error:
            log.warning("recorder.not_closed venue=%s error=%s", self._exchange.venue, error)

    # -- what is heard ------------------------------------------------------------------------

    def _on_trade(self, trade: TradeData) -> None:
        recv_ns = self._clock.now_ns()
        self._put(Kind.TRADES, trade.symbol, lambda: self._trades.of(trade, recv_ns))

    def _on_ticker(self, ticker: TickerData) -> None:
        recv_ns = self._clock.now_ns()
        self._put(Kind.QUOTES, ticker.symbol, lambda: self._quotes.of(ticker, recv_ns))

    def _on_book(self, book: OrderBookData) -> None:
        recv_ns = self._clock.now_ns()
        self._put(Kind.BOOKS, book.symbol, lambda: self._books.of(book, recv_ns))

    def _on_event(self, event: ExchangeEvent) -> None:
        """A connection was lost, is believed no longer, or is back."""
        if Kind.BOOKS in self._spools:
            self._waiting.append((Kind.BOOKS, partial(self._forget, None)))
        self._gap(event.event_type.value, detail=event.detail)
        self.result.gaps += 1

    def _on_end(self, _event: ExchangeEvent) -> None:
        self.end()

    # -- what is written ----------------------------------------------------------------------

    def _put(self, kind: Kind, symbol: str | None, make: Callable[[], list[str]]) -> None:
        if kind not in self._spools:
            return
        if len(self._waiting) >= self._most:
            self._dropped[kind, symbol] = self._dropped.get((kind, symbol), 0) + 1
            self.result.lost += 1
        else:
            self._waiting.append((kind, make))

    def _gap(
        self, kind: str, *, symbol: str | None = None, lost: int | None = None, detail: str = ""
    ) -> None:
        line = gap_row(
            at_ns=self._clock.now_ns(),
            venue=self._exchange.venue,
            symbol=symbol,
            kind=kind,
            lost=lost,
            detail=detail,
        )
        if Kind.GAPS in self._spools:
            self._waiting.append((Kind.GAPS, lambda: [line]))

    def _forget(self, symbol: str | None) -> list[str]:
        self._books.forget(symbol)
        return []

    def _taken(self) -> Sequence[tuple[Kind, Callable[[], list[str]]]]:
        """What waits, with a gap behind it for what was dropped."""
        for topic, count in self._missing().items():
            fresh = count - self._known_missing.get(topic, 0)
            if fresh > 0:
                self._known_missing[topic] = count
                self._gap("missing", lost=fresh, detail=f"{fresh} of {topic}")
                self.result.gaps += 1
                self.result.lost += fresh
        dropped, self._dropped = self._dropped, {}
        for (kind, symbol), count in dropped.items():
            self._gap("overflow", symbol=symbol, lost=count, detail=f"{count} {kind.value}")
            self.result.gaps += 1
            if kind is Kind.BOOKS:
                self._waiting.append((Kind.BOOKS, partial(self._forget, symbol)))
        taken, self._waiting = self._waiting, deque()
        return taken

    def _write(self, taken: Sequence[tuple[Kind, Callable[[], list[str]]]]) -> None:
        """In a thread, one at a time: makes the lines and appends them."""
        lines: dict[Kind, list[str]] = {}
        for kind, make in taken:
            lines.setdefault(kind, []).extend(make())
        for kind, found in lines.items():
            self._spools[kind].write(found)

    def _finish(self) -> None:
        try:
            self._write(self._taken())
        finally:
            for spool in self._spools.values():
                spool.close()
            self.result.rows = {kind.value: spool.rows for kind, spool in self._spools.items()}
            self.result.files = tuple(
                path for spool in self._spools.values() for path in spool.files
            )
