"""Calls a person when the disk takes long to make an intent durable (reliability ST12).

Nothing leaves before it is durable, so a slow disk makes every order late. One alarm an episode:
it begins with a commit that took `SLOW_NS` and is over with one that took less than `FAST_NS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

SLOW_NS: Final = 1_000_000_000
FAST_NS: Final = 100_000_000


class SlowDisk:
    """Judges how long commits take.

    Args:
        on_slow: Called with nanoseconds, once an episode.
        on_fast: Called when an episode is over.
    """

    def __init__(self, on_slow: Callable[[int], None], on_fast: Callable[[], None]) -> None:
        self._on_slow = on_slow
        self._on_fast = on_fast
        self._is_slow = False

    def took(self, elapsed_ns: int) -> None:
        """A commit took so long."""
        if elapsed_ns >= SLOW_NS and not self._is_slow:
            self._is_slow = True
            self._on_slow(elapsed_ns)
        elif elapsed_ns < FAST_NS and self._is_slow:
            self._is_slow = False
            self._on_fast()
