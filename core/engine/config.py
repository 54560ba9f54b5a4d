"""The `engine:` block of `config/ctos.yaml`."""

from __future__ import annotations

from core.engine.starts import CRASH_LIMIT
from core.infrastructure.config_types import ConfigModel, NonNegativeInt


class EngineConfig(ConfigModel):
    """How engines behave."""

    crash_limit: NonNegativeInt = CRASH_LIMIT
    """Crashes within ten minutes, without an order event since the start, after which an engine
    starts in safe mode; 0 for never."""
