"""Makes journal and venue agree: executions caught up, orders compared, position checked.

At the start, on demand, on a schedule and after each reconnection it is the same thing. It sends
nothing that changes an order: what is missing is asked for, what is foreign is reported once per
change and never touched (P10).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import FillData, FundingPaymentData, OrderData, from_ns, plain
from core.domain.events import Reconciled
from core.domain.lifecycle import OrderState
from core.errors import NotSupported, OrderNotFound, VenueError
from core.services.execution.comparison import Comparison, compare
from core.services.execution.desk import Asked, Desk
from core.services.execution.sender import Priority
from core.services.execution.snapshot import HealthResult
from core.services.execution.taken_back import LOOK_FOR_NS, settled, taken_back
from core.services.execution.tracked import (
    EXACT,
    Alarm,
    BotBook,
    TrackedOrder,
    whole_lots,
)
from core.services.ports import MarkRow, StoredIntent, Transaction

log = logging.getLogger(__name__)

_TOLD_KEPT: Final = 4096


class Reconciler:
    """Compares one account with the journal.

    Args:
        desk: Shared.
        take_fill: Where executions go, whoever told of them; the service's one entrance.
        take_funding: The same for settlements.
    """

    def __init__(
        self,
        desk: Desk,
        take_fill: Callable[[FillData], None],
        take_funding: Callable[[FundingPaymentData], None],
    ) -> None:
        self._desk = desk
        self._take_fill = take_fill
        self._take_funding = take_funding
        self._look_until: dict[str, int] = {}
        """Bot -> until when trades that were taken back are looked for, monotonic."""
        self._told: dict[tuple[str, str], None] = {}
        """Symbol and venue's id of foreign orders that a person was told of."""

    async def reconcile(self, bot: BotBook) -> HealthResult:
        """Compares everything of a bot, asks for what is missing, and posts `Reconciled`.

        Raises:
            VenueError: If the venue does not answer; nothing was concluded then.
        """
        desk = self._desk
        symbol = bot.spec.symbol
        asked_ns = desk.clock.now_ns()
        await self.take_in_fills(symbol, self._since(bot))
        await self._take_in_funding(bot)
        listed = await desk.call(
            "get_open_orders",
            symbol,
            Priority.QUERY,
            lambda: desk.venue.get_open_orders(symbol),
        )
        ours = [order for order in desk.manager.of_bot(bot) if order.command.symbol == symbol]
        comparison = compare(ours, (item for item in listed if item.symbol == symbol), asked_ns)
        for order, data in comparison.matched:
            desk.manager.on_order(order, data, desk.clock.now_ns())
        desk.carry_out()
        for order in comparison.missing:
            await self._ask(order)
        desk.carry_out()
        foreign = self._foreign(bot, comparison)
        venue_position = await self.check_position(bot)
        self._keep_mark(bot, asked_ns)
        return self._conclude(bot, comparison, foreign, venue_position)

    async def take_in_fills(self, symbol: str, since: datetime) -> Asked:
        """Takes in every execution since a moment; those known are recognised.

        Returns:
            When the question left.

        Raises:
            VenueError: If the venue does not answer, or not to the end.
        """
        asked = Asked(self._desk.clock)
        found = await self._desk.call(
            "get_fills",
            f"{symbol} since {since:%H:%M:%S}",
            Priority.QUERY,
            asked.leaving(lambda: self._desk.venue.get_fills(symbol, since)),
        )
        for fill in found:
            self._take_fill(fill)
        self._desk.carry_out()
        return asked

    async def _take_in_funding(self, bot: BotBook) -> None:
        """Takes in what was settled since journal and venue agreed last."""
        mark_ns = self._desk.journal.mark(bot.spec.venue, bot.account, bot.spec.symbol)
        if bot.instrument.is_spot or mark_ns is None:
            return
        symbol, since = bot.spec.symbol, from_ns(mark_ns)
        try:
            found = await self._desk.call(
                "get_funding_payments",
                symbol,
                Priority.QUERY,
                lambda: self._desk.venue.get_funding_payments(symbol, since),
            )
        except NotSupported:
            return
        for payment in found:
            self._take_funding(payment)

    async def check_position(self, bot: BotBook) -> Decimal:
        """Compares the position with the ledgers, again where they differ, and reports a change.

        A difference is believed when the bot's number of answers in a row say the same; of one that
        never stands still, the last of about twice as many counts.

        Returns:
            What the venue holds, signed.
        """
        before = bot.foreign_position
        held = await self.venue_position(bot)
        beyond = self.beyond_ledgers(bot, held)
        equal, wanted = 1, bot.schedule.equal_answers
        for _ in range(2 * (wanted - 1)):
            if beyond == (before or 0) or equal >= wanted:
                break
            # An execution between two answers looks like a difference; it is one if it stays.
            await self.take_in_fills(bot.spec.symbol, self._since(bot))
            held = await self.venue_position(bot)
            again = self.beyond_ledgers(bot, held)
            equal = equal + 1 if again == beyond else 1
            beyond = again
        bot.foreign_position = beyond
        bot.exposure.foreign = whole_lots(bot.instrument, beyond)
        if beyond != (before or Decimal(0)):
            self._report_position(bot, beyond)
            self._look_until[bot.bot_id] = self._desk.clock.monotonic_ns() + LOOK_FOR_NS
        if beyond and self._desk.clock.monotonic_ns() < self._look_until.get(bot.bot_id, 0):
            await self._look_for_taken_back(bot)
        return held

    async def _look_for_taken_back(self, bot: BotBook) -> None:
        """Names executions that the venue told of and no longer knows; nothing is reversed."""
        desk, symbol = self._desk, bot.spec.symbol
        ours = settled(desk.journal, bot.bot_id, symbol, desk.clock.now_ns())
        if not ours:
            return
        oldest = from_ns(min(fill.at_ns for fill in ours))
        since = oldest - timedelta(seconds=desk.settings.fill_lookback_s)
        told = await desk.call(
            "get_fills",
            f"{symbol} since {since:%H:%M:%S}",
            Priority.QUERY,
            lambda: desk.venue.get_fills(symbol, since),
        )
        now_ns = desk.clock.now_ns()
        for fill in taken_back(ours, told):
            if ("taken back", fill.trade_id) in self._told:
                continue
            self._note(("taken back", fill.trade_id))
            text = (
                f"{symbol}: the venue took back {fill.side} {fill.amount} @ {fill.price} "
                f"(trade {fill.trade_id}); our books still hold it"
            )
            fields = (("trade_id", fill.trade_id), ("client_order_id", fill.client_order_id))
            desk.diary(bot.bot_id, now_ns, "foreign.taken_back", fields)
            desk.alarm(Alarm(bot.bot_id, "FILL_TAKEN_BACK", text, now_ns))

    async def venue_position(self, bot: BotBook) -> Decimal:
        """What the venue holds of a bot's instrument: a position, or on spot the asset's total."""
        desk, instrument = self._desk, bot.instrument
        if instrument.is_spot:
            balances = await desk.call(
                "get_balances", instrument.base, Priority.QUERY, desk.venue.get_balances
            )
            return sum(
                (item.total for item in balances if item.asset == instrument.base), Decimal(0)
            )
        symbol = instrument.symbol
        positions = await desk.call(
            "get_positions", symbol, Priority.QUERY, lambda: desk.venue.get_positions([symbol])
        )
        return sum((item.size for item in positions if item.symbol == symbol), Decimal(0))

    def beyond_ledgers(self, bot: BotBook, held: Decimal) -> Decimal:
        """What the venue holds beyond the ledgers of all our bots and what is on its way there."""
        ours = EXACT.add(bot.ledger.position, bot.others_position)
        for order in self._desk.manager.of_bot(bot):
            for trade_id, item in order.unapplied.items():
                if (order.client_order_id, trade_id) not in bot.counted:
                    ours = EXACT.add(ours, item.signed)
        return EXACT.subtract(held, ours)

    def _since(self, bot: BotBook) -> datetime:
        """From when on executions could be missing: the oldest order of which more may come."""
        desk = self._desk
        orders = desk.manager.of_bot(bot)
        now_ns = desk.clock.now_ns()
        oldest_ns = min((order.created_ns for order in orders), default=now_ns)
        mark_ns = desk.journal.mark(bot.spec.venue, bot.account, bot.spec.symbol)
        if mark_ns is not None:
            # One of the future was written by a clock that was ahead.
            oldest_ns = max(oldest_ns, min(mark_ns, now_ns))
        return from_ns(oldest_ns) - timedelta(seconds=desk.settings.fill_lookback_s)

    def _keep_mark(self, bot: BotBook, asked_ns: int) -> None:
        """Everything before the question is in the journal, or waits in memory to get there."""
        if any(order.unapplied for order in self._desk.manager.of_bot(bot)):
            return
        if any(not order.is_complete for order in self._desk.manager.of_bot(bot)):
            return
        safe_ns = asked_ns - round(self._desk.settings.propagation_s * 1e9)
        row = MarkRow(bot.spec.venue, bot.account, bot.spec.symbol, safe_ns)
        self._desk.write(Transaction(marks=[row]))

    async def _ask(self, order: TrackedOrder) -> None:
        desk = self._desk
        if not order.state.is_working:
            return
        try:
            data = await desk.call(
                "get_order",
                order.client_order_id,
                Priority.QUERY,
                lambda: desk.venue.get_order(
                    order.order_id or None,
                    order.command.symbol,
                    client_order_id=order.client_order_id,
                ),
            )
        except (OrderNotFound, NotSupported):
            desk.manager.vanish(order, desk.clock.now_ns())
        except VenueError as error:
            log.info("reconcile.no_answer order=%s error=%s", order.client_order_id, error)
        else:
            desk.manager.on_order(order, data, desk.clock.now_ns())

    def _foreign(self, bot: BotBook, comparison: Comparison) -> int:
        """Counts and reports what is not ours; an order of ours that is over is cancelled."""
        foreign: list[OrderData] = []
        for data in comparison.unclaimed:
            stored = self._stored(bot, data)
            if stored is None:
                foreign.append(data)
            elif stored.intent.bot_id == bot.bot_id:
                self._late(bot, stored, data)
        ids = frozenset(item.order_id for item in foreign)
        for data in foreign:
            if data.order_id not in bot.foreign_orders:
                self.report_foreign(bot, data)
        bot.foreign_orders = ids
        return len(ids)

    def report_foreign(self, bot: BotBook, data: OrderData) -> None:
        """Says once that an order of someone else is on the account."""
        desk = self._desk
        if (data.symbol, data.order_id) in self._told:
            return  # a list that lagged had lost it for a while
        self._note((data.symbol, data.order_id))
        now_ns = desk.clock.now_ns()
        fields = (
            ("order_id", data.order_id),
            ("side", data.side.value),
            ("price", None if data.price is None else plain(data.price)),
            ("amount", plain(data.amount)),
        )
        desk.diary(bot.bot_id, now_ns, "foreign.order", fields)
        text = f"{data.symbol}: order {data.order_id} is not ours; it was left alone"
        desk.alarm(Alarm(bot.bot_id, "FOREIGN_ORDER", text, now_ns))

    def _note(self, told: tuple[str, str]) -> None:
        self._told[told] = None
        if len(self._told) > _TOLD_KEPT:
            del self._told[next(iter(self._told))]

    def _stored(self, bot: BotBook, data: OrderData) -> StoredIntent | None:
        journal = self._desk.journal
        if data.client_order_id:
            stored = journal.intent(data.client_order_id)
            if stored is not None:
                return stored
        return journal.intent_of(bot.spec.venue, bot.account, data.symbol, data.order_id)

    def _late(self, bot: BotBook, stored: StoredIntent, data: OrderData) -> None:
        """The venue lists an order of ours as open that was over for us."""
        if not OrderState(stored.state).is_final:
            return  # followed again by now
        desk = self._desk
        now_ns = desk.clock.now_ns()
        text = f"order {data.client_order_id} was {stored.state} and is open at the venue"
        desk.alarm(Alarm(bot.bot_id, "REVIVED", text, now_ns))
        desk.spawn(self._cancel_late(data), f"cancel {data.order_id}")

    async def _cancel_late(self, data: OrderData) -> None:
        try:
            await self._desk.call(
                "cancel_order",
                data.order_id,
                Priority.CANCEL,
                lambda: self._desk.venue.cancel_order(data.order_id, data.symbol),
            )
        except VenueError as error:
            log.warning("cancel.failed order=%s error=%s", data.order_id, error)

    def _report_position(self, bot: BotBook, beyond: Decimal) -> None:
        desk = self._desk
        now_ns = desk.clock.now_ns()
        fields = (("size", plain(beyond)), ("ledger", plain(bot.ledger.position)))
        desk.diary(bot.bot_id, now_ns, "foreign.position", fields)
        if abs(beyond) > bot.schedule.position_tolerance:
            text = f"{bot.spec.symbol}: the venue holds {plain(beyond)} beyond our own fills"
            desk.alarm(Alarm(bot.bot_id, "POSITION_DIFFERS", text, now_ns))

    def _conclude(
        self, bot: BotBook, comparison: Comparison, foreign: int, venue_position: Decimal
    ) -> HealthResult:
        desk = self._desk
        now_ns = desk.clock.now_ns()
        orders = desk.manager.of_bot(bot)
        unknown = sum(order.state.is_unproved or order.is_vanished for order in orders)
        missing = sum(not order.is_ended for order in comparison.missing)
        bot.post(
            Reconciled(
                at_ns=now_ns,
                # Everything of which more may come is named, so that what is not named is over.
                open_orders=frozenset(
                    order.client_order_id for order in orders if not order.is_ended
                ),
                foreign_orders=foreign,
                venue_position=whole_lots(bot.instrument, venue_position),
                foreign_position=bot.exposure.foreign,
            )
        )
        beyond = bot.foreign_position or Decimal(0)
        fields = (
            ("matched", len(comparison.matched)),
            ("missing", missing),
            ("unknown", unknown),
            ("foreign", foreign),
            ("position_difference", plain(beyond)),
        )
        desk.diary(bot.bot_id, now_ns, "reconciled", fields)
        health_s = bot.schedule.health_check_s
        return HealthResult(
            checked_at=from_ns(now_ns),
            next_at=None if health_s is None else from_ns(now_ns) + timedelta(seconds=health_s),
            matched=len(comparison.matched),
            missing=missing,
            unknown=unknown,
            foreign=foreign,
            position_difference=beyond,
        )
