"""Who may import whom, as pyproject.toml says, and proof that the contracts there can fail."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

LINT = "from importlinter.cli import lint_imports_command as lint; lint()"

# A house in which each contract is broken once: file, its text, and the contract it breaks.
VIOLATIONS = [
    ("core/errors.py", "import core.wiring", "words-stand-alone"),
    ("core/domain/book.py", "import core.services.ports", "domain-imports"),
    ("core/domain/position.py", "import time", "pure"),
    ("core/infrastructure/clock.py", "import core.domain.book", "infrastructure-imports"),
    ("core/infrastructure/tasks.py", "import core.domain.book", "core-layers"),
    ("core/adapters/exchanges/interface.py", "import core.domain.book", "doors-imports"),
    ("core/adapters/exchanges/other/rest.py", "import core.services.grid.plan", "adapters-imports"),
    (
        "core/adapters/exchanges/factory.py",
        "import core.adapters.exchanges.other.rest",
        "factory-names-no-class",
    ),
    (
        "core/services/risk/limits.py",
        "import core.adapters.exchanges.other.rest",
        "services-imports",
    ),
    ("core/services/grid/service.py", "import core.services.arbitrage.plan", "services-rooms"),
    ("core/services/grid/machine.py", "import core.services.grid.service", "pure"),
    ("core/engine/supervisor.py", "import core.wiring.engines", "engine-imports"),
    ("core/services/risk/screen.py", "import textual", "core-knows-no-screen"),
    ("core/services/risk/client.py", "import ccxt", "clients-stay-at-the-door"),
    ("tui/app.py", "import core.services.grid.machine", "tui-imports"),
    ("tui/presentation/cells.py", "import time", "presentation-is-pure"),
]

# And the imports that the house is built on, which must stay free of complaint.
ALLOWED = {
    "core/errors.py": "from decimal import Decimal",
    "core/adapters/exchanges/models.py": "from datetime import datetime",
    "core/adapters/exchanges/interface.py": "import core.adapters.exchanges.models",
    "core/adapters/exchanges/factory.py": "import core.adapters.exchanges.interface",
    "core/adapters/exchanges/other/rest.py": (
        "import asyncio, ccxt, core.domain.book, core.infrastructure.clock, core.services.ports"
    ),
    "core/domain/book.py": "import core.errors, core.adapters.exchanges.models",
    "core/infrastructure/clock.py": "import time, core.errors",
    "core/services/ports.py": "import core.adapters.exchanges.models",
    "core/services/bot_config.py": "import pydantic",
    "core/services/risk/gate.py": "import core.services.bot_config, core.domain.book",
    "core/services/arbitrage/plan.py": "import core.domain.book",
    "core/services/grid/plan.py": "import core.domain.book",
    "core/services/grid/machine.py": "import core.services.grid.plan",
    "core/services/grid/snapshot.py": "import core.services.grid.plan",
    "core/services/grid/config.py": "import pydantic, core.services.bot_config",
    "core/services/grid/service.py": (
        "import asyncio, core.services.grid.machine, core.services.risk.gate"
    ),
    "core/services/backtest/service.py": "import core.services.grid.machine",
    "core/engine/main.py": "import core.wiring.engines, core.engine.client",
    "core/engine/client.py": "import core.services.grid.snapshot",
    "core/wiring/venues.py": "import core.adapters.exchanges.other.rest",
    "core/wiring/doors.py": "import core.wiring.venues",
    "core/wiring/engines.py": "import core.wiring.doors, core.engine.client",
    "core/testing/venue.py": "import core.wiring.doors, random",
    "tui/app.py": "import textual, core.services.grid.snapshot, core.engine.client",
    "tui/presentation/cells.py": "import rich, core.services.grid.snapshot",
    "tui/cli/main.py": "import core.wiring.engines, core.services.grid.config",
}


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """The verdict of import-linter on the packages and the contracts under `root`."""
    return subprocess.run(
        [sys.executable, "-c", LINT, "--config", "pyproject.toml", "--no-cache", "--no-logo"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def contracts(pyproject: Path) -> dict[str, str]:
    """Contract ids and names."""
    section = tomllib.loads(pyproject.read_text())["tool"]["importlinter"]
    return {contract["id"]: contract["name"] for contract in section["contracts"]}


def build(root: Path, files: dict[str, str]) -> None:
    """Lay `files` out under `root`, every folder a package."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path.read_text() if path.exists() else ''}{text}\n")
    for folder in {parent for name in files for parent in Path(name).parents} - {Path()}:
        (root / folder / "__init__.py").touch()


def verdicts(output: str, names: list[str]) -> dict[str, str]:
    """KEPT or BROKEN for each contract's name."""
    return {
        name: found[1]
        for name in names
        if (found := re.search(rf"{re.escape(name)}\s+(KEPT|BROKEN)", output))
    }


def test_every_import_keeps_the_contracts(project_root: Path):
    """No module of ctos imports what its room may not."""
    result = lint(project_root)

    assert result.returncode == 0, f"\n{result.stdout}{result.stderr}"


def test_the_plan_of_the_house_is_allowed(project_root: Path, tmp_path: Path):
    """What docs/architecture.md lets each room import breaks no contract."""
    (tmp_path / "pyproject.toml").write_text((project_root / "pyproject.toml").read_text())
    build(tmp_path, ALLOWED)

    result = lint(tmp_path)

    assert result.returncode == 0, f"\n{result.stdout}{result.stderr}"


def test_each_contract_can_be_broken(project_root: Path, tmp_path: Path):
    """Every contract objects to an import that it is there to forbid."""
    (tmp_path / "pyproject.toml").write_text((project_root / "pyproject.toml").read_text())
    build(tmp_path, ALLOWED)
    for name, text, _ in VIOLATIONS:
        build(tmp_path, {name: text})
    names = contracts(project_root / "pyproject.toml")

    result = lint(tmp_path)

    assert set(names) == {contract for *_, contract in VIOLATIONS}
    found = verdicts(result.stdout, list(names.values()))
    assert found == dict.fromkeys(names.values(), "BROKEN"), f"\n{result.stdout}{result.stderr}"


@pytest.mark.parametrize("module", ["core/errors.py", "core/adapters/exchanges/models.py"])
def test_shared_words_need_only_the_standard_library(project_root: Path, module: str):
    """The modules that everything imports bring nothing with them."""
    tree = ast.parse((project_root / module).read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported <= sys.stdlib_module_names
