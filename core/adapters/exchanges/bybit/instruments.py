"""Bybit V5 `instruments-info` as instruments: spot, linear and inverse.

Source: bybit-exchange.github.io/docs/v5, "Get Instruments Info". Linear and spot amounts are base
units; an inverse contract is one US dollar.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import Fields, Listing, Reading, listing_of, objects, shape
from core.adapters.exchanges.models import ExchangeType, Instrument
from core.adapters.exchanges.symbols import read_spelling

_ANSWER: Final = shape("instruments-info", "retCode retMsg result retExtInfo time")
_RESULT: Final = shape("instruments-info.result", "category list nextPageCursor")
_ROW: Final = shape(
    "instruments-info.list",
    "symbol contractType status baseCoin quoteCoin settleCoin launchTime deliveryTime"
    " deliveryFeeRate priceScale leverageFilter priceFilter lotSizeFilter unifiedMarginTrade"
    " fundingInterval copyTrading upperFundingRate lowerFundingRate isPreListing preListingInfo"
    " riskParameters displayName innovation marginTrading optionsType symbolType stTag"
    " contractSize symbolId forbidUplWithdrawal skipCallAuction xstockMultiplier",
)
_LEVERAGE: Final = shape("leverageFilter", "minLeverage maxLeverage leverageStep")
_PRICE: Final = shape("priceFilter", "minPrice maxPrice tickSize")
_LOT: Final = shape(
    "lotSizeFilter",
    "maxOrderQty minOrderQty qtyStep postOnlyMaxOrderQty maxMktOrderQty minNotionalValue"
    " basePrecision quotePrecision minOrderAmt maxOrderAmt maxLimitOrderQty maxMarketOrderQty"
    " postOnlyMaxLimitOrderSize",
)
_PERPETUALS: Final = frozenset({"LinearPerpetual", "InversePerpetual"})


def parse_instruments(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """REST `instruments-info`, in the venue's order; options are left out."""
    result = Fields(raw, _ANSWER, reading).part("result", _RESULT)
    return tuple(
        _listing(fields)
        for fields in objects(result.items("list"), _ROW, reading)
        if not fields.has("optionsType")
    )


def guess_listing(key: str, market: str) -> Listing:
    """A listing by spelling alone.

    Args:
        key: The venue's symbol.
        market: `spot`, `linear` or `inverse`.

    Raises:
        ValueError: If the spelling holds no base and quote.
    """
    spelling = read_spelling(key)
    base, quote = spelling.base, spelling.quote
    if quote is None and key.endswith("PERP"):
        base, quote = key.removesuffix("PERP"), "USDC"
    if quote is None:
        message = f"{key!r} names no base and quote"
        raise ValueError(message)
    market_type = ExchangeType.SPOT if market == "spot" else ExchangeType.PERPETUAL
    value = Decimal(1) if market == "inverse" else None
    return listing_of(key, base, quote, market_type, contract_value=value)


def _listing(fields: Fields) -> Listing:
    key = fields.text("symbol")
    contract = fields.text_or_none("contractType")
    if contract is None:
        market_type = ExchangeType.SPOT
    else:
        market_type = ExchangeType.PERPETUAL if contract in _PERPETUALS else ExchangeType.FUTURES
    base = fields.text("baseCoin")
    if market_type is ExchangeType.FUTURES:
        base = f"{base}.{key.rpartition('-')[2]}"
    is_inverse = (contract or "").startswith("Inverse")
    minutes = fields.whole_or_none("fundingInterval")
    named = replace(
        fields.listing_of(
            key,
            base,
            fields.text("quoteCoin"),
            market_type,
            contract_value=Decimal(1) if is_inverse else None,
        ),
        funding_interval_s=minutes * 60 if minutes else None,
        is_trading=fields.raw("status") == "Trading",
    )
    lot = fields.part("lotSizeFilter", _LOT)
    step = "qtyStep" if lot.has("qtyStep") else "basePrecision"
    notional = "minNotionalValue" if lot.has("minNotionalValue") else "minOrderAmt"
    rules = Instrument(
        symbol=named.symbol,
        venue=fields.reading.venue,
        market_type=market_type,
        base=base,
        quote=named.quote,
        settle=fields.text_or_none("settleCoin") or "",
        venue_symbol=key,
        tick_size=fields.part("priceFilter", _PRICE).positive("tickSize"),
        lot_size=lot.positive(step),
        min_amount=lot.amount_or_none("minOrderQty") or Decimal(0),
        min_notional=lot.amount_or_none(notional) or Decimal(0),
        max_amount=lot.positive_or_none("maxOrderQty"),
        funding_interval_s=named.funding_interval_s,
    )
    if fields.has("leverageFilter"):
        most = fields.part("leverageFilter", _LEVERAGE).positive_or_none("maxLeverage")
        rules = replace(rules, max_leverage=most) if most else rules
    return replace(named, instrument=rules)
