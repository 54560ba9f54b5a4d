"""The parameters of a sweep."""

import pytest

from core.errors import ConfigError
from core.services.backtest.grid_space import read_space, with_params


def test_range_has_both_ends() -> None:
    """A range counts in decimals, so its last value belongs to it digit for digit."""
    space = read_space(["grid_interval=0.1:0.3:0.1"])

    assert [dict(params) for params in space.sets()] == [
        {"grid_interval": "0.1"},
        {"grid_interval": "0.2"},
        {"grid_interval": "0.3"},
    ]


def test_range_ends_before_a_step_too_far() -> None:
    """A last value that no step reaches is left out."""
    assert read_space(["a=1:2:0.4"]).axes[0].values == ("1", "1.4", "1.8")


def test_every_combination_is_one_set() -> None:
    """The last key changes fastest, words stand beside numbers."""
    space = read_space(["grid_type=long,short", "grid_interval=1,2"])

    assert space.count == 4
    assert [params[1][1] for params in space.sets()] == ["1", "2", "1", "2"]
    assert next(space.sets()) == (("grid_type", "long"), ("grid_interval", "1"))


def test_explosion_is_counted_without_making_it() -> None:
    """The number of sets is known before there is any."""
    axis = "1:1000000:1"

    assert read_space([f"a={axis}", f"b={axis}", f"c={axis}"]).count == 10**18


@pytest.mark.parametrize(
    "text, found",
    [
        ("grid_interval", "is no parameter"),
        ("=1,2", "is no parameter"),
        ("a.=1", "is no parameter"),
        ("a=1:2", "is no range"),
        ("a=1:x:1", "is no range"),
        ("a=1:nan:1", "is no range"),
        ("a=1:2:0", "must be above 0"),
        ("a=2:1:1", "Write a=1:2:1"),
        ("a=0:1:0.0000001", "values, more than"),
        ("a=1,,2", "is missing"),
        ("a=1,1", "stands there twice"),
        ("symbol=A,B", "of one thing"),
    ],
)
def test_what_is_no_parameter_is_refused(text: str, found: str) -> None:
    """A refusal names the option, what was found, and the way out."""
    with pytest.raises(ConfigError, match=found):
        read_space([text])


def test_key_stands_in_one_option() -> None:
    """The same key twice is a mistake, not a longer list."""
    with pytest.raises(ConfigError, match="names a twice"):
        read_space(["a=1", "a=2"])


def test_no_parameter_is_no_sweep() -> None:
    """Without `--grid` there is nothing to sweep over."""
    with pytest.raises(ConfigError, match="at least one --grid"):
        read_space([])


def test_dots_lead_into_blocks_and_leave_the_file_as_it_was() -> None:
    """Blocks on the way are copied, missing ones made."""
    block = {"price_range": {"lower_price": "1", "upper_price": "9"}, "a": "b"}

    found = with_params(block, (("price_range.lower_price", "2"), ("paper.fill", "touch")))

    assert found["price_range"] == {"lower_price": "2", "upper_price": "9"}
    assert found["paper"] == {"fill": "touch"}
    assert block["price_range"] == {"lower_price": "1", "upper_price": "9"}


def test_dot_through_a_value_is_refused() -> None:
    """A key cannot lie inside a number."""
    with pytest.raises(ConfigError, match="a is no block"):
        with_params({"a": "1"}, (("a.b", "2"),))
