"""What edgeX tells of the account over REST: collateral, positions, orders, executions, funding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.edgex import parse
from core.adapters.exchanges.edgex.prices import Prices
from core.adapters.exchanges.edgex.rest import EdgexRest
from core.adapters.exchanges.edgex.sign import Value
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    MarginMode,
    OrderData,
    PositionData,
    UserData,
    from_ns,
    to_ns,
)
from core.adapters.exchanges.native.listings import Listings
from core.errors import AuthError, MalformedMessage, OrderNotFound

_LONG_OPEN: Final = timedelta(days=30)
_NEVER: Final = from_ns(0)


@dataclass(frozen=True, slots=True)
class Settings:
    """How an account's contracts are margined."""

    rows: Mapping[str, object]
    """The venue's words by its key of the contract."""

    def of(self, key: str) -> tuple[Decimal, MarginMode]:
        """Leverage and margin mode of a contract; what the venue tells of none is 1 and cross.

        Raises:
            MalformedMessage: If the leverage is no number.
        """
        row = self.rows.get(key)
        if not isinstance(row, dict):
            return Decimal(1), MarginMode.CROSS
        is_isolated = str(row.get("marginMode", "")).upper() == "ISOLATED"
        try:
            leverage = Decimal(str(row.get("maxLeverage")))
        except ArithmeticError as error:
            raise MalformedMessage(
                "edgex getAccountById: maxLeverage is no number", venue="edgex"
            ) from error
        return leverage, MarginMode.ISOLATED if is_isolated else MarginMode.CROSS


class Account:
    """Asks about one account.

    Args:
        rest: Requests.
        listings: The venue's instruments; they know whose account it is.
        prices: Marks of positions, which the venue does not tell with them.
    """

    def __init__(self, rest: EdgexRest, listings: Listings, prices: Prices) -> None:
        self._rest = rest
        self._listings = listings
        self._prices = prices
        self._venue = rest.venue

    async def balances(self) -> list[BalanceData]:
        """The collateral, with what the account is worth."""
        found = [item for item in await self._asset() if isinstance(item, BalanceData)]
        return sorted((item for item in found if item.total), key=lambda item: item.asset)

    async def positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions other than flat, with leverage and, at the venue's mark, their open result."""
        found = [
            item
            for item in await self._asset()
            if isinstance(item, PositionData) and (symbols is None or item.symbol in symbols)
        ]
        settings = await self.settings() if found else Settings({})
        told: list[PositionData] = []
        for item in sorted(found, key=lambda item: item.symbol):
            mark = (await self._prices.ticker(item.symbol)).mark
            leverage, mode = settings.of(self._listings.of(item.symbol).key)
            entry = item.entry_price
            told.append(
                replace(
                    item,
                    mark_price=mark,
                    unrealized_pnl=None
                    if mark is None or entry is None
                    else item.size * (mark - entry),
                    leverage=leverage,
                    margin_mode=mode,
                )
            )
        return told

    async def _asset(self) -> tuple[UserData, ...]:
        answer = await self._rest.private("GET", "account/getAccountAsset")
        meta = self._rest.meta
        coins = {} if meta is None else meta.coins
        return parse.parse_account_asset(answer, self._rest.reading(), coins)

    async def settings(self) -> Settings:
        """Leverage and margin mode of the account's contracts.

        Raises:
            AuthError: If the key is another account's.
        """
        answer = await self._rest.private("GET", "account/getAccountById")
        data = answer.get("data") if isinstance(answer, dict) else None
        told = str(data.get("id")) if isinstance(data, dict) else ""
        if told != self._listings.account:
            raise AuthError(
                "edgex: the key belongs to another account than the one that was pinned.",
                venue=self._venue,
                code="ACCOUNT",
                remedy="Store the key of the right account, or store the account anew.",
            )
        rows = data.get("contractIdToTradeSetting") if isinstance(data, dict) else None
        return Settings(rows if isinstance(rows, dict) else {})

    # -- orders -------------------------------------------------------------------------------

    async def order(
        self, order_id: str | None, symbol: str, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state."""
        self._listings.of(symbol)
        if order_id is not None and order_id.isdigit():
            path, name, value = "order/getOrderById", "orderIdList", order_id
        elif client_order_id:
            path, name = "order/getOrderByClientOrderId", "clientOrderIdList"
            value = client_order_id
        else:
            raise OrderNotFound(
                f"{self._venue} has no order {order_id!r}."[:120], venue=self._venue
            )
        answer = await self._rest.private("GET", path, {name: value}, is_urgent=True)
        for row in parse.parse_orders(answer, self._rest.reading()):
            if value in (row.order_id, row.client_order_id) and row.symbol == symbol:
                return row
        raise OrderNotFound(f"{self._venue} does not know the order.", venue=self._venue)

    async def open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        found = await self._rest.walk(
            "order/getActiveOrderPage",
            self._of_contract(symbol),
            lambda answer: parse.parse_orders(answer, self._rest.reading()),
            lambda row: row.order_id,
        )
        rows = [row for row in found if symbol in {None, row.symbol}]
        return sorted(rows, key=lambda row: (row.created_at or _NEVER, _number(row.order_id)))

    async def history(
        self, symbol: str | None, since: datetime | None, limit: int | None
    ) -> list[OrderData]:
        """Closed orders; the venue filters by creation, so it is asked from earlier on."""
        params = self._of_contract(symbol)
        if since is not None:
            start = to_ns(since - _LONG_OPEN) // 1_000_000
            params["filterStartCreatedTimeInclusive"] = str(max(0, start))
        found = await self._rest.walk(
            "order/getHistoryOrderPage",
            params,
            lambda answer: parse.parse_orders(answer, self._rest.reading()),
            lambda row: row.order_id,
        )
        rows = [
            row
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
        params = self._of_contract(symbol)
        if since is not None:
            params["filterStartCreatedTimeInclusive"] = str(to_ns(since) // 1_000_000)
        found = await self._rest.walk(
            "order/getHistoryOrderFillTransactionPage",
            params,
            lambda answer: parse.parse_fills(answer, self._rest.bare()),
            lambda row: row.trade_id,
        )
        rows = [
            row
            for row in found
            if symbol in {None, row.symbol} and (since is None or row.at >= since)
        ]
        return sorted(rows, key=lambda row: (row.at, _number(row.trade_id)))

    async def funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        params = self._of_contract(symbol)
        params["filterTypeList"] = "SETTLE_FUNDING_FEE"
        if since is not None:
            params["filterStartCreatedTimeInclusive"] = str(to_ns(since) // 1_000_000)
        found = await self._rest.walk(
            "account/getPositionTransactionPage",
            params,
            lambda answer: parse.parse_funding_payments(answer, self._rest.reading()),
            lambda row: row.payment_id,
        )
        rows = [
            row
            for row in found
            if symbol in {None, row.symbol} and (since is None or row.at >= since)
        ]
        return sorted(rows, key=lambda row: row.at)

    def _of_contract(self, symbol: str | None) -> dict[str, Value]:
        return {} if symbol is None else {"filterContractIdList": self._listings.of(symbol).key}


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
