"""`ctos replay`: a recording told again, at its own speed or another."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from core.errors import ConfigError, ExitCode
from tui.cli.border import put
from tui.cli.parse import record


def replay(path: Path, *, speed: str, symbol: str | None, depth: int) -> int:
    """One JSON object a line, in order of time."""
    from core.wiring import recordings

    factor = _factor(speed)
    told = recordings.replay(path.expanduser(), symbol=symbol, depth=depth)
    for number, (ns, item) in enumerate(paced(told, factor), start=1):
        fields = record(item, number, None)
        del fields["message"]
        put(json.dumps({"ts_ms": ns // 1_000_000, **fields}, ensure_ascii=False))
    return ExitCode.OK


def paced(
    told: Iterable[tuple[int, object]],
    speed: float | None,
    *,
    now_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[int, object]]:
    """Hands each thing over when its time has come.

    Args:
        told: In order of time.
        speed: Seconds of the recording in a second; None for no waiting.
        now_s: A steady clock.
        sleep: Waits so many seconds.
    """
    began_s = now_s()
    first_ns: int | None = None
    for ns, item in told:
        if speed is not None:
            first_ns = ns if first_ns is None else first_ns
            wait_s = began_s + (ns - first_ns) / 1e9 / speed - now_s()
            if wait_s > 0:
                sleep(wait_s)
        yield ns, item


def _factor(text: str) -> float | None:
    if text == "max":
        return None
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise ConfigError(
            f"{text[:20]!r} is no speed.",
            source="arguments",
            key="--speed",
            remedy="Give a number above 0, or max.",
        )
    return found
