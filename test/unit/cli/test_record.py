"""`ctos record` against a venue on loopback, and what is made of the recording afterwards."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.errors import ConfigError, ExitCode, LeaseHeld
from core.testing.venues.binance.venue import BinanceVenue
from core.wiring import venues
from tui.cli.grid import GridOptions, grid
from tui.cli.parse import parse
from tui.cli.record import RecordOptions, record
from tui.cli.replay import replay

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "config" / "grid" / "lighter-long-btc.yaml"
SYMBOL = "TEST-USDC-PERP"


@asynccontextmanager
async def on_loopback(home: Path) -> AsyncIterator[BinanceVenue]:
    """USDⓈ-M on loopback, where the settings of this home lead."""
    venues.budgets.cache_clear()  # another test's venue counted there
    async with BinanceVenue() as venue:
        folder = home / "exchanges"
        folder.mkdir(parents=True)
        (folder / "binance.yaml").write_text(
            "exchange:\n  urls:\n"
            f"    rest: {venue.rest_url}\n"
            f"    public: {venue.socket_url}/public/ws\n"
            f"    market: {venue.socket_url}/market/ws\n"
        )
        yield venue


@pytest.fixture
async def binance(ctos_home: Path) -> AsyncIterator[BinanceVenue]:
    """The venue while a test runs."""
    async with on_loopback(ctos_home) as venue:
        yield venue


async def recorded(venue: BinanceVenue, options: RecordOptions, act=None) -> int:
    """Records while the market trades; `act` is called once in the middle."""
    task = asyncio.create_task(asyncio.to_thread(record, options))
    number = 0
    while not task.done():
        price = 118_000 + number % 7 * 10
        venue.quote([(str(price - 1), "1")], [(str(price + 1), "2")], symbol=SYMBOL)
        venue.trade(str(price), "0.5")
        number += 1
        if act is not None and venue.sockets and number > 20:
            act()
            act = None
        await asyncio.sleep(0.02)  # the market's own pace
    return await task


def options(out: Path, **changes: object) -> RecordOptions:
    """A second of everything."""
    values: dict[str, object] = {
        "venue": "binance",
        "symbols": (SYMBOL,),
        "out": out,
        "duration": "0.8s",
        "is_json": True,
        **changes,
    }
    return RecordOptions(**values)  # type: ignore[arg-type]


def lines(capfd) -> list[dict]:
    """What was printed, line by line."""
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


@pytest.mark.parametrize("table_format", ["csv", "parquet"])
def test_a_recording_is_traded_on(capfd, ctos_home, tmp_path, table_format):
    """Trades and quotes that were recorded are a feed as they stand, and so is the book alone."""
    if table_format == "parquet":
        pytest.importorskip("pyarrow")
    out = tmp_path / "tape"

    async def make() -> int:
        async with on_loopback(ctos_home) as venue:
            return await recorded(venue, options(out, table_format=table_format))

    assert asyncio.run(make()) == ExitCode.OK
    (told,) = lines(capfd)
    assert min(told["rows"][kind] for kind in ("trades", "quotes", "books")) > 5

    ends = []
    for name, feed in (("rows", out), ("book", out / "books")):
        bot = tmp_path / f"{name}.yaml"
        bot.write_text(EXAMPLE.read_text())
        asked = GridOptions(file=bot, is_json=True, is_headless=True, speed="max", feed=str(feed))
        assert grid(asked) == ExitCode.OK
        events = lines(capfd)
        ends.append(events[-1]["event"])
        assert any(event["event"] == "order.filled" for event in events), name

    assert ends == ["summary", "summary"]


async def test_a_recording_is_told_again(capfd, binance, tmp_path):
    """Replay gives trades, tickers and books in order of time, between the beginning and end."""
    out = tmp_path / "tape"
    await recorded(binance, options(out))
    (told,) = lines(capfd)

    assert replay(out, speed="max", symbol=None, depth=5) == ExitCode.OK
    found = lines(capfd)
    kinds = [line["type"] for line in found]
    trades = [line for line in found if line["type"] == "TradeData"]
    books = [line for line in found if line["type"] == "OrderBookData"]

    assert [line["ts_ms"] for line in found] == sorted(line["ts_ms"] for line in found)
    assert len(trades) == told["rows"]["trades"]
    assert kinds.count("TickerData") == told["rows"]["quotes"]
    assert {line["symbol"] for line in trades} == {SYMBOL}
    assert {line["amount"] for line in trades} == {"0.5"}
    assert books
    assert all(line["bids"] and line["asks"] for line in books)
    assert {line["kind"] for line in found if line["type"] == "Gap"} == {"started", "ended"}


async def test_the_wire_is_kept_as_it_came(capfd, binance, tmp_path):
    """Raw lines go through the venue's parsers and give the same trades."""
    out = tmp_path / "tape"
    await recorded(binance, options(out))
    (told,) = lines(capfd)
    raw = out / "raw" / "raw-000001.jsonl"

    assert parse("binance", "trades", raw, is_json=True) == ExitCode.OK
    parsed = {line["trade_id"] for line in lines(capfd)}
    replay(out, speed="max", symbol=None, depth=1)
    tabled = {line["trade_id"] for line in lines(capfd) if line["type"] == "TradeData"}

    assert tabled
    assert tabled <= parsed
    first = json.loads(raw.read_text().splitlines()[0])
    assert set(first) >= {"recv_ns", "venue", "channel", "msg"}
    assert told["rows"]["raw"] == len(raw.read_text().splitlines())


