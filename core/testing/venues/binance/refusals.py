"""Binance's refusals, with the codes and words of its futures error list."""

from __future__ import annotations

from typing import Final

from core.errors import OrderRejected
from core.testing.venues.faults import Answer

Words = tuple[int, str]

BAD_SYMBOL: Final[Words] = (-1121, "Invalid symbol.")
NO_SUCH_ORDER: Final[Words] = (-2013, "Order does not exist.")
UNKNOWN_CANCEL: Final[Words] = (-2011, "Unknown order sent.")
BAD_SIGNATURE: Final[Words] = (-1022, "Signature for this request is not valid.")
BAD_KEY_FORMAT: Final[Words] = (-2014, "API-key format invalid.")
BAD_KEY: Final[Words] = (-2015, "Invalid API-key, IP, or permissions for action.")
LATE: Final[Words] = (-1021, "Timestamp for this request is outside of the recvWindow.")
EARLY: Final[Words] = (
    -1021,
    "Timestamp for this request was 1000ms ahead of the server's time.",
)
LONG_WINDOW: Final[Words] = (-1131, "recvWindow must be less than 60000.")
NO_LISTEN_KEY: Final[Words] = (-1125, "This listenKey does not exist.")
SAME_MARGIN_TYPE: Final[Words] = (-4046, "No need to change margin type.")
SAME_POSITION_SIDE: Final[Words] = (-4059, "No need to change position side.")
FOK_NOT_FILLED: Final[Words] = (
    -5021,
    "Due to the order could not be filled immediately, the FOK order has been rejected.",
)
BAD_POSITION_SIDE: Final[Words] = (
    -4061,
    "Order's position side does not match user's setting.",
)
TOO_MANY: Final[Words] = (
    -1003,
    "Too many requests; current limit of IP is 2400 requests per minute.",
)
BANNED: Final[Words] = (
    -1003,
    "Way too many requests; IP banned. Please use the websocket for live updates to avoid bans.",
)
UNKNOWN_METHOD: Final[Words] = (-1000, "Unknown method.")
BAD_INTERVAL: Final[Words] = (-1120, "Invalid interval.")
BAD_SIDE: Final[Words] = (-1117, "Invalid side.")
BAD_TYPE: Final[Words] = (-1116, "Invalid orderType.")
BAD_TIME_IN_FORCE: Final[Words] = (-1115, "Invalid timeInForce.")

_OF_FLOOR: Final[dict[str, Words]] = {
    "SYMBOL_UNKNOWN": BAD_SYMBOL,
    "NO_MARKET": (-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter."),
    "CLIENT_ID_INVALID": (-4015, "Client order id is not valid."),
    "POST_ONLY_INVALID": BAD_TIME_IN_FORCE,
    "AMOUNT_INVALID": (-4003, "Quantity less than or equal to zero."),
    "LOT_SIZE": (-1111, "Precision is over the maximum defined for this asset."),
    "MIN_AMOUNT": (-4003, "Quantity less than or equal to zero."),
    "MAX_AMOUNT": (-4005, "Quantity greater than max quantity."),
    "PRICE_INVALID": (-4001, "Price less than 0."),
    "TICK_SIZE": (-4014, "Price not increased by tick size."),
    "MIN_NOTIONAL": (
        -4164,
        "Order's notional must be no smaller than 5 (unless you choose reduce only).",
    ),
    "DUPLICATE_CLIENT_ORDER_ID": (-4116, "ClientOrderId is duplicated."),
    "POST_ONLY_WOULD_CROSS": (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    ),
    "REDUCE_ONLY": (-2022, "ReduceOnly Order is rejected."),
    "INSUFFICIENT_MARGIN": (-2019, "Margin is insufficient."),
    "LEVERAGE": (-4028, "Leverage is not valid"),
    "POSITION_OPEN": (-4048, "Margin type cannot be changed if there exists position."),
    "ORDER_NOT_OPEN": UNKNOWN_CANCEL,
}


class Refused(Exception):
    """A request that Binance answers with a code."""

    def __init__(
        self, words: Words, *, status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(words[1])
        self.code, self.text = words
        self.status = status
        self.headers = headers or {}

    @property
    def body(self) -> dict[str, object]:
        """As REST words it."""
        return {"code": self.code, "msg": self.text}

    @property
    def answer(self) -> Answer:
        """Over HTTP."""
        return Answer(self.body, self.status, self.headers)


def missing(name: str) -> Refused:
    """A mandatory parameter is not there."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return Refused((-1102, text))


def refused(error: OrderRejected) -> Refused:
    """The floor's no in Binance's words."""
    return Refused(_OF_FLOOR.get(error.code or "", (-2010, "NEW_ORDER_REJECTED")))
