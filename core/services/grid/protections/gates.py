"""Which prices a protection may act on.

    stale      no price for so long that market data calls it stale (5 s in real time): nothing is
               judged, timers stand still, and nothing is closed at market until a fresh price
    leap       a price more than 5 % from the one before it is not believed alone: it may start and
               end timers, but nothing is closed at market before the next price is near it
    too old    equity is reckoned from our own fills at the newest price, so it is as old as that
               price; older than 30 s nothing is closed on it

On virtual time the next row of a recording is the newest price there is, however far apart rows
are, so nothing is ever stale or too old there.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.domain.events import MarketMoved

LONGEST_LEAP: Final = Decimal("0.05")
"""Fraction of the price before."""
LONGEST_EQUITY_AGE_MS: Final = 30_000


def is_trusted(market: MarketMoved, price: Decimal) -> bool:
    """Whether anything may be closed at market on these prices."""
    return not is_leap(market, price) and not is_too_old(market)


def is_leap(market: MarketMoved, price: Decimal) -> bool:
    """Whether a price is too far from the one before it to be believed alone."""
    before = market.previous
    return before is not None and abs(price - before) > LONGEST_LEAP * before


def is_too_old(market: MarketMoved) -> bool:
    """Whether the grid's worth at this price is too old to decide on."""
    return market.age_ms > LONGEST_EQUITY_AGE_MS
