"""OKX `instruments` as instruments: spot, swaps and dated futures.

Source: okx.com/docs-v5, "Get instruments". Derivatives count in contracts: `ctVal` times `ctMult`
base units of a linear one, or that many US dollars of an inverse one. Amounts leave this room in
base units, tick and lot of the instrument with them.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import Fields, Listing, Reading, listing_of, objects, shape
from core.adapters.exchanges.models import ExchangeType, Instrument

_ANSWER: Final = shape("instruments", "code msg data arg")
_ROW: Final = shape(
    "instruments.data",
    "alias auctionEndTime baseCcy category contTdSwTime ctMult ctType ctVal ctValCcy expTime"
    " futureSettlement groupId instCategory instFamily instId instIdCode instType lever listTime"
    " lotSz maxIcebergSz maxLmtAmt maxLmtSz maxMktAmt maxMktSz maxPlatOILmt maxStopSz maxTriggerSz"
    " maxTwapSz minSz openType optType posLmtAmt posLmtPct preMktSwTime quoteCcy ruleType settleCcy"
    " state stk tickSz tradeQuoteCcyList uly upcChg elp",
)
_TYPES: Final = {
    "SPOT": ExchangeType.SPOT,
    "SWAP": ExchangeType.PERPETUAL,
    "FUTURES": ExchangeType.FUTURES,
}
_REFERENCE_CONTRACTS: Final = {"BTC": Decimal("0.01"), "ETH": Decimal("0.1")}
"""To read recordings without metadata; trading takes every multiplier from the venue."""


def parse_instruments(raw: object, reading: Reading) -> tuple[Listing, ...]:
    """REST and channel `instruments`, in the venue's order; options and margin are left out."""
    answer = Fields(raw, _ANSWER, reading)
    return tuple(
        _listing(fields)
        for fields in objects(answer.items("data"), _ROW, reading)
        if fields.says("instType", _TYPES)
    )


def guess_listing(key: str, market: str) -> Listing:
    """A listing by spelling alone; contracts of the best known coins, else of one base unit.

    Raises:
        ValueError: If the id is not of the form `BASE-QUOTE`, `…-SWAP` or `…-YYMMDD`.
    """
    del market
    parts = key.split("-")
    if len(parts) not in (2, 3):
        message = f"{key!r} names no base and quote"
        raise ValueError(message)
    base, quote = parts[0], parts[1]
    if len(parts) == 2:
        return listing_of(key, base, quote, ExchangeType.SPOT)
    is_swap = parts[2] == "SWAP"
    market_type = ExchangeType.PERPETUAL if is_swap else ExchangeType.FUTURES
    name = base if is_swap else f"{base}.{parts[2]}"
    if quote == "USD":
        value = Decimal(100 if base == "BTC" else 10)
        return listing_of(key, name, quote, market_type, contract_value=value)
    return listing_of(
        key, name, quote, market_type, multiplier=_REFERENCE_CONTRACTS.get(base, Decimal(1))
    )


def _listing(fields: Fields) -> Listing:
    key = fields.text("instId")
    market_type = fields.choice("instType", _TYPES)
    parts = key.split("-")
    if len(parts) < 2:
        fields.refuse("instId", f"names no base and quote: {key[:40]!r}")
    base, quote = parts[0], parts[1]
    if market_type is ExchangeType.FUTURES:
        base = f"{base}.{parts[-1]}"
    multiplier, value = Decimal(1), None
    if market_type is not ExchangeType.SPOT:
        size = fields.positive("ctVal") * (fields.positive_or_none("ctMult") or Decimal(1))
        if fields.raw("ctType") == "inverse":
            value = size
        else:
            multiplier = size
    named = replace(
        fields.listing_of(
            key, base, quote, market_type, multiplier=multiplier, contract_value=value
        ),
        number=fields.whole_or_none("instIdCode"),
        is_trading=fields.raw("state") == "live",
    )
    if not fields.has("tickSz"):
        return named
    leverage = fields.positive_or_none("lever")
    rules = Instrument(
        symbol=named.symbol,
        venue=fields.reading.venue,
        market_type=market_type,
        base=base,
        quote=quote,
        settle=fields.text_or_none("settleCcy") or "",
        venue_symbol=key,
        tick_size=fields.positive("tickSz"),
        lot_size=fields.positive("lotSz") * multiplier,
        min_amount=fields.amount("minSz") * multiplier,
    )
    return replace(named, instrument=replace(rules, max_leverage=leverage) if leverage else rules)
