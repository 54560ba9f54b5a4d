"""Execution of one account: takes steps from bots, sends orders, hands back what became of them.

    step ─► risk ─► one transaction ─► durable ─► create, once ─► ack | definite no | UNKNOWN
                                                                              │
    private stream ─► order manager ─► inbox                     resolver ◄───┘
    reconciler ─────►

The rules it keeps are reliability B.0: an intent is durable before its first byte leaves; one
intent has one id and at most one create carries it, ever; what did not answer is asked for and
never sent again; a fill, its ledger entry, the next intents and the machine's state are one
transaction; recovery is the normal start.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, TypeVar

from core.adapters.exchanges.interface import ExchangeInterface, Subscription
from core.adapters.exchanges.models import (
    EventType,
    OrderData,
    plain,
)
from core.domain.commands import CancelOrder, PlaceOrder, Reason
from core.domain.events import OrderAccepted, OrderDenied
from core.domain.lifecycle import OrderState
from core.errors import (
    ConfigError,
    JournalError,
    JournalFull,
    RiskDenied,
    VenueError,
)
from core.infrastructure.clock import Clock
from core.services.execution.canceler import Canceler
from core.services.execution.checks import Checks
from core.services.execution.clock_watch import ClockWatch
from core.services.execution.desk import (
    AlarmCallback,
    CalmCallback,
    Desk,
    DiaryCallback,
    VenueCall,
    diary_row,
)
from core.services.execution.dispatcher import Dispatcher
from core.services.execution.key_watch import KeyWatch
from core.services.execution.listener import HEARD, Listener
from core.services.execution.order_manager import (
    DiaryFields,
    intent_row,
    place_order,
    seen_ends,
)
from core.services.execution.recall import (
    differs,
    is_over,
    opening,
    refuse_difference,
    refuse_shared_prefix,
    restore,
    tell_end,
)
from core.services.execution.resolver import Resolver
from core.services.execution.sender import Priority, Sender
from core.services.execution.settings import ExecutionSettings
from core.services.execution.slow_disk import SlowDisk
from core.services.execution.snapshot import HealthResult
from core.services.execution.switch import DeadMansSwitch
from core.services.execution.tracked import (
    LEG_OF,
    Alarm,
    BotBook,
    Ledger,
    Schedule,
    TrackedOrder,
)
from core.services.gateway import LIFE_KEY, Attached, BotSpec, Inbox, Renewal, Step
from core.services.ports import (
    DenialRow,
    EvidenceRow,
    IntentRow,
    Journal,
    StateRow,
    StoredIntent,
    Transaction,
)
from core.services.risk.rules import Denial, DenialCode, Reference
from core.services.risk.service import RiskService, denied
from core.services.risk.snapshot import LimitGauge

log = logging.getLogger(__name__)

T = TypeVar("T")
ReferenceSource = Callable[[str], Reference | None]
"""Symbol -> the prices that risk measures against."""

_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True)
class _Turn:
    """What became of the commands of one step."""

    placed: list[TrackedOrder] = field(default_factory=list)
    cancels: list[TrackedOrder] = field(default_factory=list)
    denials: list[OrderDenied] = field(default_factory=list)


class ExecutionService:
    """The `OrderGateway` of one account at one venue.

    Args:
        venue: A connected, authenticated door.
        journal: Storage.
        risk: Asked before every order.
        clock: The engine's clock.
        instance_id: Identity of this installation, part of every client order id.
        reference: Prices for risk.
        on_diary: Called with each diary line of orders, denials, reconciliations and funding. What
            a machine announces is written with its step and told by its app, as executions are.
        on_alarm: Called with what a person must look at.
        on_calm: Called when what an alarm told of has ended by itself.
        settings: Bounds.
        may_send: Asked before each create; False withdraws the order (a lost lease).
        wall: The machine's own time, which somebody may set; None where time is virtual.
        on_wall_right: Called when the venue agrees with the wall and not with `clock`.
    """

    def __init__(  # noqa: PLR0913 # everything that it works with
        self,
        *,
        venue: ExchangeInterface,
        journal: Journal,
        risk: RiskService,
        clock: Clock,
        instance_id: str,
        reference: ReferenceSource,
        on_diary: DiaryCallback | None = None,
        on_alarm: AlarmCallback | None = None,
        on_calm: CalmCallback | None = None,
        settings: ExecutionSettings | None = None,
        may_send: Callable[[], bool] | None = None,
        wall: Clock | None = None,
        on_wall_right: Callable[[], None] | None = None,
    ) -> None:
        bounds = settings or ExecutionSettings()
        self._venue = venue
        self._journal = journal
        self._risk = risk
        self._clock = clock
        self._instance = _letters(instance_id, 5)
        self._reference = reference
        self._settings = bounds
        self._desk = Desk(venue, journal, clock, bounds, Sender(clock, bounds, None))
        if on_diary is not None:
            self._desk.on_diary = on_diary
        if on_alarm is not None:
            self._desk.on_alarm = on_alarm
        if on_calm is not None:
            self._desk.on_calm = on_calm
        self._manager = self._desk.manager
        self._bots = self._desk.bots
        self._listener = Listener(self._desk, self._check_soon)
        self._checks = Checks(self._desk, self._listener.reconciler)
        self._clock_watch = ClockWatch(self._desk, wall, on_wall_right)
        self._resolver = Resolver(self._desk, self._listener.reconciler, self._clock_watch)
        self._canceler = Canceler(self._desk)
        self._switch = DeadMansSwitch(self._desk, f"c{self._instance}")
        self._key_watch = KeyWatch(self._desk, risk.halt)
        self._dispatcher = Dispatcher(
            self._desk, risk, may_send, self._listener.expect_echo, self._clock_watch
        )
        self._desk.start_cancel = self._canceler.start
        self._desk.start_resolving = self._resolver.add
        self._desk.start_settling = self._listener.expect_fills
        self._locks: dict[str, asyncio.Lock] = {}
        self._subscriptions: list[Subscription] = []
        self._slow_disk = SlowDisk(self._disk_is_slow, lambda: self._desk.calm("SLOW_DISK"))
        self._is_full = False
        self._is_in_doubt = False
        self._doubtful: set[str] = set()
        """Ids of intents whose write failed and that were not sent."""

    # -- life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listens to the private stream and learns the venue's limits. Idempotent."""
        if self._subscriptions:
            return
        info = await self._venue.get_exchange_info()
        self._desk.capabilities = info.capabilities
        self._desk.is_closed = False
        self._desk.sender = Sender(
            self._clock,
            self._settings,
            info.capabilities.orders_per_minute,
            info.capabilities.changes_in_flight,
        )
        self._subscriptions.append(
            await self._venue.subscribe_user_data(self._listener.on_user_data, kinds=HEARD)
        )
        self._subscriptions.extend(
            self._venue.add_event_callback(kind, self._checks.on_connection)
            for kind in (EventType.CONNECTED, EventType.AUTHENTICATED, EventType.RECOVERED)
        )
        self._switch.start()
        self._key_watch.start()

    async def close(self) -> None:
        """Stops listening and ends all work under way; orders stay as they are. Idempotent."""
        for subscription in self._subscriptions:
            subscription.cancel()
        self._subscriptions.clear()
        self._checks.close()
        self._clock_watch.close()
        await self._switch.close()
        await self._desk.close()

    # -- OrderGateway -------------------------------------------------------------------------

    def order_prefix(self, bot_id: str) -> str:
        """`c`, five letters of this installation, four of the bot: the same for ever."""
        return f"c{self._instance}{_letters(bot_id, 4)}"

    async def attach(self, spec: BotSpec, inbox: Inbox) -> Attached:
        """The one way to start and to recover: clock, journal, venue, reconcile, then events."""
        await self.start()
        await self._clock_watch.agreed()
        bot = self._claim(spec, inbox)
        try:
            return await self._attach(bot)
        except BaseException:
            self._let_go(bot)
            raise

    async def step(self, step: Step) -> None:
        """Risk, one transaction, then the orders leave by priority."""
        bot = self._bots[step.bot_id]
        async with self._locks[step.bot_id]:
            await self._step(bot, step)

    async def reconcile(self, bot_id: str) -> None:
        """Compares journal and venue now."""
        await self._checks.check(self._bots[bot_id])

    async def detach(self, bot_id: str, *, is_closed: bool) -> None:
        """Stops delivering; nothing is cancelled."""
        bot = self._bots.get(bot_id)
        if bot is None:
            return
        async with self._locks[bot_id]:
            try:
                await self._journal.commit(self._closing(bot, is_closed=is_closed))
            finally:
                self._let_go(bot)

    def has(self, bot_id: str) -> bool:
        """Whether a bot is attached."""
        return bot_id in self._bots

    async def abandon(self, bot_id: str, *, cancels: bool) -> None:
        """Lets a bot go that can decide nothing any more.

        Args:
            bot_id: Which.
            cancels: Whether its orders are cancelled first; returns when the venue says that they
                are gone.
        """
        bot = self._bots[bot_id]
        if cancels:
            reason = Reason("cancel.of_failed_bot")
            commands = tuple(
                CancelOrder(
                    client_order_id=item.intent.client_order_id,
                    symbol=bot.spec.symbol,
                    reason=reason,
                )
                for item in self._journal.unsettled(bot_id)
            )
            await self.step(Step(bot_id=bot_id, at_ns=self._clock.now_ns(), commands=commands))
            while self.open_orders(bot_id):
                await self._clock.sleep(self._settings.cancel_retry_s)
        await self.detach(bot_id, is_closed=False)

    # -- beside the gateway -------------------------------------------------------------------

    def schedule(self, bot_id: str, schedule: Schedule) -> None:
        """Sets when a bot is compared with its venue by itself; a later call replaces it."""
        self._checks.schedule(self._bots[bot_id], schedule)

    def health(self, bot_id: str) -> HealthResult | None:
        """The last comparison of a bot."""
        return self._checks.health(bot_id)

    def ledger(self, bot_id: str) -> Ledger:
        """The sums of a bot's own executions and funding, those not yet durable left out."""
        return self._bots[bot_id].ledger

    def gauges(self, bot_id: str) -> tuple[LimitGauge, ...]:
        """The bot's risk limits and how much of each is used."""
        return self._risk.gauges(bot_id, self._bots[bot_id].exposure)

    def calls(self) -> tuple[VenueCall, ...]:
        """The last hundred calls to the venue, newest first."""
        return tuple(reversed(self._desk.calls))

    def orders(self, bot_id: str, limit: int = 200) -> list[StoredIntent]:
        """Orders of a bot: those of which more may come first, then the newest."""
        rows = self._journal.orders(bot_id, limit)
        return sorted(rows, key=lambda row: OrderState(row.state).is_final)

    def open_orders(self, bot_id: str) -> int:
        """Orders of a bot that are not over."""
        bot = self._bots.get(bot_id)
        return 0 if bot is None else bot.exposure.open_orders

    def doubt_clock(self) -> None:
        """Time leapt, or the machine slept: nothing is sent before the venue has told its time."""
        self._clock_watch.doubt()

    async def ask(self, method: str, request: Callable[[], Awaitable[T]]) -> T:
        """A question of others to the venue, under the same budget and time limit.

        Raises:
            VenueError: If the venue does not answer.
        """
        return await self._desk.call(method, "", Priority.QUERY, request)

    @property
    def budget_used(self) -> float | None:
        """Used part of the venue's rate budget; None where there is none."""
        return self._desk.sender.used_fraction

    # -- steps --------------------------------------------------------------------------------

    async def _step(self, bot: BotBook, step: Step) -> None:
        transaction = Transaction()
        ledger = self._apply(bot, step, transaction)
        turn = self._sort(bot, step, transaction)
        for key, value in step.state.items():
            transaction.states.append(StateRow(bot.bot_id, key, value))
        if step.renewal is not None:
            self._renew(bot, step.renewal, step.at_ns, transaction)
        # From here on settlements may come in: they are added to the new sums, not to the old.
        before, bot.ledger = bot.ledger, ledger
        bot.counted = frozenset((item.client_order_id, item.trade_id) for item in step.applied)
        try:
            transaction.intents.extend(await self._new_intents(turn.placed))
            if transaction:
                began_ns = self._clock.monotonic_ns()
                durable = self._journal.commit(transaction)
                self._dispatcher.prepare(turn.placed)
                await durable
                self._slow_disk.took(self._clock.monotonic_ns() - began_ns)
        except JournalError as error:
            bot.ledger = replace(before, funding=bot.ledger.funding)
            bot.counted = frozenset()
            self._not_written(bot, turn, error)
            raise
        self._is_full = self._is_in_doubt = False
        self._doubtful.clear()
        self._written(step)
        bot.counted = frozenset()
        for denial in turn.denials:
            bot.ends[denial.client_order_id] = bot.post(denial)
            fields = self._denial_fields(bot, step, denial)
            self._desk.on_diary(bot.bot_id, step.at_ns, "risk.denied", fields)
        self._launch(turn.placed, turn.cancels)

    def _disk_is_slow(self, elapsed_ns: int) -> None:
        text = f"writing to the journal took {elapsed_ns / 1e9:.1f} s: orders leave as late"
        self._desk.alarm(Alarm("", "SLOW_DISK", text, self._clock.now_ns()))

    def _renew(self, bot: BotBook, renewal: Renewal, at_ns: int, transaction: Transaction) -> None:
        """Writes who the bot is from now on, together with the state that follows from it."""
        row = self._journal.bot(bot.bot_id)
        if row is not None:
            fingerprint = json.dumps(dict(renewal.fingerprint), sort_keys=True)
            transaction.bots.append(
                row._replace(fingerprint=fingerprint, config=renewal.config, updated_ns=at_ns)
            )
        bot.spec = replace(bot.spec, fingerprint=renewal.fingerprint, config=renewal.config)

    def _sort(self, bot: BotBook, step: Step, transaction: Transaction) -> _Turn:
        """Asks risk about each order and notes what the commands write."""
        turn = _Turn()
        for command in step.commands:
            if isinstance(command, PlaceOrder):
                self._place(bot, command, step, turn)
            elif isinstance(command, CancelOrder):
                order = self._manager.get(command.client_order_id)
                if order is not None:
                    _note_cancel(order, command, step.at_ns, transaction)
                    self._manager.want_cancel(order, step.at_ns, transaction)
                    turn.cancels.append(order)
            else:
                row = diary_row(bot.bot_id, step.at_ns, command.event, command.fields)
                transaction.diary.append(row)
        for denial in turn.denials:
            fields = self._denial_fields(bot, step, denial)
            transaction.denials.append(
                DenialRow(
                    denial.client_order_id,
                    bot.bot_id,
                    denial.at_ns,
                    denial.code,
                    denial.limit,
                    denial.value,
                )
            )
            transaction.diary.append(diary_row(bot.bot_id, step.at_ns, "risk.denied", fields))
        return turn

    def _denial_fields(self, bot: BotBook, step: Step, denial: OrderDenied) -> DiaryFields:
        """What is told of a refusal: its code, and the order that never was."""
        command = next(
            item
            for item in step.commands
            if isinstance(item, PlaceOrder) and item.client_order_id == denial.client_order_id
        )
        instrument, price = bot.instrument, command.price
        return (
            ("code", denial.code),
            ("limit", denial.limit),
            ("value", denial.value),
            ("client_order_id", denial.client_order_id),
            ("side", command.side.value),
            ("price", None if price is None else plain(instrument.price(price))),
            ("amount", plain(instrument.amount(command.amount))),
            ("level", command.level),
            ("leg", LEG_OF[command.role]),
            ("reason", command.reason.rule),
        )

    def _apply(self, bot: BotBook, step: Step, transaction: Transaction) -> Ledger:
        """The rows of the fills that the bot took in, and the ledger after them."""
        ledger = bot.ledger
        latest = 0
        for event in step.applied:
            order = self._manager.get(event.client_order_id)
            item = None if order is None else order.unapplied.get(event.trade_id)
            if item is None:
                log.info("fill.known trade=%s order=%s", event.trade_id, event.client_order_id)
                continue
            row = item.row
            ledger = ledger.after(event.side, Decimal(row.amount), event.fee, event.fee_base)
            transaction.fills.append(row._replace(applied_ns=step.at_ns))
            latest = max(latest, item.sequence)
        if latest:
            transaction.ledgers.append(ledger.row(bot.bot_id, step.at_ns))
            transaction.settled.extend(seen_ends(bot, latest))
        return ledger

    def _written(self, step: Step) -> None:
        for event in step.applied:
            order = self._manager.get(event.client_order_id)
            if order is not None:
                order.unapplied.pop(event.trade_id, None)
                if order.is_gone:
                    self._manager.forget(order)

    def _place(self, bot: BotBook, command: PlaceOrder, step: Step, turn: _Turn) -> None:
        if self._is_used(command.client_order_id):
            refusal: RiskDenied | None = denied(
                Denial(code=DenialCode.DUPLICATE_CLIENT_ORDER_ID, detail=command.client_order_id)
            )
        elif not self._clock_watch.may_send():
            refusal = denied(Denial(code=DenialCode.CLOCK_DIFFERS, detail="of the venue"))
        else:
            refusal = self._risk.check(
                bot.bot_id, command, bot.exposure, self._reference(command.symbol)
            )
        if refusal is not None:
            log.warning("risk.denied bot=%s %s", bot.bot_id, refusal)
            turn.denials.append(
                OrderDenied(
                    at_ns=step.at_ns,
                    client_order_id=command.client_order_id,
                    code=refusal.code,
                    limit=_text(refusal.limit),
                    value=_text(refusal.value),
                )
            )
            return
        order = place_order(command, bot, self._clock.now_ns(), self._settings.window_ns)
        self._manager.add(order)
        turn.placed.append(order)

    async def _new_intents(self, placed: list[TrackedOrder]) -> list[IntentRow]:
        """The rows to insert; after a write in doubt those that did reach the file are left out."""
        if self._is_in_doubt and placed:
            await self._journal.flush()
            return [
                intent_row(order)
                for order in placed
                if self._journal.intent(order.client_order_id) is None
            ]
        return [intent_row(order) for order in placed]

    def _is_used(self, client_order_id: str) -> bool:
        manager = self._manager
        if manager.get(client_order_id) is not None:
            return True
        if manager.is_over("", client_order_id, ""):
            return True
        if not self._is_in_doubt:
            return False  # one that is older than memory is refused by the journal itself
        stored = self._journal.intent(client_order_id)
        if stored is None:
            return False
        # The write that failed may have been this very intent; nothing of it was sent then.
        is_this_one = client_order_id in self._doubtful and stored.state == OrderState.INTENT.value
        return not is_this_one

    def _not_written(self, bot: BotBook, turn: _Turn, error: JournalError) -> None:
        """Nothing new is sent; what is not wanted any more is cancelled all the same."""
        for order in turn.placed:
            self._manager.withdraw(order)
        if not isinstance(error, JournalFull) or not self._is_full:
            code = "JOURNAL_FULL" if isinstance(error, JournalFull) else "JOURNAL"
            self._desk.alarm(Alarm(bot.bot_id, code, str(error), self._clock.now_ns()))
        self._is_full = isinstance(error, JournalFull)
        if not self._is_full:
            self._is_in_doubt = True
            self._doubtful.update(order.client_order_id for order in turn.placed)
        self._launch([], turn.cancels)

    def _launch(self, placed: list[TrackedOrder], cancels: list[TrackedOrder]) -> None:
        for order in cancels:
            self._canceler.start(order)
        self._dispatcher.launch(placed)

    def _check_soon(self, bot: BotBook) -> None:
        self._checks.check_soon(bot)

    # -- attaching ----------------------------------------------------------------------------

    def _claim(self, spec: BotSpec, inbox: Inbox) -> BotBook:
        for other in self._bots.values():
            if other.spec.symbol == spec.symbol or other.bot_id == spec.bot_id:
                raise ConfigError(
                    f"{other.spec.name} already trades {spec.symbol} on {spec.venue}.",
                    remedy=f"Stop it first: ctos stop {other.spec.name}",
                )
        bot = BotBook(spec, self._venue.account, inbox, Ledger())
        self._bots[spec.bot_id] = bot
        self._locks[spec.bot_id] = asyncio.Lock()
        return bot

    def _let_go(self, bot: BotBook) -> None:
        bot.silence()
        self._checks.stop(bot.bot_id)
        self._resolver.drop(bot)
        self._listener.drop(bot)
        for order in self._manager.of_bot(bot):
            self._manager.drop(order)
        if self._bots.get(bot.bot_id) is bot:
            del self._bots[bot.bot_id]

    async def _attach(self, bot: BotBook) -> Attached:
        journal, spec = self._journal, bot.spec
        await journal.flush()
        row = journal.bot(spec.bot_id)
        refuse_shared_prefix(journal, spec)
        stored = journal.unsettled(spec.bot_id)
        self._venue.remember(item.intent.client_order_id for item in stored)
        bot.ledger = Ledger.of(journal.ledger(spec.bot_id))
        bot.exposure.position = int(bot.ledger.position / spec.instrument.lot_size)
        bot.others_position = sum(
            (
                Decimal(item.position)
                for item in journal.ledgers(spec.venue, bot.account, spec.symbol)
                if item.bot_id != spec.bot_id
            ),
            Decimal(0),
        )
        is_flat = abs(bot.ledger.position) < spec.instrument.lot_size
        is_idle = is_flat and all(is_over(item) for item in stored)
        is_new = row is None or (is_idle and (bool(row.is_closed) or differs(row, spec)))
        if row is not None and not is_new:
            refuse_difference(row, spec)
        await journal.commit(opening(self._desk, bot, row, stored, is_new=is_new))
        state = {} if is_new else journal.state(spec.bot_id)
        earlier = bot.ledger
        if not is_new:
            bot.began_ns = int(state.get(LIFE_KEY, "0"))
            self._recall(bot, stored)
        self._listener.begin(bot)
        self._desk.carry_out()
        await self._resolver.look(spec.symbol)
        await self._checks.check(bot)
        seen = await self._ids_at_venue(spec)
        return Attached(
            is_new=is_new,
            state={key: text for key, text in state.items() if key != LIFE_KEY},
            ledger_position=bot.ledger.position,
            foreign_orders=len(bot.foreign_orders),
            foreign_position=bot.foreign_position or Decimal(0),
            unresolved=self._resolver.open_count(bot),
            last_client_order_id=journal.last_client_order_id(spec.bot_id),
            seen_client_order_ids=seen,
            fees=earlier.fees,
            funding=earlier.funding,
        )

    async def _ids_at_venue(self, spec: BotSpec) -> tuple[str, ...]:
        """Client order ids of this bot that the venue knows, open or lately closed."""
        found: list[OrderData] = []
        for name, ask in (
            ("get_open_orders", lambda: self._venue.get_open_orders(spec.symbol)),
            ("get_order_history", lambda: self._venue.get_order_history(spec.symbol, limit=500)),
        ):
            try:
                found += await self._desk.call(name, spec.symbol, Priority.QUERY, ask)
            except VenueError as error:
                # The journal's own last id stands; this guards only against an old copy of it.
                log.info("attach.no_answer method=%s error=%s", name, error)
        return tuple(
            order.client_order_id
            for order in found
            if order.client_order_id and order.client_order_id.startswith(spec.order_prefix)
        )

    def _closing(self, bot: BotBook, *, is_closed: bool) -> Transaction:
        """What an end writes."""
        transaction = Transaction()
        row = self._journal.bot(bot.bot_id)
        if row is not None:
            now_ns = self._clock.now_ns()
            transaction.bots.append(row._replace(is_closed=int(is_closed), updated_ns=now_ns))
        return transaction

    def _recall(self, bot: BotBook, stored: list[StoredIntent]) -> None:
        """Follows again what the last run left, and tells again what it may not have taken in."""
        now_ns = self._clock.now_ns()
        for item in stored:
            order = restore(self._desk, bot, item)
            if order.is_ended:
                tell_end(self._desk, order, now_ns)
            elif order.state.is_unproved:
                self._manager.lose(order, "RESTARTED", now_ns, f"found as {item.state}")
            elif order.state.is_final:
                self._listener.expect_fills(order)
            else:
                bot.post(
                    OrderAccepted(
                        at_ns=now_ns,
                        client_order_id=order.client_order_id,
                        order_id=order.order_id,
                    )
                )
                if order.cancel_wanted:
                    self._canceler.start(order)
        for denial in self._journal.denials(bot.bot_id):
            event = OrderDenied(
                at_ns=denial.at_ns,
                client_order_id=denial.client_order_id,
                code=denial.code,
                limit=denial.limit,
                value=denial.value,
            )
            bot.ends[denial.client_order_id] = bot.post(event)


def _note_cancel(
    order: TrackedOrder, command: CancelOrder, at_ns: int, transaction: Transaction
) -> None:
    """Keeps why an order is not wanted any more."""
    if order.cancel_wanted or order.is_ended:
        return
    inputs = ", ".join(f"{name} {value}" for name, value in command.reason.inputs)
    detail = f"{command.reason.rule}: {inputs}" if inputs else command.reason.rule
    row = EvidenceRow(order.client_order_id, at_ns, "CANCEL_ASKED", detail)
    transaction.evidence.append(row)


def _text(number: Decimal | int | None) -> str | None:
    if number is None:
        return None
    return str(number) if isinstance(number, int) else plain(number)


def _letters(text: str, count: int) -> str:
    """Letters and digits that stand for a text, the same for ever."""
    number = int.from_bytes(hashlib.blake2s(text.encode(), digest_size=8).digest(), "big")
    letters = []
    for _ in range(count):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return "".join(letters)
