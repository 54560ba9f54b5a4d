"""Loopback edgeX, driven by the vendor's SDK where it is installed, and by plain requests."""

import asyncio
import json
from decimal import Decimal

import aiohttp
import pytest

from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.edgex import instruments, parse, sign
from core.adapters.exchanges.ethereum import private_key
from core.adapters.exchanges.models import FillData, OrderData, OrderSide, PositionData
from core.testing.clock import ManualClock
from core.testing.venue import PERP
from core.testing.venues.edgex.venue import EdgexVenue
from core.testing.venues.faults import Kind

CONTRACT = "30000101"


async def call(venue, method, path, *, key=None, **params):
    """The answer to a signed request."""
    key = venue.key if key is None else key
    url = f"/api/v2/{path}"
    params = {"accountId": str(venue.key.account_id), **params}
    headers = sign.headers(
        api_key=key.api_key,
        passphrase=key.passphrase,
        secret=key.secret,
        timestamp_ms=venue.now_ms(),
        method=method,
        path=url,
        params=params,
    )
    sent = {"params": params} if method == "GET" else {"json": params}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, venue.rest_url + url, headers=headers, **sent) as answer,
    ):
        return await answer.json()


async def metadata(venue):
    """What signing needs."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{venue.rest_url}/api/v2/public/meta/getMetaData") as answer,
    ):
        return instruments.parse_metadata(await answer.json(), Reading(venue="edgex", listings={}))


async def order_body(venue, price="199", size="1", client_id="a-1", side=OrderSide.BUY, **changes):
    """A signed order."""
    meta = await metadata(venue)
    contract = meta.contracts[CONTRACT]
    expires_at_ms = venue.now_ms() + 86_400_000
    terms = sign.OrderTerms(
        account_id=venue.key.account_id,
        client_order_id=client_id,
        side=side,
        amount=Decimal(size),
        price=Decimal(price),
        expires_at_ms=expires_at_ms,
    )
    signature = sign.sign_order(
        terms,
        contract,
        private_key(venue.key.trading_secret),
        chain_id=meta.chain_id,
        verifying=meta.verifying_contract,
    )
    return {
        "contractId": CONTRACT,
        "price": price,
        "size": size,
        "type": "LIMIT",
        "side": "BUY" if side is OrderSide.BUY else "SELL",
        "timeInForce": "GOOD_TIL_CANCEL",
        "clientOrderId": client_id,
        "expireTime": str(expires_at_ms),
        "l2Nonce": str(terms.nonce),
        "l2Signature": signature.hex(),
        "l2ExpireTime": str(expires_at_ms + sign.L2_EXPIRY_MARGIN_MS),
        "l2Value": str(terms.value),
        "l2Size": size,
        "l2LimitFee": str(terms.limit_fee(contract)),
        "reduceOnly": False,
        **changes,
    }


async def place(venue, **order):
    """The answer to a signed order."""
    body = await order_body(venue, **order)
    return await call(venue, "POST", "private/order/createOrder", **body)


async def private_socket(venue, session):
    """The signed private socket."""
    stamp = venue.now_ms()
    query = {"accountId": str(venue.key.account_id), "timestamp": str(stamp)}
    headers = sign.headers(
        api_key=venue.key.api_key,
        passphrase=venue.key.passphrase,
        secret=venue.key.secret,
        timestamp_ms=stamp,
        method="GET",
        path="/api/v1/private/ws",
        params=query,
    )
    return await session.ws_connect(venue.private_url, params=query, headers=headers)


async def next_of(socket, kind):
    """The next message of a type."""
    while True:
        message = await socket.receive_json(timeout=5)
        if message["type"] == kind:
            return message


async def test_an_order_is_placed_filled_in_part_and_cancelled():
    """REST tells the id alone; order, executions and cancel are told by the private socket."""
    async with EdgexVenue() as venue, aiohttp.ClientSession() as session:
        meta = await metadata(venue)
        reading = Reading(venue="edgex", listings={each.key: each for each in meta.listings})
        socket = await private_socket(venue, session)
        first = await next_of(socket, "trade-event")
        placed = await place(venue)
        venue.fill("a-1", "0.4")
        order_id = placed["data"]["orderId"]
        canceled = await call(
            venue, "POST", "private/order/cancelOrderById", orderIdList=[order_id]
        )
        events = [await next_of(socket, "trade-event") for _ in range(5)]
        data = [part for event in events for part in parse.parse_trade_event(event, reading)]
        page = await call(venue, "GET", "private/order/getHistoryOrderPage", size="10")
        fills = await call(venue, "GET", "private/order/getHistoryOrderFillTransactionPage")
        await socket.close()

    assert first["content"]["event"] == "Snapshot"
    assert canceled["data"] == {"cancelResultMap": {order_id: "SUCCESS"}}
    statuses = [part.status.value for part in data if isinstance(part, OrderData)]
    assert statuses == ["open", "partially_filled", "canceled"]
    (fill,) = [part for part in data if isinstance(part, FillData)]
    assert (fill.price, fill.amount, fill.fee) == (199, Decimal("0.4"), Decimal("0.01592"))
    (position,) = [part for part in data if isinstance(part, PositionData)]
    assert (position.size, position.entry_price) == (Decimal("0.4"), 199)
    versions = [int(event["content"]["version"]) for event in events]
    assert versions == list(range(versions[0], versions[0] + 5))
    (ended,) = parse.parse_orders(page, reading)
    assert (ended.status.value, ended.filled) == ("canceled", Decimal("0.4"))
    assert parse.parse_fills(fills, reading) == (fill,)


async def test_the_depth_begins_where_it_ended():
    """A snapshot, then changes whose start is the end before; a lost one leaves a gap."""
    async with EdgexVenue() as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.public_url)
        await socket.send_json({"type": "subscribe", "channel": f"depth.{CONTRACT}.15"})
        frames = [await next_of(socket, "quote-event")]
        venue.trade("201")
        frames.append(await next_of(socket, "quote-event"))
        venue.faults.drop(Kind.BOOK)
        venue.trade("202")
        venue.trade("203")
        frames.append(await next_of(socket, "quote-event"))
        await socket.close()

    rows = [frame["content"]["data"][0] for frame in frames]
    assert [row["depthType"] for row in rows] == ["SNAPSHOT", "CHANGED", "CHANGED"]
    assert rows[0]["bids"][0] == {"price": "199.9", "size": "3"}
    assert rows[1]["startVersion"] == rows[0]["endVersion"]
    assert int(rows[2]["startVersion"]) > int(rows[1]["endVersion"])


@pytest.mark.parametrize(
    "change, code",
    [
        ({"l2Value": "1"}, "INVALID_L2_SIGNATURE"),
        ({"l2Size": "2"}, "INVALID_L2_SIGNATURE"),
        ({"side": "SELL"}, "INVALID_L2_SIGNATURE"),
        ({"l2Nonce": "1"}, "INVALID_L2_NONCE"),
        ({"price": "150"}, "INVALID_L2_VALUE"),
        ({"contractId": "10000001"}, "CONTRACT_NOT_FOUND"),
    ],
)
async def test_what_is_not_what_was_signed_is_refused(change, code):
    """Value, size, side, nonce, price and contract are bound by the order's signature."""
    async with EdgexVenue() as venue:
        answer = await call(
            venue, "POST", "private/order/createOrder", **(await order_body(venue) | change)
        )

        assert (answer["code"], answer["data"]) == (code, None)
        assert venue.floor.open_orders() == []


