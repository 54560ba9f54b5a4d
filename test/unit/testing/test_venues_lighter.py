"""Loopback Lighter, driven by plain requests, and by ccxt with the native signer if it is there."""

import asyncio
import importlib.util
import json
import platform
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from core.adapters.exchanges.decoding import Reading
from core.adapters.exchanges.lighter import instruments, parse
from core.adapters.exchanges.models import OrderSide
from core.testing.clock import ManualClock
from core.testing.venue import PERP, SPOT
from core.testing.venues.clients import ccxt_client
from core.testing.venues.faults import Kind
from core.testing.venues.lighter.keys import StandInSigner
from core.testing.venues.lighter.transactions import (
    CANCEL,
    CANCEL_ALL,
    CREATE,
    LEVERAGE,
    MODIFY,
)
from core.testing.venues.lighter.venue import LighterVenue

SYMBOL = "TEST/USDC:USDC"
ACCOUNT = "1234"


def native_signer():
    """The library of lighter-sdk for this machine; None where it is not installed."""
    found = importlib.util.find_spec("lighter")
    if found is None or found.origin is None:
        return None
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")
    name = f"lighter-signer-linux-{machine}.so"
    path = Path(found.origin).parent / "signers" / name
    return path if path.exists() else None


def terms(venue, nonce=1, **changes):
    """A limit order of 1 at 199."""
    return {
        "MarketIndex": 0,
        "ClientOrderIndex": 77,
        "BaseAmount": 1000,
        "Price": 1990,
        "IsAsk": 0,
        "Type": 0,
        "TimeInForce": 1,
        "ReduceOnly": 0,
        "TriggerPrice": 0,
        "OrderExpiry": venue.now_ms() + 2_419_200_000,
        "ExpiredAt": venue.now_ms() + 600_000,
        "Nonce": nonce,
        **changes,
    }


async def send(venue, tx_type, info, signer=None):
    """(status, body) of a transaction."""
    signer = venue.signer if signer is None else signer
    form = {"tx_type": str(tx_type), "tx_info": signer.sign(info)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{venue.rest_url}/api/v1/sendTx", data=form) as answer,
    ):
        return answer.status, await answer.json()


async def read(venue, path, *, token=True, **params):
    """The answer to a question, with a token."""
    if token:
        params["auth"] = venue.signer.token(venue.now_ms() // 1000 + 600)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{venue.rest_url}/api/v1/{path}", params=params) as answer,
    ):
        return json.loads(await answer.text(), parse_float=Decimal)


async def next_of(socket, kind):
    """The next message of a type."""
    while True:
        message = json.loads(await socket.receive_str(timeout=5), parse_float=Decimal)
        if message.get("type") == kind or (kind == "error" and "error" in message):
            return message


