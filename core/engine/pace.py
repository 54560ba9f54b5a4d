"""Which clock an engine runs on: one for all its bots, chosen with the first.

live, sim at speed 1          the wall, as it was at the start; whoever sets it moves nothing
a recording, another speed    feed time, as many times as fast as asked
after such a run, not live    feed time again: time never goes back behind the journal

A live venue has its own time and its prices are of it, so no journal can move the clock there: one
that was written while the wall was ahead would make every price look old for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.adapters.exchanges.models import from_ns, to_ns
from core.errors import ConfigError
from core.infrastructure.clock import Clock, ScaledClock, SteadyClock, WallClock
from core.services.ports import Feed, FeedKind, Journal

RECORDED = frozenset({FeedKind.TRADES, FeedKind.QUOTES, FeedKind.BOOKS, FeedKind.CANDLES})
GAP_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How time passes for a bot."""

    speed: float
    is_recorded: bool
    """Whether its prices are of another time."""
    is_live: bool = False
    """Whether they are of a venue's own, which is now."""

    @classmethod
    def of(cls, feed: Feed, speed: str) -> Pace:
        """The pace that a feed at a speed needs."""
        return cls(
            float(speed),
            is_recorded=feed.kind in RECORDED,
            is_live=feed.kind is FeedKind.LIVE and float(speed) == 1,
        )

    @property
    def is_wall(self) -> bool:
        """Whether the machine's own time will do."""
        return self.speed == 1 and not self.is_recorded

    def demand_same(self, other: Pace) -> None:
        """Refuses a bot whose time would pass otherwise.

        Raises:
            ConfigError: With the way out.
        """
        if (self.speed, self.is_recorded) != (other.speed, other.is_recorded):
            raise ConfigError(
                f"The engine's time passes {_words(self)}; this bot's would pass {_words(other)}.",
                remedy="Stop what runs first, or run this one by itself with --speed max.",
            )

    def clock(self, feed: Feed, newest_ns: int | None, wall: Clock | None = None) -> Clock:
        """The clock of an engine whose first bot has this pace.

        Args:
            feed: Of that bot.
            newest_ns: Newest time in the journal; None for a new one.
            wall: The machine's time; None for this machine's.
        """
        wall = wall or WallClock()
        if self.is_live:
            return SteadyClock(wall)
        start_ns = wall.now_ns()
        if self.is_recorded and feed.first_ns is not None:
            start_ns = feed.first_ns
        if newest_ns is not None and newest_ns + GAP_NS > start_ns:
            return ScaledClock(newest_ns + GAP_NS, self.speed, wall.monotonic_ns)
        if self.is_wall:
            return SteadyClock(wall)
        return ScaledClock(start_ns, self.speed, wall.monotonic_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTime:
    """Where a moment of the machine's time lies in an engine's own, for its log beside its diary.

    Both are counted from one moment; the same moment always becomes the same.
    """

    wall_ns: int
    own_ns: int
    speed: float

    @classmethod
    def of(cls, clock: Clock, wall: Clock) -> OwnTime | None:
        """For an engine whose clock was made now; None where its time is the machine's."""
        if not isinstance(clock, ScaledClock):
            return None
        return cls(wall_ns=wall.now_ns(), own_ns=clock.now_ns(), speed=clock.speed)

    def at(self, moment: datetime) -> datetime:
        """The engine's time at a moment of the machine's."""
        return from_ns(self.own_ns + round((to_ns(moment) - self.wall_ns) * self.speed))


def newest_ns(journal: Journal) -> int | None:
    """The newest time that anything in a journal happened; None for an empty one."""
    times: list[int] = []
    for bot in journal.bots():
        times.append(bot.updated_ns)
        times += [row.updated_ns for row in journal.orders(bot.bot_id, 1)]
        times += [row.at_ns for row in journal.diary(bot.bot_id, 1)]
        mark = journal.mark(bot.venue, bot.account, bot.symbol)
        times += [] if mark is None else [mark]
    return max(times, default=None)


def _words(pace: Pace) -> str:
    if pace.is_wall:
        return "as the wall's"
    source = "a recording's" if pace.is_recorded else "a simulation's"
    return f"as {source}, {pace.speed:g} times as fast"
