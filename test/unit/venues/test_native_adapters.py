"""What native adapters do when a venue does not do what it should, each beside its loopback venue.

The contract suite tells what they promise on a good day.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    ConnectionState,
    EventType,
    FillData,
    Margin,
    MarginMode,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.errors import (
    DuplicateClientOrderId,
    NotSent,
    OrderNotFound,
    OutcomeUnknown,
    RateLimited,
    TransportError,
)
from core.testing.venue import PERP
from core.testing.venues.faults import Kind, Loss
from core.testing.venues.harness import (
    binance_harness,
    hyperliquid_harness,
    started,
)

D = Decimal
HARNESSES = {"binance": binance_harness, "hyperliquid": hyperliquid_harness}


@pytest.fixture(params=sorted(HARNESSES))
def harness(request):
    """An adapter and its venue, not started yet."""
    return HARNESSES[request.param](Path())


async def create(harness, name, price="190", amount="1", **options):
    """A limit order to buy."""
    return await harness.exchange.create_order(
        PERP,
        OrderSide.BUY,
        OrderType.LIMIT,
        D(amount),
        D(price),
        OrderOptions(client_order_id=name, **options),
    )


async def until(holds, patience_s=5.0):
    """Waits for something that the sockets bring."""
    async with asyncio.timeout(patience_s):
        while not holds():  # noqa: ASYNC110 # a list tells nobody that it grew
            await asyncio.sleep(0.005)


async def over_http(harness):
    """Orders go over HTTP from now on, as when their socket is down."""
    exchange = harness.exchange
    for connection, _ in exchange.private:
        await connection.stop()


# -- outcomes -----------------------------------------------------------------------------------


async def test_a_lost_answer_leaves_the_outcome_unknown(harness):
    """The order exists, is found by our id, and was never sent twice."""
    async with started(harness):
        await over_http(harness)
        harness.venue.faults.lose_answer("create_order")
        with pytest.raises(OutcomeUnknown):
            await create(harness, "lost1")
        order = await harness.exchange.get_order(None, PERP, client_order_id="lost1")

        assert order.status is OrderStatus.OPEN
        assert len(harness.venue.calls_of("create_order")) == 1


async def test_a_lost_answer_on_the_socket_leaves_the_outcome_unknown(harness):
    """The socket ends before the answer: the same."""
    async with started(harness):
        harness.venue.faults.lose_answer("create_order", how=Loss.SILENCE)
        sending = asyncio.ensure_future(create(harness, "lost2"))
        await harness.venue.until(lambda: harness.venue.calls_of("create_order"))
        harness.venue.kill_sockets()
        with pytest.raises(OutcomeUnknown):
            await sending
        order = await harness.exchange.get_order(None, PERP, client_order_id="lost2")

        assert order.client_order_id == "lost2"
        assert len(harness.venue.calls_of("create_order")) == 1


@pytest.mark.parametrize("fault", ["html", "truncate", "fail"])
async def test_an_answer_that_is_none_leaves_the_outcome_unknown(harness, fault):
    """A page, half a body, a 503: none of them proves anything about the order."""
    async with started(harness):
        await over_http(harness)
        getattr(harness.venue.faults, fault)("create_order")
        with pytest.raises(OutcomeUnknown):
            await create(harness, "odd1")


async def test_a_read_that_fails_is_a_transport_error(harness):
    """It may be asked again, and is, by whoever wants to."""
    async with started(harness):
        harness.venue.faults.html("get_order", status=502)
        with pytest.raises(TransportError) as caught:
            await harness.exchange.get_order(None, PERP, client_order_id="x")
        with pytest.raises(OrderNotFound):
            await harness.exchange.get_order(None, PERP, client_order_id="x")

        assert not isinstance(caught.value, OutcomeUnknown | NotSent)


async def test_a_limit_of_the_venue_holds_everything_but_cancels(harness):
    """429 with its patience; the next order is refused here and not one byte of it leaves."""
    async with started(harness):
        order = await create(harness, "rests1")
        await over_http(harness)
        harness.venue.faults.limit("create_order", retry_after_s=7)
        with pytest.raises(RateLimited) as told:
            await create(harness, "over1")
        before = len(harness.venue.calls)
        with pytest.raises(RateLimited):
            await create(harness, "over2")
        assert len(harness.venue.calls) == before
        cancelled = await harness.exchange.cancel_order(order.order_id, PERP)

        assert told.value.retry_after_s == 7
        assert cancelled.status is OrderStatus.CANCELED


async def test_a_deadline_that_is_over_is_refused_by_the_venue(harness):
    """What arrives later than its deadline is a definite no."""
    async with started(harness):
        late = harness.clock.now().replace(microsecond=0)
        harness.venue.faults.clock_offset_s = 30.0
        with pytest.raises(Exception) as caught:  # noqa: PT011 # each venue has its own code
            await create(harness, "late1", expires_at=late)

        assert caught.value.reached_venue is True
        harness.venue.faults.clock_offset_s = 0.0
        assert await harness.exchange.get_open_orders() == []


async def test_an_id_that_is_taken_is_evidence(harness):
    """Over the socket as over HTTP."""
    async with started(harness):
        await create(harness, "same1")
        with pytest.raises(DuplicateClientOrderId):
            await create(harness, "same1", price="191")


# -- reconnection -------------------------------------------------------------------------------


async def test_what_was_missed_is_told_after_a_reconnection(harness):
    """An order fills while there is no socket: the execution is told once, and we are told so."""
    async with started(harness):
        order = await create(harness, "away1", price="199")
        events = []
        harness.exchange.add_event_callback(EventType.RECOVERED, events.append)
        harness.private.clear()
        harness.venue.kill_sockets()
        harness.venue.fill("away1" if harness.venue.name == "binance" else cloid("away1"))
        await until(lambda: any(isinstance(item, FillData) for item in harness.private))
        await until(lambda: harness.exchange.is_connected() and len(events) >= 2)
        await asyncio.sleep(0.05)

        fills = [item for item in harness.private if isinstance(item, FillData)]
        assert [(fill.order_id, fill.amount) for fill in fills] == [(order.order_id, D(1))]


def cloid(name):
    """Our id as Hyperliquid is told it."""
    from core.adapters.exchanges.hyperliquid.client_ids import readable_cloid

    return readable_cloid(name)


async def test_prices_come_again_after_a_reconnection(harness):
    """With all topics, and the status tells of the way there."""
    async with started(harness):
        states = []
        harness.exchange.add_event_callback(
            EventType.RECONNECTING, lambda event: states.append(event.detail)
        )
        harness.venue.kill_sockets()
        await until(lambda: states)
        await until(harness.exchange.is_connected)
        harness.tickers.clear()
        await harness.trade("203")

        assert harness.tickers[-1].last == D(203) or harness.tickers[-1].bid == D("202.9")
        assert harness.exchange.get_status().state is ConnectionState.LIVE


async def test_a_duplicated_message_is_told_once(harness):
    """The venue sends an execution twice."""
    async with started(harness):
        await create(harness, "twice1", price="199")
        harness.venue.faults.duplicate(Kind.FILL)
        await harness.trade("198")
        await until(lambda: any(isinstance(item, FillData) for item in harness.private))
        await asyncio.sleep(0.05)

        assert len([item for item in harness.private if isinstance(item, FillData)]) == 1


# -- books and trades ---------------------------------------------------------------------------


async def test_a_book_with_a_missing_change_is_asked_for_anew(harness):
    """What is told afterwards is the venue's book again."""
    async with started(harness):
        books = []
        await harness.exchange.subscribe_orderbook(PERP, books.append)
        await harness.trade("201")
        harness.venue.faults.drop(Kind.BOOK)
        await harness.trade("202")
        await harness.trade("203")
        await until(lambda: books and books[-1].bids[0].price == D("202.9"))
        truth = await harness.exchange.get_orderbook(PERP)

        assert [replace(level) for level in books[-1].bids] == list(truth.bids)
        assert [replace(level) for level in books[-1].asks] == list(truth.asks)
        assert all(book.bids[0].price < book.asks[0].price for book in books)


