"""What Hyperliquid's private socket tells of our orders and executions, and actions sent over it.

Requests over the socket (`post`) carry a number that their answer repeats. Source:
hyperliquid.gitbook.io, "Post requests".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from core.adapters.exchanges.connection.dialect import Link
from core.adapters.exchanges.hyperliquid import parse
from core.adapters.exchanges.hyperliquid.client_ids import ClientIds
from core.adapters.exchanges.hyperliquid.dialect import HyperliquidDialect
from core.adapters.exchanges.models import FillData, OrderData, OrderStatus
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.errors import MalformedMessage
from core.infrastructure.clock import Clock

_ZERO: Final = Decimal(0)


class PrivateDialect(HyperliquidDialect):
    """Our orders and executions, and the actions that are sent over the socket.

    Args:
        ids: Our client order ids as the venue spells them.
        news: What the adapter does after an execution or a settlement: it asks for what the
            socket does not tell.
        catch_up: Asks for the executions that were missed.
    """

    name = "private"
    watches_silence = False

    def __init__(
        self,
        url: str,
        clock: Clock,
        listings: Listings,
        hub: Hub,
        ids: ClientIds,
        news: Callable[[Link, bool], None],
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(url, clock, listings, hub)
        self._ids = ids
        self._news = news
        self._catch_up = catch_up
        self._began: datetime | None = None
        self._filled: dict[str, dict[str, Decimal]] = {}
        """Order id -> trade id -> amount of its executions on this socket, while it is open; one
        that is told twice counts once."""

    async def catch_up(self, link: Link) -> None:
        """See `Dialect.catch_up`."""
        if self._began is None:
            self._began = self._clock.now()
        else:
            await self._catch_up()

    def hear(self, messages: list[bytes], link: Link) -> None:
        """See `Dialect.hear`."""
        for message in messages:
            news = self._control(message, link)
            if news is not None:
                try:
                    self._take(*news, link)
                except MalformedMessage as error:
                    # What is wrong with a private message must not be overlooked: ask instead.
                    self._listings.count(f"{news[0][:40]}:refused")
                    link.drop(f"a private message makes no sense: {error}")

    def _take(self, channel: str, data: object, link: Link) -> None:
        if channel == "post":
            self._answered(data, link)
            return
        reading = self._listings.reading(self._clock.now())
        if channel == "orderUpdates":
            for order in parse.parse_order_updates(data, reading):
                self._hub.tell_user(self.ours(self._with_fills(order)))
        elif channel in ("userFills", "user"):
            is_snapshot = isinstance(data, dict) and data.get("isSnapshot") is True
            if is_snapshot or not isinstance(data, dict) or "fills" not in data:
                return  # what was missed is asked for by `catch_up`, and what is older is known
            for fill in parse.parse_fills_event(data, reading):
                self._filled.setdefault(fill.order_id, {})[fill.trade_id] = fill.amount
                self._hub.tell_user(self.ours(fill))
            self._news(link, False)  # noqa: FBT003 # no settlement
        elif channel == "userFundings":
            if not (isinstance(data, dict) and data.get("isSnapshot") is True):
                self._news(link, True)  # noqa: FBT003 # a settlement
        else:
            self._listings.count(f"channel:{channel[:40]}")

    def _with_fills(self, order: OrderData) -> OrderData:
        """An order that ended early with what this socket told of it.

        What the venue calls `sz` of such an order is not what was left of it.
        """
        if not order.status.is_final:
            return order
        filled = sum(self._filled.pop(order.order_id, {}).values(), _ZERO)
        return order if order.status is OrderStatus.FILLED else replace(order, filled=filled)

    def ours(self, data: OrderData | FillData) -> OrderData | FillData:
        """The same with our client order id in the place of the venue's spelling."""
        if data.client_order_id is None:
            return data
        return replace(data, client_order_id=self._ids.ours(data.client_order_id))

    def _answered(self, data: object, link: Link) -> None:
        if not isinstance(data, dict):
            return
        link.answer(str(data.get("id")), data.get("response"))


def post(number_: int, body: object) -> bytes:
    """An action as a request over the socket."""
    payload = msgspec.json.encode(body)
    return b'{"method":"post","id":%d,"request":{"type":"action","payload":%b}}' % (
        number_,
        payload,
    )
