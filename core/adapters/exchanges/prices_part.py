"""Questions of the port about prices, each handed to the part of an adapter that answers it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from core.adapters.exchanges.interface import ExchangeInterface
from core.adapters.exchanges.models import OHLCVData, OrderBookData, TickerData, TradeData


class PricesPart(Protocol):
    """What anybody may ask a venue."""

    async def ticker(self, symbol: str) -> TickerData:
        """See `get_ticker` of the interface."""

    async def book(self, symbol: str, limit: int | None) -> OrderBookData:
        """See `get_orderbook`."""

    async def candles(
        self, symbol: str, timeframe: str, since: datetime | None, limit: int | None
    ) -> list[OHLCVData]:
        """See `get_ohlcv`."""

    async def trades(
        self, symbol: str, since: datetime | None, limit: int | None
    ) -> list[TradeData]:
        """See `get_trades`."""


class PriceAnswers(ExchangeInterface):
    """An adapter whose prices are a part of it; what a venue tells, and how much, stands there."""

    _prices: PricesPart

    async def get_ticker(self, symbol: str) -> TickerData:
        """Best prices, last and mark."""
        return await self._prices.ticker(symbol)

    async def get_orderbook(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """As deep as the venue's prices tell it."""
        return await self._prices.book(symbol, limit)

    async def get_ohlcv(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """As many as the venue keeps, or tells at once."""
        return await self._prices.candles(symbol, timeframe, since, limit)

    async def get_trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """As many as the venue keeps, or tells at once."""
        return await self._prices.trades(symbol, since, limit)
