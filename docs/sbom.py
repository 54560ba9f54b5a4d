#!/usr/bin/env python3
"""Writes the list of parts that ctos is made of (SBOM, CycloneDX 1.6), from the lock alone.

    make sbom       build/ctos.cdx.json: every package of requirements.lock, its version, the
                    hashes of its files, and the marker under which it is installed

The same lock gives the same bytes: the time of writing is left out, and the serial number is made
of the lock.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "requirements.lock"
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_SPACE: Final = uuid.UUID("6f1c9d0e-5a57-5d3c-9a39-0c1f6f6d3b1e")
"""Of serial numbers that are made of a lock."""
_NO_TIME: Final = datetime.fromtimestamp(0, tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A package of the lock."""

    name: str
    version: str
    marker: str
    """Where it is installed; empty for everywhere."""
    hashes: tuple[str, ...]
    """SHA-256 of each file that may stand for it."""


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "ctos.cdx.json")
    out: Path = parser.parse_args().out
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(parts_list(LOCK.read_text("utf-8")), encoding="utf-8")
    sys.stdout.write(f"{out.relative_to(ROOT) if out.is_relative_to(ROOT) else out}\n")
    return 0


def parts_list(lock: str) -> str:
    """The list of parts as JSON.

    Args:
        lock: Text of a lock file with hashes.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    bom = Bom(serial_number=uuid.uuid5(_SPACE, lock))
    bom.metadata.timestamp = _NO_TIME
    whole = Component(
        type=ComponentType.APPLICATION,
        name=project["name"],
        version=project["version"],
        bom_ref=project["name"],
    )
    parts = [_component(pin) for pin in pins(lock)]
    bom.metadata.component = whole
    bom.components.update(parts)
    bom.register_dependency(whole, parts)
    return str(JsonV1Dot6(bom).output_as_string(indent=1)) + "\n"


def pins(lock: str) -> Iterator[Pin]:
    """The packages of a lock, as they stand there."""
    for block in re.split(r"\n(?=\S)", lock.strip()):
        first, *rest = block.splitlines()
        pinned = Requirement(first.removesuffix("\\"))
        (exact,) = pinned.specifier
        yield Pin(
            name=pinned.name,
            version=exact.version,
            marker=str(pinned.marker or ""),
            hashes=tuple(_HASH.findall("\n".join(rest))),
        )


def _component(pin: Pin) -> Component:
    purl = PackageURL(type="pypi", name=pin.name, version=pin.version)
    where = [Property(name="ctos:marker", value=pin.marker)] if pin.marker else []
    return Component(
        type=ComponentType.LIBRARY,
        name=pin.name,
        version=pin.version,
        purl=purl,
        bom_ref=f"{purl}#{pin.marker}" if pin.marker else str(purl),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=text) for text in pin.hashes],
        properties=where,
    )


if __name__ == "__main__":
    sys.exit(main())
