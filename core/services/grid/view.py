"""The picture of a grid: what the machine knows, framed by what only its service knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import from_ns, plain
from core.services.execution.snapshot import HealthResult
from core.services.grid.closing import SECOND_NS
from core.services.grid.machine import GridMachine
from core.services.grid.slots import Leg, Slot
from core.services.grid.snapshot import GridPhase, GridSnapshot, SlotRow, SlotState
from core.services.market_data.snapshot import FeedLight, PricePoint
from core.services.risk.snapshot import LimitGauge

_RESTING = frozenset({SlotState.ENTRY_OPEN, SlotState.EXIT_OPEN})
NEVER_CHECKED: Final = HealthResult(checked_at=None, next_at=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a grid's picture shows that its machine does not know."""

    bot: str
    mode: str
    """`paper` or `live`."""
    feed: str = ""
    feed_notice: str = ""
    equity: Decimal | None = None
    day_change: Decimal | None = None
    liquidation_price: Decimal | None = None
    health: HealthResult = NEVER_CHECKED
    lights: tuple[FeedLight, ...] = ()
    limits: tuple[LimitGauge, ...] = ()
    prices: tuple[PricePoint, ...] = ()
    message: str = ""
    message_at: datetime | None = None
    is_error: bool = False
    foreign_orders: int = 0
    foreign_position: Decimal = Decimal(0)
    is_read_only: bool = False
    mark: Decimal | None = None
    """For open results; the machine's newest by default."""


class SlotRows:
    """The rows of a grid's slots, each made anew only when something that it shows is another."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[tuple[object, ...], SlotRow]] = {}
        """Level -> what its row was made of, and the row."""

    def of(self, machine: GridMachine) -> list[SlotRow]:
        """One row for each slot, level 1 first."""
        is_paused, known = machine.is_paused, self._known
        rows: list[SlotRow] = []
        for slot in machine.slots:
            shown = _shown(slot, machine.ledger.lots(slot.level), is_paused=is_paused)
            found = known.get(slot.level)
            if found is None or found[0] != shown:
                found = known[slot.level] = (shown, _slot_row(machine, slot))
            rows.append(found[1])
        return rows


def _shown(slot: Slot, lots: int, *, is_paused: bool) -> tuple[object, ...]:
    """All that a slot's row depends on, beside what never changes."""
    order = slot.order
    own = (
        slot.entry_price,
        slot.exit_price,
        slot.amount,
        slot.minimum,
        slot.is_waiting,
        slot.is_parked,
        slot.last_fill_ns,
        slot.note,
        lots,
        is_paused,
    )
    if order is None:
        return own
    return (
        *own,
        order.progress,
        order.leg,
        order.amount,
        order.filled,
        order.unknown_ns,
        order.shares is None,
    )


def grid_snapshot(
    machine: GridMachine, now_ns: int, around: Surroundings, slot_rows: SlotRows | None = None
) -> GridSnapshot:
    """Everything the grid screen shows, at one moment.

    Args:
        machine: Of the grid.
        now_ns: The moment.
        around: What the machine does not know.
        slot_rows: Kept from one picture of this machine to the next.
    """
    settings, instrument, ladder = machine.settings, machine.settings.instrument, machine.ladder
    tick = instrument.tick_size
    market = machine.market
    known = slot_rows or SlotRows()
    rows = tuple(sorted(known.of(machine), key=_price, reverse=True))
    resting = [row.state for row in rows if row.state in _RESTING]
    since_ns, closing = machine.phase_since_ns, machine.closing
    position = machine.ledger.position
    lower, upper = settings.lower_price, settings.upper_price
    if ladder is not None:
        lower, upper = ladder.lower * tick, ladder.upper * tick
    mark = around.mark
    if mark is None and market is not None:
        mark = market.mark
    return GridSnapshot(
        bot=around.bot,
        mode=around.mode,
        venue=instrument.venue,
        symbol=instrument.symbol,
        base=instrument.base,
        quote=instrument.quote,
        grid_type=settings.grid_type.value,
        price_decimals=instrument.price_decimals,
        amount_decimals=instrument.amount_decimals,
        at=from_ns(now_ns),
        started_at=from_ns(machine.started_ns if machine.started_ns is not None else now_ns),
        phase=machine.phase,
        phase_reason=phase_words(machine),
        phase_since=None if since_ns is None else from_ns(since_ns),
        feed=around.feed,
        feed_notice=around.feed_notice,
        levels=settings.level_count,
        interval=settings.grid_interval,
        lower_price=lower,
        upper_price=upper,
        unused_range=_unused(machine),
        bid=None if market is None or market.bid is None else market.bid * tick,
        ask=None if market is None or market.ask is None else market.ask * tick,
        last=None if market is None or market.last is None else market.last * tick,
        mark=mark,
        slots=rows,
        entries_resting=resting.count(SlotState.ENTRY_OPEN),
        exits_resting=resting.count(SlotState.EXIT_OPEN),
        waiting=len(rows) - len(resting),
        fills=machine.history.rows(),
        result=machine.result(now_ns, mark),
        equity=around.equity,
        day_change=around.day_change,
        liquidation_price=around.liquidation_price,
        health=around.health,
        lights=around.lights,
        limits=around.limits,
        follow_state=follow_words(machine, now_ns),
        prices=around.prices,
        message=around.message,
        message_at=around.message_at,
        is_error=around.is_error,
        closing=()
        if closing is None
        else closing.steps(
            machine.open_orders,
            f"{plain(position)} {instrument.base}",
            is_flat=machine.ledger.total_lots() == 0,
        ),
        foreign_orders=around.foreign_orders,
        foreign_position=around.foreign_position,
        is_read_only=around.is_read_only,
    )


