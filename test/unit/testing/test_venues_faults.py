"""What can go wrong between a client and a loopback venue, shown on Binance's wire."""

import asyncio
from decimal import Decimal

import aiohttp
import pytest

from core.adapters.exchanges.binance.sign import HmacKey, signed_query
from core.adapters.exchanges.models import OrderSide
from core.adapters.feeds.sim import DEFAULT_START_NS, SimFeed
from core.infrastructure.clock import ScaledClock
from core.testing.clock import ManualClock
from core.testing.venue import PERP
from core.testing.venues.backpack.venue import BackpackVenue
from core.testing.venues.binance.venue import BinanceVenue
from core.testing.venues.edgex.venue import EdgexVenue
from core.testing.venues.faults import PRIVATE_KINDS, Answer, Fault, Kind, Loss
from core.testing.venues.hyperliquid.venue import HyperliquidVenue
from core.testing.venues.lighter.venue import LighterVenue

ORDER = {
    "symbol": "TESTUSDC",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "199",
    "quantity": "1",
}
BOOK = "testusdc@depth"


def request(venue, session, method, path, **params):
    """A signed request that has not been sent yet."""
    query = signed_query({**params, "timestamp": str(venue.now_ms())}, HmacKey(venue.key.secret))
    headers = {"X-MBX-APIKEY": venue.key.api_key}
    return session.request(method, f"{venue.rest_url}{path}?{query}", headers=headers)


async def place(venue, session, **changes):
    """(status, headers, text) of a new order."""
    async with request(venue, session, "POST", "/fapi/v1/order", **ORDER, **changes) as answer:
        return answer.status, answer.headers, await answer.text()


async def listen(venue, session, topic=BOOK):
    """A socket on one stream."""
    socket = await session.ws_connect(f"{venue.public_url}/{topic}")
    await venue.until(lambda: venue.listening(topic))
    return socket


async def user_stream(venue, session):
    """A socket that hears the account."""
    headers = {"X-MBX-APIKEY": venue.key.api_key}
    async with session.post(f"{venue.rest_url}/fapi/v1/listenKey", headers=headers) as answer:
        token = (await answer.json())["listenKey"]
    socket = await session.ws_connect(f"{venue.private_url}?listenKey={token}")
    await venue.until(lambda: venue.listening(token))
    return socket


# -- requests -----------------------------------------------------------------------------------


async def test_a_lost_request_changes_nothing():
    """The connection ends, and no order exists."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.faults.lose_request()
        with pytest.raises(aiohttp.ClientConnectionError):
            await place(venue, session)

        assert venue.floor.open_orders() == []
        assert len(venue.calls_of("create_order")) == 1
        assert venue.faults.fired[Fault.LOSE_REQUEST] == 1


async def test_a_lost_answer_leaves_an_order():
    """The connection ends, and the order exists once."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.faults.lose_answer()
        with pytest.raises(aiohttp.ClientConnectionError):
            await place(venue, session, newClientOrderId="me")

        assert [order.client_order_id for order in venue.floor.open_orders()] == ["me"]


async def test_an_answer_may_never_come():
    """The order is there, the client waits."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.faults.lose_answer(how=Loss.SILENCE)
        waiting = asyncio.create_task(place(venue, session))
        await venue.until(venue.floor.open_orders)

        assert not waiting.done()
        waiting.cancel()


@pytest.mark.parametrize("after_acceptance", [False, True])
async def test_a_503_proves_nothing(after_acceptance):
    """The same answer comes with and without an order."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.faults.fail(status=503, after_acceptance=after_acceptance)
        status, _, _ = await place(venue, session)

        assert status == 503
        assert len(venue.floor.open_orders()) == int(after_acceptance)


async def test_a_page_stands_in_an_answers_place():
    """HTML with status 200, from a proxy that knows better."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.faults.html(after_acceptance=True)
        status, headers, text = await place(venue, session)

        assert (status, headers["Content-Type"]) == (200, "text/html")
        assert text.startswith("<html>")
        assert len(venue.floor.open_orders()) == 1


async def test_a_body_may_end_in_its_middle():
    """Half of the answer comes, then the connection ends."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.faults.truncate()
        with pytest.raises(aiohttp.ClientPayloadError):
            await place(venue, session)

        assert len(venue.floor.open_orders()) == 1


async def test_a_body_may_be_huge():
    """As many bytes as asked for."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.faults.huge("get_orderbook", size=3_000_000)
        url = f"{venue.rest_url}/fapi/v1/depth?symbol=TESTUSDC"
        async with session.get(url) as answer:
            assert len(await answer.read()) == 3_000_000


@pytest.mark.parametrize("status", [418, 429])
async def test_a_limit_says_how_long_to_wait(status):
    """429 and 418 carry `Retry-After`."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.faults.limit(status=status, retry_after_s=7)
        answer = await place(venue, session)

        assert (answer[0], answer[1]["Retry-After"]) == (status, "7")
        assert venue.floor.open_orders() == []


