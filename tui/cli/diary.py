"""A bot's diary on stdout: sentences for people, JSON lines for programs.

Writing never reaches trading: on real time lines go through a thread, so that a reader who stops
reading stops nothing; a pipe that is closed, or a terminal that is gone, is noticed once and the
bot goes on. On virtual time there is no hurry and no thread: lines are written in large pieces.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Final, Protocol

import msgspec

from core.infrastructure.foreign_text import clean, clean_lines

Value = str | int | bool | None
Fields = Sequence[tuple[str, Value]]

PIECE: Final = 1 << 16
"""Characters that are written at once on virtual time."""
MOST_WAITING: Final = 100_000
"""Lines kept for a reader who stopped reading; later ones are counted and dropped."""
LAST_WAIT_S: Final = 2.0

_DAY_NS: Final = 86_400 * 1_000_000_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_encode: Final = msgspec.json.Encoder().encode
_ORDER: Final = ("side", "amount", "price", "level", "leg", "reason")
"""Fields of an order that people want first."""


class Output(Protocol):
    """Where lines go."""

    def write(self, line: str) -> None:
        """Takes one line without its end; never raises and never waits for long."""

    def close(self) -> None:
        """Writes what waits. Idempotent."""


class Diary:
    """Turns events of bots into lines.

    Args:
        output: Where they go.
        is_json: JSON lines instead of sentences.
    """

    def __init__(self, output: Output, *, is_json: bool) -> None:
        self._output = output
        self._format = json_line if is_json else text_line

    def event(self, bot: str, at: str, event: str, fields: Fields) -> None:
        """Writes one event.

        Args:
            bot: Its name.
            at: ISO 8601 UTC with milliseconds.
            event: Dotted past participle.
            fields: What belongs to it, in order.
        """
        self._output.write(clean_lines(self._format(bot, at, event, fields)))

    def close(self) -> None:
        """Writes what waits."""
        self._output.close()


class BufferedOutput:
    """For virtual time: large pieces, written by the caller.

    Args:
        descriptor: Of the open file, such as 1 for stdout.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[str] = []
        self._size = 0
        self.is_broken = False
        """Whether nobody can read any more."""

    def write(self, line: str) -> None:
        """Keeps the line until a piece is full."""
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size >= PIECE:
            self._flush()

    def close(self) -> None:
        """Writes what waits."""
        self._flush()

    def _flush(self) -> None:
        lines, self._lines, self._size = self._lines, [], 0
        if lines and not self.is_broken:
            self.is_broken = not _put(self._descriptor, lines)


class ThreadedOutput:
    """For real time: a thread writes, the caller never waits.

    Args:
        descriptor: Of the open file, such as 1 for stdout.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self.dropped = 0
        """Lines for which there was no room."""
        self._thread = threading.Thread(target=self._run, name="diary", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Queues the line."""
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Gives the reader a moment to take what waits."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(LAST_WAIT_S)

    def _run(self) -> None:
        is_broken = False
        while True:
            lines = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while lines[-1] is not None and len(lines) < PIECE:
                    lines.append(self._queue.get_nowait())
            spoken = [line for line in lines if line is not None]
            if spoken and not is_broken:
                is_broken = not _put(self._descriptor, spoken)
            if lines[-1] is None:
                return


def json_line(bot: str, at: str, event: str, fields: Fields) -> str:
    """One event as a JSON object on one line."""
    try:
        return _encode({"at": at, "event": event, "bot": bot, **dict(fields)}).decode()
    except UnicodeEncodeError:  # half a character, which no file can hold
        tamed = {name: clean(v) if isinstance(v, str) else v for name, v in fields}
        return _encode({"at": at, "event": event, "bot": bot, **tamed}).decode()


def text_line(bot: str, at: str, event: str, fields: Fields) -> str:
    """One event for people: `10:00:00.123  btc  order.filled  sell 0.5 @ 200.0  level 3 exit`."""
    values = dict(fields)
    if event == "summary":
        return f"{_time(at)}  {bot}  summary\n{_table(values)}"
    parts = [_time(at), bot, event]
    if "side" in values and "amount" in values:
        parts.append(_order(values))
    rest = [
        f"{name.replace('_', ' ')} {_text(value)}"
        for name, value in values.items()
        if value is not None and value != "" and name not in _ORDER
    ]
    if "side" not in values:
        rest = [
            f"{name.replace('_', ' ')} {_text(value)}"
            for name, value in values.items()
            if value is not None and value != ""
        ]
    return "  ".join([*parts, *([", ".join(rest)] if rest else [])])


def iso_of(at_ns: int) -> str:
    """Nanoseconds since 1970 as ISO 8601 UTC with milliseconds, cut down."""
    day, rest_ns = divmod(at_ns, _DAY_NS)
    rest_ms = rest_ns // 1_000_000
    minutes, second_ms = divmod(rest_ms, 60_000)
    second, ms = divmod(second_ms, 1000)
    hour, minute = divmod(minutes, 60)
    return f"{_date(day)}T{hour:02d}:{minute:02d}:{second:02d}.{ms:03d}Z"


@cache
def _date(day: int) -> str:
    """A day, counted from 1970."""
    return date.fromordinal(_EPOCH + day).isoformat()


def iso(at: datetime) -> str:
    """An aware UTC time as ISO 8601 with milliseconds and `Z`."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _order(values: dict[str, Value]) -> str:
    text = f"{values['side']} {values['amount']}"
    if values.get("price") is not None:
        text += f" @ {values['price']}"
    if values.get("level") is not None:
        text += f"  level {values['level']}"
    if values.get("leg"):
        text += f" {values['leg']}"
    if values.get("reason"):
        text += f"  {values['reason']}"
    return text


def _table(values: dict[str, Value]) -> str:
    width = max((len(name) for name in values), default=0)
    return "\n".join(
        f"  {name.replace('_', ' '):<{width}}  {_text(value)}" for name, value in values.items()
    )


def _time(at: str) -> str:
    return at[11:23] if len(at) >= len("2026-01-01T00:00:00.000") else at


def _text(value: Value) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _put(descriptor: int, lines: list[str]) -> bool:
    """Writes lines; False when nobody can read them any more."""
    raw = memoryview(("\n".join(lines) + "\n").encode("utf-8", "replace"))
    try:
        while raw:
            raw = raw[os.write(descriptor, raw) :]
    except OSError:
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
        return False
    return True