async def subscribe(venue, socket, channel):
    """The first message of a private channel."""
    token = venue.signer.token(venue.now_ms() // 1000 + 600)
    await socket.send_json({"type": "subscribe", "channel": channel, "auth": token})
    return await next_of(socket, f"subscribed/{channel.partition('/')[0]}")


async def test_an_order_is_placed_filled_in_part_and_cancelled():
    """The answer is a hash; order, trades and positions come on the account's channels."""
    async with LighterVenue() as venue, aiohttp.ClientSession() as session:
        details = await read(venue, "orderBookDetails", token=False)
        listings = instruments.parse_markets(details, Reading(venue="lighter"))
        keyed = {each.key: each for each in listings}
        reading = Reading(venue="lighter", listings=keyed, account=ACCOUNT)
        socket = await session.ws_connect(venue.private_url)
        for name in ("account_all_orders", "account_all_trades", "account_all_positions"):
            await subscribe(venue, socket, f"{name}/{ACCOUNT}")
        status, sent = await send(venue, CREATE, terms(venue))
        opened = await next_of(socket, "update/account_all_orders")
        venue.fill("77", "0.4")
        traded = await next_of(socket, "update/account_all_trades")
        parted = await next_of(socket, "update/account_all_orders")
        held = await next_of(socket, "update/account_all_positions")
        (order,) = parse.parse_account_orders(opened, reading)
        cancel = {"MarketIndex": 0, "Index": int(order.order_id), "Nonce": 2}
        await send(venue, CANCEL, cancel)
        ended = await next_of(socket, "update/account_all_orders")
        await socket.close()

    (fill,) = parse.parse_account_trades(traded, reading)
    (position,) = parse.parse_account_positions(held, reading)
    states = [
        (each.status.value, each.filled)
        for message in (opened, parted, ended)
        for each in parse.parse_account_orders(message, reading)
    ]
    assert (status, sent["code"], len(sent["tx_hash"])) == (200, 200, 80)
    assert states == [
        ("open", 0),
        ("partially_filled", Decimal("0.4")),
        ("canceled", Decimal("0.4")),
    ]
    assert (fill.client_order_id, fill.price, fill.fee) == ("77", 199, Decimal("0.01592"))
    assert (fill.order_id, fill.liquidity.value) == (order.order_id, "maker")
    assert (position.size, position.entry_price, position.leverage) == (Decimal("0.4"), 199, 10)


async def test_the_book_begins_where_it_ended():
    """A whole book, then changes that begin at the nonce before; a lost one leaves a gap."""
    async with LighterVenue() as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.public_url)
        await socket.send_json({"type": "subscribe", "channel": "order_book/0"})
        first = await next_of(socket, "subscribed/order_book")
        venue.trade("201")
        second = await next_of(socket, "update/order_book")
        venue.faults.drop(Kind.BOOK)
        venue.trade("202")
        venue.trade("203")
        third = await next_of(socket, "update/order_book")
        await socket.close()

    books = [message["order_book"] for message in (first, second, third)]
    assert books[0]["bids"][0] == {"price": "199.9", "size": "3.000"}
    assert books[1]["begin_nonce"] == books[0]["nonce"]
    assert books[2]["begin_nonce"] > books[1]["nonce"]
    assert {"price": "199.9", "size": "0.000"} in books[1]["bids"]


async def test_a_strangers_signature_and_a_changed_field_are_refused():
    """The stand-in binds the key and every field."""
    async with LighterVenue() as venue:
        stranger = StandInSigner(venue.keys.stranger)
        wrong = await send(venue, CREATE, terms(venue), stranger)

        class Forger:
            def sign(self, info):
                signed = json.loads(venue.signer.sign(info))
                return json.dumps(signed | {"Price": 1})

        forged = await send(venue, CREATE, terms(venue), Forger())

        assert wrong == (400, {"code": 21120, "message": "invalid signature"})
        assert forged == wrong
        assert venue.keys.next_nonce == 1


async def test_nonces_go_up_by_one_or_skip():
    """A nonce comes once, at most sixteen before its turn, or any higher one with the attribute."""
    async with LighterVenue() as venue:
        answers = []
        skip = {"L2TxAttributes": {"4": 1}}
        for place, (nonce, more) in enumerate(
            [(1, {}), (1, {}), (3, {}), (2, {}), (30, {}), (30, skip), (4, {})], 1
        ):
            info = terms(venue, nonce, ClientOrderIndex=place, **more)
            _, body = await send(venue, CREATE, info)
            answers.append(body["code"])

    assert answers == [200, 21104, 200, 200, 21104, 200, 21104]


async def test_what_matching_refuses_is_an_order_that_was_cancelled_at_once():
    """Post-only and margin are told by a status; reduce-only is dropped without a word."""
    async with LighterVenue() as venue:
        cases = [
            {"TimeInForce": 2, "Price": 2010},
            {"BaseAmount": 9_999_000},
            {"ReduceOnly": 1},
        ]
        codes = []
        for place, change in enumerate(cases, 1):
            info = terms(venue, place, ClientOrderIndex=place, **change)
            codes.append((await send(venue, CREATE, info))[1]["code"])
        answer = await read(venue, "accountInactiveOrders", account_index=ACCOUNT)

    assert codes == [200, 200, 200]
    assert [(row["client_order_id"], row["status"]) for row in answer["orders"]] == [
        ("2", "canceled-margin-not-allowed"),
        ("1", "canceled-post-only"),
    ]


@pytest.mark.parametrize(
    "change, code",
    [
        ({"MarketIndex": 9}, 21602),
        ({"BaseAmount": 10}, 21706),
        ({"Type": 4}, 21710),
        ({"ClientOrderIndex": 2**48}, 21727),
        ({"ExpiredAt": 1}, 21107),
    ],
)
async def test_each_refusal_of_a_transaction_has_its_number(change, code):
    """What the sequencer refuses never becomes an order."""
    async with LighterVenue() as venue:
        status, body = await send(venue, CREATE, terms(venue, **change))

    assert (status, body["code"]) == (400, code)


