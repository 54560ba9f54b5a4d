"""The life of the connection: up, doubted, lost, up again.

    down ─connect─► connecting ─greeted, account right, state read─► live
    live ─1100 / market data broken─► stale ─1102, 1101, 2104─► live      what was missed is read
    live ─socket gone, or no answer in time─► reconnecting ─backoff─► connecting …

TWS and Gateway restart once a day and take minutes, so dialling again never ends; the wait between
two attempts grows to half a minute. A socket that is open and silent is found by asking for the
time: an answer that does not come within seconds ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final, Protocol

from core.adapters.exchanges.connection.backoff import Backoff, Chance
from core.adapters.exchanges.ibkr.errors import VENUE, Meaning
from core.adapters.exchanges.ibkr.place import Place
from core.adapters.exchanges.ibkr.wire import Wire
from core.adapters.exchanges.models import ConnectionState
from core.errors import AuthError, TransportError, VenueError
from core.infrastructure.clock import NS_PER_S, Clock

log = logging.getLogger(__name__)

DIAL_S: Final = 8.0
TAKEN_S: Final = 10.0
"""How long a client id that is in use is tried again: TWS takes a moment to notice that the client
which had it is dead."""
TAKEN_PAUSE_S: Final = 0.5
PULSE_S: Final = 4.0
"""Between two questions for the time."""
PULSE_TIMEOUT_S: Final = 4.0


class Owner(Protocol):
    """What the adapter does when the connection changes."""

    def check_accounts(self, accounts: tuple[str, ...]) -> str:
        """Why this login may not be used; empty if it may."""

    async def read_state(self, *, is_first: bool) -> None:
        """Reads orders, executions, positions and values; tells what changed meanwhile."""

    async def listen_again(self, *, only_silent: bool = False) -> None:
        """Asks again for everything that was listened to, or what nothing was heard of."""

    def state_changed(self, state: ConnectionState, why: str) -> None:
        """The connection is another."""


class Life:
    """See the module's text.

    Args:
        wire: The connection.
        place: Where TWS is.
        owner: The adapter.
        clock: Times pulses and waits.
        rng: Jitters waits.
    """

    def __init__(self, wire: Wire, place: Place, owner: Owner, clock: Clock, rng: Chance) -> None:
        self.state = ConnectionState.DISCONNECTED
        self.why = ""
        self.latency_ms: float | None = None
        self.is_cut = False
        """TWS is there and IBKR is not: what it answers is what it knew before."""
        self._is_taken = False
        """Whether the last attempt found our client id in use."""
        self._broken: set[str] = set()
        """Data farms that are away, as TWS names them."""
        self._wire = wire
        self._place = place
        self._owner = owner
        self._clock = clock
        self._backoff = Backoff(rng)
        self._tasks: set[asyncio.Task[None]] = set()
        self._redialling: asyncio.Task[None] | None = None

    @property
    def is_live(self) -> bool:
        """Whether what TWS says may be believed, and orders reach IBKR."""
        return self.state is ConnectionState.LIVE

    async def start(self) -> str:
        """Connects once.

        Returns:
            Why TWS refused; empty if it did not.

        Raises:
            TransportError: If it cannot be reached.
        """
        self._move(ConnectionState.CONNECTING, "")
        try:
            refusal = await self._dial_first()
        except BaseException:
            self._end()
            raise
        if refusal:
            self._end()
            return refusal
        self.spawn(self._pulse())
        return ""

    async def stop(self) -> None:
        """Hangs up; orders that rest stay."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._end()

    def spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Runs something that ends with the connection."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def work(self, act: Callable[[], Awaitable[None]]) -> None:
        """Asks TWS something in the background; a failure doubts the connection."""
        self.spawn(self._guarded(act()))

    # -- what happens --------------------------------------------------------------------------

    def lost(self, why: str) -> None:
        """The socket is gone: dials again until it is there."""
        if self.state in {ConnectionState.DISCONNECTED, ConnectionState.CONNECTING}:
            return
        self._wire.hang_up()
        self._move(ConnectionState.RECONNECTING, why)
        if self._redialling is None or self._redialling.done():
            self._redialling = self.spawn(self._redial())

    def code(self, meaning: Meaning, text: str) -> None:
        """TWS tells of its own connection."""
        is_up = self.state in {ConnectionState.LIVE, ConnectionState.STALE}
        farm = text.rpartition(":")[2]
        if meaning is Meaning.LOST:
            self.is_cut = True
        elif meaning is Meaning.FARM_BROKEN:
            self._broken.add(farm)
        elif meaning is Meaning.FARM_OK:
            self._broken.discard(farm)
        elif meaning in {Meaning.RESTORED, Meaning.RESTORED_DATA_LOST}:
            self.is_cut = False
        elif meaning is Meaning.CLOSING:
            self.lost(text)
            return
        if not is_up:
            return  # the end of dialling looks at what was told meanwhile
        if meaning in {Meaning.LOST, Meaning.FARM_BROKEN}:
            self._move(ConnectionState.STALE, text)
        elif meaning in {Meaning.RESTORED, Meaning.RESTORED_DATA_LOST}:
            self.spawn(self._recover(data_lost=meaning is Meaning.RESTORED_DATA_LOST))
        elif meaning is Meaning.FARM_OK and self.state is ConnectionState.STALE:
            self.spawn(self._recover(data_lost=False))

    @property
    def _doubt(self) -> str:
        """Why what is told may not be believed; empty if it may."""
        if self.is_cut:
            return "TWS does not reach IBKR"
        return f"market data is away: {', '.join(sorted(self._broken))}" if self._broken else ""

    # -- inside -------------------------------------------------------------------------------

    async def _dial_first(self) -> str:
        """Dials until the client id is free, within patience."""
        until_ns = self._clock.monotonic_ns() + round(TAKEN_S * NS_PER_S)
        while True:
            refusal = await self._dial(is_first=True)
            if not self._is_taken or self._clock.monotonic_ns() >= until_ns:
                return refusal
            await self._clock.sleep(TAKEN_PAUSE_S)

    async def _dial(self, *, is_first: bool) -> str:
        place = self._place
        self.is_cut = self._is_taken = False
        self._broken.clear()
        try:
            await self._wire.dial(place.host, place.port, place.client_id, DIAL_S)
        except AuthError as error:
            self._is_taken = True
            return " ".join(part for part in (str(error), error.remedy) if part)
        refusal = self._owner.check_accounts(self._wire.accounts)
        if refusal:
            self._wire.hang_up()
            return refusal
        await self._owner.read_state(is_first=is_first)
        await self._owner.listen_again()
        self._backoff.reset()
        doubt = self._doubt
        self._move(ConnectionState.STALE if doubt else ConnectionState.LIVE, doubt)
        return ""

    async def _redial(self) -> None:
        while True:
            await self._clock.sleep(self._backoff.next_s())
            try:
                refusal = await self._dial(is_first=False)
            except VenueError as error:
                refusal = str(error)
            if not refusal:
                return
            self._wire.hang_up()
            self._move(ConnectionState.RECONNECTING, refusal)

    async def _recover(self, *, data_lost: bool) -> None:
        if self.is_cut:
            return
        await self._guarded(self._owner.read_state(is_first=False))
        await self._guarded(self._owner.listen_again(only_silent=not data_lost))
        is_up = self.state in {ConnectionState.STALE, ConnectionState.LIVE} and self._wire.is_up
        if is_up:
            doubt = self._doubt
            state = ConnectionState.STALE if doubt else ConnectionState.LIVE
            self._move(state, doubt or "recovered")

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except VenueError as error:
            self.lost(str(error))

    async def _pulse(self) -> None:
        while True:
            await self._clock.sleep(PULSE_S)
            if not self._wire.is_up:
                continue
            try:
                await self.ask_time()
            except VenueError as error:
                self.lost(f"silent: {error}")

    async def ask_time(self) -> int:
        """The venue's time, seconds since 1970.

        Raises:
            TransportError: If it does not come.
        """
        began_ns = self._clock.monotonic_ns()
        client = self._wire.client
        (told,) = await self._wire.ask("time", client.reqCurrentTime, timeout_s=PULSE_TIMEOUT_S)
        self.latency_ms = (self._clock.monotonic_ns() - began_ns) / 1e6
        return int(told)

    def _move(self, state: ConnectionState, why: str) -> None:
        if (state, why) == (self.state, self.why):
            return
        self.state, self.why = state, why
        log.info("connection.%s venue=%s why=%s", state.value, VENUE, why)
        self._owner.state_changed(state, why)

    def _end(self) -> None:
        self.state, self.why = ConnectionState.DISCONNECTED, ""
        self._wire.hang_up()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("connection.failed venue=%s", VENUE, exc_info=error)
            self.lost(f"failed: {error}")


def unreachable() -> TransportError:
    """What a question meets while the connection is not live."""
    return TransportError(f"{VENUE}: there is no connection to IBKR.", venue=VENUE)
