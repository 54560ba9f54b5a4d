"""Changes that nobody could notice, each with the proof; they are not tried and not counted.

A change belongs here only if the changed code gives the same as the code for everything it can be
given. One that merely never mattered so far does not.
"""

from __future__ import annotations

from typing import Final

from mutants import Mutant

EQUIVALENTS: Final[dict[tuple[str, str, int, str], str]] = {
    (
        "core/adapters/storage/memory.py",
        "MemoryJournal._read",
        2,
        "`self._store is None or self._reader is None`: and, or swapped",
    ): "both are set by the same two lines, and by no others: one is None when the other is",
    (
        "core/services/execution/checks.py",
        "Checks._check_quietly",
        10,
        "`return False` gives None",
    ): "of its callers one asks whether it is true, the others leave it",
    (
        "core/services/execution/reconciler.py",
        "Reconciler.check_position",
        29,
        "`break` continues",
    ): "what was compared stays the same, so the rounds that are left end at the same line",
    (
        "core/services/execution/resolver.py",
        "Resolver._may_be_held",
        7,
        "`case.order.command.side.sign > 0` compared otherwise",
    ): "a sign is 1 or -1",
    (
        "core/services/execution/resolver.py",
        "Resolver._may_be_held",
        9,
        "`case.order.command.side.sign < 0` compared otherwise",
    ): "a sign is 1 or -1",
    (
        "core/adapters/exchanges/paper/engine.py",
        "Engine.liquidation_prices",
        9,
        "`holding.position.size > 0` compared otherwise",
    ): "a flat position, the only one of size 0, has been answered above",
    (
        "core/services/grid/building.py",
        "GridBuilder._hold",
        0,
        "without `self._touched.add('meta')`",
    ): "`_say`, which the function ends with, adds the same",
}
"""File, function, number of the change in it, and change -> why it changes nothing."""


def is_equivalent(mutant: Mutant) -> bool:
    """Whether a change is known to change nothing."""
    return (mutant.path, mutant.qualname, mutant.index, mutant.change) in EQUIVALENTS