async def test_maintenance_is_everywhere_until_it_is_over():
    """Every request is 503; disarming the rule ends it."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        rule = venue.faults.maintenance()
        during = await place(venue, session)
        rule.cancel()
        after = await place(venue, session)

    assert (during[0], after[0]) == (503, 200)


async def test_a_request_that_comes_too_late_misses_its_window():
    """The window is looked at when matching is reached, not when the request was sent."""
    clock = ManualClock()
    async with BinanceVenue(clock=clock) as venue, aiohttp.ClientSession() as session:
        venue.faults.delay(seconds=6)
        waiting = asyncio.create_task(place(venue, session))
        await venue.until(lambda: venue.calls_of("create_order"))
        clock.advance(6)
        status, _, text = await waiting

        assert status == 400
        assert "-1021" in text
        assert venue.floor.open_orders() == []


async def test_an_answer_may_come_late():
    """The order is there at once, its answer so much later."""
    clock = ManualClock()
    async with BinanceVenue(clock=clock) as venue, aiohttp.ClientSession() as session:
        venue.faults.delay_answer(seconds=6)
        waiting = asyncio.create_task(place(venue, session))
        await venue.until(venue.floor.open_orders)
        is_done = waiting.done()
        clock.advance(6)
        status, _, _ = await waiting

    assert (is_done, status) == (False, 200)


async def test_a_request_may_be_answered_with_anything():
    """A rule of one's own wording, once."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.faults.answer("create_order", Answer({"code": -1007, "msg": "Timeout"}, 408))
        first = await place(venue, session)
        second = await place(venue, session)

    assert (first[0], second[0]) == (408, 200)


async def test_two_answers_may_reach_each_others_requests():
    """Both orders exist, and each client reads of the other's."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.faults.mix()
        first = asyncio.create_task(place(venue, session, newClientOrderId="one"))
        await venue.until(venue.floor.open_orders)
        second = asyncio.create_task(place(venue, session, newClientOrderId="two"))
        texts = [text for _, _, text in await asyncio.gather(first, second)]

        assert ["two" in texts[0], "one" in texts[1]] == [True, True]
        assert len(venue.floor.open_orders()) == 2


async def test_an_answer_may_say_something_else():
    """Whatever a test makes of it."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.faults.alter_answer("create_order", lambda body: body | {"symbol": "OTHERUSDC"})
        _, _, text = await place(venue, session)

    assert '"symbol":"OTHERUSDC"' in text


async def test_a_venue_that_is_down_refuses_connections_and_comes_back():
    """The port is closed for a while; orders rest, and fill, as if nothing had been."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        await place(venue, session, newClientOrderId="me")
        socket = await listen(venue, session)
        await venue.go_down()
        await socket.receive(timeout=5)
        with pytest.raises(aiohttp.ClientConnectorError):
            await place(venue, session)
        venue.fill("me")
        await venue.come_back()
        async with request(venue, session, "GET", "/fapi/v1/openOrders") as answer:
            rows = await answer.json()

        assert (socket.close_code, rows) == (1006, [])


# -- reads --------------------------------------------------------------------------------------


async def test_a_list_lags_behind_matching():
    """An order younger than the lag is not shown, and later is."""
    clock = ManualClock()
    async with BinanceVenue(clock=clock) as venue, aiohttp.ClientSession() as session:
        await place(venue, session, newClientOrderId="me")
        venue.faults.lag("get_open_orders", seconds=2)
        shown = []
        for _ in range(2):
            async with request(venue, session, "GET", "/fapi/v1/openOrders") as answer:
                shown.append(len(await answer.json()))
            clock.advance(3)

    assert shown == [0, 1]


async def test_a_snapshot_may_be_older_than_the_stream():
    """The depth is so many changes behind, its number too."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        for price in ("201", "202", "203"):
            venue.trade(price)
        venue.faults.stale_snapshot(changes=2)
        found = []
        for _ in range(2):
            url = f"{venue.rest_url}/fapi/v1/depth?symbol=TESTUSDC"
            async with session.get(url) as answer:
                found.append(await answer.json())

    stale, fresh = found
    assert (stale["bids"][0][0], fresh["bids"][0][0]) == ("200.9", "202.9")
    assert stale["lastUpdateId"] < fresh["lastUpdateId"]


