"""Which ctos this is, as its package says."""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """Such as `0.1.0`; `0` where ctos runs without being installed."""
    try:
        return metadata.version("ctos")
    except metadata.PackageNotFoundError:
        return "0"
