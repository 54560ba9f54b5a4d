"""Many orders in doubt, spot, and what the lists of a venue leave out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.adapters.exchanges.models import (
    BalanceData,
    Capabilities,
    ExchangeType,
    OrderData,
    OrderStatus,
)
from core.domain.events import OrderEnded
from core.errors import NotSupported, OrderNotFound, TransportError
from core.services.execution import resolver
from core.services.execution.settings import ExecutionSettings
from core.testing.execution import BOT, Bench, instrument, order
from core.testing.scripted_venue import Create

D = Decimal


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes an attached bot, and ends it after the test."""
    made: list[Bench] = []

    def one(**changes: Any) -> Bench:
        made.append(Bench(tmp_path, **changes))
        made[-1].attach()
        return made[-1]

    yield one
    for bench in made:
        bench.close()


def crowd(make: Callable[..., Bench], *words: Create) -> Bench:
    """More orders in doubt than are asked for one by one."""
    bench = make(settings=ExecutionSettings(ask_each_up_to=2))
    bench.venue.is_stream_silent = True
    bench.venue.create_script.extend(words)
    bench.step(*(order(f"a{number}", price=900 + number) for number in range(len(words))))
    return bench


def states(bench: Bench, count: int) -> list[str]:
    """Of the first so many orders."""
    return [bench.stored(f"a{number}").state for number in range(count)]


def test_a_crowd_in_doubt_is_found_in_lists_alone(make: Callable[..., Bench]):
    """One rests, one filled, three never arrived; not one of them is asked for by its id."""
    bench = crowd(
        make,
        Create.LOST_BEFORE,
        Create.LOST_AFTER,
        Create.FILLED_LOST_AFTER,
        Create.LOST_BEFORE,
        Create.LOST_BEFORE,
    )
    bench.wait(40)
    bench.step()

    assert states(bench, 5) == ["NOT_PLACED", "ACKED", "FILLED", "NOT_PLACED", "NOT_PLACED"]
    assert "get_order" not in bench.venue.questions
    assert bench.service.ledger(BOT).position == D("0.5") == bench.venue.position
    assert sorted(bench.venue.creates) == ["a0", "a1", "a2", "a3", "a4"]


def test_a_crowd_is_asked_one_by_one_where_closed_orders_are_not_listed(make: Callable[..., Bench]):
    """The venue has no such list: absence is proved by the others."""
    bench = crowd(make, *[Create.LOST_BEFORE] * 4)

    async def none(*args: object, **kwargs: object) -> list[OrderData]:
        raise NotSupported("no list of closed orders.")

    bench.venue.get_order_history = none  # type: ignore[method-assign]
    bench.wait(40)

    assert states(bench, 4) == ["NOT_PLACED"] * 4
    assert bench.venue.questions.count("get_order") >= 4


def test_a_list_of_closed_orders_that_is_cut_off_proves_nothing(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
):
    """It may have left out the very order; each is asked for by its id from then on."""
    monkeypatch.setattr(resolver, "_CLOSED", 1)
    bench = crowd(make, *[Create.LOST_BEFORE] * 3)
    foreign = bench.venue.place_foreign(order("x").side, "50", "0.5")
    bench.venue.orders[foreign.order_id] = replace(foreign, status=OrderStatus.CANCELED)
    bench.wait(40)

    assert states(bench, 3) == ["NOT_PLACED"] * 3
    assert bench.venue.questions.count("get_order") >= 3


def test_a_crowd_is_not_called_absent_while_closed_orders_cannot_be_asked_for(
    make: Callable[..., Bench],
):
    """One that is over without an execution would be in that list alone."""
    bench = crowd(make, *[Create.LOST_BEFORE] * 3)
    ask = bench.venue.get_order_history

    async def broken(*args: object, **kwargs: object) -> list[OrderData]:
        raise TransportError("no answer")

    bench.venue.get_order_history = broken  # type: ignore[method-assign]
    bench.wait(40)
    assert states(bench, 3) == ["UNKNOWN"] * 3

    bench.venue.get_order_history = ask  # type: ignore[method-assign]
    bench.wait(10)
    assert states(bench, 3) == ["NOT_PLACED"] * 3


def test_on_spot_what_lay_there_before_does_not_keep_an_order_in_doubt(make: Callable[..., Bench]):
    """The balance was never compared: it may be anybody's, and the lists decide."""
    bench = make(
        traded=instrument(market_type=ExchangeType.SPOT),
        capabilities=Capabilities(market_types=frozenset({ExchangeType.SPOT})),
    )
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.step(order("a1"))
    bench.crash()
    ask = bench.venue.get_balances
    answers = 0

    async def broken_once() -> list[BalanceData]:
        nonlocal answers
        answers += 1
        return await ask()

    bench.venue.get_balances = broken_once  # type: ignore[method-assign]
    bench.venue.position = D("0.2")
    bench.attach()
    bench.service._bots[BOT].foreign_position = None
    bench.wait(30)

    (end,) = bench.inbox.of(OrderEnded)
    assert end.code == "NOT_PLACED"
    assert answers > 0


