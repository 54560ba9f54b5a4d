"""What an audit reads: the journal's side, the venue's side, and a bot's own books.

Nothing in here was reckoned: each value stands as somebody wrote it down, so that the checks can
hold them against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from core.adapters.exchanges.models import FillData, FundingPaymentData, Instrument, OrderData
from core.services.ports import (
    BotRow,
    EvidenceRow,
    FillRow,
    FundingPaymentRow,
    LedgerRow,
    StoredIntent,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """The sums that a bot's machine keeps."""

    started_ns: int | None
    """Since when it keeps them; None where it never traded."""
    position: Decimal
    """Signed base units."""
    realized: Decimal
    """Quote, before fees and funding."""
    open_value: Decimal
    """Open result at a mark of zero: minus what the holdings cost, signed. Quote."""
    fees: Decimal
    """Quote, paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRecords:
    """One bot: what the journal holds of it."""

    bot: BotRow
    instrument: Instrument
    intents: tuple[StoredIntent, ...]
    """Oldest first, in the order in which they became durable."""
    fills: tuple[FillRow, ...]
    funding: tuple[FundingPaymentRow, ...]
    ledger: LedgerRow | None
    evidence: Mapping[str, tuple[EvidenceRow, ...]]
    """Client order id -> what was learned, for intents that were found never to have existed."""
    books: Books | None
    """None where the bot's app keeps none, or its configuration cannot be read any more."""
    began_ns: int = 0
    """When its present life began: its ledger counts fees and settlements from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRecords:
    """One symbol of one account: what the venue says."""

    orders: tuple[OrderData, ...]
    """Open and closed, foreign ones included."""
    fills: tuple[FillData, ...]
    funding: tuple[FundingPaymentData, ...]
    position: Decimal
    """Signed base units."""


class JournalHistory(Protocol):
    """Everything that a journal holds, for reading."""

    def bots(self) -> list[BotRow]:
        """Every bot, oldest first."""

    def intents(self, bot_id: str) -> list[StoredIntent]:
        """Every intent, oldest first."""

    def fills(self, bot_id: str) -> list[FillRow]:
        """Every execution taken in, oldest first."""

    def funding(self, bot_id: str) -> list[FundingPaymentRow]:
        """Every settlement booked, oldest first."""

    def ledger(self, bot_id: str) -> LedgerRow | None:
        """The sums of a bot."""

    def evidence(self, bot_id: str) -> list[EvidenceRow]:
        """What was learned about its intents, oldest first."""

    def state(self, bot_id: str) -> dict[str, str]:
        """The machine's state."""
