"""How Polymarket hands out its rows: alone, in an array, or in a page of an answer."""

from __future__ import annotations


def rows(raw: object) -> list[object]:
    """The rows of an array or of a page (`{data, next_cursor}`), or the one that a message is."""
    page = raw.get("data") if isinstance(raw, dict) else None
    found = page if isinstance(page, list) else raw
    return found if isinstance(found, list) else [found]
