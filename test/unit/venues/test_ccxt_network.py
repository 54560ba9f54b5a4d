"""How the ccxt door reaches a venue: hosts of a file, and proxies for requests and sockets."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from core.adapters.exchanges.ccxt.adapter import CcxtExchange, addresses
from core.adapters.exchanges.connection.limiter import Budgets
from core.adapters.exchanges.connection.network import NetworkTransport
from core.adapters.exchanges.connection.proxy import read_proxy
from core.adapters.exchanges.connection.socket import Seams
from core.adapters.exchanges.credentials import Credentials, Secret
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.settings import VenueSettings, load_settings
from core.errors import ConfigError, NotSent
from core.infrastructure.clock import WallClock
from core.infrastructure.rng import SeededRng
from core.testing.venue import PERP
from core.testing.venues.bybit.venue import BybitVenue
from core.testing.venues.okx.venue import OkxVenue


async def carry(reader, writer):
    """Hands bytes over until one side ends."""
    with suppress(ConnectionError):
        while piece := await reader.read(4096):
            writer.write(piece)
            await writer.drain()
    writer.close()


class Way:
    """A proxy on loopback that takes everybody to one port, and remembers where they wanted to."""

    def __init__(self, scheme, port):
        self.scheme = scheme
        self.port = port
        self.wanted = []
        self.writers = []
        self.tasks = set()

    async def take(self, reader, writer):
        """One connection."""
        self.tasks.add(asyncio.current_task())
        self.writers.append(writer)
        if self.scheme == "http":
            head = await reader.readuntil(b"\r\n\r\n")
            self.wanted.append(head.split()[1].decode())
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            await reader.readexactly(3)
            writer.write(b"\x05\x00")
            head = await reader.readexactly(5)
            host = (await reader.readexactly(head[4])).decode()
            port = int.from_bytes(await reader.readexactly(2), "big")
            self.wanted.append(f"{host}:{port}")
            writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(inner_writer)
        await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))


@asynccontextmanager
async def proxied(scheme, port):
    """(its URL, the way)."""
    way = Way(scheme, port)
    listener = await asyncio.start_server(way.take, "127.0.0.1", 0)
    try:
        yield f"{scheme}://127.0.0.1:{listener.sockets[0].getsockname()[1]}", way
    finally:
        listener.close()
        for writer in way.writers:
            writer.transport.abort()
        await asyncio.gather(*way.tasks, return_exceptions=True)


def opened(venue, url, host):
    """The door to OKX by a name that only the proxy can look up."""
    clock = WallClock()
    proxy = read_proxy(url)
    urls = {"rest": f"http://{host}:{venue.port}", "socket": f"ws://{host}:{venue.port}"}
    doors = Doors(
        seams=Seams(transport=NetworkTransport(clock, proxy=proxy), clock=clock, rng=SeededRng(7)),
        budgets=Budgets(clock),
        settings=VenueSettings(urls=urls, proxy=proxy),
        credentials=Credentials(
            venue="okx",
            key=venue.key.api_key,
            secret=Secret(venue.key.secret),
            passphrase=Secret(venue.key.passphrase),
        ),
    )
    return CcxtExchange("okx", doors)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_requests_and_sockets_go_through_the_proxy(scheme):
    """All of them, by a name that nobody else looks up."""
    async with OkxVenue() as venue, proxied(scheme, venue.port) as (url, way):
        door = opened(venue, url, "venue.invalid")
        trades = []
        await door.connect()
        assert await door.authenticate(), door.get_status().detail
        await door.subscribe_trades(PERP, trades.append)
        await venue.until(lambda: venue.listening("trades:TEST-USDC-SWAP"))
        venue.trade("201")
        async with asyncio.timeout(5):
            while not trades:  # noqa: ASYNC110 # a list tells nobody that it grew
                await asyncio.sleep(0.005)
        await door.disconnect()

        assert set(way.wanted) == {f"venue.invalid:{venue.port}"}
        assert len(way.wanted) >= 3  # requests, the private and the public socket
        assert {socket.path for socket in venue.sockets} <= {"/ws/v5/private", "/ws/v5/public"}


async def test_a_proxy_that_is_down_is_named():
    """Nothing was sent, and the file to look at is told."""
    async with OkxVenue() as venue:
        async with proxied("socks5", venue.port) as (url, _):
            pass
        door = opened(venue, url, "venue.invalid")
        with pytest.raises(NotSent, match=r"the proxy .* did not connect") as caught:
            await door.connect()
        await door.disconnect()

    assert "config/exchanges" in str(caught.value.remedy)


@pytest.mark.parametrize("kind", [OkxVenue, BybitVenue])
async def test_a_file_leads_requests_and_sockets_elsewhere(kind, tmp_path):
    """`config/exchanges/<venue>.yaml` names hosts; ccxt's own paths stay below them."""
    async with kind() as venue:
        folder = tmp_path / "exchanges"
        folder.mkdir()
        lines = f"    rest: {venue.rest_url}\n    socket: {venue.socket_url}\n"
        (folder / f"{venue.name}.yaml").write_text(f"exchange:\n  urls:\n{lines}")
        settings = load_settings(venue.name, addresses(venue.name), (tmp_path,))
        clock = WallClock()
        doors = Doors(
            seams=Seams(transport=NetworkTransport(clock), clock=clock, rng=SeededRng(7)),
            budgets=Budgets(clock),
            settings=settings,
        )
        door = CcxtExchange(venue.name, doors)
        books = []
        await door.connect()
        await door.subscribe_orderbook(PERP, books.append)
        await venue.until(lambda: venue.sockets and venue.sockets[0].topics)
        await door.disconnect()

        assert venue.calls_of("get_instruments")


