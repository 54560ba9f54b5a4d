"""What Hyperliquid says of one account: orders, executions, positions, balances."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.hyperliquid import parse
from core.adapters.exchanges.hyperliquid.client_ids import ClientIds
from core.adapters.exchanges.hyperliquid.dexes import OWN, Dexes, dex_of
from core.adapters.exchanges.hyperliquid.rest import HyperliquidRest
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    MarginMode,
    OrderData,
    OrderStatus,
    PositionData,
    from_ns,
)
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.errors import VenueError

T = TypeVar("T", OrderData, FillData)

_OVERLAP: Final = timedelta(seconds=5)
_UNHEARD: Final = timedelta(minutes=10)
"""How far back executions are looked for where none was heard yet."""
_SETTLED: Final = timedelta(minutes=5)
_ENDED_EARLY: Final = frozenset({OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})
_NEVER: Final = from_ns(0).astimezone(UTC)


class Account:
    """Questions about the account, and what the private socket leaves out.

    Args:
        rest: Asks; knows the account's address.
        listings: The venue's instruments.
        dexes: Which margin accounts there are.
        hub: Who listens.
        ids: Our client order ids as the venue spells them.
    """

    def __init__(
        self, rest: HyperliquidRest, listings: Listings, dexes: Dexes, hub: Hub, ids: ClientIds
    ) -> None:
        self._rest = rest
        self._listings = listings
        self._dexes = dexes
        self._hub = hub
        self._ids = ids
        self._clock = rest.clock
        self._walk = _SharedWalk(rest)
        self._is_asking = False
        self._asks_again = False

    # -- money --------------------------------------------------------------------------------

    async def balances(self) -> list[BalanceData]:
        """The collateral of every margin account in use, and every token of the spot account."""
        return [item for item in await self._money() if isinstance(item, BalanceData)]

    async def positions(self, symbols: Sequence[str] | None) -> list[PositionData]:
        """Positions other than flat."""
        dexes = self._dexes.used() if symbols is None else self._dexes.use(symbols)
        found = [item for item in await self._margin(dexes) if isinstance(item, PositionData)]
        return sorted(
            (item for item in found if symbols is None or item.symbol in symbols),
            key=lambda item: item.symbol,
        )

    async def margin(self, symbol: str) -> tuple[Decimal, MarginMode]:
        """Leverage and margin mode of a perpetual."""
        listing, _ = self._listings.to_trade(symbol)
        answer = await self._rest.info("activeAssetData", user=self._rest.user, coin=listing.key)
        return parse.parse_active_asset(answer, self._rest.reading())

    async def _money(self) -> list[PositionData | BalanceData]:
        """Positions, then each asset once."""
        margin = await self._margin(self._dexes.used())
        spot = await self._rest.info("spotClearinghouseState", user=self._rest.user)
        assets: dict[str, BalanceData] = {}
        for item in (*margin, *parse.parse_spot_account(spot, self._rest.reading())):
            if isinstance(item, BalanceData):
                known = assets.get(item.asset)
                assets[item.asset] = item if known is None else _together(known, item)
        positions = [item for item in margin if isinstance(item, PositionData)]
        return [*positions, *(assets[name] for name in sorted(assets) if assets[name].total)]

    async def _margin(self, dexes: Iterable[str]) -> list[PositionData | BalanceData]:
        found: list[PositionData | BalanceData] = []
        for dex in dexes:
            answer = await self._rest.info("clearinghouseState", user=self._rest.user, dex=dex)
            for item in parse.parse_account(answer, self._rest.reading()):
                if isinstance(item, BalanceData):
                    found.append(replace(item, asset=self._dexes.collateral(dex)))
                elif isinstance(item, PositionData):
                    found.append(item)
        return found

    # -- orders -------------------------------------------------------------------------------

    async def order(
        self, order_id: str | None, symbol: str, client_order_id: str | None
    ) -> OrderData:
        """One order in any state.

        Raises:
            OrderNotFound: If the venue does not know it.
        """
        self._listings.of(symbol)
        if order_id is not None and order_id.isdigit():
            oid: int | str = int(order_id)
        elif client_order_id is not None:
            oid = self._ids.cloid(client_order_id)
        else:
            oid = 0  # no order has this number
        answer = await self._rest.info("orderStatus", user=self._rest.user, oid=oid, is_urgent=True)
        order = self.ours(parse.parse_order_status(answer, self._rest.reading()))
        (told,) = await self.with_fills([order])
        return told

    async def open_orders(self, symbol: str | None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        rows: list[OrderData] = []
        for dex in self._asked_dexes(symbol):
            answer = await self._rest.info(
                "frontendOpenOrders", user=self._rest.user, is_urgent=True, dex=dex
            )
            found = parse.parse_open_orders(answer, self._rest.reading())
            rows += [self.ours(item) for item in found if symbol in {None, item.symbol}]
        return sorted(rows, key=lambda item: (item.created_at or _NEVER, _number(item.order_id)))

    async def history(
        self, symbol: str | None, since: datetime | None, limit: int | None
    ) -> list[OrderData]:
        """The newest two thousand that are closed."""
        rows: list[OrderData] = []
        for dex in self._asked_dexes(symbol):
            answer = await self._rest.info("historicalOrders", user=self._rest.user, dex=dex)
            rows += [
                self.ours(item)
                for item in parse.parse_order_updates(answer, self._rest.reading())
                if item.status.is_final
                and symbol in {None, item.symbol}
                and (since is None or (item.updated_at or _NEVER) >= since)
            ]
        unique = {row.order_id: row for row in rows}
        rows = sorted(
            unique.values(), key=lambda item: (item.updated_at or _NEVER, _number(item.order_id))
        )
        return await self.with_fills(rows if limit is None else rows[-limit:])

    async def with_fills(self, orders: list[OrderData]) -> list[OrderData]:
        """The same with what filled of those that ended early.

        What the venue calls `sz` of such an order is not what was left of it, so its executions are
        added up.
        """
        doubtful = [order for order in orders if order.status in _ENDED_EARLY]
        if not doubtful:
            return orders
        filled: dict[str, Decimal] = {}
        since = min(order.created_at or _NEVER for order in doubtful)
        for fill in await self._walk.fills(since):
            filled[fill.order_id] = filled.get(fill.order_id, Decimal(0)) + fill.amount
        return [
            replace(order, filled=filled.get(order.order_id, Decimal(0)))
            if order.status in _ENDED_EARLY
            else order
            for order in orders
        ]

    async def fills(self, symbol: str | None, since: datetime | None) -> list[FillData]:
        """Our executions from old to new, as far as the venue keeps them (ten thousand)."""
        found = await self._rest.fills(since)
        return [self.ours(item) for item in found if symbol in {None, item.symbol}]

    async def funding_payments(
        self, symbol: str | None, since: datetime | None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        found = await self._rest.funding(since)
        return [item for item in found if symbol in {None, item.symbol}]

    def ours(self, data: T) -> T:
        """The same with our client order id in the place of the venue's spelling."""
        if data.client_order_id is None:
            return data
        return replace(data, client_order_id=self._ids.ours(data.client_order_id))

    def _asked_dexes(self, symbol: str | None) -> list[str]:
        if symbol is None:
            return self._dexes.used()
        listing = self._listings.by_symbol.get(symbol)
        dex = OWN if listing is None else dex_of(listing.key)
        self._dexes.use([symbol])
        return [dex]

    # -- what the socket cannot tell ----------------------------------------------------------

    async def catch_up(self) -> None:
        """Tells the executions that were missed while there was no socket."""
        newest = self._hub.newest_fill_at
        since = self._clock.now() - _UNHEARD if newest is None else newest - _OVERLAP
        for fill in await self.fills(None, since):
            self._hub.tell_user(fill)

    def on_news(self, link: Link, is_settlement: bool) -> None:  # noqa: FBT001 # one of two kinds
        """After an execution or a settlement: positions, balances and the settlement itself."""
        if is_settlement:
            link.spawn(self._tell_settlements())
        if self._is_asking:
            self._asks_again = True
        else:
            self._is_asking = True
            link.spawn(self._tell_money())

    async def _tell_money(self) -> None:
        try:
            while True:
                self._asks_again = False
                for item in await self._money():
                    self._hub.tell_user(item)
                if not self._asks_again:
                    return
        except VenueError:
            return  # the next execution asks again, and nobody trades on these
        finally:
            self._is_asking = False

    async def _tell_settlements(self) -> None:
        try:
            for payment in await self._rest.funding(self._clock.now() - _SETTLED):
                self._hub.tell_user(payment)
        except VenueError:
            return  # reconciliation asks for them


