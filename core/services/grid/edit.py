"""What other settings would do to a running grid, before they do it.

    plan_edit(machine, settings) ─► EditDiff      nothing happens
    machine.on(Edited(settings)) ─► commands      the same, in earnest

The diff is no second opinion: it is read off a copy of the machine that is really edited, so what
is shown is what will be done, whatever else the machine has come to know.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.models import OrderSide, OrderStatus, TimeInForce
from core.domain.commands import CancelOrder, Command, PlaceOrder
from core.domain.events import Act, Asked, OrderEnded, Reconciled, RiskStateChanged
from core.errors import ConfigError
from core.services.grid.editing import Edited
from core.services.grid.ladder import build_ladder
from core.services.grid.machine import GridMachine
from core.services.grid.settings import GridSettings
from core.services.grid.slots import Leg, Slot
from core.services.grid.snapshot import EditDiff, EditLine, GridPhase, KeptHolding, KeyChange
from core.services.risk.limits import PlanLimits

BUSY: Final = {
    GridPhase.RESETTING: "it is being built anew",
    GridPhase.DEGRADED: "its position is being closed",
    GridPhase.STOPPING: "it is ending",
    GridPhase.STOPPED: "it has ended",
}
FIXED: Final = ("symbol", "tick_size", "lot_size", "contract_size", "market_type", "fee_asset")
"""Facts of the instrument that orders and books are counted in."""


def plan_edit(machine: GridMachine, settings: GridSettings, *, at_ns: int) -> EditDiff:
    """What would become of a grid's orders under other settings.

    Args:
        machine: Of the running grid; it is not changed.
        settings: New, checked.
        at_ns: Now.

    Raises:
        ConfigError: If this cannot be edited now, with the way out.
    """
    refuse(machine, settings)
    after = scratch(machine)
    before = {order.client_order_id for order in machine.orders}
    try:
        commands = after.on(Edited(at_ns=at_ns, settings=settings))
    except ValueError as error:
        raise ConfigError(f"the ladder cannot be built: {error}.") from error
    cancelled = {order.client_order_id for order in after.orders if order.is_cancelling}
    settled = _settle(after, commands, cancelled, at_ns)
    cancelled |= settled.cancelled & before
    placed = [item for item in settled.placed if item.client_order_id not in settled.cancelled]
    return EditDiff(
        cancel=_sorted(_line_of(machine, id_) for id_ in cancelled),
        keep=_sorted(
            _line_of(after, order.client_order_id)
            for order in after.orders
            if order.client_order_id in before - cancelled
        ),
        place=_sorted(_placed_line(after, command) for command in placed),
        kept_holdings=_kept_holdings(after),
        capital_before=machine.capital,
        capital_after=after.capital,
        exposure_before=_exposure(machine)[0],
        exposure_after=_exposure(after)[0],
        exposure_quote_before=_exposure(machine)[1],
        exposure_quote_after=_exposure(after)[1],
        notices=tuple(_notices(machine, after, settings, placed)),
        quote=settings.instrument.quote,
        base=settings.instrument.base,
    )


def refuse(machine: GridMachine, settings: GridSettings) -> None:
    """Says no to what cannot be changed under a running grid.

    Raises:
        ConfigError: With key, both values and the way out.
    """
    old, new = machine.settings.instrument, settings.instrument
    if old.venue != new.venue:
        raise _unchangeable("exchange", old.venue, new.venue)
    for key in FIXED:
        if getattr(old, key) != getattr(new, key):
            shown = "symbol" if key == "symbol" else f"instrument.{key}"
            raise _unchangeable(shown, getattr(old, key), getattr(new, key))
    busy = BUSY.get(machine.phase)
    if busy is not None and machine.is_reconciled:
        raise ConfigError(
            f"the grid cannot be edited now: {busy}.",
            remedy="Try again once that is over; it runs on as it is.",
        )
    if machine.settings.entry_side is not settings.entry_side and machine.has_anything:
        raise ConfigError(
            f"{machine.settings.grid_type} cannot become {settings.grid_type} while it has "
            f"{machine.open_orders} orders or a position: they would turn against it.",
            key="grid_system.grid_type",
            remedy="Flatten it first, edit it while nothing is open, then resume.",
        )
    if machine.ladder is None or machine.market is not None:
        return
    if settings.grid_type.is_follow and not machine.has_lines_of(settings):
        raise ConfigError(
            "a follow grid computes its range from the price, and there is none yet.",
            key="grid_system.grid_type",
            remedy="Edit it again once prices come in.",
        )


def _unchangeable(key: str, before: object, after: object) -> ConfigError:
    return ConfigError(
        f"{key} cannot be edited: it is {before}, and would be {after}.",
        key=f"grid_system.{key}",
        remedy="Stop the bot, then start another one with the new file under its own `name:`.",
    )


def scratch(machine: GridMachine) -> GridMachine:
    """A copy to try things on; what is only read is shared."""
    shared = {id(item): item for item in (machine.settings, machine.history, machine.market)}
    return copy.deepcopy(machine, shared)


def with_left_over(needs: PlanLimits, machine: GridMachine) -> PlanLimits:
    """What a ladder needs, and beside it what an edit has left over and what it is cancelling."""
    instrument, position, value = machine.settings.instrument, Decimal(0), Decimal(0)
    orders = 0
    for slot in machine.slots:
        order = slot.order
        lots = machine.ledger.lots(slot.level) if slot.is_orphan else 0
        if order is not None and order.is_cancelling:
            lots += order.amount - order.filled
        if lots:
            orders += 1
            amount = instrument.amount(lots)
            highest = max(slot.entry_price, slot.exit_price)
            position += amount
            value += instrument.notional(instrument.price(highest), amount)
    excess = _meant(machine) - needs.position - position
    if excess > 0:
        # Smaller orders than before: what the larger ones bought is still held, and sold in time.
        highest = max(slot.exit_price for slot in machine.slots)
        position += excess
        value += instrument.notional(instrument.price(highest), excess)
    return replace(
        needs,
        order_notional=needs.order_notional + value,
        position=needs.position + position,
        open_orders=needs.open_orders + orders,
    )


def _meant(machine: GridMachine) -> Decimal:
    """The most that a grid holds on either side once its entries have filled, now or later.

    A slot that holds less than its entry would bring now has a larger one after its next exit.
    """
    instrument = machine.settings.instrument
    missing = dict.fromkeys(OrderSide, 0)
    for slot in machine.slots:
        missing[slot.side] += max(_wanted(slot, machine.ledger.lots(slot.level)), _unfilled(slot))
    return max(
        side.sign * machine.position + instrument.amount(lots) for side, lots in missing.items()
    )


def _wanted(slot: Slot, lots: int) -> int:
    """What entries of a slot may yet bring that are not sent yet."""
    if slot.is_orphan:
        return 0
    return slot.missing(lots) if slot.leg(lots) is Leg.ENTRY else max(slot.amount - lots, 0)


def _unfilled(slot: Slot) -> int:
    """What the entry of a slot may yet bring that was sent: its cancel may come too late."""
    order = slot.order
    if order is None or order.leg is not Leg.ENTRY:
        return 0
    if order.shares is None:
        return order.amount - order.filled
    return sum(share.lots - share.taken for share in order.shares if share.level == slot.level)


def changed_keys(before: str, after: str) -> tuple[KeyChange, ...]:
    """The keys in which two configurations differ.

    Args:
        before: JSON.
        after: JSON.
    """
    old, new = dict(_flat(json.loads(before))), dict(_flat(json.loads(after)))
    return tuple(
        KeyChange(key=key, before=old.get(key), after=new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value if isinstance(value, str) else json.dumps(value)


@dataclass(slots=True)
class _Settled:
    """What became of an edit once every cancel was confirmed."""

    placed: list[PlaceOrder] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)


def _settle(
    after: GridMachine, commands: list[Command], cancelled: set[str], at_ns: int
) -> _Settled:
    """Confirms every cancel and takes away what holds the grid back, until all is quiet."""
    settled = _Settled()
    _confirm(after, commands, cancelled, settled, at_ns)
    if not after.is_reconciled:
        after.take_up()
        resting = frozenset(order.client_order_id for order in after.orders)
        report = Reconciled(at_ns=at_ns, open_orders=resting, foreign_orders=0, venue_position=0)
        _confirm(after, after.on(report), set(), settled, at_ns)
    if after.phase is GridPhase.HALTED:
        released = RiskStateChanged(at_ns=at_ns, state="ACTIVE", by="you")
        _confirm(after, after.on(released), set(), settled, at_ns)
    if after.phase in {GridPhase.PAUSED, GridPhase.HOLDING}:
        _confirm(after, after.on(Asked(at_ns=at_ns, act=Act.RESUME)), set(), settled, at_ns)
    return settled


def _confirm(
    after: GridMachine, commands: list[Command], cancelled: set[str], settled: _Settled, at_ns: int
) -> None:
    """Plays the venue to a machine's commands: every cancel is confirmed at once."""
    waiting = list(commands)
    ending = sorted(cancelled)
    while waiting or ending:
        for command in waiting:
            if isinstance(command, PlaceOrder):
                settled.placed.append(command)
            elif isinstance(command, CancelOrder):
                ending.append(command.client_order_id)
        waiting = []
        while ending:
            identity = ending.pop(0)
            order = next((one for one in after.orders if one.client_order_id == identity), None)
            settled.cancelled.add(identity)
            if order is not None:
                waiting += after.on(
                    OrderEnded(
                        at_ns=at_ns,
                        client_order_id=identity,
                        status=OrderStatus.CANCELED,
                        filled=order.filled,
                    )
                )


