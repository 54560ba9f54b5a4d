"""Lighter through ccxt: what is signed, by whom, and what ccxt would have got wrong."""

import json
from decimal import Decimal

import pytest

from core.adapters.exchanges.ccxt.adapter import CcxtExchange
from core.adapters.exchanges.ccxt.client import make_client
from core.adapters.exchanges.ccxt.convert import Words
from core.adapters.exchanges.ccxt.signing import NEVER_SIGNED, order_of
from core.adapters.exchanges.ccxt.table import row_of
from core.adapters.exchanges.connection.limiter import Budgets
from core.adapters.exchanges.connection.network import NetworkTransport
from core.adapters.exchanges.connection.socket import Seams
from core.adapters.exchanges.credentials import Credentials, Secret
from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.lighter.instruments import parse_markets
from core.adapters.exchanges.lighter.sign import find_library
from core.adapters.exchanges.models import (
    MarginMode,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.settings import VenueSettings
from core.errors import AuthError, ConfigError, NotSent, OrderRejected, OutcomeUnknown
from core.infrastructure.clock import WallClock
from core.infrastructure.rng import SeededRng
from core.testing.venue import PERP, SPOT
from core.testing.venues.ccxt_harness import ccxt_lighter_harness
from core.testing.venues.faults import Kind
from core.testing.venues.lighter.keys import Refused
from core.testing.venues.lighter.signing import StandIn
from core.testing.venues.lighter.venue import LighterVenue

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL
ASKED = {
    "market_index": 0,
    "client_order_index": 7,
    "base_amount": 10,
    "avg_execution_price": 2000,
    "is_ask": 0,
    "order_type": 0,
    "time_in_force": 1,
    "reduce_only": 0,
    "trigger_price": 0,
    "order_expiry": -1,
}
OURS = {
    "lighter_create_auth_token",
    "lighter_create_client",  # of a library that ccxt would load; there is none
    "lighter_sign_cancel_order",
    "lighter_sign_create_order",
    "lighter_sign_update_leverage",
}
MARKET_ROW = {
    "symbol": "BTC", "market_id": 1, "market_type": "perp", "status": "active",
    "taker_fee": "0.0200", "maker_fee": "0.0000", "min_base_amount": "0.00020",
    "min_quote_amount": "10.000000", "supported_size_decimals": 5, "supported_price_decimals": 1,
    "size_decimals": 5, "price_decimals": 1, "quote_multiplier": 10000,
    "min_initial_margin_fraction": 200, "maintenance_margin_fraction": 120,
}  # fmt: skip


@pytest.fixture
async def door(tmp_path):
    """The door connected to Lighter."""
    harness = ccxt_lighter_harness(tmp_path)
    await harness.start()
    yield harness
    await harness.stop()


async def send(door, price="190", side=BUY, symbol=PERP, kind=OrderType.LIMIT, **options):
    """The answer to an order of one unit."""
    worth = None if price is None else D(price)
    return await door.exchange.create_order(
        symbol, side, kind, D(1), worth, OrderOptions(**options)
    )


def doors_to(venue, key):
    """What an adapter stands on, with keys or none."""
    clock = WallClock()
    transport = NetworkTransport(clock)
    return Doors(
        seams=Seams(transport=transport, clock=clock, rng=SeededRng(7)),
        budgets=Budgets(clock),
        settings=VenueSettings(urls={"rest": venue.rest_url, "socket": venue.socket_url}),
        credentials=key,
    ), transport


def credentials(venue, **options):
    """The key of the venue's account."""
    return Credentials(
        venue="lighter",
        account=str(venue.key.account_index),
        secret=Secret(venue.key.secret),
        options={"api_key_index": str(venue.key.api_key_index), **options},
    )


# -- what ccxt reads otherwise ------------------------------------------------------------------


async def test_the_rules_of_a_market_are_the_venues_own():
    """Ccxt takes `quote_multiplier` for a contract's size, and percents of fees for fractions."""
    row = row_of("ccxt-lighter")
    client = make_client(row, VenueSettings(urls={}), {}, None, None)
    words = Words(row, "")

    async def told(_params=None):
        return {"code": 200, "order_book_details": [MARKET_ROW], "spot_order_book_details": []}

    client.publicGetOrderBookDetails = told
    (market,) = await client.fetch_markets()
    (listing,) = words.take_markets({market["symbol"]: market}, client.precisionMode)
    (native,) = parse_markets(
        {"code": 200, "order_book_details": [MARKET_ROW]}, Reading(venue="lighter")
    )
    await client.close()

    assert (market["contractSize"], market["taker"]) == (D(10_000), D("0.0200"))
    assert listing == native
    assert (listing.multiplier, listing.instrument.taker_fee) == (1, D("0.0002"))
    assert listing.instrument.max_leverage == 50


async def test_an_order_that_rests_is_signed_as_one(door):
    """The venue's word is GTT; ccxt makes nothing of GTC."""
    order = await send(door, client_order_id="a1")
    at_once = await send(door, "190", client_order_id="a2", time_in_force=TimeInForce.IOC)

    assert order.status is OrderStatus.OPEN
    assert at_once.status is OrderStatus.CANCELED
    assert [each.order_id for each in await door.exchange.get_open_orders()] == [order.order_id]


async def test_a_market_order_names_its_worst_price(door):
    """Five percent beyond the best one, as the native adapter's: ccxt sends the price as it is."""
    await send(door, None, kind=OrderType.MARKET, client_order_id="a1")
    (call,) = door.venue.calls_of("create_order")

    (order,) = await door.exchange.get_order_history(PERP)
    ask, tick = D("200.1"), door.venue.floor.instruments[PERP].tick_size

    assert json.loads(call.params["tx_info"])["Price"] * tick >= ask * D("1.05")
    assert order.filled == 1


async def test_spot_and_perpetuals_are_one_account(door):
    """Both are told, with what is held of each."""
    await send(door, "200.1", client_order_id="a1")
    await send(door, "200.1", client_order_id="a2", symbol=SPOT)
    positions = await door.exchange.get_positions()
    balances = {item.asset: item.total for item in await door.exchange.get_balances()}

    assert [(item.symbol, item.size) for item in positions] == [(PERP, 1)]
    assert balances["TEST"] == 1


async def test_what_matching_refuses_is_a_refusal(door):
    """An order that was cancelled at once, with the venue's word why."""
    with pytest.raises(OrderRejected, match="post-only"):
        await send(door, "205", client_order_id="a1", post_only=True)
    with pytest.raises(OrderRejected, match="nothing to reduce"):
        await send(door, "205", side=SELL, client_order_id="a2", reduce_only=True)


async def test_an_order_that_could_not_be_looked_at_first_is_not_sent(door):
    """Without an answer about the position nobody knows whether there is something to reduce."""
    door.venue.faults.fail("get_positions", status=503)
    with pytest.raises(NotSent):
        await send(door, "205", side=SELL, client_order_id="a1", reduce_only=True)

    assert door.venue.calls_of("create_order") == []


async def test_leverage_and_mode_are_set_together(door):
    """Each keeps the other."""
    await door.exchange.set_leverage(PERP, D(4))
    mode = await door.exchange.set_margin_mode(PERP, MarginMode.ISOLATED)
    held = await door.exchange.set_leverage(PERP, D(5))

    assert (mode.margin_mode, held.leverage) == (MarginMode.ISOLATED, D(5))


async def test_a_hole_in_a_book_costs_the_socket(door):
    """A change says on which number it is put; ccxt puts it on whatever it has."""
    books = []
    await door.exchange.subscribe_orderbook(PERP, books.append)
    await door._until(lambda: books)
    door.venue.faults.drop(Kind.BOOK)
    door.venue.trade("202", symbol=PERP)
    door.venue.trade("203", symbol=PERP)
    await door._until(lambda: books[-1].bids[0].price == D("202.9"))

    assert door.exchange.listings.unknown["book:gap"] >= 1


# -- nonces -------------------------------------------------------------------------------------


async def test_no_two_orders_have_one_nonce(door):
    """Ccxt's are milliseconds, of which two orders may have the same."""
    client = door.exchange._client
    client.milliseconds = lambda: 1_000
    found = [await client.fetch_nonce("1", 5) for _ in range(3)]

    assert found[1:] == [found[0] + 1, found[0] + 2]


async def test_a_refused_nonce_is_asked_for_anew(door):
    """Whoever else uses the key costs one outcome in doubt, and no more."""
    door.venue.keys.next_nonce = 2**46
    with pytest.raises(OutcomeUnknown):
        await send(door, client_order_id="a1")
    order = await send(door, client_order_id="a2")

    assert order.status is OrderStatus.OPEN


# -- what is signed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"trigger_price": 1},
        {"integrator_account_index": 718718},
        {"integrator_maker_fee": 1000},
        {"order_type": 2},
        {"time_in_force": None},
        {"order_expiry": 0},
        {"time_in_force": 0},
    ],
)
def test_another_order_than_ours_is_not_signed(change):
    """No trigger, no integrator, no fee of one, no end that nobody asked for."""
    with pytest.raises(NotSent):
        order_of({**ASKED, **change})

    assert order_of(ASKED).price == 2000


