"""Loopback Hyperliquid, driven by ccxt, by the venue's own SDK and by plain requests."""

import asyncio
import itertools
import json
from contextlib import asynccontextmanager
from decimal import Decimal

import aiohttp
import pytest

from core.adapters.exchanges.ethereum import private_key
from core.adapters.exchanges.hyperliquid.sign import (
    order_action,
    order_wire,
    request_body,
    schedule_cancel_action,
    sign_action,
)
from core.adapters.exchanges.models import OrderOptions, OrderSide, TimeInForce
from core.testing.clock import ManualClock
from core.testing.venue import PERP
from core.testing.venues.clients import ccxt_client
from core.testing.venues.faults import Kind
from core.testing.venues.hyperliquid.venue import HyperliquidVenue

SYMBOL = "TEST/USDC:USDC"
CLOID = "0x" + "ab" * 16
CANCEL = {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": CLOID}]}
STEPS = itertools.count()
"""Keeps nonces apart that are made in one millisecond."""


async def yes(*_arguments, **_named):
    """What stands in for approvals that nobody asked for."""
    return True


@asynccontextmanager
async def client(venue):
    """Ccxt's client, without its approvals and referrers."""
    settings = {"walletAddress": venue.key.address, "privateKey": venue.key.secret}
    options = {"builderFee": False, "fetchMarkets": {"types": ["spot", "swap"]}}
    async with ccxt_client(venue, "hyperliquid", options=options, **settings) as exchange:
        exchange.handle_builder_fee_approval = yes
        exchange.set_ref = yes
        await exchange.load_markets()
        yield exchange


def wire(price="199", amount="1", side=OrderSide.BUY, number=0, **options):
    """One order of an action."""
    return order_wire(number, side, Decimal(price), Decimal(amount), OrderOptions(**options))


async def post(venue, path, body):
    """The answer to a request."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(venue.rest_url + path, json=body) as answer,
    ):
        return await answer.json()


def signed(venue, action, *, secret=None, nonce=None, expires=None):
    """A signed action."""
    nonce = venue.now_ms() + next(STEPS) if nonce is None else nonce
    key = private_key(venue.key.secret if secret is None else secret)
    signature = sign_action(action, nonce, key, is_mainnet=True, expires_after_ms=expires)
    return request_body(action, nonce, signature, expires_after_ms=expires)


async def act(venue, action, **how):
    """The answer to a signed action."""
    return await post(venue, "/exchange", signed(venue, action, **how))


async def status_of(venue, action, **how):
    """The first status of its answer."""
    answer = await act(venue, action, **how)
    return answer["response"]["data"]["statuses"][0]


async def info(venue, kind, **asked):
    """The answer to a question about the account."""
    return await post(venue, "/info", {"type": kind, "user": venue.key.address, **asked})


async def next_of(socket, channel):
    """The next message of a channel."""
    while True:
        text = await socket.receive_str(timeout=5)
        if text.startswith("{"):
            message = json.loads(text)
            if message["channel"] == channel:
                return message.get("data")


# -- ccxt ---------------------------------------------------------------------------------------


async def test_an_order_is_placed_seen_filled_and_cancelled():
    """Ccxt sees its order open, its fill, and the position and balance that it left."""
    async with HyperliquidVenue() as venue, client(venue) as exchange:
        orders = asyncio.create_task(exchange.watch_orders())
        fills = asyncio.create_task(exchange.watch_my_trades())
        await venue.until(lambda: venue.sockets and len(venue.sockets[0].topics) == 2)
        placed = await exchange.create_order(
            SYMBOL, "limit", "buy", 0.5, 199, {"clientOrderId": CLOID}
        )
        opened = [(each["id"], each["status"]) for each in await orders]
        venue.fill(CLOID, "0.2")
        (fill,) = await fills
        await exchange.cancel_order(placed["id"], SYMBOL)
        ended = await exchange.fetch_order(placed["id"], SYMBOL)
        (position,) = await exchange.fetch_positions([SYMBOL])
        balance = await exchange.fetch_balance()

    assert opened == [(placed["id"], "open")]
    assert (fill["price"], fill["amount"], fill["info"]["crossed"]) == (199.0, 0.2, False)
    assert (ended["status"], ended["filled"]) == ("canceled", 0.2)
    assert (position["contracts"], position["entryPrice"], position["leverage"]) == (0.2, 199, 10)
    assert balance["USDC"]["total"] == pytest.approx(10_000 + 0.2 - 0.00796)


async def test_loading_markets_asks_for_nothing_signed():
    """Without its approvals ccxt sends no action before the first order."""
    async with HyperliquidVenue() as venue, client(venue) as exchange:
        before = [call.path for call in venue.calls]
        await exchange.create_order(SYMBOL, "limit", "buy", 0.5, 199)
        actions = [call.name for call in venue.calls if call.path == "/exchange"]

    assert "/exchange" not in before
    assert actions == ["create_order"]


async def test_ccxt_follows_book_trades_and_candles():
    """Public channels carry what the market did."""
    async with HyperliquidVenue() as venue, client(venue) as exchange:
        watching = [
            asyncio.create_task(exchange.watch_trades(SYMBOL)),
            asyncio.create_task(exchange.watch_ohlcv(SYMBOL, "1m")),
        ]
        book = await exchange.watch_order_book(SYMBOL)
        await venue.until(lambda: len(venue.sockets[0].topics) == 3)
        first = book["bids"][:]
        venue.trade("198", "4", side=OrderSide.SELL)
        trades, candles = await asyncio.gather(*watching)

    assert first == [[199.9, 3.0], [199.8, 5.0]]
    assert [(each["price"], each["amount"], each["side"]) for each in trades] == [
        (198.0, 4.0, "sell")
    ]
    assert candles[-1][4:] == [198.0, 14.0]


async def test_ccxt_places_orders_on_the_socket():
    """`post` requests are the same actions."""
    async with HyperliquidVenue() as venue, client(venue) as exchange:
        placed = await exchange.create_order_ws(SYMBOL, "limit", "sell", 0.5, 201)
        (opened,) = await exchange.fetch_open_orders(SYMBOL)

    assert opened["id"] == placed["id"]


async def test_an_order_that_finds_nothing_at_once_is_called_refused_by_every_word():
    """Seed 416: the answer to the action and the state of the order say the same."""
    options = OrderOptions(time_in_force=TimeInForce.IOC, client_order_id=CLOID)
    async with HyperliquidVenue() as venue:
        wire = order_wire(0, OrderSide.BUY, Decimal(100), Decimal("0.5"), options)
        refused = await status_of(venue, order_action([wire]))
        state = await info(venue, "orderStatus", oid=CLOID)

    assert "could not immediately match" in refused["error"]
    assert state["order"]["status"] == "iocCancelRejected"


# -- the venue's own SDK ------------------------------------------------------------------------


async def test_the_sdk_places_queries_and_cancels():
    """What hyperliquid-python-sdk signs and reads is what the server checks and words."""
    exchanges = pytest.importorskip("hyperliquid.exchange")
    infos = pytest.importorskip("hyperliquid.info")
    accounts = pytest.importorskip("eth_account")
    cloids = pytest.importorskip("hyperliquid.utils.types")
    async with HyperliquidVenue(is_mainnet=False) as venue:

        def story():
            wallet = accounts.Account.from_key(venue.wallets.agent.secret)
            exchange = exchanges.Exchange(
                wallet, venue.rest_url, account_address=venue.key.address, timeout=5
            )
            asked = infos.Info(venue.rest_url, skip_ws=True, timeout=5)
            cloid = cloids.Cloid.from_str(CLOID)
            limit = {"limit": {"tif": "Gtc"}}
            placed = exchange.order("TEST", True, 0.5, 199.0, limit, cloid=cloid)
            status = asked.query_order_by_cloid(venue.key.address, cloid)
            leverage = exchange.update_leverage(5, "TEST")
            canceled = exchange.cancel_by_cloid("TEST", cloid)
            state = asked.user_state(venue.key.address)
            return placed, status, leverage, canceled, state

        placed, status, leverage, canceled, state = await asyncio.to_thread(story)

    oid = placed["response"]["data"]["statuses"][0]["resting"]["oid"]
    assert (status["order"]["status"], status["order"]["order"]["oid"]) == ("open", oid)
    assert leverage == {"status": "ok", "response": {"type": "default"}}
    assert canceled["response"]["data"]["statuses"] == ["success"]
    assert state["marginSummary"]["accountValue"] == "10000.0"


# -- signatures and nonces ----------------------------------------------------------------------


async def test_a_strangers_signature_names_the_strangers_address():
    """Who signed is recovered from the signature, and is told to who asks."""
    async with HyperliquidVenue() as venue:
        stranger = venue.wallets.stranger
        answer = await act(venue, order_action([wire()]), secret=stranger.secret)

        assert answer == {
            "status": "err",
            "response": f"User or API Wallet {stranger.address} does not exist.",
        }
        assert venue.floor.open_orders() == []


async def test_an_action_that_was_changed_is_nobodys():
    """A price that is not the one that was signed gives another signer."""
    async with HyperliquidVenue() as venue:
        body = signed(venue, order_action([wire()]))
        body["action"]["orders"][0]["p"] = "150"
        answer = await post(venue, "/exchange", body)

    assert answer["status"] == "err"
    assert "does not exist" in answer["response"]


async def test_a_test_networks_signature_is_not_taken_for_the_main_one():
    """The network is part of what is signed."""
    async with HyperliquidVenue(is_mainnet=False) as venue:
        answer = await act(venue, order_action([wire()]))

    assert answer["status"] == "err"


async def test_a_nonce_is_good_once_and_near_now():
    """A nonce that came before is a duplicate, one of three days ago is refused."""
    async with HyperliquidVenue(clock=ManualClock()) as venue:
        nonce = venue.now_ms()
        first = await act(venue, order_action([wire()]), nonce=nonce)
        second = await act(venue, order_action([wire()]), nonce=nonce)
        old = await act(venue, order_action([wire()]), nonce=nonce - 3 * 86_400_000)

    assert first["status"] == "ok"
    assert second["response"] == f"Invalid nonce: duplicate nonce {nonce}"
    assert "too far" in old["response"]


async def test_below_a_hundred_newer_nonces_none_is_taken():
    """Nonces may come out of order, but only among the newest hundred."""
    async with HyperliquidVenue(clock=ManualClock()) as venue:
        start = venue.now_ms()
        for step in range(100):
            venue.wallets.take_nonce(venue.key.address, start + 2 * step + 1, start)
        between = await act(venue, order_action([wire()]), nonce=start + 2)
        below = await act(venue, order_action([wire()]), nonce=start)

    assert between["status"] == "ok"
    assert "below the smallest" in below["response"]


async def test_an_action_past_its_deadline_does_nothing():
    """`expiresAfter` is signed, and kept."""
    clock = ManualClock()
    async with HyperliquidVenue(clock=clock) as venue:
        body = signed(venue, order_action([wire()]), expires=venue.now_ms() + 1000)
        clock.advance(1.5)
        answer = await post(venue, "/exchange", body)

        assert answer["status"] == "err"
        assert venue.floor.open_orders() == []


# -- orders -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "order, words",
    [
        ({"price": "199.123"}, "Price must be divisible by tick size."),
        ({"amount": "0.0001"}, "Order has invalid size."),
        ({"amount": "0.01"}, "Order must have minimum value of $10."),
        ({"amount": "9999"}, "Insufficient margin to place order."),
        ({"price": "201", "post_only": True}, "Post only order would have immediately matched"),
        ({"reduce_only": True}, "Reduce only order would increase position."),
        ({"side": OrderSide.SELL, "number": 10_001}, "Insufficient spot balance"),
    ],
)
async def test_each_refusal_has_the_venues_words(order, words):
    """What matching refuses is refused in the status of that order."""
    async with HyperliquidVenue() as venue:
        status = await status_of(venue, order_action([wire(**order)]))

    assert status["error"].startswith(words)


async def test_orders_of_one_action_stand_for_themselves():
    """A refused order does not take the others with it."""
    async with HyperliquidVenue() as venue:
        wires = [wire(), wire(amount="0.01"), wire(price="200.1", amount="2")]
        answer = await act(venue, order_action(wires))

    kinds = [next(iter(status)) for status in answer["response"]["data"]["statuses"]]
    assert kinds == ["resting", "error", "filled"]


async def test_a_modified_order_keeps_its_cloid_and_gets_a_new_oid():
    """The old order is cancelled, a new one rests."""
    async with HyperliquidVenue() as venue:
        placed = await status_of(venue, order_action([wire(client_order_id=CLOID)]))
        oid = placed["resting"]["oid"]
        change = {"oid": oid, "order": wire(price="198", client_order_id=CLOID)}
        changed = await status_of(venue, {"type": "batchModify", "modifies": [change]})
        old = await info(venue, "orderStatus", oid=oid)
        new = await info(venue, "orderStatus", oid=CLOID)

    assert changed["resting"]["oid"] == oid + 1
    assert old["order"]["status"] == "canceled"
    assert (new["order"]["status"], new["order"]["order"]["limitPx"]) == ("open", "198.0")


async def test_a_cancel_of_what_is_gone_says_so():
    """Cancels by cloid answer each for themselves."""
    async with HyperliquidVenue() as venue:
        await act(venue, order_action([wire(client_order_id=CLOID)]))
        first = await status_of(venue, CANCEL)
        second = await status_of(venue, CANCEL)

    assert first == "success"
    assert second["error"].startswith("Order was never placed, already canceled, or filled.")


async def test_a_spent_budget_leaves_cancels():
    """Without requests left no order is taken, and every order can still be cancelled."""
    async with HyperliquidVenue() as venue:
        venue.actions.requests_left = 1
        await act(venue, order_action([wire(client_order_id=CLOID)]))
        refused = await act(venue, order_action([wire()]))
        canceled = await status_of(venue, CANCEL)

    assert refused["response"].startswith("Too many cumulative requests sent")
    assert canceled == "success"


async def test_the_dead_mans_switch_takes_every_order():
    """`scheduleCancel` acts at its time, unless another one has taken its place."""
    clock = ManualClock()
    async with HyperliquidVenue(clock=clock) as venue:
        venue.place_foreign(PERP, OrderSide.BUY, "199", "1")
        early = await act(venue, schedule_cancel_action(venue.now_ms() + 1000))
        clock.advance(0.01)
        await act(venue, schedule_cancel_action(venue.now_ms() + 6000))
        clock.advance(5)
        await act(venue, schedule_cancel_action(venue.now_ms() + 6000))
        clock.advance(5)
        still_open = len(venue.floor.open_orders())
        clock.advance(2)

        assert "too early" in early["response"]
        assert still_open == 1
        assert venue.floor.open_orders() == []


# -- the account and the socket -----------------------------------------------------------------


async def test_fills_know_the_position_that_they_began_with():
    """Long to short: opening, closing and crossing are told apart."""
    async with HyperliquidVenue() as venue:
        venue.place_foreign(PERP, OrderSide.BUY, None, "1", CLOID)
        venue.place_foreign(PERP, OrderSide.SELL, None, "3")
        rows = await info(venue, "userFills")

    assert [(row["dir"], row["startPosition"], row["sz"], row["crossed"]) for row in rows] == [
        ("Close Long", "1.0", "3.0", True),
        ("Open Long", "0.0", "1.0", True),
    ]
    assert rows[1]["cloid"] == CLOID


async def test_a_new_listener_of_fills_gets_what_was_before():
    """The first message is a snapshot, later ones are not."""
    async with HyperliquidVenue() as venue, aiohttp.ClientSession() as session:
        venue.place_foreign(PERP, OrderSide.BUY, None, "1")
        socket = await session.ws_connect(venue.public_url)
        wanted = {"type": "userFills", "user": venue.key.address}
        await socket.send_json({"method": "subscribe", "subscription": wanted})
        first = await next_of(socket, "userFills")
        venue.place_foreign(PERP, OrderSide.SELL, None, "1")
        second = await next_of(socket, "userFills")
        await socket.close()

    assert (first["isSnapshot"], len(first["fills"])) == (True, 1)
    assert "isSnapshot" not in second
    assert [row["dir"] for row in second["fills"]] == ["Close Long"]


async def test_a_quiet_client_is_let_go_and_one_that_pings_is_not():
    """A minute without a word ends a connection."""
    clock = ManualClock()
    async with HyperliquidVenue(clock=clock) as venue, aiohttp.ClientSession() as session:
        quiet = await session.ws_connect(venue.public_url)
        talking = await session.ws_connect(venue.public_url)
        clock.advance(50)
        await talking.send_json({"method": "ping"})
        await next_of(talking, "pong")
        clock.advance(25)
        await quiet.receive(timeout=5)
        last = await quiet.receive(timeout=5)
        await venue.until(lambda: len(venue.sockets) == 1)

        assert last.type is aiohttp.WSMsgType.CLOSE
        assert not talking.closed
        await talking.close()


async def test_pairs_have_numbers_and_names_of_their_own():
    """A pair is `@1` and 10001, and what it holds is a balance."""
    async with HyperliquidVenue() as venue:
        status = await status_of(venue, order_action([wire(price="200.1", number=10_001)]))
        spot = await info(venue, "spotClearinghouseState")
        book = await info(venue, "l2Book", coin="@1")

    assert "filled" in status
    assert [(row["coin"], row["token"], row["total"]) for row in spot["balances"]] == [
        ("TEST", 1, "1.0")
    ]
    assert book["levels"][0][0]["px"] == "199.9"


async def test_a_dropped_book_is_healed_by_the_next():
    """`l2Book` is whole each time, so that nothing but time is lost."""
    async with HyperliquidVenue() as venue, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.public_url)
        wanted = {"type": "l2Book", "coin": "TEST"}
        await socket.send_json({"method": "subscribe", "subscription": wanted})
        await next_of(socket, "l2Book")
        venue.faults.drop(Kind.BOOK)
        venue.trade("201")
        venue.trade("202")
        book = await next_of(socket, "l2Book")
        await socket.close()

    assert [level["px"] for level in book["levels"][0]] == ["201.9", "201.8"]
