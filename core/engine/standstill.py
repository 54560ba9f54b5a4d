"""A market that stands still, for acts on resting orders while nobody trades."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.services.ports import Chunk, FeedKind, FundingRow


class Standstill:
    """A `Feed` without rows.

    Args:
        name: Of the feed whose place it keeps, so that the venue's file still knows how far it was.
        has_book: As that feed.
    """

    kind = FeedKind.TRADES
    first_ns: int | None = None
    last_ns: int | None = None

    def __init__(self, name: str, *, has_book: bool = False) -> None:
        self.name = name
        self.has_book = has_book

    def chunks(self, from_row: int = 0) -> Iterator[Chunk]:
        """Nothing."""
        return iter(())

    def funding(self) -> Sequence[FundingRow]:
        """Nothing."""
        return ()
