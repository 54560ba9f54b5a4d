"""Whether a connection still tells of anything, judged by the venue's time. Pure.

Age is counted from the newest event's own time, never from when a message came, so neither pongs
nor messages whose time stands still make a connection look alive. How long a silence is odd
follows from how often it spoke before: ten times the usual gap, between three and five seconds.
A venue's clock may run ahead or behind; so the age is measured against the smallest distance seen
between an event's time and its arrival.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Final

_NS: Final = 1_000_000_000
LEAST_S: Final = 3.0
MOST_S: Final = 5.0
_GAPS: Final = 31
_FACTOR: Final = 10


@dataclass(slots=True)
class Freshness:
    """What one connection told last."""

    newest_ns: int = 0
    """Newest event by the venue's clock; 0 before the first."""
    heard_ns: int = 0
    """When an event newer than all before came, by our clock."""
    offset_ns: int | None = None
    """Our clock less the venue's at the quickest message: latency and skew together."""
    _gaps: deque[int] = field(default_factory=lambda: deque(maxlen=_GAPS))

    def begin(self, now_ns: int) -> None:
        """A new socket: its silence counts from now."""
        self.heard_ns = now_ns
        self.newest_ns = 0
        self.offset_ns = None

    def heard(self, event_ns: int, now_ns: int) -> None:
        """An event; an old one changes nothing."""
        if event_ns <= self.newest_ns:
            return
        distance_ns = now_ns - event_ns
        if self.offset_ns is None or distance_ns < self.offset_ns:
            self.offset_ns = distance_ns
        if self.newest_ns:
            self._gaps.append(event_ns - self.newest_ns)
        self.newest_ns = event_ns
        self.heard_ns = now_ns

    def confirmed(self, now_ns: int) -> None:
        """Another source agrees that nothing happened since."""
        self.heard_ns = now_ns
        if self.newest_ns and self.offset_ns is not None:
            self.newest_ns = max(self.newest_ns, now_ns - self.offset_ns)

    def age_s(self, now_ns: int) -> float:
        """Seconds since the newest event happened, or since the socket opened."""
        if self.newest_ns == 0 or self.offset_ns is None:
            return max(0.0, (now_ns - self.heard_ns) / _NS)
        return max(0.0, (now_ns - self.offset_ns - self.newest_ns) / _NS)

    @property
    def limit_s(self) -> float:
        """The age from which the silence is odd."""
        if not self._gaps:
            return MOST_S
        return min(MOST_S, max(LEAST_S, _FACTOR * median(self._gaps) / _NS))

    def is_silent(self, now_ns: int) -> bool:
        """Whether the age is beyond the limit."""
        return self.age_s(now_ns) > self.limit_s
