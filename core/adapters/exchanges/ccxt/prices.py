"""What everybody may hear: watches of ccxt, taken one by one, and their silence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from core.adapters.exchanges.ccxt.door import Door
from core.adapters.exchanges.ccxt.latest import Latest
from core.adapters.exchanges.ccxt.market import Market
from core.adapters.exchanges.ccxt.stream import Watches
from core.adapters.exchanges.ccxt.trades import Trades
from core.adapters.exchanges.ccxt.values import Unified
from core.adapters.exchanges.interface import Subscription
from core.adapters.exchanges.listeners import Listeners
from core.adapters.exchanges.models import ExchangeType, OrderBookData, TickerData
from core.adapters.exchanges.native.exchange import Stream
from core.errors import NotSupported, VenueError

T = TypeVar("T")
Take = Callable[[object], None]


class Prices:
    """The public side of one adapter.

    Args:
        door: The venue.
        watches: Where watches run.
        market: Answers what is asked beside them.
        trades: Where each trade is taken.
    """

    def __init__(self, door: Door, watches: Watches, market: Market, trades: Trades) -> None:
        self._door = door
        self._watches = watches
        self._market = market
        self._trades = trades

    def subscribe(
        self,
        stream: Stream,
        symbol: str,
        listeners: Listeners[T],
        callback: Callable[[T], None],
    ) -> Subscription:
        """Listens until the handle is cancelled.

        Raises:
            NotSupported: If ccxt has no such stream of the venue.
        """
        door = self._door
        door.rest.need_open()
        door.listings.of(symbol)
        calls = self._calls(stream, symbol)
        heard = listeners.add(callback)
        names = []
        for method, take in calls:
            name = f"{method} {symbol}"
            self._watches.begin(name, self._caller(method, symbol), take)
            names.append(name)

        def end() -> None:
            heard.cancel()
            for name in names:
                self._watches.end(name)
            if not door.hub.of(symbol).tickers and not door.hub.of(symbol).books:
                self._watches.forget(symbol)

        if stream is not Stream.TRADES:
            self._watches.priced(symbol)
            self._watches.spawn(partial(self._first_prices, symbol, stream), "first")
        door.touched.add(symbol)
        return Subscription(end)

    async def _first_prices(self, symbol: str, stream: Stream) -> None:
        """Prices of a quiet market: many venues tell them only when they change."""
        door = self._door
        try:
            book = await self._market.book(symbol)
            ticker = None if stream is Stream.BOOK else await self._market.ticker(symbol)
        except VenueError as error:
            door.listings.count(f"first prices:{type(error).__name__}")
            return
        room = door.hub.of(symbol)
        if stream is Stream.BOOK:
            room.books.tell(book)
        elif ticker is not None and (room.quote.at is None or room.quote.bid is None):
            door.hub.take_part(symbol, ticker)
            door.hub.tell_quote(symbol, door.clock.now())

    def _calls(self, stream: Stream, symbol: str) -> list[tuple[str, Take]]:
        """The methods of ccxt that make a stream, and what is done with what they give."""
        door = self._door
        found: list[tuple[str, Take]]
        book = "watch_order_book", partial(self._take_book, symbol)
        if stream is Stream.BOOK:
            found = [book]
        elif stream is Stream.TRADES:
            found = [("watch_trades", nothing)]
        else:
            found = [book if self._quotes_are_the_books else self._quotes(symbol)]
            for method in ("watch_mark_price", "watch_ticker"):
                is_perpetual = door.listings.of(symbol).market_type is ExchangeType.PERPETUAL
                is_told = is_perpetual or (method == "watch_ticker" and door.row.has_spot_tickers)
                if door.has(method) and is_told:
                    found.append((method, partial(self._take_ticker, symbol)))
                    break
        missing = [method for method, _ in found if not door.has(method)]
        if missing:
            raise NotSupported(
                f"{door.venue} has no {stream.value} stream through ccxt ({missing[0]}).",
                venue=door.venue,
            )
        return found

    @property
    def _quotes_are_the_books(self) -> bool:
        return self._door.row.quotes_from_book or not self._door.has("watch_bids_asks")

    def _quotes(self, symbol: str) -> tuple[str, Take]:
        return "watch_bids_asks", partial(self._take_quotes, symbol)

    def _caller(self, method: str, symbol: str) -> Callable[[], Awaitable[object]]:
        unified = self._door.words.unified[symbol]
        if method != "watch_trades":
            return Latest(self._door.client, method, unified).call
        ask = self._door.client.watch_trades

        async def call() -> object:
            self._trades.listen(unified, symbol)
            given: object = await ask(unified)
            return given

        return call

    # -- what watches give --------------------------------------------------------------------

    def _take_book(self, symbol: str, data: object) -> None:
        door = self._door
        now = door.clock.now()
        if not isinstance(data, dict):
            return
        book = door.words.book(data, door.words.unified[symbol], now)
        self._watches.priced(symbol)
        room = door.hub.of(symbol)
        if room.tickers and self._quotes_are_the_books:
            door.hub.take_part(symbol, _best(book))
            door.hub.tell_quote(symbol, now)
        room.books.tell(book)

    def _take_quotes(self, symbol: str, data: object) -> None:
        """Best bids and asks by symbol."""
        mine = data.get(self._door.words.unified[symbol]) if isinstance(data, dict) else None
        if isinstance(mine, dict):
            self._take_part(symbol, {**mine, "last": None, "markPrice": None})

    def _take_ticker(self, symbol: str, data: object) -> None:
        """Last and mark; its bid and ask are no best ones on several venues."""
        if isinstance(data, dict):
            mine = data.get(self._door.words.unified[symbol], data)
            if isinstance(mine, dict):
                self._take_part(symbol, mine, has_quote=False)

    def _take_part(self, symbol: str, data: Unified, *, has_quote: bool = True) -> None:
        door = self._door
        now = door.clock.now()
        part = door.words.ticker(data, now, has_quote=has_quote)
        if part.bid is not None and part.ask is not None and part.bid >= part.ask:
            door.listings.count("ticker:crossed")
            return
        if has_quote:
            self._watches.priced(symbol)
        door.hub.take_part(symbol, part)
        door.hub.tell_quote(symbol, now)

    # -- silence ------------------------------------------------------------------------------

    async def is_quiet(self, symbol: str) -> bool:
        """Whether REST tells the prices that were heard last; then they are fresh again."""
        door = self._door
        book = await self._market.book(symbol, 5)
        quote = door.hub.of(symbol).quote
        bid, ask = (side[0].price if side else None for side in (book.bids, book.asks))
        if (bid, ask) != (quote.bid, quote.ask):
            return False
        quote.at = book.at
        door.hub.tell_quote(symbol, door.clock.now())
        return True


def _best(book: OrderBookData) -> TickerData:
    """The first level of both sides."""
    bid, ask = (side[0] if side else None for side in (book.bids, book.asks))
    return TickerData(
        venue=book.venue,
        symbol=book.symbol,
        bid=None if bid is None else bid.price,
        bid_amount=None if bid is None else bid.amount,
        ask=None if ask is None else ask.price,
        ask_amount=None if ask is None else ask.amount,
        at=book.at,
    )


def nothing(data: object) -> None:
    """What a watch gives is heard elsewhere."""
