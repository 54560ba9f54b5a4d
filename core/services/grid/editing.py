"""Other settings under a running grid: what fits stays, what does not is taken off its place.

    line that the new ladder has too   its slot keeps what it holds and its books; its order stays
                                       where price and amount are still right, else it is cancelled
                                       and the slot asks for the right one
    line that is gone                  its slot is *left over*: an entry is cancelled, an exit stays
                                       and sells what the slot holds at its old price; then the slot
                                       is gone. Nothing is sold any earlier, or to anybody else.
    line that is new                   an empty slot, treated as if the ladder was just built

Levels get new numbers; orders keep their ids. All of it is one turn of the machine, so the journal
holds the old grid or the new one and nothing between; the cancels that a crash swallows are asked
for again, because the orders are marked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import OrderSide
from core.domain.commands import CancelOrder, Reason
from core.services.grid.follow import price_of
from core.services.grid.growth import compounded
from core.services.grid.ladder import Ladder, base_amounts, build_ladder, loses
from core.services.grid.ledger import NOBODY
from core.services.grid.settings import GridSettings
from core.services.grid.slots import Leg, Slot, Working
from core.services.grid.winding import GridWinder

KEPT_RENUMBERINGS: Final = 8
"""Edits whose orders' ids are still understood when an execution of one comes very late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """The operator wants the grid to go on with other settings; checked, and free to be applied."""

    at_ns: int
    settings: GridSettings
    by: str = "you"


