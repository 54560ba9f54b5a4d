"""Liveness: once nothing is wrong any more, everything agrees within two minutes."""

from __future__ import annotations

from collections.abc import Iterable

from core.testing.simulation.invariants.base import Invariant, Rest

MOST_TASKS = 28
"""Of a bot at the venue with the most sockets, and a few to spare."""


class NothingUnknown(Invariant):
    """L1."""

    name = "L1"
    sentence = "No order is unknown any more."

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """Counts them."""
        if rest.unknown:
            yield f"{rest.unknown} orders are unknown"


class StreamsAreLive(Invariant):
    """L2."""

    name = "L2"
    sentence = "Every stream is live."

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """Looks at the lights."""
        if rest.is_running and rest.stale_streams:
            yield f"{rest.stale_streams} streams are not live"


class EverythingAgrees(Invariant):
    """L3."""

    name = "L3"
    sentence = "Program, journal and venue agree within two minutes."

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """Says what does not."""
        if rest.unrest:
            yield rest.unrest


class BotsRun(Invariant):
    """L4."""

    name = "L4"
    sentence = "The bot runs, or has said that the price has left its file."

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """Or it does not."""
        if not rest.is_running:
            yield "no bot runs"
        elif rest.phase != "running" and not rest.is_out_of_range:
            yield f"the bot is {rest.phase}"


class NothingPilesUp(Invariant):
    """L5."""

    name = "L5"
    sentence = "Queues are empty, and tasks are those of a program at rest."

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """Counts."""
        if rest.inbox:
            yield f"{rest.inbox} events wait in the inbox"
        if rest.waiting:
            yield f"{rest.waiting} requests wait for their turn"
        if rest.tasks > MOST_TASKS:
            yield f"{rest.tasks} tasks"


class NoDeadlock(Invariant):
    """L6."""

    name = "L6"
    sentence = "The loop never comes to a state in which nothing can happen any more."


class ReplayGivesTheSame(Invariant):
    """X2."""

    name = "X2"
    sentence = "A machine restored from the journal is the machine that runs."

    def at_rest(self, rest: Rest) -> Iterable[str]:
        """Compares key by key."""
        if not rest.is_running:
            return
        keys = sorted(rest.stored_state.keys() | rest.live_state.keys())
        for key in keys:
            stored, live = rest.stored_state.get(key), rest.live_state.get(key)
            if stored != live:
                yield f"{key}: journal {stored}, machine {live}"
