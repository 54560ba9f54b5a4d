"""The hands of a grid: events to the machine, its commands to execution, its picture to screens.

    inbox ─► machine.on(event) … ─► one Step (commands, fills taken in, changed state) ─► durable
                                                                          └► diary lines, snapshot

One task owns the machine, so nothing else ever changes it. What an operator asks is an event like
any other. The service ends when the machine has stopped, and says whether the end kept what
`on_exit` promised.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Protocol

from core.adapters.exchanges.models import from_ns, plain
from core.domain.commands import Announce, Command, PlaceOrder
from core.domain.events import (
    Act,
    Asked,
    Event,
    FundingPaid,
    MarketMoved,
    OrderFilled,
    TimeReached,
)
from core.domain.policies import OnStart
from core.errors import ConfigError, JournalError, VenueError
from core.infrastructure.channels import EventQueue
from core.infrastructure.clock import Cancellable, Clock
from core.services.execution.snapshot import HealthResult
from core.services.gateway import Attached, BotSpec, OrderGateway, Renewal, Step
from core.services.grid.edit import plan_edit
from core.services.grid.editing import Edited
from core.services.grid.machine import GridMachine
from core.services.grid.news import News
from core.services.grid.outcome import (
    BotOutcome,
    Fields,
    closing_line,
    summary_fields,
)
from core.services.grid.settings import GridSettings
from core.services.grid.snapshot import EditDiff, GridProfit, GridResult, GridSnapshot
from core.services.grid.view import (
    NEVER_CHECKED,
    SlotRows,
    Surroundings,
    grid_profit,
    grid_snapshot,
)
from core.services.market_data.service import MarketData
from core.services.market_data.snapshot import FeedLight
from core.services.portfolio.service import Portfolio
from core.services.risk.snapshot import LimitGauge

log = logging.getLogger(__name__)

SERVICE_KEY: Final = "service"
"""Key of the machine state under which the service keeps what it must know after a restart."""
JOURNAL_RETRY_S: Final = 1.0
EQUITY_TRIES: Final = 50
"""Readings of the account's worth until the price stood still meanwhile."""

Diary = Callable[[int, str, Fields], None]
"""Called with (at_ns, event, fields) for each line, after it became durable."""

OnEquity = Callable[[Decimal, int], object]
"""Called with (quote, at_ns): start worth of the account and everything this bot has made of it."""


@dataclass(slots=True)
class _Book:
    """What the service itself must know after a restart; written with the machine's state."""

    equity_start: Decimal | None = None
    """Worth of the account before the first order of this bot."""
    started_ns: int | None = None
    """Time of the first price this bot saw."""

    def dump(self) -> str:
        equity = None if self.equity_start is None else plain(self.equity_start)
        return json.dumps({"equity_start": equity, "started_ns": self.started_ns})

    @classmethod
    def load(cls, text: str | None) -> _Book:
        if text is None:
            return cls()
        values = json.loads(text)
        equity = values["equity_start"]
        return cls(
            equity_start=None if equity is None else Decimal(equity),
            started_ns=values["started_ns"],
        )


@dataclass(slots=True, kw_only=True)
class _Edit:
    """An edit on its way."""

    event: Edited
    renewal: Renewal
    put_in_force: Callable[[], None]
    done: asyncio.Future[EditDiff]
    diff: EditDiff | None = None
    """Set once the machine has taken it in."""


_ENDS: Final = frozenset({"order.canceled", "order.expired", "order.rejected"})


class Execution(OrderGateway, Protocol):
    """Execution, and what it can tell a screen."""

    def health(self, bot_id: str) -> HealthResult | None:
        """The last comparison of the bot with its venue; None before the first."""

    def gauges(self, bot_id: str) -> tuple[LimitGauge, ...]:
        """The bot's risk limits and how much of each is used."""


