"""Results of a sweep as they come in: a line each, so that a killed sweep goes on where it was.

The file belongs to one base file, one tape and one way of running; its name is a hash of them. A
line is a JSON list: the hash of the set, then one run for each span, or why it is no grid. A line
that was cut in the middle is the last one, and is dropped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from core.services.backtest.sweep_result import (
    Figures,
    Params,
    Refused,
    dump_figures,
    load_figures,
)

Outcome = tuple[Figures, ...] | Refused
"""One run for each span; or why there is none."""

_FORMAT: Final = 1


def digest_of(*parts: object) -> str:
    """A name for whatever these are."""
    text = json.dumps([_FORMAT, *parts], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def params_digest(params: Params) -> str:
    """A name for a set; the order of its keys does not count."""
    return digest_of(sorted(params))


class SweepStore:
    """One sweep's file.

    Args:
        path: Where.
        is_resumed: Whether what is there counts; else it begins empty.
    """

    def __init__(self, path: Path, *, is_resumed: bool) -> None:
        self.path = path
        self._known: dict[str, Outcome] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = b""
        if is_resumed and path.is_file():
            whole = self._read(path.read_bytes())
        self._file = path.open("wb")
        self._file.write(whole)
        self._file.flush()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, params: Params) -> Outcome | None:
        """What is known of a set."""
        return self._known.get(params_digest(params))

    def add(self, found: Iterable[tuple[Params, Outcome]]) -> None:
        """Keeps results; they are in the file when this returns."""
        for params, outcome in found:
            digest = params_digest(params)
            self._known[digest] = outcome
            self._file.write(_line(digest, params, outcome))
        self._file.flush()

    def close(self) -> None:
        """Ends writing."""
        self._file.close()

    def remove(self) -> None:
        """Ends writing and takes the file away: the sweep is complete."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _read(self, raw: bytes) -> bytes:
        """Takes whole lines in, and gives them."""
        end = raw.rfind(b"\n") + 1
        for line in raw[:end].splitlines():
            digest, _, runs = json.loads(line)
            self._known[digest] = _outcome(runs)
        return raw[:end]


def _line(digest: str, params: Params, outcome: Outcome) -> bytes:
    runs: object
    if isinstance(outcome, Refused):
        runs = outcome.message
    else:
        runs = [dump_figures(item) for item in outcome]
    return json.dumps([digest, params, runs], separators=(",", ":")).encode() + b"\n"


def _outcome(runs: str | Sequence[list[object]]) -> Outcome:
    if isinstance(runs, str):
        return Refused(message=runs)
    return tuple(load_figures(item) for item in runs)
