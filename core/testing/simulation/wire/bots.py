"""The bot of a run over the wire: one that the seed draws, on a perpetual of the venue."""

from __future__ import annotations

import json
from dataclasses import replace

from core.engine.doors import BotPlan
from core.infrastructure.rng import Rng
from core.testing.simulation.bots import DrawnBot, draw_bot
from core.testing.simulation.wire.tongue import Tongue


def draw_wire_bot(rng: Rng, speaks: type[Tongue]) -> DrawnBot:
    """Draws a bot until it is one for a perpetual, and gives it the venue's rules."""
    for number in range(64):
        bot = draw_bot(rng.child(f"try {number}"))
        if not bot.is_spot:
            return _at(bot, speaks)
    raise AssertionError("no perpetual in sixty-four draws")


def at_venue(plan: BotPlan, venue: str) -> BotPlan:
    """The same plan at another venue."""
    instrument = replace(plan.settings.instrument, venue=venue)
    return replace(plan, venue=venue, settings=replace(plan.settings, instrument=instrument))


def _at(bot: DrawnBot, speaks: type[Tongue]) -> DrawnBot:
    file = json.loads(bot.text)
    grid = file["grid_system"]
    grid["paper"]["profile"] = speaks.profile
    grid["instrument"] |= speaks.rules
    text = json.dumps(file, sort_keys=True)
    return replace(bot, text=text, profile=speaks.profile, orders_per_minute=None)
