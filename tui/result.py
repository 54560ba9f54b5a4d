"""How a terminal left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reason = Literal["quit", "detached", "lost", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenResult:
    """How a terminal left."""

    reason: Reason
    lines: tuple[str, ...] = ()
    """What stands in the terminal afterwards: closing lines, and what goes on."""
    exit_code: int = 0
    """The gravest of the bots that ended here."""
