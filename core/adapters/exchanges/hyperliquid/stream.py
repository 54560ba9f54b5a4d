"""What is said on Hyperliquid's socket and what is heard.

Topics are written `type:argument`, such as `bbo:BTC` or `userFills:0x…`. Each is asked for with a
message of its own and confirmed by `subscriptionResponse`. `l2Book` is a whole book each time and
`bbo` the best of it, so the newest of a read counts; `trades` all count. Requests over the socket
(`post`) carry a number that their answer repeats.

Sources: hyperliquid.gitbook.io, "WebSocket: Subscriptions", "Post requests", "Timeouts and
heartbeats" (the venue closes a socket that is idle for a minute).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

import msgspec

from core.adapters.exchanges.connection.dialect import Dialect, Link
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import decode, number
from core.adapters.exchanges.hyperliquid import parse
from core.adapters.exchanges.hyperliquid.client_ids import ClientIds
from core.adapters.exchanges.models import (
    FillData,
    OrderBookData,
    OrderData,
    OrderSide,
    OrderStatus,
    TickerData,
    TradeData,
    from_ns,
)
from core.adapters.exchanges.native.batch import DAY_MS, Batch
from core.adapters.exchanges.native.books import check_sides, levels_of
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.errors import MalformedMessage, NotSupported
from core.infrastructure.clock import Clock

_BOOK_HEAD: Final = b'{"channel":"l2Book","data":{"coin":"'
_PING: Final = b'{"method":"ping"}'
_ZERO: Final = Decimal(0)
_SIDES: Final = {"B": OrderSide.BUY, "A": OrderSide.SELL}
_MS: Final = 1_000_000
_EARLIER_MS: Final = 10_000
"""The first message of `trades` also holds older ones; so much of the past still counts as news."""


class _Level(msgspec.Struct, gc=False):
    px: str
    sz: str


class _BookData(msgspec.Struct, gc=False):
    coin: str
    time: int
    levels: tuple[list[_Level], list[_Level]]


class _Book(msgspec.Struct, tag_field="channel", tag="l2Book", gc=False):
    data: _BookData


class _BestData(msgspec.Struct, gc=False):
    coin: str
    time: int
    bbo: tuple[_Level | None, _Level | None]


class _Best(msgspec.Struct, tag_field="channel", tag="bbo", gc=False):
    data: _BestData


class _Trade(msgspec.Struct, gc=False):
    coin: str
    side: Literal["A", "B"]
    px: str
    sz: str
    time: int
    tid: int


class _Trades(msgspec.Struct, tag_field="channel", tag="trades", gc=False):
    data: list[_Trade]


_Frequent = _Book | _Best | _Trades


class _HyperliquidDialect(Dialect):
    """What both kinds of socket share.

    Args:
        url: Where the socket is.
        clock: When messages come.
        listings: The venue's instruments.
        hub: Who listens.
    """

    topics_per_message = 1
    messages_per_s = 50.0
    topic_limit = 1000

    def __init__(self, url: str, clock: Clock, listings: Listings, hub: Hub) -> None:
        self._url = url
        self._clock = clock
        self._listings = listings
        self._hub = hub

    async def address(self) -> str:
        """Always the same."""
        return self._url

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message a topic."""
        return [_request("subscribe", topic) for topic in topics]

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message a topic."""
        return [_request("unsubscribe", topic) for topic in topics]

    def keep_alive(self) -> bytes:
        """Answered with `pong`."""
        return _PING

    def _control(self, message: bytes, link: Link) -> tuple[str, object] | None:
        """Channel and data of a message that carries news; answers to us are dealt with."""
        try:
            raw = decode(message, venue=self._listings.venue)
        except MalformedMessage:
            self._listings.count("message:no JSON")
            return None
        if not isinstance(raw, dict) or not isinstance(raw.get("channel"), str):
            self._listings.count("message:no channel")
            return None
        channel, data = raw["channel"], raw.get("data")
        if channel == "subscriptionResponse":
            topic = _topic_of(data)
            if topic is not None and isinstance(data, dict) and data.get("method") == "subscribe":
                link.confirmed(topic)
        elif channel == "error":
            self._refused(str(data), link)
        elif channel != "pong":
            return channel, data
        return None

    def _refused(self, words: str, link: Link) -> None:
        """An error names the request that it answers, or nothing."""
        start = words.find("{")
        try:
            told = msgspec.json.decode(words[start:].encode()) if start >= 0 else None
        except msgspec.DecodeError:
            told = None
        topic = _topic_of(told) or _topic_of({"subscription": told})
        if topic is not None and "lready subscribed" in words:
            link.confirmed(topic)
        elif topic is not None:
            link.refused(
                topic,
                NotSupported(f"hyperliquid refused {topic}: {words[:200]}", venue="hyperliquid"),
            )
        else:
            self._listings.count("message:error")


class PublicDialect(_HyperliquidDialect):
    """Books, best prices, trades and marks.

    Args:
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
        super().__init__(url, clock, listings, hub)
        self._confirm = confirm
        self._batch: Batch[_Frequent] = Batch(_Frequent, self._rare)
        self._link: Link | None = None
        self._newest: dict[str, tuple[int, set[int]]] = {}
        """Coin -> time of its newest trade and the ids of that time."""

    async def confirm(self) -> bool:
        """See `Dialect.confirm`."""
        return await self._confirm()

    def lost(self) -> None:
        """Prices that were known are not believed until there are new ones."""
        self._hub.forget_prices()

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        self._link = link
        now = self._clock.now()
        now_ms = self._clock.now_ns() // _MS
        best: dict[str, _BestData] = {}
        books: dict[str, _BookData] = {}
        for item in self._batch.read(_newest_books(messages)):
            if type(item) is _Trades:
                self._take_trades(item.data, now, now_ms, link)
            elif type(item) is _Best:
                best[item.data.coin] = item.data
            elif type(item) is _Book:
                books[item.data.coin] = item.data
        for coin, data in best.items():
            self._take_best(coin, data, now, now_ms, link)
        for coin, book in books.items():
            self._take_book(coin, book, now, now_ms, link)

    def _take_best(
        self, coin: str, data: _BestData, now: datetime, now_ms: int, link: Link
    ) -> None:
        listing = self._listings.by_key.get(coin)
        if listing is None or abs(now_ms - data.time) > DAY_MS:
            self._listings.count("bbo:refused")
            return
        bid, ask = data.bbo
        try:
            bids = () if bid is None else levels_of([(bid.px, bid.sz)])
            asks = () if ask is None else levels_of([(ask.px, ask.sz)])
            check_sides(bids, asks)
        except ValueError:
            self._hub.of(listing.symbol).quote.is_doubted = True
            self._listings.count("bbo:refused")
            return
        link.heard(f"bbo:{coin}", data.time * _MS)
        quote = self._hub.of(listing.symbol).quote
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
        quote.at = from_ns(data.time * _MS)
        self._hub.tell_quote(listing.symbol, now)

    def _take_book(
        self, coin: str, data: _BookData, now: datetime, now_ms: int, link: Link
    ) -> None:
        listing = self._listings.by_key.get(coin)
        if listing is None or abs(now_ms - data.time) > DAY_MS:
            self._listings.count("l2Book:refused")
            return
        try:
            bids = levels_of((level.px, level.sz) for level in data.levels[0])
            asks = levels_of((level.px, level.sz) for level in data.levels[1])
            check_sides(bids, asks)
        except ValueError:
            self._listings.count("l2Book:refused")
            return
        link.heard(f"l2Book:{coin}", data.time * _MS)
        self._hub.of(listing.symbol).books.tell(
            OrderBookData(
                venue=self._listings.venue,
                symbol=listing.symbol,
                bids=bids,
                asks=asks,
                at=from_ns(data.time * _MS),
                received_at=now,
            )
        )

    def _take_trades(self, trades: list[_Trade], now: datetime, now_ms: int, link: Link) -> None:
        for trade in trades:
            listing = self._listings.by_key.get(trade.coin)
            if listing is None or abs(now_ms - trade.time) > DAY_MS:
                self._listings.count("trades:refused")
                continue
            link.heard(f"trades:{trade.coin}", trade.time * _MS)
            if not self._is_news(trade, now_ms):
                continue
            try:
                ((price, amount),) = ((number(trade.px), number(trade.sz)),)
            except ValueError:
                self._listings.count("trades:refused")
                continue
            if price <= 0 or amount <= 0:
                self._listings.count("trades:refused")
                continue
            self._hub.of(listing.symbol).quote.last = price
            self._hub.of(listing.symbol).trades.tell(
                TradeData(
                    venue=self._listings.venue,
                    symbol=listing.symbol,
                    trade_id=str(trade.tid),
                    price=price,
                    amount=amount,
                    side=_SIDES[trade.side],
                    at=from_ns(trade.time * _MS),
                    received_at=now,
                )
            )

    def _is_news(self, trade: _Trade, now_ms: int) -> bool:
        """Whether a trade was not told before: the first message after subscribing repeats some."""
        known = self._newest.get(trade.coin)
        if known is None:
            known = self._newest[trade.coin] = (now_ms - _EARLIER_MS, set())
        at_ms, ids = known
        if trade.time < at_ms or trade.tid in ids:
            return False
        if trade.time > at_ms:
            self._newest[trade.coin] = (trade.time, {trade.tid})
        else:
            ids.add(trade.tid)
        return True

    def _rare(self, message: bytes) -> None:
        if self._link is None:
            return
        news = self._control(message, self._link)
        if news is None:
            return
        channel, data = news
        if channel not in ("activeAssetCtx", "activeSpotAssetCtx"):
            self._listings.count(f"channel:{channel[:40]}")
            return
        now = self._clock.now()
        try:
            found = parse.parse_asset_ctx(data, self._listings.reading(now))
        except MalformedMessage:
            self._listings.count("activeAssetCtx:refused")
            return
        for part in found:
            if isinstance(part, TickerData):
                listing = self._listings.by_symbol.get(part.symbol)
                key = "" if listing is None else listing.key
                # It carries no time of its own, so it says nothing about how fresh prices are.
                self._link.heard(f"activeAssetCtx:{key}", 0)
                self._hub.take_part(part.symbol, part)
                self._hub.tell_quote(part.symbol, now)


