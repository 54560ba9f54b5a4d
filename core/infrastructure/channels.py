"""A queue between tasks of one loop, which says what happens when its reader is slow.

It never drops and keeps order; neighbours of one conflation key become the newest. It is for the
loop's own thread. Posting never waits and never calls the reader.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class ChannelClosed(Exception):
    """The channel was closed and everything in it has been read."""


class EventQueue(Generic[T]):
    """A bot's inbox: every event in order, none lost; one reader.

    Args:
        conflation_key: Gives events that replace each other the same key, others None. An event
            replaces the last one in the queue when both have the same key, so it never overtakes.
    """

    def __init__(self, conflation_key: Callable[[T], Hashable | None] | None = None) -> None:
        self._key = conflation_key
        self._last_key: Hashable | None = None
        self._events: list[T] = []
        self._reader: asyncio.Future[None] | None = None
        self._is_closed = False
        self.conflated = 0
        """How many events were replaced by newer ones before they were read."""

    def __len__(self) -> int:
        return len(self._events)

    def post(self, event: T) -> None:
        """Queues an event. After `close` it is dropped: nobody reads any more."""
        if self._is_closed:
            return
        key = None if self._key is None else self._key(event)
        if key is not None and key == self._last_key and self._events:
            self._events[-1] = event
            self.conflated += 1
            return
        self._last_key = key
        self._events.append(event)
        if self._reader is not None:
            _wake(self._reader)

    async def get_batch(self) -> list[T]:
        """Waits until there is something, and takes all of it.

        Raises:
            ChannelClosed: After `close`, when everything has been read.
        """
        while not self._events:
            if self._is_closed:
                raise ChannelClosed
            if self._reader is not None:
                raise RuntimeError("an event queue has one reader")
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self.take()

    def take(self) -> list[T]:
        """Everything that waits, without waiting; possibly nothing."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Ends the queue: what is in it can still be read."""
        self._is_closed = True
        if self._reader is not None:
            _wake(self._reader)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
