"""The pages say what the program does: generated parts are in step, commands run, links lead on."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer

from core.errors import ExitCode
from core.services.grid.snapshot import SlotState
from core.services.grid.words import ERRORS
from core.services.risk.rules import DenialCode
from tui.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHELL = re.compile(r"^```(?:sh|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SELF_EVIDENT = {"grid_system"}
"""The root, which everything stands in."""
ALARM = re.compile(r'[Aa]larm\((?:\s*[\w.\[\]"]+,\s*)"([A-Z_]+)"')


def load_generator() -> ModuleType:
    """`docs/generate.py`, which is a script and no part of a package."""
    spec = importlib.util.spec_from_file_location("ctos_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def first_column(page: str, heading: str) -> set[str]:
    """Words in code style in the first column of the tables under a heading."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def shown_commands() -> list[tuple[str, str]]:
    """Every `ctos …` line of the pages, with the page it stands on."""
    found = []
    for page in PAGES:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            for line in block.splitlines():
                command = line.removeprefix("$ ").split("#")[0].split("|")[0].strip()
                if command.split(" ")[0] == "ctos":
                    found.append((page.name, command))
    return found


def test_generated_parts_are_in_step_with_the_code():
    """What `make docs` would write is what stands there."""
    stale = [
        str(path.relative_to(ROOT))
        for path, text in load_generator().wanted().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]

    assert stale == [], "these have fallen behind the code; mend them with: make docs"


def test_a_stale_page_is_noticed():
    """A part that says something else is made anew."""
    page = "<!-- generated: environment -->\nwritten long ago\n<!-- end -->\n"

    filled = load_generator().filled(page)

    assert "written long ago" not in filled
    assert "CTOS_HOME" in filled


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Every relative link is a file of the checkout, and its heading is there."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page

        assert linked.is_file(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page,command", shown_commands())
def test_shown_commands_can_be_typed(page, command):
    """Each command that a page shows is one that ctos knows, with options that it has."""
    group = typer.main.get_command(app)
    words = shlex.split(command)[1:]

    if words and words != ["--help"]:
        name, *rest = words
        group.commands[name].make_context(name, rest, resilient_parsing=False)


@pytest.mark.process
@pytest.mark.parametrize("block", CONSOLE.findall((ROOT / "README.md").read_text(encoding="utf-8")))
def test_shown_output_is_what_comes_out(block, tmp_path, ctos_home):
    """A console block of the README, typed into a shell, gives what stands below it."""
    place = tmp_path / "checkout"
    (place / "bin").mkdir(parents=True)
    for name in ("config", "docs"):
        (place / name).symlink_to(ROOT / name)
    wrapper = place / "bin" / "ctos"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tui.cli "$@"\n')
    wrapper.chmod(0o755)
    typed = [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]
    shown = [line for line in block.splitlines() if not line.startswith("$ ")]
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    python_path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])

    done = subprocess.run(
        [shutil.which("sh") or "sh", "-c", "exec 2>&1\n" + "\n".join(typed)],
        cwd=place,
        env={**os.environ, "PATH": path, "PYTHONPATH": python_path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert [line.rstrip() for line in done.stdout.splitlines()] == shown


def test_every_exit_code_is_explained():
    """The table of exit codes is the list in the code."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| `([A-Z]+)` \|", text, re.MULTILINE)

    assert {(str(code.value), code.name) for code in ExitCode} == set(rows)


def test_every_refusal_is_explained():
    """The runbook knows each code with which risk refuses, and no other."""
    assert {code.value for code in DenialCode} == first_column(
        "runbook.md", "Orders that were not sent"
    )


def test_every_alarm_is_explained():
    """The runbook knows each alarm that execution raises, and no other."""
    files = (ROOT / "core" / "services" / "execution").glob("*.py")
    raised = {code for file in files for code in ALARM.findall(file.read_text(encoding="utf-8"))}

    assert {*raised, "JOURNAL_FULL"} == first_column("runbook.md", "Alarms")


def test_every_check_of_the_doctor_is_explained():
    """The page about the doctor knows each check that a venue or this machine is asked."""
    page = first_column("doctor.md", "A venue") | first_column("doctor.md", "This machine")
    code = "".join(
        (ROOT / "core" / "services" / "doctor" / f"{name}.py").read_text(encoding="utf-8")
        for name in ("venue", "premises")
    )
    named = set(re.findall(r'"((?:venue|keys|account|limits|clock|home)\.[a-z_]+)"', code))

    assert named <= page


def test_every_error_line_is_explained():
    """Each diary line that stays on the screen until it is read stands in the runbook."""
    assert first_column("runbook.md", "Diary lines") >= ERRORS


def test_every_slot_state_is_explained():
    """The page about grids knows each state of a slot."""
    assert {state.value for state in SlotState} <= first_column("grid.md", "Slots")


@pytest.mark.parametrize("name", ["grid.json", "ctos.json"])
def test_schemas_name_every_property(name):
    """Each key of a schema has a sentence, so that an editor can show it."""
    schema = json.loads((ROOT / "config" / "schema" / name).read_text(encoding="utf-8"))
    blocks = [schema, *schema.get("$defs", {}).values(), *schema["properties"].values()]
    silent = [
        key
        for block in blocks
        for key, value in block.get("properties", {}).items()
        if "description" not in value and "$ref" not in value and key not in SELF_EVIDENT
    ]

    assert silent == []