async def test_missing_trades_are_asked_for(harness):
    """Every trade is told once and in order, whatever the socket lost."""
    if harness.venue.name != "binance":
        pytest.skip("its trades have no consecutive ids")
    async with started(harness):
        trades = []
        await harness.exchange.subscribe_trades(PERP, trades.append)
        await harness.trade("201")
        harness.venue.faults.drop(Kind.TRADE, times=2)
        harness.venue.trade("202")
        harness.venue.trade("203")
        await harness.trade("204")
        await until(lambda: len(trades) == 4)

        assert [trade.price for trade in trades] == [D(201), D(202), D(203), D(204)]


async def test_prices_that_cannot_be_true_are_not_told(harness):
    """Crossed, zero, NaN: counted and left out."""
    async with started(harness):
        harness.tickers.clear()

        def broken(message):
            text = str(message)
            assert "bbo" in text or "bookTicker" in text
            if "data" in message:
                sides = message["data"]["bbo"]
                data = {**message["data"], "bbo": [{**sides[0], "px": "NaN"}, sides[1]]}
                return {**message, "data": data}
            return {**message, "b": message["a"], "a": message["b"]}

        harness.venue.faults.alter(Kind.QUOTE, broken, times=len(harness.symbols))
        await harness.trade("777")

        assert all(ticker.bid != D("776.9") for ticker in harness.tickers)
        assert all(
            ticker.bid < ticker.ask for ticker in harness.tickers if ticker.bid and ticker.ask
        )


