"""The journal in SQLite: durable, ordered, honest about what failed."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.adapters.storage.journal import SqliteJournal
from core.adapters.storage.migrations import migrate
from core.adapters.storage.schema import SCHEMA_VERSION
from core.errors import JournalBusy, JournalCorrupt, JournalError, JournalFull
from core.services.ports import (
    BotRow,
    EvidenceRow,
    FillRow,
    IntentRow,
    IntentUpdate,
    LedgerRow,
    MarkRow,
    RiskRow,
    StateRow,
    Transaction,
)

BOT = BotRow("b", "b", "grid", "paper", "v", "a", "S", "cb", "{}", "{}", 0, 1, 1)


def intent(client_order_id: str) -> IntentRow:
    """An intent of the bot."""
    return IntentRow(
        client_order_id, "b", "v", "a", "S", "buy", "limit", "100", "0.5", "gtc", 0, 0, "entry", 1,
        "test", "[]", 5, 6,
    )  # fmt: skip


def fill(trade_id: str, client_order_id: str = "a1") -> FillRow:
    """An execution of an intent."""
    return FillRow(
        "v", "a", "S", trade_id, "b", client_order_id, "v1", "buy", "100", "0.1", "0.01", "USDC",
        "0.01", "0", 1, 7, 8,
    )  # fmt: skip


@pytest.fixture(params=[True, False], ids=["inline", "threaded"])
def journal(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SqliteJournal]:
    """An empty journal."""
    made = SqliteJournal(tmp_path / "journal.db", is_inline=request.param, busy_wait_s=0)
    yield made
    made.close()


def reopened(journal: SqliteJournal) -> SqliteJournal:
    """The same file in another process."""
    journal.close()
    return SqliteJournal(journal.path, is_inline=True, busy_wait_s=0)


async def test_what_was_committed_is_there_after_reopening(journal: SqliteJournal):
    """Every kind of row comes back as it was written."""
    await journal.commit(
        Transaction(
            bots=[BOT],
            intents=[intent("a1")],
            updates=[IntentUpdate("ACKED", "v1", "0", "", 1, 6, 9, "a1")],
            evidence=[EvidenceRow("a1", 9, "KIND", "detail")],
            fills=[fill("t1")],
            ledgers=[LedgerRow("b", "0.1", "0.01", "0", 1, 8)],
            states=[StateRow("b", "slot", "x")],
            risk=[RiskRow("engine", "HALTED", "you", 3, "")],
            marks=[MarkRow("v", "a", "S", 4)],
        )
    )
    again = reopened(journal)

    stored = again.intent("a1")
    assert stored is not None
    assert (stored.intent, stored.state, stored.order_id) == (intent("a1"), "ACKED", "v1")
    assert (stored.cancel_wanted, stored.applied, stored.is_settled) == (1, "0.1", 0)
    assert again.intent_of("v", "a", "S", "v1") == stored
    assert again.has_fill("v", "a", "S", "t1", "v1")
    assert not again.has_fill("v", "a", "S", "t1", "v2")
    assert again.ledger("b") == LedgerRow("b", "0.1", "0.01", "0", 1, 8)
    assert again.state("b") == {"slot": "x"}
    assert again.risk() == [RiskRow("engine", "HALTED", "you", 3, "")]
    assert again.mark("v", "a", "S") == 4
    assert again.last_client_order_id("b") == "a1"
    again.close()


async def test_a_fill_is_held_once(journal: SqliteJournal):
    """P7: the same venue, account, symbol and trade id is dropped the second time."""
    await journal.commit(Transaction(bots=[BOT], intents=[intent("a1")], fills=[fill("t1")]))
    await journal.commit(Transaction(fills=[fill("t1"), fill("t2")]))

    assert journal.trade_ids("a1") == ["t1", "t2"]


async def test_a_refused_record_takes_its_whole_transaction_with_it(journal: SqliteJournal):
    """All or nothing: an intent whose id is taken leaves no trace of its step."""
    await journal.commit(Transaction(bots=[BOT], intents=[intent("a1")]))
    with pytest.raises(JournalError, match="nothing was written"):
        await journal.commit(
            Transaction(intents=[intent("a1")], states=[StateRow("b", "slot", "y")])
        )

    assert journal.state("b") == {}


async def test_transactions_of_one_moment_share_a_commit_and_fail_alone(tmp_path: Path):
    """Group commit: a bad one among forty hurts nobody else, and order is kept."""
    journal = SqliteJournal(tmp_path / "journal.db", busy_wait_s=0)
    await journal.commit(Transaction(bots=[BOT], intents=[intent("a0")]))
    before = journal._store.count

    results = await asyncio.gather(
        *(journal.commit(Transaction(intents=[intent(f"a{max(n, 0)}")])) for n in range(40)),
        return_exceptions=True,
    )

    assert [type(result).__name__ for result in results].count("JournalError") == 1
    assert isinstance(results[0], JournalError)
    assert [row.intent.client_order_id for row in reversed(journal.orders("b", 99))] == [
        f"a{n}" for n in range(40)
    ]
    assert journal._store.count <= before + 40
    journal.close()


async def test_what_is_written_keeps_its_place_among_commits(journal: SqliteJournal):
    """A later commit never overtakes an earlier write."""
    await journal.commit(Transaction(bots=[BOT], intents=[intent("a1")]))
    journal.write(Transaction(updates=[IntentUpdate("ACKED", "v1", "0", "", 0, 6, 9, "a1")]))
    await journal.commit(
        Transaction(updates=[IntentUpdate("FILLED", "v1", "0.5", "", 0, 6, 10, "a1")])
    )

    stored = journal.intent("a1")
    assert stored is not None
    assert stored.state == "FILLED"


async def test_a_full_disk_is_said_and_ends_by_itself(journal: SqliteJournal):
    """ST1: nothing is written, the file stays sound, and the next try with room succeeds."""
    await journal.commit(Transaction(bots=[BOT]))
    journal.limit(journal.page_count)
    big = Transaction(states=[StateRow("b", "k", "x" * 500_000)])
    with pytest.raises(JournalFull):
        await journal.commit(big)
    assert journal.state("b") == {}

    journal.limit(None)
    await journal.commit(big)
    assert len(journal.state("b")["k"]) == 500_000


async def test_written_rows_wait_for_room(journal: SqliteJournal):
    """ST2: a full disk drops no acknowledgement; it is written as soon as it can be."""
    await journal.commit(Transaction(bots=[BOT], intents=[intent("a1")]))
    journal.limit(journal.page_count)
    detail = "x" * 500_000
    journal.write(Transaction(evidence=[EvidenceRow("a1", 1, "KIND", detail)]))
    with pytest.raises(JournalFull):
        await journal.commit(Transaction(states=[StateRow("b", "k", detail)]))

    journal.limit(None)
    await journal.flush()
    assert journal.evidence("a1") == [EvidenceRow("a1", 1, "KIND", detail)]


def _fails(*, is_durable: bool) -> type[sqlite3.OperationalError]:
    class Failure(sqlite3.OperationalError):
        sqlite_errorcode = sqlite3.SQLITE_IOERR

    Failure.is_durable = is_durable  # type: ignore[attr-defined]
    return Failure


@pytest.mark.parametrize("is_durable", [True, False])
async def test_a_failed_commit_is_read_back(tmp_path: Path, *, is_durable: bool):
    """ST3: the file says whether it took effect; the caller is told the truth."""
    journal = SqliteJournal(tmp_path / "journal.db", busy_wait_s=0)
    await journal.commit(Transaction(bots=[BOT]))
    store = journal._store
    failure = _fails(is_durable=is_durable)

    def commit() -> None:
        del store._commit  # type: ignore[attr-defined]
        if is_durable:
            store._commit()
        raise failure("disk I/O error")

    store._commit = commit  # type: ignore[method-assign]
    change = Transaction(states=[StateRow("b", "k", "v")])
    if is_durable:
        await journal.commit(change)
    else:
        with pytest.raises(JournalError, match="nothing was written"):
            await journal.commit(change)

    assert journal.state("b") == ({"k": "v"} if is_durable else {})
    await journal.commit(Transaction(states=[StateRow("b", "k", "w")]))
    assert journal.state("b") == {"k": "w"}
    journal.close()


@pytest.mark.skipif(os.name != "posix", reason="an open file cannot be deleted elsewhere")
async def test_a_file_deleted_while_running_is_noticed(tmp_path: Path):
    """ST8: nothing is written into a file that nobody will find again."""
    journal = SqliteJournal(tmp_path / "journal.db", busy_wait_s=0)
    await journal.commit(Transaction(bots=[BOT]))
    journal.path.unlink()

    with pytest.raises(JournalError, match="deleted or replaced"):
        await journal.commit(Transaction(states=[StateRow("b", "k", "v")]))
    journal.close()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
async def test_only_the_owner_may_read_the_files(journal: SqliteJournal):
    """The journal, its write-ahead log and its lock have mode 0600."""
    await journal.commit(Transaction(bots=[BOT]))

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in journal.path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert {"journal.db", "journal.db-wal", "journal.db.lock"} <= set(modes)


def test_a_second_process_is_refused(journal: SqliteJournal):
    """ST6, PR17: the file is held."""
    with pytest.raises(JournalBusy, match="held by another process"):
        SqliteJournal(journal.path, busy_wait_s=0)


@pytest.mark.parametrize("damage", [b"", b"no database at all", None])
def test_a_damaged_file_is_kept_and_refused(tmp_path: Path, damage: bytes | None):
    """ST5: empty, foreign or torn: never replaced in silence, and the ways out are told."""
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path, is_inline=True, busy_wait_s=0)
    journal.close()
    content = damage
    if content is None:
        whole = path.read_bytes()
        content = whole[:8192] + b"\xff" * 4096 + whole[12288:]
    path.write_bytes(content)

    with pytest.raises(JournalCorrupt, match="left as it is") as caught:
        SqliteJournal(path, busy_wait_s=0)

    assert "sound copy" in str(caught.value)
    assert path.read_bytes() == content


def test_a_database_that_is_no_journal_is_refused(tmp_path: Path):
    """A sound file of somebody else is not written into."""
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()

    with pytest.raises(JournalError, match="not a journal of ctos"):
        SqliteJournal(path, busy_wait_s=0)


def test_a_newer_schema_is_refused(tmp_path: Path):
    """PR18: an older programme must not write into what it does not understand."""
    path = tmp_path / "journal.db"
    SqliteJournal(path, is_inline=True, busy_wait_s=0).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()

    with pytest.raises(JournalError, match="newer ctos"):
        SqliteJournal(path, busy_wait_s=0)


def test_an_older_schema_is_migrated_and_its_copy_kept(tmp_path: Path):
    """PR18: all steps in one transaction, after a copy that only the owner may read."""
    path = tmp_path / "journal.db"
    SqliteJournal(path, is_inline=True, busy_wait_s=0).close()
    connection = sqlite3.connect(path, isolation_level=None)
    steps = {SCHEMA_VERSION: "CREATE TABLE added (x);"}

    version = migrate(
        connection, path, code_version="9", target=SCHEMA_VERSION + 1, migrations=steps
    )

    assert version == SCHEMA_VERSION
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
    assert connection.execute("SELECT count(*) FROM added").fetchone() == (0,)
    row = connection.execute("SELECT value FROM meta WHERE key = 'code_version'").fetchone()
    assert row == ("9",)
    connection.close()
    copy = path.with_name(f"journal.db.schema-{SCHEMA_VERSION}")
    with sqlite3.connect(copy) as kept:
        assert kept.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    kept.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path):
    """PR18: transactional; the old journal still opens."""
    path = tmp_path / "journal.db"
    SqliteJournal(path, is_inline=True, busy_wait_s=0).close()
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.Error):
        migrate(
            connection,
            path,
            code_version="9",
            target=SCHEMA_VERSION + 1,
            migrations={SCHEMA_VERSION: "CREATE TABLE added (x); no sql at all;"},
        )
    connection.close()

    SqliteJournal(path, is_inline=True, busy_wait_s=0).close()


def test_a_start_that_died_while_creating_leaves_no_trace(tmp_path: Path):
    """A half-made draft is thrown away; only a whole journal ever has the name."""
    (tmp_path / "journal.db.new").write_bytes(b"half")

    SqliteJournal(tmp_path / "journal.db", is_inline=True, busy_wait_s=0).close()

    assert not (tmp_path / "journal.db.new").exists()


def test_a_closed_journal_says_so(tmp_path: Path):
    """Neither reads nor writes reach a file that was released."""
    journal = SqliteJournal(tmp_path / "journal.db", is_inline=True, busy_wait_s=0)
    journal.close()
    journal.close()

    with pytest.raises(JournalError, match="is closed"):
        journal.write(Transaction(bots=[BOT]))
    with pytest.raises(JournalError, match="is closed"):
        journal.bots()