async def test_a_token_is_needed_and_ends():
    """Private answers and channels want a token of at most eight hours."""
    clock = ManualClock()
    async with LighterVenue(clock=clock) as venue, aiohttp.ClientSession() as session:
        missing = await read(venue, "accountActiveOrders", token=False, account_index=ACCOUNT)
        token = venue.signer.token(venue.now_ms() // 1000 + 600)
        clock.advance(601)
        late = await read(
            venue, "accountActiveOrders", token=False, account_index=ACCOUNT, auth=token
        )
        long = await read(
            venue,
            "accountActiveOrders",
            token=False,
            account_index=ACCOUNT,
            auth=venue.signer.token(venue.now_ms() // 1000 + 9 * 3600),
        )
        socket = await session.ws_connect(venue.private_url)
        channel = f"account_all_orders/{ACCOUNT}"
        await socket.send_json({"type": "subscribe", "channel": channel})
        refused = await next_of(socket, "error")
        await socket.close()

    assert {missing["code"], late["code"], long["code"], refused["error"]["code"]} == {20013}


async def test_a_transaction_on_the_socket_is_the_same():
    """`jsonapi/sendtx` answers on the socket with the request's id."""
    async with LighterVenue() as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.public_url)
        info = json.loads(venue.signer.sign(terms(venue)))
        data = {"id": "me-1", "tx_type": CREATE, "tx_info": info}
        await socket.send_json({"type": "jsonapi/sendtx", "data": data})
        answer = await next_of(socket, "jsonapi/sendtx")
        await socket.close()

        assert (answer["id"], answer["code"]) == ("me-1", 200)
        assert [order.client_order_id for order in venue.floor.open_orders()] == ["77"]


async def test_cancel_all_is_every_markets_and_can_wait():
    """Now, or scheduled at least five minutes ahead, or aborted."""
    clock = ManualClock()
    async with LighterVenue(clock=clock) as venue:
        for symbol in (PERP, SPOT):
            venue.place_foreign(symbol, OrderSide.BUY, "150", "1")
        soon = {"TimeInForce": 1, "Time": venue.now_ms() + 1000, "Nonce": 1}
        _, refused = await send(venue, CANCEL_ALL, soon)
        later = {"TimeInForce": 1, "Time": venue.now_ms() + 300_000, "Nonce": 2}
        await send(venue, CANCEL_ALL, later)
        await send(venue, CANCEL_ALL, {"TimeInForce": 2, "Time": 0, "Nonce": 3})
        clock.advance(301)
        kept = len(venue.floor.open_orders())
        await send(venue, CANCEL_ALL, {"TimeInForce": 0, "Time": 0, "Nonce": 4})

        assert refused["code"] == 21721
        assert kept == 2
        assert venue.floor.open_orders() == []


async def test_one_cancel_of_everything_waits_at_a_time_and_comes():
    """Another is refused until the first is called off; whoever dies has no orders left."""
    clock = ManualClock()
    async with LighterVenue(clock=clock) as venue:
        venue.place_foreign(PERP, OrderSide.BUY, "150", "1")
        at = {"TimeInForce": 1, "Time": venue.now_ms() + 300_000}
        await send(venue, CANCEL_ALL, {**at, "Nonce": 1})
        _, second = await send(venue, CANCEL_ALL, {**at, "Nonce": 2})
        await send(venue, CANCEL_ALL, {"TimeInForce": 2, "Time": 0, "Nonce": 3})
        _, third = await send(venue, CANCEL_ALL, {**at, "Nonce": 4})
        clock.advance(301)

        assert (second["code"], third["code"]) == (21722, 200)
        assert venue.floor.open_orders() == []


async def test_a_market_without_a_price_has_no_statistics():
    """It is left out, and does not keep the others from being told."""
    async with LighterVenue(first_price=None) as venue:
        venue.trade("200", symbol=PERP)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(venue.public_url) as socket,
        ):
            await next_of(socket, "connected")
            await socket.send_json({"type": "subscribe", "channel": "market_stats/all"})
            every = await next_of(socket, "subscribed/market_stats")
            await socket.send_json({"type": "subscribe", "channel": "spot_market_stats/2048"})
            one = await next_of(socket, "subscribed/spot_market_stats")

        assert list(every["market_stats"]) == ["0"]
        assert one["spot_market_stats"] == {}


