"""A tape is read alike however it is written, and wherever it is cut for reading."""

import csv
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.adapters.feeds.books import Ladder
from core.adapters.feeds.csv_reader import CsvTable

fields = st.sampled_from(
    ["1", "12.5", "0.001", "1e3", "", "buy", "a b", "x,y", 'say "hi"', "\u00fc"]
)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(fields, min_size=width, max_size=width), max_size=12)
)
endings = st.sampled_from(["\n", "\r\n"])


@given(tables, endings, st.integers(8, 200), st.booleans())
def test_fields_are_those_of_the_csv_module(rows, ending, block_bytes, ends_open):
    """Quotes, commas in quotes, line ends, empty lines and cuts between blocks change no field."""
    width = len(rows[0]) if rows else 2
    names = [f"c{place}" for place in range(width)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator=ending).writerows([names, *rows])
        if ends_open:
            path.write_bytes(path.read_bytes().removesuffix(ending.encode()))

        found, numbers = [], []
        for block in CsvTable(path, block_bytes=block_bytes).blocks(frozenset(names)):
            columns = [block.columns[name] for name in names]
            numbers += [block.first_row + row for row in range(len(block))]
            found += [[column.text(row) for column in columns] for row in range(len(block))]

    # A single empty field is an empty line, which is no row.
    assert found == [row for row in rows if row != [""]]
    assert numbers == list(range(1, len(found) + 1))


changes = st.tuples(st.sampled_from([1, -1]), st.integers(1, 20), st.integers(0, 3))


@given(st.lists(st.one_of(changes, st.none()), max_size=80))
def test_a_ladder_is_a_sorted_dictionary(steps):
    """After any updates each side holds the last amount of every price, best first."""
    book, model = Ladder(), {1: {}, -1: {}}
    for step in steps:
        if step is None:
            book.clear()
            model = {1: {}, -1: {}}
            continue
        side, price, amount = step
        book.update([side], [price], [amount])
        model[side].pop(price, None)
        if amount:
            model[side][price] = amount

    bids = tuple(sorted(model[1].items(), reverse=True))
    asks = tuple(sorted(model[-1].items()))
    is_crossed = bool(bids and asks and bids[0][0] >= asks[0][0])

    assert book.state() == (((), ()) if is_crossed else (bids, asks))
