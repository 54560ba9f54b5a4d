"""Markets of ccxt's as our instruments: spot, and perpetuals whose result is in the quote. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.ccxt.table import Row
from core.adapters.exchanges.ccxt.values import Unified, number, part, quiet
from core.adapters.exchanges.decoding import Listing, Reading
from core.adapters.exchanges.lighter.instruments import parse_markets
from core.adapters.exchanges.models import ExchangeType, FeeAsset, Instrument
from core.domain.symbol import Symbol

_ONE: Final = Decimal(1)
_ZERO: Final = Decimal(0)
_DECIMAL_PLACES: Final = 2
_TICK_SIZE: Final = 4


def listing_of(row: Row, market: Unified, precision_mode: int) -> Listing | None:
    """One market; None for what ctos does not trade through this door.

    Dated futures, options and inverse contracts are left out: their canonical symbols or their
    amounts would not say what they are.

    Raises:
        MalformedMessage: If a market that our own parser reads is none.
    """
    if row.parsers == "lighter":
        return _lighters(row, market)
    if market.get("spot"):
        kind = ExchangeType.SPOT
    elif market.get("swap") and market.get("linear"):
        kind = ExchangeType.PERPETUAL
    else:
        return None
    base, quote = str(market["base"]), str(market["quote"])
    try:
        symbol = str(Symbol(base=base, quote=quote.upper(), market_type=kind))
    except ValueError:
        return None
    multiplier = _ONE
    if kind is ExchangeType.PERPETUAL:
        multiplier = number(market.get("contractSize")) or _ONE
    return Listing(
        key=_key(row, market),
        symbol=symbol,
        market_type=kind,
        base=base,
        quote=quote,
        multiplier=multiplier,
        is_trading=market.get("active") is not False,
        instrument=_instrument(row, market, symbol, kind, multiplier, precision_mode),
    )


def _lighters(row: Row, market: Unified) -> Listing | None:
    """Of Lighter's metadata itself.

    ccxt takes `quote_multiplier` for the size of a contract and percents of fees for fractions, and
    leaves the leverage out.
    """
    answer = {"code": 200, "order_books": [market["info"]]}
    return next(iter(parse_markets(answer, Reading(venue=row.venue))), None)


def _key(row: Row, market: Unified) -> str:
    """What the venue's own messages call it, where our parsers read them."""
    if row.parsers == "hyperliquid":
        info = market.get("info")
        name = info.get("name") if isinstance(info, Mapping) else None
        return str(name or market["id"])
    return str(market["id"] if row.parsers else market["symbol"])


def _instrument(
    row: Row,
    market: Unified,
    symbol: str,
    kind: ExchangeType,
    multiplier: Decimal,
    precision_mode: int,
) -> Instrument | None:
    is_spot = kind is ExchangeType.SPOT
    precision, limits = part(market, "precision"), part(market, "limits")
    tick = _step(precision.get("price"), precision_mode)
    lot = _step(precision.get("amount"), precision_mode)
    if row.has_significant_digits:
        tick = _fine_tick(market, kind) or tick
    if tick is None or lot is None or not _fits(tick) or not _fits(lot):
        return None
    amounts, costs = part(limits, "amount"), part(limits, "cost")
    leverage = quiet(part(limits, "leverage").get("max"))
    most = quiet(amounts.get("max"))
    return Instrument(
        symbol=symbol,
        venue=row.venue,
        market_type=kind,
        base=str(market["base"]),
        quote=str(market["quote"]),
        settle=str(market.get("settle") or ""),
        venue_symbol=str(market["id"]),
        tick_size=tick,
        lot_size=lot * multiplier,
        min_amount=(quiet(amounts.get("min")) or _ZERO) * multiplier,
        min_notional=quiet(costs.get("min")) or _ZERO,
        max_amount=None if most is None or most <= 0 else most * multiplier,
        maker_fee=quiet(market.get("maker")),
        taker_fee=quiet(market.get("taker")),
        fee_asset=FeeAsset.BASE if is_spot and row.buys_cost_base else FeeAsset.QUOTE,
        max_leverage=leverage if leverage is not None and leverage >= 1 else Decimal(20),
    )


def _step(value: object, precision_mode: int) -> Decimal | None:
    found = quiet(value)
    if found is None:
        return None
    if precision_mode == _TICK_SIZE:
        return found
    return Decimal(1).scaleb(-int(found)) if precision_mode == _DECIMAL_PLACES else None


def _fine_tick(market: Unified, kind: ExchangeType) -> Decimal | None:
    """Hyperliquid: six decimals (spot eight) less those of amounts; digits limit it further."""
    lot = quiet(part(market, "precision").get("amount"))
    if lot is None:
        return None
    decimals = -int(lot.normalize().as_tuple().exponent)
    most = 8 if kind is ExchangeType.SPOT else 6
    return Decimal(1).scaleb(-max(most - max(decimals, 0), 0))


def _fits(step: Decimal) -> bool:
    return step > 0
