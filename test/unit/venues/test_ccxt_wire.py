"""What the ccxt door puts on the wire, and what it makes of answers, against loopback venues."""

import json
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest

from core.adapters.exchanges.ccxt.client import addresses_of, make_client
from core.adapters.exchanges.ccxt.rest import decode_text
from core.adapters.exchanges.ccxt.table import row_of
from core.adapters.exchanges.models import EventType, OrderOptions, OrderSide, OrderType
from core.adapters.exchanges.settings import VenueSettings
from core.errors import NotSent, OutcomeUnknown, RateLimited
from core.testing.venue import PERP
from core.testing.venues.ccxt_harness import (
    bybit_harness,
    ccxt_backpack_harness,
    ccxt_binance_harness,
    ccxt_hyperliquid_harness,
    ccxt_lighter_harness,
    okx_harness,
)

D = Decimal
HARNESSES = {
    "backpack": ccxt_backpack_harness,
    "binance": ccxt_binance_harness,
    "bybit": bybit_harness,
    "hyperliquid": ccxt_hyperliquid_harness,
    "lighter": ccxt_lighter_harness,
    "okx": okx_harness,
}


@pytest.fixture(params=sorted(HARNESSES))
async def door(request, tmp_path):
    """The door connected to each venue."""
    harness = HARNESSES[request.param](tmp_path)
    await harness.start()
    yield harness
    await harness.stop()


@pytest.fixture
async def binance(tmp_path):
    """The door connected to Binance."""
    harness = ccxt_binance_harness(tmp_path)
    await harness.start()
    yield harness
    await harness.stop()


async def limit(harness, price="190", **options):
    """The answer to a limit order of one unit."""
    return await harness.exchange.create_order(
        PERP, OrderSide.BUY, OrderType.LIMIT, D(1), D(price), OrderOptions(**options)
    )


async def test_nothing_hidden_is_sent(door):
    """A whole session signs one order and one cancel: no builder, referrer, key or broker."""
    order = await limit(door, client_order_id="a1")
    await door.exchange.cancel_order(order.order_id, PERP)
    sent = [call for call in door.venue.calls if call.method != "GET" and call.path != "/info"]
    whole = b"".join(
        call.body + call.query.encode() + json.dumps(dict(call.headers)).encode()
        for call in door.venue.calls
    ).lower()

    changing = [call.name for call in sent if "listenKey" not in call.path]
    assert changing == ["create_order", "cancel_order"]
    hidden = (b"builder", b"refer", b"broker", b"x-cvb", b"ccxt", b"integrator", b'"tag"')
    for word in (*hidden, b"6b9ad766"):
        assert word not in whole


SENT_AS = {"binance": "newClientOrderId", "bybit": "orderLinkId", "okx": "clOrdId"}


@pytest.mark.parametrize("name", ["binance", "bybit", "okx"])
async def test_our_client_id_arrives_unchanged(name, tmp_path):
    """No prefix of a broker, for a made-up id as for one of ours; the venue gives it back."""
    harness = HARNESSES[name](tmp_path)
    await harness.start()
    try:
        ours = await limit(harness, client_order_id="x5X12")
        made_up = await limit(harness, price="191")
        sent = [_parameters(call)[SENT_AS[name]] for call in harness.venue.calls_of("create_order")]
        found = await harness.exchange.get_open_orders()
    finally:
        await harness.stop()

    assert sent == ["x5X12", made_up.client_order_id]
    assert made_up.client_order_id.isalnum()
    assert {order.client_order_id for order in found} == {ours.client_order_id, sent[1]}


def _parameters(call):
    """Of a body in JSON, of a list of one order, or of a form."""
    if call.params:
        return call.params
    body = json.loads(call.body) if call.body[:1] in b"[{" else dict(parse_qsl(call.body.decode()))
    return body[0] if isinstance(body, list) else body


async def test_an_order_without_an_id_gets_one_of_ours(binance):
    """Ccxt would put its broker's prefix into the place of a missing id."""
    order = await limit(binance)

    assert order.client_order_id.startswith("x")
    assert not order.client_order_id.startswith("x-")


