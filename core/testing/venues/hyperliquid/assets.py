"""Hyperliquid's names and numbers of the floor's instruments, and its rule of five digits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.hyperliquid.instruments import tick_at
from core.adapters.exchanges.models import Instrument, plain

_SPOT_OFFSET: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One tradable thing as the venue counts it."""

    instrument: Instrument
    number: int
    """Of an order; a perpetual's place in `universe`, a pair's `index` and ten thousand."""
    coin: str
    """In messages: a perpetual's base, `@1` of a pair."""

    def allows(self, price: Decimal) -> bool:
        """Whether a price keeps to five significant digits and to the finest tick."""
        return price % tick_at(self.instrument, price) == 0


class Assets:
    """All of them.

    Args:
        instruments: Of the floor.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        perps = [each for each in instruments if not each.is_spot]
        pairs = [each for each in instruments if each.is_spot]
        self.perps = [
            Asset(instrument=each, number=place, coin=each.base) for place, each in enumerate(perps)
        ]
        self.pairs = [
            Asset(instrument=each, number=_SPOT_OFFSET + place, coin=f"@{place}")
            for place, each in enumerate(pairs, 1)
        ]
        everything = [*self.perps, *self.pairs]
        self.by_symbol = {asset.instrument.symbol: asset for asset in everything}
        self.by_coin = {asset.coin: asset for asset in everything}
        self.by_number = {asset.number: asset for asset in everything}

    def meta(self) -> dict[str, object]:
        """`meta`: the perpetuals."""
        return {
            "universe": [
                {
                    "szDecimals": asset.instrument.amount_decimals,
                    "name": asset.coin,
                    "maxLeverage": int(asset.instrument.max_leverage),
                    "marginTableId": int(asset.instrument.max_leverage),
                }
                for asset in self.perps
            ],
            "marginTables": [
                [
                    int(asset.instrument.max_leverage),
                    {
                        "description": "",
                        "marginTiers": [
                            {
                                "lowerBound": "0.0",
                                "maxLeverage": int(asset.instrument.max_leverage),
                            }
                        ],
                    },
                ]
                for asset in self.perps
            ],
            "collateralToken": 0,
        }

    def spot_meta(self) -> dict[str, object]:
        """`spotMeta`: USDC, then each pair's base."""
        tokens = [_token("USDC", 0, 8)]
        tokens += [
            _token(asset.instrument.base, place, asset.instrument.amount_decimals)
            for place, asset in enumerate(self.pairs, 1)
        ]
        return {
            "tokens": tokens,
            "universe": [
                {"name": asset.coin, "tokens": [place, 0], "index": place, "isCanonical": False}
                for place, asset in enumerate(self.pairs, 1)
            ],
        }

    def token_of(self, base: str) -> int:
        """A token's number; USDC is 0."""
        bases = [asset.instrument.base for asset in self.pairs]
        return bases.index(base) + 1 if base in bases else 0


def number(value: Decimal) -> str:
    """Plain, with `.0` where it is whole."""
    text = plain(value)
    return text if "." in text else f"{text}.0"


def _token(name: str, index: int, decimals: int) -> dict[str, object]:
    return {
        "name": name,
        "szDecimals": decimals,
        "weiDecimals": 8,
        "index": index,
        "tokenId": f"0x{index:032x}",
        "isCanonical": index == 0,
        "evmContract": None,
        "fullName": None,
        "deployerTradingFeeShare": "0.0",
    }
