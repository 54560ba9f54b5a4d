"""Scalping: when much of the ladder has filled, one exit for everything.

begins when   the price stands at the trigger level or a more adverse one, with a position open
              (with smart scalping, when that says so)
then          the slots' exits are cancelled; one order closes the whole position a few lines
              beyond break-even; entries stay and fill on, and each makes that order anew
ends when     that order has filled: a follow grid begins anew, any other stops
              (`scalping_after_tp`), or `scalping_exit_on_rebound_grids` lines above the trigger

break-even    the price B at which the grid is worth C0
its level     the last line that B has reached, at least 1
exit          the line `grids` further, at most the last; where B is beyond the last line,
              `grids` intervals beyond B (`scalping_tp_clamp: true` keeps it at the last line,
              at a loss; there it is too where that would be no price above zero)
"""

from __future__ import annotations

from decimal import Decimal

from core.adapters.exchanges.models import Rounding
from core.domain.events import Horizon
from core.services.grid.ladder import Ladder
from core.services.grid.protections.directive import Act, Directive, Rank
from core.services.grid.protections.equity import CALM, EVERY_ROW
from core.services.grid.protections.reading import Ground, Reading
from core.services.grid.protections.rule import Decision, Sight, Stage, Values
from core.services.grid.protections.settings import ScalpingSettings


def break_even_level(ladder: Ladder, ticks: Decimal) -> int:
    """The last line that a price has reached, counted from the adverse end; at least 1.

    More than the number of levels where the price is beyond the last one's line.
    """
    sign = ladder.entry_side.sign
    last = ladder.line(ladder.shift + ladder.count - 1)
    if (ticks - last) * sign > 0:
        return ladder.count + 1
    level = 1
    while level < ladder.count and (ticks - ladder.line(ladder.shift + level)) * sign >= 0:
        level += 1
    return level


def exit_price(ladder: Ladder, break_even: Decimal, grids: int, *, is_clamped: bool) -> Decimal:
    """Ticks of the one exit, given the ticks of break-even; not rounded where it is no line."""
    level = break_even_level(ladder, break_even)
    beyond = break_even + ladder.entry_side.sign * grids * ladder.interval
    if level > ladder.count and beyond > 0 and not is_clamped:
        return beyond
    level = min(level + grids, ladder.count)
    return Decimal(ladder.line(ladder.shift + level - 1))


def exit_ticks(ground: Ground, settings: ScalpingSettings, step: int) -> int | None:
    """Ticks of the one exit, a multiple of `step`; None where nothing is held."""
    price = ground.line.price_of(ground.capital)
    if price is None:
        return None
    exact = exit_price(
        ground.ladder,
        price / ground.tick,
        settings.take_profit_grids,
        is_clamped=settings.is_clamped,
    )
    rounding = Rounding.UP if ground.sign > 0 else Rounding.DOWN
    steps = int((exact / step).quantize(Decimal(1), rounding.value))
    return max(steps, 1) * step


class Scalping:
    """The rule.

    Args:
        settings: What it is told.
        follows: Whether the grid begins anew around the price, or stops.
    """

    name = "scalping"
    rank = Rank.SCALPING

    def __init__(self, settings: ScalpingSettings) -> None:
        self.settings = settings
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self.is_active = False
        self.since_ns: int | None = None
        self.exit_price: Decimal | None = None
        """Of the one exit while it rests, for the screen."""
        self._not_before_ns: int | None = None
        self.stage = Stage.IDLE

    def activate(self, at_ns: int) -> None:
        """Scalping has begun."""
        self.is_active, self.since_ns = True, at_ns

    def deactivate(self) -> None:
        """Scalping has ended."""
        self.is_active, self.since_ns, self.exit_price = False, None, None

    def pause_until(self, at_ns: int) -> None:
        """Does not ask again before a moment."""
        self._not_before_ns = at_ns

    def judge(self, now: Reading) -> Decision:
        """Asks for scalping at its trigger, or for its end on a rebound."""
        ground = now.ground
        level = ground.trigger_level(self.settings.trigger_percent)
        if self.is_active:
            return self._judge_rebound(now, level)
        if self._not_before_ns is not None:
            if now.at_ns < self._not_before_ns:
                return Decision(stage=Stage.COOLING, reason="the exits could not be cancelled")
            self._not_before_ns = None
        is_wanted = self.settings.smart is None and ground.is_holding
        if not is_wanted or not ground.is_at_or_below(level, now.price):
            return Decision(stage=Stage.IDLE, reason=f"above level {level}")
        return self._ask(Act.SCALP, Stage.TRIGGERED, f"level {level} is reached")

    def _judge_rebound(self, now: Reading, level: int) -> Decision:
        rebound = self.settings.rebound_grids
        if rebound is not None and not now.ground.is_at_or_below(level + rebound, now.price):
            reason = f"back above level {level + rebound}"
            return self._ask(Act.RETURN, Stage.ACTIVE, reason)
        return Decision(stage=Stage.ACTIVE, reason="one exit for everything")

    def _ask(self, act: Act, stage: Stage, reason: str) -> Decision:
        directive = Directive(rank=self.rank, act=act, source=self.name, reason=reason)
        return Decision(stage=stage, reason=reason, directive=directive)

    def horizon(self, ground: Ground) -> Horizon:
        """The trigger level, or while scalping the level at which a rebound ends it."""
        level = ground.trigger_level(self.settings.trigger_percent)
        if self.is_active:
            rebound = self.settings.rebound_grids
            return CALM if rebound is None else ground.above(level + rebound)
        if self._not_before_ns is not None:
            return EVERY_ROW | Horizon(at_ns=self._not_before_ns)
        is_wanted = self.settings.smart is None and ground.is_holding
        return ground.at_or_below(level) if is_wanted else CALM

    def sight(self, ground: Ground, price: Decimal | None, at_ns: int) -> Sight:
        """Trigger level and how much of the way there is done, or the one exit."""
        del at_ns
        if self.is_active:
            return Sight(
                stage=self.stage,
                words="one exit for everything",
                price=self.exit_price,
                since_ns=self.since_ns,
            )
        level = ground.trigger_level(self.settings.trigger_percent)
        progress = None
        if price is not None:
            here = ground.ladder.index_of(price / ground.tick)
            progress = min(1.0, (ground.levels - here) / max(1, ground.levels - level))
        return Sight(
            stage=self.stage,
            words=f"begins at level {level}",
            price=Decimal(ground.ladder.line(ground.ladder.shift + level - 1)) * ground.tick,
            level=level,
            progress=progress,
        )

    def rest(self) -> None:
        """Keeps what is under way."""

    def distrust(self, since_ns: int) -> None:
        """Keeps what is under way."""

    def dump(self) -> Values:
        """Its memory."""
        return {
            "stage": self.stage.value,
            "active": self.is_active,
            "since": self.since_ns,
            "exit": None if self.exit_price is None else str(self.exit_price),
            "not_before": self._not_before_ns,
        }

    def load(self, values: Values) -> None:
        """Reads what `dump` gave."""
        self.stage = Stage(str(values["stage"]))
        self.is_active = bool(values["active"])
        since, price, not_before = values["since"], values["exit"], values["not_before"]
        self.since_ns = since if isinstance(since, int) else None
        self.exit_price = None if price is None else Decimal(str(price))
        self._not_before_ns = not_before if isinstance(not_before, int) else None
