"""What execution keeps in memory of an order and of a bot while more may come of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Final

from core.adapters.exchanges.models import (
    Instrument,
    OrderOptions,
    OrderSide,
    OrderType,
    UserData,
)
from core.domain.commands import PlaceOrder, Role
from core.domain.events import Event, OrderFilled
from core.domain.lifecycle import OrderState
from core.services.gateway import BotSpec, Inbox
from core.services.ports import FillRow, LedgerRow
from core.services.risk.rules import Exposure

EXACT: Final = Context(prec=60)
"""Carries money: no sum or product of ours comes near sixty digits, so nothing is rounded."""
OrderRequest = tuple[str, OrderSide, OrderType, Decimal, Decimal | None, OrderOptions]
"""What `create_order` of a venue is given: symbol, side, type, amount, price, options."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The sums of one bot."""

    position: Decimal = Decimal(0)
    """Signed base units, net of fees taken in base."""
    fees: Decimal = Decimal(0)
    """Quote, paid."""
    funding: Decimal = Decimal(0)
    """Quote, received."""
    fills: int = 0

    @classmethod
    def of(cls, row: LedgerRow | None) -> Ledger:
        """The sums as the journal has them; zeros for a bot without any."""
        if row is None:
            return cls()
        return cls(Decimal(row.position), Decimal(row.fees), Decimal(row.funding), row.fills)

    def after(
        self, side: OrderSide, amount: Decimal, fee_quote: Decimal, fee_base: Decimal
    ) -> Ledger:
        """The sums with one more execution."""
        signed = amount if side is OrderSide.BUY else -amount
        return Ledger(
            EXACT.subtract(EXACT.add(self.position, signed), fee_base),
            EXACT.add(self.fees, fee_quote),
            self.funding,
            self.fills + 1,
        )

    def paid(self, amount: Decimal) -> Ledger:
        """The sums with one more funding settlement; positive is received."""
        return Ledger(self.position, self.fees, EXACT.add(self.funding, amount), self.fills)

    def row(self, bot_id: str, at_ns: int) -> LedgerRow:
        """As the journal takes it."""
        return LedgerRow(
            bot_id,
            format(self.position, "f"),
            format(self.fees, "f"),
            format(self.funding, "f"),
            self.fills,
            at_ns,
        )


@dataclass(frozen=True, slots=True)
class PendingFill:
    """An execution that was handed over and is not yet durable."""

    row: FillRow
    signed: Decimal
    """What it did to the position, base units, fee in base included."""
    event: OrderFilled
    sequence: int
    """Its place among the events of its bot."""


class TrackedOrder:
    """An order of ours, mutable, from its intent until nothing more can come of it."""

    __slots__ = (
        "amount",
        "asked_ns",
        "bot",
        "cancel_wanted",
        "client_order_id",
        "code",
        "command",
        "created_ns",
        "deadline_ns",
        "delivered",
        "is_accepted",
        "is_canceling",
        "is_ended",
        "is_heard",
        "is_in_flight",
        "is_paged",
        "is_revived",
        "is_unknown_told",
        "is_vanished",
        "order_id",
        "reported",
        "request",
        "reserved",
        "state",
        "trades",
        "unapplied",
        "unknown_since_ns",
    )

    def __init__(
        self, bot: BotBook, command: PlaceOrder, created_ns: int, deadline_ns: int
    ) -> None:
        self.bot = bot
        self.command = command
        self.client_order_id = command.client_order_id
        self.amount = command.amount
        self.state = OrderState.INTENT
        self.order_id = ""
        self.code = ""
        self.created_ns = created_ns
        self.deadline_ns = deadline_ns
        self.delivered = 0
        """Lots handed over as fills, those of earlier runs included."""
        self.reported = 0
        """Cumulative lots by the venue's word; never falls."""
        self.reserved = 0
        """Lots that still count as exposure."""
        self.trades: set[str] = set()
        self.unapplied: dict[str, PendingFill] = {}
        """Trade id -> execution that the bot has not taken in durably."""
        self.cancel_wanted = False
        self.is_canceling = False
        self.is_in_flight = False
        """Whether a task of this process is sending it."""
        self.is_heard = False
        """Whether the private stream has told of it."""
        self.is_accepted = False
        self.is_ended = False
        self.is_unknown_told = False
        self.is_vanished = False
        """Whether the venue had it once and does not know it any more."""
        self.is_revived = False
        """Whether the venue has it open although it was proved absent or refused."""
        self.is_paged = False
        self.unknown_since_ns = 0
        self.request: OrderRequest | None = None
        """What the venue will be asked; None until that is known, and where it is not any more."""
        self.asked_ns = 0
        """When its missing fills were last asked for."""

    @property
    def is_complete(self) -> bool:
        """Whether every fill that the venue told of was handed over."""
        return self.delivered >= self.reported

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it needs to stay in memory."""
        return self.is_ended and not self.unapplied and not self.is_in_flight


@dataclass(slots=True)
class Schedule:
    """When a bot's journal and venue are compared without being asked."""

    health_check_s: float | None = None
    position_query_s: float | None = None
    position_tolerance: Decimal = Decimal(0)
    """Base units of difference that are not worth an alarm."""
    equal_answers: int = 2
    """Answers in a row that must say the same before a difference of the position is believed."""


