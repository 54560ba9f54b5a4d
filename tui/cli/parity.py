"""`ctos parity NAME`: a paper run beside a replay of its prices, order by order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from core.adapters.exchanges.models import plain
from core.errors import ExitCode
from tui.cli.border import put, say

if TYPE_CHECKING:
    from core.services.backtest.snapshot import Execution, OrderParity, ParityReport

MOST_SHOWN: Final = 50


def parity(name: str, *, is_paper: bool, is_json: bool, is_debug: bool = False) -> int:
    """Replays and compares; exit code 1 where anything differs."""
    from core.wiring import comparison, places

    places.check_environment()
    report = comparison.parity(places.home(), name, is_paper=is_paper, is_debug=is_debug)
    for notice in report.notices:
        say(f"note: {notice}")
    if is_json:
        put(json.dumps(report.as_json()))
    else:
        for line in parity_lines(report):
            put(line)
    return ExitCode.FAILED if report.different else ExitCode.OK


def parity_lines(report: ParityReport) -> list[str]:
    """What differs, order by order, and the sums."""
    different = report.different
    fills = sum(item.recorded.fills for item in report.orders if item.recorded is not None)
    orders = f"{len(report.orders):,} orders with {fills:,} fills"
    where = "run" if report.source == "run" else "paper bot"
    head = f"{report.bot} ({where}, prices of {report.feed}): {orders}"
    if not different:
        return [head, "replayed without a difference: fills, prices, fees and profit are equal"]
    rows = [
        ("ORDER", "SIDE", "RECORDED", "REPLAYED", "AMOUNT", "PRICE", "FEE", "PROFIT"),
        *(_row(order) for order in different[:MOST_SHOWN]),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    more = len(different) - MOST_SHOWN
    if more > 0:
        lines.append(f"and {more:,} more")
    return [
        head,
        f"{len(different):,} differ; replayed less recorded:",
        "",
        *lines,
        "",
        f"profit differs by {plain(report.profit)}",
    ]


def _row(order: OrderParity) -> tuple[str, ...]:
    return (
        order.order,
        order.side,
        _traded(order.recorded),
        _traded(order.replayed),
        plain(order.amount),
        "-" if order.price is None else f"{order.price:f}",
        plain(order.fee),
        plain(order.profit),
    )


def _traded(item: Execution | None) -> str:
    if item is None or item.price is None:
        return "nothing"
    return f"{plain(item.amount)} @ {item.price:.12g}"
