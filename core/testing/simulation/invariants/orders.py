"""Orders: one for each intent, none before its intent, none on another's place, none in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import ClassVar

from core.adapters.exchanges.models import OrderStatus
from core.domain.lifecycle import NEVER_EXISTED, OrderState
from core.testing.simulation.history import (
    Accepted,
    CancelCalled,
    Changed,
    CreateCalled,
    Denied,
    FaultFired,
    IntentDurable,
    Record,
    StateDurable,
)
from core.testing.simulation.invariants.base import (
    CLOSING_LEG,
    Invariant,
    Rest,
    Terms,
    leg_of,
    level_of,
)

NS_PER_S = 1_000_000_000
DEADLINE_NS = 5 * NS_PER_S
"""From the first byte to the moment after which a create must not take effect any more."""
MARGIN_NS = 3 * NS_PER_S
"""Error of clocks, and how long a venue's endpoints take to agree."""
GAP_NS = 2 * NS_PER_S


class OneOrderPerIntent(Invariant):
    """I1."""

    name = "I1"
    sentence = "An intent leads to one create at most, and to one order at the venue at most."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._created: Counter[str] = Counter()
        self._accepted: Counter[str] = Counter()

    def on(self, record: Record) -> Iterable[str]:
        """Counts creates and orders."""
        if isinstance(record, CreateCalled):
            self._created[record.identity] += 1
            if self._created[record.identity] > 1:
                yield f"{record.identity} was sent {self._created[record.identity]} times"
        elif isinstance(record, Accepted) and record.is_ours:
            identity = record.order.client_order_id or ""
            self._accepted[identity] += 1
            if self._accepted[identity] > 1:
                yield f"{identity} is at the venue {self._accepted[identity]} times"
            if not self._created[identity]:
                yield f"{identity} is at the venue, and nobody sent it"

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """Orders at the venue are those of intents that were placed, and no others."""
        for identity, stored in rest.intents.items():
            state = OrderState(stored.state)
            is_there = self._accepted[identity] > 0
            word = rest.last_words.get(identity)
            if word is not None and word.status is OrderStatus.REJECTED:
                continue  # taken in and then refused: both words for it are true
            if is_there and state in NEVER_EXISTED:
                yield f"{identity} is {state.value} in the journal and was at the venue"
            if not is_there and state not in NEVER_EXISTED and self._created[identity]:
                yield f"{identity} is {state.value} in the journal and never was at the venue"
        for identity in self._accepted:
            if identity not in rest.intents:
                yield f"{identity} is at the venue and not in the journal"


class DurableFirst(Invariant):
    """I3."""

    name = "I3"
    sentence = "No create leaves whose intent is not on the disk with the same terms."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._durable: dict[str, IntentDurable] = {}

    def on(self, record: Record) -> Iterable[str]:
        """Compares each create with its intent."""
        if isinstance(record, IntentDurable):
            self._durable[record.identity] = record
        elif isinstance(record, CreateCalled):
            intent = self._durable.get(record.identity)
            if intent is None:
                yield f"{record.identity} left before its intent was durable"
            elif (intent.side, intent.price, intent.amount) != (
                record.side,
                record.price,
                record.amount,
            ):
                yield f"{record.identity} left with other terms than its intent"


class OneOrderPerSlot(Invariant):
    """I4."""

    name = "I4"
    sentence = "A level has one order at the venue at most; at rest every level has its order."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._open: dict[int, dict[str, None]] = {}
        self._is_edited = False
        """Whether levels may have been numbered anew: then ids do not say any more whose they are,
        and only what is believed at rest is compared."""

    def on(self, record: Record) -> Iterable[str]:
        """Follows what is open on each level."""
        if isinstance(record, FaultFired) and record.kind == "ask_edit":
            self._is_edited = True
        if self._is_edited:
            return
        if not isinstance(record, (Accepted, Changed)) or not record.is_ours:
            return
        order = record.order
        identity = order.client_order_id or ""
        level = level_of(identity)
        if not level:
            return
        there = self._open.setdefault(level, {})
        if not order.status.is_open:
            there.pop(identity, None)
        elif isinstance(record, Accepted):
            if there:
                yield f"level {level} has {', '.join((*there, identity))} at the venue"
            there[identity] = None

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """What rests is what the machine believes, on the ladder's levels, none left out."""
        if rest.phase != "running":
            return
        resting = {order.client_order_id or "" for order in rest.open_orders}
        if missing := sorted(rest.slot_orders - resting):
            yield f"believed to rest, and not at the venue: {', '.join(missing)}"
        if extra := sorted(resting - rest.slot_orders):
            yield f"at the venue, and not believed: {', '.join(extra)}"
        for level, state, is_excused in rest.slots:
            if state in {"empty", "exit_pending"} and not is_excused:
                yield f"level {level} is {state}: it has no order"