async def test_a_strangers_request_is_refused_with_401():
    """Another secret, or another time, is another signature."""
    async with EdgexVenue(clock=ManualClock()) as venue:
        wrong = type(venue.key)(
            account_id=venue.key.account_id,
            api_key=venue.key.api_key,
            passphrase=venue.key.passphrase,
            secret="other",
            trading_secret=venue.key.trading_secret,
            trading_address=venue.key.trading_address,
        )
        signed = await call(venue, "GET", "private/account/getAccountAsset", key=wrong)
        venue.faults.clock_offset_s = 61
        path = "private/account/getAccountAsset"
        async with aiohttp.ClientSession() as session:
            headers = {"X-edgeX-Api-Key": venue.key.api_key}
            async with session.get(f"{venue.rest_url}/api/v2/{path}", headers=headers) as answer:
                status = answer.status

    assert signed["code"] == "INVALID_SIGNATURE"
    assert status == 401


async def test_the_private_socket_needs_a_signature():
    """A socket without one does not open."""
    async with EdgexVenue() as venue, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(venue.private_url, params={"accountId": "1"})

    assert refused.value.status == 401


async def test_an_unknown_contract_is_an_empty_answer():
    """Quotes of ids that do not exist are SUCCESS and nothing."""
    async with EdgexVenue() as venue, aiohttp.ClientSession() as session:
        url = f"{venue.rest_url}/api/v2/public/quote/getTicker?contractId=10000001"
        async with session.get(url) as answer:
            body = json.loads(await answer.text())

    assert (body["code"], body["data"]) == ("SUCCESS", [])


