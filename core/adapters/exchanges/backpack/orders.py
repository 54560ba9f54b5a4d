"""Orders at Backpack: each a signed request whose window is its deadline."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.adapters.exchanges.backpack import parse
from core.adapters.exchanges.backpack.account import Account
from core.adapters.exchanges.backpack.rest import BackpackRest
from core.adapters.exchanges.backpack.sign import Value
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.models import (
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    TimeInForce,
    plain,
)
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.native.listings import Listings, check_order
from core.errors import MalformedMessage, OrderNotFound, OutcomeUnknown

_SIDES: Final = {OrderSide.BUY: "Bid", OrderSide.SELL: "Ask"}


class Orders:
    """What is signed and sent.

    Args:
        rest: Asks and signs.
        listings: The venue's instruments.
        account: What is open.
        numbers: Our client order ids as the venue counts them.
    """

    def __init__(
        self, rest: BackpackRest, listings: Listings, account: Account, numbers: ClientNumbers
    ) -> None:
        self._rest = rest
        self._listings = listings
        self._account = account
        self._numbers = numbers
        self._venue = rest.venue

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
        listing, instrument = self._listings.to_trade(symbol)
        check_order(instrument, order_type, amount, price, options)
        fields = _order_fields(listing, side, amount, price, options)
        if options.client_order_id is not None:
            fields["clientId"] = self._numbers.to_send(options.client_order_id)
        answer = await self._rest.signed(
            "POST",
            "/api/v1/order",
            "orderExecute",
            fields,
            is_order=True,
            window_ms=self._rest.window_ms(options.expires_at),
        )
        order = self._read(answer)
        sent = (symbol, side, options.client_order_id)
        if (order.symbol, order.side, order.client_order_id) != sent:
            raise OutcomeUnknown(
                f"{self._venue} answered with another order than was sent.", venue=self._venue
            )
        return order

    async def cancel(self, order_id: str, symbol: str) -> OrderData:
        """Cancels; the venue answers with the order as it is then."""
        listing = self._listings.of(symbol)
        if not order_id.isdigit():
            raise OrderNotFound(f"{self._venue} has no order {order_id[:40]!r}.", venue=self._venue)
        answer = await self._rest.signed(
            "DELETE",
            "/api/v1/order",
            "orderCancel",
            {"orderId": order_id, "symbol": listing.key},
            is_order=True,
            is_urgent=True,
        )
        return self._read(answer)

    async def cancel_all(self, symbol: str | None) -> list[OrderData]:
        """Cancels what is open, symbol by symbol."""
        before = await self._account.open_orders(symbol)
        gone: list[OrderData] = []
        for name in sorted({order.symbol for order in before}):
            answer = await self._rest.signed(
                "DELETE",
                "/api/v1/orders",
                "orderCancelAll",
                {"symbol": self._listings.of(name).key},
                is_order=True,
                is_urgent=True,
            )
            try:
                gone += parse.parse_orders(answer, self._rest.reading())
            except MalformedMessage as error:
                raise OutcomeUnknown(str(error), venue=self._venue) from error
        return [self._account.ours(order) for order in gone]

    def _read(self, answer: object) -> OrderData:
        try:
            return self._account.ours(parse.parse_order(answer, self._rest.reading()))
        except MalformedMessage as error:
            raise OutcomeUnknown(str(error), venue=self._venue) from error


def _order_fields(
    listing: Listing,
    side: OrderSide,
    amount: Decimal,
    price: Decimal | None,
    options: OrderOptions,
) -> dict[str, Value]:
    """An order in the venue's words."""
    fields: dict[str, Value] = {
        "symbol": listing.key,
        "side": _SIDES[side],
        "quantity": plain(amount),
        "orderType": "Market" if price is None else "Limit",
    }
    if price is not None:
        fields["price"] = plain(price)
        fields["timeInForce"] = options.time_in_force.value.upper()
        if options.post_only:
            fields["postOnly"] = True
            fields["timeInForce"] = TimeInForce.GTC.value.upper()
    if options.reduce_only:
        fields["reduceOnly"] = True
    return fields
