"""What a grid remembers: its goal, its ladder, its slots, its orders and its books.

`machine.py` decides; this file keeps. The lowest of five layers, each of which knows only those
below it:

    state     what there is, and how it goes to the journal and comes back
    booking   executions into the books, and lines for the diary
    sending   orders for slots, and what a refusal leads to
    building  a ladder for a price
    winding   taking a ladder down again
    machine   events

State goes to the journal by key: `meta` (goal, closing, why), `ladder`, `serial` (the last number
an order was given), `totals` and `rest` of the books, `slot/<level>` with what it holds,
`order/<id>` for an order that serves several slots or none, `course` (trigger, trailing, reserve),
`edits` (how levels were renumbered
under running orders) and `fresh` (levels that an edit added). Only keys that changed are written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, cast

from core.adapters.exchanges.models import (
    Instrument,
    OrderSide,
    plain,
)
from core.domain.commands import Announce, Command
from core.domain.events import (
    Horizon,
    MarketMoved,
)
from core.services.grid.closing import Closing, Purpose
from core.services.grid.follow import EscapeWatch, price_of
from core.services.grid.growth import compounded, share_of
from core.services.grid.history import DAY_NS, History, yearly
from core.services.grid.ladder import Ladder, capital_of, escape_edge
from core.services.grid.ledger import EXACT, NOBODY, ZERO, Ledger
from core.services.grid.settings import GridSettings
from core.services.grid.slots import Leg, Progress, Slot, Working
from core.services.grid.snapshot import GridPhase, GridResult

Fields = tuple[tuple[str, str | int | None], ...]

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_LEGS_TO_BLANKS: Final = {ord(leg.value): " " for leg in Leg}
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


class Goal(StrEnum):
    """What the grid is after."""

    RUN = "run"
    HOLD = "hold"
    STOPPED = "stopped"


_PHASES: Final = {
    Purpose.HOLD: GridPhase.HOLDING,
    Purpose.RESET: GridPhase.RESETTING,
    Purpose.RESTART: GridPhase.STOPPING,
    Purpose.STOP: GridPhase.STOPPING,
}


class GridState:
    """What there is of one grid.

    Args:
        settings: What it is told.
        order_prefix: What every client order id begins with: letters and digits, at most 12.
    """

    def __init__(  # noqa: PLR0915 # all that is kept, a line each
        self, settings: GridSettings, *, order_prefix: str
    ) -> None:
        self.settings = settings
        self._instrument: Instrument = settings.instrument
        self._lot = settings.instrument.lot_size
        self._prefix = order_prefix
        self.ladder: Ladder | None = None
        self._slots: list[Slot] = []
        """Slot of level k at index k-1."""
        self.ledger = Ledger(settings.instrument, settings.entry_side)
        self._orders: dict[str, Working] = {}
        """Client order id -> order of ours that may still fill."""
        self._due: set[int] = set()
        """Levels without an order that want one."""
        self._goal = Goal.RUN
        self._closing: Closing | None = None
        self._is_paused = False
        self._serial = 0
        """Last number given to an order; never used twice."""
        self._fresh: set[int] = set()
        """Levels that an edit added and that wait for its cancels and a price."""
        self._renumberings: list[tuple[int, dict[int, int]]] = []
        """The last number before each edit, and its old levels -> new ones; oldest first."""
        self.resets = 0
        self.trailed = 0
        """Lines that the ladder has moved by, either way."""
        self.trailing_cost = ZERO
        """Losses booked for lines that trailing gave up, quote, >= 0; part of what is realized."""
        self.reserved = ZERO
        """Profit that is set aside, quote; part of what is realized."""
        self._trigger_sign: int | None = None
        """1 while the start waits for a higher price, -1 for a lower one, 0 once it was reached;
        None before the first price."""
        self.started_ns: int | None = None
        self._reason = ""
        """Why the phase is what it is, in words."""
        self._since_ns: int | None = None
        self._watch: EscapeWatch | None = None
        self.history = History()

        self._market: MarketMoved | None = None
        self._is_stale = False
        self._is_reconciled = False
        self._starts_over = False
        """Whether the first reconciliation is to build again what had come to its end."""
        self._risk = "ACTIVE"
        self._wants_ladder = False
        """Whether the slots are to be given their orders as if the ladder had just been built."""
        self._leaving: tuple[int, int, str] | None = None
        """Lower and upper ticks of the range that a reset is leaving, and why."""
        self._alarmed: set[str] = set()
        """Refusal codes that a person has been told of."""
        self._now_ns = 0
        self._wake_ns: int | None = None
        """Earliest time at which something is tried again."""
        self._out: list[Command] = []
        self._touched: set[str] = {"meta", "serial", "totals"}
        """Keys of the state that changed since `changes()` was last asked."""
        self._levels_touched: set[int] = set()
        self.unseen: set[int] = set()
        """Levels that may look otherwise than a picture showed them last; emptied by whoever makes
        pictures."""
        self._horizon: Horizon | None = None
        """The last answer of `horizon()`, while it holds."""
        self._capital: tuple[Ladder, Decimal] | None = None
        """A ladder and what its entries cost."""
        self._window: frozenset[int] = frozenset()
        """Levels whose orders belong to the venue, where only the nearest do."""
        self._edges = Horizon()
        """The part of it at which the ladder moves or grows."""
        self._waiting = Horizon()
        """The part of it that lies between a waiting entry and its passive side."""

    def changes(self) -> dict[str, str | None]:
        """Keys of the state that changed since the last call, as text; None for a deleted key."""
        found: dict[str, str | None] = {}
        for level in sorted(self._levels_touched):
            key = f"slot/{level}"
            found[key] = self._dump_slot(level) if level <= len(self._slots) else None
        for key in sorted(self._touched):
            found[key] = self._dump_key(key)
        self.unseen |= self._levels_touched
        self._levels_touched.clear()
        self._touched.clear()
        return found

    @property
    def phase(self) -> GridPhase:  # noqa: PLR0911 # one line for each phase
        """Where the grid stands."""
        closing = self._closing
        if self._goal is Goal.STOPPED:
            return GridPhase.STOPPED
        if closing is not None:
            if closing.is_degraded:
                return GridPhase.DEGRADED
            return _PHASES[closing.purpose]
        if not self._is_reconciled:
            return GridPhase.RECONCILING
        if self._goal is Goal.HOLD:
            return GridPhase.HOLDING
        if self._risk == "HALTED":
            return GridPhase.HALTED
        if self._is_paused:
            return GridPhase.PAUSED
        if self.ladder is None:
            return GridPhase.WAITING if self._is_armed else GridPhase.BUILDING
        return GridPhase.RUNNING

    @property
    def _is_armed(self) -> bool:
        """Whether the start waits for its trigger price."""
        return bool(self._trigger_sign)

    @property
    def trigger_distance(self) -> Decimal | None:
        """How far the price is from the trigger of the start; None where nothing waits for it."""
        trigger, market = self.settings.trigger_price, self._market
        price = None if market is None else price_of(market, self._instrument.tick_size)
        if trigger is None or price is None or not self._is_armed:
            return None
        return abs(trigger - price)

    @property
    def phase_reason(self) -> str:
        """Why, in words; empty where it goes without saying."""
        return self._reason

    @property
    def phase_since_ns(self) -> int | None:
        """When you, risk or a re-centre brought the phase about."""
        return self._since_ns

    @property
    def is_stopped(self) -> bool:
        """Whether the machine has come to its end and will never send anything again."""
        return self._goal is Goal.STOPPED

    @property
    def is_reconciled(self) -> bool:
        """Whether journal and venue have agreed since it was made."""
        return self._is_reconciled

    @property
    def is_paused(self) -> bool:
        """Whether a person has paused it."""
        return self._is_paused

    @property
    def has_anything(self) -> bool:
        """Whether orders or holdings of this grid exist: what `on_start: refuse` refuses."""
        return bool(self._orders) or bool(self.ledger.held)

    @property
    def position(self) -> Decimal:
        """Signed base units."""
        return self.ledger.position

    @property
    def open_orders(self) -> int:
        """Orders that may still fill, unanswered ones included."""
        return len(self._orders)

    @property
    def orders(self) -> tuple[Working, ...]:
        """The orders that may still fill, oldest first."""
        return tuple(self._orders.values())

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots, level 1 first."""
        return tuple(self._slots)

    @property
    def market(self) -> MarketMoved | None:
        """The newest prices taken in."""
        return self._market

    @property
    def closing(self) -> Closing | None:
        """The winding down in progress, or the one that ended the bot."""
        return self._closing

    @property
    def watch(self) -> EscapeWatch | None:
        """The escape timer of a follow grid."""
        return self._watch

    @property
    def capital(self) -> Decimal:
        """Sum of price times amount over all entries, quote; 0 before there is a ladder.

        Of a neutral grid that of the larger side.
        """
        if self.ladder is None:
            return ZERO
        known = self._capital
        if known is None or known[0] is not self.ladder:
            value = capital_of(self.settings, self.ladder, self.ladder.amounts)
            known = self._capital = (self.ladder, value)
        return known[1]

    def result(self, now_ns: int, mark: Decimal | None = None) -> GridResult:
        """The ledger as the screen and the summary show it.

        Args:
            now_ns: For what happened today and in the last 24 hours.
            mark: Price for open results; the newest mark taken in by default.
        """
        ledger, capital = self.ledger, self.capital
        if mark is None and self._market is not None:
            mark = self._market.mark
        day = self.history.rate(now_ns, DAY_NS, capital)
        week = self.history.rate(now_ns, 7 * DAY_NS, capital)
        run_ns = 0 if self.started_ns is None else now_ns - self.started_ns
        whole = yearly(self.worth(mark), run_ns, capital)
        trips = yearly(ledger.trips_net, run_ns, capital)
        return GridResult(
            position=ledger.position,
            average_entry=ledger.average_entry,
            realized_pnl=ledger.realized,
            unrealized_pnl=ledger.unrealized(mark),
            fees=ledger.fees,
            funding=ledger.funding,
            round_trips=ledger.round_trips,
            round_trips_today=self.history.round_trips_today(now_ns),
            fills=ledger.fills,
            apr_24h=day.apr,
            apr_7d=week.apr,
            sample_24h_s=day.sample_s,
            sample_7d_s=week.sample_s,
            reserved=self.reserved,
            trailing_cost=self.trailing_cost,
            trailed=self.trailed,
            trips_net=ledger.trips_net,
            cycle_apr=trips.apr,
            net_apr=whole.apr,
            run_s=whole.sample_s,
        )

    def worth(self, mark: Decimal | None) -> Decimal:
        """Realized + unrealized - fees + funding, exactly."""
        ledger = self.ledger
        gross = EXACT.add(ledger.realized, ledger.unrealized(mark))
        return EXACT.add(EXACT.subtract(gross, ledger.fees), ledger.funding)

    def dump(self) -> dict[str, str]:
        """The whole state by key, as `changes()` would have written it."""
        keys = ["course", "edits", "fresh", "ladder", "meta", "rest", "serial", "totals"]
        keys += [
            f"order/{order.client_order_id}"
            for order in self._orders.values()
            if order.level == NOBODY
        ]
        found = {key: self._dump_key(key) for key in keys}
        for slot in self._slots:
            found[f"slot/{slot.level}"] = self._dump_slot(slot.level)
        return {key: text for key, text in sorted(found.items()) if text is not None}

    def restore(self, state: Mapping[str, str]) -> None:
        """Takes back what `dump()` or the `changes()` of a whole life gave; other keys are ignored.

        A state without a ladder leaves the machine as it was made.
        """
        if "meta" in state:
            self._restore_meta(json.loads(state["meta"]))
        self._serial = int(state.get("serial", "0"))
        if "totals" in state:
            self.ledger.restore_totals(json.loads(state["totals"]))
        if "rest" in state:
            self.ledger.restore_account(NOBODY, *json.loads(state["rest"]))
        if "course" in state:
            self._restore_course(json.loads(state["course"]))
        if "ladder" in state:
            self._restore_ladder(json.loads(state["ladder"]))
        self._restore_slots(state)
        self._fresh = set(json.loads(state.get("fresh", "[]")))
        self._renumberings = [
            (int(serial), dict(levels)) for serial, levels in json.loads(state.get("edits", "[]"))
        ]
        self._orders = dict(sorted(self._orders.items(), key=lambda item: self._serial_of(item[0])))
        self._due = {
            slot.level for slot in self._slots if slot.order is None and not slot.is_parked
        }
        self._touched.clear()
        self._levels_touched.clear()
        # What ends with this restore was still there in the journal: it is written as gone.
        for slot in [slot for slot in self._slots if slot.is_orphan]:
            self._retire_if_idle(slot)
        self._horizon = None
        for slot in self._slots:
            self._wake_at(slot.retry_ns)

    def take_up(self) -> None:
        """A new start with a restored state: what had ended begins again.

        An end that was interrupted is finished first; then it goes on too.
        """
        closing = self._closing
        if self._goal is Goal.STOPPED:
            self._trigger_sign = None
            self._touched.add("course")
            self._goal = Goal.RUN
            self._closing = None
            self._starts_over = True
        elif closing is not None and closing.purpose is Purpose.STOP:
            closing.purpose = Purpose.RESTART
        else:
            return
        self._say("")

    def go_on_after(self, last_client_order_id: str) -> None:
        """Numbers orders on from one that an earlier run of this bot gave out: never twice."""
        if not last_client_order_id.startswith(self._prefix):
            return
        serial = self._serial_of(last_client_order_id)
        if serial > self._serial:
            self._serial = serial
            self._touched.add("serial")

    @property
    def _is_stopping(self) -> bool:
        return self._closing is not None and self._closing.purpose is Purpose.STOP

    @property
    def _is_watching(self) -> bool:
        return (
            self._goal is Goal.RUN
            and self._closing is None
            and not self._is_paused
            and self._is_reconciled
            and self._risk == "ACTIVE"
        )

    @property
    def _may_build(self) -> bool:
        return (
            self._is_reconciled
            and self._goal is Goal.RUN
            and self._closing is None
            and not self._is_paused
            and self._risk == "ACTIVE"
        )

    def _may_send(self, leg: Leg) -> bool:
        """Whether a slot may send an order of this kind now."""
        return (
            self._is_reconciled
            and self._goal is Goal.RUN
            and self._closing is None
            and not self._is_paused
            and (self._risk == "ACTIVE" or (self._risk == "REDUCING" and leg is Leg.EXIT))
        )

    def _tell(self, event: str, fields: Fields = ()) -> None:
        self._out.append(Announce(event=event, fields=fields))

    def _say(self, reason: str) -> None:
        self._reason = reason
        self._since_ns = self._now_ns
        self._touched.add("meta")

    def _wake_at(self, at_ns: int | None) -> None:
        if at_ns is not None and at_ns > self._now_ns:
            self._wake_ns = at_ns if self._wake_ns is None else min(self._wake_ns, at_ns)
            self._horizon = None

    def _take_ladder(self, ladder: Ladder) -> None:
        self.ladder = ladder
        self.ledger.reverse(ladder.reversed_levels)
        self._levels_touched.update(range(1, max(len(self._slots), ladder.count) + 1))
        self._slots = [self._new_slot(ladder, level) for level in range(1, ladder.count + 1)]
        self._due = {slot.level for slot in self._slots}
        if self._fresh:
            self._fresh = set()
            self._touched.add("fresh")
        self._touched |= {"ladder", "meta"}
        self._watch = self._new_watch(ladder)

    def _new_slot(self, ladder: Ladder, level: int) -> Slot:
        entry, leaving = ladder.entry_price(level), ladder.exit_price(level)
        return Slot(
            level=level,
            entry_price=entry,
            exit_price=leaving,
            amount=ladder.amount(level),
            minimum=minimum_lots(self._instrument, min(entry, leaving)),
        )

    def _reverse_books(self) -> None:
        """Tells the ledger which levels open on the other side."""
        side = self.settings.entry_side
        self.ledger.reverse(slot.level for slot in self._slots if slot.side is not side)

    def _orphan(self, level: int, entry: int, leaving: int, amount: int) -> Slot:
        slot = Slot(
            level=level,
            entry_price=entry,
            exit_price=leaving,
            amount=amount,
            minimum=minimum_lots(self._instrument, min(entry, leaving)),
        )
        slot.is_orphan = True
        return slot

    def _new_watch(self, ladder: Ladder) -> EscapeWatch | None:
        timeout_s = self.settings.follow_timeout_s
        if not self.settings.grid_type.is_follow or timeout_s is None:
            return None
        return EscapeWatch(
            edge=escape_edge(self.settings, ladder),
            entry_side=ladder.entry_side,
            tick=self._instrument.tick_size,
            timeout_ns=timeout_s * 1_000_000_000,
        )

    def _mark(self, order: Working, progress: Progress) -> None:
        if Progress.UNKNOWN in (order.progress, progress):
            self._touch(order)
        order.progress = progress
        self.unseen.update(self._levels_of(order))
        if progress is not Progress.UNKNOWN:
            order.unknown_ns = None

    def _touch(self, order: Working) -> None:
        if order.level == NOBODY:
            self._touched.add(f"order/{order.client_order_id}")
        else:
            self._levels_touched.add(order.level)

    def _forget(self, order: Working) -> None:
        self._orders.pop(order.client_order_id, None)
        self._touch(order)
        for level in self._levels_of(order):
            self._release(level, order)

    def _levels_of(self, order: Working) -> list[int]:
        if order.shares is not None:
            return [share.level for share in order.shares]
        return [] if order.level == NOBODY else [order.level]

    def _has_order(self, level: int) -> bool:
        return self._slots[level - 1].order is not None

    def _release(self, level: int, order: Working) -> None:
        slot = self._slots[level - 1]
        if slot.order is order:
            slot.order = None
            self._levels_touched.add(level)

    def _read_identity(self, identity: str) -> tuple[int, Leg]:
        body = identity.removeprefix(self._prefix)
        for leg in Leg:
            head, letter, _ = body.partition(leg.value)
            if letter and head:
                level = self._level_now(int(head, 36), self._serial_of(identity))
                return (level if level <= len(self._slots) else NOBODY), leg
        return NOBODY, Leg.ENTRY

    def _level_now(self, level: int, serial: int) -> int:
        """What a level is called after the edits since an order of it was made."""
        for edited_at, levels in self._renumberings:
            if serial <= edited_at:
                level = levels.get(level, NOBODY)
        return level

    def _retire_if_idle(self, slot: Slot) -> None:
        """Ends a slot that an edit left over, once it has no order and nothing to sell.

        What is too small to be sold stays with nobody.
        """
        lots = self.ledger.lots(slot.level)
        if slot.order is not None or slot.leg(lots) is Leg.EXIT:
            return
        self._due.discard(slot.level)
        if self.ledger.leave(slot.level):
            self._touched |= {"rest", "totals"}
        self._levels_touched.add(slot.level)
        while self._slots and self._is_retired(self._slots[-1]):
            level = self._slots.pop().level
            self._due.discard(level)
            self._levels_touched.add(level)

    def _is_retired(self, slot: Slot) -> bool:
        """Whether nothing of a slot is left; an order that serves several names it to its end."""
        is_idle = slot.is_orphan and slot.order is None and slot.level not in self.ledger.accounts
        return is_idle and not any(
            share.level == slot.level
            for order in self._orders.values()
            for share in order.shares or ()
        )

    def _serial_of(self, identity: str) -> int:
        body = identity.removeprefix(self._prefix)
        return int(body.translate(_LEGS_TO_BLANKS).split()[-1], 36)

    def _dump_key(self, key: str) -> str | None:  # noqa: PLR0911 # one line for each key
        if key == "serial":
            return str(self._serial)
        if key == "totals":
            return _encode(self.ledger.dump_totals())
        if key == "meta":
            return _encode(self._dump_meta())
        if key == "rest":
            account = self.ledger.dump_account(NOBODY)
            return None if account is None else _encode(account)
        if key == "course":
            return self._dump_course()
        if key == "ladder":
            return None if self.ladder is None else _encode(_dump_ladder(self.ladder))
        if key == "fresh":
            return _encode(sorted(self._fresh)) if self._fresh else None
        if key == "edits":
            edits = [[serial, list(levels.items())] for serial, levels in self._renumberings]
            return _encode(edits) if edits else None
        order = self._orders.get(key.removeprefix("order/"))
        return None if order is None else _encode(order.dump())

    def _dump_slot(self, level: int) -> str:
        slot = self._slots[level - 1]
        values = [slot.dump(), self.ledger.dump_account(level)]
        if slot.is_orphan:
            values.append([slot.entry_price, slot.exit_price, slot.amount])
        return _encode(values)

    def _dump_meta(self) -> list[object]:
        return [
            self._goal.value,
            self._is_paused,
            self.resets,
            self.started_ns,
            self._reason,
            self._since_ns,
            self._leaving,
            None if self._closing is None else self._closing.dump(),
        ]

    def _restore_meta(self, values: list[object]) -> None:
        goal, paused, resets, started_ns, reason, since_ns, leaving, closing = values
        self._goal = Goal(str(goal))
        self._is_paused = bool(paused)
        self.resets = int(str(resets))
        self.started_ns = started_ns if isinstance(started_ns, int) else None
        self._reason = str(reason)
        self._since_ns = since_ns if isinstance(since_ns, int) else None
        if isinstance(leaving, list):
            lower, upper, why = leaving
            self._leaving = (int(lower), int(upper), str(why))
        self._closing = Closing.load(closing) if isinstance(closing, list) else None

    def _dump_course(self) -> str | None:
        values = [self._trigger_sign, self.trailed, plain(self.trailing_cost), plain(self.reserved)]
        return None if values == [None, 0, "0", "0"] else _encode(values)

    def _restore_course(self, values: list[object]) -> None:
        sign, trailed, cost, reserved = values
        self._trigger_sign = sign if isinstance(sign, int) else None
        self.trailed = int(str(trailed))
        self.trailing_cost, self.reserved = Decimal(str(cost)), Decimal(str(reserved))

    def _use_profit(self, result: Decimal) -> None:
        """Sets a part of a round trip's profit aside and puts the rest to work."""
        percent = self.settings.profit_reserve_percent
        if percent and result > 0:
            self.reserved = EXACT.add(self.reserved, share_of(result, percent))
            self._touched.add("course")
        ladder = self.ladder
        if ladder is None or not self.settings.is_compounding:
            return
        amounts = compounded(self.settings, ladder, self.ledger, self.reserved)
        if amounts == ladder.amounts:
            return
        self.ladder = replace(ladder, amounts=amounts)
        for slot in self._slots[: ladder.count]:
            slot.amount = amounts[slot.level - 1]
        self._touched.add("ladder")
        self._tell("grid.compounded", (("capital", plain(self.capital)),))

    def _restore_ladder(self, values: list[object]) -> None:
        side, lower, upper, interval, distance, amounts, *bent = values
        anchor, ratio, step, start, shift = bent or (None, "1", 1, None, 0)
        ladder = Ladder(
            entry_side=OrderSide(str(side)),
            lower=int(str(lower)),
            upper=int(str(upper)),
            interval=int(str(interval)),
            distance=int(str(distance)),
            amounts=tuple(cast("Iterable[int]", amounts)),
            anchor=None if anchor is None else Decimal(str(anchor)),
            ratio=Decimal(str(ratio)),
            step=int(str(step)),
            start=None if start is None else int(str(start)),
            shift=int(str(shift)),
        )
        self._take_ladder(ladder)

    def _restore_slots(self, state: Mapping[str, str]) -> None:
        """The slots with what they hold, and the orders that serve several or none."""
        for level in sorted(int(key[5:]) for key in state if key.startswith("slot/")):
            self._restore_slot(level, *json.loads(state[f"slot/{level}"]))
        for key, text in state.items():
            if key.startswith("order/"):
                self._restore_order(json.loads(text))

    def _restore_slot(
        self,
        level: int,
        slot: list[object],
        account: list[Any] | None,
        shape: tuple[int, int, int] | None = None,
    ) -> None:
        if shape is not None:
            self._slots.append(self._orphan(level, *shape))
            self._reverse_books()
        self._slots[level - 1].restore(slot)
        order = self._slots[level - 1].order
        if order is not None:
            self._orders[order.client_order_id] = order
        if account is not None:
            self.ledger.restore_account(level, *account)

    def _restore_order(self, values: list[object]) -> None:
        order = Working.load(values)
        self._orders[order.client_order_id] = order
        for share in order.shares or ():
            if share.taken < share.lots:
                self._slots[share.level - 1].order = order

    def _price_text(self, ticks: int) -> str:
        return plain(ticks * self._instrument.tick_size)


def minimum_lots(instrument: Instrument, ticks: int | Decimal) -> int:
    """Lots of the smallest order that the venue takes at a price."""
    least = max(instrument.min_amount, instrument.lot_size)
    if instrument.min_notional > 0 and ticks > 0:
        value = ticks * instrument.tick_size * instrument.contract_size
        least = max(least, instrument.min_notional / value)
    whole, rest = divmod(least, instrument.lot_size)
    return int(whole) + (1 if rest else 0)


def base36(number: int) -> str:
    """A number >= 0 in digits and lower-case letters."""
    if number < 36:
        return _DIGITS[number]
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text


def _dump_ladder(ladder: Ladder) -> list[object]:
    """What a ladder is made of; the second half only where it is not evenly spaced and still."""
    even: list[object] = [
        ladder.entry_side.value,
        ladder.lower,
        ladder.upper,
        ladder.interval,
        ladder.distance,
        list(ladder.amounts),
    ]
    if ladder.anchor is None and ladder.start is None and not ladder.shift:
        return even
    anchor = None if ladder.anchor is None else str(ladder.anchor)
    return [*even, anchor, str(ladder.ratio), ladder.step, ladder.start, ladder.shift]