def test_a_file_with_another_name_of_a_host_is_refused(tmp_path):
    """The two that there are stand in the error."""
    folder = tmp_path / "exchanges"
    folder.mkdir()
    (folder / "okx.yaml").write_text("exchange:\n  urls:\n    sockets: ws://127.0.0.1:1\n")

    with pytest.raises(ConfigError, match="it has rest, socket"):
        load_settings("okx", addresses("okx"), (tmp_path,))


async def test_the_test_network_is_named_in_every_request():
    """OKX tells it by a header alone: without it an order would be meant for the main one."""
    async with OkxVenue() as venue:
        clock = WallClock()
        urls = {"rest": venue.rest_url, "socket": venue.socket_url}
        doors = Doors(
            seams=Seams(transport=NetworkTransport(clock), clock=clock, rng=SeededRng(7)),
            budgets=Budgets(clock),
            settings=VenueSettings(urls=urls, is_testnet=True),
            credentials=Credentials(
                venue="okx",
                key=venue.key.api_key,
                secret=Secret(venue.key.secret),
                passphrase=Secret(venue.key.passphrase),
            ),
        )
        door = CcxtExchange("okx", doors)
        await door.connect()
        assert await door.authenticate()
        await door.get_balances()
        await door.disconnect()

        assert {call.headers.get("x-simulated-trading") for call in venue.calls} == {"1"}


@pytest.mark.parametrize("kind", [OkxVenue, BybitVenue])
@pytest.mark.parametrize("ahead_s", [-4, 8])
async def test_requests_carry_the_venues_time(kind, ahead_s):
    """CK2: a clock that is wrong by seconds does not get orders refused."""
    async with kind() as venue:
        venue.faults.clock_offset_s = ahead_s
        passphrase = getattr(venue.key, "passphrase", None)
        clock = WallClock()
        doors = Doors(
            seams=Seams(transport=NetworkTransport(clock), clock=clock, rng=SeededRng(7)),
            budgets=Budgets(clock),
            settings=VenueSettings(urls={"rest": venue.rest_url, "socket": venue.socket_url}),
            credentials=Credentials(
                venue=venue.name,
                key=venue.key.api_key,
                secret=Secret(venue.key.secret),
                passphrase=None if passphrase is None else Secret(passphrase),
            ),
        )
        door = CcxtExchange(venue.name, doors)
        await door.connect()
        balances = await door.get_balances()
        report = await door.health_check()
        await door.disconnect()

    assert [item.asset for item in balances] == ["USDC"]
    assert report.clock_skew_ms == pytest.approx(ahead_s * 1000, abs=500)
