"""Which packages of others the core runs on: a closed list, so that a new one is looked at."""

import itertools
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]

# Asked for by ctos itself.
DIRECT = frozenset(
    {"ccxt", "msgspec", "numpy", "picows", "pycryptodome", "pydantic", "pyyaml", "rich", "textual",
     "typer"}
)  # fmt: skip
# Brought along by those. Whoever adds a line here has looked at who makes the package and why it
# is needed.
BROUGHT = {
    "ccxt": {
        "aiofastnet", "aiohttp", "aiohttp-fast-zlib", "certifi", "coincurve", "cryptography",
        "orjson", "python-socks", "requests", "typing-extensions", "uvloop", "yarl", "zlib-ng",
        "setuptools",
    },
    "aiohttp": {
        "aiohappyeyeballs", "aiosignal", "attrs", "frozenlist", "multidict", "propcache", "idna",
    },
    "coincurve": {"cffi", "pycparser"},
    "pydantic": {"annotated-types", "pydantic-core", "typing-inspection"},
    "requests": {"charset-normalizer", "urllib3"},
    "textual": {
        "markdown-it-py", "mdit-py-plugins", "mdurl", "platformdirs", "pygments",
        "linkify-it-py", "uc-micro-py",
    },
    "typer": {"annotated-doc", "click", "shellingham", "colorama"},
}  # fmt: skip
ALLOWED = DIRECT.union(*BROUGHT.values())


def closure() -> set[str]:
    """Everything that an installed ctos without extras runs on, on this machine."""
    seen: set[str] = set()
    waiting = ["ctos"]
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        for text in metadata.distribution(name).requires or []:
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                waiting.append(need.name)
    return seen - {"ctos"}


def is_a_slip(one: str, other: str) -> bool:
    """Whether two names differ by one letter, or by two letters that changed places."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    if len(short) == len(long):
        places = [index for index in range(len(one)) if one[index] != other[index]]
        if len(places) == 1:
            return True
        return len(places) == 2 and one[places[0]] == other[places[1]] and (
            one[places[1]] == other[places[0]]
        )  # fmt: skip
    return any(long[:index] + long[index + 1 :] == short for index in range(len(long)))


def test_the_core_asks_for_the_packages_on_the_list():
    """pyproject.toml names these and no others."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}

    assert names == DIRECT


def test_nothing_else_comes_along():
    """Whatever those bring with them is on the list too."""
    assert closure() - ALLOWED == set()


def test_no_name_is_a_slip_of_another():
    """A package named one letter beside a known one would be somebody's trap."""
    names = sorted(closure() | ALLOWED)
    near = [pair for pair in itertools.combinations(names, 2) if is_a_slip(*pair)]

    assert near == []


def test_a_slip_is_recognised():
    """A letter more, less, other, or in another place."""
    assert all(is_a_slip("ccxt", name) for name in ("ccxtt", "cxt", "cxct", "ccxy"))
    assert not is_a_slip("rich", "yarl")
