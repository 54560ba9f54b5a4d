"""What Lighter tells of the account over REST: balances, positions, orders, executions, funding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from core.adapters.exchanges.lighter import parse
from core.adapters.exchanges.lighter.rest import LighterRest
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    MarginMode,
    OrderData,
    PositionData,
    from_ns,
)
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.native.listings import Listings
from core.errors import OrderNotFound

T = TypeVar("T", OrderData, FillData)

_EVERY_MARKET: Final = 255
_LONG_OPEN: Final = timedelta(days=30)
_NEVER: Final = from_ns(0)


class Account:
    """Asks about one account.

    Args:
        rest: Requests.
        listings: The venue's instruments.
        numbers: Our ids as the venue's client order indexes.
    """

    def __init__(self, rest: LighterRest, listings: Listings, numbers: ClientNumbers) -> None:
        self._rest = rest
        self._listings = listings
        self._numbers = numbers
        self._venue = rest.venue

    def ours(self, data: T) -> T:
        """The same with our id in the place of the venue's number."""
        return replace(data, client_order_id=self._numbers.ours(data.client_order_id))

    async def balances(self) -> list[BalanceData]:
        """The collateral with what the account is worth, and every other asset."""
        answer = await self._rest.state()
        reading = self._rest.reading()
        found: list[BalanceData] = [
            item for item in parse.parse_account(answer, reading) if isinstance(item, BalanceData)
        ]
        found += parse.parse_account_assets(answer, reading)
        return sorted((item for item in found if item.total), key=lambda item: item.asset)

    async def positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions other than flat."""
        found = parse.parse_account(await self._rest.state(), self._rest.reading())
        return sorted(
            (
                item
                for item in found
                if isinstance(item, PositionData) and (symbols is None or item.symbol in symbols)
            ),
            key=lambda item: item.symbol,
        )

    async def margin(self, symbol: str) -> tuple[Decimal, MarginMode] | None:
        """Leverage and margin mode in force; None for a market that was never traded."""
        for row in parse.parse_account_margins(await self._rest.state(), self._rest.reading()):
            if row.symbol == symbol and row.leverage is not None:
                return row.leverage, row.margin_mode or MarginMode.CROSS
        return None

    # -- orders -------------------------------------------------------------------------------

    async def order(
        self, order_id: str | None, symbol: str, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state: among the open ones, else among those that are over."""
        listing = self._listings.of(symbol)
        number: str | None = None
        if order_id is None or not order_id.isdigit():
            if client_order_id is None:
                raise OrderNotFound(
                    f"{self._venue} has no order {order_id!r}."[:120], venue=self._venue
                )
            number = str(self._numbers.number(client_order_id))

        def is_meant(row: OrderData) -> bool:
            return row.order_id == order_id if number is None else row.client_order_id == number

        params = {"market_id": listing.key}
        answer = await self._rest.private("accountActiveOrders", params, is_urgent=True)
        rows = list(parse.parse_orders(answer, self._rest.reading()))
        if not any(map(is_meant, rows)):
            rows = await self._rest.walk(
                "accountInactiveOrders",
                params,
                lambda answer: parse.parse_orders(answer, self._rest.reading()),
                lambda page: any(map(is_meant, page)),
            )
        for row in rows:
            if is_meant(row):
                return self.ours(row)
        raise OrderNotFound(f"{self._venue} does not know the order.", venue=self._venue)

    async def open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        answer = await self._rest.private(
            "accountActiveOrders", self._of_market(symbol), is_urgent=True
        )
        found = [self.ours(row) for row in parse.parse_orders(answer, self._rest.reading())]
        return sorted(
            (row for row in found if row.status.is_open and symbol in {None, row.symbol}),
            key=lambda row: (row.created_at or _NEVER, _number(row.order_id)),
        )

    async def history(
        self, symbol: str | None, since: datetime | None, limit: int | None
    ) -> list[OrderData]:
        """Closed orders; looked for until a page is far older than was asked for."""
        before = None if since is None else since - _LONG_OPEN
        found = await self._rest.walk(
            "accountInactiveOrders",
            self._of_market(symbol),
            lambda answer: parse.parse_orders(answer, self._rest.reading()),
            lambda page: (
                before is not None and all((row.updated_at or _NEVER) < before for row in page)
            ),
        )
        rows = [
            self.ours(row)
            for row in found
            if row.status.is_final
            and symbol in {None, row.symbol}
            and (since is None or (row.updated_at or _NEVER) >= since)
        ]
        rows.sort(key=lambda row: (row.updated_at or _NEVER, _number(row.order_id)))
        return rows if limit is None else rows[-limit:]

    # -- what happened ------------------------------------------------------------------------

    async def fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Our executions from old to new."""
        found = await self._rest.walk(
            "trades",
            {**self._of_market(symbol), "sort_by": "timestamp", "sort_dir": "desc"},
            lambda answer: parse.parse_fills(answer, self._rest.bare()),
            lambda page: since is not None and all(row.at < since for row in page),
        )
        rows = [
            self.ours(row)
            for row in found
            if symbol in {None, row.symbol} and (since is None or row.at >= since)
        ]
        return sorted(rows, key=lambda row: (row.at, _number(row.trade_id)))

    async def funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        found = await self._rest.walk(
            "positionFunding",
            self._of_market(symbol),
            lambda answer: parse.parse_funding_payments(answer, self._rest.reading()),
            lambda page: since is not None and all(row.at < since for row in page),
        )
        rows = [
            row
            for row in found
            if symbol in {None, row.symbol} and (since is None or row.at >= since)
        ]
        return sorted(rows, key=lambda row: row.at)

    def _of_market(self, symbol: str | None) -> dict[str, object]:
        return {"market_id": _EVERY_MARKET if symbol is None else self._listings.of(symbol).key}


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
