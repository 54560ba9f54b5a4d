"""What OKX, Bybit and Lighter may do to the ccxt door; ids are those of docs/reliability.md."""

import asyncio
import json
from datetime import timedelta
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import (
    ConnectionState,
    EventType,
    FillData,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
)
from core.errors import (
    MalformedMessage,
    NotSent,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    TransportError,
)
from core.testing.venue import PERP
from core.testing.venues.ccxt_harness import (
    bybit_harness,
    ccxt_lighter_harness,
    okx_harness,
)
from core.testing.venues.faults import PRIVATE_KINDS, Kind

D = Decimal
HARNESSES = {"bybit": bybit_harness, "lighter": ccxt_lighter_harness, "okx": okx_harness}
BUY, SELL = OrderSide.BUY, OrderSide.SELL


@pytest.fixture(params=["bybit", pytest.param("lighter", marks=pytest.mark.nightly), "okx"])
async def door(request, tmp_path):
    """The door connected to each venue."""
    harness = HARNESSES[request.param](tmp_path)
    await harness.start()
    yield harness
    await harness.stop()


@pytest.fixture(params=["bybit", "okx"])
async def named(request, tmp_path):
    """The same where answers carry our ids and requests a deadline; Lighter's have neither."""
    harness = HARNESSES[request.param](tmp_path)
    await harness.start()
    yield harness
    await harness.stop()


@pytest.fixture
async def okx(tmp_path):
    """The door connected to OKX."""
    harness = okx_harness(tmp_path)
    await harness.start()
    yield harness
    await harness.stop()


async def send(door, price="190", amount="1", side=BUY, **options):
    """The answer to a limit order."""
    return await door.exchange.create_order(
        PERP, side, OrderType.LIMIT, D(amount), D(price), OrderOptions(**options)
    )


async def found(door, name="a1"):
    """What the venue says of an order of ours."""
    return await door.exchange.get_order(None, PERP, client_order_id=name)


def heard(door, kind):
    """What the private side delivered of a kind."""
    return [item for item in door.private if isinstance(item, kind)]


# -- the line -----------------------------------------------------------------------------------


async def test_a_create_that_never_arrived_is_unknown_and_not_there(door):
    """T1: it is asked for by our id, and nothing was sent twice."""
    door.venue.faults.lose_request()
    with pytest.raises(OutcomeUnknown):
        await send(door, client_order_id="a1")
    with pytest.raises(OrderNotFound):
        await found(door)

    assert len(door.venue.calls_of("create_order")) == 1


async def test_a_create_whose_answer_was_lost_is_found_with_its_fill(door):
    """T2, T3: it is there by our id, and its execution comes once."""
    door.venue.faults.lose_answer()
    with pytest.raises(OutcomeUnknown):
        await send(door, "200.1", client_order_id="a1")
    order = await found(door)
    await door._until(lambda: heard(door, FillData))

    assert (order.status, order.filled) == (OrderStatus.FILLED, D(1))
    assert [fill.client_order_id for fill in heard(door, FillData)] == ["a1"]
    assert [fill.order_id for fill in await door.exchange.get_fills()] == [order.order_id]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda faults: faults.fail(status=503),
        lambda faults: faults.fail(status=502, after_acceptance=True),
        lambda faults: faults.html(after_acceptance=True),
        lambda faults: faults.truncate(),
        lambda faults: faults.fail(status=200, body=b"", after_acceptance=True),
        lambda faults: faults.fail(status=403, body=b"<html>"),
    ],
)
async def test_an_answer_that_proves_nothing_is_unknown(okx, spoil):
    """T4, T22: a 5xx, a page, half of a body, none: before acceptance and after it."""
    spoil(okx.venue.faults)

    with pytest.raises(OutcomeUnknown):
        await send(okx, client_order_id="a1")
    assert len(okx.venue.calls_of("create_order")) == 1


async def test_an_answer_for_another_order_is_unknown(named):
    """T5: client ids are compared, whatever the venue calls a success."""

    def another(body):
        return json.loads(json.dumps(body).replace('"a1"', '"b7"'))

    named.venue.faults.alter_answer("create_order", another)

    with pytest.raises(OutcomeUnknown, match="b7"):
        await send(named, client_order_id="a1")


