"""Orders whose requests were signed before they left, on both of Binance's loopback markets."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.binance import orders
from core.adapters.exchanges.models import OrderOptions, OrderSide, OrderType
from core.errors import OrderRejected
from core.testing.venue import PERP, SPOT
from core.testing.venues.binance_spot.harness import binance_spot_harness
from core.testing.venues.harness import binance_harness

D = Decimal
MARKETS = {PERP: binance_harness, SPOT: binance_spot_harness}


@pytest.fixture(params=sorted(MARKETS))
def symbol(request):
    """What is traded: a perpetual, or on spot."""
    return request.param


@asynccontextmanager
async def opened(symbol):
    """The adapter, connected to its venue, with one order behind it."""
    harness = MARKETS[symbol](Path())
    await harness.start()
    try:
        await harness.exchange.create_order(*wanted(symbol, "first"))
        yield harness
    finally:
        await harness.stop()


def wanted(symbol, name, price="199"):
    """A limit order under our id."""
    options = OrderOptions(client_order_id=name)
    return symbol, OrderSide.BUY, OrderType.LIMIT, D(1), D(price), options


def leaving(harness, monkeypatch):
    """Requests in the order in which the socket of orders sends them."""
    sent = []
    connection = harness.exchange._boards.first.orders
    send = connection.send

    def note(message):
        sent.append(message)
        send(message)

    monkeypatch.setattr(connection, "send", note)
    return sent


def signed(harness, name):
    """The request that was prepared under an id."""
    return harness.exchange._orders._ready[name].message


async def test_what_was_signed_is_what_leaves(symbol, monkeypatch):
    """Nothing leaves when an order is prepared; its create sends those bytes, once."""
    async with opened(symbol) as harness:
        sent = leaving(harness, monkeypatch)
        order = wanted(symbol, "a1")
        harness.exchange.prepare_order(*order)
        request = signed(harness, "a1")
        assert sent == []

        made = await harness.exchange.create_order(*order)

        assert sent == [request]
        assert made.client_order_id == "a1"
        assert harness.exchange._orders._ready == {}


async def test_a_request_that_grew_old_is_signed_anew(symbol, monkeypatch):
    """Its stamp would lie too far behind the venue's time."""
    async with opened(symbol) as harness:
        sent = leaving(harness, monkeypatch)
        order = wanted(symbol, "a1")
        harness.exchange.prepare_order(*order)
        request = signed(harness, "a1")
        monkeypatch.setattr(orders, "_FRESH_NS", -1)

        await harness.exchange.create_order(*order)

        (left,) = sent
        assert left != request


async def test_other_options_under_the_same_id_are_not_what_was_signed(symbol):
    """A request belongs to the options that it was built from, and to no others."""
    async with opened(symbol) as harness:
        harness.exchange.prepare_order(*wanted(symbol, "a1", price="198"))
        made = await harness.exchange.create_order(*wanted(symbol, "a1", price="197"))

        assert made.price == D(197)


async def test_an_order_goes_over_http_when_its_socket_has_ended(symbol):
    """What was signed for the socket is forgotten."""
    async with opened(symbol) as harness:
        order = wanted(symbol, "a1")
        harness.exchange.prepare_order(*order)
        await harness.exchange._boards.first.orders.stop()
        made = await harness.exchange.create_order(*order)

        assert made.client_order_id == "a1"
        assert len(harness.venue.floor.open_orders()) == 2


async def test_what_cannot_be_sent_is_refused_by_its_create_alone(symbol):
    """An amount below the smallest is prepared without a word."""
    async with opened(symbol) as harness:
        symbol_, side, kind, _, price, options = wanted(symbol, "a1")
        order = (symbol_, side, kind, D("0.0000001"), price, options)
        harness.exchange.prepare_order(*order)
        with pytest.raises(OrderRejected):
            await harness.exchange.create_order(*order)


async def test_requests_that_never_left_are_forgotten(symbol):
    """What was withdrawn does not pile up."""
    async with opened(symbol) as harness:
        for number in range(100):
            harness.exchange.prepare_order(*wanted(symbol, f"a{number}"))
        await asyncio.sleep(0)

        assert len(harness.exchange._orders._ready) <= orders._READY_MOST
