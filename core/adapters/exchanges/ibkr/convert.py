"""Values of the client library as ours. Pure.

TWS writes text, the library makes binary floats of it. The shortest text that gives the same float
is what TWS wrote, as long as that had no more than 15 digits; so money never comes from a float's
own digits. What was not set is 1.7976931348623157e308, 2147483647, NaN or -1, and becomes None.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from core.adapters.exchanges.ibkr.sessions import zone_of
from core.adapters.exchanges.models import (
    FillData,
    Liquidity,
    OHLCVData,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from core.errors import MalformedMessage

VENUE: Final = "ibkr"
UNSET_DOUBLE: Final = 1.7976931348623157e308
UNSET_INTEGER: Final = 2147483647
_DUST: Final = Decimal("0.000001")
"""How far from a tick a quoted price may be, in ticks, and still mean it."""
_STATUSES: Final = {
    "ApiPending": OrderStatus.PENDING,
    "PendingSubmit": OrderStatus.PENDING,
    "PreSubmitted": OrderStatus.OPEN,
    "Submitted": OrderStatus.OPEN,
    "PendingCancel": OrderStatus.OPEN,
    "ApiCancelled": OrderStatus.CANCELED,
    "Cancelled": OrderStatus.CANCELED,
    "Filled": OrderStatus.FILLED,
}
"""`Inactive` is none of these: such an order may come back, so it is UNKNOWN until a code says why.
"""
_TIMES: Final = {"IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_SIDES: Final = {
    "BOT": OrderSide.BUY,
    "BUY": OrderSide.BUY,
    "SLD": OrderSide.SELL,
    "SELL": OrderSide.SELL,
    "SSHORT": OrderSide.SELL,
}
_LIQUIDITY: Final = {1: Liquidity.MAKER, 2: Liquidity.TAKER}


def exact(value: float | str | None) -> Decimal | None:
    """The number that TWS wrote; None for one that was not set."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        number = Decimal(value)
        return number if number.is_finite() else None
    if math.isnan(value) or math.isinf(value) or value in {UNSET_DOUBLE, UNSET_INTEGER}:
        return None
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def quoted(value: float, tick: Decimal) -> Decimal | None:
    """A quoted price on its tick; None for 0, -1 and what was not set.

    A price that is truly between two ticks (an improved one) is left as it is.
    """
    number = exact(value)
    if number is None or number <= 0:
        return None
    steps = (number / tick).quantize(Decimal(1), ROUND_HALF_EVEN)
    near = steps * tick
    return near if near > 0 and abs(number - near) <= tick * _DUST else number


def size_of(value: float) -> Decimal | None:
    """A quoted amount; None for what was not set or is negative."""
    number = exact(value)
    return None if number is None or number < 0 else number


def text_of(value: object) -> str:
    """A text field; empty for None."""
    return "" if value is None else str(value)


def status_of(word: str, filled: Decimal, amount: Decimal) -> OrderStatus:
    """Our word for TWS's; UNKNOWN for one that says neither open nor closed."""
    status = _STATUSES.get(word, OrderStatus.UNKNOWN)
    if status is OrderStatus.OPEN and 0 < filled < amount:
        return OrderStatus.PARTIALLY_FILLED
    return status


def side_of(word: str) -> OrderSide:
    """A side.

    Raises:
        MalformedMessage: For a word that is none.
    """
    side = _SIDES.get(word)
    if side is None:
        raise MalformedMessage(f"ibkr: {word[:20]!r} is no side.", venue=VENUE)
    return side


def type_of(word: str) -> OrderType:
    """Limit or market; other kinds are placed by others and shown by their price."""
    return OrderType.MARKET if word == "MKT" else OrderType.LIMIT


def time_in_force_of(word: str) -> TimeInForce:
    """GTC for a day order too: IBKR ends it, and tells so."""
    return _TIMES.get(word, TimeInForce.GTC)


def split_exec_id(exec_id: str) -> tuple[str, int]:
    """An execution's lasting id, and the number of its correction (1 for the first).

    `0000e0d5.6520cd0e.01.02` is the correction of `0000e0d5.6520cd0e.01.01`.
    """
    base, _, last = exec_id.rpartition(".")
    return (base, int(last)) if base and last.isdigit() else (exec_id, 1)


def fill_of(execution: Any, symbol: str, account: str) -> FillData:  # noqa: ANN401 # the library's
    """An execution, without its commission, which another message tells.

    Raises:
        MalformedMessage: If price, amount or time make no sense.
    """
    price, amount = exact(execution.price), exact(execution.shares)
    at = execution.time
    if price is None or price <= 0 or amount is None or amount <= 0:
        raise MalformedMessage(
            f"ibkr: execution {execution.execId} of {symbol} has no price or amount.", venue=VENUE
        )
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise MalformedMessage(f"ibkr: execution {execution.execId} has no time.", venue=VENUE)
    base, _ = split_exec_id(execution.execId)
    return FillData(
        venue=VENUE,
        account=account,
        symbol=symbol,
        trade_id=base,
        order_id=str(execution.permId),
        client_order_id=execution.orderRef or None,
        side=side_of(execution.side),
        price=price,
        amount=amount,
        liquidity=_LIQUIDITY.get(execution.lastLiquidity),
        at=at,
    )


def completed_at(text: str) -> datetime | None:
    """The time of `20261120 15:59:59 US/Eastern` in UTC; None where it cannot be read."""
    day, _, rest = text.replace("-", " ").partition(" ")
    time, _, zone = rest.strip().partition(" ")
    try:
        found = datetime.strptime(f"{day} {time}", "%Y%m%d %H:%M:%S")  # noqa: DTZ007 # zone is next
        return found.replace(tzinfo=zone_of(zone) if zone else UTC).astimezone(UTC)
    except (MalformedMessage, ValueError, OSError, KeyError):
        return None


def candle_of(bar: Any, symbol: str, timeframe: str, *, seconds: int, now: datetime) -> OHLCVData:  # noqa: ANN401
    """A bar whose date is seconds since 1970, or a day.

    Raises:
        MalformedMessage: If a price is missing.
    """
    prices = [exact(value) for value in (bar.open, bar.high, bar.low, bar.close)]
    text = str(bar.date)
    if any(price is None or price <= 0 for price in prices):
        raise MalformedMessage(f"ibkr: a candle of {symbol} has no price.", venue=VENUE)
    at = (
        datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC)
        if len(text) == 8
        else datetime.fromtimestamp(int(text), UTC)
    )
    opened, high, low, close = (price or Decimal(0) for price in prices)
    volume = size_of(bar.volume)
    return OHLCVData(
        venue=VENUE,
        symbol=symbol,
        timeframe=timeframe,
        at=at,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=Decimal(0) if volume is None else volume,
        is_closed=(now - at).total_seconds() >= seconds,
    )


def fixed_commission(shares: Decimal, price: Decimal) -> Decimal:
    """IBKR's fixed pricing of US stocks: 0.005 a share, at least 1.00, at most 1 % of the value.

    Source: IBKR, "Commissions, stocks", fixed. Regulatory fees are left out.
    """
    return min(max(Decimal("0.005") * shares, Decimal(1)), shares * price / 100)
