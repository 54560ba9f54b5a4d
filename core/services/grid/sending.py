"""Orders for slots: when one may leave, what it asks for, and what a refusal leads to.

A slot without an order is due. It is asked again whenever an answer could have changed, and gets
its order once all of this holds: the start is reconciled, nobody paused or holds, no winding down
is in progress, risk lets this leg through, its pause after a refusal is over, and (for entries that
the market had passed when the ladder was built) its price has become passive.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final, cast

from core.adapters.exchanges.models import (
    OrderSide,
    OrderType,
    Rounding,
    TimeInForce,
    plain,
)
from core.domain.commands import CancelOrder, PlaceOrder, Reason, Role
from core.domain.events import (
    Horizon,
    MarketMoved,
    OrderFilled,
)
from core.services.grid.booking import GridBooks
from core.services.grid.closing import ALARM_AFTER, pause_ns
from core.services.grid.ladder import pool_lots
from core.services.grid.ledger import NOBODY
from core.services.grid.settings import InitialFill
from core.services.grid.slots import Leg, Share, Slot, Working
from core.services.grid.state import Goal, base36
from core.services.grid.window import Want, window_of

Inputs = tuple[tuple[str, str], ...]

CALM: Final = Horizon()
EVERY_ROW: Final = Horizon(above=0, below=10**12)
"""No price lies strictly inside, so none is skipped."""
DENIALS_BEFORE_PARKING: Final = 8
PASSING: Final = (
    "CLOCK",
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
        self._waiting = self._edges = CALM
        if self._goal is Goal.STOPPED:
            return CALM
        horizon = CALM if self._wake_ns is None else Horizon(at_ns=self._wake_ns)
        if not self._is_reconciled:
            return horizon
        wants_price = self.ladder is None or self._wants_ladder or self._may_open_fresh
        if self._is_stale or (wants_price and self._may_build):
            return self._start_horizon() | horizon
        self._edges = self._trailing_horizon()
        horizon |= self._edges
        if self._watch is not None and self._is_watching:
            horizon |= self._watch.horizon()
        if self._due and self._may_send(Leg.ENTRY):
            self._waiting = self._waiting_horizon()
            horizon |= self._waiting
        return horizon

    def _start_horizon(self) -> Horizon:
        """Every price, or the one that the start waits for."""
        trigger, sign = self.settings.trigger_price, self._trigger_sign
        if trigger is None or not sign or self._is_stale:
            return EVERY_ROW
        ticks = trigger / self._instrument.tick_size
        if sign > 0:
            return Horizon(above=int(ticks.to_integral_value(ROUND_FLOOR)))
        return Horizon(below=int(ticks.to_integral_value(ROUND_CEILING)))

    def _trailing_horizon(self) -> Horizon:
        """The prices at which the ladder moves (`trailing.py`)."""
        return CALM

    def _waiting_horizon(self) -> Horizon:
        """The first price that could leave a waiting entry on the passive side."""
        buys: list[int] = []
        sells: list[int] = []
        for level in self._due:
            slot = self._slots[level - 1]
            if slot.is_waiting:
                price = slot.entry_price
                (buys if slot.side is OrderSide.BUY else sells).append(price)
        return Horizon(above=min(buys, default=None), below=max(sells, default=None))

    def _leaves_waiting(self, market: MarketMoved) -> bool:
        """Whether these prices leave the first waiting entry on the passive side."""
        self.horizon()
        edge = self._waiting
        return (edge.above is not None and (market.ask is None or market.ask > edge.above)) or (
            edge.below is not None and (market.bid is None or market.bid < edge.below)
        )

    def _send_ladder(self) -> None:
        """Gives every slot its order, those nearest to the price first."""
        policy = self.settings.initial_fill
        crossed: list[Slot] = []
        is_neutral = self.ladder is not None and self.ladder.is_neutral
        may_take = policy is InitialFill.TAKER_POSITION and not self._is_stale and not is_neutral
        waits = policy is InitialFill.PASSIVE_ONLY or not (
            is_neutral or policy is InitialFill.ALL_LIMITS
        )
        for level in reversed(self._nearest_first(self._due)):
            slot = self._slots[level - 1]
            if slot.is_parked or slot.leg(self.ledger.lots(level)) is Leg.EXIT:
                continue
            slot.is_waiting = waits and self._is_crossed(slot)
            self._levels_touched.add(level)
            if slot.is_waiting:
                crossed.append(slot)
        if crossed and may_take and self._may_send(Leg.ENTRY):
            self._send_initial(crossed, self._pool_wanted())
        self._send_due("built")

    def _pool_wanted(self) -> int:
        """Lots that an infinity grid lacks for the lines above its ladder."""
        if self.ladder is None or not self.settings.grid_type.is_infinite:
            return 0
        return max(pool_lots(self.settings, self.ladder) - self.ledger.lots(NOBODY), 0)

    def _send_initial(self, crossed: list[Slot], pool: int) -> None:
        """One immediate-or-cancel order for all entries that the market has passed.

        Args:
            crossed: Their slots.
            pool: Lots beside theirs that belong to no slot yet.
        """
        market = cast("MarketMoved", self._market)
        is_long = self.settings.entry_side is OrderSide.BUY
        best = cast("int", market.ask if is_long else market.bid)
        factor = 1 + self.settings.initial_fill_cap * self.settings.entry_side.sign
        exact = best * self._instrument.tick_size
        if not market.has_book and market.mark is not None:
            exact = market.mark  # the last trade, which may lie between two ticks
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
            amount=self._at_most(sum(share.lots for share in shares) + pool),
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

    def _at_most(self, lots: int) -> int:
        most = self._instrument.max_amount
        return lots if most is None else min(lots, int(most // self._lot))

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

    @property
    def _may_open_fresh(self) -> bool:
        """Whether lines that an edit added may have their orders.

        Not before its cancels are over, so that margin and limits never have to carry both.
        """
        return bool(self._fresh) and not any(order.is_cancelling for order in self._orders.values())

    def _open_fresh(self) -> None:
        """Treats lines that an edit added like a new ladder's: by `initial_fill`."""
        if self._market is None or self._is_stale or not self._may_send(Leg.ENTRY):
            return
        policy, fresh = self.settings.initial_fill, self._fresh
        self._fresh = set()
        self._touched.add("fresh")
        self._horizon = None
        is_neutral = self.ladder is not None and self.ladder.is_neutral
        waits = policy is not InitialFill.ALL_LIMITS and not (
            is_neutral and policy is InitialFill.TAKER_POSITION
        )
        crossed: list[Slot] = []
        for level in reversed(self._nearest_first(fresh & self._due)):
            slot = self._slots[level - 1]
            slot.is_waiting = waits and self._is_crossed(slot)
            self._levels_touched.add(level)
            if slot.is_waiting:
                crossed.append(slot)
        pool = self._pool_wanted()
        if (crossed or pool) and policy is InitialFill.TAKER_POSITION and not is_neutral:
            self._send_initial(crossed, pool)

    def _is_crossed(self, slot: Slot) -> bool:
        """Whether an entry at this slot's price would execute at once."""
        market = self._market
        if market is None:
            return True
        if slot.side is OrderSide.BUY:
            return market.ask is not None and slot.entry_price >= market.ask
        return market.bid is not None and slot.entry_price <= market.bid

    def _send_due(self, why: str) -> None:
        """Asks every slot without an order again; the favourable end is nearest to the price."""
        if not self._due or not (self._may_send(Leg.EXIT) or self._may_send(Leg.ENTRY)):
            return
        if self._may_open_fresh:
            self._open_fresh()
        self._look_through_window()
        # A line that an edit took off may end on the way, and those that ended before it with it.
        for slot in [self._slots[level - 1] for level in self._nearest_first(self._within_reach())]:
            self._settle(slot, why, ())

    def _within_reach(self) -> list[int]:
        """Levels that are due, but for those whose entry lacks a passive price and nothing else.

        Hundreds may wait where one is sent, so nothing is called for those that go on waiting.
        """
        market = self._market
        bid = None if market is None else market.bid
        ask = None if market is None else market.ask
        ledger, slots, found = self.ledger, self._slots, []
        for level in self._due:
            slot = slots[level - 1]
            price = slot.entry_price
            if slot.exit_price > price:  # `side`, and `_is_crossed`
                is_passive = ask is None or price < ask
            else:
                is_passive = bid is None or price > bid
            if (
                is_passive
                or not slot.is_waiting
                or slot.retry_ns is not None
                or slot.is_parked
                or slot.is_orphan
                or (level in ledger.accounts and slot.leg(ledger.lots(level)) is Leg.EXIT)
            ):
                found.append(level)
        return found

    def _prices_seen(self) -> Inputs:
        """The prices that a decision is made on, and how old they are by now."""
        market = self._market
        if market is None:
            return ()
        age_ms = market.age_ms + max(0, self._now_ns - market.at_ns) // 1_000_000
        bid, ask = market.bid, market.ask
        return (
            ("bid", "none" if bid is None else self._price_text(bid)),
            ("ask", "none" if ask is None else self._price_text(ask)),
            ("price_age_ms", str(age_ms)),
        )

    def _look_through_window(self) -> None:
        """Says anew which slots may have their order at the venue; cancels what may no longer."""
        most = self.settings.active_window
        if not most:
            return
        wanting = [slot for slot in self._slots if self._wants(slot)]
        window = window_of((self._want_of(slot) for slot in wanting), most)
        self._window = window.inside
        if self._closing is None and self._is_reconciled:
            for level in window.surplus:
                self._withdraw(self._slots[level - 1], "window")

    def _wants(self, slot: Slot) -> bool:
        """Whether a slot asks for a place: not while it waits for its price, or is parked."""
        if slot.order is not None or slot.is_parked:
            return not slot.is_parked
        is_entry = slot.leg(self.ledger.lots(slot.level)) is Leg.ENTRY
        if is_entry and slot.is_orphan:
            return False  # it has sold what it held, and buys nothing more
        waits = is_entry and slot.is_waiting
        return not (waits and (self._is_stale or self._is_crossed(slot)))

    def _want_of(self, slot: Slot) -> Want:
        order = slot.order
        if order is not None and order.shares is None and not order.is_cancelling:
            is_entry, is_live = order.leg is Leg.ENTRY, True
        else:
            is_entry, is_live = slot.leg(self.ledger.lots(slot.level)) is Leg.ENTRY, False
        return Want(
            level=slot.level,
            side=slot.side if is_entry else slot.side.opposite,
            price=slot.entry_price if is_entry else slot.exit_price,
            is_live=is_live,
        )

    def _withdraw(self, slot: Slot, why: str) -> None:
        """Cancels the order of a slot whose place or price is another now."""
        order = slot.order
        if order is None or order.is_cancelling or order.shares is not None:
            return
        order.is_cancelling = True
        self._touch(order)
        self._out.append(
            CancelOrder(
                client_order_id=order.client_order_id,
                symbol=self._instrument.symbol,
                reason=Reason(f"cancel.{why}", (("level", str(slot.level)),)),
            )
        )

    def _nearest_first(self, levels: Iterable[int]) -> list[int]:
        """Levels in the order in which their orders should leave: near the price first.

        The favourable end is nearest to it; on a neutral grid the line that stays empty.
        """
        ladder = self.ladder
        if ladder is None:
            return sorted(levels, reverse=True)
        if ladder.start is None:
            return sorted(levels, key=ladder.place, reverse=True)
        middle = 2 * ladder.start - 1
        return sorted(levels, key=lambda level: (abs(2 * ladder.gap(level) - middle), -level))

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
        if slot.is_orphan and leg is Leg.ENTRY:
            self._retire_if_idle(slot)
            return
        if slot.level in self._fresh or not self._may_send(leg):
            return
        if slot.retry_ns is not None and self._now_ns < slot.retry_ns:
            self._wake_at(slot.retry_ns)
            return
        if self.settings.active_window and slot.level not in self._window:
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
        side: OrderSide | None = None,
    ) -> Working:
        if "price_age_ms" not in dict(reason.inputs):
            reason = Reason(reason.rule, (*reason.inputs, *self._prices_seen()))
        self._serial += 1
        identity = f"{self._prefix}{base36(level)}{leg}{base36(self._serial)}"
        if leg is Leg.REDUCE:
            side = self._closing_side() if side is None else side
        else:
            side = self._slots[level - 1].side if level else self.settings.entry_side
            side = side if leg is Leg.ENTRY else side.opposite
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
