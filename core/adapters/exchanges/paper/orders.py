"""Orders at the paper venue: what was asked, how far it got, and which of them are open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from core.adapters.exchanges.models import (
    Instrument,
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from core.adapters.exchanges.paper.moments import moment
from core.domain.matching import Resting
from core.domain.position import ZERO


@dataclass(slots=True, eq=False, kw_only=True)
class PaperOrder:
    """One order of the account, in any state."""

    number: int
    """Order of acceptance; unique for ever in this account."""
    order_id: str
    client_order_id: str | None
    symbol: str
    side: OrderSide
    order_type: OrderType
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    price: Decimal | None
    lots: int
    """Ordered."""
    filled: int = 0
    """Lots."""
    spent: Decimal = ZERO
    """Sum of price times amount of its executions."""
    status: OrderStatus = OrderStatus.OPEN
    reason: str | None = None
    created_ns: int
    updated_ns: int
    ticks: int = 0
    """Price in ticks; 0 for a market order."""
    resting: Resting | None = None
    """Its place in matching while it rests."""
    is_stored: bool = False
    """Whether the file has a row of it."""
    stored_ahead: int = 0
    """The volume ahead of it as the file knows it."""
    said: tuple[object, OrderData] | None = None
    """What was said of it last, and the state that it was in."""
    parts: tuple[int, ...] = ()
    """Lots of the next fills, where the switchboard cuts them; empty for whole."""

    @property
    def remaining(self) -> int:
        """Lots that have not filled."""
        return self.lots - self.filled

    def data(self, venue: str, instrument: Instrument) -> OrderData:
        """The venue's word on it."""
        state = (self.status, self.filled, self.reason, self.updated_ns)
        if self.said is None or self.said[0] != state:
            self.said = (state, self._data(venue, instrument))
        return self.said[1]

    def _data(self, venue: str, instrument: Instrument) -> OrderData:
        filled = ZERO
        average = None
        if self.filled:
            filled = instrument.amount(self.filled)
            # The quotient is for display; an order that filled at one price shows that price.
            average = self.spent / filled
        return OrderData(
            venue=venue,
            symbol=self.symbol,
            order_id=self.order_id,
            client_order_id=self.client_order_id,
            side=self.side,
            order_type=self.order_type,
            status=self.status,
            amount=instrument.amount(self.lots),
            price=self.price,
            filled=filled,
            average_price=average,
            time_in_force=self.time_in_force,
            post_only=self.post_only,
            reduce_only=self.reduce_only,
            reason=self.reason,
            created_at=moment(self.created_ns),
            updated_at=moment(self.updated_ns),
        )


@dataclass(slots=True)
class OpenInterest:
    """Sums of one symbol's open orders that may open something (reduce-only ones do not)."""

    sell_lots: int = 0
    buy_value: int = 0
    """Ticks times lots."""
    sell_value: int = 0

    def add(self, order: PaperOrder, lots: int) -> None:
        """Counts an order's lots in, or out where `lots` is negative."""
        if order.reduce_only:
            return
        if order.side is OrderSide.BUY:
            self.buy_value += lots * order.ticks
        else:
            self.sell_lots += lots
            self.sell_value += lots * order.ticks


class OpenOrders:
    """The open orders of the account, found by number, by the venue's id and by ours."""

    def __init__(self) -> None:
        self._by_number: dict[int, PaperOrder] = {}
        self._by_id: dict[str, PaperOrder] = {}
        self._by_client_id: dict[str, PaperOrder] = {}
        self._interest: dict[str, OpenInterest] = {}
        """Symbol -> sums."""
        self._reduce_only = 0

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[PaperOrder]:
        """From old to new."""
        return iter(self._by_number.values())

    def add(self, order: PaperOrder) -> None:
        """Takes an order in that is newer than all others."""
        self._by_number[order.number] = order
        self._by_id[order.order_id] = order
        if order.client_order_id is not None:
            self._by_client_id[order.client_order_id] = order
        self._reduce_only += order.reduce_only
        self.interest(order.symbol).add(order, order.remaining)

    @property
    def has_reduce_only(self) -> bool:
        """Whether any open order is reduce-only."""
        return self._reduce_only > 0

    def fill(self, order: PaperOrder, lots: int) -> None:
        """Counts lots that have filled out of the sums; call before `order.filled` changes."""
        self.interest(order.symbol).add(order, -lots)

    def remove(self, order: PaperOrder) -> None:
        """Lets go of an order that is final."""
        del self._by_number[order.number]
        del self._by_id[order.order_id]
        if order.client_order_id is not None:
            del self._by_client_id[order.client_order_id]
        self._reduce_only -= order.reduce_only
        self.interest(order.symbol).add(order, -order.remaining)

    def numbered(self, number: int) -> PaperOrder | None:
        """By number of acceptance."""
        return self._by_number.get(number)

    def find(self, order_id: str | None, client_order_id: str | None) -> PaperOrder | None:
        """By either id."""
        if order_id is not None:
            return self._by_id.get(order_id)
        return None if client_order_id is None else self._by_client_id.get(client_order_id)

    def of(self, symbol: str | None) -> list[PaperOrder]:
        """Those of a symbol, or all, from old to new."""
        return [order for order in self if symbol is None or order.symbol == symbol]

    def interest(self, symbol: str) -> OpenInterest:
        """The sums of a symbol."""
        found = self._interest.get(symbol)
        if found is None:
            found = self._interest[symbol] = OpenInterest()
        return found
