"""What edgeX and Lighter make of requests that go wrong, each beside its loopback venue.

An order is sent once, whatever comes back; what is not proved to be refused is asked for by our id.
"""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    FillData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.errors import (
    AuthError,
    NotSent,
    OrderNotFound,
    OutcomeUnknown,
    RateLimited,
    TransportError,
)
from core.testing.venue import PERP
from core.testing.venues.faults import Answer, Kind, Loss
from core.testing.venues.harness import edgex_harness, lighter_harness

D = Decimal
HARNESSES = {"edgex": edgex_harness, "lighter": lighter_harness}


@pytest.fixture(params=sorted(HARNESSES))
def harness(request):
    """An adapter and its venue, not started yet."""
    return HARNESSES[request.param](Path())


@asynccontextmanager
async def started(harness):
    """The harness while it runs."""
    await harness.start()
    try:
        yield harness.exchange
    finally:
        await harness.stop()


async def buy(exchange, name, price="190"):
    """A limit order to buy one."""
    return await exchange.create_order(
        PERP, OrderSide.BUY, OrderType.LIMIT, D(1), D(price), OrderOptions(client_order_id=name)
    )


async def asked(exchange, name):
    """The order that our id names, as the venue has it."""
    return await exchange.get_order(None, PERP, client_order_id=name)


def creates(harness):
    """How many orders arrived."""
    return len(harness.venue.calls_of("create_order"))


async def until(holds, patience_s=5.0):
    """Waits for something that the sockets bring."""
    async with asyncio.timeout(patience_s):
        while not holds():  # noqa: ASYNC110 # a list tells nobody that it grew
            await asyncio.sleep(0.005)


# -- creates ------------------------------------------------------------------------------------


async def test_a_request_that_never_arrived_left_no_order(harness):
    """Unknown, then not found by our id; nothing was sent twice (T1)."""
    async with started(harness) as exchange:
        harness.venue.faults.lose_request()
        with pytest.raises(OutcomeUnknown):
            await buy(exchange, "gone1")
        with pytest.raises(OrderNotFound):
            await asked(exchange, "gone1")

        assert harness.venue.floor.open_orders() == []
        assert creates(harness) == 1


async def test_an_order_whose_answer_was_lost_is_found(harness):
    """It rests, once (T2)."""
    async with started(harness) as exchange:
        harness.venue.faults.lose_answer()
        with pytest.raises(OutcomeUnknown):
            await buy(exchange, "rest1")

        assert (await asked(exchange, "rest1")).status is OrderStatus.OPEN
        assert len(harness.venue.floor.open_orders()) == creates(harness) == 1


async def test_an_order_that_filled_without_an_answer_is_found_with_its_fill(harness):
    """By our id, in the list of executions, and once on the socket (T3)."""
    async with started(harness) as exchange:
        harness.venue.faults.lose_answer()
        with pytest.raises(OutcomeUnknown):
            await buy(exchange, "full1", price="200.1")
        order = await asked(exchange, "full1")
        fills = await exchange.get_fills(PERP)
        await until(lambda: any(isinstance(item, FillData) for item in harness.private))

        assert order.status is OrderStatus.FILLED
        assert [fill.client_order_id for fill in fills] == ["full1"]
        told = [item for item in harness.private if isinstance(item, FillData)]
        assert [(item.trade_id, item.amount) for item in told] == [(fills[0].trade_id, D(1))]


BROKEN = {
    "503 before": lambda faults: faults.fail(),
    "503 after": lambda faults: faults.fail(after_acceptance=True),
    "page": lambda faults: faults.html(),
    "page after": lambda faults: faults.html(status=502, after_acceptance=True),
    "half": lambda faults: faults.truncate(),
    "empty": lambda faults: faults.answer(answer=Answer(b"", 200)),
    "list": lambda faults: faults.answer(answer=Answer([], 200)),
    "other": lambda faults: faults.answer(answer=Answer({"status": "ok"}, 200)),
    "forbidden": lambda faults: faults.fail(status=403, body=b"Forbidden"),
    "region": lambda faults: faults.fail(status=451, body=b"Unavailable For Legal Reasons"),
    "redirect": lambda faults: faults.answer(
        answer=Answer(b"", 307, {"Location": "http://127.0.0.1:9/elsewhere"})
    ),
}


