"""Binance: USDⓈ-M perpetuals and spot with one API key.

Keys: `key` is the API key, `secret` its HMAC secret or an Ed25519 key as PEM. A key that may
withdraw is refused, and so is an account in hedge mode. `account` pins the account: USDⓈ-M's
account code (`accountAlias`) where futures are used, else the uid that spot tells.

Orders go over the WebSocket API while that is live, else over HTTP. Every request has a window
after which the venue refuses it, which for an order is its deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.binance.account import Account
from core.adapters.exchanges.binance.boards import Board, Boards
from core.adapters.exchanges.binance.books import Whole
from core.adapters.exchanges.binance.instruments import parse_exchange_info, parse_funding_info
from core.adapters.exchanges.binance.market_stream import (
    best_topic,
    depth_topic,
    mark_topic,
    trades_topic,
)
from core.adapters.exchanges.binance.markets import SPOT, USDM
from core.adapters.exchanges.binance.orders import Orders, request_of
from core.adapters.exchanges.binance.parse import flag_of, name_of
from core.adapters.exchanges.binance.prices import Prices
from core.adapters.exchanges.binance.rest import BinanceRest, key_of
from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.models import (
    Capabilities,
    ExchangeType,
    LeverageResult,
    MarginMode,
    MarginModeResult,
    OrderOptions,
    OrderSide,
    OrderType,
    TradeData,
)
from core.adapters.exchanges.native.exchange import (
    Doors,
    Feed,
    Stream,
)
from core.adapters.exchanges.native.parts import Parts
from core.errors import AuthError, MalformedMessage

CAPABILITIES: Final = Capabilities(
    market_types=frozenset({ExchangeType.PERPETUAL, ExchangeType.SPOT}),
    has_request_deadline=True,
    has_dead_mans_switch=True,
    max_client_order_id_length=36,
    orders_per_minute=1200,
)
BOTH: Final = frozenset({"usdm", "spot"})


class BinanceExchange(Parts):
    """See the module's text.

    Args:
        doors: What it stands on; `credentials` may be missing, for public data alone.
        markets: `usdm`, `spot` or both; nothing is asked of a market that is not among them.
    """

    title = "Binance"

    _prices: Prices
    _account: Account
    _orders: Orders

    def __init__(self, doors: Doors, *, markets: Collection[str] = BOTH) -> None:
        super().__init__("binance", doors)
        self._rest = BinanceRest(doors)
        self._boards = Boards(self, doors, markets)
        self._prices = Prices(self._rest, self._boards, self.hub)
        self._account = Account(self._rest, self._boards, self.hub, self.account)
        self._orders = Orders(self._rest, self._boards, self._account, self.listings)

    # -- what it is ---------------------------------------------------------------------------

    @property
    def rest(self) -> BinanceRest:
        """Its requests."""
        return self._rest

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        kinds = {"usdm": ExchangeType.PERPETUAL, "spot": ExchangeType.SPOT}
        return replace(
            CAPABILITIES,
            market_types=frozenset(kinds[board.market.name] for board in self._boards),
            has_dead_mans_switch="usdm" in self._boards,
        )

    @property
    def public(self) -> tuple[Connection, ...]:
        """One or two sockets a market."""
        found = [item for board in self._boards for item in (board.public, board.trades)]
        return tuple(dict.fromkeys(found))

    @property
    def private(self) -> tuple[tuple[Connection, tuple[Topic, ...]], ...]:
        """A socket for orders of each market, and one for the news of USDⓈ-M."""
        found: list[tuple[Connection, tuple[Topic, ...]]] = []
        for board in self._boards:
            if board.private is not None:
                found.append((board.private, ()))
            found.append((board.orders, ()))
        return tuple(found)

    async def _load(self) -> Sequence[Listing]:
        everything: list[Listing] = []
        for board in self._boards:
            market = board.market
            await self._rest.measure_time(market)
            weight = 20 if market.is_spot else 1
            info = await self._rest.public(market, "exchangeInfo", weight=weight)
            reading = board.listings.reading(self._clock.now())
            found = parse_exchange_info(info, reading)
            if not market.is_spot:
                hours = await self._rest.public(market, "fundingInfo")
                found = parse_funding_info(hours, found, reading)
            board.listings.replace(found)
            everything += found
        return everything

    async def _server_ns(self) -> int | None:
        return await self._rest.measure_time(self._boards.first.market)

    async def _prove(self) -> None:
        credentials = self._doors.credentials
        assert credentials is not None  # noqa: S101 # asked by `authenticate`
        self._rest.key = key_of(credentials)
        if not self._doors.settings.is_testnet:
            await self._check_rights()
        if "usdm" in self._boards:
            await self._check_futures()
        else:
            await self._check_spot()

    async def _check_rights(self) -> None:
        """Refuses a key that may withdraw; the test networks do not tell."""
        market = self._boards.first.market
        rights = await self._rest.signed(
            "GET", market, "/sapi/v1/account/apiRestrictions", address="account"
        )
        if flag_of(rights, "enableWithdrawals", "apiRestrictions"):
            raise AuthError(
                "binance: this key may withdraw.",
                venue=self.venue,
                code="WITHDRAW",
                remedy="Take that right away at the venue, or make a key without it.",
            )
        if "usdm" in self._boards and not flag_of(rights, "enableFutures", "apiRestrictions"):
            raise AuthError(
                "binance: this key may not trade futures.",
                venue=self.venue,
                code="RIGHTS",
                remedy="Give it that right at the venue.",
            )

    async def _check_futures(self) -> None:
        mode = await self._rest.signed("GET", USDM, "positionSide/dual", weight=30)
        if flag_of(mode, "dualSidePosition", "positionSide/dual"):
            raise AuthError(
                "binance: the account is in hedge mode.",
                venue=self.venue,
                code="POSITION_MODE",
                remedy="Switch it to one-way mode at the venue.",
            )
        rows = await self._rest.signed("GET", USDM, "/fapi/v3/balance", weight=5)
        if not isinstance(rows, list):
            raise MalformedMessage("binance balance: expected a list", venue=self.venue)
        self._check_account({name_of(row, "accountAlias", "balance") for row in rows})

    async def _check_spot(self) -> None:
        account = await self._rest.signed("GET", SPOT, "account", weight=20)
        self._check_account({name_of(account, "uid", "account")})

    def _check_account(self, found: set[str]) -> None:
        if self.account and found and found != {self.account}:
            raise AuthError(
                "binance: the key belongs to another account than the one that was pinned.",
                venue=self.venue,
                code="ACCOUNT",
                remedy="Store the key of the right account, or store the account anew.",
            )

    def _feeds(self, stream: Stream, listing: Listing) -> Sequence[Feed]:
        board, _ = self._boards.of(listing.symbol)
        key = listing.key
        if stream is Stream.BOOK:
            return [Feed(board.public, depth_topic(key))]
        if stream is Stream.TRADES:
            return [Feed(board.trades, trades_topic(key))]
        feeds = [Feed(board.public, best_topic(key))]
        if not board.market.is_spot:
            feeds.append(Feed(board.trades, mark_topic(key)))
        return feeds

    # -- orders -------------------------------------------------------------------------------

    def prepare_order(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        params: OrderOptions,
    ) -> None:
        """Signs what `create_order` will send over the socket."""
        self._orders.prepare(symbol, side, amount, price, params)

    async def arm_switch(self, seconds: float | None) -> None:
        """Arms the dead man's switch of the perpetuals; spot has none."""
        self.need_orders()
        await self._orders.arm_switch(seconds)

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Whole numbers only."""
        self.need_orders()
        return await self._orders.set_leverage(symbol, leverage)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Refused by the venue while there is a position or an order."""
        self.need_orders()
        return await self._orders.set_margin_mode(symbol, margin_mode)

    # -- what the sockets ask (`boards.Answers`) ----------------------------------------------

    async def whole_book(self, listing: Listing) -> Whole:
        """See `Prices`."""
        return await self._prices.whole_book(listing)

    async def tell_best(self, board: Board, topics: Sequence[Topic]) -> None:
        """See `Prices`."""
        await self._prices.tell_best(board, topics)

    async def trades_from(self, listing: Listing, first: int) -> Sequence[TradeData]:
        """See `Prices`."""
        return await self._prices.trades_from(listing, first)

    async def is_quiet(self, board: Board, topics: Sequence[Topic]) -> bool:
        """See `Prices`."""
        return await self._prices.is_quiet(board, topics)

    def subscription(self, number: str) -> bytes:
        """The signed request for the news of spot."""
        return request_of(
            number, "userDataStream.subscribe.signature", self._rest.socket_params({})
        )

    async def listen(self, is_renewal: bool) -> str:  # noqa: FBT001 # one of two requests
        """A listen key for the news of USDⓈ-M; asking again gives the same one a new hour."""
        answer = await self._rest.keyed("PUT" if is_renewal else "POST", USDM, "listenKey")
        found = answer.get("listenKey") if isinstance(answer, dict) else None
        if not isinstance(found, str) or not found:
            if is_renewal:
                return ""
            raise MalformedMessage("binance listenKey: there is none", venue=self.venue)
        return found

    def on_event(self, board: Board) -> Callable[[object, Link], None]:
        """See `Account`; made before there is one."""
        return lambda raw, link: self._account.take(board, raw, link)

    async def catch_up(self, board: Board) -> None:
        """See `Account`."""
        await self._account.catch_up(board)
