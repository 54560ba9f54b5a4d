"""Lighter's market socket: best prices, books, trades and marks.

`ticker` (best prices) and `order_book` (changes, linked by nonces) are frequent; of the former the
newest of a read counts. Trades have ids that do not follow each other: what is missing is found in
the first message of a subscription, which is asked for anew after a reconnection and every half a
minute, or over REST (`native/trails.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.sequence import linked
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.lighter import parse
from core.adapters.exchanges.lighter.stream import LighterDialect
from core.adapters.exchanges.models import (
    BookLevel,
    OrderBookData,
    TickerData,
    TradeData,
    to_ns,
)
from core.adapters.exchanges.native.batch import Batch
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.market import Amount, Book, Change, Market, Price
from core.adapters.exchanges.native.trails import AUDIT_S, Trails
from core.errors import MalformedMessage, RateLimited, VenueError
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

_TRADE: Final = "trade/"
_WITNESSES: Final = ("ticker", "order_book", "trade", "market_stats", "spot_market_stats")
"""Whose first message says most about whether a market is quiet."""
_REST_EVERY: Final = 5
_NO_NEWS: Final = 0
"""When an answer to a question of ours happened: it makes a channel ready, and nothing younger."""
_MS: Final = 1_000_000
_US: Final = 1_000


class _Side(msgspec.Struct, gc=False):
    price: str
    size: str


class _Sides(msgspec.Struct, gc=False):
    a: _Side
    b: _Side


class _Best(msgspec.Struct, tag_field="type", tag="update/ticker", gc=False):
    channel: str
    ticker: _Sides
    timestamp: int


class _Level(msgspec.Struct, gc=False):
    price: Price
    size: Amount


class _Levels(msgspec.Struct, gc=False):
    asks: list[_Level]
    bids: list[_Level]
    nonce: int
    begin_nonce: int


class _Depth(msgspec.Struct, tag_field="type", tag="update/order_book", gc=False):
    channel: str
    order_book: _Levels
    last_updated_at: int = 0
    timestamp: int = 0


_Frequent = _Best | _Depth


@dataclass(frozen=True, slots=True)
class _Probe:
    """A channel that was asked for anew, to see whether its market is quiet."""

    topic: Topic
    known: int | None
    """The nonce of its book, where it carries one."""
    agrees: asyncio.Future[bool]


class PublicDialect(LighterDialect):
    """Best prices, books, trades and marks.

    Args:
        url: Where the socket is.
        clock: When messages come.
        listings: The venue's instruments.
        hub: Who listens.
        confirm: Asks over REST whether anything happened since the stream last spoke.
        newest_trades: Asks over REST for the newest trades of a market.
    """

    name = "public"
    audit_s = AUDIT_S

    def __init__(
        self,
        url: str,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        confirm: Callable[[], Awaitable[bool]],
        newest_trades: Callable[[Listing], Awaitable[Sequence[TradeData]]],
    ) -> None:
        super().__init__(url, clock, listings)
        self._hub = hub
        self._confirm = confirm
        self._newest_trades = newest_trades
        self._asked_for: set[Topic] = set()
        """What is listened to."""
        self._anew: set[Topic] = set()
        """Of that, what is given up only to be asked for at once."""
        self._probe: _Probe | None = None
        self._probes = 0
        self._link: Link | None = None
        self._batch: Batch[_Frequent] = Batch(_Frequent, self._rare, is_strict=False)
        self.market = Market(clock, listings, hub, linked, _restart)
        self.trails = Trails(clock, listings, hub)

    async def login(self, link: Link) -> None:
        """Needs no proof; from now on trades are held against what the venue tells anew."""
        link.spawn(self._audit(link))

    async def _audit(self, link: Link) -> None:
        while True:
            await self._clock.sleep(self.audit_s)
            for topic in sorted(self._asked_for):
                if topic.startswith(_TRADE):
                    self._anew.add(topic)
                    link.again(topic)

    async def confirm(self) -> bool:
        """Whether the market is quiet: a channel is asked for anew, and now and then REST.

        The first message of a subscription tells how things are now. It costs nothing of the rate
        budget, of which a question over REST takes as much as fifty orders. So REST is the second
        witness of every fifth time, and is done without while there is no budget for it.
        """
        if not await self._asked_anew():
            return False
        self._probes += 1
        has_prices = any(topic.startswith("ticker/") for topic in self._asked_for)
        if self._probes % _REST_EVERY or not has_prices:
            return True
        try:
            return await self._confirm()
        except RateLimited:
            return True

    async def _asked_anew(self) -> bool:
        """Whether a channel's state, asked for again, is the one that was told last."""
        link = self._link
        topic = min(self._asked_for, key=_witness, default=None)
        if link is None or topic is None:
            return not self._asked_for
        book = self.market.books.get(topic)
        known = None if book is None else book.joint.known
        self._probe = _Probe(topic, known, asyncio.get_running_loop().create_future())
        self._anew.add(topic)
        link.again(topic)
        try:
            return await self._probe.agrees
        finally:
            self._probe = None

    def _witnessed(self, topic: Topic, agrees: Callable[[int | None], bool]) -> bool:
        """A channel told its state; whether that answers a question of ours, and is no news.

        Args:
            topic: The channel.
            agrees: Whether it is what was told last; given the book's nonce, where it is a book.
        """
        probe = self._probe
        if probe is None or probe.topic != topic or probe.agrees.done():
            return False
        probe.agrees.set_result(agrees(probe.known))
        return True

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message a channel."""
        self._asked_for.update(topics)
        return super().ask(topics)

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """A book that is asked for again begins anew; trades go on from what was told."""
        for topic in topics:
            self.market.forget(topic)
            if topic in self._anew:
                self._anew.discard(topic)
                continue
            self._asked_for.discard(topic)
            if topic.startswith(_TRADE):
                self.trails.forget(topic.partition("/")[2])
        return super().give_up(topics)

    def lost(self) -> None:
        """See `Dialect.lost`."""
        self.market.lost()
        self._anew.clear()

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        self._link = link
        best: dict[str, _Best] = {}
        for item in self._batch.read(messages):
            key = item.channel.partition(":")[2]
            if type(item) is _Best:
                best[key] = item
            elif type(item) is _Depth:
                at_ns = item.last_updated_at * _US or item.timestamp * _MS
                book = item.order_book
                change = Change(_pairs(book.bids), _pairs(book.asks), at_ns)
                span = (book.begin_nonce + 1, book.nonce, book.begin_nonce)
                self.market.take_change(f"order_book/{key}", key, span, change, link)
        for key, quote in best.items():
            bid, ask = quote.ticker.b, quote.ticker.a
            words = (bid.price, bid.size, ask.price, ask.size)
            self.market.take_best(f"ticker/{key}", key, words, quote.timestamp * _MS, link)
        self.market.tell_books(link)

    def _rare(self, message: bytes) -> None:
        link = self._link
        if link is None:
            return
        news = self.news(message, link)
        if news is None:
            return
        _, topic, raw = news
        kind = topic.partition("/")[0]
        try:
            self._take(kind, topic, raw, link)
        except MalformedMessage:
            self._listings.count(f"{kind[:40]}:refused")

    def _take(self, kind: str, topic: Topic, raw: dict[str, object], link: Link) -> None:
        now = self._clock.now()
        reading, key = self._listings.reading(now), topic.partition("/")[2]
        if kind == "order_book":
            book = parse.parse_book_event(raw, reading)
            if isinstance(book, OrderBookData):
                at_ns = to_ns(now)  # a whole book is how things are, whenever it last changed
                whole = Change(_floats(book.bids), _floats(book.asks), at_ns)
                is_asked = self._witnessed(topic, lambda known: known in {None, book.sequence})
                self.market.take_whole(topic, key, book.sequence or 0, whole, is_in_order=True)
                link.heard(topic, _NO_NEWS if is_asked else at_ns)
        elif kind == "ticker":
            part = parse.parse_ticker(raw, reading)
            quote = self._hub.of(part.symbol).quote
            best = (quote.bid, quote.ask)
            is_asked = self._witnessed(topic, lambda _known: best == (part.bid, part.ask))
            link.heard(topic, _NO_NEWS if is_asked else to_ns(part.at))
            self._hub.take_part(part.symbol, part)
            self._hub.tell_quote(part.symbol, now)
        elif kind in ("market_stats", "spot_market_stats"):
            self._witnessed(topic, lambda _known: True)
            for item in parse.parse_market_stats(raw, reading):
                if isinstance(item, TickerData):
                    link.heard(topic, to_ns(item.at))
                    self._hub.take_part(item.symbol, item)
                    self._hub.tell_quote(item.symbol, now)
        elif kind == "trade":
            is_history = str(raw.get("type")).startswith("subscribed")
            self._take_trades(topic, parse.parse_trades(raw, reading), link, is_history=is_history)
        else:
            self._listings.count(f"channel:{kind[:40]}")

    def _take_trades(
        self, topic: Topic, trades: Sequence[TradeData], link: Link, *, is_history: bool
    ) -> None:
        """Trades of the stream; the first message of a subscription holds the newest fifty."""
        key = topic.partition("/")[2]
        trades = [item for item in trades if self.market.listing(key, to_ns(item.at), "trade")]
        if not is_history:
            self.trails.take(topic, key, trades, link)
            return
        self._witnessed(topic, lambda _known: not self.trails.is_news(key, trades))
        if not self.trails.join(key, trades):
            link.spawn(self._bridge(key, trades))

    async def _bridge(self, key: str, history: Sequence[TradeData]) -> None:
        """The first message reaches not far enough back: REST tells twice as many."""
        listing = self._listings.by_key.get(key)
        try:
            found = [] if listing is None else await self._newest_trades(listing)
        except VenueError as error:
            log.info("trades.no_answer venue=lighter market=%s error=%s", key, error)
            found = []
        if not self.trails.join(key, found or history):
            self.trails.give_up(key, [*found, *history])


def _witness(topic: Topic) -> tuple[int, Topic]:
    """Where a channel stands among witnesses."""
    kind = topic.partition("/")[0]
    return (_WITNESSES.index(kind) if kind in _WITNESSES else len(_WITNESSES), topic)


def _restart(book: Book, link: Link) -> None:
    """A whole book comes first of every subscription."""
    link.again(book.topic)


def _pairs(levels: list[_Level]) -> list[tuple[float, float]]:
    return [(level.price, level.size) for level in levels]


def _floats(levels: tuple[BookLevel, ...]) -> list[tuple[float, float]]:
    return [(float(level.price), float(level.amount)) for level in levels]
