"""Loopback OKX, driven by ccxt and by plain requests."""

import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest

from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.models import FillData, OrderData, OrderSide, OrderStatus, from_ns
from core.adapters.exchanges.okx import instruments, parse
from core.testing.clock import ManualClock
from core.testing.venue import PERP
from core.testing.venues.clients import ccxt_client
from core.testing.venues.faults import Kind
from core.testing.venues.okx import sign
from core.testing.venues.okx.venue import OkxVenue

SYMBOL = "TEST/USDC:USDC"
LIMIT = {"instId": "TEST-USDC-SWAP", "tdMode": "cross", "side": "buy", "ordType": "limit"}


def client(venue, **options):
    """A client of ccxt with the venue's key."""
    key = venue.key
    return ccxt_client(
        venue,
        "okx",
        apiKey=key.api_key,
        secret=key.secret,
        password=key.passphrase,
        options={"fetchMarkets": {"types": ["spot", "swap"]}, "brokerId": None, **options},
    )


async def loaded(exchange):
    """The same with its markets; currencies are asked for at another place of the venue."""
    exchange.has["fetchCurrencies"] = False
    await exchange.load_markets()
    return exchange


async def call(venue, method, path, body=None, *, key=None, skew=timedelta(0), spoil=""):
    """(status, body) of a signed request."""
    key = venue.key if key is None else key
    text = "" if body is None else json.dumps(body)
    headers = sign.headers(
        api_key=key.api_key,
        passphrase=key.passphrase,
        secret=key.secret + spoil,
        at=from_ns(venue.clock.now_ns()) + skew,
        method=method,
        path=path,
        body=text,
    )
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, venue.rest_url + path, headers=headers, data=text or None
        ) as answer,
    ):
        return answer.status, json.loads(await answer.text())


async def place(venue, **changes):
    """The only row of the answer to a new order."""
    order = LIMIT | {"sz": "100", "px": "199"} | changes
    _, body = await call(venue, "POST", "/api/v5/trade/order", order)
    (row,) = body["data"]
    return row


async def listen(venue, session, *args):
    """A socket that was let in and hears private channels."""
    socket = await session.ws_connect(venue.private_url)
    key = venue.key
    login = sign.login(
        api_key=key.api_key,
        passphrase=key.passphrase,
        secret=key.secret,
        at=from_ns(venue.clock.now_ns()),
    )
    await socket.send_json({"op": "login", "args": [login]})
    assert (await socket.receive_json(timeout=5))["event"] == "login"
    await socket.send_json({"op": "subscribe", "args": list(args)})
    for _ in args:
        assert (await socket.receive_json(timeout=5))["event"] == "subscribe"
    return socket


async def test_an_order_is_placed_seen_filled_and_cancelled():
    """An order of ccxt counts in contracts of 0.01, is heard, part filled and cancelled."""
    async with OkxVenue() as venue, client(venue) as exchange:
        await loaded(exchange)
        watching = asyncio.create_task(exchange.watch_orders())
        await venue.until(lambda: venue.listening("orders"))
        params = {"clientOrderId": "a77"}
        placed = await exchange.create_order(SYMBOL, "limit", "buy", 50, 199, params)
        opened = [(each["id"], each["status"], each["amount"]) for each in await watching]
        venue.fill("a77", "0.2")
        await exchange.cancel_order(placed["id"], SYMBOL)
        canceled = await exchange.fetch_order(placed["id"], SYMBOL)
        (trade,) = await exchange.fetch_my_trades(SYMBOL)
        (position,) = await exchange.fetch_positions([SYMBOL])
        balance = await exchange.fetch_balance()

    assert opened == [(placed["id"], "open", 50.0)]
    assert (canceled["status"], canceled["filled"], canceled["clientOrderId"]) == (
        "canceled",
        20.0,
        "a77",
    )
    assert (trade["price"], trade["amount"], trade["takerOrMaker"]) == (199.0, 20.0, "maker")
    assert trade["fee"] == {"currency": "USDC", "cost": 0.00796}
    assert (position["contracts"], position["contractSize"], position["side"]) == (
        20.0,
        0.01,
        "long",
    )
    assert balance["USDC"]["total"] == pytest.approx(10_000 + 0.2 - 0.00796)  # equity


async def test_the_book_of_ccxt_follows_the_market():
    """A snapshot and the changes after it give the floor's own book, in contracts."""
    async with OkxVenue() as venue, client(venue) as exchange:
        await loaded(exchange)
        first = await exchange.watch_order_book(SYMBOL)
        best = first["bids"][0]
        watching = asyncio.create_task(exchange.watch_order_book(SYMBOL))
        await asyncio.sleep(0)
        venue.trade("202")
        second = await watching

        assert best == [199.9, 300.0]
        assert second["bids"] == [[201.9, 300.0], [201.8, 500.0]]
        assert second["asks"] == [[202.1, 300.0], [202.2, 500.0]]


