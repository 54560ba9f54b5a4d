import json
import os
from datetime import UTC, datetime

import pytest

from tui.cli.diary import BufferedOutput, Diary, ThreadedOutput, iso, iso_of, json_line, text_line

AT = "2026-11-21T10:00:00.123Z"
FILL = (
    ("side", "sell"),
    ("price", "200"),
    ("amount", "0.5"),
    ("level", 3),
    ("leg", "exit"),
    ("fee", "0"),
    ("maker", True),
    ("unknown", None),
)


def test_a_json_line_is_one_object_with_the_fields_in_order():
    """`at`, `event` and `bot` come first; nothing of a value is changed, unknown is null."""
    line = json_line("btc", AT, "order.filled", FILL)

    assert list(json.loads(line)) == ["at", "event", "bot", *(name for name, _ in FILL)]
    assert json.loads(line)["unknown"] is None
    assert json.loads(line)["level"] == 3
    assert "\n" not in line


def test_a_sentence_says_what_a_person_wants_first():
    """Time, bot, event, then the order in words, then the rest without what is unknown."""
    assert (
        text_line("btc", AT, "order.filled", FILL)
        == "10:00:00.123  btc  order.filled  sell 0.5 @ 200  level 3 exit  fee 0, maker yes"
    )


def test_a_summary_is_a_table():
    """The closing sums stand one below the other, also the unknown ones."""
    text = text_line("btc", AT, "summary", (("fills", 3), ("residual", None)))

    assert text.splitlines()[1:] == ["  fills     3", "  residual  unknown"]


@pytest.mark.parametrize(
    "ns",
    [
        0,
        1,
        999_999,
        1_000_000,
        86_399_999_999_999,
        1_700_000_000_123_456_789,
        951_782_400_000_000_000,
    ],
)
def test_times_are_cut_to_milliseconds(ns: int):
    """Nanoseconds and datetimes give the same text, cut down and never rounded up."""
    at = datetime.fromtimestamp(ns // 10**9, UTC).replace(microsecond=ns // 1000 % 10**6)

    assert iso_of(ns) == iso(at)
    assert iso_of(ns).endswith("Z")
    assert len(iso_of(ns)) == len(AT)


@pytest.mark.parametrize("output", [BufferedOutput, ThreadedOutput])
def test_lines_arrive_whole_and_in_order(output: type):
    """Whatever is written comes out as lines, in order, after closing."""
    read_end, write_end = os.pipe()
    diary = Diary(output(write_end), is_json=True)
    for number in range(100):
        diary.event("b", AT, "e", (("n", number),))
    diary.close()
    os.close(write_end)
    with os.fdopen(read_end) as file:
        lines = file.read().splitlines()

    assert [json.loads(line)["n"] for line in lines] == list(range(100))


@pytest.mark.parametrize("output", [BufferedOutput, ThreadedOutput])
def test_a_reader_that_is_gone_disturbs_nobody(output: type):
    """Writing into a closed pipe raises nowhere, and later writes go nowhere."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    sink = output(write_end)
    for _ in range(3):
        sink.write("x" * 100_000)
    sink.close()

    sink.write("after")
    os.close(write_end)


def test_a_reader_who_stops_reading_holds_nobody_up():
    """On real time a full pipe delays the thread that writes, not the caller."""
    read_end, write_end = os.pipe()
    sink = ThreadedOutput(write_end)

    for _ in range(5_000):
        sink.write("x" * 200)

    os.close(read_end)
    sink.close()
    os.close(write_end)
