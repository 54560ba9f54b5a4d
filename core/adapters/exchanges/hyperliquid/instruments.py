"""Hyperliquid `meta` and `spotMeta` as instruments, and its rule of significant digits.

Sources: hyperliquid.gitbook.io, "For developers": "Asset IDs", "Tick and lot size", "Perpetuals"
and "Spot" info endpoints, "HIP-3 assets".

- Asset number of a perpetual: its index in `universe`; of spot: 10000 + index; of a perpetual of
  the builder-deployed dex number d: 100000 + 10000 d + index.
- Amounts have `szDecimals` decimals. Prices have at most 5 significant digits and at most
  6 - szDecimals (spot: 8 - szDecimals) decimals; whole numbers are always allowed.
- An order is worth at least 10 USDC.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import (
    Fields,
    Listing,
    Reading,
    array,
    listing_of,
    number,
    objects,
    shape,
)
from core.adapters.exchanges.models import ExchangeType, Instrument
from core.errors import MalformedMessage

FUNDING_INTERVAL_S: Final = 3600
MIN_NOTIONAL: Final = Decimal(10)
_SIGNIFICANT_DIGITS: Final = 5
_PERP_DECIMALS: Final = 6
_SPOT_DECIMALS: Final = 8
_SPOT_OFFSET: Final = 10_000
_DEX_OFFSET: Final = 100_000
_DEX_STRIDE: Final = 10_000
_USDC: Final = 0
_ROOM: Final = Decimal("1.5")
"""How far above its price of now an instrument's step still has to be allowed."""
_ZERO: Final = Decimal(0)

_META: Final = shape("meta", "universe marginTables collateralToken")
_PERP: Final = shape(
    "meta.universe",
    "name szDecimals maxLeverage marginTableId onlyIsolated isDelisted marginMode growthMode"
    " lastGrowthModeChangeTime",
)
_SPOT_META: Final = shape("spotMeta", "universe tokens")
_PAIR: Final = shape("spotMeta.universe", "name tokens index isCanonical")
_TOKEN: Final = shape(
    "spotMeta.tokens",
    "name szDecimals weiDecimals index tokenId isCanonical evmContract fullName"
    " deployerTradingFeeShare",
)
_UNIT_TOKENS: Final = {"UBTC": "BTC", "UETH": "ETH", "USOL": "SOL"}
"""Bridged tokens that stand for the asset itself, as everyone quotes them."""
_REFERENCE_PAIRS: Final = {
    "@142": ("BTC", "USDC"),
    "@151": ("ETH", "USDC"),
    "@156": ("SOL", "USDC"),
}
"""To read recordings without `spotMeta`; trading resolves pairs from the venue's metadata."""


def parse_meta(
    raw: object, reading: Reading, dex: int = 0, tokens: dict[int, str] | None = None
) -> tuple[Listing, ...]:
    """REST `meta` of one dex: its perpetuals in the order of their numbers.

    Args:
        raw: The answer.
        reading: Where unknown fields are counted.
        dex: Number of the builder-deployed dex; 0 for the venue's own.
        tokens: Token number -> name, from `parse_tokens`, for dexes with other collateral.
    """
    fields = Fields(raw, _META, reading)
    collateral = fields.whole_or_none("collateralToken") or _USDC
    quote = "USDC" if collateral == _USDC else (tokens or {}).get(collateral, f"T{collateral}")
    first = 0 if dex == 0 else _DEX_OFFSET + dex * _DEX_STRIDE
    return tuple(
        _perpetual(perp, quote, first + index)
        for index, perp in enumerate(objects(fields.items("universe"), _PERP, reading))
    )


def parse_all_metas(
    raw: object, reading: Reading, tokens: dict[int, str] | None = None
) -> tuple[Listing, ...]:
    """REST `allPerpMetas`: the venue's own dex first, then the builder-deployed ones."""
    return tuple(
        listing
        for dex, meta in enumerate(array(raw, "allPerpMetas", reading))
        for listing in parse_meta(meta, reading, dex, tokens)
    )


def parse_tokens(raw: object, reading: Reading) -> dict[int, str]:
    """Token number -> name, of REST `spotMeta`."""
    fields = Fields(raw, _SPOT_META, reading)
    return {
        token.whole("index"): token.text("name")
        for token in objects(fields.items("tokens"), _TOKEN, reading)
    }


