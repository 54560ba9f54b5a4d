"""Hyperliquid's names and numbers of the floor's instruments, and its rule of five digits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.hyperliquid.instruments import tick_at
from core.adapters.exchanges.models import Instrument, plain

_SPOT_OFFSET: Final = 10_000
_DEX_OFFSET: Final = 100_000
_DEX_STRIDE: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One tradable thing as the venue counts it."""

    instrument: Instrument
    number: int
    """Of an order: a perpetual's place in the `universe` of its dex, whose own numbers begin at
    100000 and ten thousand for each dex; a pair's `index` and ten thousand."""
    coin: str
    """In messages: a perpetual's base, `@1` of a pair."""

    @property
    def dex(self) -> str:
        """The builder's dex of a perpetual; empty for the venue's own and for pairs."""
        name, mark, _ = self.coin.partition(":")
        return name if mark else ""

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
        names = (each.base.partition(":") for each in perps)
        self.dexes = ["", *dict.fromkeys(name for name, mark, _ in names if mark)]
        """Their places are their numbers; the venue's own is the first."""
        self.perps = [
            asset
            for count, dex in enumerate(self.dexes)
            for asset in _perpetuals(perps, dex, _DEX_OFFSET + count * _DEX_STRIDE if dex else 0)
        ]
        self.pairs = [
            Asset(instrument=each, number=_SPOT_OFFSET + place, coin=f"@{place}")
            for place, each in enumerate(pairs, 1)
        ]
        everything = [*self.perps, *self.pairs]
        self.by_symbol = {asset.instrument.symbol: asset for asset in everything}
        self.by_coin = {asset.coin: asset for asset in everything}
        self.by_number = {asset.number: asset for asset in everything}

    def of_dex(self, dex: object) -> list[Asset]:
        """The perpetuals of a dex; of the venue's own where none is named."""
        return [asset for asset in self.perps if asset.dex == (dex or "")]

    def meta(self, dex: object = "") -> dict[str, object]:
        """`meta`: the perpetuals of a dex."""
        found = self.of_dex(dex)
        return {
            "universe": [
                {
                    "szDecimals": asset.instrument.amount_decimals,
                    "name": asset.coin,
                    "maxLeverage": int(asset.instrument.max_leverage),
                    "marginTableId": int(asset.instrument.max_leverage),
                }
                for asset in found
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
                for asset in found
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


def _perpetuals(instruments: Iterable[Instrument], dex: str, first: int) -> list[Asset]:
    """The perpetuals of a dex, numbered from `first`."""
    mark = f"{dex}:"
    ours = [each for each in instruments if (each.base.startswith(mark) if dex else True)]
    ours = [each for each in ours if dex or ":" not in each.base]
    return [
        Asset(instrument=each, number=first + place, coin=each.base)
        for place, each in enumerate(ours)
    ]


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
