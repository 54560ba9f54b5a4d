"""The ladder: resting orders above and below the market, the newest fill beside what it caused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from core.adapters.exchanges.models import OrderSide
from core.services.grid.snapshot import FillRow, GridPhase, GridSnapshot, SlotRow, SlotState
from tui.presentation.cells import Line, Span, left, plain_text, right, width
from tui.presentation.look import Look
from tui.presentation.numbers import exact, number, percent
from tui.presentation.times import age, since

FRESH_S = 10.0
"""A fill stays visible in the ladder for this long."""

OPEN = frozenset({SlotState.ENTRY_OPEN, SlotState.EXIT_OPEN})


class Rung(NamedTuple):
    """One row of the ladder: a slot's order, or the newest fill."""

    key: str
    """Identity of the row while it moves."""
    slot: SlotRow | None
    fill: FillRow | None
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Widths of the ladder's columns; 0 hides one."""

    level: int
    price: int
    side: int
    amount: int
    gap: int
    state: int
    distance: int
    entry: int
    exit: int


def mid(snapshot: GridSnapshot) -> Decimal | None:
    """Half way between bid and ask, else the last price."""
    if snapshot.bid is None or snapshot.ask is None:
        return snapshot.last
    return (snapshot.bid + snapshot.ask) / 2


def rungs(snapshot: GridSnapshot) -> list[Rung]:
    """Every row from the highest price to the lowest."""
    found = [Rung(f"slot{slot.level}", slot, None, slot.price) for slot in snapshot.slots]
    fill = newest_fill(snapshot)
    if fill is not None:
        row = Rung("fill", None, fill, fill.price)
        place = next(
            (index for index, rung in enumerate(found) if rung.price <= fill.price), len(found)
        )
        found.insert(place, row)
    return found


def newest_fill(snapshot: GridSnapshot) -> FillRow | None:
    """The newest fill while it is fresh."""
    if not snapshot.fills:
        return None
    fill = snapshot.fills[0]
    seconds = since(snapshot.at, fill.at)
    return fill if seconds is not None and seconds <= FRESH_S else None


def split_at(rows: Sequence[Rung], price: Decimal | None) -> int:
    """Index of the first row at or below the market."""
    if price is None:
        return len(rows) // 2
    return next((index for index, rung in enumerate(rows) if rung.price < price), len(rows))


def columns(snapshot: GridSnapshot, cells: int) -> Columns:
    """Widths for `cells` cells of content; extra columns appear when there is room."""
    longest = max((slot.price for slot in snapshot.slots), default=Decimal(0))
    most = max((slot.amount for slot in snapshot.slots), default=Decimal(0))
    price = max(8, len(number(longest, snapshot.price_decimals)))
    amount = max(6, len(number(most, snapshot.amount_decimals)))
    is_roomy = cells >= 1 + 4 + price + 4 + 3 + 4 + 2 + amount + 3 + 13
    level, gap, state = (4, 3, 13) if is_roomy else (3, 2, 9)
    left_over = cells - 1 - level - gap - 4 - 2 - amount - gap - state
    if left_over < price + 1:
        left_over, gap = left_over + 2, gap - 1
    wide = price + 2
    extra = left_over - price - 4
    has_distance = extra >= 10
    has_prices = extra >= 10 + 2 * wide
    return Columns(
        level=level,
        price=min(max(price + 1, left_over), price + 4),
        side=4,
        amount=amount,
        gap=gap,
        state=state,
        distance=10 if has_distance else 0,
        entry=wide if has_prices else 0,
        exit=wide if has_prices else 0,
    )


def header(cols: Columns, look: Look) -> Line:
    """Names of the columns."""
    words = look.words
    gap = " " * cols.gap
    text = " " + right(words("ladder.level"), cols.level)
    text += right(words("ladder.price"), cols.price) + gap
    text += left(words("ladder.side"), cols.side) + "  "
    text += right(words("ladder.amount"), cols.amount) + gap
    text += left(words("ladder.state"), cols.state)
    if cols.distance:
        text += right(words("ladder.distance"), cols.distance)
    if cols.entry:
        text += right(words("ladder.entry"), cols.entry) + right(words("ladder.exit"), cols.exit)
    return (Span(text, "header"),)


