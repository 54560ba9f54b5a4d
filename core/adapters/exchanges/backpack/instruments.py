"""Backpack `markets` as instruments.

Source: docs.backpack.exchange, "Get markets". Symbols are `BTC_USDC` (spot) and `BTC_USDC_PERP`;
all amounts are base units.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from core.adapters.exchanges.decoding import Fields, Listing, Reading, listing_of, objects, shape
from core.adapters.exchanges.models import ExchangeType, Instrument

_MARKET: Final = shape(
    "markets",
    "symbol baseSymbol quoteSymbol marketType filters fundingInterval fundingRateUpperBound"
    " fundingRateLowerBound imfFunction mmfFunction openInterestLimit orderBookState createdAt"
    " visible positionLimitWeight startAt state",
)
_FILTERS: Final = shape("markets.filters", "price quantity leverage")
_PRICE: Final = shape(
    "markets.filters.price",
    "minPrice maxPrice tickSize minMultiplier maxMultiplier minImpactMultiplier"
    " maxImpactMultiplier meanMarkPriceBand meanPremiumBand borrowEntryFeeMaxMultiplier"
    " borrowEntryFeeMinMultiplier borrowMarginFeeMaxMultiplier borrowMarginFeeMinMultiplier",
)
_QUANTITY: Final = shape("markets.filters.quantity", "minQuantity maxQuantity stepSize")
_FUNCTION: Final = shape("markets.imfFunction", "type base factor")
_TYPES: Final = {"SPOT": ExchangeType.SPOT, "PERP": ExchangeType.PERPETUAL}


def parse_markets(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """REST `markets`: spot and perpetuals, in the venue's order; other kinds are left out."""
    return tuple(
        _listing(fields)
        for fields in objects(raw, _MARKET, reading)
        if fields.says("marketType", _TYPES)
    )


def guess_listing(key: str, market: str) -> Listing:
    """A listing by spelling alone.

    Raises:
        ValueError: If the symbol is not of the form `BASE_QUOTE` or `BASE_QUOTE_PERP`.
    """
    del market
    parts = key.split("_")
    is_perpetual = parts[-1] == "PERP"
    if len(parts) != (3 if is_perpetual else 2):
        message = f"{key!r} names no base and quote"
        raise ValueError(message)
    market_type = ExchangeType.PERPETUAL if is_perpetual else ExchangeType.SPOT
    return listing_of(key, parts[0], parts[1], market_type)


def _listing(fields: Fields) -> Listing:
    market_type = fields.choice("marketType", _TYPES)
    interval_ms = fields.whole_or_none("fundingInterval")
    named = replace(
        fields.listing_of(
            fields.text("symbol"),
            fields.text("baseSymbol"),
            fields.text("quoteSymbol"),
            market_type,
        ),
        funding_interval_s=interval_ms // 1000 if interval_ms else None,
        is_trading=fields.raw("orderBookState") == "Open",
    )
    return replace(named, instrument=_instrument(fields, named))


def _instrument(fields: Fields, listing: Listing) -> Instrument:
    filters = fields.part("filters", _FILTERS)
    quantity = filters.part("quantity", _QUANTITY)
    rules = Instrument(
        symbol=listing.symbol,
        venue=fields.reading.venue,
        market_type=listing.market_type,
        base=listing.base,
        quote=listing.quote,
        venue_symbol=listing.key,
        tick_size=filters.part("price", _PRICE).positive("tickSize"),
        lot_size=quantity.positive("stepSize"),
        min_amount=quantity.amount("minQuantity"),
        max_amount=quantity.positive_or_none("maxQuantity"),
        funding_interval_s=listing.funding_interval_s,
    )
    if fields.has("imfFunction"):
        least = fields.part("imfFunction", _FUNCTION).positive("base")
        rules = replace(rules, max_leverage=1 / least)
    if fields.has("mmfFunction"):
        least = fields.part("mmfFunction", _FUNCTION).positive("base")
        rules = replace(rules, maintenance_margin_rate=least)
    return rules
