"""Trades and books of Binance as its sockets tell them, without a socket."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.adapters.exchanges.binance.books import Whole
from core.adapters.exchanges.binance.market_stream import MarketDialect, Questions
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.listeners import Listeners
from core.adapters.exchanges.models import OrderSide, TradeData
from core.adapters.exchanges.native.hub import Hub, checked_trade
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.numbers import Numbers
from core.errors import TransportError
from core.infrastructure.clock import WallClock
from core.testing.venue import PERP, instrument
from core.testing.venues.binance.numbering import TradeNumbers

D = Decimal
KEY = "TESTUSDC"


class Link:
    """What a dialect sees of its connection; what it spawns runs when a test says so."""

    def __init__(self):
        self.heard_of = {}
        self.spawned = []

    def heard(self, topic, event_ns):
        """Keeps the newest time of each topic."""
        self.heard_of[topic] = event_ns

    def spawn(self, coroutine):
        """Keeps it."""
        self.spawned.append(coroutine)

    async def run(self):
        """Runs what was spawned."""
        spawned, self.spawned = self.spawned, []
        await asyncio.gather(*spawned)


class Stage:
    """A dialect, who listens to it, and what REST answers."""

    def __init__(self):
        self.clock = WallClock()
        self.hub = Hub("binance")
        self.listings = Listings("binance")
        self.listings.replace([Listing(key=KEY, symbol=PERP, instrument=instrument())])
        self.trades, self.books, self.asked = [], [], []
        self.hub.of(PERP).trades.add(self.trades.append)
        self.hub.of(PERP).books.add(self.books.append)
        self.link = Link()
        self.page = 1000
        self.has = range(0)
        """Ids that REST still has."""
        questions = Questions(depth=self.whole, best=None, trades=self.answer, confirm=None)
        self.dialect = MarketDialect(
            "test", "ws://", self.clock, self.listings, self.hub, questions, is_spot=False
        )

    async def whole(self, listing):
        """A whole book over REST."""
        del listing
        return Whole(sequence=10, at_ms=self.now_ms(), bids=[(99.9, 1.0)], asks=[(100.1, 1.0)])

    async def answer(self, listing, first):
        """Trades from an id on, page by page."""
        self.asked.append(first)
        return [self.row(listing, number) for number in self.has if number >= first][: self.page]

    def row(self, listing, number):
        """A trade as REST tells it."""
        at = datetime.now(UTC)
        return TradeData(
            venue="binance", symbol=listing.symbol, trade_id=str(number), price=D(1), amount=D(1),
            side=OrderSide.BUY, at=at,
        )  # fmt: skip

    def now_ms(self):
        """By the wall."""
        return self.clock.now_ns() // 1_000_000

    def tell(self, *numbers, price="100.5", amount="0.1"):
        """The socket tells of trades in one read."""
        self.dialect.hear(
            [
                json.dumps(
                    {"e": "aggTrade", "E": 1, "s": KEY, "a": number, "p": price, "q": amount,
                     "T": self.now_ms(), "m": False}
                ).encode()
                for number in numbers
            ],
            self.link,
        )  # fmt: skip

    def change(self, first, last, previous, bids=(), asks=()):
        """The socket tells of a change of the book."""
        message = {"e": "depthUpdate", "s": KEY, "U": first, "u": last, "pu": previous}
        message |= {"E": self.now_ms(), "T": self.now_ms(), "b": bids, "a": asks}
        self.dialect.hear([json.dumps(message).encode()], self.link)

    @property
    def ids(self):
        """Of the trades that were told."""
        return [int(trade.trade_id) for trade in self.trades]


@pytest.fixture
def stage():
    """A dialect that nobody has spoken to."""
    return Stage()


# -- trades ---------------------------------------------------------------------------------------


async def test_a_gap_is_filled_answer_by_answer(stage):
    """However many answers it takes; what came meanwhile waits its turn."""
    stage.tell(1, 2)
    stage.has, stage.page = range(3, 9), 2
    stage.tell(9)
    stage.tell(10, 11)
    assert stage.ids == [1, 2]
    await stage.link.run()

    assert stage.ids == list(range(1, 12))
    assert stage.asked == [3, 5, 7]
    assert stage.listings.lost == {}


async def test_what_cannot_be_had_is_counted(stage):
    """Also a hole in the middle of what REST still has; the rest is told in order."""
    stage.tell(1)
    stage.has = [4, 6]
    stage.tell(8, 9)
    await stage.link.run()

    assert stage.ids == [1, 4, 6, 8, 9]
    assert stage.listings.lost == {"aggTrade": 4}


async def test_an_answer_that_does_not_come_is_a_counted_gap(stage):
    """The stream goes on behind it."""

    async def silent(_listing, _first):
        raise TransportError("no answer")

    stage.dialect._tails._ask = silent
    stage.tell(1)
    stage.tell(4)
    await stage.link.run()
    stage.tell(5)

    assert stage.ids == [1, 4, 5]
    assert stage.listings.lost == {"aggTrade": 2}


async def test_a_lost_socket_gives_no_trade_up(stage):
    """Who asked is gone with it; the next socket's first trade asks for all of them."""
    stage.tell(1)
    stage.tell(3)
    stage.link.spawned.pop().close()
    stage.dialect.lost()
    stage.has = range(2, 6)
    stage.tell(6)
    await stage.link.run()

    assert stage.ids == [1, 2, 3, 4, 5, 6]
    assert stage.listings.lost == {}


