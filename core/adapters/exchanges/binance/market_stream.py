"""What is said on Binance's market sockets and what is heard.

Market streams are named `<symbol>@<what>`: `bookTicker` (best prices, newest of a read counts),
`depth@100ms` (changes of a book), `aggTrade` (all count, by consecutive ids) and `markPrice@1s`.

Sources: developers.binance.com, USDⓈ-M "Websocket Market Streams", "How to manage a local order
book correctly"; Spot "WebSocket Streams".
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from core.adapters.exchanges.binance import parse
from core.adapters.exchanges.binance.books import DEPTH, Books, Whole
from core.adapters.exchanges.binance.messages import Best, Frequent, SpotBest, Trade
from core.adapters.exchanges.binance.tails import TRADES, Tails
from core.adapters.exchanges.connection.dialect import Dialect, Link
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing, decode
from core.adapters.exchanges.models import TickerData, TradeData, from_ns
from core.adapters.exchanges.native.batch import DAY_MS, Batch
from core.adapters.exchanges.native.books import best_of
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.errors import MalformedMessage, NotSupported, VenueError
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

_MS: Final = 1_000_000
_BEST: Final = "bookTicker"
_MARK: Final = "markPrice@1s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What a market dialect asks over REST."""

    depth: Callable[[Listing], Awaitable[Whole]]
    """A whole book."""
    best: Callable[[Sequence[Topic]], Awaitable[None]]
    """Tells best prices as they are now: a stream begins with the next change of them."""
    trades: Callable[[Listing, int], Awaitable[Sequence[TradeData]]]
    """Public trades from an id on."""
    confirm: Callable[[Sequence[Topic]], Awaitable[bool]]
    """Whether REST agrees with what these topics told last."""


