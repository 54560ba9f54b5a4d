from pathlib import Path

from core.engine.starts import WINDOW_NS, StartRecord

MINUTE_NS = 60 * 1_000_000_000


def crash(path: Path, at_ns: int, *, limit: int = 3, has_progressed: bool = False) -> bool:
    """An engine that starts and is gone without a word; says whether it was in safe mode."""
    record = StartRecord(path, limit)
    is_safe = record.begin(at_ns, pid=1)
    if has_progressed:
        record.progressed()
    return is_safe


def test_the_fourth_start_after_three_crashes_is_safe(tmp_path: Path):
    """Three crashes within ten minutes that brought nothing forward mean safe mode."""
    path = tmp_path / "starts.json"

    modes = [crash(path, number * MINUTE_NS) for number in range(4)]

    assert modes == [False, False, False, True]


def test_crashes_that_brought_something_forward_do_not_count(tmp_path: Path):
    """An engine that processed an order event did not crash in a loop."""
    path = tmp_path / "starts.json"

    modes = [crash(path, number * MINUTE_NS, has_progressed=True) for number in range(6)]

    assert modes == [False] * 6


def test_orderly_ends_do_not_count(tmp_path: Path):
    """An engine that ended of its own has not crashed, however short it lived."""
    path = tmp_path / "starts.json"
    for number in range(5):
        record = StartRecord(path)
        record.begin(number, pid=1)
        record.ended()

    assert crash(path, 6) is False


def test_crashes_of_long_ago_do_not_count(tmp_path: Path):
    """Only the last ten minutes are looked at."""
    path = tmp_path / "starts.json"
    for number in range(3):
        crash(path, number)

    assert crash(path, 2 * WINDOW_NS) is False


def test_the_limit_can_be_set_and_turned_off(tmp_path: Path):
    """One crash can be enough, and zero means never."""
    path = tmp_path / "starts.json"
    crash(path, 0)

    assert crash(path, 1, limit=1) is True
    assert crash(path, 2, limit=0) is False


def test_a_release_wipes_the_slate(tmp_path: Path):
    """After a person released the engine the crashes before count no more."""
    path = tmp_path / "starts.json"
    for number in range(3):
        crash(path, number)
    record = StartRecord(path)
    assert record.begin(3, pid=1) is True
    record.released()

    assert crash(path, 4) is False


def test_a_damaged_record_is_no_reason_not_to_start(tmp_path: Path):
    """A file that cannot be read counts as no crashes."""
    path = tmp_path / "starts.json"
    path.write_text("{not json")

    assert crash(path, 0) is False
