"""House rules that a reader counts on and no linter knows."""

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The plan of the house, and what a project keeps beside it.
FIXED = {"README.md", "config", "core", "logs", "pyproject.toml", "test", "tui"}
BESIDE = {
    ".ci",
    ".editorconfig",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "SECURITY.md",
    "docs",
    "requirements-all.lock",
    "requirements.lock",
}

SHAPELESS = re.compile(r"(utils?|helpers?|commons?|misc|impl|v\d+|.*(_v\d+|manager\d+|_impl))")

# Rooms under core/adapters/exchanges that are no venue.
SHARED_ROOMS = {"ccxt", "connection", "paper", "recordings"}
# A room that is named for the version of a venue's protocol that it reads.
OLD_PROTOCOLS = {"kraken_v1"}
# Venues that are reached through a shared room, or not yet.
OTHER_VENUES = {
    "aster", "backpack", "binance", "bitget", "bybit", "coinbase", "edgex", "grvt", "hyperliquid",
    "ibkr", "kraken", "kucoin", "lighter", "okx", "paradex", "polymarket", "variational",
}  # fmt: skip

# Put together here, so that this file does not name them either.
INDEX_WORDS = ("py" + "pi.org", "python" + "hosted", "npm" + "js.org", "/sim" + "ple/")
INDEX_OPTION = re.compile(r"(?<!no-emit-)(?<!no-)(extra-)?index[-_]url|--find[-]links")


