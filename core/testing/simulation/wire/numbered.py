"""Venues that take a number where we have a text: the truth is told with our text again.

The program decides on its ids before it sends them, and its journal says so; from there each number
can be named, also when the program itself has forgotten what it stood for.
"""

from __future__ import annotations

from typing import ClassVar

from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.testing.simulation.wire.tongue import Ground, Tongue


class Numbered(Tongue):
    """A tongue with numbers for client order ids."""

    bits: ClassVar[int]
    """Their width."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._numbers = ClientNumbers(self.name, self.bits)
        self._named: dict[str, str] = {}
        """Number -> our id."""
        self._strangers = 0

    def learn(self, identity: str) -> None:
        """Its number stands for it from now on."""
        self._named[str(self._numbers.number(identity))] = identity

    def identity(self, client_order_id: str | None) -> str | None:
        """Our id; a number that is not ours stays one."""
        if client_order_id is None:
            return None
        return self._named.get(client_order_id, client_order_id)

    def foreign(self, name: str) -> str:
        """A small number."""
        del name
        self._strangers += 1
        return str(self._strangers)
