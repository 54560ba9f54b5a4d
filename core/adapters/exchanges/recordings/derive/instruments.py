"""Derive `get_instruments` as instruments: perpetuals and spot; options are left out.

Source: docs.derive.xyz, "public/get_instruments". Amounts are base units, fees fractions of the
notional; `base_fee`, dollars an order, is no fraction and is not told. A perpetual pays its funding
by the hour and settles in its quote.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import Fields, Listing, Reading, listing_of, shape
from core.adapters.exchanges.models import ExchangeType, Instrument
from core.adapters.exchanges.recordings.derive.envelope import is_option, outright, rows

HOUR_S: Final = 3600
_QUOTE: Final = "USDC"
_TYPES: Final = {"perp": ExchangeType.PERPETUAL, "erc20": ExchangeType.SPOT}
_ROW: Final = shape(
    "instruments",
    "amount_step base_asset_address base_asset_sub_id base_currency base_fee erc20_details"
    " fifo_min_allocation instrument_name instrument_type is_active maker_fee_rate"
    " mark_price_fee_rate_cap maximum_amount minimum_amount option_details perp_details"
    " pro_rata_amount_step pro_rata_fraction quote_currency scheduled_activation"
    " scheduled_deactivation taker_fee_rate tick_size",
)


def parse_instruments(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """One instrument, an array or a page of them, in the venue's order.

    Raises:
        MalformedMessage: If one is neither a perpetual, an asset nor an option, or has no step.
    """
    return tuple(_listing(fields) for fields in outright(rows(raw), _ROW, reading))


def guess_listing(key: str, market: str) -> Listing:
    """A listing by spelling alone: `ETH-PERP` counts in USDC, `ETH-USDC` is spot.

    Raises:
        ValueError: If the name is an option's, or holds no base and quote.
    """
    del market
    base, _, rest = key.partition("-")
    if is_option(key) or not rest or "-" in rest:
        message = f"{key!r} names no perpetual and no pair"
        raise ValueError(message)
    if rest == "PERP":
        listing = listing_of(key, base, _QUOTE, ExchangeType.PERPETUAL)
        return replace(listing, funding_interval_s=HOUR_S)
    return listing_of(key, base, rest, ExchangeType.SPOT)


def _listing(fields: Fields) -> Listing:
    key = fields.text("instrument_name")
    market_type = fields.choice("instrument_type", _TYPES)
    interval_s = HOUR_S if market_type is ExchangeType.PERPETUAL else None
    named = replace(
        fields.listing_of(
            key, fields.text("base_currency"), fields.text("quote_currency"), market_type
        ),
        funding_interval_s=interval_s,
        is_trading=fields.flag("is_active"),
    )
    rules = Instrument(
        symbol=named.symbol,
        venue=fields.reading.venue,
        market_type=market_type,
        base=named.base,
        quote=named.quote,
        venue_symbol=key,
        tick_size=fields.positive("tick_size"),
        lot_size=fields.positive("amount_step"),
        min_amount=fields.amount_or_none("minimum_amount") or Decimal(0),
        max_amount=fields.positive_or_none("maximum_amount"),
        maker_fee=fields.decimal_or_none("maker_fee_rate"),
        taker_fee=fields.decimal_or_none("taker_fee_rate"),
        funding_interval_s=interval_s,
    )
    return replace(named, instrument=rules)
