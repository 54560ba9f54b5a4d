"""Binance through ccxt: spot and USDⓈ-M, read by Binance's own parsers."""

from __future__ import annotations

from decimal import Decimal

from core.adapters.exchanges.binance import parse as binance
from core.adapters.exchanges.ccxt.accounts.base import Account, News, is_hedged, may_withdraw
from core.adapters.exchanges.ccxt.values import Unified
from core.adapters.exchanges.decoding import Listing, Reading
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    MarginMode,
    OrderData,
    PositionData,
)


class Binance(Account):
    """Spot."""

    def order(self, data: Unified, reading: Reading) -> OrderData:
        """Of the raw row."""
        return binance.parse_order(data["info"], reading)

    def fill(self, data: Unified, reading: Reading) -> FillData:
        """Of the raw row."""
        return binance.parse_fills([data["info"]], reading)[0]

    def heard(self, message: object, reading: Reading) -> News | None:
        """`executionReport` and `ORDER_TRADE_UPDATE`."""
        if not isinstance(message, dict):
            return ()
        event = message.get("event")
        payload = event if isinstance(event, dict) else binance.unwrap(message)
        kind = payload.get("e") if isinstance(payload, dict) else None
        if kind == "executionReport":
            return binance.parse_execution_report(payload, reading)
        if kind == "ORDER_TRADE_UPDATE":
            return binance.parse_order_trade_update(payload, reading)
        return ()

    async def positions(self, reading: Reading) -> list[PositionData]:
        """None on spot."""
        del reading
        return []

    async def balances(self, reading: Reading) -> list[BalanceData]:
        """REST `account`."""
        return list(binance.parse_account(await self.client.privateGetAccount(), reading))

    async def check_key(self) -> None:
        """REST `apiRestrictions`; the test network does not tell."""
        rights = await self.client.sapiGetAccountApiRestrictions()
        if binance.flag_of(rights, "enableWithdrawals", "apiRestrictions"):
            raise may_withdraw(self.words.venue)


class BinanceFutures(Binance):
    """USDⓈ-M."""

    async def positions(self, reading: Reading) -> list[PositionData]:
        """REST `positionRisk`, whose second version tells leverage and mode."""
        rows = await self.client.fapiPrivateV2GetPositionRisk()
        return list(binance.parse_positions(rows, reading))

    async def balances(self, reading: Reading) -> list[BalanceData]:
        """REST `balance`."""
        return list(binance.parse_balances(await self.client.fapiPrivateV3GetBalance(), reading))

    async def margin(self, listing: Listing, reading: Reading) -> tuple[Decimal, MarginMode]:
        """REST `positionRisk` tells them for flat positions too."""
        del reading
        rows = await self.client.fapiPrivateV2GetPositionRisk({"symbol": listing.key})
        row = rows[0]
        return Decimal(row["leverage"]), MarginMode(str(row["marginType"]).lower())

    async def set_leverage(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """Raw, since ccxt refuses numbers that the venue might take."""
        del mode
        request = {"symbol": listing.key, "leverage": int(leverage)}
        await self.client.fapiPrivatePostLeverage(request)

    async def set_mode(self, listing: Listing, leverage: Decimal, mode: MarginMode) -> None:
        """A mode that is in force already is no change to ask for: the venue refuses it."""
        del leverage
        words = {MarginMode.CROSS: "CROSSED", MarginMode.ISOLATED: "ISOLATED"}
        request = {"symbol": listing.key, "marginType": words[mode]}
        await self.client.fapiPrivatePostMarginType(request)

    async def check_key(self) -> None:
        """Also refuses an account in hedge mode."""
        await super().check_key()
        mode = await self.client.fapiPrivateGetPositionSideDual()
        if binance.flag_of(mode, "dualSidePosition", "positionSide/dual"):
            raise is_hedged(self.words.venue, "hedge", "Switch it to one-way mode at the venue.")
