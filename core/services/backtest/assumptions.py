"""What a backtest assumes, in sentences: a number is worth what stands behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import FeeAsset, Instrument, plain
from core.domain.matching import FillRule
from core.services.backtest.curve import DAY_NS
from core.services.ports import FeedKind

_FILLS: Final = {
    FillRule.THROUGH: "through: a resting order fills, whole and at its own price, when the market "
    "trades or is quoted beyond its price; touching it is not enough",
    FillRule.TOUCH: "touch: a resting order fills, whole and at its own price, when the market "
    "touches its price (optimistic)",
    FillRule.QUEUE: "queue: a resting order fills at its own price after the volume that stood "
    "ahead of it on arrival has traded, or when the market trades through it",
}
_PRICES: Final = {
    FeedKind.TRADES: "every trade, in order; a taker meets the last trade",
    FeedKind.QUOTES: "every quote, in order; a taker meets the best price",
    FeedKind.BOOKS: "every change of the book, in order; a taker walks the book",
    FeedKind.CANDLES: "four prices a candle: open, the extreme against the bot, the other extreme, "
    "close, evenly spread over its time",
}


def assumptions(  # what a run depends on, each by its name
    instrument: Instrument,
    *,
    kind: FeedKind,
    rule: FillRule,
    latency_ms: Decimal | int,
    fixed_funding: Decimal | None,
    settlements: int,
    initial_balance: Decimal,
    period_ns: int,
) -> tuple[tuple[str, str], ...]:
    """Name and sentence of everything that was assumed."""
    return (
        ("prices", _PRICES.get(kind, kind.value)),
        ("fill", _FILLS[rule]),
        ("latency", _latency(latency_ms)),
        ("fees", _fees(instrument)),
        ("funding", _funding(instrument, fixed_funding, settlements)),
        ("liquidation", _liquidation(instrument)),
        ("impact", "none: the bot's own orders do not move the market"),
        ("capital", f"{plain(initial_balance)} {_money(instrument)} at the start"),
        ("mark", "the middle of bid and ask where both are known, else the last trade"),
        ("returns", _returns(period_ns)),
        (
            "buy_and_hold",
            (
                "all of the capital buys at the first price, as taker, in whole lots, and waits; "
                "funding is paid as on any position"
            ),
        ),
    )


def _latency(latency_ms: Decimal | int) -> str:
    if not latency_ms:
        return "none: an order arrives at the moment it is sent"
    return (
        f"{plain(Decimal(latency_ms))} ms until an order or a cancel arrives; answers come at once"
    )


def _fees(instrument: Instrument) -> str:
    maker, taker = instrument.maker_fee or Decimal(0), instrument.taker_fee or Decimal(0)
    where = "base, of what was bought" if instrument.fee_asset is FeeAsset.BASE else "quote"
    return f"maker {plain(maker)}, taker {plain(taker)} of the traded value, in {where}"


def _funding(instrument: Instrument, fixed: Decimal | None, settlements: int) -> str:
    if instrument.is_spot:
        return "none: spot"
    if fixed is not None:
        return f"{plain(fixed)} of the position's value at each of {settlements} settlements"
    if settlements:
        return f"the rates of the data, at each of {settlements} settlements"
    return "none: the data carry no rates"


def _liquidation(instrument: Instrument) -> str:
    if instrument.is_spot:
        return "none: spot"
    return (
        "cross margin: when the account's equity falls to the maintenance margin, "
        f"{plain(instrument.maintenance_margin_rate)} of the position's value, its orders are "
        "cancelled and the position is closed at market"
    )


def _money(instrument: Instrument) -> str:
    return instrument.quote if instrument.is_spot else instrument.settle


def _returns(period_ns: int) -> str:
    every = "day" if period_ns == DAY_NS else "hour"
    return f"simple returns of each {every} in UTC, a year of 365 days, no riskless rate"
