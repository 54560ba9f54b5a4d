"""What holds in every story of a grid, whatever it is about."""

from __future__ import annotations

import pytest

from core.domain.events import Event
from core.services.grid.editing import Edited
from core.services.grid.machine import GridMachine
from core.testing.grid_story import GridStory


@pytest.fixture(autouse=True)
def a_crash_may_come_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """After every event a machine that is restored from the journal is the one that runs."""
    tell = GridStory.tell

    def told(story: GridStory, *events: Event | Edited) -> None:
        tell(story, *events)
        restored = GridMachine(story.settings, order_prefix="ctest0000")
        restored.restore(story.state)
        assert restored.dump() == story.machine.dump()

    monkeypatch.setattr(GridStory, "tell", told)
