"""SECURITY.md keeps its word: every abuse case names a test that exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+) \|(.*)\|$", re.MULTILINE)
REQUIRED = re.compile(r"^\| (S[KB]\d+) \|[^|]*\| ([\d ]+) \|$", re.MULTILINE)
SHOWN = re.compile(r"`(test/[\w/]+\.py)::(test_\w+)`")


def test_the_cases_are_numbered_through():
    """At least thirty, none left out, none twice."""
    numbers = [int(number) for number, _ in ROW.findall(PAGE)]

    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 30


def test_every_case_is_shown_by_a_test_that_exists():
    """A case without a test, or with one that is gone, is not a protection."""
    missing = []
    for number, row in ROW.findall(PAGE):
        shown = SHOWN.findall(row)
        if not shown:
            missing.append(f"{number}: no test")
        for file, name in shown:
            path = ROOT / file
            if not path.is_file() or f"def {name}(" not in path.read_text(encoding="utf-8"):
                missing.append(f"{number}: {file}::{name}")

    assert missing == []


def test_everything_that_is_asked_for_has_its_cases_or_says_that_it_has_none():
    """Each requirement stands once: with cases that exist, or under what is not shown or there."""
    wanted = {f"SK{number}" for number in range(1, 13)} | {f"SB{number}" for number in range(1, 10)}
    rows = REQUIRED.findall(PAGE)
    numbers = {number for number, _ in ROW.findall(PAGE)}
    missing = PAGE.split("\n## Not shown yet\n", 1)[1]
    admitted = re.findall(r"^- \*\*(S[KB]\d+)\*\* ", missing, re.MULTILINE)
    named = [name for name, _ in rows] + admitted

    assert sorted(named) == sorted(set(named))
    assert set(named) == wanted
    assert [name for name, cases in rows if not set(cases.split()) <= numbers] == []
