"""A journal that commits to a log first: the same rows, and nothing lost to a kill."""

import sqlite3
from contextlib import closing
from pathlib import Path

from core.adapters.storage.journal import SqliteJournal
from core.infrastructure.redo_log import path_beside
from core.services.ports import (
    BotRow,
    DenialRow,
    DiaryRow,
    FillRow,
    IntentRow,
    IntentUpdate,
    LedgerRow,
    StateRow,
    Transaction,
)

BOT = BotRow("b", "b", "grid", "paper", "v", "a", "S", "cb", "{}", "{}", 0, 1, 1)


def intent(number: int) -> IntentRow:
    """An intent of the bot."""
    return IntentRow(
        f"a{number}", "b", "v", "a", "S", "buy", "limit", "100", "0.5", "gtc", 0, 0, "entry", 1,
        "test", "[]", 5, 6,
    )  # fmt: skip


def fill(number: int) -> FillRow:
    """The execution of an intent."""
    return FillRow(
        "v", "a", "S", f"t{number}", "b", f"a{number}", f"v{number}", "buy", "100", "0.1", "0.01",
        "USDC", "0.01", "0", 1, 7, 8,
    )  # fmt: skip


def life() -> list[Transaction]:
    """A bot that places, fills, is refused, changes its state again and again, and starts anew."""
    steps = [Transaction(bots=[BOT], states=[StateRow("b", "old", "x")])]
    for number in range(1, 6):
        steps += [
            Transaction(intents=[intent(number)], states=[StateRow("b", "slot", str(number))]),
            Transaction(
                updates=[IntentUpdate("ACKED", f"v{number}", "0", "", 0, 6, 9, f"a{number}")]
            ),
            Transaction(
                fills=[fill(number), fill(number)],
                ledgers=[LedgerRow("b", f"0.{number}", "0.01", "0", number, number)],
                updates=[IntentUpdate("FILLED", f"v{number}", "1", "", 0, 6, 9, f"a{number}")],
                diary=[DiaryRow("b", number, "order.filled", "{}")],
            ),
            Transaction(denials=[DenialRow(f"d{number}", "b", number, "HALTED", None, None)]),
            Transaction(settled=[f"a{number}", f"d{number}"]),
        ]
    steps.append(Transaction(cleared=["b"], states=[StateRow("b", "slot", None)]))
    steps.append(Transaction(states=[StateRow("b", "new", "y")]))
    return steps


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but the count of transactions."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return {
            name: connection.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608
            for (name,) in names
            if name not in {"counters", "meta"}
        }


def killed(journal: SqliteJournal) -> Path:
    """Its file as a killed process leaves it."""
    journal._store._connection.close()
    journal._lock.release()
    return journal.path


def logged(path: Path) -> SqliteJournal:
    """A journal with a log."""
    return SqliteJournal(path, is_inline=True, is_logged=True, busy_wait_s=0)


async def test_a_log_makes_no_difference_to_what_the_file_holds(tmp_path: Path):
    """Many transactions taken in as few give the rows that one by one would."""
    for name, is_logged in (("one.db", False), ("many.db", True)):
        journal = SqliteJournal(tmp_path / name, is_inline=True, is_logged=is_logged)
        for step in life():
            await journal.commit(step)
        journal.close()

    assert contents(tmp_path / "many.db") == contents(tmp_path / "one.db")
    assert not path_beside(tmp_path / "many.db").exists()


async def test_what_was_committed_outlives_a_kill(tmp_path: Path):
    """The file had none of it yet; whoever opens the journal next finds all of it."""
    journal = logged(tmp_path / "journal.db")
    for step in life():
        await journal.commit(step)
    path = killed(journal)

    assert contents(path)["intents"] == []

    again = SqliteJournal(path, busy_wait_s=0)

    assert again.last_client_order_id("b") == "a5"
    assert again.trade_ids("a5") == ["t5"]
    assert again.state("b") == {"new": "y"}
    again.close()
    assert not path_beside(path).exists()


async def test_a_kill_between_file_and_log_takes_nothing_in_twice(tmp_path: Path):
    """The file knows the number of the last record that it holds."""
    journal = logged(tmp_path / "journal.db")
    for step in life():
        await journal.commit(step)
    records = path_beside(journal.path).read_bytes()
    journal.bots()  # reading takes the log in
    path = killed(journal)
    path_beside(path).write_bytes(records)
    before = contents(path)
    again = logged(path)
    await again.commit(Transaction(states=[StateRow("b", "newer", "z")]))
    path = killed(again)

    assert contents(path) == before

    last = logged(path)

    assert last.state("b") == {"new": "y", "newer": "z"}
    assert len(last.diary("b", 100)) == 5
    last.close()
