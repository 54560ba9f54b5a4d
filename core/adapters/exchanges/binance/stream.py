"""What is said on Binance's sockets and what is heard.

Market streams are named `<symbol>@<what>`: `bookTicker` (best prices, newest of a read counts),
`depth@100ms` (changes of a book), `aggTrade` (all count, by consecutive ids) and `markPrice@1s`.
A book is a whole one over REST with the changes on top; a missing change breaks it until there is
another whole one. A missing trade is asked for, and what cannot be had is counted and said.

The WebSocket API answers requests by their id. USDⓈ-M tells of the account on a socket of its own
that a listen key opens; spot tells of it on the WebSocket API, after a signed subscription.

Sources: developers.binance.com, USDⓈ-M "Websocket Market Streams", "How to manage a local order
book correctly", "User Data Streams"; Spot "WebSocket Streams", "WebSocket API".
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

import msgspec

from core.adapters.exchanges.binance import parse
from core.adapters.exchanges.connection.dialect import Dialect, Link
from core.adapters.exchanges.connection.ladder import Ladder
from core.adapters.exchanges.connection.sequence import Joint, linked, spanning
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing, decode
from core.adapters.exchanges.depth import Succession
from core.adapters.exchanges.models import (
    BalanceData,
    OrderBookData,
    OrderData,
    OrderSide,
    PositionData,
    TickerData,
    TradeData,
    UserData,
    from_ns,
)
from core.adapters.exchanges.native.batch import DAY_MS, Batch
from core.adapters.exchanges.native.books import SHOWN, check_sides, levels_of
from core.adapters.exchanges.native.hub import Hub, checked_trade
from core.adapters.exchanges.native.listings import Listings
from core.errors import AuthError, MalformedMessage, NotSupported, VenueError
from core.infrastructure.clock import Clock

log = logging.getLogger(__name__)

_MS: Final = 1_000_000
_RENEW_S: Final = 1_500.0
"""A listen key ends after an hour unless it is renewed."""
_CROSSED_LIMIT: Final = 3
"""Reads in a row after which a book that stays crossed is asked for anew."""
_HELD: Final = 10_000
"""Trades that wait while missing ones are asked for."""
_RETRY_S: Final = 0.5
_ZERO: Final = Decimal(0)
_MOST: Final = Decimal(10) ** 18

Levels = list[tuple[float, float]]
_Price = Annotated[float, msgspec.Meta(gt=0.0, lt=1e15)]
_Amount = Annotated[float, msgspec.Meta(ge=0.0, lt=1e18)]
_Changes = list[tuple[_Price, _Amount]]
"""Checked while it is decoded: NaN and infinities fail every bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole book over REST."""

    sequence: int
    at_ms: int
    bids: Levels
    asks: Levels


class _Best(msgspec.Struct, tag_field="e", tag="bookTicker", gc=False):
    s: str
    b: str
    B: str
    a: str
    A: str
    T: int = 0
    E: int = 0


class _SpotBest(msgspec.Struct, gc=False):
    s: str
    b: str
    B: str
    a: str
    A: str


class _Depth(msgspec.Struct, tag_field="e", tag="depthUpdate", gc=False):
    s: str
    U: int
    u: int
    b: _Changes
    a: _Changes
    E: int
    T: int = 0
    pu: int = -1


class _Trade(msgspec.Struct, tag_field="e", tag="aggTrade", gc=False):
    s: str
    a: int
    p: Decimal
    q: Decimal
    T: int
    m: bool


_Frequent = _Best | _Depth | _Trade


@dataclass(slots=True)
class _Book:
    """One instrument's book while somebody listens."""

    listing: Listing
    ladder: Ladder
    joint: Joint[_Depth]
    is_asking: bool = False
    at_ms: int = 0
    """When the newest change happened."""
    crossed: int = 0
    """Reads in a row after which it was crossed."""


