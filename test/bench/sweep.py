"""What a sweep costs: the kernel beside hftbacktest on the golden tape, and a thousand sets.

    python test/bench/sweep.py [--rows N] [--sets N] [--no-peers] [--out FILE]

kernel     one run of the golden grid, its fills alone and with all figures; trades a second, and
           how many times hftbacktest's (`golden.py` beside this installs it and runs it, here)
sweep      a thousand sets over the tape by `ctos sweep`, reading and starting included

Compiling happens once for each version of the code and is told apart; so is making the tape ready.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]
ROUNDS: Final = 9
PEER: Final = "hftbacktest"
EXPECTED: Final = {"fills": 11_679, "position": "0.09", "fees": "1167.2636"}
Table = dict[str, float | int | str]


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    try:
        import numba  # noqa: F401 # asked for, not used
    except ImportError:
        sys.exit("the sweep's kernel needs the extra 'fast': pip install 'ctos[fast]'")
    with tempfile.TemporaryDirectory(prefix="ctos-sweep-") as folder:
        os.environ["CTOS_HOME"] = str(Path(folder) / "home")
        found = measure(Path(folder), options.rows, options.sets, has_peers=not options.no_peers)
    from golden import shown

    for name, table in found.items():
        print(f"\n{name}")
        for key, value in table.items():
            print(f"  {key:<38} {shown(value):>16}")
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=2) + "\n")


def measure(folder: Path, rows: int, sets: int, *, has_peers: bool) -> dict[str, Table]:
    """The kernel, a peer, and a sweep on the same tape."""
    from golden import peers, write_tape

    write_tape(folder, rows)
    found = {"kernel": kernel_table(folder, rows)}
    rate = found["kernel"]["trades a second, fills alone"]
    whole = found["kernel"]["trades a second, all figures"]
    for name, table in peers(folder, rows) if has_peers else ():
        if name != PEER:
            break
        found[name] = table
        theirs = float(table["trades a second"])
        found["kernel"][f"times {name}, fills alone"] = float(rate) / theirs
        found["kernel"][f"times {name}, all figures"] = float(whole) / theirs
    found["sweep"] = sweep_table(folder, sets)
    return found


def kernel_table(folder: Path, rows: int) -> Table:
    """One run in this process, once it is compiled: the best of some."""
    from golden import CONFIG

    from core.adapters.exchanges.models import plain
    from core.services.backtest.compiling import keep_code_in
    from core.wiring import configuration

    keep_code_in(folder / "home" / "cache" / "code")
    from core.services.backtest.kernel_run import run_case, run_fills, warm_up
    from core.services.backtest.sweep_case import make_case
    from core.services.backtest.sweep_tape import SweepTape, TapeHead
    from core.services.grid.config import parse_grid

    began = time.perf_counter()
    warm_up()
    compiling = time.perf_counter() - began
    raw = np.load(folder / "golden.npz")
    columns = {
        name: raw[key].astype(np.int64)
        for name, key in (("ts_ns", "ts"), ("last", "px"), ("amount", "qty"), ("side", "side"))
    }
    head = TapeHead(
        name="golden",
        kind="trades",
        digest="",
        rows=rows,
        price_unit="0.1",
        amount_unit="0.001",
        has_funding=False,
    )
    tape = SweepTape(head, columns)
    config = parse_grid(CONFIG, "golden.yaml", configuration.find_instrument)
    highest = int(columns["last"].max())
    case = make_case(config, config.risk.limits(), tape, highest=highest, most=None)
    ready = tape.lows_and_highs()
    run = run_case(case, ready, tape.price_unit)
    alone = best(lambda: run_fills(case, ready))
    whole = best(lambda: run_case(case, ready, tape.price_unit))
    told = {"fills": run.fills, "position": plain(run.position), "fees": plain(run.fees)}
    return {
        "trades": rows,
        **told,
        "equity change": plain(run.equity_change),
        "as expected": "yes" if rows != 2_000_000 or told == EXPECTED else str(EXPECTED),
        "compiling, s": compiling,
        "fills alone, ms": alone * 1000,
        "all figures, ms": whole * 1000,
        "trades a second, fills alone": round(rows / alone),
        "trades a second, all figures": round(rows / whole),
    }


def best(act: Callable[[], object]) -> float:
    """Seconds of the quickest of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        found.append(time.perf_counter() - began)
    return min(found)


def sweep_table(folder: Path, sets: int) -> Table:
    """The command itself, twice: the first run makes the tape ready."""
    from golden import CONFIG

    file = folder / "golden.yaml"
    file.write_text(CONFIG)
    grid = f"order_amount=0.001:{sets / 1000:.3f}:0.001"
    command = [sys.executable, "-m", "tui.cli", "sweep", str(file), "--json"]
    command += ["--data", str(folder / "golden.csv"), "--grid", grid]
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
        seconds.append(time.perf_counter() - began)
    rows = json.loads(done.stdout)
    return {
        "sets": len(rows),
        "by the kernel": sum(row["by"] == "kernel" for row in rows),
        "first time, s": seconds[0],
        "again, s": seconds[1],
        "milliseconds a set": seconds[1] / max(1, len(rows)) * 1000,
    }


if __name__ == "__main__":
    main()
