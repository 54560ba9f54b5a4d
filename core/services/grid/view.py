"""The picture of a grid: what the machine knows, framed by what only its service knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import from_ns, plain
from core.services.execution.snapshot import HealthResult
from core.services.grid.closing import SECOND_NS
from core.services.grid.ledger import NOBODY
from core.services.grid.machine import GridMachine
from core.services.grid.slots import Leg, Slot
from core.services.grid.snapshot import (
    Fields,
    GridPhase,
    GridProfit,
    GridSnapshot,
    SlotRow,
    SlotState,
)
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
    message_event: str = ""
    message_fields: Fields = ()
    message_at: datetime | None = None
    alarm: str = ""
    alarm_code: str = ""
    alarm_fields: Fields = ()
    alarm_at: datetime | None = None
    is_error: bool = False
    bells: int = 0
    foreign_orders: int = 0
    foreign_position: Decimal = Decimal(0)
    is_read_only: bool = False
    mark: Decimal | None = None
    """For open results; the machine's newest by default."""


class SlotRows:
    """The rows of a grid's slots, each made anew only when something that it shows is another.

    Once a second every slot is looked at; in between only those of which the machine says that they
    may have changed.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[tuple[object, ...], SlotRow]] = {}
        """Level -> what its row was made of, and the row."""
        self._rows: tuple[SlotRow, ...] = ()
        """As they were given last."""
        self._of: tuple[object, ...] = ()
        """What all rows depend on, when every slot was looked at."""
        self._looked_ns: int | None = None

    def of(self, machine: GridMachine, now_ns: int) -> tuple[SlotRow, ...]:
        """One row for each slot, from the highest price to the lowest.

        The same tuple is given as long as no row is another.
        """
        slots = machine.slots
        levels = self._levels_to_look_at(machine, slots, now_ns)
        if levels is None:
            self._known = {slot.level: self._row(machine, slot) for slot in slots}
        else:
            changed = False
            for level in levels:
                found = self._row(machine, slots[level - 1])
                changed |= found is not self._known.get(level)
                self._known[level] = found
            if not changed:
                return self._rows
        shown = [self._known[slot.level][1] for slot in slots if not _is_over(machine, slot)]
        rows = tuple(sorted(shown, key=_price, reverse=True))
        if rows != self._rows:
            self._rows = rows
        return self._rows

    def _levels_to_look_at(
        self, machine: GridMachine, slots: tuple[Slot, ...], now_ns: int
    ) -> list[int] | None:
        """Levels that may have changed; None for all of them."""
        common = (id(machine.ladder), len(slots), machine.is_paused)
        looked_ns = self._looked_ns
        unseen, machine.unseen = machine.unseen, set()
        is_known = common == self._of and looked_ns is not None
        if is_known and looked_ns is not None and 0 <= now_ns - looked_ns < SECOND_NS:
            return [level for level in unseen if 0 < level <= len(slots)]
        self._of, self._looked_ns = common, now_ns
        return None

    def _row(self, machine: GridMachine, slot: Slot) -> tuple[tuple[object, ...], SlotRow]:
        shown = _shown(slot, machine.ledger.lots(slot.level), is_paused=machine.is_paused)
        found = self._known.get(slot.level)
        if found is None or found[0] != shown:
            found = (shown, _slot_row(machine, slot))
        return found


def _is_over(machine: GridMachine, slot: Slot) -> bool:
    """Whether an edit took the slot's line off and it has sold what it held."""
    return slot.is_orphan and slot.order is None and not machine.ledger.lots(slot.level)


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
        order.client_order_id,
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
    rows = known.of(machine, now_ns)
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
        levels=settings.level_count if ladder is None else ladder.count,
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
        message_event=around.message_event,
        message_fields=around.message_fields,
        message_at=around.message_at,
        is_error=around.is_error,
        alarm=around.alarm,
        alarm_code=around.alarm_code,
        alarm_fields=around.alarm_fields,
        alarm_at=around.alarm_at,
        bells=around.bells,
        closing=()
        if closing is None
        else closing.steps(
            machine.open_orders,
            f"{plain(position)} {instrument.base}",
            is_flat=machine.closable_lots == 0,
        ),
        protections=machine.protections(now_ns),
        foreign_orders=around.foreign_orders,
        foreign_position=around.foreign_position,
        is_read_only=around.is_read_only,
    )


def grid_profit(machine: GridMachine, now_ns: int, mark: Decimal | None = None) -> GridProfit:
    """Where a grid's result comes from.

    Args:
        machine: Of the grid.
        now_ns: For its rates.
        mark: Price for open results; the machine's newest by default.
    """
    settings, market, ledger = machine.settings, machine.market, machine.ledger
    if mark is None and market is not None:
        mark = market.mark
    tick = settings.instrument.tick_size
    slots = [
        ledger.profit_of(slot.level, mark, slot.entry_price * tick, slot.exit_price * tick)
        for slot in machine.slots
    ]
    slots.append(ledger.profit_of(NOBODY, mark))
    return GridProfit(
        result=machine.result(now_ns, mark),
        slots=tuple(slots),
        trips=machine.history.trips(),
        capital=machine.capital,
        quote=settings.instrument.quote,
        base=settings.instrument.base,
    )


def _price(row: SlotRow) -> Decimal:
    return row.price


def phase_words(machine: GridMachine) -> str:
    """Why the grid is where it is, and what that means for its orders."""
    reason = machine.phase_reason
    meanings = {
        GridPhase.WAITING: f"{_away(machine)}No order before that.",
        GridPhase.PAUSED: "Orders stay; nothing new is sent.",
        GridPhase.HOLDING: "Nothing rests; resume builds again.",
        GridPhase.HALTED: "Orders stay; risk lets nothing new out.",
        GridPhase.DEGRADED: "The position is not closed yet; it is tried again.",
    }
    meaning = meanings.get(machine.phase, "")
    if not reason:
        return meaning
    return f"{reason}. {meaning}".rstrip()


def _away(machine: GridMachine) -> str:
    """How far the price is from where the grid begins."""
    distance, trigger = machine.trigger_distance, machine.settings.trigger_price
    if distance is None or not trigger:
        return ""
    return f"The price is {plain(distance)} away ({100 * distance / trigger:.2g} %). "


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
    side = slot.side
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
        client_order_id="" if order is None or order.shares is not None else order.client_order_id,
        note=_note(machine, slot, state),
    )


def _note(machine: GridMachine, slot: Slot, state: SlotState) -> str:
    if slot.note or slot.order is not None:
        return slot.note
    if state is SlotState.EMPTY and slot.is_waiting:
        price = plain(slot.entry_price * machine.settings.instrument.tick_size)
        word = "above" if slot.side.sign > 0 else "below"
        return f"waits until the price is {word} {price}"
    if machine.is_paused:
        return "sent on resume"
    return ""
