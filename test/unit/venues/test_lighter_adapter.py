"""What is Lighter's own: its signer, refusals that come as cancels, orders that vanish."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.credentials import Credentials, Secret
from core.adapters.exchanges.decoding import Reading, listing_of
from core.adapters.exchanges.lighter import sign
from core.adapters.exchanges.lighter.adapter import LighterExchange, native_signer
from core.adapters.exchanges.lighter.news import News
from core.adapters.exchanges.lighter.parse import parse_funding_payments
from core.adapters.exchanges.models import (
    ExchangeType,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.native.hub import Hub
from core.errors import AuthError, ConfigError, OrderRejected, OutcomeUnknown
from core.testing.clock import ManualClock
from core.testing.venue import PERP
from core.testing.venues.faults import Kind
from core.testing.venues.harness import LoopbackHarness, lighter_harness
from core.testing.venues.lighter.venue import LighterVenue

D = Decimal


@asynccontextmanager
async def started(harness=None):
    """A harness while it runs."""
    harness = harness or lighter_harness(Path())
    await harness.start()
    try:
        yield harness
    finally:
        await harness.stop()


async def create(harness, price="190", **options):
    """A limit order to buy one."""
    return await harness.exchange.create_order(
        PERP, OrderSide.BUY, OrderType.LIMIT, D(1), D(price), OrderOptions(**options)
    )


async def test_what_matching_refuses_is_a_refusal_and_told_once():
    """The venue calls it a cancelled order; nobody is told of an order that never was."""
    async with started() as harness:
        harness.private.clear()
        with pytest.raises(OrderRejected) as caught:
            await create(harness, price="200.1", post_only=True, client_order_id="post1")
        await harness.clock.sleep(0.05)

        assert caught.value.code == "canceled-post-only"
        assert [item for item in harness.private if isinstance(item, OrderData)] == []


async def test_an_order_that_nobody_tells_of_is_unknown():
    """The sequencer took it, and it is neither on the socket nor in any list."""
    async with started() as harness:
        harness.venue.faults.drop(Kind.ORDER)
        harness.venue.faults.fail("get_open_orders")
        with pytest.raises(OutcomeUnknown):
            await create(harness, client_order_id="where1")
        order = await harness.exchange.get_order(None, PERP, client_order_id="where1")

        assert order.status is OrderStatus.OPEN


async def test_who_waits_longest_hears_first():
    """Events wake in the order of asking, so that a run is the same each time (X1, seed 104)."""
    hub, clock = Hub("lighter"), ManualClock()
    news = News(clock, hub, ClientNumbers("lighter", 48), lambda: None, lambda _: None)
    names = [str(number) for number in range(40)]
    woken = []

    async def wait(name):
        await news.of_end(name)
        woken.append(name)

    waiting = [asyncio.ensure_future(wait(name)) for name in names]
    await asyncio.sleep(0)
    told = OrderData(
        venue="lighter",
        symbol=PERP,
        order_id="",
        side=OrderSide.BUY,
        order_type=OrderType.LIMIT,
        status=OrderStatus.CANCELED,
        amount=D(1),
        price=D(190),
    )
    news.take("account_orders", [replace(told, order_id=name) for name in reversed(names)])
    await asyncio.gather(*waiting)

    assert woken == names


async def test_nonces_grow_with_the_clock_and_skip():
    """A restart needs to ask for none."""
    async with started() as harness:
        await create(harness, client_order_id="first")
        await create(harness, price="191", client_order_id="second")
        await harness.restart()
        await create(harness, price="192", client_order_id="third")
        calls = harness.venue.calls_of("create_order")
        infos = [json.loads(str(call.params["tx_info"])) for call in calls]

        assert [info["L2TxAttributes"] for info in infos] == [{"4": 1}] * 3
        nonces = [info["Nonce"] for info in infos]
        assert nonces == sorted(set(nonces))


async def test_there_is_no_fill_or_kill():
    """Nothing is sent that would mean something else."""
    async with started() as harness:
        with pytest.raises(OrderRejected) as caught:
            await create(harness, time_in_force=TimeInForce.FOK)

        assert caught.value.code == "FOK"
        assert harness.venue.calls_of("create_order") == []


async def test_without_a_signer_public_data_works_and_trading_does_not():
    """One line says what is missing and how to get it."""
    harness = lighter_harness(Path())
    harness._make = lambda doors: LighterExchange(doors, make_signer=missing)
    with pytest.raises(AssertionError, match="native signer"):
        await harness.start()
    try:
        assert harness.exchange.get_status().detail.count("\n") == 0
        assert (await harness.exchange.get_ticker(PERP)).bid == D("199.9")
    finally:
        await harness.stop()


def missing(_doors):
    """As where nothing is installed."""
    raise ConfigError("lighter: trading needs the venue's native signer.", remedy="Install it.")


def test_a_signer_that_is_not_there_is_named(tmp_path):
    """A path that leads nowhere, and a file that is none."""
    odd = tmp_path / "odd.so"
    odd.write_bytes(b"no library")
    with pytest.raises(ConfigError, match="no such file"):
        sign.find_library(str(tmp_path / "none.so"))
    with pytest.raises(ConfigError, match=r"odd\.so cannot be used") as caught:
        sign.NativeSigner(
            sign.find_library(str(odd)), url="", chain=304, account=1, key_index=5, secret="00"
        )

    assert "lighter-sdk" in caught.value.remedy


@pytest.mark.parametrize("changes", [{"account": ""}, {"options": {}}])
async def test_keys_that_lack_a_number_are_refused(changes):
    """Account and key are numbers at this venue."""
    from dataclasses import replace

    keys = Credentials(
        venue="lighter", account="1", secret=Secret("00"), options={"api_key_index": "5"}
    )
    harness = lighter_harness(Path())
    harness._credentials = lambda: replace(keys, **changes)
    harness._make = LighterExchange
    with pytest.raises(AssertionError, match="missing"):
        await harness.start()
    await harness.stop()


def native_library():
    """The venue's own signer, where it is installed."""
    try:
        return sign.find_library(None)
    except ConfigError:
        pytest.skip("lighter-sdk is not installed")


