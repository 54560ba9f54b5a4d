"""The home: where it stands on each platform, private folders, runs, identity, socket, logs."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.infrastructure.home import LONGEST_SOCKET_PATH, Home, find_checkout
from core.infrastructure.rng import SeededRng, SystemRng


def mode_of(path):
    """The permission bits of a folder or file."""
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize(
    "environ, platform, expected",
    [
        ({"CTOS_HOME": "/data/x", "HOME": "/home/u"}, "linux", "/data/x"),
        ({"HOME": "/home/u"}, "linux", "/home/u/.local/share/ctos"),
        ({"HOME": "/home/u", "XDG_DATA_HOME": "/xdg"}, "linux", "/xdg/ctos"),
        ({"HOME": "/home/u", "XDG_DATA_HOME": "relative"}, "linux", "/home/u/.local/share/ctos"),
        ({"HOME": "/Users/u"}, "darwin", "/Users/u/Library/Application Support/ctos"),
        ({"LOCALAPPDATA": "/L"}, "win32", "/L/ctos"),
    ],
)
def test_the_home_stands_where_the_platform_keeps_user_data(environ, platform, expected):
    """`CTOS_HOME` wins; else each platform has its own place."""
    assert Home.from_environment(environ, platform).root == Path(expected)


@pytest.mark.parametrize("environ", [{}, {"CTOS_HOME": "relative/x", "HOME": "/h"}])
def test_a_home_without_a_place_is_refused(environ):
    """A relative home would move with the shell, and none at all is no place."""
    with pytest.raises(ConfigError, match="environment"):
        Home.from_environment(environ, "linux")


def test_folders_are_private(tmp_path):
    """Home, mode and run folders have mode 0700."""
    home = Home(tmp_path / "home")

    folders = [home.mode_folder("paper"), home.mode_folder("live"), home.run_folder("may")]

    assert {mode_of(folder) for folder in [home.root, *folders]} == {0o700}
    assert folders[2] == home.root / "runs" / "may"
    with pytest.raises(ConfigError, match="no mode 'demo'"):
        home.mode_folder("demo")


def test_a_run_is_fresh_or_resumed_on_purpose(tmp_path):
    """An earlier run is neither overwritten nor joined without being asked for."""
    home = Home(tmp_path)
    with pytest.raises(ConfigError, match="no run named may to resume"):
        home.run_folder("may", is_resumed=True)
    (home.run_folder("may") / "journal.db").write_text("x")

    with pytest.raises(ConfigError, match="a run named may exists"):
        home.run_folder("may")
    assert home.run_folder("may", is_resumed=True) == tmp_path / "runs" / "may"


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "x" * 70, "a b", ".hidden"])
def test_run_names_are_plain(tmp_path, name):
    """A run's name is the name of one folder."""
    with pytest.raises(ConfigError, match="plain name"):
        Home(tmp_path).run_folder(name)
    with pytest.raises(ConfigError, match="plain name"):
        Home(tmp_path).find_run(name)


def test_the_instance_id_is_drawn_once_and_kept(tmp_path):
    """The same installation has the same id, whatever chance says later."""
    home = Home(tmp_path / "home")
    first = home.instance_id(SeededRng(1))

    assert home.instance_id(SystemRng()) == first
    assert len(first) == 10
    assert first.isalnum()
    assert mode_of(tmp_path / "home" / "instance") == 0o600
    (tmp_path / "home" / "instance").write_text("?!")
    with pytest.raises(ConfigError, match="is damaged"):
        home.instance_id(SystemRng())


def test_the_socket_moves_when_its_path_would_be_too_long(tmp_path):
    """A long home gets its socket in the runtime folder, one for each home and mode."""
    runtime = tmp_path / "run"
    runtime.mkdir()
    near = Home(Path("/tmp") / f"ctos-test-{os.getpid()}" / "h", runtime)  # noqa: S108 # short
    far = Home(tmp_path / ("x" * 100), runtime)
    farther = Home(tmp_path / ("y" * 100), runtime)
    try:
        assert near.socket_path("paper") == near.root / "paper" / "control.sock"
    finally:
        for folder in (near.root / "paper", near.root, near.root.parent):
            folder.rmdir()
    paths = {far.socket_path("paper"), far.socket_path("live"), farther.socket_path("paper")}

    assert len(paths) == 3
    assert {path.parent for path in paths} == {runtime / "ctos"}
    assert mode_of(runtime / "ctos") == 0o700
    assert far.lease_path("paper") == far.root / "paper" / "engine.lock"


def test_without_a_runtime_folder_the_socket_goes_to_the_temporary_one(tmp_path, monkeypatch):
    """The fallback is a private folder of this user."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    path = Home(tmp_path / ("x" * 100)).socket_path("paper")

    assert path.parent == tmp_path / f"ctos-{os.geteuid()}"
    assert mode_of(path.parent) == 0o700
    assert LONGEST_SOCKET_PATH < 104


def test_logs_go_to_the_checkout_or_the_home(tmp_path):
    """A checkout keeps its own logs, an installed ctos keeps them at home."""
    checkout = tmp_path / "checkout"
    (checkout / "core" / "infrastructure").mkdir(parents=True)
    (checkout / "pyproject.toml").write_text('[project]\nname = "ctos"\n')
    module = str(checkout / "core" / "infrastructure" / "home.py")
    home = Home(tmp_path / "home")

    assert find_checkout(module) == checkout
    assert home.log_folder(checkout) == checkout / "logs"
    assert home.log_folder(None) == tmp_path / "home" / "logs"
    (checkout / "pyproject.toml").write_text('[project]\nname = "other"\n')
    assert find_checkout(module) is None
    (checkout / "pyproject.toml").unlink()
    assert find_checkout(module) is None
    assert find_checkout() is not None


def test_a_home_that_cannot_be_written_says_what_to_do(tmp_path):
    """A file in the way of the home is an error with a way out."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match=r"no folder.*Set CTOS_HOME"):
        Home(tmp_path / "file" / "home").ensure()


@pytest.mark.parametrize(
    "number, reason",
    [
        (errno.EROFS, "the file system is read-only"),
        (errno.ENOSPC, "the disk is full"),
        (errno.EACCES, "you may not write here"),
    ],
)
def test_why_a_home_cannot_be_made_is_said(tmp_path, monkeypatch, number, reason):
    """Each reason of the system becomes a sentence with a way out."""

    def refuse(path, *args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ConfigError, match=rf"{reason}\. Set CTOS_HOME"):
        Home(tmp_path / "home").ensure()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_home_is_refused(tmp_path):
    """A folder without the right to write is no home."""
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="you may not write here"):
        Home(tmp_path / "home").ensure()
