"""What edgeX's private socket told of the account, and who waits for it.

The answer to an order is a number alone. What became of it comes here; a request waits a moment for
that before it asks. Money is told without what is free of it: that is asked for after executions.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.edgex.account import Account
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    OrderData,
    OrderStatus,
    UserData,
)
from core.adapters.exchanges.native.hub import Hub
from core.errors import VenueError
from core.infrastructure.clock import Clock

_PATIENCE_S: Final = 0.5
"""How long the socket is given to say what became of an order before it is asked for."""
_HEARD: Final = 10_000


class News:
    """Remembers, tells listeners, and wakes whoever waits.

    Args:
        clock: For waits.
        hub: Who listens.
        account: What the socket does not tell.
        expect_word: Has the private socket replaced, if it goes on not telling of something.
    """

    def __init__(
        self,
        clock: Clock,
        hub: Hub,
        account: Account,
        expect_word: Callable[[Callable[[], bool]], None],
    ) -> None:
        self._clock = clock
        self._hub = hub
        self._account = account
        self._expect_word = expect_word
        self._heard: OrderedDict[str, OrderData] = OrderedDict()
        """Order id -> what was told last."""
        self._waiting: dict[str, asyncio.Event] = {}
        """Order id -> set by news of it."""
        self._is_asking = False
        self._asks_again = False

    def take(self, told: Sequence[UserData], event: str, link: Link) -> None:
        """A message of the private socket; money is asked for after an execution."""
        has_filled = False
        for item in told:
            if isinstance(item, BalanceData):
                continue  # without what is free: that is asked for
            if isinstance(item, OrderData):
                self._remember(item)
            has_filled = has_filled or isinstance(item, FillData)
            self._hub.tell_user(item)
        if event == "FUNDING_SETTLEMENT":
            link.spawn(self._tell_settlements())
        if not has_filled:
            return
        if self._is_asking:
            self._asks_again = True
        else:
            self._is_asking = True
            link.spawn(self._tell_balances())

    async def of_order(self, order_id: str, *, is_brief: bool) -> OrderData | None:
        """What became of an order that was taken; None when the socket said nothing in time.

        Args:
            order_id: The venue's.
            is_brief: Whether its end is waited for, since it cannot rest.
        """

        def is_told(order: OrderData | None) -> bool:
            if order is None or order.status is OrderStatus.PENDING:
                return False
            return order.status.is_final or not is_brief

        news = self._waiting[order_id] = asyncio.Event()
        try:
            async with self._clock.timeout(_PATIENCE_S):
                while not is_told(self._heard.get(order_id)):
                    news.clear()
                    await news.wait()
            return self._heard[order_id]
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(order_id, None)

    def expect(self, order_id: str) -> None:
        """An order is there that the socket did not tell of: it has to, or is given up (T16)."""
        self._expect_word(lambda: order_id in self._heard)

    def _remember(self, order: OrderData) -> None:
        self._heard[order.order_id] = order
        self._heard.move_to_end(order.order_id)
        if len(self._heard) > _HEARD:
            self._heard.popitem(last=False)
        news = self._waiting.get(order.order_id)
        if news is not None:
            news.set()

    async def _tell_balances(self) -> None:
        try:
            while True:
                self._asks_again = False
                for item in await self._account.balances():
                    self._hub.tell_user(item)
                if not self._asks_again:
                    return
        except VenueError:
            return  # the next execution asks again, and nobody trades on these
        finally:
            self._is_asking = False

    async def _tell_settlements(self) -> None:
        try:
            since = self._clock.now() - timedelta(minutes=5)
            for payment in await self._account.funding_payments(None, since):
                self._hub.tell_user(payment)
        except VenueError:
            return  # reconciliation asks for them
