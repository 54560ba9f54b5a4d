"""Binance `exchangeInfo` as instruments: filters of spot, USDⓈ-M and COIN-M.

Sources: developers.binance.com, Spot "Filters", USDⓈ-M "Exchange Information" and "Get Funding
Rate Info". Tick and lot are those of `PRICE_FILTER` and `LOT_SIZE`: the fields
`pricePrecision` and `quantityPrecision` "should not be used as tickSize and stepSize".
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import Fields, Listing, Reading, listing_of, objects, shape
from core.adapters.exchanges.models import ExchangeType, Instrument
from core.adapters.exchanges.symbols import read_spelling

_INFO: Final = shape(
    "exchangeInfo",
    "timezone serverTime futuresType rateLimits exchangeFilters assets symbols permissions sors",
)
_SYMBOL: Final = shape(
    "exchangeInfo.symbols",
    "symbol pair contractType contractSize deliveryDate onboardDate status contractStatus"
    " maintMarginPercent requiredMarginPercent baseAsset quoteAsset marginAsset pricePrecision"
    " quantityPrecision baseAssetPrecision quotePrecision quoteAssetPrecision underlyingType"
    " underlyingSubType settlePlan triggerProtect liquidationFee marketTakeBound"
    " maxMoveOrderLimit filters orderTypes timeInForce OrderType equalQtyPrecision"
    " baseCommissionPrecision quoteCommissionPrecision icebergAllowed ocoAllowed otoAllowed"
    " opoAllowed quoteOrderQtyMarketAllowed allowTrailingStop cancelReplaceAllowed amendAllowed"
    " pegInstructionsAllowed isSpotTradingAllowed isMarginTradingAllowed permissions"
    " permissionSets defaultSelfTradePreventionMode allowedSelfTradePreventionModes"
    " permittedPublic",
)
_FILTER: Final = shape(
    "exchangeInfo.symbols.filters",
    "filterType minPrice maxPrice tickSize minQty maxQty stepSize notional minNotional"
    " applyMinToMarket applyToMarket maxNotional applyMaxToMarket avgPriceMins multiplierUp"
    " multiplierDown multiplierDecimal bidMultiplierUp bidMultiplierDown askMultiplierUp"
    " askMultiplierDown limit maxNumOrders maxNumAlgoOrders maxNumIcebergOrders maxPosition"
    " minTrailingAboveDelta maxTrailingAboveDelta minTrailingBelowDelta maxTrailingBelowDelta"
    " maxNumOrderLists maxNumOrderAmends positionControlSide",
)
_FUNDING_INFO: Final = shape(
    "fundingInfo",
    "symbol adjustedFundingRateCap adjustedFundingRateFloor fundingIntervalHours disclaimer"
    " updateTime",
)
_PERPETUAL: Final = frozenset({"PERPETUAL", "TRADIFI_PERPETUAL"})


def parse_exchange_info(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """REST `exchangeInfo`: every symbol with its rules, in the venue's order."""
    info = Fields(raw, _INFO, reading)
    return tuple(_listing(fields) for fields in objects(info.items("symbols"), _SYMBOL, reading))


def parse_funding_info(
    raw: object, listings: tuple[Listing, ...], reading: Reading
) -> tuple[Listing, ...]:
    """The same listings with the funding intervals of REST `fundingInfo`."""
    hours = {
        fields.text("symbol"): fields.whole("fundingIntervalHours")
        for fields in objects(raw, _FUNDING_INFO, reading)
    }
    return tuple(
        replace(listing, funding_interval_s=hours[listing.key] * 3600)
        if listing.key in hours
        else listing
        for listing in listings
    )


def guess_listing(key: str, market: str) -> Listing:
    """A listing by spelling alone, to read recordings that hold no `exchangeInfo`.

    Args:
        key: The venue's symbol.
        market: `spot`, `usdm` or `coinm`.

    Raises:
        ValueError: If the spelling holds no base and quote.
    """
    head, _, expiry = key.partition("_")
    spelling = read_spelling(head)
    if spelling.quote is None:
        message = f"{key!r} names no base and quote"
        raise ValueError(message)
    market_type = _market_type(market, expiry)
    base = f"{spelling.base}.{expiry}" if market_type is ExchangeType.FUTURES else spelling.base
    value = Decimal(100 if spelling.base == "BTC" else 10) if market == "coinm" else None
    return listing_of(key, base, spelling.quote, market_type, contract_value=value)


def _market_type(market: str, expiry: str) -> ExchangeType:
    if market == "spot":
        return ExchangeType.SPOT
    return ExchangeType.FUTURES if expiry.isdigit() else ExchangeType.PERPETUAL


def _listing(fields: Fields) -> Listing:
    rules = {
        rule.text("filterType"): rule
        for rule in objects(fields.items("filters"), _FILTER, fields.reading)
    }
    if "PRICE_FILTER" not in rules or "LOT_SIZE" not in rules:
        fields.refuse("filters", "lack PRICE_FILTER or LOT_SIZE")
    contract = fields.text_or_none("contractType")
    if contract is None:
        market_type = ExchangeType.SPOT
    else:
        market_type = ExchangeType.PERPETUAL if contract in _PERPETUAL else ExchangeType.FUTURES
    key = fields.text("symbol")
    base, quote = fields.text("baseAsset"), fields.text("quoteAsset")
    if market_type is ExchangeType.FUTURES:
        base = f"{base}.{key.partition('_')[2] or 'DATED'}"
    value = fields.positive("contractSize") if fields.has("contractSize") else None
    named = fields.listing_of(key, base, quote, market_type, contract_value=value)
    return replace(
        named,
        is_trading=fields.raw("status" if fields.has("status") else "contractStatus") == "TRADING",
        instrument=_instrument(fields, named, rules),
    )


def _instrument(fields: Fields, listing: Listing, rules: dict[str, Fields]) -> Instrument:
    price, lot = rules["PRICE_FILTER"], rules["LOT_SIZE"]
    notional = rules.get("NOTIONAL") or rules.get("MIN_NOTIONAL")
    least = Decimal(0)
    if notional is not None:
        least = notional.amount("notional" if notional.has("notional") else "minNotional")
    return Instrument(
        symbol=listing.symbol,
        venue=fields.reading.venue,
        market_type=listing.market_type,
        base=listing.base,
        quote=listing.quote,
        settle=fields.text_or_none("marginAsset") or "",
        venue_symbol=listing.key,
        tick_size=price.positive("tickSize"),
        lot_size=lot.positive("stepSize"),
        min_amount=lot.amount("minQty"),
        min_notional=least,
        max_amount=lot.positive_or_none("maxQty"),
    )
