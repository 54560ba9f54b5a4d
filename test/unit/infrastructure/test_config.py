"""Validation: one error for a whole file, naming place, finding, allowance and nearest name."""

from __future__ import annotations

import time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from pydantic import Field, field_validator, model_validator

from core.errors import ConfigError, ExitCode
from core.infrastructure.config import InvalidConfig, json_schema, parse_yaml, validate
from core.infrastructure.config_types import (
    BoolStrict,
    ConfigModel,
    DecimalText,
    IntText,
    NonNegativeDecimal,
    PositiveDecimal,
)


class Exit(StrEnum):
    KEEP = "keep"
    CANCEL = "cancel_orders"


class Range(ConfigModel):
    lower_price: PositiveDecimal
    """The lowest entry, in quote."""
    upper_price: PositiveDecimal

    @model_validator(mode="after")
    def _order(self):
        if self.lower_price >= self.upper_price:
            raise ValueError(f"lower {self.lower_price} is not below upper {self.upper_price}.")
        return self


class Paper(ConfigModel):
    latency_ms: Annotated[IntText, Field(ge=0, le=60_000)] = 50
    fee: NonNegativeDecimal = Decimal(0)


class Common(ConfigModel):
    grid_interval: PositiveDecimal
    on_exit: Exit = Exit.CANCEL
    acknowledge: tuple[Literal["losing_grid", "high_leverage"], ...] = ()
    is_quiet: BoolStrict = False
    paper: Paper = Paper()
    stop: DecimalText | None = None


class Fixed(Common):
    grid_type: Literal["long", "short"]
    price_range: Range


class Follow(Common):
    grid_type: Literal["follow_long", "follow_short"]
    follow_distance: PositiveDecimal

    @field_validator("follow_distance")
    @classmethod
    def _small(cls, value):
        if value > 10:
            raise ConfigError("is too far.", key="follow_distance", remedy="Take 10 or less.")
        return value


Grid = Annotated[Fixed | Follow, Field(discriminator="grid_type")]

GOOD = """\
grid_system:
  grid_type: long
  grid_interval: 118000.5
  price_range:
    lower_price: "100"
    upper_price: 200
"""


def load(text):
    """Validates a text as the grid block of a file."""
    return validate(Grid, parse_yaml(text, "grid.yaml"), ("grid_system",))


def refusal(text):
    """The error that a text is refused with."""
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert caught.value.exit_code is ExitCode.CONFIG
    return str(caught.value)


def test_a_good_file_loads_with_exact_decimals():
    """Bare and quoted numbers go from their text to Decimal."""
    grid = load(GOOD)

    assert isinstance(grid, Fixed)
    assert str(grid.grid_interval) == "118000.5"
    assert grid.price_range.lower_price == Decimal(100)
    assert grid.on_exit is Exit.CANCEL


def test_json_loads_as_it_is():
    """JSON is YAML: the same model from the same keys."""
    text = (
        '{"grid_system": {"grid_type": "short", "grid_interval": 2.5, "is_quiet": true,'
        ' "price_range": {"lower_price": "1", "upper_price": 2}, "stop": null}}'
    )

    grid = load(text)

    assert grid.grid_interval == Decimal("2.5")
    assert grid.is_quiet is True
    assert grid.stop is None


def test_a_misspelt_key_names_file_line_key_and_nearest_name():
    """An unknown key is refused with the name it probably means."""
    error = refusal(GOOD.replace("lower_price", "lowr_price"))

    assert "grid.yaml:5: grid_system.price_range.lowr_price: is not a known key." in error
    assert "Did you mean `lower_price`?" in error
    assert "price_range.lower_price: is missing. It is: The lowest entry, in quote." in error


def test_a_key_at_the_wrong_level_says_where_it_belongs():
    """A known key in the wrong block names its block."""
    error = refusal(GOOD + "  latency_ms: 5\n")

    assert error == (
        "grid.yaml:7: grid_system.latency_ms: does not stand here. "
        "It belongs at `grid_system.paper.latency_ms`."
    )


def test_a_misspelt_key_at_the_wrong_level_says_where_it_belongs():
    """Misspelling and misplacing together still find the right key."""
    error = refusal(GOOD + "  latency-mss: 5\n")

    assert "Did you mean `grid_system.paper.latency_ms`?" in error


def test_a_key_of_another_type_says_which_type_it_goes_with():
    """A key that only other grid types know is refused with their names."""
    error = refusal(GOOD + "  follow_distance: 5\n")

    assert error == (
        'grid.yaml:7: grid_system.follow_distance: is not used with grid_type "long". '
        "It goes with grid_type: follow_long, follow_short."
    )


