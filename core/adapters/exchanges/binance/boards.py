"""Binance's markets as they are in use: instruments, and the sockets of each.

USDⓈ-M has a socket for books and best prices, one for trades and marks, one for the account's news
and one for orders; spot has one for all prices and one for orders and news.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Protocol

from core.adapters.exchanges.binance.account_stream import ApiDialect, UserDialect
from core.adapters.exchanges.binance.books import Whole
from core.adapters.exchanges.binance.market_stream import MarketDialect, Questions
from core.adapters.exchanges.binance.markets import SPOT, USDM, Market
from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.socket import Connection, StateListener
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing, Reading
from core.adapters.exchanges.models import TradeData
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.errors import NotSupported


class Answers(Protocol):
    """Who answers what the sockets of a market ask: the adapter."""

    venue: str
    hub: Hub

    @property
    def account(self) -> str:
        """Identity of our account."""

    async def whole_book(self, listing: Listing) -> Whole:
        """A whole book."""

    async def tell_best(self, board: Board, topics: Sequence[Topic]) -> None:
        """Tells best prices as they are."""

    async def trades_from(self, listing: Listing, first: int) -> Sequence[TradeData]:
        """Public trades from an id on."""

    async def is_quiet(self, board: Board, topics: Sequence[Topic]) -> bool:
        """Whether REST agrees with what was told last."""

    def subscription(self, number: str) -> bytes:
        """The signed request for the news of spot."""

    async def listen(self, is_renewal: bool) -> str:  # noqa: FBT001 # one of two requests
        """A listen key for the news of USDⓈ-M."""

    def on_event(self, board: Board) -> Callable[[object, Link], None]:
        """What takes an event of the account."""

    async def catch_up(self, board: Board) -> None:
        """Tells of executions that were missed."""

    @property
    def on_state(self) -> StateListener:
        """Told of each change of a connection."""


class Board:
    """One market of the venue: its instruments and its sockets."""

    def __init__(self, answers: Answers, market: Market, doors: Doors) -> None:
        urls, clock, name = doors.settings.urls, doors.clock, market.name
        self.market = market
        self.listings = Listings(answers.venue, answers.account)

        def connection(kind: str, url: str) -> Connection:
            dialect = MarketDialect(
                f"{name} {kind}",
                url,
                clock,
                self.listings,
                answers.hub,
                Questions(
                    depth=answers.whole_book,
                    best=lambda topics: answers.tell_best(self, topics),
                    trades=answers.trades_from,
                    confirm=lambda topics: answers.is_quiet(self, topics),
                ),
                is_spot=market.is_spot,
            )
            return Connection(dialect, doors.seams, on_state=answers.on_state)

        self.public = connection("public", urls[market.public])
        self.trades = (
            self.public
            if market.market == market.public
            else connection("market", urls[market.market])
        )
        api = ApiDialect(
            f"{name} orders",
            urls[market.orders],
            subscribe=answers.subscription if market.is_spot else None,
            news=answers.on_event(self) if market.is_spot else None,
            catch_up=(lambda: answers.catch_up(self)) if market.is_spot else None,
        )
        self.orders = Connection(api, doors.seams, on_state=answers.on_state)
        self.private: Connection | None = None
        if not market.is_spot:
            user = UserDialect(
                urls["private"],
                clock,
                answers.listen,
                answers.on_event(self),
                lambda: answers.catch_up(self),
            )
            self.private = Connection(user, doors.seams, on_state=answers.on_state)


class Boards:
    """The markets in use.

    Args:
        answers: Who answers what their sockets ask.
        doors: What they stand on.
        names: `usdm`, `spot` or both.
    """

    def __init__(self, answers: Answers, doors: Doors, names: Collection[str]) -> None:
        self._venue = answers.venue
        self._clock = doors.clock
        self._boards = {
            market.name: Board(answers, market, doors)
            for market in (USDM, SPOT)
            if market.name in names
        }
        self.used: dict[str, None] = {}
        """Symbols that we traded or asked about; where all of them are meant, these are asked."""

    def __iter__(self) -> Iterator[Board]:
        return iter(self._boards.values())

    def __contains__(self, name: object) -> bool:
        return name in self._boards

    @property
    def first(self) -> Board:
        """One of them, for questions that any answers."""
        return next(iter(self))

    def named(self, name: str) -> Board | None:
        """The market of that name, if it is in use."""
        return self._boards.get(name)

    def of(self, symbol: str) -> tuple[Board, Listing]:
        """The market of a symbol, and its listing.

        Raises:
            NotSupported: If no market has it.
        """
        for board in self:
            listing = board.listings.by_symbol.get(symbol)
            if listing is not None:
                return board, listing
        raise NotSupported(f"{self._venue} has no {symbol[:40]}.", venue=self._venue)

    def perpetual(self, symbol: str) -> Listing:
        """The listing of a symbol with margin.

        Raises:
            NotSupported: If it has none.
        """
        board, listing = self.of(symbol)
        if board.market.is_spot:
            raise NotSupported(f"{symbol} is spot and has no leverage.", venue=self._venue)
        return listing

    def reading(self, board: Board, key: str = "") -> Reading:
        """What a parser may know of a message that came now."""
        return board.listings.reading(self._clock.now(), asked_for=key)
