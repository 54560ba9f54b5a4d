"""How rows, orders and time meet: the rules of the paper venue's promise, told as stories."""

import asyncio
import random
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import (
    EventType,
    FillData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from core.adapters.exchanges.paper.adapter import PaperExchange
from core.adapters.exchanges.paper.settings import PaperSettings
from core.domain.events import Horizon
from core.domain.matching import FillRule
from core.errors import FeedError, OrderRejected, VenueUnavailable
from core.infrastructure import virtual_time
from core.infrastructure.clock import VirtualClock
from core.services.ports import Chunk
from core.testing.clock import ManualClock
from core.testing.feeds import START_NS, FeedRow, ScriptedFeed, trades
from core.testing.venue import PERP, instrument

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL


def venue(feed, clock=None, *, path=None, is_durable=False, symbol=PERP, perp=None, **settings):
    """A paper venue on one feed, without a minimum value and without latency."""
    settings = {"latency_ms": 0, **settings}
    return PaperExchange(
        venue="paper",
        instruments=[instrument(symbol, min_notional="0", **(perp or {}))],
        feeds={symbol: feed},
        clock=clock or VirtualClock(virtual_time.running_loop()),
        settings=PaperSettings(**settings),
        path=path,
        is_durable=is_durable,
        rng=random.Random(3),
    )


class Listener:
    """Hears a venue and waits for its market."""

    def __init__(self, exchange):
        self.exchange = exchange
        self.private = []
        self.tickers = []
        self.ended = asyncio.Event()
        self._moved = asyncio.Event()

    async def start(self):
        """Connect and listen; the first price comes when everything waits."""
        await self.exchange.connect()
        await self.exchange.subscribe_user_data(self.private.append)
        self.exchange.add_event_callback(EventType.FEED_ENDED, lambda _: self.ended.set())
        await self.exchange.subscribe_ticker(PERP, self._hear)
        return self

    def _hear(self, ticker):
        self.tickers.append(ticker)
        self._moved.set()

    async def price(self):
        """Wait for the next price."""
        self._moved.clear()
        await self._moved.wait()

    async def order(self, side, price, amount="1", **options):
        """Send an order."""
        kind = OrderType.MARKET if price is None else OrderType.LIMIT
        limit = None if price is None else D(price)
        return await self.exchange.create_order(
            PERP, side, kind, D(amount), limit, OrderOptions(**options)
        )

    @property
    def fills(self):
        """(price, amount, milliseconds after the start) of every execution heard."""
        return [
            (data.price, data.amount, round((data.at.timestamp() - START_NS / 1e9) * 1000))
            for data in self.private
            if isinstance(data, FillData)
        ]


def run(story):
    """Tell a story on virtual time."""
    return virtual_time.run(story, start_ns=START_NS)


def test_the_first_price_only_builds_the_ladder():
    """An order that rests before any price is not filled by the first one, but by the next."""

    async def story():
        heard = await Listener(venue(ScriptedFeed(trades("190", "189")))).start()
        order = await heard.order(BUY, "200")
        assert order.status is OrderStatus.OPEN
        await heard.ended.wait()
        return heard.fills

    assert run(story()) == [(D(200), D(1), 1000)]


def test_a_market_order_without_a_price_is_refused():
    """There is nothing that it could trade at."""

    async def story():
        heard = await Listener(venue(ScriptedFeed(trades("200")))).start()
        with pytest.raises(OrderRejected) as caught:
            await heard.order(BUY, None)
        with pytest.raises(VenueUnavailable):
            await heard.exchange.get_ticker(PERP)
        return caught.value.code

    assert run(story()) == "NO_MARKET"


def test_an_order_meets_only_rows_after_its_acceptance_also_at_an_equal_time():
    """Sent on a row, accepted before the next row of the same time: that one fills it."""
    rows = [FeedRow(ms=ms, last=price) for ms, price in ((0, "200"), (0, "198"), (0, "197"))]

    async def story():
        heard = await Listener(venue(ScriptedFeed(rows), fill=FillRule.THROUGH)).start()
        await heard.price()
        await heard.order(BUY, "199", client_order_id="a")
        await heard.price()
        await heard.order(BUY, "197.5", client_order_id="b")
        await heard.ended.wait()
        return heard.fills, [ticker.last for ticker in heard.tickers]

    fills, prices = run(story())
    assert fills == [(D("199"), D(1), 0), (D("197.5"), D(1), 0)]
    assert prices == [D(200), D(198), D(197)]


def test_the_row_that_fills_never_meets_the_order_it_causes():
    """The answer to a fill rests and waits for a row of its own."""

    async def story():
        heard = await Listener(venue(ScriptedFeed(trades("200", "190", "195", "199.6")))).start()
        await heard.price()
        await heard.order(BUY, "195")
        await asyncio.sleep(1.5)
        await heard.order(SELL, "195.5")
        await heard.ended.wait()
        return heard.fills

    assert run(story()) == [(D("195"), D(1), 1000), (D("195.5"), D(1), 3000)]


def test_latency_decides_which_rows_come_first():
    """Accepted at sent + latency, before unseen rows of that very time."""
    rows = [FeedRow(ms=ms, last=p) for ms, p in ((0, "200"), (49, "190"), (50, "198"), (60, "198"))]

    async def story():
        feed = ScriptedFeed(rows)
        heard = await Listener(venue(feed, latency_ms=50, fill=FillRule.THROUGH)).start()
        await heard.price()
        order = await heard.order(BUY, "199")
        await heard.ended.wait()
        return order, heard.fills

    order, fills = run(story())
    assert (order.status, order.average_price) == (OrderStatus.FILLED, D(190))
    assert fills == [(D(190), D(1), 50)]


def test_a_marketable_order_takes_the_last_trade_whole():
    """Without a book the last trade is both sides, of any depth, off the tick as it may be."""

    async def story():
        heard = await Listener(venue(ScriptedFeed(trades("200.03")))).start()
        await heard.price()
        bought = await heard.order(BUY, "201", "25", time_in_force=TimeInForce.IOC)
        sold = await heard.order(SELL, None, "25")
        return bought.average_price, sold.average_price

    assert run(story()) == (D("200.03"), D("200.03"))


def test_the_default_rule_follows_the_feed():
    """Queue where the feed has a book, through where it has none."""
    settings = PaperSettings()

    assert settings.fill_rule(has_book=True) is FillRule.QUEUE
    assert settings.fill_rule(has_book=False) is FillRule.THROUGH
    assert PaperSettings(fill=FillRule.TOUCH).fill_rule(has_book=True) is FillRule.TOUCH


def test_the_queue_ahead_is_what_stood_there():
    """Five stood at the price on acceptance; seven traded leave two for us."""
    rows = [
        FeedRow(ms=0, last="200", bids=(("199.9", "5"),), asks=(("200.1", "5"),)),
        FeedRow(ms=10, last="199.9", amount="4", side="sell", bid="199.9", ask="200.1"),
        FeedRow(ms=20, last="199.9", amount="3", side="sell", bid="199.9", ask="200.1"),
        FeedRow(ms=30, last="199.9", amount="1", side="sell", bid="199.9", ask="200.1"),
    ]

    async def story():
        heard = await Listener(venue(ScriptedFeed(rows))).start()
        await heard.price()
        await heard.order(BUY, "199.9", "3")
        await heard.ended.wait()
        return heard.fills

    assert run(story()) == [(D("199.9"), D(2), 20), (D("199.9"), D(1), 30)]


def test_leaping_shows_the_last_row_skipped_and_the_one_that_ends_the_skip():
    """What lies between concerns nobody and is not handed over; its trades are remembered."""
    prices = ["200", "201", "202", "203", "198.9", "205", "206"]

    async def story():
        heard = await Listener(venue(ScriptedFeed(trades(*prices)))).start()
        await heard.price()
        heard.exchange.set_horizon(Horizon)
        await heard.order(BUY, "199")
        await heard.ended.wait()
        shown = await heard.exchange.get_trades(PERP)
        return [str(ticker.last) for ticker in heard.tickers], len(shown)

    tickers, shown = run(story())
    assert [D(text) for text in tickers] == [D(200), D(203), D("198.9"), D(206)]
    assert shown == len(prices)


def test_a_horizon_in_price_and_time_is_kept():
    """The first row at or beyond a price, and the first at or after a time, are handed over."""
    horizons = [Horizon(above=2030), Horizon(below=1990), Horizon(at_ns=START_NS + 5_500 * 10**6)]
    prices = ["200", "201", "203", "202", "199", "200", "201", "200"]

    async def story():
        heard = await Listener(venue(ScriptedFeed(trades(*prices)))).start()
        await heard.price()
        heard.exchange.set_horizon(lambda: horizons[0])
        seen = []
        for _ in range(3):
            await heard.price()
            seen.append(heard.tickers[-1].at.second)
            horizons.pop(0)
            horizons.append(Horizon())
        await heard.ended.wait()
        return seen

    assert run(story()) == [2, 4, 6]


def test_who_wants_every_trade_gets_every_row():
    """A trade subscription turns leaping off."""

    async def story():
        heard = await Listener(venue(ScriptedFeed(trades(*"12345")))).start()
        heard.exchange.set_horizon(Horizon)
        seen = []
        await heard.exchange.subscribe_trades(PERP, seen.append)
        await heard.ended.wait()
        return [(trade.trade_id, trade.price) for trade in seen]

    assert run(story()) == [(str(row), D(row + 1)) for row in range(5)]


def test_a_timer_comes_before_a_row_of_its_time():
    """Rows are handed over up to the timer, and the newest of them is known when it fires."""

    async def story():
        heard = await Listener(venue(ScriptedFeed(trades("200", "201", "202", "203")))).start()
        await heard.price()
        heard.exchange.set_horizon(Horizon)
        await asyncio.sleep(2)
        return heard.tickers[-1].last, (await heard.exchange.get_ticker(PERP)).last

    assert run(story()) == (D(201), D(201))


def test_the_end_of_a_feed_is_told_once_and_the_price_stays():
    """Status and event say so; the last price remains the mark."""

    async def story():
        heard = await Listener(venue(ScriptedFeed(trades("200", "201")))).start()
        await heard.ended.wait()
        order = await heard.order(BUY, None)
        return heard.exchange.get_status().detail, order.average_price

    assert run(story()) == ("the feed script has ended", D(201))


def test_a_feed_that_breaks_ends_and_says_why():
    """The error is kept, told, and the market ends instead of the run."""

    class Broken(ScriptedFeed):
        def chunks(self, from_row: int = 0):
            yield from super().chunks(from_row)
            raise FeedError("row 3: the price is negative.")

    async def story():
        exchange = venue(Broken(trades("200", "201")))
        errors = []
        exchange.add_event_callback(EventType.ERROR, lambda event: errors.append(event.detail))
        heard = await Listener(exchange).start()
        await heard.ended.wait()
        return errors

    assert run(story()) == ["row 3: the price is negative."]


def test_chunks_of_another_unit_meet_the_same_orders():
    """A later chunk may be finer or coarser; orders, prices and queue stay what they are."""

    class Mixed(ScriptedFeed):
        def chunks(self, from_row: int = 0):
            for row, (unit, price) in enumerate((("0.1", 2000), ("0.01", 19951), ("0.05", 3989))):
                yield Chunk(
                    first_row=row,
                    price_unit=D(unit),
                    amount_unit=D("0.0003"),
                    ts_ns=[START_NS + row * 10**9],
                    last=[price],
                    amount=[10],
                    side=[0],
                )

    async def story():
        heard = await Listener(venue(Mixed(trades("1")))).start()
        await heard.price()
        await heard.order(BUY, "199.5")
        await heard.ended.wait()
        return heard.fills, [ticker.last for ticker in heard.tickers]

    fills, prices = run(story())
    assert fills == [(D("199.5"), D(1), 2000)]
    assert prices == [D(200), D("199.51"), D("199.45")]


def test_two_markets_run_in_one_order_of_time():
    """Rows of two symbols interleave by their times, whoever leaps."""
    other = "OTHER-USDC-PERP"

    async def story():
        exchange = venue(ScriptedFeed(trades("200", "201", "202", every_ms=10)))
        feed = ScriptedFeed(
            [FeedRow(ms=ms, last=str(ms)) for ms in (5, 15, 25)], name="other", chunk_rows=1
        )
        exchange.add_market(instrument(other), feed)
        await exchange.connect()
        seen = []
        for symbol in (PERP, other):
            await exchange.subscribe_ticker(symbol, lambda ticker: seen.append(ticker.last))
        await asyncio.sleep(1)
        return seen

    assert run(story()) == [D(200), D(5), D(201), D(15), D(202), D(25)]


async def test_in_real_time_rows_come_when_their_time_comes():
    """The first row comes at once, the next ones at their distance from it, shifted to now."""
    clock = ManualClock(START_NS + 10**18)
    heard = await Listener(venue(ScriptedFeed(trades("200", "201", "202")), clock)).start()
    await clock.tick()
    assert [ticker.last for ticker in heard.tickers] == [D(200)]
    assert heard.tickers[0].at == clock.now()

    await clock.tick(0.999)
    assert len(heard.tickers) == 1
    await clock.tick(0.001)
    assert heard.tickers[-1].last == D(201)
    await clock.tick(1)
    assert heard.ended.is_set()
    await heard.exchange.disconnect()


async def test_rows_that_are_overdue_are_all_met_and_shown_once():
    """Who wakes late misses no fill and sees the newest price."""
    clock = ManualClock()
    feed = ScriptedFeed(trades("200", "190", "195", "196", every_ms=10))
    heard = await Listener(venue(feed, clock)).start()
    await clock.tick()
    task = asyncio.ensure_future(heard.order(BUY, "191"))
    await asyncio.sleep(0)
    clock.advance(0)
    await clock.settle()
    assert (await task).status is OrderStatus.OPEN
    clock.advance(0.5)
    await clock.tick()

    assert [price for price, _, _ in heard.fills] == [D(191)]
    assert [ticker.last for ticker in heard.tickers] == [D(200), D(196)]
    await heard.exchange.disconnect()
