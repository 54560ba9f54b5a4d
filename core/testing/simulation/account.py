"""An account at a simulated venue: the truth about it, and what others do with it.

What happened is written down from the matching engine's own words the moment they are said, before
any network touches them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    FillData,
    FundingPaymentData,
    Instrument,
    OrderData,
    OrderSide,
    OrderType,
    UserData,
)
from core.adapters.exchanges.paper.profiles import VenueProfile
from core.errors import CtosError
from core.infrastructure.rng import Rng
from core.testing.simulation.faults import Active
from core.testing.simulation.history import Accepted, Changed, Filled, History, Settled
from core.testing.simulation.loop import SimulationLoop

PROPAGATION_NS: Final = 1_900_000_000
"""Longest until every endpoint tells of an order: what a venue promises, and execution leans on."""
FOREIGN: Final = "someone"
MINUTE_NS: Final = 60_000_000_000
_DETOUR_LOTS: Final = 100


class Truth:
    """Everything the venue ever said, with the time at which it was so."""

    def __init__(self) -> None:
        self.versions: dict[str, list[tuple[int, OrderData]]] = {}
        """Venue's id -> states of the order, oldest first."""
        self.fills: list[tuple[int, FillData]] = []
        self.positions: list[tuple[int, Decimal]] = [(0, Decimal(0))]
        self.open: dict[str, OrderData] = {}
        self.closed: deque[tuple[int, str]] = deque()
        """When which order was closed, newest last; the old ones are dropped."""
        self.by_identity: dict[str, list[str]] = {}
        """Client order id -> venue's ids."""

    def put(self, at_ns: int, order: OrderData) -> bool:
        """Notes a word on an order; True for a new one."""
        versions = self.versions.get(order.order_id)
        is_new = versions is None
        if versions is None:
            versions = self.versions[order.order_id] = []
            if order.client_order_id:
                self.by_identity.setdefault(order.client_order_id, []).append(order.order_id)
        versions.append((at_ns, order))
        if order.status.is_open:
            self.open[order.order_id] = order
        elif self.open.pop(order.order_id, None) is not None or is_new:
            self.closed.append((at_ns, order.order_id))
        return is_new

    def as_of(self, order_id: str, at_ns: int) -> OrderData | None:
        """An order as it was at a moment; None before it was."""
        versions = self.versions[order_id]
        place = bisect_right(versions, at_ns, key=lambda item: item[0])
        return versions[place - 1][1] if place else None

    def open_as_of(self, at_ns: int) -> list[OrderData]:
        """What was open at a moment."""
        while self.closed and self.closed[0][0] < at_ns - MINUTE_NS:
            self.closed.popleft()
        recent = [order_id for closed_ns, order_id in self.closed if closed_ns > at_ns]
        found = (self.as_of(order_id, at_ns) for order_id in (*recent, *self.open))
        return [order for order in found if order is not None and order.status.is_open]

    def position_as_of(self, at_ns: int) -> Decimal:
        """What was held at a moment."""
        place = bisect_right(self.positions, at_ns, key=lambda item: item[0])
        return self.positions[place - 1][1]


