"""Which clock an engine runs on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from core.adapters.exchanges.models import from_ns
from core.engine.pace import GAP_NS, OwnTime, Pace
from core.errors import ConfigError
from core.infrastructure.clock import ScaledClock, SteadyClock
from core.services.ports import Feed, FeedKind
from core.testing.clock import TEST_START_NS, ManualClock

HOUR_NS = 3_600_000_000_000


@dataclass
class Prices:
    """A feed of some kind."""

    kind: FeedKind
    first_ns: int | None = None


def pace(kind: FeedKind, speed: str = "1", first_ns: int | None = None) -> tuple[Pace, Feed]:
    """The pace that a feed needs, and the feed."""
    feed: Feed = Prices(kind, first_ns)  # type: ignore[assignment] # all that is looked at
    return Pace.of(feed, speed), feed


@pytest.mark.parametrize("newest_ns", [None, TEST_START_NS - HOUR_NS, TEST_START_NS + HOUR_NS])
def test_a_live_venue_is_always_judged_by_the_wall(newest_ns: int | None):
    """A journal that was written while the wall was ahead moves no clock (CK1)."""
    found, feed = pace(FeedKind.LIVE)
    clock = found.clock(feed, newest_ns, ManualClock())

    assert isinstance(clock, SteadyClock)
    assert clock.now_ns() == TEST_START_NS


def test_a_simulation_never_goes_back_behind_its_journal():
    """It goes on where the journal ends."""
    found, feed = pace(FeedKind.SIM)
    later = found.clock(feed, TEST_START_NS + HOUR_NS, ManualClock())

    assert isinstance(found.clock(feed, None, ManualClock()), SteadyClock)
    assert isinstance(later, ScaledClock)
    assert later.now_ns() == TEST_START_NS + HOUR_NS + GAP_NS


def test_a_recording_begins_when_it_was_recorded():
    """Its first row says when that was."""
    found, feed = pace(FeedKind.TRADES, "60", TEST_START_NS - HOUR_NS)

    assert found.clock(feed, None, ManualClock()).now_ns() == TEST_START_NS - HOUR_NS
    assert not found.is_live


def test_log_lines_stand_in_the_time_of_the_recording():
    """A line of two wall seconds later is two minutes later at 60 times; a wall needs no such."""
    wall = ManualClock()
    found, feed = pace(FeedKind.TRADES, "60", TEST_START_NS - HOUR_NS)
    clock = found.clock(feed, None, wall)
    own = OwnTime.of(clock, wall)
    wall.advance(2)

    assert own is not None
    assert own.at(wall.now()) == clock.now() == from_ns(TEST_START_NS - HOUR_NS + 120 * 10**9)
    assert OwnTime.of(SteadyClock(wall), wall) is None


def test_bots_whose_time_would_pass_otherwise_are_refused():
    """One engine has one time."""
    live, _ = pace(FeedKind.LIVE)
    recorded, _ = pace(FeedKind.TRADES, "60", 1)

    with pytest.raises(ConfigError, match="60 times as fast"):
        live.demand_same(recorded)
