"""What is known of our orders, and what follows from each thing a venue says. Pure.

The manager takes what was learned (`on_order`, `on_fill`, `lose`, `refuse`, `disprove`) in any
order and any number of times, and keeps three promises:

- a bot hears `OrderAccepted` once, each execution once, then `OrderEnded` once, in that order;
- an end is held back until every fill that the venue counted was handed over;
- nothing late, doubled or out of order changes anything that is already so.

What must be done about it outside is left in `out`, for the service to carry out.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import msgspec

from core.adapters.exchanges.models import FillData, OrderData, OrderStatus, plain
from core.domain import lifecycle
from core.domain.commands import PlaceOrder, Reason
from core.domain.events import OrderAccepted, OrderEnded, OrderUnknown
from core.domain.lifecycle import OrderState, Signal
from core.infrastructure.foreign_text import tame
from core.services.execution.fills import is_foreign_fee, pending
from core.services.execution.tracked import LEG_OF, Alarm, BotBook, TrackedOrder
from core.services.ports import EvidenceRow, IntentRow, IntentUpdate, Transaction

DiaryFields = tuple[tuple[str, str | int | bool | None], ...]

_RECENT: Final = 1024
"""Orders of which nothing more is expected, kept to recognise what comes doubled or late."""
_ENDS_KEPT: Final = 4096
"""Ends that may be handed over again after a restart; older ones were surely taken in."""


@dataclass(slots=True)
class Outcome:
    """What the service has to do after the manager learned something."""

    transaction: Transaction = field(default_factory=Transaction)
    """Written without waiting: the venue could tell all of it again."""
    lines: list[tuple[str, int, str, DiaryFields]] = field(default_factory=list)
    """Diary lines: bot id, time, event, fields."""
    cancels: list[TrackedOrder] = field(default_factory=list)
    """Now have a venue id and are not wanted any more."""
    short: list[TrackedOrder] = field(default_factory=list)
    """Final, but fills that the venue counted have not arrived."""
    unknown: list[TrackedOrder] = field(default_factory=list)
    """Must be resolved."""
    alarms: list[Alarm] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.transaction
            or self.lines
            or self.cancels
            or self.short
            or self.unknown
            or self.alarms
        )


class OrderManager:
    """Every order of ours at one account of one venue, while more may come of it."""

    def __init__(self) -> None:
        self._out: Outcome | None = None
        self._by_client_id: dict[str, TrackedOrder] = {}
        self._by_order_id: dict[tuple[str, str], TrackedOrder] = {}
        """(symbol, venue's id) -> order."""
        self._recent: OrderedDict[str, frozenset[str]] = OrderedDict()
        """Client order id -> trade ids of an order that is over."""
        self._recent_ids: OrderedDict[tuple[str, str], str] = OrderedDict()
        """(symbol, venue's id) of those -> client order id."""

    def __iter__(self) -> Iterator[TrackedOrder]:
        return iter(tuple(self._by_client_id.values()))

    @property
    def out(self) -> Outcome:
        """What has to be done, to be added to."""
        if self._out is None:
            self._out = Outcome()
        return self._out

    def drain(self) -> Outcome | None:
        """Takes out what has to be done; None when it is nothing."""
        out, self._out = self._out, None
        return out or None

    def get(self, client_order_id: str) -> TrackedOrder | None:
        """An order by our id."""
        return self._by_client_id.get(client_order_id)

    def find(self, symbol: str, client_order_id: str | None, order_id: str) -> TrackedOrder | None:
        """An order by our id or the venue's."""
        if client_order_id:
            order = self._by_client_id.get(client_order_id)
            if order is not None:
                return order
        return self._by_order_id.get((symbol, order_id)) if order_id else None

    def is_over(self, symbol: str, client_order_id: str | None, order_id: str) -> bool:
        """Whether an order is known to be over, so that what comes of it now is late."""
        if client_order_id and client_order_id in self._recent:
            return True
        return (symbol, order_id) in self._recent_ids

    def has_trade(
        self, symbol: str, client_order_id: str | None, order_id: str, trade: str
    ) -> bool:
        """Whether an execution belongs to an order that is over and was counted there."""
        key = client_order_id
        if not key or key not in self._recent:
            key = self._recent_ids.get((symbol, order_id))
        return key is not None and trade in self._recent.get(key, frozenset())

    def of_bot(self, bot: BotBook) -> list[TrackedOrder]:
        """The orders of a bot, oldest first."""
        return [order for order in self._by_client_id.values() if order.bot is bot]

    # -- coming and going ---------------------------------------------------------------------

    def add(self, order: TrackedOrder) -> None:
        """Begins to follow an order and counts what it may fill."""
        self._by_client_id[order.client_order_id] = order
        if order.order_id:
            self._by_order_id[order.command.symbol, order.order_id] = order
        order.bot.reserve(order, max(order.amount - order.delivered, 0))

    def withdraw(self, order: TrackedOrder) -> None:
        """Forgets an order whose intent did not become durable: it was never there."""
        self._by_client_id.pop(order.client_order_id, None)
        order.bot.release(order)

    def forget(self, order: TrackedOrder) -> None:
        """Lets go of an order that is over, remembering it for a while."""
        key = order.client_order_id
        if self._by_client_id.pop(key, None) is None:
            return
        self._recent[key] = frozenset(order.trades)
        if order.order_id:
            place = (order.command.symbol, order.order_id)
            self._by_order_id.pop(place, None)
            self._recent_ids[place] = key
            if len(self._recent_ids) > _RECENT:
                self._recent_ids.popitem(last=False)
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)

    def drop(self, order: TrackedOrder) -> None:
        """Lets go of an order of a bot that is not listening any more."""
        self._by_client_id.pop(order.client_order_id, None)
        self._by_order_id.pop((order.command.symbol, order.order_id), None)

    # -- what a venue says --------------------------------------------------------------------

    def on_order(self, order: TrackedOrder, data: OrderData, at_ns: int) -> None:
        """Takes in a venue's word on an order of ours."""
        if not self._is_of(order, data):
            self._mismatch(order, data, at_ns)
            return
        signal = lifecycle.signal_of(data.status)
        if signal is None or self._is_known(order, signal, data):
            return
        if lifecycle.contradicts(order.state, signal):
            self._revive(order, data, at_ns)
            return
        self._name(order, data.order_id)
        was = (order.state, order.reported, order.order_id)
        order.reported = max(order.reported, self._lots(order, data.filled))
        if signal is Signal.COMPLETE:
            order.reported = max(order.reported, order.amount)
        order.state = lifecycle.advance(order.state, signal)
        if signal is not Signal.REJECT:
            self._accept(order, at_ns)
        if data.reason and order.state.is_final and not order.code:
            order.code = data.reason
        if order.is_vanished and order.cancel_wanted and not order.state.is_final:
            self.out.cancels.append(order)  # its cancel gave up when the venue did not know it
        order.is_vanished = order.is_revived = False
        if was != (order.state, order.reported, order.order_id):
            self._write(order, at_ns)
        self._finish(order, at_ns)

    def on_fill(self, order: TrackedOrder, fill: FillData, at_ns: int) -> bool:
        """Takes in an execution of an order of ours; False when it was counted before."""
        if fill.trade_id in order.trades:
            return False
        lots, is_exact = self._fill_lots(order, fill)
        if fill.symbol != order.command.symbol or fill.side is not order.command.side:
            self._alarm(order, "MISMATCHED_FILL", f"fill {fill.trade_id} is of another side", at_ns)
            return False
        if not is_exact:
            self._alarm(
                order, "FILL_OFF_LOT", f"fill of {plain(fill.amount)} is off the lot", at_ns
            )
        if is_foreign_fee(fill, order.bot.instrument):
            self._alarm(order, "FEE_ASSET", f"fee paid in {fill.fee_currency}", at_ns)
        self._name(order, fill.order_id)
        self._accept(order, at_ns)
        order.trades.add(fill.trade_id)
        order.delivered += lots
        order.reported = max(order.reported, order.delivered)
        signal = lifecycle.fill_signal(order.delivered, order.amount)
        if lifecycle.contradicts(order.state, signal):
            self._alarm(order, "FILLED_AFTER_REFUSAL", "an order proved absent has filled", at_ns)
        else:
            order.state = lifecycle.advance(order.state, signal)
        if lifecycle.is_overfilled(order.delivered, order.amount):
            self._overfilled(order, at_ns)
        bot = order.bot
        item = pending(order, fill, lots, bot.sequence + 1)
        bot.take(order, lots, item.event.fee_base)
        order.unapplied[fill.trade_id] = item
        bot.post(item.event)
        self._write(order, at_ns)
        self._finish(order, at_ns)
        return True

    def lose(self, order: TrackedOrder, code: str, at_ns: int, detail: str = "") -> None:
        """A create did not answer: it is unknown, unless something was heard of it meanwhile."""
        if not order.state.is_unproved:
            return
        order.state = lifecycle.advance(order.state, Signal.LOSE)
        order.unknown_since_ns = order.unknown_since_ns or at_ns
        self._evidence(order, at_ns, code, detail)
        self._write(order, at_ns)
        self.tell_unknown(order, code, at_ns)
        self.out.unknown.append(order)

    def vanish(self, order: TrackedOrder, at_ns: int) -> None:
        """The venue had it, and does not list it any more: it has to be asked for (V9)."""
        order.is_revived = False
        if order.state.is_final or order.is_vanished:
            return
        order.is_vanished = True
        order.unknown_since_ns = at_ns
        self._evidence(order, at_ns, "MISSING", "not among the open orders")
        self.out.unknown.append(order)

    def tell_unknown(self, order: TrackedOrder, code: str, at_ns: int) -> None:
        """Tells the bot, once per episode, that its order does not answer."""
        if order.is_unknown_told:
            return
        order.is_unknown_told = True
        order.bot.post(OrderUnknown(at_ns=at_ns, client_order_id=order.client_order_id))
        self._line(order, at_ns, "order.unknown", (("code", code),))

    def refuse(self, order: TrackedOrder, code: str, at_ns: int, detail: str = "") -> None:
        """A definite no: the order does not and will not exist."""
        if not order.state.is_unproved:
            return  # it was heard of, so the no was about something else
        self._evidence(order, at_ns, "REFUSED", detail or code)
        self._conclude(order, Signal.REFUSE, code, at_ns)

    def disprove(self, order: TrackedOrder, at_ns: int, detail: str) -> None:
        """The evidence of P6 is complete."""
        if order.is_vanished and not order.state.is_unproved:
            self._evidence(order, at_ns, "VANISHED", detail)
            self._conclude(order, Signal.CANCEL, "VANISHED", at_ns)
        elif order.state is OrderState.UNKNOWN:
            self._evidence(order, at_ns, "NOT_PLACED", detail)
            self._conclude(order, Signal.DISPROVE, "NOT_PLACED", at_ns)

    def withdraw_unsent(self, order: TrackedOrder, code: str, at_ns: int) -> None:
        """Ends an order of which not one byte left; one that nobody wanted counts as cancelled."""
        is_ours = order.cancel_wanted
        order.state = OrderState.CANCELED if is_ours else OrderState.REJECTED_DEFINITE
        order.code = code
        self._evidence(order, at_ns, "NOT_SENT", code)
        self._write(order, at_ns)
        self._finish(order, at_ns)

    def want_cancel(self, order: TrackedOrder, at_ns: int, transaction: Transaction) -> None:
        """Marks an order as not wanted, as part of the bot's own transaction."""
        if order.cancel_wanted or order.is_ended:
            return
        order.cancel_wanted = True
        transaction.updates.append(update_row(order, at_ns))

    def note(self, order: TrackedOrder, at_ns: int, kind: str, detail: str = "") -> None:
        """Keeps something learned as evidence."""
        self._evidence(order, at_ns, kind, detail)

    def page(self, order: TrackedOrder, at_ns: int) -> None:
        """Calls the operator, once, about an order that nobody can tell anything of."""
        if not order.is_paged:
            order.is_paged = True
            seconds = (at_ns - order.unknown_since_ns) // 1_000_000_000
            self._alarm(order, "UNRESOLVED", f"outcome unknown for {seconds} s", at_ns)

    # -- inside -------------------------------------------------------------------------------

    def _is_known(self, order: TrackedOrder, signal: Signal, data: OrderData) -> bool:
        """Whether a word repeats what was heard before: most echoes of the stream do."""
        if order.is_unknown_told or order.is_vanished or order.is_revived:
            return False
        if data.order_id != order.order_id:
            return False
        if order.is_ended:
            is_settled = order.state not in lifecycle.NEVER_EXISTED
            return is_settled and self._lots(order, data.filled) <= order.delivered
        return order.state is OrderState.ACKED and signal is Signal.ACCEPT and not data.filled

    def _is_of(self, order: TrackedOrder, data: OrderData) -> bool:
        """Whether an answer speaks of this order at all (T5, V30)."""
        return (
            data.symbol == order.command.symbol
            and data.side is order.command.side
            and (not data.client_order_id or data.client_order_id == order.client_order_id)
            and self._has_its_terms(order, data)
        )

    def _has_its_terms(self, order: TrackedOrder, data: OrderData) -> bool:
        """Whether price and amount are those we asked for: an id may have been given out twice."""
        instrument, command = order.bot.instrument, order.command
        if data.amount != instrument.amount(command.amount):
            return False
        if command.price is None or data.price is None:
            return True
        return data.price == instrument.price(command.price)

    def _mismatch(self, order: TrackedOrder, data: OrderData, at_ns: int) -> None:
        text = f"the venue answered with order {data.client_order_id or data.order_id}"
        self._alarm(order, "MISMATCHED_ANSWER", text, at_ns)
        self.lose(order, "MISMATCHED_ANSWER", at_ns, text)

    def _revive(self, order: TrackedOrder, data: OrderData, at_ns: int) -> None:
        """An order that was proved absent lives: the venue is right, and nobody wants it."""
        self._alarm(order, "REVIVED", "an order proved absent is at the venue", at_ns)
        self._name(order, data.order_id)
        order.reported = max(order.reported, self._lots(order, data.filled))
        order.cancel_wanted = True
        order.is_revived = data.status.is_open
        if order.is_revived:
            self.out.cancels.append(order)

    def _name(self, order: TrackedOrder, order_id: str) -> None:
        if order_id and not order.order_id:
            order.order_id = order_id
            self._by_order_id[order.command.symbol, order_id] = order

    def _accept(self, order: TrackedOrder, at_ns: int) -> None:
        if order.is_accepted:
            if order.is_unknown_told:
                self._resolved(order, at_ns)
            return
        order.is_accepted = True
        order.bot.post(
            OrderAccepted(
                at_ns=at_ns, client_order_id=order.client_order_id, order_id=order.order_id
            )
        )
        if order.is_unknown_told:
            self._resolved(order, at_ns)
        self.out.lines.append((order.bot.bot_id, at_ns, "order.placed", placed_fields(order)))
        if order.cancel_wanted and not order.state.is_final:
            self.out.cancels.append(order)

    def _resolved(self, order: TrackedOrder, at_ns: int) -> None:
        order.is_unknown_told = False
        order.is_paged = False
        self._evidence(order, at_ns, "RESOLVED", order.state.value)
        fields = (("order_id", order.order_id), ("state", order.state.value.lower()))
        self._line(order, at_ns, "order.resolved", fields)

    def _conclude(self, order: TrackedOrder, signal: Signal, code: str, at_ns: int) -> None:
        order.state = lifecycle.advance(order.state, signal)
        order.code = code
        if order.is_unknown_told:
            self._resolved(order, at_ns)
        self._write(order, at_ns)
        self._finish(order, at_ns)

    def _finish(self, order: TrackedOrder, at_ns: int) -> None:
        """Hands over the end once the order is final and all its fills were handed over."""
        if order.is_ended or not order.state.is_final:
            return
        if not order.is_complete:
            self.out.short.append(order)
            return
        order.is_ended = True
        status = lifecycle.final_status(order.state)
        is_ours = order.cancel_wanted and status is OrderStatus.CANCELED
        order.bot.release(order)
        event = OrderEnded(
            at_ns=at_ns,
            client_order_id=order.client_order_id,
            status=status,
            filled=order.delivered,
            code=order.code,
            is_ours=is_ours,
        )
        order.bot.ends[order.client_order_id] = order.bot.post(event)
        if status is not OrderStatus.FILLED:
            word = "order.rejected" if status is OrderStatus.REJECTED else "order.canceled"
            filled = plain(order.bot.instrument.amount(order.delivered))
            self._line(order, at_ns, word, (("filled", filled), ("code", order.code)))
        if order.is_gone:
            self.forget(order)

    def _overfilled(self, order: TrackedOrder, at_ns: int) -> None:
        instrument = order.bot.instrument
        text = (
            f"filled {plain(instrument.amount(order.delivered))}"
            f" of {plain(instrument.amount(order.amount))}"
        )
        self._evidence(order, at_ns, "OVERFILLED", text)
        self._alarm(order, "OVERFILLED", text, at_ns)

    def _fill_lots(self, order: TrackedOrder, fill: FillData) -> tuple[int, bool]:
        lots, rest = divmod(fill.amount, order.bot.instrument.lot_size)
        return int(lots), not rest

    def _lots(self, order: TrackedOrder, amount: Decimal) -> int:
        return int(amount // order.bot.instrument.lot_size) if amount else 0

    def _write(self, order: TrackedOrder, at_ns: int) -> None:
        self.out.transaction.updates.append(update_row(order, at_ns))

    def _evidence(self, order: TrackedOrder, at_ns: int, kind: str, detail: str) -> None:
        row = EvidenceRow(order.client_order_id, at_ns, kind, tame(detail))
        self.out.transaction.evidence.append(row)

    def _line(self, order: TrackedOrder, at_ns: int, event: str, fields: DiaryFields) -> None:
        line = (*brief_fields(order), *fields)
        self.out.lines.append((order.bot.bot_id, at_ns, event, line))

    def _alarm(self, order: TrackedOrder, code: str, text: str, at_ns: int) -> None:
        sentence = f"{order.command.symbol} order {order.client_order_id}: {text}"
        self.out.alarms.append(Alarm(order.bot.bot_id, code, sentence, at_ns))


def brief_fields(order: TrackedOrder) -> DiaryFields:
    """What every line of an order says."""
    command, instrument = order.command, order.bot.instrument
    return (
        ("client_order_id", order.client_order_id),
        ("side", str(command.side)),
        ("price", None if command.price is None else plain(instrument.price(command.price))),
        ("amount", plain(instrument.amount(command.amount))),
        ("level", command.level),
        ("leg", LEG_OF[command.role]),
    )


def placed_fields(order: TrackedOrder) -> DiaryFields:
    """What `order.placed` says."""
    command = order.command
    return (
        *brief_fields(order),
        ("order_type", str(command.order_type)),
        ("time_in_force", str(command.time_in_force)),
        ("reason", command.reason.rule),
    )


def intent_row(order: TrackedOrder) -> IntentRow:
    """The intent as the journal takes it."""
    command, bot = order.command, order.bot
    instrument = bot.instrument
    return IntentRow(
        order.client_order_id,
        bot.bot_id,
        bot.spec.venue,
        bot.account,
        command.symbol,
        str(command.side),
        str(command.order_type),
        None if command.price is None else plain(instrument.price(command.price)),
        plain(instrument.amount(command.amount)),
        str(command.time_in_force),
        int(command.post_only),
        int(command.reduce_only),
        str(command.role),
        command.level,
        command.reason.rule,
        _inputs(command.reason),
        order.created_ns,
        order.deadline_ns,
    )


def _inputs(reason: Reason) -> str:
    """The inputs of a decision as JSON in ASCII."""
    if not reason.inputs:
        return "[]"
    text = msgspec.json.format(msgspec.json.encode(reason.inputs), indent=0)
    is_plain = text.isascii() and b"\x7f" not in text
    return text.decode() if is_plain else json.dumps(reason.inputs)


def update_row(order: TrackedOrder, at_ns: int) -> IntentUpdate:
    """The mutable part of an order's row."""
    return IntentUpdate(
        str(order.state),
        order.order_id,
        plain(order.bot.instrument.amount(order.reported)),
        order.code,
        int(order.cancel_wanted),
        order.deadline_ns,
        at_ns,
        order.client_order_id,
    )


def seen_ends(bot: BotBook, before: int) -> list[str]:
    """Ends that the bot must have taken in, because it took in something handed over later.

    Args:
        bot: Whose; the ends are taken out of its list.
        before: Place in line of the latest event that the bot is known to have taken in.
    """
    if not bot.ends:
        return []
    seen = [key for key, place in bot.ends.items() if place < before]
    excess = len(bot.ends) - len(seen) - _ENDS_KEPT
    if excess > 0:
        waiting = (key for key, place in bot.ends.items() if place >= before)
        seen.extend(key for key, _ in zip(waiting, range(excess), strict=False))
    for key in seen:
        del bot.ends[key]
    return seen


def place_order(order: PlaceOrder, bot: BotBook, at_ns: int, window_ns: int) -> TrackedOrder:
    """A new order whose intent is about to be written."""
    return TrackedOrder(bot, order, at_ns, at_ns + window_ns)
