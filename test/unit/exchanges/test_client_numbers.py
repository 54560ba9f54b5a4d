"""Our client order ids as numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.errors import OrderRejected

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
IDS = st.text(LETTERS, min_size=1, max_size=32)


@given(st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=6))
def test_six_small_letters_are_read_back_from_32_bits(name):
    """By whoever never met them."""
    number = ClientNumbers("backpack", 32).number(name)

    assert 0 < number < 2**32
    assert ClientNumbers("backpack", 32).ours(str(number)) == name


@given(st.text(LETTERS, min_size=1, max_size=8))
def test_eight_letters_are_read_back_from_48_bits(name):
    """Of any case."""
    number = ClientNumbers("lighter", 48).number(name)

    assert 0 < number < 2**48
    assert ClientNumbers("lighter", 48).ours(str(number)) == name


@given(IDS, st.sampled_from([32, 48]))
def test_an_id_has_one_number_and_is_known_once_it_was_met(name, bits):
    """In this process and the next one."""
    numbers, later = ClientNumbers("x", bits), ClientNumbers("x", bits)
    number = numbers.to_send(name)

    assert 0 < number < 2**bits
    assert numbers.ours(str(number)) == name
    assert later.ours(str(number)) in {name, None}
    assert later.number(name) == number
    assert later.ours(str(number)) == name


def test_two_ids_with_one_number_are_never_both_sent():
    """The second is refused before anything leaves, and the first stays what the number means."""
    numbers = ClientNumbers("x", 12)
    seen, name = {}, ""
    for place in range(5000):
        name = f"order{place:05d}"
        number = ClientNumbers("x", 12).number(name)
        if number in seen:
            break
        seen[number] = name
        numbers.to_send(name)
    with pytest.raises(OrderRejected) as caught:
        numbers.to_send(name)

    assert caught.value.code == "CLIENT_ID"
    assert numbers.ours(str(number)) == seen[number]


@pytest.mark.parametrize("text", ["", "a-b", "é", "a b"])
def test_what_is_no_id_has_no_number(text):
    """Only letters and digits."""
    with pytest.raises(ValueError, match="no client order id"):
        ClientNumbers("x", 32).number(text)


def test_what_is_no_number_is_somebody_elses_and_shown_as_it_is():
    """Zero stands for none."""
    numbers = ClientNumbers("x", 32)

    assert numbers.ours("web-1") == "web-1"
    assert numbers.ours(None) is None
    assert numbers.ours("0") is None
