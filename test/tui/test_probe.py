"""Asking the terminal how wide it draws a sign."""

import os
import pty
import sys
import threading

import pytest

from tui import probe


@pytest.mark.parametrize(
    "environment, expected",
    [
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LC_ALL": "ja_JP.UTF-8", "LANG": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8"}, False),
        ({}, False),
    ],
)
def test_only_east_asian_locales_are_asked(environment, expected):
    """Elsewhere the answer is known and the start stays quick."""
    assert expected is probe.is_asked(environment)


@pytest.mark.parametrize(
    "answer, expected",
    [(b"\x1b[12;3R", 3), (b"x\x1b[1;80Ry", 80), (b"\x1b[12;", None), (b"", None)],
)
def test_report_is_read_from_among_other_bytes(answer, expected):
    """Keys that were typed meanwhile do not disturb it."""
    assert expected == probe.column_in(answer)


@pytest.mark.parametrize("column, cells", [(2, 1), (3, 2)])
def test_terminal_is_believed(monkeypatch, column, cells):
    """The cursor's column after one sign is its width plus one."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r+b", buffering=0) as terminal:
        written = []

        def answer():
            while b"\x1b[6n" not in b"".join(written):
                written.append(os.read(ours, 64))
            os.write(ours, f"\x1b[5;{column}R".encode())

        thread = threading.Thread(target=answer)
        thread.start()
        real_write = os.write
        monkeypatch.setattr(sys, "__stdin__", terminal)
        monkeypatch.setattr(os, "isatty", lambda _fd: True)
        monkeypatch.setattr(
            os, "write", lambda fd, data: real_write(terminal.fileno() if fd == 1 else fd, data)
        )
        found = probe.cells_of("●")
        thread.join()
    os.close(ours)

    assert cells == found


def test_pipe_is_not_asked(monkeypatch):
    """Where there is no terminal nothing is written."""
    monkeypatch.setattr(sys, "__stdin__", None)

    assert probe.cells_of("●") == 1
