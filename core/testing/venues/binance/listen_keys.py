"""Tokens of Binance's user stream."""

from __future__ import annotations

from typing import Final

from core.testing.venues.binance.refusals import NO_LISTEN_KEY, Refused
from core.testing.venues.server import LoopbackVenue


class ListenKeys:
    """Tokens of the user stream: one for an API key, good for an hour.

    Args:
        venue: Whose clock and whose randomness.
    """

    LIFE_MS: Final = 60 * 60 * 1000

    def __init__(self, venue: LoopbackVenue) -> None:
        self._venue = venue
        self._of_key: dict[str, str] = {}
        self._ends_ms: dict[str, int] = {}

    def make(self, api_key: str) -> str:
        """A new token; the one that is still good stays the same."""
        known = self._of_key.get(api_key)
        if known is None or not self.is_good(known):
            known = self._of_key[api_key] = f"{self._venue.rng.getrandbits(256):064x}"
        self._ends_ms[known] = self._venue.floor.now_ms() + self.LIFE_MS
        return known

    def keep(self, api_key: str) -> str:
        """Another hour."""
        known = self._of_key.get(api_key)
        if known is None or not self.is_good(known):
            raise Refused(NO_LISTEN_KEY)
        return self.make(api_key)

    def end(self, api_key: str) -> None:
        """It is over."""
        self._ends_ms.pop(self._of_key.pop(api_key, ""), None)

    def expire_all(self) -> list[str]:
        """All of them are over; which they were."""
        ended = list(self._ends_ms)
        self._of_key.clear()
        self._ends_ms.clear()
        return ended

    def is_good(self, token: str) -> bool:
        """Whether a socket may use it."""
        return self._ends_ms.get(token, 0) > self._venue.floor.now_ms()
