"""Runs a campaign of simulations, or one run again: `make simulate`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from core.testing.simulation.ablations import ABLATIONS
from core.testing.simulation.campaign import Tally, replay_command, run_all, shrink
from core.testing.simulation.hunts import Catch, hunt_all
from core.testing.simulation.report import with_ablations, write_report
from core.testing.simulation.wire.tongues import PORT, TONGUES, drawn_venue
from core.testing.simulation.world import Outcome, Setup, simulate

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "docs" / "simulation-report.md"
WORTH_A_REPORT = 200
SEES_ALL = 1_000
"""Seeds from which a mark that never fired fails the campaign."""
SHRUNK = 5
"""How many failing runs are made smaller; each takes some dozens of runs."""


def main() -> int:
    """The exit code: 0 for green."""
    options = read_options()
    lasts_s = options.hours * 3600
    if options.seed is not None:
        only = numbers(options.only)
        venue = options.venue or drawn_venue(options.seed)
        setup = Setup(
            seed=options.seed, lasts_s=lasts_s, only=only, venue=venue, is_narrow=options.narrow
        )
        return show(simulate(setup))
    return campaign(options, lasts_s)


def read_options() -> argparse.Namespace:
    """What was asked for; an empty value is one that was not given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=number, default=100, help="how many")
    parser.add_argument("--first", type=number, default=0, help="the first seed")
    parser.add_argument("--hours", type=hours, default=0.25, help="of trouble for each seed")
    parser.add_argument("--seed", type=number, help="run this one alone")
    parser.add_argument("--only", default="", help="episodes that take place: 3,7,12 or none")
    parser.add_argument(
        "--venue",
        choices=("", PORT, *sorted(TONGUES)),
        help="speak this venue's own protocol, or none; drawn by the seed where nobody says",
    )
    parser.add_argument(
        "--narrow", action="store_true", help="few requests a minute, where no venue's rate counts"
    )
    parser.add_argument("--workers", type=number, default=os.cpu_count() or 1)
    parser.add_argument("--report", type=Path, help="where the report goes")
    parser.add_argument(
        "--ablations", action="store_true", help="hunt each ablation too, for the report's table"
    )
    words = [word for word in sys.argv[1:] if not word.endswith("=")]
    return parser.parse_args(words)


def number(text: str) -> int:
    """A whole number from 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def hours(text: str) -> float:
    """A positive number of hours."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def numbers(text: str) -> frozenset[int] | None:
    """Episodes by number; None for all of them."""
    if not text:
        return None
    return frozenset() if text == "none" else frozenset(int(word) for word in text.split(","))


def campaign(options: argparse.Namespace, lasts_s: float) -> int:
    """Runs many seeds, shows progress, and makes the first failing ones smaller."""
    tally = Tally()
    seeds = range(options.first, options.first + options.seeds)
    setups = [
        Setup(
            seed=seed,
            lasts_s=lasts_s,
            venue=options.venue or drawn_venue(seed),
            is_narrow=options.narrow,
        )
        for seed in seeds
    ]
    for outcome, seconds in run_all(setups, options.workers):
        tally.add(outcome, seconds)
        if not outcome.is_green:
            print(f"\rseed {outcome.setup.seed} failed: {outcome.violations[0]}")
            print(f"  {replay_command(outcome.setup)}")
        if sys.stdout.isatty() or tally.seeds % 100 == 0:
            hours_done = tally.simulated_s / 3600
            end = "" if sys.stdout.isatty() else "\n"
            text = f"\r{tally.seeds}/{len(setups)} seeds, {hours_done:.1f} h, x{tally.speed:.0f}"
            print(f"{text}, {tally.fired.total()} faults, {len(tally.failed)} failed ", end=end)
            sys.stdout.flush()
    print()
    for outcome in tally.failed[:SHRUNK]:
        small = shrink(outcome)
        print(f"seed {outcome.setup.seed}, smaller: {replay_command(small.setup)}")
        show(small)
    catches = hunt_ablations(options.workers) if options.ablations else []
    if setups:
        finish(tally, options, catches)
    elif catches:
        path = options.report or REPORT
        path.write_text(with_ablations(path.read_text(), catches))
        print(f"written into {path}")
    has_looked_everywhere = tally.seeds < SEES_ALL or not tally.unseen
    is_caught = all(catch.seed is not None for catch in catches)
    return 0 if has_looked_everywhere and is_caught and not tally.failed else 1


def hunt_ablations(workers: int) -> list[Catch]:
    """Takes each safeguard out and says which seed misses it."""
    catches = []
    for catch in hunt_all(ABLATIONS, range(SEES_ALL), workers):
        catches.append(catch)
        word = "NOT CAUGHT" if catch.seed is None else f"seed {catch.seed}: {catch.violation[:90]}"
        print(f"{len(catches)}/{len(ABLATIONS)} {catch.ablation.name}: {word}")
        sys.stdout.flush()
    return catches


def finish(tally: Tally, options: argparse.Namespace, catches: Sequence[Catch]) -> None:
    """Says what came of it, and writes it down where there was enough of it."""
    print(
        f"{tally.seeds} seeds, {tally.simulated_s / 3600:.1f} simulated hours, "
        f"{tally.fired.total()} faults (at least {tally.fewest_faults} a run), "
        f"{len(tally.failed)} failed, {tally.speed:.0f} times real time per core"
    )
    if tally.unseen and tally.seeds >= WORTH_A_REPORT:
        print(f"marks that never fired: {', '.join(tally.unseen)}")
    path = options.report or (REPORT if tally.seeds >= WORTH_A_REPORT else None)
    if path is not None:
        command = f"make simulate SEEDS={options.seeds} HOURS={options.hours:g}"
        if options.venue:
            command += f" VENUE={options.venue}"
        if options.first:
            command += f" FIRST={options.first}"
        if options.ablations:
            command += " ARGS=--ablations"
        path.write_text(write_report(tally, command, catches))
        print(f"written: {path}")


def show(outcome: Outcome) -> int:
    """One run in words."""
    for episode in outcome.episodes:
        print(f"  {episode}")
    for violation in outcome.violations:
        print(violation)
    print(
        f"seed {outcome.setup.seed} ({outcome.setup.venue}): "
        f"{'green' if outcome.is_green else 'FAILED'}, "
        f"{outcome.simulated_s:.0f} s, {outcome.fired.total()} faults, trace {outcome.trace}"
    )
    return 0 if outcome.is_green else 1


if __name__ == "__main__":
    sys.exit(main())
