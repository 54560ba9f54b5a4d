"""When a contract trades: the hours of its details, half days and holidays included. Pure.

`20261120:0930-20261120:1600;20261121:CLOSED;…` in the contract's own zone, about a week ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import MalformedMessage

_CLOSED: Final = "CLOSED"
_FORMAT: Final = "%Y%m%d:%H%M"
_LETTERS: Final = {
    "EST": "America/New_York",
    "CST": "America/Chicago",
    "MST": "America/Denver",
    "PST": "America/Los_Angeles",
}
"""What older TWS call the zones of the US."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A time in which orders are matched; `closes` is not part of it. UTC."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The sessions that a contract's details tell, from old to new."""

    trading: tuple[Session, ...] = ()
    """All of them, before and after the regular one too."""
    liquid: tuple[Session, ...] = ()
    """Regular ones; an order without `outsideRth` is matched in these alone."""

    def is_open(self, at: datetime) -> bool:
        """Whether an ordinary order is matched at a moment; False beyond what was told."""
        return any(session.opens <= at < session.closes for session in self.liquid)

    def next_open(self, at: datetime) -> datetime | None:
        """When the next regular session begins; None where that was not told."""
        return next((session.opens for session in self.liquid if session.opens > at), None)

    def closes(self, at: datetime) -> datetime | None:
        """When the regular session of a moment ends; None while it is closed."""
        found = (s.closes for s in self.liquid if s.opens <= at < s.closes)
        return next(found, None)

    def closed(self, at: datetime) -> str | None:
        """Why an ordinary order is not matched at a moment, in words; None while it is.

        Also None where the hours that were told do not reach.
        """
        if not self.liquid or self.is_open(at) or at >= self.liquid[-1].closes:
            return None
        opens = self.next_open(at)
        return None if opens is None else f"closed until {opens:%Y-%m-%d %H:%M} UTC"


def read_hours(trading: str, liquid: str, zone: str) -> Hours:
    """The hours of contract details.

    Raises:
        MalformedMessage: For a zone or a span that cannot be read.
    """
    return Hours(trading=read_sessions(trading, zone), liquid=read_sessions(liquid, zone))


def read_sessions(text: str, zone: str) -> tuple[Session, ...]:
    """The sessions of one field, from old to new; closed days have none.

    Raises:
        MalformedMessage: For a zone or a span that cannot be read.
    """
    if not text:
        return ()
    place = zone_of(zone)
    found: list[Session] = []
    for part in filter(None, text.split(";")):
        if part.endswith(_CLOSED):
            continue
        opens, closes = _ends(part, place)
        found.append(Session(opens=opens, closes=closes))
    return tuple(sorted(found, key=lambda session: session.opens))


def zone_of(name: str) -> ZoneInfo:
    """The time zone that TWS means: `US/Eastern`, or `EST (Eastern Standard Time)` of older ones.

    Those letters alone would be a zone without summer time, which no exchange of the US keeps.

    Raises:
        MalformedMessage: If there is none.
    """
    letters = name.partition(" ")[0]
    try:
        return ZoneInfo(_LETTERS.get(letters, name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise MalformedMessage(
            f"ibkr: there is no time zone {name[:40]!r}.", venue="ibkr"
        ) from error


def _ends(part: str, place: ZoneInfo) -> tuple[datetime, datetime]:
    first, _, last = part.partition("-")
    if ":" not in last:
        last = f"{first.partition(':')[0]}:{last}"
    try:
        opens, closes = (
            datetime.strptime(end, _FORMAT).replace(tzinfo=place).astimezone(UTC)
            for end in (first, last)
        )
    except ValueError as error:
        raise MalformedMessage(f"ibkr: {part[:60]!r} is no session.", venue="ibkr") from error
    if closes <= opens:
        raise MalformedMessage(f"ibkr: the session {part[:60]!r} ends first.", venue="ibkr")
    return opens, closes