# -- keys ---------------------------------------------------------------------------------------


async def refused(harness, **changes):
    """Why the adapter does not authenticate with other keys."""
    keys = replace(harness._credentials(), **changes)
    harness._credentials = lambda: keys
    with pytest.raises(AssertionError):
        await harness.start()
    detail = harness.exchange.get_status().detail
    with pytest.raises((NotSent, TransportError)):
        await create(harness, "never1")
    assert harness.venue.calls_of("create_order") == []
    await harness.stop()
    return detail


async def test_a_key_that_may_withdraw_is_refused():
    """Whatever else it may do."""
    harness = binance_harness(Path())
    from core.adapters.exchanges.credentials import Secret

    bad = harness.venue.keys.withdrawer
    detail = await refused(harness, key=bad.api_key, secret=Secret(bad.secret))

    assert "may withdraw" in detail


async def test_a_key_of_another_account_is_refused(harness):
    """The account was pinned."""
    other = "0x" + "1" * 40 if harness.venue.name == "hyperliquid" else "other"
    detail = await refused(harness, account=other)

    assert "another account" in detail


async def test_the_accounts_own_key_is_refused():
    """It could withdraw; an agent cannot."""
    from core.adapters.exchanges.credentials import Secret

    harness = hyperliquid_harness(Path())
    detail = await refused(harness, secret=Secret(harness.venue.wallets.main.secret))

    assert "account's own key" in detail


async def test_a_key_that_nobody_approved_is_refused():
    """An agent that is none."""
    from core.adapters.exchanges.credentials import Secret

    harness = hyperliquid_harness(Path())
    detail = await refused(harness, secret=Secret(harness.venue.wallets.stranger.secret))

    assert "no approved agent" in detail


async def test_an_account_in_hedge_mode_is_refused():
    """Its orders would mean something else."""
    harness = binance_harness(Path())
    harness.venue.rest.is_hedge_mode = True
    detail = await refused(harness)

    assert "hedge mode" in detail


