"""The doors that services need and adapters build, as Protocols: Journal and Feed.

A feed gives prices to the paper venue. It is columnar: a chunk is a set of integer columns of one
length, so that a run on virtual time can leap over rows that cannot matter (see Horizon in
docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol


class FeedKind(StrEnum):
    """What the rows of a feed are."""

    TRADES = "trades"
    QUOTES = "quotes"
    BOOKS = "books"
    CANDLES = "candles"
    """Delivered as trades: open, adverse extreme, favourable extreme, close."""
    SIM = "sim"
    """Trades with a book around them."""
    LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Consecutive rows of a feed as integer columns (NumPy int64 arrays or sequences of int).

    Prices are multiples of `price_unit`, amounts of `amount_unit`; -1 means that the row does not
    carry that value. Rows are in feed order: times never fall, equal times keep their order.
    """

    first_row: int
    """Index of the first row in the whole feed; with it a position is one number."""
    price_unit: Decimal
    """Divides the instrument's tick exactly."""
    amount_unit: Decimal
    ts_ns: Sequence[int]
    last: Sequence[int]
    """Trade price."""
    amount: Sequence[int]
    """Trade amount."""
    side: Sequence[int]
    """Taker: +1 buy, -1 sell, 0 not known."""
    bid: Sequence[int] | None = None
    """Best bid after the row, for feeds with quotes or books; None where the feed has none."""
    bid_amount: Sequence[int] | None = None
    ask: Sequence[int] | None = None
    ask_amount: Sequence[int] | None = None
    depth: Sequence[object] | None = None
    """Per row None, or `(bids, asks)`: the whole known depth after the row, each a tuple of
    (price, amount) pairs, best first. Only rows where it changed need carry it. `((), ())` says
    that no book is known any more (a gap in a recording); until the next one bid and ask are -1."""

    def __len__(self) -> int:
        return len(self.ts_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRow:
    """A settlement that a feed carries."""

    ts_ns: int
    rate: Decimal
    """Fraction of notional; positive: longs pay."""


class Feed(Protocol):
    """A source of prices for one symbol."""

    name: str
    """`sim:7`, `live`, or the recording's file name: what screens and summaries show."""
    kind: FeedKind
    has_book: bool
    """Whether rows carry a book or quote; decides the default fill rule."""
    first_ns: int | None
    """Time of the first row; None for a feed that starts now."""
    last_ns: int | None
    """Time of the last row where known before reading."""

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """The rows from `from_row` on. A finite feed ends; `sim` never does.

        Raises:
            FeedError: A gap in ids, unordered or duplicate rows, a price that is zero, negative or
                no number, a damaged file; the message names file and row.
        """

    def funding(self) -> Sequence[FundingRow]:
        """Settlements known beforehand, in order of time; empty where the feed carries none."""


class PushFeed(Feed, Protocol):
    """A feed whose rows come when they happen (kind `LIVE`); its `chunks()` refuses."""

    async def stream(self, deliver: Callable[[Chunk], None]) -> Callable[[], None]:
        """Subscribes; from then on every row is handed to `deliver` as a chunk of its own.

        `deliver` runs on the event loop in feed order and must not block. Rows count from 0 with
        each call. A chunk's `price_unit` may be finer than that of the chunk before.

        Returns:
            What ends the stream; a second call does nothing.

        Raises:
            VenueError: If the venue cannot be reached or refuses the subscription.
        """


# -- journal ----------------------------------------------------------------------------------
#
# Rows are named tuples because they go into statements as they are. Decimals are plain text,
# times are nanoseconds since 1970, flags are 0 or 1.


class BotRow(NamedTuple):
    """Who a bot is, and whether its last run was closed for good."""

    bot_id: str
    name: str
    app: str
    mode: str
    venue: str
    account: str
    symbol: str
    order_prefix: str
    fingerprint: str
    """JSON object of text."""
    config: str
    is_closed: int
    created_ns: int
    updated_ns: int


class IntentRow(NamedTuple):
    """An order that we mean to send: durable before its first byte leaves."""

    client_order_id: str
    bot_id: str
    venue: str
    account: str
    symbol: str
    side: str
    order_type: str
    price: str | None
    amount: str
    time_in_force: str
    post_only: int
    reduce_only: int
    role: str
    level: int | None
    rule: str
    inputs: str
    """JSON list of [name, value]."""
    created_ns: int
    deadline_ns: int
    """After this moment the request is not sent any more, and answers can prove its absence."""


class IntentUpdate(NamedTuple):
    """What became of an intent; the whole mutable part of its row."""

    state: str
    """A name of `core.domain.lifecycle.OrderState`."""
    order_id: str
    filled: str
    """Cumulative base units as the venue tells, never falling."""
    code: str
    cancel_wanted: int
    deadline_ns: int
    updated_ns: int
    client_order_id: str


class StoredIntent(NamedTuple):
    """An intent as the journal holds it."""

    intent: IntentRow
    state: str
    order_id: str
    filled: str
    code: str
    cancel_wanted: int
    updated_ns: int
    is_settled: int
    """Final, its fills applied and its end taken in by the bot: nothing more will come."""
    applied: str
    """Base units of its fills that were applied."""


class EvidenceRow(NamedTuple):
    """Something learned about an intent that decided, or may decide, what became of it."""

    client_order_id: str
    at_ns: int
    kind: str
    detail: str


class FillRow(NamedTuple):
    """One execution that a bot took in. Unique by venue, account, symbol and trade id."""

    venue: str
    account: str
    symbol: str
    trade_id: str
    bot_id: str
    client_order_id: str
    order_id: str
    side: str
    price: str
    amount: str
    fee: str
    fee_currency: str
    fee_quote: str
    fee_base: str
    is_maker: int | None
    at_ns: int
    applied_ns: int


class LedgerRow(NamedTuple):
    """The sums of one bot."""

    bot_id: str
    position: str
    """Signed base units, net of fees taken in base."""
    fees: str
    """Quote, paid."""
    funding: str
    """Quote, received."""
    fills: int
    updated_ns: int


class FundingPaymentRow(NamedTuple):
    """One funding settlement, booked once. Unique by venue, account, symbol and payment id."""

    venue: str
    account: str
    symbol: str
    payment_id: str
    bot_id: str
    amount: str
    rate: str
    at_ns: int


class FundingTotalRow(NamedTuple):
    """What a bot has received so far.

    Apart from `LedgerRow`, which steps write: settlements are booked between steps, and neither may
    carry an old value of the other.
    """

    bot_id: str
    funding: str
    updated_ns: int


class DenialRow(NamedTuple):
    """An order that risk refused; there is no intent of it."""

    client_order_id: str
    bot_id: str
    at_ns: int
    code: str
    limit: str | None
    value: str | None


class DiaryRow(NamedTuple):
    """One line of the diary."""

    bot_id: str
    at_ns: int
    event: str
    fields: str
    """JSON object."""


class RiskRow(NamedTuple):
    """A latched risk state of a scope (`engine`, or a bot's id)."""

    scope: str
    state: str
    by: str
    at_ns: int
    detail: str


class StateRow(NamedTuple):
    """One key of a machine's state; None deletes it."""

    bot_id: str
    key: str
    value: str | None


class MarkRow(NamedTuple):
    """Up to when every fill of an account and symbol is known to be in the journal."""

    venue: str
    account: str
    symbol: str
    ns: int


@dataclass(slots=True)
class Transaction:
    """What is written together or not at all; filled in by whoever commits it."""

    bots: list[BotRow] = field(default_factory=list)
    """Inserted or replaced."""
    intents: list[IntentRow] = field(default_factory=list)
    updates: list[IntentUpdate] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    """Client order ids of which nothing more will come."""
    evidence: list[EvidenceRow] = field(default_factory=list)
    fills: list[FillRow] = field(default_factory=list)
    """Those already held are dropped."""
    ledgers: list[LedgerRow] = field(default_factory=list)
    """All but their `funding`."""
    funding: list[FundingPaymentRow] = field(default_factory=list)
    funding_totals: list[FundingTotalRow] = field(default_factory=list)
    states: list[StateRow] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)
    """Bot ids whose machine state is deleted, before `states` are written."""
    denials: list[DenialRow] = field(default_factory=list)
    diary: list[DiaryRow] = field(default_factory=list)
    risk: list[RiskRow] = field(default_factory=list)
    marks: list[MarkRow] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.updates
            or self.intents
            or self.fills
            or self.states
            or self.diary
            or self.evidence
            or self.settled
            or self.ledgers
            or self.denials
            or self.bots
            or self.cleared
            or self.funding
            or self.funding_totals
            or self.risk
            or self.marks
        )


