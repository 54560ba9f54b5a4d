"""What is said on edgeX's sockets and what is heard.

Public channels are `ticker.ID` (last price, mark, index), `depth.ID.15` and `depth.ID.200` (a whole
book first, changes after it) and `trades.ID` (history first, which is asked for anew after a
reconnection and every half a minute, to find what was missed: `native/trails.py`). Best prices are
those of the book of fifteen levels: the ticker tells them of liquid contracts only. Depth carries
no time of its own, so its age is that of its arrival.

The private socket is opened with signed headers and wants no subscription. It begins with the whole
account; a version that does not follow the last one means that something was missed, and the
executions are asked for. The documentation calls two of the headers otherwise than the venue's own
client, whose names are used here.

Sources: edgeX documentation, API V2, "Public WebSocket", "Private WebSocket"; edgex-python-sdk
2.0.1.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

from core.adapters.exchanges.connection.dialect import Dialect, Link
from core.adapters.exchanges.connection.sequence import linked
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.connection.transport import NO_HEADERS
from core.adapters.exchanges.decoding import decode
from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.edgex import parse
from core.adapters.exchanges.edgex.rest import EdgexRest
from core.adapters.exchanges.models import (
    BookLevel,
    FillData,
    OrderBookData,
    OrderData,
    TickerData,
    TradeData,
    UserData,
    to_ns,
)
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.market import Book, Change, Market
from core.adapters.exchanges.native.trails import AUDIT_S, Trails
from core.errors import MalformedMessage, NotSupported
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

_TRADES: Final = "trades."
BEST: Final = ".15"
"""How the channel of a book ends whose best prices are those of the ticker."""


class _EdgexDialect(Dialect):
    """What both kinds of socket share."""

    def __init__(self, clock: Clock, listings: Listings) -> None:
        self._clock = clock
        self._listings = listings

    def keep_alive(self) -> bytes:
        """Answered with `pong`."""
        now_ms = self._clock.now_ns() // 1_000_000
        return msgspec.json.encode({"type": "ping", "time": str(now_ms)})

    def _heard(self, message: bytes, link: Link) -> dict[str, object] | None:
        """A message that carries news; pings are answered."""
        try:
            raw = decode(message, venue="edgex")
        except MalformedMessage:
            self._listings.count("message:no JSON")
            return None
        if not isinstance(raw, dict):
            self._listings.count("message:no object")
            return None
        kind = raw.get("type")
        if kind == "ping":
            link.send(msgspec.json.encode({"type": "pong", "time": str(raw.get("time"))}))
            return None
        return None if kind in ("pong", "connected", "unsubscribed") else raw


class PublicDialect(_EdgexDialect):
    """Best prices, books, trades and marks.

    Args:
        url: Where the socket is.
        clock: When messages come.
        listings: The venue's instruments.
        hub: Who listens.
        confirm: Asks over REST whether anything happened since the stream last spoke.
    """

    name = "public"
    audit_s = AUDIT_S
    topics_per_message = 1
    messages_per_s = 20.0

    def __init__(
        self,
        url: str,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        confirm: Callable[[], Awaitable[bool]],
    ) -> None:
        super().__init__(clock, listings)
        self._url = url
        self._hub = hub
        self._confirm = confirm
        self._asked: dict[Topic, None] = {}
        """Subscriptions that were not answered yet."""
        self._asked_for: set[Topic] = set()
        """Trades that are listened to."""
        self._audited: set[Topic] = set()
        """Of those, what is given up only to be asked for at once."""
        self._link: Link | None = None
        self._probe: tuple[Topic, asyncio.Future[bool]] | None = None
        """Trades that are asked for anew, and whether nothing of them was missed."""
        self.trails = Trails(clock, listings, hub)
        self.market = Market(
            clock, listings, hub, linked, _restart, tells_best=lambda t: t.endswith(BEST)
        )

    async def address(self) -> str:
        """Always the same."""
        return self._url

    async def login(self, link: Link) -> None:
        """Needs no proof; from now on trades are held against what the venue tells anew."""
        link.spawn(self._audit(link))

    async def _audit(self, link: Link) -> None:
        while True:
            await self._clock.sleep(self.audit_s)
            for topic in sorted(self._asked_for):
                self._audited.add(topic)
                link.again(topic)

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message a channel."""
        self._asked.update(dict.fromkeys(topics))
        self._asked_for.update(topic for topic in topics if topic.startswith(_TRADES))
        return [msgspec.json.encode({"type": "subscribe", "channel": topic}) for topic in topics]

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message a channel; a book that is asked for again begins anew."""
        for topic in topics:
            self.market.forget(topic)
            if topic in self._audited:
                self._audited.discard(topic)
            elif topic.startswith(_TRADES):
                self._asked_for.discard(topic)
                self.trails.forget(topic.partition(".")[2])
        return [msgspec.json.encode({"type": "unsubscribe", "channel": topic}) for topic in topics]

    async def confirm(self) -> bool:
        """Whether REST tells the book that was told last; without a book, trades are asked anew."""
        if self.market.books:
            return await self._confirm()
        link, topic = self._link, min(self._asked_for, default=None)
        if link is None or topic is None:
            return False
        self._probe = (topic, asyncio.get_running_loop().create_future())
        self._audited.add(topic)
        link.again(topic)
        try:
            return await self._probe[1]
        finally:
            self._probe = None

    def lost(self) -> None:
        """See `Dialect.lost`."""
        self._asked.clear()
        self._audited.clear()
        self.market.lost()

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        self._link = link
        for message in messages:
            raw = self._heard(message, link)
            if raw is None:
                continue
            kind, channel = raw.get("type"), str(raw.get("channel"))
            if kind == "subscribed":
                self._asked.pop(channel, None)
                link.confirmed(channel)
            elif kind == "error":
                self._refused(raw.get("content"), link)
            elif "content" in raw:
                self._take(channel, raw, link)
            else:
                self._listings.count(f"message:{str(kind)[:40]}")
        self.market.tell_books(link)

    def _refused(self, content: object, link: Link) -> None:
        """An error names no channel, save in its words; of one alone it must be the answer."""
        words = str(content.get("msg")) if isinstance(content, dict) else str(content)
        named = [topic for topic in self._asked if topic in words] or list(self._asked)
        if len(named) != 1:
            self._listings.count("message:error")
            return
        self._asked.pop(named[0], None)
        error = NotSupported(f"edgex refused {named[0]}: {words[:200]}", venue="edgex")
        link.refused(named[0], error)

    def _take(self, channel: Topic, raw: dict[str, object], link: Link) -> None:
        content = raw["content"]
        if isinstance(content, dict) and isinstance(content.get("channel"), str):
            channel = content["channel"]
        kind = channel.partition(".")[0]
        reading = self._listings.reading(self._clock.now())
        try:
            if kind == "depth":
                for book in parse.parse_depth(raw, reading):
                    self._take_depth(channel, book, link)
            elif kind == "ticker":
                self._take_ticker(channel, parse.parse_tickers(raw, reading), link)
            elif kind == "trades":
                word = content.get("dataType") if isinstance(content, dict) else None
                is_history = str(word).lower() == "snapshot"
                trades = parse.parse_trades(raw, reading)
                self._take_trades(channel, trades, link, is_history=is_history)
            else:
                self._listings.count(f"channel:{kind[:40]}")
        except MalformedMessage:
            self._listings.count(f"{kind[:40]}:refused")

    def _take_depth(self, topic: Topic, item: object, link: Link) -> None:
        key, now_ns = topic.split(".")[1], self._clock.now_ns()
        if isinstance(item, OrderBookData):
            whole = Change(_pairs(item.bids), _pairs(item.asks), now_ns)
            self.market.take_whole(topic, key, item.sequence or 0, whole, is_in_order=True)
            link.heard(topic, now_ns)
        elif isinstance(item, BookDelta):
            first, last = item.previous_sequence or 0, item.last_sequence or 0
            change = Change(_pairs(item.bids), _pairs(item.asks), now_ns)
            self.market.take_change(topic, key, (first + 1, last, first), change, link)

    def _take_ticker(self, topic: Topic, parts: Sequence[object], link: Link) -> None:
        for part in parts:
            if isinstance(part, TickerData):
                link.heard(topic, to_ns(part.at))
                bare = replace(part, bid=None, bid_amount=None, ask=None, ask_amount=None)
                self._hub.take_part(part.symbol, bare)
                self._hub.tell_quote(part.symbol, self._clock.now())

    def _take_trades(
        self, topic: Topic, trades: Sequence[TradeData], link: Link, *, is_history: bool
    ) -> None:
        """Trades of the stream; the first message of a subscription holds the newest ones."""
        key = topic.partition(".")[2]
        trades = [item for item in trades if self.market.listing(key, to_ns(item.at), "trade")]
        probe = self._probe
        if is_history and probe is not None and probe[0] == topic and not probe[1].done():
            probe[1].set_result(not self.trails.is_news(key, trades))
        if not is_history:
            self.trails.take(topic, key, trades, link)
        elif not self.trails.join(key, trades):
            self.trails.give_up(key, trades)
        link.confirmed(topic)


class PrivateDialect(_EdgexDialect):
    """Our orders, executions and positions.

    Args:
        url: Where the socket is.
        clock: When messages come.
        listings: The venue's instruments.
        rest: Signs the handshake.
        news: Takes what was told, in order.
        catch_up: Asks for the executions that were missed.
        reload: Asks for the venue's instruments anew.
    """

    name = "private"
    watches_silence = False

    def __init__(
        self,
        url: str,
        clock: Clock,
        listings: Listings,
        rest: EdgexRest,
        news: Callable[[Sequence[UserData], str, Link], None],
        catch_up: Callable[[], Awaitable[None]],
        reload: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(clock, listings)
        self._url = url
        self._rest = rest
        self._news = news
        self._catch_up = catch_up
        self._reload = reload
        self._is_puzzled = False
        """Whether the last socket ended over a message that made no sense."""
        self._headers: Mapping[str, str] = NO_HEADERS
        self._version: int | None = None
        self._has_lived = False
        self._is_asking = False
        self._asks_again = False

    async def address(self) -> str:
        """With account and time, which the headers sign."""
        if self._is_puzzled:
            self._is_puzzled = False
            await self._reload()
        account = self._rest.need_key().account
        fields = {"accountId": account, "timestamp": str(self._rest.now_ms())}
        self._headers = self._rest.signed("GET", urlsplit(self._url).path, fields)
        return f"{self._url}?{urlencode(fields)}"

    def headers(self) -> Mapping[str, str]:
        """Those of the address that was asked for last."""
        return self._headers

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """There are no topics."""
        return []

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """There are no topics."""
        return []

    async def catch_up(self, link: Link) -> None:
        """See `Dialect.catch_up`."""
        if self._has_lived:
            await self._catch_up()
        self._has_lived = True

    def lost(self) -> None:
        """The next socket begins with a version of its own."""
        self._version = None

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        for message in messages:
            raw = self._heard(message, link)
            if raw is None:
                continue
            if raw.get("type") != "trade-event":
                self._listings.count(f"message:{str(raw.get('type'))[:40]}")
                continue
            try:
                self._take(raw, link)
            except MalformedMessage as error:
                # What is wrong with a private message must not be overlooked: ask instead. It may
                # be about a market that is newer than our list.
                self._is_puzzled = True
                self._listings.count("trade-event:refused")
                link.drop(f"a private message makes no sense: {error}")

    def _take(self, raw: dict[str, object], link: Link) -> None:
        content = raw.get("content")
        event = str(content.get("event")) if isinstance(content, dict) else ""
        told = str(content.get("version")) if isinstance(content, dict) else ""
        version = int(told) if told.isdigit() else None
        is_missing = None not in (version, self._version) and version != (self._version or 0) + 1
        if is_missing and event != "Snapshot":
            self._listings.count("trade-event:gap")
            log.warning("private.gap venue=edgex before=%s version=%s", self._version, version)
            self._ask_again(link)
        self._version = version
        found = parse.parse_trade_event(raw, self._listings.reading(self._clock.now()))
        self._news(sorted(found, key=_rank), event, link)

    def _ask_again(self, link: Link) -> None:
        """Asks for executions; once more where a question is under way, and no more than that."""
        if self._is_asking:
            self._asks_again = True
        else:
            self._is_asking = True
            link.spawn(self._catch_up_quietly())

    async def _catch_up_quietly(self) -> None:
        try:
            while True:
                self._asks_again = False
                await self._catch_up()
                if not self._asks_again:
                    return
        finally:
            self._is_asking = False


def _restart(book: Book, link: Link) -> None:
    """A whole book comes first of every subscription."""
    link.again(book.topic)


def _pairs(levels: tuple[BookLevel, ...]) -> list[tuple[float, float]]:
    return [(float(level.price), float(level.amount)) for level in levels]


def _rank(data: UserData) -> int:
    """Executions before the order that they made what it is."""
    return 0 if isinstance(data, FillData) else 1 if isinstance(data, OrderData) else 2
