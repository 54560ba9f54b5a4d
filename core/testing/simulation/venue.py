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
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    ExchangeType,
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
    CtosError,
    InsufficientFunds,
    OrderNotFound,
    OrderRejected,
    RateLimited,
    VenueUnavailable,
)
from core.infrastructure.clock import VirtualClock
from core.infrastructure.rng import Rng
from core.services.ports import Feed
from core.testing.simulation.faults import Active, Kind
from core.testing.simulation.history import Accepted, Changed, Filled, History, Settled
from core.testing.simulation.loop import SimulationLoop

NS_PER_S: Final = 1_000_000_000
PROPAGATION_NS: Final = 1_900_000_000
"""Longest until every endpoint tells of an order: what a venue promises, and execution leans on."""
_FOREIGN: Final = "someone"
_MINUTE_NS: Final = 60 * NS_PER_S


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
        while self.closed and self.closed[0][0] < at_ns - _MINUTE_NS:
            self.closed.popleft()
        recent = [order_id for closed_ns, order_id in self.closed if closed_ns > at_ns]
        found = (self.as_of(order_id, at_ns) for order_id in (*recent, *self.open))
        return [order for order in found if order is not None and order.status.is_open]

    def position_as_of(self, at_ns: int) -> Decimal:
        """What was held at a moment."""
        place = bisect_right(self.positions, at_ns, key=lambda item: item[0])
        return self.positions[place - 1][1]


class SimulatedVenue:
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
        self.instrument = instrument
        self.truth = Truth()
        self.loop = loop
        self.on_user_data: list[Callable[[UserData], None]] = []
        self.on_ticker: list[Callable[[TickerData], None]] = []
        self.is_muted = False
        """Whether the private stream leaves out what happens now."""
        self._rng = rng
        self._faults = faults
        self._history = history
        self._creates: deque[int] = deque()
        self._foreign: set[str] = set()
        self._foreign_count = 0
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

    ban_until_ns: int = 0
    """End of the ban that is in force."""

    # -- what others do -----------------------------------------------------------------------

    async def place_stranger(self, *, at_market: bool) -> None:
        """Somebody else trades on the account."""
        ticker = await self.paper.get_ticker(self.instrument.symbol)
        price = ticker.last or ticker.bid
        if price is None:
            return
        self._foreign_count += 1
        side = OrderSide.BUY if self._rng.random() < 0.5 else OrderSide.SELL
        amount = self.instrument.amount(self._rng.integer(1, 40))
        far = Decimal("0.7") if side is OrderSide.BUY else Decimal("1.4")
        limit = (price * far / self.instrument.tick_size).to_integral_value() * (
            self.instrument.tick_size
        )
        order = await self.paper.create_order(
            self.instrument.symbol,
            side,
            OrderType.MARKET if at_market else OrderType.LIMIT,
            amount,
            None if at_market else limit,
            OrderOptions(client_order_id=f"{_FOREIGN}{self._foreign_count}"),
        )
        self._foreign.add(order.order_id)

    async def remove_strangers(self) -> None:
        """Whoever traded there takes orders away again, and gives back what was taken."""
        for order_id in sorted(self._foreign):
            if order_id in self.truth.open:
                await self.paper.cancel_order(order_id, self.instrument.symbol)
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
            self._foreign_count += 1
            with suppress(CtosError):
                await self.paper.create_order(
                    self.instrument.symbol,
                    OrderSide.BUY if owed > 0 else OrderSide.SELL,
                    OrderType.MARKET,
                    abs(owed),
                    None,
                    OrderOptions(client_order_id=f"{_FOREIGN}{self._foreign_count}"),
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
                    await self.paper.cancel_order(order.order_id, self.instrument.symbol)
                except CtosError:
                    continue
                done += 1
        finally:
            self.is_muted = False
        return done

    def is_ours(self, data: OrderData | FillData) -> bool:
        """Whether the program under test made it."""
        identity = data.client_order_id
        return bool(identity) and not str(identity).startswith(_FOREIGN)

    # -- inside -------------------------------------------------------------------------------

    def _count_create(self) -> None:
        limit = self.profile.orders_per_minute
        if limit is None:
            return
        now_ns = self.loop.now_ns()
        while self._creates and self._creates[0] <= now_ns - _MINUTE_NS:
            self._creates.popleft()
        if len(self._creates) >= limit:
            left_ns = self._creates[0] + _MINUTE_NS - now_ns
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
        if not self.is_muted:
            for listener in tuple(self.on_user_data):
                listener(data)

    def _on_ticker(self, ticker: TickerData) -> None:
        for listener in tuple(self.on_ticker):
            listener(ticker)


def is_derivative(instrument: Instrument) -> bool:
    """Whether positions are margined."""
    return instrument.market_type is not ExchangeType.SPOT