async def test_an_update_begins_where_the_last_one_ended():
    """`prevSeqId` is the last `seqId`; a message that never came leaves a hole."""
    async with OkxVenue() as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.public_url)
        arg = {"channel": "books", "instId": "TEST-USDC-SWAP"}
        await socket.send_json({"op": "subscribe", "args": [arg]})
        await venue.until(lambda: venue.listening("books:TEST-USDC-SWAP"))
        venue.trade("201")
        venue.faults.drop(Kind.BOOK)
        venue.trade("202")
        venue.trade("203")
        frames = [await socket.receive_json(timeout=5) for _ in range(4)]
        await socket.close()

    told, snapshot, update, late = frames
    assert told["event"] == "subscribe"
    assert (snapshot["action"], snapshot["data"][0]["prevSeqId"]) == ("snapshot", -1)
    assert update["data"][0]["prevSeqId"] == snapshot["data"][0]["seqId"]
    assert late["data"][0]["prevSeqId"] > update["data"][0]["seqId"]


@pytest.mark.parametrize(
    "change, code",
    [
        ({"spoil": "x"}, "50113"),
        ({"skew": timedelta(seconds=-31)}, "50102"),
        ({"skew": timedelta(seconds=31)}, "50102"),
    ],
)
async def test_a_request_that_is_signed_wrong_is_refused(change, code):
    """Another secret, and a time more than thirty seconds away, have codes of their own."""
    async with OkxVenue(clock=ManualClock()) as venue:
        status, body = await call(venue, "GET", "/api/v5/account/balance", **change)

    assert (status, body["code"]) == (401, code)


async def test_a_key_does_what_its_rights_say():
    """A reader may not trade, a stranger nothing, and a key tells what it may."""
    async with OkxVenue() as venue:
        order = LIMIT | {"sz": "100", "px": "199"}
        keys = venue.keys
        _, reader = await call(venue, "POST", "/api/v5/trade/order", order, key=keys.reader)
        _, nobody = await call(venue, "GET", "/api/v5/account/balance", key=keys.stranger)
        _, told = await call(venue, "GET", "/api/v5/account/config", key=keys.withdrawer)

    assert (reader["code"], nobody["code"]) == ("50120", "50111")
    assert told["data"][0]["perm"] == "read_only,trade,withdraw"


@pytest.mark.parametrize(
    "change, code",
    [
        ({"instId": "NONE-USDC"}, "51001"),
        ({"px": "199.05"}, "51006"),
        ({"sz": "0.01"}, "51121"),
        ({"sz": "2"}, "51020"),
        ({"sz": "999900"}, "51008"),
        ({"reduceOnly": "true"}, "51169"),
        ({"clOrdId": "x" * 33}, "51000"),
        ({"clOrdId": "with-dash"}, "51000"),
        ({"posSide": "long"}, "51000"),
        ({"tdMode": "cash"}, "51000"),
        ({"instId": "TEST-USDC", "tdMode": "cash", "side": "sell", "sz": "1"}, "51008"),
    ],
)
async def test_each_refusal_has_the_venues_code(change, code):
    """`code` 1 says that it failed, the row's `sCode` says why."""
    async with OkxVenue() as venue:
        row = await place(venue, **change)

    assert row["sCode"] == code
    assert row["sMsg"]


async def test_some_of_several_orders_fail():
    """Each row has its own code, and `code` 2 says that not all of them did."""
    async with OkxVenue() as venue:
        orders = [LIMIT | {"sz": "100", "px": price} for price in ("199", "199.05")]
        _, body = await call(venue, "POST", "/api/v5/trade/batch-orders", orders)

    assert body["code"] == "2"
    assert [row["sCode"] for row in body["data"]] == ["0", "51006"]


async def test_post_only_that_would_take_is_accepted_and_dies():
    """The answer is a success; the order is canceled with the source 31, which we call rejected."""
    async with OkxVenue() as venue, aiohttp.ClientSession() as session:
        socket = await listen(venue, session, {"channel": "orders", "instType": "ANY"})
        row = await place(venue, px="201", ordType="post_only", clOrdId="a1")
        event = await socket.receive_json(timeout=5)
        path = "/api/v5/trade/order?instId=TEST-USDC-SWAP&clOrdId=a1"
        _, asked = await call(venue, "GET", path)
        await socket.close()

    assert (row["sCode"], event["data"][0]["cancelSource"]) == ("0", "31")
    assert asked["data"][0]["state"] == "canceled"
    (order,) = parse.parse_orders(asked, reading())
    assert (order.status, order.reason) == (OrderStatus.REJECTED, "POST_ONLY_WOULD_CROSS")


