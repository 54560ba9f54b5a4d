"""The journal in memory answers as the one in a file does."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from core.adapters.storage.journal import SqliteJournal
from core.adapters.storage.memory import MemoryJournal
from core.errors import JournalError
from core.services.ports import (
    BotRow,
    DiaryRow,
    FillRow,
    IntentRow,
    IntentUpdate,
    Journal,
    LedgerRow,
    StateRow,
    Transaction,
)

BOT = BotRow(
    "b1", "one", "grid", "paper", "v", "a", "S", "pre", "{}", "{}", is_closed=0, created_ns=1,
    updated_ns=1,
)  # fmt: skip


def intent(name: str) -> IntentRow:
    """A buy that rests."""
    return IntentRow(
        name, "b1", "v", "a", "S", "buy", "limit", "9.5", "2", "GTC", 0, 0, "ENTRY", 1, "rule",
        "[]", 10, 20,
    )  # fmt: skip


def fill(trade: str, order: str) -> FillRow:
    """A whole execution of it."""
    return FillRow(
        "v",
        "a",
        "S",
        trade,
        "b1",
        order,
        "o1",
        "buy",
        "9.5",
        "2",
        "0.1",
        "Q",
        "0.1",
        "0",
        1,
        30,
        31,
    )


LIFE = (
    Transaction(bots=[BOT]),
    Transaction(
        intents=[intent("x1")], states=[StateRow("b1", "k", "1"), StateRow("b1", "m", "2")]
    ),
    Transaction(updates=[IntentUpdate("ACKED", "o1", "0", "", 0, 20, 25, "x1")]),
    Transaction(
        fills=[fill("t1", "x1")],
        updates=[IntentUpdate("FILLED", "o1", "2", "", 0, 20, 30, "x1")],
        ledgers=[LedgerRow("b1", "2", "0.1", "0", 1, 30)],
        states=[StateRow("b1", "k", "7"), StateRow("b1", "m", None)],
        diary=[DiaryRow("b1", 30, "order.filled", "{}")],
        intents=[intent("x2")],
    ),
    Transaction(settled=["x1"]),
)

QUESTIONS: tuple[Callable[[Journal], object], ...] = (
    lambda journal: journal.bots(),
    lambda journal: journal.bot("b1"),
    lambda journal: journal.state("b1"),
    lambda journal: journal.intent("x1"),
    lambda journal: journal.intent_of("v", "a", "S", "o1"),
    lambda journal: journal.unsettled("b1"),
    lambda journal: journal.orders("b1", 5),
    lambda journal: journal.last_client_order_id("b1"),
    lambda journal: journal.has_fill("v", "a", "S", "t1", "o1"),
    lambda journal: journal.trade_ids("x1"),
    lambda journal: journal.ledger("b1"),
    lambda journal: journal.diary("b1", 5),
)


def lived(journal: Journal) -> Journal:
    """The journal after everything was written."""

    async def run() -> None:
        for transaction in LIFE:
            await journal.commit(transaction)

    asyncio.run(run())
    return journal


def test_it_answers_as_a_file_does(tmp_path: Path) -> None:
    """The same questions after the same life."""
    file, memory = lived(SqliteJournal(tmp_path / "j.db", is_inline=True)), lived(MemoryJournal())

    assert [ask(memory) for ask in QUESTIONS] == [ask(file) for ask in QUESTIONS]
    file.close()
    memory.close()


def test_it_answers_between_writes_too() -> None:
    """A question does not disturb what comes after it."""
    asked, unasked = MemoryJournal(), lived(MemoryJournal())
    for transaction in LIFE:
        asked.write(transaction)
        asked.bots()

    assert [ask(asked) for ask in QUESTIONS] == [ask(unasked) for ask in QUESTIONS]


def test_it_tells_of_bots_as_they_are_written() -> None:
    """Whoever measures a run learns what its orders are called."""
    told: list[str] = []

    lived(MemoryJournal(lambda row: told.append(row.order_prefix)))

    assert told == ["pre"]


def test_a_closed_one_refuses() -> None:
    """What is written after the end would be lost in silence."""
    journal = MemoryJournal()
    journal.close()

    with pytest.raises(JournalError):
        journal.write(Transaction())