async def test_margins_are_put_into_force_before_anything_is_traded(harness):
    """What the configuration says is what the venue has, or nothing is traded."""
    make = harness._make
    wanted = Margin(leverage=D(3), mode=MarginMode.ISOLATED)
    harness._make = lambda doors: make(replace(doors, margins={PERP: wanted}))
    async with started(harness):
        holding = harness.venue.floor.holding(PERP)

        assert (D(holding.leverage), holding.margin_mode) == (D(3), MarginMode.ISOLATED)


async def test_rules_that_differ_from_the_configuration_refuse_the_connection(harness):
    """A tick that the venue does not have is found before the first order."""
    from core.testing.venue import instrument

    make = harness._make
    odd = instrument(PERP, tick_size="0.0007")
    harness._make = lambda doors: make(replace(doors, expected=(odd,)))
    with pytest.raises(AssertionError):
        await harness.start()

    assert "tick_size" in harness.exchange.get_status().detail
    await harness.stop()


# -- silence and speed --------------------------------------------------------------------------


async def test_no_order_carries_anything_for_somebody_else(harness):
    """No builder, no referrer, no broker's prefix: only what was asked for is sent."""
    async with started(harness):
        await create(harness, "plain1")
        (call,) = harness.venue.calls_of("create_order")
        text = f"{dict(call.params)} {call.body!r}".lower()

        assert not any(word in text for word in ("builder", "referr", "broker", "x-"))
        names = {item.name for item in harness.venue.calls}
        assert not names & {"approveBuilderFee", "setReferrer"}


async def test_fifty_subscriptions_are_live_again_in_two_seconds():
    """After every socket was lost, on a loopback."""
    from core.adapters.exchanges.credentials import Secret
    from core.testing.venue import instrument
    from core.testing.venues.binance.venue import BinanceVenue

    markets = [
        instrument(f"C{i}-USDC-PERP", base=f"C{i}", venue="binance", venue_symbol=f"C{i}USDC")
        for i in range(25)
    ]
    harness = binance_harness(Path())
    harness.venue = BinanceVenue(instruments=markets)
    urls = {"public": "/public/ws", "market": "/market/ws", "private": "/private/ws"}
    harness._addresses = lambda: {
        **{name: f"{harness.venue.socket_url}{path}" for name, path in urls.items()},
        **dict.fromkeys(("rest", "account"), harness.venue.rest_url),
        "orders": harness.venue.api_url,
    }
    keys = replace(
        harness._credentials(),
        key=harness.venue.key.api_key,
        secret=Secret(harness.venue.key.secret),
    )
    harness._credentials = lambda: keys
    async with started(harness):
        exchange = harness.exchange
        topics = sum(len(connection.subscriptions) for connection in exchange.public)
        assert topics >= 50
        harness.tickers.clear()
        began = harness.clock.monotonic_ns()
        harness.venue.kill_sockets()
        await until(lambda: not exchange.is_connected())
        await until(lambda: exchange.is_connected() and exchange.is_authenticated())
        await until(lambda: len({item.symbol for item in harness.tickers}) == 25)

        assert (harness.clock.monotonic_ns() - began) / 1e9 < 2.0


@pytest.mark.slow
async def test_a_muted_socket_is_found_and_replaced_in_ten_seconds(harness):
    """For once on the wall's clock: pings are answered, data is not."""
    async with started(harness):
        for price in ("201", "202", "203"):
            await harness.trade(price)
        harness.venue.mute_sockets()
        before = set(harness.venue.sockets)
        began = harness.clock.monotonic_ns()
        price = 210

        def has_replaced():
            return any(
                s not in before and "t" in str(s.topics).lower() for s in harness.venue.sockets
            )

        while not has_replaced():
            price += 1
            harness.venue.trade(str(price))
            await asyncio.sleep(0.25)

        assert (harness.clock.monotonic_ns() - began) / 1e9 <= 10.0
