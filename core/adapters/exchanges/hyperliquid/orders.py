"""Orders at Hyperliquid: signed actions, over the private socket while it is live, else over HTTP.

The signed bytes are the same. Nonces are the clock in milliseconds and never fall back; a deadline
(`expiresAfter`) makes a negative answer final.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.decoding import OrderAck
from core.adapters.exchanges.hyperliquid.account import Account
from core.adapters.exchanges.hyperliquid.client_ids import ClientIds
from core.adapters.exchanges.hyperliquid.errors import error_of, refusal_of
from core.adapters.exchanges.hyperliquid.instruments import tick_at
from core.adapters.exchanges.hyperliquid.prices import Prices
from core.adapters.exchanges.hyperliquid.private import post
from core.adapters.exchanges.hyperliquid.rest import HyperliquidRest, Signer, statuses_of
from core.adapters.exchanges.hyperliquid.sign import (
    Action,
    cancel_action,
    leverage_action,
    order_action,
    order_wire,
    schedule_cancel_action,
)
from core.adapters.exchanges.models import (
    ConnectionState,
    MarginMode,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
    to_ns,
)
from core.adapters.exchanges.native.listings import Listings, check_leaves, check_order
from core.errors import NotSent, OrderRejected, OutcomeUnknown, TransportError

_TIMEOUT_S: Final = 5.0


class Orders:
    """What is signed and sent.

    Args:
        rest: Over HTTP.
        private: The socket for actions.
        listings: The venue's instruments.
        prices: The worst price of a market order.
        account: What became of an order.
        ids: Our client order ids as the venue spells them.
    """

    def __init__(
        self,
        rest: HyperliquidRest,
        private: Connection,
        listings: Listings,
        prices: Prices,
        account: Account,
        ids: ClientIds,
    ) -> None:
        self.signer: Signer | None = None
        """None until a key was accepted."""
        self._rest = rest
        self._private = private
        self._listings = listings
        self._prices = prices
        self._account = account
        self._ids = ids
        self._clock = rest.clock
        self._venue = rest.venue
        self._numbers = itertools.count(1)

    # -- orders -------------------------------------------------------------------------------

    async def create(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> OrderData:
        """Sends one order, once; one at market as an immediate-or-cancel limit."""
        listing, instrument = self._listings.to_trade(symbol)
        tick = None if price is None or price <= 0 else tick_at(instrument, price)
        check_order(instrument, order_type, amount, price, options, tick)
        if options.time_in_force is TimeInForce.FOK:
            raise OrderRejected(
                f"{self._venue} has no fill-or-kill orders; nothing was sent.",
                venue=self._venue,
                code="FOK",
            )
        limit = price if price is not None else await self._prices.worst(instrument, side)
        name = options.client_order_id
        wire = order_wire(
            listing.number or 0,
            side,
            limit,
            amount,
            OrderOptions(
                client_order_id=None if name is None else self._ids.cloid(name),
                time_in_force=TimeInForce.IOC if price is None else options.time_in_force,
                post_only=options.post_only,
                reduce_only=options.reduce_only,
            ),
        )
        check_leaves(self._venue, options.may_leave)  # a price may have been waited for
        expires = None if options.expires_at is None else to_ns(options.expires_at) // 1_000_000
        answer = await self.act(order_action([wire]), expires)
        (ack,) = self._acks(answer, 1)
        if ack.client_order_id not in {None, wire.get("c")}:
            raise OutcomeUnknown(
                f"{self._venue} answered with another order than was sent.", venue=self._venue
            )
        now = self._clock.now()
        return OrderData(
            venue=self._venue,
            symbol=symbol,
            order_id=ack.order_id,
            client_order_id=name,
            side=side,
            order_type=order_type,
            status=_status(ack, amount),
            amount=amount,
            price=price,
            filled=ack.filled or Decimal(0),
            average_price=ack.average_price,
            time_in_force=options.time_in_force,
            post_only=options.post_only,
            reduce_only=options.reduce_only,
            created_at=now,
            updated_at=now,
        )

    async def cancel(self, order_id: str, symbol: str) -> OrderData:
        """Cancels, then asks for what the order is; the venue's answer to a cancel says little."""
        listing, _ = self._listings.to_trade(symbol)
        if not order_id.isdigit():
            raise refusal_of("order was never placed, already canceled, or filled")
        answer = await self.act(
            cancel_action([(listing.number or 0, int(order_id))]), is_urgent=True
        )
        self._acks(answer, 1)
        try:
            return await self._account.order(order_id, symbol, None)
        except TransportError as error:
            raise OutcomeUnknown(
                f"{self._venue} cancelled, and did not say what had filled before.",
                venue=self._venue,
            ) from error

    async def cancel_all(self, symbol: str | None) -> list[OrderData]:
        """Cancels what is open, all in one action."""
        open_orders = await self._account.open_orders(symbol)
        cancels = [
            (self._listings.of(order.symbol).number or 0, int(order.order_id))
            for order in open_orders
        ]
        if not cancels:
            return []
        answer = await self.act(cancel_action(cancels), is_urgent=True)
        statuses = statuses_of(answer, self._rest.reading())
        told = [
            replace(order, status=OrderStatus.CANCELED)
            for order, status in zip(open_orders, statuses, strict=False)
            if isinstance(status, OrderAck)
        ]
        return await self._account.with_fills(told)

    async def schedule_cancel(self, seconds: float | None) -> None:
        """The dead man's switch: every order of the account is cancelled then; None disarms it."""
        at_ms = None
        if seconds is not None:
            at_ms = self._clock.now_ns() // 1_000_000 + round(seconds * 1000)
        await self.act(schedule_cancel_action(at_ms), is_urgent=True)

    async def set_margin(self, symbol: str, leverage: Decimal, mode: MarginMode) -> None:
        """Leverage, a whole number, and margin mode of a perpetual."""
        listing, instrument = self._listings.to_trade(symbol)
        if leverage % 1 or not 1 <= leverage <= instrument.max_leverage:
            raise OrderRejected(
                f"{self._venue} {symbol}: leverage is a whole number up to "
                f"{instrument.max_leverage}, not {leverage}.",
                venue=self._venue,
                code="LEVERAGE",
            )
        action = leverage_action(
            listing.number or 0, int(leverage), is_cross=mode is MarginMode.CROSS
        )
        await self.act(action)

    # -- actions ------------------------------------------------------------------------------

    async def act(
        self, action: Action, expires_ms: int | None = None, *, is_urgent: bool = False
    ) -> object:
        """Signs and sends an action, once.

        Raises:
            NotSent: If no key was accepted.
            VenueError: What the venue's answer, or its absence, means.
        """
        if self.signer is None:
            raise NotSent(f"{self._venue}: no key was accepted.", venue=self._venue)
        if self._private.state is not ConnectionState.LIVE:
            return await self._rest.act(self.signer.body(action, expires_ms), is_urgent=is_urgent)
        self._rest.budget.spend_now(1, is_urgent=is_urgent)
        sequence = next(self._numbers)
        message = post(sequence, self.signer.body(action, expires_ms))
        try:
            answer = await self._private.call(str(sequence), message, timeout_s=_TIMEOUT_S)
        except TransportError as error:
            raise self._rest.failed(error, is_order=True) from error
        return self._judge(answer)

    def _judge(self, answer: object) -> object:
        """The payload of a `post` answer, which is what HTTP would have answered."""
        if not isinstance(answer, dict):
            raise OutcomeUnknown(f"{self._venue} answered without a form.", venue=self._venue)
        payload = answer.get("payload")
        if answer.get("type") == "error":
            text = str(payload)
            status = int(text[:3]) if text[:3].isdigit() else 200
            body: object = {"status": "err", "response": text}
            error = error_of(status, body, is_order=True)
            raise error or OutcomeUnknown(f"{self._venue}: {text[:200]}", venue=self._venue)
        return self._rest.judge(200, payload, self._rest.budget, is_order=True)

    def _acks(self, answer: object, count: int) -> tuple[OrderAck, ...]:
        """The acknowledgements of an action.

        Raises:
            VenueError: The first refusal among them.
            OutcomeUnknown: If there are not as many as were asked for.
        """
        found = statuses_of(answer, self._rest.reading())
        if len(found) != count:
            raise OutcomeUnknown(
                f"{self._venue} answered {len(found)} of {count}", venue=self._venue
            )
        acks: list[OrderAck] = []
        for item in found:
            if isinstance(item, OrderAck):
                acks.append(item)
            else:
                raise refusal_of(str(item))
        return tuple(acks)


def _status(ack: OrderAck, amount: Decimal) -> OrderStatus:
    """What an acknowledgement says: one that filled in part and does not rest is cancelled."""
    if ack.status is OrderStatus.FILLED and ack.filled is not None and ack.filled < amount:
        return OrderStatus.CANCELED
    return ack.status