def test_a_case_that_one_list_settled_is_not_asked_about_in_the_next(make: Callable[..., Bench]):
    """Of two in doubt the open orders name both: executions are not asked for."""
    bench = make(settings=ExecutionSettings(ask_each_up_to=1))
    bench.venue.is_stream_silent = True
    bench.venue.create_script.extend([Create.LOST_AFTER, Create.LOST_AFTER])
    bench.venue.questions.clear()
    bench.step(order("a0", price=900), order("a1", price=901))
    bench.wait(0.1)

    assert states(bench, 2) == ["ACKED", "ACKED"]
    assert "get_fills" not in bench.venue.questions


def test_nothing_is_asked_of_orders_in_doubt_whose_bot_left(make: Callable[..., Bench]):
    """Its next start looks for them, and sends none of them again."""
    bench = make()
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.step(order("a1"))
    bench.wait(1)
    bench.run(bench.service.detach(BOT, is_closed=False))
    bench.wait(3)
    bench.venue.questions.clear()
    bench.wait(30)
    assert bench.venue.questions == []

    assert bench.attach().unresolved == 1
    bench.wait(10)
    assert bench.stored("a1").state == "NOT_PLACED"
    assert bench.venue.creates == ["a1"]


def test_a_request_whose_deadline_is_long_over_is_not_waited_for(make: Callable[..., Bench]):
    """A minute after a crash: two answers two seconds apart, past the margin, are enough."""
    bench = make()
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.step(order("a1"))
    bench.crash()
    bench.wait(60)
    bench.attach()
    bench.wait(2.9)
    assert bench.stored("a1").state == "UNKNOWN"
    bench.wait(4.5)

    assert bench.stored("a1").state == "NOT_PLACED"


def test_one_after_the_other_each_loss_is_looked_into(make: Callable[..., Bench]):
    """The search for the first is over when the second gets lost: it begins anew."""
    bench = make()
    for key in ("a1", "a2"):
        bench.venue.create_script.append(Create.LOST_BEFORE)
        bench.step(order(key))
        bench.wait(30)
        assert bench.stored(key).state == "NOT_PLACED"

    assert [end.client_order_id for end in bench.inbox.of(OrderEnded)] == ["a1", "a2"]


def test_a_person_is_called_after_a_minute_in_doubt_and_not_before(make: Callable[..., Bench]):
    """Once, however long it goes on."""
    bench = make()
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.step(order("a1"))
    bench.venue.is_reachable = False
    bench.wait(59)
    assert bench.alarms == []
    bench.wait(5)
    assert [alarm.code for alarm in bench.alarms] == ["UNRESOLVED"]
    bench.wait(300)
    assert [alarm.code for alarm in bench.alarms] == ["UNRESOLVED"]


def test_a_market_order_in_doubt_is_followed_again_after_a_crash(make: Callable[..., Bench]):
    """It has no price, filled whole, and is booked once."""
    bench = make()
    bench.venue.is_stream_silent = True
    bench.venue.create_script.append(Create.FILLED_LOST_AFTER)
    bench.step(order("m1", price=None))
    bench.crash()
    bench.venue.is_stream_silent = False
    bench.attach()
    bench.wait(5)
    bench.step()

    stored = bench.stored("m1")
    assert (stored.intent.price, stored.intent.order_type, stored.state) == (
        None,
        "market",
        "FILLED",
    )
    assert bench.service.ledger(BOT).position == D("0.5") == bench.venue.position
    assert bench.venue.creates == ["m1"]


def test_answers_from_before_an_order_was_found_say_nothing_of_its_vanishing(
    make: Callable[..., Bench],
):
    """Long in doubt, then told as open, then missing from lists that lag: it is asked for anew."""
    bench = make()
    bench.venue.is_stream_silent = True
    bench.venue.create_script.append(Create.LOST_AFTER)
    known = bench.venue.get_order, bench.venue.get_open_orders

    async def unknown(*args: object, **kwargs: object) -> OrderData:
        raise OrderNotFound("unknown")

    async def none(symbol: str | None = None) -> list[OrderData]:
        return []

    bench.venue.get_order = unknown  # type: ignore[method-assign]
    bench.venue.get_open_orders = none  # type: ignore[method-assign]
    bench.step(order("a1"))
    bench.wait(12.5)
    assert bench.stored("a1").state == "UNKNOWN"
    bench.venue.is_stream_silent = False
    bench.do(lambda: bench.venue.tell(bench.venue.by_client_id("a1")))
    bench.run(bench.service.reconcile(BOT))
    bench.wait(3)
    bench.venue.get_order, bench.venue.get_open_orders = known  # type: ignore[method-assign]
    bench.wait(5)

    assert bench.inbox.of(OrderEnded) == []
    assert bench.stored("a1").state == "ACKED"


def test_what_was_foreign_before_does_not_keep_an_order_in_doubt(make: Callable[..., Bench]):
    """The position differed already when it was compared: only a change since could be its work."""
    bench = make()
    bench.venue.position = D("0.3")
    bench.run(bench.service.reconcile(BOT))
    assert bench.service._bots[BOT].foreign_position == D("0.3")
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.step(order("a1"))
    bench.wait(30)

    assert bench.stored("a1").state == "NOT_PLACED"
