"""What ccxt's exceptions prove about an order."""

import ccxt
import pytest

from core.adapters.exchanges.ccxt.errors import CLASSES, judged, stumbled
from core.errors import (
    AuthError,
    DuplicateClientOrderId,
    InsufficientFunds,
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    TransportError,
)


def test_every_listed_class_is_one_of_ccxts():
    """A class that ccxt renames would prove nothing any more, and nobody would see it."""
    assert [name for name in CLASSES if not hasattr(ccxt, name)] == []


@pytest.mark.parametrize(
    "name, status, expected",
    [
        ("InvalidOrder", 400, OrderRejected),
        ("InsufficientFunds", 400, InsufficientFunds),
        ("DuplicateOrderId", 400, DuplicateClientOrderId),
        ("OrderNotFound", 404, OrderNotFound),
        ("AuthenticationError", 401, AuthError),
        ("RateLimitExceeded", 429, RateLimited),
        ("DDoSProtection", 418, RateLimited),
        ("RateLimitExceeded", 200, OutcomeUnknown),
        ("InvalidOrder", 502, OutcomeUnknown),
        ("ExchangeError", 400, OutcomeUnknown),
        ("BadRequest", 400, OutcomeUnknown),
        ("InvalidNonce", 400, OutcomeUnknown),
        ("OnMaintenance", 200, OutcomeUnknown),
        ("ExchangeNotAvailable", 503, OutcomeUnknown),
        ("RequestTimeout", 200, OutcomeUnknown),
    ],
)
def test_only_listed_classes_under_500_are_definite(name, status, expected):
    """Whatever a gateway could have caused leaves the order unknown."""
    error = getattr(ccxt, name)("words")

    assert type(judged("v", error, status=status, is_order=True)) is expected


def test_a_read_may_be_repeated():
    """What says nothing about a read is a transport error."""
    error = judged("v", ccxt.ExchangeError("x"), status=200, is_order=False)

    assert type(error) is TransportError


@pytest.mark.parametrize(
    "error, is_order, has_left, expected",
    [
        (KeyError("orderId"), True, True, OutcomeUnknown),
        (ccxt.InvalidOrder("too small"), True, True, OutcomeUnknown),
        (ccxt.InvalidOrder("too small"), True, False, OrderRejected),
        (ccxt.NetworkError("x"), True, False, NotSent),
        (KeyError("x"), True, False, NotSent),
        (ccxt.NotSupported("x"), False, False, NotSupported),
        (KeyError("x"), False, False, TransportError),
    ],
)
def test_a_stumble_counts_by_what_had_left(error, is_order, has_left, expected):
    """After the first byte nothing inside ccxt proves anything; before it nothing was sent."""
    assert type(stumbled("v", error, is_order=is_order, has_left=has_left)) is expected