class SimulatedAccount(ABC):
    """One account, whatever protocol leads to it.

    Args:
        loop: True time, which is the venue's.
        rng: Draws what the venue does by itself.
        faults: What is wrong now.
        history: Told what happens.
        instrument: What is traded.
    """

    profile: VenueProfile

    def __init__(
        self,
        loop: SimulationLoop,
        rng: Rng,
        faults: Active,
        history: History,
        instrument: Instrument,
    ) -> None:
        self.instrument = instrument
        self.truth = Truth()
        self.loop = loop
        self.is_muted = False
        """Whether the private stream leaves out what happens now."""
        self.ban_until_ns = 0
        """End of the ban that is in force."""
        self._rng = rng
        self._faults = faults
        self._history = history
        self._foreign: set[str] = set()
        self._foreign_count = 0

    @property
    def failures(self) -> Sequence[Exception]:
        """What broke inside the venue itself: a mistake of the simulation's."""
        return ()

    # -- life ---------------------------------------------------------------------------------

    @abstractmethod
    async def open(self) -> None:
        """Opens the account and its market; runs in the world."""

    @abstractmethod
    async def close(self) -> None:
        """Ends it."""

    # -- what matching does -------------------------------------------------------------------

    @abstractmethod
    async def price(self) -> Decimal | None:
        """Newest price; None before the first."""

    @abstractmethod
    async def place(
        self,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        client_order_id: str,
    ) -> OrderData:
        """Somebody else's order, straight to matching."""

    @abstractmethod
    async def take(self, order_id: str) -> None:
        """An order is cancelled, straight at matching.

        Raises:
            CtosError: If it is not open.
        """

    # -- what others do -----------------------------------------------------------------------

    async def place_stranger(self, *, at_market: bool) -> None:
        """Somebody else trades on the account."""
        price = await self.price()
        if price is None:
            return
        self._foreign_count += 1
        side = OrderSide.BUY if self._rng.random() < 0.5 else OrderSide.SELL
        amount = self.instrument.amount(self._rng.integer(1, 40))
        far = Decimal("0.7") if side is OrderSide.BUY else Decimal("1.4")
        limit = (price * far / self.instrument.tick_size).to_integral_value() * (
            self.instrument.tick_size
        )
        order = await self.place(
            side,
            OrderType.MARKET if at_market else OrderType.LIMIT,
            amount,
            None if at_market else limit,
            f"{FOREIGN}{self._foreign_count}",
        )
        self._foreign.add(order.order_id)

    async def remove_strangers(self) -> None:
        """Whoever traded there takes orders away again, and gives back what was taken."""
        for order_id in sorted(self._foreign):
            if order_id in self.truth.open:
                await self.take(order_id)
        for _ in range(5):
            owed = -sum(
                (
                    fill.amount if fill.side is OrderSide.BUY else -fill.amount
                    for _, fill in self.truth.fills
                    if not self.is_ours(fill)
                ),
                Decimal(0),
            )
            if not owed:
                return
            await self._give_back(owed)

    async def _give_back(self, owed: Decimal) -> None:
        """Trades what is owed; what is too little for an order goes by a larger way round."""
        side = OrderSide.BUY if owed > 0 else OrderSide.SELL
        detour = self.instrument.amount(_DETOUR_LOTS)
        for way, amount in ((side.opposite, detour), (side, abs(owed) + detour)):
            self._foreign_count += 1
            with suppress(CtosError):
                await self.place(
                    way, OrderType.MARKET, amount, None, f"{FOREIGN}{self._foreign_count}"
                )

    async def take_away(self, count: int, *, is_silent: bool) -> int:
        """Cancels orders of ours at the venue: by its user, or in silence by itself."""
        ours = [order for order in self.truth.open.values() if self.is_ours(order)]
        done = 0
        self.is_muted = is_silent
        try:
            for _ in range(min(count, len(ours))):
                order = ours.pop(self._rng.integer(0, len(ours) - 1))
                try:
                    await self.take(order.order_id)
                except CtosError:
                    continue
                done += 1
        finally:
            self.is_muted = False
        return done

    def is_ours(self, data: OrderData | FillData) -> bool:
        """Whether the program under test made it."""
        identity = data.client_order_id
        return bool(identity) and not str(identity).startswith(FOREIGN)

    # -- the truth ----------------------------------------------------------------------------

    def witness(self, data: UserData) -> None:
        """Notes what matching said."""
        now_ns = self.loop.now_ns()
        if isinstance(data, OrderData):
            is_new = self.truth.put(now_ns, data)
            kind = Accepted if is_new else Changed
            self._history.add(kind(at_ns=now_ns, order=data, is_ours=self.is_ours(data)))
        elif isinstance(data, FillData):
            self.truth.fills.append((now_ns, data))
            signed = data.amount if data.side is OrderSide.BUY else -data.amount
            if data.fee_currency == self.instrument.base:
                signed -= data.fee
            held = self.truth.positions[-1][1] + signed
            self.truth.positions.append((now_ns, held))
            self._history.add(Filled(at_ns=now_ns, fill=data, is_ours=self.is_ours(data)))
        elif isinstance(data, FundingPaymentData):
            self._history.add(Settled(at_ns=now_ns, payment_id=data.payment_id, amount=data.amount))
