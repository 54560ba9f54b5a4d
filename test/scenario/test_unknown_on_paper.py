"""The UNKNOWN scenarios against the paper venue's switchboard, on virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import FillData, OrderData, OrderSide, OrderStatus, OrderType
from core.adapters.storage.journal import SqliteJournal
from core.domain.commands import CancelOrder, Command, PlaceOrder, Reason, Role
from core.domain.events import OrderEnded, OrderFilled, Reconciled
from core.infrastructure import virtual_time
from core.services.execution.service import ExecutionService
from core.services.gateway import Attached, BotSpec, Step
from core.services.risk.limits import Limits
from core.services.risk.service import RiskService
from core.testing.execution import Inbox
from core.testing.feeds import START_NS
from core.testing.venue import PERP, PaperHarness, instrument

BOT = f"paper/paper/main/{PERP}/story"


class Story:
    """A bot on the paper venue; the market moves and dies when the story says so."""

    def __init__(self, folder: Path) -> None:
        self.venue = PaperHarness(folder / "venue.db")
        self.faults = self.venue.faults
        self.inbox = Inbox()
        self.traded = instrument()
        self._path = folder / "journal.db"

    async def start(self) -> Attached:
        """A new process on the same files."""
        self.journal = SqliteJournal(self._path, is_inline=True, busy_wait_s=0)
        clock = self.venue.clock
        risk = RiskService(self.journal, clock)
        risk.register(BOT, self.traded, Limits())
        self.service = ExecutionService(
            venue=self.venue.exchange,
            journal=self.journal,
            risk=risk,
            clock=clock,
            instance_id="story",
            reference=lambda _: None,
        )
        self.inbox = Inbox()
        spec = BotSpec(
            bot_id=BOT,
            name="story",
            app="grid",
            mode="paper",
            venue="paper",
            symbol=PERP,
            instrument=self.traded,
            order_prefix=self.service.order_prefix(BOT),
            fingerprint={},
            config="{}",
        )
        return await self.service.attach(spec, self.inbox)

    async def die(self) -> None:
        """`kill -9` of the engine: what was not durable is gone."""
        self.journal._buffer.clear()
        self.journal.close()
        self.venue.exchange.abandon()
        await self.service.close()

    async def restart(self) -> Attached:
        """The next process."""
        await self.venue.start()
        return await self.start()

    async def wait(self, seconds: float) -> None:
        """Lets time pass."""
        await self.venue.clock.sleep(seconds)

    async def step(self, *commands: Command) -> None:
        """One turn with every fill that is not yet taken in."""
        fills = tuple(
            fill
            for fill in self.inbox.of(OrderFilled)
            if fill.trade_id not in self.journal.trade_ids(fill.client_order_id)
        )
        now_ns = self.venue.clock.now_ns()
        await self.service.step(Step(bot_id=BOT, at_ns=now_ns, commands=commands, applied=fills))

    @property
    def account(self) -> str:
        """Of the venue."""
        return self.venue.exchange.account

    async def at_venue(self, client_order_id: str) -> list[OrderData]:
        """Every order there with one of our ids, in any state."""
        exchange = self.venue.exchange
        found = [*await exchange.get_open_orders(PERP), *await exchange.get_order_history(PERP)]
        return [item for item in found if item.client_order_id == client_order_id]

    async def position(self) -> Decimal:
        """What the venue holds."""
        positions = await self.venue.exchange.get_positions([PERP])
        return sum((item.size for item in positions), Decimal(0))

    def told(self, client_order_id: str) -> list[str]:
        """Names of the events that the bot heard of one order."""
        return [
            type(event).__name__
            for event in self.inbox.events
            if getattr(event, "client_order_id", None) == client_order_id
        ]


def buy(client_order_id: str, price: int = 1990, amount: int = 100) -> PlaceOrder:
    """A limit buy in ticks and lots."""
    return PlaceOrder(
        client_order_id=client_order_id,
        symbol=PERP,
        side=OrderSide.BUY,
        order_type=OrderType.LIMIT,
        price=price,
        amount=amount,
        role=Role.ENTRY,
        reason=Reason("story"),
    )


def sell(client_order_id: str, price: int = 2010, amount: int = 100) -> PlaceOrder:
    """A limit sell in ticks and lots."""
    return PlaceOrder(
        client_order_id=client_order_id,
        symbol=PERP,
        side=OrderSide.SELL,
        order_type=OrderType.LIMIT,
        price=price,
        amount=amount,
        role=Role.EXIT,
        reason=Reason("story"),
    )


def cancel(client_order_id: str) -> CancelOrder:
    """A cancel."""
    return CancelOrder(client_order_id=client_order_id, symbol=PERP, reason=Reason("story"))


Tale = Callable[[Story], Awaitable[None]]


@pytest.fixture
def tell(tmp_path: Path) -> Callable[[Tale], None]:
    """Runs a tale from its first attach to the end of its engine."""

    def run(tale: Tale) -> None:
        async def whole() -> None:
            story = Story(tmp_path)
            await story.venue.start()
            await story.start()
            try:
                await tale(story)
            finally:
                await story.service.close()
                story.journal.close()
                await story.venue.stop()

        virtual_time.run(whole(), start_ns=START_NS)

    return run


def test_a_lost_request_is_proved_absent(tell: Callable[[Tale], None]):
    """T1: zero orders exist, and the slot is freed with evidence."""

    async def tale(story: Story) -> None:
        story.faults.lose_request("create_order")
        await story.step(buy("a1"))
        await story.wait(30)

        assert story.told("a1") == ["OrderUnknown", "OrderEnded"]
        assert story.inbox.of(OrderEnded)[0].code == "NOT_PLACED"
        assert await story.at_venue("a1") == []

    tell(tale)


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_lost_answer_is_found(tell: Callable[[Tale], None], *, is_silent: bool):
    """T2: by the stream or by asking; exactly one order, never sent again."""

    async def tale(story: Story) -> None:
        if is_silent:
            story.faults.silence()
        story.faults.lose_answer("create_order")
        await story.step(buy("a1"))
        await story.wait(30)

        assert story.told("a1")[-1] == "OrderAccepted"
        assert len(await story.at_venue("a1")) == 1

    tell(tale)


def test_a_lost_answer_of_an_order_that_filled_is_booked_once(tell: Callable[[Tale], None]):
    """T3: the stream is silent; the fill is found, applied once, and the exit placed once."""

    async def tale(story: Story) -> None:
        silence = story.faults.silence()
        story.faults.lose_answer("create_order")
        await story.step(buy("a1", price=2005))
        await story.wait(30)
        silence.cancel()
        await story.step(sell("b1"))
        await story.wait(30)

        assert story.told("a1") == ["OrderUnknown", "OrderAccepted", "OrderFilled", "OrderEnded"]
        assert story.service.ledger(BOT).position == await story.position() == Decimal("0.1")
        assert len(await story.at_venue("a1")) == len(await story.at_venue("b1")) == 1

    tell(tale)


@pytest.mark.parametrize("after_acceptance", [False, True])
def test_a_5xx_proves_nothing(tell: Callable[[Tale], None], *, after_acceptance: bool):
    """T4: it is resolved by asking, to the one or the other end."""

    async def tale(story: Story) -> None:
        story.faults.fail("create_order", status=503, after_acceptance=after_acceptance)
        await story.step(buy("a1"))
        await story.wait(30)

        assert story.told("a1")[-1] == ("OrderAccepted" if after_acceptance else "OrderEnded")
        assert len(await story.at_venue("a1")) == int(after_acceptance)

    tell(tale)


def test_a_venue_whose_lists_lag_is_not_believed_too_early(tell: Callable[[Tale], None]):
    """V29, P6: hidden for four seconds from every query, the order is found and not given up."""

    async def tale(story: Story) -> None:
        story.faults.silence()
        story.faults.hide(lag_s=4)
        story.faults.fail("create_order", after_acceptance=True)
        await story.step(buy("a1"))
        await story.wait(60)

        assert story.told("a1") == ["OrderUnknown", "OrderAccepted"]

    tell(tale)


def test_a_cancel_without_an_answer_is_repeated(tell: Callable[[Tale], None]):
    """T6: lost twice, once before and once after it took effect."""

    async def tale(story: Story) -> None:
        await story.step(buy("a1"))
        await story.wait(1)
        story.faults.lose_request("cancel_order")
        story.faults.lose_answer("cancel_order")
        await story.step(cancel("a1"))
        await story.wait(60)

        (end,) = story.inbox.of(OrderEnded)
        assert (end.status, end.is_ours) == (OrderStatus.CANCELED, True)
        assert await story.venue.exchange.get_open_orders(PERP) == []

    tell(tale)


def test_refused_connections_and_429_end_the_order_at_once(tell: Callable[[Tale], None]):
    """T9, T10: both are proof that nothing was placed, and the next order waits its time."""

    async def tale(story: Story) -> None:
        story.faults.not_sent("create_order")
        await story.step(buy("a1"))
        await story.wait(0.5)
        assert story.told("a1") == ["OrderEnded"]
        await story.wait(5)
        story.faults.limit("create_order", retry_after_s=3)
        await story.step(buy("a2"))
        await story.wait(0.5)
        await story.step(buy("a3"))
        await story.wait(2)
        assert await story.at_venue("a3") == []

        await story.wait(3)
        assert story.told("a2") == ["OrderEnded"]
        assert len(await story.at_venue("a3")) == 1

    tell(tale)


def test_private_messages_lost_doubled_late_and_swapped(tell: Callable[[Tale], None]):
    """V1, V2, V6, T18: whatever the stream does, each execution counts once."""

    async def tale(story: Story) -> None:
        story.faults.hold(OrderData, seconds=2)
        story.faults.duplicate(FillData)
        story.faults.cut("0.3", "0.3")
        await story.step(buy("a1", price=1995))
        await story.wait(1)
        story.faults.drop(OrderData, times=3)
        for _ in range(3):
            await story.venue.trade("199")
        await story.wait(5)
        story.faults.drop(FillData)
        await story.step(buy("a2", price=1985))
        await story.wait(1)
        await story.venue.trade("198")
        await story.wait(10)
        await story.step()

        assert story.service.ledger(BOT).position == await story.position() == Decimal("0.2")
        filled = [end.filled for end in story.inbox.of(OrderEnded)]
        assert filled == [100, 100]

    tell(tale)


def test_a_fill_that_beats_the_cancel_counts(tell: Callable[[Tale], None]):
    """V4: the venue says filled, and that is what is booked."""

    async def tale(story: Story) -> None:
        await story.step(buy("a1"))
        await story.wait(1)
        story.faults.fill_first()
        await story.step(cancel("a1"))
        await story.wait(10)
        await story.step()

        (end,) = story.inbox.of(OrderEnded)
        assert (end.status, end.filled) == (OrderStatus.FILLED, 100)
        assert story.service.ledger(BOT).position == await story.position()

    tell(tale)


def test_a_part_that_filled_before_the_cancel_counts(tell: Callable[[Tale], None]):
    """V5: cut to thirty percent, then cancelled; accounted to the lot."""

    async def tale(story: Story) -> None:
        story.faults.cut("0.3")
        await story.step(buy("a1"))
        await story.wait(1)
        await story.venue.trade("198.5")
        await story.step(cancel("a1"))
        await story.wait(1)
        await story.step()

        (end,) = story.inbox.of(OrderEnded)
        assert story.service.ledger(BOT).position == await story.position()
        assert end.filled == int(story.service.ledger(BOT).position / Decimal("0.001"))

    tell(tale)


@pytest.mark.parametrize("instant_s", [0.0, 0.02, 0.05, 0.08, 0.2, 5.0])
def test_killed_around_a_create_there_is_one_order_at_most(
    tell: Callable[[Tale], None], instant_s: float
):
    """PR2, PR3, PR4: before the POST, on its way, before and after the acknowledgement."""

    async def tale(story: Story) -> None:
        await story.step(buy("a1"))
        await story.wait(instant_s)
        await story.die()
        await story.restart()
        await story.wait(60)

        orders = await story.at_venue("a1")
        assert len(orders) <= 1
        last = story.told("a1")[-1]
        assert last == ("OrderAccepted" if orders else "OrderEnded")
        stored = story.journal.intent("a1")
        assert stored is not None
        assert stored.state == ("ACKED" if orders else "NOT_PLACED")

    tell(tale)


def test_killed_between_fill_and_exit_the_exit_is_placed_once(tell: Callable[[Tale], None]):
    """PR1, PR5: heard, not booked; handed over again after two crashes, and booked once."""

    async def tale(story: Story) -> None:
        await story.step(buy("a1"))
        await story.wait(1)
        await story.venue.trade("198.5")
        await story.wait(1)
        assert len(story.inbox.of(OrderFilled)) == 1
        for _ in range(2):
            await story.die()
            await story.restart()
            assert len(story.inbox.of(OrderFilled)) == 1
        await story.step(sell("b1"))
        await story.wait(1)
        await story.die()
        attached = await story.restart()
        await story.wait(1)

        assert story.inbox.of(OrderFilled) == []
        assert attached.ledger_position == await story.position() == Decimal("0.1")
        assert story.inbox.of(Reconciled)[-1].open_orders == {"b1"}
        assert len(await story.at_venue("b1")) == 1

    tell(tale)


def test_a_disconnection_loses_nothing(tell: Callable[[Tale], None]):
    """T13: orders fill while the stream is down; they are caught up when it is back."""

    async def tale(story: Story) -> None:
        await story.step(buy("a1"))
        await story.wait(1)
        story.faults.disconnect(for_s=10)
        await story.venue.trade("198.5")
        await story.wait(20)
        await story.step()

        assert story.told("a1")[-2:] == ["OrderFilled", "OrderEnded"]
        assert story.service.ledger(BOT).position == await story.position() == Decimal("0.1")

    tell(tale)
