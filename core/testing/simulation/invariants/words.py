"""Words: no secret in any of them, and one alarm for each thing that wants a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.testing.simulation.history import Alarmed, EvidenceDurable, Record, Told
from core.testing.simulation.invariants.base import Invariant, Terms

CANARY: Final = "C4naryK3yThatNobodyMaySee0123456789abcdef"
ONCE: Final = frozenset({"FOREIGN_ORDER", "FOREIGN_FILL", "LATE_FILL"})


class NoSecrets(Invariant):
    """Z1."""

    name = "Z1"
    sentence = "The key of the account appears in no line, alarm or record."

    def on(self, record: Record) -> Iterable[str]:
        """Searches every text."""
        text = ""
        if isinstance(record, Told):
            text = str(record.fields)
        elif isinstance(record, Alarmed):
            text = record.text
        elif isinstance(record, EvidenceDurable):
            text = record.detail
        if CANARY in text:
            yield f"{type(record).__name__} holds the account's key"


class OneAlarmEach(Invariant):
    """Z3."""

    name = "Z3"
    sentence = "One thing that wants a person calls one once."

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._called: set[tuple[int, str, str]] = set()

    def on(self, record: Record) -> Iterable[str]:
        """Knows what was called about."""
        if not isinstance(record, Alarmed) or record.code not in ONCE:
            return
        key = (record.life, record.code, record.text)
        if key in self._called:
            yield f"{record.code} twice: {record.text}"
        self._called.add(key)
