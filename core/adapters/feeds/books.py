"""Recorded order books: messages of price levels, joined by their ids.

A snapshot replaces the book, an update changes levels, and an amount of 0 takes a level away. Rows
of one message share their ids and time. Each update continues the one before: `prev_id` is that
one's `last_id`, or, where there is no `prev_id`, `first_id` is at most one above it.

    no book ──snapshot──► book ──update that continues──► book
       ▲                    │
       └──────gap in ids────┘   nothing is known until the next snapshot

Snapshots are asked for while updates already stream in, so one can be older than updates recorded
before it (and carry an earlier time, or none): updates it does not contain yet are applied again on
top of it, as Binance tells its clients to do. A gap that no snapshot follows is an error.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

import numpy as np

from core.adapters.feeds.columns import Block, Ints, Signs
from core.adapters.feeds.numbers import Scaled, read_decimals, rescaled
from core.adapters.feeds.pieces import Piece, Quotes
from core.adapters.feeds.row_readers import NO_VALUE, not_negative, positive, read_sides
from core.adapters.feeds.tape import Scale
from core.adapters.feeds.times import read_times
from core.adapters.feeds.units import Conversion
from core.errors import FeedError

DEPTH_LEVELS: Final = 100
"""Levels a side that a row hands over, best first."""

BOOK_EXTRAS: Final = ("first_id", "last_id", "prev_id")
_BOOK_SIDES: Final = {"bid": 1, "ask": -1, "buy": 1, "sell": -1}
_FLAGS: Final = {"true": 1, "false": 0, "1": 1, "0": 0}
_REMEMBERED: Final = 4_096
"""Updates before a snapshot that may have to be applied again on top of it."""

Pairs = tuple[tuple[int, int], ...]
NO_BOOK: Final[tuple[Pairs, Pairs]] = ((), ())


@dataclass(frozen=True, slots=True)
class Message:
    """What the venue sent at once: rows `first_row` to `end_row` of the levels."""

    ts_ns: int
    is_snapshot: bool
    first_id: int | None
    last_id: int | None
    prev_id: int | None
    first_row: int
    end_row: int
    place: str

    def continues(self, last_id: int) -> bool:
        """Whether nothing was lost since the message that ended with `last_id`."""
        if self.prev_id is not None:
            return self.prev_id == last_id
        return self.first_id is None or self.first_id <= last_id + 1

    def bridges(self, last_id: int) -> bool:
        """Whether this first update after a snapshot that ended with `last_id` joins on to it."""
        if self.first_id is not None:
            return self.first_id <= last_id + 1
        return self.prev_id is None or self.prev_id <= last_id


@dataclass(frozen=True, slots=True)
class BookStep:
    """One row of the feed: messages that change the book, or the loss of it."""

    ts_ns: int
    messages: tuple[Message, ...]
    is_lost: bool = False


@dataclass
class _Levels:
    """Columns of all levels, grown block by block."""

    price: list[Scaled] = field(default_factory=list)
    amount: list[Scaled] = field(default_factory=list)
    side: list[Signs] = field(default_factory=list)


class BookSource:
    """A recorded book. Held in memory as integers, 17 bytes a level row."""

    def __init__(self, blocks: Iterable[Block], time: str, source: str) -> None:
        """Reads all messages and checks that they join.

        Raises:
            FeedError: For rows that cannot be trusted, a gap that no snapshot follows, a file
                without a snapshot.
        """
        self._source = source
        levels, messages = _Levels(), _Messages()
        for block in blocks:
            levels.price.append(positive(block, "price"))
            levels.amount.append(not_negative(block, "amount"))
            levels.side.append(read_sides(block, "side", _BOOK_SIDES))
            messages.add(block, time)
        self.price, self._prices = _together(levels.price, source)
        self.amount, self._amounts = _together(levels.amount, source)
        self._sides = np.concatenate([*levels.side, np.zeros(0, np.int8)])
        self._steps, self.warnings = plan(messages.finish(), source)
        self.rows = len(self._steps)
        self.first_ns, self.last_ns = self._steps[0].ts_ns, self._steps[-1].ts_ns

    def pieces(
        self, from_row: int, size: int, price: Conversion, amount: Conversion
    ) -> Iterator[Piece]:
        """See `Source.pieces`; reads from the beginning, for a book is all that came before."""
        book = Ladder()
        prices, amounts = price.apply(self._prices), amount.apply(self._amounts)
        size = min(size, 4_096)
        for first in range(0, self.rows, size):
            steps = self._steps[first : first + size]
            states = []
            for row, step in enumerate(steps, first):
                self._apply(book, step, prices, amounts)
                if row >= from_row:
                    states.append(book.state())
            if states:
                times = [step.ts_ns for step in steps[len(steps) - len(states) :]]
                yield _piece(times, states)

    def _apply(self, book: Ladder, step: BookStep, prices: Ints, amounts: Ints) -> None:
        if step.is_lost:
            book.clear()
        for message in step.messages:
            if message.is_snapshot:
                book.clear()
            rows = slice(message.first_row, message.end_row)
            book.update(self._sides[rows].tolist(), prices[rows].tolist(), amounts[rows].tolist())


class Ladder:
    """Both sides of a book, kept sorted."""

    def __init__(self) -> None:
        self._amounts: tuple[dict[int, int], dict[int, int]] = ({}, {})
        """Price -> amount, bids then asks."""
        self._prices: tuple[list[int], list[int]] = ([], [])
        """Prices from low to high, bids then asks."""

    def clear(self) -> None:
        """Forgets everything."""
        for amounts, prices in zip(self._amounts, self._prices, strict=True):
            amounts.clear()
            prices.clear()

    def update(self, sides: list[int], prices: list[int], amounts: list[int]) -> None:
        """Sets levels: side +1 is a bid, -1 an ask; amount 0 takes the level away."""
        for side, price, amount in zip(sides, prices, amounts, strict=True):
            which = 0 if side > 0 else 1
            known, ordered = self._amounts[which], self._prices[which]
            if amount:
                if price not in known:
                    insort(ordered, price)
                known[price] = amount
            elif known.pop(price, None) is not None:
                del ordered[bisect_left(ordered, price)]

    def state(self) -> tuple[Pairs, Pairs]:
        """The best levels of both sides; `NO_BOOK` while the sides cross."""
        bids, asks = self._prices
        if bids and asks and bids[-1] >= asks[0]:
            return NO_BOOK
        best_bids, best_asks = bids[: -DEPTH_LEVELS - 1 : -1], asks[:DEPTH_LEVELS]
        bid_amounts, ask_amounts = self._amounts
        return (
            tuple([(price, bid_amounts[price]) for price in best_bids]),
            tuple([(price, ask_amounts[price]) for price in best_asks]),
        )


def _piece(times: list[int], states: list[tuple[Pairs, Pairs]]) -> Piece:
    nothing = ((NO_VALUE, NO_VALUE),)
    best = np.array([[*(bids or nothing)[0], *(asks or nothing)[0]] for bids, asks in states])
    return Piece(
        np.array(times, np.int64),
        None,
        Quotes(best[:, 0], best[:, 1], best[:, 2], best[:, 3], states),
    )


def _together(columns: list[Scaled], source: str) -> tuple[Scale, Ints]:
    scale = Scale(max([column.scale for column in columns], default=0))
    pieces = [rescaled(item.values, scale.decimals - item.scale, source) for item in columns]
    for piece in pieces:
        scale.take(piece)
    return scale, np.concatenate([*pieces, np.zeros(0, np.int64)])


class _Messages:
    """Cuts rows into messages; one may reach over the end of a block."""

    def __init__(self) -> None:
        self._found: list[Message] = []
        self._rows = 0

    def add(self, block: Block, time: str) -> None:
        """Takes the next rows in."""
        ts_ns, known = read_times(block, time, optional=True)
        keys = [
            np.where(known, ts_ns, NO_VALUE) if known is not None else ts_ns,
            read_sides(block, "is_snapshot", _FLAGS).astype(np.int64),
            *(_ids(block, name) for name in BOOK_EXTRAS),
        ]
        table = np.column_stack(keys)
        starts = np.flatnonzero((table[1:] != table[:-1]).any(axis=1)) + 1
        bounds = [0, *starts.tolist(), len(table)]
        for first, end in pairwise(bounds):
            self._add(table[first].tolist(), first, end, block)
        self._rows += len(table)

    def _add(self, key: list[int], first: int, end: int, block: Block) -> None:
        ts_ns, is_snapshot, first_id, last_id, prev_id = key
        message = Message(
            ts_ns,
            bool(is_snapshot),
            _id(first_id),
            _id(last_id),
            _id(prev_id),
            self._rows + first,
            self._rows + end,
            block.place(first),
        )
        if ts_ns == NO_VALUE and not is_snapshot:
            raise FeedError(f"{message.place}: the time is empty, which only a snapshot's may be")
        before = self._found[-1] if self._found else None
        if first == 0 and before is not None and _is_same(before, message):
            self._found[-1] = replace(before, end_row=message.end_row)
            return
        self._found.append(message)

    def finish(self) -> list[Message]:
        """All messages, each at a time that does not fall.

        Raises:
            FeedError: For an update with an earlier time than the message before.
        """
        timed: list[Message] = []
        newest = next((item.ts_ns for item in self._found if item.ts_ns != NO_VALUE), 0)
        for message in self._found:
            if message.ts_ns < newest:
                if not message.is_snapshot:
                    raise FeedError(
                        f"{message.place}: an earlier time than the row before; rows must be in "
                        "order of time"
                    )
                message = replace(message, ts_ns=newest)  # noqa: PLW2901
            newest = message.ts_ns
            timed.append(message)
        return timed


def _ids(block: Block, name: str) -> Ints:
    if name not in block.columns:
        return np.full(len(block), NO_VALUE, np.int64)
    found = read_decimals(block, name, optional=True)
    if found.scale:
        raise FeedError(f"{block.place(0)}: {name} must be whole numbers")
    return found.values if found.known is None else np.where(found.known, found.values, NO_VALUE)


def _id(value: int) -> int | None:
    return None if value == NO_VALUE else value


def _is_same(first: Message, second: Message) -> bool:
    return all(
        getattr(first, name) == getattr(second, name)
        for name in ("ts_ns", "is_snapshot", "first_id", "last_id", "prev_id")
    )


def plan(messages: list[Message], source: str) -> tuple[list[BookStep], tuple[str, ...]]:
    """The steps that these messages make of a book, and what a person should know.

    Raises:
        FeedError: For ids that go back, a gap that no snapshot follows, or no snapshot at all.
    """
    planner = _Planner()
    for message in messages:
        planner.take(message)
    if planner.gap is not None:
        raise FeedError(
            f"{planner.gap}: a gap in the ids breaks the book, and no snapshot follows in {source}"
        )
    if not any(step.messages for step in planner.steps):
        raise FeedError(f"{source}: the book has no snapshot to start from")
    lost = sum(step.is_lost for step in planner.steps)
    warnings = (f"{source}: {lost} gaps in the ids; no book until the next snapshot.",)
    return planner.steps, warnings if lost else ()


class _Planner:
    """Follows the ids."""

    def __init__(self) -> None:
        self.steps: list[BookStep] = []
        self.gap: str | None = None
        """Where the ids broke, while no snapshot has come since."""
        self._has_book = False
        self._is_fresh = False
        """Whether no update has joined on to the newest snapshot yet."""
        self._last_id: int | None = None
        self._recent: deque[Message] = deque(maxlen=_REMEMBERED)

    def take(self, message: Message) -> None:
        """Takes the next message in."""
        if message.is_snapshot:
            self._reset(message)
        else:
            self._update(message)

    def _reset(self, snapshot: Message) -> None:
        again = self._not_contained(snapshot)
        if not again:
            self._recent.clear()
        self.steps.append(BookStep(snapshot.ts_ns, (snapshot, *again)))
        self._has_book = True
        self._is_fresh = not again
        self._last_id = again[-1].last_id if again else snapshot.last_id
        self.gap = None

    def _not_contained(self, snapshot: Message) -> tuple[Message, ...]:
        """Updates recorded before the snapshot that it does not contain, if they join on to it."""
        if snapshot.last_id is None:
            return ()
        last_id = snapshot.last_id
        again: list[Message] = []
        for message in self._recent:
            if message.last_id is None or message.last_id <= last_id:
                continue
            joins = message.continues(last_id) if again else message.bridges(last_id)
            if not joins:
                return ()
            again.append(message)
            last_id = message.last_id
        return tuple(again)

    def _update(self, message: Message) -> None:
        self._refuse_going_back(message)
        self._recent.append(message)
        if not self._has_book:
            return
        if self._last_id is not None and message.last_id is not None:
            if self._is_fresh and message.last_id <= self._last_id:
                return
            joins = message.bridges if self._is_fresh else message.continues
            if not joins(self._last_id):
                self._lose(message)
                return
        self._last_id = message.last_id if message.last_id is not None else self._last_id
        self._is_fresh = False
        self.steps.append(BookStep(message.ts_ns, (message,)))

    def _refuse_going_back(self, message: Message) -> None:
        before = self._recent[-1] if self._recent else None
        if before is None or before.last_id is None or message.last_id is None:
            return
        if message.last_id <= before.last_id:
            raise FeedError(
                f"{message.place}: the ids go back ({message.last_id} after {before.last_id}); "
                "the message is there twice or out of order"
            )

    def _lose(self, message: Message) -> None:
        self._recent.clear()
        self._recent.append(message)
        self.steps.append(BookStep(message.ts_ns, (), is_lost=True))
        self._has_book = False
        self.gap = message.place
