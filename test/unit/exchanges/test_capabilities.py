import pytest

from core.adapters.exchanges.capabilities import (
    can_prove_absence,
    fits_client_order_id,
    is_resend_safe,
    missing_for,
    trades,
)
from core.adapters.exchanges.models import Capabilities, ExchangeType, OrderOptions, TimeInForce


def able(**changes: object) -> Capabilities:
    """A venue with perpetuals only."""
    return Capabilities(
        market_types=frozenset({ExchangeType.PERPETUAL}),
        **changes,  # type: ignore[arg-type]
    )


def test_questions_about_a_venue():
    """What is not promised is not there."""
    assert not is_resend_safe(able())
    assert not can_prove_absence(able())
    assert can_prove_absence(able(has_request_deadline=True))
    assert trades(able(), ExchangeType.PERPETUAL)
    assert not trades(able(), ExchangeType.SPOT)


@pytest.mark.parametrize(
    "client_order_id, fits",
    [("abc123", True), ("a" * 33, False), ("", False), ("a-b", False), ("ä", False)],
)
def test_ids_are_short_letters_and_digits(client_order_id, fits):
    """Nothing else is carried by every venue."""
    assert fits_client_order_id(able(), client_order_id) is fits


def test_what_an_order_wants_and_the_venue_lacks():
    """Each thing is named; an order that wants nothing lacks nothing."""
    options = OrderOptions(client_order_id="a-b", post_only=True, reduce_only=True)
    poor = able(has_post_only=False, has_reduce_only=False)

    assert missing_for(poor, options) == ("post-only", "reduce-only", "the client order id a-b")
    assert missing_for(able(), OrderOptions()) == ()
    fok = OrderOptions(post_only=True, time_in_force=TimeInForce.FOK)
    assert missing_for(able(), fok) == ("post-only with fok",)
