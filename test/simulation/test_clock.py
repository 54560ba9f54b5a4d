"""The wall is set by hours: nothing that waits is moved, and nothing is sent in a wrong time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from core.testing.simulation.faults import NS_PER_S, Episode, Kind
from core.testing.simulation.history import Alarmed, CreateCalled, IntentDurable, Started, Told
from core.testing.simulation.world import START_NS, Outcome, Setup, World

# Who is killed between making a coroutine and starting it leaves it behind, as a process would.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SEED = 30
"""A long grid that trades from its first minute on."""
LEAP_S = (60.0, 180.0)


def leap(seconds: float) -> Episode:
    """The wall is set at 60 s, and put right at 180 s."""
    begin, end = (round(at_s * NS_PER_S) for at_s in LEAP_S)
    return Episode(number=901, kind=Kind.CLOCK_LEAP, from_ns=begin, until_ns=end, strength=seconds)


def kill(at_s: float) -> Episode:
    """The process is killed."""
    at_ns = round(at_s * NS_PER_S)
    return Episode(number=902, kind=Kind.KILL, from_ns=at_ns, until_ns=at_ns, strength=1.0)


def run(folder: Path, *episodes: Episode) -> tuple[Outcome, World]:
    """A run with these episodes and no others."""
    world = World(Setup(seed=SEED, lasts_s=300.0, only=frozenset()), folder)
    world.episodes = episodes
    return world.run(), world


def times(records: Sequence[object], kind: type) -> list[float]:
    """True seconds at which records of a kind were made."""
    return [(item.at_ns - START_NS) / 1e9 for item in records if isinstance(item, kind)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("seconds", [3_600.0, -3_600.0])
def test_a_leap_moves_nothing_that_runs(tmp_path: Path, seconds: float):
    """CK1: with the wall an hour off the bot trades on, in the time it began with."""
    outcome, world = run(tmp_path, leap(seconds))
    records = world.history.records

    assert outcome.violations == ()
    assert any(LEAP_S[0] < at_s < LEAP_S[1] for at_s in times(records, CreateCalled))
    told = [item for item in records if isinstance(item, Told)]
    assert [item.event for item in told if item.event == "bot.clock_jumped"] != []
    for item in records:
        if isinstance(item, IntentDurable):
            assert abs(item.created_ns - item.at_ns) < 2 * NS_PER_S


@pytest.mark.parametrize("seconds", [3_600.0, -3_600.0])
def test_a_start_in_a_wrong_time_sends_nothing_until_it_is_right(tmp_path: Path, seconds: float):
    """CK2: killed while the wall is off, the next life calls a person and waits for the time."""
    outcome, world = run(tmp_path, leap(seconds), kill(70.0))
    records = world.history.records
    begun_s = times(records, Started)[1]

    assert outcome.violations == ()
    assert 70.0 < begun_s < LEAP_S[1]
    alarms = [item for item in records if isinstance(item, Alarmed)]
    assert [item.code for item in alarms].count("CLOCK_DIFFERS") == 1
    assert not [at_s for at_s in times(records, CreateCalled) if begun_s < at_s < LEAP_S[1]]
    assert [at_s for at_s in times(records, CreateCalled) if at_s > LEAP_S[1]]
