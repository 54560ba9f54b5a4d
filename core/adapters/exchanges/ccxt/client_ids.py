"""Our client order ids where a venue wants another form: 128 bits in hexadecimal, or a number.

A venue that takes letters and digits is told ours as it is; the other forms are those of the native
adapters, so that an order that one of them placed is known to the other.
"""

from __future__ import annotations

from typing import Protocol

from core.adapters.exchanges.hyperliquid.client_ids import ClientIds
from core.adapters.exchanges.native.client_numbers import ClientNumbers


class IdBook(Protocol):
    """Both directions between our ids and the venue's form of them."""

    def sent(self, ours: str) -> str:
        """What the venue is told of a new order.

        Raises:
            OrderRejected: If the id cannot be told without confusion; nothing was sent.
        """

    def asked(self, ours: str) -> str:
        """What the venue is asked for."""

    def ours(self, told: str | None) -> str | None:
        """Our id of what the venue tells."""


class PlainIds:
    """Ours as they are."""

    def sent(self, ours: str) -> str:
        """The same."""
        return ours

    def asked(self, ours: str) -> str:
        """The same."""
        return ours

    def ours(self, told: str | None) -> str | None:
        """The same; None for an empty one."""
        return told or None


class HexIds:
    """128 bits in hexadecimal."""

    def __init__(self) -> None:
        self._ids = ClientIds()

    def sent(self, ours: str) -> str:
        """A cloid."""
        return self._ids.cloid(ours)

    def asked(self, ours: str) -> str:
        """The same cloid."""
        return self._ids.cloid(ours)

    def ours(self, told: str | None) -> str | None:
        """What a cloid stands for."""
        return self._ids.ours(told)


class NumberIds:
    """A number.

    Args:
        venue: Named in errors.
        bits: How many the venue takes.
    """

    def __init__(self, venue: str, bits: int) -> None:
        self._numbers = ClientNumbers(venue, bits)

    def sent(self, ours: str) -> str:
        """The number, in decimal."""
        return str(self._numbers.to_send(ours))

    def asked(self, ours: str) -> str:
        """The same number."""
        return str(self._numbers.number(ours))

    def ours(self, told: str | None) -> str | None:
        """What a number stands for; None for one that nobody has met."""
        return self._numbers.ours(told)


def id_book(venue: str, form: str) -> IdBook:
    """A book for `plain`, `hex`, or a number of bits such as `32`."""
    if form == "plain":
        return PlainIds()
    return HexIds() if form == "hex" else NumberIds(venue, int(form))
