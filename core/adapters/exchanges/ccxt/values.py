"""What a value of ccxt's means: numbers, moments, words. Pure.

Numbers are Decimals made of the wire's text (ccxt's `number` is Decimal here); a binary float is
refused, since somebody did arithmetic with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.models import OrderStatus, from_ns, to_decimal
from core.errors import MalformedMessage

Unified = Mapping[str, Any]
"""A dictionary of ccxt's."""

_MS: Final = 1_000_000
_EARLIEST_MS: Final = 1_230_768_000_000
_LATEST_MS: Final = 4_102_444_800_000
_STATUSES: Final = {
    "open": OrderStatus.OPEN,
    "closed": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "canceling": OrderStatus.OPEN,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}
SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""Unit of a length of time -> its seconds."""


def number(value: object) -> Decimal | None:
    """The Decimal that a value of ccxt's is; None for none.

    Raises:
        MalformedMessage: For a binary float, or text that is no finite number.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise MalformedMessage(f"a number came as {type(value).__name__}: {str(value)[:40]!r}")
    try:
        return to_decimal(value)
    except ValueError as error:
        raise MalformedMessage(str(error)) from error


def moment(value: object) -> datetime | None:
    """The time of so many milliseconds; None for none, zero, or one that cannot be."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdigit():
        return None
    ms = int(value)
    return from_ns(ms * _MS) if _EARLIEST_MS <= ms <= _LATEST_MS else None


def status_of(word: object, filled: Decimal, amount: Decimal) -> OrderStatus:
    """Our word for ccxt's.

    An open order that filled is partly filled, one that closed with a part was cancelled.
    """
    found = _STATUSES.get(str(word), OrderStatus.UNKNOWN)
    if found is OrderStatus.OPEN and filled:
        return OrderStatus.PARTIALLY_FILLED if filled < amount else OrderStatus.FILLED
    if found is OrderStatus.FILLED and filled < amount:
        return OrderStatus.CANCELED
    return found


def seconds_of(timeframe: str) -> int:
    """Seconds of a length of time such as `1m`, `8h` or `1d`.

    Raises:
        MalformedMessage: For another text.
    """
    count, unit = timeframe[:-1], timeframe[-1:]
    if not count.isdigit() or unit not in SECONDS:
        raise MalformedMessage(f"{timeframe[:20]!r} is no length of time")
    return int(count) * SECONDS[unit]


def price_of(value: object) -> Decimal | None:
    """A price above zero; zero is how venues say that there is none."""
    found = number(value)
    return found if found is not None and found > 0 else None


def quiet(value: object) -> Decimal | None:
    """A number, or None for anything else: for what moves no money, such as a limit."""
    try:
        return number(value)
    except MalformedMessage:
        return None


def part(data: Unified, name: str) -> Unified:
    """A dictionary inside of one; empty where there is none."""
    found = data.get(name)
    return found if isinstance(found, Mapping) else {}
