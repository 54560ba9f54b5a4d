"""Lighter's nonces, access tokens and answers that are shared, and what they protect from."""

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.connection.limiter import Budgets
from core.adapters.exchanges.connection.socket import Seams
from core.adapters.exchanges.credentials import Credentials, Secret
from core.adapters.exchanges.lighter.account_stream import PrivateDialect
from core.adapters.exchanges.lighter.adapter import LighterExchange
from core.adapters.exchanges.lighter.rest import LighterRest
from core.adapters.exchanges.models import (
    MarginMode,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.settings import VenueSettings
from core.errors import (
    AuthError,
    NotSent,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
)
from core.infrastructure.departures import departures
from core.infrastructure.rng import SeededRng
from core.testing.clock import ManualClock
from core.testing.venue import PERP
from core.testing.venues.faults import Answer
from core.testing.venues.harness import lighter_harness
from core.testing.venues.lighter.signing import StandIn

D = Decimal


class CountingSigner(StandIn):
    """Counts the tokens that it made."""

    def __init__(self, key):
        super().__init__(key)
        self.ends = []

    def token(self, expires_s):
        """An access token."""
        self.ends.append(expires_s)
        return super().token(expires_s)


@asynccontextmanager
async def started(harness=None):
    """A harness while it runs, and its signer."""
    harness = harness or lighter_harness(Path())
    signer = CountingSigner(harness.venue.key)
    harness._make = lambda doors: LighterExchange(doors, make_signer=lambda _doors: signer)
    await harness.start()
    try:
        yield harness, signer
    finally:
        await harness.stop()


async def buy(harness, name, price="190"):
    """A limit order to buy one."""
    return await harness.exchange.create_order(
        PERP, OrderSide.BUY, OrderType.LIMIT, D(1), D(price), OrderOptions(client_order_id=name)
    )


def nonces(harness):
    """Those of the orders that arrived."""
    calls = harness.venue.calls_of("create_order")
    return [json.loads(str(call.params["tx_info"]))["Nonce"] for call in calls]


# -- nonces (CK4) -------------------------------------------------------------------------------


async def test_a_start_goes_on_from_the_venues_next_nonce():
    """The last life's clock was ahead: ours alone would be too low for years (CK4)."""
    harness = lighter_harness(Path())
    harness.venue.keys.next_nonce = 1 << 44
    async with started(harness):
        await buy(harness, "after1")
        await buy(harness, "after2")

        assert nonces(harness) == [1 << 44, (1 << 44) + 1]


async def test_a_nonce_that_was_refused_is_asked_for_before_the_next_order():
    """Somebody else signed with the same key: one outcome is unknown, the next is not (CK4)."""
    async with started() as (harness, _):
        await buy(harness, "own1")
        harness.venue.keys.next_nonce = 1 << 45
        with pytest.raises(OutcomeUnknown):
            await buy(harness, "low1")
        with pytest.raises(OrderNotFound):
            await harness.exchange.get_order(None, PERP, client_order_id="low1")
        await buy(harness, "high1")

        assert nonces(harness)[-1] == 1 << 45


async def test_nothing_is_sent_while_the_next_nonce_is_not_known():
    """The venue does not tell it: the order did not leave, for certain."""
    async with started() as (harness, _):
        harness.venue.keys.next_nonce = 1 << 45
        with pytest.raises(OutcomeUnknown):
            await buy(harness, "low1")
        arrived = len(nonces(harness))
        harness.venue.faults.answer("get_nonce", Answer({"code": 200}, 200))
        with pytest.raises(NotSent):
            await buy(harness, "none1")

        assert len(nonces(harness)) == arrived


async def test_orders_at_once_arrive_in_the_order_of_their_nonces():
    """One transaction is under way at a time, however late the first arrives."""
    async with started() as (harness, _):
        harness.venue.faults.delay(seconds=0.1)
        await asyncio.gather(*(buy(harness, f"many{i}", str(180 + i)) for i in range(6)))
        found = nonces(harness)

        assert found == sorted(set(found))
        assert len(harness.venue.floor.open_orders()) == 6


# -- the clock (CK2) ----------------------------------------------------------------------------


@pytest.mark.parametrize("ahead_s, least_ms, most_ms", [(0, -10, 10), (90, 89_000, 90_100)])
async def test_the_venues_second_tells_how_far_our_clock_is_off(ahead_s, least_ms, most_ms):
    """Within the second that it names there is no difference; beyond it there is (CK2)."""
    async with started() as (harness, _):
        harness.venue.faults.clock_offset_s = ahead_s
        report = await harness.exchange.health_check()

        assert report.is_healthy
        assert least_ms <= report.clock_skew_ms <= most_ms


# -- tokens (T20) -------------------------------------------------------------------------------


@pytest.fixture
def rest():
    """Requests on a clock by hand, and the signer."""
    clock = ManualClock()
    doors = Doors(
        seams=Seams(transport=object(), clock=clock, rng=SeededRng(1)),
        budgets=Budgets(clock),
        settings=VenueSettings(urls={"rest": "http://127.0.0.1:9"}),
        credentials=Credentials(
            venue="lighter", account="1234", secret=Secret("00"), options={"api_key_index": "5"}
        ),
    )
    found = LighterRest(doors, Listings("lighter"), "1234")
    found.signer = CountingSigner(lighter_harness(Path()).venue.key)
    return found, clock


def test_a_token_is_made_anew_an_hour_before_its_end(rest):
    """Seven hours long, used for six, eight are allowed (T20)."""
    asked, clock = rest
    begun_s = clock.now_ns() // 1_000_000_000
    first = asked.token()
    clock.advance(5.9 * 3600)
    same = asked.token()
    clock.advance(0.2 * 3600)
    new = asked.token()

    assert first == same != new
    assert [end - begun_s for end in asked.signer.ends] == [7 * 3600, round(13.1 * 3600)]


class Link:
    """A connection that keeps what its dialect wants."""

    def __init__(self):
        self.parts = []
        self.dropped = []

    def spawn(self, coroutine):
        """Runs a part."""
        self.parts.append(asyncio.ensure_future(coroutine))

    def drop(self, reason):
        """Ends."""
        self.dropped.append(reason)


async def test_a_private_socket_has_a_token_of_its_own_and_ends_before_it(rest):
    """It never outlives the token that its subscriptions carry (T20)."""
    asked, clock = rest
    dialect = PrivateDialect(
        "ws://127.0.0.1:9",
        clock,
        Listings("lighter"),
        asked.token,
        asked.forget_token,
        lambda _kind, _told: None,
        lambda: asyncio.sleep(0),
        lambda: asyncio.sleep(0),
    )
    asked.token()
    clock.advance(5 * 3600)
    link = Link()
    await dialect.login(link)
    asked.token()
    begun_s = clock.now_ns() // 1_000_000_000
    await asyncio.sleep(0)
    clock.advance(6 * 3600)
    await asyncio.gather(*link.parts)

    assert asked.signer.ends[-1] == begun_s + 7 * 3600
    assert link.dropped == ["the access token is to be renewed"]


async def test_a_token_that_the_venue_refuses_is_not_used_again():
    """The question after it signs a new one and is answered (T20)."""
    async with started() as (harness, signer):
        body = {"code": 20013, "message": "invalid auth: expired token"}
        harness.venue.faults.answer("get_open_orders", Answer(body, 400))
        made = len(signer.ends)
        with pytest.raises(AuthError):
            await harness.exchange.get_open_orders(PERP)
        await harness.exchange.get_open_orders(PERP)

        assert len(signer.ends) == made + 1


async def test_a_private_channel_that_is_refused_is_asked_for_with_another_token():
    """The socket is built anew until the venue takes the token (T20)."""
    async with started() as (harness, signer):
        made = len(signer.ends)
        keys = harness.venue.keys
        keys.check_token = refuses_once(keys.check_token)
        harness.venue.kill_sockets()
        async with asyncio.timeout(5):
            while not harness.exchange.is_authenticated() or len(signer.ends) < made + 2:  # noqa: ASYNC110 # nobody tells
                await asyncio.sleep(0.01)

        assert harness.exchange.private[0][0].lives >= 3


def refuses_once(check):
    """The venue's own judgement, after one refusal of a socket's token."""
    from core.testing.venues.lighter.keys import Refused

    left = [1]

    def judge(token, now_ms):
        if left[0]:
            left[0] -= 1
            raise Refused(20013, "invalid auth: expired token")
        check(token, now_ms)

    return judge


# -- answers that are shared --------------------------------------------------------------------


async def test_orders_in_doubt_share_their_questions():
    """Ten questions of one moment cost the venue what one does."""
    async with started() as (harness, _):
        before = len(harness.venue.calls)
        for number in range(10):
            with pytest.raises(OrderNotFound):
                await harness.exchange.get_order(None, PERP, client_order_id=f"who{number}")

        assert len(harness.venue.calls) - before <= 4


async def test_a_shared_answer_is_as_old_as_its_request():
    """What proves that an order is absent counts from when it was asked (seeds 170 and 313)."""
    async with started() as (harness, _):
        asked = []
        for number in range(2):
            with departures() as noted, pytest.raises(OrderNotFound):
                await harness.exchange.get_order(None, PERP, client_order_id=f"who{number}")
            asked.append(noted)

        assert len(asked[0]) == 2
        assert asked[0] == asked[1]


async def test_an_answer_is_out_of_date_with_the_next_word_about_the_account():
    """What was asked before an order, or before news of one, is given to nobody after it."""
    async with started() as (harness, _):
        assert await harness.exchange.get_open_orders(PERP) == []
        await buy(harness, "new1")
        mine = await harness.exchange.get_open_orders(PERP)
        harness.private.clear()
        harness.venue.place_foreign(PERP, OrderSide.BUY, "150", "1")
        async with asyncio.timeout(5):
            while not harness.private:  # noqa: ASYNC110 # nobody tells
                await asyncio.sleep(0.005)
        both = await harness.exchange.get_open_orders(PERP)

        assert (len(mine), len(both)) == (1, 2)


async def test_a_standard_account_counts_requests_and_is_never_limited_by_the_venue():
    """Sixty a minute, a fifth kept for getting out: we stop before the venue has to (T10)."""
    harness = lighter_harness(Path())
    harness.venue.rest.be_standard()
    async with started(harness):
        placed = await buy(harness, "first1")
        asked = [buy(harness, f"more{number}") for number in range(60)]
        with pytest.raises(RateLimited, match="nothing was sent"):
            await one_by_one(asked)
        gone = await harness.exchange.cancel_order(placed.order_id, PERP)

        assert gone.status is OrderStatus.CANCELED
        assert harness.venue.rest.weights.used < 60


async def one_by_one(asked):
    """Until one raises; the others are not begun."""
    try:
        while asked:
            await asked.pop(0)
    finally:
        for coroutine in asked:
            coroutine.close()


# -- margins ------------------------------------------------------------------------------------


async def test_margins_that_are_in_force_are_not_sent_again():
    """One transaction for what differs, none for what does not (V25)."""
    async with started() as (harness, _):
        exchange = harness.exchange
        await exchange.set_leverage(PERP, D(3))
        found = await exchange.set_leverage(PERP, D(3))
        mode = await exchange.set_margin_mode(PERP, harness.venue.floor.holding(PERP).margin_mode)
        sent = len(harness.venue.calls_of("set_leverage"))
        await exchange.set_margin_mode(PERP, MarginMode.ISOLATED)

        assert found.leverage == D(3)
        assert mode.margin_mode is MarginMode.CROSS
        assert (sent, len(harness.venue.calls_of("set_leverage"))) == (1, 2)


# -- the dead man's switch ----------------------------------------------------------------------


def switches(harness):
    """(what, when) of the cancels of everything that arrived: 1 at a time, 2 no longer."""
    infos = [
        json.loads(str(call.params["tx_info"]))
        for call in harness.venue.calls_of("cancel_all_orders")
    ]
    return [(info["TimeInForce"], info["Time"]) for info in infos]


async def test_the_switch_is_renewed_by_calling_the_last_one_off():
    """The venue keeps one at a time; in the end there is none."""
    async with started() as (harness, _):
        await buy(harness, "kept1")
        now_ms = harness.venue.now_ms()
        await harness.exchange.arm_switch(300)
        await harness.exchange.arm_switch(400)
        await harness.exchange.arm_switch(None)
        found = switches(harness)

        assert [what for what, _ in found] == [2, 1, 2, 1, 2]
        assert 300_000 <= found[1][1] - now_ms < 310_000
        assert 400_000 <= found[3][1] - now_ms < 410_000
        assert len(harness.venue.floor.open_orders()) == 1


async def test_a_switch_that_is_shorter_than_the_venue_takes_is_refused_here():
    """Five minutes at least; nothing was sent."""
    async with started() as (harness, _):
        with pytest.raises(OrderRejected, match="300 s at least"):
            await harness.exchange.arm_switch(60)

        assert switches(harness) == []
