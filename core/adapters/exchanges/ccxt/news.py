"""What happened to the account: orders and executions from the sockets, the rest asked for.

After each execution positions and balances are asked for, once for all that come together, so that
they never come from half of a message. After a loss of the socket executions are asked for since
the last one that was heard.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.ccxt.door import Door
from core.adapters.exchanges.ccxt.records import Records
from core.adapters.exchanges.ccxt.stream import Watches, told_class
from core.adapters.exchanges.ccxt.values import Unified
from core.adapters.exchanges.models import (
    EventType,
    FillData,
    OrderData,
    OrderStatus,
    PositionData,
)
from core.errors import MalformedMessage, VenueError

_OVERLAP: Final = timedelta(seconds=5)
_UNHEARD: Final = timedelta(minutes=10)
"""So far back executions are asked for where none was ever heard."""
_LISTENS_AFTER_S: Final = 3.0
"""So long after a socket opened the venue has let us in and heard what we listen to; ccxt does not
tell when. What happens between is told by nobody, so executions are asked for once more."""
_REMEMBERED: Final = 1_000
"""Orders whose newest state is kept for who waits for it."""


class News:
    """The private side of one adapter.

    Args:
        door: The venue.
        watches: Runs what is asked beside the sockets.
        records: Answers it.
        tell: Tells of something that happened to the connection.
    """

    def __init__(
        self,
        door: Door,
        watches: Watches,
        records: Records,
        tell: Callable[[EventType, str], None],
    ) -> None:
        self._door = door
        self._watches = watches
        self._records = records
        self._tell = tell
        self._filled: dict[str, Decimal] = {}
        """Order id -> what its executions add up to, while it is open."""
        self._shown: set[str] = set()
        """Symbols whose position was told as other than flat."""
        self._newest: OrderedDict[str, OrderData] = OrderedDict()
        """Order id, or `name_of` our client order id -> what was heard of it last."""
        self._waiting: dict[str, asyncio.Future[OrderData]] = {}
        """The same -> who waits for its next state."""
        self._is_asking = False
        self._asks_again = False
        self.was_lost = False
        """Whether something may have been missed."""

    def clear(self) -> None:
        """Forgets what belongs to a connection."""
        self._is_asking = self._asks_again = self.was_lost = False
        self._newest.clear()

    # -- what ccxt's sockets tell -------------------------------------------------------------

    def heard(self, message: object) -> None:
        """Orders and executions of a private message, before ccxt reads it.

        Raises:
            MalformedMessage: If it says what cannot be; what it meant is asked for.
        """
        door = self._door
        try:
            news = door.account.heard(message, door.reading())
        except MalformedMessage as error:
            # What is wrong with a private message must not be overlooked: ask instead.
            door.listings.count("private:refused")
            self._tell(EventType.ERROR, str(error))
            self._watches.spawn(self.catch_up, "catch_up")
            raise
        for item in sorted(news or (), key=lambda item: not isinstance(item, FillData)):
            self._take(item)

    def listen_to_caches(self) -> None:
        """Orders and executions where ccxt puts them, for venues without parsers of ours."""
        if self._door.row.parsers:
            return
        from ccxt.async_support.base.ws import cache

        base = cache.ArrayCacheBySymbolById
        for name, take in (("orders", self._take_order), ("myTrades", self._take_fill)):
            setattr(self._door.client, name, told_class(base, take)(1000))

    def _take_order(self, data: Unified) -> None:
        self._take_unified(data, lambda words, row: words.order(row))

    def _take_fill(self, data: Unified) -> None:
        now = self._door.clock.now()
        self._take_unified(data, lambda words, row: words.fill(row, now))

    def _take_unified(self, data: Unified, read: Callable[[Any, Unified], object]) -> None:
        words = self._door.words
        if data.get("symbol") not in words.listings:
            return
        try:
            self._take(read(words, data))
        except MalformedMessage:
            self._door.listings.count("private:refused")
            self._watches.spawn(self.catch_up, "catch_up")

    def _take(self, item: object) -> None:
        door = self._door
        if isinstance(item, FillData):
            self._filled[item.order_id] = self._filled.get(item.order_id, Decimal(0)) + item.amount
            door.touched.add(item.symbol)
            door.hub.tell_user(door.our_fill(item))
            self._ask_account()
        elif isinstance(item, OrderData):
            if item.status.is_final:
                filled = self._filled.pop(item.order_id, Decimal(0))
                self._records.note_end(item)
                if door.row.sums_fills and item.status is not OrderStatus.FILLED:
                    item = replace(item, filled=filled)
            door.touched.add(item.symbol)
            ours = door.our_order(item)
            door.hub.tell_user(ours)
            self._note(ours)

    # -- who waits for what becomes of an order -----------------------------------------------

    def _note(self, order: OrderData) -> None:
        row = self._door.row
        if not row.acks_only:
            return
        self._note_as(order.order_id, order)
        if row.acks_nothing and order.client_order_id is not None:
            self._note_as(name_of(order.client_order_id), order)

    def _note_as(self, name: str, order: OrderData) -> None:
        self._newest[name] = order
        if len(self._newest) > _REMEMBERED:
            self._newest.popitem(last=False)
        waiting = self._waiting.pop(name, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(order)

    def forget(self, client_order_id: str) -> None:
        """An order is about to be sent under an id: what was heard of one before says nothing."""
        self._newest.pop(name_of(client_order_id), None)

    async def settled(
        self, order_id: str, is_enough: Callable[[OrderData], bool], patience_s: float
    ) -> OrderData | None:
        """The first state of an order that is enough; None if it was not heard in time.

        Args:
            order_id: The venue's, or `name_of` ours.
            is_enough: Whether a state is worth telling.
            patience_s: How long to wait.
        """
        order = self._newest.get(order_id)
        try:
            async with asyncio.timeout(patience_s):
                while order is None or not is_enough(order):
                    waiting = asyncio.get_running_loop().create_future()
                    self._waiting[order_id] = waiting
                    order = await waiting
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(order_id, None)
        return order

    # -- what is asked ------------------------------------------------------------------------

    def _ask_account(self) -> None:
        """After an execution: positions and balances, once for all that come together."""
        if self._is_asking:
            self._asks_again = True
        else:
            self._is_asking = True
            self._watches.spawn(self._tell_account, "account")

    async def _tell_account(self) -> None:
        try:
            while True:
                self._asks_again = False
                positions = await self._records.positions()
                balances = await self._records.balances()
                self._tell_positions(positions)
                for balance in balances:
                    self._door.hub.tell_user(balance)
                if not self._asks_again:
                    return
        except VenueError:
            return  # the next execution asks again, and nobody trades on these
        finally:
            self._is_asking = False

    def _tell_positions(self, positions: Sequence[PositionData]) -> None:
        """What is there, and what was and is flat now."""
        door = self._door
        now = {item.symbol for item in positions}
        for symbol in sorted(self._shown - now):
            door.hub.tell_user(PositionData(venue=door.venue, symbol=symbol, size=Decimal(0)))
        for item in positions:
            door.hub.tell_user(item)
        self._shown = now

    async def begin(self) -> None:
        """After a private socket opened: executions at once where some were missed, and later."""
        if self.was_lost:
            self.was_lost = False
            await self.catch_up()
        await self._door.clock.sleep(_LISTENS_AFTER_S)
        await self.catch_up()

    async def catch_up(self) -> None:
        """Executions since the last one that was heard."""
        door = self._door
        since = door.hub.newest_fill_at
        since = door.clock.now() - _UNHEARD if since is None else since - _OVERLAP
        try:
            for fill in await self._records.fills(None, since):
                door.hub.tell_user(fill)
        except VenueError:
            self.was_lost = True  # reconciliation asks too
        self._ask_account()


def name_of(client_order_id: str) -> str:
    """What an order is waited for as while the venue's id of it is not known."""
    return f"ours {client_order_id}"
