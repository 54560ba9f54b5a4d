"""The venue of a simulation: the shipping matching engine, with the truth kept beside it.

The venue works in the world: no process owns its callbacks, so the death of a program changes
nothing about a request that has left it. What happened is written down from the engine's own words
the moment they are said, before any network touches them.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    FillData,
    FundingPaymentData,
    Instrument,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    PositionData,
    TickerData,
    UserData,
    to_ns,
)
from core.adapters.exchanges.paper.adapter import PaperExchange
from core.adapters.exchanges.paper.settings import PaperSettings
from core.errors import (
    InsufficientFunds,
    OrderNotFound,
    OrderRejected,
    RateLimited,
    VenueUnavailable,
)
from core.infrastructure.clock import VirtualClock
from core.infrastructure.rng import Rng
from core.services.ports import Feed
from core.testing.simulation.account import MINUTE_NS, PROPAGATION_NS, SimulatedAccount
from core.testing.simulation.faults import Active, Kind
from core.testing.simulation.history import History
from core.testing.simulation.loop import SimulationLoop

NS_PER_S: Final = 1_000_000_000


class SimulatedVenue(SimulatedAccount):
    """One account at one venue.

    Args:
        loop: True time, which is the venue's.
        rng: Draws what the venue does by itself.
        faults: What is wrong now.
        history: Told what happens.
        instrument: What is traded.
        feed: Its prices.
        settings: Balance, fill rule, profile, funding.
        orders_per_minute: Instead of the profile's rate.
    """

    def __init__(  # what a venue is made of
        self,
        loop: SimulationLoop,
        rng: Rng,
        faults: Active,
        history: History,
        *,
        instrument: Instrument,
        feed: Feed,
        settings: PaperSettings,
        orders_per_minute: int | None = None,
    ) -> None:
        super().__init__(loop, rng, faults, history, instrument)
        self.on_user_data: list[Callable[[UserData], None]] = []
        self.on_ticker: list[Callable[[TickerData], None]] = []
        self._creates: deque[int] = deque()
        self.paper = PaperExchange(
            venue=instrument.venue,
            instruments=(instrument,),
            feeds={instrument.symbol: feed},
            clock=VirtualClock(loop),
            settings=settings,
            rng=random.Random(1),
        )
        if orders_per_minute is not None:
            self.paper.profile = replace(self.paper.profile, orders_per_minute=orders_per_minute)
        self.profile = self.paper.profile
        cuts = rng.child("cuts")

        def is_cut(_order: object) -> bool:
            return faults.chance(Kind.CUT_FILLS) is not None and cuts.random() >= 0

        def beats(_request: object) -> bool:
            return faults.chance(Kind.FILL_FIRST) is not None

        for parts in (("0.3", "0.3"), ("0.5",), ("0.1", "0.2", "0.3")):
            self.paper.faults.cut(*parts, times=1 << 30, when=is_cut)
        self.paper.faults.fill_first(times=1 << 30, when=beats)

    async def open(self) -> None:
        """Opens the account and its market; runs in the world."""
        await self.paper.connect()
        await self.paper.subscribe_user_data(self._on_data)
        await self.paper.subscribe_ticker(self.instrument.symbol, self._on_ticker)

    async def close(self) -> None:
        """Ends it."""
        await self.paper.disconnect()

    async def price(self) -> Decimal | None:
        """Newest price."""
        ticker = await self.paper.get_ticker(self.instrument.symbol)
        return ticker.last or ticker.bid

    async def place(
        self,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        client_order_id: str,
    ) -> OrderData:
        """Straight to the paper venue."""
        options = OrderOptions(client_order_id=client_order_id)
        return await self.paper.create_order(
            self.instrument.symbol, side, order_type, amount, price, options
        )

    async def take(self, order_id: str) -> None:
        """Straight at the paper venue."""
        await self.paper.cancel_order(order_id, self.instrument.symbol)

    # -- what requests do on arrival ----------------------------------------------------------

    async def create(
        self,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        options: OrderOptions,
    ) -> OrderData:
        """A create has arrived."""
        self._count_create()
        episode = self._faults.chance(Kind.REFUSE)
        if episode is not None:
            self._refuse(self._faults.stream(episode))
        return await self.paper.create_order(
            self.instrument.symbol, side, order_type, amount, price, options
        )

    async def cancel(self, order_id: str) -> OrderData:
        """A cancel has arrived."""
        return await self.paper.cancel_order(order_id, self.instrument.symbol)

    async def order(self, order_id: str | None, identity: str | None) -> OrderData:
        """A question for one order has arrived."""
        lag_ns, hides = self._lag()
        if not lag_ns and not hides:
            return await self.paper.get_order(
                order_id, self.instrument.symbol, client_order_id=identity
            )
        found = [] if order_id is None else [order_id]
        if not found and identity is not None and self.profile.finds_by_client_order_id:
            found = self.truth.by_identity.get(identity, [])[-1:]
        for key in found:
            order = self._seen(key, lag_ns, hides=hides)
            if order is not None:
                return order
        raise OrderNotFound(f"no order {order_id or identity}.", code="ORDER_NOT_FOUND")

    async def open_orders(self) -> list[OrderData]:
        """A question for what is open has arrived."""
        lag_ns, hides = self._lag()
        if not lag_ns and not hides:
            return await self.paper.get_open_orders(self.instrument.symbol)
        at_ns = self.loop.now_ns() - lag_ns
        return [
            order
            for order in self.truth.open_as_of(at_ns)
            if not (hides and self._is_hidden(order.order_id))
        ]

    async def history(self, since: datetime | None, limit: int | None) -> list[OrderData]:
        """A question for closed orders has arrived."""
        return await self.paper.get_order_history(self.instrument.symbol, since, limit)

    async def fills(self, since: datetime | None) -> list[FillData]:
        """A question for executions has arrived."""
        lag_ns, _ = self._lag()
        at_ns = self.loop.now_ns() - lag_ns
        since_ns = 0 if since is None else to_ns(since)
        begin = bisect_right(self.truth.fills, since_ns - 1, key=lambda item: item[0])
        return [fill for done_ns, fill in self.truth.fills[begin:] if done_ns <= at_ns]

    async def funding(self, since: datetime | None) -> list[FundingPaymentData]:
        """A question for settlements has arrived."""
        return await self.paper.get_funding_payments(self.instrument.symbol, since)

    async def positions(self) -> list[PositionData]:
        """A question for what is held has arrived."""
        lag_ns, _ = self._lag()
        if not lag_ns:
            return await self.paper.get_positions([self.instrument.symbol])
        size = self.truth.position_as_of(self.loop.now_ns() - lag_ns)
        if not size:
            return []
        return [PositionData(venue=self.instrument.venue, symbol=self.instrument.symbol, size=size)]

    def admit(self) -> None:
        """Whether a request of any kind is taken in at all.

        Raises:
            VenueUnavailable: During maintenance.
            RateLimited: During a ban, or when a limit is enforced.
        """
        if self._faults.acts(Kind.MAINTENANCE) is not None:
            raise VenueUnavailable("down for maintenance.", code="503")
        ban = self._faults.acts(Kind.BAN)
        if ban is not None:
            left_s = max(self.ban_until_ns - self.loop.now_ns(), 0) / NS_PER_S
            raise RateLimited(
                "banned for asking too often.", retry_after_s=left_s, code="418", is_ban=True
            )
        limited = self._faults.chance(Kind.RATE_LIMIT)
        if limited is not None:
            seconds = self._faults.stream(limited).uniform(0.2, 8.0)
            raise RateLimited("asked too often.", retry_after_s=seconds, code="429")

    # -- inside -------------------------------------------------------------------------------

    def _count_create(self) -> None:
        limit = self.profile.orders_per_minute
        if limit is None:
            return
        now_ns = self.loop.now_ns()
        while self._creates and self._creates[0] <= now_ns - MINUTE_NS:
            self._creates.popleft()
        if len(self._creates) >= limit:
            left_ns = self._creates[0] + MINUTE_NS - now_ns
            raise RateLimited("too many orders.", retry_after_s=left_ns / NS_PER_S, code="429")
        self._creates.append(now_ns)

    def _refuse(self, rng: Rng) -> None:
        kind = rng.integer(0, 3)
        if kind == 0:
            raise InsufficientFunds("not enough.", code="INSUFFICIENT_MARGIN")
        code = ("POST_ONLY", "PRICE_BAND", "MIN_NOTIONAL")[kind - 1]
        raise OrderRejected(f"refused: {code}.", code=code)

    def _lag(self) -> tuple[int, bool]:
        lag_ns = 0
        lag = self._faults.acts(Kind.LAG)
        if lag is not None:
            lag_ns = round(lag.strength * self._faults.stream(lag).random() * NS_PER_S)
        return lag_ns, self._faults.chance(Kind.NOT_FOUND) is not None

    def _is_hidden(self, order_id: str) -> bool:
        """Whether an order is too young for every endpoint to know it."""
        return self.truth.versions[order_id][0][0] > self.loop.now_ns() - PROPAGATION_NS

    def _seen(self, order_id: str, lag_ns: int, *, hides: bool) -> OrderData | None:
        if order_id not in self.truth.versions or (hides and self._is_hidden(order_id)):
            return None
        return self.truth.as_of(order_id, self.loop.now_ns() - lag_ns)

    def _on_data(self, data: UserData) -> None:
        self.witness(data)
        if not self.is_muted:
            for listener in tuple(self.on_user_data):
                listener(data)

    def _on_ticker(self, ticker: TickerData) -> None:
        for listener in tuple(self.on_ticker):
            listener(ticker)
