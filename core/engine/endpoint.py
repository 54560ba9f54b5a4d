"""Where an engine is reached: a Unix socket in a private folder, or loopback with a token.

The address follows from home and mode alone, so every terminal of a user finds the same engine
without asking anyone.
"""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.infrastructure.files import ensure_folder, read_private_text, write_atomic
from core.infrastructure.home import Home


class Listening(msgspec.Struct, frozen=True):
    """What the private file of an engine on TCP holds."""

    port: int
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An engine's address."""

    path: Path
    """The Unix socket, or the private file with port and token."""
    is_unix: bool

    @classmethod
    def of(cls, home: Home, mode: str, *, is_unix: bool | None = None) -> Endpoint:
        """The address of the engine of a mode.

        Args:
            home: Whose engine.
            mode: `paper` or `live`.
            is_unix: None for what the system has.
        """
        if is_unix is None:
            is_unix = hasattr(socket, "AF_UNIX")
        if is_unix:
            return cls(path=home.socket_path(mode), is_unix=True)
        return cls(path=home.mode_folder(mode) / "control.port", is_unix=False)

    def prepare(self) -> None:
        """Makes the folder private and takes away what a crashed engine left.

        Call it only while holding the lease.

        Raises:
            ConfigError: If the folder belongs to somebody else.
        """
        ensure_folder(self.path.parent)
        self.remove()

    def read(self) -> Listening | None:
        """Port and token of an engine on TCP; None when none is listening."""
        try:
            return msgspec.json.decode(read_private_text(self.path), type=Listening)
        except (OSError, msgspec.MsgspecError):
            return None

    def publish(self, port: int) -> Listening:
        """Tells those of the same user the port of an engine on TCP, with a fresh token."""
        listening = Listening(port=port, token=secrets.token_urlsafe(32))
        write_atomic(self.path, msgspec.json.encode(listening))
        return listening

    def remove(self) -> None:
        """Takes the address away."""
        self.path.unlink(missing_ok=True)
