"""The tool that changes code to see whether tests notice."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
SOURCE = '''
def clip(value, low, high, log=None):
    """Keeps a value within bounds."""
    if value < low and high > low:
        log.info("low")
        return low
    total = 0
    for step in range(3):
        if step == 1:
            continue
        total += step
    return value - total + 2
'''


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that makes mutants."""
    monkeypatch.syspath_prepend(str(HERE))
    return importlib.import_module("mutants")


def result(tool: ModuleType, mutant: Any, *values: int) -> int | None:
    """What the changed function gives."""
    code = tool.compiled(SOURCE, mutant)
    found: int | None = FunctionType(code, {"range": range}, argdefs=(None,))(*values)
    return found


def test_every_kind_of_change_is_found(tool: ModuleType):
    """Conditions, comparisons, sums, statements, results and numbers are changed, words are not."""
    said = {item.change for item in tool.mutants(SOURCE, "clip.py")}

    assert said == {
        "`value < low and high > low` denied",
        "`value < low and high > low`: and, or swapped",
        "`value < low` compared otherwise",
        "`high > low` compared otherwise",
        "`return low` gives None",
        "0 is 1",
        "`step == 1` denied",
        "`step == 1` compared otherwise",
        "1 is 2",
        "3 is 4",
        "`continue` breaks",
        "without `total += step`",
        "`return value - total + 2` gives None",
        "`value - total + 2` reckoned otherwise",
        "`value - total` reckoned otherwise",
        "2 is 3",
    }


def test_a_mutant_does_what_its_change_says(tool: ModuleType):
    """Changed code runs, and gives something else."""
    found = {item.change: item for item in tool.mutants(SOURCE, "clip.py")}

    assert result(tool, found["2 is 3"], 10, 0, 20) == 11
    assert result(tool, found["without `total += step`"], 10, 0, 20) == 12
    assert result(tool, found["`return value - total + 2` gives None"], 10, 0, 20) is None
    assert result(tool, found["`value - total` reckoned otherwise"], 10, 0, 20) == 14


def test_unchanged_code_is_the_same(tool: ModuleType):
    """The control gives what the function gives."""
    first = tool.mutants(SOURCE, "clip.py")[0]
    control = tool.Mutant(
        path=first.path, qualname=first.qualname, index=tool.UNCHANGED, line=1, change="none"
    )

    assert result(tool, control, 10, 0, 20) == 10


def test_the_interval_of_a_share_is_wilsons(monkeypatch: pytest.MonkeyPatch):
    """Half of a hundred is known to ten of a hundred either way; all of ten says little."""
    monkeypatch.syspath_prepend(str(HERE))
    wilson = importlib.import_module("page").wilson

    assert wilson(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_what_is_left_out_is_there(monkeypatch: pytest.MonkeyPatch):
    """A change that is called equivalent is one of those that would be tried."""
    monkeypatch.syspath_prepend(str(HERE))
    targets = importlib.import_module("targets")
    excluded = importlib.import_module("equivalents").EQUIVALENTS
    there = {
        (item.path, item.qualname, item.index, item.change)
        for area in targets.AREAS
        for item in targets.population(area)
    }

    assert set(excluded) <= there


@pytest.mark.process
def test_a_short_run_finds_risk_well_tested(tmp_path: Path):
    """Sixteen changes of the risk rules, each on the tests that run it: most are noticed."""
    out = tmp_path / "verdicts.json"
    subprocess.run(
        [
            *(sys.executable, str(HERE / "mutate.py"), "--area", "risk", "--sample", "16"),
            *("--out", str(out), "--tests", "test/unit/risk"),
        ],
        check=True,
        capture_output=True,
        timeout=100,
    )
    outcomes = [item["outcome"] for item in json.loads(out.read_text())]

    assert len(outcomes) == 16
    assert outcomes.count("killed") + outcomes.count("hung") > 8
