"""Numbers of Bybit's books."""

import pytest

from core.adapters.exchanges.ccxt.sequence import BookNumbers

TOPIC = "orderbook.50.BTCUSDT"


def message(number, kind="delta", topic=TOPIC):
    """A book message."""
    return {"topic": topic, "type": kind, "data": {"s": "BTCUSDT", "u": number}}


def test_numbers_that_follow_each_other_are_whole():
    """A snapshot begins anew, at any time."""
    numbers = BookNumbers()
    told = [message(7, "snapshot"), message(8), message(9), message(3, "snapshot"), message(4)]

    assert [numbers.gap(each) for each in told] == [""] * 5


@pytest.mark.parametrize("number", [7, 8, 10, 100])
def test_a_number_that_does_not_follow_is_a_gap(number):
    """A repeated one and an older one too; after it nothing is believed before a snapshot."""
    numbers = BookNumbers()
    numbers.gap(message(8, "snapshot"))

    assert numbers.gap(message(number)) == TOPIC
    assert numbers.gap(message(number + 1)) == TOPIC
    assert numbers.gap(message(50, "snapshot")) == ""
    assert numbers.gap(message(51)) == ""


def test_a_change_without_a_snapshot_is_a_gap():
    """There is no book that it could change."""
    assert BookNumbers().gap(message(8)) == TOPIC


def test_every_book_counts_for_itself():
    """Other topics and other messages say nothing about it."""
    numbers = BookNumbers()
    other = "orderbook.50.ETHUSDT"
    numbers.gap(message(8, "snapshot"))
    numbers.gap(message(90, "snapshot", other))
    told = [message(9), message(91, topic=other), {"topic": "publicTrade.X"}, "pong", message(10)]

    assert [numbers.gap(each) for each in told] == [""] * 5


def test_the_service_was_restarted():
    """A one begins anew."""
    numbers = BookNumbers()
    numbers.gap(message(800, "snapshot"))

    assert numbers.gap(message(1)) == ""
    assert numbers.gap(message(2)) == ""


@pytest.mark.parametrize("data", [None, {}, {"u": "8"}, []])
def test_a_message_without_a_number_is_a_gap(data):
    """What cannot be counted cannot be believed."""
    numbers = BookNumbers()
    numbers.gap(message(8, "snapshot"))

    assert numbers.gap({"topic": TOPIC, "type": "delta", "data": data}) == TOPIC
