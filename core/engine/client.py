"""What a screen or command knows of an engine: connect, ask, watch.

    async with await EngineClient.connect(home, "paper") as client:
        await client.ask(Watch(bot="btc"))
        async for picture in client.pictures():
            ...

Snapshots skip to the newest; diary lines and endings come in order. When the engine goes away the
iterators end, requests under way raise `EngineLost`, and nothing reconnects by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final, Self

from core.engine import frames
from core.engine.endpoint import Endpoint
from core.engine.protocol import (
    PROTOCOL_VERSION,
    BotEnded,
    DiaryLine,
    Hello,
    Refused,
    Reply,
    Request,
    Welcome,
)
from core.engine.version import version
from core.errors import CtosError, ExitCode
from core.infrastructure.home import Home
from core.services.grid.snapshot import GridSnapshot
from core.services.portfolio.snapshot import HomeSnapshot, LogRow

CONNECT_S: Final = 2.0
ASK_S: Final = 30.0
MOST_PUSHES: Final = 20_000
"""Diary lines kept for a reader who does not read; the oldest are dropped, endings last."""

Picture = GridSnapshot | HomeSnapshot
Line = DiaryLine | LogRow | BotEnded


class NoEngine(CtosError):
    """No engine listens there."""


class EngineLost(CtosError):
    """The connection ended before the engine answered: it may or may not have acted."""


class EngineSilent(CtosError):
    """An engine is there and does not answer in time."""


class EngineRefused(CtosError):
    """The engine said no.

    Args:
        refusal: Its words.
    """

    def __init__(self, refusal: Refused) -> None:
        super().__init__(refusal.message, remedy=refusal.remedy or None)
        self.code = refusal.code
        self.exit_code = ExitCode(refusal.exit_code)  # type: ignore[misc] # the engine's, not the class's


class EngineClient:
    """One connection to an engine; made by `connect`, and a context manager."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, welcome: Welcome
    ) -> None:
        self.welcome = welcome
        """Who the engine is."""
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        """Request id -> who waits for its reply."""
        self._picture: Picture | None = None
        self._lines: deque[Line] = deque()
        self._painted = asyncio.Event()
        self._told = asyncio.Event()
        self.frames_heard = 0
        """Snapshots that arrived, those skipped included."""
        self._is_open = True
        self._listener = asyncio.get_running_loop().create_task(
            self._listen(), name="engine.client"
        )

    @classmethod
    async def connect(cls, home: Home, mode: str, *, timeout_s: float = CONNECT_S) -> Self:
        """Greets the engine of a mode.

        Raises:
            NoEngine: If none listens.
            EngineSilent: If one is there and does not answer in `timeout_s`.
            EngineRefused: If it speaks another version.
        """
        endpoint = Endpoint.of(home, mode)
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer, token = await _reach(endpoint)
                try:
                    welcome = await _greet(reader, writer, token)
                except BaseException:
                    writer.close()
                    raise
        except TimeoutError as error:
            raise EngineSilent(
                f"An engine listens at {endpoint.path} and does not answer."
            ) from error
        except OSError as error:
            raise NoEngine(f"No {mode} engine runs.") from error
        return cls(reader, writer, welcome)

    @property
    def is_open(self) -> bool:
        """Whether the engine is still there."""
        return self._is_open

    async def ask(self, request: Request, *, timeout_s: float | None = ASK_S) -> Reply:
        """Sends a request and waits for its reply; a refusal is returned as `Refused`.

        Raises:
            EngineLost: If the engine went away first.
            EngineSilent: If no reply came in time; the request may still be carried out.
        """
        if not self._is_open:
            raise EngineLost("The engine is gone.")
        frame_id = next(self._ids)
        waiter: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[frame_id] = waiter
        try:
            self._writer.write(frames.encode(request, frame_id))
            async with asyncio.timeout(timeout_s):
                return await waiter
        except TimeoutError as error:
            raise EngineSilent(
                f"The engine (process {self.welcome.pid}) did not answer within {timeout_s:g} s."
            ) from error
        finally:
            self._waiting.pop(frame_id, None)

    async def demand(self, request: Request, *, timeout_s: float | None = ASK_S) -> Reply:
        """As `ask`, but a refusal is raised as `EngineRefused`."""
        reply = await self.ask(request, timeout_s=timeout_s)
        if isinstance(reply, Refused):
            raise EngineRefused(reply)
        return reply

    async def pictures(self) -> AsyncIterator[Picture]:
        """The newest snapshot each time there is one not yet seen; ends with the connection.

        What is shown is chosen by asking for a `Watch`. One reader at a time.
        """
        while True:
            self._painted.clear()
            picture = self._take_picture()
            if picture is not None:
                yield picture
            elif not self._is_open:
                return
            else:
                await self._painted.wait()

    async def pushes(self) -> AsyncIterator[Line]:
        """Diary lines, log rows and endings in order; ends with the connection. One reader."""
        while True:
            self._told.clear()
            while self._lines:
                yield self._lines.popleft()
            if not self._is_open:
                return
            await self._told.wait()

    async def close(self) -> None:
        """Ends the connection. Idempotent."""
        self._listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listener
        self._writer.close()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _listen(self) -> None:
        try:
            while (received := await frames.read(self._reader)) is not None:
                self._take(*received)
        except (frames.FrameError, OSError):
            self._writer.close()
        finally:
            self._is_open = False
            for waiter in self._waiting.values():
                if not waiter.done():
                    waiter.set_exception(EngineLost("The engine went away without an answer."))
            self._painted.set()
            self._told.set()

    def _take(self, frame_id: int, word: frames.Word) -> None:
        if isinstance(word, GridSnapshot | HomeSnapshot):
            self._picture = word
            self.frames_heard += 1
            self._painted.set()
        elif isinstance(word, DiaryLine | LogRow | BotEnded):
            self._keep(word)
        elif isinstance(word, Reply):
            waiter = self._waiting.get(frame_id)
            if waiter is not None and not waiter.done():
                waiter.set_result(word)

    def _take_picture(self) -> Picture | None:
        picture, self._picture = self._picture, None
        return picture

    def _keep(self, line: Line) -> None:
        self._lines.append(line)
        if len(self._lines) > MOST_PUSHES:
            self._lines.popleft()
        self._told.set()


async def _reach(
    endpoint: Endpoint,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    if endpoint.is_unix:
        reader, writer = await asyncio.open_unix_connection(endpoint.path)
        return reader, writer, ""
    listening = endpoint.read()
    if listening is None:
        raise FileNotFoundError(endpoint.path)
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
    return reader, writer, listening.token


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> Welcome:
    hello = Hello(protocol=PROTOCOL_VERSION, version=version(), token=token)
    writer.write(frames.encode(hello))
    received = await frames.read(reader)
    if received is None:
        raise ConnectionResetError("the engine closed before its greeting")
    answer = received[1]
    if isinstance(answer, Refused):
        raise EngineRefused(answer)
    if not isinstance(answer, Welcome):
        raise frames.FrameError(f"the engine greeted with {type(answer).__name__}")
    return answer