class GridService:
    """Runs one grid.

    Args:
        spec: Who the bot is.
        machine: Decides; new, its state is restored here.
        gateway: Execution of the bot's venue account.
        market: Prices of the venue.
        portfolio: What the account is worth.
        clock: The engine's clock.
        diary: Where lines go that people and scripts read.
        on_equity: Told what the bot is worth after each turn, for the day's loss limit; None where
            there is none.
    """

    def __init__(
        self,
        *,
        spec: BotSpec,
        machine: GridMachine,
        gateway: Execution,
        market: MarketData,
        portfolio: Portfolio,
        clock: Clock,
        diary: Diary,
        on_equity: OnEquity | None = None,
    ) -> None:
        self.spec = spec
        self.machine = machine
        self._gateway = gateway
        self._market = market
        self._portfolio = portfolio
        self._clock = clock
        self._diary = diary
        self.on_equity = on_equity
        self._inbox: EventQueue[Event | Edited] = EventQueue(_conflation_key)
        self._edits: list[_Edit] = []
        """Asked for and not yet durable, oldest first."""
        self._book = _Book()
        self._timer: Cancellable | None = None
        self._timer_ns: int | None = None
        self._journal_trouble = ""
        """Why nothing can be written, in words; empty while all is well."""
        self._last_ns = 0
        self._is_book_changed = False
        self._is_turning = False
        self._is_over = False
        self._held_lines: list[tuple[int, str, Fields]] = []
        """Lines that wait until the turn under way has told its own."""
        self._early_lines: list[tuple[int, str, Fields]] = []
        """Lines of orders that are leaving, while the turn that made them has not told its own."""
        self._is_leaving = False
        self._attached: Attached | None = None
        self._slot_rows = SlotRows()
        self._news = News()
        self._failures = 0
        """Of the close under way, when the venue was asked what is left of it."""
        self.feed_notice = ""
        """What the screen must say about the feed as long as it is true."""

    # -- what others may ask ------------------------------------------------------------------

    def ask(self, act: Act, by: str = "you") -> None:
        """Passes on what an operator wants; the next snapshots show what came of it."""
        self._inbox.post(Asked(at_ns=self._clock.now_ns(), act=act, by=by))

    def preview(self, settings: GridSettings) -> EditDiff:
        """What other settings would change; nothing does.

        Raises:
            ConfigError: If this grid cannot be edited so, with the way out.
        """
        return plan_edit(self.machine, settings, at_ns=self._clock.now_ns())

    async def edit(
        self, settings: GridSettings, renewal: Renewal, put_in_force: Callable[[], None], by: str
    ) -> EditDiff:
        """Goes on with other settings; returns what changed, once that is durable.

        Args:
            settings: Checked.
            renewal: What the journal is to know of them.
            put_in_force: Called between the machine's turn and its first order: limits and such.
            by: Who asks.

        Raises:
            ConfigError: If this grid cannot be edited so; it goes on as it was.
        """
        loop = asyncio.get_running_loop()
        event = Edited(at_ns=self._clock.now_ns(), settings=settings, by=by)
        edit = _Edit(
            event=event, renewal=renewal, put_in_force=put_in_force, done=loop.create_future()
        )
        self._edits.append(edit)
        if self._is_over:
            self._refuse_edits()
        else:
            self._inbox.post(event)
        return await edit.done

    def hear(self, at_ns: int, event: str, fields: Fields) -> None:
        """Takes in a diary line that others wrote about this bot, for the message line."""
        self._news.hear(at_ns, event, fields, rings=self.machine.settings.notifies)

    @property
    def bells(self) -> int:
        """Moments so far of which a person is to be told."""
        return self._news.bells

    def pass_on(self, at_ns: int, event: str, fields: Fields) -> None:
        """Tells a diary line that execution wrote about this bot.

        The end of an order is told after the fills that came before it, which are told only when
        they are durable.
        """
        if self._is_leaving:
            self._early_lines.append((at_ns, event, fields))
        elif event in _ENDS and (self._is_turning or len(self._inbox)):
            self._held_lines.append((at_ns, event, fields))
        else:
            self._tell(at_ns, event, fields)

    def snapshot(self) -> GridSnapshot:
        """Everything the screen shows, now."""
        spec, told, alarm = self.spec, self._news.newest, self._news.alarm
        position = self._portfolio.position(spec.venue, spec.symbol)
        attached = self._attached
        return grid_snapshot(
            self.machine,
            self._clock.now_ns(),
            Surroundings(
                bot=spec.name,
                mode=spec.mode,
                feed=self._market.feed,
                feed_notice=self.feed_notice,
                equity=self._portfolio.total_equity(),
                day_change=self._portfolio.day_change(),
                liquidation_price=None if position is None else position.liquidation_price,
                health=self._gateway.health(spec.bot_id) or NEVER_CHECKED,
                lights=self._lights(),
                limits=() if attached is None else self._gateway.gauges(spec.bot_id),
                prices=self._market.price_line(spec.symbol),
                message=self._journal_trouble or ("" if told is None else told.text),
                message_event="" if told is None or self._journal_trouble else told.event,
                message_fields=() if told is None else told.fields,
                message_at=None if told is None else from_ns(told.at_ns),
                is_error=bool(self._journal_trouble) or (told is not None and told.is_error),
                alarm="" if alarm is None else alarm.text,
                alarm_code="" if alarm is None else alarm.name,
                alarm_fields=() if alarm is None else alarm.fields,
                alarm_at=None if alarm is None else from_ns(alarm.at_ns),
                bells=self._news.bells,
                foreign_orders=0 if attached is None else attached.foreign_orders,
                foreign_position=Decimal(0) if attached is None else attached.foreign_position,
                mark=self._market.mark(spec.symbol),
            ),
            self._slot_rows,
        )

    def _lights(self) -> tuple[FeedLight, ...]:
        prices = self._market.light(self.spec.symbol)
        return (replace(prices, name=self.spec.venue), replace(prices, name="prices"))

    def profit(self) -> GridProfit:
        """Where the result comes from, slot by slot, now."""
        return grid_profit(self.machine, self._clock.now_ns(), self._market.mark(self.spec.symbol))

    @property
    def inbox(self) -> EventQueue[Event | Edited]:
        """Where this bot's events arrive."""
        return self._inbox

    # -- life ---------------------------------------------------------------------------------

    async def run(self) -> BotOutcome:
        """Attaches, trades until the machine has stopped, and tells how it ended.

        Raises:
            ConfigError: If the bot may not start (another bot holds the symbol, the configuration
                differs from the one that is to be resumed, `on_start: refuse` found something).
            VenueError: If the venue cannot be asked what there is.
        """
        attached = await self._gateway.attach(self.spec, self._inbox)
        await self._begin(attached)
        subscription = await self._market.listen(
            self.spec.instrument, self._inbox, self.machine.horizon
        )
        try:
            while not self.machine.is_stopped:
                await self._turn(await self._inbox.get_batch())
                self._release_lines()
                await self._ask_after_failures()
        finally:
            subscription.cancel()
            self._disarm()
            self._refuse_edits()
        return await self._end()

    async def _ask_after_failures(self) -> None:
        """Compares with the venue what could not be closed: it may hold nothing of it any more."""
        closing = self.machine.closing
        failures = 0 if closing is None or not closing.is_degraded else closing.failures
        if failures == self._failures:
            return
        self._failures = failures
        if failures:
            with suppress(VenueError):
                await self._gateway.reconcile(self.spec.bot_id)

    async def _turn(self, events: list[Event | Edited]) -> None:
        """One batch of events, one transaction."""
        self._is_turning = True
        machine = self.machine
        if self._book.started_ns is None:
            self._note_start(events)
        commands: list[Command] = []
        applied: list[OrderFilled] = []
        renewal: Renewal | None = None
        for event in events:
            if type(event) is Edited:
                edit = self._take_edit(event, commands)
                renewal = renewal if edit is None else edit.renewal
                continue
            commands += machine.on(event)
            if type(event) is OrderFilled:
                applied.append(event)
        self._last_ns = max(self._last_ns, events[-1].at_ns)
        changes = self._changes()
        if commands or applied or changes:
            await self._commit(
                Step(
                    bot_id=self.spec.bot_id,
                    at_ns=events[-1].at_ns,
                    commands=tuple(commands),
                    applied=tuple(applied),
                    state=changes,
                    renewal=renewal,
                )
            )
            if any(type(command) is PlaceOrder for command in commands):
                await self._let_leave()
            self._tell_edits()
            for command in commands:
                if type(command) is Announce:
                    self._tell(events[-1].at_ns, command.event, command.fields)
            self._tell_early_lines()
        if self.on_equity is not None:
            worth = machine.worth(self._market.mark(self.spec.symbol))
            self.on_equity((self._book.equity_start or Decimal(0)) + worth, self._last_ns)
        self._is_turning = False
        self._arm()

    async def _let_leave(self) -> None:
        """Orders that are durable leave before anybody is told why; telling costs time."""
        self._is_leaving = True
        try:
            await self._clock.sleep(0)
        finally:
            self._is_leaving = False

    def _tell_early_lines(self) -> None:
        """What came of the orders while they left is told after what made them."""
        early, self._early_lines = self._early_lines, []
        for line in early:
            self.pass_on(*line)

    def _take_edit(self, event: Edited, commands: list[Command]) -> _Edit | None:
        """Hands an edit to the machine; None for one that is refused."""
        edit = next(item for item in self._edits if item.event is event)
        try:
            edit.diff = plan_edit(self.machine, event.settings, at_ns=event.at_ns)
        except Exception as error:  # noqa: BLE001 # it was tried on a copy: the grid itself goes on
            self._edits.remove(edit)
            if not edit.done.done():
                edit.done.set_exception(error)
            return None
        commands += self.machine.on(event)
        self.spec = replace(
            self.spec, fingerprint=edit.renewal.fingerprint, config=edit.renewal.config
        )
        edit.put_in_force()
        return edit

    def _tell_edits(self) -> None:
        """Answers whoever asked for an edit that is durable now."""
        for edit in [edit for edit in self._edits if edit.diff is not None]:
            self._edits.remove(edit)
            if not edit.done.done() and edit.diff is not None:
                edit.done.set_result(edit.diff)

    def _refuse_edits(self) -> None:
        """Nothing is edited any more."""
        self._is_over = True
        edits, self._edits = self._edits, []
        for edit in edits:
            if not edit.done.done():
                edit.done.set_exception(ConfigError(f"{self.spec.name} has ended."))

    def _release_lines(self) -> None:
        if self._held_lines and not len(self._inbox):
            held, self._held_lines = self._held_lines, []
            for line in held:
                self._tell(*line)

    async def _commit(self, step: Step) -> None:
        """Hands a turn over and does not go on before it is durable.

        While the journal cannot be written nothing new is decided: the same turn is offered again
        until it is taken, so that no fill is lost and nothing is sent that is not on record.
        """
        while True:
            try:
                await self._gateway.step(step)
            except JournalError as error:
                if not self._journal_trouble:
                    log.error("step.not_durable bot=%s error=%s", self.spec.name, error)  # noqa: TRY400 - the sentence says it
                self._journal_trouble = str(error)
                await self._clock.sleep(JOURNAL_RETRY_S)
            else:
                if self._journal_trouble:
                    log.info("step.durable_again bot=%s", self.spec.name)
                    self._journal_trouble = ""
                    self._news.over("JOURNAL", "JOURNAL_FULL")
                return

    def _tell(self, at_ns: int, event: str, fields: Fields) -> None:
        self.hear(at_ns, event, fields)
        self._diary(at_ns, event, fields)

    async def _begin(self, attached: Attached) -> None:
        """Takes up where the journal says the bot was, and notes what the account is worth."""
        self._attached = attached
        if attached.state:
            state = dict(attached.state)
            self._book = _Book.load(state.pop(SERVICE_KEY, None))
            self.machine.restore(state)
            self.machine.take_up()
        if attached.last_client_order_id is not None:
            self.machine.go_on_after(attached.last_client_order_id)
        for identity in attached.seen_client_order_ids:
            self.machine.go_on_after(identity)
        missed = attached.funding - self.machine.ledger.funding
        if missed:
            # Booked in the journal, but the crash came before the machine had taken it in.
            now_ns = self._clock.now_ns()
            self._inbox.post(FundingPaid(at_ns=now_ns, amount=missed, rate=Decimal(0)))
        self._refuse_leftovers(attached)
        if self._book.equity_start is None:
            self._book.equity_start = await self._portfolio.read_equity(
                self.spec.venue, self.spec.instrument
            )
            self._is_book_changed = True

    def _refuse_leftovers(self, attached: Attached) -> None:
        """`on_start: refuse` starts on clean ground only."""
        if self.machine.settings.on_start is not OnStart.REFUSE:
            return
        found = []
        if self.machine.has_anything:
            orders = self.machine.open_orders
            found.append(f"{orders} orders and a position of {plain(self.machine.position)}")
        if attached.foreign_orders or attached.foreign_position:
            size = plain(attached.foreign_position)
            found.append(f"{attached.foreign_orders} orders and {size} that are not ours")
        if found:
            raise ConfigError(
                f"on_start is refuse, and {self.spec.symbol} has {' and '.join(found)}.",
                remedy="Go on with them by `--on-start resume`, or close ours by "
                "`--on-start flatten`.",
            )

    def _note_start(self, events: list[Event | Edited]) -> None:
        """The first price starts the bot: its time, and the worth of a spot account at it."""
        first = next((event for event in events if type(event) is MarketMoved), None)
        if first is None:
            return
        self._book.started_ns = first.at_ns
        if self._book.equity_start is None:
            self._book.equity_start = self._portfolio.equity(self.spec.venue, self.spec.instrument)
        self._is_book_changed = True

    def _changes(self) -> dict[str, str | None]:
        changes = self.machine.changes()
        if self._is_book_changed:
            changes[SERVICE_KEY] = self._book.dump()
            self._is_book_changed = False
        return changes

    def _arm(self) -> None:
        """Wakes the machine at the moment its horizon names."""
        at_ns = self.machine.horizon().at_ns
        if at_ns == self._timer_ns:
            return
        self._disarm()
        if at_ns is not None:
            self._timer_ns = at_ns
            self._timer = self._clock.call_at_ns(at_ns, self._on_timer)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._timer_ns = None

    def _on_timer(self) -> None:
        self._timer = self._timer_ns = None
        self._inbox.post(TimeReached(at_ns=self._clock.now_ns()))

    # -- the end ------------------------------------------------------------------------------

    async def _end(self) -> BotOutcome:
        """Closes the account of this bot and says how it ended."""
        machine = self.machine
        self._inbox.close()
        for line in self._held_lines:
            self._tell(*line)
        result, equity = await self._final_figures()
        is_closed = machine.open_orders == 0 and not result.position
        await self._gateway.detach(self.spec.bot_id, is_closed=is_closed)
        exit_code, text = closing_line(machine, self.spec.instrument.base)
        fields = (("reason", machine.phase_reason), ("text", text))
        self._tell(self._last_ns, "bot.stopped", fields)
        return BotOutcome(
            exit_code=exit_code,
            text=text,
            summary=summary_fields(
                result=result,
                equity_start=self._book.equity_start,
                equity_end=equity,
                open_orders=machine.open_orders,
                feed=self._market.feed,
                started_ns=self._book.started_ns,
                ended_ns=self._last_market_ns(),
            ),
        )

    async def _final_figures(self) -> tuple[GridResult, Decimal | None]:
        """Our ledger and the venue's word on the account, valued at the same price.

        A price that moves while the venue answers would make the two differ by the move, so the
        question is asked again until the price stood still.
        """
        symbol, venue = self.spec.symbol, self.spec.venue
        equity: Decimal | None = None
        for _ in range(EQUITY_TRIES):
            before = self._market.mark(symbol)
            try:
                equity = await self._portfolio.read_equity(venue, self.spec.instrument)
            except VenueError as error:
                # All is done and in the journal by now; only the venue's word on it is missing.
                log.warning("equity.no_answer bot=%s error=%s", self.spec.bot_id, error)
                equity = None
                break
            if self._market.mark(symbol) == before:
                break
        # The venue's own mark is what its word on the account was reckoned with.
        held = self._portfolio.position(venue, symbol)
        mark = self._market.mark(symbol)
        if held is not None and held.mark_price is not None:
            mark = held.mark_price
        return self.machine.result(self._clock.now_ns(), mark), equity

    def _last_market_ns(self) -> int | None:
        newest = self._market.newest(self.spec.symbol)
        return None if newest is None else newest.at_ns


def _conflation_key(event: Event | Edited) -> str | None:
    """Market moves replace each other, everything else is kept."""
    return "market" if type(event) is MarketMoved else None
