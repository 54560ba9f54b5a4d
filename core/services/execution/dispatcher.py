"""Sends orders: a turn, a last look, one create, and what its answer proves.

Only the words of an allowlist are a definite no (reliability P3). Everything else, our own
cancellation included, leaves the order unknown.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Iterable
from typing import Final

from core.adapters.exchanges.models import OrderData, OrderOptions, TimeInForce, from_ns
from core.domain.commands import Role
from core.domain.lifecycle import OrderState, Signal, advance
from core.errors import (
    ActionsUsedUp,
    AuthError,
    DuplicateClientOrderId,
    JournalError,
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    RateLimited,
    VenueError,
)
from core.services.execution.clock_watch import ClockWatch
from core.services.execution.desk import Desk, OrderCallback
from core.services.execution.order_manager import update_row
from core.services.execution.sender import Priority
from core.services.execution.tracked import Alarm, OrderRequest, TrackedOrder
from core.services.ports import Transaction
from core.services.risk.rules import DenialCode, RiskState
from core.services.risk.service import RiskService

log = logging.getLogger(__name__)

_PRIORITY: Final = {
    Role.REDUCE: Priority.REDUCE,
    Role.EXIT: Priority.EXIT,
    Role.ENTRY: Priority.ENTRY,
}
_PREPARED: Final = 4
"""Orders of a step whose requests are built ahead; those behind them wait for their turn anyway."""
_DEFINITE: Final = (OrderRejected, AuthError, NotSupported)
"""Answers that prove that the order does not and will not exist."""


class Dispatcher:
    """Carries durable intents to the venue, once each.

    Args:
        desk: Shared.
        risk: Looked at once more before each create.
        may_send: Asked before each create; False withdraws the order.
        expect_echo: Told of acknowledged orders that the private stream has not spoken of.
        clock_watch: Asked before each create; while clocks may differ the order is withdrawn.
    """

    def __init__(
        self,
        desk: Desk,
        risk: RiskService,
        may_send: Callable[[], bool] | None,
        expect_echo: OrderCallback,
        clock_watch: ClockWatch,
    ) -> None:
        self._desk = desk
        self._risk = risk
        self._clock_watch = clock_watch
        self._is_used_up = False
        """Whether a person was told that the venue's budget of actions is used up (T12)."""
        self.may_send = may_send
        self.expect_echo = expect_echo

    def prepare(self, orders: Iterable[TrackedOrder]) -> None:
        """Lets the adapter build the requests that can leave at once, while intents are written.

        It must not stop the step: an order that cannot be asked for says so when it is sent.
        """
        for order in heapq.nsmallest(_PREPARED, orders, key=_rank):
            if self._bar() or not self._desk.sender.may(_rank(order)):
                return
            try:
                self._desk.venue.prepare_order(*self._asked(order))
            except Exception as error:  # noqa: BLE001 # `create_order` says what is wrong with it
                log.debug("order.not_prepared order=%s error=%s", order.client_order_id, error)

    def launch(self, orders: Iterable[TrackedOrder]) -> None:
        """Starts sending, reduce before exit before entry, else in the order given."""
        for order in sorted(orders, key=_rank):
            order.is_in_flight = True
            self._desk.spawn(self._send(order), "send")

    async def _send(self, order: TrackedOrder) -> None:
        sender, priority = self._desk.sender, _PRIORITY[order.command.role]
        try:
            await sender.acquire(priority)
            try:
                if await self._is_fit(order):
                    await self._create(order)
            finally:
                sender.release(priority)
        finally:
            order.is_in_flight = False
            if order.is_gone:
                self._desk.manager.forget(order)
            self._desk.carry_out()

    async def _is_fit(self, order: TrackedOrder) -> bool:
        """The last look before the first byte: still wanted, still allowed, still in time."""
        if not self._may_leave(order):
            return False
        waits = self._desk.capabilities.changes_in_flight is not None
        if self._is_in_time(order, self._desk.settings.door_slack_s if waits else 0.0):
            return True
        if not await self._extend(order):
            return False
        self._desk.sender.count()  # it leaves later than it took its turn
        return self._may_leave(order)

    def _is_in_time(self, order: TrackedOrder, waits_s: float = 0.0) -> bool:
        """Whether a request that leaves within so long is without effect after its deadline."""
        most_ns = round((self._desk.settings.request_timeout_s + waits_s) * 1e9)
        return self._desk.clock.now_ns() + most_ns <= order.deadline_ns

    def _may_leave(self, order: TrackedOrder) -> bool:
        """Whether nothing has come in between; what has is the reason of its withdrawal."""
        if order.state is not OrderState.INTENT:
            return False
        code = "WITHDRAWN" if order.cancel_wanted else self._bar() or self._age(order)
        if code:
            self._desk.manager.withdraw_unsent(order, code, self._desk.clock.now_ns())
        return not code

    def _age(self, order: TrackedOrder) -> str:
        """Why an entry that takes at once is decided on anew; empty where it need not be."""
        command = order.command
        rests = command.price is not None and command.time_in_force is TimeInForce.GTC
        if rests or command.reduce_only or command.role is not Role.ENTRY:
            return ""
        waited_ns = self._desk.clock.now_ns() - order.created_ns
        is_old = waited_ns > round(self._desk.settings.taker_wait_s * 1e9)
        return DenialCode.STALE_PRICE.value if is_old else ""

    def _bar(self) -> str:
        """Why no order at all may leave now; empty if they may."""
        if self._risk.state is RiskState.HALTED:
            return DenialCode.HALTED.value
        if self.may_send is not None and not self.may_send():
            return "LEASE_LOST"
        if not self._clock_watch.may_send():
            return DenialCode.CLOCK_DIFFERS.value
        return ""

    async def _extend(self, order: TrackedOrder) -> bool:
        """It waited long for its turn: the new deadline must be durable before it is used."""
        order.deadline_ns = self._desk.clock.now_ns() + self._desk.settings.window_ns
        order.request = None  # it carries the deadline
        row = update_row(order, self._desk.clock.now_ns())
        try:
            await self._desk.journal.commit(Transaction(updates=[row]))
        except JournalError as error:
            log.warning("order.withdrawn order=%s error=%s", order.client_order_id, error)
            self._desk.manager.withdraw_unsent(order, "JOURNAL", self._desk.clock.now_ns())
            return False
        return order.state is OrderState.INTENT

    async def _create(self, order: TrackedOrder) -> None:
        """The one create that ever carries this id."""
        manager, clock = self._desk.manager, self._desk.clock
        order.state = advance(order.state, Signal.SEND)
        try:
            data = await self._desk.timed(
                "create_order", order.client_order_id, lambda: self._request(order)
            )
        except asyncio.CancelledError:
            manager.lose(order, "CANCELLED", clock.now_ns(), "our own request was cut off")
            raise
        except Exception as error:  # noqa: BLE001 # whatever came back is judged by its kind (P3)
            self._failed(order, error)
        else:
            if self._is_used_up:
                self._is_used_up = False
                self._desk.calm("ACTIONS_USED_UP", order.bot.bot_id)
            manager.on_order(order, data, clock.now_ns())
            if not order.is_heard and self._desk.capabilities.has_private_stream:
                self.expect_echo(order)

    def _failed(self, order: TrackedOrder, error: Exception) -> None:
        """A definite no needs a definite word; everything else leaves the order unknown (P3)."""
        manager, now_ns = self._desk.manager, self._desk.clock.now_ns()
        code = getattr(error, "code", None) or ""
        if isinstance(error, DuplicateClientOrderId):
            manager.lose(order, "DUPLICATE", now_ns, str(error))
        elif isinstance(error, NotSent):
            bar = self._bar()
            if not bar:
                self._desk.sender.back_off()
            manager.refuse(order, bar or "NOT_SENT", now_ns, str(error))
        elif isinstance(error, ActionsUsedUp):
            manager.refuse(order, "ACTIONS_USED_UP", now_ns, str(error))
            if not self._is_used_up:
                self._is_used_up = True
                self._desk.alarm(Alarm(order.bot.bot_id, "ACTIONS_USED_UP", str(error), now_ns))
        elif isinstance(error, RateLimited):
            manager.refuse(order, "RATE_LIMITED", now_ns, str(error))
        elif isinstance(error, _DEFINITE) and not isinstance(error, OrderNotFound):
            manager.refuse(order, code or type(error).__name__.upper(), now_ns, str(error))
        else:
            if not isinstance(error, VenueError):
                log.error("create.failed order=%s", order.client_order_id, exc_info=error)
            manager.lose(order, code or "NO_ANSWER", now_ns, str(error) or repr(error))

    async def _request(self, order: TrackedOrder) -> OrderData:
        return await self._desk.venue.create_order(*self._asked(order))

    def _asked(self, order: TrackedOrder) -> OrderRequest:
        """What the venue is asked: the same from when it is prepared until it is sent."""
        if order.request is None:
            order.request = self._request_of(order)
        return order.request

    def _request_of(self, order: TrackedOrder) -> OrderRequest:
        command, instrument = order.command, order.bot.instrument
        deadline = (
            from_ns(order.deadline_ns) if self._desk.capabilities.has_request_deadline else None
        )
        return (
            command.symbol,
            command.side,
            command.order_type,
            instrument.amount(command.amount),
            None if command.price is None else instrument.price(command.price),
            OrderOptions(
                client_order_id=order.client_order_id,
                time_in_force=command.time_in_force,
                post_only=command.post_only,
                reduce_only=command.reduce_only,
                expires_at=deadline,
                # An adapter may have made it wait behind others, or for a price.
                may_leave=lambda: not self._bar() and self._is_in_time(order),
            ),
        )


def _rank(order: TrackedOrder) -> Priority:
    """What leaves first is smaller."""
    return _PRIORITY[order.command.role]
