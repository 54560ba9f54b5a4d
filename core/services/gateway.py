"""How an app's service and execution talk: one step in, events out.

    app service                      execution (one per venue account)
    ───────────                      ─────────────────────────────────
    attach(spec, inbox)   ────────►  reads the journal, asks the venue, reconciles
                          ◄────────  Attached(state, …); missed OrderFilled / OrderEnded, then one
                                     Reconciled arrive through the inbox
    step(Step)            ────────►  risk → one transaction (fills applied, ledger, new intents,
                                     machine state, diary) → durable → orders leave by priority
                          ◄────────  OrderAccepted, OrderFilled, OrderEnded, OrderDenied,
                                     OrderUnknown
    detach()              ────────►  no more events; nothing is cancelled

The app decides, execution carries out. An `OrderFilled` is handed over once; it counts as applied
only in the transaction of the step that names it in `applied`, so a crash in between hands it over
again after the restart, and the journal drops what it already holds (reliability P7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Protocol

from core.adapters.exchanges.models import Instrument
from core.domain.commands import Command
from core.domain.events import Event, OrderFilled

LIFE_KEY: Final = "life"
"""Key of the stored state under which execution writes when the bot's life began, UTC ns."""


class Inbox(Protocol):
    """Where a bot's events arrive, in order. Market moves conflate, everything else is kept."""

    def post(self, event: Event) -> None:
        """Queues an event; never blocks and never calls the bot directly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSpec:
    """Who a bot is, for ownership and resuming: mode, venue, account, symbol, name."""

    bot_id: str
    """Stable identity, `<mode>/<venue>/<account>/<symbol>/<name>`."""
    name: str
    app: str
    """`grid`, later `volume`, …"""
    mode: str
    """`paper` or `live`."""
    venue: str
    symbol: str
    instrument: Instrument
    order_prefix: str
    """Every client order id of this bot begins with it; given by execution's `order_prefix()`."""
    fingerprint: Mapping[str, str]
    """What a resume must agree on: type, range, interval, distance, amount."""
    config: str
    """The configuration as JSON, for the journal."""
    is_difference_accepted: bool = False
    """Attach in spite of another fingerprint, because `flatten` will close the old slots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What execution found."""

    is_new: bool
    """Whether this bot has no history (or its last run was closed for good)."""
    state: Mapping[str, str]
    """The machine's state by key, as written by the last durable step; empty for a new bot."""
    ledger_position: Decimal
    """Base units, signed: the sum of this bot's own fills."""
    foreign_orders: int
    foreign_position: Decimal
    """Signed; what the venue holds beyond the ledgers of all our bots on this symbol."""
    unresolved: int
    """Orders whose outcome is still unknown; their slots stay locked."""
    last_client_order_id: str | None = None
    """The id that this bot used last, in any of its lives: its counter goes on above it."""
    seen_client_order_ids: tuple[str, ...] = ()
    """Ids with this bot's prefix that the venue still tells of; the counter goes on above them too,
    so that a journal put back from an old copy gives none of them out again."""
    fees: Decimal = Decimal(0)
    """Quote, paid: of the bot's own fills."""
    funding: Decimal = Decimal(0)
    """Quote, received: every settlement booked in earlier runs, taken in by the machine or not.

    Those found by this start arrive as `FundingPaid` and are not counted here.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A bot goes on with another configuration."""

    fingerprint: Mapping[str, str]
    """What a resume must agree on from now on."""
    config: str
    """The configuration as JSON, for the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one turn of a machine changed, committed in one transaction."""

    bot_id: str
    at_ns: int
    commands: tuple[Command, ...] = ()
    applied: tuple[OrderFilled, ...] = ()
    """The fills that the machine took in during this turn."""
    state: Mapping[str, str | None] = field(default_factory=dict)
    """Changed keys of the machine's state; None deletes."""
    renewal: Renewal | None = None
    """Set by the turn that edited the bot, so that state and configuration never disagree."""


class OrderGateway(Protocol):
    """Execution as an app sees it."""

    def order_prefix(self, bot_id: str) -> str:
        """A bot's prefix of client order ids: letters and digits, the same for ever, at most 12."""

    async def attach(self, spec: BotSpec, inbox: Inbox) -> Attached:
        """Reconciles and begins to deliver events.

        Raises:
            ConfigError: If another running bot holds this venue, account and symbol, or if the
                fingerprint differs from the one of a bot with open slots (the difference and the
                ways out are in the message).
        """

    async def step(self, step: Step) -> None:
        """Commits a turn and starts sending its commands.

        Returns when the transaction is durable; acknowledgements arrive as events. Steps of one
        bot are carried out in order.

        Raises:
            JournalFull: Nothing was written and nothing but cancels will be sent.
            JournalError: The transaction may or may not be durable; execution reconciles by itself.
        """

    async def reconcile(self, bot_id: str) -> None:
        """Compares journal and venue now; differences arrive as events, then one `Reconciled`."""

    async def detach(self, bot_id: str, *, is_closed: bool) -> None:
        """Stops delivering.

        Args:
            bot_id: Whose events end.
            is_closed: The bot ended by its policy; the next start is a new bot unless slots,
                orders or a position remain.
        """
