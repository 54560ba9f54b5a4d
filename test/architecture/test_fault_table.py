"""The page of faults keeps its word: ids of the code stand there, and the tests it names exist."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")

ID = r"(?:PR|CK|ST|OP|CF|RS|SK|[PTVDIQX])\d{1,2}"
IDS = rf"{ID}(?:(?:,| to| and|, and) {ID})*"
AFTER_THE_WORD = re.compile(rf"\breliability(?:\.md)?,? ({IDS})\b")
IN_BRACKETS = re.compile(rf"\(({IDS})\)")
BEFORE_A_COLON = re.compile(rf"(?:^|\s)({IDS}):", re.MULTILINE)
BARE = re.compile(r"\b((?:PR|CK|ST|OP|CF|RS|[PT])\d{1,2})\b")
"""Letters that also name versions (V5) or directions (D3, I2) need a word, brackets or a colon."""
ROW = re.compile(rf"^\| ({ID}) \|(.*)$", re.MULTILINE)
RULE = re.compile(rf"^\*\*({ID}) ", re.MULTILINE)
SHOWN = re.compile(r"`(test/[\w/]+\.py)::(test_\w+)`")
UNSHOWN = ("Not shown yet", "Not handled yet")
FAULTS = {
    "T": 24, "V": 35, "D": 22, "PR": 20, "CK": 7, "ST": 13, "OP": 12, "CF": 14, "RS": 8,
}  # fmt: skip
"""Letters of the kinds of faults -> how many of each are known: requests and connections, orders,
prices, processes, clocks, disks, people, files, running together."""
ROOM = re.compile(r"^\| `([\w/]+)`[^|]*\| ([^|]+) \|$", re.MULTILINE)


def section(heading: str) -> str:
    """The text under a heading of the second level."""
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def stated() -> list[str]:
    """Every id that the page explains, in its order."""
    return RULE.findall(PAGE) + [row[0] for row in ROW.findall(PAGE)]


def words(path: Path) -> str:
    """The comments and texts of a module, joined."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    kinds = (tokenize.COMMENT, tokenize.STRING)
    return "\n".join(token.string.strip('"') for token in tokens if token.type in kinds)


def ids_in(text: str, *patterns: re.Pattern[str]) -> set[str]:
    """Ids that match; `D5 to D8` means all between."""
    found = set()
    for pattern in patterns:
        for group in pattern.findall(text):
            found.update(re.findall(ID, group))
            for letters, first, last in re.findall(r"([A-Z]+)(\d+) to \1(\d+)", group):
                found.update(f"{letters}{number}" for number in range(int(first), int(last)))
    return found


def spoken_of(path: Path) -> set[str]:
    """Ids that a module refers to."""
    text = words(path)
    found = ids_in(text, AFTER_THE_WORD, BEFORE_A_COLON)
    place = path.relative_to(ROOT)
    if place.parts[0] == "core":
        found |= ids_in(text, IN_BRACKETS, BARE)
    elif place.parts[:2] == ("test", "scenario"):
        found |= ids_in(text, BARE)
    return found


def modules() -> Iterator[Path]:
    """Everything that may refer to an id; this file speaks of the forms of ids."""
    for folder in ("core", "test"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != Path(__file__).resolve():
                yield path


@cache
def names_in(path: str) -> frozenset[str]:
    """Names of the tests in a file, without running it; empty where there is no such file."""
    if not (ROOT / path).is_file():
        return frozenset()
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def test_every_id_that_the_code_speaks_of_is_explained():
    """A reader who meets an id in a comment or a test finds it on the page."""
    known = set(stated())
    unknown = {
        f"{path.relative_to(ROOT)}: {word}"
        for path in modules()
        for word in spoken_of(path) - known
    }

    assert unknown == set()


def known_faults() -> set[str]:
    """Every row that was ever thought of."""
    return {f"{kind}{number}" for kind, last in FAULTS.items() for number in range(1, last + 1)}


def roomless() -> dict[str, set[str]]:
    """Folder of a room that does not exist -> the faults that belong there."""
    rows = ROOM.findall(section("Rooms that do not exist"))
    return {folder: set(re.findall(ID, ids)) for folder, ids in rows}


def test_every_known_fault_has_its_place():
    """Each stands in the table, once, or belongs to a room that is not there."""
    placed = [row[0] for row in ROW.findall(PAGE) if row[0] in known_faults()]
    placed += [word for ids in roomless().values() for word in ids]

    assert sorted(known_faults() - set(placed)) == []
    assert [word for word, count in Counter(placed).items() if count > 1] == []


def test_a_room_that_is_built_has_its_faults_shown():
    """What is said not to exist does not."""
    built = [folder for folder in roomless() if (ROOT / folder).exists()]

    assert len(roomless()) == PAGE.count("\n| `core/")
    assert built == []


def test_nothing_that_exists_is_unhandled_or_unshown():
    """The two headings that admit something stay empty."""
    left = {heading: [row[0] for row in ROW.findall(section(heading))] for heading in UNSHOWN}

    assert left == {heading: [] for heading in UNSHOWN}


def test_no_id_is_explained_twice():
    """An id has one row or one rule."""
    assert [word for word, count in Counter(stated()).items() if count > 1] == []


def test_every_test_that_is_named_exists():
    """No row leans on a test that was renamed or taken away."""
    missing = [
        f"{path}::{name}" for path, name in SHOWN.findall(PAGE) if name not in names_in(path)
    ]

    assert missing == []


def test_every_row_is_shown_or_says_that_it_is_not():
    """What has no test stands under the two headings that admit it, and nothing else does."""
    admitted = {row[0] for heading in UNSHOWN for row in ROW.findall(section(heading))}
    bare = {word for word, rest in ROW.findall(PAGE) if not SHOWN.search(rest)}

    assert bare == admitted


def test_every_rule_of_the_protocol_is_shown():
    """Ten rules, each with the tests that keep it."""
    paragraphs = RULE.split(section("The order protocol"))[1:]
    shown = dict(zip(paragraphs[::2], paragraphs[1::2], strict=True))

    assert [f"P{number}" for number in range(1, 11)] == list(shown)
    assert [word for word, text in shown.items() if not SHOWN.search(text.split("\n#")[0])] == []


def test_the_state_picture_is_that_of_the_code():
    """The drawing on the page is the one at the top of the life of an order."""
    source = (ROOT / "core" / "domain" / "lifecycle.py").read_text(encoding="utf-8")
    drawn = [line.strip() for line in (ast.get_docstring(ast.parse(source)) or "").splitlines()]
    first, last = (
        next(number for number, line in enumerate(drawn) if word in line)
        for word in ("INTENT ──►", "└─► NOT_PLACED")
    )
    shown = [line.strip() for line in section("The order protocol").splitlines()]

    assert drawn[first : last + 1] == [line for line in shown if line in drawn[first : last + 1]]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("whatever comes (T5, V30)", {"T5", "V30"}),
        ("moves nothing (reliability D5 to D8).", {"D5", "D6", "D7", "D8"}),
        ("T2, T3: accepted", {"T2", "T3"}),
        ("the evidence of P6 says", {"P6"}),
        ("Bybit V5, edgeX V2 and a distance D2", set()),
    ],
)
def test_references_are_seen_in_every_form(text, expected):
    """After the word, in brackets, before a colon, or bare where nothing else has such a name."""
    patterns = (AFTER_THE_WORD, IN_BRACKETS, BEFORE_A_COLON, BARE)

    assert ids_in(text, *patterns) == expected
