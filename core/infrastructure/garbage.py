"""Python's collector of garbage, kept away from the moments in which an order waits.

Nearly everything here is freed by counting references; only what refers to itself in a circle needs
the collector, which stops the process while it looks. Looking at everything that a running engine
holds takes tens of milliseconds, so what was there when its bots began is left out, and new things
are looked at less often.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SELDOM: Final = (10_000, 20, 50)
"""Thresholds: ten thousand new things take about a millisecond to look at."""


@contextmanager
def seldom() -> Iterator[None]:
    """The collector looks less often inside, and as before afterwards."""
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def leave_alone() -> None:
    """What is there now is not looked at again until `look_again`."""
    gc.freeze()


def look_again() -> None:
    """Something large has ended: what was left alone may be garbage by now."""
    gc.unfreeze()
