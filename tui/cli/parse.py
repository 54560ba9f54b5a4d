"""`ctos parse`: what a venue's parsers make of a recording of its messages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Final

from core.adapters.exchanges.models import plain, to_ns
from core.errors import ConfigError, ExitCode, FeedError
from tui.cli.border import put, say

MAX_LINE_BYTES: Final = 64 * 1024 * 1024
"""A longer line is read in pieces, each of which the decoder refuses."""


def parse(venue: str, channel: str, file: Path, *, is_json: bool) -> int:
    """Prints one line for each thing that the recording's messages say.

    Args:
        venue: A venue that has parsers, or any that ccxt knows.
        channel: One of the venue's channels or messages, a common one (`orderbook`, `trades`,
            `ticker`, `candles`, `funding`, `orders`, `fills`, `positions`, `balances`,
            `instruments`), or `all`. ccxt's venues have the common ones.
        file: JSON lines, gzipped where the name ends in `.gz`.
        is_json: One JSON object a line, instead of text.

    Returns:
        Exit code 1 if a message was refused, or if none was known, else 0. What was skipped is
        told on stderr.
    """
    from core.wiring import recordings

    transcript = recordings.transcript(venue, channel)
    refused = told = 0
    for entry in transcript.read(_lines(file)):
        if entry.error is not None:
            refused += 1
            _show(
                {
                    "line": entry.line,
                    "type": "error",
                    "message": entry.message,
                    "error": entry.error,
                },
                is_json=is_json,
            )
        told += len(entry.items)
        for item in entry.items:
            _show(record(item, entry.line, entry.message), is_json=is_json)
    for why, count in sorted(transcript.skipped.items()):
        say(f"skipped {count}: {why}")
    for name, count in sorted(transcript.unknown.items()):
        say(f"unknown, ignored {count}: {name}")
    if refused:
        say(f"refused {refused}")
    is_foreign = not told and not refused and recordings.is_foreign(transcript)
    if is_foreign:
        versions = ", ".join(recordings.other_versions(venue))
        say(
            f"No message in {file.name} is one that the parsers of {venue} know: "
            "another venue, or another version of its protocol"
            f"{f' ({versions})' if versions else ''}."
        )
    return ExitCode.FAILED if refused or is_foreign else ExitCode.OK


def record(item: object, line: int, message: str | None) -> dict[str, object]:
    """What one thing says, as JSON values: decimals as plain text, unknown as null."""
    found: dict[str, object] = {"line": line, "type": type(item).__name__, "message": message}
    if is_dataclass(item):
        for field in fields(item):
            if field.name != "raw":
                found[field.name] = _value(getattr(item, field.name))
    return found


def _value(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_value(part) for part in value]
    if is_dataclass(value):
        return [_value(getattr(value, field.name)) for field in fields(value)]
    return value


def _time(at: datetime) -> str | None:
    """ISO 8601 with milliseconds; null for the start of 1970, which stands for nobody knows."""
    if to_ns(at) == 0:
        return None
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _show(found: dict[str, object], *, is_json: bool) -> None:
    if is_json:
        put(json.dumps(found, ensure_ascii=False))
        return
    head = f"{found.pop('line'):>6} {found.pop('type')}"
    put(" ".join([head, *(f"{name}={_text(value)}" for name, value in found.items() if value)]))


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)


def _lines(file: Path) -> Iterator[bytes]:
    try:
        with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                yield line
    except FileNotFoundError:
        raise ConfigError(f"there is no file {file}.", source="arguments") from None
    except (EOFError, gzip.BadGzipFile) as error:
        raise FeedError(f"{file} is damaged: {error}") from error
    except OSError as error:
        raise ConfigError(
            f"{file} cannot be read: {error.strerror}.", source="arguments"
        ) from error
