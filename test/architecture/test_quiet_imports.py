"""Importing ctos calls nobody and starts nothing, and no key stands in the repository."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = (
    "socket.connect",
    "socket.getaddrinfo",
    "socket.sendto",
    "socket.bind",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "_thread.start_new_thread",
)
IMPORT_ALL = """
import importlib, json, pkgutil, sys
forbidden, seen, missing = set(json.loads(sys.argv[1])), [], []
def watch(event, arguments):
    if event in forbidden:
        frame, names = sys._getframe(1), []
        while frame is not None:
            names.append(frame.f_globals.get("__name__", ""))
            frame = frame.f_back
        ours = next((name for name in names if name.startswith(("core", "tui"))), "")
        seen.append([event, ours, names[0]])
sys.addaudithook(watch)
import core, tui
for package in (core, tui):
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if info.name.startswith("core.testing") or info.name.endswith("__main__"):
            continue
        try:
            importlib.import_module(info.name)
        except ImportError as error:
            missing.append([info.name, str(error)])
print(json.dumps({"seen": seen, "missing": missing, "count": len(sys.modules)}))
"""
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/=]{16}")
HEX_KEY = re.compile(r"""["'](?:0x)?[0-9a-f]{64}["']""", re.IGNORECASE)


def test_importing_everything_calls_nobody():
    """Every module of the product, in a fresh process: no socket, no process, no thread of ours."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, json.dumps(FORBIDDEN)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # A library may make a lock or ask the system of itself; what reaches out or runs is refused.
    reaches = [row for row in told["seen"] if row[0] != "_thread.start_new_thread"]
    threads = [row for row in told["seen"] if row[2].startswith(("core", "tui"))]

    assert reaches == []
    assert threads == []
    assert told["count"] > 500
    assert [name for name, _ in told["missing"] if not name.startswith("core.adapters")] == []


def tracked() -> list[Path]:
    """The files of the repository; those of a folder that is none are looked at all."""
    done = subprocess.run(
        ["/usr/bin/env", "git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if done.returncode != 0:
        pytest.skip("not a repository")
    return [ROOT / name for name in done.stdout.split("\0") if name]


def test_no_private_key_is_in_the_repository():
    """Neither as PEM nor as 64 hex digits; those of tests stand in tests and open nothing."""
    allowed = ("test/", "core/testing/")
    found = []
    for path in tracked():
        place = path.relative_to(ROOT).as_posix()
        if place.startswith(allowed) or place.endswith(".lock") or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if PRIVATE_KEY.search(text):
            found.append(f"{place}: a private key")
        found += [f"{place}: {match[0][:8]}…" for match in HEX_KEY.finditer(text)]

    assert found == []
