"""Whatever the text, strict YAML gives values or one ConfigError, and numbers keep their digits."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.infrastructure.config import parse_yaml, validate
from core.infrastructure.config_types import ConfigModel, DecimalText
from core.infrastructure.yaml_document import load_yaml

WORDS = "a|b:| |  |- |? |: |[|]|{|}|,|&a|*a|!t|!!str|>|'|\"|#|%|@|`|---|...|~|true|1e5|<<|0x|>+"
CHARACTERS = "|\n\t\r\0\\\x85\ufeff\u2028\ud800é"
PIECES = st.sampled_from([*WORDS.split("|"), *CHARACTERS, "|2-", "\\u12", "12:30"])
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join))


class One(ConfigModel):
    """A block of one number."""

    number: DecimalText


def check_values(value):
    """Only text, booleans, null, blocks and lists come out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            assert isinstance(key, str)
            check_values(inner)
    elif isinstance(value, list):
        for inner in value:
            check_values(inner)
    else:
        assert value is None or type(value) in {str, bool}


def outcome(read, *args):
    """What a reader gave, or the ConfigError it raised; anything else is raised here."""
    try:
        return read(*args)
    except ConfigError as error:
        return error


@settings(max_examples=400, deadline=1_000)
@given(TEXTS)
@example("a: !<x> b")
@example('"\\ud800": 1')
def test_any_text_gives_values_or_a_config_error(text):
    """No text makes the reader fail in another way, and every value has a known kind and a line."""
    found = outcome(parse_yaml, text)

    if isinstance(found, ConfigError):
        assert str(found).isprintable()
    else:
        check_values(found.data)
        assert all(found.line_of((key,)) for key in found.data)


@settings(max_examples=100, deadline=1_000)
@given(st.binary(max_size=200))
def test_any_bytes_give_values_or_a_config_error(tmp_path_factory, raw):
    """The same for files of any bytes."""
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(raw)

    found = outcome(load_yaml, path)

    assert isinstance(found, ConfigError) or found.text == raw.decode()


@settings(max_examples=300, deadline=1_000)
@given(TEXTS)
def test_any_block_is_valid_or_refused_with_a_config_error(text):
    """Validation turns every fault into a ConfigError, whatever stands in the file."""
    found = outcome(lambda: validate(One, parse_yaml(text)))

    assert isinstance(found, One | ConfigError)
    assert str(found)


@settings(max_examples=300, deadline=1_000)
@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=8
    ),
    st.sampled_from(["", "'", '"']),
)
def test_numbers_keep_every_digit(number, quote):
    """A plain decimal, bare or quoted, is exactly the number that was written."""
    text = f"{number:f}"

    loaded = validate(One, parse_yaml(f"number: {quote}{text}{quote}"))

    assert loaded.number == Decimal(text)


@settings(max_examples=300, deadline=1_000)
@given(st.text(alphabet="0123456789.eE+-_ ,naifxNI%\u0661", min_size=1, max_size=12))
def test_what_is_accepted_as_a_number_is_plain(text):
    """Nothing but an optional minus, digits and one point is ever read as a number."""
    found = outcome(lambda: validate(One, parse_yaml(f'{{"number": "{text}"}}')))

    if isinstance(found, One):
        assert set(text) <= set("-.0123456789")
        assert found.number.is_finite()
        assert found.number == Decimal(text)
