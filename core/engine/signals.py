"""Being asked to end: the first time orderly, the second in a hurry, the third at once.

    SIGINT               orderly, 30 s
    SIGTERM, SIGHUP      orderly, 8 s: whoever sends them follows with SIGKILL soon after
    any second           hurry: what can be cancelled is, nothing is waited for any longer
    any third            the process ends now; the next start finishes the clean-up

A closing terminal may say SIGHUP more than once and follow with SIGTERM; within a second that is
one.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

ORDERLY_S: Final = 30.0
TERMINATED_S: Final = 8.0
HURRIED_S: Final = 2.0
SAME_ASKING_S: Final = 1.0
LAST_STAGE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One asking."""

    stage: int
    """1 orderly, 2 hurry, 3 now."""
    deadline_s: float
    """Seconds from now after which the process ends in any case."""
    by: str
    """Such as `SIGTERM`."""


class Askings:
    """Counts how often this process was asked to end.

    Args:
        on_asked: Called on the loop for every new stage.
        now_s: Seconds of a steady clock.
    """

    def __init__(
        self, on_asked: Callable[[Ending], None], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_asked = on_asked
        self._now_s = now_s
        self._stage = 0
        self._last_s = float("-inf")

    @property
    def stage(self) -> int:
        """How often so far, at most 3."""
        return self._stage

    def ask(self, number: int) -> None:
        """Takes in one signal."""
        now_s = self._now_s()
        is_echo = number != signal.SIGINT and now_s - self._last_s < SAME_ASKING_S
        self._last_s = now_s
        if self._stage == LAST_STAGE or (is_echo and self._stage > 0):
            return
        self._stage += 1
        orderly_s = ORDERLY_S if number == signal.SIGINT else TERMINATED_S
        deadline_s = {1: orderly_s, 2: HURRIED_S}.get(self._stage, 0.0)
        self._on_asked(
            Ending(stage=self._stage, deadline_s=deadline_s, by=signal.Signals(number).name)
        )

    @contextmanager
    def heard(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Takes in the signals of this process while the context is open; main thread only."""
        numbers = [
            getattr(signal, name)
            for name in ("SIGINT", "SIGTERM", "SIGHUP")
            if hasattr(signal, name)
        ]
        for number in numbers:
            loop.add_signal_handler(number, self.ask, number)
        try:
            yield
        finally:
            for number in numbers:
                with contextlib.suppress(ValueError):
                    loop.remove_signal_handler(number)
