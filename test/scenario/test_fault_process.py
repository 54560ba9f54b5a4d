"""Faults of a process that runs for weeks."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from core.adapters.storage.journal import SqliteJournal
from core.engine.client import EngineClient
from core.engine.endpoint import Endpoint
from core.engine.protocol import PROTOCOL_VERSION, Bots, ListBots, Reply, Request, Welcome
from core.engine.server import ControlServer, Picture, Session
from core.infrastructure.home import Home
from core.testing.execution import Bench, order

DESCRIPTORS = Path("/proc/self/fd")
VISITS = 200
SLACK = 4
"""Descriptors that may be closed a moment later; what leaks does so every time."""

pytestmark = pytest.mark.skipif(
    not DESCRIPTORS.is_dir(), reason="this system does not list a process's descriptors"
)


class Desk:
    """An engine without bots."""

    def welcome(self) -> Welcome:
        """Who answers."""
        return Welcome(protocol=PROTOCOL_VERSION, version="1", mode="paper", pid=os.getpid())

    async def answer(self, request: Request, session: Session) -> Reply:
        """Nothing runs."""
        return Bots(bots=(), risk_state="ACTIVE", engine_pid=os.getpid(), mode="paper")

    def picture(self, bot: str) -> Picture | None:
        """There is nothing to see."""

    def came(self, session: Session) -> None:
        """Does not matter."""

    def left(self, session: Session) -> None:
        """Does not matter."""


def open_descriptors() -> int:
    """How many files, sockets and pipes this process holds."""
    return len(list(DESCRIPTORS.iterdir()))


async def test_visitors_leave_no_socket_behind(tmp_path: Path):
    """PR16: two hundred clients came and went; the engine holds what it held after the first."""
    home = Home(tmp_path / "home")
    async with ControlServer(Endpoint.of(home, "paper"), Desk()).open():
        counts = []
        for _ in range(VISITS):
            async with await EngineClient.connect(home, "paper") as client:
                await client.ask(ListBots())
                counts.append(open_descriptors())

    assert max(counts[-10:]) <= max(counts[:10]) + SLACK


def test_engines_that_come_and_go_leave_no_file_behind(tmp_path: Path):
    """PR16: forty crashes and starts on one journal; descriptors do not add up."""
    bench = Bench(tmp_path)
    counts = []
    for number in range(40):
        bench.attach()
        bench.step(order(f"a{number}", price=1000 - number))
        bench.wait(0.1)
        counts.append(open_descriptors())
        bench.crash()
    bench.close()

    assert max(counts[-5:]) <= max(counts[:5]) + SLACK


def test_a_journal_that_was_closed_holds_nothing(tmp_path: Path):
    """PR16: with its writer thread, its lock and its log, a hundred times over."""
    counts = []
    for _ in range(100):
        with contextlib.closing(SqliteJournal(tmp_path / "journal.db")):
            pass
        counts.append(open_descriptors())

    assert max(counts[-10:]) <= max(counts[:10]) + SLACK
