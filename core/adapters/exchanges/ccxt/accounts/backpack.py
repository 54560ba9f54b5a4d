"""Backpack through ccxt, read by Backpack's own parsers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from core.adapters.exchanges.backpack import parse as backpack
from core.adapters.exchanges.ccxt.accounts.base import Account, News
from core.adapters.exchanges.ccxt.values import Unified
from core.adapters.exchanges.decoding import Listing, Reading
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    MarginMode,
    OrderData,
    PositionData,
    from_ns,
    to_ns,
)
from core.errors import MalformedMessage, OrderRejected


class Backpack(Account):
    """One account whose assets all margin its positions."""

    def order(self, data: Unified, reading: Reading) -> OrderData:
        """Of the raw row."""
        return backpack.parse_order(data["info"], reading)

    def fill(self, data: Unified, reading: Reading) -> FillData:
        """Of the raw row."""
        return backpack.parse_fills([data["info"]], reading)[0]

    def heard(self, message: object, reading: Reading) -> News | None:
        """`account.orderUpdate`: the order with its fill."""
        stream = message.get("stream") if isinstance(message, dict) else None
        if not isinstance(stream, str) or not stream.startswith("account.orderUpdate"):
            return ()
        told = backpack.parse_order_event(backpack.unwrap(message), reading)
        return tuple(
            # as precise as REST tells, so that both tell the same execution
            replace(item, at=from_ns(to_ns(item.at) // 1_000_000 * 1_000_000))
            if isinstance(item, FillData)
            else item
            for item in told
        )

    async def positions(self, reading: Reading) -> list[PositionData]:
        """REST `position`, with the leverage limit of the account."""
        rows = await self.client.privateGetApiV1Position()
        found = backpack.parse_positions(rows, reading)
        if not found:
            return []
        leverage = await self._leverage()
        return [replace(item, leverage=leverage, margin_mode=MarginMode.CROSS) for item in found]

    async def balances(self, reading: Reading) -> list[BalanceData]:
        """REST `capital/collateral`."""
        answer = await self.client.privateGetApiV1CapitalCollateral()
        return list(backpack.parse_collateral(answer, reading))

    async def margin(self, listing: Listing, reading: Reading) -> tuple[Decimal, MarginMode]:
        """The leverage limit of the whole account; positions share its collateral."""
        del listing, reading
        return await self._leverage(), MarginMode.CROSS

    async def set_leverage(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Of the whole account: there is no other."""
        del listing, mode
        await self.client.privatePatchApiV1Account({"leverageLimit": str(int(leverage))})

    async def set_mode(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Cross is all there is."""
        del leverage
        if mode is not MarginMode.CROSS:
            raise OrderRejected(
                f"{self.words.venue} has no isolated margin for {listing.symbol}.",
                venue=self.words.venue,
                code="MARGIN_MODE",
            )

    async def _leverage(self) -> Decimal:
        answer = await self.client.privateGetApiV1Account()
        if not isinstance(answer, dict) or "leverageLimit" not in answer:
            raise MalformedMessage("backpack account: no leverageLimit")
        return Decimal(str(answer["leverageLimit"]))

    async def check_key(self) -> None:
        """The venue does not tell a key's rights; it must work."""
        await self.client.privateGetApiV1Account()
