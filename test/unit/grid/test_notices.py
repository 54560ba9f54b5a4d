"""Moments of which a person is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.errors import VenueError
from core.services.grid.service import GridService
from core.services.grid.words import NOTABLE, message_of


class _Settings:
    def __init__(self, *, notifies: bool) -> None:
        self.notifies = notifies


class _Machine:
    def __init__(self, *, notifies: bool) -> None:
        self.settings = _Settings(notifies=notifies)


def service(*, notifies: bool) -> GridService:
    """A service of which only the ear is used."""
    nothing = cast("Any", None)
    return GridService(
        spec=nothing,
        machine=cast("Any", _Machine(notifies=notifies)),
        gateway=nothing,
        market=nothing,
        portfolio=nothing,
        clock=nothing,
        diary=lambda *_: None,
    )


@pytest.mark.parametrize("notifies", [False, True])
def test_the_bell_rings_for_what_is_notable_where_it_is_wanted(notifies: bool):
    """A trigger, a reset and the end ring once each; a fill does not; off, nothing does."""
    heard = service(notifies=notifies)
    fields = (("protection", "stop_loss"), ("reason", "x"), ("text", "x"))
    for event in ("protection.triggered", "grid.reset", "bot.stopped"):
        heard.hear(1, event, fields)
    heard.hear(2, "protection.armed", fields)
    heard.hear(2, "grid.paused", ())

    assert heard.bells == (3 if notifies else 0)


@pytest.mark.parametrize("event", sorted(NOTABLE - {"bot.started"}))
def test_what_is_notable_has_words(event: str):
    """Whoever looks up after the bell reads what it was."""
    fields = {"protection": "stop_loss", "reason": "why", "text": "x", "position": "1"}

    assert message_of(event, fields)


class _Closing:
    """A close that has failed so often."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.is_degraded = failures >= 3


async def test_the_venue_is_asked_once_after_each_failure_that_counts():
    """From the third on, and again from the beginning with another close."""
    asked: list[str] = []

    class Gateway:
        async def reconcile(self, bot_id: str) -> None:
            asked.append(bot_id)
            raise VenueError("no answer", venue="v")

    heard = service(notifies=False)
    heard._gateway = cast("Any", Gateway())
    heard.spec = cast("Any", SimpleNamespace(bot_id="b"))
    for failures in (1, 3, 3, 4, None, 3):
        closing = None if failures is None else _Closing(failures)
        heard.machine = cast("Any", SimpleNamespace(closing=closing))
        await heard._ask_after_failures()

    assert asked == ["b", "b", "b"]
