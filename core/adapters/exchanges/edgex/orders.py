"""Orders at edgeX: signed twice, asked about, cancelled."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from coincurve import PrivateKey

from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.edgex import parse
from core.adapters.exchanges.edgex.account import Account
from core.adapters.exchanges.edgex.errors import refused_by_words
from core.adapters.exchanges.edgex.news import News
from core.adapters.exchanges.edgex.prices import Prices
from core.adapters.exchanges.edgex.rest import EdgexRest
from core.adapters.exchanges.edgex.sign import (
    L2_EXPIRY_MARGIN_MS,
    OrderTerms,
    Value,
    sign_order,
)
from core.adapters.exchanges.models import (
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    TimeInForce,
    plain,
)
from core.adapters.exchanges.native.face import worst_price
from core.adapters.exchanges.native.listings import Listings, check_leaves, check_order
from core.errors import (
    DuplicateClientOrderId,
    MalformedMessage,
    NotSent,
    OrderNotFound,
    OutcomeUnknown,
    VenueError,
)
from core.infrastructure.rng import Rng

_SIDES: Final = {OrderSide.BUY: "BUY", OrderSide.SELL: "SELL"}
_TIMES_IN_FORCE: Final = {
    TimeInForce.GTC: "GOOD_TIL_CANCEL",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "FILL_OR_KILL",
}
_LIFE_MS: Final = 22 * 24 * 3600 * 1000


class Orders:
    """Sends orders and cancels of one account.

    Args:
        rest: Requests and the venue's metadata.
        listings: The venue's instruments.
        prices: Tells the book that a market order's worst price is taken from.
        account: Questions about orders.
        news: What the private socket tells.
        rng: Names orders that were given no id.
    """

    def __init__(
        self,
        rest: EdgexRest,
        listings: Listings,
        prices: Prices,
        account: Account,
        news: News,
        rng: Rng,
    ) -> None:
        self._rest = rest
        self._listings = listings
        self._prices = prices
        self._account = account
        self._news = news
        self._rng = rng
        self._venue = rest.venue
        self.signs_with: PrivateKey | None = None
        """What signs orders; None while no key was proved."""

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
        name = options.client_order_id or f"x{self._rng.bytes(15).hex()}"
        worst = price
        if worst is None:
            worst = await worst_price(instrument, side, lambda: self._prices.book(symbol, 15))
        check_leaves(self._venue, options.may_leave)  # a price may have been waited for
        fields = self._signed_order(listing, side, amount, price, worst, name, options)
        try:
            answer = await self._rest.private("POST", "order/createOrder", fields, is_order=True)
            ack = parse.parse_created(answer, self._rest.reading())
        except OutcomeUnknown as error:
            raise await self._judged(error, symbol, name) from error
        except MalformedMessage as error:
            raise OutcomeUnknown(str(error), venue=self._venue) from error
        is_brief = price is None or options.time_in_force is not TimeInForce.GTC
        return await self._outcome(ack.order_id, symbol, name, is_brief=is_brief)

    def _signed_order(
        self,
        listing: Listing,
        side: OrderSide,
        amount: Decimal,
        price: Decimal | None,
        worst: Decimal,
        name: str,
        options: OrderOptions,
    ) -> dict[str, Value]:
        """An order in the venue's words, with its signature.

        Raises:
            NotSent: If the venue's metadata lack what a signature binds.
        """
        meta, key, account = self._rest.meta, self.signs_with, self._rest.need_key().account
        contract = None if meta is None else meta.contracts.get(listing.key)
        if meta is None or contract is None or key is None:
            raise NotSent(
                f"{self._venue} {listing.symbol}: cannot be signed for.", venue=self._venue
            )
        if meta.chain_id is None or meta.verifying_contract is None:
            raise NotSent(f"{self._venue}: the metadata name no chain.", venue=self._venue)
        expires_ms = self._rest.now_ms() + _LIFE_MS
        terms = OrderTerms(
            account_id=int(account),
            client_order_id=name,
            side=side,
            amount=amount,
            price=worst,
            expires_at_ms=expires_ms,
        )
        signature = sign_order(
            terms, contract, key, chain_id=meta.chain_id, verifying=meta.verifying_contract
        )
        word = "POST_ONLY" if options.post_only else _TIMES_IN_FORCE[options.time_in_force]
        return {
            "contractId": listing.key,
            "side": _SIDES[side],
            "size": plain(amount),
            "price": "0" if price is None else plain(price),
            "type": "MARKET" if price is None else "LIMIT",
            "timeInForce": "IMMEDIATE_OR_CANCEL" if price is None else word,
            "reduceOnly": options.reduce_only,
            "clientOrderId": name,
            "expireTime": str(expires_ms),
            "l2Nonce": str(terms.nonce),
            "l2Value": plain(terms.value),
            "l2Size": plain(amount),
            "l2LimitFee": plain(terms.limit_fee(contract)),
            "l2ExpireTime": str(expires_ms + L2_EXPIRY_MARGIN_MS),
            "l2Signature": signature.hex(),
        }

    async def _judged(self, error: OutcomeUnknown, symbol: str, name: str) -> VenueError:
        """What an answer other than success proves, with a question to make sure."""
        refused = refused_by_words(error.code, error.message)
        if refused is None or isinstance(refused, DuplicateClientOrderId):
            return refused or error
        try:
            await self._account.order(None, symbol, client_order_id=name)
        except OrderNotFound:
            return refused
        except VenueError:
            return error
        return DuplicateClientOrderId(
            f"{self._venue} refused, and has an order of that id.",
            venue=self._venue,
            code=error.code,
        )

    async def _outcome(self, order_id: str, symbol: str, name: str, *, is_brief: bool) -> OrderData:
        """What the private socket, or else a question, says of an order that was taken.

        The answer repeats nothing of the order, so it is believed only together with a word that
        names our id: an answer to somebody else's request must not become ours (reliability T5).

        Args:
            order_id: What the venue answered.
            symbol: Of the order.
            name: Our id.
            is_brief: Whether its end is waited for, since it cannot rest.

        Raises:
            OutcomeUnknown: If nothing is known of it yet, or the number is another order's.
        """
        told = await self._news.of_order(order_id, is_brief=is_brief)
        has_news = told is not None
        if told is None or told.client_order_id is None:  # the socket is slow, gone, or too brief
            try:
                told = await self._account.order(None, symbol, name)
            except VenueError as error:
                raise OutcomeUnknown(
                    f"{self._venue} took the order, and nothing is known of it yet.",
                    venue=self._venue,
                ) from error
            if not has_news:
                self._news.expect(order_id)
        if (told.order_id, told.client_order_id) != (order_id, name):
            raise OutcomeUnknown(
                f"{self._venue} answered with the number of another order.",
                venue=self._venue,
                code="MIXED_UP",
            )
        return told

    async def cancel(self, order_id: str, symbol: str) -> OrderData:
        """Cancels, then asks for what the order is; the venue's answer to a cancel says little."""
        self._listings.of(symbol)
        if not order_id.isdigit():
            raise OrderNotFound(f"{self._venue} has no order {order_id[:40]!r}.", venue=self._venue)
        answer = await self._rest.private(
            "POST",
            "order/cancelOrderById",
            {"orderIdList": [order_id]},
            is_order=True,
            is_urgent=True,
        )
        outcome = _outcomes(answer).get(order_id, "")
        if outcome.startswith("FAILED_ORDER"):
            raise OrderNotFound(
                f"{self._venue} has no such order open: {outcome[:60]}.",
                venue=self._venue,
                code=outcome,
            )
        if outcome != "SUCCESS":
            raise OutcomeUnknown(f"{self._venue} did not say that it cancelled.", venue=self._venue)
        try:
            return await self._account.order(order_id, symbol)
        except VenueError as error:
            raise OutcomeUnknown(
                f"{self._venue} cancelled, and did not say what had filled before.",
                venue=self._venue,
            ) from error

    async def cancel_all(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels what is open of one contract, or of all."""
        keys: list[Value] = [] if symbol is None else [self._listings.of(symbol).key]
        before = await self._account.open_orders(symbol)
        fields: dict[str, Value] = {"filterContractIdList": keys} if keys else {}
        await self._rest.private(
            "POST", "order/cancelAllOrder", fields, is_order=True, is_urgent=True
        )
        return [await self._account.order(order.order_id, order.symbol) for order in before]


def _outcomes(answer: object) -> dict[str, str]:
    """Order id -> what became of its cancel."""
    data = answer.get("data") if isinstance(answer, dict) else None
    found = data.get("cancelResultMap") if isinstance(data, dict) else None
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