@dataclass(slots=True)
class _Round:
    since: datetime
    rows: list[FillData] | None = None


class _SharedWalk:
    """One walk through the executions for all who ask before it has left.

    A ladder that is cancelled asks for each of its orders what had filled; the answer to one
    question, if it left after the order's end was known, is the answer to all.
    """

    def __init__(self, rest: HyperliquidRest) -> None:
        self._rest = rest
        self._coming: _Round | None = None
        self._lock = asyncio.Lock()

    async def fills(self, since: datetime) -> list[FillData]:
        """Executions since a moment, asked for after this call."""
        mine = self._coming
        if mine is None:
            mine = self._coming = _Round(since)
        mine.since = min(mine.since, since)
        async with self._lock:
            if mine.rows is None:
                if self._coming is mine:
                    self._coming = None  # who comes now needs a newer answer
                mine.rows = await self._rest.fills(mine.since)
        return mine.rows


def _number(order_id: str) -> int:
    return int(order_id) if order_id.isdigit() else 0


def _together(first: BalanceData, second: BalanceData) -> BalanceData:
    """One asset in two accounts of the same owner."""
    first_worth, second_worth = (
        item.total if item.equity is None else item.equity for item in (first, second)
    )
    return replace(
        first,
        total=first.total + second.total,
        free=first.free + second.free,
        used=first.used + second.used,
        equity=first_worth + second_worth,
    )
