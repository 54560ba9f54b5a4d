from decimal import Decimal

import pytest

from core.domain.funding import funding_payment, next_settlement

D = Decimal
HOUR_NS = 3600 * 10**9


@pytest.mark.parametrize(
    "size, rate, received",
    [("2", "0.0001", "-0.04"), ("-2", "0.0001", "0.04"), ("2", "-0.0001", "0.04"), ("0", "1", "0")],
)
def test_longs_pay_when_the_rate_is_positive(size, rate, received):
    """The payment is size times mark times rate, with the payer's sign."""
    assert funding_payment(D(size), D("200"), D(rate), D("1")) == D(received)


def test_settlements_are_multiples_in_utc():
    """Strictly after the moment asked about, on the grid that begins in 1970."""
    assert next_settlement(0, 3600) == HOUR_NS
    assert next_settlement(HOUR_NS - 1, 3600) == HOUR_NS
    assert next_settlement(HOUR_NS, 3600) == 2 * HOUR_NS
