"""A venue's dead man's switch, over the wire: what it does to a program that stood still."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.testing.simulation.campaign import run_all
from core.testing.simulation.faults import NS_PER_S, Episode, Kind
from core.testing.simulation.history import Called, Changed
from core.testing.simulation.world import START_NS, Setup, World

# Who is killed between making a coroutine and starting it leaves it behind, as a process would.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SWITCHES = {"binance": 20, "hyperliquid": 20, "lighter": 300}
"""Venue -> a time that it takes, in seconds."""
STILL_FROM_S = 60


@pytest.mark.parametrize("venue", sorted(SWITCHES))
def test_orders_of_who_stands_still_go_and_are_placed_again(venue: str, tmp_path: Path):
    """The switch acts in its time, no later; whoever wakes finds it out and goes on, whole."""
    acts_s = SWITCHES[venue]
    still = Episode(
        number=1,
        kind=Kind.PAUSE,
        from_ns=STILL_FROM_S * NS_PER_S,
        until_ns=(STILL_FROM_S + acts_s + 20) * NS_PER_S,
        strength=1.0,
    )
    lasts_s = STILL_FROM_S + acts_s + 60.0
    setup = Setup(seed=1, venue=venue, lasts_s=lasts_s, switch_s=acts_s, only=frozenset())
    world = World(setup, tmp_path)
    world.episodes = (still,)

    outcome = world.run()
    records = world.history.records
    begin_ns = START_NS + still.from_ns + NS_PER_S
    gone_ns = [
        record.at_ns
        for record in records
        if isinstance(record, Changed)
        and begin_ns < record.at_ns < START_NS + still.until_ns
        and not record.order.status.is_open
        and not record.order.filled
    ]
    armed = [record for record in records if isinstance(record, Called) and _arms(record)]

    assert outcome.violations == ()
    assert len(armed) >= 2
    assert gone_ns
    assert max(gone_ns) - START_NS - still.from_ns <= (acts_s + 1) * NS_PER_S
    assert outcome.counts["orders"] > len(gone_ns)


def _arms(record: Called) -> bool:
    # Lighter has one request for this and for cancelling all at once.
    return record.method in {"arm_switch", "cancel_all_orders"}


@pytest.mark.campaign
@pytest.mark.timeout(0)
@pytest.mark.parametrize("venue", ["binance", "hyperliquid"])
def test_weather_with_an_armed_switch_ends_well(venue: str):
    """Whoever dies, sleeps or is cut off for longer than the switch loses orders and no more."""
    setups = [Setup(seed=seed, venue=venue, switch_s=20) for seed in range(20)]
    failed = [
        (outcome.setup.seed, str(outcome.violations[0]))
        for outcome, _ in run_all(setups)
        if not outcome.is_green
    ]

    assert failed == []


def test_a_run_without_a_switch_arms_none(tmp_path: Path):
    """Whoever does not ask for it is not given one."""
    setup = Setup(seed=1, venue="binance", lasts_s=30.0, only=frozenset())
    world = World(replace(setup, rest_s=12), tmp_path)
    world.run()

    assert not any(isinstance(each, Called) and _arms(each) for each in world.history.records)
