"""Funding of perpetuals: what a settlement moves, and when the next one is."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.domain.position import MONEY

NS_PER_S: Final = 1_000_000_000
DEFAULT_INTERVAL_S: Final = 8 * 3600


def funding_payment(size: Decimal, mark: Decimal, rate: Decimal, contract_size: Decimal) -> Decimal:
    """What the holder of a position receives; negative is paid. Exact.

    Args:
        size: Signed base units.
        mark: Price at the settlement.
        rate: Fraction of notional; positive: longs pay shorts.
        contract_size: Base units per contract.
    """
    value = MONEY.multiply(MONEY.multiply(size, mark), contract_size)
    paid = MONEY.multiply(value, rate)
    return -paid if paid else Decimal(0)


def next_settlement(now_ns: int, interval_s: int) -> int:
    """The first multiple of the interval since 1970 (UTC) that is strictly after `now_ns`."""
    step = interval_s * NS_PER_S
    return (now_ns // step + 1) * step


def per_8h(rate: Decimal, interval_s: int) -> Decimal:
    """A rate per interval as one per eight hours, which is how venues are compared."""
    return rate * DEFAULT_INTERVAL_S / interval_s


def per_year(rate_8h: Decimal) -> Decimal:
    """A rate per eight hours as a fraction a year of 365 days."""
    return rate_8h * 3 * 365
