"""Time that misbehaves: a process that stood still, and a wall clock that is set."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from core.domain.events import DataStale
from core.engine.engine import Engine, Fields
from core.engine.protocol import Push, StartBot
from core.infrastructure.clock import Cancellable, VirtualClock, WallClock, WallTimer, datetime_of
from core.infrastructure.home import Home
from core.testing import execution
from core.testing.execution import Bench, Inbox, order
from core.testing.scripted_venue import Create
from core.wiring.doors import Doors

CONFIG = """
grid_system:
  exchange: paper
  name: bot
  symbol: BTC-USDC-PERP
  grid_type: long
  grid_interval: "100"
  order_amount: "0.01"
  price_range: {lower_price: "117000", upper_price: "119000"}
  on_exit: cancel_orders
  paper: {initial_balance: "1000000", latency_ms: 0, fill: through}
"""


class Teller:
    """Keeps the names of diary lines."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def line(self, bot: str, at_ns: int, event: str, fields: Fields) -> None:
        """Keeps one."""
        self.events.append(event)

    def push(self, push: Push) -> None:
        """Nobody is connected."""


async def until(is_so: Callable[[], bool]) -> None:
    """Waits for something in this process to come true."""
    async with asyncio.timeout(20):
        while not is_so():  # noqa: ASYNC110 # what is waited for tells nobody
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    "moved",
    [
        pytest.param(("now_ns", "monotonic_ns"), id="the loop was blocked"),
        pytest.param(("now_ns",), id="the machine slept, or its clock was set"),
    ],
)
async def test_after_standing_still_nothing_is_believed_before_it_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moved: tuple[str, ...]
):
    """PR13, PR14: three seconds are missing: prices are stale, journal and venue are compared."""
    folder = Home(tmp_path / "home").mode_folder("paper")
    doors, teller, inbox = Doors(), Teller(), Inbox()
    request = StartBot(app="grid", path="/bot.yaml", text=CONFIG, feed="sim:7", is_detached=True)
    journal = doors.journal(folder)
    async with Engine(
        mode="paper", folder=folder, doors=doors, journal=journal, instance_id="abcde12345"
    ) as engine:
        engine.teller = teller
        await engine.start_bot(request)
        bot = engine.bots["bot"]
        await until(lambda: teller.events.count("order.placed") >= 20)
        await engine.account_of(bot).market.listen(bot.plan.settings.instrument, inbox)
        before = teller.events.count("reconciled")
        for name in moved:
            behind = getattr(WallClock, name)
            ahead = staticmethod(lambda behind=behind: behind() + 3 * 10**9)
            monkeypatch.setattr(WallClock, name, ahead)

        await until(lambda: teller.events.count("reconciled") > before)

        assert len(inbox.of(DataStale)) >= 1


class SetClock(VirtualClock):
    """A wall clock that somebody sets; what passes is the loop's time."""

    offset_ns = 0

    def now_ns(self) -> int:
        """What the wall says."""
        return self._loop.now_ns() + self.offset_ns

    def now(self) -> datetime:
        """What the wall says."""
        return datetime_of(self.now_ns())

    def call_at_ns(self, ns: int, callback: Callable[[], object]) -> Cancellable:
        """When the wall says so."""
        return WallTimer(self.now_ns, 1.0, ns, callback)


@pytest.mark.parametrize("set_by_s", [3600, -3600])
def test_a_clock_that_is_set_neither_shortens_nor_stretches_the_proof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, set_by_s: int
):
    """CK1: an hour forward or back while an order is in doubt: the proof takes as long as ever."""
    monkeypatch.setattr(execution, "VirtualClock", SetClock)
    bench = Bench(tmp_path)
    bench.attach()
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.step(order("a1"))
    bench.wait(0.1)
    assert isinstance(bench.clock, SetClock)
    bench.clock.offset_ns = set_by_s * 10**9

    bench.wait(9)
    assert bench.stored("a1").state == "UNKNOWN"
    bench.wait(10)
    assert bench.stored("a1").state == "NOT_PLACED"
    bench.close()
