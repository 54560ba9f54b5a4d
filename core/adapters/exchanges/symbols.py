"""How venues spell symbols, and whether two spellings mean the same pair.

`BTCUSDT`, `BTC/USDT:USDT`, `BTC_USDC_PERP`, `BTC-USDT-SWAP`, `BTC` (a perpetual named by its base):
read by their base, quote and market, matched by base and quote. USD, USDT and USDC are different
quotes. A quote that a spelling leaves out (`BTC`) matches any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
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
    body, _, settle = text.strip().upper().partition(":")
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
