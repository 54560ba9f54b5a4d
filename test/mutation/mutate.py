"""Changes the code that money depends on in small ways, and counts what the tests notice.

`python test/mutation/mutate.py [--sample N] [--seed N] [--report FILE]`. Every change is tried on
the tests that run its line, in a process of its own, in memory: no file is touched.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from recorder import MAP
from targets import AREAS, ROOT, TESTS, files
from trials import PLAN

HERE: Final = Path(__file__).resolve().parent
NOTICED: Final = ("killed", "hung")
PREFACE: Final = """# What the tests notice

Small changes were made to the code that money depends on, one at a time: a comparison or a sum
turned, a condition denied, a statement or a result left out, a number off by one. Each was tried on
the tests that run its line. *Noticed* are those that failed a test or never ended; the others are
listed below. Some of them change nothing that anybody could see (a shortcut, the order of equals, a
bound that is never met).
"""


def main() -> int:
    """Records, tries, reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, help="so many changes, drawn by the seed; else all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--area", choices=sorted(AREAS), help="only this one; else all")
    parser.add_argument("--tests", nargs="*", default=TESTS, help="files or folders of tests")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--map", type=Path, help="a map of an earlier run of the same code")
    parser.add_argument("--out", type=Path, help="every verdict as JSON")
    parser.add_argument("--report", type=Path, help="a page for docs/")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ctos-mutation-") as folder:
        lines = chosen.map or Path(folder) / "map.json"
        out = chosen.out or Path(folder) / "verdicts.json"
        began = time.monotonic()
        if not lines.is_file():
            _pytest("recorder", chosen.tests, {MAP: str(lines)})
        plan = {
            "area": chosen.area,
            "sample": chosen.sample,
            "seed": chosen.seed,
            "workers": chosen.workers,
            "out": str(out.absolute()),
        }
        told = {MAP: str(lines.absolute()), PLAN: json.dumps(plan)}
        _pytest("trials", chosen.tests, told)
        if not out.is_file():
            sys.stderr.write("the tests could not be collected, or fail as they are.\n")
            return 1
        verdicts = json.loads(out.read_text(encoding="utf-8"))
    page = report(verdicts, chosen.seed, time.monotonic() - began)
    sys.stdout.write(page)
    if chosen.report is not None:
        chosen.report.write_text(page, encoding="utf-8")
    return 0


def _pytest(plugin: str, tests: Sequence[str], environment: dict[str, str]) -> None:
    """Runs the suite of the targets with a plugin."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", plugin),
            *("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:timeout"),
            *("-o", "addopts=--import-mode=importlib", "-o", "filterwarnings=default"),
            *("-o", "timeout=", "-m", "not nightly and not campaign and not kill", *tests),
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE), str(ROOT)))} | environment,
        stdout=subprocess.DEVNULL,
        check=False,
    )


def report(verdicts: list[dict[str, Any]], seed: int, seconds: float) -> str:
    """The page: the score of each area, and every change that nobody noticed."""
    areas = files()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for item in verdicts:
        counts[areas[item["path"]]][item["outcome"]] += 1
    rows = [_row(area, counts[area]) for area in dict.fromkeys(areas.values()) if counts[area]]
    total: Counter[str] = sum(counts.values(), Counter())
    missed = [item for item in verdicts if item["outcome"] in {"survived", "unreached"}]
    lines = [
        f"| `{item['path'].removeprefix('core/')}:{item['line']}` | {_cell(item['change'])} "
        f"| {item['outcome']} |"
        for item in missed
    ]
    about = f"{len(verdicts)} changes, drawn with seed {seed}, in {seconds / 60:.0f} minutes."
    return "\n".join(
        (
            PREFACE,
            f"Written by `make mutate`; lines are those of the code of that day. {about}",
            "",
            "| area | changes | noticed | missed | no test runs the line | score |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
            _row("**all**", total),
            "",
            "## Not noticed",
            "",
            "| where | change | |",
            "| --- | --- | --- |",
            *lines,
            "",
        )
    )


def _row(name: str, counts: Counter[str]) -> str:
    noticed = sum(counts[word] for word in NOTICED)
    tried = noticed + counts["survived"] + counts["unreached"]
    score = f"{noticed / tried:.1%}" if tried else "-"
    return (
        f"| {name} | {tried} | {noticed} | {counts['survived']} | {counts['unreached']} | {score} |"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    raise SystemExit(main())
