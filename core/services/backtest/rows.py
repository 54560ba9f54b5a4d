"""Rows of prices as the compiled loops take them.

Rows are summed up in blocks: a block whose lowest and highest price lie inside what is looked for
is passed over with two comparisons.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

SHIFT: Final = 6
BLOCK: Final = 1 << SHIFT
"""Rows of a block."""
NEVER: Final = 1 << 62


class Tape(NamedTuple):
    """Trades in order of time, and the lowest and highest price of every whole block of them."""

    ts_ns: Ints
    last: Ints
    amount: Ints
    side: Ints
    """Taker: +1 buy, -1 sell, 0 not known."""
    low: Ints
    high: Ints
