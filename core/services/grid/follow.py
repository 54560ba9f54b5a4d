"""When a follow grid has been left behind.

The price has escaped when it is strictly beyond the edge on the favourable side. The price is the
mid of bid and ask; where the feed has no book, the last trade. Escaping starts a timer at the
time of that price, coming back clears it, and a timer that has run for the whole timeout asks for a
re-centre. The adverse side never does: there the position is held.

While prices cannot be trusted the timer stands still; after a minute of that it starts anew.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import OrderSide
from core.domain.events import Horizon, MarketMoved

LONGEST_GAP_NS: Final = 60 * 1_000_000_000


def price_of(market: MarketMoved, tick: Decimal) -> Decimal | None:
    """The mid, or the last trade where there is no book; None while neither is known."""
    if market.mark is not None:
        return market.mark
    if market.bid is not None and market.ask is not None:
        return (market.bid + market.ask) * tick / 2
    return None if market.last is None else market.last * tick


class EscapeWatch:
    """Waits beside the favourable edge.

    Args:
        edge: Ticks beyond which the price has escaped.
        entry_side: BUY escapes upwards, SELL downwards.
        tick: Size of a tick.
        timeout_ns: How long an escape must last; None for ever.
    """

    __slots__ = ("_edge_price", "edge", "is_up", "since_ns", "stale_ns", "tick", "timeout_ns")

    def __init__(
        self, *, edge: int, entry_side: OrderSide, tick: Decimal, timeout_ns: int | None
    ) -> None:
        self.edge = edge
        self.is_up = entry_side is OrderSide.BUY
        self.tick = tick
        self.timeout_ns = timeout_ns
        self.since_ns: int | None = None
        """When the present escape began."""
        self.stale_ns: int | None = None
        """When prices stopped being trusted, during an escape."""
        self._edge_price = edge * tick

    @property
    def expires_ns(self) -> int | None:
        """When the present escape will have lasted long enough."""
        if self.since_ns is None or self.timeout_ns is None or self.stale_ns is not None:
            return None
        return self.since_ns + self.timeout_ns

    def is_expired(self, at_ns: int) -> bool:
        """Whether the escape has lasted for the whole timeout."""
        expires_ns = self.expires_ns
        return expires_ns is not None and at_ns >= expires_ns

    def see(self, market: MarketMoved) -> None:
        """Takes in a price: starts, keeps or clears the timer."""
        if self.stale_ns is not None:
            self._end_gap(market.at_ns)
        if not self._is_outside(market):
            self.since_ns = None
        elif self.since_ns is None:
            self.since_ns = market.at_ns

    def distrust(self, since_ns: int) -> None:
        """Stops the timer: prices are stale since then."""
        if self.since_ns is not None and self.stale_ns is None:
            self.stale_ns = max(since_ns, self.since_ns)

    def clear(self) -> None:
        """Forgets an escape."""
        self.since_ns = None
        self.stale_ns = None

    def horizon(self) -> Horizon:
        """Where the next price matters, and when the timer ends."""
        if self.timeout_ns is None:
            return Horizon()
        if (self.since_ns is None) is self.is_up:
            return Horizon(above=self.edge, at_ns=self.expires_ns)
        return Horizon(below=self.edge, at_ns=self.expires_ns)

    def _is_outside(self, market: MarketMoved) -> bool:
        bid, ask, edge = market.bid, market.ask, self.edge
        if bid is not None and ask is not None:
            if self.is_up:
                if ask <= edge:
                    return False
                if bid > edge:
                    return True
            elif bid >= edge:
                return False
            elif ask < edge:
                return True
        price = price_of(market, self.tick)
        if price is None:
            return False
        return price > self._edge_price if self.is_up else price < self._edge_price

    def _end_gap(self, at_ns: int) -> None:
        if self.stale_ns is None or self.since_ns is None:
            self.clear()
            return
        gap_ns = at_ns - self.stale_ns
        self.stale_ns = None
        self.since_ns = None if gap_ns > LONGEST_GAP_NS else self.since_ns + gap_ns
