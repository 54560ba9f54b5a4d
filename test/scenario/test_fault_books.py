"""Faults in what a venue keeps of us: trades taken back, budgets used up, outages, other lists."""

from __future__ import annotations

from dataclasses import replace

from core.adapters.exchanges.models import OrderSide, OrderStatus
from core.testing.execution import BOT, Bench, cancel, order
from core.testing.scripted_venue import Create

HOUR_S = 3600


def codes(bench: Bench) -> list[str]:
    """What a person was called for."""
    return [alarm.code for alarm in bench.alarms]


def test_a_trade_that_the_venue_took_back_is_named(bench: Bench):
    """V8: the position differs by a trade that the venue's list lost: named, once, not reversed."""
    bench.place("a1")
    kept = bench.do(lambda: bench.venue.fill("a1", "0.2"))
    busted = bench.do(lambda: bench.venue.fill("a1", "0.3"))
    bench.step()
    bench.run(bench.service.reconcile(BOT))
    bench.wait(60)
    assert codes(bench) == []

    bench.venue.fills.remove(busted)
    bench.venue.position -= busted.amount
    bench.run(bench.service.reconcile(BOT))
    bench.run(bench.service.reconcile(BOT))

    told = [alarm.text for alarm in bench.alarms if alarm.code == "FILL_TAKEN_BACK"]
    assert codes(bench) == ["POSITION_DIFFERS", "FILL_TAKEN_BACK"]
    assert busted.trade_id in told[0]
    assert kept.trade_id not in told[0]
    assert bench.words().count("foreign.taken_back") == 1
    assert bench.service.ledger(BOT).fills == 2


def test_a_list_that_lags_takes_no_trade_back(bench: Bench):
    """V8, V29: an execution that was just heard and is in no list yet is only late."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1"))
    bench.step()
    bench.venue.hides_fills = True
    bench.venue.position += 1

    bench.run(bench.service.reconcile(BOT))
    bench.wait(1)

    assert "POSITION_DIFFERS" in codes(bench)
    assert "FILL_TAKEN_BACK" not in codes(bench)


def test_a_trade_taken_back_at_once_is_named_when_its_lists_are_whole(bench: Bench):
    """V8: busted seconds after it was told, it is named by a comparison half a minute later."""
    bench.place("a1")
    busted = bench.do(lambda: bench.venue.fill("a1"))
    bench.step()
    bench.venue.fills.remove(busted)
    bench.venue.position -= busted.amount
    bench.run(bench.service.reconcile(BOT))
    assert codes(bench) == ["POSITION_DIFFERS"]

    bench.wait(40)
    bench.run(bench.service.reconcile(BOT))

    assert codes(bench) == ["POSITION_DIFFERS", "FILL_TAKEN_BACK"]


def test_a_position_moved_by_hand_takes_no_trade_back(bench: Bench):
    """V8, V11: what somebody else traded is foreign; no execution of ours is called taken back."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1"))
    bench.step()

    other = bench.venue.place_foreign(OrderSide.SELL, "100", "0.5")
    bench.venue.execute(other)
    bench.run(bench.service.reconcile(BOT))

    assert "POSITION_DIFFERS" in codes(bench)
    assert "FILL_TAKEN_BACK" not in codes(bench)


def test_a_used_up_budget_of_actions_stops_new_orders_first(bench: Bench):
    """T12: one order every ten seconds is tried, cancels leave at once, a person is told once."""
    bench.place("a1")
    bench.venue.create_script.extend([Create.USED_UP] * 3)
    began_ns = bench.clock.now_ns()

    for number in range(2, 6):
        bench.step(order(f"a{number}", price=1000 - number))
    bench.wait(0.01)
    bench.step(cancel("a1"))
    bench.wait(1)
    assert bench.venue.cancels == [bench.venue.by_client_id("a1").order_id]
    assert bench.stored("a1").state == "CANCELED"
    bench.wait(60)

    refused = [bench.stored(f"a{number}").state for number in (2, 3, 4)]
    assert refused == ["REJECTED_DEFINITE"] * 3
    assert bench.stored("a5").state == "ACKED"
    assert codes(bench) == ["ACTIONS_USED_UP"]
    assert bench.clock.now_ns() - began_ns > 30 * 10**9


def test_an_outage_of_an_hour_proves_nothing_and_is_compared_afterwards(bench: Bench):
    """V23: nothing is concluded or sent meanwhile; what happened is known before the next order."""
    bench.place("a1")
    bench.place("a2", price=990)
    bench.venue.is_reachable = False
    bench.venue.is_stream_silent = True
    filled = bench.venue.execute(bench.venue.by_client_id("a1"))
    bench.venue.end("a2", OrderStatus.CANCELED, is_told=False)
    bench.wait(HOUR_S)
    assert bench.fills() == []
    assert [bench.stored(name).state for name in ("a1", "a2")] == ["ACKED", "ACKED"]

    bench.venue.is_reachable = True
    bench.venue.is_stream_silent = False
    bench.do(bench.venue.recover)
    bench.wait(30)
    bench.step()

    assert [fill.trade_id for fill in bench.fills()] == [filled.trade_id]
    assert [bench.stored(name).state for name in ("a1", "a2")] == ["FILLED", "CANCELED"]
    assert bench.venue.creates == ["a1", "a2"]


def test_a_trigger_order_in_the_list_is_somebody_elses(bench: Bench):
    """V33: ctos makes none; one that a venue lists as open is told of and left alone."""
    stop = bench.venue.place_foreign(OrderSide.SELL, "50", "1")
    bench.venue.orders[stop.order_id] = replace(stop, reduce_only=True, price=None)

    bench.run(bench.service.reconcile(BOT))
    bench.wait(1)

    assert codes(bench) == ["FOREIGN_ORDER"]
    assert bench.venue.cancels == []
