"""An adapter that is made of three parts: prices, the account, orders.

    class MyExchange(Parts):
        def __init__(self, doors: Doors) -> None:
            super().__init__("my", doors)
            self._prices = MyPrices(…)
            self._account = MyAccount(…)
            self._orders = MyOrders(…)

Whoever asks hears from the part; what a part cannot be asked without an account is refused before.
What a venue tells of each, and how much, stands in its own parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from core.adapters.exchanges.models import (
    NO_OPTIONS,
    BalanceData,
    FillData,
    FundingPaymentData,
    FundingRateData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    PositionData,
)
from core.adapters.exchanges.native.exchange import NativeExchange
from core.adapters.exchanges.prices_part import PriceAnswers, PricesPart


class DerivativePrices(PricesPart, Protocol):
    """What anybody may ask a venue of perpetuals."""

    async def funding_rate(self, symbol: str) -> FundingRateData:
        """See `get_funding_rate`."""


class AccountPart(Protocol):
    """What a venue tells of an account."""

    async def balances(self) -> list[BalanceData]:
        """See `get_balances` of the interface."""

    async def positions(self, symbols: Sequence[str] | None) -> list[PositionData]:
        """See `get_positions`."""

    async def order(
        self, order_id: str | None, symbol: str, client_order_id: str | None
    ) -> OrderData:
        """See `get_order`."""

    async def open_orders(self, symbol: str | None) -> list[OrderData]:
        """See `get_open_orders`."""

    async def history(
        self, symbol: str | None, since: datetime | None, limit: int | None
    ) -> list[OrderData]:
        """See `get_order_history`."""

    async def fills(self, symbol: str | None, since: datetime | None) -> list[FillData]:
        """See `get_fills`."""

    async def funding_payments(
        self, symbol: str | None, since: datetime | None
    ) -> list[FundingPaymentData]:
        """See `get_funding_payments`."""


class OrdersPart(Protocol):
    """What a venue is told to do."""

    async def create(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> OrderData:
        """See `create_order` of the interface."""

    async def cancel(self, order_id: str, symbol: str) -> OrderData:
        """See `cancel_order`."""

    async def cancel_all(self, symbol: str | None) -> list[OrderData]:
        """See `cancel_all_orders`."""


class Parts(PriceAnswers, NativeExchange):
    """Hands each question to the part that answers it; see the module's text."""

    _prices: DerivativePrices
    _account: AccountPart
    _orders: OrdersPart

    # -- market data --------------------------------------------------------------------------

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """Of a perpetual."""
        return await self._prices.funding_rate(symbol)

    # -- the account --------------------------------------------------------------------------

    async def get_balances(self) -> list[BalanceData]:
        """What the account holds."""
        self.need_account()
        return await self._account.balances()

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions other than flat."""
        self.need_account()
        return await self._account.positions(symbols)

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state."""
        self.need_account()
        return await self._account.order(order_id, symbol, client_order_id)

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        self.need_account()
        return await self._account.open_orders(symbol)

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Orders that are over, as far as the venue keeps them."""
        self.need_account()
        return await self._account.history(symbol, since, limit)

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Our executions from old to new, as far as the venue keeps them."""
        self.need_account()
        return await self._account.fills(symbol, since)

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        self.need_account()
        return await self._account.funding_payments(symbol, since)

    # -- orders -------------------------------------------------------------------------------

    async def create_order(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None = None,
        params: OrderOptions | None = None,
    ) -> OrderData:
        """Sends one order, once."""
        self.need_orders()
        return await self._orders.create(
            symbol, side, order_type, amount, price, params or NO_OPTIONS
        )

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Cancels, and tells what the order is then."""
        self.need_orders()
        return await self._orders.cancel(order_id, symbol)

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Cancels what is open."""
        self.need_orders()
        return await self._orders.cancel_all(symbol)
