"""Runs in which adapters speak their venues' own protocols, bytes and signatures inside."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.adapters.exchanges.credentials import Secret
from core.infrastructure.rng import SeededRng
from core.testing.simulation.campaign import replay_command, run_all
from core.testing.simulation.door import Latency
from core.testing.simulation.history import CreateCalled, Denied, Told
from core.testing.simulation.loop import SimulationLoop
from core.testing.simulation.wire.line import Line
from core.testing.simulation.wire.tongues import PORT, TONGUES, drawn_venue
from core.testing.simulation.wire.venue import WireVenue
from core.testing.simulation.wire.weather import frozen, spoilt
from core.testing.simulation.wire.witness import Witnessed
from core.testing.simulation.world import Setup, World, simulate

# Who is killed between making a coroutine and starting it leaves it behind, as a process would.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROOT = Path(__file__).resolve().parents[2]
SHORT_S = 90.0
TRACES = """
import sys
from core.testing.simulation.world import Setup, simulate
for venue in sys.argv[2:]:
    print(venue, simulate(Setup(seed=3, venue=venue, lasts_s=float(sys.argv[1]), rest_s=12)).trace)
"""
VENUES = sorted(TONGUES)


@pytest.mark.parametrize("venue", VENUES)
def test_a_quiet_run_over_the_wire_trades(venue: str, tmp_path: Path):
    """Without weather every intent becomes an order, read from its bytes as it left.

    No socket ends either: a venue that hangs up on silent clients hears from them (153, 311).
    """
    world = World(Setup(seed=1, venue=venue, lasts_s=SHORT_S, only=frozenset()), tmp_path)
    outcome = world.run()
    left = [record for record in world.history.records if isinstance(record, CreateCalled)]

    assert outcome.violations == ()
    assert outcome.counts["intents"] == outcome.counts["orders"] == len(left) > 3
    assert all(record.price_age_ns is not None for record in left)
    door = world.machine.life.door if world.machine.life else None
    assert isinstance(door, Witnessed)
    sockets = (*door.public, *(socket for socket, _ in door.private))
    assert [socket.lives for socket in sockets] == [1] * len(sockets)


@pytest.mark.parametrize("venue", VENUES)
def test_a_short_run_over_the_wire_is_green(venue: str):
    """A minute and a half of trouble, then healing: no invariant is violated, and faults acted."""
    outcome = simulate(Setup(seed=2, venue=venue, lasts_s=SHORT_S))

    assert outcome.violations == ()
    assert outcome.fired.total() > 0


def test_hash_seeds_change_nothing_over_the_wire():
    """X1: adapters, parsers and signers lean on no order of a set and on no address."""

    def begin(hash_seed: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-W", "ignore", "-c", TRACES, "20", *VENUES]
        return subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True
        )

    both = [begin(seed) for seed in ("1", "2")]
    first, second = (process.communicate(timeout=100)[0] for process in both)

    assert len(first.splitlines()) == len(VENUES)
    assert first == second


def test_a_wrong_key_gets_nowhere(tmp_path: Path):
    """Signatures are checked inside the simulation: with another secret no bot ever starts."""
    world = World(
        Setup(seed=1, venue="binance", lasts_s=20.0, rest_s=5, only=frozenset()), tmp_path
    )
    assert isinstance(world.venue, WireVenue)
    tongue = world.venue.tongue
    forged = replace(tongue.credentials(), secret=Secret("f" * 64))
    tongue.credentials = lambda: forged  # type: ignore[method-assign] # a thief's
    outcome = world.run()
    told = [str(item.fields) for item in world.history.records if isinstance(item, Told)]

    assert outcome.counts["intents"] == 0
    assert any("Signature for this request is not valid" in text for text in told)


def test_a_denial_counts_from_when_its_request_left(tmp_path: Path):
    """What was asked is stamped with the moment of the first byte, not of the call."""
    world = World(
        Setup(seed=1, venue="backpack", lasts_s=30.0, rest_s=5, only=frozenset()), tmp_path
    )
    world.run()
    denied = [record for record in world.history.records if isinstance(record, Denied)]

    assert denied
    assert all(record.asked_ns < record.at_ns for record in denied)


def test_a_line_keeps_its_order():
    """Whatever each journey takes and whichever wake-up comes first, the oldest comes out first."""
    loop = SimulationLoop(0, SeededRng(1), disorder=1.0)
    out: list[int] = []
    line: Line[int] = Line(loop, Latency(SeededRng(2)), out.append)
    for number in range(200):
        line.send(number, extra_ns=(number % 7) * 10_000_000)
    loop.call_later(60.0, loop.stop)
    loop.run_forever()
    loop.close()

    assert out == list(range(200))


def test_a_spoilt_frame_is_none_that_was_said():
    """Garbage differs from what was sent, whatever was drawn."""
    message = b'{"e":"bookTicker","s":"SIMUSDC","b":"99.5","B":"3.0","a":"99.6","A":"1.0"}'

    assert all(spoilt(message, SeededRng(seed)) != message for seed in range(100))


def test_a_frozen_frame_keeps_everything_but_its_times():
    """Milliseconds, microseconds and nanoseconds of now stand still; ids and prices go on."""
    now_ns, then_ns = 1_767_225_660_000_000_000, 1_767_225_600_000_000_000
    text = '{"E":1767225660000,"T":1767225660000000,"i":8389765600000000020,"p":"1767.5"}'

    assert frozen(text, now_ns, then_ns) == (
        '{"E":1767225600000,"T":1767225600000000,"i":8389765600000000020,"p":"1767.5"}'
    )


def test_half_of_the_seeds_are_spoken_in_a_protocol():
    """Every protocol is drawn, and a command that shows a run again names any other."""
    drawn = [drawn_venue(seed) for seed in range(400)]
    seed = drawn.index("binance")

    assert set(drawn) == {PORT, *TONGUES}
    assert 160 < drawn.count(PORT) < 240
    assert "VENUE" not in replay_command(Setup(seed=seed, venue="binance"))
    assert "VENUE=lighter" in replay_command(Setup(seed=seed, venue="lighter"))


@pytest.mark.campaign
@pytest.mark.parametrize("venue", VENUES)
def test_a_long_campaign_over_the_wire_is_green(venue: str):
    """Two hundred seeds of fifteen minutes each, for every protocol."""
    setups = [Setup(seed=seed, venue=venue) for seed in range(200)]
    failed = [
        (outcome.setup.seed, str(outcome.violations[0]))
        for outcome, _ in run_all(setups, os.cpu_count() or 1)
        if not outcome.is_green
    ]

    assert failed == []
