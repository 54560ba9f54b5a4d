"""Execution on a bench: one bot, a scripted venue, a real journal, virtual time, and crashes.

bench = Bench(folder)
bench.attach()
bench.place("a1", OrderSide.BUY, 100)
bench.wait(1)
bench.crash()               # nothing that was not durable survives
bench.attach()              # the same folder and venue, a new process
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from core.adapters.exchanges.models import (
    Capabilities,
    ExchangeType,
    Instrument,
    OrderSide,
    OrderType,
    TimeInForce,
)
from core.adapters.storage.journal import SqliteJournal
from core.domain.commands import CancelOrder, Command, PlaceOrder, Reason, Role
from core.domain.events import Event, OrderFilled
from core.infrastructure.clock import VirtualClock
from core.infrastructure.virtual_time import VirtualLoop
from core.services.execution.order_manager import DiaryFields
from core.services.execution.service import ExecutionService
from core.services.execution.settings import ExecutionSettings
from core.services.execution.tracked import Alarm
from core.services.gateway import Attached, BotSpec, Step
from core.services.ports import StoredIntent
from core.services.risk.limits import Limits
from core.services.risk.rules import Reference
from core.services.risk.service import RiskService
from core.testing.scripted_venue import ScriptedVenue

START_NS = 1_760_000_000_000_000_000
SYMBOL = "TEST-USDC-PERP"
BOT = "paper/scripted/test/TEST-USDC-PERP/bench"

T = TypeVar("T")
E = TypeVar("E")


def instrument(**changes: Any) -> Instrument:  # noqa: ANN401 # fields of Instrument
    """A perpetual with a tick of 0.1 and a lot of 0.001."""
    return replace(
        Instrument(
            symbol=SYMBOL,
            venue="scripted",
            market_type=ExchangeType.PERPETUAL,
            base="TEST",
            quote="USDC",
            tick_size=Decimal("0.1"),
            lot_size=Decimal("0.001"),
        ),
        **changes,
    )


def order(
    client_order_id: str,
    side: OrderSide = OrderSide.BUY,
    price: int | None = 1000,
    amount: int = 500,
    *,
    role: Role = Role.ENTRY,
    time_in_force: TimeInForce = TimeInForce.GTC,
) -> PlaceOrder:
    """A limit order in ticks and lots; a market order without a price."""
    return PlaceOrder(
        client_order_id=client_order_id,
        symbol=SYMBOL,
        side=side,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        price=price,
        amount=amount,
        time_in_force=time_in_force,
        role=role,
        level=1,
        reason=Reason("test.placed"),
    )


def cancel(client_order_id: str) -> CancelOrder:
    """A cancel."""
    return CancelOrder(
        client_order_id=client_order_id, symbol=SYMBOL, reason=Reason("test.canceled")
    )


class Inbox:
    """Everything that was handed over, in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def post(self, event: Event) -> None:
        """Keeps it."""
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


