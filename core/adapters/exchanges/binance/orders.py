"""Binance's orders: over the WebSocket API while that is live, else over HTTP."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from core.adapters.exchanges.binance import parse
from core.adapters.exchanges.binance.account import Account
from core.adapters.exchanges.binance.answers import OrderRow, order_row
from core.adapters.exchanges.binance.boards import Board, Boards
from core.adapters.exchanges.binance.errors import told_wait_s
from core.adapters.exchanges.binance.markets import USDM
from core.adapters.exchanges.binance.rest import BinanceRest, Params
from core.adapters.exchanges.connection.limiter import RateBudget
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.models import (
    Instrument,
    LeverageResult,
    MarginMode,
    MarginModeResult,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    TimeInForce,
    plain,
)
from core.adapters.exchanges.native.listings import Listings, check_order
from core.errors import (
    MalformedMessage,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    TransportError,
)

_SIDES: Final = {OrderSide.BUY: "BUY", OrderSide.SELL: "SELL"}
_TIMES_IN_FORCE: Final = {
    TimeInForce.GTC: "GTC",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
}
_MARGIN_WORDS: Final = {MarginMode.ISOLATED: "ISOLATED", MarginMode.CROSS: "CROSSED"}
_NO_CHANGE: Final = "-4046"
"""The margin mode is what was asked for already."""
_TIMEOUT_S: Final = 5.0
_FRESH_NS: Final = 250_000_000
"""So long after it was signed a request may leave; a later one is signed anew."""
_READY_MOST: Final = 16
"""Requests that are kept before they leave; those that never did are forgotten."""


class Orders:
    """Everything that changes something at the venue.

    Args:
        rest: Requests over HTTP, and signatures.
        boards: The markets in use, with their sockets.
        account: Asked for what became of orders and settings.
        listings: What is tradable on all of them.
    """

    def __init__(
        self, rest: BinanceRest, boards: Boards, account: Account, listings: Listings
    ) -> None:
        self._rest = rest
        self._boards = boards
        self._account = account
        self._listings = listings
        self._venue = rest.venue
        self._numbers = itertools.count(1)
        self._ready: dict[str, _Ready] = {}
        """Client order id -> its request, signed and not sent."""
        self._places: dict[str, _Place] = {}
        """Symbol -> where its orders go; looked up anew when its listing is another."""

    def _place(self, symbol: str) -> _Place:
        """Where orders of a symbol go.

        Raises:
            OrderRejected: If the venue has no such symbol, or does not trade it now.
        """
        listing, instrument = self._listings.to_trade(symbol)
        board = self._boards.of(symbol)[0]
        self._boards.used[symbol] = None
        counted = self._rest.order_budget(board.market)
        place = _Place(listing, instrument, board, counted, board.market.is_spot)
        self._places[symbol] = place
        return place

    def prepare(
        self,
        symbol: str,
        side: OrderSide,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> None:
        """Signs an order for the socket, where that is live; `create` refuses what cannot be."""
        place = self._places.get(symbol)
        identity = options.client_order_id
        if place is None or identity is None or not place.board.orders.is_live:
            return
        if len(self._ready) >= _READY_MOST:
            self._ready.clear()
        fields = _order_fields(place, side, amount, price, options)
        self._ready[identity] = self._signed(place.board, "order.place", fields, options)

    def _signed(
        self, board: Board, word: str, fields: Params, options: OrderOptions | None = None
    ) -> _Ready:
        """A request over the socket."""
        number = str(next(self._numbers))
        expires_at = None if options is None else options.expires_at
        message = request_of(number, word, self._rest.socket_params(fields, expires_at))
        return _Ready(options, board, number, message, self._rest.clock.monotonic_ns())

    def _taken(self, options: OrderOptions, board: Board) -> _Ready | None:
        """The request that was signed for these very options, if it is still fresh."""
        ready = self._ready.pop(options.client_order_id or "", None)
        if ready is None or ready.options is not options or ready.board is not board:
            return None
        is_fresh = self._rest.clock.monotonic_ns() - ready.signed_ns <= _FRESH_NS
        return ready if is_fresh and board.orders.is_live else None

    async def create(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> OrderData:
        """Sends one order, once."""
        place = self._places.get(symbol)
        if place is None or place.listing is not self._listings.by_symbol.get(symbol):
            place = self._place(symbol)
        check_order(place.instrument, order_type, amount, price, options)
        ready = self._taken(options, place.board)
        if ready is not None:
            answer = await self._call(ready, counted=place.counted)
        else:
            answer = await self._send(
                place.board,
                "order.place",
                "POST",
                "order",
                _order_fields(place, side, amount, price, options),
                counted=place.counted,
                options=options,
            )
        order = self._read_order(answer, place.board)
        if order.symbol != symbol or order.client_order_id != (
            options.client_order_id or order.client_order_id
        ):
            raise OutcomeUnknown(
                f"{self._venue} answered with another order than was sent.", venue=self._venue
            )
        return order

    async def cancel(self, order_id: str, symbol: str) -> OrderData:
        """Cancels; the venue answers with the order as it is then."""
        board, listing = self._boards.of(symbol)
        if not order_id.isdigit():
            raise OrderNotFound(f"{self._venue} has no order {order_id[:40]!r}.", venue=self._venue)
        fields = {"symbol": listing.key, "orderId": order_id}
        answer = await self._send(board, "order.cancel", "DELETE", "order", fields, is_urgent=True)
        return self._read_order(answer, board)

    async def cancel_all(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels what is open, symbol by symbol."""
        before = await self._account.open_orders(symbol)
        for name in sorted({order.symbol for order in before}):
            board, listing = self._boards.of(name)
            path = "openOrders" if board.market.is_spot else "allOpenOrders"
            await self._rest.signed(
                "DELETE",
                board.market,
                path,
                {"symbol": listing.key},
                is_order=True,
                is_urgent=True,
            )
        return [await self._account.order(order.order_id, order.symbol) for order in before]

    async def arm_switch(self, seconds: float | None) -> None:
        """Arms the switch of every perpetual that we had to do with; None calls them off.

        Raises:
            NotSupported: Where spot alone is traded, which has none.
        """
        if "usdm" not in self._boards:
            raise NotSupported(f"{self._venue}: spot has no dead man's switch.", venue=self._venue)
        count = "0" if seconds is None else str(round(seconds * 1000))
        for symbol in list(self._boards.used):
            board, listing = self._boards.of(symbol)
            if not board.market.is_spot:
                await self._rest.signed(
                    "POST",
                    USDM,
                    "countdownCancelAll",
                    {"symbol": listing.key, "countdownTime": count},
                    weight=10,
                    is_order=True,
                    is_urgent=True,
                )

    async def _send(
        self,
        board: Board,
        word: str,
        method: str,
        path: str,
        fields: Params,
        *,
        is_urgent: bool = False,
        counted: RateBudget | None = None,
        options: OrderOptions | None = None,
    ) -> object:
        """A request that changes orders, once: over the socket if that is live, else over HTTP.

        `counted` is what it is counted against beside the address, in one go with that.
        """
        if board.orders.is_live:
            ready = self._signed(board, word, fields, options)
            return await self._call(ready, is_urgent=is_urgent, counted=counted)
        return await self._rest.signed(
            method,
            board.market,
            path,
            fields,
            is_order=True,
            is_urgent=is_urgent,
            counted=counted,
            expires_at=None if options is None else options.expires_at,
            usual=order_row,
        )

    async def _call(
        self, ready: _Ready, *, is_urgent: bool = False, counted: RateBudget | None = None
    ) -> object:
        """Sends a request over the socket, and judges the answer."""
        rest = self._rest
        budget = rest.budget(ready.board.market)
        budget.spend_now(1, is_urgent=is_urgent, also=counted)
        try:
            answer = await ready.board.orders.call(
                ready.number, ready.message, timeout_s=_TIMEOUT_S
            )
        except TransportError as error:
            raise rest.failed(error, is_order=True) from error
        if isinstance(answer, OrderRow):
            return answer
        if not isinstance(answer, dict) or not isinstance(answer.get("status"), int):
            raise OutcomeUnknown(f"{self._venue} answered without a form.", venue=self._venue)
        status = answer["status"]
        body = answer.get("result") if status == 200 else answer
        wait_s = told_wait_s(answer, rest.now_ms())
        return rest.judge(status, body, budget, is_order=True, retry_after_s=wait_s)

    def _read_order(self, answer: object, board: Board) -> OrderData:
        reading = board.listings.reading(self._rest.clock.now())
        try:
            if isinstance(answer, OrderRow):
                return parse.read_order(answer, reading)
            return parse.parse_order(answer, reading)
        except MalformedMessage as error:
            raise OutcomeUnknown(str(error), venue=self._venue) from error

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Whole numbers only."""
        listing = self._boards.perpetual(symbol)
        if leverage % 1 or leverage < 1:
            raise OrderRejected(
                f"{self._venue}: leverage is a whole number, not {plain(leverage)}.",
                venue=self._venue,
                code="LEVERAGE",
            )
        await self._rest.signed(
            "POST",
            USDM,
            "leverage",
            {"symbol": listing.key, "leverage": plain(leverage)},
            is_order=True,
        )
        found, _ = await self._account.margin(symbol)
        return LeverageResult(symbol=symbol, leverage=found)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Refused by the venue while there is a position or an order."""
        listing = self._boards.perpetual(symbol)
        try:
            await self._rest.signed(
                "POST",
                USDM,
                "marginType",
                {"symbol": listing.key, "marginType": _MARGIN_WORDS[margin_mode]},
                is_order=True,
            )
        except OrderRejected as error:
            if error.code != _NO_CHANGE:
                raise
        _, found = await self._account.margin(symbol)
        return MarginModeResult(symbol=symbol, margin_mode=found)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A request of the WebSocket API that has not left."""

    options: OrderOptions | None
    board: Board
    number: str
    message: bytes
    signed_ns: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the orders of a symbol go: what does not change from one to the next."""

    listing: Listing
    instrument: Instrument
    board: Board
    counted: RateBudget
    """The account's orders of this market."""
    is_spot: bool


def _order_fields(
    place: _Place,
    side: OrderSide,
    amount: Decimal,
    price: Decimal | None,
    options: OrderOptions,
) -> Params:
    """An order in the venue's words."""
    fields: Params = {
        "symbol": place.listing.key,
        "side": _SIDES[side],
        "quantity": plain(amount),
        "newOrderRespType": "FULL" if place.is_spot else "RESULT",
    }
    if price is None:
        fields["type"] = "MARKET"
    else:
        fields["price"] = plain(price)
        if options.post_only and place.is_spot:
            fields["type"] = "LIMIT_MAKER"
        else:
            fields["type"] = "LIMIT"
            word = "GTX" if options.post_only else _TIMES_IN_FORCE[options.time_in_force]
            fields["timeInForce"] = word
    if options.reduce_only:
        if place.is_spot:
            raise NotSupported("binance spot has no reduce-only orders.", venue="binance")
        fields["reduceOnly"] = "true"
    if options.client_order_id is not None:
        fields["newClientOrderId"] = options.client_order_id
    return fields


def request_of(number: str, method: str, params: Params) -> bytes:
    """A request of the WebSocket API."""
    return msgspec.json.encode({"id": number, "method": method, "params": params})
