import subprocess
import sys

import pytest

HEAVY = ("textual", "ccxt", "aiohttp", "numpy", "pydantic", "msgspec", "yaml", "rich", "asyncio")


def test_help_loads_nothing_heavy():
    """`ctos --help` shows every command and imports neither screens, clients nor models."""
    code = (
        "import sys\n"
        "from tui.cli.main import app\n"
        "try:\n    app(['--help'], prog_name='ctos')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )

    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert "LOADED []" in shown
    for command in ("grid", "plan", "check", "ps", "attach", "stop", "kill", "status"):
        assert f"  {command} " in shown
    assert "run-grid-trading" not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("grid",),
        ("grid", "a", "b"),
        ("nothing",),
        ("kill", "--what"),
        ("stop", "x", "--policy", "y"),
    ],
    ids=" ".join,
)
def test_wrong_arguments_give_two(arguments: tuple[str, ...]):
    """What cannot be meant is refused with exit code 2 and no traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "tui.cli", *arguments], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr


def test_the_version_is_the_package_s():
    """`--version` says which ctos this is."""
    from importlib import metadata

    try:
        version = metadata.version("ctos")
    except metadata.PackageNotFoundError:
        pytest.skip("ctos runs without being installed")
    shown = subprocess.run(
        [sys.executable, "-m", "tui.cli", "--version"], capture_output=True, text=True, check=True
    ).stdout

    assert shown == f"ctos {version}\n"
