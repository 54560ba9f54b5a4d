"""Requests and sockets through proxies."""

import asyncio

import pytest

from core.adapters.exchanges.connection.http import HttpClient
from core.adapters.exchanges.connection.proxy import read_proxy
from core.errors import ConfigError, NotSent
from core.infrastructure.clock import WallClock


def test_a_proxy_does_not_show_its_password():
    """Neither as text nor in its representation."""
    proxy = read_proxy("socks5://me:hidden@127.0.0.1:1080")

    assert str(proxy) == "socks5://127.0.0.1:1080"
    assert "hidden" not in repr(proxy)


@pytest.mark.parametrize("url", ["127.0.0.1:1080", "ftp://h:1", "http://h", "socks5://:9", "x"])
def test_what_names_no_proxy_is_refused(url):
    """With how one is written."""
    with pytest.raises(ConfigError, match="socks5://HOST:PORT"):
        read_proxy(url)


async def test_requests_go_through_an_http_proxy():
    """It is asked to connect, then carries what is said."""
    heard = []

    async def take(reader, writer):
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(take, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    client = HttpClient(WallClock(), proxy=read_proxy(f"http://127.0.0.1:{port}"))
    response = await client.request("GET", "http://venue.invalid/time")
    await client.close()
    listener.close()

    assert response.body == b"ok"
    assert heard[0].startswith(b"CONNECT venue.invalid:80 ")
    assert heard[1].startswith(b"GET /time HTTP/1.1\r\nHost: venue.invalid\r\n")


async def test_requests_go_through_a_socks_proxy():
    """By name, which the proxy looks up."""
    heard = []

    async def take(reader, writer):
        assert await reader.readexactly(3) == b"\x05\x01\x00"
        writer.write(b"\x05\x00")
        head = await reader.readexactly(5)
        heard.append((await reader.readexactly(head[4]), await reader.readexactly(2)))
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(take, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    client = HttpClient(WallClock(), proxy=read_proxy(f"socks5://127.0.0.1:{port}"))
    response = await client.request("GET", "http://venue.invalid/time")
    await client.close()
    listener.close()

    assert response.body == b"ok"
    assert heard == [(b"venue.invalid", (80).to_bytes(2, "big"))]


async def test_a_proxy_that_is_down_is_named():
    """Nothing was sent, and the file to look at is told."""
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    client = HttpClient(WallClock(), proxy=read_proxy(f"http://127.0.0.1:{port}"))

    with pytest.raises(NotSent, match=f"127.0.0.1:{port}"):
        await client.request("GET", "http://venue.invalid/")
