"""A process that stood still: what an engine does when it wakes up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from core.domain.events import DataStale
from core.engine.engine import Engine, Fields
from core.engine.protocol import Push, StartBot
from core.infrastructure.clock import WallClock
from core.infrastructure.home import Home
from core.testing.execution import Inbox
from core.wiring import Doors

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
            monkeypatch.setattr(
                WallClock, name, lambda clock, behind=behind: behind(clock) + 3 * 10**9
            )

        await until(lambda: teller.events.count("reconciled") > before)

        assert len(inbox.of(DataStale)) >= 1
