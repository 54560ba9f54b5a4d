"""Orders for slots: when one may leave, what it asks for, and what a refusal leads to.

A slot without an order is due. It is asked again whenever an answer could have changed, and gets
its order once all of this holds: the start is reconciled, nobody paused or holds, no winding down
is in progress, risk lets this leg through, its pause after a refusal is over, and (for entries that
the market had passed when the ladder was built) its price has become passive.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, cast

from core.adapters.exchanges.models import (
    OrderSide,
    OrderType,
    Rounding,
    TimeInForce,
    plain,
)
from core.domain.commands import PlaceOrder, Reason, Role
from core.domain.events import (
    Horizon,
    MarketMoved,
    OrderFilled,
)
from core.services.grid.booking import GridBooks
from core.services.grid.closing import ALARM_AFTER, pause_ns
from core.services.grid.ledger import NOBODY
from core.services.grid.settings import InitialFill
from core.services.grid.slots import Leg, Share, Slot, Working
from core.services.grid.state import Goal, base36

Inputs = tuple[tuple[str, str], ...]

CALM: Final = Horizon()
EVERY_ROW: Final = Horizon(above=0, below=10**12)
"""No price lies strictly inside, so none is skipped."""
DENIALS_BEFORE_PARKING: Final = 8
PASSING: Final = (
    "DAILY_LOSS",
    "HALT",
    "JOURNAL",
    "LEASE",
    "NOT_SENT",
    "OPEN_ORDERS",
    "RATE",
    "REDUC",
    "REFERENCE",
    "STALE",
    "UNAVAILABLE",
)
"""Parts of refusal codes that time mends; any other entry refused by the venue is parked."""

_ROLES: Final = {Leg.ENTRY: Role.ENTRY, Leg.EXIT: Role.EXIT, Leg.REDUCE: Role.REDUCE}


class GridSender(GridBooks):
    """A grid that can send."""

    def horizon(self) -> Horizon:
        """Prices and time at which the machine could act; all strictly inside may be skipped."""
        known = self._horizon
        if known is None:
            known = self._horizon = self._find_horizon()
        return known

    def _find_horizon(self) -> Horizon:
        if self._goal is Goal.STOPPED:
            return CALM
        horizon = CALM if self._wake_ns is None else Horizon(at_ns=self._wake_ns)
        if not self._is_reconciled:
            return horizon
        wants_price = self.ladder is None or self._wants_ladder
        if self._is_stale or (wants_price and self._may_build):
            return EVERY_ROW | horizon
        if self._watch is not None and self._is_watching:
            horizon |= self._watch.horizon()
        if self._due and self._may_send(Leg.ENTRY):
            horizon |= self._waiting_horizon()
        return horizon

    def _waiting_horizon(self) -> Horizon:
        """The first price that could leave a waiting entry on the passive side."""
        prices = [
            self._slots[level - 1].entry_price
            for level in self._due
            if self._slots[level - 1].is_waiting
        ]
        if not prices:
            return CALM
        if self.settings.entry_side is OrderSide.BUY:
            return Horizon(above=min(prices))
        return Horizon(below=max(prices))

    def _leaves_waiting(self, market: MarketMoved) -> bool:
        """Whether these prices leave the first waiting entry on the passive side."""
        edge = self.horizon()
        if self.settings.entry_side is OrderSide.BUY:
            return market.ask is None or (edge.above is not None and market.ask > edge.above)
        return market.bid is None or (edge.below is not None and market.bid < edge.below)

    def _send_ladder(self) -> None:
        """Gives every slot its order, those nearest to the price first."""
        policy = self.settings.initial_fill
        crossed: list[Slot] = []
        for level in sorted(self._due):
            slot = self._slots[level - 1]
            if slot.is_parked or slot.leg(self.ledger.lots(level)) is Leg.EXIT:
                continue
            slot.is_waiting = policy is not InitialFill.ALL_LIMITS and self._is_crossed(slot)
            if slot.is_waiting:
                crossed.append(slot)
        may_take = policy is InitialFill.TAKER_POSITION and not self._is_stale
        if crossed and may_take and self._may_send(Leg.ENTRY):
            self._send_initial(crossed)
        self._send_due("built")

    def _send_initial(self, crossed: list[Slot]) -> None:
        """One immediate-or-cancel order for all entries that the market has passed."""
        market = cast("MarketMoved", self._market)
        is_long = self.settings.entry_side is OrderSide.BUY
        best = cast("int", market.ask if is_long else market.bid)
        factor = 1 + self.settings.initial_fill_cap * self.settings.entry_side.sign
        exact = best * self._instrument.tick_size
        if market.bid == market.ask == market.last and market.mark is not None:
            exact = market.mark  # no book: the last trade, which may lie between two ticks
        steps = exact * factor / self.settings.price_step
        rounding = Rounding.DOWN if is_long else Rounding.UP
        cap = steps.quantize(Decimal(1), rounding.value) * self.settings.price_step
        limit = self._instrument.ticks(cap)
        # A cap finer than the price step must still reach the price it is a cap on.
        limit = max(limit, best) if is_long else min(limit, best)
        shares = self._shares_of(crossed)
        order = self._place(
            level=NOBODY,
            leg=Leg.ENTRY,
            price=limit,
            amount=sum(share.lots for share in shares),
            shares=shares,
            time_in_force=TimeInForce.IOC,
            reason=Reason(
                "entry.initial_fill",
                (
                    ("ask" if is_long else "bid", self._price_text(best)),
                    ("levels", str(len(shares))),
                    ("cap", plain(self.settings.initial_fill_cap)),
                    ("price_age_ms", str(market.age_ms)),
                ),
            ),
        )
        for share in shares:
            self._slots[share.level - 1].order = order
            self._due.discard(share.level)
            self._levels_touched.add(share.level)

    def _shares_of(self, crossed: list[Slot]) -> list[Share]:
        """What each slot wants, nearest to the price first, as far as one order may go."""
        most = self._instrument.max_amount
        left = None if most is None else int(most // self._lot)
        shares: list[Share] = []
        for slot in crossed:
            lots = slot.missing(self.ledger.lots(slot.level))
            if left is not None:
                if lots > left:
                    break
                left -= lots
            shares.append(Share(slot.level, lots))
        return shares

    def _is_crossed(self, slot: Slot) -> bool:
        """Whether an entry at this slot's price would execute at once."""
        market = self._market
        if market is None:
            return True
        if self.settings.entry_side is OrderSide.BUY:
            return market.ask is not None and slot.entry_price >= market.ask
        return market.bid is not None and slot.entry_price <= market.bid

    def _send_due(self, why: str) -> None:
        """Asks every slot without an order again; the favourable end is nearest to the price."""
        if not self._due or not self._may_send(Leg.EXIT):
            return
        market = self._market
        inputs: Inputs = ()
        if market is not None:
            inputs = (
                ("bid", "none" if market.bid is None else self._price_text(market.bid)),
                ("ask", "none" if market.ask is None else self._price_text(market.ask)),
                ("price_age_ms", str(market.age_ms)),
            )
        for level in sorted(self._due, reverse=True):
            self._settle(self._slots[level - 1], why, inputs)

    def _settle(self, slot: Slot, why: str, inputs: Inputs) -> None:
        """Gives a slot without an order its next one, or leaves it due."""
        if slot.is_parked:
            self._due.discard(slot.level)
            return
        if slot.level not in self._due:
            self._due.add(slot.level)
            self._horizon = None
        lots = self.ledger.lots(slot.level)
        leg = slot.leg(lots)
        if not self._may_send(leg):
            return
        if slot.retry_ns is not None and self._now_ns < slot.retry_ns:
            self._wake_at(slot.retry_ns)
            return
        if leg is Leg.EXIT:
            price, amount = slot.exit_price, lots
        elif slot.is_waiting and (self._is_stale or self._is_crossed(slot)):
            return
        else:
            price, amount = slot.entry_price, slot.missing(lots)
        slot.is_waiting = False
        slot.order = self._place(
            level=slot.level,
            leg=leg,
            price=price,
            amount=amount,
            reason=Reason(f"{leg.word}.{why}", (("level", str(slot.level)), *inputs)),
        )
        self._due.discard(slot.level)
        self._levels_touched.add(slot.level)
        self._horizon = None

    def _place(
        self,
        *,
        level: int,
        leg: Leg,
        price: int | None,
        amount: int,
        reason: Reason,
        shares: list[Share] | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
    ) -> Working:
        self._serial += 1
        identity = f"{self._prefix}{base36(level)}{leg.value}{base36(self._serial)}"
        side = self.settings.entry_side
        if leg is not Leg.ENTRY:
            side = side.opposite
        order = Working(
            client_order_id=identity,
            level=level,
            leg=leg,
            side=side,
            price=price,
            amount=amount,
            shares=shares,
        )
        self._orders[identity] = order
        self._touched.add("serial")
        if level == NOBODY:
            self._touched.add(f"order/{identity}")
        self._out.append(
            PlaceOrder(
                client_order_id=identity,
                symbol=self._instrument.symbol,
                side=side,
                order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
                price=price,
                amount=amount,
                time_in_force=time_in_force,
                reduce_only=leg is Leg.REDUCE and not self._instrument.is_spot,
                role=_ROLES[leg],
                level=level or None,
                reason=reason,
            )
        )
        return order

    def _why(self, order: Working, slot: Slot, fill: OrderFilled | None) -> tuple[str, Inputs]:
        """Rule and inputs of the order that follows this one."""
        if fill is None:
            return "placed_again", (("after", order.client_order_id),)
        rule = "of_fill" if order.leg is Leg.ENTRY else "after_exit"
        return rule, (
            ("fill_price", plain(fill.price)),
            ("trade_id", fill.trade_id),
            ("distance", str(self.settings.reverse_order_grid_distance)),
        )

    def _refuse(self, order: Working, code: str, *, is_final: bool) -> None:
        """Backs off or parks the slots of an order that was refused."""
        if order.leg is Leg.REDUCE:
            closing = self._closing
            if closing is not None and not closing.reason.endswith(code):
                closing.reason = f"{closing.reason}: {code}"
            return
        if order.shares is not None:
            for share in order.shares:
                if self._slots[share.level - 1].order is None:
                    self._slots[share.level - 1].note = f"initial fill refused: {code}"
            self._alarm("grid.initial_fill_refused", order, code)
            return
        slot = self._slots[order.level - 1]
        slot.failures += 1
        is_passing = any(part in code.upper() for part in PASSING)
        limit = 1 if is_final else DENIALS_BEFORE_PARKING
        if order.leg is Leg.ENTRY and not is_passing and slot.failures >= limit:
            self._park(slot, order, code)
            return
        slot.retry_ns = self._now_ns + pause_ns(slot.failures)
        slot.note = f"refused: {code}"
        self._wake_at(slot.retry_ns)
        if slot.failures == ALARM_AFTER:
            self._alarm("grid.slot_delayed", order, code)

    def _count_replacement(self, order: Working) -> None:
        if order.level == NOBODY:
            return
        slot = self._slots[order.level - 1]
        if slot.count_replacement(self._now_ns) > self.settings.replace_limit:
            self._park(slot, order, "ENDED_BY_OTHERS")

    def _park(self, slot: Slot, order: Working, code: str) -> None:
        slot.is_parked = True
        slot.retry_ns = None
        slot.note = f"parked: {code}"
        self._due.discard(slot.level)
        self._alarm("grid.slot_parked", order, code)

    def _alarm(self, event: str, order: Working, code: str) -> None:
        """Tells a person, once for each kind of trouble until it has been dealt with."""
        if f"{event} {code}" in self._alarmed:
            return
        self._alarmed.add(f"{event} {code}")
        self._tell(
            event,
            (
                ("level", order.level or None),
                ("leg", order.leg.word),
                ("code", code),
                ("client_order_id", order.client_order_id),
            ),
        )

    def _unpark(self) -> None:
        self._alarmed.clear()
        for slot in self._slots:
            if slot.is_parked or slot.failures:
                slot.is_parked = False
                slot.replaced = []
                slot.calm()
                self._levels_touched.add(slot.level)
                if slot.order is None:
                    self._due.add(slot.level)
