"""Each public trade through ccxt: floods, messages that never come, sockets that end."""

import pytest

from core.testing.venue import PERP
from core.testing.venues.ccxt_harness import bybit_harness, ccxt_binance_harness, okx_harness
from core.testing.venues.faults import Answer, Kind

HARNESSES = {"binance": ccxt_binance_harness, "bybit": bybit_harness, "okx": okx_harness}
NUMBERED = ["binance", "okx"]


@pytest.fixture
async def make(tmp_path):
    """Makes (harness, what it told of the perpetual's trades) of a venue."""
    made = []

    async def connected(name):
        harness = HARNESSES[name](tmp_path)
        made.append(harness)
        await harness.start()
        told = []
        await harness.exchange.subscribe_trades(PERP, told.append)
        await harness.trade("200.5")
        told.clear()
        return harness, told

    yield connected
    for harness in made:
        await harness.stop()


def happen(harness, count):
    """So many trades of the perpetual, each of another amount."""
    for number in range(count):
        price = "200.5" if number % 2 else "200.4"
        harness.venue.trade(price, str(number + 1), symbol=PERP)


def happened(harness, count):
    """The newest trades at the venue, from old to new."""
    return [(trade.price, trade.amount) for trade in harness.venue.floor.trades(PERP)[-count:]]


def heard(told):
    """The same of what was told, each under an id of its own."""
    assert len({trade.trade_id for trade in told}) == len(told)
    return [(trade.price, trade.amount) for trade in told]


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_a_flood_is_told_whole(make, name):
    """Hundreds of trades, faster than anybody waits for them, come once each and in order."""
    harness, told = await make(name)
    happen(harness, 400)
    await harness._until(lambda: len(told) >= 400)

    assert heard(told) == happened(harness, 400)
    assert harness.exchange.listings.lost == {}


@pytest.mark.parametrize("name", NUMBERED)
async def test_messages_that_never_come_are_filled_in(make, name):
    """T18: the missing numbers are asked for over REST, and what came later waits for them."""
    harness, told = await make(name)
    harness.venue.trade("200.4", symbol=PERP)
    harness.venue.faults.drop(Kind.TRADE, times=5)
    happen(harness, 40)
    await harness._until(lambda: len(told) >= 41)

    assert heard(told) == happened(harness, 41)
    assert harness.exchange.listings.lost == {}


async def test_a_long_gap_is_filled_from_several_pages(make):
    """OKX tells a hundred at a time, from new to old."""
    harness, told = await make("okx")
    harness.venue.trade("200.4", symbol=PERP)
    harness.venue.faults.drop(Kind.TRADE, times=350)
    happen(harness, 352)
    await harness._until(lambda: len(told) >= 353)

    assert heard(told) == happened(harness, 353)
    assert len(harness.venue.calls_of("get_trade_history")) == 4


async def test_what_cannot_be_had_is_counted_and_said(make, caplog):
    """A gap that REST does not know either is a number, not a silence."""
    harness, told = await make("okx")
    harness.venue.trade("200.4", symbol=PERP)
    harness.venue.faults.answer(
        "get_trade_history", Answer({"code": "0", "msg": "", "data": []}), times=9
    )
    harness.venue.faults.drop(Kind.TRADE, times=3)
    for price in ("200.5", "200.4", "200.5", "200.6"):
        harness.venue.trade(price, symbol=PERP)
    await harness._until(lambda: len(told) >= 2)

    assert harness.exchange.listings.lost == {f"trades {PERP}": 3}
    assert f"trades.lost venue=okx symbol={PERP} count=3" in caplog.text


async def test_several_matches_in_one_message_are_no_gap(make):
    """OKX tells the last one's number and how many they were."""
    harness, told = await make("okx")
    harness.venue.trade("200.4", "2", symbol=PERP)
    await harness._until(lambda: len(told) == 1)
    harness.venue.faults.drop(Kind.TRADE, times=3)
    for _ in range(3):
        harness.venue.trade("200.5", "2", symbol=PERP)
    harness.venue.streams.traded_together(harness.venue.floor.trades(PERP)[-3:])
    await harness._until(lambda: len(told) == 2)

    assert (told[1].amount, told[1].trade_id) == (6, harness.venue.floor.trades(PERP)[-1].trade_id)
    assert harness.venue.calls_of("get_trade_history") == []
    assert harness.exchange.listings.lost == {}


@pytest.mark.parametrize("name", sorted(HARNESSES))
async def test_what_happened_without_a_socket_is_told_once(make, name):
    """T13: after a reconnection trades go on where they stopped."""
    harness, told = await make(name)
    harness.venue.trade("200.4", symbol=PERP)
    await harness._until(lambda: len(told) == 1)
    harness.venue.kill_sockets()
    happen(harness, 20)
    await harness._until(lambda: len(told) >= 21)
    await harness.trade("200.9")

    assert heard(told) == happened(harness, 22)
    assert harness.exchange.listings.lost == {}


async def test_nobody_misses_what_happened_before_he_listened(make):
    """A listener who comes back later begins with what happens then."""
    harness, told = await make("okx")
    await harness.exchange.unsubscribe(PERP)
    happen(harness, 30)
    await harness.trade("200.7")  # the other market's, by which all of them have come
    again = []
    await harness.exchange.subscribe_trades(PERP, again.append)
    harness.venue.faults.drop(Kind.TRADE, times=2)  # as if its socket had slept
    happen(harness, 3)
    await harness._until(lambda: again)

    assert heard(again) == happened(harness, 1)
    assert told == []
    assert harness.exchange.listings.lost == {}


async def test_a_page_that_does_not_reach_back_is_counted(make):
    """Bybit's ids are no numbers: then the page has to hold the last trade that was told."""
    harness, told = await make("bybit")
    harness.venue.trade("200.4", symbol=PERP)
    await harness._until(lambda: len(told) == 1)
    harness.venue.faults.alter_answer("get_trades", _newest_alone, times=100)
    await harness.venue.go_down()
    await harness.clock.sleep(0.005)  # trades of another millisecond
    for price in ("200.5", "200.6", "200.7"):
        harness.venue.trade(price, symbol=PERP)
    await harness.venue.come_back()
    await harness._until(lambda: harness.exchange.listings.unknown.get("trades:gap"))
    await harness._until(lambda: told[-1].price == happened_price(harness))


def _newest_alone(body):
    """An answer with its first row."""
    rows = body["result"]["list"][:1]
    return {**body, "result": {**body["result"], "list": rows}}


def happened_price(harness):
    """Of the newest trade at the venue."""
    return harness.venue.floor.trades(PERP)[-1].price
