"""Recordings as feeds: trades, quotes, books, candles and funding, as CSV, CSV.gz or Parquet.

What is inside is told from the columns. A directory is read as its files in order of time; trades
beside a book or quotes are merged with it, so that each trade meets a book, and a file of funding
settles what it carries. Everything is read and checked once before the first row is given, so a bad
row at the end is known before anything traded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from core.adapters.exchanges.models import Instrument, from_ns
from core.adapters.feeds.books import BOOK_EXTRAS, BookSource
from core.adapters.feeds.columns import Block, Table
from core.adapters.feeds.csv_reader import CsvTable
from core.adapters.feeds.funding_rows import read_funding
from core.adapters.feeds.kinds import NEEDS, STREAM_COLUMNS, RowKind, kind_of
from core.adapters.feeds.parquet_reader import ParquetTable
from core.adapters.feeds.pieces import merged, resized
from core.adapters.feeds.row_readers import CandleReader, QuoteReader, RowReader, TradeReader
from core.adapters.feeds.sources import CandleSource, QuoteSource, Source, TradeSource
from core.adapters.feeds.streams import Choice, Stream, choose, streams_of
from core.adapters.feeds.tape import (
    CACHE_FOLDER,
    Tape,
    TapeWriter,
    cache_key,
    keep_tape,
    load_tape,
    writable_folder,
)
from core.adapters.feeds.times import read_times, time_column
from core.adapters.feeds.units import Conversion, common_unit, decimals_of
from core.domain.candles import timeframe_ns
from core.errors import ConfigError, FeedError
from core.services.ports import Chunk, FeedKind, FundingRow

SPOOL_BYTES: Final = 5_000_000
"""Recordings above this size are kept in files while they are read."""

_CHUNK_ROWS: Final = 1 << 16
_RATES_NS: Final = 8 * 3600 * 1_000_000_000
"""Usual time between two settlements."""
_SUFFIXES: Final = (".csv", ".csv.gz", ".parquet")
_RAW_SUFFIXES: Final = (".jsonl", ".jsonl.gz", ".json", ".ndjson")
_ALONE: Final = "a recording holds trades (with a book or quotes beside them), or candles"
_READERS: Final[Mapping[RowKind, Callable[[], RowReader]]] = {
    RowKind.TRADES: TradeReader,
    RowKind.QUOTES: QuoteReader,
    RowKind.CANDLES: CandleReader,
}
_FEED_KINDS: Final = {
    RowKind.TRADES: FeedKind.TRADES,
    RowKind.QUOTES: FeedKind.QUOTES,
    RowKind.BOOKS: FeedKind.BOOKS,
    RowKind.CANDLES: FeedKind.CANDLES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOptions:
    """How to read a recording."""

    symbol: str | None = None
    """Which of several symbols, in the recording's or any venue's spelling."""
    market: str | None = None
    """Which of several markets or venues."""
    interval: str | None = None
    """Of candles, such as `5m`; None to tell it from their spacing."""
    direction: int = 0
    """+1 for a bot that gains when the price rises, -1 when it falls: which extreme of a candle
    comes first. 0 for neither."""
    cache: bool | None = None
    """Whether the converted columns are kept in `.ctos-cache` beside the recording; None: above
    5 MB. A folder that cannot be written is no error."""
    cache_folder: Path | None = None
    """Where they are kept instead where nothing can be written beside the recording."""


class Recording:
    """A recording that was read and checked: a `Feed` that ends."""

    def __init__(
        self,
        name: str,
        kind: FeedKind,
        sources: Sequence[Source],
        instrument: Instrument,
        funding: Sequence[FundingRow],
        warnings: tuple[str, ...],
    ) -> None:
        """Takes one source, or trades and then quotes to merge."""
        self.name = name
        self.kind = kind
        self.has_book = kind in (FeedKind.QUOTES, FeedKind.BOOKS) or len(sources) > 1
        self.first_ns: int | None = min(source.first_ns for source in sources)
        self.last_ns: int | None = max(source.last_ns for source in sources)
        self.rows = sum(source.rows for source in sources)
        """Rows that `chunks` gives in all."""
        self.warnings = warnings
        """What a person should know, in sentences."""
        self.price_unit = common_unit(instrument.tick_size, (item.price for item in sources))
        self.amount_unit = common_unit(instrument.lot_size, (item.amount for item in sources))
        self._sources = tuple(sources)
        self._conversions = tuple(
            (
                Conversion.between(item.price, self.price_unit, name),
                Conversion.between(item.amount, self.amount_unit, name),
            )
            for item in sources
        )
        self._funding = tuple(funding)

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """See `Feed.chunks`: at most 65,536 rows each.

        Cost: one source starts anywhere at once; a book, or trades merged with one, is read from
        the beginning.
        """
        if len(self._sources) == 1:
            price, amount = self._conversions[0]
            pieces = self._sources[0].pieces(from_row, _CHUNK_ROWS, price, amount)
        else:
            both = [
                source.pieces(0, _CHUNK_ROWS, price, amount)
                for source, (price, amount) in zip(self._sources, self._conversions, strict=True)
            ]
            pieces = resized(merged(*both), from_row, _CHUNK_ROWS)
        row = from_row
        for piece in pieces:
            yield piece.chunk(row, self.price_unit, self.amount_unit)
            row += len(piece)

    def funding(self) -> Sequence[FundingRow]:
        """Settlements of a funding file beside the prices, from the first price on."""
        return self._funding


def open_recording(
    path: Path | Sequence[Path], instrument: Instrument, options: RecordingOptions | None = None
) -> Recording:
    """Reads and checks a recording whole.

    Args:
        path: A file, or a directory of files; several are read as one recording: further periods
            in order of time, a book beside trades, funding rates.
        instrument: Whose prices are wanted; also gives tick and lot.
        options: Which stream, and how to read it.

    Raises:
        FeedError: For a recording that cannot be trusted; the message names file and row.
        ConfigError: For an interval that cannot be read.
        ExtraMissing: For Parquet without the `data` extra.
    """
    paths = [path] if isinstance(path, Path) else list(path)
    try:
        found = [item.resolve() for item in paths]
        return _Opening(found, instrument, options or RecordingOptions()).recording()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FeedError(f"{error.filename or paths[0]}: cannot be read ({reason})") from error


class _Opening:
    """The steps from a path to a recording."""

    def __init__(
        self, paths: Sequence[Path], instrument: Instrument, options: RecordingOptions
    ) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._name = " + ".join(path.name for path in self._paths)
        self._instrument = instrument
        self._options = options
        self._warnings: list[str] = []

    def recording(self) -> Recording:
        tables = [_table(file) for path in self._paths for file in _files(path)]
        groups: dict[RowKind, list[Table]] = {}
        for table in tables:
            groups.setdefault(kind_of(table.names, table.path.name), []).append(table)
        prices = self._price_kinds(groups)
        sources = [self._source(kind, groups[kind]) for kind in prices]
        for source in sources:
            if not source.rows:
                raise FeedError(f"{self._name}: there are no rows")
        return Recording(
            self._name,
            _FEED_KINDS[prices[0]],
            sources,
            self._instrument,
            self._funding(
                groups.get(RowKind.FUNDING, []),
                min(item.first_ns for item in sources),
                max(item.last_ns for item in sources),
            ),
            tuple(self._warnings),
        )

    def _price_kinds(self, groups: Mapping[RowKind, object]) -> list[RowKind]:
        """Kinds that carry prices, trades first."""
        found = [kind for kind in (RowKind.TRADES, *_FEED_KINDS) if kind in groups]
        kinds = list(dict.fromkeys(found))
        allowed = ({RowKind.TRADES, RowKind.BOOKS}, {RowKind.TRADES, RowKind.QUOTES})
        if not kinds:
            raise FeedError(f"{self._name}: only funding rates, no prices to trade on")
        if len(kinds) > 1 and set(kinds) not in allowed:
            raise FeedError(f"{self._name} holds {' and '.join(kinds)}; {_ALONE}.")
        return kinds

    def _source(self, kind: RowKind, tables: list[Table]) -> Source:
        choice = self._choose(tables)
        self._warn(choice.warnings)
        tables = _in_order(tables, choice.stream)
        if kind is RowKind.BOOKS:
            book = BookSource(
                _selected(tables, kind, BOOK_EXTRAS, choice.stream),
                _time(tables[0]),
                self._name,
            )
            self._warn(book.warnings)
            return book
        tape = self._tape(kind, tables, choice.stream)
        self._warn(tape.head.warnings)
        if kind is RowKind.TRADES:
            return TradeSource(tape)
        if kind is RowKind.QUOTES:
            return QuoteSource(tape)
        interval_ns = self._interval(tape)
        self._warn_of_gaps(tape, interval_ns)
        return CandleSource(tape, interval_ns, self._options.direction)

    def _choose(self, tables: list[Table], *, is_funding: bool = False) -> Choice:
        """The stream to read; files that name none have nothing to choose from."""
        streams = streams_of(tables)
        if streams == (Stream(),):
            return Choice(stream=streams[0])
        market = self._options.market
        names = {name.lower() for item in streams for name in (item.market, item.venue)}
        if is_funding and market is not None and market.lower() not in names:
            market = None  # it was said of the prices
        return choose(
            streams,
            self._instrument,
            self._name,
            symbol=self._options.symbol,
            market=market,
        )

    def _warn(self, warnings: tuple[str, ...]) -> None:
        self._warnings.extend(text for text in warnings if text not in self._warnings)

    def _tape(self, kind: RowKind, tables: list[Table], stream: Stream) -> Tape:
        """The checked rows: from the cache, else read from the files."""
        size = sum(table.path.stat().st_size for table in tables)
        is_large = size > SPOOL_BYTES
        if self._options.cache is False or (self._options.cache is None and not is_large):
            return self._read(kind, tables, stream, writable_folder() if is_large else None)
        name = cache_key([table.path for table in tables], kind, stream)
        recording = json.dumps([str(kind), str(stream), *(str(table.path) for table in tables)])
        places = (tables[0].path.parent / CACHE_FOLDER, self._options.cache_folder)
        for place in places:
            tape = None if place is None else load_tape(place / name)
            if tape is not None:
                return tape
        written = writable_folder(*places)
        tape = self._read(kind, tables, stream, written)
        if written is None or written.parent not in places or not written.exists():
            return tape
        return keep_tape(tape, written, written.parent / name, recording)

    def _read(
        self, kind: RowKind, tables: list[Table], stream: Stream, folder: Path | None
    ) -> Tape:
        """The checked rows, kept in `folder`, or in memory where that has no room."""
        try:
            return self._read_into(folder, kind, tables, stream)
        except OSError:
            if folder is None:
                raise
            return self._read_into(None, kind, tables, stream)

    def _read_into(
        self, folder: Path | None, kind: RowKind, tables: list[Table], stream: Stream
    ) -> Tape:
        reader = _READERS[kind]()
        writer = TapeWriter(
            reader.prices,
            reader.amounts,
            has_sides=reader.has_sides,
            decimals=(
                decimals_of(self._instrument.tick_size),
                decimals_of(self._instrument.lot_size),
            ),
            folder=folder,
        )
        try:
            for table in tables:
                time = _time(table)
                for block in _selected([table], kind, reader.extras, stream):
                    writer.add(reader.read(block, time), block.source)
            reader.finish(lambda: _selected(tables, kind, reader.extras, stream))
        except BaseException:
            writer.abandon()
            raise
        return writer.finish(reader.warnings(self._name))

    def _warn_of_gaps(self, tape: Tape, interval_ns: int) -> None:
        """Missing candles are said and not made up."""
        head = tape.head
        missing = (head.last_ns - head.first_ns) // interval_ns + 1 - head.rows
        if missing > 0:
            self._warn((f"{self._name}: {missing} candles are missing between others.",))

    def _interval(self, tape: Tape) -> int:
        asked = self._options.interval
        shortest = tape.head.shortest_gap_ns
        if asked is None:
            if not shortest:
                raise FeedError(
                    f"{self._name}: one candle does not say how long it lasts.",
                    remedy="Pass --interval, such as --interval 1m.",
                )
            return shortest
        try:
            interval = timeframe_ns(asked)
        except ValueError as error:
            raise ConfigError(str(error), source="arguments", key="--interval") from error
        if shortest and interval > shortest:
            raise FeedError(
                f"{self._name}: candles {shortest // 10**6} ms apart cannot last {asked} each"
            )
        return interval

    def _funding(self, tables: list[Table], first_ns: int, last_ns: int) -> tuple[FundingRow, ...]:
        if not tables or self._instrument.is_spot:
            return ()
        choice = self._choose(tables, is_funding=True)
        self._warn(choice.warnings)
        tables = _in_order(tables, choice.stream)
        blocks = _selected(tables, RowKind.FUNDING, (), choice.stream)
        rows = tuple(read_funding(blocks, _time))
        self._warn_of_missing_rates(rows, first_ns, last_ns)
        return tuple(row for row in rows if row.ts_ns >= first_ns)

    def _warn_of_missing_rates(
        self, rows: Sequence[FundingRow], first_ns: int, last_ns: int
    ) -> None:
        """Rates that cover a part of the prices' time only leave the rest without funding."""
        inside = [row.ts_ns for row in rows if first_ns <= row.ts_ns <= last_ns]
        longest = max((b.ts_ns - a.ts_ns for a, b in pairwise(rows)), default=_RATES_NS)
        slack = max(longest, _RATES_NS)
        if last_ns - first_ns <= slack:
            return
        if not inside:
            self._warn((f"{self._name}: no funding rate lies in the time of the prices.",))
        elif inside[0] - first_ns > slack or last_ns - inside[-1] > slack:
            span = f"{_day(inside[0])} to {_day(inside[-1])}"
            self._warn((f"{self._name}: funding rates cover {span} only.",))


