"""A recording told again: rows back to what a venue said, in order of time.

Tables give trades, tickers and books; a raw recording goes through the venue's own parsers, at the
moment of receipt. Gaps that the recorder noted come where they were noticed.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from itertools import chain
from pathlib import Path
from typing import Any, Final

from core.adapters.exchanges.models import (
    BookLevel,
    OrderBookData,
    OrderSide,
    TickerData,
    TradeData,
    from_ns,
)
from core.adapters.exchanges.transcript import Transcript
from core.adapters.feeds.columns import Block, Table
from core.adapters.feeds.csv_reader import CsvTable
from core.adapters.feeds.dialects import depth_of, level_columns
from core.adapters.feeds.kinds import RowKind, kind_of
from core.adapters.feeds.parquet_reader import ParquetTable
from core.adapters.feeds.times import read_times, time_column
from core.errors import FeedError

Told = tuple[int, object]
"""(nanoseconds since 1970, what was told)."""

_TABLES: Final = (".csv", ".csv.gz", ".parquet")
_SIDES: Final = {
    "buy": OrderSide.BUY,
    "b": OrderSide.BUY,
    "sell": OrderSide.SELL,
    "s": OrderSide.SELL,
}
_BIDS: Final = frozenset({"bid", "buy"})
_TRUE: Final = frozenset({"1", "true"})
_GAPS: Final = "gaps-"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something was missed, or a recording began or ended."""

    venue: str
    symbol: str | None
    kind: str
    lost: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A raw message of which the venue's parsers make nothing."""

    venue: str
    reason: str


def replay(path: Path, *, symbol: str | None = None, depth: int = 10) -> Iterator[Told]:
    """Everything of a file or folder, in order of time; equal times keep the order of kinds.

    Args:
        path: A table, raw JSON lines, or a folder as `ctos record` writes it.
        symbol: This one alone.
        depth: Levels a side of a book.

    Raises:
        FeedError: For a file that cannot be read; the message names it.
    """
    if not path.exists():
        raise FeedError(f"{path}: there is no such file or folder")
    if path.is_file():
        return _stream([path], symbol, depth)
    places = [path, path / "books"]
    files = sorted(
        item for place in places if place.is_dir() for item in place.iterdir() if _is_ours(item)
    )
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(_group(file), []).append(file)
    if not groups:
        raise FeedError(f"{path.name}: no recording in this folder")
    return heapq.merge(
        *(_stream(group, symbol, depth) for group in groups.values()), key=lambda told: told[0]
    )


def _is_ours(path: Path) -> bool:
    if not path.is_file() or path.name.startswith("."):
        return False
    return path.name.endswith(_TABLES) or path.name.startswith(_GAPS)


def _group(path: Path) -> str:
    """Files of one kind follow each other."""
    if path.name.startswith(_GAPS):
        return "gaps"
    return kind_of(_table(path).names, path.name).value


def _stream(files: list[Path], symbol: str | None, depth: int) -> Iterator[Told]:
    first = files[0]
    if first.name.endswith((".jsonl", ".ndjson")):
        read = _gaps if first.name.startswith(_GAPS) else _raw
        return chain.from_iterable(read(file, symbol) for file in files)
    names = _table(first).names
    kind = kind_of(names, first.name)
    levels = min(depth, depth_of(names))
    makers: dict[RowKind, Callable[[], _Rows]] = {
        RowKind.TRADES: _Trades,
        RowKind.QUOTES: (lambda: _Depths(levels)) if levels > 1 else _Quotes,
        RowKind.BOOKS: lambda: _Books(depth=depth),
    }
    if kind not in makers:
        raise FeedError(f"{first.name} holds {kind}; trades, quotes, books and raw lines are told.")
    return _rows(files, makers[kind](), symbol)


def _table(path: Path) -> Table:
    return ParquetTable(path) if path.suffix == ".parquet" else CsvTable(path)


def _rows(files: list[Path], maker: _Rows, symbol: str | None) -> Iterator[Told]:
    for path in files:
        table = _table(path)
        time = time_column(table.names)
        assert time is not None  # noqa: S101 # `kind_of` asked for one
        for block in table.blocks(frozenset(table.names)):
            times, _ = read_times(block, time)
            for row in range(len(block)):
                fields = {name: column.text(row) for name, column in block.columns.items()}
                if symbol is not None and fields.get("symbol", symbol) != symbol:
                    continue
                yield from _made(maker, int(times[row]), fields, block, row)
    yield from maker.rest()


def _made(maker: _Rows, ns: int, fields: dict[str, str], block: Block, row: int) -> Iterator[Told]:
    try:
        yield from maker.take(ns, fields)
    except (ValueError, InvalidOperation, KeyError) as error:
        raise FeedError(f"{block.place(row)}: makes no sense ({error})") from error


class _Rows:
    """Makes what was told of rows."""

    def take(self, ns: int, fields: dict[str, str]) -> Iterator[Told]:
        """One row."""
        raise NotImplementedError

    def rest(self) -> Iterator[Told]:
        """What the last rows make."""
        return iter(())


