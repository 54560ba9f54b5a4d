"""Whether a venue answers at all, asked before its prices are taken for granted.

`auto` prices come from the venue where it can be reached, else from the simulation; nobody wants to
wait for the system's own patience to find that out.
"""

from __future__ import annotations

import socket
import threading
from typing import Final
from urllib.parse import urlsplit

PATIENCE_S: Final = 3.0
_PORTS: Final = {"https": 443, "wss": 443, "http": 80, "ws": 80}


def is_reachable(url: str, patience_s: float = PATIENCE_S) -> bool:
    """Whether a connection to the URL's host can be made in time; nothing is sent.

    Looking a name up knows no time limit, so all of it happens in a thread that is left behind when
    it takes too long.
    """
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme, 1080)
    found = threading.Event()

    def look() -> None:
        try:
            with socket.create_connection((parts.hostname or "", port), timeout=patience_s):
                found.set()
        except OSError:
            return

    thread = threading.Thread(target=look, name="reach", daemon=True)
    thread.start()
    thread.join(patience_s)
    return found.is_set()
