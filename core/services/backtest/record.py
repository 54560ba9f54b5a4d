"""What a run tells, kept for its report."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from core.domain.position import ZERO
from core.domain.worth import Worth
from core.services.backtest.parity import Part, executions
from core.services.backtest.snapshot import Execution, TradedFill, Value
from core.services.ports import BotRow

Fields = tuple[tuple[str, Value], ...]


class Ended(Protocol):
    """How a bot ended."""

    @property
    def text(self) -> str:
        """The closing line."""


class RunRecord:
    """Hears a run: its last line, its executions, and what the account held."""

    def __init__(self) -> None:
        self.summary: Fields = ()
        self.fills: list[TradedFill] = []
        self.worths: list[Worth] = []
        self.notices: list[str] = []
        self.closing = ""
        self.order_prefix = ""
        """What every client order id begins with."""
        self.denials: dict[str, int] = {}
        """Code -> how often risk refused an order with it."""

    def event(self, bot: str, at_ns: int, event: str, fields: Fields) -> None:  # one bot
        """Takes a line of the diary in."""
        if event == "order.filled":
            self.fills.append(fill_of(at_ns, dict(fields)))
        elif event == "summary":
            self.summary = tuple(fields)
        elif event == "risk.denied":
            code = str(dict(fields).get("code"))
            self.denials[code] = self.denials.get(code, 0) + 1

    def executions(self) -> list[Execution]:
        """What each order did."""
        parts = (
            Part(
                client_order_id=fill.client_order_id,
                trade_id=fill.trade_id,
                side=fill.side,
                price=fill.price,
                amount=fill.amount,
                fee=fill.fee,
                profit=fill.round_trip or ZERO,
            )
            for fill in self.fills
        )
        return executions(parts, self.order_prefix)

    def notice(self, text: str) -> None:
        """Something a person should know."""
        if text not in self.notices:
            self.notices.append(text)

    def bot(self, row: BotRow) -> None:
        """Who the bot is."""
        self.order_prefix = row.order_prefix

    def ended(self, ended: Ended) -> None:
        """The closing line."""
        self.closing = ended.text

    def worth(self, symbol: str, held: Worth) -> None:  # one symbol
        """What the account held from a moment on."""
        self.worths.append(held)


def fill_of(at_ns: int, line: Mapping[str, Value]) -> TradedFill:
    """An execution from the fields of its diary line."""
    level, trip = line["level"], line.get("round_trip")
    return TradedFill(
        at_ns=at_ns,
        side=str(line["side"]),
        price=Decimal(str(line["price"])),
        amount=Decimal(str(line["amount"])),
        level=None if level is None else int(level),
        leg=str(line["leg"]),
        fee=Decimal(str(line["fee"])),
        round_trip=None if trip is None else Decimal(str(trip)),
        is_maker=bool(line["maker"]),
        client_order_id=str(line["client_order_id"]),
        trade_id=str(line["trade_id"]),
        share=str(line.get("share", "")),
    )
