"""Where a grid's result comes from, as the screen and `ctos status NAME` show it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from core.services.grid.snapshot import GridProfit, SlotProfit, TripRow
from tui.presentation.cells import left, right, width
from tui.presentation.look import ENGLISH
from tui.presentation.numbers import number, signed
from tui.presentation.times import age
from tui.strings import Words

NAME_CELLS = 16
SHOWN_TRIPS = 12


def profit_lines(
    bot: str, profit: GridProfit, words: Words = ENGLISH, most_trips: int = SHOWN_TRIPS
) -> list[str]:
    """A grid's result as text."""
    return [
        bot,
        "",
        *sum_lines(profit, words),
        "",
        words("profit.slots"),
        *_slot_lines(profit.slots, words),
        "",
        words("profit.trips", count=len(profit.trips)),
        *_trip_lines(profit.trips[:most_trips], words),
    ]


def sum_lines(profit: GridProfit, words: Words) -> list[str]:
    """The sums, whose parts are listed below them."""
    result, quote = profit.result, profit.quote
    held = f"{signed(result.position, 6)} {profit.base}" if result.position else "0"
    rows = (
        ("profit.round_trips", f"{signed(result.trips_net, 4)} {quote}  ({result.round_trips})"),
        ("result.realized", f"{signed(result.realized_pnl, 4)} {quote}"),
        ("result.unrealized", f"{signed(result.unrealized_pnl, 4)} {quote}"),
        ("result.fees", f"{signed(-result.fees, 4)} {quote}"),
        ("result.funding", f"{signed(result.funding, 4)} {quote}"),
        ("profit.net", f"{signed(result.net, 4)} {quote}"),
        ("profit.unpaired", held),
        ("profit.cycle_apr", _rate(result.cycle_apr, result.run_s, words)),
        ("profit.net_apr", _rate(result.net_apr, result.run_s, words)),
        ("profit.apr_24h", _rate(result.apr_24h, result.sample_24h_s, words)),
    )
    return [f"  {left(words(name), NAME_CELLS)} {text}" for name, text in rows]


def percent(value: Decimal | None) -> str:
    """A fraction as percent with one decimal."""
    return "—" if value is None else f"{number(value * 100, 1)}%"


def _rate(value: Decimal | None, sample_s: int, words: Words) -> str:
    if value is None:
        return words("profit.too_short", age=age(sample_s))
    return words("profit.measured", rate=percent(value), age=age(sample_s))


def _slot_lines(slots: Sequence[SlotProfit], words: Words) -> list[str]:
    rows = [
        (
            words("profit.rest") if item.level is None else str(item.level),
            _price(item.entry_price),
            _price(item.exit_price),
            str(item.round_trips),
            signed(item.realized, 4),
            signed(-item.fees, 4),
            signed(item.holds, 6) if item.holds else "0",
            signed(item.unrealized, 4) if item.holds else "0",
        )
        for item in slots
        if item.round_trips or item.fees or item.holds or item.realized
    ]
    names = ("level", "entry", "exit", "trips", "realized", "fees", "holds", "unrealized")
    return _table(tuple(words(f"profit.col.{name}") for name in names), rows)


def _trip_lines(trips: Sequence[TripRow], words: Words) -> list[str]:
    rows = [
        (
            f"{item.closed_at:%m-%d %H:%M:%S}",
            "—" if item.level is None else str(item.level),
            _price(item.entry_price),
            _price(item.exit_price),
            number(item.amount, 6),
            signed(-item.fees, 4),
            signed(item.net, 4),
            "—"
            if item.opened_at is None
            else age((item.closed_at - item.opened_at).total_seconds()),
        )
        for item in trips
    ]
    names = ("closed", "level", "entry", "exit", "amount", "fees", "net", "held")
    return _table(tuple(words(f"profit.col.{name}") for name in names), rows)


def _price(value: Decimal | None) -> str:
    return "—" if value is None else f"{value:,.6f}".rstrip("0").rstrip(".")


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return ["  —"]
    widths = [max(width(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  " + "  ".join(right(cell, size) for cell, size in zip(row, widths, strict=True))
        for row in (head, *rows)
    ]