async def test_a_standard_account_has_sixty_requests_a_minute():
    """Whatever they weigh; a premium one is counted by weight."""
    async with LighterVenue(clock=ManualClock()) as venue:
        venue.rest.be_standard()
        statuses = []
        async with aiohttp.ClientSession() as session:
            for _ in range(61):
                async with session.get(f"{venue.rest_url}/api/v1/orderBookDetails") as answer:
                    statuses.append(answer.status)

        assert statuses == [200] * 60 + [429]


async def test_a_modified_order_keeps_its_client_index():
    """Price and amount are others, the venue's index too."""
    async with LighterVenue() as venue:
        await send(venue, CREATE, terms(venue))
        change = {"MarketIndex": 0, "Index": 77, "BaseAmount": 500, "Price": 1980, "Nonce": 2}
        status, _ = await send(venue, MODIFY, change)
        (order,) = venue.floor.open_orders()

    assert status == 200
    assert (order.client_order_id, order.price, order.amount) == ("77", 198, Decimal("0.5"))


async def test_leverage_is_a_fraction_of_margin():
    """2000 of 10,000 is five times."""
    async with LighterVenue() as venue:
        info = {"MarketIndex": 0, "InitialMarginFraction": 2000, "MarginMode": 0, "Nonce": 1}
        status, _ = await send(venue, LEVERAGE, info)

        assert (status, venue.floor.holding(PERP).leverage) == (200, 5)


async def test_a_shutdown_is_announced_before_it_comes():
    """Sockets are told how long they have, and are closed then."""
    clock = ManualClock()
    async with LighterVenue(clock=clock) as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.public_url)
        await next_of(socket, "connected")
        venue.announce_shutdown(30)
        told = await next_of(socket, "shutdown")
        clock.advance(30)
        last = await socket.receive(timeout=5)

    assert told["close_in_ms"] == 30_000
    assert (last.type, last.data) == (aiohttp.WSMsgType.CLOSE, 1001)


async def test_ccxt_trades_with_the_native_signer():
    """What the native signer makes is read as the order that was asked for, and no more is sent."""
    library = native_signer()
    if library is None:
        pytest.skip("lighter-sdk's signer is not installed")
    async with LighterVenue(accepts_native=True) as venue:
        key = venue.key
        secrets = {str(key.api_key_index): {"lighterPrivateKey": key.secret}}
        options = {
            "auths": {ACCOUNT: secrets},
            "accountIndex": key.account_index,
            "apiKeyIndex": key.api_key_index,
            "libraryPath": str(library),
            "builderFee": False,
        }
        async with ccxt_client(venue, "lighter", options=options) as exchange:
            await exchange.load_markets()
            watching = asyncio.create_task(exchange.watch_orders(SYMBOL))
            await venue.until(lambda: venue.listening(f"account_orders:0:{ACCOUNT}"))
            await exchange.create_order(SYMBOL, "limit", "buy", 0.5, 199, {"clientOrderId": 77})
            opened = [(each["clientOrderId"], each["status"]) for each in await watching]
            venue.fill("77", "0.2")
            (order,) = await exchange.fetch_open_orders(SYMBOL)
            await exchange.cancel_order(order["id"], SYMBOL)
            (trade,) = await exchange.fetch_my_trades(SYMBOL)
            sent = [call.name for call in venue.calls if call.path.endswith("sendTx")]

        assert opened == [("77", "open")]
        assert (order["filled"], trade["amount"], trade["takerOrMaker"]) == (0.2, 0.2, "maker")
        assert sent == ["create_order", "cancel_order"]
        assert venue.floor.open_orders() == []


async def test_ccxt_reads_prices():
    """Public data of ccxt needs no key."""
    async with LighterVenue() as venue, ccxt_client(venue, "lighter") as exchange:
        await exchange.load_markets()
        book = await exchange.watch_order_book(SYMBOL)
        first = book["bids"][:]
        watching = asyncio.create_task(exchange.watch_order_book(SYMBOL))
        await asyncio.sleep(0)
        venue.trade("201")
        second = (await watching)["bids"][:]
        candles = await exchange.fetch_ohlcv(SYMBOL, "1m")

    assert first == [[199.9, 3.0], [199.8, 5.0]]
    assert second == [[200.9, 3.0], [200.8, 5.0]]
    assert sum(row[5] for row in candles) == 20