def row(
    rung: Rung,
    snapshot: GridSnapshot,
    cols: Columns,
    look: Look,
    market: Decimal | None = None,
) -> Line:
    """One row of the ladder.

    Args:
        market: Price that distances are measured from; the snapshot's mid by default.
    """
    side, amount, level = _facts(rung)
    side_tone = "buy" if side is OrderSide.BUY else "sell"
    gap = " " * cols.gap
    state = slot_state(rung, snapshot.at, look, has_age=cols.state > 9)
    is_idle = rung.slot is not None and rung.slot.state in {SlotState.EMPTY, SlotState.PARKED}
    tone = "dim" if is_idle else side_tone
    line: list[Span] = [
        Span(f" {right('' if level is None else str(level), cols.level)}", "dim"),
        Span(right(number(rung.price, snapshot.price_decimals), cols.price) + gap, tone),
        Span(left(look.words(f"side.{side.value.lower()}"), cols.side) + "  ", tone),
        Span(right(number(amount, snapshot.amount_decimals), cols.amount) + gap, "dim" * is_idle),
        Span(left(state.text, cols.state), state.tone),
    ]
    if cols.distance:
        line.append(
            Span(right(distance(rung.price, market or mid(snapshot)), cols.distance), "dim")
        )
    if cols.entry and rung.slot is not None:
        places = snapshot.price_decimals
        prices = right(number(rung.slot.entry_price, places), cols.entry)
        prices += right(number(rung.slot.exit_price, places), cols.exit)
        line.append(Span(prices, "dim"))
        if rung.slot.note:
            line.append(Span(f"  {look.words.heard.sentence(rung.slot.note)}", "dim"))
    return tuple(line)


def _facts(rung: Rung) -> tuple[OrderSide, Decimal, int | None]:
    if rung.slot is not None:
        return rung.slot.side, rung.slot.amount, rung.slot.level
    fill = rung.fill
    if fill is None:
        message = "a rung shows a slot or a fill"
        raise ValueError(message)
    return fill.side, fill.amount, fill.level


def distance(price: Decimal, market: Decimal | None) -> str:
    """How far a price is from the market, as a signed fraction in per cent."""
    return percent(None if not market else price / market - 1, 2, is_signed=True)


def slot_state(rung: Rung, now: datetime, look: Look, *, has_age: bool = True) -> Span:
    """Sign and word for where an order stands."""
    words, glyphs = look.words, look.glyphs
    slot = rung.slot
    quiet = {
        SlotState.PARKED: Span(f"{glyphs.parked} {words('ladder.parked')}", "warn"),
        SlotState.EMPTY: Span(f"{glyphs.light_off} {words('ladder.waiting')}", "dim"),
        SlotState.ENTRY_PENDING: Span(f"{glyphs.sent} {words('ladder.sent')}", "warn"),
        SlotState.EXIT_PENDING: Span(f"{glyphs.sent} {words('ladder.sent')}", "warn"),
    }
    if slot is None:
        passed = None if rung.fill is None else since(now, rung.fill.at)
        text = words("ladder.filled", age=age(passed, is_fine=False) if has_age else "")
        return Span(f"{glyphs.filled} {text}".rstrip(), "ok")
    if slot.state is SlotState.UNKNOWN:
        asked = since(now, slot.unknown_since)
        text = words("ladder.unknown", age=age(asked, is_fine=False) if has_age else "")
        return Span(f"{glyphs.unknown} {text}".rstrip(), "error")
    is_unsent = slot.state is SlotState.EXIT_PENDING and not slot.client_order_id
    if slot.state in quiet:
        return quiet[SlotState.EMPTY if is_unsent else slot.state]
    if slot.filled and slot.amount:
        share = percent(slot.filled / slot.amount)
        return Span(f"{'◔' if glyphs.has_braille else glyphs.light_half} {share}", "ok")
    passed = since(now, slot.last_fill_at)
    if passed is not None and passed <= FRESH_S and slot.state is SlotState.EXIT_OPEN:
        return Span(f"{glyphs.sent} {words('ladder.placed')}", "ok")
    return Span(f"{glyphs.light_on} {words('ladder.resting')}", "dim")


