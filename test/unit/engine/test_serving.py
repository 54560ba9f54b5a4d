"""An engine in real time, from its start to its end, in this process."""

import gc
from pathlib import Path

import pytest

from core.engine.protocol import BotEnded, StartBot
from core.infrastructure.garbage import SELDOM
from core.wiring import engines

CONFIG = """
grid_system:
  exchange: paper
  name: short
  symbol: BTC-USDC-PERP
  grid_type: long
  grid_interval: "100"
  order_amount: "0.01"
  price_range: {lower_price: "117000", upper_price: "119000"}
  paper: {initial_balance: "1000000"}
"""


class Looker:
    """Notes how the collector of garbage stands whenever something is told."""

    def __init__(self) -> None:
        self.thresholds: set[tuple[int, int, int]] = set()
        self.left_alone: dict[str, bool] = {}

    def event(self, bot: str, at_ns: int, event: str, fields: object) -> None:
        """A line of the diary."""
        self.thresholds.add(gc.get_threshold())
        self.left_alone[event] = gc.get_freeze_count() > 0

    def notice(self, text: str) -> None:
        """Something a person should know."""

    def ended(self, ended: BotEnded) -> None:
        """The closing line."""


@pytest.mark.usefixtures("ctos_home")
def test_the_collector_of_garbage_keeps_away_while_a_bot_runs(tmp_path: Path) -> None:
    """It looks seldom, and not at what was there when the bot began; afterwards it is as before."""
    before, looker = gc.get_threshold(), Looker()
    request = StartBot(
        app="grid", path="short.yaml", text=CONFIG, feed="sim:7", duration_s=0.2, speed="1"
    )

    assert engines.run_foreground(request, looker) == 0

    assert looker.thresholds == {SELDOM}
    assert looker.left_alone["bot.started"]
    assert looker.left_alone["order.placed"]
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