class _Trades(_Rows):
    def take(self, ns: int, fields: dict[str, str]) -> Iterator[Told]:
        yield (
            ns,
            TradeData(
                venue=fields.get("venue", ""),
                symbol=fields.get("symbol", ""),
                trade_id=fields.get("trade_id", ""),
                price=Decimal(fields["price"]),
                amount=Decimal(fields["amount"]),
                side=_SIDES.get(fields["side"].lower()),
                at=from_ns(ns),
            ),
        )


class _Quotes(_Rows):
    def take(self, ns: int, fields: dict[str, str]) -> Iterator[Told]:
        yield (
            ns,
            TickerData(
                venue=fields.get("venue", ""),
                symbol=fields.get("symbol", ""),
                bid=_maybe(fields["bid"]),
                bid_amount=_maybe(fields["bid_amount"]),
                ask=_maybe(fields["ask"]),
                ask_amount=_maybe(fields["ask_amount"]),
                at=from_ns(ns),
            ),
        )


@dataclass
class _Depths(_Rows):
    """A whole book in each row."""

    depth: int

    def take(self, ns: int, fields: dict[str, str]) -> Iterator[Told]:
        yield (
            ns,
            OrderBookData(
                venue=fields.get("venue", ""),
                symbol=fields.get("symbol", ""),
                bids=self._side("bids", fields),
                asks=self._side("asks", fields),
                at=from_ns(ns),
            ),
        )

    def _side(self, side: str, fields: dict[str, str]) -> tuple[BookLevel, ...]:
        columns = [level_columns(side, level) for level in range(self.depth)]
        return tuple(
            BookLevel(price=Decimal(fields[price]), amount=Decimal(fields[amount]))
            for price, amount in columns
            if fields[price]
        )


@dataclass
class _Books(_Rows):
    """Rows of one message share symbol, time and ids; the book is told behind the last of them."""

    depth: int
    _books: dict[str, tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]] = field(
        default_factory=dict
    )
    _open: tuple[int, str, str, str] | None = None
    """Time, symbol, id and venue of the message whose rows come now."""

    def take(self, ns: int, fields: dict[str, str]) -> Iterator[Told]:
        symbol = fields.get("symbol", "")
        message = (ns, symbol, fields.get("last_id", ""), fields.get("venue", ""))
        if message != self._open:
            yield from self.rest()
            self._open = message
            if fields["is_snapshot"].lower() in _TRUE:
                self._books[symbol] = ({}, {})
        sides = self._books.get(symbol)
        if sides is None:
            return  # changes of a book that nobody knows
        side = sides[0] if fields["side"].lower() in _BIDS else sides[1]
        price, amount = Decimal(fields["price"]), Decimal(fields["amount"])
        if amount:
            side[price] = amount
        else:
            side.pop(price, None)

    def rest(self) -> Iterator[Told]:
        if self._open is None:
            return
        ns, symbol, _, venue = self._open
        self._open = None
        if symbol in self._books:
            bids, asks = self._books[symbol]
            yield (
                ns,
                OrderBookData(
                    venue=venue,
                    symbol=symbol,
                    bids=_best(bids, self.depth, is_bid=True),
                    asks=_best(asks, self.depth, is_bid=False),
                    at=from_ns(ns),
                ),
            )


def _best(side: dict[Decimal, Decimal], depth: int, *, is_bid: bool) -> tuple[BookLevel, ...]:
    prices = sorted(side, reverse=is_bid)[:depth]
    return tuple(BookLevel(price=price, amount=side[price]) for price in prices)


def _maybe(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _gaps(path: Path, symbol: str | None) -> Iterator[Told]:
    for number, _, row in _objects(path):
        if symbol is None or row.get("symbol") in {None, symbol}:
            try:
                gap = Gap(row["venue"], row["symbol"], row["kind"], row["lost"], row["detail"])
                yield int(row["ts_ms"]) * 1_000_000, gap
            except (KeyError, TypeError, ValueError) as error:
                raise FeedError(f"{path.name}, line {number}: is no gap ({error})") from error


def _raw(path: Path, symbol: str | None) -> Iterator[Told]:
    """The line itself goes to the parsers: read and written again its numbers could change."""
    transcript: Transcript | None = None
    for number, line, row in _objects(path):
        if "venue" not in row or not isinstance(row.get("recv_ns"), int):
            raise FeedError(f"{path.name}, line {number}: has no venue or no recv_ns")
        if transcript is None or transcript.venue != row["venue"]:
            transcript = Transcript(str(row["venue"]), "all")
        for entry in transcript.read([line]):
            if entry.error is not None:
                yield row["recv_ns"], Refused(transcript.venue, entry.error)
            for item in entry.items:
                if symbol is None or getattr(item, "symbol", symbol) == symbol:
                    yield row["recv_ns"], item


def _objects(path: Path) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise FeedError(f"{path.name}, line {number}: is no JSON ({error})") from error
            if not isinstance(row, dict):
                raise FeedError(f"{path.name}, line {number}: is no object")
            yield number, line, row
