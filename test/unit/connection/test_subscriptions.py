"""Topics of one connection and their listeners."""

import pytest

from core.adapters.exchanges.connection.subscriptions import Stage, Subscriptions


def test_one_topic_serves_many_listeners():
    """Only the first asks for it and only the last gives it up."""
    topics = Subscriptions()

    assert [topics.add("a"), topics.add("a"), topics.add("b")] == [True, False, True]
    assert [topics.remove("a"), topics.remove("a"), topics.remove("a")] == [False, True, False]
    assert topics.topics() == ["b"]


def test_after_a_loss_everything_is_wanted_in_the_order_of_asking():
    """Confirmed or not, it is asked for again, oldest first."""
    topics = Subscriptions()
    for name in ("c", "a", "b"):
        topics.add(name)
    topics.asked(["c", "a"], 1)
    topics.confirmed("c")
    assert topics.wanted() == ["b"]
    topics.lost()

    assert topics.wanted() == ["c", "a", "b"]
    assert not topics.is_confirmed


def test_a_topic_with_a_state_is_ready_with_its_first_message():
    """Confirmed alone it is degraded; one without a state is ready at once."""
    topics = Subscriptions()
    topics.add("book", has_snapshot=True)
    topics.add("trades")
    topics.asked(["book", "trades"], 1)
    topics.confirmed("book")
    topics.confirmed("trades")

    assert topics.is_confirmed
    assert topics.degraded() == ["book"]
    assert topics.heard("book")
    assert topics.stage("book") is Stage.READY
    assert not topics.heard("book")


def test_what_is_not_confirmed_in_time_is_overdue():
    """Only what was asked for before, and nothing that was confirmed."""
    topics = Subscriptions()
    for name in ("a", "b", "c"):
        topics.add(name)
    topics.asked(["a", "b"], 10)
    topics.confirmed("b")

    assert [entry.topic for entry in topics.overdue(11)] == ["a"]
    assert topics.overdue(10) == []


def test_a_full_connection_takes_no_more():
    """The venue's limit holds before the venue has to say so."""
    topics = Subscriptions(limit=1)
    topics.add("a")
    topics.add("a")

    with pytest.raises(ValueError, match="1 topics"):
        topics.add("b")