def _line_of(machine: GridMachine, client_order_id: str) -> EditLine:
    order = next(item for item in machine.orders if item.client_order_id == client_order_id)
    instrument = machine.settings.instrument
    return EditLine(
        level=order.level or None,
        leg=order.leg.word,
        side=order.side,
        price=None if order.price is None else instrument.price(order.price),
        amount=instrument.amount(order.amount - order.filled),
        client_order_id=client_order_id,
        is_taker=order.shares is not None,
    )


def _placed_line(machine: GridMachine, command: PlaceOrder) -> EditLine:
    instrument = machine.settings.instrument
    return EditLine(
        level=command.level,
        leg=command.role.value,
        side=command.side,
        price=None if command.price is None else instrument.price(command.price),
        amount=instrument.amount(command.amount),
        is_taker=command.time_in_force is TimeInForce.IOC or _is_crossing(machine, command),
    )


def _is_crossing(machine: GridMachine, command: PlaceOrder) -> bool:
    market = machine.market
    if market is None or command.price is None:
        return False
    if command.side is OrderSide.BUY:
        return market.ask is not None and command.price >= market.ask
    return market.bid is not None and command.price <= market.bid


def _sorted(lines: Iterable[EditLine]) -> tuple[EditLine, ...]:
    """From the highest price to the lowest."""
    return tuple(sorted(lines, key=lambda line: -(line.price or Decimal(0))))


