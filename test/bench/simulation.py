"""How fast a simulation runs: one grid at one venue, real journal in memory, faults or none.

python test/bench/simulation.py [--seeds N] [--hours H]

Simulated seconds for each second of one core. `quiet` has no faults, `weather` the ones that each
seed draws; both end with two minutes of healing at most. The goal is 300.
"""

from __future__ import annotations

import argparse
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
    from core.testing.simulation.world import Setup

    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--hours", type=float, default=0.25)
    options = parser.parse_args()
    print(f"{'run':10} {'median':>8} {'slowest':>8}   times real time, one core")
    for name, only in (("quiet", frozenset[int]()), ("weather", None)):
        speeds = [
            speed(Setup(seed=seed, lasts_s=options.hours * 3600, only=only))
            for seed in range(options.seeds)
        ]
        median, slowest = statistics.median(speeds), min(speeds)
        word = "" if median >= GOAL else f"   below the goal of {GOAL}"
        print(f"{name:10} {median:8,.0f} {slowest:8,.0f}{word}")


def speed(setup: object) -> float:
    """Simulated seconds for each second of processor time."""
    from core.testing.simulation.world import Setup, simulate

    assert isinstance(setup, Setup)
    before = time.process_time()
    outcome = simulate(setup)
    return outcome.simulated_s / (time.process_time() - before)


if __name__ == "__main__":
    main()
