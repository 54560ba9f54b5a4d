"""How often recovery asks, from when on, and when it stops: exactly."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.adapters.exchanges.models import HealthReport, OrderData, OrderSide, from_ns
from core.domain.events import OrderEnded, Reconciled
from core.errors import TransportError
from core.services.execution import reconciler
from core.services.execution.settings import ExecutionSettings
from core.services.execution.taken_back import LOOK_FOR_NS
from core.services.execution.tracked import Schedule
from core.testing.execution import BOT, Bench, cancel, order
from core.testing.scripted_venue import Create

D = Decimal


def codes(bench: Bench) -> list[str]:
    """Of the alarms, oldest first."""
    return [alarm.code for alarm in bench.alarms]


def times_of(bench: Bench, *questions: str) -> list[float]:
    """When the venue is asked one of these from now on: seconds, filled in as it happens."""
    began, times = bench.clock.now_ns(), list[float]()
    asked = bench.venue._asked

    async def noted(name: str) -> None:
        if name in questions:
            times.append((bench.clock.now_ns() - began) / 1e9)
        await asked(name)

    bench.venue._asked = noted  # type: ignore[method-assign]
    return times


def gaps(times: list[float]) -> list[float]:
    """The pauses between rounds, rounded; what is asked within one round counts once."""
    return [round(late - early, 2) for early, late in pairwise(times) if late - early > 0.05]


# -- gaps in the stream ------------------------------------------------------------------------


def test_every_gap_is_caught_up_with(bench: Bench):
    """That one was is no reason not to look after the next."""
    before = len(bench.inbox.of(Reconciled))
    for _ in range(3):
        bench.do(bench.venue.recover)
        bench.wait(5)

    assert len(bench.inbox.of(Reconciled)) == before + 3


def test_a_venue_that_does_not_answer_is_asked_ever_more_seldom(bench: Bench):
    """Pauses double from half a second up to five."""
    bench.venue.is_reachable = False
    times = times_of(bench, "get_fills", "get_open_orders")
    bench.do(bench.venue.recover)
    bench.wait(26)

    assert gaps(times) == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_a_cancel_without_an_answer_is_asked_for_ever_more_seldom(bench: Bench):
    """Pauses double from half a second up to five, until the venue says that it is over."""
    bench.place("a1")
    times: list[float] = []
    cancel_order = bench.venue.cancel_order

    async def lost(order_id: str, symbol: str) -> OrderData:
        times.append(bench.clock.now_ns() / 1e9)
        if len(times) < 8:
            raise TransportError("no answer")
        return await cancel_order(order_id, symbol)

    bench.venue.cancel_order = lost  # type: ignore[method-assign]
    bench.step(cancel("a1"))
    bench.wait(40)

    assert gaps(times) == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert bench.stored("a1").state == "CANCELED"


def test_a_cancel_of_what_the_venue_does_not_know_ends_in_a_proof(bench: Bench):
    """Neither cancel nor question finds it: it is looked for, and not cancelled for ever."""
    bench.place("a1")
    bench.venue.forget("a1")
    bench.step(cancel("a1"))
    bench.wait(60)

    (end,) = bench.inbox.of(OrderEnded)
    assert (end.client_order_id, end.filled) == ("a1", 0)
    assert len(bench.venue.cancels) <= 2
    assert "MISSING" in [row.kind for row in bench.journal.evidence("a1")]


def test_a_clock_that_is_the_feeds_is_compared_with_nobodys(bench: Bench):
    """On virtual time there is no wall clock to differ: the venue is not asked for its time."""
    asked: list[float] = []
    health_check = bench.venue.health_check

    async def noted() -> HealthReport:
        asked.append(bench.clock.now_ns() / 1e9)
        return await health_check()

    bench.venue.health_check = noted  # type: ignore[method-assign]
    bench.wait(1000)

    assert asked == []


# -- positions ---------------------------------------------------------------------------------


def test_a_position_that_agrees_is_asked_for_once(bench: Bench):
    """And one that differs twice, whatever is allowed: the second answer says that it stays."""
    times = times_of(bench, "get_positions")
    bench.run(bench.service.reconcile(BOT))
    assert len(times) == 1
    bench.venue.position = D(2)
    bench.run(bench.service.reconcile(BOT))
    assert len(times) == 3
    bench.run(bench.service.reconcile(BOT))

    assert len(times) == 4


def filled(bench: Bench, *names: str) -> None:
    """Orders that filled, long ago and taken in."""
    for name in names:
        bench.place(name)
        bench.do(lambda name=name: bench.venue.fill(name))
        bench.wait(10)
        bench.step()
    bench.wait(60)


def test_busted_trades_are_looked_for_only_while_a_difference_is_young(bench: Bench):
    """Two minutes long, and not at all once the difference is gone."""
    filled(bench, "a1")
    bench.service.schedule(BOT, Schedule(position_query_s=10))
    bench.venue.position += D(2)
    bench.wait(25)
    bench.venue.questions.clear()
    bench.wait(10)
    assert bench.venue.questions.count("get_fills") == 1
    bench.wait(LOOK_FOR_NS / 1e9)
    bench.venue.questions.clear()
    bench.wait(30)
    assert set(bench.venue.questions) == {"get_positions"}

    bench.venue.position -= D(2)
    bench.wait(15)
    bench.venue.questions.clear()
    bench.wait(20)
    assert set(bench.venue.questions) == {"get_positions"}


def test_each_busted_trade_is_named_once(bench: Bench):
    """A second one is, though the first was named before it."""
    filled(bench, "a1", "a2", "a3")
    bench.service.schedule(BOT, Schedule(position_query_s=10))
    for count in (1, 2):
        bench.venue.fills.pop(0)
        bench.venue.position -= D("0.5")
        bench.wait(30)
        assert codes(bench).count("FILL_TAKEN_BACK") == count

    told = [alarm.text for alarm in bench.alarms if alarm.code == "FILL_TAKEN_BACK"]
    assert len(set(told)) == 2


@pytest.mark.parametrize("kept, again", [(3, 0), (2, 3)])
def test_so_many_foreign_orders_are_remembered_and_no_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kept: int, again: int
):
    """A list that lags and loses them for a while brings back only those that were forgotten."""
    monkeypatch.setattr(reconciler, "_TOLD_KEPT", kept)
    for number in range(3):
        bench.venue.place_foreign(OrderSide.BUY, str(50 + number), "0.5")
    bench.run(bench.service.reconcile(BOT))
    listed = bench.venue.get_open_orders

    async def nothing(symbol: str | None = None) -> list[OrderData]:
        del symbol
        return []

    bench.venue.get_open_orders = nothing  # type: ignore[method-assign]
    bench.run(bench.service.reconcile(BOT))
    bench.venue.get_open_orders = listed  # type: ignore[method-assign]
    bench.run(bench.service.reconcile(BOT))

    assert codes(bench) == ["FOREIGN_ORDER"] * (3 + again)


# -- orders in doubt ---------------------------------------------------------------------------


def test_a_new_loss_is_looked_into_as_eagerly_as_the_first(bench: Bench):
    """Pauses that had grown for an old one are short again."""
    bench.venue.create_script.append(Create.LOST_BEFORE)
    times = times_of(bench, "get_order")
    bench.place("a1")
    bench.wait(6)
    assert gaps(times)[:4] == [0.25, 0.5, 1.0, 2.0]
    times.clear()
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.place("a2")
    bench.wait(2)

    assert [gap for gap in gaps(times) if gap in {0.25, 0.5}][:2] == [0.25, 0.5]


def test_an_order_is_asked_for_by_both_its_names(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """By the venue's as soon as we know it, by ours alone until then."""
    asked: list[tuple[str | None, str | None]] = []
    get_order = bench.venue.get_order

    async def noted(
        order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        asked.append((order_id, client_order_id))
        return await get_order(order_id, symbol, client_order_id=client_order_id)

    monkeypatch.setattr(bench.venue, "get_order", noted)
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.place("a1")
    bench.wait(0.1)
    assert asked[0] == (None, "a1")
    bench.place("a2")
    known = bench.venue.by_client_id("a2").order_id
    bench.venue.forget("a2")
    bench.run(bench.service.reconcile(BOT))
    asked.clear()
    bench.wait(5)

    assert (known, "a2") in asked


def test_lists_are_asked_from_before_the_oldest_loss(tmp_path: Path):
    """By as much as clocks and lists may differ: five seconds."""
    bench = Bench(tmp_path, settings=ExecutionSettings(ask_each_up_to=1))
    bench.attach()
    bench.wait(100)
    since: list[datetime | None] = []
    history, fills = bench.venue.get_order_history, bench.venue.get_fills

    async def noted(symbol: Any = None, since_at: Any = None, limit: Any = None) -> list[OrderData]:
        since.append(since_at)
        return await history(symbol, since_at, limit)

    async def noted_too(symbol: Any = None, since_at: Any = None) -> Any:
        since.append(since_at)
        return await fills(symbol, since_at)

    bench.venue.get_order_history = noted  # type: ignore[method-assign]
    bench.venue.get_fills = noted_too  # type: ignore[method-assign,assignment]
    bench.venue.create_script.extend([Create.LOST_BEFORE] * 2)
    began = from_ns(bench.clock.now_ns())
    bench.step(order("a1"), order("a2", price=990))
    bench.wait(10)

    assert len(since) > 4
    assert set(since) == {began - timedelta(seconds=5)}
    bench.close()
