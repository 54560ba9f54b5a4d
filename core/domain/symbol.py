"""Canonical symbols: `BASE-QUOTE-TYPE`, such as `BTC-USDC-PERP` or `ETH-USDT-SPOT`.

One spelling inside ctos; how venues write theirs is known in `core.adapters.exchanges.symbols`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from core.adapters.exchanges.models import ExchangeType

MARKET_WORDS: Final = {
    "SPOT": ExchangeType.SPOT,
    "PERP": ExchangeType.PERPETUAL,
    "FUTURE": ExchangeType.FUTURES,
    "STOCK": ExchangeType.STOCK,
    "FX": ExchangeType.FOREX,
}
"""Last part of a canonical symbol -> the market it names."""

_WORDS: Final = {market_type: word for word, market_type in MARKET_WORDS.items()}
_ASSET: Final = re.compile(r"[A-Za-z0-9.:_]{1,24}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """The parts of a canonical symbol; `str()` gives its text."""

    base: str
    """What is bought or sold; its case is kept (`kPEPE` is a thousand `PEPE`)."""
    quote: str
    """What the price counts in; upper case."""
    market_type: ExchangeType

    def __post_init__(self) -> None:
        for name in ("base", "quote"):
            if _ASSET.fullmatch(getattr(self, name)) is None:
                message = f"{getattr(self, name)!r} is no asset name"
                raise ValueError(message)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The symbol that `text` spells.

        Raises:
            ValueError: If `text` has not the form `BASE-QUOTE-TYPE`; the message says what is
                missing.
        """
        parts = text.split("-")
        if len(parts) != 3:
            message = f"{text!r} is no symbol: expected BASE-QUOTE-TYPE, such as BTC-USDC-PERP"
            raise ValueError(message)
        base, quote, word = parts
        market_type = MARKET_WORDS.get(word)
        if market_type is None:
            allowed = ", ".join(MARKET_WORDS)
            message = f"{text!r} is no symbol: {word!r} is none of {allowed}"
            raise ValueError(message)
        if quote != quote.upper():
            message = f"{text!r} is no symbol: write the quote in capitals, {quote.upper()!r}"
            raise ValueError(message)
        return cls(base=base, quote=quote, market_type=market_type)

    def __str__(self) -> str:
        return f"{self.base}-{self.quote}-{_WORDS[self.market_type]}"
