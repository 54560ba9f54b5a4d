"""What a history of trades says of what a stream told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import listing_of
from core.adapters.exchanges.models import ExchangeType, OrderSide, TradeData, to_ns
from core.adapters.exchanges.native.hub import Hub
from core.adapters.exchanges.native.listings import Listings
from core.adapters.exchanges.native.trails import Trail, Trails
from core.testing.clock import ManualClock

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
SYMBOL = "BTC-USDC-PERP"


def trade(number: int, after_s: float = 0.0) -> TradeData:
    """A trade whose id has nothing to do with its neighbours'."""
    return TradeData(
        venue="lighter",
        symbol=SYMBOL,
        trade_id=str(1_000 + number * 7),
        price=Decimal(100 + number),
        amount=Decimal(1),
        side=OrderSide.BUY,
        at=START + timedelta(seconds=number + after_s),
    )


def numbers(trades) -> list[int]:
    """Which of them."""
    return [(int(item.trade_id) - 1_000) // 7 for item in trades]


@pytest.mark.parametrize(
    "told, history, missing",
    [
        ([1, 2, 4], [1, 2, 3, 4], [3]),
        ([1, 2], [2, 3, 4], [3, 4]),
        ([3, 4], [1, 2, 3, 4], []),
        ([1, 2], [], []),
        ([5, 6], [1, 2], []),
        ([1, 2], [4, 5], None),
        ([], [1, 2], [1, 2]),
    ],
)
def test_a_history_tells_what_was_missed(told, history, missing):
    """After a trade that is known; joined to nothing, there is a gap that nobody can count."""
    trail = Trail(START)
    trail.take([trade(number) for number in told])
    found = trail.missing([trade(number) for number in history])

    assert missing == (None if found is None else numbers(found))


def test_trades_are_told_once_and_old_ones_not_at_all():
    """What happened before anybody listened is known, and no news."""
    trail = Trail(START + timedelta(seconds=3))

    assert numbers(trail.take([trade(2), trade(5), trade(3)])) == [3, 5]
    assert numbers(trail.take([trade(2), trade(3), trade(4)])) == [4]


class Quiet:
    """A connection that takes everything."""

    def heard(self, topic: Topic, event_ns: int) -> None:
        """A message came."""


@pytest.fixture
def trails():
    """Trails of one market, and what was told of it."""
    listings = Listings("lighter")
    listings.replace([listing_of("1", "BTC", "USDC", ExchangeType.PERPETUAL)])
    hub = Hub("lighter")
    told = []
    hub.of(SYMBOL).trades.add(told.append)
    made = Trails(ManualClock(to_ns(START)), listings, hub)
    return made, listings, hub, told


def test_what_was_missed_is_told_late_and_the_last_price_stays_the_newest(trails):
    """A trade from the middle does not become the last one."""
    made, listings, hub, told = trails
    for number in (1, 3):
        made.take("trade/1", "1", [trade(number)], Quiet())
    joined = made.join("1", [trade(1), trade(2), trade(3)])

    assert joined
    assert numbers(told) == [1, 3, 2]
    assert hub.of(SYMBOL).quote.last == Decimal(103)
    assert listings.lost == {}


def test_a_gap_is_counted_and_the_rest_is_told(trails):
    """Nobody knows how many trades it held: one for each gap."""
    made, listings, _, told = trails
    made.take("trade/1", "1", [trade(1)], Quiet())
    history = [trade(8), trade(9)]
    joined = made.join("1", history)
    made.give_up("1", history)

    assert not joined
    assert numbers(told) == [1, 8, 9]
    assert listings.lost == {"trade": 1}


def test_a_symbol_that_is_listened_to_anew_has_no_gap(trails):
    """What was forgotten is no loss."""
    made, listings, _, told = trails
    made.take("trade/1", "1", [trade(1)], Quiet())
    made.forget("1")

    assert made.join("1", [trade(8)])
    assert numbers(told) == [1, 8]
    assert listings.lost == {}
    assert made.newest("2") is None
