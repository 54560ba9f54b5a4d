import pytest

from core.adapters.exchanges.models import TimeInForce
from core.domain.book import Execution
from core.domain.matching import (
    NEVER_ABOVE,
    NEVER_BELOW,
    FillRule,
    Market,
    Matcher,
    Outcome,
    Resting,
    Row,
)

BOOK = Market(last=100, bids=((99, 3), (98, 5)), asks=((101, 3), (102, 5)), has_book=True)
LAST = Market(last=100)
NOTHING = Market(last=None)


def buy(price: int | None, amount: int = 1, number: int = 1) -> Resting:
    """A buy order."""
    return Resting(number, True, price, amount)


def sell(price: int | None, amount: int = 1, number: int = 1) -> Resting:
    """A sell order."""
    return Resting(number, False, price, amount)


def filled(matcher: Matcher, row: Row) -> list[tuple[int, int]]:
    """Let a row be met and carried out; (number, amount) of each fill."""
    matches = matcher.meet(row)
    for match in matches:
        matcher.fill(match.order, match.amount)
    return [(match.order.number, match.amount) for match in matches]


@pytest.mark.parametrize(
    "rule, price, expected",
    [
        (FillRule.THROUGH, 100, []),
        (FillRule.THROUGH, 99, [(1, 1)]),
        (FillRule.TOUCH, 101, []),
        (FillRule.TOUCH, 100, [(1, 1)]),
        (FillRule.QUEUE, 101, []),
        (FillRule.QUEUE, 99, [(1, 1)]),
    ],
)
def test_when_a_trade_fills_a_buy(rule, price, expected):
    """Through needs strictly less, touch the price itself."""
    matcher = Matcher(rule)
    matcher.rest(buy(100))

    assert filled(matcher, Row(last=price, amount=0)) == expected


def test_a_sell_is_the_mirror():
    """A trade above fills it, one at its price does not."""
    matcher = Matcher(FillRule.THROUGH)
    matcher.rest(sell(100))

    assert filled(matcher, Row(last=100)) == []
    assert filled(matcher, Row(last=101)) == [(1, 1)]


def test_a_quote_beyond_fills_without_a_trade():
    """An ask below a buy, or a bid above a sell, is a trade that would have been."""
    matcher = Matcher(FillRule.THROUGH)
    matcher.rest(buy(100, number=1))
    matcher.rest(sell(105, number=2))

    assert filled(matcher, Row(last=-1, bid=99, ask=100)) == []
    assert filled(matcher, Row(last=-1, bid=98, ask=99)) == [(1, 1)]
    assert filled(matcher, Row(last=-1, bid=106, ask=107)) == [(2, 1)]


def test_fills_of_a_row_come_best_price_first_then_oldest():
    """Highest buy first, lowest sell first, at one price by age."""
    matcher = Matcher(FillRule.THROUGH)
    for number, price in enumerate((97, 99, 98, 99), 1):
        matcher.rest(buy(price, number=number))

    assert [number for number, _ in filled(matcher, Row(last=90))] == [2, 4, 3, 1]
    for number, price in enumerate((103, 101, 102, 101), 1):
        matcher.rest(sell(price, number=number))
    assert [number for number, _ in filled(matcher, Row(last=110))] == [2, 4, 3, 1]


def test_the_queue_ahead_trades_first():
    """Three ahead: two eat into them, three more leave two for us, the next fills the rest."""
    matcher = Matcher(FillRule.QUEUE)
    matcher.rest(buy(99, 4), BOOK)

    assert filled(matcher, Row(last=99, amount=2, side=-1)) == []
    assert filled(matcher, Row(last=99, amount=3, side=-1)) == [(1, 2)]
    assert filled(matcher, Row(last=99, amount=5, side=-1)) == [(1, 2)]
    assert len(matcher) == 0


def test_trades_of_the_other_side_do_not_move_the_queue():
    """Who buys meets asks; a resting buy gains nothing by it."""
    matcher = Matcher(FillRule.QUEUE)
    matcher.rest(buy(99, 1), BOOK)

    assert filled(matcher, Row(last=99, amount=99, side=1)) == []
    assert filled(matcher, Row(last=99, amount=4, side=0)) == [(1, 1)]


