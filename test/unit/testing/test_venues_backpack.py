"""Loopback Backpack, driven by ccxt and by plain requests."""

import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest

from core.adapters.exchanges.backpack import instruments, parse, sign
from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.ed25519 import key_from_seed
from core.adapters.exchanges.models import FillData, OrderSide, PositionData
from core.testing.clock import ManualClock
from core.testing.venue import PERP
from core.testing.venues.backpack.venue import BackpackVenue
from core.testing.venues.clients import ccxt_client
from core.testing.venues.faults import Kind

SYMBOL = "TEST/USDC:USDC"
LIMIT = {"symbol": "TEST_USDC_PERP", "side": "Bid", "orderType": "Limit", "quantity": "1"}


def client(venue):
    """A client of ccxt with the venue's key; its book begins with the first message."""
    options = {"watchOrderBook": {"snapshotDelay": 0}}
    key = venue.key
    return ccxt_client(venue, "backpack", apiKey=key.api_key, secret=key.secret, options=options)


async def call(venue, method, path, instruction, *, key=None, at_ms=None, **params):
    """(status, body) of a signed request."""
    key = venue.key if key is None else key
    headers = sign.headers(
        instruction,
        [params],
        api_key=key.api_key,
        key=key_from_seed(key.secret),
        timestamp_ms=venue.now_ms() if at_ms is None else at_ms,
    )
    sent = {"params": params} if method == "GET" else {"json": params}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, venue.rest_url + path, headers=headers, **sent) as answer,
    ):
        return answer.status, json.loads(await answer.text())


async def place(venue, **changes):
    """(status, body) of a new order."""
    order = LIMIT | {"price": "199", "timeInForce": "GTC"} | changes
    return await call(venue, "POST", "/api/v1/order", "orderExecute", **order)


async def listen(venue, session, *topics):
    """A socket that hears private streams."""
    socket = await session.ws_connect(venue.private_url)
    signature = sign.subscription(
        api_key=venue.key.api_key,
        key=key_from_seed(venue.key.secret),
        timestamp_ms=venue.now_ms(),
    )
    await socket.send_json({"method": "SUBSCRIBE", "params": topics, "signature": signature})
    await venue.until(lambda: venue.listening(topics[0]))
    return socket


async def test_an_order_is_placed_seen_filled_and_cancelled():
    """An order of ccxt is open, part filled and cancelled, and leaves a position."""
    async with BackpackVenue() as venue, client(venue) as exchange:
        await exchange.load_markets()
        watching = asyncio.create_task(exchange.watch_orders(SYMBOL))
        await venue.until(lambda: venue.sockets and venue.sockets[0].topics)
        placed = await exchange.create_order(SYMBOL, "limit", "buy", 0.5, 199, {"clientId": 77})
        opened = [(each["id"], each["status"]) for each in await watching]
        venue.fill("77", "0.2")
        canceled = await exchange.cancel_order(placed["id"], SYMBOL)
        (trade,) = await exchange.fetch_my_trades(SYMBOL)
        (position,) = await exchange.fetch_positions([SYMBOL])
        balance = await exchange.fetch_balance()

    assert opened == [(placed["id"], "open")]
    assert (canceled["status"], canceled["filled"], canceled["clientOrderId"]) == (
        "canceled",
        0.2,
        "77",
    )
    assert (trade["price"], trade["amount"], trade["takerOrMaker"]) == (199.0, 0.2, "maker")
    assert trade["fee"] == {"currency": "USDC", "cost": 0.00796}
    assert (float(position["contracts"]), position["side"]) == (0.2, "long")
    assert balance["USDC"]["total"] == pytest.approx(10_000 - 0.00796)


