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
    from core.wiring import configuration

    found = configuration.plan(start_request(GridOptions(file=file)), price=price)
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
    from core.wiring import configuration

    described = configuration.describe(start_request(GridOptions(file=file, is_live=is_live)))
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
    sums: tuple[tuple[str, str], ...] = (
        ("capital", f"{plain(found.capital)} {quote}"),
        ("margin", f"{plain(found.margin)} {quote}"),
        ("amount", f"{plain(found.total_amount)} {base}"),
        ("a round trip earns", f"{_span(found.profit_per_round_trip)} {quote}, before fees of"),
        ("", f"{_span(found.fee_per_round_trip)} {quote}, so {_net(found)}"),
        ("worst case", f"-{plain(found.worst_case_loss)} {quote}, {_beyond(found)}"),
        ("liquidation", "none" if liquidation is None else f"{liquidation:.8g}"),
    )
    if found.start_price is not None:
        above = found.liquidation_price_above
        sums = (
            *sums,
            ("  above", "none" if above is None else f"{above:.8g}"),
            ("empty at first", plain(found.start_price)),
        )
    if found.initial_amount is not None and found.initial_cost is not None:
        text = f"{plain(found.initial_amount)} {base} for {found.initial_cost:.8g} {quote}"
        sums = (*sums, ("bought at once", text))
    sums = (*sums, *((key, _word(value)) for key, value in found.course))
    return [
        f"{found.grid_type} grid on {found.symbol}",
        "",
        *table,
        "",
        *(f"{name:<{max(19, *(len(key) for key, _ in sums))}} {text}" for name, text in sums),
    ]


def _word(value: str | bool | None) -> str:
    """A value of the plan's course; nothing means no limit."""
    if value is None:
        return "none"
    return "on" if value is True else str(value)


def _net(found: GridPlan) -> str:
    """What stays of a round trip, in quote and as a part of its entry."""
    low, high = (f"{100 * each:.4g}" for each in (min(found.returns), max(found.returns)))
    percent = low if low == high else f"{low} to {high}"
    return f"{_span(found.net_profit_per_round_trip)} stay, {percent} % of the entry"


def _beyond(found: GridPlan) -> str:
    if found.start_price is not None:
        return "one line beyond the range on the side that costs more"
    return "one interval beyond level 1"


def _span(value: MinMax) -> str:
    low, high = plain(value.min), plain(value.max)
    return low if low == high else f"{low} to {high}"