def test_orders_of_ours_at_one_price_share_the_volume():
    """The older one is served first, the younger gets what is left."""
    matcher = Matcher(FillRule.QUEUE)
    matcher.rest(buy(97, 2, number=1))
    matcher.rest(buy(97, 2, number=2))

    assert filled(matcher, Row(last=97, amount=3, side=-1)) == [(1, 2), (2, 1)]


def test_partial_fills_are_whole_lots():
    """Volume that is less than a lot fills nothing."""
    matcher = Matcher(FillRule.QUEUE, lot=10)
    matcher.rest(buy(97, 20))

    assert filled(matcher, Row(last=97, amount=9, side=-1)) == []
    assert filled(matcher, Row(last=97, amount=19, side=-1)) == [(1, 10)]


def test_a_taker_walks_the_book_and_the_rest_rests():
    """At the levels' prices up to its limit."""
    found = Matcher(FillRule.QUEUE).judge(buy(101, 5), BOOK)

    assert found == ([Execution(101, 3)], Outcome.RESTS, "")


@pytest.mark.parametrize("order, amount", [(buy(100, 7), 7), (sell(100, 7), 7)])
def test_without_a_book_the_last_trade_is_bid_and_ask(order, amount):
    """Whole, at the last price, on both sides."""
    found = Matcher(FillRule.THROUGH).judge(order, LAST)

    assert found == ([Execution(100, amount)], Outcome.FILLED, "")


def test_without_any_price_a_limit_rests():
    """Nothing says that it is marketable."""
    assert Matcher(FillRule.THROUGH).judge(buy(100), NOTHING).outcome is Outcome.RESTS


@pytest.mark.parametrize(
    "order, options, expected",
    [
        (buy(101), {"post_only": True}, ([], Outcome.REFUSED, "POST_ONLY_WOULD_CROSS")),
        (buy(100), {"post_only": True}, ([], Outcome.RESTS, "")),
        (
            buy(101, 5),
            {"time_in_force": TimeInForce.IOC},
            ([Execution(101, 3)], Outcome.EXPIRED, "IOC_REMAINDER"),
        ),
        (
            buy(101, 5),
            {"time_in_force": TimeInForce.FOK},
            ([], Outcome.EXPIRED, "FOK_NOT_FILLED"),
        ),
        (
            buy(102, 8),
            {"time_in_force": TimeInForce.FOK},
            ([Execution(101, 3), Execution(102, 5)], Outcome.FILLED, ""),
        ),
        (
            buy(None, 9),
            {},
            ([Execution(101, 3), Execution(102, 5)], Outcome.EXPIRED, "NO_LIQUIDITY"),
        ),
    ],
)
def test_what_becomes_of_an_arriving_order(order, options, expected):
    """Post-only, IOC, FOK and market orders end as their names say."""
    assert Matcher(FillRule.QUEUE).judge(order, BOOK, **options) == expected


def test_judging_changes_nothing():
    """Asking twice gives the same answer, and nothing rests."""
    matcher = Matcher(FillRule.QUEUE)
    order = buy(101, 5)

    assert matcher.judge(order, BOOK) == matcher.judge(order, BOOK)
    assert len(matcher) == 0


def test_the_reach_is_open_when_nothing_rests():
    """No price could matter."""
    matcher = Matcher(FillRule.THROUGH)
    order = buy(100)
    matcher.rest(order)
    assert matcher.reach == (99, NEVER_ABOVE)
    matcher.remove(order)

    assert matcher.reach == (NEVER_BELOW, NEVER_ABOVE)


def test_finer_units_move_nothing():
    """After going over to fifths and tenths the same market fills the same order."""
    matcher = Matcher(FillRule.QUEUE)
    matcher.rest(buy(99, 4), BOOK)
    matcher.rescale(5, 10)

    assert matcher.reach.below == 495
    assert filled(matcher, Row(last=495, amount=40, side=-1)) == [(1, 10)]


def test_an_order_cannot_fill_beyond_what_is_left():
    """The venue's own slip would be loud."""
    matcher = Matcher(FillRule.THROUGH)
    order = buy(100, 2)
    matcher.rest(order)

    with pytest.raises(ValueError, match="cannot fill"):
        matcher.fill(order, 3)
