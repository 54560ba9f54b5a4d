"""Rows of trades, quotes and candles: from a file's columns to checked integers.

A reader keeps what must hold from one block to the next: times never fall, a trade id comes once.
Every refusal is a FeedError that names file and row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from core.adapters.feeds.columns import Block, Column, Flags, Ints, Signs, TextColumn
from core.adapters.feeds.numbers import Scaled, read_decimals, without_noise
from core.adapters.feeds.times import read_times
from core.errors import FeedError

NO_VALUE: Final = -1
"""Stands in a column where a row does not carry the value."""


@dataclass(frozen=True)
class Rows:
    """Checked rows of one block; every column has the same length."""

    ts_ns: Ints
    prices: Mapping[str, Scaled]
    amounts: Mapping[str, Scaled]
    sides: Signs | None = None
    """Taker: +1 buy, -1 sell, 0 not known."""


class RowReader(Protocol):
    """Reads the blocks of one stream in order."""

    prices: tuple[str, ...]
    """Names of the price columns it gives."""
    amounts: tuple[str, ...]
    has_sides: bool
    extras: tuple[str, ...]
    """Columns beyond these that it reads where the file has them."""

    def read(self, block: Block, time: str) -> Rows:
        """The rows of the next block.

        Raises:
            FeedError: For anything that cannot be trusted; the message names the row.
        """

    def finish(self, blocks: Callable[[], Iterable[Block]]) -> None:
        """Checks what only the whole can show; `blocks` gives all rows again.

        Raises:
            FeedError: For a trade id that comes twice.
        """

    def warnings(self, source: str) -> tuple[str, ...]:
        """What a person should know about the rows, in sentences."""


@dataclass
class _Order:
    """The newest time, and where it stood."""

    last_ns: int = -1
    place: str = ""

    def check(self, block: Block, ts_ns: Ints, *, strictly: bool = False) -> None:
        """Refuses a time that falls, or with `strictly` one that does not rise."""
        if not len(ts_ns):
            return
        steps = np.diff(ts_ns, prepend=self.last_ns)
        wrong = steps <= 0 if strictly else steps < 0
        if self.last_ns < 0:
            wrong[0] = False
        if wrong.any():
            row = int(np.argmax(wrong))
            before = block.place(row - 1) if row else self.place
            fault = "the same time as" if steps[row] == 0 else "an earlier time than"
            raise FeedError(f"{block.place(row)}: {fault} {before}; rows must be in order of time")
        self.last_ns, self.place = int(ts_ns[-1]), block.place(len(ts_ns) - 1)


def positive(block: Block, name: str) -> Scaled:
    """A column of prices or amounts above 0.

    Raises:
        FeedError: For zero, a negative number or no number.
    """
    found = read_decimals(block, name)
    if len(found.values) and int(found.values.min()) <= 0:
        row = int(np.argmax(found.values <= 0))
        text = block.columns[name].text(row)
        raise FeedError(f"{block.place(row)}: {name} {text} must be above 0")
    return found


def not_negative(block: Block, name: str, *, optional: bool = False) -> Scaled:
    """A column of amounts that are 0 or above.

    Raises:
        FeedError: For a negative number or no number.
    """
    found = read_decimals(without_noise(block, name), name, optional=optional)
    if len(found.values) and int(found.values.min()) < 0:
        row = int(np.argmax(found.values < 0))
        text = block.columns[name].text(row)
        raise FeedError(f"{block.place(row)}: {name} {text} must not be below 0")
    return found


def read_sides(block: Block, name: str, words: Mapping[str, int]) -> Signs:
    """A column of words as +1, -1 or, for an empty field, 0.

    Args:
        block: The rows.
        name: The column.
        words: Lower-case word -> its number; letters of either case are read.

    Raises:
        FeedError: For any other word.
    """
    column = block.columns[name]
    sides = np.zeros(len(block), np.int8)
    known = np.zeros(len(block), np.bool_)
    for word, number in {**words, "": 0}.items():
        same = _is_word(column, word)
        sides[same] = number
        known |= same
    if not known.all():
        row = int(np.argmin(known))
        allowed = ", ".join(words)
        text = column.text(row)
        raise FeedError(f"{block.place(row)}: {name} {text[:20]!r} is none of {allowed}")
    return sides


def _is_word(column: Column, word: str) -> Flags:
    if not isinstance(column, TextColumn):
        return column.equals(word)
    if len(column) == 0:
        return np.zeros(0, np.bool_)
    same: Flags = column.end - column.start == len(word)
    last = len(column.buffer) - 1
    for place, letter in enumerate(word.encode()):
        byte = column.buffer[np.minimum(column.start + place, last)]
        same = same & ((byte == letter) | (byte == ord(chr(letter).upper())))
    return same


TAKER_WORDS: Final = {"buy": 1, "sell": -1, "b": 1, "s": -1}


@dataclass
class TradeReader:
    """Trades. Rows without ids may repeat (two equal trades are two trades); an id may not.

    Ids that rise are checked as they come. Others are read a second time, eight bytes a row.
    """

    prices: tuple[str, ...] = ("last",)
    amounts: tuple[str, ...] = ("amount",)
    has_sides: bool = True
    extras: tuple[str, ...] = ("trade_id",)
    _order: _Order = field(default_factory=_Order)
    _newest_id: int | None = None
    _ids_rise: bool = True

    def read(self, block: Block, time: str) -> Rows:
        """See `RowReader.read`."""
        ts_ns, _ = read_times(block, time)
        self._order.check(block, ts_ns)
        if "trade_id" in block.columns and self._ids_rise:
            self._ids_rise = self._follow_ids(block)
        return Rows(
            ts_ns,
            {"last": positive(block, "price")},
            {"amount": positive(block, "amount")},
            read_sides(block, "side", TAKER_WORDS),
        )

    def finish(self, blocks: Callable[[], Iterable[Block]]) -> None:
        """See `RowReader.finish`."""
        if not self._ids_rise:
            refuse_twice(blocks(), "trade_id")

    def warnings(self, source: str) -> tuple[str, ...]:
        """None."""
        return ()

    def _follow_ids(self, block: Block) -> bool:
        """Whether the ids are numbers that go on rising."""
        try:
            found = read_decimals(block, "trade_id")
        except FeedError:
            return False
        if found.scale or not len(found.values):
            return not found.scale
        rises = bool((np.diff(found.values) > 0).all())
        if self._newest_id is not None and int(found.values[0]) <= self._newest_id:
            rises = False
        self._newest_id = int(found.values[-1])
        return rises


def refuse_twice(blocks: Iterable[Block], name: str) -> None:
    """Refuses a text of column `name` that comes twice; empty fields are none.

    Raises:
        FeedError: Naming the row where it comes the second time.
    """
    keys: list[npt.NDArray[np.uint64]] = []
    places: list[tuple[int, Block]] = []
    rows = 0
    for block in blocks:
        named = block.take(~block.columns[name].equals(""))
        keys.append(named.columns[name].keys)
        places.append((rows, named))
        rows += len(named)
    found = np.concatenate([*keys, np.zeros(0, np.uint64)])
    order = np.argsort(found, kind="stable")
    again = order[1:][found[order][1:] == found[order][:-1]]
    if not len(again):
        return
    row = int(again.min())
    first, block = next(item for item in reversed(places) if item[0] <= row)
    text = block.columns[name].text(row - first)
    raise FeedError(f"{block.place(row - first)}: the {name} {text} comes a second time")


@dataclass
class QuoteReader:
    """Best bid and ask. A crossed quote is left out and counted; an empty side is unknown."""

    prices: tuple[str, ...] = ("bid", "ask")
    amounts: tuple[str, ...] = ("bid_amount", "ask_amount")
    has_sides: bool = False
    extras: tuple[str, ...] = ()
    crossed: int = 0
    _order: _Order = field(default_factory=_Order)

    def read(self, block: Block, time: str) -> Rows:
        """See `RowReader.read`."""
        ts_ns, _ = read_times(block, time)
        self._order.check(block, ts_ns)
        bid, ask = self._price(block, "bid"), self._price(block, "ask")
        scale = max(bid.scale, ask.scale)
        crossed = bid.values * 10 ** (scale - bid.scale) > ask.values * 10 ** (scale - ask.scale)
        for side in (bid, ask):
            if side.known is not None:
                crossed &= side.known
        self.crossed += int(crossed.sum())
        keep = ~crossed
        return Rows(
            ts_ns[keep],
            {"bid": _kept(bid, keep), "ask": _kept(ask, keep)},
            {
                name: _kept(not_negative(block, name, optional=True), keep)
                for name in ("bid_amount", "ask_amount")
            },
        )

    def _price(self, block: Block, name: str) -> Scaled:
        found = read_decimals(block, name, optional=True)
        wrong = found.values <= 0 if found.known is None else (found.values <= 0) & found.known
        if wrong.any():
            row = int(np.argmax(wrong))
            text = block.columns[name].text(row)
            raise FeedError(f"{block.place(row)}: {name} {text} must be above 0")
        return found

    def finish(self, blocks: Callable[[], Iterable[Block]]) -> None:
        """Nothing is left to check."""

    def warnings(self, source: str) -> tuple[str, ...]:
        """How many quotes were crossed."""
        if not self.crossed:
            return ()
        return (f"{source}: {self.crossed} quotes with the bid above the ask were left out.",)


def _kept(column: Scaled, keep: Flags) -> Scaled:
    known = None if column.known is None else column.known[keep]
    return Scaled(column.values[keep], column.scale, known)


@dataclass
class CandleReader:
    """Candles, each later than the one before."""

    prices: tuple[str, ...] = ("open", "high", "low", "close")
    amounts: tuple[str, ...] = ("volume",)
    has_sides: bool = False
    extras: tuple[str, ...] = ()
    _order: _Order = field(default_factory=_Order)

    def read(self, block: Block, time: str) -> Rows:
        """See `RowReader.read`."""
        ts_ns, _ = read_times(block, time)
        self._order.check(block, ts_ns, strictly=True)
        prices = {name: positive(block, name) for name in self.prices}
        self._check(block, prices)
        return Rows(ts_ns, prices, {"volume": not_negative(block, "volume")})

    def _check(self, block: Block, prices: Mapping[str, Scaled]) -> None:
        scale = max(price.scale for price in prices.values())
        at = {name: price.values * 10 ** (scale - price.scale) for name, price in prices.items()}
        lowest = np.minimum(at["open"], at["close"])
        highest = np.maximum(at["open"], at["close"])
        wrong = (at["low"] > lowest) | (at["high"] < highest)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise FeedError(
                f"{block.place(row)}: open and close must lie between low and high "
                f"({', '.join(f'{name} {block.columns[name].text(row)}' for name in self.prices)})"
            )

    def finish(self, blocks: Callable[[], Iterable[Block]]) -> None:
        """Nothing is left to check."""

    def warnings(self, source: str) -> tuple[str, ...]:
        """None."""
        return ()
