"""A venue that is spoken to in its own protocol: its server, under a run's weather, and the truth.

The server is the one that the contract suite connects to over loopback, with signatures checked and
weights counted; here its requests and frames come from a simulated network. What a request says is
read from its bytes the moment it leaves, by the server's own reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any, Final

from core.adapters.exchanges.models import (
    FillData,
    Instrument,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderType,
    UserData,
)
from core.adapters.exchanges.paper.profiles import profile_of
from core.adapters.exchanges.paper.settings import PaperSettings
from core.errors import VenueUnavailable
from core.infrastructure.clock import VirtualClock
from core.infrastructure.rng import Rng
from core.services.ports import Feed
from core.testing.simulation.account import SimulatedAccount
from core.testing.simulation.door import LATEST_CREATE_S
from core.testing.simulation.faults import NS_PER_S, Active, Kind
from core.testing.simulation.history import (
    Called,
    CancelCalled,
    CreateCalled,
    Denied,
    History,
    IntentDurable,
    Record,
)
from core.testing.simulation.loop import Process, SimulationLoop
from core.testing.simulation.wire.connection import Connection
from core.testing.simulation.wire.floor import HostileFloor
from core.testing.simulation.wire.tongue import CANCEL, CREATE, Ground, Tongue
from core.testing.simulation.wire.weather import Weather
from core.testing.venues.faults import Call
from core.testing.venues.socket import Socket

DECIDED: Final[ContextVar[tuple[int, int]]] = ContextVar("DECIDED", default=(0, 0))
"""When a program decided to send the order that leaves now, and how far its clock was ahead then:
connections are made, and some venues are asked for prices and positions, in between."""
PARTS: Final = (("0.3", "0.3"), ("0.5",), ("0.1", "0.2", "0.3"))


class WireVenue(SimulatedAccount):
    """One account at one venue.

    Args:
        loop: True time, which is the venue's.
        rng: Draws what the venue does by itself.
        faults: What is wrong now.
        history: Told what happens.
        speaks: The venue's protocol.
        instrument: What is traded.
        feed: Its prices.
        settings: Balance, fill rule, funding.
        seed: Makes the account's keys.
        switch_s: After which the venue's dead man's switch acts, where the account has it armed.
    """

    def __init__(  # noqa: PLR0913 # what a venue is made of
        self,
        loop: SimulationLoop,
        rng: Rng,
        faults: Active,
        history: History,
        *,
        speaks: type[Tongue],
        instrument: Instrument,
        feed: Feed,
        settings: PaperSettings,
        seed: int,
        switch_s: int | None = None,
    ) -> None:
        super().__init__(loop, rng, faults, history, instrument)
        self.tongue = speaks(
            Ground(
                instrument=instrument,
                feed=feed,
                clock=VirtualClock(loop),
                settings=settings,
                make_floor=partial(HostileFloor, weather=faults, account=self),
                seed=seed,
            )
        )
        self.switch_s = switch_s
        self.server = self.tongue.venue
        self.server.faults = Weather(loop, faults, self.tongue, lambda: self.ban_until_ns)
        self.profile = profile_of(self.server.profile)
        self.newest_price_ns: dict[int, int] = {}
        """Life -> event time of the newest price that it was given."""
        self._number = 0
        self._at_market: set[str] = set()
        """Client order ids of orders without a price; some venues are told a worst one instead."""
        self._mistakes: list[Exception] = []
        """Of the simulation, which a program would take for an answer that makes no sense."""
        self._floor_ids: dict[str, str] = {}
        """An order's id as the program knows it -> the floor's."""
        self._strangers: dict[str | None, str] = {}
        """The venue's spelling of a stranger's client order id -> who it was."""
        cuts = rng.child("cuts")
        switchboard = self.server.floor.faults
        for parts in PARTS:
            switchboard.cut(
                *parts,
                times=1 << 30,
                when=lambda _: faults.chance(Kind.CUT_FILLS) is not None and cuts.random() >= 0,
            )
        switchboard.fill_first(
            times=1 << 30, when=lambda _: faults.chance(Kind.FILL_FIRST) is not None
        )
        self.tongue.listen(self.witness)
        history.watchers.append(self._on_record)

    @property
    def has_request_deadline(self) -> bool:
        """Whether the venue looks at the deadline of a request."""
        return self.tongue.has_request_deadline

    @property
    def failures(self) -> Sequence[Exception]:
        """What broke inside the server: a mistake of its own."""
        return (*self._mistakes, *self.server.failures)

    # -- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Opens market and account."""
        await self.server.open()

    async def close(self) -> None:
        """Ends both."""
        await self.server.close()

    # -- what matching does -------------------------------------------------------------------

    async def price(self) -> Decimal | None:
        """Newest price."""
        try:
            ticker = self.server.floor.ticker(self.instrument.symbol)
        except VenueUnavailable:
            return None
        return ticker.last or ticker.bid

    async def place(
        self,
        side: OrderSide,
        order_type: OrderType,
        amount: Decimal,
        price: Decimal | None,
        client_order_id: str,
    ) -> OrderData:
        """Straight to the floor, in the venue's spelling."""
        spelled = self.tongue.foreign(client_order_id)
        self._strangers[spelled] = client_order_id
        floor = self.server.floor
        assert isinstance(floor, HostileFloor)  # noqa: S101 # made so above
        options = OrderOptions(client_order_id=spelled)
        symbol = self.instrument.symbol
        order = floor.create_for_others(symbol, side, order_type, amount, price, options)
        told = self._told(order)
        assert isinstance(told, OrderData)  # noqa: S101 # an order stays one
        return told

    async def take(self, order_id: str) -> None:
        """Straight at the floor."""
        self.server.floor.cancel(self._floor_ids[order_id], self.instrument.symbol)

    def witness(self, data: UserData) -> None:
        """Notes what matching said, in the words in which the program will know it."""
        told = self._told(data)
        if isinstance(data, OrderData) and isinstance(told, OrderData):
            self._floor_ids[told.order_id] = data.order_id
        super().witness(told)

    def _told(self, data: UserData) -> UserData:
        told = self.tongue.told(data)
        if isinstance(data, (OrderData, FillData)) and isinstance(told, (OrderData, FillData)):
            stranger = self._strangers.get(data.client_order_id)
            if stranger is not None:
                return replace(told, client_order_id=stranger)
        return told

    def _on_record(self, record: Record) -> None:
        if isinstance(record, IntentDurable):
            self.tongue.learn(record.identity)
            if record.price is None:
                self._at_market.add(record.identity)

    # -- what a program says ------------------------------------------------------------------

    def on_request(self, call: Call, process: Process, begun_ns: int = 0) -> None:
        """A request leaves a program, over HTTP or on a socket."""
        try:
            self._note(call, process, begun_ns)
        except Exception as error:
            self._mistakes.append(error)
            raise

    def _note(self, call: Call, process: Process, begun_ns: int) -> None:
        self._number += 1
        fact: dict[str, Any] = {
            "at_ns": self.loop.now_ns(),
            "life": process.number,
            "number": self._number,
            "method": call.name,
            "begun_ns": begun_ns,
        }
        if call.name == CREATE:
            self._history.add(self._create(call, process, fact))
        elif call.name == CANCEL:
            self._history.add(CancelCalled(**fact, order_id=self.tongue.cancelled_by(call)))
        else:
            self._history.add(Called(**fact))

    def _create(self, call: Call, process: Process, fact: dict[str, Any]) -> CreateCalled:
        terms = self.tongue.create_of(call)
        fact["begun_ns"] = DECIDED.get()[0] or fact["begun_ns"]
        takes_any = terms.time_in_force == "ioc" and terms.identity in self._at_market
        newest = self.newest_price_ns.get(process.number)
        return CreateCalled(
            **fact,
            identity=terms.identity,
            side=terms.side,
            price=None if takes_any else terms.price,
            amount=terms.amount,
            time_in_force=terms.time_in_force,
            reduce_only=terms.reduce_only,
            stamped_ns=self.loop.now_ns() + DECIDED.get()[1],
            price_age_ns=None if newest is None else self.loop.now_ns() - newest,
        )

    def on_frame(self, connection: Connection, text: str, process: Process) -> None:
        """A frame leaves a program."""
        if connection.is_asking:
            call = self.tongue.spoken(text)
            if call is not None:
                self.on_request(call, process)

    # -- what a program is told ---------------------------------------------------------------

    def deny(
        self,
        process: Process,
        asked_ns: int,
        endpoint: str,
        identity: str,
        present: tuple[str, ...],
    ) -> None:
        """An answer reached a program that knows of some orders and not of others."""
        self._history.add(
            Denied(
                at_ns=self.loop.now_ns(),
                life=process.number,
                asked_ns=asked_ns,
                endpoint=endpoint,
                identity=identity,
                present=present,
            )
        )

    def shown(self, process: Process, at_ns: int) -> None:
        """A program was given a price of that time."""
        newest = self.newest_price_ns.get(process.number)
        if newest is None or at_ns > newest:
            self.newest_price_ns[process.number] = at_ns

    # -- what arrives -------------------------------------------------------------------------

    def lets_in(self, path: str, query: dict[str, str], headers: dict[str, str]) -> bool:
        """Whether a socket may open."""
        faults = self._faults
        if faults.acts(Kind.MAINTENANCE) is not None or faults.acts(Kind.BAN) is not None:
            return False
        return self.server.refuse_socket(path, query, headers) is None

    def on_text(self, connection: Connection, socket: Socket, text: str) -> None:
        """A frame has arrived; one that is a request may be lost or late by itself."""
        call = self.tongue.spoken(text) if connection.is_asking else None
        if call is None:
            self.server.hear(socket, text)
            return
        faults = self._faults
        if faults.acts(Kind.REST_DOWN) is not None:
            return
        if faults.chance(Kind.LOSE_REQUEST) is not None:
            return
        late_ns = self.late_ns(call)
        if late_ns:
            self.loop.world_at_ns(self.loop.now_ns() + late_ns, self.server.hear, socket, text)
        else:
            self.server.hear(socket, text)

    def late_ns(self, call: Call) -> int:
        """How much later than usual a request arrives."""
        late = self._faults.chance(Kind.LATE_REQUEST)
        if late is None:
            return 0
        is_bounded = call.name == CREATE and not self.has_request_deadline
        most_s = LATEST_CREATE_S if is_bounded else 30.0
        return round(self._faults.stream(late).random() ** 2 * most_s * NS_PER_S)
