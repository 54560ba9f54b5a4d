"""Orders at Lighter: signed transactions, and what became of them."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.lighter.account import Account
from core.adapters.exchanges.lighter.news import News, refusal_in
from core.adapters.exchanges.lighter.prices import Prices
from core.adapters.exchanges.lighter.rest import LighterRest
from core.adapters.exchanges.lighter.sign import (
    CANCEL_ALL,
    CANCEL_ORDER,
    CREATE_ORDER,
    GTT,
    IOC,
    LIMIT,
    MARKET,
    POST_ONLY,
    Order,
    Signer,
)
from core.adapters.exchanges.models import (
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    TimeInForce,
)
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.native.face import worst_price
from core.adapters.exchanges.native.listings import Listings, check_leaves, check_order
from core.errors import OrderNotFound, OrderRejected, OutcomeUnknown, VenueError
from core.infrastructure.rng import Rng

LEAST_SWITCH_S: Final = 300
_SLACK_MS: Final = 5_000
"""The venue compares with its own clock; a switch of the least length must not be too short."""
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Orders:
    """Sends orders and cancels of one account.

    Args:
        rest: Signs and sends.
        listings: The venue's instruments.
        prices: Tells the book that a market order's worst price is taken from.
        account: Questions about orders and positions.
        news: What the private socket tells.
        numbers: Our ids as the venue's client order indexes.
        rng: Names orders that were given no id.
    """

    def __init__(
        self,
        rest: LighterRest,
        listings: Listings,
        prices: Prices,
        account: Account,
        news: News,
        numbers: ClientNumbers,
        rng: Rng,
    ) -> None:
        self._rest = rest
        self._listings = listings
        self._prices = prices
        self._account = account
        self._news = news
        self._numbers = numbers
        self._rng = rng
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
        """Sends one order, once, and tells what became of it as far as that is known."""
        listing, instrument = self._listings.to_trade(symbol)
        check_order(instrument, order_type, amount, price, options)
        if options.time_in_force is TimeInForce.FOK:
            raise refused("FOK", "has no fill-or-kill orders")
        if options.reduce_only:
            await self._check_reduces(symbol, side)
        name = options.client_order_id or self._name()
        number = self._numbers.to_send(name)
        worst = price
        if worst is None:
            worst = await worst_price(instrument, side, lambda: self._prices.book(symbol, 1))
        is_brief = price is None or options.time_in_force is TimeInForce.IOC
        order = Order(
            market=listing.number or 0,
            client_index=number,
            amount=int(amount / instrument.lot_size),
            price=int(worst / instrument.tick_size),
            is_ask=side is OrderSide.SELL,
            kind=MARKET if price is None else LIMIT,
            time_in_force=IOC if is_brief else POST_ONLY if options.post_only else GTT,
            is_reduce_only=options.reduce_only,
        )

        def sign(signer: Signer, nonce: int) -> str:
            # Its turn, the nonce and a price were waited for.
            check_leaves(self._venue, options.may_leave)
            return signer.create(order, nonce)

        with self._news.creating(str(number)):
            await self._rest.send(CREATE_ORDER, sign)
            told = await self._outcome(str(number), symbol, name, is_brief=is_brief)
        refusal = refusal_in(told)
        if refusal is not None:
            raise refusal
        return told

    async def _outcome(self, number: str, symbol: str, name: str, *, is_brief: bool) -> OrderData:
        """What the private socket, or else a question, says of an order that was taken.

        Raises:
            OutcomeUnknown: If nothing is known of it yet.
        """
        order = await self._news.of_create(number, is_brief=is_brief)
        if order is not None:
            return order
        try:
            found = await self._account.order(None, symbol, name)
        except VenueError as error:
            raise OutcomeUnknown(
                f"{self._venue} took the order, and nothing is known of it yet.", venue=self._venue
            ) from error
        self._news.expect(number)
        return found

    async def _check_reduces(self, symbol: str, side: OrderSide) -> None:
        """Refuses a reduce-only order that the venue would drop without a word.

        Raises:
            OrderRejected: If there is no position on the other side, after asking.
        """
        held = self._news.position(symbol)
        if held is None or held.size * side.sign >= 0:
            asked = await self._account.positions([symbol])
            held = asked[0] if asked else None
        if held is None or held.size * side.sign >= 0:
            raise refused("REDUCE_ONLY", f"{symbol}: there is nothing to reduce")

    async def cancel(self, order_id: str, symbol: str) -> OrderData:
        """Cancels, and waits for what the order is then."""
        listing = self._listings.of(symbol)
        if not order_id.isdigit():
            raise OrderNotFound(f"{self._venue} has no order {order_id[:40]!r}.", venue=self._venue)
        await self._rest.send(
            CANCEL_ORDER,
            lambda signer, nonce: signer.cancel(listing.number or 0, int(order_id), nonce),
            is_urgent=True,
        )
        order = await self._news.of_end(order_id)
        if order is not None:
            return order
        try:
            found = await self._account.order(order_id, symbol)
        except VenueError as error:
            raise OutcomeUnknown(
                f"{self._venue} took the cancel, and did not say what became of the order.",
                venue=self._venue,
            ) from error
        if not found.status.is_final:
            raise OutcomeUnknown(
                f"{self._venue} took the cancel, and the order is open yet.", venue=self._venue
            )
        self._news.expect_end(order_id)
        return found

    async def cancel_all(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels what is open, one by one: the venue's own request knows no symbol."""
        gone: list[OrderData] = []
        for order in await self._account.open_orders(symbol):
            try:
                gone.append(await self.cancel(order.order_id, order.symbol))
            except OrderNotFound:
                continue  # it ended by itself
        return gone

    async def schedule_cancel(self, seconds: float | None) -> None:
        """The cancel of every order of the account so long from now; None calls it off.

        The venue keeps one at a time, so the one before is called off first, which it may refuse
        where there is none.

        Raises:
            OrderRejected: If it is sooner than the venue takes; nothing was sent.
        """
        if seconds is not None and seconds < LEAST_SWITCH_S:
            raise refused("SWITCH", f"takes a dead man's switch of {LEAST_SWITCH_S} s at least")
        with suppress(OrderRejected):
            await self._rest.send(
                CANCEL_ALL, lambda signer, nonce: signer.cancel_all_at(None, nonce), is_urgent=True
            )
        if seconds is None:
            return
        at_ms = self._rest.clock.now_ns() // 1_000_000 + round(seconds * 1000) + _SLACK_MS
        await self._rest.send(
            CANCEL_ALL, lambda signer, nonce: signer.cancel_all_at(at_ms, nonce), is_urgent=True
        )

    def _name(self) -> str:
        """An id for an order that was given none; it is read back from its number."""
        return "".join(_LETTERS[self._rng.integer(0, len(_LETTERS) - 1)] for _ in range(8))


def refused(code: str, problem: str) -> OrderRejected:
    """A refusal of ours, before anything was sent."""
    return OrderRejected(f"lighter {problem}; nothing was sent.", venue="lighter", code=code)
