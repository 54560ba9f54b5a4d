"""What a question says before a dangerous act: exactly which, how many, worth what."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.services.grid.snapshot import GridSnapshot
from core.services.portfolio.snapshot import HomeSnapshot
from tui.presentation.ladder import OPEN, mid
from tui.presentation.look import Look
from tui.presentation.numbers import UNKNOWN, number, signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, in words."""

    title: str
    how: str = ""
    """Such as `, at market`."""
    lines: tuple[str, ...]
    """What will happen, one act a line."""
    remark: str = ""
    word: str
    """What must be typed at the gravest level, and the name of the button."""


def open_orders(snapshot: GridSnapshot) -> int:
    """Orders of this grid that rest."""
    return sum(slot.state in OPEN for slot in snapshot.slots)


def about_grid(act: str, snapshot: GridSnapshot, look: Look) -> Question:
    """The question before an act on a grid.

    Args:
        act: `cancel_all`, `flatten`, `stop`, `pause` or `resume`.
    """
    words = look.words
    title = words(
        "ask.title",
        act=words(f"act.{act}").capitalize(),
        symbol=snapshot.base,
        venue=snapshot.venue,
    )
    cancel = words("ask.cancel", count=open_orders(snapshot))
    if act == "flatten":
        result = signed(snapshot.result.unrealized_pnl, snapshot.quote_decimals)
        remark = f"{words('ask.result', value=result)}   {words('ask.final')}"
        return Question(
            title=title,
            how=words("ask.at_market"),
            lines=(cancel, _closing(snapshot, look), words("ask.hold", symbol=snapshot.symbol)),
            remark=remark,
            word=words("word.flatten"),
        )
    lines: tuple[str, ...] = (words(f"ask.{act}", symbol=snapshot.symbol, count=snapshot.waiting),)
    if act == "cancel_all":
        lines = (cancel, words("ask.hold", symbol=snapshot.symbol), _kept(snapshot, look))
    elif act == "stop":
        lines += (_open_now(snapshot, look),)
    return Question(title=title, lines=lines, word=words(f"word.{act}"))


def _open_now(snapshot: GridSnapshot, look: Look) -> str:
    position = signed(snapshot.result.position, snapshot.amount_decimals)
    count = open_orders(snapshot)
    return look.words("ask.open_now", count=count, position=position, base=snapshot.base)


def _kept(snapshot: GridSnapshot, look: Look) -> str:
    position = signed(snapshot.result.position, snapshot.amount_decimals)
    return look.words("ask.keep_position", position=position, base=snapshot.base)


def _closing(snapshot: GridSnapshot, look: Look) -> str:
    """What is sold or bought, what it is worth, and what crossing the spread costs."""
    words, position = look.words, snapshot.result.position
    side = words("side.sell" if position > 0 else "side.buy")
    amount = number(abs(position), snapshot.amount_decimals)
    text = words("ask.close", side=side, amount=amount, base=snapshot.base)
    price = mid(snapshot)
    if price is None:
        return text
    worth = words("ask.worth", notional=number(abs(position) * price, 0), quote=snapshot.quote)
    spread = words("ask.slippage", bps=half_spread_bps(snapshot))
    return f"{text}   {worth}   {spread}"


def half_spread_bps(snapshot: GridSnapshot) -> str:
    """What crossing half the spread costs, in basis points."""
    price = mid(snapshot)
    if not price or snapshot.bid is None or snapshot.ask is None:
        return UNKNOWN
    return number((snapshot.ask - snapshot.bid) / 2 / price * Decimal(10_000), 1)


def what_is_left(snapshot: GridSnapshot | HomeSnapshot | None, look: Look) -> tuple[str, ...]:
    """After a halt: the orders and positions that remain."""
    words = look.words
    lines: list[str] = []
    if isinstance(snapshot, HomeSnapshot):
        orders = sum(venue.open_orders for venue in snapshot.venues)
        if orders:
            lines.append(words("ask.kill_orders", count=orders))
        lines += [
            words(
                "ask.kill_position",
                position=f"{position.size:+f}",
                base=position.symbol,
                symbol=position.venue,
            )
            for position in snapshot.positions
            if position.size
        ]
    elif snapshot is not None:
        if open_orders(snapshot):
            lines.append(words("ask.kill_orders", count=open_orders(snapshot)))
        if snapshot.result.position:
            position = signed(snapshot.result.position, snapshot.amount_decimals)
            lines.append(
                words(
                    "ask.kill_position",
                    position=position,
                    base=snapshot.base,
                    symbol=snapshot.symbol,
                )
            )
    return tuple(lines) or (words("ask.kill_nothing"),)
