"""Acts: nothing on stale prices, nothing after a halt, nothing from the dead."""

from __future__ import annotations

from collections.abc import Iterable

from core.testing.simulation.history import (
    Alarmed,
    CreateCalled,
    Ended,
    Record,
    RiskDurable,
    RiskSet,
    Started,
    Told,
)
from core.testing.simulation.invariants.base import CLOSING_LEG, Invariant, Terms

NS_PER_S = 1_000_000_000


class NothingOnStalePrices(Invariant):
    """I7."""

    name = "I7"
    sentence = "No order that takes at once leaves on prices older than their limit."
    most_ns = 10 * NS_PER_S
    """Five seconds of age, and what a journey, a disk and a turn may add."""

    def on(self, record: Record) -> Iterable[str]:
        """Looks at orders that do not rest."""
        if not isinstance(record, CreateCalled) or record.reduce_only:
            return
        if CLOSING_LEG in record.identity:
            return  # on spot a close cannot be marked as reducing
        if record.time_in_force == "gtc" and record.price is not None:
            return
        age_ns = record.price_age_ns
        if age_ns is None:
            yield f"{record.identity} takes at once, and there was no price"
        elif age_ns > self.most_ns:
            yield f"{record.identity} takes at once on prices {age_ns / NS_PER_S:.1f} s old"


class NothingInAWrongTime(Invariant):
    """CK2."""

    name = "I13"
    sentence = "No create leaves while our clock is more than two seconds off the venue's."
    most_ns = 2 * NS_PER_S + NS_PER_S // 2
    """Two seconds, and what a step of the wall within its reason may add."""

    def on(self, record: Record) -> Iterable[str]:
        """Compares the stamp of each create with true time."""
        if isinstance(record, CreateCalled):
            off_ns = record.stamped_ns - record.at_ns
            if abs(off_ns) > self.most_ns:
                yield f"{record.identity} left {off_ns / NS_PER_S:.1f} s off the venue's time"


class HaltedMeansHalted(Invariant):
    """I10."""

    name = "I10"
    sentence = "After a halt no create leaves until a person releases it, also across restarts."
    on_way_ns = NS_PER_S
    """What was decided on before may need as long for its connection."""

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._durable = "ACTIVE"
        self._now: dict[int, str] = {}
        """Life -> state in force."""
        self._since: dict[int, int] = {}
        """Life -> when that state came into force."""

    def on(self, record: Record) -> Iterable[str]:
        """Follows the state in force in each life."""
        if isinstance(record, RiskDurable):
            self._durable = record.state
        elif isinstance(record, Started):
            self._now[record.life] = self._durable
        elif isinstance(record, RiskSet):
            if self._now.get(record.life) != record.state:
                self._since[record.life] = record.at_ns
            self._now[record.life] = record.state
        elif isinstance(record, CreateCalled) and self._now.get(record.life) == "HALTED":
            since_ns = self._since.get(record.life, 0)
            begun_ns = record.begun_ns or record.at_ns
            if begun_ns >= since_ns or record.at_ns > since_ns + self.on_way_ns:
                yield f"{record.identity} left while halted"


class TheDeadDoNothing(Invariant):
    """A fence of the simulation itself."""

    name = "Q6"
    sentence = "A process that was killed touches nothing any more."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._over: set[int] = set()

    def on(self, record: Record) -> Iterable[str]:
        """Knows who is dead."""
        if isinstance(record, Ended) and record.how == "killed":
            self._over.add(record.life)
        elif isinstance(record, CreateCalled) and record.life in self._over:
            yield f"life {record.life} is dead and sent {record.identity}"


class NothingUnexpected(Invariant):
    """PR12."""

    name = "L7"
    sentence = "No process, task or bot ends by an error that nobody expected."

    def on(self, record: Record) -> Iterable[str]:
        """Looks for them."""
        if isinstance(record, Told) and record.event == "life.crashed":
            yield str(dict(record.fields)["error"])
        elif isinstance(record, Alarmed) and record.code == "TASK_FAILED":
            yield record.text
