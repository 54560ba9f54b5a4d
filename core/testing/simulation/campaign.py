"""Many runs: their sum, what shrinks from a failing one, and the command that shows it again."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from core.testing.simulation.faults import Episode
from core.testing.simulation.marks import MARKS
from core.testing.simulation.wire.tongues import drawn_venue
from core.testing.simulation.world import Outcome, Setup, simulate


@dataclass(slots=True, kw_only=True)
class Tally:
    """The sum of a campaign."""

    seeds: int = 0
    simulated_s: float = 0.0
    computed_s: float = 0.0
    """Processor time of all runs together."""
    fired: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    cells: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    fewest_faults: int | None = None
    slowest_heal_s: float = 0.0
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome, computed_s: float) -> None:
        """Counts a run."""
        self.seeds += 1
        self.simulated_s += outcome.simulated_s
        self.computed_s += computed_s
        self.fired.update(outcome.fired)
        self.marks.update(outcome.marks)
        self.cells.update(outcome.cells)
        self.counts.update(outcome.counts)
        faults = outcome.fired.total()
        if self.fewest_faults is None or faults < self.fewest_faults:
            self.fewest_faults = faults
        if outcome.healed_after_s is not None:
            self.slowest_heal_s = max(self.slowest_heal_s, outcome.healed_after_s)
        if not outcome.is_green:
            self.failed.append(outcome)

    @property
    def speed(self) -> float:
        """Simulated seconds for each second of one core."""
        return self.simulated_s / self.computed_s if self.computed_s else 0.0

    @property
    def unseen(self) -> tuple[str, ...]:
        """Marks that never fired."""
        return tuple(mark for mark in MARKS if not self.marks[mark])


def run_all(setups: Iterable[Setup], workers: int = 1) -> Iterator[tuple[Outcome, float]]:
    """Runs setups, in order; gives each outcome with the seconds it took."""
    if workers <= 1:
        for setup in setups:
            yield _timed(setup)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_timed, setups, chunksize=1)


def shrink(outcome: Outcome, run: Callable[[Setup], Outcome] = simulate) -> Outcome:
    """The same violation with as few episodes as can be found.

    Parts are left out, large ones first, as long as an invariant of the same name is violated; a
    last pass leaves episodes out one by one.
    """
    wanted = {violation.name for violation in outcome.violations}
    best, kept = outcome, list(outcome.episodes)

    def fails(episodes: list[Episode]) -> Outcome | None:
        numbers = frozenset(item.number for item in episodes)
        found = run(replace(outcome.setup, only=numbers))
        names = {violation.name for violation in found.violations}
        return found if names & wanted else None

    size = max(len(kept) // 2, 1)
    while True:
        is_smaller = False
        for start in range(0, len(kept), size):
            rest = kept[:start] + kept[start + size :]
            found = fails(rest)
            if found is not None:
                best, kept, is_smaller = found, rest, True
                break
        if not is_smaller:
            if size == 1:
                return best
            size = max(size // 2, 1)


def replay_command(setup: Setup) -> str:
    """What a person types to see a run again."""
    words = [f"make simulate SEED={setup.seed}", f"HOURS={setup.lasts_s / 3600:g}"]
    if setup.venue != drawn_venue(setup.seed):
        words.append(f"VENUE={setup.venue}")
    if setup.is_narrow:
        words.append("ARGS=--narrow")
    if setup.only is not None:
        words.append(f"ONLY={','.join(map(str, sorted(setup.only))) or 'none'}")
    return " ".join(words)


def _timed(setup: Setup) -> tuple[Outcome, float]:
    before = time.process_time()
    outcome = simulate(setup)
    return outcome, time.process_time() - before
