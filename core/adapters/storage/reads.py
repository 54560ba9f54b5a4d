"""What every journal here can be asked; each brings what it wrote up to date before it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from core.adapters.storage.store import Reader
from core.services.ports import (
    BotRow,
    DenialRow,
    DiaryRow,
    EvidenceRow,
    FillRow,
    LedgerRow,
    RiskRow,
    StoredIntent,
)


class JournalReads(ABC):
    """The reading half of `core.services.ports.Journal`."""

    @abstractmethod
    def _read(self) -> Reader:
        """A reader that sees everything written so far."""

    def bot(self, bot_id: str) -> BotRow | None:
        """A bot by its identity."""
        return self._read().bot(bot_id)

    def bots(self) -> list[BotRow]:
        """Every bot, oldest first."""
        return self._read().bots()

    def state(self, bot_id: str) -> dict[str, str]:
        """The machine's state."""
        return self._read().state(bot_id)

    def intent(self, client_order_id: str) -> StoredIntent | None:
        """An intent by our id."""
        return self._read().intent(client_order_id)

    def intent_of(
        self, venue: str, account: str, symbol: str, order_id: str
    ) -> StoredIntent | None:
        """An intent by the venue's id."""
        return self._read().intent_of(venue, account, symbol, order_id)

    def unsettled(self, bot_id: str) -> list[StoredIntent]:
        """Intents of which more may come, oldest first."""
        return self._read().unsettled(bot_id)

    def orders(self, bot_id: str, limit: int) -> list[StoredIntent]:
        """The newest intents, newest first."""
        return self._read().orders(bot_id, limit)

    def last_client_order_id(self, bot_id: str) -> str | None:
        """The id that the bot handed out last."""
        return self._read().last_client_order_id(bot_id)

    def denials(self, bot_id: str) -> list[DenialRow]:
        """Refusals not seen to be taken in."""
        return self._read().denials(bot_id)

    def has_fill(self, venue: str, account: str, symbol: str, trade_id: str, order_id: str) -> bool:
        """Whether an execution of an order was applied."""
        return self._read().has_fill(venue, account, symbol, trade_id, order_id)

    def trade_ids(self, client_order_id: str) -> list[str]:
        """The applied executions of an intent."""
        return self._read().trade_ids(client_order_id)

    def ledger(self, bot_id: str) -> LedgerRow | None:
        """The sums of a bot."""
        return self._read().ledger(bot_id)

    def ledgers(self, venue: str, account: str, symbol: str) -> list[LedgerRow]:
        """The sums of every bot of a symbol."""
        return self._read().ledgers(venue, account, symbol)

    def has_funding(self, venue: str, account: str, symbol: str, payment_id: str) -> bool:
        """Whether a settlement was booked."""
        return self._read().has_funding(venue, account, symbol, payment_id)

    def risk(self) -> list[RiskRow]:
        """Latched risk states."""
        return self._read().risk()

    def mark(self, venue: str, account: str, symbol: str) -> int | None:
        """Up to when all fills are held."""
        return self._read().mark(venue, account, symbol)

    def diary(self, bot_id: str, limit: int) -> list[DiaryRow]:
        """The newest lines, newest first."""
        return self._read().diary(bot_id, limit)

    def evidence(self, client_order_id: str) -> list[EvidenceRow]:
        """What was learned about an intent, oldest first."""
        return self._read().evidence(client_order_id)

    def intents_named(self, order_id: str) -> list[StoredIntent]:
        """Intents to which any venue gave this id, newest first."""
        return self._read().intents_named(order_id)

    def fills(self, client_order_id: str) -> list[FillRow]:
        """The applied executions of an intent, oldest first."""
        return self._read().fills(client_order_id)

    def neighbours(self, client_order_id: str, count: int) -> list[StoredIntent]:
        """An intent among those of its bot's level."""
        return self._read().neighbours(client_order_id, count)

    def denial(self, client_order_id: str) -> DenialRow | None:
        """The refusal of an order, taken in or not."""
        return self._read().denial(client_order_id)

    def diary_at(self, bot_id: str, at_ns: int) -> list[DiaryRow]:
        """The lines of one moment, in order."""
        return self._read().diary_at(bot_id, at_ns)
