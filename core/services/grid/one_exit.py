"""One exit for everything: how scalping is carried out.

    step        is
    OFF         every slot has its own exit
    CLEARING    the slots' exits are being cancelled; given up after ten seconds, tried again
                after a minute
    RESTING     one order for the whole position rests, or is on its way; each entry that fills
                makes it anew: cancelled, confirmed, placed for what is held now
    RETURNING   that order is being cancelled, and the slots get their exits again

Entries stay and fill on. The one exit is reduce-only where there are positions. When it has filled,
the grid begins anew or stops. A price that has been beyond it for five seconds without filling it
means that an execution may have been missed: it is cancelled, which makes the venue say what became
of it, and placed again.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final, cast

from core.adapters.exchanges.models import plain
from core.domain.commands import Reason
from core.domain.events import DataStale, Horizon, OrderFilled
from core.services.grid.closing import ALARM_AFTER, SECOND_NS, pause_ns
from core.services.grid.editing import Edited
from core.services.grid.follow import EscapeWatch, price_of
from core.services.grid.guarding import GridGuard
from core.services.grid.ledger import NOBODY
from core.services.grid.protections.directive import Act, Directive, Rank
from core.services.grid.protections.equity import from_price_down, from_price_up
from core.services.grid.protections.scalping import exit_ticks
from core.services.grid.protections.settings import After
from core.services.grid.protections.timer import Timer
from core.services.grid.settings import GridSettings
from core.services.grid.slots import Leg, Working
from core.services.grid.state import Goal, minimum_lots

CLEARING_NS: Final = 10 * SECOND_NS
COOLING_NS: Final = 60 * SECOND_NS
MISSING_NS: Final = 5 * SECOND_NS


class Step(StrEnum):
    """How far scalping has come."""

    OFF = "off"
    CLEARING = "clearing"
    RESTING = "resting"
    RETURNING = "returning"


class OneExit:
    """What scalping remembers."""

    __slots__ = ("deadline_ns", "failures", "missing", "retry_ns", "step", "unsold")

    def __init__(self) -> None:
        self.step = Step.OFF
        self.deadline_ns: int | None = None
        """Until when the exits must be gone."""
        self.retry_ns: int | None = None
        self.failures = 0
        """Refusals of the one exit in a row."""
        self.unsold: int | None = None
        """Lots that the newest one exit has not sold; None before the first."""
        self.missing = Timer(MISSING_NS)
        """How long the price has been beyond it."""

    def dump(self) -> list[object]:
        """As it goes to the journal."""
        return [
            self.step.value,
            self.deadline_ns,
            self.retry_ns,
            self.failures,
            self.unsold,
            self.missing.dump(),
        ]

    @classmethod
    def load(cls, values: list[object]) -> OneExit:
        """Reads what `dump` gave."""
        step, deadline_ns, retry_ns, failures, unsold, missing = values
        found = cls()
        found.step = Step(str(step))
        found.deadline_ns = cast("int | None", deadline_ns)
        found.retry_ns = cast("int | None", retry_ns)
        found.failures = cast("int", failures)
        found.unsold = cast("int | None", unsold)
        found.missing.load(cast("list[int | None]", missing))
        return found


class GridScalper(GridGuard):
    """A grid that can scalp."""

    def __init__(self, settings: GridSettings, *, order_prefix: str) -> None:
        super().__init__(settings, order_prefix=order_prefix)
        self._one = OneExit()

    @property
    def is_scalping(self) -> bool:
        """Whether one exit stands, or is about to stand, for all."""
        return self._one.step is not Step.OFF

    @property
    def _may_trail(self) -> bool:
        return super()._may_trail and not self.is_scalping

    # -- beginning and end --------------------------------------------------------------------

    def _act(self, directive: Directive) -> None:
        if directive.act is Act.SCALP:
            self._begin_scalping()
        elif directive.act is Act.RETURN:
            if self._one.step is not Step.RETURNING:
                self._go(Step.RETURNING)
                self._advance_scalping()
        else:
            super()._act(directive)

    def _begin_scalping(self) -> None:
        self._one = OneExit()
        self._go(Step.CLEARING)
        self._one.deadline_ns = self._now_ns + CLEARING_NS
        self._wake_at(self._one.deadline_ns)
        self._mark_scalping(is_on=True)
        self._advance_scalping()

    def _go(self, step: Step) -> None:
        self._one.step = step
        self._touched.add("guard")
        self._horizon = None

    def _mark_scalping(self, *, is_on: bool) -> None:
        """Tells the rules whether scalping is under way."""
        arbiter = self._arbiter
        if arbiter is None or arbiter.scalping is None:
            return
        if is_on:
            arbiter.scalping.activate(self._now_ns)
        else:
            arbiter.scalping.deactivate()
        if arbiter.smart is not None:
            arbiter.smart.is_scalping = is_on
        self._keep_memory()

    def _end_scalping(self, reason: str) -> None:
        """Back to exits of the slots' own."""
        self._one = OneExit()
        self._go(Step.OFF)
        self._mark_scalping(is_on=False)
        arbiter = self._arbiter
        if arbiter is not None:
            for rule in (arbiter.scalping, arbiter.smart):
                if rule is not None:
                    rule.clear()
            self._keep_memory()
        self._tell_protection("cleared", "scalping", reason)

    def _give_up(self) -> None:
        """The exits could not be cancelled in time: tries again later."""
        self._end_scalping("the exits could not be cancelled in time")
        arbiter = self._arbiter
        if arbiter is not None:
            for rule in (arbiter.scalping, arbiter.smart):
                if rule is not None:
                    rule.pause_until(self._now_ns + COOLING_NS)
            self._keep_memory()
        # Exits that are gone stand again at once; those whose cancel is on its way, after it.
        self._send_due("scalping_ended")

    def _finish_scalping(self) -> None:
        """The one exit has filled."""
        told = self.settings.protections.scalping
        after = After.AUTO if told is None else told.after
        restarts = after is After.RESTART or (
            after is After.AUTO and self.settings.grid_type.is_follow
        )
        super()._act(
            Directive(
                rank=Rank.SCALPING,
                act=Act.RESET if restarts else Act.STOP,
                source="scalping",
                reason="its exit has filled",
            )
        )

    # -- on the way ---------------------------------------------------------------------------

    def _own_exit(self) -> Working | None:
        """The one exit, while it may fill."""
        for order in self._orders.values():
            if order.leg is Leg.REDUCE and order.price is not None:
                return order
        return None

    def _advance_scalping(self) -> None:
        """Takes the next step that is possible now."""
        step = self._one.step
        if step is Step.OFF or self._closing is not None or not self._is_reconciled:
            return
        if self._goal is not Goal.RUN or self.ladder is None:
            return
        self._horizon = None
        own = self._own_exit()
        if step is Step.RETURNING:
            self._return(own)
            return
        exits = [order for order in self._orders.values() if order.leg is Leg.EXIT]
        if exits:
            self._clear(exits)
        elif own is not None:
            if own.amount - own.filled != self._wanted_lots():
                self._cancel([own], Reason("cancel.one_exit_anew"))
        else:
            self._place_one()

    def _return(self, own: Working | None) -> None:
        if own is not None:
            self._cancel([own], Reason("cancel.scalping_ended"))
            return
        self._end_scalping("the price has rebounded")
        self._send_due("scalping_ended")

    def _clear(self, exits: list[Working]) -> None:
        """Cancels the slots' exits, for as long as that is given time."""
        one = self._one
        if one.step is Step.CLEARING and one.deadline_ns is not None:
            if self._now_ns >= one.deadline_ns:
                self._give_up()
                return
            self._wake_at(one.deadline_ns)
        self._cancel(exits, Reason("cancel.scalping"))

    def _wanted_lots(self) -> int:
        """Lots that the one exit should sell: all, as far as one order may go."""
        lots, most = self._closable_lots(), self._instrument.max_amount
        return lots if most is None else min(lots, int(most // self._lot))

    def _place_one(self) -> None:
        """Places the one exit for what is held now; without anything to sell scalping is over."""
        one, told, ground = self._one, self.settings.protections.scalping, self._ground()
        lots = self._wanted_lots()
        has_sold = one.unsold == 0 and lots == self._closable_lots()
        step = self._instrument.ticks(self.settings.price_step)
        ticks = None
        if told is not None and ground is not None and not self._is_too_little(lots):
            ticks = exit_ticks(ground, told, step)
        if ticks is None or has_sold:
            if one.unsold is None:
                self._end_scalping("nothing is left to close")
                self._send_due("scalping_ended")
            else:
                self._finish_scalping()
            return
        if not self._may_place_one():
            return
        self._go(Step.RESTING)
        one.unsold = lots
        one.missing.clear()
        price = ticks * self._tick
        if self._arbiter is not None and self._arbiter.scalping is not None:
            self._arbiter.scalping.exit_price = price
            self._keep_memory()
        self._place(
            level=NOBODY,
            leg=Leg.REDUCE,
            price=ticks,
            amount=lots,
            reason=Reason(
                "exit.scalping",
                (
                    ("position", plain(self.ledger.position)),
                    ("capital", plain(ground.capital) if ground is not None else ""),
                    ("grids", str(told.take_profit_grids) if told is not None else ""),
                ),
            ),
        )

    def _is_too_little(self, lots: int) -> bool:
        ladder = self.ladder
        if lots <= 0 or ladder is None:
            return True
        return lots < minimum_lots(self._instrument, max(ladder.lower, 1))

    def _may_place_one(self) -> bool:
        one = self._one
        if self._is_paused or self._risk == "HALTED":
            return False
        if one.retry_ns is not None and self._now_ns < one.retry_ns:
            self._wake_at(one.retry_ns)
            return False
        return True

    # -- what goes another way while scalping -------------------------------------------------

    def _may_send(self, leg: Leg) -> bool:
        if leg is Leg.EXIT and self._one.step is not Step.OFF:
            return False
        return super()._may_send(leg)

    def _send_due(self, why: str) -> None:
        super()._send_due(why)
        if self._one.step is not Step.OFF:
            self._advance_scalping()

    def _after_one_exit(self) -> None:
        """The one exit has ended, by filling or by being cancelled."""
        if self._closing is not None:
            self._advance_closing()
        elif self._one.step is not Step.OFF:
            self._advance_scalping()
        else:
            self._send_due("due")

    def _book_reduction(self, order: Working, event: OrderFilled) -> None:
        super()._book_reduction(order, event)
        one = self._one
        if order.price is not None and one.unsold is not None:
            one.unsold = max(0, one.unsold - event.amount)
            one.failures = 0
            self._touched.add("guard")

    def _refuse(self, order: Working, code: str, *, is_final: bool) -> None:
        one = self._one
        if order.leg is not Leg.REDUCE or order.price is None or one.step is Step.OFF:
            super()._refuse(order, code, is_final=is_final)
            return
        one.failures += 1
        one.retry_ns = self._now_ns + pause_ns(one.failures)
        self._touched.add("guard")
        self._wake_at(one.retry_ns)
        if one.failures == ALARM_AFTER:
            self._alarm("grid.slot_delayed", order, code)

    def _recentre(self, watch: EscapeWatch) -> None:
        """Scalping comes before following: the escape is timed anew."""
        if self._one.step is Step.OFF:
            super()._recentre(watch)
            return
        watch.since_ns = self._now_ns
        self._horizon = None

    def _drop_ladder(self) -> None:
        super()._drop_ladder()
        if self._one.step is not Step.OFF:
            self._one = OneExit()
            self._mark_scalping(is_on=False)
            self._touched.add("guard")

    def _on_edited(self, event: Edited) -> None:
        """An edit that switches scalping off gives the slots their exits again."""
        super()._on_edited(event)
        if self._one.step is Step.OFF:
            return
        if self._arbiter is not None and self._arbiter.smart is not None:
            self._arbiter.smart.is_scalping = True
        if self.settings.protections.scalping is None:
            self._go(Step.RETURNING)
        self._advance_scalping()

    # -- an exit that the price has passed ----------------------------------------------------

    def _protect(self, *, is_new: bool) -> None:
        self._look_for_missing()
        super()._protect(is_new=is_new)

    def _look_for_missing(self) -> None:
        own, market = self._resting_exit(), self._market
        if own is None or market is None or self._is_stale:
            return
        price = price_of(market, self._tick)
        if price is None or own.price is None:
            return
        missing, before = self._one.missing, self._one.missing.dump()
        if not missing.is_expired(self._now_ns):
            beyond = (price - own.price * self._tick) * -own.side.sign
            missing.see(self._now_ns, holds=beyond > 0)
        if missing.is_expired(self._now_ns):
            missing.clear()
            self._tell_protection("doubted", "scalping", "the price has passed its exit for 5 s")
            self._cancel([own], Reason("cancel.missing_fill"))
        if missing.dump() != before:
            self._touched.add("guard")

    def _on_stale(self, event: DataStale) -> None:
        super()._on_stale(event)
        if self._one.missing.is_running:
            self._one.missing.distrust(event.since_ns)
            self._touched.add("guard")

    def _resting_exit(self) -> Working | None:
        if self._one.step is not Step.RESTING or self._closing is not None:
            return None
        own = self._own_exit()
        return None if own is None or own.is_cancelling else own

    def _guard_horizon(self) -> Horizon:
        horizon = super()._guard_horizon()
        own = self._resting_exit()
        if own is None or own.price is None or not self._is_guarding:
            return horizon
        is_sell = own.side.sign < 0
        if self._one.missing.is_running:
            inside = from_price_down if is_sell else from_price_up
            beyond = inside(Decimal(own.price))
            return horizon | beyond | Horizon(at_ns=self._one.missing.expires_ns)
        outside = from_price_up if is_sell else from_price_down
        return horizon | outside(Decimal(own.price))

    # -- persistence --------------------------------------------------------------------------

    def _dump_guard(self) -> dict[str, object]:
        return {**super()._dump_guard(), "one_exit": self._one.dump()}

    def _restore_guard(self, values: dict[str, object]) -> None:
        super()._restore_guard(values)
        if "one_exit" in values:
            self._one = OneExit.load(cast("list[object]", values["one_exit"]))
        arbiter = self._arbiter
        if arbiter is not None and arbiter.smart is not None:
            arbiter.smart.is_scalping = self._one.step is not Step.OFF
            self._memory = arbiter.dump()
        for at_ns in (self._one.deadline_ns, self._one.retry_ns):
            self._wake_at(at_ns)
