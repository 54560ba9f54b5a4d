"""How things are said on this terminal: its glyphs, its language, its time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from tui.presentation import times
from tui.presentation.glyphs import FULL, Glyphs
from tui.strings import Words, words

ENGLISH = words("en")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What every drawing function needs beside its data."""

    glyphs: Glyphs = FULL
    words: Words = ENGLISH
    zone: tzinfo | None = UTC
    """None: the system's own."""

    def clock(self, at: datetime, *, is_short: bool = False) -> str:
        """The time of day with its zone."""
        return times.clock(at, self.zone, is_short=is_short)

    def time(self, at: datetime) -> str:
        """The time of day without its zone, for columns."""
        return times.time_of_day(at, self.zone)
