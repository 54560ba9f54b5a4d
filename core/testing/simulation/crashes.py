"""Crash points: one life of a story ends at every place at which it could.

A crossing is a touch of the world: a request or a record that is about to leave, an answer or a
message that has just come. A turn is every callback of the process, so a kill before each turn is a
kill at each `await`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from core.testing.simulation.world import Setup, simulate


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A quiet run in which orders are placed, fill and are followed by others."""

    name: str
    seed: int

    @property
    def setup(self) -> Setup:
        """As it is without a crash."""
        return Setup(seed=self.seed, lasts_s=45.0, rest_s=60, only=frozenset())


STORIES: Final = (
    Story(name="long", seed=30),
    Story(name="long on spot", seed=67),
    Story(name="short", seed=35),
    Story(name="martingale long", seed=17),
    Story(name="martingale short", seed=34),
    Story(name="follow long", seed=54),
    Story(name="follow long on spot", seed=116),
    Story(name="follow short", seed=44),
    Story(name="neutral", seed=14),
    Story(name="infinity", seed=1),
    Story(name="infinity on spot", seed=42),
    Story(name="short, busy", seed=119),
)


def at_crossings(story: Story, step: int = 1) -> Iterator[Setup]:
    """The story, killed at each touch of the world of its first life."""
    whole = simulate(story.setup)
    for crossing in range(1, whole.crossings + 1, step):
        yield _with(story, crossing=crossing)


def at_turns(story: Story, step: int = 1) -> Iterator[Setup]:
    """The story, killed before each turn of its first life."""
    whole = simulate(story.setup)
    for turn in range(1, whole.first_turns + 1, step):
        yield _with(story, turn=turn)


def _with(story: Story, crossing: int | None = None, turn: int | None = None) -> Setup:
    return Setup(
        seed=story.seed,
        lasts_s=story.setup.lasts_s,
        rest_s=story.setup.rest_s,
        only=frozenset(),
        kill_at_crossing=crossing,
        kill_at_turn=turn,
    )
