"""Nanoseconds as datetimes, remembered: all that one row or request causes is at one moment."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from core.adapters.exchanges.models import from_ns

moment: Final = lru_cache(maxsize=256)(from_ns)
"""`from_ns` with a memory."""
