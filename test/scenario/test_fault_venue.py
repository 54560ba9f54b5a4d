"""Faults of a venue and of the way to it that need the whole of execution to be shown."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from core.adapters.exchanges.models import (
    Capabilities,
    ExchangeType,
    OrderData,
    OrderSide,
    OrderStatus,
)
from core.domain.commands import Role
from core.domain.events import OrderEnded, Reconciled
from core.testing.execution import BOT, Bench, cancel, order
from core.testing.scripted_venue import Create

MINUTE_NS = 60 * 10**9


def test_a_ban_is_waited_out_by_everything(bench: Bench):
    """T11: told to wait ten minutes, nothing leaves for ten minutes, not even a cancel."""
    bench.place("a1")
    asked = len(bench.venue.questions)
    bench.venue.retry_after_s = 600
    bench.venue.create_script.append(Create.RATE_LIMITED)

    bench.step(order("a2", price=990))
    bench.wait(0.01)
    bench.step(order("a3", price=980), cancel("a1"))
    bench.wait(590)
    assert bench.venue.creates == ["a1", "a2"]
    assert bench.venue.cancels == []
    assert len(bench.venue.questions) == asked

    bench.wait(20)
    assert bench.venue.creates == ["a1", "a2", "a3"]
    assert len(bench.venue.cancels) == 1
    assert bench.stored("a1").state == "CANCELED"


def test_a_venue_that_comes_back_is_not_flooded(tmp_path: Path):
    """RS4: twelve orders in doubt after an outage; no minute sees more than the limit of forty."""
    capabilities = Capabilities(
        market_types=frozenset({ExchangeType.PERPETUAL}), orders_per_minute=40
    )
    bench = Bench(tmp_path, capabilities=capabilities)
    bench.attach()
    asked_ns: list[int] = []
    bench.venue.questions = _Noted(asked_ns, bench)
    bench.venue.creates = _Noted(asked_ns, bench)
    bench.venue.create_script.extend([Create.LOST_AFTER] * 12)
    bench.venue.is_stream_silent = True

    bench.step(*(order(f"a{number}", price=1000 - number) for number in range(12)))
    bench.wait(0.5)
    bench.venue.is_reachable = False
    bench.wait(300)
    bench.venue.is_reachable = True
    bench.wait(300)

    assert bench.words().count("order.resolved") == 12
    assert len(bench.venue.orders) == 12
    busiest = max(sum(first <= at < first + MINUTE_NS for at in asked_ns) for first in asked_ns)
    assert busiest <= 40
    bench.close()


def test_a_fee_in_an_unknown_asset_is_said(bench: Bench):
    """V27: the execution is booked, and a person hears that the fee is not in the ledger."""
    bench.place("a1")
    fill = bench.venue.execute(bench.venue.by_client_id("a1"))
    bench.venue.tell(replace(fill, fee=Decimal("0.0003"), fee_currency="BNB"))
    bench.step()

    assert bench.service.ledger(BOT).position == Decimal("0.5")
    assert "FEE_ASSET" in [alarm.code for alarm in bench.alarms]


def test_words_about_another_market_are_not_ours(bench: Bench):
    """V30: a fill with our order's id but of another side or symbol is told and not booked."""
    bench.place("a1")
    genuine = bench.venue.execute(bench.venue.by_client_id("a1"), "0.1")
    bench.venue.tell(replace(genuine, trade_id="x1", side=OrderSide.SELL))
    bench.venue.tell(replace(genuine, trade_id="x2", symbol="OTHER-USDC-PERP"))
    bench.wait(0.01)
    assert bench.fills() == []
    assert "MISMATCHED_FILL" in [alarm.code for alarm in bench.alarms]

    bench.venue.tell(genuine)
    bench.step()
    assert bench.service.ledger(BOT).position == Decimal("0.1")


def test_a_cancel_of_everything_names_each_of_ours(bench: Bench):
    """V34: three cancels with the ids of our three orders; the stranger between them rests on."""
    foreign = bench.venue.place_foreign(OrderSide.SELL, "120", "1")
    for number in range(3):
        bench.place(f"a{number}", price=1000 - number)
    ours = {data.order_id for data in bench.venue.open_orders()} - {foreign.order_id}

    bench.step(*(cancel(f"a{number}") for number in range(3)))
    bench.wait(1)

    assert sorted(bench.venue.cancels) == sorted(ours)
    assert bench.venue.open_orders() == [foreign]