def reading():
    """What is known of the test markets."""
    listings = instruments.parse_instruments(
        {
            "code": "0",
            "data": [
                {
                    "instType": "SWAP", "instId": "TEST-USDC-SWAP", "ctVal": "0.01",
                    "ctType": "linear", "state": "live", "settleCcy": "USDC",
                    "tickSz": "0.1", "lotSz": "0.1", "minSz": "0.1",
                }
            ],
        },
        Reading(venue="okx"),
    )  # fmt: skip
    return Reading(venue="okx", listings={each.key: each for each in listings})


async def test_the_private_stream_reads_as_orders_and_fills():
    """What the stream says is what our own parser makes of it, in base units."""
    async with OkxVenue() as venue, aiohttp.ClientSession() as session:
        socket = await listen(venue, session, {"channel": "orders", "instType": "SWAP"})
        await place(venue, clOrdId="a9", px="200.2", sz="400")
        frames = [await socket.receive_json(timeout=5) for _ in range(3)]
        await socket.close()

    told = [item for frame in frames for item in parse.parse_order_events(frame, reading())]
    orders = [(item.status.value, str(item.filled)) for item in told if isinstance(item, OrderData)]
    fills = [
        (item.client_order_id, str(item.price), str(item.amount), str(item.fee))
        for item in told
        if isinstance(item, FillData)
    ]
    assert orders == [("open", "0.00"), ("partially_filled", "3.00"), ("filled", "4.00")]
    assert fills == [("a9", "200.1", "3.00", "0.30015"), ("a9", "200.2", "1.00", "0.1001")]


async def test_a_private_channel_needs_a_login():
    """Without one nothing is subscribed, a wrong one is refused, and paths keep to their own."""
    async with OkxVenue() as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.private_url)
        orders = {"op": "subscribe", "args": [{"channel": "orders", "instType": "ANY"}]}
        await socket.send_json(orders)
        before = await socket.receive_json(timeout=5)
        await socket.send_json({"op": "login", "args": [{"apiKey": "nobody"}]})
        wrong = await socket.receive_json(timeout=5)
        trades = {"op": "subscribe", "args": [{"channel": "trades", "instId": "TEST-USDC"}]}
        await socket.send_json(trades)
        other = await socket.receive_json(timeout=5)
        await socket.send_str("ping")
        pong = await socket.receive_str(timeout=5)
        await socket.close()

    assert [each["code"] for each in (before, wrong, other)] == ["60011", "60005", "60018"]
    assert pong == "pong"


async def test_lists_are_told_by_pages():
    """A hundred at most, from new to old, older than the last one that was told."""
    async with OkxVenue() as venue:
        for _ in range(130):
            await asyncio.sleep(0)
            venue.place_foreign(PERP, OrderSide.BUY, "100", "0.1")
        path = "/api/v5/trade/orders-pending"
        _, first = await call(venue, "GET", path)
        oldest = first["data"][-1]["ordId"]
        _, second = await call(venue, "GET", f"{path}?after={oldest}")

    ids = [int(row["ordId"]) for row in first["data"] + second["data"]]
    assert (len(first["data"]), len(second["data"])) == (100, 30)
    assert ids == sorted(ids, reverse=True)
    assert min(ids) > 2**53


async def test_several_matches_may_be_told_as_one_trade():
    """`count` says how many, and the number is the last one's."""
    async with OkxVenue() as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.public_url)
        arg = {"channel": "trades", "instId": "TEST-USDC-SWAP"}
        await socket.send_json({"op": "subscribe", "args": [arg]})
        await venue.until(lambda: venue.listening("trades:TEST-USDC-SWAP"))
        venue.trade("201", symbol=PERP)
        venue.streams.traded_together(venue.floor.trades(PERP)[-2:])
        frames = [await socket.receive_json(timeout=5) for _ in range(3)]
        await socket.close()

    alone, joined = (frame["data"][0] for frame in frames[1:])
    assert (alone["count"], joined["count"]) == ("1", "2")
    assert joined["tradeId"] == alone["tradeId"]
    assert joined["sz"] == "2000"


async def test_funding_is_in_the_bills():
    """A settlement is a bill of type 8 and a rate of the history."""
    async with OkxVenue() as venue:
        await place(venue, px="200.1")
        venue.settle_funding(PERP, "0.0001")
        _, bills = await call(venue, "GET", "/api/v5/account/bills?type=8&instType=SWAP")
        path = "/api/v5/public/funding-rate-history?instId=TEST-USDC-SWAP"
        _, rates = await call(venue, "GET", path)

    (bill,), (rate,) = bills["data"], rates["data"]
    assert (bill["pnl"], bill["subType"], bill["sz"]) == ("-0.02", "173", "100")
    assert rate["fundingRate"] == "0.0001"
