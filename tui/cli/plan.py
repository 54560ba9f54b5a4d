"""`ctos plan` and `ctos check`: what a file would do, before anything is started."""

from __future__ import annotations

import json
from pathlib import Path

from core.adapters.exchanges.models import plain
from core.errors import ExitCode
from core.services.grid.plan import GridPlan, MinMax
from tui.cli.border import put, say
from tui.cli.grid import GridOptions, start_request


def plan(file: Path, *, price: str | None, is_json: bool) -> int:
    """Shows the levels, the capital and the worst case."""
    from core import wiring

    found = wiring.plan(start_request(GridOptions(file=file)), price=price)
    if is_json:
        put(json.dumps(found.as_json()))
        return ExitCode.OK
    for line in plan_lines(found):
        put(line)
    for warning in found.warnings:
        say(f"warning: {warning.message}")
    return ExitCode.OK


def check(file: Path, *, is_live: bool) -> int:
    """Says what the file would do."""
    from core import wiring

    described = wiring.describe(start_request(GridOptions(file=file, is_live=is_live)))
    for line in described.lines:
        put(line)
    for warning in described.warnings:
        say(f"warning: {warning}")
    return ExitCode.OK


def plan_lines(found: GridPlan) -> list[str]:
    """A plan as text: the levels from the highest price to the lowest, then the sums."""
    quote, base = found.quote, found.base
    head = ("LEVEL", "SIDE", "PRICE", "AMOUNT", "EXIT")
    rows = [
        (
            str(item.level),
            item.side.value,
            plain(item.price),
            plain(item.amount),
            plain(item.exit_price),
        )
        for item in sorted(found.levels, key=lambda item: item.price, reverse=True)
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    table = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in (head, *rows)
    ]
    liquidation = found.liquidation_price
    sums = (
        ("capital", f"{plain(found.capital)} {quote}"),
        ("margin", f"{plain(found.margin)} {quote}"),
        ("amount", f"{plain(found.total_amount)} {base}"),
        ("a round trip earns", f"{_span(found.profit_per_round_trip)} {quote}, before fees of"),
        ("", f"{_span(found.fee_per_round_trip)} {quote}"),
        ("worst case", f"-{plain(found.worst_case_loss)} {quote}, one interval beyond level 1"),
        ("liquidation", "none" if liquidation is None else f"{liquidation:.8g}"),
    )
    return [
        f"{found.grid_type} grid on {found.symbol}",
        "",
        *table,
        "",
        *(f"{name:<19} {text}" for name, text in sums),
    ]


def _span(value: MinMax) -> str:
    low, high = plain(value.min), plain(value.max)
    return low if low == high else f"{low} to {high}"
