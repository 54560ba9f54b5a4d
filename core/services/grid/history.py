"""What a grid remembers for the screen: its newest fills and how its round trips have paid.

Memory is bounded: the newest fills, and sums of round trips in buckets of ten minutes for a week.
None of it decides anything.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import OrderSide, from_ns
from core.services.grid.ledger import EXACT, ZERO
from core.services.grid.snapshot import FillRow

KEPT_FILLS: Final = 200
MINUTE_NS: Final = 60 * 1_000_000_000
HOUR_NS: Final = 60 * MINUTE_NS
DAY_NS: Final = 24 * HOUR_NS
BUCKET_NS: Final = 10 * MINUTE_NS
KEPT_BUCKETS: Final = 7 * 24 * 6
LEAST_RUN_NS: Final = 10 * MINUTE_NS
"""A yearly rate from less than this means nothing."""
HOURS_PER_YEAR: Final = Decimal(8766)


@dataclass(slots=True)
class _Bucket:
    start_ns: int
    count: int
    net: Decimal


FillRecord = tuple[
    int, int, str, OrderSide, Decimal, Decimal, Decimal, Decimal | None, str, str, bool | None
]
"""at_ns, level, leg, side, amount, price, fee, round trip, client order id, trade id, is_maker."""


class History:
    """Newest fills and the sums of round trips."""

    __slots__ = ("_buckets", "_fills", "_rows", "_unseen")

    def __init__(self) -> None:
        self._rows: deque[FillRow] = deque(maxlen=KEPT_FILLS)
        """The fills as they were shown, and so many that were not shown yet."""
        self._unseen = 0
        self._fills: deque[FillRecord] = deque(maxlen=KEPT_FILLS)
        self._buckets: deque[_Bucket] = deque(maxlen=KEPT_BUCKETS)

    def add(self, record: FillRecord) -> None:
        """Takes in one fill, and the round trip where it closed one."""
        self._fills.appendleft(record)
        self._unseen = min(self._unseen + 1, KEPT_FILLS)
        at_ns, net = record[0], record[7]
        if net is None:
            return
        start_ns = at_ns - at_ns % BUCKET_NS
        if self._buckets and self._buckets[-1].start_ns == start_ns:
            newest = self._buckets[-1]
            newest.count += 1
            newest.net = EXACT.add(newest.net, net)
        else:
            self._buckets.append(_Bucket(start_ns, 1, net))

    def rows(self) -> tuple[FillRow, ...]:
        """The newest fills, newest first."""
        while self._unseen:
            self._unseen -= 1
            self._rows.appendleft(_row(self._fills[self._unseen]))
        return tuple(self._rows)

    def round_trips_today(self, now_ns: int) -> int:
        """Round trips since midnight UTC."""
        midnight_ns = now_ns - now_ns % DAY_NS
        return sum(item.count for item in self._buckets if item.start_ns >= midnight_ns)

    def apr(
        self, now_ns: int, started_ns: int | None, window_ns: int, capital: Decimal
    ) -> Decimal | None:
        """Net result of the window's round trips on capital, as a fraction a year.

        None under ten minutes of running.
        """
        if started_ns is None or capital <= 0 or now_ns - started_ns < LEAST_RUN_NS:
            return None
        run_ns = min(window_ns, now_ns - started_ns)
        first_ns = now_ns - run_ns
        since_ns = first_ns - BUCKET_NS
        net = sum((item.net for item in self._buckets if item.start_ns > since_ns), ZERO)
        hours = Decimal(run_ns) / HOUR_NS
        return net / hours * HOURS_PER_YEAR / capital


def _row(record: FillRecord) -> FillRow:
    at_ns, level, leg, side, amount, price, fee, round_trip, order, trade, is_maker = record
    return FillRow(
        at=from_ns(at_ns),
        level=level or None,
        leg=leg,
        side=side,
        amount=amount,
        price=price,
        fee=fee,
        round_trip=round_trip,
        client_order_id=order,
        trade_id=trade,
        is_maker=is_maker,
    )
