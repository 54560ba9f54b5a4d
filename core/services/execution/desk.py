"""The table that everyone in this room works at: calls to the venue, and what follows from answers.

Nothing here decides. `call` gives a request its turn, its time limit and its line in the log of
requests; `carry_out` takes what the order manager left to be done and sees that it is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from core.adapters.exchanges.interface import ExchangeInterface
from core.adapters.exchanges.models import Capabilities, from_ns
from core.errors import (
    CtosError,
    JournalError,
    MalformedMessage,
    OutcomeUnknown,
    RateLimited,
)
from core.infrastructure.clock import Clock
from core.infrastructure.departures import departures
from core.infrastructure.foreign_text import tame
from core.services.execution.order_manager import DiaryFields, OrderManager
from core.services.execution.sender import Priority, Sender
from core.services.execution.settings import ExecutionSettings
from core.services.execution.tracked import Alarm, BotBook, TrackedOrder
from core.services.ports import DiaryRow, Journal, Transaction

log = logging.getLogger(__name__)

T = TypeVar("T")

DiaryCallback = Callable[[str, int, str, DiaryFields], None]
"""Called with (bot id, time in ns, event, fields)."""
AlarmCallback = Callable[[Alarm], None]
CalmCallback = Callable[[str, str], None]
"""Bot id, or none for all, and the code of the alarm that is over."""
OrderCallback = Callable[[TrackedOrder], None]

CALLS_KEPT: Final = 100


class VenueCall(NamedTuple):
    """One call to the venue, without secrets."""

    at_ns: int
    venue: str
    method: str
    detail: str
    weight: int
    took_ms: float | None
    """None while it is under way."""
    answer: str

    @property
    def at(self) -> datetime:
        """When it was made."""
        return from_ns(self.at_ns)


def _no_diary(bot_id: str, at_ns: int, event: str, fields: DiaryFields) -> None:
    """Nobody reads."""


def _no_alarm(alarm: Alarm) -> None:
    """Nobody hears; the log has it."""


def _no_calm(bot_id: str, code: str) -> None:
    """Nobody hears; the log has it."""


def _unknown() -> Capabilities:
    """Before the venue was asked."""
    return Capabilities(market_types=frozenset())


def _nothing(order: TrackedOrder) -> None:
    """Nobody takes care yet."""


class Asked:
    """When a question left: it may have waited for its turn, and says nothing about that time."""

    __slots__ = ("_clock", "ns", "told_ns")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ns = clock.monotonic_ns()
        """Monotonic; of its first request, for the whole answer is no newer than that."""
        self.told_ns = self.ns
        """When it was answered."""

    def leaving(self, request: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
        """The request, with its moments noted: the door's own where it tells when it left."""

        async def leave() -> T:
            self.ns = self._clock.monotonic_ns()
            with departures() as noted:
                try:
                    return await request()
                finally:
                    self.ns = min(noted, default=self.ns)
                    self.told_ns = self._clock.monotonic_ns()

        return leave


