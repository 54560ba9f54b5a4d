"""A condition that must hold without a break.

It starts at the time of the price that made it true, and a price that makes it false clears it.
While prices cannot be trusted it stands still; after a minute of that it starts anew, because
nobody knows what happened meanwhile.
"""

from __future__ import annotations

from typing import Final

SECOND_NS: Final = 1_000_000_000
LONGEST_GAP_NS: Final = 60 * SECOND_NS


class Timer:
    """Says when a condition has held for long enough.

    Args:
        hold_ns: How long it must hold.
    """

    __slots__ = ("hold_ns", "since_ns", "stale_ns")

    def __init__(self, hold_ns: int) -> None:
        self.hold_ns = hold_ns
        self.since_ns: int | None = None
        """When the condition became true; None while it is not."""
        self.stale_ns: int | None = None
        """When prices stopped being trusted, while the condition held."""

    @property
    def is_running(self) -> bool:
        """Whether the condition holds."""
        return self.since_ns is not None

    @property
    def expires_ns(self) -> int | None:
        """When it will have held for long enough; None while that is not foreseeable."""
        if self.since_ns is None or self.stale_ns is not None:
            return None
        return self.since_ns + self.hold_ns

    def is_expired(self, at_ns: int) -> bool:
        """Whether it has held for long enough."""
        expires_ns = self.expires_ns
        return expires_ns is not None and at_ns >= expires_ns

    def has_held(self, at_ns: int, *, holds: bool, is_trusted: bool = True) -> bool:
        """Whether the condition has held for long enough, given what it is now.

        What had held for long enough before this price counts, whatever comes now; on a price that
        is not believed alone nothing is concluded.
        """
        if is_trusted and self.is_expired(at_ns):
            return True
        self.see(at_ns, holds=holds)
        return is_trusted and self.is_expired(at_ns)

    def see(self, at_ns: int, *, holds: bool) -> None:
        """Takes in whether the condition holds at a moment."""
        if self.stale_ns is not None and self.since_ns is not None:
            gap_ns = at_ns - self.stale_ns
            self.since_ns = at_ns if gap_ns > LONGEST_GAP_NS else self.since_ns + gap_ns
        self.stale_ns = None
        if not holds:
            self.since_ns = None
        elif self.since_ns is None:
            self.since_ns = at_ns

    def distrust(self, since_ns: int) -> None:
        """Stops: prices are stale since then."""
        if self.since_ns is not None and self.stale_ns is None:
            self.stale_ns = max(since_ns, self.since_ns)

    def clear(self) -> None:
        """Forgets everything."""
        self.since_ns = self.stale_ns = None

    def progress(self, at_ns: int) -> float:
        """How far it has come, 0 to 1."""
        if self.since_ns is None:
            return 0.0
        until_ns = at_ns if self.stale_ns is None else self.stale_ns
        return min(1.0, max(0, until_ns - self.since_ns) / max(1, self.hold_ns))

    def dump(self) -> list[int | None]:
        """As it goes to the journal."""
        return [self.since_ns, self.stale_ns]

    def load(self, values: list[int | None]) -> None:
        """Reads what `dump` gave."""
        self.since_ns, self.stale_ns = values
