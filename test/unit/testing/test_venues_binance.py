"""Loopback Binance, driven by ccxt and by plain HTTP."""

import asyncio
from decimal import Decimal

import aiohttp
import pytest

from core.adapters.exchanges.binance.sign import HmacKey, signed_params, signed_query
from core.adapters.exchanges.ed25519 import key_from_pem
from core.adapters.exchanges.models import OrderSide
from core.testing.clock import ManualClock
from core.testing.venue import PERP
from core.testing.venues.binance.venue import BinanceVenue
from core.testing.venues.clients import ccxt_client
from core.testing.venues.faults import Fault, Kind

ccxt = pytest.importorskip("ccxt")

SYMBOL = "TEST/USDC:USDC"
LIMIT = {"symbol": "TESTUSDC", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}


def client(venue):
    """Ccxt's USDⓈ-M client with the venue's key."""
    options = {"fetchCurrencies": False, "fetchMarkets": {"types": ["linear"]}}
    return ccxt_client(
        venue, "binanceusdm", apiKey=venue.key.api_key, secret=venue.key.secret, options=options
    )


async def signed(venue, method, path, key=None, at_ms=None, **params):
    """(status, headers, body) of a signed request."""
    key = venue.key if key is None else key
    signs = HmacKey(key.secret) if key.ed25519 is None else key_from_pem(key.secret)
    stamp = venue.now_ms() if at_ms is None else at_ms
    query = signed_query({**params, "timestamp": str(stamp)}, signs)
    headers = {"X-MBX-APIKEY": key.api_key}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{venue.rest_url}{path}?{query}", headers=headers) as answer,
    ):
        return answer.status, answer.headers, await answer.json()


async def frames(socket, count):
    """The next messages of a socket."""
    return [await socket.receive_json(timeout=5) for _ in range(count)]


async def user_stream(venue, session):
    """A socket that hears the account."""
    headers = {"X-MBX-APIKEY": venue.key.api_key}
    url = f"{venue.rest_url}/fapi/v1/listenKey"
    async with session.post(url, headers=headers) as answer:
        token = (await answer.json())["listenKey"]
    socket = await session.ws_connect(f"{venue.private_url}?listenKey={token}")
    await venue.until(lambda: venue.listening(token))
    return socket


# -- ccxt ---------------------------------------------------------------------------------------


async def test_an_order_is_placed_seen_filled_and_cancelled():
    """Ccxt sees its order open, part filled and cancelled, and the position that it left."""
    async with BinanceVenue() as venue, client(venue) as exchange:
        await exchange.load_markets()
        watching = asyncio.create_task(exchange.watch_orders())
        await venue.until(lambda: venue.sockets and venue.sockets[0].topics)
        placed = await exchange.create_order(
            SYMBOL, "limit", "buy", 0.5, 199, {"clientOrderId": "a-1"}
        )
        opened = [(each["id"], each["status"], each["clientOrderId"]) for each in await watching]
        venue.fill("a-1", "0.2")
        await exchange.watch_my_trades()
        canceled = await exchange.cancel_order(placed["id"], SYMBOL)
        (trade,) = await exchange.fetch_my_trades(SYMBOL)
        (position,) = await exchange.fetch_positions([SYMBOL])
        balance = await exchange.fetch_balance()

    assert opened == [(placed["id"], "open", "a-1")]
    assert (canceled["status"], canceled["filled"]) == ("canceled", 0.2)
    assert (trade["price"], trade["amount"], trade["takerOrMaker"]) == (199.0, 0.2, "maker")
    assert trade["fee"] == {"currency": "USDC", "cost": 0.00796}
    assert (position["contracts"], position["entryPrice"]) == (0.2, 199.0)
    assert balance["USDC"]["total"] == pytest.approx(10_000 + 0.2 - 0.00796)


