"""From what a venue told to the rows of a recording, in the columns of docs/recording.md.

Times of one symbol never fall in a file, whatever order messages came in; the moment of receipt
stands beside. Book rows carry numbers of our own, one more with each message: a gap in what was
heard is a snapshot again, so a reader never joins what does not belong together.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from core.adapters.exchanges.models import (
    BookLevel,
    OrderBookData,
    OrderSide,
    TickerData,
    TradeData,
    plain,
    to_ns,
)

REMEMBERED: Final = 10_000
"""Trade ids of a symbol that are not written a second time."""


class Kind(StrEnum):
    """What a file holds."""

    TRADES = "trades"
    QUOTES = "quotes"
    BOOKS = "books"
    RAW = "raw"
    GAPS = "gaps"


_STAMPS: Final = ("symbol", "venue", "recv_ns", "ts_ns")
COLUMNS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.TRADES: ("ts_ms", "price", "amount", "side", "trade_id", *_STAMPS),
    Kind.QUOTES: ("ts_ms", "bid", "bid_amount", "ask", "ask_amount", *_STAMPS),
    Kind.BOOKS: (
        *("ts_ms", "is_snapshot", "side", "price", "amount"),
        *("first_id", "last_id", "prev_id"),
        *_STAMPS,
    ),
}
"""Columns of each kind that is a table."""
WHOLE_COLUMNS: Final = frozenset(
    {"ts_ms", "ts_ns", "recv_ns", "first_id", "last_id", "prev_id", "is_snapshot"}
)
"""Columns of whole numbers; all others are exact text."""


class Rising:
    """Times that never fall, one line for each symbol."""

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}

    def at(self, symbol: str, ns: int) -> int:
        """`ns`, or the newest time before where that is later."""
        found = self._newest[symbol] = max(ns, self._newest.get(symbol, 0))
        return found


class TradeRows:
    """Public trades, each once.

    Args:
        first_ns: Trades before it are left out: a recording that goes on in the folder of another
            must not repeat what some venues tell of the time before one listens.
    """

    def __init__(self, first_ns: int = 0) -> None:
        self._first_ns = first_ns
        self._times = Rising()
        self._seen: dict[str, tuple[set[str], deque[str]]] = {}

    def of(self, trade: TradeData, recv_ns: int) -> list[str]:
        """One row; none for a trade that was written before."""
        is_early = to_ns(trade.at) < self._first_ns
        if is_early or (trade.trade_id and not self._is_new(trade.symbol, trade.trade_id)):
            return []
        ns = self._times.at(trade.symbol, to_ns(trade.at))
        side = "" if trade.side is None else "buy" if trade.side is OrderSide.BUY else "sell"
        head = (str(ns // 1_000_000), plain(trade.price), plain(trade.amount), side)
        return [_line(*head, trade.trade_id, trade.symbol, trade.venue, str(recv_ns), str(ns))]

    def _is_new(self, symbol: str, trade_id: str) -> bool:
        known, order = self._seen.setdefault(symbol, (set(), deque()))
        if trade_id in known:
            return False
        known.add(trade_id)
        order.append(trade_id)
        if len(order) > REMEMBERED:
            known.discard(order.popleft())
        return True


class QuoteRows:
    """Best bids and asks, where they changed."""

    def __init__(self) -> None:
        self._times = Rising()
        self._last: dict[str, tuple[str, ...]] = {}

    def of(self, ticker: TickerData, recv_ns: int) -> list[str]:
        """One row; none where best prices and amounts are as they were, or both are unknown."""
        sides = (ticker.bid, ticker.bid_amount, ticker.ask, ticker.ask_amount)
        best = tuple("" if value is None else plain(value) for value in sides)
        if self._last.get(ticker.symbol) == best or (ticker.bid is None and ticker.ask is None):
            return []
        self._last[ticker.symbol] = best
        ns = self._times.at(ticker.symbol, to_ns(ticker.at))
        stamps = (ticker.symbol, ticker.venue, str(recv_ns), str(ns))
        return [_line(str(ns // 1_000_000), *best, *stamps)]


class BookRows:
    """Depth as messages: a snapshot, then what changed.

    Args:
        depth: Levels a side that are kept.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._times = Rising()
        self._sides: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        """Symbol -> price to amount of bids and of asks, as written last."""
        self._number: dict[str, int] = {}

    def of(self, book: OrderBookData, recv_ns: int) -> list[str]:
        """The rows of one message; none where nothing changed that is kept."""
        now = (_levels(book.bids, self._depth), _levels(book.asks, self._depth))
        before = self._sides.get(book.symbol)
        changes = list(_changes(before or ({}, {}), now))
        self._sides[book.symbol] = now
        if not changes:
            return []
        last = self._number.get(book.symbol, 0)
        number = self._number[book.symbol] = last + 1
        ns = self._times.at(book.symbol, to_ns(book.at))
        head, ids = str(ns // 1_000_000), (str(number), str(number), str(last))
        whole = "1" if before is None else "0"
        stamps = (book.symbol, book.venue, str(recv_ns), str(ns))
        return [_line(head, whole, *change, *ids, *stamps) for change in changes]

    def forget(self, symbol: str | None = None) -> None:
        """Something was missed: the next message of the symbol, or of all, is a snapshot."""
        for name in list(self._sides) if symbol is None else [symbol]:
            self._sides.pop(name, None)


def gap_row(
    *, at_ns: int, venue: str, symbol: str | None, kind: str, lost: int | None, detail: str
) -> str:
    """A line of `gaps.jsonl`.

    Args:
        at_ns: When it was noticed.
        venue: Whose.
        symbol: None for all.
        kind: `reconnecting`, `stale`, `recovered`, `missing`, `overflow`, `started`, `ended`,
            `killed`.
        lost: Rows that were heard and not written; None where nobody can know.
        detail: In words.
    """
    return json.dumps(
        {
            "ts_ms": at_ns // 1_000_000,
            "venue": venue,
            "symbol": symbol,
            "kind": kind,
            "lost": lost,
            "detail": detail,
        },
        ensure_ascii=False,
    )


def raw_row(
    venue: str, recv_ns: int, channel: str, url: str, message: bytes, request: bytes
) -> str:
    """A line of the raw recording; the message stands in it as it came."""
    head = {"recv_ns": recv_ns, "venue": venue, "channel": channel}
    if url:
        head["url"] = url
    line = json.dumps(head, ensure_ascii=False)[:-1]
    asked = f', "request": {_value(request)}' if request else ""
    return f'{line}{asked}, "msg": {_value(message)}}}'


def _value(message: bytes) -> str:
    """JSON as it came, on one line; anything else as text."""
    try:
        text = message.decode()
        json.loads(text)
    except ValueError:
        return json.dumps(message.decode("utf-8", "backslashreplace"))
    # Between the parts of a JSON value a line may end; inside its texts none can.
    return text.replace("\r", " ").replace("\n", " ").strip()


def _levels(side: tuple[BookLevel, ...], depth: int) -> dict[str, str]:
    return {plain(level.price): plain(level.amount) for level in side[:depth]}


def _changes(
    before: tuple[dict[str, str], dict[str, str]], now: tuple[dict[str, str], dict[str, str]]
) -> Iterator[tuple[str, str, str]]:
    for name, old, new in zip(("bid", "ask"), before, now, strict=True):
        for price in old.keys() - new.keys():
            yield name, price, "0"
        for price, amount in new.items():
            if old.get(price) != amount:
                yield name, price, amount


def _line(*fields: str) -> str:
    """A line of CSV: none of the fields is a person's text but ids, which get quotes if needed."""
    return ",".join(_quoted(field) for field in fields)


def _quoted(field: str) -> str:
    if any(mark in field for mark in ',"\r\n'):
        return '"' + field.replace('"', '""').replace("\r", " ").replace("\n", " ") + '"'
    return field
