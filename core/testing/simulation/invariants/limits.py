"""Limits: rates, bans, reserved room, bounded queues, one holder, rising numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from core.testing.simulation.history import (
    Banned,
    Called,
    CreateCalled,
    Ended,
    IntentDurable,
    QueueSeen,
    Record,
    Started,
)
from core.testing.simulation.invariants.base import Invariant, Terms, serial_of

NS_PER_S = 1_000_000_000
_MINUTE_NS = 60 * NS_PER_S
COUNTED = frozenset(
    {
        "create_order",
        "cancel_order",
        "get_order",
        "get_open_orders",
        "get_order_history",
        "get_fills",
        "get_funding_payments",
        "get_positions",
        "get_balances",
        "health_check",
    }
)
"""What is asked under the budget."""


class WithinTheRate(Invariant):
    """Q1."""

    name = "Q1"
    sentence = "A process keeps to the venue's rate, and is silent during a ban."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._calls: dict[int, deque[int]] = {}
        self._bans: dict[int, list[tuple[int, int]]] = {}
        """Life -> when it heard of each ban, and when that ends."""

    def on(self, record: Record) -> Iterable[str]:
        """Counts the calls of the last minute."""
        if isinstance(record, Banned):
            self._bans.setdefault(record.life, []).append((record.at_ns, record.until_ns))
        if not isinstance(record, Called) or record.method not in COUNTED:
            return
        begun_ns = record.begun_ns or record.at_ns
        for heard_ns, until_ns in self._bans.get(record.life, ()):
            if heard_ns <= begun_ns < until_ns:
                left_s = (until_ns - begun_ns) / NS_PER_S
                yield f"{record.method} left {left_s:.1f} s before the end of a ban"
        limit = self.terms.orders_per_minute
        if limit is None:
            return
        calls = self._calls.setdefault(record.life, deque())
        calls.append(record.at_ns)
        while calls[0] <= record.at_ns - _MINUTE_NS:
            calls.popleft()
        if len(calls) > limit:
            yield f"{len(calls)} requests within a minute, allowed are {limit}"


class RoomForCancels(Invariant):
    """Q2."""

    name = "Q2"
    sentence = "Creates leave a fifth of the rate to cancels and questions."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._calls: dict[int, deque[int]] = {}

    def on(self, record: Record) -> Iterable[str]:
        """Counts what came before each create."""
        limit = self.terms.orders_per_minute
        if limit is None or not isinstance(record, Called) or record.method not in COUNTED:
            return
        calls = self._calls.setdefault(record.life, deque())
        while calls and calls[0] <= record.at_ns - _MINUTE_NS:
            calls.popleft()
        calls.append(record.at_ns)
        if isinstance(record, CreateCalled) and len(calls) > max(1, limit * 8 // 10):
            yield f"a create was request {len(calls)} of the minute; of {limit} a fifth is kept"


class BoundedQueues(Invariant):
    """Q3."""

    name = "Q3"
    sentence = "No queue grows without bound."
    most = 2_000

    def on(self, record: Record) -> Iterable[str]:
        """Looks at each sample."""
        if isinstance(record, QueueSeen) and record.length > self.most:
            yield f"{record.what} holds {record.length}"


class OneHolder(Invariant):
    """Q4."""

    name = "Q4"
    sentence = "One process at a time holds the lease, and its token only grows."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._alive: set[int] = set()
        self._token = 0

    def on(self, record: Record) -> Iterable[str]:
        """Follows lives."""
        if isinstance(record, Started):
            if self._alive:
                yield f"life {record.life} began while {sorted(self._alive)} held the lease"
            if record.token <= self._token:
                yield f"token {record.token} after {self._token}"
            self._token = record.token
            self._alive.add(record.life)
        elif isinstance(record, Ended):
            self._alive.discard(record.life)


class RisingNumbers(Invariant):
    """Q5."""

    name = "Q5"
    sentence = "Numbers in client order ids only grow, in every life of a bot."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._last: dict[str, int] = {}

    def on(self, record: Record) -> Iterable[str]:
        """Compares with the last one."""
        if not isinstance(record, IntentDurable):
            return
        serial = serial_of(record.identity)
        if serial is None:
            return
        last = self._last.get(record.bot_id, 0)
        if serial <= last:
            yield f"{record.identity} has number {serial} after {last}"
        self._last[record.bot_id] = max(last, serial)