def is_still(rung: Rung, now: datetime) -> bool:
    """Whether a row looks the same as long as its order does."""
    slot = rung.slot
    if slot is None or slot.unknown_since is not None:
        return False
    passed = since(now, slot.last_fill_at)
    return passed is None or passed > FRESH_S


def mid_line(snapshot: GridSnapshot, cells: int, look: Look, *, is_stale: bool = False) -> Line:
    """The market between the orders: `──── 118,402.4 ── mid · spread 0.8 ────`."""
    words, glyphs = look.words, look.glyphs
    rule = glyphs.hatch if is_stale else glyphs.horizontal
    market = mid(snapshot)
    if market is None:
        text = f" {words('ladder.no_price')} "
        return (Span(" " + rule * 4 + text + rule * max(0, cells - 5 - width(text)), "dim"),)
    price = exact(market, snapshot.price_decimals)
    tone = "stale" if is_stale else "mid"
    note = f" {words('ladder.mid')} "
    if snapshot.bid is not None and snapshot.ask is not None:
        spread = exact(snapshot.ask - snapshot.bid, snapshot.price_decimals)
        note += f"{glyphs.dot} {words('ladder.spread')} {spread} "
    taken = 1 + 4 + 1 + len(price) + 1 + 2 + width(note)
    return (
        Span(" " + rule * 4 + " ", "rule"),
        Span(price, tone, "mid"),
        Span(" " + rule * 2, "rule"),
        Span(note, "dim"),
        Span(rule * max(0, cells - taken), "rule"),
    )


def summary(snapshot: GridSnapshot, look: Look, *, is_narrow: bool = False) -> list[Line]:
    """What rests, and whether the venue agrees; one line when narrow."""
    words = look.words
    resting = [slot.side for slot in snapshot.slots if slot.state in OPEN]
    counts = words(
        "ladder.count",
        sells=resting.count(OrderSide.SELL),
        buys=resting.count(OrderSide.BUY),
    )
    if snapshot.waiting:
        counts += f" {look.glyphs.dot} " + words("ladder.count_waiting", waiting=snapshot.waiting)
    check = match_line(snapshot, look, has_age=not is_narrow)
    if is_narrow:
        joint = f" {look.glyphs.dot} "
        return [(Span(f" {counts}{joint}", "dim"), Span(plain_text(check).strip(), check[-1].tone))]
    return [(Span(f" {counts}", "dim"),), check]


def match_line(snapshot: GridSnapshot, look: Look, *, has_age: bool = True) -> Line:
    """Whether journal and venue agree, and when that was seen."""
    words, health = look.words, snapshot.health
    if health.checked_at is None:
        return (Span(f" {words('ladder.unchecked')}", "dim"),)
    checked = ""
    if has_age:
        passed = age(since(snapshot.at, health.checked_at), is_fine=False)
        checked = "  " + words("ladder.checked", age=passed)
    if health.missing or health.unknown:
        text = words("ladder.differs", missing=health.missing, unknown=health.unknown)
        return (Span(f" {text}", "error"),)
    if health.position_difference:
        difference = number(health.position_difference, snapshot.amount_decimals, is_signed=True)
        text = words("ladder.differs_position", difference=difference)
        return (Span(f" {text}", "error"),)
    said = {None: "ladder.match", 0: "ladder.none_then"}.get(unproved(snapshot), "ladder.newer")
    return (Span(f" {words(said)}{checked}", "dim"),)


def unproved(snapshot: GridSnapshot) -> int | None:
    """Orders that rest now where the last comparison found none at all.

    It proves nothing of any order then, above all not of those that came after it; None where there
    was something to compare, or no comparison yet.
    """
    health = snapshot.health
    if health.checked_at is None or health.matched or health.missing or health.unknown:
        return None
    return sum(slot.state in OPEN for slot in snapshot.slots)


def title_state(snapshot: GridSnapshot, look: Look) -> str:
    """Symbol, levels and interval, after the phase when it is not simply running."""
    cross = "x" if look.glyphs.name == "ascii" else "×"
    interval = exact(snapshot.interval, snapshot.price_decimals)
    text = f"{snapshot.symbol} {look.glyphs.dot} {snapshot.levels} {cross} {interval}"
    if snapshot.phase is GridPhase.RUNNING:
        return text
    return f"{look.words(f'phase.{snapshot.phase.value}')} {look.glyphs.dot} {text}"
