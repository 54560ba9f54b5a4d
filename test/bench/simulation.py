"""How fast a simulation runs: one grid at one venue, real journal in memory, faults or none.

python test/bench/simulation.py [--seeds N] [--hours H] [--venue NAME]

Simulated seconds for each second of one core. `quiet` has no faults, `weather` the ones that each
seed draws; both end with two minutes of healing at most. The goal is 300. Over the wire the adapter
of a venue runs too, with its parsers and signatures, on a quarter of the seeds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
GOAL: Final = 300


def main() -> None:
    """Measures and prints."""
    from core.testing.simulation.wire.tongues import PORT, TONGUES

    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--hours", type=float, default=0.25)
    parser.add_argument("--venue", choices=(PORT, *sorted(TONGUES)))
    parser.add_argument("--out", type=Path, help="where the numbers go as JSON")
    options = parser.parse_args()
    found: dict[str, float] = {}
    venues = (PORT, *sorted(TONGUES)) if options.venue is None else (options.venue,)
    print(f"{'run':20} {'median':>8} {'slowest':>8}   times real time, one core")
    for venue in venues:
        seeds = options.seeds if venue == PORT or options.venue else max(options.seeds // 4, 1)
        for name, only in (("quiet", frozenset[int]()), ("weather", None)):
            label = name if venue == PORT else f"{name} {venue}"
            found[f"{label}, times real time (goal {GOAL})"] = show(
                label, venue, only, seeds, options.hours
            )
    if options.out is not None:
        table = {"simulation, one core": found}
        options.out.write_text(json.dumps(table), encoding="utf-8")


def show(label: str, venue: str, only: frozenset[int] | None, seeds: int, hours: float) -> float:
    """Measures some seeds and prints a row; gives the median."""
    from core.testing.simulation.world import Setup

    speeds = [
        speed(Setup(seed=seed, lasts_s=hours * 3600, only=only, venue=venue))
        for seed in range(seeds)
    ]
    median, slowest = statistics.median(speeds), min(speeds)
    word = "" if median >= GOAL else f"   below the goal of {GOAL}"
    print(f"{label:20} {median:8,.0f} {slowest:8,.0f}{word}")
    return median


def speed(setup: object) -> float:
    """Simulated seconds for each second of processor time."""
    from core.testing.simulation.world import Setup, simulate

    assert isinstance(setup, Setup)
    before = time.process_time()
    outcome = simulate(setup)
    return outcome.simulated_s / (time.process_time() - before)


if __name__ == "__main__":
    main()