async def test_what_nobody_asked_for_is_refused_before_it_leaves(door):
    """A change that ccxt wants by itself, outside of an order of ours, is not sent."""
    client = door.exchange._client

    with pytest.raises(NotSent):
        await client.create_order("TEST/USDC:USDC", "limit", "buy", "1", "190")
    assert door.venue.calls_of("create_order") == []
    assert door.venue.floor.open_orders() == []


async def test_a_builder_in_an_order_is_refused(tmp_path):
    """Even where ccxt's options say that one was approved, no order with it leaves."""
    harness = ccxt_hyperliquid_harness(tmp_path)
    await harness.start()
    try:
        harness.exchange._client.options["approvedBuilderFee"] = True
        with pytest.raises(NotSent):
            await limit(harness)
        assert await harness.exchange.get_open_orders() == []
    finally:
        await harness.stop()


async def test_an_order_without_an_answer_is_unknown_and_sent_once(door):
    """A lost answer is no refusal, nothing is repeated, and the order is found by our id."""
    door.venue.faults.lose_answer()
    with pytest.raises(OutcomeUnknown):
        await limit(door, client_order_id="a1")

    calls = [call for call in door.venue.calls if call.name == "create_order"]
    assert len(calls) == 1
    found = await door.exchange.get_order(None, PERP, client_order_id="a1")
    assert found.amount == D(1)


async def test_a_limit_is_honoured(door):
    """After 429 ordinary requests wait for the time that the venue said, and cancels may leave."""
    order = await limit(door)
    door.venue.faults.limit("get_positions", retry_after_s=1)
    with pytest.raises(RateLimited):
        await door.exchange.get_positions()

    assert door.exchange.rest.budget.paused_for_s > 0
    cancelled = await door.exchange.cancel_order(order.order_id, PERP)
    assert cancelled.status.is_final


async def test_every_trade_of_a_flood_is_told_in_order(binance):
    """Where ccxt's own cache keeps a thousand at most, all of twelve hundred come."""
    told = []
    await binance.exchange.subscribe_trades(PERP, told.append)
    await binance.trade("200.5")
    told.clear()
    for number in range(1200):
        binance.venue.trade("200.5" if number % 2 else "200.4", "1")
    await binance._until(lambda: len(told) >= 1200)

    assert len({trade.trade_id for trade in told}) == len(told) == 1200
    assert [trade.at for trade in told] == sorted(trade.at for trade in told)


async def test_a_lost_socket_is_opened_again_and_what_was_missed_is_told(door):
    """Fills and trades that happened meanwhile come once, from REST."""
    order = await limit(door, price="199", client_order_id="a1")
    events = []
    for kind in (EventType.RECONNECTING, EventType.RECOVERED):
        door.exchange.add_event_callback(kind, lambda event: events.append(event.event_type))
    door.venue.kill_sockets()
    door.venue.trade("198")
    await door._until(
        lambda: (
            [item for item in door.private if getattr(item, "trade_id", "")]
            and door.exchange.is_connected()
            and door.exchange.is_authenticated()
        )
    )

    fills = [item for item in door.private if getattr(item, "trade_id", "")]
    assert [fill.order_id for fill in fills] == [order.order_id]
    assert EventType.RECONNECTING in events
    assert EventType.RECOVERED in events


def test_numbers_keep_the_text_of_the_wire():
    """Fractions reach ccxt as text, whole numbers as they are, and no JSON as nothing."""
    assert decode_text(b'{"p":0.10,"q":12345678901234567890}') == {
        "p": "0.10",
        "q": 12345678901234567890,
    }
    assert decode_text(b"<html>") is None


@pytest.mark.parametrize("name", ["okx", "bybit", "lighter", "kraken", "binance"])
def test_every_address_can_be_moved(name):
    """With hosts of our own no address of ccxt's is left, and its paths stay."""
    row = row_of(name)
    hosts = {"rest": "http://127.0.0.1:1", "socket": "ws://127.0.0.1:1"}
    client = make_client(row, VenueSettings(urls=hosts), {}, None, None)

    def leaves(urls):
        if isinstance(urls, dict):
            return [leaf for value in urls.values() for leaf in leaves(value)]
        return [urls] if isinstance(urls, str) else []

    assert {url.split("/")[2] for url in leaves(client.urls["api"])} == {"127.0.0.1:1"}
    assert addresses_of(row)["rest"].main.startswith("https://")
    assert (client.enableRateLimit, client.options["maxRetriesOnFailure"]) == (False, 0)
