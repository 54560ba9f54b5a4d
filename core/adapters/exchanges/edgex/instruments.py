"""edgeX V2 `getMetaData` as instruments.

Source: edgeX documentation, API V2, "Metadata", and edgex-python-sdk 2.0.1. Messages name a
contract by its id (`30000001`); ids are always resolved from this metadata. Orders are signed over
integers: the amount times the contract's `resolution`, the value times the coin's `resolution`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import Fields, Listing, Reading, listing_of, objects, shape
from core.adapters.exchanges.models import ExchangeType, Instrument
from core.adapters.exchanges.symbols import read_spelling

_ANSWER: Final = shape("getMetaData", "code data msg errorParam requestTime responseTime traceId")
_META: Final = shape("metadata", "global coinList contractList multiChain")
_GLOBAL: Final = shape(
    "metadata.global",
    "appName appEnv appOnlySignOn feeAccountId feeAccountL2Key poolAccountId poolAccountL2Key"
    " fastWithdrawAccountId fastWithdrawAccountL2Key fastWithdrawMaxAmount"
    " fastWithdrawRegistryAddress starkExChainId starkExContractAddress starkExCollateralCoin"
    " starkExMaxFundingRate starkExOrdersTreeHeight starkExPositionsTreeHeight"
    " starkExFundingValidityPeriod starkExPriceValidityPeriod maintenanceReason nativeChainId"
    " chainId contractAddress collateralCoinId",
)
_COIN: Final = shape(
    "metadata.coinList",
    "coinId coinName stepSize showStepSize iconUrl starkExAssetId starkExResolution resolution",
)
_CONTRACT: Final = shape(
    "metadata.contractList",
    "contractId contractName baseCoinId quoteCoinId tickSize stepSize minOrderSize maxOrderSize"
    " maxOrderBuyPriceRatio minOrderSellPriceRatio maxPositionSize riskTierList"
    " defaultTakerFeeRate defaultMakerFeeRate defaultLeverage liquidateFeeRate enableTrade"
    " enableDisplay enableOpenPosition fundingInterestRate fundingImpactMarginNotional"
    " fundingMaxRate fundingMinRate fundingRateIntervalMin displayDigitMerge displayMaxLeverage"
    " displayMinLeverage displayNewIcon displayHotIcon matchServerName resolution"
    " starkExSyntheticAssetId starkExResolution starkExOraclePriceQuorum"
    " starkExOraclePriceSignedAssetId"
    " starkExOraclePriceSigner isStock isFx",
)
_RISK_TIER: Final = shape(
    "metadata.contractList.riskTierList",
    "tier positionValueUpperBound maxLeverage maintenanceMarginRate starkExRisk starkExUpperBound",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What signing an order needs beside the listing."""

    contract_id: int
    resolution: Decimal
    """Integer units per base unit."""
    collateral_id: int
    collateral_resolution: Decimal
    """Integer units per unit of the collateral coin."""
    max_fee_rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The venue's metadata as a whole."""

    listings: tuple[Listing, ...]
    contracts: dict[str, Contract]
    """Contract id -> what signing needs; only those that can be signed for."""
    coins: dict[str, str]
    """Coin id -> name."""
    chain_id: int | None
    verifying_contract: str | None


def parse_metadata(raw: object, reading: Reading) -> Metadata:
    """REST `getMetaData`, with or without its envelope."""
    if isinstance(raw, dict) and "data" in raw:
        meta = Fields(raw, _ANSWER, reading).part("data", _META)
    else:
        meta = Fields(raw, _META, reading)
    coins = {
        coin.identifier("coinId"): coin for coin in objects(meta.items("coinList"), _COIN, reading)
    }
    names = {key: coin.text("coinName") for key, coin in coins.items()}
    rows = list(objects(meta.items("contractList"), _CONTRACT, reading))
    shared = meta.part("global", _GLOBAL)
    chain = shared.identifier_or_none("nativeChainId") or shared.identifier_or_none("chainId")
    return Metadata(
        listings=tuple(_listing(row, names) for row in rows),
        contracts={
            row.identifier("contractId"): _contract(row, coins)
            for row in rows
            if row.has("resolution") and row.identifier("quoteCoinId") in coins
        },
        coins=names,
        chain_id=int(chain, 0) if chain and chain.isalnum() and chain[:1].isdigit() else None,
        verifying_contract=shared.text_or_none("contractAddress"),
    )


