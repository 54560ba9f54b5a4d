"""Faults on the way to a venue that every native adapter meets: tokens, blocks, clocks, TLS."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.adapters.exchanges.connection.http import HttpClient
from core.adapters.exchanges.ethereum import private_key
from core.adapters.exchanges.hyperliquid.rest import Signer
from core.adapters.exchanges.interface import ExchangeInterface
from core.adapters.exchanges.models import (
    FillData,
    OrderOptions,
    OrderSide,
    OrderType,
    TickerData,
)
from core.adapters.exchanges.native.hub import Hub
from core.errors import NotSent, OrderRejected, OutcomeUnknown, TransportError
from core.infrastructure.clock import WallClock
from core.testing.venue import PERP
from core.testing.venues.faults import ALWAYS, Answer
from core.testing.venues.harness import LoopbackHarness, binance_harness, hyperliquid_harness

HARNESSES = {"binance": binance_harness, "hyperliquid": hyperliquid_harness}


@asynccontextmanager
async def started(name: str) -> AsyncIterator[LoopbackHarness]:
    """An adapter and its venue while they run."""
    harness = HARNESSES[name](Path())
    await harness.start()
    try:
        yield harness
    finally:
        await harness.stop()


async def create(harness: LoopbackHarness, name: str) -> object:
    """A limit order to buy."""
    return await harness.exchange.create_order(
        PERP,
        OrderSide.BUY,
        OrderType.LIMIT,
        Decimal(1),
        Decimal(190),
        OrderOptions(client_order_id=name),
    )


async def until(holds) -> None:
    """Waits for something that the sockets bring."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 # a list tells nobody that it grew
            await asyncio.sleep(0.005)


def test_orders_are_neither_changed_in_place_nor_sent_in_batches():
    """T7, T8: the port has no such request, so no answer can be for a part of one."""
    names = [name for name in dir(ExchangeInterface) if not name.startswith("_")]

    assert "create_order" in names
    assert [n for n in names if any(w in n for w in ("modify", "amend", "replace", "batch"))] == []
    assert "create_orders" not in names


async def test_a_token_that_expired_is_renewed_and_nothing_is_missed():
    """T20: the private stream's token ends; another is asked for, and a fill meanwhile is told."""
    async with started("binance") as harness:
        await create(harness, "kept1")
        opened = len(harness.venue.calls_of("open_private_stream"))

        harness.venue.expire_listen_keys()
        harness.venue.fill("kept1")
        fills = harness.private
        await until(lambda: any(isinstance(told, FillData) for told in fills))

        assert len(harness.venue.calls_of("open_private_stream")) > opened
        told = [fill.amount for fill in fills if isinstance(fill, FillData)]
        assert told == [fill.amount for fill in harness.venue.floor.fills()]


@pytest.mark.parametrize("name", sorted(HARNESSES))
@pytest.mark.parametrize("status", [403, 451])
async def test_a_block_in_front_of_the_venue_proves_nothing(name: str, status: int):
    """T23: a page of a firewall or of the law leaves an order UNKNOWN; a read says which status."""
    page = Answer(b"<html>not from here</html>", status, {"Content-Type": "text/html"})
    async with started(name) as harness:
        for connection, _ in harness.exchange.private:
            await connection.stop()
        harness.venue.faults.answer("*", page, times=ALWAYS)

        with pytest.raises(OutcomeUnknown, match=str(status)):
            await create(harness, "blocked1")
        with pytest.raises(TransportError, match=str(status)):
            await harness.exchange.get_open_orders(PERP)
        harness.venue.faults.clear()

        assert await harness.exchange.get_open_orders(PERP) == []


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_a_redirect_is_not_followed(name: str):
    """T22: a signed request goes where it was meant to go, or nowhere."""
    async with started(name) as harness:
        for connection, _ in harness.exchange.private:
            await connection.stop()
        away = Answer(b"", 302, {"Location": f"{harness.venue.rest_url}/elsewhere"})
        harness.venue.faults.answer("create_order", away)

        with pytest.raises(OutcomeUnknown):
            await create(harness, "away1")

        assert [call.path for call in harness.venue.calls if "elsewhere" in call.path] == []


