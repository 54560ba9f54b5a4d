"""What refusals mean: definite, evidence, or nothing at all."""

from __future__ import annotations

import pytest

from core.adapters.exchanges.backpack import errors as backpack
from core.adapters.exchanges.binance import errors as binance
from core.adapters.exchanges.bybit import errors as bybit
from core.adapters.exchanges.edgex import errors as edgex
from core.adapters.exchanges.hyperliquid import errors as hyperliquid
from core.adapters.exchanges.lighter import errors as lighter
from core.adapters.exchanges.okx import errors as okx
from core.errors import (
    ActionsUsedUp,
    AuthError,
    DuplicateClientOrderId,
    InsufficientFunds,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    TransportError,
    VenueUnavailable,
)

VENUES = [binance, hyperliquid, lighter, backpack, edgex, okx, bybit]
NAMES = [module.__name__.split(".")[-2] for module in VENUES]


@pytest.mark.parametrize("venue", VENUES, ids=NAMES)
@pytest.mark.parametrize(
    "status, body",
    [
        (200, None),
        (500, {"code": 0}),
        (502, "<html>Bad Gateway</html>"),
        (503, None),
        (403, "<html>blocked</html>"),
        (400, {"code": "NOBODY_KNOWS", "msg": "?"}),
        (400, {"code": -999_999, "msg": "?"}),
        (400, {"retCode": 999_999, "retMsg": "?"}),
        (504, {"code": -2010, "msg": "Account has insufficient balance"}),
    ],
    ids=["no body", "500", "html", "503", "403", "word", "number", "retCode", "code under 5xx"],
)
def test_what_nobody_listed_proves_nothing(venue, status, body):
    """An order stays UNKNOWN under anything that no table lists; a read may be repeated."""
    error = venue.error_of(status, body, is_order=True)
    reading = venue.error_of(status, body, is_order=False)

    assert type(error) is OutcomeUnknown
    assert error.reached_venue is None
    assert type(reading) is TransportError
    assert reading.is_retryable


@pytest.mark.parametrize("venue", VENUES, ids=NAMES)
def test_too_many_requests(venue):
    """A 429 says for how long, in its header or by our default."""
    stated = venue.error_of(429, None, is_order=True, retry_after_s=2.5)
    silent = venue.error_of(429, "slow down", is_order=True)

    assert isinstance(stated, RateLimited)
    assert isinstance(silent, RateLimited)
    assert (stated.retry_after_s, silent.retry_after_s) == (2.5, 10.0)


@pytest.mark.parametrize(
    "venue, body",
    [
        (binance, {"orderId": 1, "status": "NEW"}),
        (binance, []),
        (binance, {"code": 200, "msg": "success"}),
        (hyperliquid, {"status": "ok", "response": {}}),
        (hyperliquid, []),
        (lighter, {"code": 200, "tx_hash": "ab"}),
        (backpack, {"id": "1"}),
        (edgex, {"code": "SUCCESS", "data": {}}),
        (okx, {"code": "0", "data": []}),
        (bybit, {"retCode": 0, "result": {}}),
    ],
)
def test_success_is_no_error(venue, body):
    """A good answer is none."""
    assert venue.error_of(200, body, is_order=True) is None


