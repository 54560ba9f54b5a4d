"""A record that was not begun, cannot be read, or cannot be written."""

from __future__ import annotations

from pathlib import Path

from core.engine.starts import KEPT, WINDOW_NS, StartRecord


def test_what_was_not_begun_neither_progresses_nor_ends(tmp_path: Path):
    """Nothing is written: the file belongs to whoever began."""
    record = StartRecord(tmp_path / "starts.json")
    record.progressed()
    record.ended()

    assert list(tmp_path.iterdir()) == []


def test_only_the_first_progress_writes(tmp_path: Path):
    """A thousand order events cost one file."""
    path = tmp_path / "starts.json"
    record = StartRecord(path)
    record.begin(1, pid=7)
    record.progressed()
    written = path.stat().st_mtime_ns, path.read_bytes()
    path.unlink()
    record.progressed()

    assert b'"has_progressed":true' in written[1]
    assert not path.exists()


def test_a_crash_at_the_edge_of_the_window_counts_no_more(tmp_path: Path):
    """Ten minutes to the nanosecond; one that lies in the future counts for nothing either."""
    path = tmp_path / "starts.json"
    for at_ns in (0, 1, WINDOW_NS * 3):
        StartRecord(path).begin(at_ns, pid=1)

    assert StartRecord(path, 2).begin(WINDOW_NS, pid=1) is False
    assert StartRecord(path, 2).begin(WINDOW_NS, pid=1) is True


def test_a_limit_of_none_is_never_safe_mode(tmp_path: Path):
    """However often it dies."""
    path = tmp_path / "starts.json"
    modes = [StartRecord(path, 0).begin(number, pid=1) for number in range(KEPT + 8)]

    assert not any(modes)


def test_the_record_does_not_grow_for_ever(tmp_path: Path):
    """The newest are kept."""
    path = tmp_path / "starts.json"
    for number in range(KEPT + 8):
        StartRecord(path).begin(number, pid=1)

    assert path.read_bytes().count(b'"at_ns"') == KEPT + 1


def test_a_record_that_cannot_be_read_is_an_empty_one(tmp_path: Path, caplog):
    """Half a file: the start goes on, and writes a whole one."""
    path = tmp_path / "starts.json"
    path.write_bytes(b'[{"at_ns":1')

    assert StartRecord(path, 1).begin(2, pid=1) is False
    assert "starts.unreadable" in caplog.text
    assert StartRecord(path, 1).begin(3, pid=1) is True


def test_a_record_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog):
    """A folder that is not there."""
    record = StartRecord(tmp_path / "none" / "starts.json")

    assert record.begin(1, pid=1) is False
    record.ended()
    assert "starts.unwritten" in caplog.text
