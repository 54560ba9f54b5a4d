"""From a price on the wire to an order on the wire through the whole engine, beside bare ccxt.

    python test/bench/engine.py [--steps N] [--out FILE]

A live grid runs as a user starts it (`ctos grid FILE --live`, the command line's own process), on
the loopback Binance: parsing, market data, order life cycle, machine, risk, journal, sender. Two
things are measured, each from its message at the process's door to the order at its door, without
the time that the journal's disk takes, which is told apart; what the bot does in that time, it has
for nothing. `price to order`: a price leaves the next line of a grid that waits for it on the
passive side, and its order is sent. `fill to order`: one order fills, the venue says so, and the
grid sends the order that follows from it. Beside them is what ccxt.pro's bare `watch_bids_asks` and
`create_order_ws` take without an engine (`orders.py`), on the same machine right before and right
after (the better of both), at the same pace: after eighty milliseconds of something else every
memory near the processor holds something else, for both. In processor time the same is told once
more: it hardly knows what else the machine is doing.
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
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent), str(ROOT / "test" / "process")]

STEPS: Final = 120
WAITING: Final = """
    grid_type: long
    grid_interval: "50"
    order_amount: "0.002"
    price_range: {lower_price: "117500", upper_price: "124500"}
    initial_fill: passive_only
    margin_mode: cross
"""
"""A grid whose lines above the price wait until it has risen past them."""
FIRST_LINE: Final = 118_060
PACE_MS: Final = 80
"""From one price to the next."""
GOAL: Final = 0.7
GOAL_P99_MS: Final = 2.0
TOLD: Final = "BENCH_TOLD"
"""Variable that names the file for what the process saw."""
HEARD: Final = "BENCH_HEARD"
"""Variable with what stands in the message with which a measurement begins."""


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
    found = [engine(way, options.steps) for way in WAYS]
    after = bare()
    peer = {name: min(before[name], after[name]) for name in before}
    print(f"{'':32}{'ctos':>10}{'ccxt.pro':>10}{'ratio':>8}{'goal':>6}")
    for way, ours in zip(WAYS, found, strict=True):
        show(way.title, ours | peer)
    if options.out is not None:
        whole = {
            f"{way.title}, whole engine": ours
            | peer
            | {
                "ctos / ccxt": ours["engine, us"] / peer["ccxt, us"],
                "ctos / ccxt, processor": ours["engine cpu, us"] / peer["ccxt cpu, us"],
                "goal": GOAL,
                "goal p99, us": GOAL_P99_MS * 1_000,
            }
            for way, ours in zip(WAYS, found, strict=True)
        }
        options.out.write_text(json.dumps(whole, indent=2), encoding="utf-8")


def show(title: str, found: dict[str, float]) -> None:
    """What was measured of one way through the engine."""
    for name, kind in ((f"{title}, whole engine", ""), ("  the same, processor", " cpu")):
        ours, theirs = found[f"engine{kind}, us"], found[f"ccxt{kind}, us"]
        print(f"{name:32}{ours:>7.0f} µs{theirs:>7.0f} µs{ours / theirs:>8.2f}{GOAL:>6.1f}")
    print(
        f"{'  99 of 100':32}{found['engine p99, us'] / 1000:>7.2f} ms"
        f"{found['ccxt p99, us'] / 1000:>7.2f} ms{'':8}{GOAL_P99_MS:>3.0f} ms"
    )
    print(f"{'  apart: the journal, durable':32}{found['journal, us']:>7.0f} µs")


@dataclass(frozen=True, slots=True)
class Way:
    """What is measured."""

    title: str
    heard: str
    """Stands in the message with which a measurement begins."""
    prices: Callable[[int], str]
    """Step -> the price that the market moves to."""
    grid: str | None = None
    """The grid that trades; None for the one of the tests."""


WAYS: Final = (
    Way(
        title="price to order",
        heard='"bookTicker"',
        prices=lambda step: str(FIRST_LINE + 50 * step),
        grid=WAITING,
    ),
    Way(
        title="fill to order",
        heard='"ORDER_TRADE_UPDATE"',
        prices=lambda step: ("117940", "118010")[step % 2],
    ),
)


def engine(way: Way, steps: int) -> dict[str, float]:
    """A live grid in its own process, and a venue here that moves the price."""
    from live import LiveRun
    from test_live_binance import SPEC

    with tempfile.TemporaryDirectory(prefix="ctos-bench-", dir=_memory()) as folder:
        told = Path(folder) / "told.json"
        program = (sys.executable, str(Path(__file__)))
        environ = {TOLD: str(told), HEARD: way.heard}
        spec = replace(SPEC, program=program, environ=environ, grid=way.grid or SPEC.grid)
        with LiveRun(Path(folder) / "home", spec) as run:
            run.on_venue(lambda venue: setattr(venue.rest.weights, "limit", 1 << 30))
            run.start()
            run.agreed()
            for step in range(steps):
                run.move(way.prices(step))
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
    """Times of what passes through the live process's door, price by price.

    Args:
        heard: Stands in the message with which a measurement begins.
    """

    def __init__(self, heard: bytes) -> None:
        self._heard = heard
        self.waits: list[int] = []
        self.cpu: list[int] = []
        """The same in processor time of the loop's thread."""
        self.journal: list[int] = []
        self._first_ns = self._first_cpu_ns = 0
        self._durable_ns = self._durable_cpu_ns = 0
        """Waited for the journal since the message came."""

    def came(self, at_ns: int, what: bytes) -> None:
        """A message: the newest one of the wanted kind begins a measurement."""
        if self._heard in what:
            self._first_ns, self._durable_ns, self._durable_cpu_ns = at_ns, 0, 0
            self._first_cpu_ns = time.thread_time_ns()

    def left(self, at_ns: int, what: bytes) -> None:
        """Something was sent; the first order after the message counts."""
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

        def committed(journal: Any, transaction: Any) -> Any:
            before_ns = time.perf_counter_ns()
            return awaited(commit(journal, transaction), before_ns)

        async def awaited(durable: Any, before_ns: int) -> None:
            before_cpu_ns = time.thread_time_ns()  # what is done meanwhile costs the processor
            await durable
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

    watch = Watch(os.environ[HEARD].encode())
    Door(watch.came, watch.left)
    watch.watch_journal()
    atexit.register(watch.write)
    app(prog_name="ctos")


if __name__ == "__main__":
    main()
