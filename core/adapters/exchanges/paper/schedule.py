"""When funding is settled, and at which rate: what the settings say, else what the feed carries."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from core.adapters.exchanges.models import Instrument
from core.domain.funding import DEFAULT_INTERVAL_S, next_settlement
from core.services.ports import FundingRow


class Settlement(NamedTuple):
    """One settlement to come."""

    at_ns: int
    rate: Decimal


class FundingSchedule:
    """Settlements of one perpetual.

    Args:
        instrument: Its interval; 8 hours where it has none.
        rate: Fixed rate at every multiple of the interval in UTC; None for the feed's rows.
        rows: What the feed carries, in order of time.
    """

    def __init__(
        self, instrument: Instrument, rate: Decimal | None, rows: Sequence[FundingRow]
    ) -> None:
        self.interval_s = instrument.funding_interval_s or DEFAULT_INTERVAL_S
        self._rate = rate
        self._rows = rows

    def after(self, at_ns: int, shift_ns: int) -> Settlement | None:
        """The first settlement strictly after a moment; `shift_ns` is added to the feed's times."""
        if self._rate is not None:
            return Settlement(next_settlement(at_ns, self.interval_s), self._rate)
        place = bisect_right(self._rows, at_ns - shift_ns, key=_time)
        if place >= len(self._rows):
            return None
        row = self._rows[place]
        return Settlement(row.ts_ns + shift_ns, row.rate)


def settlements(schedule: FundingSchedule, first_ns: int, last_ns: int) -> list[FundingRow]:
    """Every settlement from one moment to another, whatever is held."""
    found: list[FundingRow] = []
    coming = schedule.after(first_ns - 1, 0)
    while coming is not None and coming.at_ns <= last_ns:
        found.append(FundingRow(ts_ns=coming.at_ns, rate=coming.rate))
        coming = schedule.after(coming.at_ns, 0)
    return found


def _time(row: FundingRow) -> int:
    return row.ts_ns
