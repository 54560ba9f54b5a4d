"""Orders: sent, cancelled, waited for, and asked about.

What is sent has a number of our client. A code that names the number may end the wait for it; what
the code means is read by whoever waits, since one code says other things of an order and of its
cancel.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.ibkr.borrowed import Borrowed
from core.adapters.exchanges.ibkr.contracts import Listed
from core.adapters.exchanges.ibkr.errors import VENUE, cancel_error, order_error
from core.adapters.exchanges.ibkr.listing import Listing
from core.adapters.exchanges.ibkr.orders import Entry
from core.adapters.exchanges.ibkr.questions import Questions
from core.adapters.exchanges.models import (
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
    from_ns,
    plain,
)
from core.adapters.exchanges.native.listings import check_leaves, check_order
from core.errors import (
    DuplicateClientOrderId,
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    VenueError,
)
from core.infrastructure.clock import Clock

_ANSWER_S: Final = 8.0
_END_S: Final = 2.0
"""How long an order that must end at once is waited for after it was taken."""
_NEVER: Final = from_ns(0).astimezone(UTC)


class Trading:
    """See the module's text.

    Args:
        questions: Asks TWS, and says whether it may be asked.
        listing: Contracts by symbol.
        client_id: Ours.
        borrowed: Cancels what an earlier life placed under another one.
        clock: Says whether a session is open.
    """

    def __init__(
        self,
        questions: Questions,
        listing: Listing,
        client_id: int,
        borrowed: Borrowed,
        clock: Clock,
    ) -> None:
        self._questions = questions
        self._listing = listing
        self._client_id = client_id
        self._borrowed = borrowed
        self._clock = clock
        self._account = questions.account
        self._wire = questions.wire
        self._failures: dict[int, VenueError] = {}
        """Number of an order or a cancel that is waited for -> how a code ended it."""
        self._waited: dict[int, Callable[[int, str], VenueError | None]] = {}
        """Number -> what reads codes for it."""

    def code_told(self, number: int, code: int, text: str) -> None:
        """Hears a code that names something we sent."""
        reads = self._waited.get(number)
        if reads is not None:
            error = reads(code, text)
            if error is not None:
                self._failures[number] = error

    # -- sending --------------------------------------------------------------------------------

    async def create(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> OrderData:
        """Sends one order; one that must end at once is waited for until it did."""
        self._questions.need_orders()
        listed = await self._listing.to_trade(symbol)
        self._check(listed, order_type, amount, price, options)
        check_leaves(VENUE, options.may_leave)  # the contract may have been looked up
        entry = self._send_order(listed, side, order_type, amount, price, options)
        number = entry.number
        try:
            await self._settled(number, lambda: bool(entry.perm_id) and _is_taken(entry))
            must_end = order_type is OrderType.MARKET or entry.time_in_force is not TimeInForce.GTC
            if must_end and not entry.status.is_final:
                await self._account.until(lambda: entry.status.is_final, _END_S)
        finally:
            self._waited.pop(number, None)
            self._failures.pop(number, None)
        return entry.data()

    def _send_order(  # those of an order
        self,
        listed: Listed,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> Entry:
        """Hands an order to the socket, without waiting for anything."""
        client = self._wire.client
        self._questions.budget.spend_now(1)
        number = client.getReqId()
        order = self._questions.library.order(
            action="BUY" if side is OrderSide.BUY else "SELL",
            totalQuantity=plain(amount),
            orderType="LMT" if order_type is OrderType.LIMIT else "MKT",
            tif=options.time_in_force.value.upper(),
            account=self._account.name,
            orderRef=options.client_order_id or "",
        )
        if price is not None:
            order.lmtPrice = plain(price)
        entry = Entry(
            symbol=listed.symbol,
            side=side,
            order_type=order_type,
            amount=amount,
            price=price,
            time_in_force=options.time_in_force,
            ref=options.client_order_id or "",
            client_id=self._client_id,
            number=number,
        )
        self._account.orders.add(entry)
        self._waited[number] = order_error
        try:
            self._wire.send(lambda: client.placeOrder(number, listed.contract, order))
        except NotSent:
            self._account.orders.forget(entry)
            self._waited.pop(number, None)
            raise
        return entry

    async def cancel(self, order_id: str) -> OrderData:
        """Cancels and waits for the order's end."""
        self._questions.need_orders(is_cancel=True)
        entry = self._account.orders.find(order_id, None)
        if entry is None:
            await self._questions.orders()
            entry = self._account.orders.find(order_id, None)
        if entry is None or entry.status.is_final:
            raise OrderNotFound(f"{VENUE}: order {order_id[:40]} is not open.", venue=VENUE)
        await self._cancel(entry)
        if entry.status is OrderStatus.FILLED:
            raise OrderNotFound(f"{VENUE}: order {order_id} filled before.", venue=VENUE)
        return entry.data()

    async def cancel_all(self, symbol: str | None) -> list[OrderData]:
        """Of all, also those that were placed by hand; with a symbol, only our client's."""
        self._questions.need_orders(is_cancel=True)
        await self._questions.orders()
        found = [
            entry
            for entry in self._account.orders.all()
            if entry.status.is_open and symbol in {None, entry.symbol}
        ]
        if symbol is None:
            client = self._wire.client
            self._questions.budget.spend_now(1, is_urgent=True)
            self._wire.send(client.reqGlobalCancel)
            await self._account.until(lambda: all(e.status.is_final for e in found), _ANSWER_S)
            await self._questions.orders()
        else:
            found = [entry for entry in found if entry.client_id == self._client_id]
            for entry in found:
                await self._cancel(entry)
        return [entry.data() for entry in found if entry.status is OrderStatus.CANCELED]

    async def _cancel(self, entry: Entry) -> None:
        if entry.number <= 0:
            raise NotSupported(f"{VENUE}: order {entry.order_id} was placed by hand.", venue=VENUE)
        if entry.client_id != self._client_id:
            await self._cancel_elsewhere(entry)
            return
        client, number = self._wire.client, entry.number
        self._questions.budget.spend_now(1, is_urgent=True)
        self._waited[number] = cancel_error
        try:
            self._wire.send(lambda: client.cancelOrder(number))
            await self._settled(number, lambda: entry.status.is_final)
        finally:
            self._waited.pop(number, None)
            self._failures.pop(number, None)

    async def _cancel_elsewhere(self, entry: Entry) -> None:
        """Its end is told to the client that placed it; here it is asked for."""
        self._questions.budget.spend_now(2, is_urgent=True)
        await self._borrowed.cancel(entry.client_id, entry.number)
        await self._questions.orders()
        if not entry.status.is_final:
            await self._questions.completed()
        if not entry.status.is_final:
            raise OutcomeUnknown(
                f"{VENUE}: order {entry.order_id} was cancelled under client id "
                f"{entry.client_id}, and its end is not told yet.",
                venue=VENUE,
            )

    async def _settled(self, number: int, holds: Callable[[], bool]) -> None:
        """Waits for the outcome of what was sent under a number.

        Raises:
            VenueError: As a code said.
            OutcomeUnknown: If nothing came, or the connection ended.
        """

        def is_over() -> bool:
            return number in self._failures or holds() or not self._wire.is_up

        came = await self._account.until(is_over, _ANSWER_S)
        if number in self._failures:
            raise self._failures[number]
        if not holds():
            why = "the connection ended" if came else f"no answer within {_ANSWER_S:g} s"
            raise OutcomeUnknown(f"{VENUE}: {why}; the order may live.", venue=VENUE)

    def _check(
        self,
        listed: Listed,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> None:
        """Refuses what IBKR cannot do or its rules forbid, before anything is sent."""
        for is_wanted, word in (
            (options.post_only, "post-only"),
            (options.reduce_only, "reduce-only"),
        ):
            if is_wanted:
                raise OrderRejected(
                    f"{VENUE} has no {word} orders; nothing was sent.",
                    venue=VENUE,
                    code=word.upper().replace("-", "_"),
                )
        check_order(listed.instrument, order_type, amount, price, options)
        self._check_session(listed, order_type, options)
        ref = options.client_order_id
        if ref and self._account.orders.open_ref(ref) is not None:
            raise DuplicateClientOrderId(
                f"{VENUE}: an open order has the id {ref}; nothing was sent.",
                venue=VENUE,
                code="DUPLICATE_REF",
            )

    def _check_session(self, listed: Listed, order_type: OrderType, options: OrderOptions) -> None:
        """Refuses an order that must end at once while nothing is matched.

        It would be held until the session opens, and meet the prices of then; others may wait.
        """
        must_end = order_type is OrderType.MARKET or options.time_in_force is not TimeInForce.GTC
        closed = listed.hours.closed(self._clock.now())
        if must_end and closed is not None:
            raise OrderRejected(
                f"{VENUE}: {listed.symbol} is not traded now ({closed}); nothing was sent.",
                venue=VENUE,
                code="SESSION_CLOSED",
                remedy="Start it in the regular session, or with an initial_fill that rests.",
            )

    # -- asking ---------------------------------------------------------------------------------

    async def order(
        self, order_id: str | None, symbol: str, client_order_id: str | None
    ) -> OrderData:
        """One order of today, or one that is still open."""
        self._questions.need_account()
        await self._questions.orders()
        entry = self._account.orders.find(order_id, client_order_id)
        if entry is None or not (entry.status.is_final or entry.status.is_open):
            await self._questions.completed()
            entry = self._account.orders.find(order_id, client_order_id)
        if entry is None or not entry.order_id or entry.symbol != symbol:
            name = (order_id or client_order_id or "")[:40]
            raise OrderNotFound(f"{VENUE} does not know the order {name}.", venue=VENUE)
        return entry.data()

    async def open_orders(self, symbol: str | None) -> list[OrderData]:
        """Those of other clients and by hand included."""
        self._questions.need_account()
        await self._questions.orders()
        return [
            entry.data()
            for entry in self._account.orders.all()
            if entry.order_id and not entry.status.is_final and symbol in {None, entry.symbol}
        ]

    async def history(
        self, symbol: str | None, since: datetime | None, limit: int | None
    ) -> list[OrderData]:
        """Those that ended today, and those that ended while we listened."""
        self._questions.need_account()
        await self._questions.orders()
        await self._questions.completed()
        rows = [
            entry.data()
            for entry in self._account.orders.all()
            if entry.status.is_final and entry.order_id and symbol in {None, entry.symbol}
        ]
        rows = [row for row in rows if since is None or (row.updated_at or _NEVER) >= since]
        rows.sort(key=lambda row: row.updated_at or _NEVER)
        return rows if limit is None else rows[-limit:]


def _is_taken(entry: Entry) -> bool:
    """Whether IBKR has answered for an order."""
    return entry.status is not OrderStatus.PENDING
