"""Lighter `orderBookDetails` and `orderBooks` as instruments.

Source: apidocs.lighter.xyz, "orderBooks" and "orderBookDetails". Messages name a market by its
number; numbers are always resolved from this metadata. Prices and amounts in messages are plain
decimals; orders are signed over integers, the price times 10^price_decimals
and the amount times 10^size_decimals. Fees are in percent.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import Fields, Listing, Reading, listing_of, objects, shape
from core.adapters.exchanges.models import ExchangeType, Instrument

FUNDING_INTERVAL_S: Final = 3600
_HUNDRED: Final = Decimal(100)
_FRACTIONS: Final = Decimal(10_000)
_MAX_DECIMALS: Final = 18

_ANSWER: Final = shape(
    "orderBooks", "code message order_books order_book_details spot_order_book_details"
)
_MARKET: Final = shape(
    "orderBooks.order_books",
    "symbol market_id market_type base_asset_id quote_asset_id status taker_fee maker_fee"
    " is_taker_fee_enabled is_maker_fee_enabled liquidation_fee min_base_amount min_quote_amount"
    " order_quote_limit supported_size_decimals supported_price_decimals supported_quote_decimals"
    " size_decimals price_decimals quote_multiplier default_initial_margin_fraction"
    " min_initial_margin_fraction maintenance_margin_fraction closeout_margin_fraction"
    " last_trade_price daily_trades_count daily_base_token_volume daily_quote_token_volume"
    " daily_price_low daily_price_high daily_price_change open_interest daily_chart market_config"
    " mark_price index_price strategy_index funding_clamp_small funding_clamp_big"
    " base_interest_rate open_interest_limit",
)
_REFERENCE: Final = {
    "0": ("ETH", ExchangeType.PERPETUAL),
    "1": ("BTC", ExchangeType.PERPETUAL),
    "2": ("SOL", ExchangeType.PERPETUAL),
    "2048": ("ETH", ExchangeType.SPOT),
}
"""To read recordings without metadata; trading resolves every number from the venue."""


def parse_markets(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """REST `orderBookDetails` (perpetuals, then spot) or `orderBooks`, in the venue's order.

    A market without decimals (one that is not active yet) is left out: nothing can be rounded.
    """
    answer = Fields(raw, _ANSWER, reading)
    return tuple(
        listing
        for name in ("order_books", "order_book_details", "spot_order_book_details")
        for fields in objects(answer.items_or_empty(name), _MARKET, reading)
        if (listing := _listing(fields)) is not None
    )


def guess_listing(key: str, market: str) -> Listing:
    """A listing of one of the best known market numbers.

    Raises:
        ValueError: For any other number.
    """
    del market
    if key not in _REFERENCE:
        message = f"market {key!r} is named by metadata alone"
        raise ValueError(message)
    base, market_type = _REFERENCE[key]
    return listing_of(key, base, "USDC", market_type)


def _listing(fields: Fields) -> Listing | None:
    decimals = _decimals(fields, "price"), _decimals(fields, "size")
    if decimals[0] is None or decimals[1] is None:
        return None
    number = fields.whole("market_id")
    base, _, quote = fields.text("symbol").partition("/")
    is_spot = fields.raw("market_type") == "spot" or bool(quote)
    market_type = ExchangeType.SPOT if is_spot else ExchangeType.PERPETUAL
    interval = None if is_spot else FUNDING_INTERVAL_S
    named = replace(
        fields.listing_of(str(number), base, quote or "USDC", market_type),
        number=number,
        funding_interval_s=interval,
        is_trading=fields.raw("status") == "active",
    )
    return replace(named, instrument=_instrument(fields, named, decimals[0], decimals[1]))


def _instrument(
    fields: Fields, listing: Listing, price_decimals: int, size_decimals: int
) -> Instrument:
    rules = Instrument(
        symbol=listing.symbol,
        venue=fields.reading.venue,
        market_type=listing.market_type,
        base=listing.base,
        quote=listing.quote,
        venue_symbol=listing.key,
        tick_size=Decimal(1).scaleb(-price_decimals),
        lot_size=Decimal(1).scaleb(-size_decimals),
        min_amount=fields.amount_or_none("min_base_amount") or Decimal(0),
        min_notional=fields.amount_or_none("min_quote_amount") or Decimal(0),
        maker_fee=_percent(fields, "maker_fee"),
        taker_fee=_percent(fields, "taker_fee"),
        funding_interval_s=listing.funding_interval_s,
    )
    least = fields.positive_or_none("min_initial_margin_fraction")
    maintenance = fields.positive_or_none("maintenance_margin_fraction")
    if least is not None:
        rules = replace(rules, max_leverage=_FRACTIONS / least)
    if maintenance is not None:
        rules = replace(rules, maintenance_margin_rate=maintenance / _FRACTIONS)
    return rules


def _decimals(fields: Fields, what: str) -> int | None:
    for name in (f"{what}_decimals", f"supported_{what}_decimals"):
        if fields.has(name):
            count = fields.whole(name)
            if not 0 <= count <= _MAX_DECIMALS:
                fields.refuse(name, f"should be 0 to {_MAX_DECIMALS}, not {count}")
            return count
    return None


def _percent(fields: Fields, name: str) -> Decimal | None:
    percent = fields.decimal_or_none(name)
    return None if percent is None else percent / _HUNDRED
