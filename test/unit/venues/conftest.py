"""What the tests of all venues share: a reading, and recordings where they are at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.adapters.exchanges.decoding import Listing, Reading
from core.adapters.exchanges.transcript import Entry, Transcript
from tui.cli.parse import _lines, record

WIRE = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "wire"


@pytest.fixture
def reading() -> Callable[..., Reading]:
    """Makes a reading of a venue that knows the given listings."""

    def make(venue: str, *listings: Listing, **known: object) -> Reading:
        return Reading(venue=venue, listings={item.key: item for item in listings}, **known)

    return make


class Recordings:
    """Recordings of venues; a test that wants one which is not at hand is skipped."""

    def __call__(
        self, venue: str, file: str, channel: str = "all"
    ) -> tuple[list[Entry], Transcript]:
        """Everything a recording says on a channel, and who read it."""
        script = Transcript(venue, channel)
        return list(script.read(self.lines(venue, file))), script

    def lines(self, venue: str, file: str) -> list[bytes]:
        """The lines of a recording."""
        return list(_lines(self.path(venue, file)))

    def path(self, venue: str, file: str) -> Path:
        """Where a recording lies."""
        path = WIRE / venue / file
        if not path.exists():
            pytest.skip(f"no recording {path}")
        return path


@pytest.fixture
def recorded() -> Recordings:
    """Reads recordings."""
    return Recordings()


@pytest.fixture
def said() -> Callable[..., list[dict[str, object]]]:
    """What the parsers make of messages, as `ctos parse` prints it; errors stand among it."""

    def read(venue: str, *messages: object, channel: str = "all") -> list[dict[str, object]]:
        script = Transcript(venue, channel)
        lines = [json.dumps(message).encode() for message in messages]
        found: list[dict[str, object]] = []
        for entry in script.read(lines):
            if entry.error is not None:
                found.append({"type": "error", "error": entry.error})
            found.extend(record(item, entry.line, entry.message) for item in entry.items)
        return found

    return read
