"""How a grid ended: the closing line, the exit code, and the sums that must add up."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.adapters.exchanges.models import from_ns, plain
from core.errors import ExitCode
from core.services.grid.ledger import EXACT
from core.services.grid.machine import GridMachine
from core.services.grid.snapshot import GridResult, rate_text

Fields = tuple[tuple[str, str | int | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotOutcome:
    """How a bot ended."""

    exit_code: ExitCode
    text: str
    """The closing line."""
    summary: Fields
    """Fields of the `summary` line, in order."""


def closing_line(machine: GridMachine, base: str) -> tuple[ExitCode, str]:
    """What became of orders and position, in words, and whether that is what was promised."""
    closing = machine.closing
    position = EXACT.subtract(machine.position, machine.reserve_left)
    if closing is None:
        return ExitCode.OK, "nothing was open"
    size = f"{plain(position)} {base}"
    steps = closing.steps(machine.open_orders, size, position == 0)
    text = ", ".join(step.text for step in steps) or "nothing was open"
    if machine.reserve_left:
        text += f", reserve {plain(machine.reserve_left)} {base} kept"
    kept_orders = closing.cancels and machine.open_orders > 0
    kept_position = closing.flattens and position != 0
    return (ExitCode.UNCLEAN if kept_orders or kept_position else ExitCode.OK), text


def summary_fields(
    *,
    result: GridResult,
    equity_start: Decimal | None,
    equity_end: Decimal | None,
    open_orders: int,
    feed: str,
    started_ns: int | None,
    ended_ns: int | None,
) -> Fields:
    """The fields of the summary line, in order.

    `residual` is what the venue's account gained beyond what our own ledger explains; it must be 0.
    """
    change = residual = None
    if equity_start is not None and equity_end is not None:
        change = EXACT.subtract(equity_end, equity_start)
        residual = EXACT.subtract(change, explained(result))
    return (
        ("fills", result.fills),
        ("round_trips", result.round_trips),
        ("position", plain(result.position)),
        ("realized_pnl", plain(result.realized_pnl)),
        ("unrealized_pnl", plain(result.unrealized_pnl)),
        ("fees", plain(result.fees)),
        ("funding", plain(result.funding)),
        ("equity_change", None if change is None else plain(change)),
        ("residual", None if residual is None else plain(residual)),
        ("open_orders_left", open_orders),
        ("feed", feed),
        ("from", iso(started_ns)),
        ("to", iso(ended_ns)),
        ("round_trip_pnl", plain(result.trips_net)),
        ("cycle_apr", rate_text(result.cycle_apr)),
        ("net_apr", rate_text(result.net_apr)),
        ("sample_s", result.run_s),
        *_course_fields(result),
    )


def _course_fields(result: GridResult) -> Fields:
    """What only a grid that trailed, or set profit aside, has to say."""
    found: Fields = ()
    if result.trailed:
        found = (*found, ("trailing_cost", plain(result.trailing_cost)))
    if result.reserved:
        found = (*found, ("reserved", plain(result.reserved)))
    return found


def explained(result: GridResult) -> Decimal:
    """Realized + unrealized - fees + funding, exactly."""
    gross = EXACT.add(result.realized_pnl, result.unrealized_pnl)
    return EXACT.add(EXACT.subtract(gross, result.fees), result.funding)


def iso(ns: int | None) -> str | None:
    """ISO 8601 UTC with milliseconds and `Z`."""
    if ns is None:
        return None
    return from_ns(ns).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ns // 1_000_000 % 1000:03d}Z"
