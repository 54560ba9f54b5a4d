"""The perpetual dexes that an account uses: the venue's own, and those of builders (HIP-3).

A builder's coin carries its dex (`xyz:NVDA`), and the dex has margin accounts and lists of open
orders of its own, each asked for by name. Executions, funding and orders by id are told across
all. Only the dexes of instruments that somebody here had to do with are asked about, so that the
others cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.adapters.exchanges.native.listings import Listings

OWN: Final = ""
"""The venue's own dex, which has no name."""
_MARK: Final = ":"


def dex_of(key: str) -> str:
    """The dex of a coin as messages name it."""
    name, mark, _ = key.partition(_MARK)
    return name if mark else OWN


class Dexes:
    """Those in use.

    Args:
        listings: The venue's instruments.
        symbols: What is going to be traded.
    """

    def __init__(self, listings: Listings, symbols: Iterable[str] = ()) -> None:
        self._listings = listings
        self._planned = tuple(symbols)
        self._used: dict[str, None] = {OWN: None}

    def use(self, symbols: Iterable[str]) -> list[str]:
        """The dexes of some symbols, in use from now on."""
        found: dict[str, None] = {}
        for symbol in symbols:
            listing = self._listings.by_symbol.get(symbol)
            if listing is not None and not (listing.instrument and listing.instrument.is_spot):
                found[dex_of(listing.key)] = None
        self._used |= found
        return list(found)

    def used(self) -> list[str]:
        """All in use, the venue's own first."""
        self.use(self._planned)
        return list(self._used)

    def collateral(self, dex: str) -> str:
        """What margins a dex."""
        if dex != OWN:
            for listing in self._listings:
                if dex_of(listing.key) == dex:
                    return listing.quote
        return "USDC"
