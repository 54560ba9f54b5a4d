"""How many branches of the code that money depends on the tests take, area by area.

`python test/mutation/branches.py COVERAGE.json`, with what `coverage json` wrote. Branches alone
are counted: a line that runs says little about the way that was not taken. Ends with 1 where an
area is below the goal.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

from targets import files

GOAL: Final = 0.95


def main() -> int:
    """Prints the table, and every branch that is not taken."""
    report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["files"]
    taken: dict[str, int] = defaultdict(int)
    every: dict[str, int] = defaultdict(int)
    missing: list[str] = []
    for name, area in files().items():
        found = next(value for path, value in report.items() if path.endswith(name))
        taken[area] += found["summary"]["covered_branches"]
        every[area] += found["summary"]["num_branches"]
        missing += [f"{name}:{line} -> {to}" for line, to in found["missing_branches"]]
    rows = [
        f"{area:14} {taken[area]:5} of {count:5} branches, {taken[area] / count:.1%}"
        for area, count in every.items()
    ]
    sys.stdout.write("\n".join((*missing, *rows, "")))
    return int(any(taken[area] < GOAL * count for area, count in every.items()))


if __name__ == "__main__":
    raise SystemExit(main())
