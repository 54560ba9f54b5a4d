"""What Backpack says of one account: orders, executions, positions, balances.

Closed orders are only in the history, which does not say when they ended: the private stream does,
as long as we listen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from core.adapters.exchanges.backpack import parse
from core.adapters.exchanges.backpack.rest import BackpackRest
from core.adapters.exchanges.backpack.sign import Value
from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    MarginMode,
    OrderData,
    PositionData,
    UserData,
    from_ns,
    plain,
    to_ns,
)
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.errors import AuthError, MalformedMessage, OrderNotFound, OutcomeUnknown, VenueError

T = TypeVar("T", OrderData, FillData)

_OVERLAP: Final = timedelta(seconds=5)
_UNHEARD: Final = timedelta(minutes=10)
"""How far back executions are looked for where none was heard yet."""
_LONG_OPEN: Final = timedelta(days=30)
"""Orders that ended after a moment are looked for so long before it: the history goes by their
creation."""
_ENDS: Final = 10_000
_NEVER: Final = from_ns(0)


class Account:
    """Questions about the account, and what the private socket leaves out.

    Args:
        rest: Asks and signs.
        listings: The venue's instruments.
        hub: Who listens.
        numbers: Our client order ids as the venue counts them.
    """

    def __init__(
        self, rest: BackpackRest, listings: Listings, hub: Hub, numbers: ClientNumbers
    ) -> None:
        self._rest = rest
        self._listings = listings
        self._hub = hub
        self._numbers = numbers
        self._clock = rest.clock
        self._venue = rest.venue
        self._ends: OrderedDict[str, datetime] = OrderedDict()
        """Order id -> when it ended, as the private stream told."""
        self._is_asking = False
        self._asks_again = False

    async def check_owner(self, account: str) -> None:
        """Checks that the key is of the pinned account, as far as open positions tell.

        Raises:
            AuthError: If it is of another one.
            MalformedMessage: If a position does not say whose it is.
        """
        rows = await self._rest.signed("GET", "/api/v1/position", "positionQuery")
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and isinstance(row.get("userId"), int | str) for row in rows
        ):
            raise MalformedMessage("backpack position: it does not say whose", venue=self._venue)
        users = {str(row["userId"]) for row in rows}
        if account and users and users != {account}:
            raise AuthError(
                "backpack: the key belongs to another account than the one that was pinned.",
                venue=self._venue,
                code="ACCOUNT",
                remedy="Store the key of the right account, or store the account anew.",
            )

    # -- money --------------------------------------------------------------------------------

    async def balances(self) -> list[BalanceData]:
        """What margins positions, with the account's equity at USDC, and every other asset."""
        margin = await self._rest.signed("GET", "/api/v1/capital/collateral", "collateralQuery")
        capital = await self._rest.signed("GET", "/api/v1/capital", "balanceQuery")
        reading = self._rest.reading()
        found = {item.asset: item for item in parse.parse_balances(capital, reading)}
        found |= {item.asset: item for item in parse.parse_collateral(margin, reading)}
        return [found[asset] for asset in sorted(found) if found[asset].total]

    async def positions(self, symbols: Sequence[str] | None) -> list[PositionData]:
        """Positions other than flat."""
        rows = await self._rest.signed("GET", "/api/v1/position", "positionQuery")
        found = [
            item
            for item in parse.parse_positions(rows, self._rest.reading())
            if symbols is None or item.symbol in symbols
        ]
        if not found:
            return []
        leverage = await self.leverage()
        return [
            replace(item, leverage=leverage, margin_mode=MarginMode.CROSS)
            for item in sorted(found, key=lambda item: item.symbol)
        ]

    async def leverage(self) -> Decimal:
        """The limit of the whole account."""
        account = await self._rest.signed("GET", "/api/v1/account", "accountQuery")
        told = account.get("leverageLimit") if isinstance(account, dict) else None
        if not isinstance(told, str):
            raise MalformedMessage("backpack account: expected leverageLimit", venue=self._venue)
        try:
            return Decimal(told)
        except ArithmeticError as error:
            raise MalformedMessage(
                "backpack account: leverageLimit is no number", venue=self._venue
            ) from error

    async def set_leverage(self, leverage: Decimal) -> Decimal:
        """Sets the limit of the whole account; what is in force."""
        try:
            await self._rest.signed(
                "PATCH",
                "/api/v1/account",
                "accountUpdate",
                {"leverageLimit": plain(leverage)},
                is_order=True,
            )
        except OutcomeUnknown as error:
            if error.code != "200":  # success has an empty body; what is in force is asked for
                raise
        return await self.leverage()

    # -- orders -------------------------------------------------------------------------------

    async def order(
        self, order_id: str | None, symbol: str, client_order_id: str | None
    ) -> OrderData:
        """One order in any state: among the open ones, else in the history.

        Raises:
            OrderNotFound: If it is in neither.
        """
        params: dict[str, Value] = {"symbol": self._listings.of(symbol).key}
        number: int | None = None
        if order_id is not None and order_id.isdigit():
            params["orderId"] = order_id
        elif client_order_id is not None:
            number = self._numbers.number(client_order_id)
            params["clientId"] = number
        else:
            raise OrderNotFound(
                f"{self._venue} has no order {order_id!r}."[:120], venue=self._venue
            )
        try:
            answer = await self._rest.signed(
                "GET", "/api/v1/order", "orderQuery", params, is_urgent=True
            )
        except OrderNotFound:
            return await self._closed_order(params, number)
        return self.ours(parse.parse_order(answer, self._rest.reading()))

    async def _closed_order(self, params: dict[str, Value], number: int | None) -> OrderData:
        params.pop("clientId", None)

        def is_meant(row: OrderData) -> bool:
            return number is None or row.client_order_id == str(number)

        rows = await self._rest.orders(params, lambda page: any(map(is_meant, page)))
        for row in rows:
            if is_meant(row) and params.get("orderId", row.order_id) == row.order_id:
                return self._ended(self.ours(row))
        raise OrderNotFound(f"{self._venue} does not know the order.", venue=self._venue)

    async def open_orders(self, symbol: str | None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        answer = await self._rest.signed(
            "GET", "/api/v1/orders", "orderQueryAll", self._about(symbol), is_urgent=True
        )
        found = [self.ours(item) for item in parse.parse_orders(answer, self._rest.reading())]
        return sorted(found, key=lambda item: (item.created_at or _NEVER, _number(item.order_id)))

    async def history(
        self, symbol: str | None, since: datetime | None, limit: int | None
    ) -> list[OrderData]:
        """Closed orders; where the stream did not tell when one ended, that is its creation."""
        before = None if since is None else since - _LONG_OPEN
        rows = await self._rest.orders(
            self._about(symbol),
            lambda page: (
                before is not None and all((row.created_at or _NEVER) < before for row in page)
            ),
        )
        found = [self._ended(self.ours(row)) for row in rows if row.status.is_final]
        found = [row for row in found if since is None or (row.updated_at or _NEVER) >= since]
        found.sort(key=lambda row: (row.updated_at or _NEVER, _number(row.order_id)))
        return found if limit is None else found[-limit:]

    async def fills(self, symbol: str | None, since: datetime | None) -> list[FillData]:
        """Our executions from old to new."""
        key = None if symbol is None else self._listings.of(symbol).key
        return [self.ours(row) for row in await self._rest.fills(key, since)]

    async def funding_payments(
        self, symbol: str | None, since: datetime | None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        key = None if symbol is None else self._listings.of(symbol).key
        return await self._rest.funding(key, since)

    def ours(self, data: T) -> T:
        """The same with our client order id in the place of the venue's number."""
        return replace(data, client_order_id=self._numbers.ours(data.client_order_id))

    def _about(self, symbol: str | None) -> dict[str, Value]:
        return {} if symbol is None else {"symbol": self._listings.of(symbol).key}

    def _ended(self, order: OrderData) -> OrderData:
        """The same with the moment of its end, where that was heard."""
        at = self._ends.get(order.order_id)
        return order if at is None else replace(order, updated_at=at)

    # -- what the socket cannot tell ----------------------------------------------------------

    async def catch_up(self) -> None:
        """Tells the executions that were missed while there was no socket."""
        newest = self._hub.newest_fill_at
        since = self._clock.now() - _UNHEARD if newest is None else newest - _OVERLAP
        for fill in await self.fills(None, since):
            self._hub.tell_user(fill)

    def on_news(self, told: Sequence[UserData], link: Link) -> None:
        """What the private stream told; balances are asked for after an execution."""
        has_filled = False
        for item in told:
            if isinstance(item, OrderData):
                if item.status.is_final and item.updated_at is not None:
                    self._ends[item.order_id] = item.updated_at
                    if len(self._ends) > _ENDS:
                        self._ends.popitem(last=False)
                self._hub.tell_user(self.ours(item))
            elif isinstance(item, FillData):
                has_filled = True
                at = from_ns(to_ns(item.at) // 1_000_000 * 1_000_000)  # as precise as REST tells
                self._hub.tell_user(replace(self.ours(item), at=at))
            else:
                self._hub.tell_user(item)
        if has_filled and self._is_asking:
            self._asks_again = True
        elif has_filled:
            self._is_asking = True
            link.spawn(self._tell_balances())

    async def _tell_balances(self) -> None:
        try:
            while True:
                self._asks_again = False
                for item in await self.balances():
                    self._hub.tell_user(item)
                if not self._asks_again:
                    return
        except VenueError:
            return  # the next execution asks again, and nobody trades on these
        finally:
            self._is_asking = False


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