async def test_an_order_past_its_deadline_is_not_taken(named):
    """T1: it arrives late, and a negative answer is final then."""
    expires_at = named.clock.now() + timedelta(milliseconds=150)
    named.venue.faults.delay("create_order", seconds=0.25)
    with pytest.raises((OrderRejected, OutcomeUnknown)):
        await send(named, client_order_id="a1", expires_at=expires_at)
    with pytest.raises(OrderNotFound):
        await found(named)

    later = named.clock.now() + timedelta(seconds=5)
    assert (await send(named, client_order_id="a2", expires_at=later)).status is OrderStatus.OPEN


async def test_a_cancel_without_an_answer_may_be_repeated(door):
    """T6: the second one says that it is not open, and the order itself says why."""
    order = await send(door, client_order_id="a1")
    door.venue.faults.lose_answer("cancel_order")
    with pytest.raises(OutcomeUnknown):
        await door.exchange.cancel_order(order.order_id, PERP)
    with pytest.raises(OrderNotFound):
        await door.exchange.cancel_order(order.order_id, PERP)

    assert (await found(door)).status is OrderStatus.CANCELED


async def test_nothing_leaves_for_a_venue_that_refuses_connections(door):
    """T9: provably unsent."""
    await door.venue.go_down()
    with pytest.raises(NotSent):
        await send(door, client_order_id="a1")
    await door.venue.come_back()

    assert door.venue.calls_of("create_order") == []
    assert (await send(door, client_order_id="a1")).status is OrderStatus.OPEN


async def test_a_limit_says_when_to_go_on(okx):
    """T10: the wait of `Retry-After`; what was refused was not done."""
    body = {"code": "50011", "msg": "Too Many Requests"}
    okx.venue.faults.limit("create_order", retry_after_s=3, body=body)
    with pytest.raises(RateLimited) as caught:
        await send(okx, client_order_id="a1")

    assert caught.value.retry_after_s == 3
    with pytest.raises(OrderNotFound):
        await found(okx)


async def test_bybits_limit_is_no_failure(tmp_path):
    """T10: it comes with 200 and a code, and was refused before matching."""
    harness = bybit_harness(tmp_path)
    await harness.start()
    try:
        body = {"retCode": 10006, "retMsg": "Too many visits.", "result": {}}
        harness.venue.faults.fail("create_order", status=200, body=body)
        with pytest.raises(RateLimited):
            await send(harness, client_order_id="a1")
        assert await harness.exchange.get_open_orders() == []
    finally:
        await harness.stop()


async def test_what_filled_without_a_socket_is_told_once(door):
    """T13, V2: executions since the last one, from REST, and no second time from the stream."""
    await send(door, "199", client_order_id="a1")
    await send(door, "198", client_order_id="a2")
    await door.trade("198.5")
    door.venue.kill_sockets()
    door.venue.trade("197")
    await door._until(lambda: len(heard(door, FillData)) == 2 and door.exchange.is_authenticated())
    await door.trade("197.5")

    assert [fill.client_order_id for fill in heard(door, FillData)] == ["a1", "a2"]
    assert door.exchange.get_status().state is ConnectionState.LIVE


async def test_what_happened_before_the_venue_listened_is_asked_for(okx):
    """T13: ccxt does not say when a subscription stands, so executions are asked for once more."""
    okx.venue.faults.drop(Kind.FILL)
    await send(okx, "200.1", client_order_id="a1")
    await okx._until(lambda: heard(okx, FillData))

    assert [fill.client_order_id for fill in heard(okx, FillData)] == ["a1"]


