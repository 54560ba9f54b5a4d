"""A ladder that moves: one line at a time, without selling what it holds.

    trailing   the price is a whole line beyond an edge: the level at the other end moves there
    rolling    a follow grid's escape has lasted: the ladder moves by whole lines
    growing    an infinity grid's top comes near the price: levels are added above

A level that moves keeps its number, its books and its order's id; the order is cancelled and, once
that is certain, its next one is placed at the new price. On the favourable side such a level is
flat and moving costs nothing. On the adverse side it holds what it bought (or sold) at a line that
is gone: the slot takes that over to its new line, and the loss between the two prices is booked at
once and shown as the cost of trailing. No order is sent for that, so no fee is paid and the
position does not change; its round trips count from the new line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from core.adapters.exchanges.models import OrderSide, plain
from core.domain.events import Horizon, MarketMoved
from core.services.grid.building import GridBuilder
from core.services.grid.follow import price_of
from core.services.grid.ladder import grown_ladder
from core.services.grid.sending import CALM
from core.services.grid.spacing import MAX_LEVELS
from core.services.grid.state import minimum_lots

if TYPE_CHECKING:
    from decimal import Decimal

    from core.services.grid.ladder import Ladder
    from core.services.grid.slots import Slot


class GridTrailer(GridBuilder):
    """A grid whose ladder can move."""

    def _trail(self, market: MarketMoved) -> None:
        """Moves the ladder as far as a price asks for."""
        if not self.settings.is_moving:
            return
        self.horizon()
        if self._edges.above is None and self._edges.below is None:
            return
        price = price_of(market, self._instrument.tick_size)
        if price is None:
            return
        ticks = price / self._instrument.tick_size
        if self.settings.grid_type.is_infinite:
            self._grow(ticks)
            return
        edges = self._edges
        while edges.above is not None and ticks >= edges.above:
            self._move(1 if self._is_upwards else -1, "trailing_up")
            edges = self._trailing_edges()
        while edges.below is not None and ticks <= edges.below:
            self._move(-1 if self._is_upwards else 1, "trailing_down")
            edges = self._trailing_edges()

    @property
    def _may_trail(self) -> bool:
        return self._is_watching and not self._wants_ladder

    @property
    def _is_upwards(self) -> bool:
        """Whether the favourable side is above."""
        return self.settings.entry_side is OrderSide.BUY

    def _now_price(self) -> Decimal | None:
        market = self._market
        return None if market is None else price_of(market, self._instrument.tick_size)

    def _trailing_horizon(self) -> Horizon:
        if self.ladder is None or not self.settings.is_moving or not self._may_trail:
            return CALM
        if self.settings.grid_type.is_infinite:
            return self._growing_edge()
        return self._trailing_edges()

    def _trailing_edges(self) -> Horizon:
        """The prices at which the ladder moves by one line, as far as it may."""
        ladder, settings = cast("Ladder", self.ladder), self.settings
        far, near = ladder.line(ladder.shift + ladder.count + 1), ladder.line(ladder.shift - 1)
        top, bottom = (far, near) if self._is_upwards else (near, far)
        above = below = None
        if settings.trailing_up and self._is_within(top, settings.trailing_up_limit, 1):
            above = top
        if settings.trailing_down and self._is_within(bottom, settings.trailing_down_limit, -1):
            below = bottom
        return Horizon(above=above, below=below)

    def _is_within(self, edge: int, limit: Decimal | None, sign: int) -> bool:
        """Whether the ladder may reach so far: not beyond the limit, and never to zero."""
        ladder = cast("Ladder", self.ladder)
        lowest = edge - (ladder.distance * ladder.interval if not self._is_upwards else 0)
        if lowest <= 0:
            return False
        return limit is None or (edge * self._instrument.tick_size - limit) * sign <= 0

    def _roll(self, base: Decimal) -> None:
        """Moves a follow grid by whole lines to where it would be built now."""
        ladder, settings = cast("Ladder", self.ladder), self.settings
        sign = settings.entry_side.sign
        ticks = base / self._instrument.tick_size
        offset = settings.price_offset_grids
        moved = 0
        while (ticks - ladder.line(ladder.shift + ladder.count + moved + 1 - offset)) * sign >= 0:
            moved += 1
        self._say("")
        if self._watch is not None:
            self._watch.clear()
        for _ in range(max(moved, 1)):
            self._move(1, "roll")
        self.resets += 1
        self._watch = self._new_watch(cast("Ladder", self.ladder))

    def _move(self, by: int, why: str) -> None:
        """Takes the level at one end to the other."""
        before = cast("Ladder", self.ladder)
        level = before.level_at(1 if by > 0 else before.count)
        ladder = self.ladder = before.shifted(by)
        slot = self._slots[level - 1]
        cost = self._relocate(slot, ladder)
        self.trailed += 1
        self._touched |= {"ladder", "course"}
        self._levels_touched.add(level)
        self._horizon = None
        self._tell(
            "grid.trailed",
            (
                ("reason", why),
                ("level", level),
                ("old_price", self._price_text(before.entry_price(level))),
                ("new_price", self._price_text(slot.entry_price)),
                ("lower_price", self._price_text(ladder.lower)),
                ("upper_price", self._price_text(ladder.upper)),
                ("cost", plain(cost)),
                ("total_cost", plain(self.trailing_cost)),
            ),
        )
        slot.is_waiting = True
        if slot.order is not None:
            self._withdraw(slot, "moved")
        else:
            self._look_through_window()
            self._settle(slot, "moved", (("why", why),))

    def _relocate(self, slot: Slot, ladder: Ladder) -> Decimal:
        """Gives a slot its new prices; the loss that is booked for what it holds."""
        slot.entry_price = ladder.entry_price(slot.level)
        slot.exit_price = ladder.exit_price(slot.level)
        least = min(slot.entry_price, slot.exit_price)
        slot.minimum = minimum_lots(self._instrument, least)
        slot.calm()
        price = self._instrument.price(slot.entry_price)
        cost = self.ledger.write_down(slot.level, price)
        if cost:
            self.trailing_cost += cost
            self._touched.add("totals")
        return cost

    def _growing_edge(self) -> Horizon:
        """The price from which an infinity grid needs another level above."""
        ladder = cast("Ladder", self.ladder)
        if ladder.count >= MAX_LEVELS or len(self._slots) > ladder.count:
            return CALM
        return Horizon(above=ladder.line(ladder.count - self.settings.headroom))

    def _grow(self, ticks: Decimal) -> None:
        """Adds levels above, each with what the pool holds for it."""
        edge = self._growing_edge().above
        while edge is not None and ticks >= edge:
            ladder = self.ladder = grown_ladder(cast("Ladder", self.ladder), self.settings)
            level = ladder.count
            slot = self._new_slot(ladder, level)
            self._slots.append(slot)
            taken = self.ledger.endow(level, slot.amount)
            self._touched |= {"ladder", "course"} | ({"rest"} if taken else set())
            self._levels_touched.add(level)
            self._tell(
                "grid.grown",
                (
                    ("level", level),
                    ("price", self._price_text(slot.entry_price)),
                    ("exit_price", self._price_text(slot.exit_price)),
                    ("upper_price", self._price_text(ladder.upper)),
                ),
            )
            slot.is_waiting = self._is_crossed(slot)
            self._look_through_window()
            self._settle(slot, "grown", ())
            self._horizon = None
            edge = self._growing_edge().above
