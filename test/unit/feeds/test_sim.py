"""The simulated market."""

from dataclasses import replace
from decimal import Decimal
from itertools import islice, pairwise

import numpy as np
import pytest

from core.adapters.exchanges.models import ExchangeType
from core.adapters.feeds.sim import BLOCK_ROWS, DEFAULT_START_NS, SimFeed
from core.services.ports import FeedKind

COLUMNS = ("ts_ns", "last", "amount", "side", "bid", "bid_amount", "ask", "ask_amount")
DAY_S = 86_400


def table(feed, blocks, from_row=0):
    """Some blocks of a feed as one array of columns."""
    chunks = list(islice(feed.chunks(from_row), blocks))
    return np.column_stack(
        [np.concatenate([np.asarray(getattr(c, name)) for c in chunks]) for name in COLUMNS]
    )


def column(rows, name):
    """One column of a table."""
    return rows[:, COLUMNS.index(name)]


def test_the_same_seed_gives_the_same_market(bitcoin):
    """Every row, every book and every settlement comes again; another seed gives another market."""
    first, again, other = (SimFeed(bitcoin, seed=seed) for seed in (3, 3, 4))

    assert (table(first, 3) == table(again, 3)).all()
    assert (table(first, 1) != table(other, 1)).any()
    assert list(first.funding()) == list(again.funding())
    left, right = next(first.chunks()), next(again.chunks())
    assert [left.depth[row] for row in range(50)] == [right.depth[row] for row in range(50)]


@pytest.mark.parametrize("start", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, 3 * BLOCK_ROWS + 77])
def test_reading_can_start_at_any_row(bitcoin, start):
    """A fresh feed that starts at row n gives what another gives after n rows, books included."""
    whole = table(SimFeed(bitcoin, seed=1), 6)
    late = SimFeed(bitcoin, seed=1)
    chunk = next(late.chunks(start))
    block, place = divmod(start, BLOCK_ROWS)
    early = next(islice(SimFeed(bitcoin, seed=1).chunks(), block, None))

    rows = table(late, 2, start)

    assert (rows == whole[start : start + len(rows)]).all()
    assert chunk.first_row == start
    assert chunk.depth[0] == early.depth[place]


def test_far_rows_cost_no_reading_of_the_near_ones(bitcoin):
    """A row a year ahead is made from its anchors alone."""
    feed = SimFeed(bitcoin, seed=1)
    chunk = next(feed.chunks(190_000_000))

    assert chunk.first_row == 190_000_000
    assert (
        feed.first_ns + 250 * DAY_S * 10**9 < chunk.ts_ns[0] < feed.first_ns + 500 * DAY_S * 10**9
    )


def test_every_row_is_a_market(bitcoin):
    """Times never fall, bid is below ask, a buyer takes the ask and a seller the bid."""
    rows = table(SimFeed(bitcoin, seed=11), 20)
    bid, ask, last, side = (column(rows, name) for name in ("bid", "ask", "last", "side"))

    assert (np.diff(column(rows, "ts_ns")) >= 0).all()
    assert (bid > 0).all()
    assert (bid < ask).all()
    assert set(side.tolist()) == {1, -1}
    assert (last == np.where(side > 0, ask, bid)).all()
    assert (rows[:, 2:3] > 0).all()
    assert (column(rows, "bid_amount") > 0).all()
    assert (column(rows, "ask_amount") > 0).all()


def test_a_book_stands_around_the_best_prices(bitcoin):
    """Fifteen levels a side, best first, beginning with the row's own bid and ask."""
    chunk = next(SimFeed(bitcoin, seed=5).chunks())

    for row in range(0, len(chunk), 501):
        bids, asks = chunk.depth[row]
        assert bids[0] == (chunk.bid[row], chunk.bid_amount[row])
        assert asks[0] == (chunk.ask[row], chunk.ask_amount[row])
        assert len(bids) == len(asks) == 15
        assert all(low[0] < high[0] for high, low in pairwise(bids))
        assert all(low[0] < high[0] for low, high in pairwise(asks))
        assert all(amount > 0 for _, amount in (*bids, *asks))


