"""A plain grid by the kernel gives the engine's report, to the last byte."""

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba", reason="the extra `fast` is not installed")

from core.engine.protocol import StartBot
from core.services.backtest import compiling
from core.services.backtest.snapshot import BacktestReport, TradedFill
from core.wiring.backtests import BacktestData, backtest

Document = dict[str, Any]
FIRST_MS = 1_748_217_600_000
NONE = Decimal(-1_000_000)
"""Stands for a fill that completes no round trip, so that fills can be put in order."""


@pytest.fixture(autouse=True)
def kept_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was compiled for one test is there for the next, in whatever home."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(Path(compiling.__file__).parent / "__pycache__"))


def grid(chance: random.Random, grid_type: str) -> Document:
    """Some grid of a type."""
    instrument = {
        "tick_size": chance.choice(["0.1", "0.01"]),
        "lot_size": chance.choice(["0.001", "0.1"]),
        "min_notional": "0",
        "maker_fee": chance.choice(["0", "0.0002", "0.00037"]),
        "taker_fee": chance.choice(["0", "0.0005", "0.00113"]),
    }
    paper = {
        "initial_balance": "100000",
        "latency_ms": chance.choice([0, 50, 1500, 2500]),
        "fill": chance.choice(["through", "touch"]),
    }
    known: Document = {
        "exchange": "paper",
        "symbol": "TEST-USDC-PERP",
        "margin_mode": "cross",
        "leverage": 20,
        "grid_type": grid_type,
        "grid_interval": chance.choice(["1", "0.5", "2"]),
        "order_amount": chance.choice(["1", "0.7", "2.3"]),
        "price_range": {"lower_price": "94", "upper_price": "106"},
        "on_exit": chance.choice(["keep", "cancel_orders", "flatten"]),
        "instrument": instrument,
        "paper": paper,
    }
    if grid_type != "neutral":
        known["initial_fill"] = chance.choice(["taker_position", "passive_only", "all_limits"])
    if grid_type.startswith("martingale"):
        known["martingale_increment"] = "0.1"
    return {"grid_system": known}


def tape(chance: random.Random, file: Path) -> None:
    """A walk with equal times, jumps and pauses."""
    price, at_ms = Decimal(chance.randint(960, 1040)) / 10, FIRST_MS
    lines = ["ts_ms,price,amount,side"]
    for _ in range(chance.randint(40, 500)):
        at_ms += chance.choice([0, 1, 200, 1000, 1000, 5000, 60_000])
        price += Decimal(chance.choice([-20, -5, -3, -1, 0, 1, 3, 5, 20])) / 10
        price = min(max(price, Decimal(85)), Decimal(115))
        lines.append(f"{at_ms},{price},{chance.randint(1, 9)},{chance.choice(['buy', 'sell'])}")
    file.write_text("\n".join(lines) + "\n")


def run(document: Document, file: Path, *, by_kernel: bool) -> BacktestReport:
    """A backtest in this process."""
    text = json.dumps(document)
    request = StartBot(app="grid", path="trial.yaml", text=text, speed="max", seed=1)
    return backtest(request, BacktestData(paths=(file,)), by_kernel=by_kernel)


def told(fill: TradedFill) -> tuple[object, ...]:
    """What both know of a fill."""
    trip = NONE if fill.round_trip is None else fill.round_trip
    at = (fill.at_ns, fill.level, fill.leg, fill.side)
    return (*at, fill.price, fill.amount, fill.fee, trip, fill.is_maker)


@pytest.mark.parametrize(
    "grid_type", ["long", "short", "neutral", "martingale_long", "martingale_short"]
)
@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_gives_the_engine_s_report(
    ctos_home: Path, tmp_path: Path, grid_type: str, seed: int
) -> None:
    """Fills, figures, measures, curve and assumptions."""
    chance = random.Random(f"{grid_type}-{seed}")
    document, file = grid(chance, grid_type), tmp_path / "tape.csv"
    tape(chance, file)

    engine, kernel = (run(document, file, by_kernel=which) for which in (False, True))

    assert kernel.notices == engine.notices == ()
    mine, theirs = kernel.as_json(), engine.as_json()
    if grid_type.startswith("martingale"):
        # Of two orders that arrive at one moment either may be first; here their amounts differ.
        mine["equity"] = theirs["equity"] = None
    assert mine == theirs
    assert sorted(map(told, kernel.fills)) == sorted(map(told, engine.fills))


def test_what_the_kernel_cannot_do_is_done_by_the_engine(ctos_home: Path, tmp_path: Path) -> None:
    """With a notice that says why; the report is the engine's."""
    chance = random.Random(1)
    document, file = grid(chance, "long"), tmp_path / "tape.csv"
    document["grid_system"] |= {"grid_type": "follow_long", "follow_grid_count": 4}
    del document["grid_system"]["price_range"]
    tape(chance, file)

    engine, kernel = (run(document, file, by_kernel=which) for which in (False, True))

    assert kernel.notices == ("run by the engine: it follows the price.",)
    assert kernel.as_json() == engine.as_json()
