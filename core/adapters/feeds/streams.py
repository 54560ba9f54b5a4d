"""Which of a file's streams to read: a stream is one symbol on one market of one venue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from core.adapters.exchanges.models import ExchangeType, Instrument
from core.adapters.exchanges.symbols import is_same_pair, read_market, read_spelling
from core.adapters.feeds.columns import Block, Flags, FloatColumn, Table
from core.adapters.feeds.kinds import STREAM_COLUMNS
from core.errors import FeedError


@dataclass(frozen=True, slots=True, order=True)
class Stream:
    """What the columns `symbol`, `market` and `venue` say; empty where the file has none."""

    symbol: str = ""
    market: str = ""
    venue: str = ""

    def __str__(self) -> str:
        parts = [f"--symbol {self.symbol}"] if self.symbol else []
        if self.market or self.venue:
            parts.append(f"--market {self.market or self.venue}")
        return " ".join(parts) or "one unnamed stream"

    def rows(self, block: Block) -> Flags | None:
        """Which rows of a block belong to this stream; None for all."""
        found: Flags | None = None
        for name, text in zip(STREAM_COLUMNS, (self.symbol, self.market, self.venue), strict=True):
            if name in block.columns:
                same = block.columns[name].equals(text)
                found = same if found is None else found & same
        return None if found is None or found.all() else found


def streams_of(tables: Iterable[Table]) -> tuple[Stream, ...]:
    """Every stream in these files, sorted; costs a pass over files that have such columns."""
    found: set[Stream] = set()
    for table in tables:
        wanted = frozenset(STREAM_COLUMNS) & frozenset(table.names)
        if not wanted:
            found.add(Stream())
            continue
        for block in table.blocks(wanted):
            found.update(_streams(block))
    return tuple(sorted(found))


def _streams(block: Block) -> set[Stream]:
    key = np.zeros(len(block), np.uint64)
    for column in block.columns.values():
        key = key * np.uint64(0x9E3779B97F4A7C15) + column.keys
    rows = [0] if (key == key[0]).all() else np.unique(key, return_index=True)[1].tolist()
    return {Stream(*(_text(block, name, row) for name in STREAM_COLUMNS)) for row in rows}


def _text(block: Block, name: str, row: int) -> str:
    column = block.columns.get(name)
    if column is None:
        return ""
    if isinstance(column, FloatColumn):
        raise FeedError(f"{block.source}: the column {name} holds numbers, expected names")
    return column.text(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The stream to read, and what a person should know about it."""

    stream: Stream
    warnings: tuple[str, ...] = ()


def choose(
    streams: Sequence[Stream],
    instrument: Instrument,
    source: str,
    *,
    symbol: str | None = None,
    market: str | None = None,
) -> Choice:
    """The stream that was asked for, or the one that the bot's own symbol picks.

    A single stream is used as it stands, with a warning when its name is another.

    Raises:
        FeedError: If none or several fit; the message lists what is inside.
    """
    left = _narrow(streams, instrument, symbol, market)
    if not left and symbol is None and market is None:
        left = tuple(streams)
        if len(left) == 1 and left[0].symbol:
            return Choice(
                stream=left[0],
                warnings=(
                    f"{source} holds {left[0].symbol}, used as it stands for {instrument.symbol}.",
                ),
            )
    if len(left) == 1:
        return Choice(stream=left[0], warnings=_asked_for_another(left[0], instrument, source))
    inside = "; ".join(str(stream) for stream in (left or streams)[:20])
    more = len(left or streams) - 20
    rest = f"; and {more} more" if more > 0 else ""
    what = "several streams could be meant" if left else "none fits what was asked for"
    raise FeedError(
        f"{source}: {what} ({instrument.symbol}"
        f"{'' if symbol is None else f', --symbol {symbol}'}"
        f"{'' if market is None else f', --market {market}'}).",
        remedy=f"Pick one of: {inside}{rest}",
    )


def _asked_for_another(stream: Stream, instrument: Instrument, source: str) -> tuple[str, ...]:
    kind = _kind(stream)
    is_same = not stream.symbol or is_same_pair(stream.symbol, instrument.symbol)
    if is_same and (kind is None or _is_alike(kind, instrument.market_type)):
        return ()
    name = " ".join(part for part in (stream.market, stream.symbol) if part)
    return (f"{source}: the prices of {name} stand in for {instrument.symbol}.",)


def _narrow(
    streams: Sequence[Stream], instrument: Instrument, symbol: str | None, market: str | None
) -> tuple[Stream, ...]:
    """Streams that fit, the narrowest reading that leaves any; empty if none fits."""
    left = tuple(streams)
    if market is not None:
        left = tuple(item for item in left if market.lower() in _markets(item))
    if symbol is not None:
        named = _named(left, symbol)
        wanted = read_spelling(symbol).market_type
        return named if wanted is None else _preferring(named, lambda item: _kind(item) is wanted)
    fitting = tuple(
        item for item in left if not item.symbol or is_same_pair(item.symbol, instrument.symbol)
    )
    for prefers in _preferences(instrument):
        fitting = _preferring(fitting, prefers)
    return fitting or (left if market is not None and len(left) == 1 else ())


def _preferences(instrument: Instrument) -> tuple[Callable[[Stream], bool], ...]:
    """What makes one of several streams of a pair the bot's own, the strongest reason first."""

    def is_own_market(stream: Stream) -> bool:
        kind = _kind(stream)
        return kind is not None and _is_alike(kind, instrument.market_type)

    return (
        is_own_market,
        lambda stream: stream.venue.lower() == instrument.venue.lower(),
        lambda stream: _kind(stream) is instrument.market_type,
    )


def _preferring(
    streams: tuple[Stream, ...], prefers: Callable[[Stream], bool]
) -> tuple[Stream, ...]:
    return tuple(item for item in streams if prefers(item)) or streams


def _markets(stream: Stream) -> frozenset[str]:
    return frozenset((stream.market.lower(), stream.venue.lower())) - {""}


def _named(streams: tuple[Stream, ...], symbol: str) -> tuple[Stream, ...]:
    """Streams with exactly this symbol, else those whose spelling means the same pair."""
    exact = tuple(item for item in streams if item.symbol == symbol)
    if exact or not any(item.symbol for item in streams):
        return exact or streams
    return tuple(item for item in streams if is_same_pair(item.symbol, symbol))


def _kind(stream: Stream) -> ExchangeType | None:
    """The kind of market that a stream's symbol or market says, where it does."""
    return read_spelling(stream.symbol).market_type or read_market(stream.market)


def _is_alike(first: ExchangeType, second: ExchangeType) -> bool:
    derivatives = (ExchangeType.PERPETUAL, ExchangeType.FUTURES)
    return first is second or (first in derivatives and second in derivatives)
