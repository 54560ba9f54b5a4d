"""What dialects of several venues do alike with best prices and books.

A dialect decodes its venue's messages and says here what they mean; here is judged what may be
believed: times that can be, sides that do not cross, changes that follow. Public trades are for
`trails.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec

from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.ladder import Changes, Ladder
from core.adapters.exchanges.connection.sequence import Joint, Rule
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.depth import Succession
from core.adapters.exchanges.models import OrderBookData, from_ns
from core.adapters.exchanges.native.batch import DAY_MS
from core.adapters.exchanges.native.books import SHOWN, check_sides, levels_of
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

Price = Annotated[float, msgspec.Meta(gt=0.0, lt=1e15)]
Amount = Annotated[float, msgspec.Meta(ge=0.0, lt=1e18)]
"""Checked while they are decoded: NaN and infinities fail every bound."""

_DAY_NS: Final = DAY_MS * 1_000_000
_CROSSED_LIMIT: Final = 3


@dataclass(frozen=True, slots=True)
class Change:
    """Changed levels of a book."""

    bids: Changes
    asks: Changes
    at_ns: int


@dataclass(slots=True)
class Book:
    """One instrument's book while somebody listens."""

    listing: Listing
    topic: Topic
    tells_best: bool
    """Whether its best prices are those of the ticker."""
    ladder: Ladder
    joint: Joint[Change]
    is_asking: bool = False
    """Whether a whole one is under way."""
    at_ns: int = 0
    crossed: int = 0
    """Reads in a row after which it was crossed."""


