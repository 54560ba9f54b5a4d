"""What an edit changes, in the words of a question."""

from __future__ import annotations

from decimal import Decimal

from core.adapters.exchanges.models import plain
from core.services.grid.snapshot import EditDiff, EditLine
from tui.presentation.look import Look
from tui.presentation.questions import Question
from tui.strings import Words

SHOWN = 5
"""Orders of a kind that a question lists one by one."""


def in_short(diff: EditDiff, words: Words) -> str:
    """How many orders go, stay and come."""
    counts = {"cancel": len(diff.cancel), "keep": len(diff.keep), "place": len(diff.place)}
    return words("edit.short" if diff.touches_orders else "edit.untouched", **counts)


def about_edit(bot: str, diff: EditDiff, look: Look) -> Question:
    """The question before an edit: keys, orders, capital, exposure."""
    words = look.words
    lines = [
        f"{change.key.removeprefix('grid_system.')}: {_value(change.before)} → "
        f"{_value(change.after)}"
        for change in diff.changes
    ]
    lines.append(in_short(diff, words))
    for name, orders in (("edit.cancel", diff.cancel), ("edit.place", diff.place)):
        lines += [words(name, order=_order(line, words)) for line in orders[:SHOWN]]
        if len(orders) > SHOWN:
            lines.append(words("edit.more", count=len(orders) - SHOWN))
    lines += [
        words(
            "edit.kept_holding",
            amount=plain(item.amount),
            base=diff.base,
            price=plain(item.exit_price),
        )
        for item in diff.kept_holdings[:SHOWN]
    ]
    lines.append(_money("edit.capital", diff.capital_before, diff.capital_after, diff.quote, words))
    lines.append(
        _money("edit.exposure", diff.exposure_before, diff.exposure_after, diff.base, words)
    )
    return Question(
        title=words("edit.question", bot=bot),
        lines=tuple(lines),
        remark="  ".join(diff.notices),
        word=words("word.edit"),
    )


def _order(line: EditLine, words: Words) -> str:
    price = words("why.market") if line.price is None else f"@ {plain(line.price)}"
    side = words(f"side.{line.side.value}")
    taker = f"  {words('edit.taker')}" if line.is_taker else ""
    return f"{side} {plain(line.amount)} {price}{taker}"


def _money(name: str, before: Decimal, after: Decimal, unit: str, words: Words) -> str:
    change = after - before
    sign = "+" if change > 0 else ""
    text = words(name, before=plain(before), after=plain(after), unit=unit)
    return f"{text} ({sign}{plain(change)})" if change else text


def _value(text: str | None) -> str:
    return "—" if text is None else text
