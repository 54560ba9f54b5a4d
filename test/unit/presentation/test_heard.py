# ruff: noqa: RUF001 - Chinese punctuation is meant
"""What the engine says, in the language of the screen."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.events import Act
from core.services.grid.view import phase_words
from core.services.grid.words import SENTENCES
from core.testing.grid_story import GridStory
from core.testing.grids import FREE
from tui.language import zh_engine
from tui.language.heard import holes
from tui.strings import words

ENGLISH = re.compile(r"[A-Za-z]{2,}")
HEARD = words("zh").heard


def test_every_line_of_the_diary_that_is_shown_has_words():
    """A line that the engine can say in English can be said in Chinese, and no other has words."""
    assert set(zh_engine.LINES) == set(SENTENCES)


def test_a_shape_and_its_translation_have_the_same_holes():
    """No value is lost, and none is asked for that is not there."""
    assert [shape for shape, said in zh_engine.SHAPES if holes(shape) != holes(said)] == []


@pytest.mark.parametrize(
    "event, fields, said",
    [
        (
            "order.filled",
            {"side": "buy", "amount": "0.002", "price": "118000.1", "level": 36},
            "买单成交 0.002 @ 118000.1  第 36 格",
        ),
        (
            "order.filled",
            {"side": "sell", "amount": "1", "price": "101", "level": 3, "round_trip": "1"},
            "卖单成交 1 @ 101  第 3 格  往返 1",
        ),
        ("risk.denied", {"code": "STALE_PRICE", "limit": None}, "未发送：STALE_PRICE"),
        ("grid.reset", {"reason": "escape"}, "网格已重新布置：价格已离开区间"),
    ],
)
def test_a_line_is_said_from_its_fields(event: str, fields: dict[str, object], said: str):
    """What it has no value for is left out."""
    assert HEARD.line(event, fields, "in English") == said  # type: ignore[arg-type]


def test_what_has_no_words_stays_as_it_came():
    """Also a line whose first part misses a value, and every sentence on an English screen."""
    assert HEARD.line("order.filled", {"side": "buy"}, "buy filled") == "buy filled"
    assert HEARD.line("something.new", {}, "new") == "new"
    assert HEARD.sentence("something else. Orders stay; nothing new is sent.") == (
        "something else。挂单保留；不再发送新单"
    )
    assert words("en").heard.sentence("paused by you") == "paused by you"


@pytest.mark.parametrize(
    "act", [Act.PAUSE, Act.CANCEL_ALL, Act.FLATTEN, Act.STOP_CANCEL, Act.STOP_KEEP]
)
def test_why_a_grid_stands_where_it_does_is_said_without_english(act: Act):
    """The phase, and the steps of an end, of a real grid that was asked."""
    story = GridStory(FREE)
    for price in ("109.5", "106.9"):
        story.price(price)
    story.ask(act)
    machine = story.machine
    told = [phase_words(machine)]
    if machine.closing is not None:
        steps = machine.closing.steps(machine.open_orders, "3 T", is_flat=machine.position == 0)
        told += [step.text for step in steps]

    assert [HEARD.sentence(text) for text in told if ENGLISH.search(HEARD.sentence(text))] == []


def test_a_grid_that_waits_says_so_without_english():
    """How far the price is from where it begins."""
    story = GridStory(replace(FREE, trigger_price=Decimal(100)))
    story.price("103")

    assert "100" in phase_words(story.machine)
    assert not ENGLISH.search(HEARD.sentence(phase_words(story.machine)))