def _kept_holdings(machine: GridMachine) -> tuple[KeptHolding, ...]:
    instrument = machine.settings.instrument
    return tuple(
        KeptHolding(
            level=slot.level,
            entry_price=instrument.price(slot.entry_price),
            exit_price=instrument.price(slot.exit_price),
            amount=instrument.amount(machine.ledger.lots(slot.level)),
        )
        for slot in machine.slots
        if slot.is_orphan and slot.leg(machine.ledger.lots(slot.level)) is Leg.EXIT
    )


def _exposure(machine: GridMachine) -> tuple[Decimal, Decimal]:
    """Signed base and unsigned quote held if every entry of one direction fills."""
    instrument = machine.settings.instrument
    sums: dict[OrderSide, tuple[Decimal, Decimal]] = {}
    for slot in machine.slots:
        lots = machine.ledger.lots(slot.level) if slot.is_orphan else slot.amount
        amount = instrument.amount(lots)
        value = instrument.notional(instrument.price(slot.entry_price), amount)
        base, quote = sums.get(slot.side, (Decimal(0), Decimal(0)))
        sums[slot.side] = (base + amount * slot.side.sign, quote + value)
    return max(sums.values(), key=lambda pair: abs(pair[0]), default=(Decimal(0), Decimal(0)))


def _notices(
    before: GridMachine, after: GridMachine, settings: GridSettings, placed: list[PlaceOrder]
) -> Iterator[str]:
    waits = {
        GridPhase.PAUSED: "It is paused: what is to be placed is placed when you resume.",
        GridPhase.HOLDING: "It holds: what is to be placed is placed when you resume.",
        GridPhase.HALTED: "It is halted: what is to be placed is placed once you release it.",
    }
    if not before.is_reconciled:
        yield "It does not run: the next start places what is missing."
    elif before.phase in waits:
        yield waits[before.phase]
    kept = _kept_holdings(after)
    if kept:
        what = "1 line that holds something is" if len(kept) == 1 else f"{len(kept)} lines are"
        yield (
            f"{what} taken off the ladder: what they hold is sold at its old exit price, "
            "and by nothing else."
        )
    takers = [command for command in placed if command.time_in_force is TimeInForce.IOC]
    if takers:
        instrument = settings.instrument
        lots = sum(command.amount for command in takers)
        verb = "bought" if takers[0].side is OrderSide.BUY else "sold"
        yield (
            f"New lines lie where the price has passed: {instrument.amount(lots).normalize():f} "
            f"{instrument.base} are {verb} at once (`initial_fill`)."
        )
    if before.ladder is None:
        ladder = None if settings.grid_type.is_follow else build_ladder(settings)
        count = settings.level_count if ladder is None else ladder.count
        yield f"No ladder stands yet: {count} levels are built at the first price."
