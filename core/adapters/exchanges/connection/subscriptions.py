"""What a connection is subscribed to, for how many listeners, and how far each topic is. Pure.

One connection serves many listeners: a topic is asked for with its first listener and given up with
its last. After a reconnection everything is asked for again in the order of first asking. A topic
is READY after the venue confirmed it and, where the venue sends the state of things at once
(`has_snapshot`), after the first valid message; a confirmed topic that stays empty is degraded, not
silent (reliability T17).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

Topic = str
"""A stream as the venue spells it."""


class Stage(Enum):
    """How far a topic is."""

    WANTED = "wanted"
    ASKED = "asked"
    CONFIRMED = "confirmed"
    READY = "ready"


@dataclass(slots=True)
class Entry:
    """One topic."""

    topic: Topic
    has_snapshot: bool
    listeners: int = 0
    stage: Stage = Stage.WANTED
    asked_ns: int = 0
    tries: int = 0
    """Times it was asked for in vain in this life of the socket."""


@dataclass(slots=True)
class Subscriptions:
    """The topics of one connection.

    Args:
        limit: Topics that the venue allows on one connection; None for none.
    """

    limit: int | None = None
    _entries: dict[Topic, Entry] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, topic: object) -> bool:
        return topic in self._entries

    @property
    def is_full(self) -> bool:
        """Whether the venue would refuse another topic."""
        return self.limit is not None and len(self._entries) >= self.limit

    def add(self, topic: Topic, *, has_snapshot: bool = False) -> bool:
        """Counts a listener; True if it is the topic's first.

        Raises:
            ValueError: If the connection is full.
        """
        entry = self._entries.get(topic)
        if entry is None:
            if self.is_full:
                raise ValueError(f"{self.limit} topics are all that one connection may have")
            entry = self._entries[topic] = Entry(topic, has_snapshot)
        entry.listeners += 1
        return entry.listeners == 1

    def remove(self, topic: Topic) -> bool:
        """Takes a listener away; True if it was the last and the topic is to be given up."""
        entry = self._entries.get(topic)
        if entry is None:
            return False
        entry.listeners -= 1
        if entry.listeners > 0:
            return False
        del self._entries[topic]
        return True

    def forget(self, topic: Topic) -> None:
        """Nobody can have it."""
        self._entries.pop(topic, None)

    def lost(self) -> None:
        """The socket is gone: everything is to be asked for again."""
        for entry in self._entries.values():
            entry.stage = Stage.WANTED
            entry.tries = 0

    def wanted(self) -> list[Topic]:
        """What is to be asked for, oldest first."""
        return [entry.topic for entry in self._entries.values() if entry.stage is Stage.WANTED]

    def asked(self, topics: Iterable[Topic], now_ns: int) -> None:
        """They were asked for."""
        for topic in topics:
            entry = self._entries.get(topic)
            if entry is not None and entry.stage is Stage.WANTED:
                entry.stage, entry.asked_ns, entry.tries = Stage.ASKED, now_ns, entry.tries + 1

    def confirmed(self, topic: Topic) -> None:
        """The venue said yes."""
        entry = self._entries.get(topic)
        if entry is not None and entry.stage in (Stage.WANTED, Stage.ASKED):
            entry.stage = Stage.CONFIRMED if entry.has_snapshot else Stage.READY

    def heard(self, topic: Topic) -> bool:
        """A valid message came; True if that made the topic ready."""
        entry = self._entries.get(topic)
        if entry is None or entry.stage is Stage.READY:
            return False
        entry.stage = Stage.READY
        return True

    def again(self, topic: Topic) -> None:
        """It shall be asked for once more, as after a gap."""
        entry = self._entries.get(topic)
        if entry is not None:
            entry.stage = Stage.WANTED

    def stage(self, topic: Topic) -> Stage | None:
        """How far a topic is; None for one nobody wants."""
        entry = self._entries.get(topic)
        return None if entry is None else entry.stage

    @property
    def is_confirmed(self) -> bool:
        """Whether the venue said yes to every topic."""
        return all(
            entry.stage in (Stage.CONFIRMED, Stage.READY) for entry in self._entries.values()
        )

    def overdue(self, before_ns: int) -> list[Entry]:
        """Topics asked for before a moment that the venue has not confirmed."""
        return [
            entry
            for entry in self._entries.values()
            if entry.stage is Stage.ASKED and entry.asked_ns < before_ns
        ]

    def topics(self) -> list[Topic]:
        """All of them, oldest first."""
        return list(self._entries)

    def degraded(self) -> list[Topic]:
        """Those that are not ready."""
        return [e.topic for e in self._entries.values() if e.stage is not Stage.READY]
