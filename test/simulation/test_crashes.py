"""Every place at which a process can die in the middle of a story."""

from __future__ import annotations

import pytest

from core.testing.simulation.crashes import STORIES, Story, at_crossings, at_turns
from core.testing.simulation.world import simulate

# Who is killed between making a coroutine and starting it leaves it behind, as a process would.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SHORTEST = next(story for story in STORIES if story.name == "long on spot")


def check(setups) -> list[str]:
    """What was violated, and where the process had died."""
    found = []
    for setup in setups:
        outcome = simulate(setup)
        found += [
            f"crossing {setup.kill_at_crossing}, turn {setup.kill_at_turn}: {violation}"
            for violation in outcome.violations
        ]
    return found


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_without_a_crash_places_fills_and_goes_on(story: Story):
    """Quiet, green, with fills: what the crash points are points of."""
    outcome = simulate(story.setup)

    assert outcome.is_green
    assert outcome.counts["fills"] >= 3


def test_a_death_at_any_ninth_touch_of_the_world_loses_nothing():
    """Requests, answers, messages and commits of one story, each ninth of them its last."""
    assert check(at_crossings(SHORTEST, 9)) == []


@pytest.mark.campaign
@pytest.mark.timeout(0)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_death_at_any_touch_of_the_world_loses_nothing(story: Story):
    """Every request, answer, message and commit of each story is its last once."""
    assert check(at_crossings(story)) == []


@pytest.mark.campaign
@pytest.mark.timeout(0)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_death_at_any_await_loses_nothing(story: Story):
    """Every turn of the process is its last once."""
    assert check(at_turns(story)) == []
