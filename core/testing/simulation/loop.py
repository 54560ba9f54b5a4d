"""A virtual loop on which processes live, stand still and die, in an order that a seed decides.

It is the loop of `--speed max` with three more powers:

- Whose turn it is, where several callbacks are ready, is drawn. Which one asyncio takes first is an
  accident of arrival in real life, and code that leans on it breaks one day.
- Every callback belongs to a process, known by a context variable that tasks and callbacks inherit.
  A process that is stopped runs none of its callbacks until it is continued; one that was killed
  never again. Nothing of it is cancelled, so no `finally` of it runs: that is what SIGKILL does.
- What ran is hashed: two runs of one seed agree on every turn, or they are not the same run.

Work of the world (venues, networks, disks, whoever pulls the plug) belongs to no process.
"""

from __future__ import annotations

import asyncio
import hashlib
import warnings
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final, NoReturn, TypeVar, TypeVarTuple, Unpack

from core.infrastructure.rng import Rng
from core.infrastructure.virtual_time import DeadlockError, VirtualLoop

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_HASH_EVERY: Final = 4_096
_MOST_TURNS: Final = 100_000
"""Turns within one moment that no program at work needs."""
_CLOSES: Final = 64
"""How often the coroutine of a dead task is asked to end before it is left alone."""


class Process:
    """One life of a program: from its start to its end or its death.

    Args:
        number: Unique in its run; grows with every start.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_dead = False
        self.is_stopped = False
        """Whether it stands still, as after SIGSTOP."""
        self.held: deque[asyncio.Handle] = deque()
        """What would have run while it stood still."""
        self.tasks: dict[asyncio.Task[Any], None] = {}
        """Those that have not ended, oldest first."""
        self.turns = 0
        """Callbacks of it that ran."""
        self.kill_at_turn: int | None = None
        """It dies before this turn."""
        self.crossings = 0
        """How often it touched the world."""
        self.kill_at_crossing: int | None = None
        """It dies at this touch."""
        self.kill: Callable[[], None] = _nobody
        """Ends this life at once; set by who started it."""
        context = copy_context()
        context.run(OWNER.set, self)
        self.context = context

    def cross(self) -> bool:
        """Counts a touch of the world; False when the process is dead and must not touch it.

        A dead process may come here only from the very callback in which it died.
        """
        if self.is_dead:
            return False
        self.crossings += 1
        if self.crossings == self.kill_at_crossing:
            self.kill()
            return False
        return True

    async def park(self) -> NoReturn:
        """Where a coroutine of a dead process goes when it reaches a seam: it never comes back."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError("a dead process goes on")


OWNER: Final[ContextVar[Process | None]] = ContextVar("OWNER", default=None)
"""Whose work runs now; None for the world's."""


