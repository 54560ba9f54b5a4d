"""From a price on the wire to an order on the wire through the whole engine, beside bare ccxt.

    python test/bench/engine.py [--steps N] [--out FILE]

A live grid runs as a user starts it (`ctos grid FILE --live`, the command line's own process), on
the loopback Binance. A price moves, one of its orders fills, the venue says so, and the grid sends
the order that follows from it: parsing, market data, order life cycle, machine, risk, journal,
sender. `price to order` is the time from the message with the fill at the process's door to the
order at its door, without the wait for the journal's disk, which is told apart. Beside it is what
ccxt.pro's bare `watch_bids_asks` and `create_order_ws` take without an engine (`orders.py`), on the
same machine right before and right after (the better of both), at the same pace: after eighty
milliseconds of something else every memory near the processor holds something else, for both. In
processor time the same is told once more: it hardly knows what else the machine is doing.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent), str(ROOT / "test" / "process")]

STEPS: Final = 120
PRICES: Final = ("117940", "118010")
"""One fills a buy, the other the sell that follows from it."""
QUIET_NS: Final = 20_000_000
"""So long nothing comes before what belongs to another price."""
PACE_MS: Final = 80
"""From one price to the next."""
GOAL: Final = 0.7
GOAL_P99_MS: Final = 2.0
TOLD: Final = "BENCH_TOLD"
"""Variable that names the file for what the process saw."""


def main() -> None:
    """Measures, and prints a table."""
    if "--live" in sys.argv:
        trade()
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    before = bare()
    found = engine(options.steps)
    after = bare()
    found |= {name: min(before[name], after[name]) for name in before}
    show(found)
    if options.out is not None:
        table = found | {
            "ctos / ccxt": found["engine, us"] / found["ccxt, us"],
            "ctos / ccxt, processor": found["engine cpu, us"] / found["ccxt cpu, us"],
            "goal": GOAL,
            "goal p99, us": GOAL_P99_MS * 1_000,
        }
        whole = {"price to order, whole engine": table}
        options.out.write_text(json.dumps(whole, indent=2), encoding="utf-8")


def show(found: dict[str, float]) -> None:
    """The table."""
    print(f"{'':32}{'ctos':>10}{'ccxt.pro':>10}{'ratio':>8}{'goal':>6}")
    for title, kind in (("price to order, whole engine", ""), ("the same, processor", " cpu")):
        ours, theirs = found[f"engine{kind}, us"], found[f"ccxt{kind}, us"]
        print(f"{title:32}{ours:>7.0f} µs{theirs:>7.0f} µs{ours / theirs:>8.2f}{GOAL:>6.1f}")
    print(
        f"{'99 of 100':32}{found['engine p99, us'] / 1000:>7.2f} ms"
        f"{found['ccxt p99, us'] / 1000:>7.2f} ms{'':8}{GOAL_P99_MS:>3.0f} ms"
    )
    print(f"{'apart: the journal, durable':32}{found['journal, us']:>7.0f} µs")


def engine(steps: int) -> dict[str, float]:
    """A live grid in its own process, and a venue here that moves the price."""
    from dataclasses import replace

    from live import LiveRun
    from test_live_binance import SPEC

    with tempfile.TemporaryDirectory(prefix="ctos-bench-", dir=_memory()) as folder:
        told = Path(folder) / "told.json"
        program = (sys.executable, str(Path(__file__)))
        spec = replace(SPEC, program=program, environ={TOLD: str(told)})
        with LiveRun(Path(folder) / "home", spec) as run:
            run.on_venue(lambda venue: setattr(venue.rest.weights, "limit", 1 << 30))
            run.start()
            run.agreed()
            for step in range(steps):
                run.move(PRICES[step % 2])
                time.sleep(PACE_MS / 1_000)
            run.agreed()
            run.end()
        seen: dict[str, list[int]] = json.loads(told.read_text("utf-8"))
    first = len(seen["waits"]) // 10
    waits, journal = sorted(seen["waits"][first:]), seen["journal"][first:]
    cpu = seen["cpu"][first:]
    return {
        "orders": len(waits),
        "engine, us": statistics.median(waits) / 1_000,
        "engine p99, us": waits[len(waits) * 99 // 100] / 1_000,
        "engine cpu, us": statistics.median(cpu) / 1_000,
        "journal, us": statistics.median(journal) / 1_000,
    }


def bare() -> dict[str, float]:
    """ccxt.pro's own way from a price to an order."""
    from orders import measured

    told = measured("order ws", "ccxt", gap_ms=PACE_MS)
    waits = sorted(told["to order"])
    return {
        "ccxt, us": statistics.median(waits) / 1_000,
        "ccxt p99, us": waits[len(waits) * 99 // 100] / 1_000,
        "ccxt cpu, us": statistics.median(told["cpu"]) / 1_000,
    }


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 # only measured in


class Watch:
    """Times of what passes through the live process's door, price by price."""

    def __init__(self) -> None:
        self.waits: list[int] = []
        self.cpu: list[int] = []
        """The same in processor time of the loop's thread."""
        self.journal: list[int] = []
        self._first_ns = self._first_cpu_ns = 0
        self._last_ns = 0
        self._durable_ns = self._durable_cpu_ns = 0
        """Waited for the journal since the price came."""

    def came(self, at_ns: int, who: str) -> None:
        """A message: the first of the account after a quiet while tells of a fill."""
        if who != "private":
            return
        if at_ns - self._last_ns > QUIET_NS:
            self._first_ns, self._durable_ns, self._durable_cpu_ns = at_ns, 0, 0
            self._first_cpu_ns = time.thread_time_ns()
        self._last_ns = at_ns

    def left(self, at_ns: int, what: bytes) -> None:
        """Something was sent; the first order of a price counts."""
        if b'"order.place"' in what and self._first_ns:
            self.waits.append(at_ns - self._first_ns - self._durable_ns)
            spent_ns = time.thread_time_ns() - self._first_cpu_ns
            self.cpu.append(spent_ns - self._durable_cpu_ns)
            self.journal.append(self._durable_ns)
            self._first_ns = 0

    def watch_journal(self) -> None:
        """Counts how long the bot waits for its disk."""
        from core.adapters.storage.journal import SqliteJournal

        commit = SqliteJournal.commit

        async def committed(journal: Any, transaction: Any) -> None:
            before_ns, before_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
            await commit(journal, transaction)
            self._durable_ns += time.perf_counter_ns() - before_ns
            self._durable_cpu_ns += time.thread_time_ns() - before_cpu_ns

        SqliteJournal.commit = committed  # type: ignore[method-assign]

    def write(self) -> None:
        """What was seen, for whoever measures."""
        path = Path(os.environ[TOLD])
        seen = {"waits": self.waits, "journal": self.journal, "cpu": self.cpu}
        path.write_text(json.dumps(seen), "utf-8")


def trade() -> None:
    """The command line, with somebody at its door."""
    from door import Door

    from tui.cli.main import app

    watch = Watch()
    Door(watch.came, watch.left)
    watch.watch_journal()
    atexit.register(watch.write)
    app(prog_name="ctos")


if __name__ == "__main__":
    main()