async def test_a_lost_connection_is_a_gap_and_the_book_begins_anew(capfd, binance, tmp_path):
    """Nothing is joined over what was missed."""
    out = tmp_path / "tape"
    await recorded(
        binance, options(out, duration="2s", table_format="csv"), act=binance.kill_sockets
    )
    (told,) = lines(capfd)
    gaps = [json.loads(line) for line in (out / "gaps-000001.jsonl").read_text().splitlines()]
    book = (out / "books" / "books-000001.csv").read_text().splitlines()[1:]
    snapshots = {line.split(",")[6] for line in book if line.split(",")[1] == "1"}

    assert told["gaps"] >= 2
    assert {"started", "reconnecting", "recovered", "ended"} <= {gap["kind"] for gap in gaps}
    assert len(snapshots) >= 2


async def test_a_second_recording_goes_on_in_the_folder(capfd, binance, tmp_path):
    """Files are numbered on, no trade is there twice, and both are one feed."""
    out = tmp_path / "tape"
    for _ in range(2):
        await recorded(binance, options(out, table_format="csv", duration="0.6s"))
    capfd.readouterr()

    replay(out, speed="max", symbol=None, depth=1)
    ids = [line["trade_id"] for line in lines(capfd) if line["type"] == "TradeData"]

    assert (out / "trades-000002.csv").is_file()
    assert len(ids) == len(set(ids))


async def test_a_symbol_that_the_venue_does_not_have_is_refused(binance, tmp_path):
    """With the nearest that it has."""
    with pytest.raises(ConfigError, match="Did you mean TEST-USDC-PERP"):
        await asyncio.to_thread(record, options(tmp_path / "tape", symbols=("TEST-USDT-PERP",)))


async def test_two_recordings_do_not_share_a_folder(binance, tmp_path):
    """The second is refused while the first runs."""
    from core.infrastructure.files import FileLock

    out = tmp_path / "tape"
    out.mkdir(mode=0o700)
    with FileLock(out / ".recording.lock") as lock:
        lock.acquire(1)
        with pytest.raises(LeaseHeld):
            await asyncio.to_thread(record, options(out))


def test_a_kind_that_is_none_is_refused(ctos_home, tmp_path):
    """What can be recorded is listed."""
    with pytest.raises(ConfigError, match="trades, quotes, books"):
        record(options(tmp_path / "tape", kinds="candles"))


async def test_a_refused_recording_leaves_no_folder(binance, tmp_path):
    """Neither a venue nor a symbol that is not there leaves anything behind, parents included."""
    out = tmp_path / "tapes" / "btc"
    with pytest.raises(ConfigError, match="there is no venue 'nobody'"):
        await asyncio.to_thread(record, options(out, venue="nobody"))
    with pytest.raises(ConfigError, match="has no 'NONE-USDC-PERP'"):
        await asyncio.to_thread(record, options(out, symbols=("NONE-USDC-PERP",)))

    assert not (tmp_path / "tapes").exists()


async def test_a_refused_recording_takes_away_only_what_it_made(binance, tmp_path):
    """A folder that was there stays, with what is in it."""
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(ConfigError, match="has no"):
        await asyncio.to_thread(record, options(tmp_path, symbols=("NONE-USDC-PERP",)))

    assert sorted(path.name for path in tmp_path.iterdir()) == [".recording.lock", "ctos", "mine"]
