"""The coarsest unit in which the instrument's step and everything recorded are whole numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import gcd

import numpy as np

from core.adapters.exchanges.models import plain
from core.adapters.feeds.columns import Ints
from core.adapters.feeds.row_readers import NO_VALUE
from core.adapters.feeds.tape import Scale
from core.errors import FeedError

_LIMIT = 1 << 62


def decimals_of(step: Decimal) -> int:
    """Decimals that a step needs, 0 for whole numbers."""
    return max(0, -int(step.normalize().as_tuple().exponent))


def common_unit(step: Decimal, scales: Iterable[Scale]) -> Decimal:
    """The largest unit of which `step` and all values of all scales are multiples."""
    held = [scale for scale in scales if scale.step]
    decimals = max([decimals_of(step), *(scale.decimals for scale in held)])
    found = int(step.scaleb(decimals))
    for scale in held:
        found = gcd(found, scale.step * 10 ** (decimals - scale.decimals))
    return Decimal(plain(Decimal(found).scaleb(-decimals)))


@dataclass(frozen=True)
class Conversion:
    """From a tape's numbers to units: whole, exact, order kept."""

    divisor: int
    factor: int

    @classmethod
    def between(cls, scale: Scale, unit: Decimal, source: str) -> Conversion:
        """From `scale` to `unit`, which must divide it.

        Raises:
            FeedError: If the largest value does not fit into 63 bits of units.
        """
        if not scale.step:
            return cls(1, 1)
        factor = int(Decimal(scale.step).scaleb(-scale.decimals) / unit)
        if scale.largest // scale.step * factor >= _LIMIT:
            raise FeedError(f"{source}: the numbers have more digits than 63 bits can hold")
        return cls(scale.step, factor)

    def apply(self, values: Ints) -> Ints:
        """The values in units; unknown ones stay `NO_VALUE`."""
        if self.divisor == self.factor:
            found = values
        else:
            found = values // self.divisor if self.divisor > 1 else values
            found = found * self.factor if self.factor > 1 else found
        if len(values) and int(values.min()) < 0:
            found = np.where(values < 0, NO_VALUE, found)
        return found