async def test_a_client_that_answers_no_ping_is_let_go():
    """After five pings without a word the connection ends."""
    clock = ManualClock()
    async with EdgexVenue(clock=clock) as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.public_url)
        await next_of(socket, "connected")
        clock.advance(65)
        kinds = [(await socket.receive(timeout=5)).type for _ in range(7)]
        await venue.until(lambda: not venue.sockets)

    assert kinds[:5] == [aiohttp.WSMsgType.TEXT] * 5
    assert aiohttp.WSMsgType.CLOSE in kinds


async def test_a_position_that_somebody_else_opened_is_in_the_account():
    """Foreign orders and positions are the account's like our own."""
    async with EdgexVenue() as venue:
        venue.place_foreign(PERP, OrderSide.SELL, None, "2")
        venue.place_foreign(PERP, OrderSide.BUY, "150", "1")
        asset = await call(venue, "GET", "private/account/getAccountAsset")
        page = await call(venue, "GET", "private/order/getActiveOrderPage")

    assert [row["openSize"] for row in asset["data"]["positionList"]] == ["-2"]
    assert [row["clientOrderId"] for row in page["data"]["dataList"]] == ["web-2"]


async def test_the_sdk_places_queries_and_cancels():
    """What edgex-python-sdk signs is what the server checks."""
    sdk = pytest.importorskip("edgex_sdk")
    async with EdgexVenue() as venue:
        client = sdk.Client(
            base_url=venue.rest_url,
            account_id=venue.key.account_id,
            api_key=venue.key.api_key,
            api_passphrase=venue.key.passphrase,
            api_secret=venue.key.secret,
            trading_private_key=venue.key.trading_secret,
        )
        async with client:
            placed = await client.create_limit_order(
                contract_id=CONTRACT,
                size="0.5",
                price="199",
                side=sdk.OrderSide.BUY,
                client_order_id="sdk-1",
            )
            order_id = placed["data"]["orderId"]
            asked = await client.order.get_orders_by_id([order_id])
            params = sdk.CancelOrderParams(order_id=order_id)
            canceled = await client.cancel_order(params)
            asset = await client.get_account_asset()

    assert asked["data"][0]["clientOrderId"] == "sdk-1"
    assert canceled["data"]["cancelResultMap"] == {order_id: "SUCCESS"}
    assert asset["data"]["collateralList"][0]["amount"] == "10000"


async def test_the_sdks_private_socket_is_let_in():
    """Its headers, its query and its subprotocol are what the server takes."""
    module = pytest.importorskip("edgex_sdk.ws.manager")
    async with EdgexVenue() as venue:
        heard = []
        manager = module.Manager(
            venue.socket_url,
            venue.key.account_id,
            venue.key.api_key,
            venue.key.passphrase,
            venue.key.secret,
        )
        manager.get_private_client().on_message("order", heard.append)
        await asyncio.to_thread(manager.connect_private)
        await venue.until(lambda: venue.sockets)
        venue.place_foreign(PERP, OrderSide.BUY, "150", "1")
        async with asyncio.timeout(5):
            while not heard:  # noqa: ASYNC110 # the SDK hears on a thread of its own
                await asyncio.sleep(0.01)
        await asyncio.to_thread(manager.disconnect_all)

    assert json.loads(heard[0])["content"]["event"] == "ORDER_UPDATE"