def parse_listings(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """REST `getMetaData`: every contract with its rules, in the venue's order."""
    return parse_metadata(raw, reading).listings


_REFERENCE: Final = {"30000001": "BTC", "30000002": "ETH", "30000003": "SOL"}
"""To read recordings without metadata; trading resolves every id from the venue."""


def guess_listing(key: str, market: str) -> Listing:
    """A listing of one of the best known contract ids.

    Raises:
        ValueError: For any other id.
    """
    del market
    if key not in _REFERENCE:
        message = f"contract {key!r} is named by metadata alone"
        raise ValueError(message)
    return listing_of(key, _REFERENCE[key], "USDC", ExchangeType.PERPETUAL)


def _listing(fields: Fields, coins: dict[str, str]) -> Listing:
    spelling = read_spelling(fields.text("contractName"))
    quote = coins.get(fields.identifier("quoteCoinId")) or spelling.quote
    if quote is None:
        fields.refuse("quoteCoinId", "names no listed coin")
    base = coins.get(fields.identifier_or_none("baseCoinId") or "") or spelling.base
    minutes = fields.whole_or_none("fundingRateIntervalMin")
    named = replace(
        fields.listing_of(
            fields.identifier("contractId"), base, quote.upper(), ExchangeType.PERPETUAL
        ),
        funding_interval_s=minutes * 60 if minutes else None,
        is_trading=fields.flag_or("enableTrade", default=True)
        and fields.flag_or("enableOpenPosition", default=True),
    )
    return replace(named, instrument=_instrument(fields, named))


def _instrument(fields: Fields, listing: Listing) -> Instrument:
    rules = Instrument(
        symbol=listing.symbol,
        venue=fields.reading.venue,
        market_type=listing.market_type,
        base=listing.base,
        quote=listing.quote,
        venue_symbol=listing.key,
        tick_size=fields.positive("tickSize"),
        lot_size=fields.positive("stepSize"),
        min_amount=fields.amount_or_none("minOrderSize") or Decimal(0),
        max_amount=fields.positive_or_none("maxOrderSize"),
        maker_fee=fields.decimal_or_none("defaultMakerFeeRate"),
        taker_fee=fields.decimal_or_none("defaultTakerFeeRate"),
        funding_interval_s=listing.funding_interval_s,
    )
    tiers = list(objects(fields.items_or_empty("riskTierList"), _RISK_TIER, fields.reading))
    if not tiers:
        return rules
    first = max(tiers, key=lambda tier: tier.positive("maxLeverage"))
    return replace(
        rules,
        max_leverage=first.positive("maxLeverage"),
        maintenance_margin_rate=first.positive_or_none("maintenanceMarginRate")
        or rules.maintenance_margin_rate,
    )


def _contract(fields: Fields, coins: dict[str, Fields]) -> Contract:
    coin = coins[fields.identifier("quoteCoinId")]
    fees = [fields.decimal_or_none(name) for name in ("defaultTakerFeeRate", "defaultMakerFeeRate")]
    return Contract(
        contract_id=fields.whole("contractId"),
        resolution=_resolution(fields),
        collateral_id=coin.whole("coinId"),
        collateral_resolution=_resolution(coin),
        max_fee_rate=max((fee for fee in fees if fee is not None), default=Decimal("0.001")),
    )


def _resolution(fields: Fields) -> Decimal:
    """Stated in decimal, or in hexadecimal with `0x`."""
    text = fields.identifier("resolution")
    if text.lower().startswith("0x"):
        try:
            return Decimal(int(text, 16))
        except ValueError:
            fields.refuse("resolution", f"should be a number, not {text[:40]!r}")
    return fields.positive("resolution")
