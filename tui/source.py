"""Where the screens get what they show, and whom they tell what was asked.

A screen never talks to a venue or to a service: it watches frozen snapshots and posts requests.
The engine's client is one such source; a test brings a scripted one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from core.engine.protocol import BotEnded, DiaryLine, Reply, Request
from core.services.grid.snapshot import GridSnapshot
from core.services.portfolio.snapshot import HomeSnapshot, LogRow

Push = GridSnapshot | HomeSnapshot | DiaryLine | LogRow | BotEnded


class SnapshotSource(Protocol):
    """An engine, seen from a screen."""

    def watch(self, bot: str | None) -> AsyncIterator[Push]:
        """Snapshots of one bot, or of home when `bot` is None, newest wins; at most 8 a second.

        A new watch replaces the one before. The iterator ends, or raises `ConnectionError` or
        `CtosError`, when the engine is out of reach; watching again tries again.
        """

    async def request(self, request: Request) -> Reply:
        """Asks for something and gives the answer.

        Raises:
            ConnectionError: If the engine is out of reach; whether it heard is unknown.
            CtosError: If the request could not be made.
        """
