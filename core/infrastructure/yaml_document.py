"""Strict YAML: text in, plain values with their lines out, or one ConfigError.

Scalars keep their text. Only bare `true`, `false` and `null` become values of their own; numbers
stay text, so that `118000.5` reaches Decimal digit for digit and `1e-3`, `010`, `12:30` or `no`
turn into nothing by themselves. Duplicate keys, anchors, aliases, tags, directives, deep nesting,
many values and large files are refused before they cost anything. JSON is read the same way.
"""

from __future__ import annotations

import difflib
import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from core.errors import ConfigError

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_NODES = 20_000
MAX_KEY_LENGTH = 100
"""Together with the size this keeps the worst document under 100 ms."""

Value = str | bool | None | dict[str, "Value"] | list["Value"]
KeyPath = tuple[str | int, ...]

_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
    "\U00010000-\U0010ffff]"
)
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
"""Ten thousand %TAG lines would cost a second."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A read file: values, and the line of every key."""

    source: str
    """The path as the user wrote it, or a word for where the text came from."""
    text: str = field(repr=False)
    data: dict[str, Value]
    lines: Mapping[KeyPath, int] = field(repr=False)
    """1-based line of every key and list item."""

    def line_of(self, path: KeyPath) -> int | None:
        """The line of a key, or of the nearest block around it when the key is not there."""
        for length in range(len(path), 0, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return line
        return None

    def get(self, path: KeyPath) -> Value:
        """The value at a path; None when it is not there or null."""
        found: Value = self.data
        for part in path:
            if isinstance(found, dict) and isinstance(part, str):
                found = found.get(part)
            elif isinstance(found, list) and isinstance(part, int) and part < len(found):
                found = found[part]
            else:
                return None
        return found

    def error(self, message: str, path: KeyPath = (), *, remedy: str | None = None) -> ConfigError:
        """An error about the value at `path`, with file, line and dotted key."""
        return ConfigError(
            message,
            source=self.source,
            key=dotted(path) or None,
            line=self.line_of(path),
            remedy=remedy,
        )


def load_yaml(path: Path | str) -> Document:
    """Reads a YAML or JSON file.

    Raises:
        ConfigError: If it is missing, unreadable, no regular file, larger than 1 MB, not UTF-8, or
            anything `parse_yaml` refuses.
    """
    source = str(path)
    return parse_yaml(_decode(_read(Path(path), source), source), source)


def parse_yaml(text: str, source: str = "text") -> Document:
    """Reads YAML or JSON text whose root is a block of keys.

    Raises:
        ConfigError: With line and column, for whatever is not plain, strict YAML.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError(f"has more than {MAX_BYTES:,} characters.", source=source)
    if found := _UNPRINTABLE.search(text):
        raise _character_error(text, found, source)
    if found := _DIRECTIVE.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ConfigError("directives (%) are refused.", source=source, line=line)
    lines: dict[KeyPath, int] = {}
    try:
        data = _Composer(text, source, lines).root()
    except yaml.MarkedYAMLError as error:
        raise _yaml_error(text, error, source) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"cannot be read as YAML: {error}", source=source) from error
    return Document(source=source, text=text, data=data, lines=lines)


def dotted(path: KeyPath) -> str:
    """`("grid", "levels", 2, "price")` as `grid.levels[2].price`."""
    words = ""
    for part in path:
        words += f"[{part}]" if isinstance(part, int) else f".{shown(part, 40)}"
    return words.removeprefix(".")


def shown(text: str, limit: int = 60) -> str:
    """Someone else's text, safe on one line of a terminal and cut to `limit` characters."""
    clean = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


class _Composer:
    """Builds values from parser events, which arrive lazily, so limits act before the work."""

    def __init__(self, text: str, source: str, lines: dict[KeyPath, int]) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
        self._source = source
        self._lines = lines
        self._nodes = 0

    def root(self) -> dict[str, Value]:
        """The only document's root."""
        next(self._events)
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            raise ConfigError("is empty.", source=self._source)
        data = self._value(next(self._events), ())
        next(self._events)
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._error("a second document begins here; one file holds one.", event)
        if data is None:
            raise ConfigError("is empty.", source=self._source)
        if not isinstance(data, dict):
            raise ConfigError("must begin with a key, such as `name:`.", source=self._source)
        return data

    def _value(self, event: yaml.Event, path: KeyPath) -> Value:
        self._check(event, path)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._error("cannot be read as YAML.", event)
        return event.value if event.style else _plain(event.value)

    def _mapping(self, path: KeyPath) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            here = (*path, key)
            if key in found:
                message = f"`{shown(key)}` stands twice; it is first on line {self._lines[here]}."
                raise self._error(message, event, path)
            self._lines[here] = _place(event)[0]
            found[key] = self._value(next(self._events), here)
        return found

    def _sequence(self, path: KeyPath) -> list[Value]:
        found: list[Value] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            here = (*path, len(found))
            self._lines[here] = _place(event)[0]
            found.append(self._value(event, here))
        return found

    def _key(self, event: yaml.Event, path: KeyPath) -> str:
        self._check(event, path)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._error("a key must be a word, not a block or a list.", event, path)
        key: str = event.value
        if not key:
            raise self._error("a key is empty.", event, path)
        if len(key) > MAX_KEY_LENGTH:
            raise self._error(f"a key is longer than {MAX_KEY_LENGTH} characters.", event, path)
        return key

    def _check(self, event: yaml.Event, path: KeyPath) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._error(f"holds more than {MAX_NODES:,} values.", event)
        if len(path) > MAX_DEPTH:
            raise self._error(f"blocks are nested deeper than {MAX_DEPTH}.", event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            message = "anchors (&) and aliases (*) are refused; write the values out."
            raise self._error(message, event, path)
        if getattr(event, "tag", None) is not None:
            raise self._error("tags (!) are refused; write a plain value.", event, path)

    def _error(self, message: str, event: yaml.Event, path: KeyPath = ()) -> ConfigError:
        line, column = _place(event)
        return ConfigError(
            f"{message} (column {column})",
            source=self._source,
            key=dotted(path) or None,
            line=line,
        )


def _place(event: yaml.Event) -> tuple[int, int]:
    """Line and column of an event, both from 1."""
    mark = event.start_mark
    return (0, 0) if mark is None else (mark.line + 1, mark.column + 1)


def _plain(text: str) -> Value:
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return text


def _read(path: Path, source: str) -> bytes:
    try:
        # Not to wait for a writer when the path is a pipe.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        raise _open_error(path, source, error) from error
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            kind = "a folder" if stat.S_ISDIR(about.st_mode) else "no regular file"
            raise ConfigError(f"is {kind}.", source=source)
        if about.st_size > MAX_BYTES:
            raise ConfigError(f"is larger than {MAX_BYTES:,} bytes.", source=source)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}.", source=source) from error
    finally:
        os.close(descriptor)


def _open_error(path: Path, source: str, error: OSError | ValueError) -> ConfigError:
    if isinstance(error, FileNotFoundError):
        return ConfigError("there is no such file.", source=source, remedy=nearest_file(path))
    if isinstance(error, PermissionError):
        return ConfigError("may not be read by you.", source=source)
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return ConfigError("the path is too long.", source=shown(source))
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ConfigError(f"cannot be opened: {reason}.", source=shown(source))


def nearest_file(path: Path) -> str:
    """The way out where there is no such file: what may have been meant, or where it was sought."""
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    except OSError:
        names = []
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.7)
    if near:
        return f"Did you mean {path.parent / near[0]}?"
    return f"It was looked for in {path.parent.absolute()}."