class GridEditor(GridWinder):
    """A grid whose settings can change while it runs."""

    def _on_edited(self, event: Edited) -> None:
        settings, fresh = event.settings, self._fresh
        ladder = None if self.ladder is None else self._edited_ladder(self.ladder, settings)
        is_turned = self.settings.entry_side is not settings.entry_side
        if self.ladder is None and settings.trigger_price != self.settings.trigger_price:
            self._trigger_sign = None
            self._touched.add("course")
        self.settings = settings
        self._horizon = None
        self._touched.add("meta")
        if is_turned:
            self.ledger.turn(settings.entry_side)
        unwanted: list[Working] = []
        if ladder is not None:
            if ladder != self.ladder:
                fresh, unwanted = self._rearrange(ladder, is_turned=is_turned)
            self._watch = self._new_watch(ladder)
        for order in unwanted:
            self._cancel_edited(order)
        self._tell_edited(event.by, len(unwanted))
        self._unpark()
        self._fresh = fresh
        if fresh:
            self._touched.add("fresh")
        self._send_due("edited")

    def _tell_edited(self, by: str, cancelled: int) -> None:
        self._tell(
            "grid.edited",
            (
                ("by", by),
                ("cancelled", cancelled),
                ("kept", sum(1 for order in self._orders.values() if not order.is_cancelling)),
                ("levels", self.settings.level_count),
                ("lines_left_over", sum(1 for slot in self._slots if slot.is_orphan)),
            ),
        )

    def has_lines_of(self, settings: GridSettings) -> bool:
        """Whether other settings would put the lines of a ladder at the same prices."""
        base = self._base_price() or self._instrument.price(self._any_ticks())
        fresh, was = build_ladder(settings, base), build_ladder(self.settings, base)
        return replace(was, amounts=fresh.amounts, distance=fresh.distance) == fresh

    def _edited_ladder(self, ladder: Ladder, settings: GridSettings) -> Ladder:
        """The ladder of other settings: where the lines are the same, at its present place.

        Raises:
            ValueError: If no ladder can be built around the price.
        """
        if self.has_lines_of(settings):
            amounts = base_amounts(settings, ladder)
            found = replace(ladder, distance=settings.reverse_order_grid_distance, amounts=amounts)
        else:
            base = self._base_price()
            found = self._split_as(ladder, settings) or build_ladder(settings, base)
            if not settings.is_loss_accepted and loses(settings, found):
                message = "every round trip would lose by its own fees at this price"
                raise ValueError(message)
        if settings.is_compounding:
            amounts = compounded(settings, found, self.ledger, self.reserved)
            found = replace(found, amounts=amounts)
        return found

    def _split_as(self, ladder: Ladder, settings: GridSettings) -> Ladder | None:
        """A neutral ladder split where the present one is, if that keeps any of its levels."""
        if ladder.start is None or not settings.grid_type.is_neutral:
            return None
        found = build_ladder(settings, self._instrument.price(ladder.line(ladder.start)))
        lines = {
            (found.side(level), found.entry_price(level)) for level in range(1, found.count + 1)
        }
        is_kept = any((slot.side, slot.entry_price) in lines for slot in self._slots)
        return found if is_kept else None

    def _base_price(self) -> Decimal | None:
        market = self._market
        return None if market is None else price_of(market, self._instrument.tick_size)

    def _any_ticks(self) -> int:
        return 1 if self.ladder is None else self.ladder.upper

    def _rearrange(self, ladder: Ladder, *, is_turned: bool) -> tuple[set[int], list[Working]]:
        """Puts the new ladder in place of the old.

        Returns:
            The levels that are new, or were and wait still, and the orders that no slot wants any
            more.
        """
        before, waiting = self._slots, self._fresh
        lines: dict[tuple[OrderSide, int], Slot] = {}
        # A ladder that trailed may stand over a line that was left over: its own slot goes on.
        for slot in sorted(before, key=lambda slot: not slot.is_orphan):
            if not is_turned:
                lines[slot.side, slot.entry_price] = slot
        numbers: dict[int, int] = {}
        fresh: set[int] = set()
        unwanted: list[Working] = []
        self._take_ladder(ladder)
        for slot in self._slots:
            known = lines.get((slot.side, slot.entry_price))
            if known is None:
                fresh.add(slot.level)
                continue
            if known.level in waiting:
                fresh.add(slot.level)
            numbers[known.level] = slot.level
            slot.take_over(known)
            lots = self.ledger.lots(known.level)
            if known.order is not None and not _is_right(known.order, known, slot, lots):
                unwanted.append(known.order)
        for slot in before:
            if slot.level not in numbers and self._is_busy(slot):
                level = len(self._slots) + 1
                numbers[slot.level] = level
                self._slots.append(self._left_over(slot, level))
                if slot.order is not None and _is_single_entry(slot.order):
                    unwanted.append(slot.order)
        self._renumber(numbers, len(before))
        unwanted = [order for order in unwanted if not order.is_cancelling]
        self._exchange_exits(unwanted)
        return fresh, unwanted

    def _exchange_exits(self, unwanted: list[Working]) -> None:
        """Lets slots that hold the same amount take over exits of each other at the right price.

        Each still has one order, so no holding is ever offered twice; what is left is cancelled.
        """
        groups: dict[int, list[Working]] = {}
        for order in unwanted:
            is_whole = order.leg is Leg.EXIT and not order.filled
            if is_whole and order.amount == self.ledger.lots(order.level):
                groups.setdefault(order.amount, []).append(order)
        for orders in groups.values():
            slots = [self._slots[order.level - 1] for order in orders]
            left = list(orders)
            lacking: list[Slot] = []
            for slot in slots:
                found = next((item for item in left if item.price == slot.exit_price), None)
                if found is None:
                    lacking.append(slot)
                    continue
                left.remove(found)
                unwanted.remove(found)
                slot.order, found.level = found, slot.level
            for slot, order in zip(lacking, left, strict=True):
                slot.order, order.level = order, slot.level

    def _is_busy(self, slot: Slot) -> bool:
        """Whether a slot has an order that may fill, or something to sell."""
        return slot.order is not None or slot.leg(self.ledger.lots(slot.level)) is Leg.EXIT

    def _left_over(self, slot: Slot, level: int) -> Slot:
        orphan = self._orphan(level, slot.entry_price, slot.exit_price, slot.amount)
        orphan.order = slot.order
        orphan.last_fill_ns = slot.last_fill_ns
        orphan.note = "its line was taken off: it sells what it holds"
        return orphan

    def _renumber(self, numbers: dict[int, int], count: int) -> None:
        """Gives books and orders the new numbers of their levels."""
        if self.ledger.renumber(numbers):
            self._touched |= {"rest", "totals"}
        self._reverse_books()
        for order in self._orders.values():
            if order.level != NOBODY:
                order.level = numbers.get(order.level, NOBODY)
            elif order.shares is not None:
                order.shares = [share for share in order.shares if share.level in numbers]
                for share in order.shares:
                    share.level = numbers[share.level]
            if order.level == NOBODY:
                self._touch(order)
        self._renumberings = [*self._renumberings, (self._serial, numbers)][-KEPT_RENUMBERINGS:]
        self._touched.add("edits")
        self._levels_touched.update(range(1, max(count, len(self._slots)) + 1))
        self._due = {slot.level for slot in self._slots if slot.order is None}

    def _cancel_edited(self, order: Working, rule: str = "cancel.edited") -> None:
        """Asks for an order, now or once journal and venue agree."""
        order.is_cancelling = True
        self._touch(order)
        if not self._is_reconciled:
            return
        self._out.append(
            CancelOrder(
                client_order_id=order.client_order_id,
                symbol=self._instrument.symbol,
                reason=Reason(rule),
            )
        )


def _is_single_entry(order: Working) -> bool:
    return order.leg is Leg.ENTRY and order.shares is None


def _is_right(order: Working, old: Slot, new: Slot, lots: int) -> bool:
    """Whether an order of a slot serves it still. One that serves several ends by itself."""
    if order.leg is Leg.EXIT:
        return order.price == new.exit_price
    if order.shares is not None or old.amount == new.amount:
        return True
    return not order.filled and order.amount == new.missing(lots)
