"""What goes wrong in a run: episodes, each drawn from the seed, each removable by itself.

An episode has a kind, a beginning, an end and a strength. It draws from a stream of its own, so
that leaving one out changes nothing about the others: that is what makes a failing run shrink to
the few episodes that matter.

Which classes of faults a seed has at all is drawn first, each with an even chance (a swarm): a run
with everything at once never gets far enough to show what one fault does by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from core.infrastructure.rng import Rng
from core.testing.simulation.history import FaultFired, History
from core.testing.simulation.loop import SimulationLoop

NS_PER_S: Final = 1_000_000_000


class Kind(StrEnum):
    """Kinds of faults, as they are counted."""

    LOSE_REQUEST = "lose_request"
    """Never reaches the venue; nobody answers."""
    LOSE_ANSWER = "lose_answer"
    """Takes effect; nobody answers."""
    LATE_REQUEST = "late_request"
    LATE_ANSWER = "late_answer"
    NOT_SENT = "not_sent"
    """The connection is refused before a byte left."""
    SERVER_ERROR = "server_error"
    """5xx, with or without effect."""
    BROKEN_BODY = "broken_body"
    """Takes effect; the answer cannot be read."""
    WRONG_ANSWER = "wrong_answer"
    """The answer speaks of another order."""
    RATE_LIMIT = "rate_limit"
    BAN = "ban"
    REST_DOWN = "rest_down"
    """No request gets through at all."""
    PRIVATE_CUT = "private_cut"
    PRIVATE_SILENT = "private_silent"
    PRIVATE_DROP = "private_drop"
    PRIVATE_DOUBLE = "private_double"
    PRIVATE_LATE = "private_late"
    """Messages wait, each for itself, so that they overtake each other."""
    PUBLIC_CUT = "public_cut"
    PUBLIC_SILENT = "public_silent"
    PUBLIC_FROZEN = "public_frozen"
    """Prices come, their event time stands still."""
    PUBLIC_GARBAGE = "public_garbage"
    PUBLIC_LATE = "public_late"
    LAG = "lag"
    """Lists, single orders and executions are seen as they were a while ago."""
    NOT_FOUND = "not_found"
    """A question does not find what exists."""
    REFUSE = "refuse"
    """The venue says no, definitely."""
    FILL_FIRST = "fill_first"
    """A fill beats a cancel."""
    CUT_FILLS = "cut_fills"
    MAINTENANCE = "maintenance"
    VANISH = "vanish"
    """Orders are cancelled by the venue, and nothing says so."""
    STRANGER = "stranger"
    """Somebody else's order rests on the account."""
    MEDDLER = "meddler"
    """The user cancels orders of ours at the venue."""
    KILL = "kill"
    KILL_AT_EVENT = "kill_at_event"
    """Within moments of an order event."""
    KILL_AT_START = "kill_at_start"
    """While the next life is starting."""
    PAUSE = "pause"
    TERM = "term"
    """An orderly end, and a new start."""
    DISK_FULL = "disk_full"
    DISK_SLOW = "disk_slow"
    DISK_DOUBT = "disk_doubt"
    """A commit fails, and may be there all the same."""
    CLOCK_STEP = "clock_step"
    """The wall is set, within what execution allows for."""
    CLOCK_LEAP = "clock_leap"
    """The wall is set beyond that, and put right again after a while."""
    CLOCK_DRIFT = "clock_drift"
    ASK_PAUSE = "ask_pause"
    ASK_CANCEL = "ask_cancel"
    ASK_HALT = "ask_halt"
    ASK_EDIT = "ask_edit"
    """Another file is put under the bot while it runs."""
    SECOND = "second"
    """A second instance is started on the same home."""


