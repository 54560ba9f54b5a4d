"""The oracle's venue: a clock of timers, resting orders, one account, nothing clever.

Every row scans every order; every number is a Decimal. The bot behind it hears of fills and ends
at once, while what the bot sends needs the latency to arrive.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from core.testing.oracle.settings import Settings


@dataclass(slots=True, kw_only=True, eq=False)
class Order:
    """One order from the moment it is sent."""

    number: int
    side: int
    """1 buys, -1 sells."""
    price: Decimal | None
    """None executes at the last price, whatever it is."""
    amount: Decimal
    """What has not executed yet."""
    level: int | None
    leg: str
    immediate: bool = False
    """What does not execute on acceptance is cancelled there and then."""
    reduce_only: bool = False
    is_unwanted: bool = False
    """It was to be cancelled before it had arrived."""
    state: str = "in flight"
    """in flight, open, filled or canceled."""

    @property
    def is_live(self) -> bool:
        """Whether it may still execute."""
        return self.state in {"in flight", "open"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One trade of the account."""

    number: int
    at_ms: int
    order: Order
    price: Decimal
    amount: Decimal
    rate: Decimal
    is_maker: bool
    is_last: bool
    """Whether nothing of the order is left."""


class Listener(Protocol):
    """Who owns the orders."""

    def on_execution(self, execution: Execution) -> None:
        """Take note of an execution."""

    def on_canceled(self, order: Order) -> None:
        """Take note of an order that ended with something left."""


@dataclass(slots=True, kw_only=True)
class Market:
    """Time, the newest prices, the account's cash and position, and the orders that rest."""

    settings: Settings
    listener: Listener | None = None
    now_ms: int = 0
    bid: Decimal | None = None
    ask: Decimal | None = None
    """Without a book both are the last trade."""
    bid_amount: Decimal | None = None
    ask_amount: Decimal | None = None
    """None is plenty."""
    cash: Decimal = Decimal(0)
    position: Decimal = Decimal(0)
    resting: list[Order] = field(default_factory=list)
    """Oldest first."""
    sent: int = 0
    """Orders ever sent."""
    _timers: list[tuple[int, int, int, Callable[[], None]]] = field(default_factory=list)
    _timer_count: int = 0
    _execution_count: int = 0

    def call_at(self, at_ms: int, act: Callable[[], None], *, is_first: bool = False) -> None:
        """Act at a time; of equal times the one asked for first acts first.

        Args:
            at_ms: When.
            act: What.
            is_first: Whether it comes before all others of its time.
        """
        self._timer_count += 1
        rank = 0 if is_first else self._timer_count
        heapq.heappush(self._timers, (at_ms, rank, self._timer_count, act))

    def run_until(self, limit_ms: int | None) -> None:
        """Let every timer act that is due at or before the limit, or all of them."""
        while self._timers and (limit_ms is None or self._timers[0][0] <= limit_ms):
            at_ms, _, _, act = heapq.heappop(self._timers)
            self.now_ms = max(self.now_ms, at_ms)
            act()

    def trade(self, at_ms: int, price: Decimal) -> None:
        """Take in one trade."""
        self.bid = self.ask = price
        self._meet(at_ms)

    def quote(self, at_ms: int, bid: tuple[Decimal, Decimal], ask: tuple[Decimal, Decimal]) -> None:
        """Take in one quote: price and amount of either side."""
        self.bid, self.bid_amount = bid
        self.ask, self.ask_amount = ask
        self._meet(at_ms)

    def send(self, order: Order) -> None:
        """Send an order; it is accepted one latency later."""
        self.sent += 1
        self.call_at(self.now_ms + self.settings.latency_ms, lambda: self._accept(order))

    def cancel(self, order: Order) -> None:
        """Send a cancel, for an order still on its way once that has arrived.

        It finds the order, or finds it gone, one latency later.
        """
        if order.state == "in flight":
            order.is_unwanted = True
        else:
            self.call_at(self.now_ms + self.settings.latency_ms, lambda: self._cancel(order))

    def equity(self) -> Decimal:
        """Cash beyond the initial balance, with the position at the mark."""
        return self.cash + self.position * self.mark() if self.position else self.cash

    def mark(self) -> Decimal:
        """The middle of bid and ask, which is the last trade where there is no book."""
        return (self.opposite(1) + self.opposite(-1)) / 2

    def opposite(self, side: int) -> Decimal:
        """What an order of a side takes: the ask for a buy, the bid for a sell."""
        price = self.ask if side > 0 else self.bid
        if price is None:
            raise ValueError("there is no price yet")
        return price

    def _meet(self, at_ms: int) -> None:
        """Let a row meet the orders that rest now: best price first, then oldest."""
        self.now_ms = at_ms
        met = [order for order in self.resting if self._meets(order)]
        met.sort(key=lambda order: -order.side * _limit(order))
        for order in met:
            self._execute(order, _limit(order), order.amount, is_maker=True)

    def _meets(self, order: Order) -> bool:
        gap = order.side * (_limit(order) - self.opposite(order.side))
        return gap >= 0 if self.settings.fills_at_touch else gap > 0

    def _accept(self, order: Order) -> None:
        order.state = "open"
        if order.reduce_only:
            order.amount = min(order.amount, max(-order.side * self.position, Decimal(0)))
        price = self.opposite(order.side)
        if order.price is None or order.side * order.price >= order.side * price:
            depth = self.ask_amount if order.side > 0 else self.bid_amount
            plenty = (
                order.amount if depth is None else depth // self.settings.lot * self.settings.lot
            )
            amount = min(order.amount, plenty)
            if amount > 0:
                self._execute(order, price, amount, is_maker=False)
        if order.state == "filled":
            return
        if order.immediate or order.price is None:
            self._end(order)
        else:
            self.resting.append(order)
            if order.is_unwanted:
                self.cancel(order)

    def _cancel(self, order: Order) -> None:
        if order.is_live:
            self._end(order)

    def _end(self, order: Order) -> None:
        self._leave(order, "canceled")
        if self.listener is not None:
            self.listener.on_canceled(order)

    def _execute(self, order: Order, price: Decimal, amount: Decimal, *, is_maker: bool) -> None:
        order.amount -= amount
        if not order.amount:
            self._leave(order, "filled")
        self._execution_count += 1
        rate = self.settings.maker_fee if is_maker else self.settings.taker_fee
        self.cash -= order.side * amount * price
        self.position += order.side * amount
        if self.settings.fee_in_base and order.side > 0:
            self.position -= amount * rate
        else:
            self.cash -= amount * price * rate
        execution = Execution(
            number=self._execution_count,
            at_ms=self.now_ms,
            order=order,
            price=price,
            amount=amount,
            rate=rate,
            is_maker=is_maker,
            is_last=not order.amount,
        )
        if self.listener is not None:
            self.listener.on_execution(execution)

    def _leave(self, order: Order, state: str) -> None:
        order.state = state
        if order in self.resting:
            self.resting.remove(order)


def _limit(order: Order) -> Decimal:
    if order.price is None:
        raise ValueError("a market order never rests")
    return order.price