class Journal(Protocol):
    """Our own storage: what survives a crash. One writer process, reads from memory or local disk.

    Transactions take effect in the order in which they were handed over, whether by `commit` or by
    `write`. Reads see everything that was committed; `flush` makes them see what was written.
    """

    def commit(self, transaction: Transaction) -> Awaitable[None]:
        """Hands a transaction over; what is given back ends when it is durable.

        Raises:
            JournalFull: No room, or the file is held by someone else: nothing was written.
            JournalError: Storage failed; where the message does not say otherwise the transaction
                may or may not be durable.
        """

    def write(self, transaction: Transaction) -> None:
        """Queues what the venue could tell again; never blocks, kept until there is room."""

    async def flush(self) -> None:
        """Returns when everything written before is durable; raises as `commit` does."""

    def close(self) -> None:
        """Writes what is queued, checkpoints and releases the file. Idempotent."""

    def bot(self, bot_id: str) -> BotRow | None:
        """A bot by its identity."""

    def bots(self) -> list[BotRow]:
        """Every bot, oldest first."""

    def state(self, bot_id: str) -> dict[str, str]:
        """The machine's state as the last durable step wrote it."""

    def intent(self, client_order_id: str) -> StoredIntent | None:
        """An intent by our id."""

    def intent_of(
        self, venue: str, account: str, symbol: str, order_id: str
    ) -> StoredIntent | None:
        """An intent by the venue's id."""

    def unsettled(self, bot_id: str) -> list[StoredIntent]:
        """Intents of which more may come, oldest first."""

    def orders(self, bot_id: str, limit: int) -> list[StoredIntent]:
        """The newest intents, newest first."""

    def last_client_order_id(self, bot_id: str) -> str | None:
        """The id that the bot handed out last, in any of its lives."""

    def denials(self, bot_id: str) -> list[DenialRow]:
        """Refusals that the bot has not been seen to take in, oldest first."""

    def has_fill(self, venue: str, account: str, symbol: str, trade_id: str, order_id: str) -> bool:
        """Whether an execution of an order (the venue's id) was applied."""

    def trade_ids(self, client_order_id: str) -> list[str]:
        """The applied executions of an intent."""

    def ledger(self, bot_id: str) -> LedgerRow | None:
        """The sums of a bot."""

    def ledgers(self, venue: str, account: str, symbol: str) -> list[LedgerRow]:
        """The sums of every bot, running or not, on one symbol of one account."""

    def has_funding(self, venue: str, account: str, symbol: str, payment_id: str) -> bool:
        """Whether a settlement was booked."""

    def risk(self) -> list[RiskRow]:
        """Latched risk states."""

    def mark(self, venue: str, account: str, symbol: str) -> int | None:
        """Up to when all fills are held; None when that was never established."""

    def diary(self, bot_id: str, limit: int) -> list[DiaryRow]:
        """The newest lines, newest first."""

    def evidence(self, client_order_id: str) -> list[EvidenceRow]:
        """What was learned about an intent, oldest first."""

    def intents_named(self, order_id: str) -> list[StoredIntent]:
        """Intents to which any venue gave this id, newest first."""

    def fills(self, client_order_id: str) -> list[FillRow]:
        """The applied executions of an intent, oldest first."""

    def neighbours(self, client_order_id: str, count: int) -> list[StoredIntent]:
        """An intent among those of its bot's level before and after it, oldest first.

        Args:
            client_order_id: In the middle.
            count: At most so many before it, and after it.
        """

    def denial(self, client_order_id: str) -> DenialRow | None:
        """The refusal of an order, taken in or not."""

    def diary_at(self, bot_id: str, at_ns: int) -> list[DiaryRow]:
        """The lines of one moment, in order."""
