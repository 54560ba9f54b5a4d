"""The slots of a ladder: each is one entry price with one order at a time.

A grid is exactly N independent slots, each with one order resting: its entry, or the exit of what
the entry bought. Everything else follows from that.

    state          hears                        goes to
    EMPTY          allowed to send              ENTRY_PENDING
    ENTRY_PENDING  accepted                     ENTRY_OPEN
                   refused                      PARKED
    ENTRY_OPEN     a part fills                 ENTRY_OPEN
                   all fills                    EXIT_PENDING for what was filled
                   ended with enough filled     EXIT_PENDING for that part
                   ended with less, or none     EMPTY; the part stays as dust of the next entry
    EXIT_PENDING   accepted                     EXIT_OPEN
                   refused                      EXIT_PENDING, again after a pause
    EXIT_OPEN      a part fills                 EXIT_OPEN, its result booked
                   all fills                    EMPTY, round trip booked, entry sent again
                   ended with enough unfilled   EXIT_PENDING for the rest
    any of these   no answer                    UNKNOWN until the venue tells
    EMPTY, EXIT_PENDING   ended by others too often   PARKED until you resume

The state is not stored: it is read off the order that the slot has, and off what the ledger says
the slot holds. So state and holdings cannot disagree.
"""

from __future__ import annotations

from enum import StrEnum

from core.adapters.exchanges.models import OrderSide
from core.services.grid.snapshot import SlotState

HOUR_NS = 3600 * 1_000_000_000


class Leg(StrEnum):
    """What an order of a grid does; the letter stands in its client order id."""

    ENTRY = "E"
    EXIT = "X"
    REDUCE = "R"

    @property
    def word(self) -> str:
        """As the diary says it."""
        return _WORDS[self]


_WORDS = {Leg.ENTRY: "entry", Leg.EXIT: "exit", Leg.REDUCE: "flatten"}


class Progress(StrEnum):
    """How far an order of ours has come."""

    SENT = "sent"
    OPEN = "open"
    UNKNOWN = "unknown"


class Share:
    """What one slot gets of an order that serves several."""

    __slots__ = ("level", "lots", "taken")

    def __init__(self, level: int, lots: int, taken: int = 0) -> None:
        self.level = level
        self.lots = lots
        """Wanted."""
        self.taken = taken
        """Executed so far."""


class Working:
    """An order that may still fill."""

    __slots__ = (
        "amount",
        "client_order_id",
        "ends_at",
        "filled",
        "is_cancelling",
        "leg",
        "level",
        "price",
        "progress",
        "shares",
        "side",
        "unknown_ns",
    )

    def __init__(
        self,
        *,
        client_order_id: str,
        level: int,
        leg: Leg,
        side: OrderSide,
        price: int | None,
        amount: int,
        shares: list[Share] | None = None,
    ) -> None:
        self.client_order_id = client_order_id
        self.level = level
        """0 for an order that serves several slots or none."""
        self.leg = leg
        self.side = side
        self.price = price
        """Ticks; None for a market order."""
        self.amount = amount
        """Lots."""
        self.shares = shares
        """In the order in which executions are dealt out; None for an order of one slot."""
        self.filled = 0
        self.progress = Progress.SENT
        self.is_cancelling = False
        self.unknown_ns: int | None = None
        self.ends_at: int | None = None
        """Lots that the venue says were filled in the end, while such fills are missing."""

    def dump(self) -> list[object]:
        """As it goes to the journal; whether it was accepted is for the venue to say again."""
        shares = None
        if self.shares is not None:
            shares = [[share.level, share.lots, share.taken] for share in self.shares]
        return [
            self.client_order_id,
            self.level,
            str(self.leg),
            str(self.side),
            self.price,
            self.amount,
            self.filled,
            1 if self.progress is Progress.UNKNOWN else 0,
            1 if self.is_cancelling else 0,
            self.unknown_ns,
            self.ends_at,
            shares,
        ]

    @classmethod
    def load(cls, values: list[object]) -> Working:
        """Reads what `dump` gave."""
        identity, level, leg, side, price, amount, filled, unknown, cancelling = values[:9]
        unknown_ns, ends_at, shares = values[9:]
        order = cls(
            client_order_id=str(identity),
            level=_whole(level) or 0,
            leg=Leg(str(leg)),
            side=OrderSide(str(side)),
            price=_whole(price),
            amount=_whole(amount) or 0,
        )
        order.filled = _whole(filled) or 0
        order.progress = Progress.UNKNOWN if unknown else Progress.SENT
        order.is_cancelling = bool(cancelling)
        order.unknown_ns = _whole(unknown_ns)
        order.ends_at = _whole(ends_at)
        if isinstance(shares, list):
            order.shares = [Share(*share) for share in shares]
        return order


