"""What happened in a run, as the world saw it: nothing here was told by the program under test.

Each record is one fact with its true time. Invariants read records one by one as they are made, so
a record may be made by hand as well: that is how each invariant is shown to fire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from core.adapters.exchanges.models import FillData, OrderData


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One fact."""

    at_ns: int
    """True time."""
    life: int = 0
    """Number of the process concerned; 0 for the world's own."""


# -- the program's storage ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentDurable(Record):
    """An intent is on the disk."""

    identity: str
    """Client order id."""
    bot_id: str
    side: str
    price: Decimal | None
    amount: Decimal
    role: str
    level: int | None
    time_in_force: str
    created_ns: int
    """By the machine's wall."""
    deadline_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDurable(Record):
    """What became of an intent is on the disk."""

    identity: str
    state: str
    order_id: str
    code: str
    cancel_wanted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FillDurable(Record):
    """A fill is on the disk, counted."""

    identity: str
    order_id: str
    trade_id: str
    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    is_new: bool
    """Whether the file did not hold it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskDurable(Record):
    """The engine's risk state is on the disk."""

    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reborn(Record):
    """A bot that had come to its end begins anew, with new books."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDurable(Record):
    """Something learned about an intent is on the disk."""

    identity: str
    kind: str
    detail: str


# -- the wire -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Called(Record):
    """A request left the program: its first byte is out."""

    number: int
    method: str
    detail: str = ""
    begun_ns: int = 0
    """When the program began to send it, where its connection had to be made first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCalled(Called):
    """A create left."""

    identity: str
    side: str
    price: Decimal | None
    amount: Decimal
    time_in_force: str
    reduce_only: bool
    price_age_ns: int | None
    """Age by event time of the newest price that this process was given; None for none."""
    stamped_ns: int
    """When it leaves by the clock that orders are stamped with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelCalled(Called):
    """A cancel left."""

    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied(Record):
    """An answer that does not know an order reached the program."""

    asked_ns: int
    """True time at which the question left."""
    endpoint: str
    """`order`, `open_orders` or `fills`."""
    identity: str = ""
    """Of the one order that was asked for; empty for a list."""
    present: tuple[str, ...] = ()
    """Client order ids that the list does name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Banned(Record):
    """The program was told to stay away."""

    until_ns: int


# -- the venue ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Record):
    """The venue has a new order."""

    order: OrderData
    is_ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Record):
    """The venue's word on an order."""

    order: OrderData
    is_ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled(Record):
    """An execution at the venue."""

    fill: FillData
    is_ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Record):
    """Funding at the venue."""

    payment_id: str
    amount: Decimal


# -- the program ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Record):
    """A process began."""

    token: int
    """Fencing token of its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended(Record):
    """A process is over."""

    how: str
    """`killed`, `stopped`, `failed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Record):
    """A diary line."""

    event: str
    fields: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarmed(Record):
    """A person was called."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSeen(Record):
    """A queue that has grown long."""

    what: str
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSet(Record):
    """The risk state changed, in force."""

    state: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultFired(Record):
    """A fault acted."""

    kind: str
    episode: int


Watcher = Callable[[Record], None]


@dataclass(slots=True)
class History:
    """Every fact of a run, in order."""

    records: list[Record] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)
    """Kind of fault -> how often it acted."""
    watchers: list[Watcher] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Keeps a fact and shows it to whoever watches."""
        self.records.append(record)
        if type(record) is FaultFired:
            self.fired[record.kind] += 1
        for watcher in self.watchers:
            watcher(record)
