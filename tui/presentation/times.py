"""Time as age where freshness matters, as clock where sequence matters; the zone always named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tui.presentation.numbers import UNKNOWN

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def age(seconds: float | None, *, is_fine: bool = True) -> str:
    """How long ago: `0.3s`, `47s`, `12m`, `1h14m`, `3d04h`.

    Args:
        seconds: Never negative; a clock that runs ahead counts as now.
        is_fine: Whether ages under ten seconds show tenths.
    """
    if seconds is None:
        return UNKNOWN
    seconds = max(0.0, seconds)
    if seconds < 10 and is_fine:
        return f"{int(seconds * 10) / 10:.1f}s"
    whole = int(seconds)
    if whole < MINUTE:
        return f"{whole}s"
    if whole < HOUR:
        return f"{whole // MINUTE}m"
    if whole < DAY:
        return f"{whole // HOUR}h{whole % HOUR // MINUTE:02d}m"
    return f"{whole // DAY}d{whole % DAY // HOUR:02d}h"


def countdown(seconds: float) -> str:
    """How long until: `4s`, `9m 19s`, `1h 56m`."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole}s"
    if whole < HOUR:
        return f"{whole // MINUTE}m {whole % MINUTE:02d}s"
    return f"{whole // HOUR}h {whole % HOUR // MINUTE:02d}m"


def since(now: datetime, then: datetime | None) -> float | None:
    """Seconds from `then` to `now`, or None."""
    return None if then is None else (now - then).total_seconds()


@lru_cache(maxsize=8)
def zone(name: str) -> tzinfo | None:
    """The zone of a setting: `utc`, `local` (None: the system decides) or an IANA name.

    Raises:
        ValueError: If the system does not know the name.
    """
    if name == "utc":
        return UTC
    if name == "local":
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"time zone {name} is not known here"
        raise ValueError(message) from error


def label(at: datetime) -> str:
    """What stands behind a clock: `Z`, or the distance from it such as `+8` or `+5:30`."""
    offset = at.utcoffset() or timedelta(0)
    if not offset:
        return "Z"
    minutes = int(offset.total_seconds() // MINUTE)
    sign = "+" if minutes > 0 else "-"
    hours, rest = divmod(abs(minutes), 60)
    return f"{sign}{hours}:{rest:02d}" if rest else f"{sign}{hours}"


def clock(at: datetime, where: tzinfo | None = UTC, *, is_short: bool = False) -> str:
    """The time of day with its zone: `14:03:27Z`, short `14:03Z`."""
    there = at.astimezone(where)
    return f"{there:%H:%M}{label(there)}" if is_short else f"{there:%H:%M:%S}{label(there)}"


def time_of_day(at: datetime, where: tzinfo | None = UTC) -> str:
    """`14:03:27`, for columns under a clock that names the zone."""
    return f"{at.astimezone(where):%H:%M:%S}"
