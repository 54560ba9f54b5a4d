"""Loopback Bybit, driven by ccxt and by plain requests."""

import asyncio
import json
from urllib.parse import urlencode

import aiohttp
import pytest

from core.adapters.exchanges.bybit import instruments, parse
from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.models import OrderSide, OrderStatus
from core.testing.clock import ManualClock
from core.testing.venue import PERP
from core.testing.venues.bybit import sign
from core.testing.venues.bybit.venue import BybitVenue
from core.testing.venues.clients import ccxt_client
from core.testing.venues.faults import Kind

SYMBOL = "TEST/USDC:USDC"
LIMIT = {
    "category": "linear",
    "symbol": "TESTPERP",
    "side": "Buy",
    "orderType": "Limit",
    "timeInForce": "GTC",
}


def client(venue):
    """A client of ccxt with the venue's key, for the unified account."""
    options = {
        "defaultType": "swap",
        "enableUnifiedAccount": True,
        "enableUnifiedMargin": False,
        "fetchMarkets": {"types": ["spot", "linear"]},
    }
    key = venue.key
    return ccxt_client(venue, "bybit", apiKey=key.api_key, secret=key.secret, options=options)


async def loaded(exchange):
    """The same with its markets; currencies are asked for at another place of the venue."""
    exchange.has["fetchCurrencies"] = False
    await exchange.load_markets()
    return exchange


async def call(venue, method, path, *, key=None, skew_ms=0, spoil="", **params):
    """The body of the answer to a signed request."""
    key = venue.key if key is None else key
    payload = urlencode(params) if method == "GET" else json.dumps(params)
    headers = sign.headers(
        api_key=key.api_key,
        secret=key.secret + spoil,
        timestamp_ms=venue.now_ms() + skew_ms,
        payload=payload,
    )
    url = f"{venue.rest_url}/v5/{path}" + (f"?{payload}" if method == "GET" else "")
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, url, headers=headers, data=None if method == "GET" else payload
        ) as answer,
    ):
        return json.loads(await answer.text())


async def place(venue, **changes):
    """The body of the answer to a new order."""
    return await call(
        venue, "POST", "order/create", **LIMIT | {"qty": "1", "price": "199"} | changes
    )


async def listen(venue, session, *topics):
    """A socket that was let in and hears private topics."""
    socket = await session.ws_connect(venue.private_url)
    key = venue.key
    expires_ms = venue.now_ms() + 10_000
    args = sign.socket_auth(api_key=key.api_key, secret=key.secret, expires_ms=expires_ms)
    await socket.send_json({"op": "auth", "args": args})
    assert (await socket.receive_json(timeout=5))["success"] is True
    await socket.send_json({"op": "subscribe", "args": topics})
    assert (await socket.receive_json(timeout=5))["success"] is True
    return socket


def reading():
    """What is known of the perpetual."""
    row = {
        "symbol": "TESTPERP", "contractType": "LinearPerpetual", "status": "Trading",
        "baseCoin": "TEST", "quoteCoin": "USDC", "settleCoin": "USDC",
        "priceFilter": {"tickSize": "0.1"},
        "lotSizeFilter": {"qtyStep": "0.001", "minOrderQty": "0.001"},
    }  # fmt: skip
    raw = {"retCode": 0, "result": {"list": [row]}}
    listings = instruments.parse_instruments(raw, Reading(venue="bybit"))
    return Reading(venue="bybit", listings={each.key: each for each in listings})


async def test_an_order_is_placed_seen_filled_and_cancelled():
    """An order of ccxt is heard, part filled and cancelled, and leaves a position."""
    async with BybitVenue() as venue, client(venue) as exchange:
        await loaded(exchange)
        watching = asyncio.create_task(exchange.watch_orders())
        await venue.until(lambda: venue.listening("order"))
        params = {"clientOrderId": "a-77"}
        placed = await exchange.create_order(SYMBOL, "limit", "buy", 0.5, 199, params)
        opened = [(each["id"], each["status"], each["amount"]) for each in await watching]
        venue.fill("a-77", "0.2")
        await exchange.cancel_order(placed["id"], SYMBOL)
        (canceled,) = await exchange.fetch_canceled_orders(SYMBOL)
        (trade,) = await exchange.fetch_my_trades(SYMBOL)
        (position,) = await exchange.fetch_positions([SYMBOL])
        balance = await exchange.fetch_balance()

    assert opened == [(placed["id"], "open", 0.5)]
    assert (canceled["status"], canceled["filled"], canceled["clientOrderId"]) == (
        "canceled",
        0.2,
        "a-77",
    )
    assert (trade["price"], trade["amount"], trade["takerOrMaker"]) == (199.0, 0.2, "maker")
    assert trade["fee"]["cost"] == 0.00796
    assert (position["contracts"], position["side"]) == (0.2, "long")
    assert balance["USDC"]["total"] == pytest.approx(10_000 - 0.00796)


