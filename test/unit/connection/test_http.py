"""Requests over kept-alive connections: what left, and what came back."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from core.adapters.exchanges.connection.http import HttpClient, _Exchange
from core.errors import NotSent, TransportError
from core.infrastructure.clock import WallClock


class Server:
    """Answers each request with the next of some bytes; counts connections and keeps requests."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.requests = []
        self.heard = asyncio.Event()
        self.connections = 0
        self.port = 0

    async def take(self, reader, writer):
        """One connection."""
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                self.requests.append(head + await reader.readexactly(length))
                self.heard.set()
                answer = self.answers.pop(0)
                if answer is None:
                    await asyncio.sleep(60)
                writer.write(answer)
                await writer.drain()
                if b"CUT" in answer:
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving(*answers):
    """A server, and a client of it."""
    server = Server(answers)
    listener = await asyncio.start_server(server.take, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    client = HttpClient(WallClock())
    try:
        yield server, client, f"http://127.0.0.1:{server.port}"
    finally:
        await client.close()
        listener.close()


def answer(body=b"{}", status="200 OK", *headers):
    """An answer with its length."""
    lines = [f"HTTP/1.1 {status}".encode(), b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def test_one_connection_serves_many_requests():
    """Kept alive, it is used again, and each answer belongs to its request."""
    async with serving(answer(b"1"), answer(b"22"), answer(b"333")) as (server, client, url):
        bodies = [(await client.request("GET", f"{url}/a?b=c")).body for _ in range(3)]

    assert bodies == [b"1", b"22", b"333"]
    assert server.connections == 1
    assert server.requests[0].startswith(b"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1")


async def test_a_body_and_headers_go_out_as_they_are():
    """With their length; a name server, a redirect or a cookie is nobody's business here."""
    moved = answer(b"", "302 Found", b"Location: http://127.0.0.1:1/", b"Set-Cookie: a=b")
    async with serving(moved) as (server, client, url):
        response = await client.request("POST", url, headers={"X-Key": "k"}, body=b"a=1")

    assert response.status == 302
    assert response.headers["location"] == "http://127.0.0.1:1/"
    assert server.requests[0].endswith(b"Content-Length: 3\r\n\r\na=1")
    assert b"X-Key: k\r\n" in server.requests[0]


async def test_chunks_are_put_together():
    """In pieces of any size, with extensions and trailers."""
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"4;x=y\r\nWiki\r\n5\r\npedia\r\n0\r\nTrailer: t\r\n\r\n"
    )
    async with serving(chunked, answer(b"next")) as (server, client, url):
        first = await client.request("GET", url)
        second = await client.request("GET", url)

    assert (first.body, second.body) == (b"Wikipedia", b"next")
    assert server.connections == 1


async def test_what_cannot_be_reached_was_not_sent():
    """Nobody listens: not one byte left."""
    async with serving() as (_, client, url):
        port = int(url.rpartition(":")[2])
    with pytest.raises(NotSent, match="cannot be reached"):
        await client.request("POST", f"http://127.0.0.1:{port}/order", body=b"x")


async def test_a_connection_that_was_closed_meanwhile_is_not_used():
    """The venue closed it while it rested: the next request takes another one."""
    closing = answer(b"1", "200 OK", b"Connection: close")
    async with serving(closing, answer(b"2")) as (server, client, url):
        await client.request("GET", url)
        second = await client.request("GET", url)

    assert second.body == b"2"
    assert server.connections == 2


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nCUT",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nCUT",
        b"CUT what is this\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nCUT",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nCUT",
        b"HTTP/1.1 200 OK\r\nno colon CUT\r\n\r\n",
    ],
)
async def test_an_answer_that_is_none_says_nothing_about_the_request(said):
    """Cut short, too long, or no HTTP: it was sent, and nobody knows what came of it."""
    async with serving(said) as (server, client, url):
        with pytest.raises(TransportError) as caught:
            await client.request("POST", url, body=b"x", timeout_s=5)

    assert not isinstance(caught.value, NotSent)
    assert len(server.requests) == 1


async def test_a_slow_answer_ends_the_connection_not_the_next_request():
    """What comes too late is never taken for the answer to something else."""
    async with serving(None, answer(b"2")) as (server, client, url):
        with pytest.raises(TransportError, match="no answer") as caught:
            await client.request("POST", url, body=b"x", timeout_s=0.05)
        second = await client.request("GET", url)

    assert not isinstance(caught.value, NotSent)
    assert second.body == b"2"
    assert server.connections == 2


async def test_a_cancelled_request_ends_its_connection():
    """So that its answer goes nowhere."""
    async with serving(None, answer(b"2")) as (server, client, url):
        task = asyncio.ensure_future(client.request("POST", url, body=b"x"))
        await server.heard.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        second = await client.request("GET", url)

    assert second.body == b"2"
    assert server.connections == 2


async def test_unasked_bytes_end_a_connection():
    """Two answers to one request: the second one belongs to nobody."""
    async with serving(answer(b"1") + answer(b"forged"), answer(b"2")) as (server, client, url):
        first = await client.request("GET", url)
        second = await client.request("GET", url)

    assert (first.body, second.body) == (b"1", b"2")
    assert server.connections == 2


@pytest.mark.parametrize(
    "url, headers",
    [("/?a=1\r\nX: y", {}), ("/", {"X": "a\r\nHost: b"})],
)
async def test_a_line_break_never_reaches_the_wire(url, headers):
    """Neither in an address nor in a header."""
    async with serving(answer()) as (server, client, base):
        with pytest.raises(ValueError, match="line break"):
            await client.request("GET", base + url, headers=headers)

    assert server.requests == []


async def test_each_answer_is_waited_for_as_long_as_was_asked():
    """A later request with less patience ends first, and one that is answered does not end."""
    ended = []

    async def ask(name, timeout_s):
        try:
            await client.request("GET", f"{url}/{name}", timeout_s=timeout_s)
        except TransportError as error:
            ended.append((name, error.message.partition(" in ")[2]))

    async with serving(None, None, None, answer(b"x")) as (_, client, url):
        await asyncio.gather(ask("slow", 0.15), ask("quick", 0.02), ask("middle", 0.08))
        last = await client.request("GET", f"{url}/last")

    assert ended == [("quick", "0.02 s"), ("middle", "0.08 s"), ("slow", "0.15 s")]
    assert last.body == b"x"


async def test_a_transport_of_another_loop_is_as_good():
    """What it can do counts, not whose class it is."""

    class Foreign:
        said = b""

        def is_closing(self):
            return False

        def write(self, data):
            self.said += data

        def abort(self):
            pass

    foreign, exchange = Foreign(), _Exchange()
    exchange.connection_made(foreign)
    told = exchange.write(b"GET / HTTP/1.1\r\n\r\n", is_head=False)
    exchange.data_received(answer(b"yes"))

    assert foreign.said.startswith(b"GET /")
    assert (await told).body == b"yes"
