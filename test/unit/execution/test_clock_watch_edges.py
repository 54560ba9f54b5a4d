"""Times that leap, differ a little, or are asked for twice; and a switch that nobody needs now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.adapters.exchanges.models import HealthReport
from core.errors import OrderRejected, TransportError
from core.services.execution.service import ExecutionService
from core.services.risk.service import RiskService
from core.testing.clock_place import ClockPlace, Wall
from core.testing.execution import BOT, Bench, order
from core.testing.scripted_venue import ScriptedVenue

SECOND = 1_000_000_000


class Timed(ScriptedVenue):
    """A venue whose clock is ahead by so much."""

    ahead_ms = 0.0
    is_silent = False
    told = 0
    wall: Wall
    leaps_ns = 0
    """By how much the wall is set while an answer is on its way."""

    async def health_check(self) -> HealthReport:
        """What its clock says, after a moment."""
        self.told += 1
        await asyncio.sleep(0.01)
        self.wall.set_ns += self.leaps_ns
        self.leaps_ns = 0
        if self.is_silent:
            raise TransportError("no answer", venue=self.venue)
        return HealthReport(
            venue=self.venue, is_healthy=True, latency_ms=10.0, clock_skew_ms=self.ahead_ms
        )


class Place(ClockPlace[Timed]):
    """A watch beside its venue."""

    def __init__(self, folder: Path, *, has_wall: bool = True) -> None:
        super().__init__(folder, Timed, has_wall=has_wall, is_followed=False)
        self.venue.wall = self.wall


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Both clocks are right."""
    made = Place(tmp_path)
    yield made
    made.close()


def test_where_time_is_virtual_nothing_is_ever_asked(tmp_path: Path):
    """It cannot leap: doubt changes nothing, and orders leave."""
    place = Place(tmp_path, has_wall=False)
    place.agree()
    place.doubt()
    place.wait(700)

    assert place.may_send()
    assert place.venue.told == 0
    place.close()


def test_a_leap_while_the_answer_is_on_its_way_makes_it_worthless(place: Place):
    """It is asked again, and only the second answer counts."""
    place.venue.leaps_ns = 30 * SECOND
    place.agree()

    assert place.venue.told == 2
    assert place.may_send()


def test_a_small_difference_is_kept_and_stops_nothing(place: Place, caplog):
    """Seven tenths of a second: waits allow for it, the log says it."""
    place.venue.ahead_ms = 700.0
    place.agree()

    assert place.may_send()
    assert place.watch.skew_ns == 700_000_000
    assert "clock.off" in caplog.text
    assert place.alarms == []


def test_a_difference_found_by_the_check_of_every_few_minutes_stops_everything(place: Place):
    """A person is called once, and when the venue is right again so are we."""
    place.agree()
    place.venue.ahead_ms = -9_000.0
    place.wait(301)
    assert not place.may_send()
    place.wait(60)
    assert [alarm.code for alarm in place.alarms] == ["CLOCK_DIFFERS"]
    assert "9.0 s ahead of" in place.alarms[0].text

    place.venue.ahead_ms = 0.0
    place.wait(6)
    assert place.may_send()
    place.venue.ahead_ms = 9_000.0
    place.wait(301)
    assert [alarm.code for alarm in place.alarms] == ["CLOCK_DIFFERS"] * 2
    assert "9.0 s behind" in place.alarms[1].text


def test_a_doubt_is_asked_about_until_the_venue_answers(place: Place):
    """However long that takes; meanwhile nothing leaves, and nobody asks twice at once."""
    place.agree()
    place.venue.is_silent = True
    place.doubt()
    place.doubt()
    place.wait(12)
    assert not place.may_send()
    told = place.venue.told
    assert 3 <= told <= 5
    place.venue.is_silent = False
    place.wait(6)

    assert place.may_send()


def test_a_check_that_is_due_while_one_is_under_way_is_left_out(place: Place):
    """The doubt of now is the question of every few minutes as well."""
    place.agree()
    place.venue.is_silent = True
    place.wait(298)
    place.doubt()
    before = place.venue.told
    place.wait(4)

    assert place.venue.told - before <= 2


