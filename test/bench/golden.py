"""The golden tape: one grid over two million trades, in ctos and in its peers, in one run.

    make bench ARGS='--only golden'                 all of it
    python test/bench/golden.py --rows 200000       fewer trades
    python test/bench/golden.py --no-peers          ctos alone

Every sound engine gives the same result on it: 11,679 fills, position +0.090, fees 1167.2636,
change of equity 1732.8844. The grid is neutral: 41 lines 50 apart around 50,000, 0.01 an order,
filled when touched, no latency, maker fee 0.02 %.

The peers (hftbacktest 2.4.4, nautilus_trader 1.221.0) are installed from the package index into
`build/bench`, each into an environment of its own; one that cannot be installed is left out, in a
line that says so. Loading and compiling are told apart from running. What is compared is what ran
side by side here; another machine has other seconds, and about the same ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import numpy as np

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
PEERS: Final = {"hftbacktest": "hftbacktest==2.4.4", "nautilus": "nautilus_trader==1.221.0"}
SCRIPTS: Final = {
    "hftbacktest": ROOT / "test/bench/peers/hftbacktest_grid.py",
    "nautilus": ROOT / "test/bench/peers/nautilus_grid.py",
}
NAUTILUS_ROWS: Final = 200_000
"""Enough to know its rate, which falls a little with the fills."""
STEP_ROWS: Final = 20_000
EXPECTED: Final = {"fills": 11_679, "position": "0.09", "equity_change": "1732.8844"}
CONFIG: Final = """
grid_system:
  exchange: paper
  name: golden
  symbol: BTC-USDC-PERP
  grid_type: neutral
  grid_interval: "50"
  order_amount: "0.010"
  price_range: {lower_price: "49000", upper_price: "51000"}
  on_exit: keep
  instrument:
    {tick_size: "0.1", lot_size: "0.001", min_notional: "0",
     maker_fee: "0.0002", taker_fee: "0.0002"}
  paper: {initial_balance: "100000", latency_ms: 0, fill: touch}
"""
Table = dict[str, float | int | str]


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", choices=("leap", "step", "kernel"), help=argparse.SUPPRESS)
    parser.add_argument("--tape", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        if options.child == "kernel":
            print(json.dumps(run_kernel(options.tape)))
        else:
            print(json.dumps(run_here(options.tape, is_leaping=options.child == "leap")))
        return
    with tempfile.TemporaryDirectory(prefix="ctos-golden-") as folder:
        found = measure(Path(folder), options.rows, has_peers=not options.no_peers)
    for name, table in found.items():
        print(f"\n{name}")
        for key, value in table.items():
            print(f"  {key:<38} {shown(value):>16}")
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=2) + "\n")


def shown(value: float | str) -> str:
    """A number for people."""
    if isinstance(value, str):
        return value
    return f"{value:,.3f}" if isinstance(value, float) else f"{value:,}"


def measure(folder: Path, rows: int, *, has_peers: bool) -> dict[str, Table]:
    """Every engine on the same tape, one after the other."""
    write_tape(folder, rows)
    short = folder / "short"
    short.mkdir()
    write_tape(short, min(rows, STEP_ROWS))
    environment = {**os.environ, "CTOS_HOME": str(folder / "home")}
    first = ctos(folder / "golden.csv", "leap", environment)
    leap = ctos(folder / "golden.csv", "leap", environment)
    step = ctos(short / "golden.csv", "step", environment)
    ctos(folder / "golden.csv", "kernel", environment)  # compiles, and keeps what it compiled
    kernel = ctos(folder / "golden.csv", "kernel", environment)
    found: dict[str, Table] = {
        "ctos, the whole engine, leaping": leap | {"loading, first time, s": first["loading, s"]},
        "ctos, stepping through every row": step,
        "ctos, backtest --kernel": kernel,
    }
    if rows == 2_000_000:
        wrong = {key: leap[key] for key, value in EXPECTED.items() if leap[key] != value}
        found["ctos, the whole engine, leaping"]["as expected"] = "yes" if not wrong else str(wrong)
    rates = {
        "engine, leaping": leap["trades a second"],
        "engine, stepping": step["trades a second"],
        "kernel": kernel["trades a second"],
    }
    for name, table in peers(folder, rows) if has_peers else ():
        found[name] = table
        rate = table.get("trades a second")
        if isinstance(rate, (int, float)):
            for mine, value in rates.items():
                found[f"ctos, times {name}"] = found.get(f"ctos, times {name}", {}) | {
                    mine: float(value) / rate
                }
            for mine, mine_table in (("engine", leap), ("--kernel", kernel)):
                found[f"ctos, times {name}"][f"whole process of {mine}, part of its"] = float(
                    mine_table["whole process, s"]
                ) / float(table["whole process, s"])
    return found


def peers(folder: Path, rows: int) -> Iterator[tuple[str, Table]]:
    """The results of those that can be installed."""
    for name, package in PEERS.items():
        python = installed(name, package)
        if python is None:
            print(f"{name} could not be installed ({package}): left out", file=sys.stderr)
            continue
        arguments = [str(folder / "golden.npz")]
        if name == "nautilus":
            arguments.append(str(min(rows, NAUTILUS_ROWS)))
        began = time.perf_counter()
        said = subprocess.run(
            [str(python), str(SCRIPTS[name]), *arguments], stdout=subprocess.PIPE, check=True
        ).stdout
        whole = time.perf_counter() - began
        raw: dict[str, Any] = json.loads(said.splitlines()[-1])
        scale = rows / raw["rows"]
        yield (
            name,
            {
                "trades": raw["rows"],
                "fills": raw["fills"],
                "position": str(raw["position"]),
                "loading, s": raw["loading"],
                "compiling, s": raw.get("compiling", 0.0),
                "run, s": raw["run"],
                "trades a second": round(raw["rows"] / raw["run"]),
                "whole process, s": (whole - raw["run"]) + raw["run"] * scale,
            },
        )


def installed(name: str, package: str) -> Path | None:
    """The Python of a peer's own environment, made once."""
    folder = ROOT / "build" / "bench" / name
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        steps = (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", "--quiet", package],
        )
        for step in steps:
            if subprocess.run(step, check=False, stderr=subprocess.DEVNULL).returncode:
                return None
        (folder / "installed").touch()
    return python


