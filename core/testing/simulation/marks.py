"""Rare things that must happen in a campaign, and which faults met orders in which states.

A campaign in which a mark never fires has not looked where the mark stands: that is a fault of what
draws the runs, and counts as one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from core.testing.simulation.history import (
    Alarmed,
    CreateCalled,
    Ended,
    FaultFired,
    FillDurable,
    Filled,
    IntentDurable,
    Record,
    RiskSet,
    Started,
    StateDurable,
    Told,
)

if TYPE_CHECKING:
    from core.testing.simulation.faults import Episode
    from core.testing.simulation.world import World

NO_PRICE: Final = "NO_REFERENCE_PRICE"

MARKS: Final = (
    "order found while unknown",
    "order proved absent",
    "fill seen while unknown",
    "fill before acknowledgement",
    "cancel lost a race to a fill",
    "partial fill",
    "killed between intent and create",
    "killed between create and answer",
    "killed between fill and its booking",
    "killed while starting",
    "killed while an order was unknown",
    "restart with open orders",
    "restart with a position",
    "ban while an order was unknown",
    "disk full while an order was wanted",
    "commit in doubt",
    "halted with open orders",
    "stranger on the account",
    "order cancelled by its user",
    "grid moved",
    "safe mode",
    "order refused",
    "refused for want of a price",
)
"""What must be seen in a campaign, each at least once."""


class Marks:
    """What was seen in one run.

    Args:
        world: The run.
    """

    def __init__(self, world: World) -> None:
        self.seen: Counter[str] = Counter()
        self.cells: Counter[tuple[str, str, str]] = Counter()
        self._world = world
        self._states: dict[str, str] = {}
        """Client order id -> state in the journal."""
        self._open: set[str] = set()
        self._created: dict[str, int] = {}
        """Client order id of a create without an answer -> life."""
        self._unbooked: set[tuple[str, str]] = set()
        self._position = 0
        self._has_traded: set[int] = set()

    def met(self, episode: Episode) -> None:
        """An episode begins: it meets the orders as they are."""
        self._cell(episode.kind.value)

    def on(self, record: Record) -> None:
        """Takes in a fact."""
        handler = self._HANDLERS.get(type(record))
        if handler is not None:
            handler(self, record)  # type: ignore[operator] # each takes its own kind

    def _cell(self, kind: str) -> None:
        phase = self._phase()
        states = {self._states[key] for key in self._open if key in self._states} or {"none"}
        for state in states | set(self._created and {"SENT"}):
            self.cells[kind, state, phase] += 1

    def _phase(self) -> str:
        life = self._world.machine.life
        if life is None or life.is_over:
            return "dead"
        bot = life.bot
        return "starting" if bot is None else bot.service.machine.phase.value

    @property
    def _unknown(self) -> bool:
        return "UNKNOWN" in self._states.values()

    def _on_fault(self, record: FaultFired) -> None:
        self._cell(record.kind)
        if record.kind == "ban" and self._unknown:
            self.seen["ban while an order was unknown"] += 1
        elif record.kind == "disk_full":
            self.seen["disk full while an order was wanted"] += 1
        elif record.kind == "disk_doubt":
            self.seen["commit in doubt"] += 1
        elif record.kind == "fill_first":
            self.seen["cancel lost a race to a fill"] += 1

    def _on_state(self, record: StateDurable) -> None:
        before = self._states.get(record.identity)
        if before == "UNKNOWN" and record.state in {"ACKED", "PARTIAL", "FILLED", "CANCELED"}:
            self.seen["order found while unknown"] += 1
        if record.state == "NOT_PLACED":
            self.seen["order proved absent"] += 1
        if record.state == "REJECTED_DEFINITE":
            self.seen["order refused"] += 1
        if record.state == "CANCELED" and record.code == "USER" and not record.cancel_wanted:
            self.seen["order cancelled by its user"] += 1
        if record.state != "SENT":
            self._created.pop(record.identity, None)
        if record.state in {
            "FILLED",
            "CANCELED",
            "EXPIRED",
            "REJECTED",
            "NOT_PLACED",
            "REJECTED_DEFINITE",
        }:
            self._states.pop(record.identity, None)
            self._open.discard(record.identity)
        else:
            self._states[record.identity] = record.state
            self._open.add(record.identity)

    def _on_filled(self, record: Filled) -> None:
        if not record.is_ours:
            return
        identity = record.fill.client_order_id or ""
        self._unbooked.add((record.fill.trade_id, record.fill.order_id))
        if self._states.get(identity) == "UNKNOWN":
            self.seen["fill seen while unknown"] += 1
        if identity in self._created:
            self.seen["fill before acknowledgement"] += 1
        order = self._world.venue.truth.open.get(record.fill.order_id)
        if order is not None and record.fill.amount < order.amount:
            self.seen["partial fill"] += 1

    def _on_booked(self, record: FillDurable) -> None:
        self._unbooked.discard((record.trade_id, record.order_id))
        self._position += 1

    def _on_create(self, record: CreateCalled) -> None:
        self._created[record.identity] = record.life
        self._has_traded.add(record.life)

    def _on_ended(self, record: Ended) -> None:
        if record.how != "killed":
            return
        seen = self.seen
        if any(life == record.life for life in self._created.values()):
            seen["killed between create and answer"] += 1
        if any(state == "INTENT" for state in self._states.values()):
            seen["killed between intent and create"] += 1
        if self._unbooked:
            seen["killed between fill and its booking"] += 1
        if self._unknown:
            seen["killed while an order was unknown"] += 1
        life = self._world.machine.life
        if life is not None and record.life not in self._has_traded:
            seen["killed while starting"] += 1

    def _on_started(self, record: Started) -> None:
        self._created.clear()
        ours = [
            order
            for order in self._world.venue.truth.open.values()
            if self._world.venue.is_ours(order)
        ]
        if record.token > 1 and ours:
            self.seen["restart with open orders"] += 1
        if record.token > 1 and self._world.venue.truth.positions[-1][1]:
            self.seen["restart with a position"] += 1

    def _on_told(self, record: Told) -> None:
        if record.event == "grid.reset":
            self.seen["grid moved"] += 1
        elif record.event == "risk.denied" and dict(record.fields)["code"] == NO_PRICE:
            self.seen["refused for want of a price"] += 1

    def _on_alarm(self, record: Alarmed) -> None:
        if record.code == "FOREIGN_ORDER":
            self.seen["stranger on the account"] += 1

    def _on_risk(self, record: RiskSet) -> None:
        if record.by == "safe mode":
            self.seen["safe mode"] += 1
        elif record.state == "HALTED" and self._open:
            self.seen["halted with open orders"] += 1

    def _on_intent(self, record: Record) -> None:
        identity = getattr(record, "identity", "")
        self._states[identity] = "INTENT"
        self._open.add(identity)

    _HANDLERS: Final = {
        FaultFired: _on_fault,
        StateDurable: _on_state,
        Filled: _on_filled,
        FillDurable: _on_booked,
        CreateCalled: _on_create,
        Ended: _on_ended,
        Started: _on_started,
        Told: _on_told,
        Alarmed: _on_alarm,
        RiskSet: _on_risk,
        IntentDurable: _on_intent,
    }
