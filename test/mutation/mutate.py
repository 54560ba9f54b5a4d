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
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from page import page
from recorder import MAP
from targets import AREAS, ROOT, TESTS
from trials import PLAN

HERE: Final = Path(__file__).resolve().parent


def main() -> int:
    """Records, tries, reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sample", type=int, help="so many of each area, drawn by the seed; else all"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--area", choices=sorted(AREAS), help="only this one; else all")
    parser.add_argument("--tests", nargs="*", default=TESTS, help="files or folders of tests")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--map", type=Path, help="a map of an earlier run of the same code")
    parser.add_argument("--again", type=Path, help="only what these verdicts call missed")
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
            "again": chosen.again and str(chosen.again.absolute()),
            "workers": chosen.workers,
            "out": str(out.absolute()),
        }
        told = {MAP: str(lines.absolute()), PLAN: json.dumps(plan)}
        _pytest("trials", chosen.tests, told)
        if not out.is_file():
            sys.stderr.write("the tests could not be collected, or fail as they are.\n")
            return 1
        verdicts = json.loads(out.read_text(encoding="utf-8"))
    minutes = (time.monotonic() - began) / 60
    before = chosen.again and json.loads(chosen.again.read_text(encoding="utf-8"))
    written = page(verdicts, before=before, command=_command(chosen), minutes=minutes)
    sys.stdout.write(written)
    if chosen.report is not None:
        chosen.report.write_text(written, encoding="utf-8")
    return 0


def _command(chosen: argparse.Namespace) -> str:
    """What gives the same page again."""
    size = f" SAMPLE={chosen.sample}" if chosen.sample else ""
    options = [f"--seed {chosen.seed}"] + ([f"--area {chosen.area!r}"] if chosen.area else [])
    return f'make mutate{size} ARGS="{" ".join(options)}"'


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


if __name__ == "__main__":
    raise SystemExit(main())
