"""Files of a recording are there whole or not at all, and what a kill left behind is finished."""

from __future__ import annotations

import stat

import pytest

from core.adapters.feeds.parquet_writer import to_parquet
from core.adapters.feeds.spool import Spool, renamed

HEADER = "ts_ms,price"


def spool(folder, *, limit_bytes: int = 1_000, finish=None) -> Spool:
    """Of trades."""
    return Spool(folder, "trades", HEADER, finish or renamed(".csv"), limit_bytes=limit_bytes)


def shown(folder) -> list[str]:
    """Names that a reader sees."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_part_is_hidden_until_it_is_whole(tmp_path):
    """A reader never meets a file that still grows."""
    found = spool(tmp_path)
    found.write(["1,2"])

    assert shown(tmp_path) == []

    found.close()

    assert shown(tmp_path) == ["trades-000001.csv"]
    assert (tmp_path / "trades-000001.csv").read_text() == "ts_ms,price\n1,2\n"
    assert stat.S_IMODE((tmp_path / "trades-000001.csv").stat().st_mode) == 0o600


def test_a_full_part_is_finished_and_the_next_begun(tmp_path):
    """Each part has its header; rows are never cut."""
    found = spool(tmp_path, limit_bytes=8)
    for number in range(3):
        found.write([f"{number},1", f"{number},2"])
    found.close()

    assert shown(tmp_path) == [f"trades-{number:06}.csv" for number in (1, 2, 3)]
    for path in sorted(tmp_path.iterdir()):
        assert path.read_text().splitlines()[0] == HEADER
        assert len(path.read_text().splitlines()) == 3
    assert found.rows == 6


def test_nothing_heard_is_no_file(tmp_path):
    """A kind of which nothing came leaves nothing."""
    found = spool(tmp_path)
    found.write([])
    found.close()

    assert shown(tmp_path) == []
    assert found.files == []


def test_what_a_kill_left_is_finished_without_the_line_that_was_cut(tmp_path):
    """The next recording into the folder does it, and goes on behind."""
    (tmp_path / ".trades-000001.part").write_bytes(b"ts_ms,price\n1,2\n3,4\n5,6")

    found = spool(tmp_path)
    found.write(["7,8"])
    found.close()

    assert found.recovered == 1
    assert found.has_earlier
    assert shown(tmp_path) == ["trades-000001.csv", "trades-000002.csv"]
    assert (tmp_path / "trades-000001.csv").read_text() == "ts_ms,price\n1,2\n3,4\n"


def test_a_part_becomes_parquet_with_exact_numbers(tmp_path):
    """Money stays text, times become integers; no part and no half file is left."""
    parquet = pytest.importorskip("pyarrow.parquet")

    def finish(part, stem):
        return to_parquet(part, stem, integers={"ts_ms"})

    found = spool(tmp_path, finish=finish)
    found.write(["1,0.10000000000000000001", "2,"])
    found.close()
    table = parquet.read_table(tmp_path / "trades-000001.parquet")

    assert [path.name for path in tmp_path.iterdir()] == ["trades-000001.parquet"]
    assert table.column("ts_ms").to_pylist() == [1, 2]
    assert table.column("price").to_pylist() == ["0.10000000000000000001", ""]
