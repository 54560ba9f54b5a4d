"""Private files, whole writes, and a lease that one process holds."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest

from core.errors import ConfigError, LeaseHeld
from core.infrastructure.files import (
    FileLock,
    ensure_folder,
    open_private,
    read_holder,
    read_private_text,
    write_atomic,
)


def mode_of(path):
    """The permission bits of a file."""
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_write_replaces_the_file_whole_and_private(tmp_path):
    """The new content is there, with mode 0600, and nothing is left beside it."""
    path = tmp_path / "state.json"
    write_atomic(path, "old")
    write_atomic(path, b"new")

    assert path.read_text() == "new"
    assert mode_of(path) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    """An error before the rename leaves the old content and no neighbour."""
    path = tmp_path / "state.json"
    write_atomic(path, "old")

    def no_room(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(OSError, match="No space"):
        write_atomic(path, "new")

    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o666, 0o604])
def test_a_file_that_others_can_read_is_refused(tmp_path, mode):
    """Only mode 0600 and narrower is private."""
    path = tmp_path / "key"
    path.write_text("secret")
    path.chmod(mode)

    with pytest.raises(ConfigError, match=r"can be read by others .*chmod 600"):
        read_private_text(path)
    path.chmod(0o600)
    assert read_private_text(path) == "secret"


def test_links_folders_and_pipes_are_refused(tmp_path):
    """A private file is a regular file itself."""
    write_atomic(tmp_path / "real", "x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(ConfigError, match="is a link"):
        open_private(tmp_path / "link")
    with pytest.raises(ConfigError, match="no regular file"):
        open_private(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="no regular file"):
        open_private(tmp_path)


def test_long_and_undecodable_private_files_are_refused(tmp_path):
    """Reading has a limit and one encoding."""
    write_atomic(tmp_path / "long", "x" * 11)
    write_atomic(tmp_path / "binary", b"\xff")

    with pytest.raises(ConfigError, match="larger than 10 bytes"):
        read_private_text(tmp_path / "long", limit=10)
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_private_text(tmp_path / "binary")


def test_folders_are_made_private_and_made_private_again(tmp_path):
    """Rights of others are taken away from a folder that is ours."""
    ensure_folder(tmp_path / "a" / "b")
    assert mode_of(tmp_path / "a" / "b") == 0o700
    (tmp_path / "a" / "b").chmod(0o755)

    ensure_folder(tmp_path / "a" / "b")

    assert mode_of(tmp_path / "a" / "b") == 0o700


def test_what_cannot_be_a_folder_says_why(tmp_path):
    """A file in the way and a link are refused in words."""
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(ConfigError, match="is no folder"):
        ensure_folder(tmp_path / "file")
    with pytest.raises(ConfigError, match="no folder"):
        ensure_folder(tmp_path / "file" / "inner")
    with pytest.raises(ConfigError, match="is a link"):
        ensure_folder(tmp_path / "link")


def test_a_lease_has_one_holder_and_a_growing_token(tmp_path):
    """A second taker is refused with the holder's pid; every later holder has a higher token."""
    path = tmp_path / "engine.lock"
    first, second = FileLock(path), FileLock(path)
    holder = first.acquire(7)

    with pytest.raises(LeaseHeld, match=f"pid {os.getpid()}"):
        second.acquire(8)
    assert first.is_held()
    assert not second.is_held()
    assert read_holder(path) == holder
    first.release()
    assert not first.is_held()
    with pytest.raises(LeaseHeld):
        _ = first.token
    with second:
        assert second.acquire(9).token == holder.token + 1
        assert second.token == holder.token + 1


def _written_by_another(path):
    path.write_bytes(path.read_bytes().replace(b'"token": 1', b'"token": 2'))


def _emptied(path):
    path.write_bytes(b"")


def _opened_to_others(path):
    path.chmod(0o644)


def _made_a_link(path):
    path.symlink_to(path.rename(path.with_name("away")))


@pytest.mark.parametrize("spoil", [_written_by_another, _emptied, _opened_to_others, _made_a_link])
def test_a_lease_whose_file_is_not_as_it_was_left_is_not_held(tmp_path, spoil):
    """Each question looks at the file anew: at which it is, at its rights and at what it says."""
    path = tmp_path / "engine.lock"
    lock = FileLock(path)
    lock.acquire(1)
    assert lock.is_held()
    assert lock.is_held()

    spoil(path)

    assert not lock.is_held()
    lock.release()


def test_a_removed_lease_is_no_longer_held(tmp_path):
    """Whoever deletes or replaces the file takes the lease away, and the holder can see it."""
    path = tmp_path / "engine.lock"
    lock, other = FileLock(path), FileLock(path)
    lock.acquire(1)
    path.unlink()

    assert not lock.is_held()
    other.acquire(2)
    assert not lock.is_held()
    lock.release()
    other.release()


@pytest.mark.process
def test_the_kernel_frees_the_lease_of_a_killed_process(tmp_path):
    """After `kill -9` the next one takes the lease at once."""
    path = tmp_path / "engine.lock"
    script = (
        "import pathlib, sys, time\n"
        "from core.infrastructure.files import FileLock\n"
        "lock = FileLock(pathlib.Path(sys.argv[1])); lock.acquire(1)\n"
        "print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        lock = FileLock(path)
        with pytest.raises(LeaseHeld, match=f"pid {child.pid}"):
            lock.acquire(2)
        child.kill()
        child.wait()
        assert lock.acquire(3).token == 2
        lock.release()
