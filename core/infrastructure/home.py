"""Where everything that ctos keeps stands on disk.

    $CTOS_HOME/
      instance          who this installation is, ten letters and digits
      paper/  live/     one folder per mode: journal, venue, lease, control socket
      runs/<name>/      one folder per run on virtual time
      logs/             logs, unless ctos runs from a checkout, which has its own `logs/`

`CTOS_HOME` is the platform's folder for user data unless the environment says otherwise. Folders
have mode 0700, files 0600.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import ConfigError
from core.infrastructure.files import (
    ensure_folder,
    read_private_text,
    write_atomic,
)
from core.infrastructure.ids import random_id
from core.infrastructure.rng import Rng

MODES = ("paper", "live")
LONGEST_SOCKET_PATH = 100
"""Bytes; the shortest limit among the systems is 104, with the closing zero."""
_INSTANCE = re.compile(r"[0-9a-z]{10}")
_RUN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one installation's data."""

    root: Path
    runtime: Path | None = None
    """The system's folder for sockets, private to the user; None where there is none."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], platform: str = sys.platform) -> Home:
        """The home that `CTOS_HOME` names, or the platform's.

        Raises:
            ConfigError: If `CTOS_HOME` is no absolute path, or the user's own folder is not known.
        """
        runtime = environ.get("XDG_RUNTIME_DIR")
        return cls(_root(environ, platform), Path(runtime) if runtime else None)

    def ensure(self) -> None:
        """Makes the home, private.

        Raises:
            ConfigError: If it cannot be made or written to: read-only, full, not ours.
        """
        ensure_folder(self.root)

    def mode_folder(self, mode: str) -> Path:
        """The folder of `paper` or `live`, made when it is not there.

        Raises:
            ConfigError: As `ensure`; also for another mode.
        """
        if mode not in MODES:
            raise ConfigError(f"there is no mode {mode[:20]!r}; modes: {', '.join(MODES)}.")
        return self._folder(mode)

    def find_run(self, name: str) -> Path:
        """Where a run of this name is, or would be; nothing is made.

        Raises:
            ConfigError: If the name is no plain name.
        """
        if not _RUN_NAME.fullmatch(name):
            raise ConfigError(f"the run {name[:60]!r} needs a plain name, such as may-2026.")
        return self.root / "runs" / name

    def run_folder(self, name: str, *, is_resumed: bool = False) -> Path:
        """The folder of a run on virtual time.

        Args:
            is_resumed: Whether to go on in the folder of an earlier run.

        Raises:
            ConfigError: If the name is no plain name, a run of that name exists and is not resumed,
                or none exists to resume.
        """
        folder = self.find_run(name)
        exists = folder.is_dir() and any(folder.iterdir())
        if exists and not is_resumed:
            remedy = "Resume it with --resume, or give this one another name."
            raise ConfigError(f"a run named {name} exists in {folder}.", remedy=remedy)
        if is_resumed and not exists:
            raise ConfigError(f"there is no run named {name} to resume.", source=str(folder.parent))
        self._folder("runs")
        ensure_folder(folder)
        return folder

    def instance_id(self, rng: Rng) -> str:
        """Ten letters and digits that name this installation, drawn once and kept.

        Raises:
            ConfigError: If the home cannot be used, or the file holds something else.
        """
        path = self.root / "instance"
        try:
            text = read_private_text(path, limit=100).strip()
        except FileNotFoundError:
            self.ensure()
            text = random_id(rng)
            write_atomic(path, text + "\n")
        if not _INSTANCE.fullmatch(text):
            remedy = "Restore it from a backup: orders that still rest carry its letters."
            raise ConfigError("is damaged.", source=str(path), remedy=remedy)
        return text

    def lease_path(self, mode: str) -> Path:
        """The file that an engine of this mode locks."""
        return self.mode_folder(mode) / "engine.lock"

    def socket_path(self, mode: str) -> Path:
        """Where a mode's engine listens: in its folder, or the runtime folder when too long."""
        path = self.mode_folder(mode) / "control.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
            return path
        folder = self._runtime_folder()
        digest = hashlib.blake2b(os.fsencode(self.root), digest_size=6).hexdigest()
        return folder / f"{digest}-{mode}.sock"

    def log_folder(self, checkout: Path | None = None) -> Path:
        """Where logs go: `logs/` of the checkout that ctos runs from, else under the home.

        Args:
            checkout: As found by `find_checkout`; None for an installed ctos.

        Raises:
            ConfigError: As `ensure`.
        """
        if checkout is not None:
            folder = checkout / "logs"
            if os.access(folder if folder.is_dir() else checkout, os.W_OK):
                folder.mkdir(exist_ok=True)
                return folder
        return self._folder("logs")

    def _folder(self, name: str) -> Path:
        self.ensure()
        ensure_folder(self.root / name)
        return self.root / name

    def _runtime_folder(self) -> Path:
        if self.runtime is not None and self.runtime.is_dir():
            folder = self.runtime / "ctos"
        else:
            user = os.geteuid() if hasattr(os, "geteuid") else "user"
            folder = Path(tempfile.gettempdir()) / f"ctos-{user}"
        ensure_folder(folder)
        return folder


def find_checkout(package_file: str | None = None) -> Path | None:
    """The checkout that this ctos was imported from, known by its pyproject; None when installed.

    Args:
        package_file: A file two folders below the checkout; this module by default.
    """
    root = Path(package_file or __file__).resolve().parents[2]
    try:
        text = (root / "pyproject.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return root if re.search(r'^name\s*=\s*"ctos"\s*$', text, re.MULTILINE) else None


def _root(environ: Mapping[str, str], platform: str) -> Path:
    if given := environ.get("CTOS_HOME"):
        path = Path(given).expanduser()
        if not path.is_absolute() or "\0" in given:
            raise ConfigError("CTOS_HOME must be an absolute path.", source="environment")
        return path
    if platform == "win32":
        return _under(environ, "LOCALAPPDATA") / "ctos"
    if platform == "darwin":
        return _under(environ, "HOME") / "Library" / "Application Support" / "ctos"
    data = environ.get("XDG_DATA_HOME", "")
    if Path(data).is_absolute():
        return Path(data) / "ctos"
    return _under(environ, "HOME") / ".local" / "share" / "ctos"


def _under(environ: Mapping[str, str], name: str) -> Path:
    value = environ.get(name)
    if not value:
        message = f"{name} is not set, so there is no place for data."
        raise ConfigError(message, source="environment", remedy="Set CTOS_HOME.")
    return Path(value)