async def test_a_socket_that_only_pongs_is_given_up(okx):
    """T14, T21: silence is compared with REST, and a new socket tells the price of now."""
    events = []
    okx.exchange.add_event_callback(EventType.STALE, events.append)
    await okx.trade("201")
    okx.venue.mute_sockets()
    okx.venue.trade("205", symbol=PERP)
    began = okx.clock.monotonic_ns()
    okx.tickers.clear()
    async with asyncio.timeout(12):
        await okx.venue.until(lambda: any(not each.is_muted for each in okx.venue.sockets), 12)
        while not any(item.bid == D("204.9") for item in okx.tickers):
            await okx.clock.sleep(0.01)

    assert events
    assert (okx.clock.monotonic_ns() - began) / 1e9 < 10


async def test_a_quiet_market_is_no_broken_one(okx):
    """T14: where REST tells the same prices, they are fresh again and nothing is given up."""
    before = list(okx.venue.sockets)
    okx.tickers.clear()
    async with asyncio.timeout(8):
        while not okx.tickers:
            await okx.clock.sleep(0.01)

    assert okx.venue.sockets == before
    assert okx.tickers[-1].bid == D("199.9")


@pytest.mark.parametrize("fault", ["duplicate", "swap", "hold"])
async def test_private_messages_may_come_twice_late_or_turned_round(door, fault):
    """T18, V1, V2, V6: each execution counts once, and the last state of the order is the end."""
    act = getattr(door.venue.faults, fault)
    act(Kind.FILL, **({"seconds": 0.1} if fault == "hold" else {}))
    order = await send(door, "200.2", "4", client_order_id="a1")
    await door._until(lambda: len(heard(door, FillData)) == 2)
    fills = heard(door, FillData)

    assert order.order_id == fills[0].order_id
    assert sorted(str(fill.amount.normalize()) for fill in fills) == ["1", "3"]
    assert (await found(door)).status is OrderStatus.FILLED


async def test_a_key_that_the_venue_forgot_is_said(okx):
    """T20: the private side is down, and says why; public prices go on."""
    okx.venue.keys.revoke(okx.venue.key)
    okx.venue.kill_sockets()
    await okx._until(lambda: "apiKey" in okx.exchange.get_status().detail)

    assert not okx.exchange.is_authenticated()
    await okx.trade("201")
    await okx._until(lambda: okx.tickers[-1].last == D("201"))


# -- the venue ----------------------------------------------------------------------------------


async def test_an_execution_before_the_answer_counts_once(door):
    """V1: the answer comes half a second after the fill was heard."""
    door.venue.faults.delay_answer(seconds=0.3)
    order = await send(door, "200.1", client_order_id="a1")

    assert [fill.order_id for fill in heard(door, FillData)] == [order.order_id]
    assert order.status is OrderStatus.FILLED


async def test_a_fill_beats_the_cancel(door):
    """V4: the cancel says that it is not open, and the order that it filled."""
    order = await send(door, client_order_id="a1")
    door.venue.floor.faults.fill_first()
    with pytest.raises(OrderNotFound):
        await door.exchange.cancel_order(order.order_id, PERP)

    assert (await found(door)).filled == D(1)
    await door._until(lambda: heard(door, FillData))
    assert [fill.amount for fill in heard(door, FillData)] == [D(1)]


async def test_a_part_that_filled_stays_with_a_cancelled_order(named):
    """V5: what filled and what did not add up."""
    order = await send(named, client_order_id="a1")
    named.venue.fill("a1", "0.3")
    gone = await named.exchange.cancel_order(order.order_id, PERP)

    assert (gone.status, gone.filled, gone.amount) == (OrderStatus.CANCELED, D("0.3"), D(1))


async def test_an_order_of_somebody_else_is_shown_and_left_alone(door):
    """V10: it stands among the open ones under no id of ours."""
    door.venue.place_foreign(PERP, SELL, "300", "1")
    (order,) = await door.exchange.get_open_orders()

    assert (order.side, order.client_order_id) == (SELL, None)


async def test_a_position_that_somebody_made_is_told(door):
    """V11: with its sign, from the venue."""
    door.venue.place_foreign(PERP, SELL, None, "2")
    (position,) = await door.exchange.get_positions()
    await door._until(lambda: heard(door, PositionData))

    assert position.size == D(-2)
    assert heard(door, PositionData)[-1].size == D(-2)


