"""What the adapter for IBKR does when TWS, its servers or the account are not as they should be."""

import asyncio
import contextlib
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from core.adapters.exchanges.connection.limiter import Budgets
from core.adapters.exchanges.connection.network import NetworkTransport
from core.adapters.exchanges.connection.socket import Seams
from core.adapters.exchanges.credentials import Credentials
from core.adapters.exchanges.ibkr import account as account_module
from core.adapters.exchanges.ibkr import adapter as adapter_module
from core.adapters.exchanges.ibkr import life, quiet
from core.adapters.exchanges.ibkr.adapter import IbkrExchange
from core.adapters.exchanges.models import (
    ConnectionState,
    EventType,
    FillData,
    Liquidity,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.settings import VenueSettings
from core.errors import (
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    TransportError,
)
from core.infrastructure.clock import WallClock
from core.infrastructure.rng import SeededRng
from core.testing.venues.faults import Answer, Kind
from core.testing.venues.tws.contracts import EUR, NVDA, pair, stock
from core.testing.venues.tws.venue import TwsVenue

D = Decimal
PATIENCE_S = 8.0


class Desk:
    """An adapter beside its TWS, with everything it told."""

    def __init__(self, venue, exchange):
        self.venue = venue
        self.exchange = exchange
        self.private = []
        self.tickers = []
        self.events = []
        for kind in EventType:
            exchange.add_event_callback(kind, self.events.append)

    def heard(self, kind):
        """What the private stream told of a kind."""
        return [item for item in self.private if isinstance(item, kind)]

    async def buy(self, ref, price="190", amount="1", symbol=NVDA):
        """A limit order."""
        return await self.exchange.create_order(
            symbol,
            OrderSide.BUY,
            OrderType.LIMIT,
            D(amount),
            D(price),
            OrderOptions(client_order_id=ref),
        )

    async def until(self, holds):
        """Waits for something that the adapter has to hear."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 # a list tells nobody that it grew
                await asyncio.sleep(0.002)

    async def live_again(self):
        """Waits until the connection is up."""
        await self.until(lambda: self.exchange.get_status().state is ConnectionState.LIVE)


def exchange_at(venue, account="DU1234567", symbols=(NVDA,), query="", **settings):
    """An adapter that is not connected yet."""
    clock = WallClock()
    return IbkrExchange(
        Doors(
            seams=Seams(transport=NetworkTransport(clock), clock=clock, rng=SeededRng(7)),
            budgets=Budgets(clock),
            settings=VenueSettings(urls={"tws": venue.url + query}, **settings),
            credentials=Credentials(venue="ibkr", account=account) if account else None,
        ),
        symbols=symbols,
    )


@asynccontextmanager
async def trading(contracts=None, symbols=(NVDA,)):
    """A connected desk."""
    chosen = [stock(NVDA, lot_size="0.01")] if contracts is None else contracts
    async with TwsVenue(chosen) as venue:
        exchange = exchange_at(venue, symbols=symbols)
        assert await exchange.connect()
        assert await exchange.authenticate()
        desk = Desk(venue, exchange)
        await exchange.subscribe_user_data(desk.private.append)
        for symbol in symbols:
            await exchange.subscribe_ticker(symbol, desk.tickers.append)
        await desk.until(lambda: {item.symbol for item in desk.tickers} == set(symbols))
        try:
            yield desk
        finally:
            await exchange.disconnect()


def closed_hours():
    """The next session, 20 hours ahead: when it opens, and as contract details tell it."""
    opens = WallClock().now() + timedelta(hours=20)
    ends = (opens, opens + timedelta(hours=6))
    zone = ZoneInfo("US/Eastern")
    return opens, "-".join(f"{at.astimezone(zone):%Y%m%d:%H%M}" for at in ends)


# -- orders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_lost_answer_leaves_the_order_unknown_until_it_is_asked_for(arrives):
    """The socket dies under the order; afterwards TWS knows it, or it never was."""
    async with trading() as desk:
        fault = desk.venue.faults.lose_answer if arrives else desk.venue.faults.lose_request
        fault("create_order")
        with pytest.raises(OutcomeUnknown):
            await desk.buy("a1")
        await desk.live_again()

        if arrives:
            order = await desk.exchange.get_order(None, NVDA, client_order_id="a1")
            assert order.status is OrderStatus.OPEN
        else:
            with pytest.raises(OrderNotFound):
                await desk.exchange.get_order(None, NVDA, client_order_id="a1")
        assert len(desk.venue.calls_of("create_order")) == 1


async def test_a_code_that_nobody_knows_leaves_an_order_unknown():
    """It is no refusal: the order could be there."""
    async with trading() as desk:
        desk.venue.faults.answer("create_order", Answer("a new sentence", 99_999))

        with pytest.raises(OutcomeUnknown):
            await desk.buy("a1")


async def test_a_refusal_is_definite_and_kept():
    """201 ends the order, with IBKR's own words."""
    async with trading() as desk:
        desk.venue.faults.answer("create_order", Answer("Order rejected - reason:no", 201))

        with pytest.raises(OrderRejected) as caught:
            await desk.buy("a1")
        assert (caught.value.code, caught.value.venue_message) == (
            "201",
            "Order rejected - reason:no",
        )
        assert await desk.exchange.get_open_orders() == []


async def test_an_order_that_could_not_be_cancelled_now_still_lives():
    """161 proves nothing; the order is open, and fills later."""
    async with trading() as desk:
        order = await desk.buy("a1")
        desk.venue.faults.answer("cancel_order", Answer("not in a cancellable state", 161))
        with pytest.raises(OutcomeUnknown):
            await desk.exchange.cancel_order(order.order_id, NVDA)

        found = await desk.exchange.get_order(order.order_id, NVDA)
        assert found.status is OrderStatus.OPEN


async def test_what_others_placed_is_shown_and_left_alone():
    """An order by hand is among the open ones, and is not ours to cancel by its number."""
    async with trading() as desk:
        desk.venue.place_foreign(NVDA, OrderSide.BUY, "150", "1", "theirs")
        (order,) = await desk.exchange.get_open_orders()

        with pytest.raises(NotSupported):
            await desk.exchange.cancel_order(order.order_id, NVDA)
        assert len(await desk.exchange.get_open_orders()) == 1


async def test_reduce_only_and_post_only_are_refused_before_anything_is_sent():
    """IBKR has neither, and would take the order without them."""
    async with trading() as desk:
        for options in ({"post_only": True}, {"reduce_only": True}):
            with pytest.raises(OrderRejected, match="nothing was sent"):
                await desk.exchange.create_order(
                    NVDA,
                    OrderSide.BUY,
                    OrderType.LIMIT,
                    D(1),
                    D(190),
                    OrderOptions(**options),
                )
        assert desk.venue.calls_of("create_order") == []


async def test_messages_keep_to_the_budget():
    """45 a second with a fifth kept for cancels: the rest is refused here, not at TWS."""
    async with trading() as desk:
        sent = 0
        with contextlib.suppress(RateLimited):
            while sent < 60:
                await desk.buy(f"n{sent}", price="150", amount="0.1")
                sent += 1
        assert len(desk.venue.calls_of("create_order")) == sent < 36
        (first, *_) = await desk.exchange.get_open_orders()

        cancelled = await desk.exchange.cancel_order(first.order_id, NVDA)
        assert cancelled.status is OrderStatus.CANCELED


# -- executions -----------------------------------------------------------------------------------


async def test_an_execution_that_is_told_twice_counts_once():
    """By its lasting id; its commission is in it."""
    async with trading() as desk:
        desk.venue.faults.duplicate(Kind.FILL, times=4)
        await desk.buy("a1", "199")
        desk.venue.trade("198")
        await desk.until(lambda: desk.heard(FillData))
        await desk.exchange.get_fills()

        (fill,) = desk.heard(FillData)
        assert (fill.fee, fill.fee_currency) == (D("199") * D("0.0002"), "USD")
        assert fill.liquidity is Liquidity.MAKER


async def test_an_order_waits_for_its_late_execution():
    """Filled is told after the execution that explains it, though TWS told it before."""
    async with trading() as desk:
        desk.venue.faults.hold(Kind.FILL, seconds=0.1, times=2)
        await desk.buy("a1", "199")
        desk.venue.trade("198")
        await desk.until(lambda: len(desk.heard(OrderData)) == 2)

        story = [item for item in desk.private if isinstance(item, OrderData | FillData)]
        assert [type(item) for item in story] == [OrderData, FillData, OrderData]
        assert story[-1].status is OrderStatus.FILLED


async def test_an_execution_without_commission_is_told_with_the_published_one(monkeypatch):
    """After some seconds, so that a position is never kept from the books."""
    monkeypatch.setattr(account_module, "PATIENCE_S", 0.05)
    async with trading() as desk:
        desk.venue.faults.drop(Kind.FILL, when=lambda fields: fields[0] == "59")
        await desk.buy("a1", "199")
        desk.venue.trade("198")
        await desk.until(lambda: desk.heard(FillData))

        assert desk.heard(FillData)[0].fee == D("1")


@pytest.mark.parametrize("how", ["lost", "unreadable"])
async def test_what_filled_and_was_not_told_is_asked_for(how, monkeypatch):
    """The order is filled, its execution never came, or came with a field that nobody knows."""
    monkeypatch.setattr(account_module, "PATIENCE_S", 0.05)
    async with trading() as desk:
        await desk.buy("a1", "199")
        if how == "lost":
            desk.venue.faults.drop(Kind.FILL, times=2)
        else:
            desk.venue.faults.alter(Kind.FILL, lambda fields: [*fields[:3], "x"], times=2)
        desk.venue.trade("198")
        await desk.until(lambda: desk.heard(FillData))

        (fill,) = desk.heard(FillData)
        assert (fill.client_order_id, fill.price, fill.amount) == ("a1", D(199), D(1))
        assert desk.heard(OrderData)[-1].status is OrderStatus.FILLED


async def test_an_order_that_a_person_cancels_in_tws_is_told():
    """It ends for us as it ended there, and what had filled stays filled."""
    async with trading() as desk:
        await desk.buy("a1", "190")
        (resting,) = desk.venue.floor.open_orders()
        desk.venue.floor.cancel(resting.order_id, NVDA)

        await desk.until(
            lambda: desk.heard(OrderData)[-1:] and desk.heard(OrderData)[-1].status.is_final
        )
        assert desk.heard(OrderData)[-1].status is OrderStatus.CANCELED
        assert desk.heard(FillData) == []


async def test_an_order_that_vanished_without_a_word_is_found_closed():
    """It is not among the open ones any more: the day's closed ones say how it ended."""
    async with trading() as desk:
        order = await desk.buy("a1", "190")
        desk.venue.faults.drop(Kind.ORDER, times=9)
        (resting,) = desk.venue.floor.open_orders()
        desk.venue.floor.cancel(resting.order_id, NVDA)

        assert await desk.exchange.get_open_orders(NVDA) == []
        found = await desk.exchange.get_order(order.order_id, NVDA)
        assert found.status is OrderStatus.CANCELED


async def test_a_correction_is_reported_and_never_a_second_fill():
    """The stream keeps what it told, an event says so, a question gives what is right."""
    async with trading() as desk:
        await desk.buy("a1", "199")
        desk.venue.trade("198")
        await desk.until(lambda: desk.heard(FillData))
        desk.venue.correct_execution("a1", "198.9")
        await desk.until(lambda: any(e.event_type is EventType.ERROR for e in desk.events))

        assert [fill.price for fill in desk.heard(FillData)] == [D("199")]
        (right,) = await desk.exchange.get_fills()
        assert (right.price, right.trade_id) == (D("198.9"), desk.heard(FillData)[0].trade_id)


# -- the connection -------------------------------------------------------------------------------


async def test_what_filled_while_tws_restarted_is_told_once_afterwards():
    """The daily restart: the socket goes, nobody answers, and all is read when it is back."""
    async with trading() as desk:
        await desk.buy("a1", "199")
        await desk.venue.go_down()
        await desk.until(lambda: desk.exchange.get_status().state is ConnectionState.RECONNECTING)
        desk.venue.trade("198")
        with pytest.raises(NotSent):
            await desk.buy("a2")
        await desk.venue.come_back()
        await desk.live_again()

        assert [fill.client_order_id for fill in desk.heard(FillData)] == ["a1"]
        assert desk.heard(OrderData)[-1].status is OrderStatus.FILLED
        kinds = [event.event_type for event in desk.events]
        assert EventType.RECONNECTING in kinds
        assert kinds[-1] is EventType.RECOVERED


@pytest.mark.parametrize("keeps_data", [True, False])
async def test_prices_and_fills_are_there_after_ibkr_was_not(keeps_data):
    """1100 stops orders; after 1102, and after 1101 with lines asked for again, all goes on."""
    async with trading() as desk:
        await desk.buy("a1", "199")
        desk.venue.lose_connectivity()
        await desk.until(lambda: desk.exchange.get_status().state is ConnectionState.STALE)
        with pytest.raises(NotSent):
            await desk.buy("a2")
        with pytest.raises(TransportError):
            await desk.exchange.get_open_orders()
        desk.venue.trade("198")
        asked = len(desk.venue.calls_of("subscribe_ticker"))
        desk.venue.restore_connectivity(keeps_data=keeps_data)
        await desk.live_again()
        desk.venue.trade("205")
        await desk.until(lambda: desk.tickers[-1].last == D("205"))

        assert [fill.client_order_id for fill in desk.heard(FillData)] == ["a1"]
        again = len(desk.venue.calls_of("subscribe_ticker")) - asked
        assert again == (0 if keeps_data else 1)


async def test_a_silent_socket_is_given_up(monkeypatch):
    """It is open and says nothing: the question for the time finds it."""
    monkeypatch.setattr(life, "PULSE_S", 0.05)
    monkeypatch.setattr(life, "PULSE_TIMEOUT_S", 0.1)
    async with trading() as desk:
        before = desk.venue.sessions[-1]
        desk.venue.mute_sockets()
        await desk.until(lambda: before not in desk.venue.sessions and desk.venue.sessions)
        await desk.live_again()
        desk.venue.trade("205")
        await desk.until(lambda: desk.tickers[-1].last == D("205"))

        assert life.PULSE_S + life.PULSE_TIMEOUT_S < 10


async def test_a_broken_data_farm_makes_prices_stale_until_it_is_back():
    """2103 and 2104 are about prices alone; status and events say so."""
    async with trading() as desk:
        desk.venue.say(2103, "Market data farm connection is broken:usfarm")
        await desk.until(lambda: not desk.exchange.is_connected())
        assert "broken" in desk.exchange.get_status().detail
        desk.venue.say(2104, "Market data farm connection is OK:usfarm")
        await desk.live_again()

        assert desk.exchange.is_connected()


async def test_orders_can_be_cancelled_while_prices_are_away():
    """Nothing new is sent on prices that nobody sees, and getting out always works."""
    async with trading() as desk:
        order = await desk.buy("a1")
        for farm in ("usfarm", "hfarm"):
            desk.venue.say(2103, f"Market data farm connection is broken:{farm}")
        await desk.until(lambda: not desk.exchange.is_connected())
        desk.venue.say(2104, "Market data farm connection is OK:hfarm")
        with pytest.raises(NotSent):
            await desk.buy("a2")
        cancelled = await desk.exchange.cancel_order(order.order_id, NVDA)

        assert cancelled.status is OrderStatus.CANCELED
        assert desk.exchange.get_status().state is ConnectionState.STALE


async def test_a_login_that_does_not_reach_ibkr_is_not_live():
    """TWS greets and says 2110; orders and questions wait for 1102."""
    async with trading() as desk:
        desk.venue.lose_connectivity()
        desk.venue.kill_sockets()
        await desk.until(lambda: desk.exchange.get_status().detail == "TWS does not reach IBKR")
        assert desk.exchange.get_status().state is ConnectionState.STALE
        desk.venue.restore_connectivity(keeps_data=False)
        await desk.live_again()

        assert (await desk.buy("a1")).status is OrderStatus.OPEN


async def test_prices_that_do_not_change_are_confirmed(monkeypatch):
    """TWS repeats nothing: a snapshot that says the same gives the quote a new moment."""
    monkeypatch.setattr(quiet, "QUIET_S", 0.02)
    monkeypatch.setattr(quiet, "LOOK_S", 0.02)
    async with trading() as desk:
        first = desk.tickers[-1]
        count = len(desk.tickers)

        await desk.until(lambda: len(desk.tickers) >= count + 3)
        last = desk.tickers[-1]
        assert (last.bid, last.ask, last.last) == (first.bid, first.ask, first.last)
        assert last.at > first.at


async def test_a_line_that_died_is_found_and_asked_for_again(monkeypatch):
    """The connection lives, the line says nothing, and a snapshot says something else."""
    monkeypatch.setattr(quiet, "QUIET_S", 0.02)
    monkeypatch.setattr(quiet, "LOOK_S", 0.02)
    async with trading() as desk:
        for session in desk.venue.sessions:
            session.lines.clear()
        desk.venue.trade("205")

        await desk.until(lambda: desk.tickers[-1].last == D(205))
        desk.venue.trade("206")
        await desk.until(lambda: desk.tickers[-1].last == D(206))


async def test_prices_are_not_confirmed_while_the_session_is_closed(monkeypatch):
    """What was heard last grows old, and nothing is built on it."""
    monkeypatch.setattr(quiet, "QUIET_S", 0.02)
    monkeypatch.setattr(quiet, "LOOK_S", 0.02)
    async with trading([replace(stock(NVDA), liquid_hours=closed_hours()[1])]) as desk:
        asked = len(desk.venue.calls_of("subscribe_ticker"))
        await asyncio.sleep(0.1)

        assert len(desk.venue.calls_of("subscribe_ticker")) == asked


async def test_rules_that_change_while_it_runs_are_told(monkeypatch):
    """By age they are looked up again; an event says what is different, and orders keep to it."""
    monkeypatch.setattr(adapter_module, "REFRESH_S", 0.05)
    async with trading() as desk:
        desk.venue.contracts[NVDA] = stock(NVDA, lot_size="0.5", min_amount="2")

        await desk.until(
            lambda: EventType.INSTRUMENT_CHANGED in {e.event_type for e in desk.events}
        )
        (told,) = [e for e in desk.events if e.event_type is EventType.INSTRUMENT_CHANGED]
        assert told.detail == (
            f"{NVDA}: lot_size was 0.01 and is 0.5, min_amount was 0.03 and is 2"
        )
        with pytest.raises(OrderRejected, match=r"multiple of the lot 0\.5"):
            await desk.buy("a1", amount="0.03")


async def test_a_refusal_is_a_reason_to_look_at_the_rules():
    """At once, and not again with the next one: a minute lies between."""
    async with trading() as desk:
        desk.venue.contracts[NVDA] = stock(NVDA, lot_size="0.5")
        asked = len(desk.venue.calls_of("get_instruments"))
        for _ in range(5):
            desk.exchange.renew_rules()

        await desk.until(
            lambda: EventType.INSTRUMENT_CHANGED in {e.event_type for e in desk.events}
        )
        assert len(desk.venue.calls_of("get_instruments")) == asked + 1


async def test_delayed_prices_are_refused():
    """A quote of a quarter of an hour ago is not traded on."""
    async with trading() as desk:
        (session,) = desk.venue.sessions
        (line,) = session.lines.values()
        session.reply(["58", "1", str(line.request_id), "3"])
        await desk.exchange.health_check()

        with pytest.raises(NotSupported, match="Subscribe"):
            await desk.exchange.get_ticker(NVDA)


# -- who and where --------------------------------------------------------------------------------


async def test_another_account_than_the_pinned_one_is_refused():
    """The login decides whose money moves, so it is compared before anything else."""
    async with TwsVenue([stock(NVDA)], account="DU7654321") as venue:
        exchange = exchange_at(venue)

        assert not await exchange.connect()
        assert "another account" in exchange.get_status().detail
        assert [call.name for call in venue.calls] == ["connect"]


async def test_a_live_account_where_paper_is_configured_is_refused_before_dialling():
    """Nothing reaches TWS."""
    async with TwsVenue([stock(NVDA)], account="U1234567") as venue:
        exchange = exchange_at(venue, account="U1234567", is_testnet=True)

        assert not await exchange.connect()
        assert "is_testnet" in exchange.get_status().detail
        assert venue.calls == []


async def test_a_client_id_that_is_taken_is_one_clear_line(monkeypatch):
    """With what to do about it."""
    monkeypatch.setattr(life, "TAKEN_S", 0.0)
    async with TwsVenue([stock(NVDA)]) as venue:
        first, second = exchange_at(venue), exchange_at(venue)
        assert await first.connect()

        assert not await second.connect()
        assert "client id" in second.get_status().detail
        third = exchange_at(venue, query="?client_id=5")
        assert await third.connect()
        for exchange in (first, third):
            await exchange.disconnect()


async def test_the_client_id_of_a_dead_client_is_waited_for(monkeypatch):
    """TWS frees it a moment after the process was killed; the start waits and goes on."""
    monkeypatch.setattr(life, "TAKEN_PAUSE_S", 0.02)
    async with TwsVenue([stock(NVDA)]) as venue:
        first = exchange_at(venue)
        assert await first.connect()
        venue.linger_s = 0.15
        venue.kill_sockets()
        await first.disconnect()

        second = exchange_at(venue)
        assert await second.connect()
        assert len(venue.calls_of("connect")) > 2
        await second.disconnect()


async def test_an_order_of_an_earlier_client_id_is_cancelled_and_its_fills_are_told():
    """Another `client_id` in the address: what rests under the old one is still ours."""
    async with TwsVenue([stock(NVDA, lot_size="0.01")]) as venue:
        before = exchange_at(venue)
        assert await before.connect()
        for ref, price in (("a1", "190"), ("a2", "150")):
            await Desk(venue, before).buy(ref, price)
        await before.disconnect()
        after = exchange_at(venue, query="?client_id=5")
        assert await after.connect()
        assert await after.authenticate()
        desk = Desk(venue, after)
        await after.subscribe_user_data(desk.private.append)

        venue.trade("189")
        await desk.until(lambda: desk.heard(FillData))
        (fill,) = desk.heard(FillData)
        (left,) = await after.get_open_orders(NVDA)
        cancelled = await after.cancel_order(left.order_id, NVDA)

        assert (fill.client_order_id, left.client_order_id) == ("a1", "a2")
        assert cancelled.status is OrderStatus.CANCELED
        assert await after.get_open_orders(NVDA) == []
        assert [session.client_id for session in venue.sessions] == [5]
        await after.disconnect()


async def test_orders_of_an_earlier_client_id_are_cancelled_at_once_over_one_login():
    """An end cancels all of them together; TWS takes each id once at a time."""
    async with TwsVenue([stock(NVDA)]) as venue:
        before = exchange_at(venue)
        assert await before.connect()
        orders = [await Desk(venue, before).buy(f"a{n}", str(150 + n)) for n in range(6)]
        await before.disconnect()
        after = exchange_at(venue, query="?client_id=5")
        assert await after.connect()
        logins = len(venue.calls_of("connect"))

        await asyncio.gather(*(after.cancel_order(order.order_id, NVDA) for order in orders))

        assert await after.get_open_orders(NVDA) == []
        assert len(venue.calls_of("connect")) == logins + 1
        await after.disconnect()


async def test_an_order_of_a_client_id_that_is_in_use_is_left_with_a_clear_word():
    """Whoever has the id now could be another program: it is not pushed aside."""
    async with TwsVenue([stock(NVDA)]) as venue:
        theirs, ours = exchange_at(venue), exchange_at(venue, query="?client_id=5")
        assert await theirs.connect()
        order = await Desk(venue, theirs).buy("a1")
        assert await ours.connect()

        with pytest.raises(NotSupported, match="client id 71") as caught:
            await ours.cancel_order(order.order_id, NVDA)
        assert "client_id=71" in (caught.value.remedy or "")
        assert len(venue.calls_of("cancel_order")) == 0
        for exchange in (theirs, ours):
            await exchange.disconnect()


async def test_while_the_session_is_closed_nothing_is_sent_that_must_end_at_once():
    """It would be held until the opening and meet the prices of then; what may rest is taken."""
    now = WallClock().now()
    opens, closes = now + timedelta(hours=20), now + timedelta(hours=26)
    hours = "-".join(
        f"{at.astimezone(ZoneInfo('US/Eastern')):%Y%m%d:%H%M}" for at in (opens, closes)
    )
    contract = replace(stock(NVDA, lot_size="0.01"), hours=hours, liquid_hours=hours)
    async with trading([contract]) as desk:
        with pytest.raises(OrderRejected, match=f"closed until {opens:%Y-%m-%d}") as caught:
            await desk.exchange.create_order(NVDA, OrderSide.BUY, OrderType.MARKET, D(1))
        resting = await desk.buy("a1")

        assert caught.value.code == "SESSION_CLOSED"
        assert resting.status is OrderStatus.OPEN
        assert "closed until" in desk.exchange.get_status().detail
        assert len(desk.venue.calls_of("create_order")) == 1


async def test_prices_need_no_account():
    """Without one there are prices and hours, and no orders."""
    async with TwsVenue([stock(NVDA)]) as venue:
        exchange = exchange_at(venue, account="")
        assert await exchange.connect()

        assert (await exchange.get_ticker(NVDA)).last == D("200")
        assert (await exchange.hours(NVDA)).liquid
        assert not await exchange.authenticate()
        with pytest.raises(NotSent):
            await Desk(venue, exchange).buy("a1")
        await exchange.disconnect()


# -- pairs ----------------------------------------------------------------------------------------


async def test_a_pair_is_two_balances_and_has_no_trades():
    """Euros bought are euros held and dollars spent; candles are those of the middle price."""
    async with trading([pair()], symbols=(EUR,)) as desk:
        await desk.exchange.create_order(EUR, OrderSide.BUY, OrderType.MARKET, D(3))
        balances = {item.asset: item for item in await desk.exchange.get_balances()}
        candles = await desk.exchange.get_ohlcv(EUR, "1m")

        assert balances["EUR"].total == D(3)
        assert balances["USD"].total < D("10000") - 3 * D("200")
        assert await desk.exchange.get_positions() == []
        assert candles[-1].close == D("200")
        with pytest.raises(NotSupported):
            await desk.exchange.subscribe_trades(EUR, print)
        with pytest.raises(NotSupported):
            await desk.exchange.get_trades(EUR)