class Bench:
    """One engine's worth of execution; `crash` and `attach` make the next one.

    Args:
        folder: Where the journal lies.
        traded: What is traded.
        capabilities: Of the venue.
        settings: Bounds of execution.
        limits: Of risk; none by default.
    """

    def __init__(
        self,
        folder: Path,
        *,
        traded: Instrument | None = None,
        capabilities: Capabilities | None = None,
        settings: ExecutionSettings | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.path = folder / "journal.db"
        self.instrument = traded or instrument()
        self.settings = settings or ExecutionSettings()
        self.limits = limits or Limits()
        self.loop = VirtualLoop(START_NS)
        self.clock = VirtualClock(self.loop)
        self.venue = ScriptedVenue(self.clock, self.instrument, capabilities)
        self.reference: Reference | None = Reference(
            bid=Decimal(100), ask=Decimal("100.1"), mark=Decimal("100.05")
        )
        self.inbox = Inbox()
        self.diary: list[tuple[str, int, str, DiaryFields]] = []
        self.alarms: list[Alarm] = []
        self.calmed: list[str] = []
        """Codes of alarms that were over by themselves."""
        self.fingerprint: dict[str, str] = {"grid_type": "long"}
        self._applied: set[str] = set()
        self._boot()

    # -- life ---------------------------------------------------------------------------------

    def attach(self, **changes: Any) -> Attached:  # noqa: ANN401 # fields of BotSpec
        """Attaches the bot with an empty inbox."""
        self.inbox = Inbox()
        self._applied.clear()
        return self.run(self.service.attach(replace(self.spec(), **changes), self.inbox))

    def spec(self) -> BotSpec:
        """Who the bot is."""
        return BotSpec(
            bot_id=BOT,
            name="bench",
            app="grid",
            mode="paper",
            venue="scripted",
            symbol=SYMBOL,
            instrument=self.instrument,
            order_prefix=self.service.order_prefix(BOT),
            fingerprint=dict(self.fingerprint),
            config="{}",
        )

    def crash(self) -> None:
        """Kills the engine: what was not durable is gone, and nothing more leaves it."""
        self.journal._buffer.clear()  # noqa: SLF001 # what a process had not yet written dies with it
        self.journal.close()
        self.venue.silence()
        self.run(self.service.close())
        now_ns = self.loop.now_ns()
        self.loop.close()
        self.loop = VirtualLoop(now_ns)
        self.clock = VirtualClock(self.loop)
        self.venue.use(self.clock)
        self._boot()

    def close(self) -> None:
        """Ends everything."""
        self.run(self.service.close())
        self.journal.close()
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs work on virtual time to its end."""
        return self.loop.run_until_complete(work)

    def do(self, act: Callable[[], T]) -> T:
        """Lets the venue act while the loop runs, as it does in life."""

        async def once() -> T:
            return act()

        return self.run(once())

    def wait(self, seconds: float) -> None:
        """Lets virtual time pass."""
        self.run(self.clock.sleep(seconds))

    # -- what a bot does ----------------------------------------------------------------------

    def step(self, *commands: Command, state: dict[str, str | None] | None = None) -> None:
        """One turn: the commands, and every fill that was handed over and not yet taken in."""
        taken = [fill for fill in self.fills() if fill.trade_id not in self._applied]
        self.run(
            self.service.step(
                Step(
                    bot_id=BOT,
                    at_ns=self.clock.now_ns(),
                    commands=commands,
                    applied=tuple(taken),
                    state=state or {},
                )
            )
        )
        self._applied.update(fill.trade_id for fill in taken)

    def place(
        self, client_order_id: str, side: OrderSide = OrderSide.BUY, price: int = 1000
    ) -> None:
        """One order, and a moment for its answer."""
        self.step(order(client_order_id, side, price))
        self.wait(0.01)

    # -- what came of it ----------------------------------------------------------------------

    def fills(self) -> list[OrderFilled]:
        """Executions handed over since the last attach."""
        return self.inbox.of(OrderFilled)

    def stored(self, client_order_id: str) -> StoredIntent:
        """An intent as the journal has it.

        Raises:
            AssertionError: If it has none.
        """
        found = self.journal.intent(client_order_id)
        if found is None:
            raise AssertionError(f"no intent {client_order_id}")
        return found

    def words(self) -> list[str]:
        """Names of the diary's lines."""
        return [event for _, _, event, _ in self.diary]

    def _boot(self) -> None:
        self.journal = SqliteJournal(self.path, is_inline=True, busy_wait_s=0)
        self.risk = RiskService(self.journal, self.clock)
        self.risk.register(BOT, self.instrument, self.limits)
        self.service = ExecutionService(
            venue=self.venue,
            journal=self.journal,
            risk=self.risk,
            clock=self.clock,
            instance_id="bench",
            reference=lambda _: self.reference,
            on_diary=lambda *line: self.diary.append(line),
            on_alarm=self.alarms.append,
            on_calm=lambda _, code: self.calmed.append(code),
            settings=self.settings,
        )
