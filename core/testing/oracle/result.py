"""What the oracle foretells: fills, figures and what still rests at the end."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """One execution, or one slot's share of the initial order's execution."""

    at_ms: int
    side: str
    """buy or sell."""
    price: Decimal
    amount: Decimal
    level: int | None
    """None for a close of the whole position."""
    leg: str
    """entry, exit or flatten."""
    fee: Decimal
    """Quote; a fee taken in base counts at the execution's own price."""
    is_maker: bool
    trade: int
    """Shares of one execution have one number; counted from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An order as it arrived at the venue: what `order.placed` tells."""

    at_ms: int
    side: str
    price: Decimal | None
    """None for a market order."""
    amount: Decimal
    level: int | None
    leg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """An order that is still open at the end."""

    side: str
    price: Decimal
    amount: Decimal
    level: int
    leg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """A whole run. Money in quote units; the open result is marked at the last price."""

    fills: tuple[Foretold, ...]
    placed: tuple[Placed, ...]
    executions: int
    """Fills as the venue counts them: shares of one execution are one."""
    round_trips: int
    resets: int
    position: Decimal
    """Signed, long positive; base units."""
    realized: Decimal
    unrealized: Decimal
    fees: Decimal
    equity_change: Decimal
    """From the account's cash and position, apart from the other figures."""
    open_orders: tuple[Resting, ...]

    @property
    def residual(self) -> Decimal:
        """What the account's change and the ledger's figures differ by: 0."""
        return self.equity_change - (self.realized + self.unrealized - self.fees)
