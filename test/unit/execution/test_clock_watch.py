"""No order leaves while our clock and the venue's may differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.adapters.exchanges.models import HealthReport
from core.errors import TransportError
from core.infrastructure.clock import SteadyClock, VirtualClock
from core.testing.clock_place import ClockPlace
from core.testing.scripted_venue import ScriptedVenue

SECOND = 1_000_000_000


class Timed(ScriptedVenue):
    """A venue that tells the true time, late or not at all."""

    stamps: SteadyClock
    true: VirtualClock
    latency_ms = 40.0
    is_silent = False
    told = 0

    async def health_check(self) -> HealthReport:
        """True time less ours."""
        self.told += 1
        if self.is_silent:
            return HealthReport(
                venue=self.venue, is_healthy=False, latency_ms=None, clock_skew_ms=None
            )
        skew_ms = (self.true.now_ns() - self.stamps.now_ns()) / 1e6
        return HealthReport(
            venue=self.venue, is_healthy=True, latency_ms=self.latency_ms, clock_skew_ms=skew_ms
        )


class Place(ClockPlace[Timed]):
    """A watch, its wall and its venue."""

    def __init__(self, folder: Path, wall_ns: int = 0) -> None:
        super().__init__(folder, Timed, wall_ns=wall_ns)
        self.venue.stamps = self.clock
        self.venue.true = VirtualClock(self.loop)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Both clocks are right."""
    made = Place(tmp_path)
    yield made
    made.close()


def test_nothing_leaves_before_the_venue_was_asked(place: Place):
    """Not known is no."""
    assert not place.may_send()
    place.agree()

    assert place.may_send()


def test_a_leap_of_the_wall_moves_nothing_but_is_asked_about(place: Place):
    """The venue agrees with our clock all the same, and orders go on."""
    place.agree()
    place.wall.set_ns = 3_600 * SECOND
    assert not place.may_send()
    place.wait(0.1)

    assert place.may_send()
    assert place.clock.now_ns() - place.venue.true.now_ns() == 0
    assert place.alarms == []


def test_a_machine_that_slept_takes_the_wall_over(place: Place):
    """Our clock stood still, the wall did not, and the venue agrees with the wall."""
    place.agree()
    asleep_ns = 600 * SECOND
    place.clock._offset_ns -= asleep_ns
    place.doubt()
    place.wait(0.1)

    assert place.may_send()
    assert place.clock.gap_ns == 0


def test_a_start_in_a_wrong_time_calls_a_person_and_waits(tmp_path: Path):
    """Nothing leaves until the wall is put right; then our clock follows it."""
    place = Place(tmp_path, wall_ns=-3_600 * SECOND)
    agreed = place.loop.create_task(place.watch.agreed())
    place.wait(30)
    assert not agreed.done()
    assert [alarm.code for alarm in place.alarms] == ["CLOCK_DIFFERS"]
    assert "3600.0 s behind" in place.alarms[0].text
    assert place.calmed == []
    place.wall.set_ns = 0
    place.wait(10)

    assert agreed.done()
    assert place.calmed == ["CLOCK_DIFFERS"]
    assert place.may_send()
    assert place.clock.now_ns() == place.venue.true.now_ns()
    place.close()


def test_an_answer_that_took_too_long_says_nothing(place: Place):
    """A journey of five seconds could hide a difference of two."""
    place.venue.latency_ms = 5_000.0
    agreed = place.loop.create_task(place.watch.agreed())
    place.wait(20)
    assert not agreed.done()
    place.venue.latency_ms = 100.0
    place.wait(6)

    assert agreed.done()
    assert place.alarms == []


def test_a_venue_that_does_not_answer_fails_a_start_and_nothing_else(place: Place):
    """Who waits for it is told; a check of every few minutes that fails changes nothing."""
    place.venue.is_silent = True
    with pytest.raises(TransportError):
        place.agree()
    place.venue.is_silent = False
    place.agree()
    place.venue.is_silent = True
    before = place.venue.told
    place.wait(301)

    assert place.venue.told == before + 1
    assert place.may_send()


def test_a_venue_that_tells_no_time_is_measured_by_the_wall(place: Place):
    """Its prices are of now: a wall that was put right is followed."""

    async def untold() -> HealthReport:
        report = await Timed.health_check(place.venue)
        return replace(report, clock_skew_ms=None)

    place.venue.health_check = untold  # type: ignore[method-assign]
    place.agree()
    place.wall.set_ns = 60 * SECOND
    assert not place.may_send()
    place.wait(0.1)

    assert place.may_send()
    assert place.clock.gap_ns == 0
