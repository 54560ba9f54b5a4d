"""A bad line does what it is named after."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from core.testing.fault_proxy import FaultProxy, Line


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends everything back."""
    with suppress(ConnectionError):
        while piece := await reader.read(1024):
            writer.write(piece)
            await writer.drain()
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """A proxy in front of a server that echoes."""
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with FaultProxy(server.sockets[0].getsockname()[1]) as opened:
        yield opened
    server.close()


async def test_a_good_line_carries_everything(proxy: FaultProxy):
    """What is sent comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello")

    assert await reader.readexactly(5) == b"hello"
    writer.close()


@pytest.mark.parametrize("line", [Line.HALF_OPEN, Line.DEAF, Line.MUTE])
async def test_a_silent_line_loses_bytes_and_tells_nobody(proxy: FaultProxy, line: Line):
    """Nothing arrives, and neither side hears of an end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello")
    await reader.readexactly(5)
    proxy.line = line
    writer.write(b"again")
    await proxy.has_lost.wait()

    assert not reader.at_eof()
    writer.close()


async def test_a_reset_reaches_the_client_as_one(proxy: FaultProxy):
    """The connection ends with an error, not with an orderly end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    proxy.line = Line.RESET
    writer.write(b"hello")

    with pytest.raises(ConnectionResetError):
        await reader.readexactly(5)


async def test_a_truncated_answer_is_half_of_it(proxy: FaultProxy):
    """Half of the bytes come, then the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    proxy.line = Line.TRUNCATED
    writer.write(b"0123456789")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await reader.readexactly(10)


async def test_a_dripping_line_delivers_all_in_the_end(proxy: FaultProxy):
    """Slow is not lost."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    proxy.line = Line.DRIPPING
    writer.write(b"0123456789")

    assert await reader.readexactly(10) == b"0123456789"
    writer.close()


async def test_a_refused_line_takes_no_new_connection(proxy: FaultProxy):
    """Those that are there go on, a new one ends at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello")
    await reader.readexactly(5)
    proxy.line = Line.REFUSED
    other, unheard = await asyncio.open_connection("127.0.0.1", proxy.port)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await other.readexactly(1)
    unheard.close()
    writer.write(b"again")

    assert await reader.readexactly(5) == b"again"
    writer.close()
