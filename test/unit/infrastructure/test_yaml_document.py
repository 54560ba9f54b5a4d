"""Strict YAML: what is read, with which lines, and what is refused in which words."""

from __future__ import annotations

import contextlib
import os
import time

import pytest

from core.errors import ConfigError
from core.infrastructure.yaml_document import (
    MAX_BYTES,
    dotted,
    load_yaml,
    parse_yaml,
    shown,
)


def test_scalars_keep_their_text():
    """Numbers and words that others coerce stay as they were written."""
    text = "a: 118000.5\nb: 1e-3\nc: 010\nd: 12:30\ne: on\nf: 2026-01-01\ng: 0x1F\nh: 1_000\n"

    assert parse_yaml(text).data == {
        "a": "118000.5",
        "b": "1e-3",
        "c": "010",
        "d": "12:30",
        "e": "on",
        "f": "2026-01-01",
        "g": "0x1F",
        "h": "1_000",
    }


def test_only_bare_words_are_booleans_and_null():
    """Quotes keep `true` and `null` as text."""
    text = "a: true\nb: 'true'\nc: False\nd:\ne: ~\nf: 'null'\ng: \"\"\n"

    assert parse_yaml(text).data == {
        "a": True,
        "b": "true",
        "c": False,
        "d": None,
        "e": None,
        "f": "null",
        "g": "",
    }


def test_every_key_knows_its_line():
    """Lines are counted from one, for keys, list items and what is not there."""
    document = parse_yaml("# head\na:\n  b: 1\n  c:\n    - x\n    - d: 2\n")

    assert document.line_of(("a",)) == 2
    assert document.line_of(("a", "c", 1, "d")) == 6
    assert document.line_of(("a", "c", 0)) == 5
    assert document.line_of(("a", "b", "missing")) == 3
    assert document.line_of(("nowhere",)) is None
    assert document.get(("a", "c", 1, "d")) == "2"
    assert document.get(("a", "c", 7)) is None
    assert str(document.error("is wrong.", ("a", "c", 1, "d"))) == "text:6: a.c[1].d: is wrong."


def test_json_with_tabs_is_read():
    """JSON is YAML, also when it is indented with tabs and has Windows line ends."""
    assert parse_yaml('{\r\n\t"a": [1, true, null, "x"]\r\n}').data == {"a": ["1", True, None, "x"]}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", "is empty."),
        ("# only a comment\n", "is empty."),
        ("~", "is empty."),
        ("- a\n", "must begin with a key"),
        ("word", "must begin with a key"),
        ("a: 1\nb: 2\na: 3\n", "text:3: `a` stands twice; it is first on line 1. (column 1)"),
        ("a:\n  b: 1\n  'b': 2\n", "text:3: a: `b` stands twice; it is first on line 2."),
        ("a: &x 1\nb: 2\n", "text:1: a: anchors (&) and aliases (*) are refused"),
        ("a: *x\n", "aliases (*) are refused"),
        ("a: !!python/object:os.system x\n", "text:1: a: tags (!) are refused"),
        ("%TAG ! tag:x\n---\na: 1\n", "text:1: directives (%) are refused."),
        ("a: 1\n---\nb: 2\n", "text:2: a second document begins here"),
        ("a:\n\tb: 1\n", "text:2: cannot be read as YAML: a tab stands where YAML wants spaces."),
        ("a: \0", "text:1: a NUL byte is not allowed here. (column 4)"),
        ("a: 1\nb: \x1b[31m", "text:2: the invisible character U+001B is not allowed here."),
        ("a: x\u202ey", "the invisible character U+202E"),
        ("\ufeffa: 1", "a byte order mark"),
        ("a: \udc80", "U+DC80"),
        ("a: b: c", "text:1: cannot be read as YAML: mapping values are not allowed"),
        ("a: [1, 2", "cannot be read as YAML"),
        ("a: '\n", "cannot be read as YAML"),
        ("? [a]\n: 1\n", "a key must be a word"),
        ("'': 1\n", "a key is empty."),
        (f"{'k' * 101}: 1\n", "a key is longer than 100 characters."),
        ("a: " + "[" * 21 + "]" * 21, "nested deeper than 20"),
        ("a: [" + "1," * 20_001 + "]", "holds more than 20,000 values."),
        ("a: " + "x" * MAX_BYTES, "has more than 1,000,000 characters."),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_place(text, expected):
    """Each refusal says what, on which line and in which column."""
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text)

    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "{a: " * 200_000,
        "- " * 400_000,
        "? " * 400_000,
        "%TAG !a! tag:x\n" * 50_000,
        "a: '" + "\n" * 900_000 + "'",
        "a: |\n" + " x\n" * 300_000,
        "&a " * 300_000,
        ":" * 900_000,
        "".join(f"k{number}: {number}\n" for number in range(70_000)),
    ],
    ids=range(10),
)
def test_no_text_keeps_us_waiting(text):
    """Bombs of every kind cost at most a blink of processor time."""
    began = time.process_time()
    with contextlib.suppress(ConfigError):
        parse_yaml(text)

    assert time.process_time() - began < 0.5  # 100 ms, and room for a busy machine


def test_a_file_is_read(tmp_path):
    """A file gives its values and is named as the user wrote it."""
    path = tmp_path / "grid.yaml"
    path.write_text("a: ü\n", encoding="utf-8")

    document = load_yaml(path)

    assert document.data == {"a": "ü"}
    assert document.source == str(path)


@pytest.mark.parametrize(
    "raw, expected",
    [
        (b"\xef\xbb\xbfa: 1", "begins with a byte order mark; save it as UTF-8 without one."),
        ("a: 1".encode("utf-16"), "is UTF-16; save it as UTF-8."),
        (b"a: 1\nb: \xff", "2: is not UTF-8: byte 0xff (column 4)"),
        (b"a: " + b"x" * MAX_BYTES, "is larger than 1,000,000 bytes."),
    ],
)
def test_a_file_in_another_encoding_is_refused(tmp_path, raw, expected):
    """The encoding is never guessed."""
    path = tmp_path / "grid.yaml"
    path.write_bytes(raw)

    with pytest.raises(ConfigError) as caught:
        load_yaml(path)

    assert expected in str(caught.value)


def test_a_missing_file_names_its_neighbour(tmp_path):
    """A misspelt file name is answered with the nearest one, another with where it was sought."""
    (tmp_path / "lighter-long-btc.yaml").write_text("a: 1")

    with pytest.raises(ConfigError, match=r"no such file\. Did you mean .*lighter-long-btc\.yaml"):
        load_yaml(tmp_path / "lighter-lon-btc.yaml")
    with pytest.raises(ConfigError, match=r"no such file\. It was looked for in .*nowhere\."):
        load_yaml(tmp_path / "nowhere" / "x.yaml")


def test_folders_and_pipes_are_no_files(tmp_path):
    """Nothing but a regular file is read, and a pipe does not make us wait."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(ConfigError, match="is a folder"):
        load_yaml(tmp_path)
    with pytest.raises(ConfigError, match="no regular file"):
        load_yaml(pipe)
    with pytest.raises(ConfigError, match="too long"):
        load_yaml("x" * 5_000)
    with pytest.raises(ConfigError, match="cannot be opened"):
        load_yaml("a\0b")


def test_shown_text_is_short_and_printable():
    """Someone else's text fits on a line and cannot steer a terminal."""
    assert shown("a\x1b[31m\n" + "x" * 100, 10) == "a\ufffd[31m\ufffdxx…"
    assert dotted(("a", 1, "b")) == "a[1].b"
