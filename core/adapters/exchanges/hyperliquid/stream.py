"""What Hyperliquid's public socket tells: books, best prices, trades and marks.

`l2Book` is a whole book each time and `bbo` the best of it, so the newest of a read counts;
`trades` all count (`native/tails.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final, Literal

import msgspec

from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.decoding import Listing, number
from core.adapters.exchanges.hyperliquid import parse
from core.adapters.exchanges.hyperliquid.dialect import HyperliquidDialect
from core.adapters.exchanges.models import (
    OrderBookData,
    OrderSide,
    TickerData,
    TradeData,
    from_ns,
)
from core.adapters.exchanges.native.batch import DAY_MS, Batch
from core.adapters.exchanges.native.books import check_sides, levels_of
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.tails import Tails
from core.errors import MalformedMessage
from core.infrastructure.clock import Clock

_BOOK_HEAD: Final = b'{"channel":"l2Book","data":{"coin":"'
_SIDES: Final = {"B": OrderSide.BUY, "A": OrderSide.SELL}
_MS: Final = 1_000_000
_PAIR: Final = attrgetter("px", "sz")
"""Price and amount of a level, without a call of Python for each of the forty of a book."""


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


class PublicDialect(HyperliquidDialect):
    """Books, best prices, trades and marks.

    Args:
        confirm: Asks over REST whether anything happened since the stream last spoke.
        trades: The newest public trades of an instrument, over REST.
    """

    name = "public"

    def __init__(
        self,
        url: str,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        *,
        confirm: Callable[[], Awaitable[bool]],
        trades: Callable[[Listing], Awaitable[Sequence[TradeData]]],
    ) -> None:
        super().__init__(url, clock, listings, hub)
        self._confirm = confirm
        self._tails = Tails(clock, listings, hub, trades, has_numbers=False)
        self._batch: Batch[_Frequent] = Batch(_Frequent, self._rare)
        self._link: Link | None = None

    async def confirm(self) -> bool:
        """See `Dialect.confirm`."""
        return await self._confirm()

    async def catch_up(self, link: Link) -> None:
        """See `Dialect.catch_up`: the trades of the meantime."""
        await self._tails.catch_up(link)

    def lost(self) -> None:
        """Prices that were known are not believed until there are new ones."""
        self._tails.lost()
        self._hub.forget_prices()

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        self._link = link
        now_ns = self._clock.now_ns()
        now, now_ms = from_ns(now_ns), now_ns // _MS
        best: dict[str, _BestData] = {}
        books: dict[str, _BookData] = {}
        for item in self._batch.read(_newest_books(messages)):
            if type(item) is _Trades:
                self._take_trades(item.data, now_ms, link)
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
            bids, asks = (
                levels_of(map(_PAIR, data.levels[0])),
                levels_of(map(_PAIR, data.levels[1])),
            )
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

    def _take_trades(self, trades: list[_Trade], now_ms: int, link: Link) -> None:
        for trade in trades:
            try:
                price, amount = number(trade.px), number(trade.sz)
            except ValueError:
                self._listings.count("trade:refused")
                continue
            if abs(now_ms - trade.time) <= DAY_MS:
                link.heard(f"trades:{trade.coin}", trade.time * _MS)
            side, at_ns = _SIDES[trade.side], trade.time * _MS
            self._tails.take(trade.coin, str(trade.tid), price, amount, side, at_ns, link)

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
