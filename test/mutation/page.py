"""The page that says what the tests notice, written from the verdicts."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Final

from equivalents import EQUIVALENTS
from targets import files, population

NOTICED: Final = ("killed", "hung")
MISSED: Final = ("survived", "unreached")
Z: Final = 1.96
"""Standard deviations to either side that hold 95 % of a normal distribution."""
PREFACE: Final = """# What the tests notice

Small changes were made to the code that money depends on, one at a time: a comparison or a sum
turned, a condition denied, a statement or a result left out, a number off by one. Each was tried on
the tests that run its line. *Noticed* are those that failed a test or never ended; the others are
listed below. Some of them change nothing that anybody could see (a shortcut, the order of equals, a
bound that is never met)."""
COLUMNS: Final = """\
| area | changes | tried | noticed | missed | not run | score | 95 % | at first |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""
BELOW_TABLE: Final = """\
*Changes* are all that there are, *tried* those that were drawn, *not run* those whose line no test
runs. *95 %* is Wilson's interval: where the share of all changes of the area lies that would be
noticed, as far as a sample can tell. The last row weighs each area by its size. *At first* is the
score of an earlier run of the same sample, for what it missed tests were written (`--again`): it
says more about the changes that were never drawn."""


def page(
    verdicts: list[dict[str, Any]],
    *,
    before: list[dict[str, Any]] | None,
    command: str,
    minutes: float,
) -> str:
    """The score of each area, and every change that nobody noticed.

    Args:
        verdicts: What was tried, as the trials wrote it.
        before: The same of the run that this one went on from, if any.
        command: That gives the same page again.
        minutes: That it took.
    """
    counts, first = _counts(verdicts), _counts(before or [])
    sizes = {area: len(population(area)) for area in counts}
    missed = [item for item in verdicts if item["outcome"] in MISSED]
    proven = [
        f"| `{_place(path)}` | `{name}` | {_cell(change)} | {_cell(why)} |"
        for (path, name, _, change), why in sorted(EQUIVALENTS.items())
    ]
    about = (
        f"Written by `{command}` in {minutes:.0f} minutes; lines are those of the code of that "
        f"day. {len(verdicts)} of {sum(sizes.values())} changes were tried, drawn by the seed."
    )
    return "\n".join(
        (
            PREFACE,
            "",
            about,
            "",
            COLUMNS,
            *(_row(area, size, counts[area], first[area]) for area, size in sizes.items()),
            _total(sizes, counts, first),
            "",
            BELOW_TABLE,
            "",
            "## Not noticed",
            "",
            *(_missed(missed) or ["Nothing."]),
            "",
            "## Not tried",
            "",
            "Changes that are proven to change nothing, for whatever the code can be given.",
            "",
            "| where | function | change | why |",
            "| --- | --- | --- | --- |",
            *proven,
            "",
        )
    )


def wilson(noticed: int, tried: int) -> tuple[float, float]:
    """Bounds of the true share with 95 % confidence (Wilson 1927); tried is positive."""
    share = noticed / tried
    spread = Z * math.sqrt(share * (1 - share) / tried + Z * Z / (4 * tried * tried))
    middle = share + Z * Z / (2 * tried)
    size = 1 + Z * Z / tried
    return (middle - spread) / size, (middle + spread) / size


def _counts(verdicts: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """How often what came of the changes of each area, in the order of the areas."""
    areas = files()
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for area in areas.values():
        tried = [item["outcome"] for item in verdicts if areas[item["path"]] == area]
        if tried and area not in found:
            found[area].update(tried)
    return found


def _row(name: str, size: int, counts: Counter[str], first: Counter[str]) -> str:
    noticed, tried = _of(counts, NOTICED), _of(counts, NOTICED + MISSED)
    low, high = wilson(noticed, tried) if tried else (0.0, 1.0)
    return (
        f"| {name} | {size} | {tried} | {noticed} | {counts['survived']} | {counts['unreached']} "
        f"| {_score(counts)} | {low:.0%} to {high:.0%} | {_score(first)} |"
    )


def _score(counts: Counter[str]) -> str:
    tried = _of(counts, NOTICED + MISSED)
    return f"{_of(counts, NOTICED) / tried:.1%}" if tried else ""


def _total(
    sizes: dict[str, int], counts: dict[str, Counter[str]], first: dict[str, Counter[str]]
) -> str:
    total: Counter[str] = sum(counts.values(), Counter())
    every = sum(sizes.values())
    score = _weighed(sizes, counts)
    before = f"{_weighed(sizes, first):.1%}" if all(first[area] for area in sizes) else ""
    noticed, tried = _of(total, NOTICED), _of(total, NOTICED + MISSED)
    return (
        f"| **all** | {every} | {tried} | {noticed} | {total['survived']} | {total['unreached']} "
        f"| {score:.1%} | | {before} |"
    )


def _weighed(sizes: dict[str, int], counts: dict[str, Counter[str]]) -> float:
    """The share of all changes that would be noticed, each area by its size."""
    shares = {
        area: _of(counts[area], NOTICED) / (_of(counts[area], NOTICED + MISSED) or 1)
        for area in sizes
    }
    return sum(size * shares[area] for area, size in sizes.items()) / sum(sizes.values())


def _of(counts: Counter[str], words: Iterable[str]) -> int:
    return sum(counts[word] for word in words)


def _missed(missed: list[dict[str, Any]]) -> list[str]:
    rows = [
        f"| `{_place(item['path'])}:{item['line']}` | `{item['qualname']}` "
        f"| {_cell(item['change'])} | {item['outcome']} |"
        for item in missed
    ]
    return rows and ["| where | function | change | |", "| --- | --- | --- | --- |", *rows]


def _place(path: str) -> str:
    return path.removeprefix("core/")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
