"""edgeX's ids of the floor's perpetuals, and the metadata that tells them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import Instrument, plain

CHAIN_ID: Final = 3343
VERIFYING: Final = "0x" + "ed9e" * 10
COLLATERAL_ID: Final = 1000
COLLATERAL_RESOLUTION: Final = 1_000_000
RESOLUTION: Final = 10_000_000_000
"""Integer units of a base unit in every contract here."""
_FIRST_CONTRACT: Final = 30_000_101
_FIRST_COIN: Final = 1101


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One perpetual."""

    instrument: Instrument
    number: int
    coin: int

    @property
    def key(self) -> str:
        """Its id in messages."""
        return str(self.number)

    @property
    def name(self) -> str:
        """`BTCUSDC`."""
        return self.instrument.base + self.instrument.quote


class Contracts:
    """All of them.

    Args:
        instruments: Of the floor; perpetuals.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        found = [
            Contract(instrument=each, number=_FIRST_CONTRACT + place, coin=_FIRST_COIN + place)
            for place, each in enumerate(instruments)
        ]
        self.by_symbol = {contract.instrument.symbol: contract for contract in found}
        self.by_key = {contract.key: contract for contract in found}

    def metadata(self) -> dict[str, object]:
        """`getMetaData`."""
        coins = [_coin(COLLATERAL_ID, "USDC", "0.000001", str(COLLATERAL_RESOLUTION))]
        coins += [
            _coin(each.coin, each.instrument.base, plain(each.instrument.lot_size), str(RESOLUTION))
            for each in self.by_symbol.values()
        ]
        return {
            "global": {
                "appName": "edgeX",
                "appEnv": "loopback",
                "nativeChainId": str(CHAIN_ID),
                "chainId": str(CHAIN_ID),
                "contractAddress": VERIFYING,
                "collateralCoinId": str(COLLATERAL_ID),
            },
            "coinList": coins,
            "contractList": [_row(contract) for contract in self.by_symbol.values()],
        }


def _coin(number: int, name: str, step: str, resolution: str) -> dict[str, object]:
    return {
        "coinId": str(number),
        "coinName": name,
        "stepSize": step,
        "showStepSize": step,
        "resolution": resolution,
    }


def _row(contract: Contract) -> dict[str, object]:
    rules = contract.instrument
    interval_s = rules.funding_interval_s or 4 * 3600
    return {
        "contractId": contract.key,
        "contractName": contract.name,
        "baseCoinId": str(contract.coin),
        "quoteCoinId": str(COLLATERAL_ID),
        "tickSize": plain(rules.tick_size),
        "stepSize": plain(rules.lot_size),
        "minOrderSize": plain(max(rules.lot_size, rules.min_amount)),
        "maxOrderSize": plain(rules.max_amount or Decimal(100_000)),
        "maxPositionSize": "1000000",
        "riskTierList": [
            {
                "tier": 1,
                "positionValueUpperBound": "10000000",
                "maxLeverage": plain(rules.max_leverage),
                "maintenanceMarginRate": plain(rules.maintenance_margin_rate),
            }
        ],
        "defaultTakerFeeRate": plain(rules.taker_fee or Decimal(0)),
        "defaultMakerFeeRate": plain(rules.maker_fee or Decimal(0)),
        "defaultLeverage": plain(rules.max_leverage),
        "enableTrade": True,
        "enableDisplay": True,
        "enableOpenPosition": True,
        "fundingRateIntervalMin": str(interval_s // 60),
        "resolution": str(RESOLUTION),
        "isStock": False,
        "isFx": False,
    }
