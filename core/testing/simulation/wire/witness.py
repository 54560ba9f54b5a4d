"""What a program is told over the wire, noted as it is told: denials, and the age of prices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.interface import Subscription, TickerCallback
from core.adapters.exchanges.models import (
    FillData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    TickerData,
    to_ns,
)
from core.adapters.exchanges.native.exchange import NativeExchange
from core.errors import OrderNotFound
from core.infrastructure.clock import Clock
from core.testing.simulation.loop import Process
from core.testing.simulation.wire.transport import ASKED, SimulatedTransport
from core.testing.simulation.wire.venue import DECIDED, WireVenue

_LISTS: Final = {
    "order": ("get_open_orders", "get_order_history"),
    "open_orders": ("get_open_orders",),
    "fills": ("get_fills",),
}
"""Question -> names of the requests whose answers an adapter may give to more than one of it."""
_SHARED_NS: Final = 500_000_000
"""An answer that is older than this is nobody else's any more, whatever the adapter believes."""


class Witness:
    """Notes what one process is told.

    Args:
        venue: Where the truth is kept.
        process: Who is told.
        transport: Its network.
        clock: That it stamps requests with.
    """

    def __init__(
        self, venue: WireVenue, process: Process, transport: SimulatedTransport, clock: Clock
    ) -> None:
        self.transport = transport
        self._venue = venue
        self._process = process
        self._clock = clock

    @contextmanager
    def decision(self) -> Iterator[None]:
        """Around a create."""
        now_ns = self._venue.loop.now_ns()
        token = DECIDED.set((now_ns, self._clock.now_ns() - now_ns))
        try:
            yield
        finally:
            DECIDED.reset(token)

    @contextmanager
    def question(self) -> Iterator[list[int] | None]:
        """Around a question: when its requests leave; None inside of another question."""
        if ASKED.get() is not None:
            yield None
            return
        asked: list[int] = []
        token = ASKED.set(asked)
        try:
            yield asked
        finally:
            ASKED.reset(token)

    def deny(
        self, asked: list[int] | None, endpoint: str, identity: str, present: tuple[str, ...]
    ) -> None:
        """An answer that does not know everything is there.

        One without a request of its own is the answer to the same one of a moment ago.
        """
        if asked is None:
            return
        moments = asked or self._shared(endpoint)
        if moments:
            self._venue.deny(self._process, min(moments), endpoint, identity, present)

    def _shared(self, endpoint: str) -> list[int]:
        """When the newest requests left whose answers may have been given once more."""
        since_ns, answered = self._venue.loop.now_ns() - _SHARED_NS, self.transport.answered
        moments = [answered.get(name, 0) for name in _LISTS[endpoint]]
        return moments if min(moments) >= since_ns else []

    def show(self, ticker: TickerData) -> None:
        """A price is there."""
        self._venue.shown(self._process, to_ns(ticker.at))


class Witnessed(NativeExchange):
    """What is put before an adapter's class."""

    witness: Witness

    async def create_order(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None = None,
        params: OrderOptions | None = None,
    ) -> OrderData:
        """Notes how far the clock was off when it was decided on."""
        with self.witness.decision():
            return await super().create_order(symbol, side, order_type, amount, price, params)  # type: ignore[safe-super] # the adapter stands behind this class

    async def get_order(
        self, order_id: str | None, symbol: str, *, client_order_id: str | None = None
    ) -> OrderData:
        """Notes that an order was not known."""
        with self.witness.question() as asked:
            try:
                return await super().get_order(order_id, symbol, client_order_id=client_order_id)  # type: ignore[safe-super] # the adapter stands behind this class
            except OrderNotFound:
                self.witness.deny(asked, "order", client_order_id or "", ())
                raise

    async def get_open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """Notes what is open."""
        with self.witness.question() as asked:
            found = await super().get_open_orders(symbol)  # type: ignore[safe-super] # as above
            self.witness.deny(asked, "open_orders", "", _identities(found))
            return found

    async def get_fills(
        self, symbol: str | None = None, since: datetime | None = None
    ) -> list[FillData]:
        """Notes which executions there are."""
        with self.witness.question() as asked:
            found = await super().get_fills(symbol, since)  # type: ignore[safe-super] # as above
            self.witness.deny(asked, "fills", "", _identities(found))
            return found

    async def subscribe_ticker(self, symbol: str, callback: TickerCallback) -> Subscription:
        """Notes how old prices are."""

        def shown(ticker: TickerData) -> None:
            self.witness.show(ticker)
            callback(ticker)

        return await super().subscribe_ticker(symbol, shown)

    # -- the world ----------------------------------------------------------------------------

    def cut(self, *, is_private: bool) -> None:
        """Sockets break."""
        self.witness.transport.cut(is_private=is_private)

    def mend(self, *, is_private: bool) -> None:
        """Sockets may be opened again; the adapter finds out by itself."""

    def hang_up(self) -> None:
        """The process is gone."""
        self.witness.transport.hang_up()


def witnessed(adapter: type[NativeExchange]) -> type[Witnessed]:
    """The class of an adapter that is watched."""
    return type(f"Witnessed{adapter.__name__}", (Witnessed, adapter), {})


def _identities(found: Sequence[OrderData] | Sequence[FillData]) -> tuple[str, ...]:
    return tuple(item.client_order_id for item in found if item.client_order_id)
