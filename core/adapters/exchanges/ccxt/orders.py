"""What changes something: orders, cancels, leverage and margin mode."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.ccxt.door import Door
from core.adapters.exchanges.ccxt.market import Market
from core.adapters.exchanges.ccxt.news import News, name_of
from core.adapters.exchanges.ccxt.records import Records
from core.adapters.exchanges.ccxt.values import Unified
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.hyperliquid.instruments import tick_at
from core.adapters.exchanges.models import (
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
from core.adapters.exchanges.native.face import worst_price
from core.adapters.exchanges.native.listings import check_order
from core.errors import (
    MalformedMessage,
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    TransportError,
    VenueError,
)

_SETTLES_IN_S: Final = 0.5
"""So long the private socket may take to tell what became of an order that was acknowledged."""


class Orders:
    """The orders of one adapter.

    Args:
        door: The venue.
        market: Best prices.
        records: What became of an order.
        news: The same, from the private socket.
    """

    def __init__(self, door: Door, market: Market, records: Records, news: News) -> None:
        self._door = door
        self._market = market
        self._records = records
        self._news = news

    # -- new orders ---------------------------------------------------------------------------

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
        door = self._door
        listing = self._check(symbol, order_type, amount, price, options)
        ours = options.client_order_id or self._made_up_id()
        await self._look(listing, side, options)
        self._news.forget(ours)
        near = price
        if price is None and door.row.prices_markets:
            near = await self._near(symbol, side)
        data = await door.rest.run(
            lambda: door.client.create_order(
                door.words.unified[symbol],
                order_type.value,
                side.value,
                plain(door.words.contracts(listing, amount)),
                None if near is None else plain(near),
                self._params(order_type, options, door.ids.sent(ours)),
            ),
            is_order=True,
            expires_at=options.expires_at,
            may_leave=options.may_leave,
        )
        door.touched.add(symbol)
        if not isinstance(data, dict):
            raise OutcomeUnknown(f"{door.venue} answered without a form.", venue=door.venue)
        try:
            if door.row.answers_orders:
                order = door.our_order(door.account.order(data, door.reading()))
                self._check_echo((order.symbol, order.client_order_id), (symbol, ours))
                return order
            ack = door.account.ack(data, symbol, amount, door.reading())
        except MalformedMessage as error:
            raise OutcomeUnknown(str(error), venue=door.venue) from error
        if ack.client_order_id is not None:
            self._check_echo((symbol, door.ids.ours(ack.client_order_id)), (symbol, ours))
        now = door.clock.now()
        acknowledged = OrderData(
            venue=door.venue,
            symbol=symbol,
            order_id=ack.order_id,
            client_order_id=ours if options.client_order_id is None else options.client_order_id,
            side=side,
            order_type=order_type,
            status=ack.status,
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
        return await self._settled(acknowledged) if door.row.acks_only else acknowledged

    def _check_echo(self, told: tuple[str, str | None], asked: tuple[str, str]) -> None:
        """An answer about another order says nothing about ours (reliability T5)."""
        if told != asked:
            raise OutcomeUnknown(
                f"{self._door.venue} answered for the order {told[1] or '?'} in {told[0]}.",
                venue=self._door.venue,
            )

    def _made_up_id(self) -> str:
        """Of an order without an id of ours: ccxt would put a broker's into its place."""
        door = self._door
        return f"x{door.clock.now_ns():x}{door.doors.seams.rng.bytes(4).hex()}"

    def _check(
        self,
        symbol: str,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> Listing:
        """Refuses what the venue would refuse anyway."""
        door = self._door
        listing, instrument = door.listings.to_trade(symbol)
        tick = None
        if door.row.has_significant_digits and price is not None and price > 0:
            tick = tick_at(instrument, price)
        check_order(instrument, order_type, amount, price, options, tick)
        if options.time_in_force is TimeInForce.FOK and not door.row.has_fok:
            raise OrderRejected(
                f"{door.venue} has no fill-or-kill orders; nothing was sent.",
                venue=door.venue,
                code="FOK",
            )
        return listing

    async def _settled(self, acknowledged: OrderData) -> OrderData:
        """What became of an order whose answer held ids alone, or not even those.

        The private socket tells it, mostly before the answer; else REST does. An order that was
        taken in and ended at once because it would have taken liquidity counts as refused.

        Raises:
            OrderRejected: If the venue ended it so.
            OutcomeUnknown: If nobody knows it under our id yet, and the answer held none.
        """
        name = acknowledged.order_id or name_of(acknowledged.client_order_id or "")
        ends_at_once = (
            acknowledged.order_type is OrderType.MARKET
            or acknowledged.time_in_force is not TimeInForce.GTC
        )

        def is_enough(order: OrderData) -> bool:
            return order.status.is_final or not ends_at_once

        found = await self._news.settled(name, is_enough, _SETTLES_IN_S)
        if found is None:
            try:
                found = await self._records.order(
                    acknowledged.order_id or None,
                    acknowledged.symbol,
                    acknowledged.client_order_id,
                )
            except VenueError as error:
                if acknowledged.order_id:
                    return acknowledged  # it was taken in; what became of it is still to be told
                raise OutcomeUnknown(
                    f"{self._door.venue} took the order, and nothing is known of it yet.",
                    venue=self._door.venue,
                ) from error
        refusal = self._door.account.refusal(found)
        if refusal is not None:
            raise refusal
        return found

    async def _look(self, listing: Listing, side: OrderSide, options: OrderOptions) -> None:
        """What the account has to say of an order before it is sent.

        Raises:
            NotSent: If it had to ask, and nobody answered.
        """
        door = self._door
        try:
            await door.rest.run(
                lambda: door.account.check(
                    listing, side, door.reading(), is_reduce_only=options.reduce_only
                )
            )
        except TransportError as error:
            raise NotSent(error.message, venue=door.venue, code=error.code) from error

    async def _near(self, symbol: str, side: OrderSide) -> Decimal:
        """The best price on the other side; ccxt puts the worst one five percent beyond it.

        Where ccxt does not, it is the worst one.
        """
        venue = self._door.venue
        if self._door.row.names_worst_price:
            _, instrument = self._door.listings.to_trade(symbol)
            return await worst_price(instrument, side, lambda: self._market.book(symbol, 5))
        try:
            book = await self._market.book(symbol, 5)
        except TransportError as error:
            raise NotSent(
                f"{venue}: there is no price for a market order in {symbol}.", venue=venue
            ) from error
        levels = book.asks if side is OrderSide.BUY else book.bids
        if not levels:
            raise OrderRejected(
                f"{venue} {symbol}: nobody is there to trade with; nothing was sent.",
                venue=venue,
                code="NO_LIQUIDITY",
            )
        return levels[0].price

    # -- cancels ------------------------------------------------------------------------------

    async def cancel(self, order_id: str, symbol: str) -> OrderData:
        """Cancels, then asks for what the order is where the answer does not say."""
        door = self._door
        door.listings.to_trade(symbol)
        if door.row.has_number_ids and not order_id.isdigit():
            raise door.nobody(order_id)
        unified = door.words.unified[symbol]
        data: Unified = await door.rest.run(
            lambda: door.client.cancel_order(order_id, unified), is_order=True, is_urgent=True
        )
        if door.row.answers_orders:
            try:
                return door.our_order(door.account.order(data, door.reading()))
            except MalformedMessage as error:
                raise OutcomeUnknown(str(error), venue=door.venue) from error
        if door.row.acks_nothing:
            ended = await self._news.settled(order_id, _is_over, _SETTLES_IN_S)
            if ended is not None:
                return ended
        try:
            found = await self._records.order(order_id, symbol)
        except (OrderNotFound, TransportError) as error:
            raise OutcomeUnknown(
                f"{door.venue} cancelled, and did not say what had filled before.",
                venue=door.venue,
            ) from error
        if door.row.acks_nothing and not found.status.is_final:
            raise OutcomeUnknown(
                f"{door.venue} took the cancel, and the order is open yet.", venue=door.venue
            )
        return found

    async def cancel_all(self, symbol: str | None) -> list[OrderData]:
        """Cancels what is open, one after the other: each answer proves what became of it."""
        gone = []
        for order in await self._records.open_orders(symbol):
            try:
                gone.append(await self.cancel(order.order_id, order.symbol))
            except OrderNotFound:
                continue  # it filled or was cancelled meanwhile
        return gone

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Keeps the margin mode; whole numbers only."""
        door = self._door
        listing = self._margined(symbol, leverage)
        _, mode = await self._margin(listing)
        await door.rest.run(
            lambda: door.account.set_leverage(listing, leverage, mode), is_order=True
        )
        found, _ = await self._margin(listing)
        return LeverageResult(symbol=symbol, leverage=found)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Keeps the leverage; asks for nothing where the mode is in force."""
        door = self._door
        listing = self._margined(symbol)
        leverage, mode = await self._margin(listing)
        if mode is not margin_mode:
            await door.rest.run(
                lambda: door.account.set_mode(listing, leverage, margin_mode), is_order=True
            )
            _, mode = await self._margin(listing)
        return MarginModeResult(symbol=symbol, margin_mode=mode)

    def _margined(self, symbol: str, leverage: Decimal | None = None) -> Listing:
        venue = self._door.venue
        listing, instrument = self._door.listings.to_trade(symbol)
        if instrument.is_spot:
            raise NotSupported(f"{symbol} is spot and has no leverage.", venue=venue)
        most = instrument.max_leverage
        if leverage is not None and (leverage % 1 or leverage < 1):
            raise OrderRejected(
                f"{venue} {symbol}: leverage is a whole number up to {plain(most)}, not "
                f"{plain(leverage)}.",
                venue=venue,
                code="LEVERAGE",
            )
        return listing

    async def _margin(self, listing: Listing) -> tuple[Decimal, MarginMode]:
        door = self._door
        door.need_account()
        return await door.rest.run(lambda: door.account.margin(listing, door.reading()))

    def _params(self, order_type: OrderType, options: OrderOptions, sent: str) -> dict[str, Any]:
        params: dict[str, Any] = {"clientOrderId": sent}
        if order_type is OrderType.LIMIT:
            if options.post_only:
                params["postOnly"] = True
            elif options.time_in_force is TimeInForce.GTC:
                params["timeInForce"] = self._door.row.rests_as
            else:
                params["timeInForce"] = options.time_in_force.value.upper()
        if options.reduce_only:
            params["reduceOnly"] = True
        return params


def _is_over(order: OrderData) -> bool:
    return order.status.is_final
