"""Each invariant on a history that was doctored: it fires, and it is silent on the sound one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.adapters.exchanges.models import (
    ExchangeType,
    FillData,
    Instrument,
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.services.ports import IntentRow, LedgerRow, StoredIntent
from core.testing.simulation.history import (
    Accepted,
    Alarmed,
    Banned,
    Called,
    CancelCalled,
    Changed,
    CreateCalled,
    Denied,
    Ended,
    FillDurable,
    Filled,
    IntentDurable,
    QueueSeen,
    Record,
    RiskDurable,
    RiskSet,
    Started,
    StateDurable,
    Told,
)
from core.testing.simulation.invariants.base import Rest, Terms
from core.testing.simulation.invariants.watch import INVARIANTS
from core.testing.simulation.invariants.words import CANARY

S = 1_000_000_000
AT = datetime(2026, 1, 1, tzinfo=UTC)
BOT = "paper/paper/paper/SIM-USDC-PERP/simulated"
FIRST = "cabcdewxyz1E1"
SECOND = "cabcdewxyz1E2"

TERMS = Terms(
    instrument=Instrument(
        symbol="SIM-USDC-PERP",
        venue="paper",
        market_type=ExchangeType.PERPETUAL,
        base="SIM",
        quote="USDC",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.01"),
        min_notional=Decimal(5),
    ),
    entry_side="buy",
    most_lots=100,
    levels=2,
    orders_per_minute=10,
)


def verdicts(records: Sequence[Record], rest: Rest | None = None) -> dict[str, list[str]]:
    """Name of each violated invariant -> what it said."""
    found: dict[str, list[str]] = {}
    for kind in INVARIANTS:
        invariant = kind(TERMS)
        said = [text for record in records for text in invariant.on(record)]
        if rest is not None:
            said += invariant.at_rest(rest)
        if said:
            found[kind.name] = said
    return found


def intent(identity: str = FIRST, at: float = 1.0, **changes: Any) -> IntentDurable:
    """An intent on the disk."""
    record = IntentDurable(
        at_ns=round(at * S),
        life=1,
        identity=identity,
        bot_id=BOT,
        side="buy",
        price=Decimal("99.5"),
        amount=Decimal("0.5"),
        role="entry",
        level=1,
        time_in_force="gtc",
        created_ns=round(at * S),
        deadline_ns=round((at + 7) * S),
    )
    return replace(record, **changes)


def create(identity: str = FIRST, at: float = 1.1, **changes: Any) -> CreateCalled:
    """A create that left."""
    record = CreateCalled(
        at_ns=round(at * S),
        life=1,
        number=1,
        method="create_order",
        identity=identity,
        side="buy",
        price=Decimal("99.5"),
        amount=Decimal("0.5"),
        time_in_force="gtc",
        reduce_only=False,
        price_age_ns=S,
        stamped_ns=round(at * S),
    )
    return replace(record, **changes)


def order(identity: str = FIRST, **changes: Any) -> OrderData:
    """An order at the venue."""
    data = OrderData(
        venue="paper",
        symbol="SIM-USDC-PERP",
        order_id=f"v-{identity}",
        client_order_id=identity,
        side=OrderSide.BUY,
        order_type=OrderType.LIMIT,
        status=OrderStatus.OPEN,
        amount=Decimal("0.5"),
        price=Decimal("99.5"),
    )
    return replace(data, **changes)


def accepted(identity: str = FIRST, at: float = 1.2, **changes: Any) -> Accepted:
    """The venue has it."""
    return Accepted(at_ns=round(at * S), order=order(identity, **changes), is_ours=True)


def execution(trade: str = "t1", identity: str = FIRST, **changes: Any) -> FillData:
    """An execution."""
    data = FillData(
        venue="paper",
        account="paper",
        symbol="SIM-USDC-PERP",
        trade_id=trade,
        order_id=f"v-{identity}",
        client_order_id=identity,
        side=OrderSide.BUY,
        price=Decimal("99.5"),
        amount=Decimal("0.5"),
        fee=Decimal("0.01"),
        fee_currency="USDC",
        at=AT,
    )
    return replace(data, **changes)


def filled(fill: FillData, at: float = 2.0) -> Filled:
    """It happened at the venue."""
    return Filled(at_ns=round(at * S), fill=fill, is_ours=True)


def booked(fill: FillData, at: float = 2.1, **changes: Any) -> FillDurable:
    """It is in the books."""
    record = FillDurable(
        at_ns=round(at * S),
        life=1,
        identity=fill.client_order_id or "",
        order_id=fill.order_id,
        trade_id=fill.trade_id,
        side=fill.side.value,
        price=fill.price,
        amount=fill.amount,
        fee=fill.fee,
        is_new=True,
    )
    return replace(record, **changes)


def stored(state: str, identity: str = FIRST) -> StoredIntent:
    """An intent as the journal has it."""
    row = IntentRow(
        identity, BOT, "paper", "paper", "SIM-USDC-PERP", "buy", "limit", "99.5", "0.5", "gtc",
        0, 0, "entry", 1, "entry.built", "[]", S, 8 * S,
    )  # fmt: skip
    return StoredIntent(row, state, f"v-{identity}", "0", "", 0, S, 0, "0")


def ledger(position: str = "0.5", fees: str = "0.01", fills: int = 1) -> LedgerRow:
    """The sums of the bot."""
    return LedgerRow(BOT, position, fees, "0", fills, S)


def state(identity: str, name: str, at: float) -> StateDurable:
    """What became of an intent."""
    return StateDurable(
        at_ns=round(at * S),
        life=1,
        identity=identity,
        state=name,
        order_id="",
        code="",
        cancel_wanted=False,
    )


def denied(endpoint: str, at: float, identity: str = "", present: str = "") -> Denied:
    """An answer without the order."""
    return Denied(
        at_ns=round(at * S) + 1,
        life=1,
        asked_ns=round(at * S),
        endpoint=endpoint,
        identity=identity,
        present=(present,) if present else (),
    )


def resting(**changes: Any) -> Rest:
    """A run at rest with one filled order, whose books are right."""
    fill = execution()
    rest = Rest(
        terms=TERMS,
        last_words={FIRST: order(status=OrderStatus.FILLED, filled=Decimal("0.5"))},
        fills=(fill,),
        intents={FIRST: stored("FILLED")},
        ledger=ledger(),
        book_fills=frozenset({("t1", fill.order_id)}),
        result={
            "realized": Decimal(0),
            "unrealized": Decimal("0.25"),
            "fees": Decimal("0.01"),
            "funding": Decimal(0),
            "mark": Decimal(100),
        },
        slots=((1, "exit_open", False),),
    )
    return replace(rest, **changes)


def story() -> list[Record]:
    """An order from its intent to its booked fill."""
    fill = execution()
    return [
        Started(at_ns=0, life=1, token=1),
        intent(),
        create(),
        accepted(),
        filled(fill),
        Changed(
            at_ns=2 * S,
            order=order(status=OrderStatus.FILLED, filled=Decimal("0.5")),
            is_ours=True,
        ),
        booked(fill),
    ]


def test_a_sound_history_violates_nothing():
    """One order, filled and booked: every invariant is silent, at every record and at rest."""
    assert verdicts(story(), resting()) == {}


def calls(count: int, *, last: Record | None = None) -> list[Record]:
    """Questions within a second, then one more record."""
    asked: list[Record] = [
        Called(at_ns=S + number, life=1, number=number, method="get_fills")
        for number in range(count)
    ]
    return asked if last is None else [*asked, last]


NOT_PLACED = state(FIRST, "NOT_PLACED", 20.0)
WAITED = [intent(), create(), denied("order", 10.0, FIRST)]

CASES: dict[str, tuple[str, Callable[[], tuple[list[Record], Rest | None]]]] = {
    "a create leaves twice": ("I1", lambda: ([intent(), create(), create(at=3.0)], None)),
    "two orders of one intent": (
        "I1",
        lambda: ([intent(), create(), accepted(), accepted(order_id="other")], None),
    ),
    "refused in the journal, there at the venue": (
        "I1",
        lambda: (story(), resting(intents={FIRST: stored("NOT_PLACED")})),
    ),
    "a fill that is not in the books": (
        "I2",
        lambda: (story(), resting(book_fills=frozenset())),
    ),
    "a fill in the books that never was": ("I2", lambda: ([booked(execution("t9"))], None)),
    "a fill in the books with another amount": (
        "I2",
        lambda: ([filled(execution()), booked(execution(), amount=Decimal(1))], None),
    ),
    "a position that is off by a lot": (
        "I2",
        lambda: (story(), resting(ledger=ledger(position="0.51"))),
    ),
    "fees that were rounded": ("I2", lambda: (story(), resting(ledger=ledger(fees="0.0100001")))),
    "funding that was counted twice": (
        "I2",
        lambda: (story(), resting(funding=Decimal("0.5"))),
    ),
    "a create before its intent": ("I3", lambda: ([create(), intent(at=2.0)], None)),
    "a create with another price": (
        "I3",
        lambda: ([intent(), create(price=Decimal("99.4"))], None),
    ),
    "two orders on one level": (
        "I4",
        lambda: (
            [intent(), create(), accepted(), intent(SECOND), create(SECOND), accepted(SECOND)],
            None,
        ),
    ),
    "a level without its order": (
        "I4",
        lambda: (story(), resting(slots=((1, "exit_pending", False),))),
    ),
    "an order that nobody believes in": (
        "I4",
        lambda: (story(), resting(open_orders=(order(SECOND),))),
    ),
    "an order believed in that is not there": (
        "I4",
        lambda: (story(), resting(slot_orders=frozenset({SECOND}))),
    ),
    "more than the file allows": (
        "I5",
        lambda: ([*story(), accepted(SECOND, amount=Decimal(2))], None),
    ),
    "the wrong side": (
        "I5",
        lambda: ([*story(), filled(execution("t2", side=OrderSide.SELL, amount=Decimal(1)))], None),
    ),
    "a taker on old prices": (
        "I7",
        lambda: ([intent(), create(time_in_force="ioc", price_age_ns=60 * S)], None),
    ),
    "a taker without a price": (
        "I7",
        lambda: ([intent(), create(price=None, price_age_ns=None)], None),
    ),
    "a price off the tick": ("I8", lambda: ([create(price=Decimal("99.55"))], None)),
    "a price of zero": ("I8", lambda: ([create(price=Decimal(0))], None)),
    "a price on another scale": ("I8", lambda: ([create(price=Decimal(995))], None)),
    "a create in a wrong time": (
        "I13",
        lambda: ([intent(), create(stamped_ns=3_600 * S)], None),
    ),
    "an amount off the lot": ("I8", lambda: ([create(amount=Decimal("0.505"))], None)),
    "an order below the minimum": ("I8", lambda: ([create(amount=Decimal("0.01"))], None)),
    "a profit that is off by a digit": (
        "I9",
        lambda: (
            story(),
            resting(result={**resting().result, "realized": Decimal("0.000001")}),
        ),
    ),
    "a create after a halt": (
        "I10",
        lambda: ([RiskSet(at_ns=S, life=1, state="HALTED", by="you"), intent(), create()], None),
    ),
    "a halt that a restart forgets": (
        "I10",
        lambda: (
            [
                RiskDurable(at_ns=S, life=1, state="HALTED"),
                Started(at_ns=2 * S, life=2, token=2),
                intent(life=2),
                create(life=2),
            ],
            None,
        ),
    ),
    "a stranger's order is cancelled": (
        "I11",
        lambda: (
            [
                Accepted(at_ns=S, order=order("someone1", order_id="v9"), is_ours=False),
                CancelCalled(at_ns=2 * S, life=1, number=2, method="cancel_order", order_id="v9"),
            ],
            None,
        ),
    ),
    "given up without a question": ("I12", lambda: ([intent(), create(), NOT_PLACED], None)),
    "given up on one kind of answer": (
        "I12",
        lambda: ([*WAITED, denied("order", 14.0, FIRST), NOT_PLACED], None),
    ),
    "given up on answers of one moment": (
        "I12",
        lambda: ([*WAITED, denied("fills", 10.5), NOT_PLACED], None),
    ),
    "given up on answers that came too early": (
        "I12",
        lambda: (
            [intent(), create(), denied("order", 2.0, FIRST), denied("fills", 6.0), NOT_PLACED],
            None,
        ),
    ),
    "given up though the executions name it": (
        "I12",
        lambda: ([*WAITED, denied("fills", 14.0, present=FIRST), NOT_PLACED], None),
    ),
    "an order that stays unknown": ("L1", lambda: ([], resting(unknown=1))),
    "a stream that stays stale": ("L2", lambda: ([], resting(stale_streams=1))),
    "no agreement": ("L3", lambda: ([], resting(unrest="in doubt: x"))),
    "no bot": ("L4", lambda: ([], resting(is_running=False))),
    "a bot that stays halted": ("L4", lambda: ([], resting(phase="halted"))),
    "events that wait": ("L5", lambda: ([], resting(inbox=3))),
    "requests that wait": ("L5", lambda: ([], resting(waiting=1))),
    "tasks that pile up": ("L5", lambda: ([], resting(tasks=500))),
    "a task that failed": (
        "L7",
        lambda: ([Alarmed(at_ns=S, life=1, code="TASK_FAILED", text="cancel failed")], None),
    ),
    "a process that crashed": (
        "L7",
        lambda: (
            [Told(at_ns=S, life=1, event="life.crashed", fields=(("error", "KeyError"),))],
            None,
        ),
    ),
    "more requests than the rate": ("Q1", lambda: (calls(15), None)),
    "a request during a ban": (
        "Q1",
        lambda: (
            [Banned(at_ns=S, life=1, until_ns=90 * S), *calls(1)],
            None,
        ),
    ),
    "a create in the room for cancels": (
        "Q2",
        lambda: ([intent(), *calls(13, last=create())], None),
    ),
    "a queue without bound": (
        "Q3",
        lambda: ([QueueSeen(at_ns=S, life=1, what="inbox", length=9_999)], None),
    ),
    "two holders of one lease": (
        "Q4",
        lambda: (
            [Started(at_ns=0, life=1, token=1), Started(at_ns=S, life=2, token=2)],
            None,
        ),
    ),
    "a token that does not grow": (
        "Q4",
        lambda: (
            [
                Started(at_ns=0, life=1, token=5),
                Ended(at_ns=S, life=1, how="killed"),
                Started(at_ns=2 * S, life=2, token=5),
            ],
            None,
        ),
    ),
    "a number given out again": ("Q5", lambda: ([intent(SECOND), intent(FIRST)], None)),
    "a create of a dead process": (
        "Q6",
        lambda: ([intent(), Ended(at_ns=S, life=1, how="killed"), create()], None),
    ),
    "the key in a line": (
        "Z1",
        lambda: (
            [Told(at_ns=S, life=1, event="x", fields=(("text", f"key {CANARY}"),))],
            None,
        ),
    ),
    "an end that the journal does not know": (
        "Z2",
        lambda: (story(), resting(intents={FIRST: stored("ACKED")})),
    ),
    "one thing, two alarms": (
        "Z3",
        lambda: ([Alarmed(at_ns=S, life=1, code="FOREIGN_ORDER", text="v9")] * 2, None),
    ),
    "a machine that differs from its journal": (
        "X2",
        lambda: ([], resting(stored_state={"meta": "1"}, live_state={"meta": "2"})),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_doctored_history_is_noticed(case: str):
    """The invariant named fires on the history that breaks it."""
    name, make = CASES[case]
    records, rest = make()

    assert name in verdicts(records, rest)


def test_every_invariant_has_a_history_that_breaks_it():
    """None is decoration; L6 is the loop's own and fires in test_loop.py."""
    shown = {name for name, _ in CASES.values()} | {"L6"}

    assert {kind.name for kind in INVARIANTS} == shown


def test_a_given_up_order_with_its_proof_is_in_order():
    """Two kinds of answers, late enough and far enough apart: NOT_PLACED is right."""
    records = [*WAITED, denied("open_orders", 10.1), denied("fills", 13.0), NOT_PLACED]

    assert "I12" not in verdicts(records)


def test_what_others_took_over_stands_beside_what_the_file_allows():
    """Seed 833: a ladder that is built anew after that was said counts it once, and no more."""
    fields = (("reason", "take profit"), ("position", "0.18"))
    left = Told(at_ns=3 * S, life=1, event="grid.nothing_to_close", fields=fields)
    full = filled(execution("t2", SECOND, amount=Decimal("0.70")))
    above = filled(execution("t3", SECOND, amount=Decimal("0.01")))

    assert "I5" in verdicts([*story(), full])
    assert "I5" not in verdicts([*story(), left, full])
    assert "I5" in verdicts([*story(), left, full, above])