@dataclass(slots=True)
class _Tail:
    """Where an instrument's trades stand."""

    newest: int = -1
    held: list[_Trade] = field(default_factory=list)
    """What came after a gap and waits for the missing ones."""
    is_asking: bool = False
    lost: int = 0
    """Trades that were missed and could not be had."""


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
        self._rule = spanning if is_spot else linked
        self._batch: Batch[_Frequent] = Batch(_Frequent, self._rare, is_strict=False)
        self._spot_best = msgspec.json.Decoder(_SpotBest)
        self._link: Link | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, tuple[Topic, ...]] = {}
        """Id of a subscription message -> its topics."""
        self._books: dict[str, _Book] = {}
        self._tails: dict[str, _Tail] = {}

    # -- what is said -------------------------------------------------------------------------

    async def address(self) -> str:
        """Always the same."""
        return self._url

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message for all; a book begins anew with its topic."""
        self._forget_books(topics)
        sequence = next(self._numbers)
        self._asked[sequence] = tuple(topics)
        return [_control("SUBSCRIBE", topics, sequence)]

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """One message for all."""
        self._forget_books(topics)
        return [_control("UNSUBSCRIBE", topics, next(self._numbers))]

    def _forget_books(self, topics: Sequence[Topic]) -> None:
        for topic in topics:
            key, _, what = topic.partition("@")
            if what.startswith("depth"):
                self._books.pop(key.upper(), None)

    async def confirm(self) -> bool:
        """See `Dialect.confirm`."""
        asked = [topic for topics in self._asked.values() for topic in topics]
        return await self._questions.confirm(asked)

    def lost(self) -> None:
        """Books and prices are not believed until there are new ones; trades go on by their ids."""
        self._books.clear()
        self._asked.clear()
        for tail in self._tails.values():
            tail.is_asking = False
        self._hub.forget_prices()

    # -- what is heard ------------------------------------------------------------------------

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        self._link = link
        now = self._clock.now()
        now_ms = self._clock.now_ns() // _MS
        best: dict[str, _Best | _SpotBest] = {}
        trades: dict[str, list[_Trade]] = {}
        touched: dict[str, _Book] = {}
        for item in self._batch.read(messages):
            if type(item) is _Best:
                best[item.s] = item
            elif type(item) is _Trade:
                if item.s in trades:
                    trades[item.s].append(item)
                else:
                    trades[item.s] = [item]
            elif type(item) is _Depth:
                book = self._take_change(item, now_ms, link)
                if book is not None:
                    touched[item.s] = book
        for key, found in trades.items():
            self._take_trades(key, found, now, now_ms, link)
        for key, quote in best.items():
            self._take_best(key, quote, now, now_ms, link)
        for book in touched.values():
            self._tell_book(book, now, link)

    def _take_best(
        self, key: str, item: _Best | _SpotBest, now: datetime, now_ms: int, link: Link
    ) -> None:
        listing = self._listings.by_key.get(key)
        at_ms = item.T or item.E if isinstance(item, _Best) else now_ms
        if listing is None or abs(now_ms - at_ms) > DAY_MS:
            self._listings.count("bookTicker:refused")
            return
        quote = self._hub.of(listing.symbol).quote
        try:
            bids, asks = levels_of([(item.b, item.B)]), levels_of([(item.a, item.A)])
            check_sides(bids, asks)
        except ValueError:
            quote.is_doubted = True
            self._listings.count("bookTicker:refused")
            return
        link.heard(f"{key.lower()}@bookTicker", at_ms * _MS)
        if quote.is_doubted:
            quote.is_doubted = False
            return
        bid, ask = bids[0], asks[0]
        self._hub.set_best(quote, bid.price, bid.amount, ask.price, ask.amount)
        quote.at = from_ns(at_ms * _MS)
        self._hub.tell_quote(listing.symbol, now)

    # -- books --------------------------------------------------------------------------------

    def _take_change(self, item: _Depth, now_ms: int, link: Link) -> _Book | None:
        """Applies a change; the book where that made it another."""
        key = item.s
        if abs(now_ms - item.E) > DAY_MS:
            self._listings.count("depthUpdate:refused")
            return None
        book = self._books.get(key)
        if book is None:
            book = self._new_book(key)
            if book is None:
                return None
        book.at_ms = item.T or item.E
        link.heard(f"{key.lower()}@{_DEPTH}", book.at_ms * _MS)
        verdict = book.joint.take(item.U, item.u, item.pu, item)
        if verdict is Succession.NEXT:
            book.ladder.apply(item.b, item.a)
            return book
        if verdict is Succession.GAP:
            log.warning("book.gap venue=binance symbol=%s", book.listing.symbol)
            book.ladder.clear()
        if not book.joint.is_whole and not book.is_asking:
            book.is_asking = True
            link.spawn(self._restart(book))
        return None

    def _new_book(self, key: str) -> _Book | None:
        listing = self._listings.by_key.get(key)
        if listing is None or listing.instrument is None:
            self._listings.count("depthUpdate:refused")
            return None
        rules = listing.instrument
        book = self._books[key] = _Book(
            listing, Ladder(rules.tick_size, rules.lot_size), Joint(self._rule)
        )
        return book

    async def _restart(self, book: _Book) -> None:
        """A whole book, asked for until one joins the changes."""
        try:
            while self._books.get(book.listing.key) is book:
                try:
                    whole = await self._questions.depth(book.listing)
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
                if self._link is not None:
                    self._tell_book(book, self._clock.now(), self._link)
                return
        finally:
            book.is_asking = False

    def _tell_book(self, book: _Book, now: datetime, link: Link) -> None:
        """Tells a book; one that is crossed is kept back, and asked for anew if it stays so."""
        if book.ladder.is_crossed:
            book.crossed += 1
            self._listings.count("depthUpdate:crossed")
            if book.crossed >= _CROSSED_LIMIT and not book.is_asking:
                book.joint.breaks()
                book.is_asking = True
                link.spawn(self._restart(book))
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

    # -- trades -------------------------------------------------------------------------------

    def _take_trades(
        self, key: str, found: list[_Trade], now: datetime, now_ms: int, link: Link
    ) -> None:
        """The trades of one instrument in one read."""
        listing = self._listings.by_key.get(key)
        if listing is None or abs(now_ms - found[-1].T) > DAY_MS:
            self._listings.count("aggTrade:refused", len(found))
            return
        tail = self._tails.get(key)
        if tail is None:
            tail = self._tails[key] = _Tail()
        link.heard(f"{key.lower()}@aggTrade", found[-1].T * _MS)
        if tail.is_asking:
            tail.held += found
            if len(tail.held) > _HELD:
                self._give_up_gap(listing, tail, tail.held[0].a)
            return
        if tail.newest >= 0:
            expected = tail.newest + 1
            for place, item in enumerate(found):
                if item.a < expected:
                    continue
                if item.a > expected:
                    tail.held += found[place:]
                    tail.is_asking = True
                    self._tell_trades(listing, tail, found[:place], now)
                    link.spawn(self._fill_gap(listing, tail))
                    return
                expected += 1
        self._tell_trades(listing, tail, found, now)

    async def _fill_gap(self, listing: Listing, tail: _Tail) -> None:
        """Asks for missing trades; what cannot be had is counted and said."""
        until = tail.held[0].a
        try:
            found = await self._questions.trades(listing, tail.newest + 1)
            for trade in found:
                if tail.newest < int(trade.trade_id) < until:
                    tail.lost += int(trade.trade_id) - tail.newest - 1
                    tail.newest = int(trade.trade_id)
                    self._hub.tell_trades(listing.symbol, (trade,))
        except VenueError as error:
            log.info("trades.no_answer symbol=%s error=%s", listing.symbol, error)
        finally:
            self._give_up_gap(listing, tail, until)

    def _give_up_gap(self, listing: Listing, tail: _Tail, until: int) -> None:
        missing = until - tail.newest - 1
        if missing > 0:
            tail.lost += missing
            log.warning("trades.lost symbol=%s count=%d", listing.symbol, missing)
            self._listings.count("aggTrade:lost", missing)
        tail.is_asking = False
        held, tail.held = tail.held, []
        self._tell_trades(listing, tail, held, self._clock.now())

    def _tell_trades(
        self, listing: Listing, tail: _Tail, found: list[_Trade], now: datetime
    ) -> None:
        """Those that are newer than the newest one, in order."""
        room = self._hub.of(listing.symbol)
        venue, symbol, tell = self._listings.venue, listing.symbol, room.trades.tell
        is_wanted, newest = bool(room.trades), tail.newest
        at_ms, at = 0, now
        for item in found:
            if item.a <= newest:
                continue
            newest = item.a
            price, amount = item.p, item.q
            try:
                is_sound = _ZERO < price < _MOST and _ZERO < amount < _MOST
            except ArithmeticError:  # NaN
                is_sound = False
            if not is_sound:
                self._listings.count("aggTrade:refused")
                continue
            if is_wanted:
                if at_ms != item.T:
                    at_ms = item.T
                    at = from_ns(at_ms * _MS)
                side = OrderSide.SELL if item.m else OrderSide.BUY
                tell(checked_trade(venue, symbol, str(newest), price, amount, side, at, now))
            room.quote.last = price
        tail.newest = newest

    # -- the rest -----------------------------------------------------------------------------

    def _rare(self, message: bytes) -> None:
        link = self._link
        if link is None:
            return
        now = self._clock.now()
        if message.startswith(b'{"u":'):
            try:
                best = self._spot_best.decode(message)
            except msgspec.DecodeError:
                self._listings.count("bookTicker:refused")
                return
            self._take_best(best.s, best, now, self._clock.now_ns() // _MS, link)
            return
        try:
            raw = decode(message, venue=self._listings.venue)
        except MalformedMessage:
            self._listings.count("message:no JSON")
            return
        if not isinstance(raw, dict):
            self._listings.count("message:no object")
        elif raw.get("e") == "markPriceUpdate":
            self._take_mark(raw, now, link)
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
        best = [topic for topic in topics if topic.endswith("@bookTicker")]
        if best:
            link.spawn(self._tell_best(best))
        for topic in topics:
            key, _, what = topic.partition("@")
            if what == _DEPTH:
                book = self._books.get(key.upper()) or self._new_book(key.upper())
                if book is not None and not book.is_asking:
                    book.is_asking = True
                    link.spawn(self._restart(book))

    async def _tell_best(self, topics: Sequence[Topic]) -> None:
        try:
            await self._questions.best(topics)
        except VenueError as error:
            log.info("prices.no_answer venue=binance error=%s", error)


_DEPTH: Final = "depth@100ms"
_MARK: Final = "markPrice@1s"


def topic_of(key: str, what: str) -> Topic:
    """A market stream's name."""
    return f"{key.lower()}@{what}"


