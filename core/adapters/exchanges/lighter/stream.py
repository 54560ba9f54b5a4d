"""What is said on Lighter's socket and what is heard.

Channels are asked for as `order_book/1` and told as `order_book:1`; the answer to a subscription is
the channel's whole state. `ticker` (best prices) and `order_book` (changes, linked by nonces) are
frequent; of the former the newest of a read counts. Private channels want an access token, whose
end ends the socket an hour before: the next one has a new token.

Source: apidocs.lighter.xyz, "WebSocket". The venue takes two hundred messages a minute.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from core.adapters.exchanges.connection.dialect import Dialect, Link
from core.adapters.exchanges.connection.sequence import linked
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import decode
from core.adapters.exchanges.lighter import parse
from core.adapters.exchanges.models import (
    BookLevel,
    OrderBookData,
    OrderSide,
    TickerData,
    UserData,
    to_ns,
)
from core.adapters.exchanges.native.batch import Batch
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.market import Amount, Book, Change, Market, Price
from core.errors import AuthError, MalformedMessage, NotSupported, VenueError
from core.infrastructure.clock import Clock

_PING: Final = b'{"type":"ping"}'
_PONG: Final = b'{"type":"pong"}'
_SUBSCRIBED: Final = 30003
_TOKEN_S: Final = 6 * 3600.0
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


class _LighterDialect(Dialect):
    """What both kinds of socket share."""

    topics_per_message = 1
    topic_limit = 500
    messages_per_s = 3.0
    burst = 60

    def __init__(self, url: str, clock: Clock, listings: Listings) -> None:
        self._url = url
        self._clock = clock
        self._listings = listings

    async def address(self) -> str:
        """Always the same."""
        return self._url

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message a channel."""
        return [self._subscription(topic) for topic in topics]

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message a channel."""
        return [msgspec.json.encode({"type": "unsubscribe", "channel": topic}) for topic in topics]

    def keep_alive(self) -> bytes:
        """Answered with `pong`."""
        return _PING

    def _subscription(self, topic: Topic) -> bytes:
        return msgspec.json.encode({"type": "subscribe", "channel": topic})

    def _news(self, message: bytes, link: Link) -> tuple[str, Topic, dict[str, object]] | None:
        """(what happened to a channel, topic, message); the rest is dealt with."""
        try:
            raw = decode(message, venue="lighter")
        except MalformedMessage:
            self._listings.count("message:no JSON")
            return None
        if not isinstance(raw, dict):
            self._listings.count("message:no object")
            return None
        kind, channel = str(raw.get("type")), raw.get("channel")
        if kind == "ping":
            link.send(_PONG)
        elif kind == "shutdown":
            link.drop("the venue says that it closes this socket")
        elif "error" in raw:
            self._failed(raw["error"], link)
        elif isinstance(channel, str) and kind != "unsubscribed":
            topic = channel.replace(":", "/")
            if kind.startswith("subscribed/"):
                link.confirmed(topic)
            return kind.partition("/")[0], topic, raw
        elif kind not in ("pong", "connected", "unsubscribed"):
            self._listings.count(f"message:{kind[:40]}")
        return None

    def _failed(self, error: object, link: Link) -> None:
        """An error names its channel in its words, or nothing."""
        words = str(error.get("message")) if isinstance(error, dict) else str(error)
        code = error.get("code") if isinstance(error, dict) else None
        topic = words.rpartition(" ")[2].replace(":", "/")
        if code == _SUBSCRIBED:
            link.confirmed(topic)
        elif "/" in topic:
            link.refused(topic, self._refusal(f"lighter refused {topic}: {words[:200]}"))
        else:
            self._listings.count("message:error")
            self._failed_at_large(words, link)

    def _failed_at_large(self, words: str, link: Link) -> None:
        """An error that names no channel."""

    def _refusal(self, words: str) -> VenueError:
        return NotSupported(words, venue="lighter")


class PublicDialect(_LighterDialect):
    """Best prices, books, trades and marks.

    Args:
        url: Where the socket is.
        clock: When messages come.
        listings: The venue's instruments.
        hub: Who listens.
        confirm: Asks over REST whether anything happened since the stream last spoke.
    """

    name = "public"

    def __init__(
        self,
        url: str,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        confirm: Callable[[], Awaitable[bool]],
    ) -> None:
        super().__init__(url, clock, listings)
        self._hub = hub
        self._confirm = confirm
        self._link: Link | None = None
        self._batch: Batch[_Frequent] = Batch(_Frequent, self._rare, is_strict=False)
        self.market = Market(clock, listings, hub, linked, _restart)

    async def confirm(self) -> bool:
        """See `Dialect.confirm`."""
        return await self._confirm()

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """A book that is asked for again begins anew."""
        for topic in topics:
            self.market.forget(topic)
        return super().give_up(topics)

    def lost(self) -> None:
        """See `Dialect.lost`."""
        self.market.lost()

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
        news = self._news(message, link)
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
                self.market.take_whole(topic, key, book.sequence or 0, whole, is_in_order=True)
                link.heard(topic, at_ns)
        elif kind == "ticker":
            part = parse.parse_ticker(raw, reading)
            link.heard(topic, to_ns(part.at))
            self._hub.take_part(part.symbol, part)
            self._hub.tell_quote(part.symbol, now)
        elif kind in ("market_stats", "spot_market_stats"):
            for item in parse.parse_market_stats(raw, reading):
                if isinstance(item, TickerData):
                    link.heard(topic, to_ns(item.at))
                    self._hub.take_part(item.symbol, item)
                    self._hub.tell_quote(item.symbol, now)
        elif kind == "trade":
            trades = parse.parse_trades(raw, reading)
            for trade in sorted(trades, key=lambda trade: (trade.at, trade.trade_id)):
                self.market.take_trade(
                    topic,
                    key,
                    trade.trade_id,
                    trade.price,
                    trade.amount,
                    trade.side or OrderSide.BUY,  # `parse_trades` always says
                    to_ns(trade.at),
                    link,
                )
        else:
            self._listings.count(f"channel:{kind[:40]}")


class PrivateDialect(_LighterDialect):
    """Our orders, executions, positions and collateral.

    Args:
        url: Where the socket is.
        clock: When messages come.
        listings: The venue's instruments.
        token: Gives an access token.
        news: Takes what was told: (whether it is the state at the beginning, what).
        catch_up: Asks for the executions that were missed.
    """

    name = "private"
    watches_silence = False

    def __init__(
        self,
        url: str,
        clock: Clock,
        listings: Listings,
        token: Callable[[], str],
        news: Callable[[str, Sequence[UserData]], None],
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(url, clock, listings)
        self._token = token
        self._tell = news
        self._catch_up = catch_up
        self._has_lived = False

    async def login(self, link: Link) -> None:
        """Each subscription carries the token; the socket ends before the token does."""
        link.spawn(self._renew(link))

    async def _renew(self, link: Link) -> None:
        await self._clock.sleep(_TOKEN_S)
        link.drop("the access token is to be renewed")

    async def catch_up(self, link: Link) -> None:
        """See `Dialect.catch_up`."""
        if self._has_lived:
            await self._catch_up()
        self._has_lived = True

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        for message in messages:
            news = self._news(message, link)
            if news is None:
                continue
            what, topic, raw = news
            try:
                self._take(topic, raw)
            except MalformedMessage as error:
                # What is wrong with a private message must not be overlooked: ask instead.
                self._listings.count(f"{topic.partition('/')[0][:40]}:refused")
                link.drop(f"a private message makes no sense ({what}): {error}")

    def _take(self, topic: Topic, raw: dict[str, object]) -> None:
        reading = self._listings.reading(self._clock.now())
        kind = topic.partition("/")[0]
        if kind == "account_all_orders":
            self._tell(kind, parse.parse_account_orders(raw, reading))
        elif kind == "account_all_trades":
            fills = list(parse.parse_account_trades(raw, reading))
            fills.sort(key=lambda fill: (fill.at, fill.trade_id))
            self._tell(kind, fills)
        elif kind == "account_all_positions":
            self._tell(kind, parse.parse_account_positions(raw, reading))
        elif kind == "user_stats":
            self._tell(kind, (parse.parse_user_stats(raw, reading),))
        else:
            self._listings.count(f"channel:{kind[:40]}")

    def _subscription(self, topic: Topic) -> bytes:
        message = {"type": "subscribe", "channel": topic, "auth": self._token()}
        return msgspec.json.encode(message)

    def _refusal(self, words: str) -> VenueError:
        return AuthError(words, venue="lighter")

    def _failed_at_large(self, words: str, link: Link) -> None:
        link.drop(f"the venue refused a private channel: {words[:200]}")


def private_topics(account: str) -> tuple[Topic, ...]:
    """What the private socket always has."""
    kinds = ("account_all_orders", "account_all_trades", "account_all_positions", "user_stats")
    return tuple(f"{kind}/{account}" for kind in kinds)


def _restart(book: Book, link: Link) -> None:
    """A whole book comes first of every subscription."""
    link.again(book.topic)


def _pairs(levels: list[_Level]) -> list[tuple[float, float]]:
    return [(level.price, level.size) for level in levels]


def _floats(levels: tuple[BookLevel, ...]) -> list[tuple[float, float]]:
    return [(float(level.price), float(level.amount)) for level in levels]