async def test_the_book_of_ccxt_follows_the_market():
    """A snapshot and the changes after it give the floor's own book."""
    async with BackpackVenue() as venue, client(venue) as exchange:
        await exchange.load_markets()
        watching = asyncio.create_task(exchange.watch_order_book(SYMBOL))
        await venue.until(lambda: venue.listening("depth.TEST_USDC_PERP"))
        venue.trade("201")
        first = (await watching)["bids"][:]
        watching = asyncio.create_task(exchange.watch_order_book(SYMBOL))
        await asyncio.sleep(0)
        venue.trade("202")
        second = await watching

        assert first == [[200.9, 3.0], [200.8, 5.0]]
        assert second["bids"] == [[201.9, 3.0], [201.8, 5.0]]
        assert second["asks"] == [[202.1, 3.0], [202.2, 5.0]]


async def test_a_wrong_signature_has_the_venues_own_body():
    """The text that is signed holds the instruction and every parameter."""
    async with BackpackVenue() as venue:
        stranger = type(venue.key)(
            api_key=venue.key.api_key,
            secret=venue.keys.stranger.secret,
            pair=venue.keys.stranger.pair,
        )
        wrong = await call(venue, "GET", "/api/v1/capital", "balanceQuery", key=stranger)
        other = await call(venue, "GET", "/api/v1/capital", "positionQuery")
        nobody = await call(
            venue, "GET", "/api/v1/capital", "balanceQuery", key=venue.keys.stranger
        )

    body = {"code": "INVALID_SIGNATURE", "message": "Invalid signature"}
    assert wrong == (400, body)
    assert other == (400, body)
    assert nobody[0] == 401


async def test_a_request_past_its_window_is_refused():
    """Five seconds unless the client says otherwise."""
    async with BackpackVenue(clock=ManualClock()) as venue:
        late = await call(
            venue, "GET", "/api/v1/capital", "balanceQuery", at_ms=venue.now_ms() - 5001
        )
        good = await call(
            venue, "GET", "/api/v1/capital", "balanceQuery", at_ms=venue.now_ms() - 4999
        )

    assert late == (400, {"code": "INVALID_CLIENT_REQUEST", "message": "Request has expired"})
    assert good[0] == 200


@pytest.mark.parametrize(
    "change, code",
    [
        ({"symbol": "NONE_USDC"}, "INVALID_SYMBOL"),
        ({"price": "199.05"}, "INVALID_PRICE"),
        ({"quantity": "0.0001"}, "INVALID_QUANTITY"),
        ({"quantity": "0.01"}, "INVALID_ORDER"),
        ({"quantity": "9999"}, "INSUFFICIENT_MARGIN"),
        ({"price": "201", "postOnly": True}, "INVALID_ORDER"),
        ({"reduceOnly": True}, "INVALID_ORDER"),
        ({"clientId": 2**32}, "INVALID_CLIENT_REQUEST"),
        ({"symbol": "TEST_USDC", "side": "Ask"}, "INSUFFICIENT_FUNDS"),
    ],
)
async def test_each_refusal_has_the_venues_code(change, code):
    """What matching refuses, and a client id of more than 32 bits, has a code in letters."""
    async with BackpackVenue() as venue:
        status, body = await place(venue, **change)

    assert (status, body["code"]) == (400, code)


async def test_the_private_stream_reads_as_orders_fills_and_positions():
    """What the stream says is what our own parser makes of it."""
    async with BackpackVenue() as venue, aiohttp.ClientSession() as session:
        async with session.get(f"{venue.rest_url}/api/v1/markets") as answer:
            listings = instruments.parse_markets(await answer.json(), Reading(venue="backpack"))
        reading = Reading(venue="backpack", listings={each.key: each for each in listings})
        socket = await listen(venue, session, "account.orderUpdate", "account.positionUpdate")
        await place(venue, clientId=9, price="200.1")
        frames = [await socket.receive_json(timeout=5) for _ in range(3)]
        await socket.close()

    accepted, filled = (parse.parse_order_event(frame["data"], reading) for frame in frames[:2])
    position = parse.parse_position_event(frames[2]["data"], reading)
    assert [part.status.value for part in accepted] == ["open"]
    (fill,) = [part for part in filled if isinstance(part, FillData)]
    assert (fill.client_order_id, str(fill.price), str(fill.fee)) == ("9", "200.1", "0.10005")
    assert isinstance(position, PositionData)
    assert position.size == 1