async def test_a_hundred_refusals_open_nothing(door):
    """V18, V24: reduce-only without a position, and more than the account can carry."""
    for options in ({"reduce_only": True}, {}):
        with pytest.raises(OrderRejected) as caught:
            await send(door, "199", "510", **options)
        assert caught.value.code
    assert await door.exchange.get_open_orders() == []


async def test_instruments_are_asked_for_again(okx):
    """V21, V22: one that was halted meanwhile takes no order."""
    before = len(okx.venue.calls_of("get_instruments"))

    def halted(body):
        rows = [row | {"state": "suspend"} for row in body["data"]]
        return {**body, "data": rows}

    okx.venue.faults.alter_answer("get_instruments", halted, times=2)
    okx.exchange._begin_refresh()
    await okx.venue.until(lambda: len(okx.venue.calls_of("get_instruments")) >= before + 2)
    await okx._until(lambda: not okx.exchange.listings.of(PERP).is_trading)

    with pytest.raises(OrderRejected, match="does not trade"):
        await send(okx)


async def test_maintenance_is_an_error_of_the_line(door):
    """V23: a read may be repeated, an order is unknown."""
    rule = door.venue.faults.maintenance()
    with pytest.raises(TransportError):
        await door.exchange.get_balances()
    with pytest.raises(OutcomeUnknown):
        await send(door)
    rule.cancel()

    assert (await send(door)).status is OrderStatus.OPEN


async def test_a_list_that_lags_shows_nothing_yet(door):
    """V29: an order that is not shown is not found; that proves nothing by itself."""
    await send(door, client_order_id="a1")
    rules = [door.venue.faults.lag(name) for name in ("get_order", "get_open_orders")]
    rules.append(door.venue.faults.lag("get_order_history"))
    with pytest.raises(OrderNotFound):
        await found(door)
    for rule in rules:
        rule.cancel()

    assert (await found(door)).status is OrderStatus.OPEN


async def test_ids_beyond_what_a_float_holds_stay_whole(okx):
    """V31: they are text from end to end."""
    order = await send(okx)

    assert int(order.order_id) > 2**53
    assert (await okx.exchange.get_order(order.order_id, PERP)).order_id == order.order_id


@pytest.mark.parametrize("word", ["NaN", "-1", "0", "Infinity", "1e99999999", "x"])
async def test_numbers_that_cannot_be_never_reach_anybody(okx, word):
    """V30: a private message with one is refused, also to ccxt, and what it meant is asked for."""

    def spoiled(message):
        rows = [row | {"fillPx": word, "fillSz": "1"} for row in message["data"]]
        return {**message, "data": rows}

    okx.venue.faults.alter(Kind.FILL, spoiled)
    await send(okx, "200.1", client_order_id="a1")
    await okx._until(lambda: heard(okx, FillData))

    assert [fill.price for fill in heard(okx, FillData)] == [D("200.1")]


async def test_a_state_that_nobody_knows_is_unknown(okx):
    """An order keeps the state UNKNOWN until the venue says one that is known."""

    def strange(message):
        return {**message, "data": [row | {"state": "pondering"} for row in message["data"]]}

    okx.venue.faults.alter(Kind.ORDER, strange)
    order = await send(okx, client_order_id="a1")

    assert heard(okx, OrderData)[0].status is OrderStatus.UNKNOWN
    assert (await found(okx)).order_id == order.order_id


async def test_silence_of_the_private_side_hides_no_execution(door):
    """T16: what it did not tell is in the list that a comparison asks for."""
    door.venue.faults.silence(*PRIVATE_KINDS)
    await send(door, "200.1", client_order_id="a1")

    assert heard(door, FillData) == []
    assert [fill.client_order_id for fill in await door.exchange.get_fills()] == ["a1"]


async def test_half_an_answer_to_a_list_is_no_list(okx):
    """T4: a comparison with it would miss orders."""
    okx.venue.faults.alter_answer("get_open_orders", lambda _: {"code": "0", "msg": ""})

    with pytest.raises((MalformedMessage, TransportError)):
        await okx.exchange.get_open_orders()