def depth_topic(key: str) -> Topic:
    """Changes of a book."""
    return topic_of(key, _DEPTH)


def mark_topic(key: str) -> Topic:
    """Mark and index."""
    return topic_of(key, _MARK)


class ApiDialect(Dialect):
    """The WebSocket API of one market: requests of ours; on spot, the account's news too.

    Args:
        name: In logs.
        url: Where the socket is.
        subscribe: Makes the signed request for the account's news; None where they come elsewhere.
        news: Takes an event of the account.
        catch_up: Asks for what was missed.
    """

    watches_silence = False

    def __init__(
        self,
        name: str,
        url: str,
        *,
        subscribe: Callable[[str], bytes] | None = None,
        news: Callable[[object, Link], None] | None = None,
        catch_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self._url = url
        self._subscribe = subscribe
        self._news = news
        self._catch_up = catch_up
        self._has_lived = False

    async def address(self) -> str:
        """Always the same."""
        return self._url

    async def login(self, link: Link) -> None:
        """On spot: subscribes to the account's news."""
        if self._subscribe is None:
            return
        answer = await link.call("login", self._subscribe("login"), timeout_s=5.0)
        if not isinstance(answer, dict) or answer.get("status") != 200:
            raise AuthError(f"binance refused the key: {str(answer)[:200]}", venue="binance")

    def ask(self, topics: Sequence[Topic]) -> list[bytes]:
        """There are no topics."""
        return []

    def give_up(self, topics: Sequence[Topic]) -> list[bytes]:
        """There are no topics."""
        return []

    async def catch_up(self, link: Link) -> None:
        """See `Dialect.catch_up`."""
        if self._has_lived and self._catch_up is not None:
            await self._catch_up()
        self._has_lived = True

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        for message in messages:
            try:
                raw = decode(message, venue="binance")
            except MalformedMessage:
                continue  # an answer that is none is an answer that never comes: unknown
            if not isinstance(raw, dict):
                continue
            if "id" in raw and "status" in raw:
                link.answer(str(raw["id"]), raw)
            elif self._news is not None and "event" in raw:
                self._news(parse.unwrap(raw), link)


class UserDialect(Dialect):
    """The account's news of USDⓈ-M, on a socket that a listen key opens.

    Args:
        url: Where the socket is; the key is added.
        clock: When the key is to be renewed.
        listen: Asks for a listen key, which also renews it.
        news: Takes an event.
        catch_up: Asks for what was missed.
    """

    name = "private"
    watches_silence = False

    def __init__(
        self,
        url: str,
        clock: Clock,
        listen: Callable[[bool], Awaitable[str]],
        news: Callable[[object, Link], None],
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._url = url
        self._clock = clock
        self._listen = listen
        self._news = news
        self._catch_up = catch_up
        self._has_lived = False

    async def address(self) -> str:
        """With a fresh listen key."""
        return f"{self._url}?listenKey={await self._listen(False)}"  # noqa: FBT003 # not a renewal

    async def login(self, link: Link) -> None:
        """The key in the address is the proof; it is renewed as long as the socket lives."""
        link.spawn(self._renew())

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(_RENEW_S)
            await self._listen(True)  # noqa: FBT003 # a renewal

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

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        for message in messages:
            try:
                raw = decode(message, venue="binance")
            except MalformedMessage as error:
                link.drop(f"a private message makes no sense: {error}")
                return
            self._news(parse.unwrap(raw), link)


def read_event(raw: dict[str, object], listings: Listings, clock: Clock) -> list[UserData]:
    """What an event of the account tells, executions before their order, balances last.

    Raises:
        MalformedMessage: If it cannot be read.
    """
    reading = listings.reading(clock.now())
    event = raw.get("e")
    found: Iterable[UserData] = ()
    if event == "ORDER_TRADE_UPDATE":
        found = parse.parse_order_trade_update(raw, reading)
    elif event == "executionReport":
        found = parse.parse_execution_report(raw, reading)
    elif event == "ACCOUNT_UPDATE":
        found = parse.parse_account_update(raw, reading)
    elif event == "outboundAccountPosition":
        found = parse.parse_spot_position(raw, reading)
    else:
        listings.count(f"event:{str(event)[:40]}")
    return sorted(found, key=_rank)


def _rank(data: UserData) -> int:
    if isinstance(data, OrderData):
        return 1
    if isinstance(data, PositionData):
        return 2
    return 3 if isinstance(data, BalanceData) else 0


def _control(method: str, topics: Sequence[Topic], sequence: int) -> bytes:
    return msgspec.json.encode({"method": method, "params": list(topics), "id": sequence})