def _day(ns: int) -> str:
    return f"{from_ns(ns):%Y-%m-%d %H:%M}"


def _files(path: Path) -> list[Path]:
    """The files of a recording."""
    if path.is_dir():
        found = sorted(
            item
            for item in path.iterdir()
            if item.is_file() and item.name.endswith(_SUFFIXES) and not item.name.startswith(".")
        )
        if not found:
            raise FeedError(f"{path.name}: no .csv, .csv.gz or .parquet file in this folder")
        return found
    if not path.exists():
        raise FeedError(f"{path}: there is no such file or folder")
    if not path.is_file():
        raise FeedError(f"{path}: is neither a file nor a folder")
    return [path]


def _table(path: Path) -> Table:
    if path.name.endswith(_RAW_SUFFIXES):
        raise FeedError(
            f"{path.name}: raw wire messages are no prices yet; a feed needs CSV or Parquet"
        )
    if not path.stat().st_size:
        raise FeedError(f"{path.name}: the file is empty")
    return ParquetTable(path) if path.suffix == ".parquet" else CsvTable(path)


def _time(table: Table | Block) -> str:
    names = table.columns if isinstance(table, Block) else table.names
    found = time_column(tuple(names))
    if found is None:  # pragma: no cover - kind_of refused it before
        raise FeedError(f"{table}: there is no time column")
    return found


def _selected(
    tables: Sequence[Table], kind: RowKind, extras: Sequence[str], stream: Stream
) -> Iterator[Block]:
    """Blocks of the chosen stream's rows with the columns that this kind needs."""
    for table in tables:
        wanted = frozenset((_time(table), *NEEDS[kind], *extras, *STREAM_COLUMNS))
        for block in table.blocks(wanted):
            rows = stream.rows(block)
            if rows is None:
                yield block
            elif rows.any():
                yield block.take(rows)


def _in_order(tables: list[Table], stream: Stream) -> list[Table]:
    """Files by the time of their first row of the stream; files without one are left out."""
    if len(tables) == 1:
        return tables
    timed: list[tuple[int, str, Table]] = []
    for table in tables:
        time = _time(table)
        wanted = frozenset((time, *STREAM_COLUMNS))
        for block in table.blocks(wanted):
            rows = stream.rows(block)
            mine = block if rows is None else block.take(rows)
            if len(mine):
                ts_ns, known = read_times(mine, time, optional=True)
                usable = ts_ns if known is None else ts_ns[known]
                if len(usable):
                    timed.append((int(usable[0]), table.path.name, table))
                    break
    return [table for _, _, table in sorted(timed, key=lambda item: item[:2])]
