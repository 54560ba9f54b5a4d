"""Looks after secrets: for `ctos doctor --security`, and before real money is traded.

Reads and changes nothing. A made-up secret is sent through everything that masks; the real ones are
searched for, never shown.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import AuthError, ConfigError, CtosError
from core.wiring.keys import key_entries, key_store
from core.wiring.places import JOURNAL, VENUE_CLIENTS, home

if TYPE_CHECKING:
    from core.services.doctor.premises import Exposed, KeptKeys
    from core.services.doctor.security import Difference, Sealed
    from core.services.doctor.snapshot import Check, Examination

MOST_BYTES: Final = 512 * 1024 * 1024
"""Of logs and journals that are searched for keys."""
_CHUNK: Final = 1 << 20
_OVERLAP: Final = 512
_CANARY: Final = "cTos-canary/7+secret=x9Q"


def examine_security() -> Examination:
    """Everything about secrets on this machine that can be looked at without a network."""
    from core.services.doctor import security as judge
    from core.services.doctor.snapshot import Examination

    kept, unpinned = _kept()
    return Examination(
        checks=(
            *_gate(kept),
            _leaks(kept),
            judge.libraries(_loud()),
            judge.rights(kept),
            judge.pinned(kept, unpinned),
            judge.at_rest(kept),
            judge.sealed(list(_engines())),
            judge.rotation(),
            judge.lock(_lock_differences()),
            judge.known_weaknesses(),
            judge.gateway(),
            judge.dead_man(),
        )
    )


def require_safe() -> None:
    """Refuses real money while secrets lie open.

    Raises:
        ConfigError: Naming the check that fails and what to do.
    """
    from core.services.doctor.snapshot import Health

    kept, _ = _kept()
    for check in _gate(kept):
        if check.status is Health.FAIL:
            raise ConfigError(
                f"{check.id}: {check.detail}. Real money is not traded like this.",
                source="ctos doctor --security",
                remedy=check.remedy,
            )


def _gate(kept: list[KeptKeys]) -> list[Check]:
    """What must be well before an order of real money: quick, and of this machine alone."""
    from core.adapters.keys.places import KeyringPlace
    from core.services.doctor import security as judge

    secrets, looked_at = _secrets_in_configuration()
    is_used = any(item.place == KeyringPlace.name for item in kept)
    private = list(_private_paths())
    exposed = [item for item in private if item.mode & 0o077 or not item.is_ours]
    return [
        judge.secrets_in_files(secrets, looked_at),
        judge.keyring(key_store().keyring.why_not, is_used=is_used),
        judge.owner_only(exposed, len(private)),
        judge.masking(_shown_canary()),
    ]


def _kept() -> tuple[list[KeptKeys], list[str]]:
    """Keys that are used, and the venues of those without an account."""
    from core.services.doctor.premises import KeptKeys

    entries = [entry for entry in key_entries() if not entry.is_hidden]
    kept = [
        KeptKeys(venue=e.venue, place=e.place, is_sealed=e.is_sealed, fault=e.fault)
        for e in entries
    ]
    return kept, [entry.venue for entry in entries if not entry.account and not entry.is_sealed]


def _secrets_in_configuration() -> tuple[list[str], int]:
    from core.infrastructure.config import load_yaml
    from core.infrastructure.secret_keys import refuse_secrets

    root = home().root
    paths = sorted({*root.glob("*.yaml"), *root.glob("*/*.yaml")})
    found = []
    for path in paths:
        try:
            refuse_secrets(load_yaml(path))
        except ConfigError as error:
            if "named like a secret" in error.message:
                found.append(f"{path}: {error.key}")
    return found, len(paths)


def _private_paths() -> Iterator[Exposed]:
    """The home, and below it keys, live journals and sockets of engines."""
    from core.infrastructure.home import MODES
    from core.services.doctor.premises import Exposed

    root = home().root
    folders = [root, root / "keys", *(root / mode for mode in MODES)]
    inside = [
        path
        for folder in folders[1:]
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if folder.name == "keys" or path.name.startswith((JOURNAL, "control."))
    ]
    for path in (*folders, *inside):
        try:
            about = path.lstat()
        except OSError:
            continue
        is_ours = sys.platform == "win32" or about.st_uid == os.geteuid()
        mode = 0 if sys.platform == "win32" else stat.S_IMODE(about.st_mode)
        yield Exposed(path=str(path), mode=mode, is_ours=is_ours)


def _shown_canary() -> list[str]:
    """Where a made-up secret is shown as it is."""
    import base64
    from urllib.parse import quote

    from core.adapters.exchanges.credentials import Credentials, Secret
    from core.infrastructure.redaction import Redactor

    secret = Secret(_CANARY)
    credentials = Credentials(venue="canary", account="a", secret=secret)
    masks = Redactor()
    masks.register(_CANARY)
    error = repr(AuthError(f"{credentials}", venue="canary"))
    shown = {
        "repr": repr(secret),
        "str": str(secret),
        "format": f"{secret:>40}",
        "a container": repr([{"key": credentials}]),
        "an error": error,
        "the log": masks.redact(f"sent {_CANARY} away"),
        "a URL in the log": masks.redact(quote(_CANARY, safe="")),
        "base64 in the log": masks.redact(base64.b64encode(_CANARY.encode()).decode()),
        "hex in the log": masks.redact(_CANARY.encode().hex()),
    }
    return [where for where, text in shown.items() if masks.has_known(text)]


def _leaks(kept: list[KeptKeys]) -> Check:
    """Searches logs and journals for the keys that are kept."""
    from core.infrastructure.redaction import REDACTOR
    from core.services.doctor import security as judge

    count = 0
    for item in kept:
        try:
            key_store().credentials(item.venue)  # registers them with what masks
        except CtosError:
            continue
        count += 1
    if not count:
        return judge.leaks([], 0, 0)
    found, files, left = [], 0, MOST_BYTES
    for path in _sinks():
        if left <= 0:
            break
        files += 1
        has_one, size = _searched(path, left, REDACTOR.has_known)
        left -= size
        if has_one:
            found.append(str(path))
    return judge.leaks(found, files, count)


def _sinks() -> list[Path]:
    """Files that programs write by themselves."""
    from core.infrastructure.home import find_checkout

    root = home().root
    checkout = None if "CTOS_HOME" in os.environ else find_checkout()
    # `log_folder` would make them, and make folders private that are not.
    folders = [(checkout or root) / "logs", *(root / name for name in ("live", "paper", "runs"))]
    return [
        path
        for folder in dict.fromkeys(folders)
        if folder.is_dir()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]


def _searched(path: Path, most: int, has_one: Callable[[str], bool]) -> tuple[bool, int]:
    """Whether a file holds a key, and how many bytes of it were read."""
    size, tail = 0, ""
    try:
        with path.open("rb") as file:
            while size < most and (chunk := file.read(_CHUNK)):
                size += len(chunk)
                text = tail + chunk.decode("latin-1")
                if has_one(text):
                    return True, size
                tail = text[-_OVERLAP:]
    except OSError:
        return False, size
    return False, size


def _loud() -> list[str]:
    """Loggers of clients that logging would let speak below warning."""
    from core.infrastructure.logging import PINNED, setup_logging

    names = (*PINNED, *VENUE_CLIENTS)
    with tempfile.TemporaryDirectory() as folder:
        opened = setup_logging(Path(folder), level="debug", clients=VENUE_CLIENTS)
        try:
            return [
                name
                for name in names
                if logging.getLogger(name).getEffectiveLevel() < logging.WARNING
            ]
        finally:
            opened.close()


def _engines() -> Iterator[Sealed]:
    """Engines that run, as the system tells of them; on Linux."""
    from core.infrastructure.files import is_locked, read_holder
    from core.infrastructure.home import MODES
    from core.services.doctor.security import Sealed

    for mode in MODES:
        path = home().root / mode / "engine.lock"
        holder = read_holder(path) if path.is_file() and is_locked(path) else None
        if holder is None:
            continue
        process = Path("/proc", str(holder.pid))
        try:
            limits = (process / "limits").read_text()
            status = (process / "status").read_text()
        except OSError:
            continue
        core = next(line.split()[4] for line in limits.splitlines() if "core file" in line)
        umask = next(line.split()[1] for line in status.splitlines() if line.startswith("Umask"))
        size = MOST_BYTES if core == "unlimited" else int(core)
        yield Sealed(mode=mode, core_bytes=size, umask=int(umask, 8))


def _lock_differences() -> list[Difference] | None:
    """Installed packages whose version is another than in the lock; those that are not are left."""
    from importlib.metadata import PackageNotFoundError, version

    from core.infrastructure.home import find_checkout
    from core.services.doctor.security import Difference

    checkout = find_checkout()
    path = None if checkout is None else checkout / "requirements-all.lock"
    if path is None or not path.is_file():
        return None
    locked: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, sign, rest = line.partition("==")
        if sign and not line.startswith((" ", "#")):
            pinned = rest.split(";")[0].split()[0].rstrip("\\")
            locked.setdefault(name.partition("[")[0].strip(), []).append(pinned)
    found = []
    for name, versions in locked.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            continue
        if installed not in versions:
            found.append(Difference(name=name, locked=versions[-1], installed=installed))
    return found
