"""What a grid remembers for the screen: its newest fills and round trips, and how they have paid.

Memory is bounded: the newest fills and trips, and sums of round trips in buckets of ten minutes for
a week. A rate counts only buckets that lie wholly inside its window, over just the time that they
cover. After a restart it begins anew. None of it decides anything.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from core.adapters.exchanges.models import OrderSide, from_ns
from core.services.grid.ledger import EXACT, ZERO, Trip
from core.services.grid.snapshot import FillRow, TripRow

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


class Rate(NamedTuple):
    """A yearly rate and how much of life it was measured on."""

    apr: Decimal | None
    """Fraction a year on capital; None under ten minutes."""
    sample_s: int
    """Seconds."""


NO_RATE: Final = Rate(None, 0)


class History:
    """Newest fills and the sums of round trips."""

    __slots__ = ("_buckets", "_fills", "_rows", "_shown", "_trips", "_unseen", "since_ns")

    def __init__(self) -> None:
        self._rows: deque[FillRow] = deque(maxlen=KEPT_FILLS)
        """The fills as they were shown, and so many that were not shown yet."""
        self._shown: tuple[FillRow, ...] = ()
        self._unseen = 0
        self._fills: deque[FillRecord] = deque(maxlen=KEPT_FILLS)
        self._buckets: deque[_Bucket] = deque(maxlen=KEPT_BUCKETS)
        self._trips: deque[tuple[Trip, int]] = deque(maxlen=KEPT_FILLS)
        """Newest first, with the time of the last execution."""
        self.since_ns: int | None = None
        """Since when everything is in here."""

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

    def add_trip(self, trip: Trip, closed_ns: int) -> None:
        """Takes in one round trip."""
        self._trips.appendleft((trip, closed_ns))

    def trips(self) -> tuple[TripRow, ...]:
        """The newest round trips, newest first."""
        return tuple(_trip_row(trip, closed_ns) for trip, closed_ns in self._trips)

    def rows(self) -> tuple[FillRow, ...]:
        """The newest fills, newest first."""
        if self._unseen:
            while self._unseen:
                self._unseen -= 1
                self._rows.appendleft(_row(self._fills[self._unseen]))
            self._shown = tuple(self._rows)
        return self._shown

    def round_trips_today(self, now_ns: int) -> int:
        """Round trips since midnight UTC."""
        midnight_ns = now_ns - now_ns % DAY_NS
        return sum(item.count for item in self._buckets if item.start_ns >= midnight_ns)

    def rate(self, now_ns: int, window_ns: int, capital: Decimal) -> Rate:
        """Net result of the window's round trips on capital."""
        if self.since_ns is None:
            return NO_RATE
        first_ns = self.since_ns
        if first_ns < now_ns - window_ns:
            first_ns = -(-(now_ns - window_ns) // BUCKET_NS) * BUCKET_NS
        inside_ns = first_ns - first_ns % BUCKET_NS
        net = sum((item.net for item in self._buckets if item.start_ns >= inside_ns), ZERO)
        return yearly(net, now_ns - first_ns, capital)


def yearly(net: Decimal, run_ns: int, capital: Decimal) -> Rate:
    """A result within a time as a yearly rate on capital."""
    sample_s = max(run_ns, 0) // 1_000_000_000
    if run_ns < LEAST_RUN_NS or capital <= 0:
        return Rate(None, sample_s)
    hours = Decimal(run_ns) / HOUR_NS
    return Rate(net / hours * HOURS_PER_YEAR / capital, sample_s)


def _trip_row(trip: Trip, closed_ns: int) -> TripRow:
    return TripRow(
        level=trip.level or None,
        entry_price=trip.entry_price,
        exit_price=trip.exit_price,
        amount=trip.amount,
        gross=trip.gross,
        fees=trip.fees,
        net=trip.net,
        opened_at=None if trip.opened_ns is None else from_ns(trip.opened_ns),
        closed_at=from_ns(closed_ns),
    )


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