async def test_the_book_of_ccxt_follows_the_market():
    """A snapshot and the changes after it give the floor's own book."""
    async with BybitVenue() as venue, client(venue) as exchange:
        await loaded(exchange)
        best = (await exchange.watch_order_book(SYMBOL))["bids"][0]
        watching = asyncio.create_task(exchange.watch_order_book(SYMBOL))
        await asyncio.sleep(0)
        venue.trade("202")
        second = await watching

        assert best == [199.9, 3.0]
        assert second["bids"] == [[201.9, 3.0], [201.8, 5.0]]
        assert second["asks"] == [[202.1, 3.0], [202.2, 5.0]]


async def test_ccxt_mixes_two_depths_into_one_book():
    """Best prices and the book share one object there, which is why we take both from one topic."""
    async with BybitVenue() as venue, client(venue) as exchange:
        await loaded(exchange)
        whole = await exchange.watch_order_book(SYMBOL)
        levels = len(whole["bids"])
        await exchange.watch_bids_asks([SYMBOL])

        assert (levels, len(exchange.orderbooks[SYMBOL]["bids"])) == (2, 1)


async def test_a_book_counts_its_messages():
    """`u` of a change is one more than the last; a message that never came leaves a hole."""
    async with BybitVenue() as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.public_url)
        await socket.send_json({"op": "subscribe", "args": ["orderbook.50.TESTPERP"]})
        await venue.until(lambda: venue.listening("orderbook.50.TESTPERP"))
        venue.trade("201")
        venue.faults.drop(Kind.BOOK)
        venue.trade("202")
        venue.trade("203")
        frames = [await socket.receive_json(timeout=5) for _ in range(4)]
        await socket.close()

    told, snapshot, delta, late = frames
    assert told["success"]
    assert (snapshot["type"], delta["type"]) == ("snapshot", "delta")
    assert delta["data"]["u"] == snapshot["data"]["u"] + 1
    assert late["data"]["u"] == delta["data"]["u"] + 2


@pytest.mark.parametrize(
    "change, code",
    [({"spoil": "x"}, 10004), ({"skew_ms": -5001}, 10002), ({"skew_ms": 1001}, 10002)],
)
async def test_a_request_that_is_signed_wrong_is_refused(change, code):
    """Another secret, a time past the window, and a time ahead of the venue's."""
    async with BybitVenue(clock=ManualClock()) as venue:
        wrong = await call(venue, "GET", "account/wallet-balance", accountType="UNIFIED", **change)

    assert wrong["retCode"] == code


async def test_a_key_does_what_its_rights_say():
    """A reader may not trade, a stranger nothing, and a key tells what it may."""
    async with BybitVenue() as venue:
        order = LIMIT | {"qty": "1", "price": "199"}
        reader = await call(venue, "POST", "order/create", key=venue.keys.reader, **order)
        nobody = await call(venue, "GET", "user/query-api", key=venue.keys.stranger)
        told = await call(venue, "GET", "user/query-api", key=venue.keys.withdrawer)

    assert (reader["retCode"], nobody["retCode"]) == (10005, 10003)
    assert "Withdraw" in told["result"]["permissions"]["Wallet"]


@pytest.mark.parametrize(
    "change, code",
    [
        ({"symbol": "NONEUSDT"}, 10001),
        ({"price": "199.05"}, 10001),
        ({"qty": "0.0001"}, 10001),
        ({"qty": "0.02"}, 110094),
        ({"qty": "9999"}, 110007),
        ({"reduceOnly": True}, 110017),
        ({"positionIdx": 1}, 10001),
        ({"orderLinkId": "x" * 37}, 10001),
        ({"category": "spot", "symbol": "TESTUSDC", "side": "Sell"}, 170131),
        ({"category": "spot", "symbol": "TESTUSDC", "price": "199.05"}, 170134),
    ],
)
async def test_each_refusal_has_the_venues_code(change, code):
    """Contracts and spot have lists of their own."""
    async with BybitVenue() as venue:
        answer = await place(venue, **change)

    assert answer["retCode"] == code
    assert answer["retMsg"]


async def test_a_link_id_is_unique_for_ever():
    """Also after its order was cancelled; spot has another code for it."""
    async with BybitVenue() as venue:
        first = await place(venue, orderLinkId="a1")
        order = {"orderId": first["result"]["orderId"]}
        await call(venue, "POST", "order/cancel", category="linear", symbol="TESTPERP", **order)
        again = await place(venue, orderLinkId="a1")

    assert (first["retCode"], again["retCode"]) == (0, 110072)