def test_the_market_is_lively_and_believable(bitcoin):
    """Volatility a year, calm and wild minutes, heavy tails, runs of one side, rows a second."""
    rows = table(SimFeed(bitcoin, seed=7), 250)
    ts_ns, side = column(rows, "ts_ns"), column(rows, "side")
    middle = (column(rows, "bid") + column(rows, "ask")) / 2
    minutes = np.arange(ts_ns[0], ts_ns[-1], 60 * 10**9)
    moves = np.diff(np.log(middle[np.searchsorted(ts_ns, minutes, "right") - 1]))
    size = np.abs(moves)

    assert 4 < len(rows) / ((ts_ns[-1] - ts_ns[0]) / 1e9) < 8
    assert 0.5 < moves.std() * np.sqrt(525_600) < 1.0
    assert np.mean((moves - moves.mean()) ** 4) / moves.var() ** 2 > 3.5
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.05
    assert abs(np.corrcoef(moves[1:], moves[:-1])[0, 1]) < 0.1
    assert np.corrcoef(side[1:], side[:-1])[0, 1] > 0.1


def test_the_price_comes_back_to_the_reference(bitcoin):
    """Over half a year it stays within a third of where it began."""
    feed = SimFeed(bitcoin, seed=2)
    logs = [feed._anchors.at(block).start_log for block in range(11_000)]

    assert logs[0] == 0.0
    assert max(map(abs, logs)) < 0.33


@pytest.mark.parametrize("seed", [1, 2, 3, 7])
def test_a_grid_line_is_reached_within_two_minutes(bitcoin, seed):
    """A price 60 away from the start, the interval of the example grid, is met soon."""
    chunk = next(SimFeed(bitcoin, seed=seed).chunks())
    last = np.asarray(chunk.last)
    met = np.flatnonzero(np.abs(last - last[0]) > 600)

    assert (chunk.ts_ns[met[0]] - chunk.ts_ns[0]) / 1e9 < 120


def test_a_coarse_tick_still_is_a_market(bitcoin):
    """A price of few ticks never reaches zero and keeps a bid below its ask."""
    coarse = replace(bitcoin, tick_size=Decimal(50), reference_price=Decimal(100))
    rows = table(SimFeed(coarse, seed=1), 4)

    assert column(rows, "bid").min() >= 1
    assert (column(rows, "bid") < column(rows, "ask")).all()
    bids, _ = next(SimFeed(coarse, seed=1).chunks()).depth[0]
    assert min(price for price, _ in bids) >= 1


def test_without_a_reference_price_it_starts_at_a_hundred(bitcoin):
    """The instrument's units are the feed's."""
    feed = SimFeed(replace(bitcoin, reference_price=None), seed=1)
    chunk = next(feed.chunks())

    assert chunk.last[0] * chunk.price_unit == pytest.approx(100, rel=Decimal("0.01"))
    assert (chunk.price_unit, chunk.amount_unit) == (bitcoin.tick_size, bitcoin.lot_size)
    assert (feed.name, feed.kind, feed.has_book) == ("sim:1", FeedKind.SIM, True)
    assert (feed.first_ns, feed.last_ns) == (DEFAULT_START_NS, None)


def test_it_starts_when_it_is_told(bitcoin):
    """The start moves every time and nothing else."""
    early, late = SimFeed(bitcoin, seed=1), SimFeed(bitcoin, seed=1, start_ns=10**18)
    first, second = table(early, 1), table(late, 1)

    assert late.first_ns == 10**18
    assert (second[:, 0] - first[:, 0] == 10**18 - DEFAULT_START_NS).all()
    assert (second[:, 1:] == first[:, 1:]).all()
    assert 10**18 <= second[0, 0] < 10**18 + 60 * 10**9


def test_perpetuals_settle_funding(bitcoin):
    """At whole multiples of the interval after the start, at small exact rates around the usual."""
    hourly = SimFeed(replace(bitcoin, funding_interval_s=3_600), seed=1)
    rows = hourly.funding()
    rates = [row.rate for row in rows[:2_000]]

    assert rows[0].ts_ns == DEFAULT_START_NS + 3_600 * 10**9
    assert {b.ts_ns - a.ts_ns for a, b in pairwise(rows)} == {3_600 * 10**9}
    assert max(map(abs, rates)) < Decimal("0.0001")
    assert Decimal("0.000005") < sum(rates) / len(rates) < Decimal("0.00002")
    assert rows[-1] == list(rows)[-1]
    with pytest.raises(IndexError):
        rows[len(rows)]


def test_spot_has_no_funding(bitcoin):
    """Only perpetuals settle."""
    spot = replace(bitcoin, symbol="BTC-USDC-SPOT", market_type=ExchangeType.SPOT)

    assert list(SimFeed(spot, seed=1).funding()) == []
