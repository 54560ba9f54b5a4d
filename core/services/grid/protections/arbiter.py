"""Asks the rules in their order of precedence and hears the first that wants something.

Every rule sees the same reading, and every one keeps its own memory up to date, also when another
was heard. What changed in a rule's stage is told, so that the diary knows when a protection armed,
triggered and was cleared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from core.domain.events import Horizon
from core.services.grid.protections.capital_protection import CapitalProtection
from core.services.grid.protections.directive import Act, Directive, Rank
from core.services.grid.protections.equity import CALM
from core.services.grid.protections.price_lock import PriceLock
from core.services.grid.protections.reading import Ground, Reading
from core.services.grid.protections.rule import Rule, Stage, Values
from core.services.grid.protections.scalping import Scalping
from core.services.grid.protections.settings import ProtectionSettings
from core.services.grid.protections.smart_scalping import SmartScalping
from core.services.grid.protections.stop_loss import StopLoss
from core.services.grid.protections.take_profit import TakeProfit

_AT_WORK: Final = frozenset({Stage.TRIGGERED, Stage.ACTIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A rule that stands elsewhere now."""

    name: str
    before: Stage
    after: Stage
    reason: str

    @property
    def word(self) -> str:
        """`armed`, `triggered` or `cleared`; empty for what nobody is told."""
        if self.after in _AT_WORK:
            return "" if self.before in _AT_WORK else "triggered"
        if self.after is Stage.ARMED:
            return "armed"
        return "cleared" if self.after is Stage.IDLE else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What came of one reading."""

    directive: Directive | None
    changes: tuple[Change, ...]


class Arbiter:
    """The protections of one grid.

    Args:
        settings: Of all of them.
        follows: Whether the grid's range is computed from the price.
        targets: Rules about the whole bot, beside its protections.
    """

    def __init__(
        self, settings: ProtectionSettings, *, follows: bool, targets: Sequence[Rule] = ()
    ) -> None:
        self.settings = settings
        self.follows = follows
        self.stop_loss: StopLoss | None = None
        self.capital: CapitalProtection | None = None
        self.scalping: Scalping | None = None
        self.smart: SmartScalping | None = None
        self.price_lock: PriceLock | None = None
        self.take_profit: TakeProfit | None = None
        # Whole-bot targets are heard before a protection of their own rank.
        rules = [*targets, *self._make()]
        self.rules: tuple[Rule, ...] = tuple(sorted(rules, key=lambda rule: rule.rank))

    def _make(self) -> list[Rule]:
        """The rules that are on, in the order in which they are heard."""
        told, rules = self.settings, list[Rule]()
        if told.stop_loss is not None:
            self.stop_loss = StopLoss(told.stop_loss, follows=self.follows)
            rules.append(self.stop_loss)
        if told.take_profit is not None:
            self.take_profit = TakeProfit(told.take_profit)
            rules.append(self.take_profit)
        if told.capital is not None:
            self.capital = CapitalProtection(told.capital, follows=self.follows)
            rules.append(self.capital)
        if told.scalping is not None:
            self.scalping = Scalping(told.scalping)
            rules.append(self.scalping)
            smart = told.scalping.smart
            if smart is not None:
                percent = told.scalping.trigger_percent
                self.smart = SmartScalping(smart, trigger_percent=percent)
                rules.append(self.smart)
        if told.price_lock is not None:
            self.price_lock = PriceLock(told.price_lock, follows=self.follows)
            rules.append(self.price_lock)
        return rules

    @property
    def freezes_entries(self) -> bool:
        """Whether a rule wants no entry to rest."""
        return (self.capital is not None and self.capital.freezes_entries) or (
            self.price_lock is not None and self.price_lock.freezes_entries
        )

    def judge(self, now: Reading, *, limit: Rank) -> Ruling:
        """Asks every rule of a rank below the limit; the first that wants something is heard."""
        heard: Directive | None = None
        changes: list[Change] = []
        for rule in self.rules:
            if rule.rank >= limit:
                continue
            decision = rule.judge(now)
            after = decision.stage
            if decision.directive is not None and heard is not None:
                # Another is heard; this one asks again where there still is something to ask.
                after = Stage.ARMED
            elif decision.directive is not None:
                heard = decision.directive
            if after is not rule.stage:
                changes.append(
                    Change(name=rule.name, before=rule.stage, after=after, reason=decision.reason)
                )
                rule.stage = after
        if heard is not None and heard.source == "stop_loss" and heard.act is Act.RESET:
            cast("StopLoss", self.stop_loss).count_reset(now.at_ns)
        return Ruling(directive=heard, changes=tuple(changes))

    def horizon(self, ground: Ground, *, limit: Rank) -> Horizon:
        """Prices and time at which any answer could change."""
        horizon = CALM
        for rule in self.rules:
            if rule.rank < limit:
                horizon |= rule.horizon(ground)
        return horizon

    def begin(self, at_ns: int) -> None:
        """A new ladder: everything begins anew."""
        for rule in self.rules:
            rule.clear()
        if self.stop_loss is not None:
            self.stop_loss.cycles.begin(at_ns)

    def rest(self, limit: Rank, reason: str) -> tuple[Change, ...]:
        """Rules at and above a rank are not asked for a while; what that made of their stages."""
        changes = []
        for rule in self.rules:
            before = rule.stage
            if rule.rank >= limit and before not in _AT_WORK:
                rule.rest()
                if rule.stage is not before:
                    name, after = rule.name, rule.stage
                    changes.append(Change(name=name, before=before, after=after, reason=reason))
        return tuple(changes)

    def distrust(self, since_ns: int) -> None:
        """Prices are stale since then."""
        for rule in self.rules:
            rule.distrust(since_ns)

    def dump(self) -> dict[str, Values]:
        """The memory of every rule."""
        return {rule.name: rule.dump() for rule in self.rules}

    def load(self, values: dict[str, Values]) -> None:
        """Reads what `dump` gave; a rule that was off then begins anew."""
        for rule in self.rules:
            if rule.name in values:
                rule.load(values[rule.name])
