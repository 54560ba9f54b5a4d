"""The report of a backtest as one page of HTML: plots inside, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from core.adapters.exchanges.models import plain
from core.services.backtest.snapshot import BacktestReport, iso
from tui.presentation.backtest import MEASURES, measure_text, span_text
from tui.presentation.plot import Dot, Plot, Series
from tui.presentation.svg import STYLE, svg

FILLS_SHOWN: Final = 500
_PAGE_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;color:#1f2328}
body{max-width:980px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}
p.quiet{color:#57606a;margin:.2rem 0 1.5rem}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
td,th{padding:.2rem .9rem .2rem 0;text-align:right;font-weight:400}
td,th{border-bottom:1px solid #d8dee4}
td:first-child,th:first-child{text-align:left}th{color:#57606a}
td.words{text-align:left;white-space:normal}
"""


def page(report: BacktestReport) -> str:
    """The whole page."""
    title = f"{report.bot}: a {report.grid_type} grid on {report.symbol}"
    body = [
        f"<h1>{escape(title)}</h1>",
        (
            f'<p class="quiet">Backtest, {escape(span_text(report))}, prices of '
            f"{escape(str(dict(report.summary).get('feed')))}. {escape(report.closing)}</p>"
        ),
        *(svg(plot) for plot in plots(report)),
        "<h2>Measures</h2>",
        _measures(report),
        "<h2>Result</h2>",
        _table(
            ("", report.quote),
            ((name.replace("_", " "), _shown(value)) for name, value in report.summary),
        ),
        "<h2>Assumed</h2>",
        _table(
            ("", ""),
            ((name.replace("_", " "), text) for name, text in report.assumptions),
            has_words=True,
        ),
        *_notices(report),
        *_fills(report),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_PAGE_STYLE}{STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def plots(report: BacktestReport) -> list[Plot]:
    """Equity beside buying and holding, the fall from the peak, the price and what was held."""
    mine, held = report.curve.points, report.held.points
    return [
        equity_plot(report),
        Plot(
            title="Fall from the peak, %",
            suffix=" %",
            series=[
                Series(
                    name="this grid",
                    dots=_falls([(p.at_ns, float(p.equity)) for p in mine], report),
                    tone="first",
                    is_filled=True,
                ),
                Series(
                    name="buy and hold",
                    dots=_falls([(p.at_ns, float(p.equity)) for p in held], report),
                    tone="second",
                ),
            ],
        ),
        Plot(
            title=f"Price, {report.quote}",
            series=[
                Series(
                    name="price", dots=[Dot(p.at_ns, float(p.price)) for p in mine], tone="quiet"
                )
            ],
        ),
        Plot(
            title=f"Position, {report.base}",
            decimals=4,
            series=[
                Series(
                    name="position",
                    dots=[Dot(p.at_ns, float(p.position)) for p in mine],
                    tone="first",
                    is_step=True,
                    is_filled=True,
                )
            ],
        ),
    ]


def equity_plot(report: BacktestReport) -> Plot:
    """Equity beside buying and holding."""
    return Plot(
        title=f"Equity, {report.quote}",
        series=[
            Series(
                name="this grid",
                dots=[Dot(p.at_ns, float(p.equity)) for p in report.curve.points],
                tone="first",
            ),
            Series(
                name="buy and hold",
                dots=[Dot(p.at_ns, float(p.equity)) for p in report.held.points],
                tone="second",
            ),
        ],
    )


def _falls(dots: Iterable[tuple[int, float]], report: BacktestReport) -> list[Dot]:
    peak, found = float(report.curve.start), []
    for at_ns, equity in dots:
        peak = max(peak, equity)
        found.append(Dot(at_ns, -100 * (peak - equity) / peak if peak > 0 else 0.0))
    return found


def _measures(report: BacktestReport) -> str:
    rows = (
        (
            words,
            measure_text(name, getattr(report.metrics, name)),
            measure_text(name, getattr(report.buy_and_hold, name)),
        )
        for name, words in MEASURES
    )
    return _table(("", "this grid", "buy and hold"), rows)


def _notices(report: BacktestReport) -> list[str]:
    if not report.notices:
        return []
    items = "".join(f"<li>{escape(text)}</li>" for text in report.notices)
    return ["<h2>About the data</h2>", f"<ul>{items}</ul>"]


def _fills(report: BacktestReport) -> list[str]:
    if not report.fills:
        return []
    shown = report.fills[-FILLS_SHOWN:]
    words = "Fills" if len(shown) == len(report.fills) else f"The last {len(shown)} fills"
    rows = (
        (
            iso(fill.at_ns),
            fill.side,
            plain(fill.amount),
            plain(fill.price),
            "" if fill.level is None else str(fill.level),
            fill.leg,
            plain(fill.fee),
            "" if fill.round_trip is None else plain(fill.round_trip),
        )
        for fill in reversed(shown)
    )
    head = ("at", "side", "amount", "price", "level", "leg", "fee", "round trip")
    return [f"<h2>{words}</h2>", _table(head, rows)]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, has_words: bool = False) -> str:
    kind = ' class="words"' if has_words else ""
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)] if any(head) else []
    lines += [
        f"<td>{escape(row[0])}</td>" + "".join(f"<td{kind}>{escape(cell)}</td>" for cell in row[1:])
        for row in rows
    ]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _shown(value: object) -> str:
    return "unknown" if value is None else str(value)
