"""Callbacks by topic, as `ExchangeInterface` promises them: in order, one failing alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from core.adapters.exchanges.interface import EventCallback, Subscription
from core.adapters.exchanges.models import EventType, ExchangeEvent

log = logging.getLogger(__name__)

T = TypeVar("T")


class Listeners(Generic[T]):
    """Callbacks of one topic, called in the order of subscribing."""

    def __init__(self) -> None:
        self._callbacks: tuple[Callable[[T], None], ...] = ()
        self._tokens: tuple[object, ...] = ()
        """Who each callback belongs to; the same callback may be there more than once."""

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def add(self, callback: Callable[[T], None]) -> Subscription:
        """Subscribes."""
        token = object()
        self._callbacks = (*self._callbacks, callback)
        self._tokens = (*self._tokens, token)
        return Subscription(lambda: self._remove(token))

    def tell(self, value: T) -> None:
        """Calls everyone; one that raises does not disturb the others."""
        for callback in self._callbacks:
            try:
                callback(value)
            except Exception:
                log.exception("listener.failed topic=%s", type(value).__name__)

    def tell_all(self, values: Iterable[T]) -> None:
        """Calls everyone with each value in turn, as `tell`."""
        callbacks = self._callbacks
        if len(callbacks) == 1:  # the rule, and by the hundred thousand
            (callback,) = callbacks
            for value in values:
                try:
                    callback(value)
                except Exception:
                    log.exception("listener.failed topic=%s", type(value).__name__)
        elif callbacks:
            for value in values:
                self.tell(value)

    def _remove(self, token: object) -> None:
        if token in self._tokens:
            place = self._tokens.index(token)
            self._callbacks = self._callbacks[:place] + self._callbacks[place + 1 :]
            self._tokens = self._tokens[:place] + self._tokens[place + 1 :]

    def clear(self) -> None:
        """Ends all subscriptions."""
        self._callbacks = ()
        self._tokens = ()


class EventListeners:
    """Callbacks of connection events by type."""

    def __init__(self) -> None:
        self._entries: list[tuple[EventType, EventCallback]] = []

    def add(self, event_type: EventType, callback: EventCallback) -> Subscription:
        """Calls back when such an event happens."""
        entry = (event_type, callback)
        self._entries.append(entry)
        return Subscription(lambda: self.remove(*entry))

    def remove(self, event_type: EventType, callback: EventCallback) -> None:
        """Ends one such callback; unknown ones are ignored."""
        if (event_type, callback) in self._entries:
            self._entries.remove((event_type, callback))

    def tell(self, event: ExchangeEvent) -> None:
        """Calls everyone who asked for this type."""
        for event_type, callback in tuple(self._entries):
            if event_type is event.event_type:
                try:
                    callback(event)
                except Exception:
                    log.exception("listener.failed event=%s", event_type.value)
