"""Questions about the account: orders, executions, positions, money."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.ccxt.door import Door, ms_of, number_of
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    OrderData,
    OrderStatus,
    PositionData,
    from_ns,
)
from core.errors import NotSupported

_NEVER: Final = from_ns(0)
_REMEMBERED: Final = 10_000
_FEW: Final = 20
"""So many symbols are asked one by one where a venue tells of one at a time."""
_ENDED_EARLY: Final = frozenset({OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})


class Records:
    """What a venue has written down about our account.

    Args:
        door: The venue.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._ends: OrderedDict[str, datetime] = OrderedDict()
        """Order id -> when the stream said that it ended, for venues whose lists do not say."""

    def note_end(self, order: OrderData) -> None:
        """Remembers when an order ended."""
        if self._door.row.hides_ends and order.updated_at is not None:
            self._ends[order.order_id] = order.updated_at
            if len(self._ends) > _REMEMBERED:
                self._ends.popitem(last=False)

    async def balances(self) -> list[BalanceData]:
        """Assets other than zero."""
        door = self._door
        door.need_account()
        found = await door.rest.run(lambda: door.account.balances(door.reading()))
        return sorted((item for item in found if item.total), key=lambda item: item.asset)

    async def positions(self, symbols: Sequence[str] | None = None) -> list[PositionData]:
        """Positions other than flat."""
        door = self._door
        door.need_account()
        found = await door.rest.run(lambda: door.account.positions(door.reading()))
        return sorted(
            (item for item in found if symbols is None or item.symbol in symbols),
            key=lambda item: item.symbol,
        )

    # -- orders -------------------------------------------------------------------------------

    async def order(
        self, order_id: str | None, symbol: str, client_order_id: str | None = None
    ) -> OrderData:
        """One order in any state."""
        door = self._door
        door.need_account()
        unified = door.unified(symbol)
        if order_id is not None and door.row.has_number_ids and not order_id.isdigit():
            raise door.nobody(order_id)
        if door.row.searches_lists:
            found = await self._search(symbol, order_id, client_order_id)
        else:
            sent = None if order_id is not None else door.ids.asked(client_order_id or "")
            told = await door.rest.run(
                lambda: door.account.find(unified, order_id, sent, door.reading()), is_urgent=True
            )
            found = door.our_order(told)
        (whole,) = await self._with_fills([found])
        return whole

    async def _search(
        self, symbol: str, order_id: str | None, client_order_id: str | None
    ) -> OrderData:
        """Among the open orders, then among the closed ones."""
        if client_order_id is not None:
            self._door.ids.asked(client_order_id)  # from now on a number of ours is known again
        for ask in (self.open_orders, self.history):
            for item in reversed(await ask(symbol)):
                is_ours = order_id is None and item.client_order_id == client_order_id
                if is_ours or (order_id is not None and item.order_id == order_id):
                    return item
        raise self._door.nobody(order_id or client_order_id or "")

    async def open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """All open orders, foreign ones included."""
        door = self._door
        door.need_account()
        unified = None if symbol is None else door.unified(symbol)
        told = await door.rest.run(
            lambda: door.account.open_orders(unified, door.reading()), is_urgent=True
        )
        found = [self._ended(door.our_order(item)) for item in told]
        return sorted(found, key=lambda item: (item.created_at or _NEVER, number_of(item.order_id)))

    async def history(
        self, symbol: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[OrderData]:
        """Closed orders of the newest page that the venue tells."""
        door = self._door
        door.need_account()
        told: list[OrderData] = []
        for unified in self._asked(symbol):
            told += await door.rest.run(
                lambda: door.account.closed_orders(unified, door.reading())  # noqa: B023 # at once
            )
        found = {
            item.order_id: item
            for item in (self._ended(door.our_order(each)) for each in told)
            if item.status.is_final
            and symbol in {None, item.symbol}
            and (since is None or (item.updated_at or _NEVER) >= since)
        }
        closed = sorted(
            found.values(), key=lambda item: (item.updated_at or _NEVER, number_of(item.order_id))
        )
        return await self._with_fills(closed if limit is None else closed[-limit:])

    def _ended(self, order: OrderData) -> OrderData:
        """The same with the moment of its end, where that was heard."""
        at = self._ends.get(order.order_id)
        return order if at is None else replace(order, updated_at=at)

    def _asked(self, symbol: str | None) -> list[str | None]:
        """The symbols of ccxt to ask about, one by one where the venue wants that."""
        door = self._door
        if symbol is not None:
            return [door.unified(symbol)]
        if not door.row.needs_symbol:
            return [None]
        unified = door.words.unified
        known = {item.symbol for item in door.doors.expected} | door.touched
        if len(unified) <= _FEW:
            known |= unified.keys()
        if not known:
            raise NotSupported(
                f"{door.venue} tells of one symbol at a time; name one.", venue=door.venue
            )
        return [unified[name] for name in sorted(known) if name in unified]

    # -- executions ---------------------------------------------------------------------------

    async def fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Our executions from old to new; without `since` the venue's newest page."""
        door = self._door
        door.need_account()
        found: dict[tuple[str, str, str], FillData] = {}
        for unified in self._asked(symbol):
            told = await door.rest.run(
                lambda: door.account.fills(unified, ms_of(since), door.reading())  # noqa: B023 # at once
            )
            for each in told:
                item = door.our_fill(each)
                found[(item.symbol, item.trade_id, item.order_id)] = item
        return sorted(
            (
                item
                for item in found.values()
                if (since is None or item.at >= since) and symbol in {None, item.symbol}
            ),
            key=lambda item: (item.at, number_of(item.trade_id)),
        )

    async def _with_fills(self, orders: list[OrderData]) -> list[OrderData]:
        """The same with what filled of those that ended early, where the venue does not say."""
        doubtful = [order for order in orders if order.status in _ENDED_EARLY]
        if not self._door.row.sums_fills or not doubtful:
            return orders
        since = min(order.created_at or _NEVER for order in doubtful)
        filled: dict[str, Decimal] = {}
        for fill in await self.fills(None, since):
            filled[fill.order_id] = filled.get(fill.order_id, Decimal(0)) + fill.amount
        return [
            replace(order, filled=filled.get(order.order_id, Decimal(0)))
            if order.status in _ENDED_EARLY
            else order
            for order in orders
        ]

    async def funding_payments(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FundingPaymentData]:
        """Our settlements from old to new."""
        door = self._door
        door.need_account()
        found = await door.rest.run(
            lambda: door.account.payments(symbol, ms_of(since), door.reading())
        )
        return sorted(
            (item for item in found if since is None or item.at >= since), key=lambda item: item.at
        )