async def test_a_venues_clock_may_be_wrong():
    """Its time is told wrong, and requests are measured by it."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        stamp = venue.now_ms()
        venue.faults.clock_offset_s = 90
        query = signed_query({**ORDER, "timestamp": str(stamp)}, HmacKey(venue.key.secret))
        headers = {"X-MBX-APIKEY": venue.key.api_key}
        url = f"{venue.rest_url}/fapi/v1/order?{query}"
        async with session.post(url, headers=headers) as answer:
            refused = await answer.json()
        async with session.get(f"{venue.rest_url}/fapi/v1/time") as answer:
            told = (await answer.json())["serverTime"]

    assert refused["code"] == -1021
    assert told - stamp >= 90_000


# -- messages -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault, expected",
    [
        ("drop", ["202", "203"]),
        ("duplicate", ["201", "201", "202", "203"]),
        ("swap", ["202", "201", "203"]),
    ],
)
async def test_messages_may_be_lost_doubled_and_out_of_order(fault, expected):
    """Each fault acts on the first trade alone."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        socket = await listen(venue, session, "testusdc@aggTrade")
        getattr(venue.faults, fault)(Kind.TRADE)
        for price in ("201", "202", "203"):
            venue.trade(price)
        heard = [(await socket.receive_json(timeout=5))["p"] for _ in expected]
        await socket.close()

    assert heard == expected


async def test_a_message_may_be_held_back():
    """Others overtake it; it comes when its time is up."""
    clock = ManualClock()
    async with BinanceVenue(clock=clock) as venue, aiohttp.ClientSession() as session:
        socket = await listen(venue, session, "testusdc@aggTrade")
        venue.faults.hold(Kind.TRADE, seconds=60)
        venue.trade("201")
        venue.trade("202")
        first = await socket.receive_json(timeout=5)
        clock.advance(60)
        second = await socket.receive_json(timeout=5)
        await socket.close()

    assert (first["p"], second["p"]) == ("202", "201")


async def test_a_message_may_say_something_else():
    """More than was ordered, a price ten times too high: what a test makes of it."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        socket = await listen(venue, session, "testusdc@aggTrade")
        venue.faults.alter(Kind.TRADE, lambda event: event | {"p": "NaN"})
        venue.trade("201")
        event = await socket.receive_json(timeout=5)
        await socket.close()

    assert event["p"] == "NaN"


async def test_the_private_stream_may_be_silent_alone():
    """Public messages go on."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        private, public = await user_stream(venue, session), await listen(venue, session)
        venue.faults.silence(*PRIVATE_KINDS)
        venue.place_foreign(PERP, OrderSide.BUY, "199", "1")
        venue.trade("201")
        event = await public.receive_json(timeout=5)

        assert event["e"] == "depthUpdate"
        assert [socket.sent for socket in venue.sockets if "private" in socket.path] == [[]]
        await private.close()
        await public.close()


async def test_numbers_may_begin_anew():
    """After the venue's own restart a book's numbers are small again."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        socket = await listen(venue, session)
        venue.tapes[PERP].restart()
        venue.trade("201")
        event = await socket.receive_json(timeout=5)
        await socket.close()

    assert (event["U"], event["pu"]) == (1, 0)


async def test_a_silent_socket_still_answers_pings():
    """Nothing is pushed; a pong and the answer to a request come all the same."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        socket = await listen(venue, session)
        venue.faults.silence()
        venue.trade("201")
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
        answer = await socket.receive_json(timeout=5)
        await socket.ping()
        venue.faults.clear()
        venue.trade("202")
        event = await socket.receive_json(timeout=5)
        await socket.close()

    assert answer == {"result": [BOOK], "id": 3}
    assert event["b"][0] == ["201.9", "3"]


async def test_one_socket_may_go_silent_while_a_new_one_speaks():
    """What is muted stays muted until its client connects anew."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        old = await listen(venue, session)
        venue.mute_sockets()
        new = await session.ws_connect(f"{venue.public_url}/{BOOK}")
        await venue.until(lambda: len(venue.listening(BOOK)) == 2)
        venue.trade("201")
        event = await new.receive_json(timeout=5)

        assert event["e"] == "depthUpdate"
        assert venue.sockets[0].sent == []
        await old.close()
        await new.close()


async def test_a_half_open_socket_does_not_even_pong():
    """Neither data nor pongs come, and nothing is heard."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        socket = await listen(venue, session)
        venue.faults.half_open()
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
        venue.trade("201")
        waiting = asyncio.create_task(socket.receive())
        async with session.get(f"{venue.rest_url}/fapi/v1/ping") as answer:
            status = answer.status

        assert status == 200
        assert venue.sockets[0].sent == []
        assert not waiting.done()
        waiting.cancel()


