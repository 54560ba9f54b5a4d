"""Bandit's checks run in `make lint`, as ruff's S rules: each that matters here is seen to bite."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

WAIVED = re.compile(r"# noqa: [A-Z0-9, ]*\bS\d{3}")
BITES = {
    "S102": "exec(text)",
    "S104": "host = '0.0.0.0'",
    "S110": "try:\n    go()\nexcept Exception:\n    pass",
    "S112": "for x in y:\n    try:\n        go()\n    except Exception:\n        continue",
    "S113": "import requests\nrequests.get(url)",
    "S301": "import pickle\npickle.loads(text)",
    "S302": "import marshal\nmarshal.loads(text)",
    "S307": "eval(text)",
    "S323": "import ssl\nssl._create_unverified_context()",
    "S324": "import hashlib\nhashlib.md5(text)",
    "S501": "import requests\nrequests.get(url, verify=False, timeout=1)",
    "S502": "import ssl\nssl.wrap_socket(ssl_version=ssl.PROTOCOL_SSLv3)",
    "S506": "import yaml\nyaml.load(text)",
    "S602": "import subprocess\nsubprocess.run(text, shell=True)",
    "S604": "go(text, shell=True)",
    "S605": "import os\nos.system(text)",
    "S607": "import subprocess\nsubprocess.run(['ls'])",
    "S608": "query = f'SELECT * FROM {table} WHERE a = {b}'",
}


@pytest.mark.parametrize("folder", ["core", "tui"])
def test_bandits_checks_are_in_force(folder: str, tmp_path: Path):
    """Each mistake, written into a file of the product, is found under the project's settings."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    assert ruff is not None
    text = "\n\n".join(f"# {code}\n{line}" for code, line in BITES.items()) + "\n"

    done = subprocess.run(
        [ruff, "check", "--output-format=json", "--no-cache", "--stdin-filename", f"{folder}/x.py"],
        input=text,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = {row["code"] for row in json.loads(done.stdout)}

    assert set(BITES) - found == set()


def test_what_is_let_pass_says_why():
    """No file of the product switches one of these checks off without a word about it."""
    silent = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("core", "tui")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (waived := WAIVED.search(line)) and "# " not in line[waived.end() :]
    ]

    assert silent == []