async def test_post_only_that_would_take_is_accepted_and_dies():
    """The answer is a success; the order is cancelled with a reason, which we call rejected."""
    async with BybitVenue() as venue, aiohttp.ClientSession() as session:
        socket = await listen(venue, session, "order")
        answer = await place(venue, price="201", timeInForce="PostOnly", orderLinkId="a1")
        event = await socket.receive_json(timeout=5)
        asked = await call(
            venue, "GET", "order/realtime", category="linear", symbol="TESTPERP", orderLinkId="a1"
        )
        await socket.close()

    (row,) = event["data"]
    assert (answer["retCode"], row["orderStatus"]) == (0, "Cancelled")
    (order,) = parse.parse_orders(asked, reading())
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "POST_ONLY_WOULD_CROSS")


async def test_the_private_stream_reads_as_orders_and_fills():
    """Our own parser reads the stream; of contracts it knows the coin that the fee is in."""
    async with BybitVenue() as venue, aiohttp.ClientSession() as session:
        socket = await listen(venue, session, "execution", "order", "position")
        await place(venue, orderLinkId="a9", price="200.2", qty="4")
        told = {"execution": [], "order": [], "position": []}
        while not told["position"]:
            frame = await socket.receive_json(timeout=5)
            told[frame["topic"]].append(frame)
        await socket.close()

    fills = [
        item for frame in told["execution"] for item in parse.parse_executions(frame, reading())
    ]
    orders = [item for frame in told["order"] for item in parse.parse_orders(frame, reading())]
    (position,) = parse.parse_positions(told["position"][0], reading())
    assert [(str(item.price), str(item.amount), str(item.fee)) for item in fills] == [
        ("200.1", "3", "0.30015"),
        ("200.2", "1", "0.1001"),
    ]
    assert {item.fee_currency for item in fills} == {"USDC"}
    assert [item.status.value for item in orders] == ["open", "partially_filled", "filled"]
    assert (position.size, position.leverage) == (4, 10)


async def test_a_private_topic_needs_a_signature():
    """Without one nothing is subscribed, a wrong one is refused, and paths keep to their own."""
    async with BybitVenue() as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.private_url)
        await socket.send_json({"op": "subscribe", "args": ["order"]})
        before = await socket.receive_json(timeout=5)
        key = venue.key
        expires_ms = venue.now_ms() + 10_000
        args = sign.socket_auth(api_key=key.api_key, secret="no", expires_ms=expires_ms)
        await socket.send_json({"op": "auth", "args": args})
        wrong = await socket.receive_json(timeout=5)
        await socket.send_json({"op": "ping", "req_id": "7"})
        pong = await socket.receive_json(timeout=5)
        public = await session.ws_connect(venue.public_url)
        await public.send_json({"op": "subscribe", "args": ["publicTrade.TESTUSDC"]})
        other = await public.receive_json(timeout=5)
        await public.send_json({"op": "ping"})
        public_pong = await public.receive_json(timeout=5)
        await public.close()
        await socket.close()

    assert [each["success"] for each in (before, wrong, other)] == [False, False, False]
    assert (pong["op"], pong["req_id"], public_pong["ret_msg"]) == ("pong", "7", "pong")


async def test_lists_are_told_by_pages():
    """Fifty at most, from new to old, by a cursor; contracts want a symbol or a coin."""
    async with BybitVenue() as venue:
        for _ in range(70):
            venue.place_foreign(PERP, OrderSide.BUY, "100", "0.1")
        nothing = await call(venue, "GET", "order/realtime", category="linear", limit="50")
        asked = {"category": "linear", "settleCoin": "USDC", "limit": "50"}
        first = (await call(venue, "GET", "order/realtime", **asked))["result"]
        cursor = first["nextPageCursor"]
        second = (await call(venue, "GET", "order/realtime", cursor=cursor, **asked))["result"]

    assert nothing["retCode"] == 10001
    assert (len(first["list"]), len(second["list"]), second["nextPageCursor"]) == (50, 20, "")
    assert len({row["orderId"] for row in first["list"] + second["list"]}) == 70


async def test_funding_is_among_the_executions():
    """A settlement that was paid is a positive fee with the rate and the mark price."""
    async with BybitVenue() as venue:
        await place(venue, price="200.1")
        venue.settle_funding(PERP, "0.0001")
        asked = {"category": "linear", "execType": "Funding"}
        answer = await call(venue, "GET", "execution/list", **asked)

    (row,) = answer["result"]["list"]
    assert (row["execFee"], row["feeRate"], row["execPrice"]) == ("0.02", "0.0001", "200")
    assert parse.parse_executions([row], reading()) == ()


async def test_an_execution_list_reaches_back_a_week():
    """A longer time is refused, so that whoever wants more has to ask week by week."""
    async with BybitVenue() as venue:
        last = venue.now_ms()
        asked = {"category": "linear", "startTime": last - 8 * 86_400_000, "endTime": last}
        answer = await call(venue, "GET", "execution/list", **asked)

    assert answer["retCode"] == 10001
