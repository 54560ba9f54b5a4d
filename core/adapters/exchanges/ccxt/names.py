"""Which names of venues lead through the ccxt door; light, so that every command may ask."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "ccxt-"
"""In front of a venue's name it asks for this door where the venue has an adapter of its own."""
PLAIN_NAMES: Final = ("okx", "bybit")
"""Venues whose plain name leads through this door, having no adapter of their own."""
ROWED: Final = ("backpack", "binance", "binance-usdm", "bybit", "hyperliquid", "lighter", "okx")
"""Venues with a row of their own in `table.py`."""


def names() -> tuple[str, ...]:
    """Names that lead through this door; any other venue of ccxt does as `ccxt-<its id>`."""
    return (*PLAIN_NAMES, *(f"{PREFIX}{venue}" for venue in ROWED))


def leads_through(name: str) -> bool:
    """Whether a venue of that name is reached through this door."""
    return name in PLAIN_NAMES or name.startswith(PREFIX)


def rules_venue(name: str) -> str:
    """Whose shipped instrument rules those of a name are: `ccxt-binance-usdm` has Binance's."""
    return name.removeprefix(PREFIX).removesuffix("-usdm") if name.startswith(PREFIX) else name
