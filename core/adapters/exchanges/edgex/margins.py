"""Leverage of edgeX's contracts, and the margin mode that is not changed."""

from __future__ import annotations

from decimal import Decimal

from core.adapters.exchanges.edgex.account import Account
from core.adapters.exchanges.edgex.rest import EdgexRest
from core.adapters.exchanges.models import LeverageResult, MarginMode, MarginModeResult, plain
from core.adapters.exchanges.native.listings import Listings
from core.errors import OrderRejected


class Margins:
    """How an account's contracts are margined.

    Args:
        rest: Requests.
        listings: The venue's instruments.
        account: What is in force.
    """

    def __init__(self, rest: EdgexRest, listings: Listings, account: Account) -> None:
        self._rest = rest
        self._listings = listings
        self._account = account
        self._venue = rest.venue

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Sets the contract's largest leverage and reads it back."""
        listing, instrument = self._listings.to_trade(symbol)
        if not 1 <= leverage <= instrument.max_leverage:
            raise OrderRejected(
                f"{self._venue} {symbol}: leverage is at most {plain(instrument.max_leverage)}, "
                f"not {plain(leverage)}.",
                venue=self._venue,
                code="LEVERAGE",
            )
        await self._rest.private(
            "POST",
            "account/updateLeverageSetting",
            {"contractId": listing.key, "leverage": plain(leverage)},
            is_order=True,
        )
        found, _ = (await self._account.settings()).of(listing.key)
        return LeverageResult(symbol=symbol, leverage=found)

    async def set_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Cross is what the venue begins with, and all that is asked for here.

        Raises:
            OrderRejected: For another one than is in force.
        """
        _, found = (await self._account.settings()).of(self._listings.of(symbol).key)
        if found is not margin_mode:
            raise OrderRejected(
                f"{self._venue} {symbol}: margin is {found.value}; ctos does not change it there.",
                venue=self._venue,
                code="MARGIN_MODE",
                remedy=f"Write margin_mode: {found.value} in the bot's file, or change it on the "
                "venue's own page.",
            )
        return MarginModeResult(symbol=symbol, margin_mode=found)
