"""How long to wait before dialling again: longer each time, and never all at once.

Full jitter: uniform between nothing and a bound that doubles. The first attempt after a good life
comes at once, so a venue that only dropped us is back within moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Chance(Protocol):
    """Where the jitter comes from."""

    def uniform(self, low: float, high: float) -> float:
        """Uniform between two bounds."""


@dataclass(slots=True)
class Backoff:
    """Delays of one connection."""

    rng: Chance
    first_s: float = 0.5
    longest_s: float = 30.0
    failures: int = 0
    """In a row."""

    def next_s(self) -> float:
        """Seconds to wait now; counts another failure."""
        failures, self.failures = self.failures, self.failures + 1
        if failures == 0:
            return 0.0
        bound_s = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 16))
        return self.rng.uniform(0.0, bound_s)

    def reset(self) -> None:
        """A connection lived: the next failure is the first."""
        self.failures = 0
