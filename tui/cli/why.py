"""`ctos why`: the rule behind an order, what it read, and what came of it."""

from __future__ import annotations

import json

from core.errors import CtosError, ExitCode
from tui.cli.border import put
from tui.cli.bots import MODES
from tui.presentation.why import why_lines


def why(order: str, *, bot: str | None, run: str | None, is_json: bool) -> int:
    """Explains an order of any bot, running or not.

    Raises:
        CtosError: If no journal knows it.
    """
    from core.wiring import journals, places

    home = places.home()
    for mode in MODES:
        found = journals.explain(home, mode, order, bot=bot, run=run)
        if found is not None:
            if is_json:
                put(json.dumps(found.as_json()))
            else:
                for line in why_lines(found):
                    put(line)
            return ExitCode.OK
        if run is not None:
            break
    raise CtosError(
        f"no order {order[:64]!r} is on record.",
        remedy="Name it whole, by its client order id or the venue's id; `o` on the grid screen "
        "lists them.",
    )
