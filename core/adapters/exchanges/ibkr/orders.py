"""What TWS said of each order, by its lasting id (`permId`) and by ours (`orderRef`). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.adapters.exchanges.ibkr import convert
from core.adapters.exchanges.models import OrderData, OrderSide, OrderStatus, OrderType, TimeInForce

_ZERO = Decimal(0)


@dataclass(slots=True, kw_only=True)
class Entry:
    """One order."""

    symbol: str
    side: OrderSide
    order_type: OrderType
    amount: Decimal
    price: Decimal | None
    time_in_force: TimeInForce
    ref: str
    client_id: int
    number: int
    """Of the client that placed it; 0 for one that was placed by hand."""
    perm_id: int = 0
    status: OrderStatus = OrderStatus.PENDING
    filled: Decimal = _ZERO
    average: Decimal | None = None
    reason: str | None = None
    ended_at: datetime | None = None
    told: tuple[object, ...] = ()
    """What was told of it last."""

    @property
    def order_id(self) -> str:
        """The venue's lasting id; empty until it is known."""
        return str(self.perm_id) if self.perm_id else ""

    @property
    def state(self) -> tuple[object, ...]:
        """What a listener would see change."""
        return (self.status, self.filled, self.amount, self.price)

    def data(self) -> OrderData:
        """As the port tells it. IBKR does not say when an open order was made or changed."""
        return OrderData(
            venue=convert.VENUE,
            symbol=self.symbol,
            order_id=self.order_id,
            client_order_id=self.ref or None,
            side=self.side,
            order_type=self.order_type,
            status=self.status,
            amount=self.amount,
            price=self.price,
            filled=self.filled,
            average_price=self.average,
            time_in_force=self.time_in_force,
            reason=self.reason,
            updated_at=self.ended_at,
        )


class OrderBook:
    """Every order of the account that was heard of."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._by_perm: dict[int, Entry] = {}
        self._by_number: dict[tuple[int, int], Entry] = {}

    def add(self, entry: Entry) -> None:
        """An order that leaves now, before anything is heard of it."""
        self._entries.append(entry)
        self._by_number[(entry.client_id, entry.number)] = entry

    def forget(self, entry: Entry) -> None:
        """An order that provably never left."""
        self._entries.remove(entry)
        self._by_number.pop((entry.client_id, entry.number), None)

    def find(self, order_id: str | None, ref: str | None) -> Entry | None:
        """By the venue's id, else the newest with our id."""
        if order_id:
            return self._by_perm.get(int(order_id)) if order_id.isdigit() else None
        if not ref:
            return None
        return next((entry for entry in reversed(self._entries) if entry.ref == ref), None)

    def numbered(self, client_id: int, number: int) -> Entry | None:
        """By the number of the client that placed it."""
        return self._by_number.get((client_id, number))

    def open_ref(self, ref: str) -> Entry | None:
        """An order with our id that is not known to be closed."""
        return next((e for e in self._entries if e.ref == ref and not e.status.is_final), None)

    def has_others(self, symbol: str, client_id: int) -> bool:
        """Whether orders of a symbol are open that other clients placed: their news go there."""
        return any(
            entry.symbol == symbol and entry.client_id != client_id and not entry.status.is_final
            for entry in self._entries
        )

    def all(self) -> list[Entry]:
        """From old to new, as far as IBKR's ids say."""
        return sorted(self._entries, key=lambda entry: entry.perm_id or 1 << 62)

    # -- what TWS tells ------------------------------------------------------------------------

    def take_open(self, symbol: str, number: int, order: Any, word: str, now: datetime) -> Entry:  # noqa: ANN401
        """`openOrder`: the order itself, and a status without what filled."""
        entry = self._entry(order.permId, order.clientId, number)
        if entry is None:
            entry = self._made(symbol, number, order)
        self._know(entry, order.permId)
        entry.amount = convert.exact(order.totalQuantity) or entry.amount
        if entry.order_type is OrderType.LIMIT:
            entry.price = convert.exact(order.lmtPrice)
        if not entry.status.is_final:
            self._move(entry, convert.status_of(word, entry.filled, entry.amount), now)
        return entry

    def take_status(
        self,
        number: int,
        word: str,
        filled: float,
        average: float,
        perm_id: int,
        client_id: int,
        now: datetime,
    ) -> Entry | None:
        """`orderStatus`; None for an order that nobody told of."""
        entry = self._entry(perm_id, client_id, number)
        if entry is None:
            return None
        self._know(entry, perm_id)
        # Messages overtake each other; what has filled never becomes less.
        entry.filled = max(entry.filled, convert.exact(filled) or _ZERO)
        shown = convert.exact(average)
        entry.average = shown or entry.average
        if not entry.status.is_final:
            self._move(entry, convert.status_of(word, entry.filled, entry.amount), now)
        return entry

    def take_completed(self, symbol: str, order: Any, state: Any) -> Entry:  # noqa: ANN401
        """`completedOrder`: today's closed ones, without the client's number."""
        entry = self._by_perm.get(int(order.permId))
        if entry is None:
            entry = self._made(symbol, 0, order)
            self._know(entry, order.permId)
        if entry.status.is_final:
            return entry
        filled = convert.exact(order.filledQuantity) or _ZERO
        entry.filled = max(entry.filled, filled)
        # A filled order's own quantity is told as 0.
        entry.amount = max(entry.amount, entry.filled)
        entry.status = convert.status_of(state.status, entry.filled, entry.amount)
        entry.ended_at = convert.completed_at(state.completedTime)
        return entry

    def end(self, entry: Entry, status: OrderStatus, reason: str, now: datetime) -> None:
        """A code ended it."""
        if not entry.status.is_final:
            entry.reason = reason
            self._move(entry, status, now)

    # -- inside -------------------------------------------------------------------------------

    def _entry(self, perm_id: int, client_id: int, number: int) -> Entry | None:
        found = self._by_perm.get(int(perm_id)) if perm_id else None
        if found is None and number > 0:
            found = self._by_number.get((int(client_id), int(number)))
            if found is not None and found.perm_id and perm_id and found.perm_id != perm_id:
                return None
        return found

    def _know(self, entry: Entry, perm_id: int) -> None:
        if perm_id and not entry.perm_id:
            entry.perm_id = int(perm_id)
            self._by_perm[entry.perm_id] = entry

    def _made(self, symbol: str, number: int, order: Any) -> Entry:  # noqa: ANN401
        order_type = convert.type_of(order.orderType)
        entry = Entry(
            symbol=symbol,
            side=convert.side_of(order.action),
            order_type=order_type,
            amount=convert.exact(order.totalQuantity) or _ZERO,
            price=convert.exact(order.lmtPrice) if order_type is OrderType.LIMIT else None,
            time_in_force=convert.time_in_force_of(order.tif),
            ref=order.orderRef,
            client_id=int(order.clientId),
            number=number,
        )
        self._entries.append(entry)
        if number > 0:
            self._by_number[(entry.client_id, number)] = entry
        return entry

    @staticmethod
    def _move(entry: Entry, status: OrderStatus, now: datetime) -> None:
        entry.status = status
        if status.is_final:
            entry.ended_at = now