async def test_nothing_else_is_signed():
    """No withdrawal, transfer, key, approval or group of orders, whatever ccxt has for it."""
    row = row_of("ccxt-lighter")
    client = make_client(row, VenueSettings(urls={}), {}, None, None, lambda: None)
    signs = {name for name in dir(client) if name.startswith("lighter_") and name not in OURS}

    for name in NEVER_SIGNED:
        with pytest.raises(NotSent, match=name):
            getattr(client, name)(None, {})
    await client.close()
    assert signs == set(NEVER_SIGNED)


async def test_the_secret_never_enters_ccxt(door):
    """The signer has it; ccxt only looks whether there is one."""
    client = door.exchange._client
    whole = repr({name: getattr(client, name, None) for name in ("options", "secret", "apiKey")})

    assert door.venue.key.secret not in whole
    assert client.privateKey in {None, ""}


async def test_without_the_signer_prices_work_and_trading_names_the_way_out(tmp_path):
    """A missing library is said with its install line, before any order."""
    async with LighterVenue() as venue:
        doors, transport = doors_to(venue, credentials(venue, signer=str(tmp_path / "none.so")))
        exchange = CcxtExchange("ccxt-lighter", doors)
        await exchange.connect()
        book = await exchange.get_orderbook(PERP)
        is_let_in = await exchange.authenticate()
        with pytest.raises((AuthError, NotSent)):
            await exchange.create_order(PERP, BUY, OrderType.LIMIT, D(1), D(190), OrderOptions())
        detail = exchange.get_status().detail
        await exchange.disconnect()
        await transport.close()

    assert book.bids
    assert not is_let_in
    assert "no such file" in detail


