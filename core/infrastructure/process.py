"""What this process forbids itself before it holds anything worth stealing."""

from __future__ import annotations

import os
import sys

PRIVATE_UMASK = 0o077
"""Whatever is created belongs to its owner alone."""


def seal() -> None:
    """No memory of this process is ever written to a core file, and new files are private.

    A system without such limits (Windows) has no core files either.
    """
    os.umask(PRIVATE_UMASK)
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))
