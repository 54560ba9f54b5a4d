"""What calls a person, and when it no longer does."""

from __future__ import annotations

import pytest

from core.services.grid.news import News
from core.services.grid.snapshot import Fields

LOST: Fields = (("client_order_id", "b1E7"), ("side", "buy"), ("price", "100"), ("code", "TIMEOUT"))
UNRESOLVED: Fields = (("code", "UNRESOLVED"), ("text", "T order b1E7: outcome unknown for 60 s"))


def heard(*lines: tuple[str, Fields]) -> News:
    """A bot of which these lines were told."""
    news = News()
    for at_ns, (event, fields) in enumerate(lines, start=1):
        news.hear(at_ns, event, fields, rings=False)
    return news


def test_an_alarm_stays_while_other_things_happen():
    """Fills come, the alarm is still there; the message line has the fill."""
    fill = (("side", "buy"), ("amount", "1"), ("price", "100"))
    news = heard(("bot.alarm", UNRESOLVED), ("order.filled", fill))

    assert news.alarm is not None
    assert news.alarm.name == "UNRESOLVED"
    assert news.newest is not None
    assert news.newest.text == "buy filled 1 @ 100"


def test_what_is_over_as_it_comes_is_no_alarm():
    """A refused order is an error of the message line; whoever comes later need not see it."""
    news = heard(("risk.denied", (("code", "STALE_PRICE"),)))

    assert news.alarm is None
    assert news.newest is not None
    assert news.newest.is_error


def test_a_lesser_trouble_does_not_hide_an_alarm():
    """A refused order is read in the message line; the alarm keeps its place."""
    news = heard(("bot.alarm", UNRESOLVED), ("risk.denied", (("code", "STALE_PRICE"),)))

    assert news.alarm is not None
    assert news.alarm.name == "UNRESOLVED"


@pytest.mark.parametrize(
    "trouble, end",
    [
        (("bot.alarm", UNRESOLVED), ("order.resolved", LOST)),
        (("bot.alarm", UNRESOLVED), ("reconciled", (("unknown", 0),))),
        (("order.unknown", LOST), ("order.resolved", LOST)),
        (
            ("bot.alarm", (("code", "POSITION_DIFFERS"), ("text", "by 1"))),
            ("reconciled", (("unknown", 2), ("position_difference", "0"))),
        ),
        (
            ("bot.alarm", (("code", "CLOCK_DIFFERS"), ("text", "3 s"))),
            ("bot.alarm_over", (("code", "CLOCK_DIFFERS"),)),
        ),
        (("grid.degraded", (("position", "1"),)), ("grid.held", (("reason", "you"),))),
        (("grid.position_missing", (("difference", "1"),)), ("grid.position_found", ())),
    ],
)
def test_what_has_ended_calls_nobody_any_more(trouble: tuple[str, Fields], end: tuple[str, Fields]):
    """Neither as an alarm nor as the newest error."""
    assert heard(trouble).alarm is not None
    news = heard(trouble, end)

    assert news.alarm is None
    assert news.newest is None or not news.newest.is_error


@pytest.mark.parametrize(
    "line",
    [
        ("order.resolved", (("client_order_id", "b1E8"),)),
        ("reconciled", (("unknown", 1), ("position_difference", "1"))),
        ("bot.alarm_over", (("code", "SLOW_DISK"),)),
        ("grid.held", (("reason", "you"),)),
    ],
)
def test_the_end_of_something_else_ends_nothing(line: tuple[str, Fields]):
    """Another order, another alarm: this one is still open."""
    assert heard(("bot.alarm", UNRESOLVED), line).alarm is not None
