"""Records beside a file: whole or not at all, in order, as often as they are read."""

import os
from pathlib import Path

from core.infrastructure.redo_log import RedoLog, path_beside


def test_records_come_back_in_order_from_a_log_that_was_never_closed(tmp_path: Path):
    """What `append` returned from is there for whoever opens the log next."""
    killed = RedoLog(tmp_path / "log")
    killed.append(7, b"first")
    killed.append(8, b"")

    assert RedoLog(tmp_path / "log").records() == [(7, b"first"), (8, b"")]


def test_a_record_that_was_cut_off_counts_as_never_written(tmp_path: Path):
    """The whole ones before it stay, and the next one follows them."""
    path = tmp_path / "log"
    killed = RedoLog(path)
    killed.append(1, b"whole")
    killed.append(2, b"cut off")
    os.truncate(path, path.stat().st_size - 1)
    log = RedoLog(path)

    assert log.records() == [(1, b"whole")]

    log.append(2, b"again")

    assert RedoLog(path).records() == [(1, b"whole"), (2, b"again")]


def test_a_damaged_record_ends_the_log(tmp_path: Path):
    """A wrong checksum is not trusted, nor is anything behind it."""
    path = tmp_path / "log"
    log = RedoLog(path)
    log.append(1, b"whole")
    place = path.stat().st_size
    log.append(2, b"damaged")
    log.append(3, b"behind")
    data = bytearray(path.read_bytes())
    data[place + 16] ^= 1
    path.write_bytes(data)

    assert RedoLog(path).records() == [(1, b"whole")]


def test_a_log_goes_when_it_holds_nothing(tmp_path: Path):
    """A clean end leaves no file; a log with records stays."""
    log, other = RedoLog.beside(tmp_path / "a"), RedoLog.beside(tmp_path / "b")
    for each in (log, other):
        each.append(1, b"x")
    log.clear()
    log.close()
    other.close()

    assert not path_beside(tmp_path / "a").exists()
    assert RedoLog.beside(tmp_path / "b").records() == [(1, b"x")]