class Slot:
    """One level and what it is up to."""

    __slots__ = (
        "amount",
        "entry_price",
        "exit_price",
        "failures",
        "is_orphan",
        "is_parked",
        "is_waiting",
        "last_fill_ns",
        "level",
        "minimum",
        "note",
        "order",
        "replaced",
        "retry_ns",
    )

    def __init__(
        self, *, level: int, entry_price: int, exit_price: int, amount: int, minimum: int
    ) -> None:
        self.level = level
        self.entry_price = entry_price
        """Ticks."""
        self.exit_price = exit_price
        self.amount = amount
        """Lots of a full entry."""
        self.minimum = minimum
        """Lots of the smallest order that the venue takes at this slot's prices."""
        self.order: Working | None = None
        self.is_waiting = False
        """Whether the entry is sent only once the price has left it on the passive side."""
        self.is_parked = False
        self.is_orphan = False
        """Whether an edit took its line off: it sells what it holds, and never enters."""
        self.retry_ns: int | None = None
        """Not before this time."""
        self.failures = 0
        """Refusals in a row."""
        self.replaced: list[int] = []
        """When orders of this slot were placed again because somebody else had ended them."""
        self.last_fill_ns: int | None = None
        self.note = ""

    @property
    def side(self) -> OrderSide:
        """Side of the entry: a slot that buys first leaves higher."""
        return OrderSide.BUY if self.exit_price > self.entry_price else OrderSide.SELL

    def state(self, lots: int) -> SlotState:
        """Where the slot stands, given the whole lots that it holds."""
        order = self.order
        if order is None:
            if self.is_parked:
                return SlotState.PARKED
            return SlotState.EXIT_PENDING if self.leg(lots) is Leg.EXIT else SlotState.EMPTY
        if order.progress is Progress.UNKNOWN:
            return SlotState.UNKNOWN
        is_open = order.progress is Progress.OPEN
        if order.leg is Leg.EXIT:
            return SlotState.EXIT_OPEN if is_open else SlotState.EXIT_PENDING
        return SlotState.ENTRY_OPEN if is_open else SlotState.ENTRY_PENDING

    def leg(self, lots: int) -> Leg:
        """What comes next for a slot without an order: the exit of what it holds, or its entry."""
        return Leg.EXIT if lots >= self.minimum else Leg.ENTRY

    def missing(self, lots: int) -> int:
        """Lots that the next entry must bring."""
        return max(self.amount - lots, self.minimum)

    def count_replacement(self, at_ns: int) -> int:
        """Notes one more replacement and gives how many there were within the hour."""
        self.replaced = [*(then for then in self.replaced if at_ns - then < HOUR_NS), at_ns]
        return len(self.replaced)

    def take_over(self, other: Slot) -> None:
        """Goes on with the order and the past of a slot of another ladder at the same line."""
        self.order = other.order
        self.is_waiting = other.is_waiting
        self.replaced = other.replaced
        self.last_fill_ns = other.last_fill_ns

    def calm(self) -> None:
        """Forgets past refusals."""
        self.failures = 0
        self.retry_ns = None
        self.note = ""

    def dump(self) -> list[object]:
        """As it goes to the journal; prices follow from the ladder."""
        return [
            None if self.order is None or self.order.shares is not None else self.order.dump(),
            1 if self.is_waiting else 0,
            1 if self.is_parked else 0,
            self.retry_ns,
            self.failures,
            self.replaced,
            self.last_fill_ns,
            self.note,
        ]

    def restore(self, values: list[object]) -> None:
        """Reads what `dump` gave."""
        order, waiting, parked, retry_ns, failures, replaced, last_fill_ns, note = values
        self.order = Working.load(order) if isinstance(order, list) else None
        self.is_waiting = bool(waiting)
        self.is_parked = bool(parked)
        self.retry_ns = _whole(retry_ns)
        self.failures = _whole(failures) or 0
        self.replaced = list(replaced) if isinstance(replaced, list) else []
        self.last_fill_ns = _whole(last_fill_ns)
        self.note = str(note)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