def test_an_order_that_waits_while_time_leaps_is_withdrawn(tmp_path: Path):
    """CK2: risk had let it pass, then the wall leapt: it is withdrawn with that reason."""
    bench = Bench(tmp_path)
    bench.run(bench.service.close())
    venue = Timed(bench.clock, bench.instrument)
    wall = Wall(bench.loop)
    venue.wall = wall
    bench.venue = venue
    bench.risk = RiskService(bench.journal, bench.clock)
    bench.risk.register(BOT, bench.instrument, bench.limits)
    bench.service = ExecutionService(
        venue=venue,
        journal=bench.journal,
        risk=bench.risk,
        clock=bench.clock,
        instance_id="bench",
        reference=lambda _: bench.reference,
        on_alarm=bench.alarms.append,
        wall=wall,
    )
    bench.attach()
    commit = bench.journal.commit

    async def leaping(transaction: object) -> None:
        await commit(transaction)  # type: ignore[arg-type]
        wall.set_ns = 60 * SECOND

    bench.journal.commit = leaping  # type: ignore[method-assign]
    bench.step(order("a1"))
    bench.journal.commit = commit  # type: ignore[method-assign]
    bench.wait(1)
    assert bench.stored("a1").code == "CLOCK_DIFFERS"
    assert venue.creates == []

    bench.step(order("a2"))
    bench.wait(1)
    assert venue.creates == ["a2"]
    venue.is_silent = True
    bench.do(bench.service.doubt_clock)
    bench.step(order("a3"))
    bench.wait(1)
    assert venue.creates == ["a2"]
    assert bench.journal.intent("a3") is None
    bench.close()


# -- the switch ---------------------------------------------------------------------------------


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A bot, not attached yet, whose venue has a switch."""
    made = Bench(tmp_path)
    made.venue.dead_mans_switch_s = 20.0
    yield made
    made.close()


def armed(bench: Bench) -> list[float | None]:
    """What the switch is told from now on."""
    told: list[float | None] = []

    async def arm_switch(seconds: float | None) -> None:
        told.append(seconds)

    bench.venue.arm_switch = arm_switch  # type: ignore[method-assign]
    return told


def test_the_switch_is_called_off_when_the_last_bot_leaves(bench: Bench):
    """Once; it is armed again for the next one."""
    told = armed(bench)
    bench.attach()
    bench.wait(1)
    bench.run(bench.service.detach(BOT, is_closed=False))
    bench.wait(30)
    assert told == [20.0, None]

    bench.attach()
    bench.wait(2)
    assert told == [20.0, None, 20.0]


def test_the_switch_waits_until_the_orders_of_a_start_are_known(bench: Bench):
    """While they are being read nobody could tell a foreign order from ours."""
    told = armed(bench)
    bench.attach()
    bench.run(bench.service.detach(BOT, is_closed=False))
    flush = bench.journal.flush
    meanwhile: list[list[float | None]] = []

    async def slow() -> None:
        told.clear()
        await bench.clock.sleep(5)
        meanwhile.append(list(told))
        await flush()

    bench.journal.flush = slow  # type: ignore[method-assign]
    bench.attach()
    bench.journal.flush = flush  # type: ignore[method-assign]
    bench.wait(2)

    assert meanwhile == [[]]
    assert told == [20.0]


def test_a_switch_that_cannot_be_called_off_is_no_news(bench: Bench):
    """A refusal of that says it is off; nobody is told."""
    bench.attach()

    async def refused(seconds: float | None) -> None:
        raise OrderRejected("not now", venue="scripted", code="NO")

    bench.venue.arm_switch = refused  # type: ignore[method-assign]
    bench.run(bench.service.close())

    assert [alarm for alarm in bench.alarms if "not now" in alarm.text] == []


def test_a_health_report_of_a_venue_without_latency_is_taken_as_it_is(place: Place):
    """No latency is no error."""
    ask = place.venue.health_check

    async def bare() -> HealthReport:
        return replace(await ask(), latency_ms=None, clock_skew_ms=1_900.0)

    place.venue.health_check = bare  # type: ignore[method-assign]
    place.agree()

    assert place.watch.skew_ns == 1_900_000_000