class MarketDialect(Dialect):
    """Books, best prices, trades and marks of one market.

    Args:
        name: In logs.
        url: Where the socket is.
        clock: When messages come.
        listings: The market's instruments by the venue's key.
        hub: Who listens.
        questions: What is asked over REST.
        is_spot: Whether changes of a book name their first and last update only.
    """

    topic_limit = 1024
    messages_per_s = 5.0
    """Spot's limit; USDⓈ-M takes ten."""

    def __init__(
        self,
        name: str,
        url: str,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        questions: Questions,
        *,
        is_spot: bool,
    ) -> None:
        self.name = name
        self._url = url
        self._clock = clock
        self._listings = listings
        self._hub = hub
        self._questions = questions
        self._books = Books(clock, listings, hub, questions.depth, is_spot=is_spot)
        self._tails = Tails(clock, listings, hub, questions.trades)
        self._batch: Batch[Frequent] = Batch(Frequent, self._rare, is_strict=False)
        self._spot_best = msgspec.json.Decoder(SpotBest)
        self._link: Link | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, tuple[Topic, ...]] = {}
        """Id of a subscription message -> its topics."""

    # -- what is said -------------------------------------------------------------------------

    async def address(self) -> str:
        """Always the same."""
        return self._url

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message for all; a book begins anew with its topic."""
        self._books.forget(_keys(topics, DEPTH))
        sequence = next(self._numbers)
        self._asked[sequence] = tuple(topics)
        return [_control("SUBSCRIBE", topics, sequence)]

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message for all."""
        self._books.forget(_keys(topics, DEPTH))
        return [_control("UNSUBSCRIBE", topics, next(self._numbers))]

    async def confirm(self) -> bool:
        """See `Dialect.confirm`."""
        asked = [topic for topics in self._asked.values() for topic in topics]
        return await self._questions.confirm(asked)

    def lost(self) -> None:
        """Books and prices are not believed until there are new ones; trades go on by their ids."""
        self._books.clear()
        self._tails.lost()
        self._asked.clear()
        self._hub.forget_prices()

    # -- what is heard ------------------------------------------------------------------------

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        self._link = link
        now_ms = self._clock.now_ns() // _MS
        best: dict[str, Best] = {}
        trades: list[Trade] = []
        change = self._books.take
        has_changes = False
        for item in self._batch.read(messages):
            kind = type(item)
            if kind is Trade:
                trades.append(item)  # type: ignore[arg-type] # its type was just looked at
            elif kind is Best:
                best[item.s] = item  # type: ignore[assignment]
            else:  # at once: many decoded books do not fit into the processor's nearest memory
                has_changes = True
                change(item, now_ms, link)  # type: ignore[arg-type]
        if trades:
            self._tails.take(trades, now_ms, link)
        for key, quote in best.items():
            self._take_best(key, quote, quote.T or quote.E, link)
        if has_changes:
            self._books.tell(link)

    def _take_best(self, key: str, item: Best | SpotBest, at_ms: int, link: Link) -> None:
        listing = self._listings.by_key.get(key)
        now_ns = self._clock.now_ns()
        if listing is None or abs(now_ns // _MS - at_ms) > DAY_MS:
            self._listings.count("bookTicker:refused")
            return
        quote = self._hub.of(listing.symbol).quote
        try:
            best = best_of(item.b, item.B, item.a, item.A)
        except ValueError:
            quote.is_doubted = True
            self._listings.count("bookTicker:refused")
            return
        link.heard(f"{key.lower()}@{_BEST}", at_ms * _MS)
        if quote.is_doubted:
            quote.is_doubted = False
            return
        quote.bid, quote.bid_amount, quote.ask, quote.ask_amount = best
        quote.at = from_ns(at_ms * _MS)
        self._hub.tell_quote(listing.symbol, from_ns(now_ns))

    # -- the rest -----------------------------------------------------------------------------

    def _rare(self, message: bytes) -> None:
        link = self._link
        if link is None:
            return
        if message.startswith(b'{"u":'):
            try:
                best = self._spot_best.decode(message)
            except msgspec.DecodeError:
                self._listings.count("bookTicker:refused")
                return
            self._take_best(best.s, best, self._clock.now_ns() // _MS, link)
            return
        try:
            raw = decode(message, venue=self._listings.venue)
        except MalformedMessage:
            self._listings.count("message:no JSON")
            return
        if not isinstance(raw, dict):
            self._listings.count("message:no object")
        elif raw.get("e") == "markPriceUpdate":
            self._take_mark(raw, self._clock.now(), link)
        elif "id" in raw:
            self._answered(raw, link)
        elif raw.get("e") == "serverShutdown":
            link.drop("the venue says that it closes this socket")
        else:
            self._listings.count(f"event:{str(raw.get('e'))[:40]}")

    def _take_mark(self, raw: dict[str, object], now: datetime, link: Link) -> None:
        try:
            found = parse.parse_mark_price(raw, self._listings.reading(now))
        except MalformedMessage:
            self._listings.count("markPriceUpdate:refused")
            return
        for part in found:
            if isinstance(part, TickerData):
                listing = self._listings.by_symbol.get(part.symbol)
                if listing is not None:
                    at_ns = round(part.at.timestamp() * 1000) * _MS
                    link.heard(f"{listing.key.lower()}@{_MARK}", at_ns)
                self._hub.take_part(part.symbol, part)
                self._hub.tell_quote(part.symbol, now)

    def _answered(self, raw: dict[str, object], link: Link) -> None:
        sequence = raw.get("id")
        topics = self._asked.get(sequence, ()) if isinstance(sequence, int) else ()
        error = raw.get("error")
        if error is None and topics:
            self._begin(topics, link)
        for topic in topics:
            if error is None:
                link.confirmed(topic)
            else:
                link.refused(
                    topic,
                    NotSupported(f"binance refused {topic}: {str(error)[:200]}", venue="binance"),
                )

    def _begin(self, topics: Sequence[Topic], link: Link) -> None:
        """The state of things now: the streams tell of changes alone."""
        best = [topic for topic in topics if topic.endswith(f"@{_BEST}")]
        if best:
            link.spawn(self._tell_best(best))
        for key in _keys(topics, DEPTH):
            self._books.begin(key, link)

    async def _tell_best(self, topics: Sequence[Topic]) -> None:
        try:
            await self._questions.best(topics)
        except VenueError as error:
            log.info("prices.no_answer venue=binance error=%s", error)


def best_topic(key: str) -> Topic:
    """Best prices."""
    return f"{key.lower()}@{_BEST}"


def depth_topic(key: str) -> Topic:
    """Changes of a book."""
    return f"{key.lower()}@{DEPTH}"


def mark_topic(key: str) -> Topic:
    """Mark and index."""
    return f"{key.lower()}@{_MARK}"


def trades_topic(key: str) -> Topic:
    """Aggregated trades."""
    return f"{key.lower()}@{TRADES}"


def key_of_topic(topic: Topic) -> str:
    """The venue's key of the instrument that a market stream is about."""
    return topic.partition("@")[0].upper()


def _keys(topics: Sequence[Topic], what: str) -> list[str]:
    """Keys of the instruments among topics of one kind."""
    return [key_of_topic(topic) for topic in topics if topic.endswith(f"@{what}")]


def _control(method: str, topics: Sequence[Topic], sequence: int) -> bytes:
    return msgspec.json.encode({"method": method, "params": list(topics), "id": sequence})
