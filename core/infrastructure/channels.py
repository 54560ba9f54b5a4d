"""Queues between tasks of one loop; each says what happens when its reader is slow.

    EventQueue   never drops, keeps order; neighbours of one conflation key become the newest
    Conflated    holds one value, the latest; a reader skips what it had no time to see
    Broadcast    one sender, many readers, each with a queue of its own that drops its oldest

All are for the loop's own thread. Posting never waits and never calls the reader.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from types import TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class ChannelClosed(Exception):
    """The channel was closed and everything in it has been read."""


class EventQueue(Generic[T]):
    """A bot's inbox: every event in order, none lost; one reader.

    Args:
        conflation_key: Gives events that replace each other the same key, others None. An event
            replaces the last one in the queue when both have the same key, so it never overtakes.
        high_water: Length from which `is_overfull` says that the reader cannot follow. Nothing is
            dropped; the owner decides what to stop.
    """

    def __init__(
        self,
        conflation_key: Callable[[T], Hashable | None] | None = None,
        *,
        high_water: int = 10_000,
    ) -> None:
        self._key = conflation_key
        self._last_key: Hashable | None = None
        self._events: list[T] = []
        self._reader: asyncio.Future[None] | None = None
        self._is_closed = False
        self.high_water = high_water
        self.conflated = 0
        """How many events were replaced by newer ones before they were read."""

    def __len__(self) -> int:
        return len(self._events)

    @property
    def is_overfull(self) -> bool:
        """Whether more events wait than the reader should ever leave."""
        return len(self._events) >= self.high_water

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


class Conflated(Generic[T]):
    """The latest value of something; any number of readers, none of whom can slow the sender."""

    def __init__(self, initial: T) -> None:
        self._value = initial
        self._version = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._is_closed = False

    @property
    def value(self) -> T:
        """The latest."""
        return self._value

    @property
    def version(self) -> int:
        """Grows by one with every value set."""
        return self._version

    def set(self, value: T) -> None:
        """Replaces the value and wakes the readers."""
        self._value = value
        self._version += 1
        self._wake_all()

    def close(self) -> None:
        """Ends every `changes()` once it has given the last value."""
        self._is_closed = True
        self._wake_all()

    async def changes(self) -> AsyncIterator[T]:
        """The value now, then the newest each time it has changed, skipping those in between."""
        seen = -1
        while True:
            if seen != self._version:
                seen = self._version
                yield self._value
            elif self._is_closed:
                return
            else:
                await self._changed()

    async def _changed(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)

    def _wake_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            _wake(waiter)


class Broadcast(Generic[T]):
    """One sender, many subscribers.

    Args:
        capacity: How many unread items a subscriber may have; then its oldest are dropped and
            counted, and neither the sender nor the other subscribers notice.
    """

    def __init__(self, capacity: int = 1_000) -> None:
        self.capacity = capacity
        self._subscriptions: list[Subscription[T]] = []

    @property
    def subscribers(self) -> int:
        """How many listen."""
        return len(self._subscriptions)

    def subscribe(self) -> Subscription[T]:
        """A queue of what is sent from now on; leave it with `close` or as a context manager."""
        subscription = Subscription(self.capacity, self._subscriptions.remove)
        self._subscriptions.append(subscription)
        return subscription

    def send(self, item: T) -> None:
        """Gives an item to every subscriber, in the order in which they came."""
        for subscription in tuple(self._subscriptions):
            subscription.put(item)

    def close(self) -> None:
        """Ends all subscriptions."""
        for subscription in tuple(self._subscriptions):
            subscription.close()


class Subscription(Generic[T]):
    """One subscriber's queue; iterate over it."""

    def __init__(self, capacity: int, leave: Callable[[Subscription[T]], object]) -> None:
        self._items: deque[T] = deque(maxlen=capacity)
        self._leave = leave
        self._reader: asyncio.Future[None] | None = None
        self._is_closed = False
        self.dropped = 0
        """How many items were lost because this subscriber was slow."""

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Queues an item, dropping the oldest when full."""
        if len(self._items) == self._items.maxlen:
            self.dropped += 1
        self._items.append(item)
        if self._reader is not None:
            _wake(self._reader)

    def close(self) -> None:
        """Leaves; items that were queued can still be read."""
        if not self._is_closed:
            self._is_closed = True
            self._leave(self)
            if self._reader is not None:
                _wake(self._reader)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._is_closed:
                raise StopAsyncIteration
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._items.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
