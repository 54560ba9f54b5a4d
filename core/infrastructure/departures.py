"""When the requests of a question left, told by whoever sends to whoever has to know.

A question waits for room in a budget, needs several pages, or shares the answer to the same one of
a moment ago. Who asks cannot see that, and an answer is no newer than its request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_NOTED: Final[ContextVar[list[int] | None]] = ContextVar("departures", default=None)


def note_departure(left_ns: int) -> None:
    """Says when a request left that was answered (monotonic); nobody may want to know."""
    noted = _NOTED.get()
    if noted is not None:
        noted.append(left_ns)


@contextmanager
def departures() -> Iterator[list[int]]:
    """What is noted in the body, in the order of the answers."""
    before, noted = _NOTED.get(), list[int]()
    _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.set(before)