@pytest.mark.parametrize("how", sorted(BROKEN))
async def test_an_answer_that_is_none_proves_nothing(harness, how):
    """Pages, halves, nothing, another shape, a firewall, a redirect (T4, T22, T23, V23)."""
    async with started(harness) as exchange:
        BROKEN[how](harness.venue.faults)
        with pytest.raises(OutcomeUnknown) as caught:
            await buy(exchange, "odd1")
        there = harness.venue.floor.open_orders()

        assert creates(harness) == 1
        assert len(str(caught.value)) < 500
        if there:
            assert (await asked(exchange, "odd1")).status is OrderStatus.OPEN
        else:
            with pytest.raises(OrderNotFound):
                await asked(exchange, "odd1")


async def test_a_body_that_is_too_long_is_no_answer():
    """It is not read to its end (T4)."""
    harness = edgex_harness(Path())
    async with started(harness) as exchange:
        harness.venue.faults.huge(size=65 * 1024 * 1024)
        with pytest.raises(OutcomeUnknown):
            await buy(exchange, "huge1")


async def test_answers_that_were_mixed_up_make_no_order_another(harness):
    """Each order is either what our id names, or unknown (T5)."""
    async with started(harness) as exchange:
        harness.venue.faults.mix()
        found = (
            await asyncio.gather(
                buy(exchange, "mix1", "190"), buy(exchange, "mix2", "191"), return_exceptions=True
            )
            if harness.venue.name == "edgex"
            else [await mixed_with_a_question(harness, exchange)]
        )

        for name, result in zip(("mix1", "mix2"), found, strict=False):
            if isinstance(result, OrderData):
                assert result == await asked(exchange, name)
            else:
                assert isinstance(result, OutcomeUnknown)
        assert (await asked(exchange, "mix1")).price == D(190)


async def mixed_with_a_question(harness, exchange):
    """Lighter has one transaction under way at a time: its answer is mixed with that of a read."""
    harness.venue.faults.clear()
    harness.venue.faults.mix("*")
    return (
        await asyncio.gather(
            buy(exchange, "mix1", "190"), exchange.get_ticker(PERP), return_exceptions=True
        )
    )[0]


async def test_what_could_not_leave_was_not_sent(harness):
    """Nobody listens: that is proof (T9)."""
    async with started(harness) as exchange:
        await harness.venue.go_down()
        with pytest.raises(NotSent):
            await buy(exchange, "down1")
        await harness.venue.come_back()
        with pytest.raises(OrderNotFound):
            await asked(exchange, "down1")

        assert creates(harness) == 0


async def test_a_market_order_without_a_price_is_not_sent(harness):
    """Its worst price is that of the book, and the book did not answer (T9)."""
    async with started(harness) as exchange:
        harness.venue.faults.fail("get_orderbook")
        with pytest.raises(NotSent):
            await exchange.create_order(PERP, OrderSide.BUY, OrderType.MARKET, D(1))

        assert creates(harness) == 0


# -- cancels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_arrived", [False, True])
async def test_a_cancel_without_an_answer_is_repeated_until_the_venue_says(harness, has_arrived):
    """The order stays ours to ask about; a second cancel ends it or finds it over (T6)."""
    async with started(harness) as exchange:
        order = await buy(exchange, "stop1")
        faults = harness.venue.faults
        lose = faults.lose_answer if has_arrived else faults.lose_request
        lose("cancel_order")
        with pytest.raises(OutcomeUnknown):
            await exchange.cancel_order(order.order_id, PERP)
        try:
            await exchange.cancel_order(order.order_id, PERP)
        except OrderNotFound:
            assert has_arrived

        assert (await asked(exchange, "stop1")).status is OrderStatus.CANCELED


# -- limits -------------------------------------------------------------------------------------


async def test_a_limit_of_the_venue_is_kept_by_everything_but_cancels(harness):
    """Retry-After counts; getting out still works (T10)."""
    async with started(harness) as exchange:
        order = await buy(exchange, "open1")
        harness.venue.faults.limit(retry_after_s=30)
        with pytest.raises(RateLimited) as caught:
            await buy(exchange, "much1")
        with pytest.raises(RateLimited):
            await buy(exchange, "much2")
        gone = await exchange.cancel_order(order.order_id, PERP)

        assert caught.value.retry_after_s == 30
        assert gone.status is OrderStatus.CANCELED
        assert creates(harness) == 2


async def test_a_ban_is_kept_by_cancels_too(harness):
    """Nothing leaves before it is over: each probe would make it longer (T11)."""
    async with started(harness) as exchange:
        order = await buy(exchange, "open1")
        harness.venue.faults.limit(retry_after_s=300, status=418)
        with pytest.raises(RateLimited):
            await buy(exchange, "banned1")
        arrived = len(harness.venue.calls)
        with pytest.raises(RateLimited):
            await exchange.cancel_order(order.order_id, PERP)

        assert len(harness.venue.calls) == arrived


