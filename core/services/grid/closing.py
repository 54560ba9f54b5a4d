"""Winding a ladder down: cancel, wait, close, wait, done.

Holding, stopping and re-centring are the same walk with different ends:

    cancel our orders ─► all of them have ended ─► close our position ─► it is zero ─► end
                         (what fills meanwhile        (one market order; tried again
                          goes into its slot)          with growing pauses until flat)

    HOLD   ends with nothing resting, until you resume
    RESET  ends with a new ladder, which is why both waits must be over first
    STOP   ends the bot
    RESTART is an end that a crash interrupted: it is finished, then the grid goes on

A stop loss takes another path where it can: entries first, then the position, then the exits. The
exits are far from the price then, and closing must not wait for them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from core.services.grid.snapshot import ClosingStep

SECOND_NS: Final = 1_000_000_000
FIRST_PAUSE_NS: Final = SECOND_NS
OPERATOR: Final = 1
"""Rank of what a person or the end asked for (`protections/directive.py`)."""
LONGEST_PAUSE_NS: Final = 60 * SECOND_NS
ALARM_AFTER: Final = 3
"""Failed tries after which the grid calls itself degraded."""


def pause_ns(failures: int) -> int:
    """How long to wait after so many failures in a row: 1 s, doubling up to a minute."""
    return min(FIRST_PAUSE_NS << min(max(failures - 1, 0), 16), LONGEST_PAUSE_NS)


class Purpose(StrEnum):
    """How a winding down ends."""

    HOLD = "hold"
    RESET = "reset"
    STOP = "stop"
    RESTART = "restart"


class Closing:
    """One winding down and how far it has come."""

    __slots__ = (
        "cancels",
        "failures",
        "flattens",
        "gave_up",
        "is_done",
        "is_entries_first",
        "orders",
        "purpose",
        "rank",
        "reason",
        "retry_ns",
        "source",
        "waits_for_price",
    )

    def __init__(self, *, purpose: Purpose, cancels: bool, flattens: bool, reason: str) -> None:
        self.purpose = purpose
        self.cancels = cancels
        self.flattens = flattens
        self.reason = reason
        """Who or what asked, in a word or two."""
        self.rank = OPERATOR
        """Order of precedence of who asked; only a lower one may take its place."""
        self.source = ""
        """Name of the protection that asked; empty for a person, or the end."""
        self.is_entries_first = False
        """Whether the position is closed before the exits are cancelled."""
        self.waits_for_price = False
        """Whether the next ladder waits until the price is back."""
        self.orders = 0
        """Orders that were resting when it began."""
        self.failures = 0
        """Tries to close the position that left something open."""
        self.retry_ns: int | None = None
        self.gave_up = False
        """Whether no order can close what is left: too small, or the venue holds none of it."""
        self.is_done = False

    @property
    def is_degraded(self) -> bool:
        """Whether it has failed often enough to call for a person."""
        return self.failures >= ALARM_AFTER and not self.is_done

    def fail(self, at_ns: int) -> None:
        """Counts a try that did not close everything."""
        self.failures += 1
        self.retry_ns = at_ns + pause_ns(self.failures)

    def steps(
        self,
        live: int,
        position: str,
        is_flat: bool,  # noqa: FBT001 - the three facts that the list is made of
    ) -> tuple[ClosingStep, ...]:
        """The list that ticks off, given the orders that still live and the position in words."""
        found: list[ClosingStep] = []
        if self.cancels:
            text = (
                f"{_orders(self.orders)} cancelled" if live == 0 else f"cancelling {_orders(live)}"
            )
            found.append(ClosingStep(text=text, is_done=live == 0))
        elif self.purpose is Purpose.STOP:
            found.append(ClosingStep(text=f"{_orders(live)} kept", is_done=True))
        if self.flattens:
            if is_flat:
                text = "position closed"
            elif self.gave_up:
                text = f"{position} left: the venue takes no order for it"
            else:
                text = f"closing {position}"
            failed = self.gave_up or self.is_degraded
            found.append(ClosingStep(text=text, is_done=is_flat, is_failed=failed and not is_flat))
        elif not is_flat and self.purpose is Purpose.STOP:
            found.append(ClosingStep(text=f"position {position} kept", is_done=True))
        return tuple(found)

    def dump(self) -> list[object]:
        """As it goes to the journal."""
        return [
            self.purpose.value,
            self.cancels,
            self.flattens,
            self.reason,
            self.orders,
            self.failures,
            self.retry_ns,
            self.gave_up,
            self.is_done,
            self.rank,
            self.source,
            self.is_entries_first,
            self.waits_for_price,
        ]

    @classmethod
    def load(cls, values: list[object]) -> Closing:
        """Reads what `dump` gave."""
        purpose, cancels, flattens, reason, orders, failures, retry_ns, gave_up, is_done = values[
            :9
        ]
        closing = cls(
            purpose=Purpose(str(purpose)),
            cancels=bool(cancels),
            flattens=bool(flattens),
            reason=str(reason),
        )
        closing.orders = int(str(orders))
        closing.failures = int(str(failures))
        closing.retry_ns = retry_ns if isinstance(retry_ns, int) else None
        closing.gave_up = bool(gave_up)
        closing.is_done = bool(is_done)
        if values[9:]:
            rank, source, entries_first, waits = values[9:]
            closing.rank, closing.source = int(str(rank)), str(source)
            closing.is_entries_first = bool(entries_first)
            closing.waits_for_price = bool(waits)
        return closing


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"
