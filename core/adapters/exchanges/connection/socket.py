"""A socket to a venue that is kept alive: the table of `states.py`, carried out.

Each life of the socket is one task group: the rise (login, subscriptions, catching up), the asker
(what is newly wanted is asked for in few messages), the keep-alive and the watch. Messages are not
a task: they come on the loop and go straight to the dialect. Whatever goes wrong ends the life, and
after a pause with jitter there is another.

The watch believes data alone: when the newest event is too old by the venue's own time, the dialect
asks another source whether anything happened; if so, or if there is no telling, the socket is given
up, ten seconds after the last event at the latest, whether or not it still answers pings
(reliability T14, T15, T21).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from core.adapters.exchanges.connection.backoff import Backoff
from core.adapters.exchanges.connection.dialect import Dialect
from core.adapters.exchanges.connection.freshness import Freshness
from core.adapters.exchanges.connection.states import Moment, after
from core.adapters.exchanges.connection.subscriptions import Stage, Subscriptions, Topic
from core.adapters.exchanges.connection.transport import Socket, Transport
from core.adapters.exchanges.models import ConnectionState
from core.errors import CtosError, NotSent, TransportError, VenueError
from core.infrastructure.clock import NS_PER_S, Clock
from core.infrastructure.rng import Rng

log = logging.getLogger(__name__)

_UP: Final = frozenset(
    {
        ConnectionState.RESUBSCRIBING,
        ConnectionState.SNAPSHOT,
        ConnectionState.LIVE,
        ConnectionState.STALE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long is waited for what, in seconds of the clock."""

    open_s: float = 10.0
    confirm_s: float = 4.0
    """A topic that the venue did not confirm in this time is asked for again."""
    tries: int = 2
    """So often; then the socket is given up."""
    watch_every_s: float = 0.5
    probe_s: float = 2.5
    """How long another source may take to say whether anything happened."""
    longest_silence_s: float = 9.0
    pong_s: float = 5.0
    """How long a ping may go unanswered; with the time between two, under ten seconds."""
    settled_s: float = 5.0
    """A life this long was a good one: the next pause is the shortest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seams:
    """Where a connection touches the world."""

    transport: Transport
    clock: Clock
    rng: Rng


StateListener = Callable[["Connection", ConnectionState, str], None]
"""(connection, new state, why)."""


class Connection:
    """One socket of a venue.

    Args:
        dialect: Spells and reads its messages.
        seams: Transport, clock, chance.
        on_state: Told of each change of state.
        timing: How long is waited.
    """

    def __init__(
        self,
        dialect: Dialect,
        seams: Seams,
        *,
        on_state: StateListener | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.dialect = dialect
        self.subscriptions = Subscriptions(dialect.topic_limit)
        self.freshness = Freshness()
        self.lives = 0
        """How many sockets were opened."""
        self._seams = seams
        self._clock = seams.clock
        self._timing = timing or Timing()
        self._backoff = Backoff(seams.rng)
        self._on_state = on_state
        self.is_live = False
        """Whether its data may be traded on; asked for every order, so it is no property."""
        self._state = ConnectionState.DISCONNECTED
        self._detail = ""
        self._error: VenueError | None = None
        self._task: asyncio.Task[None] | None = None
        self._socket: Socket | None = None
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._end: asyncio.Future[str] | None = None
        self._calls: dict[str, tuple[asyncio.Future[object], int, float]] = {}
        """Key of a request -> who waits for its answer; until when (monotonic ns), which is so many
        seconds."""
        self._waiting: dict[Topic, list[asyncio.Future[None]]] = {}
        """Topic -> who waits for its confirmation."""
        self._rising: list[asyncio.Future[None]] = []
        """Who waits until it is live."""
        self._wake = asyncio.Event()
        self._unwanted: list[Topic] = []
        self._sent_ns = 0
        self._pinged_ns = 0
        """When the oldest ping left that nothing came after."""
        self._awaits_pong = False

    # -- for the adapter ----------------------------------------------------------------------

    @property
    def state(self) -> ConnectionState:
        """Where it is in its life."""
        return self._state

    @property
    def detail(self) -> str:
        """Why it is not live, in words."""
        return self._detail

    @property
    def is_running(self) -> bool:
        """Whether it is kept alive."""
        return self._task is not None

    def age_s(self) -> float:
        """Age of the newest event."""
        return self.freshness.age_s(self._clock.now_ns())

    async def start(self) -> None:
        """Opens it and waits until it is live; a second call waits only.

        Raises:
            AuthError: If the venue refuses us; it is closed again.
            TransportError: If it cannot be opened; it is closed again.
        """
        if self._task is None:
            self._error = None
            self._task = asyncio.ensure_future(self._run())
            self._task.set_name(f"connection {self.dialect.name}")
        if self.is_live:
            return
        risen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rising.append(risen)
        try:
            await risen
        except CtosError:
            await self.stop()
            raise
        finally:
            if risen in self._rising:
                self._rising.remove(risen)

    async def stop(self) -> None:
        """Closes it for good; topics are forgotten. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self.subscriptions = Subscriptions(self.dialect.topic_limit)
        self._move(Moment.CLOSED, "")
        for waiting in self._waiting.values():
            _fail(waiting, TransportError("the connection was closed"))
        _fail(self._rising, TransportError("the connection was closed"))
        self._waiting.clear()

    async def subscribe(
        self, topic: Topic, *, has_snapshot: bool = False, timeout_s: float = 10.0
    ) -> None:
        """Counts a listener of a topic and waits until the venue confirmed it.

        Raises:
            TransportError: If it did not in that time; the listener is not counted then.
        """
        self.subscriptions.add(topic, has_snapshot=has_snapshot)
        if self.subscriptions.stage(topic) in (Stage.CONFIRMED, Stage.READY):
            return
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(topic, []).append(confirmed)
        self._wake.set()
        try:
            async with self._clock.timeout(timeout_s):
                await confirmed
        except TimeoutError as error:
            self.unsubscribe(topic)
            raise TransportError(
                f"{self.dialect.name}: {topic} was not confirmed in {timeout_s:g} s"
            ) from error
        except BaseException:
            self.unsubscribe(topic)
            raise

    def unsubscribe(self, topic: Topic) -> None:
        """Takes a listener away; the last one gives the topic up."""
        if self.subscriptions.remove(topic) and self._state in _UP:
            self._unwanted.append(topic)
            self._wake.set()

    # -- Link ---------------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        """See `Link.send`."""
        if self._socket is None:
            raise NotSent(f"{self.dialect.name}: not connected")
        self._socket.send(message)
        self._sent_ns = self._clock.monotonic_ns()

    def call(self, key: str, message: bytes, *, timeout_s: float) -> asyncio.Future[object]:
        """See `Link.call`."""
        known = self._calls.get(key)
        if known is not None and not known[0].done():
            raise NotSent(f"{self.dialect.name}: the request {key} is under way already")
        self.send(message)
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._calls[key] = answer, self._sent_ns + round(timeout_s * NS_PER_S), timeout_s
        return answer

    def answer(self, key: str, value: object) -> bool:
        """See `Link.answer`."""
        call = self._calls.pop(key, None)
        if call is None or call[0].done():
            return False
        call[0].set_result(value)
        return True

    def confirmed(self, topic: Topic) -> None:
        """See `Link.confirmed`."""
        self.subscriptions.confirmed(topic)
        for waiting in self._waiting.pop(topic, ()):
            if not waiting.done():
                waiting.set_result(None)

    def refused(self, topic: Topic, error: VenueError) -> None:
        """See `Link.refused`."""
        self.subscriptions.forget(topic)
        _fail(self._waiting.pop(topic, []), error)

    def heard(self, topic: Topic, event_ns: int) -> None:
        """See `Link.heard`."""
        if self.subscriptions.heard(topic):
            self.confirmed(topic)
        now_ns = self._clock.now_ns()
        self.freshness.heard(event_ns, now_ns)
        if self._state is ConnectionState.STALE and not self.freshness.is_silent(now_ns):
            self._move(Moment.HEARD, "")

    def again(self, topic: Topic) -> None:
        """See `Link.again`."""
        if topic in self.subscriptions:
            self._unwanted.append(topic)
            self.subscriptions.again(topic)
            self._wake.set()

    def drop(self, reason: str) -> None:
        """See `Link.drop`."""
        if self._end is not None and not self._end.done():
            self._end.set_result(reason)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """See `Link.spawn`."""
        if self._group is None:
            coroutine.close()
            return
        guarded = self._guard(coroutine)
        try:
            task = self._group.create_task(guarded)
        except RuntimeError:  # the group is being closed, and a last message came meanwhile
            guarded.close()
            coroutine.close()
            return
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            coroutine.close()  # one that was cancelled before its first step is never awaited

        task.add_done_callback(ended)

    # -- SocketListener -----------------------------------------------------------------------

    def on_messages(self, messages: list[bytes]) -> None:
        """See `SocketListener.on_messages`."""
        self._awaits_pong = False
        try:
            self.dialect.hear(messages, self)
        except Exception:
            log.exception("socket.message_failed socket=%s", self.dialect.name)
            self.drop("a message could not be taken in")

    def on_pong(self) -> None:
        """See `SocketListener.on_pong`."""
        self._awaits_pong = False

    def on_closed(self, reason: str) -> None:
        """See `SocketListener.on_closed`."""
        self.drop(reason)

    # -- the life of a socket -----------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            self._move(Moment.DIAL, self._detail)
            began_ns = self._clock.monotonic_ns()
            try:
                reason = await self._live()
            except Exception as error:  # a dialect's mistake must not end the adapter in silence
                log.exception("socket.failed socket=%s", self.dialect.name)
                reason = f"{type(error).__name__}: {error}"
            lived_s = (self._clock.monotonic_ns() - began_ns) / NS_PER_S
            if lived_s >= self._timing.settled_s:
                self._backoff.reset()
            self._move(Moment.LOST, reason)
            log.warning("socket.lost socket=%s reason=%s", self.dialect.name, reason)
            told = self._error or TransportError(f"{self.dialect.name}: {reason}")
            self._error = None
            rising, self._rising = self._rising, []
            _fail(rising, told)
            await self._clock.sleep(self._backoff.next_s())

    async def _live(self) -> str:
        """One socket from its opening to its end; why it ended."""
        self._end = asyncio.get_running_loop().create_future()
        try:
            address = await self.dialect.address()
            self._socket = await self._seams.transport.open_socket(
                address, self, headers=self.dialect.headers(), timeout_s=self._timing.open_s
            )
        except VenueError as error:
            self._error = error
            return str(error)
        self.lives += 1
        now_ns = self._clock.now_ns()
        self.freshness.begin(now_ns)
        self._sent_ns = self._clock.monotonic_ns()
        self._awaits_pong = False
        self.subscriptions.lost()
        self._unwanted.clear()
        self._move(Moment.OPENED, "")
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for part in (self._rise(), self._keep_alive(), self._watch()):
                    self.spawn(part)
                reason = await self._end
                self._group = None
                for task in tuple(self._tasks):
                    task.cancel()
        finally:
            self._group = None
            socket, self._socket = self._socket, None
            self._end.cancel()
            socket.close()
            self._fail_calls()
            self.dialect.lost()
        return reason

    async def _guard(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """A part of this life: whatever it fails with ends the life, not the process."""
        try:
            await coroutine
        except VenueError as error:
            self._error = error
            self.drop(str(error))
        except Exception as error:  # the border of what a dialect may do wrong
            log.exception("socket.part_failed socket=%s", self.dialect.name)
            self.drop(f"{type(error).__name__}: {error}")

    async def _rise(self) -> None:
        await self.dialect.login(self)
        self._move(Moment.ACCEPTED, "")
        self._wake.set()
        self.spawn(self._ask())
        self._move(Moment.ASKED, "")
        while not self.subscriptions.is_confirmed:
            await self._clock.sleep(0.01)
        await self.dialect.catch_up(self)
        self._move(Moment.COMPLETE, "")
        rising, self._rising = self._rising, []
        for waiting in rising:
            if not waiting.done():
                waiting.set_result(None)

    async def _ask(self) -> None:
        """Asks for what is wanted and gives up what is not, in few messages at the venue's pace."""
        pause_s = 1.0 / self.dialect.messages_per_s
        burst = self.dialect.burst or max(1, int(self.dialect.messages_per_s))
        sent = 0
        while True:
            await self._wake.wait()
            self._wake.clear()
            for message, topics in self._messages():
                self.send(message)
                self.subscriptions.asked(topics, self._clock.monotonic_ns())
                sent += 1
                if sent % burst == 0:
                    await self._clock.sleep(pause_s * burst)

    def _messages(self) -> list[tuple[bytes, list[Topic]]]:
        found: list[tuple[bytes, list[Topic]]] = []
        unwanted, self._unwanted = self._unwanted, []
        size = self.dialect.topics_per_message
        for chunk in _chunks(unwanted, size):
            found += [(message, []) for message in self.dialect.give_up(chunk)]
        for chunk in _chunks(self.subscriptions.wanted(), size):
            messages = self.dialect.ask(chunk)
            found += [(message, []) for message in messages[:-1]]
            found += [(message, chunk) for message in messages[-1:]]
        return found

    async def _keep_alive(self) -> None:
        interval_ns = round(self.dialect.keep_alive_s * NS_PER_S)
        while True:
            rested_ns = self._clock.monotonic_ns() - self._sent_ns
            if rested_ns >= interval_ns:
                self._ping()
                rested_ns = 0
            await self._clock.sleep((interval_ns - rested_ns) / NS_PER_S)

    def _ping(self) -> None:
        message = self.dialect.keep_alive()
        if self.dialect.expects_pong and not self._awaits_pong:
            self._awaits_pong = True
            self._pinged_ns = self._clock.monotonic_ns()
        if message is not None:
            self.send(message)
        elif self._socket is not None:
            self._socket.ping()
            self._sent_ns = self._clock.monotonic_ns()

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(self._timing.watch_every_s)
            self._watch_pong()
            self._watch_calls()
            self._watch_topics()
            if self.dialect.watches_silence and self._state in _UP:
                self._watch_silence()

    def _watch_pong(self) -> None:
        waited_ns = self._clock.monotonic_ns() - self._pinged_ns
        if self._awaits_pong and waited_ns > self._timing.pong_s * NS_PER_S:
            self.drop("a ping was not answered")

    def _watch_calls(self) -> None:
        """Ends the wait for answers that did not come; a timer for each would cost more than it.

        One that nobody waits for any more is forgotten.
        """
        now_ns = self._clock.monotonic_ns()
        for key, (answer, until_ns, timeout_s) in tuple(self._calls.items()):
            if answer.done() or now_ns >= until_ns:
                del self._calls[key]
                why = f"{self.dialect.name}: no answer in {timeout_s:g} s"
                _fail([answer], TransportError(why))

    def _watch_topics(self) -> None:
        before_ns = self._clock.monotonic_ns() - round(self._timing.confirm_s * NS_PER_S)
        for entry in self.subscriptions.overdue(before_ns):
            if entry.tries >= self._timing.tries:
                self.drop(f"{entry.topic} is not confirmed")
                return
            self.subscriptions.again(entry.topic)
            self._wake.set()

    def _watch_silence(self) -> None:
        now_ns = self._clock.now_ns()
        if not len(self.subscriptions):
            self.freshness.confirmed(now_ns)
            return
        if not self.freshness.is_silent(now_ns):
            return
        if self._state is ConnectionState.LIVE:
            self._move(Moment.SILENT, f"no news for {self.freshness.age_s(now_ns):.1f} s")
            self.spawn(self._probe())
        elif self.freshness.age_s(now_ns) > self._timing.longest_silence_s:
            self.drop(f"silent for {self.freshness.age_s(now_ns):.1f} s")

    async def _probe(self) -> None:
        """Asks another source whether the market is quiet or the socket dead."""
        newest_ns = self.freshness.newest_ns
        try:
            async with self._clock.timeout(self._timing.probe_s):
                is_quiet = await self.dialect.confirm()
        except (TimeoutError, VenueError) as error:
            log.info("socket.no_second_source socket=%s error=%s", self.dialect.name, error)
            return  # the watch ends it when the silence has lasted long enough
        if self.freshness.newest_ns > newest_ns:
            return
        if not is_quiet:
            self.drop("silent, while the venue tells of news elsewhere")
            return
        self.freshness.confirmed(self._clock.now_ns())
        if self._state is ConnectionState.STALE:
            self._move(Moment.HEARD, "")

    # -- small parts --------------------------------------------------------------------------

    def _move(self, moment: Moment, why: str) -> None:
        state = after(self._state, moment)
        self._detail = why
        if state is self._state:
            return
        self._state = state
        self.is_live = state is ConnectionState.LIVE
        if self._on_state is not None:
            self._on_state(self, state, why)

    def _fail_calls(self) -> None:
        waiting = [answer for answer, _, _ in self._calls.values()]
        self._calls.clear()
        _fail(waiting, TransportError(f"{self.dialect.name}: lost before an answer"))


def _fail(waiting: list[asyncio.Future[Any]], error: Exception) -> None:
    for future in waiting:
        if not future.done():
            future.set_exception(error)
            future.exception()  # somebody may have stopped waiting; then nobody needs to hear


def _chunks(topics: list[Topic], size: int) -> list[list[Topic]]:
    return [topics[start : start + size] for start in range(0, len(topics), size)]