async def test_the_venues_own_signer_trades_against_the_loopback_venue():
    """Order, cancel, leverage and tokens, in the form that the venue's server takes."""
    native_library()
    venue = LighterVenue(accepts_native=True)
    harness = LoopbackHarness(
        venue,
        lambda doors: LighterExchange(doors, make_signer=native_signer),
        lambda: {
            "rest": venue.rest_url,
            "public": venue.public_url,
            "private": venue.private_url,
        },
        lambda: Credentials(
            venue="lighter",
            account=str(venue.key.account_index),
            secret=Secret(venue.key.secret),
            options={"api_key_index": str(venue.key.api_key_index)},
        ),
    )
    async with started(harness):
        order = await create(harness, client_order_id="k3x9q2w7E1zz", post_only=True)
        cancelled = await harness.exchange.cancel_order(order.order_id, PERP)
        leverage = await harness.exchange.set_leverage(PERP, D(4))

        assert (order.status, cancelled.status) == (OrderStatus.OPEN, OrderStatus.CANCELED)
        assert leverage.leverage == D(4)


def test_the_venues_own_signer_refuses_a_key_that_is_none():
    """Without repeating it."""
    library = native_library()
    with pytest.raises(AuthError) as caught:
        sign.NativeSigner(library, url="", chain=304, account=1, key_index=5, secret="zz")

    assert "zz" not in str(caught.value)


def test_a_settlement_has_the_side_of_its_position():
    """And what the account received."""
    listing = listing_of("1", "BTC", "USDC", ExchangeType.PERPETUAL)
    row = {
        "timestamp": 1_763_625_600,
        "market_id": 1,
        "funding_id": 77,
        "change": "-0.5",
        "rate": "0.00001",
        "position_size": "0.2",
        "position_side": "short",
    }
    reading = Reading(venue="lighter", listings={"1": listing}, account="9")
    (payment,) = parse_funding_payments({"code": 200, "position_fundings": [row]}, reading)

    assert (payment.payment_id, payment.amount, payment.position) == ("77", D("-0.5"), D("-0.2"))
    assert payment.at.isoformat() == "2025-11-20T08:00:00+00:00"


async def test_a_quiet_market_is_confirmed_on_the_socket_and_now_and_then_over_rest():
    """A question over REST costs as much as fifty orders: four of five are asked on the socket."""
    async with started() as harness:
        dialect = harness.exchange.public[0].dialect
        asked = len(harness.venue.calls)
        found = [await dialect.confirm() for _ in range(5)]
        calls = [call.name for call in harness.venue.calls[asked:]]

        assert found == [True] * 5
        assert calls == ["get_orderbook"]
        assert harness.exchange.is_connected()


async def test_a_market_that_moved_unheard_is_not_quiet():
    """The channel's state is another than what was told: this socket loses news (T14)."""
    async with started() as harness:
        dialect = harness.exchange.public[0].dialect
        harness.venue.faults.drop(Kind.QUOTE, times=len(harness.symbols))
        harness.venue.trade("205")
        told = await dialect.confirm()

        assert told is False


async def test_without_a_budget_the_socket_alone_is_believed():
    """No price grows old because there is nothing left to ask with."""
    async with started() as harness:
        dialect = harness.exchange.public[0].dialect
        harness.exchange.rest._budget.pause(60)
        found = [await dialect.confirm() for _ in range(5)]

        assert found == [True] * 5


def newest(item):
    """The price that a trade was made at, or that a book stands around."""
    return item.price if hasattr(item, "price") else item.bids[0].price + D("0.1")


@pytest.mark.parametrize("stream", ["trades", "book"])
async def test_a_market_without_its_ticker_is_confirmed_too(stream):
    """By its trades or its book: nothing missed is quiet, a change that was lost is not (T14)."""
    async with started() as harness:
        exchange = harness.exchange
        await exchange.unsubscribe()
        subscribe = {
            "trades": exchange.subscribe_trades,
            "book": exchange.subscribe_orderbook,
        }[stream]
        heard = []
        await subscribe(PERP, heard.append)
        harness.venue.trade("203")
        async with asyncio.timeout(5):
            while not heard or newest(heard[-1]) != D(203):  # noqa: ASYNC110 # a list tells nobody
                await asyncio.sleep(0.005)
        dialect = exchange.public[0].dialect
        is_quiet = await dialect.confirm()
        harness.venue.faults.drop(Kind.TRADE if stream == "trades" else Kind.BOOK)
        harness.venue.trade("204")
        is_quiet_then = await dialect.confirm()

        assert (is_quiet, is_quiet_then) == (True, False)
