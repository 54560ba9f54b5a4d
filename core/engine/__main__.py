"""The engine as a process."""

from __future__ import annotations

import sys

from core.engine.main import main

sys.exit(main())
