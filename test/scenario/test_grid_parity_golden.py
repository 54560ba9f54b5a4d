"""The tape on which all sound engines agree: a neutral grid of 41 lines, filled on touch.

A slow walk around 50000 that never leaps over two lines, fees of 0.02 %, no latency. Several
independent engines give these figures for the first 40 000 of its trades and for the first 200 000.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from core.adapters.exchanges.interface import ExchangeInterface
from core.adapters.exchanges.paper.adapter import PaperExchange
from core.engine.doors import BotPlan, OpenFeed, VenueRoom
from core.engine.protocol import BotEnded, StartBot
from core.engine.runs import run_virtual
from core.infrastructure.home import Home
from core.wiring.doors import Doors

Fields = tuple[tuple[str, str | int | bool | None], ...]

FILE = """grid_system:
  exchange: paper
  symbol: GOLD-USDC-PERP
  grid_type: neutral
  grid_interval: "50"
  order_amount: "0.010"
  price_range: {lower_price: "49000", upper_price: "51000"}
  on_exit: keep
  instrument: {tick_size: "0.1", lot_size: "0.001", min_notional: "0", maker_fee: "0.0002",
    taker_fee: "0.0005"}
  paper: {initial_balance: "100000", latency_ms: 0, fill: touch}
"""


class SteppingDoors(Doors):
    """Doors of a venue that shows every row."""

    def exchange(self, plan: BotPlan, feed: OpenFeed, room: VenueRoom) -> ExchangeInterface:
        """The embedded venue without a horizon."""
        exchange = super().exchange(plan, feed, room)
        assert isinstance(exchange, PaperExchange)
        exchange.set_horizon(None)
        return exchange


@dataclass(slots=True)
class Listener:
    """Keeps every line."""

    lines: list[tuple[int, str, dict[str, str | int | bool | None]]] = field(default_factory=list)

    def event(self, bot: str, at_ns: int, event: str, fields: Fields) -> None:
        """One line of the diary."""
        self.lines.append((at_ns, event, dict(fields)))

    def notice(self, text: str) -> None:
        """Narration."""

    def ended(self, ended: BotEnded) -> None:
        """The closing line is in the diary already."""


def tape(path: Path, count: int, seed: int = 7) -> None:
    """Writes the first trades of the tape: a mean-reverting walk in ticks of 0.1."""
    noise = np.random.default_rng(seed).standard_normal(count) * 40.0
    away, walk = 0.0, []
    for step in noise.tolist():
        away = (1.0 - 5e-5) * away + step
        walk.append(away)
    ticks = (500_000 + np.rint(np.array(walk))).astype(np.int64)
    ticks[0] = 500_000
    with path.open("w", encoding="utf-8") as file:
        file.write("ts_ms,price,amount,side\n")
        for number, price in enumerate(ticks.tolist()):
            whole, tenth = divmod(price, 10)
            file.write(f"{1_700_000_000_000 + 40 * number},{whole}.{tenth},1,buy\n")


def run(folder: Path, count: int, doors: Doors) -> Listener:
    """Runs the grid over so many trades."""
    folder.mkdir()
    feed, file = folder / "tape.csv", folder / "golden.yaml"
    tape(feed, count)
    file.write_text(FILE)
    listener = Listener()
    request = StartBot(app="grid", path=str(file), text=FILE, feed=str(feed), speed="max", seed=1)
    assert run_virtual(Home(folder / "home"), doors, request, listener) == 0
    return listener


def check(listener: Listener, fills: int, position: str, equity: str) -> None:
    """The summary has these figures and leaves nothing unexplained."""
    summary = listener.lines[-1][2]
    assert summary["fills"] == fills
    assert summary["position"] == position
    assert round(Decimal(str(summary["equity_change"])), 4) == Decimal(equity)
    assert summary["residual"] == "0"
    assert summary["open_orders_left"] == 40


@pytest.fixture(scope="module")
def leaping(tmp_path_factory: pytest.TempPathFactory) -> Listener:
    """The first 40 000 trades, leaping."""
    return run(tmp_path_factory.mktemp("golden") / "leaping", 40_000, Doors())


def test_a_neutral_grid_gives_the_figures_of_every_sound_engine(leaping: Listener) -> None:
    """235 fills, 130 lots held, and a loss of 6.2382."""
    check(leaping, 235, "0.13", "-6.2382")


def test_stepping_through_every_row_tells_the_same_story(leaping: Listener, tmp_path: Path) -> None:
    """Event for event, with the same times and ids."""
    stepping = run(tmp_path / "stepping", 40_000, SteppingDoors())

    assert stepping.lines == leaping.lines


def test_five_times_as_many_trades_agree_as_well(tmp_path: Path) -> None:
    """1183 fills, short by 70 lots, and a gain of 163.422."""
    check(run(tmp_path / "long", 200_000, Doors()), 1183, "-0.07", "163.422")
