"""Rate budgets: what a venue lets an address, an account or a key ask for, shared by all bots.

    budgets = Budgets(clock)                               # one for the engine
    budget = budgets.of("binance usdm address", Limit(2400, 60))
    await budget.spend(5)                                  # waits for room, or raises RateLimited
    await budget.spend(1, is_urgent=True)                  # a cancel: may use the reserve

A fifth of every budget is kept for what is urgent (cancels, and asking what became of an order), so
that getting out always works. A venue that tells what was used (`told`) is believed where it counts
more than we do, since others may ask from the same address. After 429 only urgent requests leave
until the venue's time is over, after a ban (418) none at all: probing makes it longer (T10, T11).
Everything is counted on the clock's monotonic time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from core.errors import RateLimited
from core.infrastructure.clock import NS_PER_S, Clock

RESERVE: Final = 0.2
"""Fraction of a budget that only urgent requests may use."""
MAX_WAIT_S: Final = 10.0
"""Longest that a request waits for room; one that would wait longer is refused here."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So much weight in any window of so many seconds."""

    weight: int
    window_s: float


class RateBudget:
    """The weight that one scope may spend.

    Args:
        clock: The engine's.
        name: In errors: venue and scope.
        limits: All of them hold.
        venue: Venue named in errors.
    """

    def __init__(self, clock: Clock, name: str, *limits: Limit, venue: str = "") -> None:
        self._clock = clock
        self._name = name
        self._venue = venue or name.partition(" ")[0]
        self.windows = [_Window(limit) for limit in limits]
        self.paused_until_ns = 0
        """Monotonic; what is not urgent waits until then."""
        self.banned_until_ns = 0
        """And everything until then; never after the other."""

    @property
    def name(self) -> str:
        """Venue and scope."""
        return self._name

    @property
    def used_fraction(self) -> float:
        """The fullest window's part that is used; 0 without limits."""
        now_ns = self._clock.monotonic_ns()
        return max(
            (window.used(now_ns) / window.limit.weight for window in self.windows), default=0.0
        )

    @property
    def paused_for_s(self) -> float:
        """Seconds until ordinary requests may leave again; 0 when they may."""
        until_ns = max(self.paused_until_ns, self.banned_until_ns)
        return max(0.0, (until_ns - self._clock.monotonic_ns()) / NS_PER_S)

    async def spend(
        self, weight: int = 1, *, is_urgent: bool = False, max_wait_s: float = MAX_WAIT_S
    ) -> None:
        """Takes so much of the budget, waiting until there is room.

        Raises:
            RateLimited: If that would take longer than `max_wait_s`; nothing was taken.
        """
        waited_s = 0.0
        while (wait_s := self.wait_s(weight, is_urgent=is_urgent)) > 0:
            if waited_s + wait_s > max_wait_s:
                raise self._refused(wait_s)
            await self._clock.sleep(wait_s)
            waited_s += wait_s
        self.take(weight)

    def spend_now(
        self, weight: int = 1, *, is_urgent: bool = False, also: RateBudget | None = None
    ) -> None:
        """Takes so much of the budget, and of another one with it, if there is room at once.

        Every order passes here, and nearly all find room: that is seen in one pass without a call
        for each window. Only one that finds none asks when there will be.

        Raises:
            RateLimited: If there is none; nothing was taken, of neither.
        """
        now_ns = self._clock.monotonic_ns()
        budgets = (self,) if also is None else (self, also)
        for budget in budgets:
            has_room = (budget.banned_until_ns if is_urgent else budget.paused_until_ns) <= now_ns
            for window in budget.windows:
                spent = window.spent
                if spent and spent[0][0] <= now_ns - window.width_ns:
                    window.used(now_ns)
                allowed = window.limit.weight if is_urgent else window.ordinary
                has_room = has_room and window.sum + weight <= allowed
            if not has_room:
                budget.need_room(weight, now_ns, is_urgent=is_urgent)
        for budget in budgets:
            for window in budget.windows:
                window.spent.append((now_ns, weight))
                window.sum += weight

    def need_room(self, weight: int, now_ns: int, *, is_urgent: bool) -> None:
        """Checks that so much may be spent at a moment of the clock's monotonic time.

        Raises:
            RateLimited: If not, with the time until then.
        """
        ready_ns = self._ready_ns(weight, now_ns, is_urgent=is_urgent)
        if ready_ns > now_ns:
            raise self._refused((ready_ns - now_ns) / NS_PER_S)

    def wait_s(self, weight: int = 1, *, is_urgent: bool = False) -> float:
        """Seconds until such a request may leave; 0 for now."""
        now_ns = self._clock.monotonic_ns()
        ready_ns = self._ready_ns(weight, now_ns, is_urgent=is_urgent)
        return max(0.0, (ready_ns - now_ns) / NS_PER_S)

    def _ready_ns(self, weight: int, now_ns: int, *, is_urgent: bool) -> int:
        ready_ns = self.banned_until_ns
        if not is_urgent and self.paused_until_ns > ready_ns:
            ready_ns = self.paused_until_ns
        for window in self.windows:
            allowed = window.limit.weight if is_urgent else window.ordinary
            free_ns = window.ready_ns(weight, allowed, now_ns)
            if free_ns > ready_ns:  # noqa: PLR1730 # `max` costs three times as much here
                ready_ns = free_ns
        return ready_ns

    def take(self, weight: int) -> None:
        """Counts what leaves now, whether there is room or not."""
        now_ns = self._clock.monotonic_ns()
        for window in self.windows:
            window.add(weight, now_ns)

    def told(self, used: int, window_s: float) -> None:
        """The venue says how much of a window is used; more than we counted is somebody else's."""
        now_ns = self._clock.monotonic_ns()
        for window in self.windows:
            if window.limit.window_s == window_s:
                window.raise_to(used, now_ns)

    def pause(self, seconds: float, *, is_ban: bool = False) -> None:
        """The venue asked for patience."""
        until_ns = self._clock.monotonic_ns() + round(seconds * NS_PER_S)
        self.paused_until_ns = max(self.paused_until_ns, until_ns)
        if is_ban:
            self.banned_until_ns = max(self.banned_until_ns, until_ns)

    def _refused(self, wait_s: float) -> RateLimited:
        return RateLimited(
            f"{self._name}: the rate budget is used up for {wait_s:.1f} s; nothing was sent.",
            retry_after_s=wait_s,
            venue=self._venue,
        )


