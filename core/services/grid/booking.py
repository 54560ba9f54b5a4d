"""Executions go into the books here, slot by slot, and become lines of the diary.

An execution of an order that serves several slots is dealt out: one line for each slot's share,
with the share's own fee, and `share` as `2/3` for the second of three. The parts add up to it.
"""

from __future__ import annotations

from decimal import Decimal

from core.adapters.exchanges.models import OrderSide, plain
from core.domain.events import (
    FundingPaid,
    OrderFilled,
)
from core.services.grid.ledger import EXACT, NOBODY, split_fee
from core.services.grid.slots import Leg, Share, Working
from core.services.grid.state import Fields, GridState


class GridBooks(GridState):
    """A grid that can book."""

    def _book_slot(self, order: Working, event: OrderFilled, *, is_complete: bool) -> None:
        slot = self._slots[order.level - 1] if order.level else None
        level = order.level
        amount = event.amount * self._lot
        round_trip: Decimal | None = None
        if order.leg is Leg.ENTRY:
            self._open(level, amount, event.fee, event.fee_base, event)
        else:
            self.ledger.close(level, amount, event.price, event.fee)
            if is_complete:
                trip = self.ledger.book_round_trip(level)
                round_trip = trip.net
                self.history.add_trip(trip, event.at_ns)
                self._use_profit(round_trip)
        if slot is not None:
            slot.last_fill_ns = event.at_ns
            if slot.failures:
                slot.calm()
        self.ledger.fills += 1
        self._tell_fill(order, event, level, amount, event.fee, round_trip, None)

    def _book_shares(self, order: Working, event: OrderFilled) -> list[Share]:
        """Deals one execution out to the slots that the order serves, in their order.

        Returns:
            The shares that are whole now.
        """
        parts: list[tuple[Share | None, int]] = []
        left = event.amount
        for share in order.shares or ():
            take = min(share.lots - share.taken, left)
            if take > 0:
                share.taken += take
                left -= take
                parts.append((share, take))
        if left:
            parts.append((None, left))
        weights = [Decimal(take) for _, take in parts]
        fees = split_fee(event.fee, weights)
        bases = split_fee(event.fee_base, weights)
        for index, (part, take) in enumerate(parts):
            level = NOBODY if part is None else part.level
            amount = take * self._lot
            self._open(level, amount, fees[index], bases[index], event)
            self.ledger.fills += 1
            place = f"{index + 1}/{len(parts)}"
            self._tell_fill(order, event, level, amount, fees[index], None, place)
        return [part for part, _ in parts if part is not None and part.taken == part.lots]

    def _open(
        self, level: int, amount: Decimal, fee: Decimal, fee_base: Decimal, event: OrderFilled
    ) -> None:
        if fee_base:
            amount = EXACT.subtract(amount, fee_base)
        if level == NOBODY:
            # Of an order whose level is gone only its side says whether it opens or closes.
            self.ledger.reduce(NOBODY, amount, event.price, fee, event.side)
        else:
            self.ledger.open(level, amount, event.price, fee)
        account = self.ledger.account(level)
        if account.opened_ns is None:
            account.opened_ns = event.at_ns
        if level == NOBODY:
            self._touched.add("rest")
        else:
            self._levels_touched.add(level)

    @property
    def closable_lots(self) -> int:
        """Whole lots that closing would sell or buy back."""
        return self._closable_lots()

    def _closable_lots(self) -> int:
        """Whole lots that closing must sell or buy back; an exit may have sold too much."""
        return abs(self.ledger.total_lots())

    def _closing_side(self) -> OrderSide:
        """Side of the order that would close the position."""
        return self.ledger.closing_side

    def _book_on_nobody(self, order: Working, event: OrderFilled) -> None:
        """Books a closing execution that belongs to no slot."""
        amount = event.amount * self._lot
        self.ledger.reduce(NOBODY, amount, event.price, event.fee, order.side)
        self.ledger.fills += 1
        self._touched.add("rest")
        self._tell_fill(order, event, NOBODY, amount, event.fee, None, None)

    def _reduction_order(self) -> list[int]:
        """Levels in the order in which a closing execution is taken out of them."""
        return sorted(self.ledger.accounts)

    def _book_reduction(self, order: Working, event: OrderFilled) -> None:
        """Takes a closing execution out of the slots, level 1 first."""
        left = event.amount * self._lot
        parts: list[tuple[int, Decimal]] = []
        for level in self._reduction_order():
            take = min(self.ledger.closable(level, order.side), left)
            if take > 0:
                parts.append((level, take))
                left = EXACT.subtract(left, take)
        if left:
            parts.append((NOBODY, left))
        fees = split_fee(event.fee, [take for _, take in parts])
        for index, (level, take) in enumerate(parts):
            self.ledger.reduce(level, take, event.price, fees[index], order.side)
            self.ledger.drop_trip_if_flat(level)
            self.ledger.fills += 1
            if level == NOBODY:
                self._touched.add("rest")
            else:
                self._levels_touched.add(level)
            place = f"{index + 1}/{len(parts)}" if len(parts) > 1 else None
            self._tell_fill(order, event, level, take, fees[index], None, place)

    def _tell_fill(
        self,
        order: Working,
        event: OrderFilled,
        level: int,
        amount: Decimal,
        fee: Decimal,
        round_trip: Decimal | None,
        share: str | None,
    ) -> None:
        fields: Fields = (
            ("side", str(order.side)),
            ("price", plain(event.price)),
            ("amount", plain(amount)),
            ("level", level or None),
            ("leg", order.leg.word),
            ("fee", plain(fee)),
            ("client_order_id", event.client_order_id),
            ("trade_id", event.trade_id),
            ("maker", event.is_maker),
        )
        if share is not None:
            fields = (*fields, ("share", share))
        if order.leg is Leg.EXIT:
            text = None if round_trip is None else plain(round_trip)
            fields = (*fields, ("round_trip", text))
        self._tell("order.filled", fields)
        self.history.add(
            (
                event.at_ns,
                level,
                order.leg.word,
                order.side,
                amount,
                event.price,
                fee,
                round_trip,
                event.client_order_id,
                event.trade_id,
                event.is_maker,
            )
        )

    def _order_of_late_fill(self, event: OrderFilled) -> Working:
        """An order that was thought to be over, from what its id says."""
        level, leg = self._read_identity(event.client_order_id)
        if level != NOBODY and not self._is_side_of(level, leg, event.side):
            level = NOBODY  # the number belongs to a line of another ladder by now
        order = Working(
            client_order_id=event.client_order_id,
            level=level,
            leg=leg,
            side=event.side,
            price=None,
            amount=0,
            shares=[] if level == NOBODY else None,
        )
        self._tell(
            "order.filled_late",
            (("client_order_id", event.client_order_id), ("trade_id", event.trade_id)),
        )
        return order

    def _is_side_of(self, level: int, leg: Leg, side: OrderSide) -> bool:
        """Whether an order of a level's leg would be on this side."""
        entry_side = self._slots[level - 1].side
        return side is (entry_side if leg is Leg.ENTRY else entry_side.opposite)

    def _book_funding(self, event: FundingPaid) -> None:
        self.ledger.book_funding(event.amount)
        self._touched.add("totals")
