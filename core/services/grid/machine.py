"""The grid: events in, commands out, nothing else.

A grid is N independent slots, each with one order at a time: its entry, or the exit of what the
entry opened (`slots.py`). The machine keeps the slots, a ledger of what they hold, and one goal:

    RUN        slots without an order get one
    HOLD       nothing rests until you resume
    STOPPED    the end

Winding down (`closing.py`) is a walk on top: cancel, wait, close, wait, then HOLD, STOPPED, or a
new ladder. Everything an order needs before it may leave is one question, `_may_send`, asked in one
place; a slot that may not send yet is *due* and asked again whenever an answer could have changed.
So pausing loses nothing: fills go on being taken into their slots, and what they cause is due.

    phase        is shown while
    RECONCILING  journal and venue have not agreed yet; no order leaves
    BUILDING     no price yet
    RUNNING      slots trade
    PAUSED       you paused; orders rest, fills are taken in, nothing new leaves but what a stop
                 loss closes
    HALTED       risk says that nothing may leave
    RESETTING    a ladder is being taken down for a new one
    DEGRADED     the position could not be closed in three tries; it goes on trying
    HOLDING      you cancelled or flattened; resume builds again
    STOPPING     the end has begun
    STOPPED      the end

    first price      builds the ladder: what is marketable becomes one immediate-or-cancel order
    entry filled     exit of what was filled, at the entry's order price ± distance · interval
    exit filled      round trip booked, entry again
    escape expired   (follow types) cancel, close, build around the newest price

The machine has no clock: time arrives in events, and `horizon()` says which prices and which moment
it must not miss. It has no storage: `changes()` gives the keys of its state that changed, and
`restore()` takes them back. The same events give the same commands, always.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from core.adapters.exchanges.models import (
    OrderStatus,
)
from core.domain.commands import CancelOrder, Command, Reason
from core.domain.events import (
    Act,
    Asked,
    DataStale,
    Event,
    FeedEnded,
    FundingPaid,
    MarketMoved,
    OrderAccepted,
    OrderDenied,
    OrderEnded,
    OrderFilled,
    OrderUnknown,
    Reconciled,
    RiskStateChanged,
    TimeReached,
)
from core.domain.policies import OnExit, OnStart
from core.services.grid.closing import Purpose
from core.services.grid.editing import Edited
from core.services.grid.follow import EscapeWatch
from core.services.grid.ledger import NOBODY
from core.services.grid.owning import GridOwner
from core.services.grid.protections.directive import Rank
from core.services.grid.settings import GridSettings
from core.services.grid.slots import Leg, Progress, Share, Working
from core.services.grid.state import Goal
from core.services.grid.winding import is_market

NOT_PLACED: Final = "NOT_PLACED"
"""Code of an order that was proved never to have existed."""


class GridMachine(GridOwner):
    """One grid on one instrument.

    Args:
        settings: What it is told.
        order_prefix: What every client order id begins with: letters and digits, at most 12.
    """

    def __init__(self, settings: GridSettings, *, order_prefix: str) -> None:
        super().__init__(settings, order_prefix=order_prefix)
        self._handlers: dict[type, Callable[..., None]] = {
            MarketMoved: self._on_market,
            OrderAccepted: self._on_accepted,
            OrderFilled: self._on_filled,
            OrderEnded: self._on_ended,
            OrderDenied: self._on_denied,
            OrderUnknown: self._on_unknown,
            FundingPaid: self._on_funding,
            Reconciled: self._on_reconciled,
            TimeReached: self._on_time,
            Asked: self._on_asked,
            RiskStateChanged: self._on_risk,
            DataStale: self._on_stale,
            FeedEnded: self._on_feed_ended,
            Edited: self._on_edited,
        }

    def on(self, event: Event | Edited) -> list[Command]:
        """Takes in one event and gives what is to be done, in order."""
        out: list[Command] = []
        self._out = out
        self._now_ns = event.at_ns
        self._handlers[type(event)](event)
        return out

    def _on_market(self, event: MarketMoved) -> None:
        self._market = event
        if self._is_stale:
            self._is_stale = False
            self._horizon = None
            self._carry_on()
        if self._wake_ns is not None and event.at_ns >= self._wake_ns:
            self._wake()
        if self._arbiter is not None and not self._is_quiet(event):
            self._protect(is_new=True)
        if self._watch is not None and self._is_watching and self._follows_now(event):
            return
        self._trail(event)
        if self.ladder is None:
            self._build()
        elif self._wants_ladder:
            self._resend_ladder()
        elif self._fresh:
            self._send_due("edited")
        elif self._due and self._leaves_waiting(event):
            self._send_due("became_passive")

    def _follows_now(self, event: MarketMoved) -> bool:
        """Times an escape, and re-centres when it has lasted."""
        watch = cast("EscapeWatch", self._watch)
        # An escape that had lasted long enough before this price counts, whatever comes now.
        if watch.is_expired(event.at_ns):
            self._recentre(watch)
            return True
        was = watch.since_ns
        watch.see(event)
        if watch.since_ns != was:
            self._horizon = None
        return False

    def _on_time(self, event: TimeReached) -> None:
        if self._wake_ns is not None and event.at_ns >= self._wake_ns:
            self._wake()
        if self._arbiter is not None and self._has_guard_time(event.at_ns):
            self._protect(is_new=False)
        watch = self._watch
        if watch is not None and self._is_watching and watch.is_expired(event.at_ns):
            self._recentre(watch)

    def _on_stale(self, event: DataStale) -> None:
        self._is_stale = True
        self._horizon = None
        if self._watch is not None:
            self._watch.distrust(event.since_ns)
        super()._on_stale(event)

    def _on_feed_ended(self, event: FeedEnded) -> None:
        self._tell("feed.ended")
        self._has_feed_ended = True
        if self._goal is Goal.STOPPED or self._is_stopping:
            return
        policy = self.settings.on_exit
        self._wind_down(
            Purpose.STOP,
            cancels=policy is not OnExit.KEEP,
            flattens=policy is OnExit.FLATTEN,
            why="the feed has ended",
        )

    def _wake(self) -> None:
        """Tries again what had to wait."""
        self._wake_ns = None
        self._horizon = None
        self._carry_on()
        for level in self._due:
            self._wake_at(self._slots[level - 1].retry_ns)
        if self._closing is not None:
            self._wake_at(self._closing.retry_ns)
        self._notice_blindness()
        self._mind_reserve()

    def _carry_on(self) -> None:
        """Goes on with whatever the newest event may have made possible."""
        if self._closing is not None:
            self._advance_closing()
        elif self.ladder is None:
            self._build()
        elif self._wants_ladder:
            self._resend_ladder()
        else:
            self._send_due("due")
            if self.is_scalping:
                self._advance_scalping()

    def _on_accepted(self, event: OrderAccepted) -> None:
        order = self._orders.get(event.client_order_id)
        if order is not None and order.ends_at is None and order.progress is not Progress.OPEN:
            self._mark(order, Progress.OPEN)
            if self._closing is not None:
                self._advance_closing()

    def _on_unknown(self, event: OrderUnknown) -> None:
        order = self._orders.get(event.client_order_id)
        if order is not None and order.progress is not Progress.UNKNOWN:
            order.unknown_ns = event.at_ns
            self._mark(order, Progress.UNKNOWN)

    def _on_filled(self, event: OrderFilled) -> None:
        order = self._orders.get(event.client_order_id)
        if order is None:
            order = self._order_of_late_fill(event)
        order.filled += event.amount
        if order.progress is not Progress.OPEN and order.ends_at is None:
            self._mark(order, Progress.OPEN)
        self._touch(order)
        self._touched.add("totals")
        self._horizon = None
        is_complete = order.filled >= order.amount
        if order.leg is Leg.REDUCE:
            self._book_reduction(order, event)
        elif order.shares is not None:
            for share in self._book_shares(order, event):
                self._complete_share(share, order, event)
        else:
            self._book_slot(order, event, is_complete=is_complete)
        if is_complete or (order.ends_at is not None and order.filled >= order.ends_at):
            self._forget(order)
            self._after(order, event)

    def _on_funding(self, event: FundingPaid) -> None:
        self._book_funding(event)
        self._horizon = None

    def _on_ended(self, event: OrderEnded) -> None:
        order = self._orders.get(event.client_order_id)
        if order is None:
            return
        if event.filled > order.filled:
            # The venue counts more than it told us of: locked until those fills have come.
            order.ends_at = event.filled
            order.unknown_ns = event.at_ns
            self._mark(order, Progress.UNKNOWN)
            return
        self._forget(order)
        if event.status is OrderStatus.REJECTED:
            # What was proved never to have existed was ended by nobody: the slot tries again.
            if event.code != NOT_PLACED:
                self._refuse(order, event.code or "REJECTED", is_final=True)
        elif not event.is_ours and order.shares is None and self._closing is None:
            self._count_replacement(order)
        self._after(order, None)

    def _on_denied(self, event: OrderDenied) -> None:
        order = self._orders.get(event.client_order_id)
        if order is None:
            return
        self._forget(order)
        self._refuse(order, event.code, is_final=False)
        self._after(order, None)

    def _after_initial(self, shares: list[Share]) -> None:
        """Exits of what was filled, then the entries that were not, nearest to the price first."""
        slots = [(share, self._slots[share.level - 1]) for share in shares]  # some end on the way
        missed = [(share, slot) for share, slot in slots if share.taken < share.lots]
        for share, slot in slots:
            if slot.order is None and share.taken >= share.lots:
                slot.is_waiting = False
                self._levels_touched.add(slot.level)
                self._settle(slot, "of_initial_fill", ())
        for _, slot in sorted(missed, key=lambda pair: pair[1].level, reverse=True):
            if slot.order is None:
                self._settle(slot, "of_initial_fill", ())

    def _after(self, order: Working, fill: OrderFilled | None) -> None:
        """What the end of an order leads to."""
        if order.leg is Leg.REDUCE:
            if is_market(order):
                self._after_reduction()
            else:
                self._after_one_exit()
            return
        self._look_through_window()
        if order.shares is not None:
            self._after_initial(order.shares)
            self._after_purchase(order)
        elif order.level != NOBODY:
            slot = self._slots[order.level - 1]
            if slot.order is None:
                self._settle(slot, *self._why(order, slot, fill))
        if self._closing is not None:
            self._advance_closing()
        elif self._fresh:
            self._send_due("edited")
        if self.is_scalping:
            self._advance_scalping()
        elif self.settings.active_window:
            self._send_due("window")

    def _on_asked(self, event: Asked) -> None:
        if self._goal is Goal.STOPPED:
            return
        self._touched.add("meta")
        self._horizon = None
        acts: dict[Act, Callable[[str], None]] = {
            Act.PAUSE: self._pause,
            Act.RESUME: self._resume,
            Act.CANCEL_ALL: self._cancel_all,
            Act.FLATTEN: self._flatten,
            Act.STOP_KEEP: self._stop_keep,
            Act.STOP_CANCEL: self._stop_cancel,
            Act.STOP_FLATTEN: self._stop_flatten,
        }
        acts[event.act](event.by)

    def _pause(self, by: str) -> None:
        if self._is_paused or self._goal is not Goal.RUN or self._is_stopping:
            return
        self._is_paused = True
        if self._watch is not None:
            self._watch.clear()
        self._rest(Rank.TAKE_PROFIT, "paused")
        self._say(f"paused by {by}")
        self._tell("grid.paused", (("by", by),))

    def _resume(self, by: str) -> None:
        if self._closing is not None:
            return
        was_held = self._goal is Goal.HOLD
        self._goal = Goal.RUN
        if self._is_paused or was_held:
            self._is_paused = False
            self._say("")
            self._tell("grid.resumed", (("by", by),))
        self._unpark()
        if was_held:
            self._restart()
        elif self.ladder is None:
            self._build()
        else:
            self._send_due("resumed")

    def _cancel_all(self, by: str) -> None:
        if not self._is_stopping:
            self._wind_down(Purpose.HOLD, cancels=True, flattens=False, why=f"cancelled by {by}")

    def _flatten(self, by: str) -> None:
        closing = self._closing
        if closing is not None and closing.purpose is Purpose.STOP:
            closing.flattens = True
            self._advance_closing()
            return
        self._wind_down(Purpose.HOLD, cancels=True, flattens=True, why=f"flattened by {by}")

    def _stop_keep(self, by: str) -> None:
        self._wind_down(Purpose.STOP, cancels=False, flattens=False, why=f"stopped by {by}")

    def _stop_cancel(self, by: str) -> None:
        flattens = self._is_stopping and self._closing is not None and self._closing.flattens
        self._wind_down(Purpose.STOP, cancels=True, flattens=flattens, why=f"stopped by {by}")

    def _stop_flatten(self, by: str) -> None:
        self._wind_down(Purpose.STOP, cancels=True, flattens=True, why=f"stopped by {by}")

    def _on_risk(self, event: RiskStateChanged) -> None:
        if event.state == self._risk:
            return
        self._risk = event.state
        self._horizon = None
        super()._on_risk(event)
        self._say("" if event.state == "ACTIVE" else f"{event.state.lower()} by {event.by}")
        if event.state != "ACTIVE" and self._watch is not None:
            self._watch.clear()
        self._carry_on()

    def _on_reconciled(self, event: Reconciled) -> None:
        if self._is_reconciled:
            self._note_foreign(event)
            return
        self._is_reconciled = True
        self.history.since_ns = event.at_ns
        self._horizon = None
        if self.started_ns is None:
            self.started_ns = event.at_ns
            self._touched.add("meta")
        self._compare(event.open_orders)
        self._unpark()
        if self._starts_over:
            self._starts_over = False
            self._restart()
        if self.settings.on_start is OnStart.FLATTEN and self.has_anything:
            self._flatten_first()
        self._note_foreign(event)
        self._carry_on()

    def _flatten_first(self) -> None:
        if self.ladder is not None:
            self._leaving = (self.ladder.lower, self.ladder.upper, "on_start flatten")
        self._is_paused = False
        self._goal = Goal.RUN
        self._start_closing(Purpose.RESET, cancels=True, flattens=True, reason="on_start flatten")

    def _compare(self, resting: frozenset[str]) -> None:
        """Holds our orders against those of which more may come.

        What is not among them is over, and its fills have been reported: its slot gets what it is
        due. One that rests for no slot is cancelled.
        """
        for order in list(self._orders.values()):
            if order.client_order_id not in resting:
                self._forget(order)
                self._due.update(
                    level for level in self._levels_of(order) if not self._has_order(level)
                )
                continue
            # A cancel that a crash swallowed is asked for again; asking twice does no harm.
            was_cancelling, order.is_cancelling = order.is_cancelling, False
            if was_cancelling and self._closing is None:
                self._cancel_edited(order, "cancel.again")
            if order.progress is Progress.SENT:
                self._mark(order, Progress.OPEN)
        for identity in sorted(resting - self._orders.keys()):
            if not identity.startswith(self._prefix):
                continue
            self._out.append(
                CancelOrder(
                    client_order_id=identity,
                    symbol=self._instrument.symbol,
                    reason=Reason("cancel.of_no_slot"),
                )
            )

    def _complete_share(self, share: Share, order: Working, event: OrderFilled) -> None:
        """A slot whose share is whole need not wait for the rest of the order."""
        slot = self._slots[share.level - 1]
        slot.last_fill_ns = event.at_ns
        if slot.order is order:
            slot.order = None
            slot.is_waiting = False
            self._levels_touched.add(slot.level)
            self._look_through_window()
            self._settle(slot, *self._why(order, slot, event))
