"""Our client order ids where a venue takes a number instead of a text.

    1 … R            an id short enough is written as a number: it is read back without any memory
    R + 1 … 2^bits   a longer id is hashed: it is known again once it was asked for or sent

A number above R that was not met in this process is shown as no id at all, not as somebody else's:
execution then finds the order by the venue's id, or asks for it by ours, and that names it.

Two ids with one number never make two orders out of one intent: the second of a process is refused
before anything is sent; after a restart, when the first is forgotten, the venue refuses the number
as a duplicate while the first is open. What is found under the number then has other terms, and the
second counts as UNKNOWN until somebody has looked.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from itertools import accumulate
from typing import Final

from core.errors import OrderRejected

_SMALL: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_ALL: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_REMEMBERED: Final = 50_000


class ClientNumbers:
    """Both directions, with the memory of what was hashed.

    Args:
        venue: Named in errors.
        bits: Width of the venue's numbers; 32 reads back six small letters and digits, 48 reads
            back eight of any case.
    """

    def __init__(self, venue: str, bits: int) -> None:
        self._venue = venue
        self._bits = bits
        self._alphabet = _SMALL if bits < 48 else _ALL
        self._values = {digit: value for value, digit in enumerate(self._alphabet, start=1)}
        base = len(self._alphabet)
        sums = accumulate(int(base**length) for length in range(1, bits))
        self._readable = max(top for top in sums if top < (1 << bits) - (1 << bits - 3))
        """The largest number that is read back; at least an eighth is left for hashes."""
        self._hashed: OrderedDict[int, str] = OrderedDict()
        """Number -> our id."""

    def number(self, client_order_id: str) -> int:
        """How the venue is told an id; the same every time.

        Raises:
            ValueError: If it holds anything but ASCII letters and digits.
        """
        if not (client_order_id.isascii() and client_order_id.isalnum()):
            raise ValueError(f"{client_order_id!r} is no client order id")
        readable = self._read_as_number(client_order_id)
        if readable is not None:
            return readable
        digest = hashlib.blake2b(client_order_id.encode(), digest_size=16).digest()
        span = (1 << self._bits) - 1 - self._readable
        number = self._readable + 1 + int.from_bytes(digest) % span
        if number not in self._hashed:
            self._hashed[number] = client_order_id
            if len(self._hashed) > _REMEMBERED:
                self._hashed.popitem(last=False)
        return number

    def to_send(self, client_order_id: str) -> int:
        """The same for a new order.

        Raises:
            OrderRejected: If another id of this process has that number; nothing was sent.
        """
        number = self.number(client_order_id)
        if self._hashed.get(number, client_order_id) != client_order_id:
            raise OrderRejected(
                f"{self._venue}: two client order ids have one number; nothing was sent.",
                venue=self._venue,
                code="CLIENT_ID",
            )
        return number

    def ours(self, told: str | None) -> str | None:
        """Our id for what a message says; None for a number that nobody has met."""
        if told is None or not told.isascii() or not told.isdigit():
            return told
        number = int(told)
        if number > self._readable:
            return self._hashed.get(number)
        found: list[str] = []
        while number:
            number, value = divmod(number - 1, len(self._alphabet))
            found.append(self._alphabet[value])
        return "".join(reversed(found)) or None

    def _read_as_number(self, text: str) -> int | None:
        number = 0
        for digit in text:
            value = self._values.get(digit)
            if value is None:
                return None
            number = number * len(self._alphabet) + value  # no zero: every length is another
            if number > self._readable:
                return None
        return number