def parse_spot_meta(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """REST `spotMeta`: pairs, keyed as messages name them (`@142`, `PURR/USDC`)."""
    fields = Fields(raw, _SPOT_META, reading)
    tokens = {
        token.whole("index"): token for token in objects(fields.items("tokens"), _TOKEN, reading)
    }
    return tuple(_pair(pair, tokens) for pair in objects(fields.items("universe"), _PAIR, reading))


def tick_at(instrument: Instrument, price: Decimal) -> Decimal:
    """The price step that is allowed at `price`: five significant digits, whole numbers always.

    `Instrument.tick_size` is the finest step, which only low prices may use.
    """
    digits = Decimal(1).scaleb(price.adjusted() - _SIGNIFICANT_DIGITS + 1)
    return max(instrument.tick_size, min(digits, Decimal(1)))


def parse_mids(raw: object, reading: Reading) -> dict[str, Decimal]:
    """Info `allMids`: coin -> price; prices that cannot be are counted and left out.

    Raises:
        MalformedMessage: If it is no object.
    """
    if not isinstance(raw, dict):
        raise MalformedMessage("hyperliquid allMids: expected an object", venue=reading.venue)
    found: dict[str, Decimal] = {}
    for coin, text in raw.items():
        try:
            price = number(text) if isinstance(text, str) else _ZERO
        except ValueError:
            price = _ZERO
        if price > 0:
            found[coin] = price
        else:
            reading.unknown["allMids:refused"] += 1
    return found


def at_price(listing: Listing, price: Decimal | None) -> Listing:
    """The same with the price step that is allowed up to half above a price.

    The finest step is only for low prices; one that is planned with must be allowed where orders
    are going to rest. Without a price the finest one stays.
    """
    rules = listing.instrument
    if rules is None or price is None:
        return listing
    return replace(listing, instrument=replace(rules, tick_size=tick_at(rules, price * _ROOM)))


def guess_listing(key: str, market: str) -> Listing:
    """A listing by spelling alone; every perpetual is taken as quoted in USDC.

    Raises:
        ValueError: For a spot pair that only metadata can name.
    """
    del market
    if key in _REFERENCE_PAIRS:
        base, quote = _REFERENCE_PAIRS[key]
        return listing_of(key, base, quote, ExchangeType.SPOT)
    if "/" in key:
        base, _, quote = key.partition("/")
        return listing_of(key, base, quote, ExchangeType.SPOT)
    return replace(
        listing_of(key, key, "USDC", ExchangeType.PERPETUAL),
        funding_interval_s=FUNDING_INTERVAL_S,
    )


def _decimals(fields: Fields, limit: int) -> int:
    count = fields.whole("szDecimals")
    if not 0 <= count <= limit:
        fields.refuse("szDecimals", f"should be 0 to {limit}, not {count}")
    return count


def _perpetual(fields: Fields, quote: str, place: int) -> Listing:
    key = fields.text("name")
    decimals = _decimals(fields, _PERP_DECIMALS)
    named = replace(
        fields.listing_of(key, key, quote, ExchangeType.PERPETUAL),
        number=place,
        funding_interval_s=FUNDING_INTERVAL_S,
        is_trading=not fields.flag_or("isDelisted", default=False),
    )
    rules = _rules(fields.reading, named, decimals, _PERP_DECIMALS - decimals)
    leverage = fields.positive("maxLeverage")
    return replace(
        named,
        instrument=replace(
            rules,
            max_leverage=leverage,
            maintenance_margin_rate=1 / (2 * leverage),
            funding_interval_s=FUNDING_INTERVAL_S,
        ),
    )


def _pair(fields: Fields, tokens: dict[int, Fields]) -> Listing:
    numbers = fields.items("tokens")
    if len(numbers) != 2 or not all(isinstance(n, int) and n in tokens for n in numbers):
        fields.refuse("tokens", "do not name two listed tokens")
    base, quote = (tokens[n] for n in numbers if isinstance(n, int))
    decimals = _decimals(base, _SPOT_DECIMALS)
    named = replace(
        fields.listing_of(
            fields.text("name"),
            _UNIT_TOKENS.get(base.text("name"), base.text("name")),
            quote.text("name").upper(),
            ExchangeType.SPOT,
        ),
        number=_SPOT_OFFSET + fields.whole("index"),
    )
    return replace(
        named,
        instrument=_rules(fields.reading, named, decimals, _SPOT_DECIMALS - decimals),
    )


def _rules(
    reading: Reading, listing: Listing, amount_decimals: int, price_decimals: int
) -> Instrument:
    return Instrument(
        symbol=listing.symbol,
        venue=reading.venue,
        market_type=listing.market_type,
        base=listing.base,
        quote=listing.quote,
        venue_symbol=listing.key,
        tick_size=Decimal(1).scaleb(-price_decimals),
        lot_size=Decimal(1).scaleb(-amount_decimals),
        min_notional=MIN_NOTIONAL,
    )
