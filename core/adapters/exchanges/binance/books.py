"""The books of one market, built from a whole book over REST and the changes on top.

A missing change breaks a book until there is another whole one. A book that is crossed is kept
back, and asked for anew if it stays so.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.adapters.exchanges.binance.messages import Depth, Levels
from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.ladder import Ladder
from core.adapters.exchanges.connection.sequence import Joint, linked, spanning
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.depth import Succession
from core.adapters.exchanges.models import OrderBookData, from_ns
from core.adapters.exchanges.native.batch import DAY_MS
from core.adapters.exchanges.native.books import SHOWN
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.errors import VenueError
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

DEPTH: Final = "depth@100ms"
_MS: Final = 1_000_000
_CROSSED_LIMIT: Final = 3
"""Reads in a row after which a book that stays crossed is asked for anew."""
_RETRY_S: Final = 0.5
_NEXT: Final = Succession.NEXT
_GAP: Final = Succession.GAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole book over REST."""

    sequence: int
    at_ms: int
    bids: Levels
    asks: Levels


@dataclass(slots=True)
class _Book:
    """One instrument's book while somebody listens."""

    listing: Listing
    topic: Topic
    ladder: Ladder
    joint: Joint[Depth]
    is_asking: bool = False
    is_moved: bool = False
    """Whether it is another than was told, and whole."""
    at_ms: int = 0
    """When the newest change happened."""
    crossed: int = 0
    """Reads in a row after which it was crossed."""


class Books:
    """The books that somebody listens to.

    Args:
        clock: The engine's.
        listings: The market's instruments by the venue's key.
        hub: Who listens.
        ask: A whole book, over REST.
        is_spot: Whether changes name their first and last update only.
    """

    def __init__(
        self,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        ask: Callable[[Listing], Awaitable[Whole]],
        *,
        is_spot: bool,
    ) -> None:
        self._clock = clock
        self._listings = listings
        self._hub = hub
        self._ask = ask
        self._rule = spanning if is_spot else linked
        self._books: dict[str, _Book] = {}
        """The venue's key -> its book."""
        self._heard: dict[str, _Book] = {}
        """Those that a change came for in this read."""

    def forget(self, keys: Iterable[str]) -> None:
        """They begin anew."""
        for key in keys:
            self._books.pop(key, None)

    def clear(self) -> None:
        """None is believed any more."""
        self._books.clear()
        self._heard.clear()

    def begin(self, key: str, link: Link) -> None:
        """Asks for the whole book of an instrument."""
        book = self._books.get(key) or self._new(key)
        if book is not None:
            self._break(book, link)

    def take(self, item: Depth, now_ms: int, link: Link) -> None:
        """Applies a change; what came of it is told by `tell`, after the last one of a read."""
        key = item.s
        book = self._books.get(key) or self._new(key)
        if book is None:
            return
        at_ms = item.E
        if not -DAY_MS < at_ms - now_ms < DAY_MS:
            self._listings.count("depthUpdate:refused")
            return
        book.at_ms = item.T or at_ms
        self._heard[key] = book
        verdict = book.joint.take(item.U, item.u, item.pu, item)
        if verdict is _NEXT:
            book.ladder.apply(item.b, item.a)
            book.is_moved = True
        else:
            book.is_moved = False
            self._wait(book, link, is_gap=verdict is _GAP)

    def tell(self, link: Link) -> None:
        """Tells each book that is another after a read, once."""
        heard, self._heard = self._heard, {}
        now = self._clock.now()
        for book in heard.values():
            link.heard(book.topic, book.at_ms * _MS)
            if book.is_moved:
                book.is_moved = False
                self._tell(book, now, link)

    def _wait(self, book: _Book, link: Link, *, is_gap: bool) -> None:
        if is_gap:
            log.warning("book.gap venue=binance symbol=%s", book.listing.symbol)
            book.ladder.clear()
        if not book.joint.is_whole:
            self._break(book, link)

    def _break(self, book: _Book, link: Link) -> None:
        if not book.is_asking:
            book.is_asking = True
            link.spawn(self._restart(book, link))

    def _new(self, key: str) -> _Book | None:
        listing = self._listings.by_key.get(key)
        if listing is None or listing.instrument is None:
            self._listings.count("depthUpdate:refused")
            return None
        rules = listing.instrument
        ladder = Ladder(rules.tick_size, rules.lot_size)
        book = _Book(listing, f"{key.lower()}@{DEPTH}", ladder, Joint(self._rule))
        self._books[key] = book
        return book

    async def _restart(self, book: _Book, link: Link) -> None:
        """A whole book, asked for until one joins the changes."""
        try:
            while self._books.get(book.listing.key) is book:
                try:
                    whole = await self._ask(book.listing)
                except VenueError as error:
                    log.info("book.no_answer symbol=%s error=%s", book.listing.symbol, error)
                    await self._clock.sleep(_RETRY_S)
                    continue
                changes = book.joint.restart(whole.sequence)
                if changes is None:
                    await self._clock.sleep(_RETRY_S)
                    continue
                book.ladder.load(whole.bids, whole.asks)
                book.at_ms = max(book.at_ms, whole.at_ms)
                for change in changes:
                    book.ladder.apply(change.b, change.a)
                self._tell(book, self._clock.now(), link)
                return
        finally:
            book.is_asking = False

    def _tell(self, book: _Book, now: datetime, link: Link) -> None:
        if book.ladder.is_crossed:
            book.crossed += 1
            self._listings.count("depthUpdate:crossed")
            if book.crossed >= _CROSSED_LIMIT and not book.is_asking:
                book.joint.breaks()
                self._break(book, link)
            return
        if book.crossed:
            book.crossed = 0  # the next sane one is told
            return
        room = self._hub.of(book.listing.symbol)
        if not room.books:
            return
        bids, asks = book.ladder.levels(SHOWN)
        room.books.tell(
            OrderBookData(
                venue=self._listings.venue,
                symbol=book.listing.symbol,
                bids=bids,
                asks=asks,
                sequence=book.joint.known,
                at=from_ns(book.at_ms * _MS),
                received_at=now,
            )
        )