class BotBook:
    """One attached bot."""

    def __init__(self, spec: BotSpec, account: str, inbox: Inbox, ledger: Ledger) -> None:
        self.spec = spec
        self.bot_id = spec.bot_id
        self.account = account
        self.instrument: Instrument = spec.instrument
        self.ledger = ledger
        self.exposure = Exposure(position=whole_lots(spec.instrument, ledger.position))
        self.schedule = Schedule()
        self.ends: dict[str, int] = {}
        """Client order id of an end or denial that the bot may not have taken in -> sequence."""
        self.foreign_orders: frozenset[str] = frozenset()
        self.foreign_position: Decimal | None = None
        """Signed; None until it was compared once."""
        self.counted: frozenset[tuple[str, str]] = frozenset()
        """(client order id, trade id) of executions that are in the ledger and still being written:
        whoever adds up the ledger and what is on its way there counts them once."""
        self.others_position = Decimal(0)
        """Ledgers of all our other bots on this symbol, running or not."""
        self.created_ns = 0
        """When its first life began, UTC; what was settled before it was for others' holdings."""
        self.began_ns = 0
        """When its life began, UTC; what was settled before it belongs to an earlier life."""
        self.settled: dict[str, None] = {}
        """Payment ids of the newest settlements that were booked; the journal has all."""
        self.early: list[UserData] | None = []
        """What the private stream said before the orders of earlier runs were followed again; None
        once they are. Taken in at once it would be taken for something new."""
        self.sequence = 0
        self._fees_in_base = Decimal(0)
        """Less than a lot of fees taken in base that the exposure does not know yet."""
        self._inbox = inbox

    def post(self, event: Event) -> int:
        """Hands an event over; the result is its place in line."""
        self.sequence += 1
        self._inbox.post(event)
        return self.sequence

    def silence(self) -> None:
        """Nothing is handed over any more."""
        self._inbox = _Nowhere()

    def reserve(self, order: TrackedOrder, lots: int) -> None:
        """Counts an order that may fill `lots` more."""
        order.reserved = lots
        self.exposure.open_orders += 1
        if order.command.side is OrderSide.BUY:
            self.exposure.buys += lots
        else:
            self.exposure.sells += lots

    def take(self, order: TrackedOrder, lots: int, fee_base: Decimal) -> None:
        """An execution of `lots`: exposure becomes position, less what a fee took out of it."""
        self._give_back(order, min(lots, order.reserved))
        self.exposure.position += lots * order.command.side.sign
        if fee_base:
            self._fees_in_base += fee_base
            whole = whole_lots(self.instrument, self._fees_in_base)
            self.exposure.position -= whole
            self._fees_in_base -= self.instrument.amount(whole)

    def release(self, order: TrackedOrder) -> None:
        """The order cannot fill any more."""
        self._give_back(order, order.reserved)
        self.exposure.open_orders -= 1

    def _give_back(self, order: TrackedOrder, lots: int) -> None:
        order.reserved -= lots
        if order.command.side is OrderSide.BUY:
            self.exposure.buys -= lots
        else:
            self.exposure.sells -= lots


@dataclass(slots=True)
class Alarm:
    """Something a person must look at."""

    bot_id: str
    code: str
    text: str
    at_ns: int
    fields: Mapping[str, str] = field(default_factory=dict)


class _Nowhere:
    """An inbox that nobody reads."""

    def post(self, event: Event) -> None:
        """Drops the event."""


def whole_lots(instrument: Instrument, amount: Decimal) -> int:
    """A signed amount as whole lots, cut towards zero."""
    return int(amount / instrument.lot_size)


LEG_OF: Final = {Role.ENTRY: "entry", Role.EXIT: "exit", Role.REDUCE: "flatten"}
"""Role -> the word of the diary."""