@pytest.mark.parametrize("price", ["NaN", "0", "-1", "1e99", "abc", ""])
def test_a_price_that_cannot_be_true_is_counted(stage, price):
    """It reaches nobody, and is no gap."""
    stage.tell(1)
    stage.tell(2, price=price)
    stage.tell(3)

    assert stage.ids == [1, 3]
    assert stage.listings.unknown == {"aggTrade:refused": 1}


def test_a_time_that_cannot_be_is_counted(stage):
    """A trade of another day is no trade of now."""
    stage.now_ms = lambda: 1_000
    stage.tell(1)

    assert stage.ids == []
    assert stage.link.heard_of == {}
    assert stage.listings.unknown == {"aggTrade:refused": 1}


def test_trades_of_two_instruments_in_one_read_keep_their_order(stage):
    """Each by its own ids."""
    other = Listing(key="OTHERUSDC", symbol="OTHER-USDC-PERP")
    stage.listings.by_key[other.key] = other
    heard = []
    stage.hub.of(other.symbol).trades.add(lambda trade: heard.append(trade.trade_id))
    rows = [("TESTUSDC", 5), ("OTHERUSDC", 70), ("TESTUSDC", 6), ("OTHERUSDC", 71)]
    stage.dialect.hear(
        [
            json.dumps({"e": "aggTrade", "E": 1, "s": key, "a": number, "p": "1", "q": "1",
                        "T": stage.now_ms(), "m": True}).encode()
            for key, number in rows
        ],
        stage.link,
    )  # fmt: skip

    assert (stage.ids, heard) == ([5, 6], ["70", "71"])
    assert set(stage.link.heard_of) == {"testusdc@aggTrade", "otherusdc@aggTrade"}


# -- books ----------------------------------------------------------------------------------------


async def test_a_book_begins_with_a_whole_one_and_breaks_at_a_gap(stage):
    """What came before joins it; a missing change is asked for, and nothing is told meanwhile."""
    stage.change(9, 11, 8, [["99.8", "2"]])
    await stage.link.run()
    stage.change(12, 12, 11, [["99.9", "0"]])
    assert [level.price for level in stage.books[-1].bids] == [D("99.8")]
    told = len(stage.books)
    stage.change(20, 21, 19, [["99.7", "2"]])

    assert len(stage.books) == told
    assert len(stage.link.spawned) == 1
    stage.link.spawned.pop().close()


async def test_levels_that_did_not_change_are_the_same_values(stage):
    """So that telling a book costs what changed in it."""
    stage.change(9, 11, 8, [["99.8", "2"]])
    await stage.link.run()
    stage.change(12, 12, 11, [["99.7", "1"]])
    stage.change(13, 13, 12, [["99.8", "3"]])
    before, after = stage.books[-2:]

    assert before.bids[0] is after.bids[0]
    assert [(level.price, level.amount) for level in after.bids] == [
        (D("99.9"), D(1)),
        (D("99.8"), D(3)),
        (D("99.7"), D(1)),
    ]
    with pytest.raises(AttributeError):
        after.bids[0].price = D(1)