@pytest.mark.parametrize(
    "venue, status, body, expected",
    [
        (binance, 400, {"code": -2010, "msg": "Duplicate order sent."}, DuplicateClientOrderId),
        (binance, 400, {"code": -4116, "msg": "dup"}, DuplicateClientOrderId),
        (
            binance,
            400,
            {"code": -2010, "msg": "Account has insufficient balance for requested action."},
            InsufficientFunds,
        ),
        (binance, 400, {"code": -2019, "msg": "Margin is insufficient."}, InsufficientFunds),
        (binance, 400, {"code": -1013, "msg": "Filter failure: LOT_SIZE"}, OrderRejected),
        (binance, 400, {"code": -4164, "msg": "notional"}, OrderRejected),
        (binance, 400, {"code": -5022, "msg": "post only"}, OrderRejected),
        (binance, 400, {"code": -2011, "msg": "Unknown order sent."}, OrderNotFound),
        (binance, 401, {"code": -2015, "msg": "Invalid API-key"}, AuthError),
        (binance, 400, {"code": -1007, "msg": "Timeout"}, OutcomeUnknown),
        (binance, 400, {"code": -1015, "msg": "Too many new orders"}, RateLimited),
        (binance, 400, {"error": {"code": -2013, "msg": "x"}}, OrderNotFound),
        (
            hyperliquid,
            200,
            {"status": "err", "response": "User or API Wallet 0x1 does not exist."},
            AuthError,
        ),
        (
            hyperliquid,
            200,
            {"status": "err", "response": "Too many cumulative requests sent (3 > 2)"},
            ActionsUsedUp,
        ),
        (hyperliquid, 200, {"status": "err", "response": "L1 is having a day"}, OutcomeUnknown),
        (lighter, 400, {"code": 21728, "message": "exists"}, DuplicateClientOrderId),
        (lighter, 400, {"code": 21508, "message": "margin"}, InsufficientFunds),
        (lighter, 400, {"code": 21104, "message": "invalid nonce"}, OutcomeUnknown),
        (lighter, 400, {"code": 21734, "message": "too far"}, OrderRejected),
        (lighter, 200, {"error": {"code": 21715, "message": "x"}}, OrderNotFound),
        (backpack, 400, {"code": "INSUFFICIENT_FUNDS", "message": "x"}, InsufficientFunds),
        (
            backpack,
            400,
            {"code": "INVALID_ORDER", "message": "Duplicate clientId"},
            DuplicateClientOrderId,
        ),
        (backpack, 400, {"code": "INVALID_PRICE", "message": "far"}, OrderRejected),
        (
            backpack,
            404,
            {"code": "RESOURCE_NOT_FOUND", "message": "Order not found"},
            OrderNotFound,
        ),
        (backpack, 503, {"code": "MAINTENANCE", "message": "x"}, OutcomeUnknown),
        (backpack, 400, {"code": "TRADING_PAUSED", "message": "x"}, VenueUnavailable),
        (backpack, 400, {"code": "TIMEOUT", "message": "x"}, OutcomeUnknown),
        (edgex, 200, {"code": "ANY_REFUSAL", "msg": "no"}, OutcomeUnknown),
        (okx, 200, {"code": "1", "data": [{"sCode": "51016"}]}, DuplicateClientOrderId),
        (okx, 200, {"code": "1", "data": [{"sCode": "51008"}]}, InsufficientFunds),
        (okx, 200, {"code": "2", "data": [{"sCode": "0"}, {"sCode": "51020"}]}, OrderRejected),
        (okx, 200, {"code": "1", "data": [{"sCode": "51149"}]}, OutcomeUnknown),
        (okx, 200, {"code": "51400", "msg": "gone"}, OrderNotFound),
        (okx, 401, {"code": "50113", "msg": "Invalid Sign"}, AuthError),
        (okx, 200, {"sCode": "51503", "sMsg": "x"}, OutcomeUnknown),
        (bybit, 200, {"retCode": 110072, "retMsg": "dup"}, DuplicateClientOrderId),
        (bybit, 200, {"retCode": 170141, "retMsg": "dup"}, DuplicateClientOrderId),
        (bybit, 200, {"retCode": 110007, "retMsg": "ab not enough"}, InsufficientFunds),
        (bybit, 200, {"retCode": 110017, "retMsg": "reduce-only"}, OrderRejected),
        (bybit, 200, {"retCode": 110001, "retMsg": "not exist"}, OrderNotFound),
        (bybit, 200, {"retCode": 170146, "retMsg": "timeout"}, OutcomeUnknown),
        (bybit, 200, {"retCode": 10004, "retMsg": "sign"}, AuthError),
    ],
)
def test_codes(venue, status, body, expected):
    """A listed code means what its table says, and keeps the venue's words."""
    error = venue.error_of(status, body, is_order=True)

    assert type(error) is expected
    assert error.venue == venue.__name__.split(".")[-2]
    assert error.code is not None or venue is hyperliquid


@pytest.mark.parametrize(
    "words, expected",
    [
        ("Insufficient margin to place order. asset=4", InsufficientFunds),
        ("Order must have minimum value of $10.", OrderRejected),
        ("Post only order would have immediately matched, bbo was 1@2.", OrderRejected),
        ("Order was never placed, already canceled, or filled.", OrderNotFound),
        ("Something new.", OutcomeUnknown),
    ],
)
def test_hyperliquid_speaks_in_sentences(words, expected):
    """The refusal of one order is known by its phrase."""
    error = hyperliquid.refusal_of(words)

    assert type(error) is expected
    assert error.venue_message == words