def ctos(tape: Path, how: str, environment: dict[str, str]) -> Table:
    """One run in a process of its own."""
    began = time.perf_counter()
    said = subprocess.run(
        [sys.executable, __file__, "--child", how, "--tape", str(tape)],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    whole = time.perf_counter() - began
    table: Table = json.loads(said)
    return table | {"whole process, s": whole}


def run_here(tape: Path, *, is_leaping: bool) -> Table:
    """The bot over the tape: machine, risk, execution, journal in memory, paper venue."""
    from core.engine.doors import BotPlan, OpenFeed, VenueRoom
    from core.engine.protocol import StartBot
    from core.engine.runs import run_apart
    from core.services.backtest.record import RunRecord
    from core.wiring import backtests

    class Doors(backtests.BacktestDoors):
        """Steps through every row where it is told to."""

        def exchange(self, plan: BotPlan, feed: OpenFeed, room: VenueRoom) -> Any:
            found = super().exchange(plan, feed, room)
            if not is_leaping:
                found.set_horizon(None)  # type: ignore[attr-defined]
            return found

    request = StartBot(app="grid", path="golden.yaml", text=CONFIG, speed="max")
    data = backtests.BacktestData(paths=(tape,))
    record = RunRecord()
    doors = Doors(lambda plan, asked: backtests.open_data(plan, asked, data), record)
    began = time.perf_counter()
    plan = doors.read(request)
    read = time.perf_counter()
    doors.feed(plan, request, -1)
    loaded = time.perf_counter()
    run_apart(doors, request, record)
    end = time.perf_counter()
    summary = dict(record.summary)
    rows = doors.feed(plan, request, -1).feed.rows  # type: ignore[attr-defined]
    return {
        "trades": rows,
        "fills": int(str(summary["fills"])),
        "position": str(summary["position"]),
        "equity_change": str(summary["equity_change"]),
        "importing and reading the file, s": read - began,
        "loading, s": loaded - read,
        "run, s": end - loaded,
        "trades a second": round(rows / (end - loaded)),
        "microseconds a fill": (end - loaded) / max(1, int(str(summary["fills"]))) * 1e6,
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def run_kernel(tape: Path) -> Table:
    """The same report by the kernel, with its whole equity curve and measures."""
    began = time.perf_counter()
    from core.engine.protocol import StartBot
    from core.wiring import backtests

    request = StartBot(app="grid", path="golden.yaml", text=CONFIG, speed="max")
    data = backtests.BacktestData(paths=(tape,))
    report = backtests.backtest(request, data, by_kernel=True)
    first = time.perf_counter()
    backtests.backtest(request, data, by_kernel=True)
    end = time.perf_counter()
    summary = dict(report.summary)
    rows = len(np.load(tape.with_suffix(".npz"))["ts"])
    return {
        "trades": rows,
        "fills": int(str(summary["fills"])),
        "position": str(summary["position"]),
        "equity_change": str(summary["equity_change"]),
        "first report, imports included, s": first - began,
        "second report, all of it, s": end - first,
        "trades a second": round(rows / (end - first)),
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def write_tape(folder: Path, rows: int) -> None:
    """A walk around 50,000.0 that is drawn back to it and never jumps over two lines."""
    chance = np.random.default_rng(7)
    steps = chance.standard_normal(rows) * 40.0
    places = np.fromiter(
        accumulate(steps.tolist(), lambda place, step: (1.0 - 5e-5) * place + step),
        np.float64,
        rows,
    )
    # The first step is drawn towards nothing: the walk begins at 0.
    prices = 500_000 + np.rint(places).astype(np.int64)
    prices[0] = 500_000
    sides = np.sign(np.diff(prices, prepend=prices[0])).astype(np.int8)
    moved = np.maximum.accumulate(np.where(sides != 0, np.arange(rows), 0))
    sides = sides[moved]
    sides[sides == 0] = 1
    waits = 1_000 + chance.exponential(40e6, rows).astype(np.int64)
    times = 1_700_000_000_000_000_000 + np.cumsum(waits)
    amounts = np.maximum(1, (chance.pareto(1.5, rows) * 50).astype(np.int64) % 100_000) + 10
    np.savez(folder / "golden.npz", ts=times, px=prices, qty=amounts, side=sides)
    with (folder / "golden.csv").open("w", encoding="ascii") as file:
        file.write("ts_ns,price,amount,side\n")
        columns = (times.tolist(), prices.tolist(), amounts.tolist(), sides.tolist())
        for at, price, amount, side in zip(*columns, strict=True):
            lots = f"{amount // 1000}.{amount % 1000:03d}"
            word = "buy" if side > 0 else "sell"
            file.write(f"{at},{price // 10}.{price % 10},{lots},{word}\n")


if __name__ == "__main__":
    main()
