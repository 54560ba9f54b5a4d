"""The world is touched in few places: what no simulation steers, no program may lean on."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Call or name -> why it is no business of a module outside the seams.
TIME = {
    "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter",
    "time.perf_counter_ns", "time.sleep", "datetime.now", "datetime.utcnow", "datetime.today",
    "date.today",
}  # fmt: skip
CHANCE = {"os.urandom", "uuid.uuid1", "uuid.uuid4"}
THREADS = {"asyncio.to_thread", "threading.Thread"}
FILES = {
    "open", "os.open", "os.remove", "os.rename", "os.replace", "os.unlink", "os.mkdir",
    "os.makedirs",
    "sqlite3.connect", "socket.socket", "socket.create_connection", "subprocess.run",
    "subprocess.Popen", "os.fork", "os.kill", "os.system",
}  # fmt: skip
MODULES = {"random", "secrets", "uuid", "socket", "subprocess", "threading", "multiprocessing"}

# Where each kind of touch is at home. A folder ends with a slash.
SEAMS = {
    "time": {
        "core/adapters/storage/file.py",
        "core/infrastructure/clock.py",
        "core/infrastructure/logging.py",
        "core/testing/",
        "tui/",
    },
    "chance": {"core/infrastructure/rng.py", "core/testing/"},
    "threads": {
        "core/adapters/",
        "core/engine/engine.py",
        "core/infrastructure/",
        "core/services/recorder/service.py",
        "core/testing/",
        "tui/",
    },
    "files": {
        "core/adapters/feeds/",
        "core/adapters/storage/",
        "core/adapters/exchanges/paper/storage.py",
        "core/engine/offline.py",
        "core/engine/spawn.py",
        "core/infrastructure/",
        "core/services/recorder/spool.py",
        "core/testing/",
        "core/wiring/",
        "tui/",
    },
    "modules": {
        "core/adapters/",
        "core/engine/",
        "core/infrastructure/",
        "core/testing/",
        "core/wiring/",
        "tui/",
    },
}

# What decides about orders and money: no touch at all, whatever the seams above allow.
ORDER_PATH = (
    "core/domain",
    "core/services/execution",
    "core/services/grid",
    "core/services/market_data",
    "core/services/portfolio",
    "core/services/risk",
)


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Path and tree of every module."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def touches(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Kind, line and words of every touch of the world in a module."""
    kinds = {"time": TIME, "chance": CHANCE, "threads": THREADS, "files": FILES}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            short = ".".join(name.split(".")[-2:])
            for kind, names in kinds.items():
                if name in names or short in names:
                    yield kind, node.lineno, name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            first = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            if first and first.partition(".")[0] in MODULES:
                yield "modules", node.lineno, f"import {first}"


def is_at_home(name: str, kind: str) -> bool:
    """Whether a module may touch the world in this way."""
    return any(
        name.startswith(home) if home.endswith("/") else name == home for home in SEAMS[kind]
    )


def test_the_world_is_touched_in_the_seams_alone():
    """Time, chance, threads, files and sockets come from few modules; all others are given them."""
    strays = [
        f"{name}:{line}: {words} ({kind})"
        for name, tree in sources("core", "tui")
        for kind, line, words in touches(tree)
        if not is_at_home(name, kind)
    ]

    assert strays == []


def test_the_order_path_touches_nothing():
    """What decides about orders and money takes time, chance and storage from whoever calls."""
    strays = [
        f"{name}:{line}: {words}"
        for name, tree in sources(*ORDER_PATH)
        for _, line, words in touches(tree)
    ]

    assert strays == []


def loops_over_sets(tree: ast.Module) -> Iterator[int]:
    """Lines on which something is done for each element of a set, in whatever order it has."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            continue
        is_set = isinstance(node.iter, ast.Set | ast.SetComp)
        if isinstance(node.iter, ast.Call):
            is_set = dotted(node.iter.func) in {"set", "frozenset", "asyncio.all_tasks"}
        if is_set:
            yield node.iter.lineno


def test_nothing_on_the_order_path_leans_on_the_order_of_a_set():
    """A set has another order in another process: what is sent or written must not follow it."""
    strays = [
        f"{name}:{line}"
        for name, tree in sources(*ORDER_PATH, "core/engine")
        for line in loops_over_sets(tree)
    ]

    assert strays == []


@pytest.mark.parametrize(
    "source,kind",
    [
        ("import time\nx = time.time_ns()", "time"),
        ("from datetime import datetime\nx = datetime.now()", "time"),
        ("import random\n", "modules"),
        ("from uuid import uuid4\n", "modules"),
        ("import os\nx = os.urandom(8)", "chance"),
        ("import asyncio\nasync def f():\n    await asyncio.to_thread(print)", "threads"),
        ("x = open('a')", "files"),
        ("import sqlite3\nx = sqlite3.connect('a')", "files"),
    ],
)
def test_a_stray_touch_is_seen(source: str, kind: str):
    """The rule finds what it forbids."""
    assert kind in {found for found, _, _ in touches(ast.parse(source))}


@pytest.mark.parametrize(
    "source",
    ["for x in {1, 2}: print(x)", "y = [x for x in set(z)]", "for x in frozenset(z): print(x)"],
)
def test_a_loop_over_a_set_is_seen(source: str):
    """The rule finds what it forbids."""
    assert list(loops_over_sets(ast.parse(source))) == [1]
