"""What drives a market's rows: virtual time, the clock, or a stream that pushes them.

On virtual time the loop asks for the next row when everything else is settled. Rows strictly inside
all horizons (machines, risk, matching, liquidation) and before the next timer are skipped; the last
one skipped is shown for its prices, the one that ends the skip is met. Stepping meets every row.
Both give the same fills.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol
from weakref import WeakKeyDictionary

from core.adapters.exchanges.paper.columns import Bounds
from core.adapters.exchanges.paper.market import Market
from core.domain.events import Horizon
from core.infrastructure.clock import Clock
from core.infrastructure.virtual_time import VirtualLoop
from core.services.ports import Chunk

_AT_ONCE: Final = 500
"""Rows that are met between two looks at the clock when they are overdue."""


class RowTaker(Protocol):
    """The venue as whoever drives its rows sees it."""

    def open_markets(self) -> Iterable[Market]:
        """Markets that have been opened and whose end was not announced."""

    def horizon(self, market: Market) -> Horizon | None:
        """Where somebody could act; None hands over every row."""

    def bounds(self, market: Market, horizon: Horizon) -> Bounds:
        """The same with matching and liquidation, in the market's units."""

    def show(self, market: Market) -> None:
        """Prices have moved; nothing else happens."""

    def meet(self, market: Market) -> None:
        """Moves on to the next row and lets orders meet it, without showing it."""

    def end(self, market: Market) -> None:
        """The feed has ended."""


class VirtualRows:
    """The idle source of a virtual loop: all open markets of the venues, in order of time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._floors: list[RowTaker] = []

    def add(self, floor: RowTaker) -> None:
        """Drives a venue's markets too."""
        self._floors.append(floor)

    def remove(self, floor: RowTaker) -> None:
        """Stops driving a venue's markets."""
        if floor in self._floors:
            self._floors.remove(floor)

    def next_ns(self) -> int | None:
        """Time of the next row; an end that was not announced counts as a row of its last time."""
        times = [_next_ns(market) for floor in self._floors for market in floor.open_markets()]
        return min(times, default=None)

    def advance(self, limit_ns: int | None) -> None:
        """Hands rows over until something is ready or the next is not before the limit."""
        while not self._loop.has_ready():
            found = self._earliest()
            if found is None:
                return
            at_ns, floor, market, other_ns = found
            if limit_ns is not None and at_ns >= limit_ns:
                return
            if market.next_ns() is None:
                self._loop.set_now_ns(at_ns)
                floor.end(market)
            else:
                self._run(floor, market, _sooner(limit_ns, other_ns), limit_ns)

    def _earliest(self) -> tuple[int, RowTaker, Market, int | None] | None:
        """The next row, whose it is, and when another market's next one is."""
        found: tuple[int, RowTaker, Market] | None = None
        other_ns: int | None = None
        for floor in self._floors:
            for market in floor.open_markets():
                at_ns = _next_ns(market)
                if found is None or at_ns < found[0]:
                    if found is not None:
                        other_ns = _sooner(other_ns, found[0])
                    found = (at_ns, floor, market)
                else:
                    other_ns = _sooner(other_ns, at_ns)
        return None if found is None else (*found, other_ns)

    def _run(
        self, floor: RowTaker, market: Market, stop_ns: int | None, limit_ns: int | None
    ) -> None:
        """Skips what concerns nobody, then meets one row."""
        horizon = floor.horizon(market)
        if horizon is not None:
            bounds = floor.bounds(market, horizon)
            is_skipped = False
            while market.skip(stop_ns, bounds, horizon.at_ns):
                is_skipped = True
                if not market.is_chunk_over:
                    break  # the next row is the one that ends it
            if is_skipped:
                self._set_time(market)
                floor.show(market)
                at_ns = market.next_ns()
                if at_ns is None or (stop_ns is not None and at_ns >= stop_ns):
                    return
        at_ns = market.next_ns()
        if at_ns is None or (limit_ns is not None and at_ns >= limit_ns):
            return
        self._loop.set_now_ns(at_ns)
        floor.meet(market)
        floor.show(market)

    def _set_time(self, market: Market) -> None:
        if market.at_ns is not None:
            self._loop.set_now_ns(market.at_ns)


_OF_LOOP: Final[WeakKeyDictionary[VirtualLoop, VirtualRows]] = WeakKeyDictionary()
"""A loop takes one source; every paper venue on it shares that."""


def rows_of(loop: VirtualLoop) -> VirtualRows:
    """The idle source of a virtual loop, made and set when the first venue asks for it."""
    source = _OF_LOOP.get(loop)
    if source is None:
        source = _OF_LOOP[loop] = VirtualRows(loop)
        loop.set_idle_source(source)
    return source


async def run_on_clock(floor: RowTaker, market: Market, clock: Clock) -> None:
    """Meets each row when its time comes; the first one comes now."""
    first_ns = market.next_ns()
    if first_ns is not None:
        market.shift_ns += clock.now_ns() - first_ns
    met = 0
    while (at_ns := market.next_ns()) is not None:
        if met and (at_ns > clock.now_ns() or met >= _AT_ONCE):
            floor.show(market)
            met = 0
            await clock.sleep_until_ns(at_ns)
            continue
        if at_ns > clock.now_ns():
            await clock.sleep_until_ns(at_ns)
            continue
        floor.meet(market)
        met += 1
    if met:
        floor.show(market)
    floor.end(market)


def receiver(floor: RowTaker, market: Market) -> Callable[[Chunk], None]:
    """Takes rows of a live feed as they come."""

    def deliver(chunk: Chunk) -> None:
        market.push(chunk)
        while market.next_ns() is not None:
            floor.meet(market)
        floor.show(market)

    return deliver


def _next_ns(market: Market) -> int:
    at_ns = market.next_ns()
    if at_ns is None:
        at_ns = market.at_ns
    return 0 if at_ns is None else at_ns


def _sooner(first: int | None, second: int | None) -> int | None:
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)