class WithinFilters(Invariant):
    """I8."""

    name = "I8"
    sentence = "No price or amount leaves that is off the tick or lot, too small, or out of reason."
    band = (Decimal(50), Decimal(200))
    """Every market of a simulation stays well within these prices.

    The one exit of scalping is let be: it lies where the grid has lost nothing, wherever that is.
    """

    def on(self, record: Record) -> Iterable[str]:
        """Looks at each create."""
        if not isinstance(record, CreateCalled):
            return
        rules = self.terms.instrument
        price, amount = record.price, record.amount
        if not amount.is_finite() or amount <= 0 or amount % rules.lot_size:
            yield f"{record.identity}: amount {amount}"
        if price is None:
            return
        if not price.is_finite() or price <= 0 or price % rules.tick_size:
            yield f"{record.identity}: price {price}"
        elif leg_of(record.identity) != CLOSING_LEG and not self.band[0] <= price <= self.band[1]:
            yield f"{record.identity}: price {price} is out of reason"
        elif rules.notional(price, amount) < rules.min_notional and not record.reduce_only:
            yield f"{record.identity}: {price} x {amount} is below {rules.min_notional}"


class StrangersAreLeftAlone(Invariant):
    """I11."""

    name = "I11"
    sentence = "Orders of others are never cancelled."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._strangers: set[str] = set()

    def on(self, record: Record) -> Iterable[str]:
        """Knows whose each order is."""
        if isinstance(record, Accepted) and not record.is_ours:
            self._strangers.add(record.order.order_id)
        elif isinstance(record, CancelCalled) and record.order_id in self._strangers:
            yield f"order {record.order_id} is not ours and its cancel left"


class AbsenceIsProved(Invariant):
    """I12."""

    name = "I12"
    sentence = "NOT_PLACED needs two late negatives of two kinds, one of them the executions."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._sent: dict[str, int] = {}
        self._intent: dict[str, int] = {}
        self._denied: list[Denied] = []

    def on(self, record: Record) -> Iterable[str]:
        """Gathers denials; judges each NOT_PLACED by those that count."""
        if isinstance(record, IntentDurable):
            self._intent[record.identity] = record.at_ns
        elif isinstance(record, CreateCalled):
            self._sent[record.identity] = record.at_ns
        elif isinstance(record, Denied):
            self._denied.append(record)
            if len(self._denied) > 4_000:
                del self._denied[:2_000]
        elif (
            isinstance(record, StateDurable)
            and record.state == OrderState.NOT_PLACED
            and not self._is_proved(record.identity)
        ):
            yield f"{record.identity} was given up as NOT_PLACED without proof"

    def _is_proved(self, identity: str) -> bool:
        sent_ns = self._sent.get(identity)
        if sent_ns is None:
            certain_ns = self._intent.get(identity, 0)
        else:
            certain_ns = sent_ns + DEADLINE_NS + MARGIN_NS
        counted = [
            item
            for item in self._denied
            if item.asked_ns >= certain_ns
            and (item.identity == identity if item.endpoint == "order" else True)
            and identity not in item.present
        ]
        kinds = {item.endpoint for item in counted}
        times = [item.asked_ns for item in counted]
        return len(kinds) >= 2 and "fills" in kinds and max(times) - min(times) >= GAP_NS


class EndsAgree(Invariant):
    """Z2."""

    name = "Z2"
    sentence = "At rest the journal says of every order what the venue says of it."

    _WORDS: ClassVar[dict[OrderStatus, set[OrderState]]] = {
        OrderStatus.FILLED: {OrderState.FILLED},
        OrderStatus.CANCELED: {OrderState.CANCELED, OrderState.FILLED},
        OrderStatus.EXPIRED: {OrderState.EXPIRED, OrderState.CANCELED},
        OrderStatus.REJECTED: {
            OrderState.REJECTED,
            OrderState.REJECTED_DEFINITE,
            OrderState.CANCELED,
        },
        OrderStatus.OPEN: {OrderState.ACKED, OrderState.PARTIAL},
        OrderStatus.PARTIALLY_FILLED: {OrderState.PARTIAL},
    }

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """Compares last words."""
        for identity, order in rest.last_words.items():
            stored = rest.intents.get(identity)
            if stored is None:
                continue
            state = OrderState(stored.state)
            if state not in self._WORDS.get(order.status, set()):
                there = order.status.value
                yield f"{identity} is {there} at the venue, {state.value} in the journal"