class Group(StrEnum):
    """Classes of faults: what a swarm turns on and off."""

    NETWORK = "network"
    ANSWERS = "answers"
    LIMITS = "limits"
    PRIVATE = "private"
    PUBLIC = "public"
    ENDPOINTS = "endpoints"
    VENUE = "venue"
    PROCESS = "process"
    DISK = "disk"
    CLOCK = "clock"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How a kind of fault comes."""

    group: Group
    lasts_s: tuple[float, float] = (0.0, 0.0)
    """Shortest and longest; both 0 for what happens at one moment."""
    strength: tuple[float, float] = (1.0, 1.0)
    """A chance for each occasion, or seconds, or whatever the kind counts in."""
    weight: float = 1.0


HABITS: Final[dict[Kind, Habit]] = {
    Kind.LOSE_REQUEST: Habit(group=Group.NETWORK, lasts_s=(20, 240), strength=(0.02, 0.5)),
    Kind.LOSE_ANSWER: Habit(group=Group.NETWORK, lasts_s=(20, 240), strength=(0.02, 0.5)),
    Kind.LATE_REQUEST: Habit(group=Group.NETWORK, lasts_s=(20, 240), strength=(0.05, 0.6)),
    Kind.LATE_ANSWER: Habit(group=Group.NETWORK, lasts_s=(20, 240), strength=(0.05, 0.6)),
    Kind.NOT_SENT: Habit(group=Group.NETWORK, lasts_s=(1, 60), strength=(0.1, 1.0)),
    Kind.REST_DOWN: Habit(group=Group.NETWORK, lasts_s=(3, 120)),
    Kind.SERVER_ERROR: Habit(group=Group.ANSWERS, lasts_s=(10, 200), strength=(0.05, 0.5)),
    Kind.BROKEN_BODY: Habit(group=Group.ANSWERS, lasts_s=(10, 200), strength=(0.05, 0.4)),
    Kind.WRONG_ANSWER: Habit(group=Group.ANSWERS, lasts_s=(10, 120), strength=(0.05, 0.3)),
    Kind.RATE_LIMIT: Habit(group=Group.LIMITS, lasts_s=(5, 120), strength=(0.05, 0.5)),
    Kind.BAN: Habit(group=Group.LIMITS, lasts_s=(61, 200), weight=0.4),
    Kind.PRIVATE_CUT: Habit(group=Group.PRIVATE, lasts_s=(0.5, 60)),
    Kind.PRIVATE_SILENT: Habit(group=Group.PRIVATE, lasts_s=(5, 240)),
    Kind.PRIVATE_DROP: Habit(group=Group.PRIVATE, lasts_s=(20, 240), strength=(0.05, 0.5)),
    Kind.PRIVATE_DOUBLE: Habit(group=Group.PRIVATE, lasts_s=(30, 300), strength=(0.1, 0.8)),
    Kind.PRIVATE_LATE: Habit(group=Group.PRIVATE, lasts_s=(30, 300), strength=(0.05, 6.0)),
    Kind.PUBLIC_CUT: Habit(group=Group.PUBLIC, lasts_s=(0.5, 60)),
    Kind.PUBLIC_SILENT: Habit(group=Group.PUBLIC, lasts_s=(5, 120)),
    Kind.PUBLIC_FROZEN: Habit(group=Group.PUBLIC, lasts_s=(5, 120)),
    Kind.PUBLIC_GARBAGE: Habit(group=Group.PUBLIC, lasts_s=(10, 120), strength=(0.05, 0.5)),
    Kind.PUBLIC_LATE: Habit(group=Group.PUBLIC, lasts_s=(10, 120), strength=(0.2, 4.0)),
    Kind.LAG: Habit(group=Group.ENDPOINTS, lasts_s=(20, 300), strength=(0.1, 1.8)),
    Kind.NOT_FOUND: Habit(group=Group.ENDPOINTS, lasts_s=(20, 240), strength=(0.05, 0.3)),
    Kind.REFUSE: Habit(group=Group.VENUE, lasts_s=(5, 60), strength=(0.05, 0.6)),
    Kind.FILL_FIRST: Habit(group=Group.VENUE, lasts_s=(30, 300), strength=(0.2, 1.0)),
    Kind.CUT_FILLS: Habit(group=Group.VENUE, lasts_s=(60, 600), strength=(0.2, 1.0)),
    Kind.MAINTENANCE: Habit(group=Group.VENUE, lasts_s=(5, 120), weight=0.5),
    Kind.VANISH: Habit(group=Group.VENUE, weight=0.5),
    Kind.STRANGER: Habit(group=Group.VENUE),
    Kind.MEDDLER: Habit(group=Group.VENUE, weight=0.5),
    Kind.KILL: Habit(group=Group.PROCESS, weight=2.0),
    Kind.KILL_AT_EVENT: Habit(group=Group.PROCESS, weight=3.0),
    Kind.KILL_AT_START: Habit(group=Group.PROCESS, weight=1.5),
    Kind.PAUSE: Habit(group=Group.PROCESS, lasts_s=(1, 90)),
    Kind.TERM: Habit(group=Group.PROCESS),
    Kind.DISK_FULL: Habit(group=Group.DISK, lasts_s=(1, 60)),
    Kind.DISK_SLOW: Habit(group=Group.DISK, lasts_s=(5, 120), strength=(0.02, 2.0)),
    Kind.DISK_DOUBT: Habit(group=Group.DISK, lasts_s=(5, 120), strength=(0.05, 0.5)),
    Kind.CLOCK_STEP: Habit(group=Group.CLOCK, strength=(0.01, 0.6)),
    Kind.CLOCK_LEAP: Habit(group=Group.CLOCK, lasts_s=(1, 120), strength=(5.0, 7_200.0)),
    Kind.CLOCK_DRIFT: Habit(group=Group.CLOCK, lasts_s=(60, 600), strength=(10.0, 500.0)),
    Kind.ASK_PAUSE: Habit(group=Group.OPERATOR, lasts_s=(5, 120)),
    Kind.ASK_CANCEL: Habit(group=Group.OPERATOR, lasts_s=(5, 120)),
    Kind.ASK_HALT: Habit(group=Group.OPERATOR, lasts_s=(5, 90)),
    Kind.ASK_EDIT: Habit(group=Group.OPERATOR, weight=1.5),
    Kind.SECOND: Habit(group=Group.OPERATOR),
}
"""How each kind comes; strengths of kinds that count in seconds are seconds."""
SURE: Final = (Kind.CLOCK_STEP, Kind.PRIVATE_CUT, Kind.PUBLIC_CUT, Kind.PAUSE)
"""Kinds that act whatever the program does meanwhile."""
FEWEST: Final = 20
"""Faults that act for sure in a quarter of an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One stretch of bad weather."""

    number: int
    kind: Kind
    from_ns: int
    """Counted from the beginning of the run."""
    until_ns: int
    strength: float

    def __str__(self) -> str:
        begin, end = self.from_ns / NS_PER_S, self.until_ns / NS_PER_S
        return f"{self.number}: {self.kind.value} {begin:.1f}-{end:.1f} s, {self.strength:.3f}"


def draw_episodes(rng: Rng, lasts_s: float) -> tuple[Episode, ...]:
    """The episodes of a run, in order of their beginning.

    Args:
        rng: Draws them.
        lasts_s: Length of the part of the run in which things go wrong.
    """
    groups = [group for group in Group if rng.random() < 0.5]
    while len(groups) < 3:
        group = list(Group)[rng.integer(0, len(Group) - 1)]
        if group not in groups:
            groups.append(group)
    kinds = [kind for kind, habit in HABITS.items() if habit.group in groups]
    weights = [HABITS[kind].weight for kind in kinds]
    count = max(8, round(lasts_s / 900.0 * rng.integer(24, 56)))
    drawn = [_episode(rng, _choose(rng, kinds, weights), lasts_s, 0) for _ in range(count)]
    sure = sum(item.kind in SURE for item in drawn)
    wanted = min(FEWEST, math.ceil(FEWEST * lasts_s / 900.0))
    drawn.sort(key=lambda item: item.from_ns)
    more = rng.child("more")
    for _ in range(wanted - sure):
        kind = SURE[more.integer(0, len(SURE) - 1)]
        drawn.append(_episode(more, kind, lasts_s, 0, longest_s=5.0))
    numbered = [replace(item, number=number) for number, item in enumerate(drawn, 1)]
    return tuple(sorted(numbered, key=lambda item: item.from_ns))


def _episode(
    rng: Rng, kind: Kind, lasts_s: float, number: int, longest_s: float | None = None
) -> Episode:
    habit = HABITS[kind]
    begin_s = rng.uniform(0.0, lasts_s)
    length_s = _between(rng, *habit.lasts_s) if habit.lasts_s[1] else 0.0
    if longest_s is not None:
        length_s = min(length_s, longest_s)
    end_s = min(begin_s + length_s, lasts_s) if length_s else begin_s
    strength = _between(rng, *habit.strength)
    if kind in {Kind.CLOCK_STEP, Kind.CLOCK_LEAP} and rng.random() < 0.5:
        strength = -strength
    return Episode(
        number=number,
        kind=kind,
        from_ns=round(begin_s * NS_PER_S),
        until_ns=round(end_s * NS_PER_S),
        strength=strength,
    )


class Active:
    """Which episodes are under way, and whether one of them acts on this occasion.

    Args:
        loop: Time.
        rng: Each episode draws from a child of it.
        history: Told of each fault that acts.
    """

    def __init__(self, loop: SimulationLoop, rng: Rng, history: History) -> None:
        self._loop = loop
        self._rng = rng
        self._history = history
        self._now: dict[Kind, list[Episode]] = {}
        self._streams: dict[int, Rng] = {}

    def begin(self, episode: Episode) -> None:
        """An episode is under way."""
        self._now.setdefault(episode.kind, []).append(episode)

    def end(self, episode: Episode) -> None:
        """It is over."""
        under_way = self._now.get(episode.kind, [])
        if episode in under_way:
            under_way.remove(episode)

    def heal(self) -> None:
        """Everything is over."""
        self._now.clear()

    def on(self, kind: Kind) -> Episode | None:
        """The episode of a kind that is under way."""
        under_way = self._now.get(kind)
        return under_way[-1] if under_way else None

    def chance(self, kind: Kind) -> Episode | None:
        """The episode that acts on this occasion; its strength is the chance. Counts it."""
        episode = self.on(kind)
        if episode is None or self.stream(episode).random() >= episode.strength:
            return None
        self.fire(episode)
        return episode

    def acts(self, kind: Kind) -> Episode | None:
        """The episode that is under way, which acts on every occasion. Counts it."""
        episode = self.on(kind)
        if episode is not None:
            self.fire(episode)
        return episode

    def fire(self, episode: Episode) -> None:
        """Counts a fault that acted."""
        self._history.add(
            FaultFired(at_ns=self._loop.now_ns(), kind=episode.kind.value, episode=episode.number)
        )

    def stream(self, episode: Episode) -> Rng:
        """Where an episode draws from."""
        found = self._streams.get(episode.number)
        if found is None:
            found = self._streams[episode.number] = self._rng.child(f"episode-{episode.number}")
        return found


def _between(rng: Rng, low: float, high: float) -> float:
    """Small values as often as large ones where the range spans orders of magnitude."""
    if low > 0 and high / low > 20:
        return float(low * (high / low) ** rng.random())
    return rng.uniform(low, high)


def _choose(rng: Rng, kinds: Sequence[Kind], weights: Sequence[float]) -> Kind:
    place = rng.random() * sum(weights)
    for kind, weight in zip(kinds, weights, strict=True):
        place -= weight
        if place < 0:
            return kind
    return kinds[-1]
