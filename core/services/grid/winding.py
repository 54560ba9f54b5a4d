"""Taking a ladder down: cancel, wait, close, wait, and then what it was for (`closing.py`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from core.adapters.exchanges.models import (
    TimeInForce,
    plain,
)
from core.domain.commands import CancelOrder, Reason
from core.services.grid.closing import ALARM_AFTER, Closing, Purpose
from core.services.grid.follow import EscapeWatch, price_of
from core.services.grid.ladder import Ladder
from core.services.grid.ledger import NOBODY
from core.services.grid.protections.directive import Directive
from core.services.grid.settings import FollowShift
from core.services.grid.slots import Leg, Progress, Working
from core.services.grid.state import Goal, minimum_lots
from core.services.grid.trailing import GridTrailer


class GridWinder(GridTrailer):
    """A grid that can wind down."""

    _has_feed_ended = False
    """Whether no price will ever come again, so that what was refused will be."""

    def _recentre(self, watch: EscapeWatch) -> None:
        ladder = cast("Ladder", self.ladder)
        price = self._now_price()
        if self.settings.follow_shift is FollowShift.ROLL and price is not None:
            self._roll(price)
            return
        watch.clear()
        self._leaving = (ladder.lower, ladder.upper, "escape")
        self._start_closing(Purpose.RESET, cancels=True, flattens=True, reason="escape")

    def _start_closing(
        self,
        purpose: Purpose,
        *,
        cancels: bool,
        flattens: bool,
        reason: str,
        directive: Directive | None = None,
    ) -> None:
        closing = Closing(purpose=purpose, cancels=cancels, flattens=flattens, reason=reason)
        if directive is not None:
            closing.rank, closing.source = directive.rank, directive.source
            # On spot the exits hold what is to be sold, so they go first.
            closing.is_entries_first = directive.is_entries_first and not self._instrument.is_spot
            closing.waits_for_price = directive.waits_for_price
        closing.orders = sum(1 for order in self._orders.values() if not is_market(order))
        if self._closing is not None:
            closing.failures = self._closing.failures
            closing.retry_ns = self._closing.retry_ns
        self._closing = closing
        self._say(reason)
        if self._watch is not None:
            self._watch.clear()
        self._advance_closing()

    def _advance_closing(self) -> None:
        """Takes the next step that is possible now."""
        closing = self._closing
        if closing is None or closing.is_done or not self._is_reconciled:
            return
        self._touched.add("meta")
        self._horizon = None
        if closing.is_entries_first and not self._has_closed_early(closing):
            return
        if closing.cancels and not self._has_cancelled():
            return
        if closing.purpose is Purpose.STOP and self._has_unanswered():
            return
        if closing.flattens and not closing.gave_up and not self._has_flattened(closing):
            return
        self._finish_closing(closing)

    def _has_closed_early(self, closing: Closing) -> bool:
        """Cancels what could make the position larger and closes it while the exits still rest."""
        entries = [order for order in self._orders.values() if order.leg is not Leg.EXIT]
        resting = [order for order in entries if not is_market(order)]
        self._cancel(resting, Reason("cancel.entries_first", (("why", self._reason),)))
        if resting:
            return False
        return closing.gave_up or self._has_flattened(closing)

    def _has_cancelled(self) -> bool:
        """Asks for every order that still lives; true once none does."""
        reason = Reason("cancel.winding_down", (("why", self._reason),))
        self._cancel([order for order in self._orders.values() if not is_market(order)], reason)
        return not self._orders

    def _cancel(self, orders: Iterable[Working], reason: Reason) -> None:
        """Asks for orders that nobody has asked for yet."""
        for order in orders:
            if not order.is_cancelling:
                order.is_cancelling = True
                self._touch(order)
                self._out.append(
                    CancelOrder(
                        client_order_id=order.client_order_id,
                        symbol=self._instrument.symbol,
                        reason=reason,
                    )
                )

    def _has_unanswered(self) -> bool:
        """Whether a request is on its way: an end that keeps orders can name each of them."""
        return any(
            order.progress is not Progress.OPEN or order.is_cancelling
            for order in self._orders.values()
        )

    def _has_flattened(self, closing: Closing) -> bool:
        """Sends the order that closes our position; true once nothing tradable is left."""
        if any(order.leg is Leg.REDUCE for order in self._orders.values()):
            return False
        lots = self._closable_lots()
        if lots <= 0:
            return True
        if closing.retry_ns is not None and self._now_ns < closing.retry_ns:
            self._wake_at(closing.retry_ns)
            return False
        if closing.purpose is Purpose.RESET and (self._is_stale or self._risk == "HALTED"):
            return False
        if closing.source and self._is_stale:
            return False
        self._place(
            level=NOBODY,
            leg=Leg.REDUCE,
            price=None,
            amount=lots,
            time_in_force=TimeInForce.IOC,
            reason=Reason(
                "flatten.own_position",
                (("why", self._reason), ("position", plain(self.ledger.position))),
            ),
        )
        return False

    def _after_reduction(self) -> None:
        closing = self._closing
        if closing is None:
            self._send_due("due")
            return
        lots = self._closable_lots()
        if lots > 0:
            closing.fail(self._now_ns)
            market = self._market
            price = None if market is None else price_of(market, self._instrument.tick_size)
            if price is not None:
                least = minimum_lots(self._instrument, price / self._instrument.tick_size)
                closing.gave_up = lots < least
            told = (("reason", closing.reason), ("position", plain(self.ledger.position)))
            is_vain = self._is_gone_at_venue or self._has_feed_ended
            if closing.failures >= ALARM_AFTER and is_vain:
                closing.gave_up = True
                self._tell("grid.nothing_to_close", told)
            elif closing.failures == ALARM_AFTER:
                self._tell("grid.degraded", told)
        self._advance_closing()

    @property
    def _is_gone_at_venue(self) -> bool:
        """Whether the venue was seen to hold nothing of our position: no order can close it."""
        return False

    def _finish_closing(self, closing: Closing) -> None:
        self._touched.add("meta")
        if closing.purpose is Purpose.STOP:
            closing.is_done = True
            self._goal = Goal.STOPPED
            self._wake_ns = None
        elif closing.purpose is Purpose.HOLD:
            self._closing = None
            self._hold(closing.reason)
            self._tell("grid.held", (("reason", closing.reason),))
        elif closing.purpose is Purpose.RESTART:
            self._closing = None
            self._restart()
        else:
            self._closing = None
            self.resets += 1
            self._drop_ladder()
            self._build()

    def _wind_down(self, purpose: Purpose, *, cancels: bool, flattens: bool, why: str) -> None:
        """Winding down because somebody outside wants it, which ends a pause."""
        self._is_paused = False
        self._leaving = None
        self._start_closing(purpose, cancels=cancels, flattens=flattens, reason=why)


def is_market(order: Working) -> bool:
    """Whether an order closes at market, which nobody cancels: it ends by itself."""
    return order.leg is Leg.REDUCE and order.price is None
