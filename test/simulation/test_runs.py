"""Whole runs: green, repeatable to the turn, and the same whatever the hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.infrastructure.rng import SeededRng
from core.testing.simulation.ablations import ABLATIONS
from core.testing.simulation.campaign import Tally, replay_command, run_all, shrink
from core.testing.simulation.door import VenueDoor
from core.testing.simulation.faults import draw_episodes
from core.testing.simulation.hunts import Catch
from core.testing.simulation.invariants.watch import INVARIANTS
from core.testing.simulation.report import with_ablations, write_report
from core.testing.simulation.world import START_NS, Setup, World, simulate

# Who is killed between making a coroutine and starting it leaves it behind, as a process would.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROOT = Path(__file__).resolve().parents[2]
SHORT_S = 300.0
TRACES = """
import sys
from core.testing.simulation.world import Setup, simulate
for seed in map(int, sys.argv[2:]):
    print(seed, simulate(Setup(seed=seed, lasts_s=float(sys.argv[1]))).trace)
"""


@pytest.mark.parametrize("seed", range(10))
def test_a_short_run_is_green(seed: int):
    """Five minutes of trouble, then healing: no invariant is violated, and faults did act."""
    outcome = simulate(Setup(seed=seed, lasts_s=SHORT_S))

    assert outcome.violations == ()
    assert outcome.fired.total() > 0


def test_a_run_repeats_to_the_turn():
    """The same seed twice in one process: one trace, the same faults, the same counts."""
    first, second = (simulate(Setup(seed=11, lasts_s=SHORT_S)) for _ in range(2))

    assert first.trace == second.trace
    assert first.fired == second.fired
    assert first.counts == second.counts


def test_a_run_is_not_at_rest_while_a_stream_is_away(tmp_path: Path):
    """Backpack 1193: a stream that is back within the two minutes is waited for, as the rest is."""
    world = World(Setup(seed=3, lasts_s=20.0, rest_s=60, only=frozenset()), tmp_path)
    for at_s, act in ((41, cut), (46, mend)):
        world.loop.world_at_ns(START_NS + at_s * 1_000_000_000, world._each_door, act)
    outcome = world.run()

    assert outcome.violations == ()
    assert outcome.healed_after_s is not None
    assert outcome.healed_after_s > 25


def cut(door: VenueDoor) -> None:
    """The prices stop."""
    door.cut(is_private=False)


def mend(door: VenueDoor) -> None:
    """The prices are back."""
    door.mend(is_private=False)


def traces(hash_seed: str, seeds: range, python: str = sys.executable) -> str:
    """Traces of seeds in a process of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [python, "-c", TRACES, "60", *map(str, seeds)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return done.stdout


def test_hash_seeds_change_nothing():
    """X1: no decision leans on the order of a set or on an address."""
    seeds = range(4)

    assert traces("1", seeds) == traces("2", seeds)


def test_leaving_an_episode_out_changes_no_other():
    """Each episode has its own stream of chance, so a failing run can be made smaller."""
    drawn = draw_episodes(SeededRng(3), 900.0)
    outcome = simulate(Setup(seed=3, lasts_s=60.0, only=frozenset({1, 2})))

    assert len({item.number for item in drawn}) == len(drawn)
    assert [item.number for item in outcome.episodes] == [1, 2]


def test_a_run_without_weather_fires_nothing():
    """No episodes, no faults: what goes wrong comes from episodes alone."""
    outcome = simulate(Setup(seed=5, lasts_s=60.0, only=frozenset()))

    assert outcome.is_green
    assert not outcome.fired


def test_a_failing_run_is_made_smaller():
    """Shrinking keeps the violation and drops what it does not need."""
    setup = Setup(seed=2, lasts_s=120.0)
    whole = simulate(setup)
    needed = whole.episodes[len(whole.episodes) // 2].number

    def run(tried: Setup):
        outcome = simulate(Setup(seed=2, lasts_s=1.0, only=frozenset()))
        numbers = (
            frozenset(item.number for item in whole.episodes) if tried.only is None else tried.only
        )
        episodes = tuple(item for item in whole.episodes if item.number in numbers)
        from dataclasses import replace

        from core.testing.simulation.invariants.base import Violation

        violations = (Violation(name="I1", at_ns=0, text="x"),) if needed in numbers else ()
        return replace(outcome, setup=tried, episodes=episodes, violations=violations)

    small = shrink(run(setup), run)

    assert [item.number for item in small.episodes] == [needed]
    assert replay_command(small.setup) == f"make simulate SEED=2 HOURS=0.0333333 ONLY={needed}"


def test_a_report_names_every_invariant_and_every_mark():
    """What a campaign writes down can be read without the code."""
    tally = Tally()
    for outcome, seconds in run_all([Setup(seed=seed, lasts_s=30.0) for seed in range(2)]):
        tally.add(outcome, seconds)
    text = write_report(tally, "make simulate SEEDS=2")

    assert all(f"| {kind.name} | {kind.sentence} |" in text for kind in INVARIANTS)
    assert "No invariant was violated." in text
    assert f"| seeds | {tally.seeds} |" in text


def test_a_later_hunt_takes_its_place_in_a_report():
    """The part about ablations is that of the newest hunt; the rest of the report stays."""
    tally = Tally()
    for outcome, seconds in run_all([Setup(seed=3, lasts_s=30.0)]):
        tally.add(outcome, seconds)
    old, new = (
        Catch(ablation=ABLATIONS[0], seed=seed, violation="I1 at 0: x") for seed in (11, 12)
    )
    bare = write_report(tally, "make simulate SEEDS=1")

    once = with_ablations(bare, [old])
    twice = with_ablations(once, [new])

    assert once == write_report(tally, "make simulate SEEDS=1", [old])
    assert twice == once.replace("| 11 |", "| 12 |")


@pytest.mark.campaign
def test_a_long_campaign_is_green():
    """Two hundred seeds of fifteen minutes each."""
    failed = [
        (outcome.setup.seed, str(outcome.violations[0]))
        for outcome, _ in run_all([Setup(seed=seed) for seed in range(200)], os.cpu_count() or 1)
        if not outcome.is_green
    ]

    assert failed == []
