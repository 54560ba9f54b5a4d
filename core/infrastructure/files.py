"""Files that only their owner reads, that are never half-written, and a lock that dies with us.

Everything ctos keeps is private: created with mode 0600 in folders of mode 0700, and checked with
`fstat` on the open file, so that a symlink or a file of another user is noticed (SK3, ST13, PR17).
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from core.errors import ConfigError, LeaseHeld

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
MAX_TEXT_BYTES = 1_000_000
_HOLDER_BYTES = 128
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


def write_atomic(path: Path, content: str | bytes, *, mode: int = PRIVATE_FILE) -> None:
    """Replaces a file whole: after a crash it holds either the old content or the new.

    Writes a neighbour, syncs it, renames it over `path` and syncs the folder.

    Raises:
        OSError: If there is no room or no permission; the old file is untouched.
    """
    raw = content.encode() if isinstance(content, str) else content
    neighbour = path.with_name(f".{path.name}.{os.getpid()}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_FOLLOW
    descriptor = os.open(neighbour, flags, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        neighbour.chmod(mode)
        neighbour.replace(path)
    except BaseException:
        neighbour.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes a rename or a new file in `folder` durable, where the system can."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def ensure_folder(folder: Path) -> None:
    """Makes a private folder, or takes the rights of others away from one that is ours.

    Raises:
        ConfigError: If it cannot be made or written to, is a link or no folder, or is another
            user's.
    """
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        about = folder.lstat()
        if stat.S_ISLNK(about.st_mode):
            raise ConfigError("is a link; the folder itself is needed.", source=str(folder))
        _check_owner(folder, about)
        if stat.S_IMODE(about.st_mode) & 0o077:
            folder.chmod(PRIVATE_FOLDER)
    except FileExistsError as error:
        raise ConfigError("is no folder.", source=str(folder)) from error
    except OSError as error:
        raise _folder_error(folder, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _folder_error(folder, OSError(errno.EACCES, os.strerror(errno.EACCES)))


def open_private(path: Path, mode: str = "r") -> IO[bytes]:
    """Opens a file that only its owner may read, as bytes; a missing one is created for writing.

    Args:
        mode: `r` to read, `a` to append, `w` to replace, `u` to read and write in place.

    Raises:
        FileNotFoundError: If it is to be read and is not there.
        ConfigError: If it is a link, no regular file, another user's, or open to others.
    """
    flags = {
        "r": os.O_RDONLY,
        "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
        "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
        "u": os.O_RDWR | os.O_CREAT,
    }[mode]
    try:
        descriptor = os.open(path, flags | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0), PRIVATE_FILE)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EMLINK}:
            raise ConfigError("is a link; the file itself is needed.", source=str(path)) from error
        raise
    try:
        check_private(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "r+b" if mode == "u" else f"{mode}b")


def check_private(path: Path, about: os.stat_result) -> None:
    """Refuses what others could read or have put there.

    Raises:
        ConfigError: Saying why, and the command that mends it.
    """
    if not stat.S_ISREG(about.st_mode):
        raise ConfigError("is no regular file.", source=str(path))
    _check_owner(path, about)
    if sys.platform != "win32" and stat.S_IMODE(about.st_mode) & 0o077:
        message = f"can be read by others (mode {stat.S_IMODE(about.st_mode):04o})."
        raise ConfigError(message, source=str(path), remedy=f"Run: chmod 600 {path}")


def read_private_text(path: Path, *, limit: int = MAX_TEXT_BYTES) -> str:
    """The text of a private file.

    Raises:
        FileNotFoundError: If it is not there.
        ConfigError: If it is not private, longer than `limit` bytes, or not UTF-8.
    """
    with open_private(path) as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise ConfigError(f"is larger than {limit:,} bytes.", source=str(path))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8.", source=str(path)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a lock, as written in its file."""

    pid: int
    started_ns: int
    """UTC nanoseconds since 1970."""
    token: int
    """Grows by one with every holder of this file, so a later holder fences an earlier one."""


