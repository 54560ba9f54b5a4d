"""The engine's control socket: greetings, requests and replies, and pictures for whoever watches.

The loop that trades never waits for a client. Replies and endings are always queued; pictures and
diary lines only while a client keeps up, so a slow one sees the newest picture and not the oldest;
one that lets megabytes pile up is let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from core.adapters.exchanges.models import from_ns
from core.engine import frames
from core.engine.endpoint import Endpoint
from core.engine.protocol import (
    PROTOCOL_VERSION,
    BotEnded,
    DiaryLine,
    Done,
    Hello,
    Push,
    Refused,
    Reply,
    Request,
    Watch,
    Welcome,
)
from core.errors import CtosError, ExitCode
from core.services.grid.snapshot import GridSnapshot
from core.services.portfolio.snapshot import HomeSnapshot

log = logging.getLogger(__name__)

FRAME_S: Final = 1 / 8
"""Seconds between two pictures of a watched bot."""
HIDDEN_FRAMES: Final = 8
"""Of these, a hidden screen gets one in so many."""
HELLO_TIMEOUT_S: Final = 5.0
BUSY_BYTES: Final = 256 * 1024
"""Unsent bytes from which a client gets no new picture."""
FULL_BYTES: Final = 4 * 1024 * 1024
"""Unsent bytes from which it gets no diary either."""
LOST_BYTES: Final = 16 * 1024 * 1024
"""Unsent bytes at which it is let go."""
FLUSH_S: Final = 2.0

Picture = GridSnapshot | HomeSnapshot


class Session:
    """One connected screen or command."""

    def __init__(self, number: int, writer: asyncio.StreamWriter) -> None:
        self.number = number
        """Counts from 1 in the order of connecting."""
        self.watch: Watch | None = None
        self.dropped = 0
        """Pushes it was too slow for."""
        self._writer = writer

    @property
    def unsent(self) -> int:
        """Bytes that wait for the client."""
        return self._writer.transport.get_write_buffer_size()

    def push(self, push: Push) -> None:
        """Queues a push, or drops it where the client is too slow; endings are never dropped."""
        if not isinstance(push, BotEnded) and self.unsent > FULL_BYTES:
            self.dropped += 1
            return
        self.send(frames.encode(push))

    def send(self, frame: bytes) -> None:
        """Queues a frame; never waits. A client with too much unsent is let go."""
        if self._writer.is_closing():
            return
        if self.unsent > LOST_BYTES:
            log.warning("client.lost session=%d unsent=%d", self.number, self.unsent)
            self._writer.transport.abort()
            return
        self._writer.write(frame)

    async def flush(self, timeout_s: float) -> None:
        """Gives the client a moment to take what is queued, then closes."""
        self._writer.close()
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(timeout_s):
                await self._writer.wait_closed()


class Desk(Protocol):
    """The engine as its server sees it."""

    def welcome(self) -> Welcome:
        """The answer to a proper Hello."""

    async def answer(self, request: Request, session: Session) -> Reply:
        """Carries out a request; a CtosError becomes a Refused."""

    def picture(self, bot: str) -> Picture | None:
        """The newest picture of a bot, or of home for an empty name; None for an unknown bot."""

    def came(self, session: Session) -> None:
        """A client was greeted."""

    def left(self, session: Session) -> None:
        """A client is gone, on purpose or not."""


class ControlServer:
    """Listens while the context is open.

    Args:
        endpoint: Where; its folder is made private.
        desk: Who answers.
        frame_s: Seconds between two pictures.
    """

    def __init__(self, endpoint: Endpoint, desk: Desk, *, frame_s: float = FRAME_S) -> None:
        self._endpoint = endpoint
        self._desk = desk
        self._frame_s = frame_s
        self._token = ""
        self._sessions: dict[int, Session] = {}
        """Number -> greeted client."""
        self._count = 0
        self._tasks: asyncio.TaskGroup | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._encoders: dict[str, frames.PictureEncoder] = {}
        """Watched bot -> what encodes its pictures."""

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Everyone who is connected and was greeted."""
        return tuple(self._sessions.values())

    def line(
        self,
        bot: str,
        at_ns: int,
        event: str,
        fields: tuple[tuple[str, str | int | bool | None], ...],
    ) -> None:
        """Tells every client a line of a diary."""
        if self._sessions:
            self.push(DiaryLine(bot=bot, at=from_ns(at_ns), event=event, fields=fields))

    def push(self, push: Push) -> None:
        """Tells every client."""
        if not self._sessions:
            return
        for session in self.sessions:
            session.push(push)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listens; on leaving, clients get what is queued for them and are let go."""
        self._endpoint.prepare()
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            listener = await self._listen()
            painter = tasks.create_task(self._paint(), name="control.paint")
            try:
                yield
            finally:
                self._tasks = None
                painter.cancel()
                self._endpoint.remove()
                listener.close()
                await asyncio.gather(*(item.flush(FLUSH_S) for item in self.sessions))
                for task in self._serving:
                    task.cancel()

    async def _listen(self) -> asyncio.Server:
        if self._endpoint.is_unix:
            server = await asyncio.start_unix_server(self._met, path=self._endpoint.path)
            self._endpoint.path.chmod(0o600)
            return server
        server = await asyncio.start_server(self._met, host="127.0.0.1", port=0)
        self._token = self._endpoint.publish(server.sockets[0].getsockname()[1]).token
        return server

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._tasks is None:
            writer.close()
            return
        task = self._tasks.create_task(self._serve(reader, writer), name="control.session")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        session = Session(self._count, writer)
        try:
            if await self._greet(reader, session):
                self._sessions[session.number] = session
                self._desk.came(session)
                await self._listen_to(reader, session)
        except (frames.FrameError, ConnectionError) as error:
            log.warning("client.refused session=%d error=%s", session.number, error)
        except Exception:
            log.exception("client.failed session=%d", session.number)
        finally:
            if self._sessions.pop(session.number, None) is not None:
                self._desk.left(session)
            writer.close()

    async def _greet(self, reader: asyncio.StreamReader, session: Session) -> bool:
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                received = await frames.read(reader)
        except TimeoutError:
            return False
        if received is None:
            return False
        _, hello = received
        refusal = self._refusal(hello)
        session.send(frames.encode(self._desk.welcome() if refusal is None else refusal))
        if refusal is not None:
            await session.flush(FLUSH_S)
        return refusal is None

    def _refusal(self, hello: frames.Word) -> Refused | None:
        welcome = self._desk.welcome()
        if not isinstance(hello, Hello):
            return Refused(message="The first word must be Hello.", code="NO_HELLO")
        if self._token and not hmac.compare_digest(hello.token, self._token):
            return Refused(message="The token is wrong.", code="BAD_TOKEN")
        if hello.protocol != PROTOCOL_VERSION:
            return Refused(
                message=f"The running engine (process {welcome.pid}) is ctos {welcome.version}, "
                f"this is ctos {hello.version}: they do not understand each other.",
                remedy="End its bots with the version that started them, or end the process with "
                "SIGTERM, then start again.",
                code="VERSION",
            )
        return None

    async def _listen_to(self, reader: asyncio.StreamReader, session: Session) -> None:
        """Carries out what a client asks, side by side; what hangs ends with the connection."""
        under_way: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as requests:
            try:
                while (received := await frames.read(reader)) is not None:
                    frame_id, word = received
                    if isinstance(word, Watch):
                        session.watch = word
                    task = requests.create_task(
                        self._reply(frame_id, word, session), name=f"control.{type(word).__name__}"
                    )
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
            finally:
                for task in under_way:
                    task.cancel()

    async def _reply(self, frame_id: int, word: frames.Word, session: Session) -> None:
        if isinstance(word, Watch):
            reply: Reply = Done()
            self._send_picture(session, word.bot)
        else:
            reply = await self._ask_desk(word, session)
        session.send(frames.encode(reply, frame_id))

    async def _ask_desk(self, word: frames.Word, session: Session) -> Reply:
        if not isinstance(word, Request):
            return Refused(message=f"{type(word).__name__} is no request.", code="NO_REQUEST")
        try:
            return await self._desk.answer(word, session)
        except CtosError as error:
            return refused(error)
        except Exception as error:
            log.exception("request.failed request=%s", type(word).__name__)
            return Refused(
                message=f"{type(word).__name__} failed inside the engine: {error}",
                remedy="The log has the details.",
                exit_code=ExitCode.FAILED,
                code="FAILED",
            )

    # -- pictures -----------------------------------------------------------------------------

    async def _paint(self) -> None:
        tick = 0
        while True:
            await asyncio.sleep(self._frame_s)
            tick += 1
            try:
                self._paint_once(tick)
            except Exception:
                log.exception("snapshot.failed")

    def _paint_once(self, tick: int) -> None:
        ready: dict[str, list[Session]] = {}
        for session in self._sessions.values():
            watch = session.watch
            if watch is None or session.unsent > BUSY_BYTES:
                continue
            if not watch.is_hidden or tick % HIDDEN_FRAMES == 0:
                ready.setdefault(watch.bot, []).append(session)
        self._encoders = {bot: self._encoders[bot] for bot in self._encoders if bot in ready}
        for bot, sessions in ready.items():
            picture = self._desk.picture(bot)
            if picture is not None:
                frame = self._encoded(bot, picture)
                for session in sessions:
                    session.send(frame)

    def _encoded(self, bot: str, picture: Picture) -> bytes:
        if not isinstance(picture, GridSnapshot):
            return frames.encode(picture)
        return self._encoders.setdefault(bot, frames.PictureEncoder()).encode(picture)

    def _send_picture(self, session: Session, bot: str) -> None:
        picture = self._desk.picture(bot)
        if picture is not None:
            session.send(frames.encode(picture))


def refused(error: CtosError) -> Refused:
    """An error as the answer to whoever asked."""
    message = str(error)
    if error.remedy is not None:
        message = message.removesuffix(error.remedy).rstrip()
    return Refused(
        message=message,
        remedy=error.remedy or "",
        exit_code=int(error.exit_code),
        code=str(getattr(error, "code", None) or type(error).__name__),
    )
