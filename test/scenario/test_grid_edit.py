"""A running grid is edited, and killed at any turn of it: it is the old grid or the new one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import OrderSide
from core.domain.commands import CancelOrder
from core.errors import JournalFull
from core.services.gateway import Renewal, Step
from core.services.grid.editing import Edited
from core.services.grid.settings import InitialFill
from core.testing.execution import BOT, Bench, cancel, order
from core.testing.grid_story import GridStory
from core.testing.grids import SEVEN

OLD = replace(SEVEN, initial_fill=InitialFill.PASSIVE_ONLY)
NEW = replace(OLD, order_amount=Decimal(2), lower_price=Decimal(97), upper_price=Decimal(104))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An attached bot with one order."""
    made = Bench(tmp_path)
    made.attach()
    made.place("a1")
    yield made
    made.close()


def edit_step() -> Step:
    """A turn that edits: another configuration, another state, a cancel and an order."""
    return Step(
        bot_id=BOT,
        at_ns=1,
        commands=(order("a2", OrderSide.BUY, 990), cancel("a1")),
        state={"ladder": "new"},
        renewal=Renewal(fingerprint={"grid_type": "long", "levels": "9"}, config='{"new": 1}'),
    )


def record(bench: Bench) -> tuple[dict[str, str], str, str | None]:
    """What a start would find: fingerprint, configuration, ladder."""
    row = bench.journal.bot(BOT)
    assert row is not None
    return json.loads(row.fingerprint), row.config, bench.journal.state(BOT).get("ladder")


def test_configuration_and_state_are_one_transaction(bench: Bench):
    """Killed right after the edit, both are new, and its cancel is finished by the next start."""
    bench.run(bench.service.step(edit_step()))
    bench.crash()

    assert record(bench) == ({"grid_type": "long", "levels": "9"}, '{"new": 1}', "new")
    bench.fingerprint = {"grid_type": "long", "levels": "9"}
    bench.attach()
    bench.wait(30)
    assert {item.client_order_id for item in bench.venue.open_orders()} <= {"a2"}


def test_an_edit_that_cannot_be_written_changes_nothing(bench: Bench):
    """A full disk: the old grid stands whole, and no order of the new one was sent."""
    bench.run(bench.journal.flush())
    bench.journal.limit(bench.journal.page_count)
    step = replace(edit_step(), state={"ladder": "x" * 200_000})
    with pytest.raises(JournalFull):
        bench.run(bench.service.step(step))
    bench.crash()

    assert record(bench) == ({"grid_type": "long"}, "{}", None)
    assert bench.venue.creates == ["a1"]


def trading() -> GridStory:
    """A grid in the middle of its life: entries rest, two lines hold something."""
    story = GridStory(OLD)
    for price in ("102.5", "100.9", "99.9", "98.9", "100.2"):
        story.price(price)
    return story


def final(story: GridStory) -> tuple[list[str], list[int], Decimal]:
    """What rests, how much of it, and what is held, once the market has moved on and back."""
    for price in ("101.4", "97.5", "103.6", "99.2"):
        story.price(price)
    assert story.residual() == 0
    lots = sorted(order.command.amount for order in story.orders.values())
    return story.resting(), lots, story.machine.position


def test_killed_after_any_turn_of_an_edit_the_grid_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
):
    """However many of the edit's answers came before the crash, every start ends in one grid."""
    whole = trading()
    whole.edit(NEW)
    expected = final(whole)
    cancels = sum(isinstance(item, CancelOrder) for item in whole.commands)
    assert cancels >= 4
    for answered in range(cancels + 1):
        story = trading()
        story.is_silent = True
        story.commands.clear()
        story.edit(NEW)
        asked = [item.client_order_id for item in story.commands if isinstance(item, CancelOrder)]
        assert len(asked) == cancels
        for identity in asked[:answered]:
            # The venue has taken it down and the machine has heard; the orders that this led to
            # are in the journal as intents, and never left.
            story.end(identity, is_ours=True)
        after = story.restart()

        assert after.machine.settings is NEW
        assert final(after) == expected


def test_killed_before_the_turn_of_an_edit_the_old_grid_goes_on():
    """What was not journaled never was."""
    story = trading()
    expected = final(trading())
    before = dict(story.state)
    story.machine.on(Edited(at_ns=story.now_ns, settings=NEW))

    assert story.state == before
    assert final(story.restart()) == expected
