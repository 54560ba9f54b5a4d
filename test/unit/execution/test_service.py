"""Steps, denials, durability and what others may ask."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import Capabilities, ExchangeType, OrderSide
from core.adapters.storage.journal import SqliteJournal
from core.domain.commands import Announce, Role
from core.domain.events import OrderAccepted, OrderDenied, OrderEnded
from core.errors import JournalError
from core.infrastructure.clock import WallClock
from core.services.execution.service import ExecutionService
from core.services.gateway import BotSpec, Step
from core.services.ports import Transaction
from core.services.risk.limits import Limits
from core.services.risk.service import RiskService
from core.testing.execution import BOT, SYMBOL, Bench, Inbox, cancel, instrument, order
from core.testing.scripted_venue import ScriptedVenue


def test_a_prefix_is_the_same_for_ever_and_of_letters_and_digits(bench: Bench):
    """Ten characters: installation and bot; another bot has another."""
    prefix = bench.service.order_prefix(BOT)

    assert (len(prefix), prefix[0], prefix.isalnum(), prefix.isascii()) == (10, "c", True, True)
    assert bench.service.order_prefix(BOT) == prefix
    assert bench.service.order_prefix("another") != prefix


def test_a_denied_order_is_told_with_code_limit_and_value(tmp_path: Path):
    """Neither intent nor request: the bot hears why, and the diary has the line."""
    bench = Bench(tmp_path, limits=Limits(order_notional=Decimal(40)))
    bench.attach()

    bench.step(order("a1"))
    bench.wait(1)

    (denial,) = bench.inbox.of(OrderDenied)
    assert (denial.code, denial.limit, denial.value) == ("NOTIONAL_EXCEEDS_CAP", "40", "50")
    assert bench.venue.creates == []
    assert bench.journal.intent("a1") is None
    _, _, event, fields = bench.diary[-1]
    assert event == "risk.denied"
    assert dict(fields) == {
        "code": "NOTIONAL_EXCEEDS_CAP",
        "limit": "40",
        "value": "50",
        "client_order_id": "a1",
        "side": "buy",
        "price": "100",
        "amount": "0.5",
        "level": 1,
        "leg": "entry",
        "reason": "test.placed",
    }
    bench.close()


def test_orders_of_one_step_count_against_each_other(tmp_path: Path):
    """I5: the second of two is judged with the first one resting."""
    bench = Bench(tmp_path, limits=Limits(position=Decimal("0.9")))
    bench.attach()

    bench.step(order("a1"), order("a2"))
    bench.wait(1)

    assert [denial.client_order_id for denial in bench.inbox.of(OrderDenied)] == ["a2"]
    assert bench.venue.creates == ["a1"]
    bench.close()


def test_exits_leave_before_entries(bench: Bench):
    """Within a step, by priority and then in the order of the machine."""
    bench.place("a0")
    bench.do(lambda: bench.venue.fill("a0"))

    bench.step(
        order("e1", price=990),
        order("x1", OrderSide.SELL, 1010, amount=100, role=Role.EXIT),
        order("r1", OrderSide.SELL, 1020, amount=100, role=Role.REDUCE),
        order("e2", price=980),
    )
    bench.wait(1)

    assert bench.venue.creates == ["a0", "r1", "x1", "e1", "e2"]


def test_the_order_line_says_what_was_placed_and_why(bench: Bench):
    """One line for an accepted order, decimals in plain notation."""
    bench.place("a1")

    bot_id, at_ns, event, fields = bench.diary[-1]
    assert (bot_id, event, at_ns) == (BOT, "order.placed", bench.inbox.of(OrderAccepted)[0].at_ns)
    assert dict(fields) == {
        "client_order_id": "a1",
        "side": "buy",
        "price": "100",
        "amount": "0.5",
        "level": 1,
        "leg": "entry",
        "order_type": "limit",
        "time_in_force": "gtc",
        "reason": "test.placed",
    }


def test_fills_ledger_state_and_intents_are_one_transaction(bench: Bench):
    """P7: when it cannot be written, none of it is; when it can, all of it is."""
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1"))
    written: list[Transaction] = []
    commit = bench.journal.commit

    async def noted(transaction: Transaction) -> None:
        written.append(transaction)
        await commit(transaction)

    bench.journal.commit = noted  # type: ignore[method-assign]
    bench.step(
        order("b1", OrderSide.SELL, 1010, role=Role.EXIT),
        Announce(event="grid.built", fields=(("levels", 3),)),
        state={"slot": "exit b1"},
    )

    (transaction,) = written
    assert [row.trade_id for row in transaction.fills] == [bench.fills()[0].trade_id]
    assert [row.position for row in transaction.ledgers] == ["0.5"]
    assert [row.client_order_id for row in transaction.intents] == ["b1"]
    assert [row.value for row in transaction.states] == ["exit b1"]
    assert [row.event for row in transaction.diary] == ["grid.built"]


def test_a_halt_between_step_and_send_withdraws_the_order(bench: Bench):
    """I10: after a kill nothing new leaves, not even what was already durable."""
    bench.service._desk.sender.pause(1)
    bench.step(order("a1"))
    bench.run(bench.risk.halt("you"))
    bench.wait(5)

    assert bench.venue.creates == []
    assert [end.code for end in bench.inbox.of(OrderEnded)] == ["HALTED"]


def test_a_lost_lease_withdraws_the_order(bench: Bench):
    """PR17: the fencing is asked before every create."""
    bench.service._dispatcher.may_send = lambda: False

    bench.step(order("a1"))
    bench.wait(1)

    assert bench.venue.creates == []
    assert [end.code for end in bench.inbox.of(OrderEnded)] == ["LEASE_LOST"]


def test_a_cancel_goes_out_while_halted(bench: Bench):
    """HALTED stops everything but cancels."""
    bench.place("a1")
    bench.run(bench.risk.halt("you"))

    bench.step(cancel("a1"))
    bench.wait(1)

    assert bench.venue.open_orders() == []


def test_a_step_in_doubt_can_be_offered_again(bench: Bench):
    """ST3: it was durable after all; the second offer neither fails nor sends twice."""
    commit = bench.journal.commit
    calls = 0

    async def doubtful(transaction: Transaction) -> None:
        nonlocal calls
        calls += 1
        await commit(transaction)
        if calls == 1:
            raise JournalError("the last write is in doubt")

    bench.journal.commit = doubtful  # type: ignore[method-assign]
    with pytest.raises(JournalError):
        bench.step(order("a1"), state={"slot": "entry"})
    assert bench.venue.creates == []

    bench.step(order("a1"), state={"slot": "entry"})
    bench.wait(1)

    assert bench.venue.creates == ["a1"]
    assert len(bench.journal.orders(BOT, 9)) == 1


def test_an_id_that_was_used_is_denied(bench: Bench):
    """P1: one intent, one id, at most one create ever."""
    bench.place("a1")
    bench.step(order("a1"))
    bench.do(lambda: bench.venue.fill("a1"))
    bench.step()
    bench.step(order("a1"))

    codes = [denial.code for denial in bench.inbox.of(OrderDenied)]
    assert codes == ["DUPLICATE_CLIENT_ORDER_ID"] * 2
    assert bench.venue.creates == ["a1"]


def test_nothing_of_an_order_stays_in_memory_once_it_is_over(bench: Bench):
    """PR15: memory is flat in the number of orders."""
    for number in range(50):
        bench.place(f"a{number}")
        bench.do(lambda number=number: bench.venue.fill(f"a{number}"))  # type: ignore[misc]
        bench.step()

    assert list(bench.service._manager) == []
    assert len(bench.service._bots[BOT].ends) <= 1


def test_the_log_of_requests_shows_the_newest_first(bench: Bench):
    """Method, order, answer and time; at most a hundred."""
    bench.place("a1")
    bench.step(cancel("a1"))
    bench.wait(1)

    newest, *older = bench.service.calls()
    assert (newest.method, newest.answer, newest.venue) == ("cancel_order", "ok", "scripted")
    assert (older[0].method, older[0].detail) == ("create_order", "a1")


def test_orders_are_listed_with_the_open_ones_first(bench: Bench):
    """Then the newest of those that are over."""
    bench.place("a1")
    bench.place("a2", price=990)
    bench.step(cancel("a2"))
    bench.wait(1)
    bench.run(bench.journal.flush())

    assert [row.intent.client_order_id for row in bench.service.orders(BOT)] == ["a1", "a2"]


def test_the_request_deadline_is_sent_where_the_venue_enforces_it(tmp_path: Path):
    """P6: the durable deadline is the one that the venue gets."""
    capabilities = Capabilities(
        market_types=frozenset({ExchangeType.PERPETUAL}), has_request_deadline=True
    )
    bench = Bench(tmp_path, capabilities=capabilities)
    bench.attach()
    seen: list[float] = []
    create = bench.venue.create_order

    async def noted(*args: object) -> object:
        expires_at = args[-1].expires_at  # type: ignore[attr-defined]
        seen.append(expires_at.timestamp())
        return await create(*args)  # type: ignore[arg-type]

    bench.venue.create_order = noted  # type: ignore[method-assign,assignment]
    bench.place("a1")

    assert seen == [bench.stored("a1").intent.deadline_ns / 1e9]
    bench.close()


async def test_an_intent_is_durable_before_its_first_byte_on_a_real_loop(tmp_path: Path):
    """P2, I3: with the writer thread, looked up in the file at the moment of the create."""
    clock = WallClock()
    journal = SqliteJournal(tmp_path / "journal.db", busy_wait_s=0)
    venue = ScriptedVenue(clock, instrument())
    risk = RiskService(journal, clock)
    risk.register(BOT, instrument(), Limits())
    service = ExecutionService(
        venue=venue,
        journal=journal,
        risk=risk,
        clock=clock,
        instance_id="real",
        reference=lambda _: None,
    )
    found: list[bool] = []
    create = venue.create_order

    async def looking(*args: object) -> object:
        client_order_id = args[-1].client_order_id  # type: ignore[attr-defined]
        found.append(journal.intent(client_order_id) is not None)
        return await create(*args)  # type: ignore[arg-type]

    venue.create_order = looking  # type: ignore[method-assign,assignment]
    inbox = Inbox()
    spec = BotSpec(
        bot_id=BOT,
        name="bench",
        app="grid",
        mode="paper",
        venue="scripted",
        symbol=SYMBOL,
        instrument=instrument(),
        order_prefix=service.order_prefix(BOT),
        fingerprint={},
        config="{}",
    )
    await service.attach(spec, inbox)

    commands = tuple(order(f"a{number}", price=1000 - number) for number in range(40))
    await service.step(Step(bot_id=BOT, at_ns=clock.now_ns(), commands=commands))
    async with asyncio.timeout(10):
        while len(inbox.of(OrderAccepted)) < 40:  # noqa: ASYNC110 # an inbox tells nobody
            await asyncio.sleep(0)

    assert found == [True] * 40
    assert venue.creates == [f"a{number}" for number in range(40)]
    await service.detach(BOT, is_closed=False)
    await service.close()
    journal.close()
