"""How venues spell symbols, and whether two spellings mean the same pair.

`BTCUSDT`, `BTC/USDT:USDT`, `BTC_USDC_PERP`, `BTC-USDT-SWAP`, `BTC` (a perpetual named by its base):
read by their base, quote and market, matched by base and quote. USD, USDT and USDC are different
quotes. A quote that a spelling leaves out (`BTC`) matches any.

A builder's market at Hyperliquid is named by its dex and its coin, `xyz:NVDA`, which together are
its base: `xyz:NVDA-USDC-PERP`. What follows a pair after a colon is the asset that it settles in.

A base can be a multiple of an asset: `kPEPE` and `1000PEPE` are a thousand `PEPE`, `1MBABYDOGE` a
million `BABYDOGE`. Prices and amounts are in that unit everywhere; `unit_of` tells both apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import ExchangeType
from core.domain.symbol import MARKET_WORDS

QUOTES: Final = (
    *("FDUSD", "PYUSD"),
    *("USDT", "USDC", "BUSD", "TUSD", "USDE", "USDS", "USDP"),
    *("USD", "DAI", "EUR", "GBP", "JPY", "CHF", "AUD", "CAD", "KRW", "TRY", "BRL"),
    *("BTC", "ETH", "BNB", "SOL"),
)
"""Quotes that end a symbol written in one word, longest first."""

_BASES_BEFORE_USD: Final = frozenset(
    {"ANT", "APT", "ARB", "BAT", "BNB", "BNT", "DOT", "FTT", "GMT", "GRT", "HNT", "OKT", "QNT"}
    | {"SHIB", "WBT", "XBT"}
)
"""Bases whose last letter would make `USD` read as `BUSD` or `TUSD`."""

_ALIASES: Final = {"XBT": "BTC"}
_MARKETS: Final = MARKET_WORDS | {
    "PERPETUAL": ExchangeType.PERPETUAL,
    "SWAP": ExchangeType.PERPETUAL,
    "FUT": ExchangeType.FUTURES,
    "FUTURES": ExchangeType.FUTURES,
}
_MARKET_NAMES: Final = {
    "spot": ExchangeType.SPOT,
    "perp": ExchangeType.PERPETUAL,
    "perpetual": ExchangeType.PERPETUAL,
    "perps": ExchangeType.PERPETUAL,
    "swap": ExchangeType.PERPETUAL,
    "linear": ExchangeType.PERPETUAL,
    "inverse": ExchangeType.PERPETUAL,
    "usdm": ExchangeType.PERPETUAL,
    "coinm": ExchangeType.PERPETUAL,
    "future": ExchangeType.FUTURES,
    "futures": ExchangeType.FUTURES,
    "stock": ExchangeType.STOCK,
    "forex": ExchangeType.FOREX,
}
_SEPARATORS: Final = re.compile(r"[-_/]")
_DEX: Final = re.compile(r"([A-Za-z0-9]{1,12}):([^:]+)", re.ASCII)
"""A builder's dex before its coin: no separator stands before the colon."""
_UNITS: Final = (
    (re.compile(r"(1(?:000)+)([A-Z][A-Z0-9]*)", re.ASCII), None),
    (re.compile(r"(1M)([A-Z][A-Z0-9]{2,})", re.ASCII), Decimal(1_000_000)),
    (re.compile(r"(k)([A-Z][A-Z0-9]*)", re.ASCII), Decimal(1_000)),
)
"""How venues write multiples of an asset; None where the number itself says which."""
_EXPIRY: Final = re.compile(r"\d{6}|\d{8}|\d{1,2}[A-Z]{3}\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """What a venue's symbol says; None for what it leaves out."""

    base: str
    """Upper case."""
    quote: str | None
    market_type: ExchangeType | None

    def matches(self, other: Spelling) -> bool:
        """Whether both can mean the same pair, on whatever market: equal base, no other quote."""
        return self.base == other.base and (
            self.quote == other.quote or None in (self.quote, other.quote)
        )


def read_spelling(text: str) -> Spelling:
    """What `text`, a symbol in any venue's spelling, says."""
    stripped = text.strip()
    dex = _DEX.fullmatch(stripped)
    if dex is not None and not _SEPARATORS.search(dex[1]) and _split(dex[1].upper())[1] is None:
        inner = read_spelling(dex[2])
        return Spelling(
            base=f"{dex[1].upper()}:{inner.base}",
            quote=inner.quote,
            market_type=inner.market_type,
        )
    body, _, settle = stripped.upper().partition(":")
    parts = [part for part in _SEPARATORS.split(body) if part]
    market = _market_of_settle(settle) if settle else None
    while len(parts) > 1 and (word := _market_of(parts[-1])) is not None:
        market = word
        parts.pop()
    if len(parts) < 2:
        base, quote = _split("".join(parts))
    else:
        base, quote = "".join(parts[:-1]), parts[-1]
    return Spelling(base=_ALIASES.get(base, base), quote=quote, market_type=market)


def is_same_pair(first: str, second: str) -> bool:
    """Whether two spellings can mean the same base and quote; the market is not compared."""
    return read_spelling(first).matches(read_spelling(second))


def unit_of(base: str) -> tuple[str, Decimal]:
    """The asset that a base counts in, and how many of it one unit is.

    `kPEPE` and `1000PEPE` give `PEPE` and 1000. The small `k` is part of how venues write it:
    `KAVA` is an asset of its own. A dex stays before its asset.
    """
    dex, colon, name = base.rpartition(":")
    for pattern, units in _UNITS:
        match = pattern.fullmatch(name)
        if match is not None:
            return f"{dex}{colon}{match[2]}", Decimal(match[1]) if units is None else units
    return base, Decimal(1)


def read_market(text: str) -> ExchangeType | None:
    """The kind of market that a venue's word (`usdm`, `linear`, `spot`) means, where known."""
    return _MARKET_NAMES.get(text.strip().lower())


def _market_of(word: str) -> ExchangeType | None:
    if _EXPIRY.fullmatch(word):
        return ExchangeType.FUTURES
    return _MARKETS.get(word)


def _market_of_settle(settle: str) -> ExchangeType:
    """ccxt: `BTC/USDT:USDT` is a perpetual, `BTC/USDT:USDT-240927` a dated future."""
    return ExchangeType.FUTURES if "-" in settle else ExchangeType.PERPETUAL


def _split(word: str) -> tuple[str, str | None]:
    if word.endswith("USD") and word[:-3] in _BASES_BEFORE_USD:
        return word[:-3], "USD"
    for quote in QUOTES:
        if word.endswith(quote) and len(word) > len(quote):
            return word[: -len(quote)], quote
    return word, None
