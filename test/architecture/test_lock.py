"""The lock installs the same files everywhere, says how to know them, and not where from."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ["requirements.lock", "requirements-all.lock"]
TESTED = ["data", "fast", "hyperliquid", "ibkr"]
"""Extras in the first lock, because their tests run everywhere."""

PINNED = re.compile(r"[a-z0-9][a-z0-9.-]*==[^\s;]+( ; \S.*)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")

SYSTEMS = [
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
    {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"},
]


def environment(python: str, system: dict[str, str]) -> dict[str, str]:
    """The marker environment of CPython `python` on `system`."""
    return {
        **system,
        "extra": "",
        "implementation_name": "cpython",
        "os_name": "nt" if system["sys_platform"] == "win32" else "posix",
        "platform_python_implementation": "CPython",
        "python_full_version": f"{python}.1",
        "python_version": python,
    }


def locked(name: str) -> list[Requirement]:
    """The requirements of a lock file, without their hashes."""
    lines = (ROOT / name).read_text().splitlines()
    return [Requirement(line.removesuffix("\\")) for line in lines if not line.startswith(" ")]


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def wanted(name: str) -> list[Requirement]:
    """What pyproject.toml asks for that the lock called `name` has to hold."""
    config = project()
    extras = config["project"]["optional-dependencies"]
    texts = list(config["project"]["dependencies"])
    if name == "requirements.lock":
        texts += [text for extra in TESTED for text in extras[extra]]
        texts += [text for group in config["dependency-groups"].values() for text in group]
    else:
        texts += [
            text
            for extra, needs in extras.items()
            if extra not in {"all", "sound"}
            for text in needs
        ]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_is_an_exact_version_or_its_hash(name: str):
    """A lock holds pins and hashes, and nothing else: no option, no address, no range."""
    pins = 0
    for number, line in enumerate((ROOT / name).read_text().splitlines(), start=1):
        pin = PINNED.fullmatch(line)
        pins += bool(pin)
        assert pin or HASH.fullmatch(line), f"{name}:{number}: {line}"

    assert pins > len(project()["project"]["dependencies"])


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash(name: str):
    """No requirement could be satisfied by a file that nobody looked at."""
    lines = (ROOT / name).read_text().splitlines()
    bare = [
        line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if PINNED.fullmatch(line) and not HASH.fullmatch(following)
    ]

    assert bare == []


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize(
    "system", SYSTEMS, ids=lambda s: f"{s['sys_platform']}-{s['platform_machine']}"
)
def test_the_lock_meets_what_the_project_asks_for(name: str, python: str, system: dict[str, str]):
    """On every supported Python and system each need has exactly one locked version that fits."""
    here = environment(python, system)
    versions: dict[str, list[str]] = {}
    for pin in locked(name):
        if pin.marker is None or pin.marker.evaluate(here):
            (specifier,) = pin.specifier
            versions.setdefault(canonicalize_name(pin.name), []).append(specifier.version)

    assert {pin: found for pin, found in versions.items() if len(found) > 1} == {}
    for need in wanted(name):
        if need.marker is None or need.marker.evaluate(here):
            (version,) = versions[canonicalize_name(need.name)]
            assert need.specifier.contains(version), f"{need} is locked at {version}"


def test_both_locks_agree():
    """Adding the extras changes no version of what is already there."""
    first, second = ({(pin.name, str(pin.specifier)) for pin in locked(name)} for name in LOCKS)
    names = {name for name, _ in first} & {name for name, _ in second}

    assert {pin for pin in first ^ second if pin[0] in names} == set()
