"""Lengths of time as people write them: `30s`, `5m`, `2h`, `1d`, `1h30m`."""

from __future__ import annotations

import re
from typing import Final

from core.errors import ConfigError

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])")
_WHOLE: Final = re.compile(rf"(?:{_PART.pattern})+")


def seconds_of(text: str) -> float:
    """Seconds of a duration; a bare number is seconds.

    Raises:
        ConfigError: If it is none, or zero.
    """
    found = text.strip().lower()
    if re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", found):
        total = float(found)
    elif _WHOLE.fullmatch(found):
        total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(found))
    else:
        total = 0.0
    if total <= 0:
        raise ConfigError(
            f"{text[:40]!r} is no length of time.",
            source="arguments",
            remedy="Write 30s, 5m, 2h or 1h30m.",
        )
    return total