async def test_the_book_of_ccxt_follows_the_market():
    """Snapshot and numbered changes give ccxt the floor's own book."""
    async with BinanceVenue() as venue, client(venue) as exchange:
        await exchange.load_markets()
        first = await exchange.watch_order_book(SYMBOL)
        bids = first["bids"][:]
        watching = asyncio.create_task(exchange.watch_order_book(SYMBOL))
        await asyncio.sleep(0)
        venue.trade("201")
        second = await watching

        assert bids == [[199.9, 3.0], [199.8, 5.0]]
        assert second["bids"] == [[200.9, 3.0], [200.8, 5.0]]
        assert second["asks"] == [[201.1, 3.0], [201.2, 5.0]]


async def test_a_gap_in_the_numbers_is_seen_by_ccxt():
    """A depth message that never comes makes ccxt refuse the next one."""
    async with BinanceVenue() as venue, client(venue) as exchange:
        await exchange.load_markets()
        await exchange.watch_order_book(SYMBOL)
        watching = asyncio.create_task(exchange.watch_order_book(SYMBOL))
        await asyncio.sleep(0)
        venue.faults.drop(Kind.BOOK)
        venue.trade("201")
        venue.trade("202")

        with pytest.raises(ccxt.ChecksumError):
            await watching
        assert venue.faults.fired[Fault.DROP] == 1


async def test_trades_candles_and_tickers_reach_ccxt():
    """Public streams carry what the market did."""
    async with BinanceVenue() as venue, client(venue) as exchange:
        await exchange.load_markets()
        watching = [
            asyncio.create_task(exchange.watch_trades(SYMBOL)),
            asyncio.create_task(exchange.watch_ohlcv(SYMBOL, "1m")),
            asyncio.create_task(exchange.watch_bids_asks([SYMBOL])),
            asyncio.create_task(exchange.watch_mark_price(SYMBOL)),
        ]
        await venue.until(lambda: sum(len(socket.topics) for socket in venue.sockets) == 4)
        venue.trade("198", "4", side=OrderSide.SELL)
        trades, candles, quotes, mark = await asyncio.gather(*watching)

    assert [(each["price"], each["amount"], each["side"]) for each in trades] == [
        (198.0, 4.0, "sell")
    ]
    assert candles[-1][1:] == [200.0, 200.0, 198.0, 198.0, 14.0]
    assert (quotes[SYMBOL]["bid"], quotes[SYMBOL]["ask"]) == (197.9, 198.1)
    assert mark["markPrice"] == 198.0


async def test_ccxt_places_and_cancels_on_the_socket_api():
    """Orders on the WebSocket API are the same orders."""
    async with BinanceVenue() as venue, client(venue) as exchange:
        await exchange.load_markets()
        placed = await exchange.create_order_ws(SYMBOL, "limit", "sell", 0.5, 201)
        (opened,) = await exchange.fetch_open_orders(SYMBOL)
        canceled = await exchange.cancel_order_ws(placed["id"], SYMBOL)

    assert opened["id"] == placed["id"]
    assert canceled["status"] == "canceled"


async def test_ccxt_reads_the_venues_refusals():
    """Unknown orders and wrong signatures are ccxt's own errors; margin has its code.

    Which class ccxt makes of a futures code depends on the host's name, so only the code is told.
    """
    async with BinanceVenue() as venue, client(venue) as exchange:
        await exchange.load_markets()
        with pytest.raises(ccxt.ExchangeError, match="-2019"):
            await exchange.create_order(SYMBOL, "limit", "buy", 9999, 199)
        with pytest.raises(ccxt.OrderNotFound):
            await exchange.cancel_order("8389765600000000999", SYMBOL)
        exchange.secret = "wrong"
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            await exchange.fetch_balance()


# -- the wire -----------------------------------------------------------------------------------


async def test_a_wrong_signature_is_refused_in_the_venues_own_words():
    """HMAC is checked over the text that was sent."""
    async with BinanceVenue() as venue:
        stranger = type(venue.key)(api_key=venue.key.api_key, secret="x" * 64)
        status, _, body = await signed(venue, "GET", "/fapi/v3/balance", stranger)

    assert status == 400
    assert body == {"code": -1022, "msg": "Signature for this request is not valid."}


