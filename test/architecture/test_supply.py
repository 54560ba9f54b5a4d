"""What is handed on: a wheel that anybody can build again, and a list of all its parts."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
INGREDIENTS = ("core", "tui", "config", "pyproject.toml", "README.md", "LICENSE")
JUNK = shutil.ignore_patterns("__pycache__", ".*")


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    """The script that writes the list."""
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "docs" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sbom"] = module
    spec.loader.exec_module(module)
    return module


def built(folder: Path, *, modified_s: int, mode: int) -> str:
    """The hash of a wheel that is built in a folder of its own, from files of some age."""
    source = folder / "source"
    for name in INGREDIENTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=JUNK)
        else:
            shutil.copy(ROOT / name, source / name)
    for path in source.rglob("*"):
        if path.is_file():
            path.chmod(mode)
        os.utime(path, (modified_s, modified_s))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "out")],
        cwd=source, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    (wheel,) = (folder / "out").glob("*.whl")
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_a_wheel_that_is_built_twice_is_the_same(tmp_path: Path) -> None:
    """Neither folder nor time nor rights of the files are in it."""
    one = built(tmp_path / "one", modified_s=1_000_000_000, mode=0o644)
    two = built(tmp_path / "two", modified_s=1_700_000_000, mode=0o600)

    assert one == two


def test_the_list_of_parts_is_the_lock(sbom: ModuleType) -> None:
    """Every pin with its version and each of its hashes, and nothing that is not in the lock."""
    lock = (ROOT / "requirements.lock").read_text()
    told = json.loads(sbom.parts_list(lock))

    listed = [
        (part["name"], part["version"], sorted(item["content"] for item in part["hashes"]))
        for part in told["components"]
    ]
    pinned = [(pin.name, pin.version, sorted(pin.hashes)) for pin in sbom.pins(lock)]
    assert sorted(listed) == sorted(pinned)
    assert len(pinned) == sum(not line.startswith(" ") for line in lock.splitlines())
    assert sum(len(hashes) for _, _, hashes in listed) == lock.count("--hash=")
    assert (told["specVersion"], told["metadata"]["component"]["name"]) == ("1.6", "ctos")


def test_the_same_lock_gives_the_same_list(sbom: ModuleType) -> None:
    """Letter for letter; another lock gives another serial number."""
    lock = (ROOT / "requirements.lock").read_text()
    other = lock.replace("--hash=sha256:0", "--hash=sha256:1", 1)

    assert sbom.parts_list(lock) == sbom.parts_list(lock)
    serial = [json.loads(sbom.parts_list(text))["serialNumber"] for text in (lock, other)]
    assert serial[0] != serial[1]
