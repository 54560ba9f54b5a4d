"""Whether an id may have been taken: nearly every new one is known to be new without the file."""

from __future__ import annotations

from typing import Final

_PLACES: Final = 1 << 21


class TakenIds:
    """Marks left by ids in a fixed space: what left no mark was never here."""

    def __init__(self) -> None:
        self._marks = bytearray(_PLACES // 8)

    def add(self, identity: str) -> None:
        """Leaves the mark of an id."""
        place = hash(identity) % _PLACES
        self._marks[place >> 3] |= 1 << (place & 7)

    def may_have(self, identity: str) -> bool:
        """False only for an id that was never added; another one may have left the same mark."""
        place = hash(identity) % _PLACES
        return bool(self._marks[place >> 3] & 1 << (place & 7))
