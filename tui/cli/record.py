"""`ctos record`: a venue's public data into files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import ConfigError, ExitCode
from tui.cli.border import put, say
from tui.cli.durations import seconds_of

_KINDS: Final = ("trades", "quotes", "books")
_MB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """What was typed."""

    venue: str
    symbols: tuple[str, ...]
    out: Path
    duration: str | None = None
    kinds: str = ",".join(_KINDS)
    table_format: str = "auto"
    depth: int = 50
    has_raw: bool = True
    rotate_mb: int = 64
    is_json: bool = False


def record(options: RecordOptions) -> int:
    """Records until the time is over, or Ctrl+C; says what came of it."""
    from core.wiring import recordings

    seconds = None if options.duration is None else seconds_of(options.duration)
    request = recordings.RecordRequest(
        venue=options.venue,
        symbols=options.symbols,
        out=options.out.expanduser().absolute(),
        kinds=_kinds(options.kinds),
        has_raw=options.has_raw,
        is_parquet={"auto": None, "parquet": True, "csv": False}[options.table_format],
        depth=options.depth,
        seconds=seconds,
        limit_bytes=options.rotate_mb * _MB,
    )
    until = "Ctrl+C ends it" if options.duration is None else f"for {options.duration}"
    say(f"recording {options.venue} {', '.join(options.symbols)} into {options.out}; {until}.")
    found = recordings.record(request)
    for what in found.unsupported:
        say(what)
    if options.is_json:
        put(
            json.dumps(
                {
                    "rows": found.rows,
                    "lost": found.lost,
                    "gaps": found.gaps,
                    "files": [str(path) for path in found.files],
                    "unsupported": list(found.unsupported),
                },
                ensure_ascii=False,
            )
        )
        return ExitCode.OK
    counts = ", ".join(f"{count:,} {kind}" for kind, count in found.rows.items() if kind != "gaps")
    put(f"{counts}; {found.gaps} gaps, {found.lost:,} lost; {len(found.files)} files")
    return ExitCode.OK


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    wrong = [kind for kind in kinds if kind not in _KINDS]
    if wrong or not kinds:
        raise ConfigError(
            f"{(wrong or [text])[0][:40]!r} is nothing that can be recorded.",
            source="arguments",
            key="--kinds",
            remedy=f"Give one or more of: {', '.join(_KINDS)}.",
        )
    return kinds
