"""An order explained: rule, inputs, executions, the slot's other orders, and what came of it.

The same lines stand on the screen and come out of `ctos why`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from core.adapters.exchanges.models import plain
from core.services.execution.snapshot import ExplainedFill, Explanation, SlotOrder
from tui.presentation.cells import left, right
from tui.presentation.look import ENGLISH
from tui.strings import Words

NAME_CELLS = 14
AGE = "_age_ms"


def why_lines(found: Explanation, words: Words = ENGLISH) -> list[str]:
    """Everything on record of an order, as text."""
    return [
        *_head(found, words),
        "",
        words("why.because"),
        *_rule(found, words),
        *_section(words("why.fills"), [_fill(item, words) for item in found.fills]),
        *_section(
            words("why.learned"),
            [f"{item.at:%H:%M:%S}  {item.kind.lower()}  {item.detail}" for item in found.learned],
        ),
        *_section(words("why.history"), _history(found)),
        "",
        words("why.outcome"),
        f"  {found.outcome}",
    ]


def _head(found: Explanation, words: Words) -> Iterator[str]:
    price = words("why.market") if found.price is None else f"@ {plain(found.price)}"
    amount = "" if found.amount is None else f" {plain(found.amount)}"
    level = "" if found.level is None else f"  {words('why.level', level=found.level)}"
    yield f"{found.leg} {found.side}{amount} {price}{level}  {found.state.lower()}"
    yield f"  {left(words('detail.client_id'), NAME_CELLS)}{found.client_order_id}"
    if found.order_id:
        yield f"  {left(words('detail.venue_id'), NAME_CELLS)}{found.order_id}"
    yield f"  {left(words('why.bot'), NAME_CELLS)}{found.bot}  {found.venue} {found.symbol}"
    at = f"{found.at:%Y-%m-%d %H:%M:%S}.{found.at.microsecond // 1000:03d}Z"
    yield f"  {left(words('why.decided'), NAME_CELLS)}{at}"


def _rule(found: Explanation, words: Words) -> Iterator[str]:
    refusal = found.refusal
    if refusal is not None:
        yield f"  {left(words('why.code'), NAME_CELLS)}{refusal.code}"
        if refusal.limit is not None:
            yield f"  {left(words('why.limit'), NAME_CELLS)}{refusal.limit}"
        if refusal.value is not None:
            yield f"  {left(words('why.value'), NAME_CELLS)}{refusal.value}"
    if not found.rule:
        return
    _, _, short = found.rule.partition(".")
    meaning = words.get(f"rule.{found.rule}", words.get(f"rule.{short}", ""))
    yield f"  {found.rule}" + (f": {meaning}" if meaning else "")
    for name, value in found.inputs:
        yield f"  {_input(name, value, words)}"


def _input(name: str, value: str, words: Words) -> str:
    if name.endswith(AGE) and value.isdigit():
        label = words("why.age", name=name.removesuffix(AGE).replace("_", " "))
        return f"{left(label, NAME_CELLS)}{value} ms"
    return f"{left(name.replace('_', ' '), NAME_CELLS)}{value}"


def _fill(item: ExplainedFill, words: Words) -> str:
    kind = "" if item.is_maker is None else f"  {'maker' if item.is_maker else 'taker'}"
    text = f"{item.at:%H:%M:%S}  {plain(item.amount)} @ {plain(item.price)}"
    text += f"  {words('why.fee', fee=plain(item.fee))}{kind}"
    if item.round_trip is not None:
        text += f"  {words('why.round_trip', result=_signed(item.round_trip))}"
    return text


def _history(found: Explanation) -> list[str]:
    return [_slot_order(item, found.client_order_id) for item in found.history]


def _slot_order(item: SlotOrder, own: str) -> str:
    mark = ">" if item.client_order_id == own else " "
    price = "market" if item.price is None else plain(item.price)
    return (
        f"{mark} {item.at:%m-%d %H:%M:%S}  {left(item.client_order_id, 18)} {left(item.leg, 7)}"
        f" {left(item.side, 4)} {right(price, 12)}  {plain(item.filled)}/{plain(item.amount)}"
        f"  {item.state.lower()}  {item.rule}"
    )


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def _signed(value: Decimal) -> str:
    return f"+{plain(value)}" if value > 0 else plain(value)
