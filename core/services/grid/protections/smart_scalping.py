"""Smart scalping: let some deep drops come and go, and scalp only when one comes back.

x is the level of the price, T the threshold (at first the trigger level of scalping), m the drops
counted. Level 1 is the most adverse in both directions, so one table serves both.

    IDLE       x <= T    m + 1, the extreme is x                                  ─► TRACKING
    TRACKING   x <= T    the extreme is the lowest x seen
               x > T     (T - extreme) / N >= least drop: deep                    ─► WAITING
                         else m - 1                                               ─► IDLE
    WAITING    x > T     seen a second time, or for 5 s:
                         m < allowed: T becomes the extreme                       ─► IDLE
                         else         the extreme is final                        ─► READY
               x <= T                                                             ─► TRACKING
    READY      x <= final                                                         ─► scalp
               longer than `smart_scalping_ready_timeout`: forgotten              ─► IDLE
    any        x <= crash level                                                   ─► scalp at once
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

from core.domain.events import Horizon
from core.services.grid.protections.directive import Act, Directive, Rank
from core.services.grid.protections.equity import CALM, EVERY_ROW
from core.services.grid.protections.reading import Ground, Reading
from core.services.grid.protections.rule import Decision, Sight, Stage, Values
from core.services.grid.protections.settings import SmartSettings
from core.services.grid.protections.timer import SECOND_NS

REBOUND_NS: Final = 5 * SECOND_NS
"""How long a rebound must be seen where no second price comes."""


class Watch(StrEnum):
    """Where the table stands."""

    IDLE = "idle"
    TRACKING = "tracking"
    WAITING = "waiting"
    READY = "ready"


class SmartScalping:
    """The rule.

    Args:
        settings: What it is told.
        trigger_percent: Of the ladder, at which scalping would begin without it.
    """

    name = "smart_scalping"
    rank = Rank.SCALPING

    def __init__(self, settings: SmartSettings, *, trigger_percent: int) -> None:
        self._settings = settings
        self._percent = trigger_percent
        self.is_scalping = False
        """Whether scalping is under way: nothing is counted meanwhile."""
        self._not_before_ns: int | None = None
        """Until when it does not ask again."""
        self.stage = Stage.IDLE
        self._forget()

    def clear(self) -> None:
        """Forgets everything."""
        self.is_scalping = False
        self._not_before_ns = None
        self.stage = Stage.IDLE
        self._forget()

    def _forget(self) -> None:
        """Counts from the beginning."""
        self._watch = Watch.IDLE
        self._threshold: int | None = None
        """T; None while it is the trigger level."""
        self._extreme = 0
        self._drops = 0
        self._since_ns: int | None = None
        """When the present state began."""

    def judge(self, now: Reading) -> Decision:
        """Goes through the table, and asks for scalping at the end of it."""
        if self.is_scalping:
            return Decision(stage=Stage.TRIGGERED, reason="scalping is under way")
        if self._not_before_ns is not None:
            if now.at_ns < self._not_before_ns:
                return Decision(stage=Stage.COOLING, reason="the exits could not be cancelled")
            self._not_before_ns = None
        ground = now.ground
        self._follow(ground, now)
        if ground.is_holding:
            crash = self._settings.crash_level
            if crash and ground.is_at_or_below(crash, now.price):
                return self._ask(f"level {crash} is reached, the end of the ladder")
            if self._watch is Watch.READY and ground.is_at_or_below(self._extreme, now.price):
                return self._ask(f"back at level {self._extreme} after {self._drops} deep drops")
        if self._watch is Watch.READY:
            reason = f"{self._drops} deep drops, scalps at level {self._extreme}"
            return Decision(stage=Stage.ARMED, reason=reason)
        return Decision(stage=Stage.IDLE, reason="waited for too long")

    def _follow(self, ground: Ground, now: Reading) -> None:
        threshold = self.threshold(ground)
        is_deep = ground.is_at_or_below(threshold, now.price)
        if self._watch is Watch.IDLE and is_deep:
            self._drops += 1
            self._go(Watch.TRACKING, now.at_ns)
            self._extreme = now.level
        elif self._watch is Watch.TRACKING:
            if is_deep:
                self._extreme = min(self._extreme, now.level)
            elif (threshold - self._extreme) * 100 >= self._least_drop(ground):
                self._go(Watch.WAITING, now.at_ns)
            else:
                self._drops -= 1
                self._go(Watch.IDLE, now.at_ns)
        elif self._watch is Watch.WAITING:
            self._rebound(now, is_deep=is_deep)
        elif self._watch is Watch.READY and self._is_too_old(now.at_ns):
            self._forget()

    def _rebound(self, now: Reading, *, is_deep: bool) -> None:
        if is_deep:
            self._extreme = min(self._extreme, now.level)
            self._go(Watch.TRACKING, now.at_ns)
        elif self._drops < self._settings.allowed_drops:
            self._threshold = self._extreme
            self._go(Watch.IDLE, now.at_ns)
        else:
            self._go(Watch.READY, now.at_ns)

    def _go(self, watch: Watch, at_ns: int) -> None:
        self._watch, self._since_ns = watch, at_ns

    def threshold(self, ground: Ground) -> int:
        """T."""
        if self._threshold is None:
            return ground.trigger_level(self._percent)
        return self._threshold

    def _least_drop(self, ground: Ground) -> int:
        return self._settings.min_drop_percent * ground.levels

    def _is_too_old(self, at_ns: int) -> bool:
        expires_ns = self._expires_ns
        return expires_ns is not None and at_ns >= expires_ns

    @property
    def _expires_ns(self) -> int | None:
        timeout_s = self._settings.ready_timeout_s
        if timeout_s is None or self._since_ns is None:
            return None
        return self._since_ns + timeout_s * SECOND_NS

    def _ask(self, reason: str) -> Decision:
        directive = Directive(rank=self.rank, act=Act.SCALP, source=self.name, reason=reason)
        return Decision(stage=Stage.TRIGGERED, reason=reason, directive=directive)

    def pause_until(self, at_ns: int) -> None:
        """Does not ask again before a moment."""
        self._not_before_ns = at_ns

    def horizon(self, ground: Ground) -> Horizon:
        """Where the table goes on."""
        if self.is_scalping:
            return CALM
        if self._not_before_ns is not None:
            return EVERY_ROW | Horizon(at_ns=self._not_before_ns)
        crash = self._settings.crash_level
        horizon = ground.at_or_below(crash) if crash and ground.is_holding else CALM
        threshold = self.threshold(ground)
        if self._watch is Watch.IDLE:
            return horizon | ground.at_or_below(threshold)
        if self._watch is Watch.TRACKING:
            if self._extreme > 1:
                horizon |= ground.at_or_below(self._extreme - 1)
            return horizon | ground.above(threshold)
        if self._watch is Watch.WAITING:
            since_ns = self._since_ns or 0
            return EVERY_ROW | Horizon(at_ns=since_ns + REBOUND_NS)
        if ground.is_holding:
            horizon |= ground.at_or_below(self._extreme)
        return horizon | Horizon(at_ns=self._expires_ns)

    def sight(self, ground: Ground, price: Decimal | None, at_ns: int) -> Sight:
        """Drops counted, and the level that matters next."""
        del price, at_ns
        level = self._extreme if self._watch is Watch.READY else self.threshold(ground)
        words = f"{self._drops} of {self._settings.allowed_drops} drops used"
        if self._watch is Watch.READY:
            words = f"scalps at level {level}"
        elif self._watch is Watch.TRACKING:
            words += f", now down to level {self._extreme}"
        return Sight(
            stage=self.stage,
            words=words,
            price=Decimal(ground.ladder.line(ground.ladder.shift + level - 1)) * ground.tick,
            level=level,
            since_ns=None if self._watch is Watch.IDLE else self._since_ns,
            progress=min(1.0, self._drops / self._settings.allowed_drops),
        )

    def rest(self) -> None:
        """Keeps what was counted."""

    def distrust(self, since_ns: int) -> None:
        """A rebound that was seen once must be seen twice again."""
        del since_ns
        if self._watch is Watch.WAITING:
            self._watch = Watch.TRACKING

    def dump(self) -> Values:
        """Its memory."""
        return {
            "stage": self.stage.value,
            "watch": self._watch.value,
            "threshold": self._threshold,
            "extreme": self._extreme,
            "drops": self._drops,
            "since": self._since_ns,
            "not_before": self._not_before_ns,
        }

    def load(self, values: Values) -> None:
        """Reads what `dump` gave."""
        self.stage = Stage(str(values["stage"]))
        self._watch = Watch(str(values["watch"]))
        self._threshold = _whole(values["threshold"])
        self._extreme = _whole(values["extreme"]) or 0
        self._drops = _whole(values["drops"]) or 0
        self._since_ns = _whole(values["since"])
        self._not_before_ns = _whole(values["not_before"])


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
