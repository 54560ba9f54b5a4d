"""Numbers from the wire's text that come again and again.

A market trades at few prices and in few amounts, so most of what a stream tells was told before.
Text that is known costs a look into a dictionary, instead of a conversion and its checks.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import number_of_text

_KEPT: Final = 8_192
"""Texts that are remembered; then it begins anew."""
_MOST: Final = Decimal(10) ** 18


class Numbers(dict[str, Decimal]):
    """Text -> its Decimal, a number above 0 and below 10^18.

    Raises:
        ValueError: From `numbers[text]`, if it is not.
    """

    __slots__ = ()

    def __missing__(self, text: str) -> Decimal:
        """Reads and checks a text that is new."""
        value = number_of_text(text)
        if not 0 < value < _MOST:
            raise ValueError(f"{text[:40]!r} is no price and no amount")
        if len(self) >= _KEPT:
            self.clear()
        self[text] = value
        return value