def test_a_nonce_never_repeats_or_falls_back():
    """CK4: the clock stands still or is set back by an hour; each nonce is above the last."""
    times = iter([1_000, 1_000, 1_001, 1_000 - 3_600_000, 2_000])
    signer = Signer(private_key("0x" + "11" * 32), is_mainnet=False, now_ms=lambda: next(times))

    nonces = [signer.body({"type": "noop"})["nonce"] for _ in range(5)]

    assert nonces == [1_000, 1_001, 1_002, 1_003, 2_000]


async def test_nonces_go_on_above_those_of_the_last_life():
    """CK4: a restart reads none from anywhere, and repeats none."""
    async with started("hyperliquid") as harness:
        await create(harness, "first1")
        await harness.restart()
        await create(harness, "second1")
        nonces = [call.params["nonce"] for call in harness.venue.calls_of("create_order")]

        assert nonces == sorted(set(nonces))
        assert len(await harness.exchange.get_open_orders(PERP)) == 2


@asynccontextmanager
async def https(folder: Path, name: str) -> AsyncIterator[int]:
    """A server whose certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, plain)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    heard: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        assert heard == []


async def test_a_certificate_that_nobody_vouches_for_gets_no_request(tmp_path: Path):
    """T9, T23: TLS fails before a byte of the request leaves: it was not sent."""
    client = HttpClient(WallClock())
    async with https(tmp_path, "localhost") as port:
        with pytest.raises(NotSent):
            await client.request("POST", f"https://localhost:{port}/order", body=b"secret")
        await client.close()


def test_tls_is_checked_and_new():
    """T23: certificates and names are checked, and nothing older than TLS 1.2 is spoken."""
    from core.adapters.exchanges.connection.http import tls_context

    context = tls_context()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_ten_thousand_prices_in_one_read_are_told_once_and_every_order_is():
    """D17: the newest price stands for all before it; nothing of our orders is left out."""
    hub = Hub("binance")
    prices: list[TickerData] = []
    orders: list[object] = []
    hub.of(PERP).tickers.add(prices.append)
    hub.user.add(orders.append)
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    for number in range(10_000):
        bid = Decimal(100) + number
        hub.take_part(
            PERP,
            TickerData(venue="binance", symbol=PERP, bid=bid, ask=bid + 1, at=at, received_at=at),
        )
        hub.tell_user(number)  # type: ignore[arg-type] # whatever it is, it is told
    hub.tell_quote(PERP, at)

    assert [price.bid for price in prices] == [Decimal(10_099)]
    assert orders == list(range(10_000))


def halted(body: dict) -> dict:
    """The same list with every market at a halt."""
    return {**body, "symbols": [{**row, "status": "BREAK"} for row in body["symbols"]]}


async def test_a_market_that_is_halted_takes_no_order_and_keeps_its_cancels():
    """V22, D16: known from the next list on; prices may stream, nothing is sent, cancels leave."""
    async with started("binance") as harness:
        await create(harness, "before1")
        harness.venue.faults.alter_answer("get_instruments", halted, times=ALWAYS)
        await harness.exchange._reload()
        sent = len(harness.venue.calls_of("create_order"))

        with pytest.raises(OrderRejected, match="does not trade") as caught:
            await create(harness, "while1")
        (resting,) = await harness.exchange.get_open_orders(PERP)
        await harness.exchange.cancel_order(resting.order_id, PERP)

        assert caught.value.code == "HALTED"
        assert len(harness.venue.calls_of("create_order")) == sent
        assert await harness.exchange.get_open_orders(PERP) == []

        harness.venue.faults.clear()
        await harness.exchange._reload()
        await create(harness, "after1")


async def test_a_market_that_does_not_trade_is_refused_at_the_door():
    """V22, D16: a start on it connects to nothing and says so."""
    harness = binance_harness(Path())
    make = harness._make
    harness._make = lambda doors: make(
        replace(doors, expected=(harness.venue.floor.instruments[PERP],))
    )
    harness.venue.faults.alter_answer("get_instruments", halted, times=ALWAYS)
    with pytest.raises(AssertionError):  # the harness's own: nobody was let in
        await harness.start()

    assert "does not trade" in harness.exchange.get_status().detail
    with pytest.raises((NotSent, TransportError)):
        await create(harness, "never1")
    await harness.stop()
