"""The accounts of OKX and Bybit through ccxt: lists to their end, keys, sides, shared names."""

from datetime import timedelta
from decimal import Decimal

import pytest

from core.adapters.exchanges.ccxt.adapter import CcxtExchange
from core.adapters.exchanges.connection.limiter import Budgets
from core.adapters.exchanges.connection.network import NetworkTransport
from core.adapters.exchanges.connection.socket import Seams
from core.adapters.exchanges.credentials import Credentials, Secret
from core.adapters.exchanges.models import (
    FillData,
    MarginMode,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.settings import VenueSettings
from core.errors import AuthError, OrderRejected
from core.infrastructure.clock import WallClock
from core.infrastructure.rng import SeededRng
from core.testing.venue import PERP, SPOT, instrument
from core.testing.venues.bybit.venue import BybitVenue
from core.testing.venues.ccxt_harness import _harness, bybit_harness, okx_harness
from core.testing.venues.faults import PRIVATE_KINDS, Kind
from core.testing.venues.okx.venue import OkxVenue

D = Decimal
HARNESSES = {"bybit": bybit_harness, "okx": okx_harness}
VENUES = {"bybit": BybitVenue, "okx": OkxVenue}
BUY = OrderSide.BUY


@pytest.fixture
async def connect(tmp_path):
    """Makes a harness that is connected, by the venue's name."""
    made = []

    async def connected(name):
        harness = HARNESSES[name](tmp_path)
        made.append(harness)
        await harness.start()
        return harness

    yield connected
    for harness in made:
        await harness.stop()


async def send(harness, price="190", amount="1", symbol=PERP, **options):
    """The answer to a limit order to buy."""
    return await harness.exchange.create_order(
        symbol, BUY, OrderType.LIMIT, D(amount), D(price), OrderOptions(**options)
    )


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_every_open_order_is_found(connect, name):
    """More than a page of them, of both kinds: ccxt alone would tell the first page."""
    harness = await connect(name)
    for _ in range(130):
        harness.venue.place_foreign(PERP, BUY, "100", "0.1")
    harness.venue.place_foreign(SPOT, BUY, "100", "0.1")
    found = await harness.exchange.get_open_orders()

    assert len({order.order_id for order in found}) == 131
    assert {order.symbol for order in found} == {PERP, SPOT}
    assert len(await harness.exchange.get_open_orders(SPOT)) == 1


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_every_execution_since_a_moment_is_found(connect, name):
    """T13: more than a page of them, each once."""
    harness = await connect(name)
    first = harness.clock.now() - timedelta(milliseconds=1)  # venues tell milliseconds
    for _ in range(120):
        harness.venue.place_foreign(PERP, BUY, None, "0.05")
    found = await harness.exchange.get_fills(None, first)

    assert len({fill.trade_id for fill in found}) == 120
    assert sum(fill.amount for fill in found) == D(6)


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_closed_orders_of_both_kinds_are_told(connect, name):
    """Without a symbol, cancelled ones too."""
    harness = await connect(name)
    for symbol in (PERP, SPOT):
        order = await send(harness, symbol=symbol)
        await harness.exchange.cancel_order(order.order_id, symbol)
    found = await harness.exchange.get_order_history()

    assert {order.symbol for order in found} == {PERP, SPOT}
    assert {order.status for order in found} == {OrderStatus.CANCELED}


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_settlements_are_told_with_rate_and_position(connect, name):
    """What was paid is negative."""
    harness = await connect(name)
    await send(harness, price="200.1")
    harness.venue.settle_funding(PERP, "0.0001")
    (payment,) = await harness.exchange.get_funding_payments(PERP)

    assert (payment.amount, payment.rate, payment.position) == (D("-0.02"), D("0.0001"), D(1))


def made(venue, key, account=""):
    """The door to a venue with one of its keys."""
    clock = WallClock()
    passphrase = getattr(key, "passphrase", None)
    credentials = Credentials(
        venue=venue.name,
        account=account or venue.rest.account,
        key=key.api_key,
        secret=Secret(key.secret),
        passphrase=None if passphrase is None else Secret(passphrase),
    )
    doors = Doors(
        seams=Seams(transport=NetworkTransport(clock), clock=clock, rng=SeededRng(7)),
        budgets=Budgets(clock),
        settings=VenueSettings(urls={"rest": venue.rest_url, "socket": venue.socket_url}),
        credentials=credentials,
    )
    return CcxtExchange(venue.name, doors)


async def proved(venue, key="main", account=""):
    """What the adapter says of a key: the code of the error, or None."""
    exchange = made(venue, getattr(venue.keys, key), account)
    await exchange.connect()
    try:
        await exchange.prove()
    except AuthError as error:
        return error.code
    finally:
        await exchange.disconnect()
    return None


@pytest.mark.parametrize("name", sorted(HARNESSES))
@pytest.mark.parametrize(
    "key, account, code",
    [
        ("withdrawer", "", "WITHDRAW"),
        ("main", "999", "ACCOUNT"),
        ("main", "", None),
    ],
)
async def test_a_key_is_proved(name, key, account, code):
    """V30: one that may withdraw, or is another account's, is refused with what is wrong."""
    async with VENUES[name]() as venue:
        found = await proved(venue, key, account)

    assert found == code


async def test_positions_with_two_sides_are_refused():
    """V26: OKX tells the mode of the account, Bybit that of each position."""
    async with OkxVenue() as okx, BybitVenue() as bybit:
        okx.rest.position_mode = "long_short_mode"
        bybit.rest.is_hedged = True
        bybit.place_foreign(PERP, BUY, None, "1")
        found = [await proved(okx), await proved(bybit)]

    assert found == ["POSITION_MODE"] * 2


async def test_spot_and_contracts_of_one_name_are_told_apart():
    """Bybit calls both `TESTUSDT`; orders, executions and books go to the right one."""
    perp, spot = "TEST-USDT-PERP", "TEST-USDT-SPOT"
    names = {"quote": "USDT", "venue": "bybit"}
    venue = BybitVenue(
        instruments=[instrument(perp, settle="USDT", **names), instrument(spot, **names)]
    )
    key = Credentials(venue="bybit", key=venue.key.api_key, secret=Secret(venue.key.secret))
    harness = _harness(venue, "bybit", key)
    await harness.start()
    try:
        venue.trade("300", symbol=spot)
        await send(harness, "301", "1", symbol=spot, client_order_id="s1")
        await send(harness, "190", "1", symbol=perp, client_order_id="p1")
        await harness._until(lambda: [x for x in harness.private if isinstance(x, FillData)])
        books = [await harness.exchange.get_orderbook(name) for name in (perp, spot)]
        fills = await harness.exchange.get_fills()
        orders = await harness.exchange.get_open_orders()
    finally:
        await harness.stop()

    assert [book.bids[0].price for book in books] == [D("199.9"), D("299.9")]
    assert [(fill.symbol, fill.client_order_id) for fill in fills] == [(spot, "s1")]
    assert [(order.symbol, order.client_order_id) for order in orders] == [(perp, "p1")]
    told = {item.symbol for item in harness.private if isinstance(item, FillData)}
    assert told == {spot}


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_post_only_that_would_take_is_a_definite_no(connect, name):
    """V17: the venue takes it in and ends it, and the answer to the caller is the refusal."""
    harness = await connect(name)
    with pytest.raises(OrderRejected) as caught:
        await send(harness, price="200.5", post_only=True, client_order_id="a1")
    found = await harness.exchange.get_order(None, PERP, client_order_id="a1")

    assert caught.value.code == "POST_ONLY_WOULD_CROSS"
    assert found.status is OrderStatus.REJECTED


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_without_the_private_socket_rest_tells_what_became_of_an_order(connect, name):
    """T16: an answer that holds ids alone is completed all the same."""
    harness = await connect(name)
    harness.venue.faults.silence(*PRIVATE_KINDS)
    order = await send(harness, price="200.2", amount="2", client_order_id="a1")

    assert order.client_order_id == "a1"
    assert (order.status, order.filled) == (OrderStatus.FILLED, D(2))


async def test_a_leverage_that_is_in_force_is_not_sent_again(connect):
    """Bybit refuses a setting that changes nothing; and one mode is the whole account's."""
    harness = await connect("bybit")
    await harness.exchange.set_leverage(PERP, D(5))
    await harness.exchange.set_leverage(PERP, D(5))
    with pytest.raises(OrderRejected) as caught:
        await harness.exchange.set_margin_mode(PERP, MarginMode.ISOLATED)

    assert len(harness.venue.calls_of("set_leverage")) == 1
    assert caught.value.code == "MARGIN_MODE"


async def test_a_book_with_a_hole_is_built_anew(connect):
    """D1: ccxt does not look at Bybit's numbers; the socket is given up, and a snapshot comes."""
    harness = await connect("bybit")
    books = []
    await harness.exchange.subscribe_orderbook(PERP, books.append)
    await harness.trade("201")
    harness.venue.faults.drop(Kind.BOOK)
    harness.venue.trade("202", symbol=PERP)
    harness.venue.trade("203", symbol=PERP)
    await harness._until(lambda: books and books[-1].bids[0].price == D("202.9"))

    assert harness.exchange.listings.unknown["book:gap"] == 1
    assert [level.price for level in books[-1].bids] == [D("202.9"), D("202.8")]
    assert all(book.bids[0].price != D("201.9") for book in books)
