"""Questions and orders of the port, each handed to the part that carries it out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from core.adapters.exchanges.ibkr.account import Account
from core.adapters.exchanges.ibkr.errors import VENUE
from core.adapters.exchanges.ibkr.listing import Listing
from core.adapters.exchanges.ibkr.prices import Prices
from core.adapters.exchanges.ibkr.questions import Questions
from core.adapters.exchanges.ibkr.sessions import Hours
from core.adapters.exchanges.ibkr.trading import Trading
from core.adapters.exchanges.models import (
    NO_OPTIONS,
    BalanceData,
    FillData,
    FundingPaymentData,
    FundingRateData,
    Instrument,
    LeverageResult,
    MarginMode,
    MarginModeResult,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    PositionData,
    TickerData,
)
from core.adapters.exchanges.prices_part import PriceAnswers
from core.errors import NotSupported


class Answers(PriceAnswers):
    """The half of the adapter that asks and orders; its parts are made by the other half."""

    _questions: Questions
    _listing: Listing
    _prices: Prices
    _trading: Trading
    _account: Account

    async def get_instruments(self) -> list[Instrument]:
        """Rules of what was looked up, sorted by symbol."""
        self._questions.need_live()
        return self._listing.instruments()

    async def hours(self, symbol: str) -> Hours:
        """When a symbol trades, about a week ahead, half days and holidays included."""
        return (await self._listing.of(symbol)).hours

    # -- market data --------------------------------------------------------------------------

    async def get_tickers(self, symbols: Sequence[str] | None = None) -> list[TickerData]:
        """One after the other."""
        wanted = self._listing.symbols if symbols is None else symbols
        return [await self._prices.ticker(symbol) for symbol in wanted]

    async def get_funding_rate(self, symbol: str) -> FundingRateData:
        """There is none.

        Raises:
            NotSupported: Always.
        """
        raise NotSupported(f"{symbol[:40]} is no perpetual.", venue=VENUE)

    # -- the account --------------------------------------------------------------------------

    async def get_balances(self) -> list[BalanceData]:
        """Cash by currency, and what is held of stocks and coins."""
        self._questions.need_account()
        await self._questions.values()
        return self._account.balances()

    async def get_positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Stocks and coins; a pair is two balances at IBKR."""
        self._questions.need_account()
        await self._questions.values()
        rows = self._account.positions()
        return [item for item in rows if symbols is None or item.symbol in symbols]

    async def create_order(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None = None,
        params: OrderOptions | None = None,
    ) -> OrderData:
        """Sends one order; one that must end at once is waited for until it did."""
        options = NO_OPTIONS if params is None else params
        return await self._trading.create(symbol, side, order_type, amount, price, options)

    async def cancel_order(self, order_id: str, symbol: str) -> OrderData:
        """Cancels and waits for the order's end."""
        del symbol
        return await self._trading.cancel(order_id)

    async def cancel_all_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Of all, also those that were placed by hand; with a symbol, only our client's."""
        return await self._trading.cancel_all(symbol)

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """One order of today, or one that is still open."""
        return await self._trading.order(order_id, symbol, client_order_id)

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Those of other clients and by hand included."""
        return await self._trading.open_orders(symbol)

    async def get_order_history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Those that ended today, and those that ended while we listened."""
        return await self._trading.history(symbol, since, limit)

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Executions since midnight, which is all that IBKR tells, and what was heard before."""
        self._questions.need_account()
        ids = await self._questions.executions()
        rows = [
            fill
            for fill in self._account.fills(ids)
            if symbol in {None, fill.symbol} and (since is None or fill.at >= since)
        ]
        return sorted(rows, key=lambda fill: fill.at)

    async def get_funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """None: nothing here is funded."""
        del symbol, since
        return []

    # -- settings -----------------------------------------------------------------------------

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """The account's kind says what it may borrow.

        Raises:
            NotSupported: Always.
        """
        del leverage
        raise NotSupported(f"{VENUE} has no leverage of {symbol[:40]}.", venue=VENUE)

    async def set_margin_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """The account's kind says how it is margined.

        Raises:
            NotSupported: Always.
        """
        del margin_mode
        raise NotSupported(f"{VENUE} has no margin mode of {symbol[:40]}.", venue=VENUE)
