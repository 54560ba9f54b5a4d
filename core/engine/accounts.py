"""A venue account: one connection, one rate budget and one ledger for all bots there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from core.adapters.exchanges.interface import ExchangeInterface
from core.services.execution.service import ExecutionService
from core.services.market_data.service import MarketData
from core.services.portfolio.snapshot import VenueRow


@dataclass(slots=True, kw_only=True)
class Account:
    """One connected account at one venue, and what all its bots share."""

    exchange: ExchangeInterface
    market: MarketData
    execution: ExecutionService
    orders_per_minute: int | None = None
    """The venue's own limit; None for none."""
    watcher: asyncio.Task[None] | None = None

    def row(self, open_orders: int) -> VenueRow:
        """One door on the home screen."""
        status = self.exchange.get_status()
        return VenueRow(
            name=status.venue,
            state=status.state.value,
            feed=status.feed,
            latency_ms=status.latency_ms,
            age_s=status.data_age_s,
            open_orders=open_orders,
            budget_used=self.execution.budget_used,
            detail=status.detail,
        )

    async def close(self) -> None:
        """Stops listening and lets go of the venue; resting orders stay."""
        if self.watcher is not None:
            self.watcher.cancel()
        await self.execution.close()
        self.market.close()
        await self.exchange.disconnect()
