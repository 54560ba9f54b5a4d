"""What one set of parameters came to: the figures of a run, and how they are written.

Money is exact, whether the kernel or the engine ran it: the kernel's integers become Decimals here,
and nothing is rounded on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import plain
from core.services.backtest.metrics import measure
from core.services.backtest.snapshot import decimal_text
from core.services.backtest.sweep_curve import Swing

Params = tuple[tuple[str, str], ...]
"""Key and value of each parameter, as they would stand in the file."""

KERNEL: Final = "kernel"
ENGINE: Final = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One run. Money in quote units, fractions as fractions, per year where the name says so."""

    fills: int
    round_trips: int
    realized_pnl: Decimal
    """Before fees."""
    fees: Decimal
    funding: Decimal
    equity_change: Decimal
    position: Decimal
    """Signed base units at the end."""
    max_drawdown: float
    """Largest fall from an earlier peak of equity, marked at every row, as a fraction of it."""
    total_return: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    samples: tuple[float, ...]
    """Equity at the start and at the end of every period; for statistics over all sets."""
    by: str
    """`kernel` or `engine`."""
    why: str = ""
    """Why the engine, where the kernel was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A set that is no grid."""

    message: str


def figures(  # noqa: PLR0913 # what a run is, each by its name
    swing: Swing,
    *,
    fills: int,
    round_trips: int,
    realized: Decimal,
    fees: Decimal,
    funding: Decimal,
    change: Decimal,
    position: Decimal,
    by: str,
    why: str = "",
) -> Figures:
    """Counts and money of a run, with the measures of its curve."""
    measures = measure(swing.curve, Decimal(0))
    return Figures(
        fills=fills,
        round_trips=round_trips,
        realized_pnl=realized,
        fees=fees,
        funding=funding,
        equity_change=change,
        position=position,
        max_drawdown=measures.max_drawdown,
        total_return=measures.total_return,
        sharpe=measures.sharpe,
        sortino=measures.sortino,
        calmar=measures.calmar,
        samples=swing.curve.samples,
        by=by,
        why=why,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A set on two spans of time that follow one another."""

    number: int
    in_sample: Figures
    out_of_sample: Figures
    is_chosen: bool = False
    """Whether it was the best of its span, so that the next one tells what choosing it brings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """One set of parameters and what it came to."""

    params: Params
    whole: Figures
    """Over all of the time."""
    deflated_sharpe: float | None = None
    folds: tuple[Fold, ...] = field(default=())

    def as_json(self) -> dict[str, object]:
        """As scripts read it; decimals are text."""
        found: dict[str, object] = {"params": dict(self.params), **figures_json(self.whole)}
        found["deflated_sharpe"] = decimal_text(self.deflated_sharpe)
        found["by"] = self.whole.by
        if self.whole.why:
            found["why"] = self.whole.why
        if self.folds:
            found["folds"] = [fold_json(fold) for fold in self.folds]
        return found


def figures_json(found: Figures) -> dict[str, object]:
    """The figures of one run by name."""
    return {
        "fills": found.fills,
        "round_trips": found.round_trips,
        "realized_pnl": plain(found.realized_pnl),
        "fees": plain(found.fees),
        "funding": plain(found.funding),
        "equity_change": plain(found.equity_change),
        "position": plain(found.position),
        "max_drawdown": decimal_text(found.max_drawdown),
        "total_return": decimal_text(found.total_return),
        "sharpe": decimal_text(found.sharpe),
        "sortino": decimal_text(found.sortino),
        "calmar": decimal_text(found.calmar),
    }


def fold_json(fold: Fold) -> Mapping[str, object]:
    """A fold by name."""
    return {
        "fold": fold.number,
        "is_chosen": fold.is_chosen,
        "in_sample": figures_json(fold.in_sample),
        "out_of_sample": figures_json(fold.out_of_sample),
    }


def dump_figures(found: Figures) -> list[object]:
    """As it goes to the store of a sweep."""
    return [
        found.fills,
        found.round_trips,
        plain(found.realized_pnl),
        plain(found.fees),
        plain(found.funding),
        plain(found.equity_change),
        plain(found.position),
        found.max_drawdown,
        found.total_return,
        found.sharpe,
        found.sortino,
        found.calmar,
        list(found.samples),
        found.by,
        found.why,
    ]


def load_figures(values: list[object]) -> Figures:
    """Reads what `dump_figures` gave."""
    counts, money, measures = values[:2], values[2:7], values[7:12]
    samples, by, why = values[12:]
    drawdown = measures[0]
    return Figures(
        fills=int(str(counts[0])),
        round_trips=int(str(counts[1])),
        realized_pnl=Decimal(str(money[0])),
        fees=Decimal(str(money[1])),
        funding=Decimal(str(money[2])),
        equity_change=Decimal(str(money[3])),
        position=Decimal(str(money[4])),
        max_drawdown=float(str(drawdown)),
        total_return=_measure(measures[1]),
        sharpe=_measure(measures[2]),
        sortino=_measure(measures[3]),
        calmar=_measure(measures[4]),
        samples=tuple(float(item) for item in samples) if isinstance(samples, list) else (),
        by=str(by),
        why=str(why),
    )


def _measure(value: object) -> float | None:
    return value if isinstance(value, float) else None