class FileLock:
    """A lease on a folder: at most one process holds it, and the kernel frees it when that dies.

    The file stays when the lock is released; only the kernel's lock on it counts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = os.fspath(path)
        self._file: IO[bytes] | None = None
        self._holder: Holder | None = None
        self._mark: tuple[tuple[int, ...], bytes] | None = None
        """Which file the lease is, and what we wrote into it; looked at before every order."""

    @property
    def token(self) -> int:
        """The fencing token of the lease that is held.

        Raises:
            LeaseHeld: If it is not held.
        """
        if self._holder is None:
            raise LeaseHeld(f"the lease {self.path} is not held by this process.")
        return self._holder.token

    def acquire(self, started_ns: int) -> Holder:
        """Takes the lease without waiting.

        Raises:
            LeaseHeld: If another process, or another object of this one, holds it.
            ConfigError: If the file is not private.
        """
        if self._holder is not None:
            return self._holder
        file = open_private(self.path, "u")
        try:
            _lock(file.fileno())
        except OSError as error:
            file.close()
            raise _held(self.path, read_holder(self.path)) from error
        previous = read_holder(self.path)
        token = 1 if previous is None else previous.token + 1
        holder = Holder(pid=os.getpid(), started_ns=started_ns, token=token)
        fields = {"pid": holder.pid, "started_ns": holder.started_ns, "token": holder.token}
        # One write over a record of fixed length: a crash leaves the old token or the new one.
        record = json.dumps(fields).ljust(_HOLDER_BYTES - 1).encode() + b"\n"
        file.write(record)
        file.flush()
        os.fsync(file.fileno())
        self._file, self._holder = file, holder
        self._mark = _which(os.fstat(file.fileno())), record
        return holder

    def is_held(self) -> bool:
        """Whether the lease is ours: False too when its file is away, another, or says another."""
        if self._file is None or self._mark is None:
            return False
        which, record = self._mark
        try:
            if _which(os.lstat(self._name)) != which:
                return False
            return _record_of(self._file.fileno()) == record
        except OSError:
            return False

    def release(self) -> None:
        """Gives the lease back; does nothing when it is not held."""
        if self._file is not None:
            self._file.close()
        self._file = self._holder = self._mark = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _record_of(descriptor: int) -> bytes:
    """What stands at the beginning of a file, wherever it was read before."""
    if sys.platform == "win32":
        os.lseek(descriptor, 0, os.SEEK_SET)
        return os.read(descriptor, _HOLDER_BYTES)
    return os.pread(descriptor, _HOLDER_BYTES, 0)


def _which(about: os.stat_result) -> tuple[int, ...]:
    """What tells one private file from another, and from itself once others may write it."""
    return about.st_dev, about.st_ino, about.st_mode, about.st_uid


def read_holder(path: Path) -> Holder | None:
    """Who wrote the lock file last, dead or alive; None when it is missing or says nothing."""
    with suppress(OSError, ConfigError, ValueError, KeyError, TypeError):
        fields: Mapping[str, int] = json.loads(read_private_text(path, limit=1_000))
        return Holder(
            pid=int(fields["pid"]),
            started_ns=int(fields["started_ns"]),
            token=int(fields["token"]),
        )
    return None


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock of a file; the file is opened for reading alone.

    Raises:
        OSError: If it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW)
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _held(path: Path, holder: Holder | None) -> LeaseHeld:
    who = "another engine" if holder is None else f"another engine (pid {holder.pid})"
    return LeaseHeld(
        f"{who} owns {path.parent}.",
        remedy="Attach to it with `ctos attach`, or stop it with `ctos stop`.",
    )


def _check_owner(path: Path, about: os.stat_result) -> None:
    if sys.platform != "win32" and about.st_uid != os.geteuid():
        raise ConfigError("belongs to another user.", source=str(path))


def _folder_error(folder: Path, error: OSError) -> ConfigError:
    reasons = {
        errno.EACCES: "you may not write here",
        errno.EPERM: "you may not write here",
        errno.EROFS: "the file system is read-only",
        errno.ENOSPC: "the disk is full",
        errno.ENOTDIR: "a part of the path is no folder",
    }
    reason = reasons.get(error.errno or 0, error.strerror or str(error))
    return ConfigError(
        f"cannot be used as a folder: {reason}.",
        source=str(folder),
        remedy="Set CTOS_HOME to a folder that you can write to.",
    )
