"""The venue's own file: what survives, and what is never said before it is written."""

import asyncio
import random
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    EventType,
    FillData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.adapters.exchanges.paper.adapter import PaperExchange
from core.adapters.exchanges.paper.settings import PaperSettings
from core.errors import JournalCorrupt, OutcomeUnknown
from core.infrastructure import virtual_time
from core.infrastructure.clock import VirtualClock, WallClock
from core.testing.feeds import START_NS, FeedRow, ScriptedFeed, trades
from core.testing.venue import PERP, PaperHarness, instrument, venue_story

D = Decimal


def paper(path: Path, feed: ScriptedFeed, *, seed: int = 1, clock=None, is_durable=False):
    """A venue on a file."""
    return PaperExchange(
        venue="paper",
        instruments=[instrument(min_notional="0")],
        feeds={PERP: feed},
        clock=clock or VirtualClock(virtual_time.running_loop()),
        settings=PaperSettings(latency_ms=0),
        path=path,
        is_durable=is_durable,
        rng=random.Random(seed),
    )


async def buy(exchange, price, amount="1", client_order_id=None):
    """Send a limit buy."""
    return await exchange.create_order(
        PERP,
        OrderSide.BUY,
        OrderType.LIMIT,
        D(amount),
        D(price),
        OrderOptions(client_order_id=client_order_id),
    )


def walk(rows: int) -> list[FeedRow]:
    """A book feed whose price wanders."""
    chance = random.Random(5)
    price = 2000
    found = []
    for index in range(rows):
        price += chance.choice((-6, -2, -1, 0, 1, 2, 6))
        found.append(
            FeedRow(
                ms=index * 10,
                last=str(D(price) / 10),
                amount=str(chance.randint(1, 4)),
                side=chance.choice(("buy", "sell")),
                bid=str(D(price - 1) / 10),
                bid_amount=str(chance.randint(1, 4)),
                ask=str(D(price + 1) / 10),
                ask_amount=str(chance.randint(1, 4)),
            )
        )
    return found


async def lives(path: Path, rows: list[FeedRow], kills: list[int]) -> list:
    """Rest a ladder, then run the feed to its end, dying after so many prices each time."""
    fills: dict[str, FillData] = {}
    for life, kill_after in enumerate([*kills, 10**9]):
        exchange = paper(path, ScriptedFeed(rows, chunk_rows=7))
        ended = asyncio.Event()
        seen = 0
        dead = asyncio.Event()

        def hear(_, kill_after=kill_after, dead=dead):
            nonlocal seen
            seen += 1
            if seen == kill_after:
                dead.set()

        exchange.add_event_callback(EventType.FEED_ENDED, lambda _, ended=ended: ended.set())
        await exchange.connect()
        if life == 0:
            for level in range(30):
                await buy(exchange, D("199.5") - D(level) / 5, "3", f"a{level}")
        await exchange.subscribe_ticker(PERP, hear)
        _done, waiting = await asyncio.wait(
            [asyncio.ensure_future(event.wait()) for event in (ended, dead)],
            return_when=asyncio.FIRST_COMPLETED,
        )
        for task in waiting:
            task.cancel()
        if not ended.is_set():
            exchange.abandon()
            continue
        for fill in await exchange.get_fills():
            assert fill.trade_id not in fills
            fills[fill.trade_id] = fill
        await exchange.disconnect()
    return list(fills.values())


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_row_the_market_ends_the_same(tmp_path, seed):
    """No order meets a row twice or misses one: the fills are those of one long life."""
    rows = walk(400)
    chance = random.Random(seed)
    kills = [chance.randint(1, 90) for _ in range(5)]

    whole = virtual_time.run(lives(tmp_path / "whole.db", rows, []), start_ns=START_NS)
    parts = virtual_time.run(lives(tmp_path / "parts.db", rows, kills), start_ns=START_NS)
    assert len(whole) > 5
    assert [(fill.client_order_id, fill.price, fill.amount, fill.at) for fill in parts] == [
        (fill.client_order_id, fill.price, fill.amount, fill.at) for fill in whole
    ]