class PrivateDialect(_HyperliquidDialect):
    """Our orders and executions, and the actions that are sent over the socket.

    Args:
        ids: Our client order ids as the venue spells them.
        news: What the adapter does after an execution or a settlement: it asks for what the
            socket does not tell.
        catch_up: Asks for the executions that were missed.
    """

    name = "private"
    watches_silence = False

    def __init__(
        self,
        url: str,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        ids: ClientIds,
        news: Callable[[Link, bool], None],
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(url, clock, listings, hub)
        self._ids = ids
        self._news = news
        self._catch_up = catch_up
        self._began: datetime | None = None
        self._filled: dict[str, Decimal] = {}
        """Order id -> what its executions on this socket add up to, while it is open."""

    async def catch_up(self, link: Link) -> None:
        """See `Dialect.catch_up`."""
        if self._began is None:
            self._began = self._clock.now()
        else:
            await self._catch_up()

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        for message in messages:
            news = self._control(message, link)
            if news is not None:
                try:
                    self._take(*news, link)
                except MalformedMessage as error:
                    # What is wrong with a private message must not be overlooked: ask instead.
                    self._listings.count(f"{news[0][:40]}:refused")
                    link.drop(f"a private message makes no sense: {error}")

    def _take(self, channel: str, data: object, link: Link) -> None:
        reading = self._listings.reading(self._clock.now())
        if channel == "post":
            self._answered(data, link)
        elif channel == "orderUpdates":
            for order in parse.parse_order_updates(data, reading):
                self._hub.tell_user(self.ours(self._with_fills(order)))
        elif channel in ("userFills", "user"):
            is_snapshot = isinstance(data, dict) and data.get("isSnapshot") is True
            if is_snapshot or not isinstance(data, dict) or "fills" not in data:
                return  # what was missed is asked for by `catch_up`, and what is older is known
            for fill in parse.parse_fills_event(data, reading):
                self._filled[fill.order_id] = self._filled.get(fill.order_id, _ZERO) + fill.amount
                self._hub.tell_user(self.ours(fill))
            self._news(link, False)  # noqa: FBT003 # no settlement
        elif channel == "userFundings":
            if not (isinstance(data, dict) and data.get("isSnapshot") is True):
                self._news(link, True)  # noqa: FBT003 # a settlement
        else:
            self._listings.count(f"channel:{channel[:40]}")

    def _with_fills(self, order: OrderData) -> OrderData:
        """An order that ended early with what this socket told of it.

        What the venue calls `sz` of such an order is not what was left of it.
        """
        if not order.status.is_final:
            return order
        filled = self._filled.pop(order.order_id, _ZERO)
        return order if order.status is OrderStatus.FILLED else replace(order, filled=filled)

    def ours(self, data: OrderData | FillData) -> OrderData | FillData:
        """The same with our client order id in the place of the venue's spelling."""
        if data.client_order_id is None:
            return data
        return replace(data, client_order_id=self._ids.ours(data.client_order_id))

    def _answered(self, data: object, link: Link) -> None:
        if not isinstance(data, dict):
            return
        link.answer(str(data.get("id")), data.get("response"))


def _newest_books(messages: list[bytes]) -> list[bytes]:
    """The same without books that a later one of the same read replaces: each is a whole one."""
    if len(messages) < 2:
        return messages
    found: list[bytes] = []
    seen: set[bytes] = set()
    for message in reversed(messages):
        if message.startswith(_BOOK_HEAD):
            coin = message[len(_BOOK_HEAD) : message.find(b'"', len(_BOOK_HEAD))]
            if coin in seen:
                continue
            seen.add(coin)
        found.append(message)
    found.reverse()
    return found


def post(number_: int, body: object) -> bytes:
    """An action as a request over the socket."""
    payload = msgspec.json.encode(body)
    return b'{"method":"post","id":%d,"request":{"type":"action","payload":%b}}' % (
        number_,
        payload,
    )


def _request(method: str, topic: Topic) -> bytes:
    kind, _, argument = topic.partition(":")
    subscription: dict[str, str] = {"type": kind}
    if argument:
        subscription["user" if kind in _OF_USER else "coin"] = argument
    return msgspec.json.encode({"method": method, "subscription": subscription})


_OF_USER: Final = frozenset({"orderUpdates", "userFills", "userFundings", "userEvents"})


def _topic_of(data: object) -> Topic | None:
    """The topic that an answer is about."""
    if not isinstance(data, dict):
        return None
    subscription = data.get("subscription")
    if not isinstance(subscription, dict) or not isinstance(subscription.get("type"), str):
        return None
    argument = subscription.get("user") or subscription.get("coin") or ""
    return f"{subscription['type']}:{argument}" if argument else subscription["type"]
