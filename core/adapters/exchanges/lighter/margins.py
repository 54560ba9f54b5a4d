"""Leverage and margin mode of Lighter's perpetuals: set in one transaction, read back."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.lighter.account import Account
from core.adapters.exchanges.lighter.orders import refused
from core.adapters.exchanges.lighter.rest import LighterRest
from core.adapters.exchanges.lighter.sign import UPDATE_LEVERAGE
from core.adapters.exchanges.models import (
    Instrument,
    LeverageResult,
    MarginMode,
    MarginModeResult,
    plain,
)
from core.adapters.exchanges.native.listings import Listings
from core.errors import NotSupported

_FRACTIONS: Final = Decimal(10_000)
_SETTLE_S: Final = 3.0


class Margins:
    """How an account's perpetuals are margined.

    Args:
        rest: Signs and sends.
        listings: The venue's instruments.
        account: What is in force.
    """

    def __init__(self, rest: LighterRest, listings: Listings, account: Account) -> None:
        self._rest = rest
        self._listings = listings
        self._account = account

    async def set_leverage(self, symbol: str, leverage: Decimal) -> LeverageResult:
        """Keeps the margin mode; nothing is sent for what is in force."""
        listing, instrument = self._perpetual(symbol)
        if not 1 <= leverage <= instrument.max_leverage:
            raise refused(
                "LEVERAGE",
                f"{symbol}: leverage is at most {plain(instrument.max_leverage)}, "
                f"not {plain(leverage)}",
            )
        found, mode = await self._in_force(symbol, instrument)
        if not _is_called(found, leverage):
            found, _ = await self._set(listing, instrument, leverage, mode)
        else:
            found = leverage
        return LeverageResult(symbol=symbol, leverage=found)

    async def set_mode(self, symbol: str, margin_mode: MarginMode) -> MarginModeResult:
        """Keeps the leverage; nothing is sent for what is in force."""
        listing, instrument = self._perpetual(symbol)
        leverage, found = await self._in_force(symbol, instrument)
        if found is not margin_mode:
            _, found = await self._set(listing, instrument, leverage, margin_mode)
        return MarginModeResult(symbol=symbol, margin_mode=found)

    async def _set(
        self, listing: Listing, instrument: Instrument, leverage: Decimal, mode: MarginMode
    ) -> tuple[Decimal, MarginMode]:
        """Sends both, and reads back until they are in force or it takes too long."""
        clock = self._rest.clock
        fraction = int(_FRACTIONS / leverage)
        word = int(mode is MarginMode.ISOLATED)
        await self._rest.send(
            UPDATE_LEVERAGE,
            lambda signer, nonce: signer.leverage(listing.number or 0, fraction, word, nonce),
        )
        until_ns = clock.monotonic_ns() + round(_SETTLE_S * 1e9)
        while True:
            found, in_mode = await self._in_force(listing.symbol, instrument)
            if _is_called(found, leverage):
                found = leverage
            if (found, in_mode) == (leverage, mode) or clock.monotonic_ns() > until_ns:
                return found, in_mode
            await clock.sleep(0.25)

    async def _in_force(self, symbol: str, instrument: Instrument) -> tuple[Decimal, MarginMode]:
        """A market that was never traded has the venue's largest leverage."""
        found = await self._account.margin(symbol)
        return (instrument.max_leverage, MarginMode.CROSS) if found is None else found

    def _perpetual(self, symbol: str) -> tuple[Listing, Instrument]:
        listing, instrument = self._listings.to_trade(symbol)
        if instrument.is_spot:
            raise NotSupported(f"{symbol} is spot and has no leverage.", venue="lighter")
        return listing, instrument


def _is_called(told: Decimal, leverage: Decimal) -> bool:
    """Whether the venue tells this of a leverage: it keeps 33.33 percent of three times."""
    return round(_FRACTIONS / told) == int(_FRACTIONS / leverage)
