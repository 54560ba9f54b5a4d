"""The engine's client as a source of snapshots."""

import asyncio

import pytest

from core.engine.protocol import Attach, BotStarted, Done, Reconcile, StartBot, Watch
from core.services.portfolio.snapshot import LogRow
from tui.engine_source import EngineSource


class ScriptedClient:
    """A connection that gives what it was given."""

    def __init__(self, pictures=(), pushes=()):
        self.is_open = True
        self.asked = []
        self._pictures = pictures
        self._pushes = pushes

    async def ask(self, request):
        """Keeps the request."""
        self.asked.append(request)
        if isinstance(request, StartBot):
            return BotStarted(name="sol", bot_id="x")
        return Done()

    async def pictures(self):
        """Scripted snapshots, then the end."""
        for picture in self._pictures:
            yield picture

    async def pushes(self):
        """Scripted lines, then the end."""
        for push in self._pushes:
            yield push

    async def close(self):
        """The end."""
        self.is_open = False


async def refuse():
    """No engine is there."""
    raise ConnectionRefusedError


async def test_watch_joins_snapshots_and_lines(samples):
    """Both streams arrive, and the watch ends when the connection does."""
    line = LogRow(at=samples.NOW, level="info", source="x", text="y")
    client = ScriptedClient([samples.grid()], [line])
    source = EngineSource(client, refuse)

    seen = [push async for push in source.watch(samples.BOT)]

    assert client.asked == [Watch(bot=samples.BOT)]
    assert {type(push).__name__ for push in seen} == {"GridSnapshot", "LogRow"}


async def test_lost_connection_is_opened_again_and_bots_taken_over(samples):
    """After a loss the new connection looks after what this terminal started."""
    first, second = ScriptedClient(), ScriptedClient([samples.home()])

    async def connect():
        return second

    source = EngineSource(first, connect, looks_after=frozenset({"btc"}))
    await source.request(StartBot(app="grid", path="sol.yaml", text=""))
    await source.request(Reconcile(bot="btc"))
    first.is_open = False

    seen = [push async for push in source.watch(None)]

    assert len(seen) == 1
    assert second.asked == [Attach(bot="btc"), Attach(bot="sol"), Watch(bot="")]


async def test_engine_out_of_reach_raises():
    """The screen hears that it must wait and try again."""
    client = ScriptedClient()
    client.is_open = False
    source = EngineSource(client, refuse)

    with pytest.raises(ConnectionRefusedError):
        async for _ in source.watch(None):
            pass


async def test_a_watch_that_is_left_leaves_no_task_behind(samples):
    """Leaving the loop ends both readers."""
    before = asyncio.all_tasks()
    pushes = EngineSource(ScriptedClient([samples.grid()] * 9), refuse).watch("btc")
    async for _ in pushes:
        break
    await pushes.aclose()

    assert asyncio.all_tasks() == before
