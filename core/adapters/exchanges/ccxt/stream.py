"""ccxt.pro's `watch` methods as tasks that begin again by themselves.

A watch is one method in a loop: what it gives is taken, what it raises is counted, and it is called
again after a while (`Backoff`). Trades and private messages are not taken from what a watch gives:
between two calls ccxt keeps only the newest of them, and says nothing of the others. They are taken
where ccxt puts them (`Told`), one by one as they come.

A socket is believed by the age of what it told. A public watch that was quiet for `SILENCE_S` is
asked about (`is_quiet`); if another source disagrees or does not answer, all sockets are given up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from decimal import localcontext
from typing import Any, Final

from core.adapters.exchanges.connection.backoff import Backoff, Chance
from core.infrastructure.clock import NS_PER_S, Clock

log = logging.getLogger(__name__)

SILENCE_S: Final = 3.0
"""So long nothing, and another source is asked: early enough that prices of a quiet market are
confirmed before they count as old, and that a dead socket is given up within ten seconds."""
_REBUILD_S: Final = 7.0
"""So much longer a silence may be after the sockets were given up: they need time to come back."""
_LOOK_EVERY_S: Final = 1.0


class Watch:
    """One method of ccxt.pro, called again and again.

    Args:
        name: In logs and states.
        call: Waits for the next news.
        take: What is done with them; may raise, which counts as a failure of the watch.
        is_public: Whether it tells prices, whose silence means something.
    """

    def __init__(
        self,
        name: str,
        call: Callable[[], Awaitable[object]],
        take: Callable[[object], None],
        *,
        is_public: bool,
    ) -> None:
        self.name = name
        self.is_public = is_public
        self.call = call
        self.take = take
        self.users = 1
        self.failure = ""
        """Why it does not live; empty while it does."""
        self.is_waiting = False
        self.waits_since_ns = 0
        """Monotonic; of the call that waits."""
        self.task: asyncio.Task[None] | None = None


class Watches:
    """The watches of one adapter.

    Args:
        clock: Waits between attempts.
        rng: Jitters them.
        is_quiet: Whether another source agrees that a symbol's prices did not change.
        drop: Gives every socket up.
        stands: Whether every socket is open.
        on_change: (watch, whether it lives) when that changes.
    """

    def __init__(
        self,
        clock: Clock,
        rng: Chance,
        *,
        is_quiet: Callable[[str], Awaitable[bool]],
        drop: Callable[[str], None],
        stands: Callable[[], bool],
        on_change: Callable[[Watch, bool], None],
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._is_quiet = is_quiet
        self._drop = drop
        self._stands = stands
        self._on_change = on_change
        self._watches: dict[str, Watch] = {}
        self._priced: dict[str, int] = {}
        """Symbol -> when its prices were heard last, monotonic."""
        self._guard: asyncio.Task[None] | None = None
        self._others: set[asyncio.Task[None]] = set()

    @property
    def all(self) -> list[Watch]:
        """Every watch, in the order in which they were begun."""
        return list(self._watches.values())

    def begin(
        self,
        name: str,
        call: Callable[[], Awaitable[object]],
        take: Callable[[object], None],
        *,
        is_public: bool = True,
    ) -> None:
        """Begins a watch, or adds a user to the one that runs."""
        known = self._watches.get(name)
        if known is not None:
            known.users += 1
            return
        watch = self._watches[name] = Watch(name, call, take, is_public=is_public)
        watch.task = asyncio.create_task(self._run(watch), name=f"ccxt.{name}")
        if self._guard is None:
            self._guard = asyncio.create_task(self._look(), name="ccxt.silence")

    def end(self, name: str) -> None:
        """Takes a user away; the last one ends the watch."""
        watch = self._watches.get(name)
        if watch is None:
            return
        watch.users -= 1
        if watch.users == 0:
            del self._watches[name]
            if watch.task is not None:
                watch.task.cancel()
                self._others.add(watch.task)
                watch.task.add_done_callback(self._others.discard)

    def spawn(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        """Runs something beside the watches; it ends with them."""

        async def run() -> None:
            with localcontext():
                await work()

        task = asyncio.create_task(run(), name=f"ccxt.{name}")
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def close(self) -> None:
        """Ends everything and waits for it."""
        tasks = [watch.task for watch in self._watches.values() if watch.task is not None]
        tasks += [*self._others, *([self._guard] if self._guard is not None else [])]
        self._watches.clear()
        self._priced.clear()
        self._guard = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def priced(self, symbol: str) -> None:
        """Prices of a symbol came."""
        self._priced[symbol] = self._clock.monotonic_ns()

    def forget(self, symbol: str) -> None:
        """Nobody waits for a symbol's prices any more."""
        self._priced.pop(symbol, None)

    @property
    def age_s(self) -> float | None:
        """Of the symbol that was heard of longest ago."""
        if not self._priced:
            return None
        return max(0.0, (self._clock.monotonic_ns() - min(self._priced.values())) / NS_PER_S)

    def on_socket(self) -> None:
        """A socket was opened: watches that wait on one live again."""
        for watch in self.all:
            if watch.failure and watch.is_waiting:
                self._lives(watch)

    # -- inside -------------------------------------------------------------------------------

    async def _run(self, watch: Watch) -> None:
        backoff = Backoff(self._rng)
        with localcontext():
            while True:
                try:
                    watch.is_waiting = True
                    watch.waits_since_ns = self._clock.monotonic_ns()
                    found = await watch.call()
                    watch.is_waiting = False
                    watch.take(found)
                except asyncio.CancelledError:
                    task = asyncio.current_task()
                    if task is None or task.cancelling():
                        raise
                    await self._fails(watch, "the socket was closed", backoff)
                except Exception as error:  # noqa: BLE001 # whatever ccxt raises, it is asked again
                    await self._fails(watch, f"{type(error).__name__}: {error}"[:200], backoff)
                else:
                    backoff.reset()
                    self._lives(watch)

    async def _fails(self, watch: Watch, why: str, backoff: Backoff) -> None:
        watch.is_waiting = False
        was_alive, watch.failure = not watch.failure, why
        log.info("watch.failed name=%s why=%s", watch.name, why)
        if was_alive:
            self._on_change(watch, False)  # noqa: FBT003 # it does not live
        await self._clock.sleep(backoff.next_s())

    def _lives(self, watch: Watch) -> None:
        if watch.failure:
            watch.failure = ""
            self._on_change(watch, True)  # noqa: FBT003 # it lives

    async def _look(self) -> None:
        """Asks about every symbol that was silent too long."""
        while True:
            await self._clock.sleep(_LOOK_EVERY_S)
            now_ns = self._clock.monotonic_ns()
            self._look_at_failed(now_ns)
            for symbol, heard_ns in list(self._priced.items()):
                if now_ns - heard_ns < SILENCE_S * NS_PER_S:
                    continue
                if await self._agrees(symbol):
                    self.priced(symbol)
                elif symbol in self._priced:
                    self._drop(f"nothing was heard of {symbol} for {SILENCE_S:.0f} s")
                    later_ns = self._clock.monotonic_ns() + round(_REBUILD_S * NS_PER_S)
                    self._priced = dict.fromkeys(self._priced, later_ns)
                    break

    def _look_at_failed(self, now_ns: int) -> None:
        """Watches that were still pausing when their socket opened: a second later they live."""
        for watch in self.all if self._stands() else ():
            waits_ns = now_ns - watch.waits_since_ns
            if watch.failure and watch.is_waiting and waits_ns >= _LOOK_EVERY_S * NS_PER_S:
                self._lives(watch)

    async def _agrees(self, symbol: str) -> bool:
        try:
            async with asyncio.timeout(3.0):
                return await self._is_quiet(symbol)
        except Exception as error:  # noqa: BLE001 # no answer is no agreement
            log.info("silence.unexplained symbol=%s error=%s", symbol, error)
            return False


def told_class(base: type, tell: Callable[[Any], None]) -> type:
    """A cache of ccxt that tells of each thing that is put into it."""

    class Told(base, Telling):
        """See `told_class`."""

        def append(self, item: Any) -> None:  # noqa: ANN401 # ccxt has no types
            super().append(item)
            tell(item)

    return Told


class Kept(dict[str, Any]):
    """ccxt's caches by symbol; one that tells stays, whatever a handler puts in its place.

    Some handlers (Deribit's) take a cache that is there for none and put a new one at every
    message; what went into that would be told by nobody.
    """

    def __setitem__(self, symbol: str, value: Any) -> None:  # noqa: ANN401 # ccxt has no types
        if not isinstance(self.get(symbol), Telling):
            super().__setitem__(symbol, value)


class Telling:
    """Marks a cache that tells."""