def test_a_request_cut_off_by_our_own_end_is_asked_for_at_the_next_start(bench: Bench):
    """PR20: the engine ends while a create is under way; the order is found, not sent again."""
    bench.venue.create_script.append(Create.HANGS_AFTER)
    bench.venue.is_stream_silent = True
    bench.step(order("a1"))
    bench.wait(0.5)
    bench.venue.is_reachable = False

    bench.run(bench.service.close())
    bench.run(bench.journal.flush())
    assert bench.stored("a1").state == "UNKNOWN"

    bench.crash()
    bench.venue.is_reachable = True
    bench.venue.is_stream_silent = False
    bench.attach()
    bench.wait(30)
    assert bench.stored("a1").state == "ACKED"
    assert bench.venue.creates == ["a1"]
    assert len(bench.venue.orders) == 1


def test_a_liquidation_by_the_venue_is_told_and_not_fought(bench: Bench):
    """V11: the venue closes our position with an order of its own: told, alarmed, not answered."""
    bench.place("a1")
    bench.venue.fill("a1")
    bench.step(order("b1", OrderSide.SELL, 1010, role=Role.EXIT))
    bench.wait(1)
    sent = list(bench.venue.creates)

    closing = bench.venue.place_foreign(OrderSide.SELL, "90", "0.5")
    bench.do(lambda: bench.venue.end("b1", OrderStatus.CANCELED))
    bench.do(lambda: bench.venue.tell(bench.venue.execute(closing)))
    bench.wait(30)
    bench.run(bench.service.reconcile(BOT))

    assert bench.venue.position == 0
    assert bench.inbox.of(Reconciled)[-1].venue_position == 0
    codes = [alarm.code for alarm in bench.alarms]
    assert "FOREIGN_FILL" in codes
    assert "POSITION_DIFFERS" in codes
    assert bench.words().count("foreign.position") == 1
    assert bench.venue.creates == sent
    end = bench.inbox.of(OrderEnded)[-1]
    assert (end.client_order_id, end.is_ours) == ("b1", False)


def test_an_order_proved_absent_that_appears_is_cancelled(bench: Bench):
    """I12: it arrived half a minute late; nobody wants it any more, and a person hears of it."""
    bench.venue.create_script.append(Create.LOST_BEFORE)
    bench.step(order("a1"))
    bench.wait(30)
    assert bench.stored("a1").state == "NOT_PLACED"

    late = appear(bench, "a1")
    bench.run(bench.service.reconcile(BOT))
    bench.wait(10)

    assert bench.venue.orders[late.order_id].status is OrderStatus.CANCELED
    assert "REVIVED" in [alarm.code for alarm in bench.alarms]
    assert bench.venue.creates == ["a1"]


def test_a_fill_of_an_order_that_was_refused_is_believed(bench: Bench):
    """P3, I12: the venue said no and executed it; it is booked once, also after a restart."""
    bench.venue.create_script.append(Create.REJECTED)
    bench.step(order("a1"))
    bench.wait(30)

    appear(bench, "a1")
    bench.do(lambda: bench.venue.fill("a1"))
    bench.wait(5)
    bench.step()
    assert bench.service.ledger(BOT).position == Decimal("0.5")
    assert "FILLED_AFTER_REFUSAL" in [alarm.code for alarm in bench.alarms]

    bench.crash()
    bench.attach()
    bench.step()
    assert bench.service.ledger(BOT).position == bench.venue.position == Decimal("0.5")


def test_parts_and_crashes_in_turn_add_up(bench: Bench):
    """PR1, V5: five parts, a crash after each, two of them booked before it: counted once each."""
    bench.place("a1")
    for number in range(5):
        bench.do(lambda: bench.venue.fill("a1", "0.1"))
        if number % 2:
            bench.step()
        bench.crash()
        bench.attach()
        bench.step()

    ledger = bench.service.ledger(BOT)
    assert (ledger.position, ledger.fills) == (Decimal("0.5"), 5)
    assert bench.venue.position == Decimal("0.5")
    assert bench.stored("a1").state == "FILLED"


def appear(bench: Bench, client_order_id: str) -> OrderData:
    """An order with one of our ids rests at the venue all of a sudden."""
    late = bench.venue.place_foreign(OrderSide.BUY, "100", "0.5")
    bench.venue.orders[late.order_id] = replace(late, client_order_id=client_order_id)
    return bench.venue.orders[late.order_id]


class _Noted(list[str]):
    """A list that remembers when something was put into it."""

    def __init__(self, asked_ns: list[int], bench: Bench) -> None:
        super().__init__()
        self._asked_ns = asked_ns
        self._bench = bench

    def append(self, item: str) -> None:
        """Keeps it and the time."""
        self._asked_ns.append(self._bench.clock.now_ns())
        super().append(item)
