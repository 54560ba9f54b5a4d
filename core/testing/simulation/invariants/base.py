"""What an invariant is, and what a run looks like when it has come to rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Final

from core.adapters.exchanges.models import FillData, Instrument, OrderData
from core.services.ports import LedgerRow, StoredIntent
from core.testing.simulation.history import Record

LEGS: Final = frozenset("EXR")
CLOSING_LEG: Final = "R"
"""What closes, of no slot: reductions at market, and the one exit of scalping."""
PREFIX: Final = 10
"""Letters of a client order id before its level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """An invariant that did not hold."""

    name: str
    at_ns: int
    text: str

    def __str__(self) -> str:
        return f"{self.name} at {self.at_ns / 1e9:.3f}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is known about a run before it begins."""

    instrument: Instrument
    entry_side: str
    most_lots: int | None
    """Lots of all entries together: what the file allows to be held; None where levels come."""
    is_two_sided: bool = False
    """Whether the grid opens on both sides."""
    closes_beside_exits: bool = False
    """Whether a protection closes the position at once while exits still rest: one of them that
    fills before its cancel turns the position round, until that is closed as well."""
    levels: int
    orders_per_minute: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A run at rest: what the venue has beside what the program believes."""

    terms: Terms
    is_running: bool = True
    """Whether a bot runs."""
    phase: str = "running"
    is_out_of_range: bool = False
    """Whether it holds because the price has left what its file allows, and has said so."""
    unrest: str = ""
    """Why it is not at rest, where it is not."""
    open_orders: tuple[OrderData, ...] = ()
    """Ours, at the venue."""
    last_words: Mapping[str, OrderData] = field(default_factory=dict)
    """Client order id -> the venue's last word on each order of ours."""
    fills: tuple[FillData, ...] = ()
    """Ours, at the venue."""
    funding: Decimal = Decimal(0)
    """Settled at the venue since the books began."""
    intents: Mapping[str, StoredIntent] = field(default_factory=dict)
    """Client order id -> intent in the journal."""
    ledger: LedgerRow | None = None
    book_fills: frozenset[tuple[str, str]] = frozenset()
    """(trade id, order id) in the journal."""
    since_birth: frozenset[tuple[str, str]] | None = None
    """Those of the present life of the bot; None for all."""
    slot_orders: frozenset[str] = frozenset()
    """Client order ids that the machine believes to be working."""
    result: Mapping[str, Decimal] = field(default_factory=dict)
    """`realized`, `unrealized`, `fees`, `funding` as the bot reports them, and `mark`."""
    slots: tuple[tuple[int, str, bool], ...] = ()
    """(level, state, is excused) of every slot."""
    unknown: int = 0
    stale_streams: int = 0
    inbox: int = 0
    waiting: int = 0
    """Requests that wait for their turn."""
    tasks: int = 0
    stored_state: Mapping[str, str] = field(default_factory=dict)
    live_state: Mapping[str, str] = field(default_factory=dict)


class Invariant:
    """One thing that must be true."""

    name: ClassVar[str] = ""
    sentence: ClassVar[str] = ""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    def on(self, record: Record) -> Iterable[str]:
        """Takes in a fact; says what it violates."""
        return ()

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """Looks at a run that has come to rest; says what is wrong with it."""
        return ()


def level_of(identity: str) -> int | None:
    """The level in a client order id of a grid; None where it has none."""
    tail = identity[PREFIX:]
    for place, letter in enumerate(tail):
        if letter in LEGS:
            return int(tail[:place] or "0", 36)
    return None


def leg_of(identity: str) -> str:
    """The letter of what an order is for; empty where it has none."""
    return next((letter for letter in identity[PREFIX:] if letter in LEGS), "")


def serial_of(identity: str) -> int | None:
    """The number in a client order id; None where it has none."""
    tail = identity[PREFIX:]
    for place, letter in enumerate(tail):
        if letter in LEGS:
            return int(tail[place + 1 :] or "0", 36)
    return None