# -- small ----------------------------------------------------------------------------------------


def test_a_trade_that_was_checked_is_a_trade():
    """Equal to one that was made the long way, and as immutable."""
    at = datetime.now(UTC)
    made = checked_trade("binance", PERP, "7", D("1.5"), D(2), OrderSide.SELL, at, at)
    plain = TradeData(
        venue="binance", symbol=PERP, trade_id="7", price=D("1.5"), amount=D(2),
        side=OrderSide.SELL, at=at, received_at=at,
    )  # fmt: skip

    assert made == plain
    assert hash(made) == hash(plain)
    with pytest.raises(AttributeError):
        made.price = D(1)


def test_a_listener_that_fails_misses_only_its_value():
    """Of many values told at once, and with others beside it."""
    heard, listeners = [], Listeners()

    def picky(value):
        if value == 2:
            raise ValueError(value)
        heard.append(value)

    first = listeners.add(picky)
    listeners.tell_all([1, 2, 3])
    second = listeners.add(heard.append)
    listeners.tell_all([2, 4])
    first.cancel()
    second.cancel()
    listeners.tell_all([5])

    assert heard == [1, 3, 2, 4, 4]


def test_numbers_are_remembered_and_bounded():
    """The same text is the same value; what is no number above 0 is refused each time."""
    numbers = Numbers()

    assert numbers["1.50"] is numbers["1.50"]
    for text in ("NaN", "0", "-1", "1e30", "x", "Infinity"):
        with pytest.raises(ValueError, match=r".*"):
            numbers[text]
    for place in range(1, 20_000):
        assert numbers[str(place)] == place
    assert len(numbers) <= 8_192


def test_the_loopback_numbers_trades_without_a_hole():
    """Its floor names a trade by its row, and rows that only quote have a number too."""
    numbers, at = TradeNumbers(), datetime.now(UTC)
    rows = [
        TradeData(venue="v", symbol=PERP, trade_id=row, price=D(1), amount=D(1), at=at)
        for row in ("3", "9", "3", "12")
    ]

    assert [numbers.of(row).trade_id for row in rows] == ["1", "2", "1", "3"]
    assert numbers.newest(PERP) == 3


# -- the switch -----------------------------------------------------------------------------------


async def test_the_switch_takes_our_orders_along():
    """Armed for every perpetual that we had to do with; called off, it does nothing."""
    from pathlib import Path

    from core.adapters.exchanges.models import OrderOptions, OrderType
    from core.testing.venues.harness import binance_harness

    harness = binance_harness(Path())
    await harness.start()
    try:
        exchange = harness.exchange
        for name in ("a1", "a2"):
            await exchange.create_order(
                PERP, OrderSide.BUY, OrderType.LIMIT, D(1), D(150),
                OrderOptions(client_order_id=name),
            )  # fmt: skip
        await exchange.arm_switch(60.0)
        await exchange.arm_switch(None)
        assert len(await exchange.get_open_orders()) == 2
        await exchange.arm_switch(0.05)
        await harness.venue.until(lambda: not harness.venue.floor.open_orders())

        assert exchange.capabilities.has_dead_mans_switch
        assert await exchange.get_open_orders() == []
    finally:
        await harness.stop()


# -- signatures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["BTCUSDT", "a-b_c.d~e", "a b", "ü", "a&b=c", "[1,2]", "1+1", ""])
def test_a_query_is_signed_as_it_is_sent(value):
    """Whether or not something in it has to be escaped."""
    from urllib.parse import urlencode

    from core.adapters.exchanges.binance.sign import HmacKey, hmac_signature, signed_query

    params = {"symbol": value, "timestamp": "1"}
    payload = urlencode(params)

    assert signed_query(params, HmacKey("key")) == (
        f"{payload}&signature={hmac_signature(payload, 'key')}"
    )