async def test_a_private_stream_needs_a_signature():
    """Without one nothing is subscribed, and the error says so."""
    async with BackpackVenue() as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.private_url)
        await socket.send_json({"method": "SUBSCRIBE", "params": ["account.orderUpdate"]})
        answer = await socket.receive_json(timeout=5)

        assert answer["error"]["message"] == "Missing signature"
        assert venue.listening("account.orderUpdate") == []
        await socket.close()


async def test_depth_goes_on_where_it_was():
    """A change begins after the last one's end; a lost one leaves a hole."""
    async with BackpackVenue() as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.public_url)
        await socket.send_json({"method": "SUBSCRIBE", "params": ["depth.TEST_USDC_PERP"]})
        await venue.until(lambda: venue.listening("depth.TEST_USDC_PERP"))
        venue.trade("201")
        venue.trade("202")
        venue.faults.drop(Kind.BOOK)
        venue.trade("203")
        venue.trade("204")
        first, second, last = [await socket.receive_json(timeout=5) for _ in range(3)]
        await socket.close()

    assert second["data"]["U"] == first["data"]["u"] + 1
    assert last["data"]["U"] > second["data"]["u"] + 1


async def test_only_an_open_order_is_found_by_query():
    """A filled order is in the history alone, whose times are text."""
    async with BackpackVenue() as venue:
        _, placed = await place(venue, clientId=9)
        path, symbol = "/api/v1/order", "TEST_USDC_PERP"
        open_, body = await call(venue, "GET", path, "orderQuery", symbol=symbol, clientId="9")
        venue.fill("9")
        gone, error = await call(venue, "GET", path, "orderQuery", symbol=symbol, clientId="9")
        history = await call(venue, "GET", "/wapi/v1/history/orders", "orderHistoryQueryAll")

    assert (open_, body["id"]) == (200, placed["id"])
    assert (gone, error["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert [(row["id"], row["status"]) for row in history[1]] == [(placed["id"], "Filled")]
    reading = Reading(venue="backpack", listings={symbol: instruments.guess_listing(symbol, "")})
    (order,) = parse.parse_orders(history[1], reading)
    assert order.created_at == parse.parse_order(placed, reading).created_at


async def test_one_leverage_is_the_whole_accounts():
    """`accountUpdate` sets it, `accountQuery` reads it back."""
    async with BackpackVenue() as venue, aiohttp.ClientSession() as session:
        headers = sign.headers(
            "accountUpdate",
            [{"leverageLimit": "5"}],
            api_key=venue.key.api_key,
            key=key_from_seed(venue.key.secret),
            timestamp_ms=venue.now_ms(),
        )
        url = f"{venue.rest_url}/api/v1/account"
        async with session.patch(url, json={"leverageLimit": "5"}, headers=headers) as answer:
            status = answer.status
        _, account = await call(venue, "GET", "/api/v1/account", "accountQuery")

        assert (status, account["leverageLimit"]) == (200, "5")
        assert venue.floor.holding(PERP).leverage == 5


async def test_a_foreign_order_is_the_accounts_too():
    """Somebody else's order has no client id, and stands among the open ones."""
    async with BackpackVenue() as venue:
        venue.place_foreign(PERP, OrderSide.SELL, "300", "1")
        _, rows = await call(venue, "GET", "/api/v1/orders", "orderQueryAll")

    assert [(row["clientId"], row["side"]) for row in rows] == [(None, "Ask")]


async def test_pings_come_every_minute():
    """The server pings; a client that is alive answers by itself."""
    clock = ManualClock()
    async with BackpackVenue(clock=clock) as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.public_url)
        await venue.until(lambda: venue.sockets)
        reading = asyncio.create_task(socket.receive())
        clock.advance(timedelta(minutes=1).total_seconds())
        await venue.until(lambda: venue.sockets[0].pongs == 1)
        venue.kill_sockets(1001)
        await reading
        await socket.close()