@pytest.mark.parametrize(
    "shift_ms, code", [(-5001, -1021), (1000, -1021), (-4900, None), (900, None)]
)
async def test_the_window_of_a_request_is_kept(shift_ms, code):
    """A request is refused five seconds after, or one second before, its time."""
    async with BinanceVenue(clock=ManualClock()) as venue:
        _, _, body = await signed(venue, "GET", "/fapi/v3/balance", at_ms=venue.now_ms() + shift_ms)

    assert (body["code"] if isinstance(body, dict) else None) == code


async def test_an_ed25519_key_signs_rest_requests_and_logs_on():
    """One logon, and the socket's orders need no signature any more."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        key = venue.keys.ed25519
        status, _, _ = await signed(venue, "GET", "/fapi/v3/balance", key)
        socket = await session.ws_connect(venue.api_url)
        params = {"apiKey": key.api_key, "timestamp": str(venue.now_ms())}
        logon = signed_params(params, key_from_pem(key.secret))
        await socket.send_json({"id": 1, "method": "session.logon", "params": logon})
        (logged,) = await frames(socket, 1)
        order = LIMIT | {"price": "199", "quantity": "1", "timestamp": venue.now_ms()}
        await socket.send_json({"id": 2, "method": "order.place", "params": order})
        (placed,) = await frames(socket, 1)
        await socket.close()

    assert status == 200
    assert logged["result"]["apiKey"] == key.api_key
    assert (placed["id"], placed["status"], placed["result"]["status"]) == (2, 200, "NEW")


async def test_a_reading_key_may_not_trade_and_says_so_itself():
    """Rights are what `apiRestrictions` tells and what orders meet."""
    async with BinanceVenue() as venue:
        order = LIMIT | {"price": "199", "quantity": "1"}
        status, _, body = await signed(venue, "POST", "/fapi/v1/order", venue.keys.reader, **order)
        path = "/sapi/v1/account/apiRestrictions"
        _, _, reading = await signed(venue, "GET", path, venue.keys.reader)
        _, _, withdrawing = await signed(venue, "GET", path, venue.keys.withdrawer)

    assert (status, body["code"]) == (401, -2015)
    assert (reading["enableFutures"], reading["enableWithdrawals"]) == (False, False)
    assert (withdrawing["enableWithdrawals"], withdrawing["ipRestrict"]) == (True, False)


@pytest.mark.parametrize(
    "change, code",
    [
        ({"symbol": "NONEUSDT"}, -1121),
        ({"quantity": "0.0001"}, -1111),
        ({"price": "199.05"}, -4014),
        ({"quantity": "0.01"}, -4164),
        ({"quantity": "900"}, -2019),
        ({"timeInForce": "GTX", "price": "201"}, -5022),
        ({"timeInForce": "FOK", "price": "200.1", "quantity": "4"}, -5021),
        ({"reduceOnly": "true"}, -2022),
        ({"positionSide": "LONG"}, -4061),
        ({"price": ""}, -1102),
    ],
)
async def test_each_refusal_has_the_venues_code(change, code):
    """What matching refuses is refused with Binance's number."""
    async with BinanceVenue() as venue:
        order = LIMIT | {"price": "199", "quantity": "1"} | change
        _, _, body = await signed(venue, "POST", "/fapi/v1/order", **order)

    assert body["code"] == code


async def test_a_client_id_is_taken_while_its_order_is_open():
    """The id of an open order is a duplicate, that of a closed one is free again."""
    async with BinanceVenue() as venue:
        order = LIMIT | {"price": "199", "quantity": "1", "newClientOrderId": "me-1"}
        _, _, first = await signed(venue, "POST", "/fapi/v1/order", **order)
        _, _, second = await signed(venue, "POST", "/fapi/v1/order", **order)
        venue.cancel_foreign("me-1")
        _, _, third = await signed(venue, "POST", "/fapi/v1/order", **order)

    assert second == {"code": -4116, "msg": "ClientOrderId is duplicated."}
    assert third["orderId"] == first["orderId"] + 1 > 2**53