class Budgets:
    """Every budget of an engine by name, so that two accounts behind one address share one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._budgets: dict[str, RateBudget] = {}

    def of(self, name: str, *limits: Limit) -> RateBudget:
        """The budget of that name, made with these limits the first time."""
        found = self._budgets.get(name)
        if found is None:
            found = self._budgets[name] = RateBudget(self._clock, name, *limits)
        return found

    def all(self) -> list[RateBudget]:
        """Every budget, sorted by name."""
        return [self._budgets[name] for name in sorted(self._budgets)]


class _Window:
    """What was spent in the last so many seconds."""

    __slots__ = ("limit", "ordinary", "spent", "sum", "width_ns")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.ordinary = limit.weight - round(limit.weight * RESERVE)
        """What requests that are not urgent may use."""
        self.width_ns = round(limit.window_s * NS_PER_S)
        self.spent: deque[tuple[int, int]] = deque()
        """When (ns) and how much, from old to new; `sum` is all of it."""
        self.sum = 0

    def used(self, now_ns: int) -> int:
        spent = self.spent
        while spent and spent[0][0] <= now_ns - self.width_ns:
            self.sum -= spent.popleft()[1]
        return self.sum

    def add(self, weight: int, now_ns: int) -> None:
        self.used(now_ns)
        self.spent.append((now_ns, weight))
        self.sum += weight

    def raise_to(self, used: int, now_ns: int) -> None:
        missing = used - self.used(now_ns)
        if missing > 0:
            self.add(missing, now_ns)

    def ready_ns(self, weight: int, allowed: int, now_ns: int) -> int:
        """When `weight` fits into `allowed`; one that never fits goes when nothing else is used."""
        excess = self.used(now_ns) + (weight if weight < allowed else allowed) - allowed  # noqa: FURB136 # `min` costs as much as all the rest
        if excess <= 0:
            return 0
        for at_ns, spent in self.spent:
            excess -= spent
            if excess <= 0:
                return at_ns + self.width_ns
        return 0