@pytest.mark.parametrize("code, expected", [(None, 1006), (1001, 1001), (1012, 1012)])
async def test_sockets_end_with_and_without_a_word(code, expected):
    """A close code, or a connection that is simply gone."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        socket = await listen(venue, session)
        venue.kill_sockets(code)
        await socket.receive(timeout=5)
        await venue.until(lambda: not venue.sockets)

        assert socket.close_code == expected


# -- stories ------------------------------------------------------------------------------------


async def test_a_fill_may_beat_its_cancel():
    """The cancel finds nothing to cancel; the order is filled."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        await place(venue, session, newClientOrderId="me")
        venue.floor.faults.fill_first()
        names = {"symbol": "TESTUSDC", "origClientOrderId": "me"}
        async with request(venue, session, "DELETE", "/fapi/v1/order", **names) as answer:
            refused = await answer.json()
        async with request(venue, session, "GET", "/fapi/v1/order", **names) as answer:
            order = await answer.json()

    assert refused == {"code": -2011, "msg": "Unknown order sent."}
    assert (order["status"], order["executedQty"]) == ("FILLED", "1")


async def test_our_own_orders_may_trade_with_each_other():
    """Both sides of a trade with oneself carry one trade id."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        socket = await user_stream(venue, session)
        venue.place_foreign(PERP, OrderSide.BUY, "200", "1", "buy")
        venue.place_foreign(PERP, OrderSide.SELL, "200", "1", "sell")
        venue.cross("buy", "sell", "0.5")
        heard = [await socket.receive_json(timeout=5) for _ in range(6)]
        await socket.close()

        fills = [each["o"] for each in heard if each.get("o", {}).get("x") == "TRADE"]
        assert len({fill["t"] for fill in fills}) == 1
        assert [fill["S"] for fill in fills] == ["BUY", "SELL"]
        assert len({fill.trade_id for fill in venue.floor.fills()}) == 1


async def test_a_fill_in_parts_leaves_the_market_alone():
    """Only the order that was named fills, at its own price, and the rest goes on resting."""
    async with BinanceVenue() as venue:
        for name in ("one", "two"):
            venue.place_foreign(PERP, OrderSide.BUY, "199", "1", name)
        venue.fill("one", "0.3")
        venue.fill("one", "0.3")
        filled = {order.client_order_id: order.filled for order in venue.floor.open_orders()}
        venue.fill("one")

        assert filled == {"one": Decimal("0.6"), "two": Decimal(0)}
        assert [order.client_order_id for order in venue.floor.open_orders()] == ["two"]
        assert venue.floor.ticker(PERP).last == 200


async def test_a_market_may_move_by_itself():
    """A simulated feed's rows come as the clock reaches them, and orders meet them."""
    clock = ScaledClock(DEFAULT_START_NS, 3600)
    feeds = {PERP: SimFeed(BinanceVenue.test_markets()[0], seed=7)}
    async with BinanceVenue(clock=clock, feeds=feeds) as venue, aiohttp.ClientSession() as session:
        await venue.until(lambda: venue.floor.market(PERP).has_price)
        socket = await listen(venue, session, "testusdc@aggTrade")
        venue.place_foreign(PERP, OrderSide.BUY, None, "1")
        first = await socket.receive_json(timeout=5)
        second = await socket.receive_json(timeout=5)
        await socket.close()

        assert second["a"] == first["a"] + 1
        assert venue.floor.position(PERP).size == 1


# -- the server itself --------------------------------------------------------------------------


class Broken(BinanceVenue):
    """A server with a fault of its own."""

    def respond(self, call):
        """Fails."""
        raise ZeroDivisionError


async def test_a_server_that_fails_fails_its_test():
    """What breaks inside is raised when the venue is left."""

    async def story():
        async with (
            Broken() as venue,
            aiohttp.ClientSession() as session,
            session.get(f"{venue.rest_url}/fapi/v1/ping") as answer,
        ):
            return answer.status

    with pytest.raises(ExceptionGroup) as failed:
        await story()

    assert isinstance(failed.value.exceptions[0], ZeroDivisionError)


async def test_waiting_for_what_never_happens_ends():
    """`until` gives up after its patience."""
    async with BinanceVenue() as venue:
        with pytest.raises(TimeoutError):
            await venue.until(lambda: venue.sockets, patience_s=0.01)


@pytest.mark.parametrize(
    "kind", [BinanceVenue, HyperliquidVenue, BackpackVenue, EdgexVenue, LighterVenue]
)
async def test_the_same_seed_makes_the_same_keys_and_closes_without_a_client(kind):
    """Keys come from the seed; a venue opens and closes by itself, on the port that it had."""
    async with kind() as first:
        port = first.port
    second = kind()
    second.port = port
    async with second:
        assert second.rest_url == f"http://127.0.0.1:{port}"

    assert first.key.secret == second.key.secret
