"""What the mutation run changes, and the tests that should notice."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mutants import Mutant, mutants

ROOT: Final = Path(__file__).resolve().parents[2]

AREAS: Final[dict[str, tuple[str, ...]]] = {
    "execution": (
        "core/services/execution/canceler.py",
        "core/services/execution/clock_watch.py",
        "core/services/execution/desk.py",
        "core/services/execution/dispatcher.py",
        "core/services/execution/fills.py",
        "core/services/execution/listener.py",
        "core/services/execution/order_manager.py",
        "core/services/execution/sender.py",
        "core/services/execution/service.py",
        "core/services/execution/slow_disk.py",
        "core/services/execution/switch.py",
        "core/services/execution/tracked.py",
        "core/domain/lifecycle.py",
    ),
    "recovery": (
        "core/services/execution/checks.py",
        "core/services/execution/comparison.py",
        "core/services/execution/evidence.py",
        "core/services/execution/recall.py",
        "core/services/execution/reconciler.py",
        "core/services/execution/resolver.py",
        "core/services/execution/taken_back.py",
        "core/engine/starts.py",
    ),
    "journal": (
        "core/adapters/storage/file.py",
        "core/adapters/storage/journal.py",
        "core/adapters/storage/migrations.py",
        "core/adapters/storage/reads.py",
        "core/adapters/storage/store.py",
        "core/adapters/storage/memory.py",
    ),
    "risk": (
        "core/services/risk/limits.py",
        "core/services/risk/margin.py",
        "core/services/risk/rules.py",
        "core/services/risk/service.py",
    ),
    "matching": (
        "core/domain/matching.py",
        "core/adapters/exchanges/paper/account.py",
        "core/adapters/exchanges/paper/checks.py",
        "core/adapters/exchanges/paper/engine.py",
        "core/adapters/exchanges/paper/market.py",
        "core/adapters/exchanges/paper/orders.py",
        "core/adapters/exchanges/paper/taken.py",
    ),
    "grid machine": (
        "core/services/grid/booking.py",
        "core/services/grid/building.py",
        "core/services/grid/closing.py",
        "core/services/grid/editing.py",
        "core/services/grid/follow.py",
        "core/services/grid/guarding.py",
        "core/services/grid/ledger.py",
        "core/services/grid/machine.py",
        "core/services/grid/one_exit.py",
        "core/services/grid/owning.py",
        "core/services/grid/reserving.py",
        "core/services/grid/sending.py",
        "core/services/grid/slots.py",
        "core/services/grid/state.py",
        "core/services/grid/targets.py",
        "core/services/grid/trailing.py",
        "core/services/grid/winding.py",
        "core/services/grid/window.py",
        "core/services/grid/protections/arbiter.py",
    ),
}
TESTS: Final = (
    "test/unit/domain",
    "test/unit/engine/test_starts.py",
    "test/unit/engine/test_starts_edges.py",
    "test/unit/execution",
    "test/unit/grid",
    "test/unit/paper",
    "test/unit/risk",
    "test/unit/storage",
    "test/scenario",
    "test/property/test_grid_edits.py",
    "test/property/test_grid_invariants.py",
    "test/property/test_grid_kinds.py",
    "test/property/test_grid_kinds_oracle.py",
    "test/property/test_grid_kinds_runs.py",
    "test/property/test_grid_protections.py",
    "test/property/test_ledger_books.py",
    "test/property/test_lifecycle_walks.py",
    "test/property/test_matching.py",
    "test/property/test_oracle.py",
    "test/property/test_protected_runs.py",
)


def files() -> dict[str, str]:
    """File -> area; only files that are there."""
    return {
        name: area for area, names in AREAS.items() for name in names if (ROOT / name).is_file()
    }


def population(area: str) -> list[Mutant]:
    """Every change of an area's files."""
    return [
        item
        for name, its_area in files().items()
        if its_area == area
        for item in mutants(source_of(name), name)
    ]


def source_of(name: str) -> str:
    """The text of a target."""
    return (ROOT / name).read_text(encoding="utf-8")
