"""Numbers of a recording keep their value, whatever their text."""

from decimal import Decimal, InvalidOperation

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.feeds.columns import Block, FloatColumn, text_column
from core.adapters.feeds.numbers import read_decimals
from core.errors import FeedError

plain_text = st.decimals(
    min_value=0, max_value=10**9, allow_nan=False, allow_infinity=False, places=6
).map(lambda number: format(number, "f"))
any_text = st.one_of(
    plain_text,
    st.integers(0, 10**12).map(str),
    st.builds("{}e-{}".format, st.integers(0, 10**6), st.integers(0, 9)),
    st.builds("{}.{}".format, st.integers(0, 10**6), st.sampled_from(["", "0", "50", "0001"])),
    st.builds(".{}".format, st.integers(0, 10**6)),
    st.builds("00{}".format, st.integers(0, 10**6)),
)


def values(column):
    """The numbers of a column, exact."""
    found = read_decimals(Block("x", 1, {"n": column}), "n")
    return [Decimal(value).scaleb(-found.scale) for value in found.values.tolist()]


@given(st.lists(any_text, max_size=30))
def test_text_is_read_exactly(texts):
    """Every text gives the Decimal of the same text."""
    assert values(text_column(texts)) == [Decimal(text) for text in texts]


@given(st.lists(st.floats(min_value=1e-9, max_value=1e9), max_size=30))
def test_floats_are_read_by_their_shortest_text(floats):
    """A float gives the Decimal of its repr, never its binary digits, or is refused whole."""
    exact = [Decimal(repr(value)) for value in floats]
    try:
        found = values(FloatColumn(np.array(floats)))
    except FeedError:
        # 17 digits at very different magnitudes need more than 63 bits at one scale.
        assert max(-number.as_tuple().exponent for number in exact) > 15
        return

    assert found == exact


@given(st.text(st.sampled_from("0123456789.-+eEnaif _,x"), min_size=1, max_size=12))
def test_what_decimal_refuses_is_refused(text):
    """A text gives its number or an error that names the row, and nothing else."""
    number = None
    try:
        number = Decimal(text)
        is_good = number.is_finite() and "_" not in text and abs(number.adjusted()) < 40
    except InvalidOperation:
        is_good = False
    try:
        found = values(text_column([text]))
    except FeedError:
        found = None

    is_huge = len(text) > 18 or "e" in text.lower()
    assert found == [number] if is_good and not is_huge else found in (None, [number])
    assert is_good or found is None


@given(st.lists(st.tuples(plain_text, st.integers(0, 3)), min_size=1, max_size=20))
def test_empty_fields_are_unknown_not_zero(fields):
    """Where an empty field is allowed it is told apart from 0; where not, its row is named."""
    texts = ["" if which == 0 else text for text, which in fields]
    column = text_column(texts)

    found = read_decimals(Block("x", 1, {"n": column}), "n", optional=True)

    known = np.ones(len(texts), bool) if found.known is None else found.known
    assert known.tolist() == [bool(text) for text in texts]
    if "" in texts:
        with pytest.raises(FeedError, match=f"x, row {texts.index('') + 1}: n is empty"):
            read_decimals(Block("x", 1, {"n": column}), "n")
