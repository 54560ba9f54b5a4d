"""How much a client has asked in the current minute, and what happens when it is too much."""

from __future__ import annotations

from collections.abc import Callable


class Weights:
    """A budget of request weight that begins anew with every minute of the venue's clock.

    Args:
        now_ms: The venue's clock.
        limit: Weight allowed in a minute.
        patience: How many requests over the limit are answered with 429 before a ban.
        ban_s: How long a ban lasts.
    """

    def __init__(
        self,
        now_ms: Callable[[], int],
        *,
        limit: int,
        patience: int = 10,
        ban_s: int = 120,
    ) -> None:
        self.limit = limit
        self.used = 0
        self.orders = 0
        """Orders of this minute."""
        self.banned_until_ms = 0
        self._now_ms = now_ms
        self._patience = patience
        self._ban_s = ban_s
        self._minute = 0
        self._over = 0

    def take(self, weight: int, *, is_order: bool = False) -> int:
        """Counts a request; 200, 429 or 418."""
        now_ms = self._now_ms()
        if now_ms < self.banned_until_ms:
            return 418
        minute = now_ms // 60_000
        if minute != self._minute:
            self._minute, self.used, self.orders, self._over = minute, 0, 0, 0
        if self.used + weight > self.limit:
            self._over += 1
            if self._over > self._patience:
                self.banned_until_ms = now_ms + self._ban_s * 1000
                return 418
            return 429
        self.used += weight
        self.orders += is_order
        return 200

    @property
    def retry_after_s(self) -> int:
        """Until the next minute, or the end of a ban."""
        now_ms = self._now_ms()
        if now_ms < self.banned_until_ms:
            return -(-(self.banned_until_ms - now_ms) // 1000)
        return 60 - now_ms // 1000 % 60
