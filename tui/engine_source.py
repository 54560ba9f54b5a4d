"""The engine's client as the source of the screens: one connection, found again when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from core.engine.protocol import Attach, BotEnded, BotStarted, Reply, Request, Watch
from tui.source import Push


class Connection(Protocol):
    """What is needed of `core.engine.client.EngineClient`."""

    @property
    def is_open(self) -> bool:
        """Whether the engine is still there."""

    async def ask(self, request: Request) -> Reply:
        """Sends a request and waits for its reply."""

    def pictures(self) -> AsyncIterator[Push]:
        """The newest snapshot, again and again."""

    def pushes(self) -> AsyncIterator[Push]:
        """Diary lines, log rows and endings, in order."""

    async def close(self) -> None:
        """Ends the connection."""


class EngineSource:
    """A `SnapshotSource` over one connection.

    Args:
        client: An open connection.
        connect: Opens another one when this one is lost; raises `CtosError` or `OSError`.
        looks_after: Bots that this terminal started; taken over again after a reconnection, so
            that the engine does not end them for want of a terminal.
    """

    def __init__(
        self,
        client: Connection,
        connect: Callable[[], Awaitable[Connection]],
        *,
        looks_after: frozenset[str] = frozenset(),
    ) -> None:
        self._client = client
        self._connect = connect
        self._looks_after = set(looks_after)

    async def watch(self, bot: str | None) -> AsyncIterator[Push]:
        """Snapshots of one bot or of home, with what happens in between.

        Raises:
            CtosError: If the engine cannot be reached.
            OSError: Likewise.
        """
        await self._reopen()
        client = self._client
        await client.ask(Watch(bot=bot or ""))
        # Pictures conflate in the client, so that this queue holds one of them at most; lines are
        # few. Nothing is lost when the watch is replaced: what was not taken stays in the client.
        queue: asyncio.Queue[Push | None] = asyncio.Queue(maxsize=1)

        async def pump(pushes: AsyncIterator[Push]) -> None:
            async for push in pushes:
                await queue.put(push)
            await queue.put(None)

        tasks = [
            asyncio.create_task(pump(client.pictures()), name="screen.pictures"),
            asyncio.create_task(pump(client.pushes()), name="screen.pushes"),
        ]
        open_ends = len(tasks)
        try:
            while open_ends:
                push = await queue.get()
                if push is None:
                    open_ends -= 1
                    continue
                if isinstance(push, BotEnded):
                    self._looks_after.discard(push.bot)
                yield push
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def request(self, request: Request) -> Reply:
        """Asks for something and gives the answer.

        Raises:
            CtosError: If the engine is out of reach; whether it heard is unknown.
        """
        reply = await self._client.ask(request)
        if isinstance(reply, BotStarted):
            self._looks_after.add(reply.name)
        return reply

    async def close(self) -> None:
        """Ends the connection."""
        await self._client.close()

    async def _reopen(self) -> None:
        if self._client.is_open:
            return
        await self._client.close()
        self._client = await self._connect()
        for bot in sorted(self._looks_after):
            await self._client.ask(Attach(bot=bot))
