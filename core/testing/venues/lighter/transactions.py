"""What a signed transaction does.

The sequencer takes a transaction in and answers with its hash alone. An order that matching then
refuses is an order that was cancelled at once, with a status that says why; a reduce-only order
that reduces nothing is dropped without a word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.models import (
    MarginMode,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from core.errors import OrderRejected
from core.testing.venues.floor import identity_of
from core.testing.venues.lighter.keys import KeyRing, Refused
from core.testing.venues.lighter.markets import MarketName, Markets
from core.testing.venues.lighter.words import number_in
from core.testing.venues.server import LoopbackVenue, decoded

CREATE, CANCEL, CANCEL_ALL, MODIFY, LEVERAGE = 14, 15, 16, 17, 20
NAMES: Final = {
    CREATE: "create_order",
    CANCEL: "cancel_order",
    CANCEL_ALL: "cancel_all_orders",
    MODIFY: "modify_order",
    LEVERAGE: "set_leverage",
}
"""Type of a transaction -> as the port calls it."""
_LARGEST_CLIENT_INDEX: Final = 2**48 - 1
_REFUSED_NUMBERS: Final = 900_000
"""Where the numbers of orders begin that matching never had."""
_LEAST_SCHEDULE_MS: Final = 5 * 60 * 1000
_FRACTIONS: Final = 10_000
_SILENT: Final = "REDUCE_ONLY"
_AFTERWARDS: Final = frozenset(
    {"POST_ONLY_WOULD_CROSS", "INSUFFICIENT_MARGIN", "INSUFFICIENT_BALANCE", "SPOT_SHORT"}
)
"""Refusals that only matching can make: the transaction itself is accepted."""
_CODES: Final = {
    "AMOUNT_INVALID": (21706, "invalid order base or quote amount"),
    "MIN_AMOUNT": (21706, "invalid order base or quote amount"),
    "MIN_NOTIONAL": (21706, "invalid order base or quote amount"),
    "MAX_AMOUNT": (21706, "invalid order base or quote amount"),
    "PRICE_INVALID": (21703, "invalid order price"),
    "DUPLICATE_CLIENT_ORDER_ID": (21728, "client order index already exists"),
}


class Transactions:
    """What transactions of one venue do.

    Args:
        venue: Whose.
        markets: Names and numbers.
        keys: Who may.
        tell: Told of orders that matching refused.
    """

    def __init__(
        self,
        venue: LoopbackVenue,
        markets: Markets,
        keys: KeyRing,
        tell: Callable[[OrderData], None],
    ) -> None:
        self.refused: list[OrderData] = []
        """Orders that matching never had, from old to new."""
        self.on_refused: Callable[[OrderData], None] | None = None
        """Told of each of them before anybody else is."""
        self._venue = venue
        self._floor = venue.floor
        self._markets = markets
        self._keys = keys
        self._tell = tell
        self._scheduled = 0
        """Which of the cancels of everything is the newest."""
        self._is_scheduled = False

    def send(self, tx_type: int, text: str) -> dict[str, object]:
        """Takes a transaction in.

        Raises:
            Refused: With the sequencer's number.
        """
        info = decoded(text)
        acts = {
            CREATE: self._create,
            CANCEL: self._cancel,
            CANCEL_ALL: self._cancel_all,
            MODIFY: self._modify,
            LEVERAGE: self._leverage,
        }
        act = acts.get(tx_type)
        if act is None or not isinstance(info, dict):
            raise Refused(20001, "invalid param: tx_type or tx_info")
        try:
            self._keys.check_transaction(info, self._venue.now_ms())
            act(info)
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(20001, f"invalid param: {error}") from error
        return {
            "code": 200,
            "message": '{"ratelimit": "didn\'t use volume quota"}',
            "tx_hash": hashlib.sha256(text.encode()).hexdigest() + "0" * 16,
            "predicted_execution_time_ms": self._venue.now_ms(),
        }

    # -- orders -------------------------------------------------------------------------------

    def _market(self, info: dict[str, Any]) -> MarketName:
        found = self._markets.by_number.get(int(info["MarketIndex"]))
        if found is None:
            raise Refused(21602, "invalid market index")
        return found

    def _create(self, info: dict[str, Any]) -> None:
        market = self._market(info)
        index = int(info["ClientOrderIndex"])
        if not 0 <= index <= _LARGEST_CLIENT_INDEX:
            raise Refused(21727, "invalid client order index")
        if int(info["Type"]) not in {0, 1}:
            raise Refused(21710, "invalid order type")
        is_market = int(info["Type"]) == 1
        in_force = int(info["TimeInForce"])
        options = OrderOptions(
            client_order_id=str(index) if index else None,
            time_in_force=TimeInForce.IOC if in_force == 0 else TimeInForce.GTC,
            post_only=in_force == 2,
            reduce_only=bool(info["ReduceOnly"]),
        )
        self._place(market, info, options, is_market=is_market)

    def _place(
        self, market: MarketName, info: dict[str, Any], options: OrderOptions, *, is_market: bool
    ) -> None:
        """A market order has a worst price, and is an immediate-or-cancel at it."""
        side = OrderSide.SELL if info["IsAsk"] else OrderSide.BUY
        price, amount = market.price(int(info["Price"])), market.amount(int(info["BaseAmount"]))
        symbol = market.instrument.symbol
        if is_market:
            options = replace(options, time_in_force=TimeInForce.IOC)
        try:
            self._floor.create(symbol, side, OrderType.LIMIT, amount, price, options)
        except OrderRejected as error:
            code = error.code or ""
            if code == _SILENT:
                return
            if code not in _AFTERWARDS:
                raise Refused(*_CODES.get(code, (21711, str(error)))) from error
            self._refuse(symbol, side, (price, amount), options, code)

    def _refuse(
        self,
        symbol: str,
        side: OrderSide,
        terms: tuple[Decimal, Decimal],
        options: OrderOptions,
        code: str,
    ) -> None:
        now = self._venue.clock.now()
        order = OrderData(
            venue=self._venue.name,
            symbol=symbol,
            order_id=identity_of(_REFUSED_NUMBERS + len(self.refused)),
            client_order_id=options.client_order_id,
            side=side,
            order_type=OrderType.LIMIT,
            status=OrderStatus.CANCELED,
            amount=terms[1],
            price=terms[0],
            time_in_force=options.time_in_force,
            post_only=options.post_only,
            reduce_only=options.reduce_only,
            reason=code,
            created_at=now,
            updated_at=now,
        )
        self.refused.append(order)
        if self.on_refused is not None:
            self.on_refused(order)
        self._tell(order)

    def _open(self, info: dict[str, Any]) -> OrderData:
        """By the venue's index, or by the client's."""
        index = int(info["Index"])
        if index > _LARGEST_CLIENT_INDEX:
            order = self._floor.order(identity_of(number_in(index)))
        else:
            order = self._floor.order(client_order_id=str(index))
        market = self._market(info)
        if order is None or order.symbol != market.instrument.symbol:
            raise Refused(21700, "invalid order index")
        return order

    def _cancel(self, info: dict[str, Any]) -> None:
        order = self._open(info)
        try:
            self._floor.cancel(order.order_id, order.symbol)
        except OrderRejected as error:
            raise Refused(21709, "inactive order") from error

    def _cancel_all(self, info: dict[str, Any]) -> None:
        """At once (0), at a time (1), or no longer (2); always every market.

        One waits at a time: another is refused until that one is called off.
        """
        kind = int(info["TimeInForce"])
        if kind == 1 and self._is_scheduled:
            raise Refused(21722, "cancel all is scheduled already")
        self._is_scheduled = False
        self._scheduled += 1
        if kind == 0:
            self._floor.cancel_all()
        if kind != 1:
            return
        wait_ms = int(info["Time"]) - self._venue.now_ms()
        if wait_ms < _LEAST_SCHEDULE_MS:
            raise Refused(21721, "invalid cancel all time")
        number = self._scheduled
        self._is_scheduled = True

        def fire() -> None:
            if self._scheduled == number:
                self._is_scheduled = False
                self._floor.cancel_all()

        self._venue.clock.call_after_ns(wait_ms * 1_000_000, fire)

    def _modify(self, info: dict[str, Any]) -> None:
        """The order goes, and comes again with other terms under the same client index."""
        order, market = self._open(info), self._market(info)
        try:
            self._floor.cancel(order.order_id, order.symbol)
        except OrderRejected as error:
            raise Refused(21709, "inactive order") from error
        options = OrderOptions(
            client_order_id=order.client_order_id,
            time_in_force=order.time_in_force,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
        )
        terms = {**info, "IsAsk": order.side is OrderSide.SELL}
        self._place(market, terms, options, is_market=False)

    def _leverage(self, info: dict[str, Any]) -> None:
        symbol = self._market(info).instrument.symbol
        mode = MarginMode.ISOLATED if int(info["MarginMode"]) else MarginMode.CROSS
        try:
            self._floor.set_margin_mode(symbol, mode)
            leverage = Decimal(_FRACTIONS) / int(info["InitialMarginFraction"])
            self._floor.set_leverage(symbol, leverage)
        except (OrderRejected, ZeroDivisionError) as error:
            raise Refused(21508, "invalid initial margin fraction") from error