def _price(row: SlotRow) -> Decimal:
    return row.price


def phase_words(machine: GridMachine) -> str:
    """Why the grid is where it is, and what that means for its orders."""
    reason = machine.phase_reason
    meanings = {
        GridPhase.PAUSED: "Orders stay; nothing new is sent.",
        GridPhase.HOLDING: "Nothing rests; resume builds again.",
        GridPhase.HALTED: "Orders stay; risk lets nothing new out.",
        GridPhase.DEGRADED: "The position is not closed yet; it is tried again.",
    }
    meaning = meanings.get(machine.phase, "")
    if not reason:
        return meaning
    return f"{reason}. {meaning}".rstrip()


def follow_words(machine: GridMachine, now_ns: int) -> str:
    """How far an escape has come; empty for a grid that never follows."""
    settings, watch = machine.settings, machine.watch
    if not settings.grid_type.is_follow:
        return ""
    if settings.follow_timeout_s is None:
        return "never re-centres"
    if watch is None or watch.since_ns is None:
        return "not escaped"
    passed_s = max(0, now_ns - watch.since_ns) // SECOND_NS
    return f"escaped {passed_s} s of {settings.follow_timeout_s} s"


def _unused(machine: GridMachine) -> Decimal:
    if machine.ladder is None or machine.settings.grid_type.is_follow:
        return Decimal(0)
    return machine.ladder.unused * machine.settings.instrument.tick_size


def _slot_row(machine: GridMachine, slot: Slot) -> SlotRow:
    instrument, order = machine.settings.instrument, slot.order
    lots = machine.ledger.lots(slot.level)
    state = slot.state(lots)
    leg = slot.leg(lots) if order is None else order.leg
    side = machine.settings.entry_side
    entry, leaving = slot.entry_price * instrument.tick_size, slot.exit_price * instrument.tick_size
    if order is None or order.shares is not None:
        amount = lots if leg is Leg.EXIT else slot.missing(lots)
        filled = 0
    else:
        amount, filled = order.amount, order.filled
    return SlotRow(
        level=slot.level,
        state=state,
        side=side.opposite if leg is Leg.EXIT else side,
        price=leaving if leg is Leg.EXIT else entry,
        entry_price=entry,
        exit_price=leaving,
        amount=amount * instrument.lot_size,
        filled=filled * instrument.lot_size,
        last_fill_at=None if slot.last_fill_ns is None else from_ns(slot.last_fill_ns),
        unknown_since=None
        if order is None or order.unknown_ns is None
        else from_ns(order.unknown_ns),
        note=_note(machine, slot, state),
    )


def _note(machine: GridMachine, slot: Slot, state: SlotState) -> str:
    if slot.note or slot.order is not None:
        return slot.note
    if state is SlotState.EMPTY and slot.is_waiting:
        price = plain(slot.entry_price * machine.settings.instrument.tick_size)
        word = "above" if machine.settings.entry_side.sign > 0 else "below"
        return f"waits until the price is {word} {price}"
    if machine.is_paused:
        return "sent on resume"
    return ""