@dataclass(slots=True)
class Desk:
    """What all parts of execution share."""

    venue: ExchangeInterface
    journal: Journal
    clock: Clock
    settings: ExecutionSettings
    sender: Sender
    manager: OrderManager = field(default_factory=OrderManager)
    on_diary: DiaryCallback = _no_diary
    on_alarm: AlarmCallback = _no_alarm
    on_calm: CalmCallback = _no_calm
    start_cancel: OrderCallback = _nothing
    start_resolving: OrderCallback = _nothing
    start_settling: OrderCallback = _nothing
    capabilities: Capabilities = field(default_factory=_unknown)
    is_closed: bool = False
    bots: dict[str, BotBook] = field(default_factory=dict)
    """Bot id -> attached bot."""
    calls: deque[VenueCall] = field(default_factory=lambda: deque(maxlen=CALLS_KEPT))
    _tasks: dict[asyncio.Task[None], None] = field(default_factory=dict)

    def bot_on(self, symbol: str) -> BotBook | None:
        """The one bot that trades a symbol here."""
        for bot in self.bots.values():
            if bot.spec.symbol == symbol:
                return bot
        return None

    # -- work ---------------------------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Starts work that outlives its caller; `close` ends it."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[task] = None
        task.add_done_callback(self._done)
        return task

    async def close(self) -> None:
        """Ends all work under way and waits for it."""
        self.is_closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        self.sender.close()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("execution.task_failed task=%s", task.get_name(), exc_info=error)
            text = f"{task.get_name()} failed: {error!r}"
            self.alarm(Alarm("", "TASK_FAILED", text, self.clock.now_ns()))

    # -- the venue ----------------------------------------------------------------------------

    async def call(
        self,
        method: str,
        detail: str,
        priority: Priority,
        request: Callable[[], Awaitable[T]],
    ) -> T:
        """One call with its turn, time limit and line in the log of requests.

        Raises:
            OutcomeUnknown: If no answer came in time.
            MalformedMessage: If the answer could not be made sense of.
            CtosError: Whatever else the venue's door raises.
        """
        await self.sender.acquire(priority)
        try:
            return await self.timed(method, detail, request)
        finally:
            self.sender.release(priority)

    async def timed(self, method: str, detail: str, request: Callable[[], Awaitable[T]]) -> T:
        """As `call`, for who has its turn already."""
        at_ns, began_ns = self.clock.now_ns(), self.clock.monotonic_ns()
        answer = "cancelled"
        try:
            async with self.clock.timeout(self.settings.request_timeout_s):
                result = await request()
        except TimeoutError as error:
            answer = "no answer"
            seconds = self.settings.request_timeout_s
            raise OutcomeUnknown(
                f"{self.venue.venue} did not answer {method} within {seconds:g} s.",
                venue=self.venue.venue,
                code="TIMEOUT",
            ) from error
        except RateLimited as error:
            answer = f"rate limited for {error.retry_after_s:g} s"
            self.sender.pause(error.retry_after_s, is_ban=error.is_ban)
            raise
        except CtosError as error:
            answer = type(error).__name__
            raise
        except Exception as error:
            answer = repr(error)
            log.exception("venue.unreadable method=%s detail=%s", method, detail)
            raise MalformedMessage(
                f"{self.venue.venue}'s answer to {method} cannot be read: {error!r}.",
                venue=self.venue.venue,
            ) from error
        else:
            answer = "ok"
            self.sender.answered()
            return result
        finally:
            took_ms = (self.clock.monotonic_ns() - began_ns) / 1e6
            self.calls.append(
                VenueCall(at_ns, self.venue.venue, method, detail, 1, took_ms, answer)
            )

    # -- outcomes -----------------------------------------------------------------------------

    def carry_out(self) -> None:
        """Writes, tells and starts what the manager left to be done."""
        out = self.manager.drain()
        if out is None:
            return
        for bot_id, at_ns, event, fields in out.lines:
            # Not written into the diary: intents and their evidence say the same.
            self.on_diary(bot_id, at_ns, event, fields)
        if out.transaction:
            self.write(out.transaction)
        for order in out.cancels:
            self.start_cancel(order)
        for order in out.unknown:
            self.start_resolving(order)
        for order in out.short:
            self.start_settling(order)
        for alarm in out.alarms:
            self.alarm(alarm)

    def write(self, transaction: Transaction) -> None:
        """Writes what the venue could tell again; a failure is an alarm, not the caller's."""
        try:
            self.journal.write(transaction)
        except JournalError as error:
            log.exception("journal.write_failed")
            self.on_alarm(Alarm("", "JOURNAL", str(error), self.clock.now_ns()))

    def diary(self, bot_id: str, at_ns: int, event: str, fields: DiaryFields) -> None:
        """One line, written and told."""
        self.write(Transaction(diary=[diary_row(bot_id, at_ns, event, fields)]))
        self.on_diary(bot_id, at_ns, event, fields)

    def calm(self, code: str, bot_id: str = "") -> None:
        """What an alarm told of has ended by itself; an empty bot id means all of them."""
        log.warning("execution.alarm_over code=%s bot=%s", code, bot_id)
        self.on_calm(bot_id, code)

    def alarm(self, alarm: Alarm) -> None:
        """Calls a person; what a venue said in it holds no secret and forges no line."""
        alarm = replace(alarm, text=tame(alarm.text))
        log.error("execution.alarm code=%s bot=%s text=%s", alarm.code, alarm.bot_id, alarm.text)
        if alarm.bot_id:
            fields = (("code", alarm.code), ("text", alarm.text))
            self.diary(alarm.bot_id, alarm.at_ns, "bot.alarm", fields)
        self.on_alarm(alarm)


def diary_row(bot_id: str, at_ns: int, event: str, fields: DiaryFields) -> DiaryRow:
    """A line as the journal takes it."""
    return DiaryRow(bot_id, at_ns, event, msgspec.json.encode(dict(fields)).decode())
