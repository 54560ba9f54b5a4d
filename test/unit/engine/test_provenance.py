"""It is noted which prices a bot had, so that they can be shown again."""

from pathlib import Path

import pytest

from core.engine.protocol import StartBot
from core.engine.provenance import Provenance, add_life, read_lives, read_run, write_run
from core.errors import FeedError


def asked(feed: str, **options: object) -> StartBot:
    """A start with these prices."""
    return StartBot(app="grid", path="a.yaml", text="", feed=feed, **options)  # type: ignore[arg-type]


def test_a_run_remembers_its_prices(tmp_path: Path) -> None:
    """What was asked for comes back as it was."""
    found = Provenance.of(asked("sim:7", seed=3, duration_s=60.0, symbol="BTCUSDT"))

    write_run(tmp_path, found)

    assert read_run(tmp_path) == found
    assert read_run(tmp_path / "elsewhere") is None


def test_a_bot_s_starts_are_kept_in_order(tmp_path: Path) -> None:
    """The first one says where its prices began, however many follow."""
    for start_ns in range(100):
        add_life(tmp_path / "prices", "btc", Provenance.of(asked("sim"), start_ns=start_ns))

    lives = read_lives(tmp_path / "prices", "btc")

    assert [life.start_ns for life in lives] == [0, *range(36, 100)]
    assert read_lives(tmp_path / "prices", "eth") == ()


def test_a_recording_that_is_as_it_was_is_believed(tmp_path: Path) -> None:
    """One that has grown, or is gone, is refused with its name."""
    tape = tmp_path / "tape.csv"
    tape.write_text("ts,price,amount,side\n")
    found = Provenance.of(asked(str(tape)))
    found.refuse_changed()

    tape.write_text("ts,price,amount,side\n1,1,1,buy\n")
    with pytest.raises(FeedError, match=r"tape\.csv has changed since the run"):
        found.refuse_changed()
    tape.unlink()
    with pytest.raises(FeedError, match=r"tape\.csv: the recording of this run is not there"):
        found.refuse_changed()


def test_a_folder_is_known_by_its_files(tmp_path: Path) -> None:
    """Every file of it counts."""
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x")

    found = Provenance.of(asked(str(tmp_path)))

    assert [Path(file.path).name for file in found.files] == ["a.csv", "b.csv"]


def test_notes_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    """They are never taken for none."""
    (tmp_path / "btc.json").write_text("{")

    with pytest.raises(FeedError, match="cannot be read"):
        read_lives(tmp_path, "btc")
