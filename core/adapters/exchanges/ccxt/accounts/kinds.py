"""Which account a venue has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.adapters.exchanges.ccxt.accounts.backpack import Backpack
from core.adapters.exchanges.ccxt.accounts.base import Account
from core.adapters.exchanges.ccxt.accounts.binance import Binance, BinanceFutures
from core.adapters.exchanges.ccxt.accounts.bybit import Bybit
from core.adapters.exchanges.ccxt.accounts.hyperliquid import Hyperliquid
from core.adapters.exchanges.ccxt.accounts.lighter import Lighter
from core.adapters.exchanges.ccxt.accounts.okx import Okx
from core.adapters.exchanges.ccxt.convert import Words

KINDS: Final[Mapping[str, type[Account]]] = {
    "backpack": Backpack,
    "binance": Binance,
    "binance-usdm": BinanceFutures,
    "bybit": Bybit,
    "hyperliquid": Hyperliquid,
    "lighter": Lighter,
    "okx": Okx,
}
"""Venue -> its account; the others speak ccxt's words alone."""


def account_of(venue: str, words: Words, client: Any) -> Account:  # noqa: ANN401 # ccxt has no types
    """The account of a venue, by the name of its row."""
    return KINDS.get(venue, Account)(words, client)