def _decode(raw: bytes, source: str) -> str:
    if raw.startswith(_UTF8_MARK):
        message = "begins with a byte order mark; save it as UTF-8 without one."
        raise ConfigError(message, source=source, line=1)
    if raw.startswith(_UTF16):
        raise ConfigError("is UTF-16; save it as UTF-8.", source=source, line=1)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        message = f"is not UTF-8: byte 0x{raw[error.start]:02x} (column {column})"
        line = before.count(b"\n") + 1
        raise ConfigError(message, source=source, line=line) from error


def _character_error(text: str, found: re.Match[str], source: str) -> ConfigError:
    before = text[: found.start()]
    column = found.start() - (before.rfind("\n") + 1) + 1
    code = ord(found.group())
    name = "a NUL byte" if code == 0 else f"the invisible character U+{code:04X}"
    if code == 0xFEFF:
        name = "a byte order mark"
    message = f"{name} is not allowed here. (column {column})"
    return ConfigError(message, source=source, line=before.count("\n") + 1)


def _yaml_error(text: str, error: yaml.MarkedYAMLError, source: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    problem = shown(error.problem or "it ends in the middle", 120)
    if mark is None:
        return ConfigError(f"cannot be read as YAML: {problem}.", source=source)
    rows = text.splitlines()
    row = rows[mark.line] if mark.line < len(rows) else ""
    blank = row[: len(row) - len(row.lstrip())]
    if "\t" in blank and mark.column <= len(blank):
        problem = "a tab stands where YAML wants spaces"
    message = f"cannot be read as YAML: {problem}. (column {mark.column + 1})"
    return ConfigError(message, source=source, line=mark.line + 1)
