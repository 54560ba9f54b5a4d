"""One direction of a connection: what goes in first comes out first, a while later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from core.testing.simulation.door import Latency
from core.testing.simulation.loop import SimulationLoop

T = TypeVar("T")


class Line(Generic[T]):
    """Carries things, in order.

    Args:
        loop: Time.
        latency: How long each is on its way.
        arrive: Takes what has arrived; work of the world.
    """

    def __init__(self, loop: SimulationLoop, latency: Latency, arrive: Callable[[T], None]) -> None:
        self._loop = loop
        self._latency = latency
        self._arrive = arrive
        self._free_ns = 0
        self._on_way: deque[T] = deque()
        self.is_dead = False
        """Whether nothing comes out any more; who sends does not notice."""

    def send(self, thing: T, extra_ns: int = 0) -> None:
        """Carries a thing behind those before it."""
        if self.is_dead:
            return
        now_ns = self._loop.now_ns()
        self._free_ns = max(self._free_ns, now_ns + self._latency.draw_ns() + extra_ns)
        self._on_way.append(thing)
        self._loop.world_at_ns(self._free_ns, self._next)

    def die(self) -> None:
        """What is on its way is lost."""
        self.is_dead = True
        self._on_way.clear()

    def _next(self) -> None:
        """The oldest arrives, whichever of the wake-ups comes first."""
        if self._on_way:
            self._arrive(self._on_way.popleft())
