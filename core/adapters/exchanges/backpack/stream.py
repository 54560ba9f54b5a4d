"""What is said on Backpack's socket and what is heard.

Topics are `bookTicker.SYMBOL` (best prices), `depth.SYMBOL` (changes of a book, real time),
`trade.SYMBOL`, `markPrice.SYMBOL`, and `account.orderUpdate`, `account.positionUpdate` after a
signed subscription. A subscription that succeeds is not answered: it counts as confirmed by its
first message, or when no refusal came for a moment. A book is a whole one over REST with the
changes on top. Times are microseconds.

Source: docs.backpack.exchange, "Streams".
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from core.adapters.exchanges.backpack import parse
from core.adapters.exchanges.connection.dialect import Dialect, Link
from core.adapters.exchanges.connection.sequence import spanning
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing, decode
from core.adapters.exchanges.models import (
    FillData,
    OrderData,
    OrderSide,
    TickerData,
    TradeData,
    UserData,
    to_ns,
)
from core.adapters.exchanges.native.batch import DAY_MS, Batch
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.market import Amount, Book, Change, Market, Price
from core.adapters.exchanges.native.tails import Tails
from core.errors import AuthError, MalformedMessage, NotSupported, VenueError
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

_US: Final = 1_000
_NO_REFUSAL_S: Final = 0.1
"""So long after a subscription without a refusal it counts as taken; a later refusal is heard."""
_RETRY_S: Final = 0.5
_PRIVATE: Final = ("account.orderUpdate", "account.positionUpdate")


class _Best(msgspec.Struct, tag_field="e", tag="bookTicker", gc=False):
    s: str
    b: str
    B: str
    a: str
    A: str
    T: int


class _Depth(msgspec.Struct, tag_field="e", tag="depth", gc=False):
    s: str
    U: int
    u: int
    b: list[tuple[Price, Amount]]
    a: list[tuple[Price, Amount]]
    T: int


class _Trade(msgspec.Struct, tag_field="e", tag="trade", gc=False):
    s: str
    t: int
    p: Decimal
    q: Decimal
    T: int
    m: bool


class _Message(msgspec.Struct, gc=False):
    stream: str
    data: _Best | _Depth | _Trade


class _BackpackDialect(Dialect):
    """What both kinds of socket share."""

    messages_per_s = 20.0

    def __init__(self, url: str, clock: Clock, listings: Listings) -> None:
        self._url = url
        self._clock = clock
        self._listings = listings
        self._link: Link | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, tuple[Topic, ...]] = {}
        """Id of a subscription message -> its topics."""

    async def address(self) -> str:
        """Always the same."""
        return self._url

    async def login(self, link: Link) -> None:
        """A signature goes with each private subscription."""
        self._link = link

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message for all."""
        sequence = next(self._numbers)
        self._asked[sequence] = tuple(topics)
        if self._link is not None:
            self._link.spawn(self._take_silence_for_yes(sequence, self._link))
        message = {"method": "SUBSCRIBE", "params": list(topics), "id": sequence, **self._proof()}
        return [msgspec.json.encode(message)]

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message for all."""
        message = {"method": "UNSUBSCRIBE", "params": list(topics), "id": next(self._numbers)}
        return [msgspec.json.encode(message)]

    def lost(self) -> None:
        """Nothing is asked for any more."""
        self._asked.clear()
        self._link = None

    def _proof(self) -> dict[str, object]:
        return {}

    async def _take_silence_for_yes(self, sequence: int, link: Link) -> None:
        await self._clock.sleep(_NO_REFUSAL_S)
        for topic in self._asked.get(sequence, ()):
            link.confirmed(topic)
            self._begin(topic, link)

    def _begin(self, topic: Topic, link: Link) -> None:
        """A topic was taken."""

    def _answered(self, raw: dict[str, object], link: Link) -> None:
        """An answer to a subscription: only refusals are sent."""
        error = raw.get("error")
        if error is None:
            return
        sequence = raw.get("id")
        topics = self._asked.pop(sequence, ()) if isinstance(sequence, int) else ()
        for topic in topics:
            link.refused(topic, self._refusal(topic, str(error)[:200]))
        if not topics:
            self._listings.count("message:error")

    def _refusal(self, topic: Topic, words: str) -> VenueError:
        return NotSupported(f"backpack refused {topic}: {words}", venue="backpack")

    def _decoded(self, message: bytes) -> dict[str, object] | None:
        try:
            raw = decode(message, venue="backpack")
        except MalformedMessage:
            self._listings.count("message:no JSON")
            return None
        if not isinstance(raw, dict):
            self._listings.count("message:no object")
            return None
        return raw


class PublicDialect(_BackpackDialect):
    """Best prices, books, trades and marks.

    Args:
        url: Where the socket is.
        clock: When messages come.
        listings: The venue's instruments.
        hub: Who listens.
        whole: Asks for a whole book: (sequence, levels), or refuses.
        best: Tells the best prices of an instrument as they are now.
        mark: The same of its mark.
        trades: The newest public trades of an instrument, over REST.
        confirm: Asks over REST whether anything happened since the stream last spoke.
    """

    name = "public"

    def __init__(  # noqa: PLR0913 # what a socket of changes has to ask for
        self,
        url: str,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        *,
        whole: Callable[[Listing], Awaitable[tuple[int, Change]]],
        best: Callable[[Listing], Awaitable[None]],
        mark: Callable[[Listing], Awaitable[None]],
        trades: Callable[[Listing], Awaitable[Sequence[TradeData]]],
        confirm: Callable[[], Awaitable[bool]],
    ) -> None:
        super().__init__(url, clock, listings)
        self._hub = hub
        self._whole = whole
        self._best = best
        self._mark = mark
        self._tails = Tails(clock, listings, hub, trades, has_numbers=True)
        self._confirm = confirm
        self.market = Market(clock, listings, hub, spanning, self._restart)
        self._batch: Batch[_Message] = Batch(_Message, self._rare, is_strict=False)

    async def confirm(self) -> bool:
        """See `Dialect.confirm`."""
        return await self._confirm()

    async def catch_up(self, link: Link) -> None:
        """See `Dialect.catch_up`."""
        await self._tails.catch_up(link)

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """A book that is asked for again begins anew."""
        for topic in topics:
            if topic.startswith("depth."):
                self.market.forget(topic)
        return super().give_up(topics)

    def lost(self) -> None:
        """See `Dialect.lost`."""
        super().lost()
        self._tails.lost()
        self.market.lost()

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        self._link = link
        best: dict[str, _Best] = {}
        market, now_ns = self.market, self._clock.now_ns()
        for message in self._batch.read(messages):
            item = message.data
            if type(item) is _Best:
                best[item.s] = item
            elif type(item) is _Trade:
                side, at_ns = OrderSide.SELL if item.m else OrderSide.BUY, item.T * _US
                if abs(at_ns - now_ns) < DAY_MS * 1_000_000:
                    link.heard(message.stream, at_ns)
                self._tails.take(item.s, str(item.t), item.p, item.q, side, at_ns, link)
            elif type(item) is _Depth:
                change = Change(item.b, item.a, item.T * _US)
                market.take_change(message.stream, item.s, (item.U, item.u, -1), change, link)
        for key, item in best.items():
            words = (item.b, item.B, item.a, item.A)
            market.take_best(f"bookTicker.{key}", key, words, item.T * _US, link)
        market.tell_books(link)

    def _rare(self, message: bytes) -> None:
        link = self._link
        raw = self._decoded(message)
        if raw is None or link is None:
            return
        stream = raw.get("stream")
        if not isinstance(stream, str):
            self._answered(raw, link)
        elif stream.startswith("markPrice."):
            self._take_mark(stream, raw.get("data"), link)
        else:
            self._listings.count(f"stream:{stream[:40]}")

    def _take_mark(self, topic: Topic, data: object, link: Link) -> None:
        now = self._clock.now()
        try:
            found = parse.parse_mark_event(data, self._listings.reading(now))
        except MalformedMessage:
            self._listings.count("markPrice:refused")
            return
        for part in found:
            if isinstance(part, TickerData):
                link.heard(topic, to_ns(part.at))
                self._hub.take_part(part.symbol, part)
                self._hub.tell_quote(part.symbol, now)

    # -- the state of things now: streams tell of changes alone -------------------------------

    def _begin(self, topic: Topic, link: Link) -> None:
        kind, _, key = topic.partition(".")
        listing = self._listings.by_key.get(key)
        if listing is None:
            return
        if kind == "bookTicker":
            link.spawn(self._tell_now(self._best, listing))
        elif kind == "markPrice":
            link.spawn(self._tell_now(self._mark, listing))
        elif kind == "depth":
            self.market.begin(topic, key, link)

    async def _tell_now(self, tell: Callable[[Listing], Awaitable[None]], listing: Listing) -> None:
        try:
            await tell(listing)
        except VenueError as error:
            log.info("prices.no_answer venue=backpack error=%s", error)

    def _restart(self, book: Book, link: Link) -> None:
        link.spawn(self._ask_whole(book, link))

    async def _ask_whole(self, book: Book, link: Link) -> None:
        """A whole book, asked for until one joins the changes."""
        key = book.listing.key
        while self.market.books.get(book.topic) is book:
            try:
                sequence, whole = await self._whole(book.listing)
            except VenueError as error:
                log.info("book.no_answer symbol=%s error=%s", book.listing.symbol, error)
            else:
                if self.market.books.get(book.topic) is not book:
                    return
                if self.market.take_whole(book.topic, key, sequence, whole):
                    self.market.tell_books(link)
                    return
            await self._clock.sleep(_RETRY_S)


class PrivateDialect(_BackpackDialect):
    """Our orders, executions and positions.

    Args:
        url: Where the socket is.
        clock: When messages come.
        listings: The venue's instruments.
        proof: The `signature` of a subscription.
        news: Takes what was told, in order.
        catch_up: Asks for the executions that were missed.
    """

    name = "private"
    watches_silence = False

    def __init__(
        self,
        url: str,
        clock: Clock,
        listings: Listings,
        proof: Callable[[], list[str]],
        news: Callable[[Sequence[UserData], Link], None],
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(url, clock, listings)
        self._sign = proof
        self._news = news
        self._catch_up = catch_up
        self._has_lived = False

    async def catch_up(self, link: Link) -> None:
        """See `Dialect.catch_up`."""
        if self._has_lived:
            await self._catch_up()
        self._has_lived = True

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        for message in messages:
            raw = self._decoded(message)
            if raw is None:
                link.drop("a private message is no JSON")
            elif isinstance(raw.get("stream"), str):
                try:
                    self._take(str(raw["stream"]), raw.get("data"), link)
                except MalformedMessage as error:
                    # What is wrong with a private message must not be overlooked: ask instead.
                    self._listings.count(f"{str(raw['stream'])[:40]}:refused")
                    link.drop(f"a private message makes no sense: {error}")
            else:
                self._answered(raw, link)

    def _take(self, stream: str, data: object, link: Link) -> None:
        link.confirmed(stream)
        reading = self._listings.reading(self._clock.now())
        found: tuple[UserData, ...] = ()
        if stream == "account.orderUpdate":
            found = parse.parse_order_event(data, reading)
        elif stream == "account.positionUpdate":
            found = (parse.parse_position_event(data, reading),)
        else:
            self._listings.count(f"stream:{stream[:40]}")
        self._news(sorted(found, key=_rank), link)

    def _proof(self) -> dict[str, object]:
        return {"signature": self._sign()}

    def _refusal(self, topic: Topic, words: str) -> VenueError:
        return AuthError(f"backpack refused {topic}: {words}", venue="backpack")

    def _answered(self, raw: dict[str, object], link: Link) -> None:
        super()._answered(raw, link)
        if raw.get("error") is not None:
            link.drop(f"the venue refused a private stream: {str(raw['error'])[:200]}")


def private_topics() -> tuple[Topic, ...]:
    """What the private socket always has."""
    return _PRIVATE


def _rank(data: UserData) -> int:
    """Executions before the order that they made what it is."""
    return 0 if isinstance(data, FillData) else 1 if isinstance(data, OrderData) else 2
