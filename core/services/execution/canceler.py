"""Cancels, again and again, until the venue says that the order is gone.

A cancel that did not answer changes nothing: the order may still fill, and a cancel may be
repeated (T6). The end comes only from the venue's word on the order, never from the cancel itself,
because a fill can always have come first (V4).
"""

from __future__ import annotations

import logging

from core.errors import NotSent, OrderNotFound, RateLimited, VenueError
from core.services.execution.desk import Desk
from core.services.execution.sender import Priority
from core.services.execution.tracked import TrackedOrder

log = logging.getLogger(__name__)


class Canceler:
    """One task per order that is not wanted any more."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def start(self, order: TrackedOrder) -> None:
        """Begins, unless it has begun or the venue's id is not known yet (then when it is)."""
        if order.is_canceling or not order.order_id or not self._is_wanted(order):
            return
        order.is_canceling = True
        self._desk.spawn(self._work(order), f"cancel {order.client_order_id}")

    async def _work(self, order: TrackedOrder) -> None:
        settings = self._desk.settings
        delay_s = settings.cancel_retry_s
        try:
            while self._is_wanted(order):
                await self._try(order)
                self._desk.carry_out()
                if self._is_wanted(order):
                    await self._desk.clock.sleep(delay_s)
                    delay_s = min(delay_s * 2, settings.cancel_retry_max_s)
        finally:
            order.is_canceling = False

    def _is_wanted(self, order: TrackedOrder) -> bool:
        """Whether there is something to cancel; one that vanished is the resolver's."""
        is_over = order.is_ended or order.state.is_final or order.is_vanished
        return order.is_revived or not is_over

    async def _try(self, order: TrackedOrder) -> None:
        desk = self._desk
        try:
            data = await desk.call(
                "cancel_order",
                order.client_order_id,
                Priority.CANCEL,
                lambda: desk.venue.cancel_order(order.order_id, order.command.symbol),
            )
        except OrderNotFound:
            await self._ask(order)
        except (NotSent, RateLimited) as error:
            log.warning("cancel.not_sent order=%s error=%s", order.client_order_id, error)
        except VenueError as error:
            now_ns = desk.clock.now_ns()
            desk.manager.note(order, now_ns, "CANCEL_UNKNOWN", str(error))
            desk.manager.tell_unknown(order, "CANCEL_UNKNOWN", now_ns)
        else:
            desk.manager.on_order(order, data, desk.clock.now_ns())

    async def _ask(self, order: TrackedOrder) -> None:
        """The venue does not know it as open: filled, cancelled by someone, or lost."""
        desk = self._desk
        try:
            data = await desk.call(
                "get_order",
                order.client_order_id,
                Priority.CANCEL,
                lambda: desk.venue.get_order(
                    order.order_id or None,
                    order.command.symbol,
                    client_order_id=order.client_order_id,
                ),
            )
        except OrderNotFound:
            desk.manager.vanish(order, desk.clock.now_ns())
        except VenueError as error:
            log.info("cancel.no_answer order=%s error=%s", order.client_order_id, error)
        else:
            desk.manager.on_order(order, data, desk.clock.now_ns())
