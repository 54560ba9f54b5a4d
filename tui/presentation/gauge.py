"""Bars: how much of a limit is used."""

from __future__ import annotations

from decimal import Decimal

from tui.presentation.cells import Line, Span
from tui.presentation.glyphs import Glyphs

LOW = Decimal("0.6")
HIGH = Decimal("0.85")


def gauge_tone(fraction: Decimal) -> str:
    """`gauge-low`, `gauge-mid` or `gauge-high`; the bar's length says the same without colour."""
    if fraction < LOW:
        return "gauge-low"
    return "gauge-mid" if fraction < HIGH else "gauge-high"


def used(value: Decimal, limit: Decimal) -> Decimal:
    """The used fraction of a limit, at least 0; a limit of 0 is wholly used by anything."""
    if limit <= 0:
        return Decimal(1) if value > 0 else Decimal(0)
    return max(Decimal(0), value / limit)


def bar(fraction: Decimal | None, cells: int, glyphs: Glyphs, tone: str | None = None) -> Line:
    """A bar of `cells` cells; anything above zero shows at least one.

    Its colour says how full it is, unless `tone` says that being full means nothing.
    """
    if fraction is None:
        return (Span(glyphs.bar_rest * cells, "dim"),)
    clamped = min(Decimal(1), max(Decimal(0), fraction))
    full = round(clamped * cells)
    if clamped > 0:
        full = max(1, full)
    return (
        Span(glyphs.bar * full, gauge_tone(clamped) if tone is None else tone),
        Span(glyphs.bar_rest * (cells - full), "dim"),
    )
