"""What Lighter's private socket told of the account, and who waits for it.

The answer to a transaction says only that the venue took it. What became of an order comes here,
under the venue's number for our id; a request waits a moment for that before it asks.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Final, TypeVar

from core.adapters.exchanges.models import (
    FillData,
    OrderData,
    OrderStatus,
    PositionData,
    UserData,
)
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.native.hub import Hub
from core.errors import InsufficientFunds, OrderRejected
from core.infrastructure.clock import Clock

T = TypeVar("T", OrderData, FillData)

_PATIENCE_S: Final = 1.0
"""How long the socket is given to say what became of a transaction."""
_HEARD: Final = 10_000
_REFUSALS: Final[dict[str, type[OrderRejected]]] = {
    "canceled-post-only": OrderRejected,
    "canceled-reduce-only": OrderRejected,
    "canceled-position-not-allowed": OrderRejected,
    "canceled-margin-not-allowed": InsufficientFunds,
    "canceled-invalid-balance": InsufficientFunds,
}
"""What the venue calls an order that matching refused -> the refusal that it is."""


class News:
    """Remembers, tells listeners, and wakes whoever waits.

    Args:
        clock: For waits.
        hub: Who listens.
        numbers: Our ids as the venue's client order indexes.
        changed: Called before anything is told: earlier answers are out of date.
        expect_word: Has the private socket replaced, if it goes on not telling of something.
    """

    def __init__(
        self,
        clock: Clock,
        hub: Hub,
        numbers: ClientNumbers,
        changed: Callable[[], None],
        expect_word: Callable[[Callable[[], bool]], None],
    ) -> None:
        self._clock = clock
        self._hub = hub
        self._numbers = numbers
        self._changed = changed
        self._expect_word = expect_word
        self._by_number: OrderedDict[str, OrderData] = OrderedDict()
        """The venue's client order index -> what was told last."""
        self._by_id: OrderedDict[str, OrderData] = OrderedDict()
        self._creating: set[str] = set()
        """Client order indexes of creates whose outcome is waited for."""
        self._waiting: dict[asyncio.Event, None] = {}
        """Set by any news, who waited longest first."""
        self._positions: dict[str, PositionData] | None = None
        """Symbol -> position other than flat; None before the first word."""

    def position(self, symbol: str) -> PositionData | None:
        """What is held of a symbol, as far as it was told."""
        return (self._positions or {}).get(symbol)

    # -- what is heard ------------------------------------------------------------------------

    def take(self, kind: str, told: Sequence[UserData]) -> None:
        """A message of the private channel `kind`."""
        self._changed()
        if kind == "account_all_positions":
            self._take_positions([item for item in told if isinstance(item, PositionData)])
            return
        for item in told:
            if isinstance(item, OrderData):
                self._take_order(item)
            elif isinstance(item, FillData):
                self._hub.tell_user(self._ours(item))
            else:
                self._hub.tell_user(item)

    def _take_order(self, order: OrderData) -> None:
        """Keeps it for whoever waits; what a create will call a refusal is not told as well."""
        number = order.client_order_id or ""
        for memory, key in ((self._by_number, number), (self._by_id, order.order_id)):
            memory[key] = order
            memory.move_to_end(key)
            if len(memory) > _HEARD:
                memory.popitem(last=False)
        for news in self._waiting:
            news.set()
        if number in self._creating and refusal_in(order) is not None:
            return
        self._hub.tell_user(self._ours(order))

    def _take_positions(self, found: Sequence[PositionData]) -> None:
        """Tells what changed; a market that is missing has become flat."""
        before, now = self._positions or {}, {item.symbol: item for item in found if item.size}
        self._positions = now
        for symbol, item in now.items():
            known = before.get(symbol)
            if known is None or (known.size, known.entry_price) != (item.size, item.entry_price):
                self._hub.tell_user(item)
        for symbol, known in before.items():
            if symbol not in now:
                self._hub.tell_user(
                    PositionData(venue=self._hub.venue, symbol=symbol, size=Decimal(0), at=known.at)
                )

    # -- who waits ----------------------------------------------------------------------------

    @contextmanager
    def creating(self, number: str) -> Iterator[None]:
        """While an order of this number is created, its refusal is the create's to tell."""
        self._by_number.pop(number, None)
        self._creating.add(number)
        try:
            yield
        finally:
            self._creating.discard(number)

    async def of_create(self, number: str, *, is_brief: bool) -> OrderData | None:
        """What became of a new order; None when the socket said nothing in time.

        Args:
            number: The venue's client order index.
            is_brief: Whether its end is waited for, since it cannot rest.
        """

        def told() -> OrderData | None:
            order = self._by_number.get(number)
            if order is None or order.status is OrderStatus.PENDING:
                return None
            return order if order.status.is_final or not is_brief else None

        return await self._of(told)

    async def of_end(self, order_id: str) -> OrderData | None:
        """How an order ended; None when the socket said nothing in time."""

        def told() -> OrderData | None:
            order = self._by_id.get(order_id)
            return order if order is not None and order.status.is_final else None

        return await self._of(told)

    def expect(self, number: str) -> None:
        """An order is there that the socket did not tell of: it has to, or is given up (T16).

        Args:
            number: The venue's client order index.
        """
        self._expect_word(lambda: number in self._by_number)

    def expect_end(self, order_id: str) -> None:
        """The same for the end of an order."""

        def is_told() -> bool:
            order = self._by_id.get(order_id)
            return order is not None and order.status.is_final

        self._expect_word(is_told)

    async def _of(self, told: Callable[[], OrderData | None]) -> OrderData | None:
        news = asyncio.Event()
        self._waiting[news] = None
        try:
            async with self._clock.timeout(_PATIENCE_S):
                while (order := told()) is None:
                    news.clear()
                    await news.wait()
                return self._ours(order)
        except TimeoutError:
            return None
        finally:
            del self._waiting[news]

    def _ours(self, data: T) -> T:
        return replace(data, client_order_id=self._numbers.ours(data.client_order_id))


def refusal_in(order: OrderData) -> OrderRejected | None:
    """The refusal that an order which was cancelled at once stands for; None for a cancel."""
    kind = _REFUSALS.get(order.reason or "")
    if kind is None or order.filled or order.status is not OrderStatus.CANCELED:
        return None
    return kind(f"lighter refused: {order.reason}", venue="lighter", code=order.reason)
