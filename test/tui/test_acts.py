"""When an act that was asked for counts as done."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.engine.protocol import StopBot
from core.services.grid.snapshot import GridPhase
from tui.acts import Asked, is_done


def asked(act, bot):
    """An act on its way."""
    return Asked(act, bot, StopBot(bot=bot), 0.0, None)


@pytest.mark.parametrize(
    "act, state, is_running",
    [
        ("stop", "stopped", False),
        ("pause", "paused", True),
        ("cancel_all", "holding", True),
    ],
)
def test_the_newer_picture_says_what_is_done(samples, act, state, is_running):
    """A grid seen long ago does not hide what home shows now, and the other way round."""
    grid = samples.grid(phase=GridPhase.RUNNING)
    row = replace(samples.BOTS[0], name=grid.bot, state=state, is_running=is_running)
    home = samples.home(bots=(row,), at=grid.at + timedelta(seconds=1))

    assert is_done(asked(act, grid.bot), grid, home)
    assert not is_done(asked(act, grid.bot), grid, replace(home, at=grid.at))
