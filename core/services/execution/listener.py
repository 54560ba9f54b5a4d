"""The private stream, and what else tells of orders, executions and settlements.

Everything comes through one entrance each (`take_fill`, `take_funding`), whoever told of it, so
that each counts once. What is not ours is reported and left alone (P10).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    OrderData,
    UserData,
    from_ns,
    plain,
    to_ns,
)
from core.domain.events import FundingPaid
from core.errors import VenueError
from core.services.execution.desk import Desk
from core.services.execution.fills import Quarantine
from core.services.execution.recall import restore
from core.services.execution.reconciler import Reconciler
from core.services.execution.sender import Priority
from core.services.execution.tracked import Alarm, BotBook, TrackedOrder
from core.services.ports import FundingPaymentRow, FundingTotalRow, Transaction

log = logging.getLogger(__name__)

_SETTLEMENTS_KEPT: Final = 64
_STRANGERS_KEPT: Final = 4096
_MOST_FOR_SILENCE: Final = 0.5
"""Part of the rate beyond which a stream that goes on saying nothing is not asked about."""
HEARD: Final = (OrderData, FillData, FundingPaymentData)
"""What the private stream must tell."""


class Listener:
    """Hears of one account.

    Args:
        desk: Shared.
        on_doubt: Called with a bot of whose orders more may be so than was told: the private stream
            says nothing, or an order filled that was over.
    """

    def __init__(self, desk: Desk, on_doubt: Callable[[BotBook], None]) -> None:
        self._desk = desk
        self._reconciler = Reconciler(desk, self.take_fill, self.take_funding)
        self.on_doubt = on_doubt
        self._quarantine = Quarantine()
        self._short: dict[str, TrackedOrder] = {}
        """Client order id -> order that is final and misses fills."""
        self._unheard: dict[str, tuple[TrackedOrder, int]] = {}
        """Client order id -> order that was acknowledged and not told of, and since when."""
        self._heard_ns = 0
        """When the private stream spoke last, of whatever it was (monotonic)."""
        self._is_listening = False
        self._asked_about: frozenset[str] = frozenset()
        """Orders that are compared again only because the stream goes on saying nothing."""
        self._strangers: dict[tuple[str, str, str], None] = {}
        """Symbol, trade id and order id of foreign fills that a person was told of."""

    @property
    def reconciler(self) -> Reconciler:
        """Compares, and hands what it finds to this listener."""
        return self._reconciler

    def drop(self, bot: BotBook) -> None:
        """Waits for nothing of a bot that left."""
        for key in [key for key, order in self._short.items() if order.bot is bot]:
            del self._short[key]
        for key in [key for key, (order, _) in self._unheard.items() if order.bot is bot]:
            del self._unheard[key]

    def on_user_data(self, data: UserData) -> None:
        """One message of the private stream."""
        self._heard_ns = self._desk.clock.monotonic_ns()
        if not isinstance(data, BalanceData):
            bot = self._desk.bot_on(data.symbol)
            if bot is not None and bot.early is not None:
                bot.early.append(data)
                return
        if isinstance(data, FillData):
            self.take_fill(data)
        elif isinstance(data, OrderData):
            self._take_order(data)
        elif isinstance(data, FundingPaymentData):
            self.take_funding(data)
        else:
            return
        self._desk.carry_out()

    def begin(self, bot: BotBook) -> None:
        """The bot's orders are known: what was said meanwhile is taken in, in order."""
        early, bot.early = bot.early, None
        for data in early or ():
            self.on_user_data(data)

    def _take_order(self, data: OrderData) -> None:
        order = self._desk.manager.find(data.symbol, data.client_order_id, data.order_id)
        if order is not None:
            order.is_heard = True
            self._desk.manager.on_order(order, data, self._desk.clock.now_ns())
        elif data.status.is_open:
            self._stranger(data)
        if data.order_id:
            for fill in self._quarantine.release(data.order_id, data.symbol):
                self.take_fill(fill)

    def expect_echo(self, order: TrackedOrder) -> None:
        """An acknowledged order must show on the private stream within moments (T16)."""
        self._unheard[order.client_order_id] = (order, self._desk.clock.monotonic_ns())
        self._listen_soon()

    def _listen_soon(self) -> None:
        if not self._is_listening:
            self._is_listening = True
            self._desk.clock.call_after_ns(round(self._desk.settings.echo_s * 1e9), self._listen)

    def _listen(self) -> None:
        """Where nothing was heard the stream is not trusted: the bots concerned are compared.

        Once, where the stream spoke of something else since: then one message was lost. For as long
        as it says nothing at all what it should tell is asked for every few seconds, out of no more
        than half of the rate: what waits for its turn would else never leave, and never be told of.
        """
        self._is_listening = False
        if self._desk.is_closed:
            return
        waiting, self._unheard = self._unheard, {}
        silent = {
            key: (order, since_ns)
            for key, (order, since_ns) in waiting.items()
            if not (order.is_heard or order.is_ended)
        }
        has_room = (self._desk.sender.used_fraction or 0.0) < _MOST_FOR_SILENCE
        concerned = {
            order.bot.bot_id: order.bot
            for key, (order, _) in silent.items()
            if has_room or key not in self._asked_about
        }
        for bot in concerned.values():
            log.warning("stream.silent bot=%s", bot.bot_id)
            self.on_doubt(bot)
        for key, (order, since_ns) in silent.items():
            if self._heard_ns <= since_ns:
                self._unheard.setdefault(key, (order, since_ns))
        self._asked_about = frozenset(self._unheard)
        if self._unheard:
            self._listen_soon()

    def _stranger(self, data: OrderData) -> None:
        """An open order that we do not follow: one of ours that is over, or foreign (P10)."""
        if self._desk.manager.is_over(data.symbol, data.client_order_id, data.order_id):
            return
        bot = self._desk.bot_on(data.symbol)
        if bot is None or data.order_id in bot.foreign_orders:
            return
        if data.client_order_id and self._desk.journal.intent(data.client_order_id) is not None:
            return
        if not data.client_order_id and self._has_unnamed(bot):
            return  # may be the answer to a create under way; the next comparison tells
        bot.foreign_orders |= {data.order_id}
        self._reconciler.report_foreign(bot, data)

    def _has_unnamed(self, bot: BotBook) -> bool:
        return any(not order.order_id for order in self._desk.manager.of_bot(bot))

    def take_fill(self, fill: FillData) -> None:
        """The one entrance of executions, whoever told of them."""
        manager = self._desk.manager
        order = manager.find(fill.symbol, fill.client_order_id, fill.order_id)
        if order is not None:
            if fill.trade_id not in order.trades:
                manager.on_fill(order, fill, self._desk.clock.now_ns())
            return
        key = (fill.symbol, fill.client_order_id, fill.order_id)
        if manager.has_trade(*key, fill.trade_id):
            return
        bot = self._desk.bot_on(fill.symbol)
        if bot is None or self._is_booked(bot, fill):
            return
        if self._adopt_late(bot, fill):
            return
        if (fill.symbol, fill.trade_id, fill.order_id) in self._strangers:
            return
        if self._quarantine.hold(fill, self._desk.clock.now_ns()):
            self._desk.spawn(self._identify(bot, fill), f"identify {fill.trade_id}")

    def take_funding(self, payment: FundingPaymentData) -> None:
        """Books a settlement once, whole, to the one bot of the symbol, and tells it.

        One from before the bot was for what others held, and is left alone. One that an earlier
        life never heard of is kept with that life: it is in the journal, and in no sum of
        this one, whose account began with it paid.

        The row is on its way to the journal before the bot hears of it, so whatever step takes it
        in is durable later than the booking; what a crash keeps from the bot is in
        `Attached.funding`.
        """
        bot, key = self._desk.bot_on(payment.symbol), payment.payment_id
        if bot is None or key in bot.settled or to_ns(payment.at) < bot.created_ns:
            return
        place = (bot.spec.venue, bot.account, payment.symbol)
        if self._desk.journal.has_funding(*place, key):
            return
        at_ns, amount, rate = to_ns(payment.at), plain(payment.amount), plain(payment.rate)
        bot.settled[key] = None
        if len(bot.settled) > _SETTLEMENTS_KEPT:
            del bot.settled[next(iter(bot.settled))]
        row = FundingPaymentRow(*place, key, bot.bot_id, amount, rate, at_ns)
        fields = (("amount", amount), ("rate", rate))
        if at_ns < bot.began_ns:
            self._desk.write(Transaction(funding=[row]))
            self._desk.diary(bot.bot_id, at_ns, "funding.paid_earlier", fields)
            return
        bot.ledger = bot.ledger.paid(payment.amount)
        total = FundingTotalRow(bot.bot_id, format(bot.ledger.funding, "f"), at_ns)
        self._desk.write(Transaction(funding=[row], funding_totals=[total]))
        bot.post(FundingPaid(at_ns=at_ns, amount=payment.amount, rate=payment.rate))
        self._desk.diary(bot.bot_id, at_ns, "funding.paid", fields)

    def _is_booked(self, bot: BotBook, fill: FillData) -> bool:
        place = (bot.spec.venue, bot.account, fill.symbol)
        return self._desk.journal.has_fill(*place, fill.trade_id, fill.order_id)

    def _adopt_late(self, bot: BotBook, fill: FillData) -> bool:
        """A fill of an order of ours that was over: it is followed again, and the fill counts."""
        stored = None
        if fill.client_order_id:
            stored = self._desk.journal.intent(fill.client_order_id)
        if stored is None and fill.order_id:
            stored = self._desk.journal.intent_of(
                bot.spec.venue, bot.account, fill.symbol, fill.order_id
            )
        if stored is None or stored.intent.bot_id != bot.bot_id:
            return stored is not None
        order = restore(self._desk, bot, stored)
        if fill.trade_id not in order.trades:
            now_ns = self._desk.clock.now_ns()
            text = f"order {order.client_order_id} was {stored.state} and filled {fill.trade_id}"
            self._desk.alarm(Alarm(bot.bot_id, "LATE_FILL", text, now_ns))
            self._desk.manager.on_fill(order, fill, now_ns)
            self.on_doubt(bot)
        return True

    async def _identify(self, bot: BotBook, fill: FillData) -> None:
        """Asks whose order a fill is of; without an answer in a few seconds it is foreign (V3)."""
        deadline_ns = self._desk.clock.now_ns() + round(self._desk.settings.quarantine_s * 1e9)
        while self._desk.clock.now_ns() <= deadline_ns:
            order = self._desk.manager.find(fill.symbol, fill.client_order_id, fill.order_id)
            if order is None:
                order = await self._owner(fill)
            if order is not None:
                self._quarantine.drop(fill)
                self._desk.manager.on_fill(order, fill, self._desk.clock.now_ns())
                self._desk.carry_out()
                return
            await self._desk.clock.sleep(1.0)
        self._quarantine.drop(fill)
        key = (fill.symbol, fill.trade_id, fill.order_id)
        if key in self._strangers:
            return  # it came twice while it was asked about
        self._strangers[key] = None
        if len(self._strangers) > _STRANGERS_KEPT:
            del self._strangers[next(iter(self._strangers))]
        text = f"{fill.symbol}: fill {fill.trade_id} is of an order that is not ours"
        self._desk.alarm(Alarm(bot.bot_id, "FOREIGN_FILL", text, self._desk.clock.now_ns()))

    async def _owner(self, fill: FillData) -> TrackedOrder | None:
        try:
            data = await self._desk.call(
                "get_order",
                fill.order_id,
                Priority.QUERY,
                lambda: self._desk.venue.get_order(fill.order_id, fill.symbol),
            )
        except VenueError:
            return None
        order = self._desk.manager.find(data.symbol, data.client_order_id, data.order_id)
        if order is not None:
            self._desk.manager.on_order(order, data, self._desk.clock.now_ns())
        return order

    def expect_fills(self, order: TrackedOrder) -> None:
        """The stream usually tells of them within moments; after that they are asked for."""
        is_idle = not self._short
        self._short[order.client_order_id] = order
        if is_idle:
            self._desk.clock.call_after_ns(round(self._desk.settings.settle_s * 1e9), self._settle)

    def _settle(self) -> None:
        if not self._desk.is_closed and any(not order.is_ended for order in self._short.values()):
            self._desk.spawn(self._fetch_short(), "fetch fills")
        else:
            self._short.clear()

    async def _fetch_short(self) -> None:
        first_ns = self._desk.clock.now_ns()
        delay_s = self._desk.settings.settle_s
        lookback = timedelta(seconds=self._desk.settings.fill_lookback_s)
        while True:
            for key in [key for key, order in self._short.items() if order.is_ended]:
                del self._short[key]
            if not self._short:
                return
            now_ns = self._desk.clock.now_ns()
            for symbol in dict.fromkeys(order.command.symbol for order in self._short.values()):
                oldest_ns = min(
                    order.created_ns
                    for order in self._short.values()
                    if order.command.symbol == symbol
                )
                try:
                    await self._reconciler.take_in_fills(symbol, from_ns(oldest_ns) - lookback)
                except VenueError as error:
                    log.info("fills.no_answer symbol=%s error=%s", symbol, error)
            if now_ns - first_ns >= round(self._desk.settings.page_after_s * 1e9):
                for order in self._short.values():
                    if not order.is_ended:
                        order.unknown_since_ns = order.unknown_since_ns or first_ns
                        self._desk.manager.page(order, now_ns)
                self._desk.carry_out()
            if any(not order.is_ended for order in self._short.values()):
                await self._desk.clock.sleep(delay_s)
                delay_s = min(delay_s * 2, self._desk.settings.cancel_retry_max_s)