# -- reads, sockets, keys -----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["503", "page", "half", "silence"])
async def test_a_read_that_fails_says_so_and_may_be_repeated(harness, how):
    """No order is in doubt; the next question is answered (T4, V23)."""
    async with started(harness) as exchange:
        faults = harness.venue.faults
        {
            "503": lambda: faults.fail("get_open_orders"),
            "page": lambda: faults.html("get_open_orders"),
            "half": lambda: faults.truncate("get_open_orders"),
            "silence": lambda: faults.lose_answer("get_open_orders", how=Loss.RESET),
        }[how]()
        with pytest.raises(TransportError) as caught:
            await exchange.get_open_orders(PERP)

        assert not isinstance(caught.value, OutcomeUnknown)
        assert await exchange.get_open_orders(PERP) == []


async def test_maintenance_is_survived(harness):
    """Everything is refused for a while; afterwards everything works without a restart (V23)."""
    async with started(harness) as exchange:
        rule = harness.venue.faults.maintenance(body=b"<html>maintenance</html>")
        with pytest.raises(OutcomeUnknown):
            await buy(exchange, "closed1")
        report = await exchange.health_check()
        rule.cancel()
        with pytest.raises(OrderNotFound):
            await asked(exchange, "closed1")

        assert not report.is_healthy
        assert (await buy(exchange, "later1")).status is OrderStatus.OPEN


async def test_a_private_socket_that_is_silent_is_asked_around_and_replaced(harness):
    """An order that it does not tell of is found by a question; then there is another (T16)."""
    async with started(harness) as exchange:
        harness.venue.mute_sockets()
        order = await buy(exchange, "mute1")
        await until(lambda: exchange.private[0][0].lives == 2 and exchange.is_authenticated())
        harness.private.clear()
        harness.venue.fill(harness.venue.floor.open_orders()[0].client_order_id)
        await until(lambda: any(isinstance(item, FillData) for item in harness.private))

        assert order.status is OrderStatus.OPEN
        assert harness.venue.calls_of("get_order") or harness.venue.calls_of("get_open_orders")


async def test_a_private_socket_that_is_late_is_kept():
    """What it tells within two seconds more is in time."""
    harness = edgex_harness(Path())
    async with started(harness) as exchange:
        harness.venue.faults.hold(Kind.ORDER, seconds=1.0)
        order = await buy(exchange, "late1")
        await asyncio.sleep(2.1)

        assert order.status is OrderStatus.OPEN
        assert exchange.private[0][0].lives == 1


@pytest.mark.parametrize(
    "close", [{}, {"code": 1000}, {"code": 1001}, {"code": 1012, "reason": "service restart"}]
)
async def test_a_socket_that_ends_comes_back_and_misses_nothing(harness, close):
    """Without a word, or with one: what filled meanwhile is told once (T13)."""
    async with started(harness) as exchange:
        await buy(exchange, "away1")
        name = harness.venue.floor.open_orders()[0].client_order_id
        harness.private.clear()
        harness.venue.kill_sockets(**close)
        harness.venue.fill(name)
        await until(lambda: any(isinstance(item, FillData) for item in harness.private))
        await until(lambda: exchange.is_connected() and exchange.is_authenticated())
        await asyncio.sleep(0.05)

        fills = [item for item in harness.private if isinstance(item, FillData)]
        assert [fill.client_order_id for fill in fills] == ["away1"]


async def test_a_topic_that_the_venue_does_not_have_says_so(harness):
    """Refused by name, not waited for (T17)."""
    topic = {"edgex": "depth.99.200", "lighter": "order_book/99"}[harness.venue.name]
    async with started(harness) as exchange:
        with pytest.raises(Exception, match=topic.partition(".")[0]) as caught:
            await exchange.public[0].subscribe(topic)

        assert "refused" in str(caught.value)
        assert exchange.is_connected()


async def test_a_private_question_of_a_stranger_is_refused(harness):
    """The signature is another's: no outcome is in doubt for a read, and nothing is told (V30)."""
    async with started(harness) as exchange:
        body = {
            "edgex": {"code": "API_KEY_INVALID", "msg": "no such key"},
            "lighter": {"code": 20013, "message": "invalid auth: expired token"},
        }[harness.venue.name]
        harness.venue.faults.answer("get_open_orders", Answer(body, 400))
        with pytest.raises((AuthError, TransportError)) as caught:
            await exchange.get_open_orders(PERP)

        assert not isinstance(caught.value, OutcomeUnknown)
        assert await exchange.get_open_orders(PERP) == []