def test_nothing_is_said_before_it_is_in_the_file(tmp_path):
    """At every acknowledgement and every fill another reader finds it written."""
    path = tmp_path / "venue.db"

    async def story():
        exchange = paper(
            path, ScriptedFeed(trades("200", "198")), clock=WallClock(), is_durable=True
        )
        await exchange.connect()
        reader = sqlite3.connect(path)
        checked = []

        def hear(data):
            if isinstance(data, FillData):
                found = reader.execute("SELECT count(*) FROM fills").fetchone()
                checked.append(("fill", found[0]))

        await exchange.subscribe_user_data(hear)
        first = asyncio.Event()
        await exchange.subscribe_ticker(PERP, lambda _: first.set())
        await first.wait()
        order = await buy(exchange, "200", "1", "a1")
        found = reader.execute("SELECT client_order_id, status FROM orders").fetchall()
        await exchange.disconnect()
        reader.close()
        return order.status, found, checked

    status, found, checked = asyncio.run(story())
    assert status is OrderStatus.FILLED
    assert found == [("a1", "filled")]
    assert checked == [("fill", 1)]


def test_many_orders_at_once_share_a_commit(tmp_path):
    """In real time what arrives while the disk is busy joins the next transaction."""

    async def story():
        exchange = paper(
            tmp_path / "venue.db",
            ScriptedFeed(trades("200")),
            clock=WallClock(),
            is_durable=True,
        )
        await exchange.connect()
        commits = []
        write = exchange._floor.storage.write
        exchange._floor.storage.write = lambda batch: (
            commits.append(len(batch.new_orders)),
            write(batch),
        )
        await asyncio.gather(*(buy(exchange, 100 + n, "1", f"a{n}") for n in range(50)))
        found = await exchange.get_open_orders()
        await exchange.disconnect()
        return commits, found

    commits, found = asyncio.run(story())
    assert len(found) == 50
    assert sum(commits) == 50
    assert len(commits) < 25


def test_a_file_that_cannot_be_written_acknowledges_nothing(tmp_path):
    """The caller hears unknown, the venue is down, and after a restart the order is not there."""
    venue = PaperHarness(tmp_path / "venue.db")

    @venue_story
    async def story(venue):
        writer = venue.exchange._floor.storage._writer
        pages = writer.execute("PRAGMA page_count").fetchone()[0]
        writer.execute(f"PRAGMA max_page_count = {pages}")
        placed = await _place_until_full(venue.exchange)
        assert not venue.exchange.is_connected()
        known = [order.client_order_id for order in await _after_restart(venue)]
        assert known == placed

    async def _place_until_full(exchange):
        placed = []
        for count in range(500):
            try:
                await buy(exchange, "150", "0.1", f"a{count}")
            except OutcomeUnknown:
                return placed
            placed.append(f"a{count}")
        return pytest.fail("the disk never filled up")

    async def _after_restart(venue):
        venue.exchange.abandon()
        await venue.start()
        return await venue.exchange.get_open_orders()

    story(venue)


def test_another_file_never_gives_out_the_same_ids(tmp_path):
    """A new account's ids begin with letters of its own, kept over restarts."""

    async def story():
        found = []
        for name, seed in (("one.db", 1), ("two.db", 2), ("one.db", 3)):
            exchange = paper(tmp_path / name, ScriptedFeed(trades("200")), seed=seed)
            await exchange.connect()
            found.append((await buy(exchange, "190")).order_id.split("-")[0])
            await exchange.disconnect()
        return found

    one, two, again = virtual_time.run(story(), start_ns=START_NS)
    assert one != two
    assert one == again


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like one" * 40])
def test_a_damaged_file_is_refused(tmp_path, content):
    """It is left as it is; nothing begins on it in silence."""
    path = tmp_path / "venue.db"
    path.write_bytes(content)

    async def story():
        await paper(path, ScriptedFeed(trades("200"))).connect()

    with pytest.raises(JournalCorrupt):
        virtual_time.run(story(), start_ns=START_NS)
    assert path.read_bytes() == content


def test_a_file_of_something_else_is_refused(tmp_path):
    """A database without our schema is not overwritten."""
    path = tmp_path / "venue.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE things (name TEXT)")
    other.close()

    async def story():
        await paper(path, ScriptedFeed(trades("200"))).connect()

    with pytest.raises(JournalCorrupt):
        virtual_time.run(story(), start_ns=START_NS)