class Market:
    """The state of a public socket.

    Args:
        clock: When messages come.
        listings: The venue's instruments.
        hub: Who listens.
        rule: How a change says what it follows.
        restart: Asks for a whole book; told once until one came (`take_whole`).
        tells_best: Which books also give the best prices of tickers, rather than their levels.
    """

    def __init__(
        self,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        rule: Rule,
        restart: Callable[[Book, Link], None],
        *,
        tells_best: Callable[[Topic], bool] = lambda _topic: False,
    ) -> None:
        self._clock = clock
        self._listings = listings
        self._hub = hub
        self._rule = rule
        self._restart = restart
        self._tells_best = tells_best
        self.books: dict[Topic, Book] = {}
        """Topic -> the book that it carries."""
        self._touched: dict[Topic, Book] = {}

    def lost(self) -> None:
        """The socket is gone: books and prices are not believed until there are new ones."""
        self.books.clear()
        self._touched.clear()
        self._hub.forget_prices()

    def listing(self, key: str, at_ns: int, what: str) -> Listing | None:
        """The listing that a message is about; None where it, or its time, cannot be."""
        listing = self._listings.by_key.get(key)
        if listing is None or abs(self._clock.now_ns() - at_ns) > _DAY_NS:
            self._listings.count(f"{what}:refused")
            return None
        return listing

    # -- best prices --------------------------------------------------------------------------

    def take_best(
        self, topic: Topic, key: str, best: tuple[str, str, str, str], at_ns: int, link: Link
    ) -> None:
        """Bid, its amount, ask, its amount; empty texts where a side is empty."""
        listing = self.listing(key, at_ns, "best")
        if listing is None:
            return
        quote = self._hub.of(listing.symbol).quote
        bid, bid_amount, ask, ask_amount = best
        try:
            bids = levels_of([(bid, bid_amount)] if bid else ())
            asks = levels_of([(ask, ask_amount)] if ask else ())
            check_sides(bids, asks)
        except ValueError:
            quote.is_doubted = True
            self._listings.count("best:refused")
            return
        link.heard(topic, at_ns)
        if quote.is_doubted:
            quote.is_doubted = False
            return
        self._hub.set_best(
            quote,
            bids[0].price if bids else None,
            bids[0].amount if bids else None,
            asks[0].price if asks else None,
            asks[0].amount if asks else None,
        )
        quote.at = from_ns(at_ns)
        self._hub.tell_quote(listing.symbol, self._clock.now())

    # -- books --------------------------------------------------------------------------------

    def begin(self, topic: Topic, key: str, link: Link) -> None:
        """A book was subscribed to: its whole is asked for."""
        book = self._book(topic, key)
        if book is not None:
            self._ask(book, link)

    def forget(self, topic: Topic) -> None:
        """Nobody listens any more, or everything begins anew."""
        self.books.pop(topic, None)
        self._touched.pop(topic, None)

    def take_change(
        self,
        topic: Topic,
        key: str,
        span: tuple[int, int, int],
        change: Change,
        link: Link,
    ) -> None:
        """Changed levels; `span` is first, last and previous sequence (-1 where unsaid)."""
        if self.listing(key, change.at_ns, "book") is None:
            return
        book = self._book(topic, key)
        if book is None:
            return
        book.at_ns = change.at_ns
        link.heard(topic, change.at_ns)
        verdict = book.joint.take(*span, change)
        if verdict is Succession.NEXT:
            book.ladder.apply(change.bids, change.asks)
            self._touched[topic] = book
            return
        if verdict is Succession.GAP:
            log.warning("book.gap venue=%s symbol=%s", self._listings.venue, book.listing.symbol)
            book.ladder.clear()
        if not book.joint.is_whole:
            self._ask(book, link)

    def take_whole(
        self, topic: Topic, key: str, sequence: int, whole: Change, *, is_in_order: bool = False
    ) -> bool:
        """A whole book; False if a newer one is needed, since what waited does not join it.

        Args:
            topic: That carries the book.
            key: The venue's key of the instrument.
            sequence: Of this book.
            whole: All its levels.
            is_in_order: Whether it came among the changes, so that all before it are in it.
        """
        book = self._book(topic, key)
        if book is None:
            return True
        if is_in_order:
            book.joint.breaks()
        changes = book.joint.restart(sequence)
        if changes is None:
            return False
        book.is_asking = False
        book.ladder.load(whole.bids, whole.asks)
        book.at_ns = max(book.at_ns, whole.at_ns)
        for change in changes:
            book.ladder.apply(change.bids, change.asks)
        self._touched[topic] = book
        return True

    def tell_books(self, link: Link) -> None:
        """Tells the books that changed; one that is crossed is kept back, and then asked for."""
        touched, self._touched = self._touched, {}
        now = self._clock.now()
        for book in touched.values():
            if book.ladder.is_crossed:
                book.crossed += 1
                self._listings.count("book:crossed")
                if book.crossed >= _CROSSED_LIMIT:
                    book.joint.breaks()
                    self._ask(book, link)
            elif book.crossed:
                book.crossed = 0  # the next sane one is told
            elif book.tells_best:
                self._tell_best(book, now)
            else:
                self._tell_book(book, now)

    def _tell_book(self, book: Book, now: datetime) -> None:
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
                at=from_ns(book.at_ns),
                received_at=now,
            )
        )

    def _tell_best(self, book: Book, now: datetime) -> None:
        bid, ask = book.ladder.best()
        quote = self._hub.of(book.listing.symbol).quote
        self._hub.set_best(
            quote,
            None if bid is None else bid.price,
            None if bid is None else bid.amount,
            None if ask is None else ask.price,
            None if ask is None else ask.amount,
        )
        quote.at = from_ns(book.at_ns)
        self._hub.tell_quote(book.listing.symbol, now)

    def _ask(self, book: Book, link: Link) -> None:
        if not book.is_asking:
            book.is_asking = True
            self._restart(book, link)

    def _book(self, topic: Topic, key: str) -> Book | None:
        book = self.books.get(topic)
        if book is None:
            listing = self._listings.by_key.get(key)
            rules = None if listing is None else listing.instrument
            if listing is None or rules is None:
                self._listings.count("book:refused")
                return None
            ladder = Ladder(rules.tick_size, rules.lot_size)
            tells_best = self._tells_best(topic)
            book = Book(listing, topic, tells_best, ladder, Joint(self._rule))
            self.books[topic] = book
        return book
