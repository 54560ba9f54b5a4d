"""Finds out what became of orders that did not answer, and of those that the venue lost.

Each round asks, in the order of reliability P6: the order by our id, the open orders, the
executions since before the intent, and last the position. The private stream answers by itself
whenever it can. What is found is taken in at once; absence is only concluded by `evidence.py`.
One task per symbol, so that forty orders in doubt share their questions: more than a few are looked
for in lists alone (open, executions, closed), because forty questions a round would use up the rate
of a small venue before any of them is answered twice.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Final

from core.adapters.exchanges.models import OrderData, from_ns
from core.errors import NotSupported, OrderNotFound, VenueError
from core.services.execution.clock_watch import ClockWatch
from core.services.execution.desk import Asked, Desk
from core.services.execution.evidence import (
    Endpoint,
    Negative,
    certain_from_ns,
    in_words,
    is_absent,
    is_explained_by,
)
from core.services.execution.reconciler import Reconciler
from core.services.execution.sender import Priority
from core.services.execution.tracked import BotBook, TrackedOrder, whole_lots

log = logging.getLogger(__name__)

_CLOSED: Final = 500
"""Closed orders asked for; a list that is as long may leave some out."""


class Case:
    """One order in doubt and the answers so far."""

    __slots__ = ("certain_from_ns", "history_ns", "negatives", "order")

    def __init__(self, order: TrackedOrder, certain_ns: int) -> None:
        self.order = order
        self.negatives: list[Negative] = []
        self.certain_from_ns = certain_ns
        self.history_ns = 0
        """When the list of closed orders was asked for last that did not name it (monotonic)."""

    def begin_again(self, certain_ns: int) -> None:
        """It was found and vanished: what was answered before says nothing of that."""
        self.negatives.clear()
        self.certain_from_ns = certain_ns
        self.history_ns = 0

    @property
    def was_looked_for(self) -> bool:
        """Whether the closed orders were looked through, late enough to count."""
        return self.history_ns > self.certain_from_ns

    @property
    def is_open(self) -> bool:
        """Whether it is still in doubt."""
        order = self.order
        return not order.is_ended and (order.state.is_unproved or order.is_vanished)


class Resolver:
    """Works on every order in doubt until it is none."""

    def __init__(self, desk: Desk, reconciler: Reconciler, clock_watch: ClockWatch) -> None:
        self._desk = desk
        self._reconciler = reconciler
        self._clock_watch = clock_watch
        self._cases: dict[str, dict[str, Case]] = {}
        """Symbol -> client order id -> case."""
        self._naps: dict[str, asyncio.Future[None]] = {}
        self._has_history = True
        """Whether this venue lists closed orders, all that matter, as far as is known."""

    def add(self, order: TrackedOrder) -> None:
        """Takes on an order; one in doubt already stays as it is, unless it vanished just now."""
        symbol = order.command.symbol
        is_idle = symbol not in self._cases
        cases = self._cases.setdefault(symbol, {})
        case = cases.get(order.client_order_id)
        if case is not None and not order.is_vanished:
            return
        clock = self._desk.clock
        # Elapsed time, so that a wall clock that is set neither cuts the wait nor stretches it.
        # What the venue had once cannot still be under way to it: a no counts from now on.
        left_ns = 0 if order.is_vanished else max(order.deadline_ns - clock.now_ns(), 0)
        # No deadline is further away than this, whatever clock wrote it down.
        left_ns = min(left_ns, self._desk.settings.window_ns)
        certain_ns = certain_from_ns(
            clock.monotonic_ns() + left_ns, self._desk.settings, self._clock_watch.skew_ns
        )
        if case is None:
            cases[order.client_order_id] = Case(order, certain_ns)
        else:
            case.begin_again(certain_ns)
        if is_idle:
            self._desk.spawn(self._work(symbol), f"resolve {symbol}")
        else:
            self._wake(symbol)

    def drop(self, bot: BotBook) -> None:
        """Stops working on the orders of a bot that left."""
        for cases in self._cases.values():
            for key in [key for key, case in cases.items() if case.order.bot is bot]:
                del cases[key]

    def open_count(self, bot: BotBook) -> int:
        """Orders of a bot that are in doubt."""
        return sum(
            case.order.bot is bot and case.is_open
            for cases in self._cases.values()
            for case in cases.values()
        )

    async def look(self, symbol: str) -> None:
        """One round now; failures of the venue are left for the next."""
        cases = [case for case in self._cases.get(symbol, {}).values() if case.is_open]
        if cases:
            await self._round(symbol, cases)

    async def _work(self, symbol: str) -> None:
        settings = self._desk.settings
        delay_s = settings.resolve_retry_s
        cases = self._cases[symbol]
        try:
            while True:
                for key in [key for key, case in cases.items() if not case.is_open]:
                    del cases[key]
                if not cases:
                    return
                await self._round(symbol, list(cases.values()))
                if any(case.is_open for case in cases.values()):
                    was_woken = await self._nap(symbol, delay_s)
                    delay_s = min(delay_s * 2, settings.resolve_retry_max_s)
                    if was_woken:
                        delay_s = settings.resolve_retry_s
        finally:
            self._cases.pop(symbol, None)

    async def _round(self, symbol: str, cases: list[Case]) -> None:
        is_crowd = len(cases) > self._desk.settings.ask_each_up_to and self._has_history
        first = self._ask_history if is_crowd else self._ask_orders
        for ask in (first, self._ask_open_orders, self._ask_fills):
            cases = [case for case in cases if case.is_open]
            if not cases:
                return
            try:
                await ask(symbol, cases)
            except NotSupported:
                self._has_history = self._has_history and ask != self._ask_history
                continue
            except VenueError as error:
                log.info("resolve.no_answer symbol=%s error=%s", symbol, error)
            self._desk.carry_out()
        if is_crowd:
            # An order that is over without an execution is in the list of closed ones alone.
            cases = [case for case in cases if case.was_looked_for]
        await self._conclude(symbol, [case for case in cases if case.is_open])
        self._desk.carry_out()

    async def _ask_orders(self, symbol: str, cases: list[Case]) -> None:
        for case in cases:
            order, asked = case.order, Asked(self._desk.clock)
            try:
                data = await self._get_order(order, asked)
            except OrderNotFound:
                case.negatives.append(Negative(Endpoint.ORDER, asked.ns, asked.told_ns))
            except NotSupported:
                raise
            except VenueError as error:
                # No answer about this one says nothing about the next.
                log.info("resolve.no_answer order=%s error=%s", order.client_order_id, error)
            else:
                self._desk.manager.on_order(order, data, self._desk.clock.now_ns())
                self._desk.carry_out()

    async def _ask_history(self, symbol: str, cases: list[Case]) -> None:
        """Closed orders since before the oldest of these."""
        asked = Asked(self._desk.clock)
        first_ns = min(case.order.created_ns for case in cases)
        since = from_ns(first_ns) - timedelta(seconds=self._desk.settings.fill_lookback_s)
        found = await self._desk.call(
            "get_order_history",
            symbol,
            Priority.QUERY,
            asked.leaving(lambda: self._desk.venue.get_order_history(symbol, since, _CLOSED)),
        )
        self._match(cases, found)
        self._has_history = len(found) < _CLOSED
        if self._has_history:
            for case in cases:
                case.history_ns = asked.ns

    def _match(self, cases: list[Case], found: list[OrderData]) -> list[Case]:
        """Takes in what a list says of orders in doubt; the result are those it does not name."""
        by_client_id = {item.client_order_id: item for item in found if item.client_order_id}
        by_order_id = {item.order_id: item for item in found if item.order_id}
        unnamed = []
        for case in cases:
            order = case.order
            data = by_client_id.get(order.client_order_id) or by_order_id.get(order.order_id)
            if data is None:
                unnamed.append(case)
            else:
                self._desk.manager.on_order(order, data, self._desk.clock.now_ns())
        return unnamed

    async def _ask_open_orders(self, symbol: str, cases: list[Case]) -> None:
        asked = Asked(self._desk.clock)
        found = await self._desk.call(
            "get_open_orders",
            symbol,
            Priority.QUERY,
            asked.leaving(lambda: self._desk.venue.get_open_orders(symbol)),
        )
        for case in self._match(cases, found):
            case.negatives.append(Negative(Endpoint.OPEN_ORDERS, asked.ns, asked.told_ns))

    async def _ask_fills(self, symbol: str, cases: list[Case]) -> None:
        first_ns = min(case.order.created_ns for case in cases)
        lookback = timedelta(seconds=self._desk.settings.fill_lookback_s)
        asked = await self._reconciler.take_in_fills(symbol, from_ns(first_ns) - lookback)
        for case in cases:
            if case.is_open:
                case.negatives.append(Negative(Endpoint.FILLS, asked.ns, asked.told_ns))

    async def _conclude(self, symbol: str, cases: list[Case]) -> None:
        desk = self._desk
        ready = [
            case for case in cases if is_absent(case.negatives, case.certain_from_ns, desk.settings)
        ]
        if ready and not await self._may_be_held(symbol, ready):
            for case in ready:
                proof = in_words(case.negatives, case.certain_from_ns)
                desk.manager.disprove(case.order, desk.clock.now_ns(), proof)
        now_ns = desk.clock.now_ns()
        page_ns = round(desk.settings.page_after_s * 1e9)
        for case in cases:
            if case.is_open and now_ns - case.order.unknown_since_ns >= page_ns:
                desk.manager.page(case.order, now_ns)

    async def _may_be_held(self, symbol: str, cases: list[Case]) -> bool:
        """Whether the position differs by what these orders could have done.

        Where nobody compared the position before, a difference that fits is reason enough to go on
        looking: the list of executions may lag.
        """
        bot = cases[0].order.bot
        try:
            held = await self._reconciler.venue_position(bot)
        except VenueError as error:
            log.info("resolve.no_position symbol=%s error=%s", symbol, error)
            return True
        known = bot.foreign_position
        if known is None and bot.instrument.is_spot:
            return False
        beyond = self._reconciler.beyond_ledgers(bot, held) - (known or 0)
        buys = sum(case.order.amount for case in cases if case.order.command.side.sign > 0)
        sells = sum(case.order.amount for case in cases if case.order.command.side.sign < 0)
        difference = whole_lots(bot.instrument, beyond)
        if not is_explained_by(difference, buys, sells):
            return False
        for case in cases:
            self._desk.manager.note(
                case.order, self._desk.clock.now_ns(), "POSITION_DIFFERS", f"{difference} lots"
            )
        return True

    async def _get_order(self, order: TrackedOrder, asked: Asked) -> OrderData:
        return await self._desk.call(
            "get_order",
            order.client_order_id,
            Priority.QUERY,
            asked.leaving(
                lambda: self._desk.venue.get_order(
                    order.order_id or None,
                    order.command.symbol,
                    client_order_id=order.client_order_id,
                )
            ),
        )

    async def _nap(self, symbol: str, seconds: float) -> bool:
        """Waits; True when a new case ended it early."""
        clock = self._desk.clock
        nap: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._naps[symbol] = nap
        is_over = False

        def over() -> None:
            nonlocal is_over
            is_over = True
            _finish(nap)

        timer = clock.call_after_ns(round(seconds * 1e9), over)
        try:
            await nap
        finally:
            timer.cancel()
            self._naps.pop(symbol, None)
        return not is_over

    def _wake(self, symbol: str) -> None:
        nap = self._naps.get(symbol)
        if nap is not None:
            _finish(nap)


def _finish(nap: asyncio.Future[None]) -> None:
    if not nap.done():
        nap.set_result(None)
