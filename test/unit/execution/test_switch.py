"""The dead man's switch of a venue: armed while we live, and never over somebody else's orders."""

import pytest

from core.adapters.exchanges.models import OrderSide
from core.errors import OrderRejected, TransportError
from core.testing.execution import Bench

SECONDS = 20.0


@pytest.fixture
def bench(tmp_path):
    """A bot, not attached yet, whose venue has a switch; what it is told stands in `told`."""
    made = Bench(tmp_path)
    made.venue.dead_mans_switch_s = SECONDS
    made.told = []
    made.refusal = None

    async def arm_switch(seconds):
        if made.refusal is not None:
            raise made.refusal
        made.told.append(seconds)

    made.venue.arm_switch = arm_switch
    yield made
    made.close()


def alarms(bench):
    """What a person was told about the switch."""
    return [alarm.text for alarm in bench.alarms if alarm.code == "SWITCH_OFF"]


def test_it_is_renewed_four_times_within_its_time(bench):
    """So that a slow venue, or one lost request, does not cancel anything."""
    bench.attach()
    bench.wait(SECONDS * 2 + 1)

    assert bench.told == [SECONDS] * 9
    assert alarms(bench) == []


def test_an_orderly_end_calls_it_off(bench):
    """What rests after the end rests by policy."""
    bench.attach()
    bench.wait(1)
    bench.run(bench.service.close())

    assert bench.told == [SECONDS, None]


def test_our_own_orders_do_not_hinder_it(bench):
    """They are what it is for."""
    bench.attach()
    name = f"{bench.spec().order_prefix}1E1"
    bench.place(name)
    bench.wait(SECONDS)

    assert bench.venue.by_client_id(name).status.is_open
    assert bench.told == [SECONDS] * 5


def test_a_foreign_order_calls_it_off_and_somebody_is_told_once(bench):
    """It would be cancelled with ours. When it is gone, the switch is armed again."""
    bench.attach()
    bench.wait(1)
    foreign = bench.do(lambda: bench.venue.place_foreign(OrderSide.BUY, "50", "0.5"))
    bench.wait(SECONDS)
    off = list(bench.told)
    bench.venue.orders.pop(foreign.order_id)
    bench.wait(SECONDS / 4)

    assert off == [SECONDS, None]
    assert len(alarms(bench)) == 1
    assert "not ours" in alarms(bench)[0]
    assert bench.told[-1] == SECONDS
    assert bench.calmed == ["SWITCH_OFF"]


def test_a_refusal_is_told_and_tried_again(bench):
    """The venue wants a volume that was not traded yet."""
    bench.refusal = OrderRejected("enough volume", venue="scripted", code="VOLUME")
    bench.attach()
    bench.wait(SECONDS)
    bench.refusal = None
    bench.wait(SECONDS / 4)

    assert len(alarms(bench)) == 1
    assert bench.told == [SECONDS]


def test_without_an_answer_it_stays_as_it_is(bench):
    """Nobody could tell what rests: it is neither renewed nor called off, and fires in its time."""
    bench.attach()
    bench.wait(1)
    bench.venue.is_reachable = False
    bench.wait(SECONDS / 2)

    assert bench.told == [SECONDS]


def test_an_unknown_outcome_counts_as_armed(bench):
    """So that the end calls it off."""
    bench.refusal = TransportError("no answer", venue="scripted")
    bench.attach()
    bench.wait(1)
    bench.refusal = None
    bench.run(bench.service.close())

    assert bench.told == [None]


def test_nothing_is_armed_where_nobody_asked_for_it(tmp_path):
    """Opt-in: the venue cancels more than one bot's orders."""
    bench = Bench(tmp_path)
    bench.venue.arm_switch = lambda _seconds: pytest.fail("armed")
    bench.attach()
    bench.wait(60)
    bench.close()
