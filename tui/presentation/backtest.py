"""The report of a backtest as text: what was earned, what it cost, and how it went, in braille."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import from_ns
from core.services.backtest.snapshot import BacktestReport
from tui.presentation.chart import Chart, Sample, draw
from tui.presentation.glyphs import Glyphs
from tui.presentation.numbers import UNKNOWN, number

WIDTH: Final = 78
ROWS: Final = 12
_LABEL: Final = 18

FRACTIONS: Final = ("total_return", "cagr", "max_drawdown", "volatility", "exposure")
"""Measures shown in per cent."""
MEASURES: Final = (
    ("total_return", "total return"),
    ("cagr", "a year (CAGR)"),
    ("max_drawdown", "max drawdown"),
    ("volatility", "volatility a year"),
    ("sharpe", "Sharpe"),
    ("sortino", "Sortino"),
    ("calmar", "Calmar"),
    ("exposure", "time in the market"),
    ("turnover", "turnover"),
)
"""Names and words, in the order in which they are shown."""


def report_lines(report: BacktestReport, glyphs: Glyphs, width: int = WIDTH) -> list[str]:
    """The whole report."""
    return [
        *_head(report),
        "",
        *_comparison(report),
        "",
        *_result(report),
        "",
        *equity_chart(report, glyphs, width),
        "",
        *_assumed(report, width),
    ]


def equity_chart(report: BacktestReport, glyphs: Glyphs, width: int = WIDTH) -> list[str]:
    """The equity over time, drawn with dots."""
    samples = [
        Sample(from_ns(point.at_ns), value, value, value)
        for point in report.curve.points
        for value in (float(point.equity),)
    ]
    lines = draw(Chart(samples=samples, decimals=2, zone=UTC), width, ROWS, glyphs)
    margin = len(lines[0][0].text)
    axis = time_axis(samples[0].at, samples[-1].at, width - margin - 1)
    texts = [*("".join(span.text for span in line) for line in lines[:-1]), " " * margin + axis]
    return [f"equity, {report.quote}", *(text.rstrip() for text in texts)]


def time_axis(first: datetime, last: datetime, cells: int) -> str:
    """First, middle and last moment of a span under a plot."""
    shown = "%Y-%m-%d" if last - first >= timedelta(days=3) else "%m-%d %H:%M"
    left, right = f"{first:{shown}}", f"{last:{shown}}"
    middle = f"{first + (last - first) / 2:{shown}}"
    if len(left) + len(middle) + len(right) + 4 > cells:
        middle = ""
    gap = cells - len(left) - len(right)
    return f"{left}{middle:^{max(1, gap)}}{right}"


def measure_text(name: str, value: float | None) -> str:
    """One measure for people."""
    if value is None:
        return UNKNOWN
    if name in FRACTIONS:
        return f"{number(Decimal(repr(value)) * 100, 2)} %"
    return number(Decimal(repr(value)), 2)


def span_text(report: BacktestReport) -> str:
    """From when to when, and how long."""
    first, last = from_ns(report.curve.first_ns), from_ns(report.curve.last_ns)
    span = last - first
    if span >= timedelta(days=2):
        length = f"{span / timedelta(days=1):.1f} days"
    elif span >= timedelta(hours=2):
        length = f"{span / timedelta(hours=1):.1f} hours"
    else:
        length = f"{span / timedelta(minutes=1):.1f} minutes"
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, {length}"


def _head(report: BacktestReport) -> list[str]:
    feed = dict(report.summary).get("feed")
    return [
        f"{report.bot}: a {report.grid_type} grid on {report.symbol}, backtest",
        f"{span_text(report)}, prices of {feed}",
    ]


def _comparison(report: BacktestReport) -> list[str]:
    rows = [f"{'':<{_LABEL}}  {'this grid':>14}  {'buy and hold':>14}"]
    for name, words in MEASURES:
        mine = measure_text(name, getattr(report.metrics, name))
        other = measure_text(name, getattr(report.buy_and_hold, name))
        rows.append(f"{words:<{_LABEL}}  {mine:>14}  {other:>14}")
    return rows


def _result(report: BacktestReport) -> list[str]:
    values = dict(report.summary)
    lines = [
        f"{'fills':<{_LABEL}}  {values['fills']:>14,}   round trips {values['round_trips']:,}",
    ]
    for name in ("realized_pnl", "unrealized_pnl", "fees", "funding", "equity_change"):
        text = values[name]
        shown = UNKNOWN if text is None else number(Decimal(str(text)), 4)
        words = name.replace("_pnl", " result").replace("_", " ")
        lines.append(f"{words:<{_LABEL}}  {shown:>14}  {report.quote}")
    lines.append(f"{'position left':<{_LABEL}}  {values['position']!s:>14}  {report.base}")
    if report.closing:
        lines.append(f"{'at the end':<{_LABEL}}  {report.closing}")
    return lines


def _assumed(report: BacktestReport, width: int) -> list[str]:
    lines = ["assumed"]
    for name, text in report.assumptions:
        lines += folded(f"  {name.replace('_', ' '):<14}", text, width)
    return lines


def folded(label: str, text: str, width: int) -> list[str]:
    """A label and words beside it, over as many lines as they need."""
    lines, line = [], label
    for word in text.split():
        if len(line) + 1 + len(word) > width and line.strip():
            lines.append(line)
            line = " " * len(label)
        line += f" {word}"
    return [*lines, line]
