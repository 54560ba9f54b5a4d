"""The lock installs the same files everywhere, says how to know them, and not where from."""

import base64
import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ["requirements.lock", "requirements-all.lock"]
TESTED = ["data", "fast", "hyperliquid", "ibkr"]
"""Extras in the first lock, because their tests run everywhere."""

FROM_A_FOLDER = "-f"
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


def wheel(folder: Path, text: str) -> Path:
    """A wheel of one module, made by hand."""
    folder.mkdir()
    path = folder / "kanarie-1.0-py3-none-any.whl"
    files = {
        "kanarie.py": text,
        "kanarie-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: kanarie\nVersion: 1.0\n",
        "kanarie-1.0.dist-info/WHEEL": (
            "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    rows = [
        f"{name},sha256={_record_hash(content)},{len(content)}" for name, content in files.items()
    ]
    files["kanarie-1.0.dist-info/RECORD"] = "\n".join(rows) + "\nkanarie-1.0.dist-info/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return path


def _record_hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def installed(lock: Path, links: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """What `make install` does with a lock, from a folder instead of an index."""
    flags = re.search(r"^LOCKED := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert flags is not None
    return subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--isolated"),
            *flags[1].split(),
            *("--no-index", "--no-cache-dir", FROM_A_FOLDER, str(links)),
            *("--target", str(target), "-r", str(lock)),
        ],
        env={**os.environ, "HOME": str(lock.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_file_that_was_exchanged_is_not_installed(tmp_path: Path):
    """The lock's hash lets the looked-at wheel in, and refuses one byte more under its name."""
    looked_at = wheel(tmp_path / "before", "WORD = 'good'\n")
    exchanged = wheel(tmp_path / "after", "WORD = 'evil'\n")
    lock = tmp_path / "requirements.lock"
    digest = hashlib.sha256(looked_at.read_bytes()).hexdigest()
    lock.write_text(f"kanarie==1.0 \\\n    --hash=sha256:{digest}\n")

    good = installed(lock, looked_at.parent, tmp_path / "good")
    evil = installed(lock, exchanged.parent, tmp_path / "evil")

    assert good.returncode == 0, good.stderr
    assert "good" in (tmp_path / "good" / "kanarie.py").read_text()
    assert evil.returncode != 0
    assert "DO NOT MATCH THE HASHES" in evil.stderr
    assert not (tmp_path / "evil").exists()


def test_a_lock_without_a_hash_installs_nothing(tmp_path: Path):
    """A pin alone, as a hurried hand would write it, is refused."""
    links = wheel(tmp_path / "links", "WORD = 'good'\n").parent
    lock = tmp_path / "requirements.lock"
    lock.write_text("kanarie==1.0\n")

    done = installed(lock, links, tmp_path / "target")

    assert done.returncode != 0
    assert "hash" in done.stderr.lower()
    assert not (tmp_path / "target").exists()
