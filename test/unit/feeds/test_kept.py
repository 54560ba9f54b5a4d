"""Rows of a live feed are written down as they come, and read again as a recording."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.feeds.kept import ROW_BYTES, KeptFeed, RowKeeper
from core.errors import FeedError
from core.services.ports import Chunk, FeedKind, FundingRow


class Wire:
    """A live feed that shows what it is given."""

    name = "live"
    kind = FeedKind.LIVE
    has_book = True
    first_ns: int | None = None
    last_ns: int | None = None

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._chunks = chunks

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """None can be read ahead."""
        raise FeedError("live")

    def funding(self) -> Sequence[FundingRow]:
        """None."""
        return ()

    async def stream(self, deliver: Callable[[Chunk], None]) -> Callable[[], None]:
        """Everything at once."""
        for chunk in self._chunks:
            deliver(chunk)
        return lambda: None


def row(at_ns: int, last: int, unit: str = "0.1") -> Chunk:
    """A trade between a bid and an ask."""
    return Chunk(
        first_row=0,
        price_unit=Decimal(unit),
        amount_unit=Decimal("0.001"),
        ts_ns=(at_ns,),
        last=(last,),
        amount=(5,),
        side=(-1,),
        bid=(last - 1,),
        bid_amount=(7,),
        ask=(-1,),
        ask_amount=(-1,),
    )


def shown(path: Path, *chunks: Chunk) -> list[Chunk]:
    """Streams the rows past a keeper; gives what was delivered."""
    delivered: list[Chunk] = []

    async def run() -> None:
        end = await RowKeeper(Wire(chunks), path).stream(delivered.append)
        end()

    asyncio.run(run())
    return delivered


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    """Every column, with its unit and its unknown values; delivery is not held up."""
    path = tmp_path / "a.rows"

    assert len(shown(path, row(10, 1000), row(20, 1001))) == 2

    feed = KeptFeed(path, "live")
    (chunk,) = feed.chunks()
    assert (feed.first_ns, feed.last_ns, feed.rows) == (10, 20, 2)
    assert list(chunk.ts_ns) == [10, 20]
    assert list(chunk.last) == [1000, 1001]
    assert (chunk.bid is not None and list(chunk.bid)) == [999, 1000]
    assert (chunk.ask is not None and list(chunk.ask)) == [-1, -1]
    assert chunk.price_unit == Decimal("0.1")


def test_a_finer_unit_begins_another_piece(tmp_path: Path) -> None:
    """Rows are counted on; each piece says in which unit it speaks."""
    path = tmp_path / "a.rows"

    shown(path, row(10, 1000), row(20, 100_050, "0.001"))

    chunks = list(KeptFeed(path, "live").chunks())
    assert [chunk.first_row for chunk in chunks] == [0, 1]
    assert [chunk.price_unit for chunk in chunks] == [Decimal("0.1"), Decimal("0.001")]


def test_a_later_life_adds_to_the_file(tmp_path: Path) -> None:
    """What a killed process left of its last row is cut off first."""
    path = tmp_path / "a.rows"
    shown(path, row(10, 1000))
    with path.open("ab") as file:
        file.write(b"\x01" * (ROW_BYTES // 2))

    shown(path, row(20, 1001))

    feed = KeptFeed(path, "live")
    assert feed.rows == 2
    assert [list(chunk.ts_ns) for chunk in feed.chunks(1)] == [[20]]


def test_a_file_without_its_beginning_is_refused(tmp_path: Path) -> None:
    """Rows without units mean nothing."""
    path = tmp_path / "a.rows"
    shown(path, row(10, 1000))
    path.write_bytes(path.read_bytes()[ROW_BYTES:])

    with pytest.raises(FeedError, match="does not begin with its units"):
        KeptFeed(path, "live")


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    """There is nothing to replay."""
    (tmp_path / "a.rows").write_bytes(b"")

    with pytest.raises(FeedError, match="holds no row"):
        KeptFeed(tmp_path / "a.rows", "live")
