from core.domain.book import Execution, amount_at, rescaled, walk

ASKS = ((101, 3), (102, 5))
BIDS = ((99, 3), (98, 5))


def test_a_buy_walks_the_asks_from_the_best():
    """Each level gives what stands there, at its own price."""
    assert walk(ASKS, is_buy=True, limit=None, amount=4) == [Execution(101, 3), Execution(102, 1)]


def test_the_limit_ends_the_walk():
    """No level beyond the limit is touched, on either side."""
    assert walk(ASKS, is_buy=True, limit=101, amount=9) == [Execution(101, 3)]
    assert walk(BIDS, is_buy=False, limit=99, amount=9) == [Execution(99, 3)]


def test_levels_are_cut_to_whole_lots():
    """Three parts at a lot of two give one lot, and the rest is looked for behind."""
    assert walk(ASKS, is_buy=True, limit=None, amount=4, lot=2) == [
        Execution(101, 2),
        Execution(102, 2),
    ]


def test_an_unknown_amount_never_runs_dry():
    """A level without an amount takes everything."""
    assert walk(((100, 0),), is_buy=True, limit=None, amount=10**9) == [Execution(100, 10**9)]


def test_what_stands_at_a_price():
    """Known prices tell their amount, unknown ones nothing."""
    assert [amount_at(BIDS, price) for price in (99, 98, 97)] == [3, 5, 0]


def test_rescaling_keeps_unknown_amounts_unknown():
    """Only real amounts are multiplied."""
    assert rescaled(((10, 2), (9, -1)), 5, 4) == ((50, 8), (45, -1))
