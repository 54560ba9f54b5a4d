"""What every protection is: a rule with a memory of a few values.

A rule is asked with a reading and answers where it stands and what it wants. It also says, without
a price, at which prices and at which moment its answer could change: `horizon`. A price strictly
inside changes nothing, so it need not be shown to the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from core.domain.events import Horizon
from core.services.grid.protections.directive import Directive, Rank
from core.services.grid.protections.reading import Ground, Reading

Values = dict[str, object]
"""A rule's memory as JSON values."""


class Stage(StrEnum):
    """Where a rule stands."""

    OFF = "off"
    IDLE = "idle"
    ARMED = "armed"
    """Its condition holds, or it waits for one; nothing was done yet."""
    ACTIVE = "active"
    """It is doing something that lasts, such as scalping or locking."""
    TRIGGERED = "triggered"
    """What it asked for is being carried out."""
    COOLING = "cooling"
    """It gave up, and waits before it tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a rule answers."""

    stage: Stage
    reason: str
    """Why, in words."""
    directive: Directive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What there is to see of a rule."""

    stage: Stage
    words: str
    price: Decimal | None = None
    """At which it would fire next; None where that is no price."""
    level: int | None = None
    since_ns: int | None = None
    progress: float | None = None
    """0 to 1, of a timer or of the way to firing."""


class Rule(Protocol):
    """One protection."""

    name: str
    rank: Rank
    stage: Stage
    """As it was told last."""

    def judge(self, now: Reading) -> Decision:
        """Takes in a reading and answers."""

    def horizon(self, ground: Ground) -> Horizon:
        """Prices and time at which the answer could change."""

    def sight(self, ground: Ground, price: Decimal | None, at_ns: int) -> Sight:
        """What a screen shows of it."""

    def clear(self) -> None:
        """A new ladder: forgets everything that belonged to the old one."""

    def rest(self) -> None:
        """Nobody asks for a while: forgets conditions that must hold without a break."""

    def distrust(self, since_ns: int) -> None:
        """Prices are stale since then."""

    def dump(self) -> Values:
        """Its memory, for the journal."""

    def load(self, values: Values) -> None:
        """Reads what `dump` gave."""
