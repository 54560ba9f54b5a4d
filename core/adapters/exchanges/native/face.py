"""What adapters with one public and one private socket say about themselves, once for all.

    class MyExchange(Face[MyRest]):
        capabilities = CAPABILITIES

        def __init__(self, doors: Doors) -> None:
            super().__init__("my", doors)
            self._rest = MyRest(doors, self.listings)
            self._public = Connection(…)
            self._private = Connection(…)

        def _topics(self) -> tuple[Topic, ...]: …     what the private socket always has

`worst_price` is for venues that know no market orders: the limit that stands in for one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import ClassVar, Final, Generic, TypeVar

from core.adapters.exchanges.connection.socket import Connection
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.models import (
    Capabilities,
    Instrument,
    OrderBookData,
    OrderSide,
    Rounding,
)
from core.adapters.exchanges.native.parts import Parts
from core.adapters.exchanges.native.rest import Rest
from core.errors import NotSent, OrderRejected, TransportError

R = TypeVar("R", bound=Rest)

SLIPPAGE: Final = Decimal("0.05")
"""How far from the best price a market order's limit is; the venues' own clients do the same."""


_ECHO_NS: Final = 2_000_000_000
"""How much longer a private socket is given to tell of what a question found."""


class Face(Parts, Generic[R]):
    """An adapter of parts, with requests, a public and a private socket; see the module's text."""

    capabilities: ClassVar[Capabilities]
    _rest: R
    _public: Connection
    _private: Connection

    @property
    def rest(self) -> R:
        """Its requests."""
        return self._rest

    @property
    def public(self) -> tuple[Connection, ...]:
        """One socket."""
        return (self._public,)

    @property
    def private(self) -> tuple[tuple[Connection, tuple[Topic, ...]], ...]:
        """One socket, with the topics that it always has."""
        return ((self._private, self._topics()),)

    def expect_word(self, is_told: Callable[[], bool]) -> None:
        """A question found what the private socket did not tell: it does soon, or is replaced.

        Pongs and public data say nothing about a socket that has gone silent (reliability T16).

        Args:
            is_told: Whether it was told by now.
        """
        life = self._private.lives

        def look() -> None:
            if self._private.lives == life and not is_told():
                self._private.drop("it does not tell of our orders")

        self._clock.call_after_ns(_ECHO_NS, look)

    def _topics(self) -> tuple[Topic, ...]:
        """None, where the venue tells a private socket everything."""
        return ()


async def worst_price(
    instrument: Instrument,
    side: OrderSide,
    book: Callable[[], Awaitable[OrderBookData]],
    *,
    best: Decimal | None = None,
    tick_at: Callable[[Instrument, Decimal], Decimal] | None = None,
) -> Decimal:
    """The limit of a market order: five percent beyond the best price, on the tick.

    Args:
        instrument: What is traded.
        side: Of the order.
        book: Asks for the book; not called where `best` is known.
        best: The best price of the other side, where it is fresh.
        tick_at: The step of prices about a price, where it is not the same for all.

    Raises:
        NotSent: If nobody tells a price.
        OrderRejected: If there is nobody to trade with.
    """
    venue, symbol = instrument.venue, instrument.symbol
    if best is None:
        try:
            found = await book()
        except TransportError as error:
            raise NotSent(
                f"{venue}: there is no price for a market order in {symbol}.", venue=venue
            ) from error
        levels = found.asks if side is OrderSide.BUY else found.bids
        best = levels[0].price if levels else None
    if best is None:
        raise OrderRejected(
            f"{venue} {symbol}: nobody is there to trade with; nothing was sent.",
            venue=venue,
            code="NO_LIQUIDITY",
        )
    worst = best * (1 + side.sign * SLIPPAGE)
    step = instrument.tick_size if tick_at is None else tick_at(instrument, worst)
    rounding = Rounding.UP if side is OrderSide.BUY else Rounding.DOWN
    return (worst / step).quantize(Decimal(1), rounding.value) * step
