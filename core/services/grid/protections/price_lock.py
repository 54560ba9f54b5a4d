"""Price lock: do not chase the price beyond a threshold; wait for it to come back.

    locks when    the escape of a follow grid would re-centre it and the price is at the threshold
                  or beyond it on the favourable side
    then          the grid stays as it is, and the escape is timed anew
                  (`price_lock_mode: freeze_entries` withholds and cancels its entries as well)
    unlocks when  the price has been inside the range for ten seconds without a break

A fixed grid never re-centres: there the lock only shows that the price has left the range on the
favourable side, beyond the threshold. `price_lock_start_at_threshold` builds the ladder of a follow
grid at the threshold where the price is beyond it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, cast

from core.adapters.exchanges.models import OrderSide, plain
from core.domain.events import Horizon
from core.services.grid.protections.directive import Rank
from core.services.grid.protections.reading import Ground, Reading
from core.services.grid.protections.rule import Decision, Sight, Stage, Values
from core.services.grid.protections.settings import LockMode, LockSettings
from core.services.grid.protections.timer import SECOND_NS, Timer

INSIDE_NS: Final = 10 * SECOND_NS


def start_base(settings: LockSettings, price: Decimal, side: OrderSide) -> Decimal:
    """The price that a follow grid's range is computed from."""
    is_beyond = (price - settings.threshold) * side.sign > 0
    return settings.threshold if settings.starts_at_threshold and is_beyond else price


class PriceLock:
    """The rule.

    Args:
        settings: What it is told.
        follows: Whether there is a re-centre to suppress; else it is for show.
    """

    name = "price_lock"
    rank = Rank.PRICE_LOCK

    def __init__(self, settings: LockSettings, *, follows: bool) -> None:
        self._settings = settings
        self._follows = follows
        self._timer = Timer(INSIDE_NS)
        self.is_locked = False
        self._since_ns: int | None = None
        self.stage = Stage.IDLE

    @property
    def freezes_entries(self) -> bool:
        """Whether no entry may rest now."""
        return self.is_locked and self._settings.mode is LockMode.FREEZE_ENTRIES

    def vetoes(self, price: Decimal, side: OrderSide, at_ns: int) -> bool:
        """Asked when an escape has lasted: whether the grid must stay where it is."""
        if (price - self._settings.threshold) * side.sign < 0:
            return False
        if not self.is_locked:
            self._lock(at_ns)
        return True

    def _lock(self, at_ns: int) -> None:
        self.is_locked, self._since_ns = True, at_ns
        self._timer.clear()

    def judge(self, now: Reading) -> Decision:
        """Unlocks once the price has been inside for ten seconds."""
        ground = now.ground
        lower, upper = ground.ladder.lower * ground.tick, ground.ladder.upper * ground.tick
        if not self.is_locked and not self._follows and self._is_out(now):
            self._lock(now.at_ns)
        if not self.is_locked:
            return Decision(stage=Stage.IDLE, reason="not locked")
        if self._timer.has_held(now.at_ns, holds=lower <= now.price <= upper):
            self._unlock()
            return Decision(stage=Stage.IDLE, reason="inside the range for 10 s")
        return Decision(stage=Stage.ACTIVE, reason=self.reason)

    @property
    def reason(self) -> str:
        """Why it locks."""
        return f"the price is beyond {plain(self._settings.threshold)}"

    def _is_out(self, now: Reading) -> bool:
        """Out of a fixed range on the favourable side, and beyond the threshold."""
        ground = now.ground
        edge = ground.ladder.upper if ground.sign > 0 else ground.ladder.lower
        is_out = (now.price - edge * ground.tick) * ground.sign > 0
        return is_out and (now.price - self._settings.threshold) * ground.sign >= 0

    def horizon(self, ground: Ground) -> Horizon:
        """Where it would lock for show, or unlock."""
        lower, upper = Decimal(ground.ladder.lower), Decimal(ground.ladder.upper)
        if not self.is_locked:
            if self._follows:
                return Horizon()
            return ground.favourable_of(self._lock_ticks(ground))
        if self._timer.is_running:
            outside = Horizon(below=ground.ladder.lower, above=ground.ladder.upper)
            return outside | Horizon(at_ns=self._timer.expires_ns)
        return ground.adverse_of(upper if ground.sign > 0 else lower)

    def _lock_ticks(self, ground: Ground) -> Decimal:
        threshold = self._settings.threshold / ground.tick
        if ground.sign > 0:
            return max(threshold, Decimal(ground.ladder.upper))
        return min(threshold, Decimal(ground.ladder.lower))

    def sight(self, ground: Ground, price: Decimal | None, at_ns: int) -> Sight:
        """Threshold, or how long the price has been inside again."""
        del price
        threshold = self._settings.threshold
        words = f"at {plain(threshold)}"
        if self.is_locked:
            words = f"locked beyond {plain(threshold)}"
            if self._timer.is_running:
                words = "inside the range again"
        return Sight(
            stage=self.stage,
            words=words,
            price=threshold,
            since_ns=self._since_ns,
            progress=self._timer.progress(at_ns) if self.is_locked else None,
        )

    def clear(self) -> None:
        """Unlocks."""
        self._unlock()
        self.stage = Stage.IDLE

    def _unlock(self) -> None:
        self._timer.clear()
        self.is_locked, self._since_ns = False, None

    def rest(self) -> None:
        """Stays locked; the time inside begins anew."""
        self._timer.clear()

    def distrust(self, since_ns: int) -> None:
        """Prices are stale since then."""
        self._timer.distrust(since_ns)

    def dump(self) -> Values:
        """Its memory."""
        return {
            "stage": self.stage.value,
            "locked": self.is_locked,
            "since": self._since_ns,
            "timer": self._timer.dump(),
        }

    def load(self, values: Values) -> None:
        """Reads what `dump` gave."""
        self.stage = Stage(str(values["stage"]))
        self.is_locked = bool(values["locked"])
        since = values["since"]
        self._since_ns = since if isinstance(since, int) else None
        self._timer.load(cast("list[int | None]", values["timer"]))
