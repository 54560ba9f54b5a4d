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
an order was given), `totals` and `rest` of the books, `slot/<level>` with what it holds, and
`order/<id>` for an order that serves several slots or none. Only keys that changed are written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, cast

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
from core.services.grid.follow import EscapeWatch
from core.services.grid.history import DAY_NS, History
from core.services.grid.ladder import Ladder, escape_edge
from core.services.grid.ledger import NOBODY, ZERO, Ledger
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

    def __init__(self, settings: GridSettings, *, order_prefix: str) -> None:
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
        self.resets = 0
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
        self._horizon: Horizon | None = None
        """The last answer of `horizon()`, while it holds."""

    def changes(self) -> dict[str, str | None]:
        """Keys of the state that changed since the last call, as text; None for a deleted key."""
        found: dict[str, str | None] = {}
        for level in sorted(self._levels_touched):
            key = f"slot/{level}"
            found[key] = self._dump_slot(level) if level <= len(self._slots) else None
        for key in sorted(self._touched):
            found[key] = self._dump_key(key)
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
        return GridPhase.BUILDING if self.ladder is None else GridPhase.RUNNING

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
        """Sum of price times amount over all entries, quote; 0 before there is a ladder."""
        if self.ladder is None:
            return ZERO
        value = sum(slot.entry_price * slot.amount for slot in self._slots)
        unit = self._instrument.tick_size * self._lot * self._instrument.contract_size
        return value * unit

    def result(self, now_ns: int, mark: Decimal | None = None) -> GridResult:
        """The ledger as the screen and the summary show it.

        Args:
            now_ns: For what happened today and in the last 24 hours.
            mark: Price for open results; the newest mark taken in by default.
        """
        ledger, capital = self.ledger, self.capital
        if mark is None and self._market is not None:
            mark = self._market.mark
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
            apr_24h=self.history.apr(now_ns, self.started_ns, DAY_NS, capital),
            apr_7d=self.history.apr(now_ns, self.started_ns, 7 * DAY_NS, capital),
        )

    def dump(self) -> dict[str, str]:
        """The whole state by key, as `changes()` would have written it."""
        keys = ["ladder", "meta", "rest", "serial", "totals"]
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
        if "ladder" in state:
            self._restore_ladder(json.loads(state["ladder"]))
        for key, text in state.items():
            if key.startswith("slot/"):
                self._restore_slot(int(key.removeprefix("slot/")), *json.loads(text))
        for key, text in state.items():
            if key.startswith("order/"):
                self._restore_order(json.loads(text))
        self._orders = dict(sorted(self._orders.items(), key=lambda item: self._serial_of(item[0])))
        self._due = {
            slot.level for slot in self._slots if slot.order is None and not slot.is_parked
        }
        self._touched.clear()
        self._levels_touched.clear()
        self._horizon = None
        for slot in self._slots:
            self._wake_at(slot.retry_ns)

    def take_up(self) -> None:
        """A new start with a restored state: what had ended begins again.

        An end that was interrupted is finished first; then it goes on too.
        """
        closing = self._closing
        if self._goal is Goal.STOPPED:
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
        self._levels_touched.update(range(1, max(len(self._slots), ladder.count) + 1))
        self._slots = [self._new_slot(ladder, level) for level in range(1, ladder.count + 1)]
        self._due = {slot.level for slot in self._slots}
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
                level = int(head, 36)
                return (level if level <= len(self._slots) else NOBODY), leg
        return NOBODY, Leg.ENTRY

    def _serial_of(self, identity: str) -> int:
        body = identity.removeprefix(self._prefix)
        return int(body.translate(_LEGS_TO_BLANKS).split()[-1], 36)

    def _dump_key(self, key: str) -> str | None:
        if key == "serial":
            return str(self._serial)
        if key == "totals":
            return _encode(self.ledger.dump_totals())
        if key == "meta":
            return _encode(self._dump_meta())
        if key == "rest":
            account = self.ledger.dump_account(NOBODY)
            return None if account is None else _encode(account)
        if key == "ladder":
            return None if self.ladder is None else _encode(_dump_ladder(self.ladder))
        order = self._orders.get(key.removeprefix("order/"))
        return None if order is None else _encode(order.dump())

    def _dump_slot(self, level: int) -> str:
        return _encode([self._slots[level - 1].dump(), self.ledger.dump_account(level)])

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

    def _restore_ladder(self, values: list[object]) -> None:
        side, lower, upper, interval, distance, amounts = values
        ladder = Ladder(
            entry_side=OrderSide(str(side)),
            lower=int(str(lower)),
            upper=int(str(upper)),
            interval=int(str(interval)),
            distance=int(str(distance)),
            amounts=tuple(cast("Iterable[int]", amounts)),
        )
        self._take_ladder(ladder)

    def _restore_slot(
        self, level: int, slot: list[object], account: tuple[list[tuple[str, str]], str, str] | None
    ) -> None:
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
    return [
        ladder.entry_side.value,
        ladder.lower,
        ladder.upper,
        ladder.interval,
        ladder.distance,
        list(ladder.amounts),
    ]
