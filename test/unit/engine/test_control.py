"""Server and client over a real socket, with a small hand-written desk behind."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.engine import client as client_module
from core.engine import frames
from core.engine.client import EngineClient, EngineLost, EngineRefused, EngineSilent, NoEngine
from core.engine.endpoint import Endpoint
from core.engine.protocol import (
    PROTOCOL_VERSION,
    Bots,
    Detach,
    DiaryLine,
    Done,
    Hello,
    ListBots,
    ListOrders,
    Reconnect,
    Refused,
    Reply,
    Request,
    Watch,
    Welcome,
)
from core.engine.server import LOST_BYTES, ControlServer, Picture, Session
from core.errors import ConfigError, ExitCode
from core.infrastructure.home import Home
from core.services.portfolio.snapshot import HomeSnapshot

AT = datetime(2026, 11, 21, tzinfo=UTC)


class Desk:
    """An engine without bots: counts its pictures and remembers who left."""

    def __init__(self) -> None:
        self.pictures = 0
        self.greeted = 0
        self.gone: list[int] = []
        self.detached: list[int] = []
        self.left_event = asyncio.Event()

    def welcome(self) -> Welcome:
        """Who answers."""
        return Welcome(protocol=PROTOCOL_VERSION, version="1", mode="paper", pid=os.getpid())

    async def answer(self, request: Request, session: Session) -> Reply:
        """Some answer, some refuse, one hangs, one fails."""
        if isinstance(request, ListBots):
            return Bots(bots=(), risk_state="ACTIVE", engine_pid=1, mode="paper")
        if isinstance(request, ListOrders):
            raise ConfigError("no such bot.", remedy="Try another.")
        if isinstance(request, Detach):
            self.detached.append(session.number)
            return Done()
        if isinstance(request, Reconnect):
            await asyncio.Event().wait()
        raise RuntimeError("unexpected")

    def picture(self, bot: str) -> Picture | None:
        """A picture with its number."""
        if bot:
            return None
        self.pictures += 1
        return picture(self.pictures)

    def came(self, session: Session) -> None:
        """Counts."""
        self.greeted += 1

    def left(self, session: Session) -> None:
        """Remembers."""
        self.gone.append(session.number)
        self.left_event.set()


def picture(number: int) -> HomeSnapshot:
    """A small snapshot that carries a number."""
    return HomeSnapshot(
        mode="paper",
        at=AT,
        equity=None,
        day_change=None,
        quote=str(number),
        equity_line=(),
        max_drawdown=None,
        venues=(),
        bots=(),
        positions=(),
        free_margin=None,
        used_margin_fraction=None,
        log=(),
        risk_state="ACTIVE",
    )


@asynccontextmanager
async def listening(
    home: Home, desk: Desk, *, is_unix: bool = True, frame_s: float = 0.001
) -> AsyncIterator[ControlServer]:
    """A server at the home's address."""
    server = ControlServer(Endpoint.of(home, "paper", is_unix=is_unix), desk, frame_s=frame_s)
    async with server.open():
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A private home."""
    return Home(tmp_path / "home")


async def test_a_request_has_one_reply(home: Home):
    """A client is greeted and its request is answered."""
    async with listening(home, Desk()), await EngineClient.connect(home, "paper") as client:
        reply = await client.ask(ListBots())

    assert client.welcome.mode == "paper"
    assert isinstance(reply, Bots)


async def test_the_socket_is_private(home: Home):
    """The socket has mode 0600 in a folder of mode 0700, and is gone afterwards."""
    endpoint = Endpoint.of(home, "paper")
    async with listening(home, Desk()):
        mode = stat.S_IMODE(endpoint.path.stat().st_mode)
        folder = stat.S_IMODE(endpoint.path.parent.stat().st_mode)

    assert (mode, folder) == (0o600, 0o700)
    assert not endpoint.path.exists()


async def test_what_a_crashed_engine_left_is_no_hindrance(home: Home):
    """A socket file without a listener is replaced."""
    endpoint = Endpoint.of(home, "paper")
    endpoint.path.touch()

    async with listening(home, Desk()), await EngineClient.connect(home, "paper") as client:
        assert client.is_open


async def test_without_unix_sockets_a_token_opens_the_door(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    """On loopback the private file gives port and token, and works like a Unix socket."""
    endpoint = Endpoint.of(home, "paper", is_unix=False)
    monkeypatch.setattr(
        client_module.Endpoint, "of", classmethod(lambda *_args, **_kwargs: endpoint)
    )
    server = ControlServer(endpoint, Desk())
    async with server.open():
        mode = stat.S_IMODE(endpoint.path.stat().st_mode)
        async with await EngineClient.connect(home, "paper") as client:
            reply = await client.ask(ListBots())

    assert mode == 0o600
    assert isinstance(reply, Bots)


async def test_a_wrong_token_is_refused(home: Home):
    """Whoever reaches the port without the token is told no and nothing else."""
    endpoint = Endpoint.of(home, "paper", is_unix=False)
    server = ControlServer(endpoint, Desk())
    async with server.open():
        listening_at = endpoint.read()
        assert listening_at is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", listening_at.port)
        writer.write(frames.encode(Hello(protocol=PROTOCOL_VERSION, version="1", token="x")))
        answer = await frames.read(reader)
        writer.close()

    assert answer is not None
    assert isinstance(answer[1], Refused)
    assert answer[1].code == "BAD_TOKEN"


async def test_nobody_there_is_said_so(home: Home):
    """Without an engine connecting raises NoEngine, also over a stale socket file."""
    with pytest.raises(NoEngine):
        await EngineClient.connect(home, "paper")

    Endpoint.of(home, "paper").path.touch()
    with pytest.raises(NoEngine):
        await EngineClient.connect(home, "paper")


async def test_another_version_is_refused_with_a_way_out(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    """A client that speaks another version is told which engine runs and what to do."""
    monkeypatch.setattr(client_module, "PROTOCOL_VERSION", PROTOCOL_VERSION + 1)
    async with listening(home, Desk()):
        with pytest.raises(EngineRefused, match="do not understand") as caught:
            await EngineClient.connect(home, "paper")

    assert caught.value.code == "VERSION"
    assert caught.value.remedy


async def test_a_refusal_is_a_reply_and_can_be_raised(home: Home):
    """An error in the engine arrives as Refused with message, remedy and exit code."""
    async with listening(home, Desk()), await EngineClient.connect(home, "paper") as client:
        reply = await client.ask(ListOrders(bot="x"))
        with pytest.raises(EngineRefused) as caught:
            await client.demand(ListOrders(bot="x"))

    assert reply == Refused(
        message="no such bot.", remedy="Try another.", exit_code=2, code="ConfigError"
    )
    assert caught.value.exit_code is ExitCode.CONFIG
    assert str(caught.value) == "no such bot. Try another."


async def test_a_request_that_hangs_does_not_hold_up_others(home: Home):
    """Requests are carried out side by side; one that never ends times out alone."""
    async with listening(home, Desk()), await EngineClient.connect(home, "paper") as client:
        with pytest.raises(EngineSilent):
            await client.ask(Reconnect(venue="x"), timeout_s=0.01)
        reply = await client.ask(ListBots())

    assert isinstance(reply, Bots)


async def test_pictures_are_made_only_while_watched(home: Home):
    """Nobody watches, nothing is painted; a watcher gets a first picture at once."""
    desk = Desk()
    async with listening(home, desk), await EngineClient.connect(home, "paper") as client:
        await client.ask(ListBots())
        await asyncio.sleep(0.01)
        unwatched = desk.pictures
        await client.ask(Watch())
        async for push in client.pictures():
            assert isinstance(push, HomeSnapshot)
            break

    assert unwatched == 0
    assert desk.pictures > 0


async def test_a_watcher_who_was_away_sees_the_newest(home: Home):
    """Pictures skip: what was not taken in time is replaced by the newest."""
    desk = Desk()
    async with listening(home, desk), await EngineClient.connect(home, "paper") as client:
        seen = []
        await client.ask(Watch())
        async for push in client.pictures():
            assert isinstance(push, HomeSnapshot)
            seen.append(int(push.quote))
            if len(seen) == 2:
                break
            while desk.pictures < 20:  # noqa: ASYNC110 # a painter tells nobody
                await asyncio.sleep(0.001)

    assert seen[1] - seen[0] >= 15


async def test_a_hidden_screen_gets_one_in_eight(home: Home):
    """A hidden screen's pictures are an eighth of a visible one's."""
    desk = Desk()
    async with listening(home, desk), await EngineClient.connect(home, "paper") as client:
        await client.ask(Watch(bot="", is_hidden=True))
        shown = await EngineClient.connect(home, "paper")
        async with shown:
            await shown.ask(Watch(bot=""))
            before = desk.pictures
            hidden = 0
            while desk.pictures < before + 64:  # noqa: ASYNC110 # same
                await asyncio.sleep(0.001)
            hidden = client.frames_heard
            visible = shown.frames_heard

    assert visible > 4 * hidden


async def test_lines_come_in_order_and_none_is_skipped(home: Home):
    """Diary lines are not conflated."""
    lines = [DiaryLine(bot="b", at=AT, event=f"e.{number}") for number in range(100)]
    heard = []
    async with (
        listening(home, Desk()) as server,
        await EngineClient.connect(home, "paper") as client,
    ):
        await client.ask(ListBots())
        for line in lines:
            server.push(line)
        async for push in client.pushes():
            heard.append(push)
            if len(heard) == len(lines):
                break

    assert heard == lines


async def test_a_client_who_never_reads_is_let_go_and_slows_nobody(home: Home):
    """Unsent megabytes end the connection; pushing never waits."""
    desk = Desk()
    async with listening(home, desk) as server:
        reader, writer = await asyncio.open_unix_connection(Endpoint.of(home, "paper").path)
        writer.write(frames.encode(Hello(protocol=PROTOCOL_VERSION, version="1")))
        await frames.read(reader)
        while not server.sessions:  # noqa: ASYNC110 # same
            await asyncio.sleep(0.001)
        session = server.sessions[0]
        block = b"x" * 1_000_000
        for _ in range(LOST_BYTES // len(block) + 3):
            session.send(block)
        await desk.left_event.wait()
        writer.close()

    assert desk.gone == [1]


async def test_leaving_is_noticed(home: Home):
    """The desk hears that a client is gone, once."""
    desk = Desk()
    async with listening(home, desk):
        async with await EngineClient.connect(home, "paper") as client:
            await client.ask(ListBots())
        await desk.left_event.wait()

    assert desk.gone == [1]


async def test_an_engine_that_goes_away_ends_everything(home: Home):
    """Watching ends, and a request under way raises EngineLost."""
    async with listening(home, Desk()):
        client = await EngineClient.connect(home, "paper")
        pending = asyncio.ensure_future(client.ask(Reconnect(venue="x")))
        await asyncio.sleep(0.01)
    with pytest.raises(EngineLost):
        await pending
    with pytest.raises(EngineLost):
        await client.ask(ListBots())
    heard = [push async for push in client.pushes()]
    await client.close()

    assert heard == []


async def test_nonsense_ends_that_connection_only(home: Home):
    """Bytes that are no word are answered by closing, and others go on."""
    async with listening(home, Desk()):
        reader, writer = await asyncio.open_unix_connection(Endpoint.of(home, "paper").path)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        async with await EngineClient.connect(home, "paper") as client:
            assert isinstance(await client.ask(ListBots()), Bots)