async def test_the_user_stream_tells_an_order_with_its_execution():
    """NEW, then TRADE with the fill in it, then the account that it led to."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        socket = await user_stream(venue, session)
        venue.place_foreign(PERP, OrderSide.SELL, "199.9", "1", "web_x")
        new, first, account = await frames(socket, 3)
        await socket.close()

    assert (new["o"]["x"], new["o"]["c"]) == ("NEW", "web_x")
    assert (first["o"]["x"], first["o"]["X"], first["o"]["L"]) == ("TRADE", "FILLED", "199.9")
    assert (first["o"]["n"], first["o"]["N"], first["o"]["m"]) == ("0.09995", "USDC", False)
    assert account["a"]["P"][0]["pa"] == "-1"
    assert [row["a"] for row in account["a"]["B"]] == ["USDC"]


async def test_an_expired_listen_key_is_told_and_then_silent():
    """`listenKeyExpired` is the last word; keeping it alive is refused."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        socket = await user_stream(venue, session)
        venue.expire_listen_keys()
        (told,) = await frames(socket, 1)
        venue.place_foreign(PERP, OrderSide.BUY, "199", "1")
        url = f"{venue.rest_url}/fapi/v1/listenKey"
        async with session.put(url, headers={"X-MBX-APIKEY": venue.key.api_key}) as answer:
            kept = await answer.json()
        await socket.close()

        assert told["e"] == "listenKeyExpired"
        assert kept["code"] == -1125
        assert len(venue.calls_of("keep_private_stream")) == 1


async def test_weights_are_told_and_then_enforced():
    """The header counts; over the limit comes 429 with a wait, and a ban for who goes on."""
    async with BinanceVenue(clock=ManualClock()) as venue:
        venue.rest.weights.limit = 30
        statuses = []
        for _ in range(20):
            status, headers, _ = await signed(venue, "GET", "/fapi/v3/balance")
            statuses.append((status, headers.get("X-MBX-USED-WEIGHT-1M")))

        assert statuses[5] == (200, "30")
        assert statuses[6] == (429, "30")
        assert statuses[-1] == (418, "30")
        assert int(headers["Retry-After"]) == 120


async def test_the_countdown_cancels_unless_it_is_renewed():
    """The dead man's switch acts on its symbol when nobody has spoken for so long."""
    clock = ManualClock()
    async with BinanceVenue(clock=clock) as venue:
        venue.place_foreign(PERP, OrderSide.BUY, "199", "1", "mine")
        path, arm = "/fapi/v1/countdownCancelAll", {"symbol": "TESTUSDC"}
        await signed(venue, "POST", path, countdownTime="30000", **arm)
        clock.advance(20)
        await signed(venue, "POST", path, countdownTime="30000", **arm)
        clock.advance(20)
        (still_open,) = venue.floor.open_orders()
        clock.advance(11)

        assert still_open.client_order_id == "mine"
        assert venue.floor.open_orders() == []


async def test_funding_is_paid_and_stands_in_the_income():
    """A settlement moves cash, is told, and is listed."""
    async with BinanceVenue() as venue, aiohttp.ClientSession() as session:
        venue.place_foreign(PERP, OrderSide.BUY, None, "1")
        socket = await user_stream(venue, session)
        venue.settle_funding(PERP, "0.0001")
        told = await frames(socket, 1)
        _, _, income = await signed(venue, "GET", "/fapi/v1/income", incomeType="FUNDING_FEE")
        await socket.close()

    assert told[0]["a"]["m"] == "FUNDING_FEE"
    assert [Decimal(row["income"]) for row in income] == [Decimal("-0.02")]
