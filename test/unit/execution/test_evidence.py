"""When an absence is proved."""

from __future__ import annotations

import pytest

from core.services.execution.evidence import (
    Endpoint,
    Negative,
    certain_from_ns,
    in_words,
    is_absent,
    is_explained_by,
)
from core.services.execution.settings import ExecutionSettings

SETTINGS = ExecutionSettings()
FROM_NS = 100 * 10**9


def said_no(*answers: tuple[Endpoint, float]) -> list[Negative]:
    """Answers that did not know the order, seconds after certainty began."""
    moments = [(endpoint, FROM_NS + round(after_s * 1e9)) for endpoint, after_s in answers]
    return [Negative(endpoint, at_ns, at_ns) for endpoint, at_ns in moments]


@pytest.mark.parametrize(
    "answers, expected",
    [
        ([], False),
        ([(Endpoint.ORDER, 1), (Endpoint.FILLS, 3)], True),
        ([(Endpoint.ORDER, 1), (Endpoint.FILLS, 2.9)], False),
        ([(Endpoint.FILLS, 1), (Endpoint.FILLS, 9)], False),
        ([(Endpoint.ORDER, 1), (Endpoint.OPEN_ORDERS, 9)], False),
        ([(Endpoint.ORDER, -1), (Endpoint.FILLS, 3)], False),
        ([(Endpoint.ORDER, 0), (Endpoint.FILLS, 3)], False),
    ],
    ids=[
        "nobody was asked",
        "two kinds, two seconds apart",
        "too close together",
        "one kind of endpoint",
        "executions were not asked for",
        "one before the deadline was over",
        "one at the very moment",
    ],
)
def test_absence_needs_every_condition(answers: list[tuple[Endpoint, float]], *, expected: bool):
    """P6, each condition left out once."""
    assert is_absent(said_no(*answers), FROM_NS, SETTINGS) is expected


@pytest.mark.parametrize("told_after_s, expected", [(0.0, True), (0.3, False)])
def test_answers_lie_apart_from_the_first_that_was_told(told_after_s: float, *, expected: bool):
    """Where the first question waited before it left, the second came sooner after it."""
    told_ns = FROM_NS + round((1 + told_after_s) * 1e9)
    first = Negative(Endpoint.ORDER, FROM_NS + 10**9, told_ns)
    second = Negative(Endpoint.FILLS, FROM_NS + 3 * 10**9, FROM_NS + 4 * 10**9)

    assert is_absent([first, second], FROM_NS, SETTINGS) is expected


def test_certainty_begins_after_deadline_skew_and_propagation():
    """One second of clock error and two until the endpoints agree."""
    assert certain_from_ns(10**9, SETTINGS) == 4 * 10**9


def test_the_proof_names_only_what_counted():
    """For the journal: which endpoint was asked when."""
    text = in_words(said_no((Endpoint.ORDER, -1), (Endpoint.FILLS, 1)), FROM_NS)

    assert text == "absent, asked after the deadline and its margin: fills+1.000s"


@pytest.mark.parametrize(
    "difference, expected", [(0, False), (5, True), (6, False), (-3, True), (-4, False)]
)
def test_a_position_difference_that_fits_is_a_reason_to_doubt(difference: int, *, expected: bool):
    """Five lots of buys and three of sells are in doubt."""
    assert is_explained_by(difference, buys=5, sells=3) is expected