async def test_a_standard_account_keeps_the_small_budget(tmp_path):
    """Sixty requests a minute for everything; a premium account's are weighed."""
    small = ccxt_lighter_harness(tmp_path)
    small.venue.rest.be_standard()
    large = ccxt_lighter_harness(tmp_path)
    for harness in (small, large):
        await harness.start()
    waits = [harness.exchange.rest.budget.wait_s(600) for harness in (small, large)]
    for harness in (small, large):
        await harness.stop()

    assert waits[0] > 30
    assert waits[1] == 0


async def test_the_venues_own_signer_trades():
    """An order and its cancel, signed by lighter-sdk's library through our own door to it."""
    try:
        find_library(None)
    except ConfigError:
        pytest.skip("lighter-sdk's signer is not installed")
    async with LighterVenue(accepts_native=True) as venue:
        doors, transport = doors_to(venue, credentials(venue))
        exchange = CcxtExchange("ccxt-lighter", doors)
        await exchange.connect()
        assert await exchange.authenticate(), exchange.get_status().detail
        order = await exchange.create_order(
            PERP, BUY, OrderType.LIMIT, D(1), D(190), OrderOptions(client_order_id="a1")
        )
        gone = await exchange.cancel_order(order.order_id, PERP)
        sent = [call.name for call in venue.calls if call.path.endswith("sendTx")]
        await exchange.disconnect()
        await transport.close()

    assert (order.status, gone.status) == (OrderStatus.OPEN, OrderStatus.CANCELED)
    assert order.client_order_id == "a1"
    assert sent == ["create_order", "cancel_order"]


async def test_the_stand_in_checks_every_field(door):
    """A signature over another amount is refused, so a test here can fail."""
    signer = StandIn(door.venue.key)
    text = signer.create(order_of(ASKED), 2**40)
    altered = text.replace('"BaseAmount": 10', '"BaseAmount": 11').replace(
        '"BaseAmount":10', '"BaseAmount":11'
    )

    assert altered != text
    with pytest.raises(Refused, match="invalid signature"):
        door.venue.transactions.send(14, altered)