class SimulationLoop(VirtualLoop):
    """A virtual loop with processes and a seeded order.

    Args:
        start_ns: UTC nanoseconds since 1970 at which time begins.
        rng: Draws whose turn it is.
        disorder: Chance, at each turn with several callbacks ready, that another than the first
            runs; 0 keeps asyncio's own order.
    """

    def __init__(self, start_ns: int, rng: Rng, disorder: float = 1.0) -> None:
        super().__init__(start_ns)
        self.world = copy_context()
        """The context of work that belongs to no process."""
        self.turns = 0
        self._rng = rng
        self._disorder = disorder
        self._hash = hashlib.blake2b(digest_size=16)
        self._moved_at = 0
        """Turns when time moved last."""
        self._untold: list[int] = []
        self._dead: list[Process] = []

    # -- processes ----------------------------------------------------------------------------

    def spawn(
        self, process: Process | None, work: Coroutine[Any, Any, T], *, name: str
    ) -> asyncio.Task[T]:
        """Starts a task of a process, or of the world."""
        context = self.world if process is None else process.context
        return self.create_task(work, name=name, context=context)

    def deliver(
        self, process: Process | None, callback: Callable[[Unpack[Ts]], object], *args: *Ts
    ) -> None:
        """Calls back soon, as work of a process or of the world."""
        self.call_soon(callback, *args, context=self.world if process is None else process.context)

    def world_at_ns(
        self, ns: int, callback: Callable[[Unpack[Ts]], object], *args: *Ts
    ) -> asyncio.TimerHandle:
        """Calls back at `ns` as work of the world, whoever asks."""
        return self.call_at_ns(ns, callback, *args, context=self.world)

    def kill(self, process: Process) -> None:
        """Ends a process where it is. Its tasks stay as they are, so that nothing of them runs."""
        if process.is_dead:
            return
        process.is_dead = True
        process.held.clear()
        self._dead.append(process)

    def stop_process(self, process: Process) -> None:
        """Lets a process stand still."""
        process.is_stopped = True

    def continue_process(self, process: Process) -> None:
        """Lets a process go on: everything that came meanwhile is there at once."""
        process.is_stopped = False
        if not process.is_dead:
            self._ready.extend(process.held)
        process.held.clear()

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: object = None,
        context: Context | None = None,
        **options: Any,  # noqa: ANN401 # passed on as it is
    ) -> asyncio.Task[T]:
        """Makes a task and notes whose it is."""
        own = copy_context() if context is None else context
        task = super().create_task(coro, name=name, context=own, **options)
        owner = own.get(OWNER)
        if owner is not None:
            owner.tasks[task] = None
            task.add_done_callback(owner.tasks.pop, context=self.world)
        return task

    def bury(self) -> None:
        """At the end of a run: ends the coroutines of dead tasks, so that nothing warns later."""
        with warnings.catch_warnings():
            # What a task was given and had not begun dies unbegun, as in a killed process.
            warnings.simplefilter("ignore", RuntimeWarning)
            for process in self._dead:
                for task in tuple(process.tasks):
                    task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001 # it is meant to be pending
                    _close(task.get_coro())
            self._dead.clear()

    # -- the trace ----------------------------------------------------------------------------

    def note(self, *numbers: int) -> None:
        """Adds what happened to the hash of this run."""
        self._untold.extend(numbers)
        if len(self._untold) >= _HASH_EVERY:
            self._tell()

    def note_text(self, text: str) -> None:
        """Adds words to the hash of this run."""
        self._tell()
        self._hash.update(text.encode())

    def trace(self) -> str:
        """The hash of everything that has run so far."""
        self._tell()
        return self._hash.copy().hexdigest()

    def _tell(self) -> None:
        if self._untold:
            self._hash.update(",".join(map(str, self._untold)).encode())
            self._untold.clear()

    # -- the turning of the loop --------------------------------------------------------------

    def _run_once(self) -> None:
        if not self._ready and not self._stopping:
            before_ns = self.now_ns()
            self._move_time()
            if self.now_ns() != before_ns:
                self._moved_at = self.turns
        self._collect_due()
        while self._ready:
            self._turn(self._draw())
            if self._stopping:
                return
            if self.turns - self._moved_at > _MOST_TURNS:
                raise DeadlockError(f"{_MOST_TURNS} turns in which no time passed: something spins")

    def _draw(self) -> asyncio.Handle:
        """Takes out the callback that runs next."""
        ready = self._ready
        count = len(ready)
        place = 0
        if count > 1:
            if self._disorder and (self._disorder >= 1.0 or self._rng.random() < self._disorder):
                place = int(self._rng.random() * count)
            self.note(count, place)
        if not place:
            return ready.popleft()
        handle = ready[place]
        del ready[place]
        return handle

    def _turn(self, handle: asyncio.Handle) -> None:
        if handle._cancelled:  # noqa: SLF001 # this is what a loop does
            return
        context: Context = handle._context  # type: ignore[attr-defined] # noqa: SLF001
        owner = context.get(OWNER)
        if owner is not None:
            if owner.is_dead:
                return
            if owner.is_stopped:
                owner.held.append(handle)
                return
            owner.turns += 1
            if owner.turns == owner.kill_at_turn:
                owner.kill()
                return
        self.turns += 1
        handle._run()  # noqa: SLF001


def _close(coroutine: Any) -> None:  # noqa: ANN401 # a coroutine, as asyncio has it
    """Ends a coroutine that may not want to: a `finally` that awaits refuses the first times."""
    for _ in range(_CLOSES):
        try:
            coroutine.close()
        except BaseException:  # noqa: BLE001, S112 # whatever a dead program says
            continue
        return


def running() -> SimulationLoop:
    """The simulation's loop that is running.

    Raises:
        RuntimeError: If it is another kind of loop.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SimulationLoop):
        raise RuntimeError("this runs inside a simulation only")  # noqa: TRY004 # as asyncio does
    return loop


def _nobody() -> None:
    """Nobody set how this process is killed."""
