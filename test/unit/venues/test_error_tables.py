"""Our tables of codes beside ccxt's classes: a second reader of what each venue documents."""

import ccxt
import pytest

from core.adapters.exchanges.binance import errors as binance
from core.adapters.exchanges.bybit import errors as bybit
from core.adapters.exchanges.okx import errors as okx
from core.errors import (
    AuthError,
    DuplicateClientOrderId,
    InsufficientFunds,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    VenueUnavailable,
)

READERS = {
    "binance": lambda code, words: binance.error_of(
        400, {"code": int(code), "msg": words}, is_order=True
    ),
    "binanceusdm": lambda code, words: binance.error_of(
        400, {"code": int(code), "msg": words}, is_order=True
    ),
    "bybit": lambda code, words: bybit.error_of(
        200, {"retCode": int(code), "retMsg": words}, is_order=True
    ),
    "okx": lambda code, words: okx.error_of(
        200, {"code": "1", "data": [{"sCode": code, "sMsg": words}]}, is_order=True
    ),
}
DOUBTFUL = {
    "BadResponse", "CancelPending", "DDoSProtection", "ExchangeNotAvailable", "NetworkError",
    "OperationFailed", "RequestTimeout",
}  # fmt: skip
"""Classes of ccxt's that leave an outcome open."""
REVIEWED = {
    "-1008": RateLimited,  # throttled before the matching engine, says the documentation
    "-1112": OrderRejected,  # nobody is there to trade with
    "-2016": VenueUnavailable,  # no trading window
    "-2018": InsufficientFunds,
    "-2019": InsufficientFunds,
    "-2023": OrderRejected,  # the account is in liquidation
    "-4078": OrderRejected,  # an option of the request cannot be parsed
    "-5028": OrderRejected,  # outside of the receive window at the matching engine
    "50005": VenueUnavailable,  # the endpoint is offline
}
"""Codes in such a class that the venue's own words make definite."""
DEFINITE = {
    "okx": {
        "50000": OrderRejected, "50002": OrderRejected, "50005": VenueUnavailable,
        "50006": OrderRejected, "50007": AuthError, "50008": AuthError, "50009": AuthError,
        "50010": AuthError, "50012": AuthError, "50015": OrderRejected, "50016": OrderRejected,
        "50024": OrderRejected, "50025": OrderRejected, "50027": AuthError,
        "50028": OrderRejected, "50040": RateLimited, "51113": RateLimited,
        "51201": OrderRejected, "51205": OrderRejected, "51403": OrderRejected,
        "51404": OrderRejected, "51405": OrderNotFound, "51407": OrderRejected,
    },
    "bybit": {
        "-2015": AuthError, "10008": AuthError, "10017": OrderRejected,
        "10019": VenueUnavailable, "10020": AuthError, "10028": AuthError,
        "10404": OrderRejected, "10429": RateLimited, "20003": RateLimited, "33004": AuthError,
        "170033": InsufficientFunds, "170034": InsufficientFunds,
    },
    "binance": {
        "-1011": AuthError, "-2008": AuthError, "-2017": AuthError, "-5028": OrderRejected,
        "-5037": OrderRejected, "-5038": OrderRejected, "-5039": OrderRejected,
        "-5040": OrderRejected,
    },
}  # fmt: skip
OPEN = {
    "okx": ["50004", "50013", "50026", "51054", "51149", "51410"],
    "bybit": ["10000", "10016", "110079", "170001", "170007", "170035", "170146", "170147"],
    "binance": ["-1000", "-1001", "-1004", "-1006", "-1007", "-1010", "-5041"],
}


def classes(name):
    """Every code that ccxt knows of a venue -> the name of its class."""
    found = {}

    def walk(table):
        for code, kind in table.items():
            if isinstance(kind, dict):
                walk(kind)
            elif code.lstrip("-").isdigit():
                found[code] = kind.__name__

    walk({part: codes for part, codes in getattr(ccxt, name)().exceptions.items()
          if part != "broad"})  # fmt: skip
    return found


@pytest.mark.parametrize("name", sorted(READERS))
def test_what_ccxt_leaves_open_is_open_here(name):
    """A code of a time-out, an overload or a broken line proves nothing, unless it was reviewed."""
    judged = {
        code: type(READERS[name](code, ""))
        for code, kind in classes(name).items()
        if kind in DOUBTFUL
    }
    wrong = {
        code: found
        for code, found in judged.items()
        if found is not OutcomeUnknown and REVIEWED.get(code) is not found
    }

    assert judged
    assert wrong == {}


@pytest.mark.parametrize("name", sorted(READERS))
def test_what_ccxt_calls_missing_money_or_orders_is_nothing_else_here(name):
    """Of those codes that are definite here: no money and no order are told as such or refused."""
    allowed = {
        "InsufficientFunds": {InsufficientFunds, OrderRejected, OutcomeUnknown},
        "OrderNotFound": {OrderNotFound, OutcomeUnknown},
        "DuplicateOrderId": {DuplicateClientOrderId, OutcomeUnknown},
        "RateLimitExceeded": {RateLimited, OutcomeUnknown},
        "AuthenticationError": {AuthError, OutcomeUnknown, OrderRejected},
        "NotSupported": {NotSupported, OrderRejected, VenueUnavailable, OutcomeUnknown},
    }
    wrong = {
        code: (kind, found.__name__)
        for code, kind in classes(name).items()
        if kind in allowed
        and (found := type(READERS[name](code, ""))) not in allowed[kind]
    }  # fmt: skip

    assert wrong == {}


@pytest.mark.parametrize(
    "name, code, expected",
    [(name, code, kind) for name, codes in DEFINITE.items() for code, kind in codes.items()],
)
def test_each_definite_code(name, code, expected):
    """As the venue's list of codes words it, so that no question has to be asked afterwards."""
    assert type(READERS[name](code, "as documented")) is expected


@pytest.mark.parametrize(
    "name, code", [(name, code) for name, codes in OPEN.items() for code in codes]
)
def test_each_open_code(name, code):
    """Whatever its words say."""
    assert type(READERS[name](code, "invalid parameter")) is OutcomeUnknown


@pytest.mark.parametrize(
    "name, code", [("okx", "51170"), ("bybit", "110098"), ("binance", "-4300")]
)
@pytest.mark.parametrize(
    "words",
    [
        "Request timed out. Please try again",
        "Internal error, please try again later",
        "The order is being processed",
        "Systems are busy",
    ],
)
def test_a_range_gives_way_to_doubtful_words(name, code, words):
    """A code that only a range lists is no proof where the venue says that something was late."""
    assert type(READERS[name](code, "price out of range")) is OrderRejected
    assert type(READERS[name](code, words)) is OutcomeUnknown