def test_a_key_like_nothing_lists_what_is_known():
    """Where no name is near, the known ones are listed."""
    error = refusal(GOOD + "    zzz: 5\n")

    assert "price_range.zzz: is not a known key. Known here: lower_price, upper_price." in error


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("grid_type: long", "grid_type: lng", "allowed: long, short, follow_long, follow_short."),
        ("grid_type: long", "grid_type: lng", "Did you mean long?"),
        ("grid_type: long\n", "on_exit: keep\n", "grid_type: is missing; allowed: long, short"),
        ("118000.5", "-1", 'grid_interval: must be above 0, found "-1".'),
        ("118000.5", "", "grid_interval: must be a number, found nothing."),
        ("118000.5", "true", "grid_interval: must be a number, found true."),
        ("118000.5", "[1]", "grid_interval: must be a number, found a list."),
        ("118000.5", "1e-3", "exponents are refused, write 0.001."),
        ('"100"', "300", "price_range: lower 300 is not below upper 200."),
        ("118000.5", "5\n  on_exit: cancel", "allowed: keep, cancel_orders. Did you mean"),
        ("118000.5", "5\n  on_exit: true", "found true, allowed: keep, cancel_orders."),
        ("118000.5", "5\n  is_quiet: off", 'must be true or false, found "off": write false.'),
        ("118000.5", '5\n  is_quiet: "true"', "write true without quotes."),
        ("118000.5", "5\n  is_quiet: 1", 'must be true or false, found "1".'),
        ("118000.5", "5\n  acknowledge: losing_grid", "must be a list, found"),
        ("118000.5", "5\n  acknowledge: [losing]", "acknowledge[0]: found"),
        ("118000.5", "5\n  paper: 5", 'paper: must be a block of keys, found "5".'),
        ("118000.5", "5\n  paper: {latency_ms: 60001}", "must be at most 60000, found"),
        ("118000.5", "5\n  paper: {latency_ms: 1.5}", "must be a whole number, found"),
        ("118000.5", "5\n  stop: nan", "it must be finite."),
        ("grid_system", "grid_sytem", "grid.yaml:1: grid_sytem: is not a known key."),
        ("grid_system", "alerts", "has no `grid_system:` block. Found instead: alerts."),
        ("grid_system:", "risk: 1\ngrid_system:", "grid.yaml:1: risk: does not stand beside"),
    ],
)
def test_each_fault_is_a_sentence(old, new, expected):
    """What was found and what is allowed stand in the error."""
    assert expected in refusal(GOOD.replace(old, new))


def test_an_empty_block_is_refused():
    """A root key without content says what it should hold."""
    assert "grid_system: must be a block of keys, found nothing." in refusal("grid_system:\n")


def test_all_faults_come_in_one_error_in_the_order_of_the_file():
    """One run shows everything that is wrong, from the top."""
    text = GOOD.replace("long", "lang").replace("grid_system:", "x: 1\ngrid_system:")
    with pytest.raises(InvalidConfig) as caught:
        load(text)

    assert [fault.line for fault in caught.value.faults] == [1, 3]
    assert str(caught.value).startswith("grid.yaml: 2 faults:\n  grid.yaml:1: x: ")


def test_keys_beside_the_block_are_allowed_by_name():
    """A file that several tools share names the other root keys."""
    document = parse_yaml("risk: {}\n" + GOOD)

    assert validate(Grid, document, ("grid_system",), others=("risk",)).grid_type == "long"


def test_a_config_error_of_a_validator_gets_its_place():
    """A rule that knows its key raises ConfigError and gets file and line."""
    text = "grid_system:\n  grid_type: follow_long\n  grid_interval: 1\n  follow_distance: 11\n"

    assert refusal(text) == (
        "grid.yaml:4: grid_system.follow_distance: is too far. Take 10 or less."
    )


def test_values_that_look_like_secrets_are_not_repeated():
    """An error never repeats a key that was pasted into the wrong field."""
    secret = "a1" * 32

    error = refusal(GOOD.replace("118000.5", secret))

    assert secret not in error
    assert "looks like a private key" in error


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"  key{number}: 1\n" for number in range(9_000)),
        "  stop: " + "1" * 900_000 + "\n",
        "  stop: " + "a-" * 450_000 + "token\n",
        "  stop: '" + " " * 900_000 + "'\n",
    ],
    ids=["keys", "digits", "dashes", "blanks"],
)
def test_a_hostile_file_is_refused_at_once(text):
    """Explaining what is wrong with a huge file costs no more than reading it."""
    began = time.process_time()
    error = refusal(GOOD + text)

    assert time.process_time() - began < 1.0  # 100 ms, and room for a busy machine
    assert len(error) < 20_000


def test_a_file_of_faults_names_the_first_and_counts_the_rest():
    """Fifty faults are explained; the others are a number."""
    error = refusal(GOOD + "".join(f"  zz{number}: 1\n" for number in range(80)))

    assert "grid.yaml: 51 faults:" in error
    assert "grid_system: and 30 more faults." in error


def test_schema_describes_the_file_from_its_root():
    """The exported schema wraps the block in its root key and carries the sentences."""
    schema = json_schema(Grid, ("grid_system",))

    assert schema["required"] == ["grid_system"]
    assert schema["additionalProperties"] is False
    lower = schema["$defs"]["Range"]["properties"]["lower_price"]
    assert lower["description"] == "The lowest entry, in quote."
    assert {choice["type"] for choice in lower["anyOf"]} == {"number", "string"}
