"""Our client order ids as Hyperliquid's cloids: 128 bits in hexadecimal, and back.

An id of at most twenty letters and digits (ours have fewer) is written as a number in base 62
behind a mark, so that it is read back from any message without any memory. A longer one is hashed;
that cannot be read back, so the ids of this process are remembered. A cloid that is neither is
somebody else's and is shown as the venue spells it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES: Final = {digit: value for value, digit in enumerate(_DIGITS, start=1)}
_BASE: Final = len(_DIGITS)
_READABLE: Final = 0xC7
_HASHED: Final = 0xC8
_BITS: Final = 120
MOST_READABLE: Final = 20
"""Characters: 62^20 fits into 120 bits, 62^21 does not."""
_REMEMBERED: Final = 10_000


def readable_cloid(client_order_id: str) -> str | None:
    """The cloid that holds an id of ours; None for one that is too long.

    Raises:
        ValueError: If it holds anything but ASCII letters and digits.
    """
    number = 0
    for digit in client_order_id:
        if digit not in _VALUES:
            raise ValueError(f"{client_order_id!r} is no client order id")
        number = number * _BASE + _VALUES[digit]  # without a zero, so that every length is another
    if not client_order_id or len(client_order_id) > MOST_READABLE:
        return None
    return f"0x{_READABLE << _BITS | number:032x}"


def read_cloid(cloid: str) -> str | None:
    """The id of ours that a cloid holds; None for one that holds none."""
    try:
        number = int(cloid, 16)
    except ValueError:
        return None
    if number >> _BITS != _READABLE:
        return None
    number &= (1 << _BITS) - 1
    found: list[str] = []
    while number:
        number, value = divmod(number - 1, _BASE)
        found.append(_DIGITS[value])
    text = "".join(reversed(found))
    return text if 0 < len(text) <= MOST_READABLE else None


class ClientIds:
    """Both directions, with the memory of what was hashed."""

    def __init__(self) -> None:
        self._hashed: OrderedDict[str, str] = OrderedDict()
        """Cloid -> our id."""

    def cloid(self, client_order_id: str) -> str:
        """How the venue is told an id; the same every time.

        Raises:
            ValueError: If it holds anything but ASCII letters and digits.
        """
        readable = readable_cloid(client_order_id)
        if readable is not None:
            return readable
        digest = hashlib.blake2b(client_order_id.encode(), digest_size=_BITS // 8).digest()
        cloid = f"0x{_HASHED:02x}{digest.hex()}"
        self._hashed[cloid] = client_order_id
        if len(self._hashed) > _REMEMBERED:
            self._hashed.popitem(last=False)
        return cloid

    def ours(self, cloid: str | None) -> str | None:
        """Our id, or the cloid itself where it is not ours."""
        if cloid is None:
            return None
        return self._hashed.get(cloid) or read_cloid(cloid) or cloid
