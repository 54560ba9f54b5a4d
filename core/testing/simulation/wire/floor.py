"""The account behind a venue's server, with endpoints that lag and refusals nobody earned.

The server asks it as it asks the floor of a loopback venue. While a question about orders,
executions or positions is served during an episode of lag, what is shown is what was true a while
ago.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.models import (
    FillData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    PositionData,
    UserData,
    to_ns,
)
from core.adapters.exchanges.paper.checks import refusal
from core.testing.simulation.account import PROPAGATION_NS, SimulatedAccount, Truth
from core.testing.simulation.faults import NS_PER_S, Active, Kind
from core.testing.venues.floor import Floor

LAGGING: Final = frozenset({"get_order", "get_open_orders", "get_fills", "get_positions"})
REFUSALS: Final = ("INSUFFICIENT_MARGIN", "POST_ONLY_WOULD_CROSS", "NO_MARKET", "MIN_NOTIONAL")


@dataclass(frozen=True, slots=True)
class _Glance:
    """How old what a question is shown is."""

    at_ns: int
    hides_after_ns: int | None
    """What is younger is not shown at all."""


class HostileFloor(Floor):
    """See the module's text.

    Args:
        settings: As the floor's, by position and by name.
        weather: What is wrong now.
        account: Told of everything that matching says, before the server is.
    """

    def __init__(
        self,
        *settings: Any,  # noqa: ANN401 # the floor's own
        weather: Active,
        account: SimulatedAccount,
        **named: Any,  # noqa: ANN401 # the same
    ) -> None:
        super().__init__(*settings, **named)
        self._weather = weather
        self._account = account
        self._past = Truth()
        """In the floor's own ids."""
        self._glance: _Glance | None = None

    async def open(self) -> None:
        """Opens the market; whoever keeps the truth hears of everything first."""
        await super().open()
        super().listen(self._note)

    def listen(self, callback: Callable[[UserData], None]) -> None:
        """Calls back with what the venue tells: not with what it keeps to itself."""
        super().listen(lambda data: None if self._account.is_muted else callback(data))

    def _note(self, data: UserData) -> None:
        now_ns = self.clock.now_ns()
        if isinstance(data, OrderData):
            self._past.put(now_ns, data)
        elif isinstance(data, FillData):
            self._past.fills.append((now_ns, data))
            signed = data.amount if data.side is OrderSide.BUY else -data.amount
            self._past.positions.append((now_ns, self._past.positions[-1][1] + signed))
        self._account.witness(data)

    # -- what a question is shown -------------------------------------------------------------

    @contextmanager
    def serving(self, name: str) -> Iterator[None]:
        """While a question is served, endpoints may lag."""
        if name not in LAGGING:
            yield
            return
        self._glance = self._draw()
        try:
            yield
        finally:
            self._glance = None

    def _draw(self) -> _Glance | None:
        weather, now_ns, lag_ns = self._weather, self.clock.now_ns(), 0
        lag = weather.acts(Kind.LAG)
        if lag is not None:
            lag_ns = round(lag.strength * weather.stream(lag).random() * NS_PER_S)
        hides = weather.chance(Kind.NOT_FOUND) is not None
        if not lag_ns and not hides:
            return None
        return _Glance(now_ns - lag_ns, now_ns - PROPAGATION_NS if hides else None)

    def order(
        self, order_id: str | None = None, client_order_id: str | None = None
    ) -> OrderData | None:
        """An order, as the question may see it."""
        found = super().order(order_id, client_order_id)
        return found if found is None or self._glance is None else self._seen(found.order_id)

    def open_orders(self, symbol: str | None = None) -> list[OrderData]:
        """What is open, as the question may see it."""
        glance = self._glance
        if glance is None:
            return super().open_orders(symbol)
        found = (self._seen(each.order_id) for each in self._past.open_as_of(glance.at_ns))
        return [each for each in found if each is not None and symbol in {None, each.symbol}]

    def fills(self, symbol: str | None = None, since: datetime | None = None) -> list[FillData]:
        """Executions, as the question may see them."""
        found = super().fills(symbol, since)
        if self._glance is None:
            return found
        latest_ns = self._glance.at_ns
        return [fill for fill in found if to_ns(fill.at) <= latest_ns]

    def position(self, symbol: str) -> PositionData:
        """What is held, as the question may see it."""
        found = super().position(symbol)
        if self._glance is None:
            return found
        held = self._past.positions
        place = bisect_right(held, self._glance.at_ns, key=lambda item: item[0])
        return replace(found, size=held[place - 1][1])

    def _seen(self, order_id: str) -> OrderData | None:
        glance = self._glance
        if glance is None or order_id not in self._past.versions:
            return None
        if (
            glance.hides_after_ns is not None
            and self._past.versions[order_id][0][0] > glance.hides_after_ns
        ):
            return None
        return self._past.as_of(order_id, glance.at_ns)

    # -- acts ---------------------------------------------------------------------------------

    def create(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None = None,
        options: OrderOptions | None = None,
    ) -> OrderData:
        """Takes an order in, unless the venue does not want it."""
        episode = self._weather.chance(Kind.REFUSE)
        if episode is not None:
            code = REFUSALS[self._weather.stream(episode).integer(0, len(REFUSALS) - 1)]
            raise refusal(self.venue, code, "the weather")
        return super().create(symbol, side, order_type, amount, price, options)

    def create_for_others(
        self,
        symbol: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> OrderData:
        """Somebody else's order: no weather of ours concerns it."""
        return super().create(symbol, side, order_type, amount, price, options)