def git(*arguments: str) -> list[str]:
    """The paths that `git ls-files` lists with these arguments."""
    program = shutil.which("git")
    if program is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so nothing tells the project's files from others")
    listed = subprocess.run(
        [program, "ls-files", "-z", "--exclude-standard", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name]


def project_files() -> list[str]:
    """Every file that belongs to the project: tracked, or new and not ignored."""
    return [name for name in git("--cached", "--others") if (ROOT / name).is_file()]


def modules(*folders: str) -> Iterator[Path]:
    """The Python files under `folders`."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def trees(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Path and syntax tree of each Python file under `folders`."""
    for path in modules(*folders):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def place(name: str, node: ast.AST) -> str:
    """Where `node` stands, as an editor opens it."""
    return f"{name}:{getattr(node, 'lineno', 1)}"


def apps() -> list[str]:
    """The rooms of apps, as the import contract lists them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = config["tool"]["importlinter"]["contracts"]
    (rooms,) = (contract for contract in contracts if contract["id"] == "services-rooms")
    (line,) = (layer for layer in rooms["layers"] if "|" in layer)
    return re.findall(r"\w+", line)


def venue_names() -> set[str]:
    """Every venue's name: the rooms that adapters have, and those reached otherwise."""
    rooms = ROOT / "core/adapters/exchanges"
    here = {room.name for room in rooms.iterdir() if (room / "__init__.py").exists()}
    return (here | OTHER_VENUES) - SHARED_ROOMS


def is_docstring(node: ast.stmt) -> bool:
    """Whether the statement is a string and nothing else."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def test_the_top_level_is_the_plan():
    """Nothing stands at the top level but what the plan names, and all of that does."""
    found = {name.partition("/")[0] for name in project_files()}

    assert found >= FIXED
    assert found - FIXED - BESIDE == set()


def test_nothing_that_is_ignored_is_tracked():
    """No environment, cache, log or secret file has slipped into the tree."""
    assert git("--cached", "--ignored")[:10] == []


def test_no_module_is_named_for_nothing():
    """No room or file has a name that says nothing of what is in it."""
    shapeless = [
        path.relative_to(ROOT).as_posix()
        for path in modules("core", "tui")
        if any(
            SHAPELESS.fullmatch(part.removesuffix(".py"))
            for part in path.relative_to(ROOT).parts
            if part not in OLD_PROTOCOLS
        )
    ]

    assert shapeless == []


@pytest.mark.parametrize("package", ["core", "core/adapters", "core/adapters/exchanges"])
def test_outer_packages_hold_a_docstring_only(package: str):
    """Importing one module of a big package loads nothing beside it."""
    body = ast.parse((ROOT / package / "__init__.py").read_text()).body

    assert [is_docstring(node) for node in body] == [True]


def test_a_package_names_only_its_own():
    """An `__init__` has a docstring, imports from its own package at most, and does no work."""
    strangers = []
    for name, tree in trees("core", "tui"):
        if not name.endswith("__init__.py"):
            continue
        package = name.removesuffix("/__init__.py").replace("/", ".")
        for node in tree.body:
            own = isinstance(node, ast.ImportFrom) and (
                node.level == 1 or (node.module or "").startswith((f"{package}.", "__future__"))
            )
            names = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            if not (own or names or is_docstring(node)):
                strangers.append(place(name, node))

    assert strangers == []


def test_core_prints_nothing():
    """Standard output belongs to the command line; core logs."""
    prints = [
        place(name, node)
        for name, tree in trees("core")
        for node in ast.walk(tree)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "print"
        )
        or (
            isinstance(node, ast.Attribute)
            and node.attr in {"stdout", "stderr", "__stdout__", "__stderr__"}
            and ast.unparse(node.value) == "sys"
        )
    ]

    assert prints == []


def test_a_todo_names_what_ends_it():
    """Every remark about work left says when it can go."""
    endless = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in modules("core", "tui", "test")
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line)
        and not re.search(r"\bTODO: .*\b(when|once|until|as soon as|after)\b", line)
    ]

    assert endless == []


def test_only_adapters_and_wiring_name_venues():
    """Nothing between the doors and the screens decides by which venue it talks to."""
    names = "|".join(sorted(venue_names()))
    # A value that is a venue's name, alone or as part of a key; sentences and paths are prose.
    value = re.compile(rf"(?:[\w.:-]*[.:_-])?({names})(?:[.:_-][\w.:-]*)?", re.IGNORECASE)
    word = re.compile(rf"(?:.*_)?({names})(?:_.*)?", re.IGNORECASE)
    named = []
    for name, tree in trees("core", "tui"):
        if name.startswith(("core/adapters/", "core/testing/", "core/wiring/")):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                hit = value.fullmatch(node.value)
            elif isinstance(node, ast.Name | ast.Attribute | ast.arg | ast.alias | ast.keyword):
                text = getattr(node, "id", None) or getattr(node, "attr", None)
                text = text or getattr(node, "arg", None) or getattr(node, "name", None)
                hit = any(word.fullmatch(part) for part in (text or "").split("."))
            elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                hit = word.fullmatch(node.name)
            else:
                continue
            if hit:
                named.append(place(name, node))

    assert named == []


def test_in_an_app_only_the_service_awaits():
    """An app's room is pure but for its service.py."""
    awaiting = [
        place(name, node)
        for app in apps()
        for name, tree in trees(f"core/services/{app}")
        if not name.endswith("/service.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith)
    ]

    assert awaiting == []


def test_what_decides_never_asks_for_the_time():
    """Pure files read no clock and open no file: time arrives inside events."""
    rooms = ["core/domain", *(f"core/services/{app}" for app in apps())]
    asked = [
        place(name, node)
        for name, tree in trees(*rooms)
        if not name.endswith(("/service.py", "/config.py"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (
                isinstance(node.func, ast.Attribute)
                and node.func.attr in {"now", "utcnow", "today"}
                and ast.unparse(node.func.value) in {"datetime", "date", "datetime.datetime"}
            )
            or (isinstance(node.func, ast.Name) and node.func.id in {"open", "input"})
        )
    ]

    assert asked == []


def test_no_file_names_a_package_index():
    """Where packages come from is a matter of the machine, not of the project."""
    naming = []
    for name in project_files():
        try:
            text = (ROOT / name).read_text()
        except UnicodeDecodeError:
            continue
        if name.startswith("test/data/"):
            continue
        if any(word in text for word in INDEX_WORDS) or INDEX_OPTION.search(text):
            naming.append(name)

    assert naming == []
