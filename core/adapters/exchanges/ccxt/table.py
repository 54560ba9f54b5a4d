"""What differs between the venues behind the ccxt door: one frozen row each.

A venue without a row works by ccxt's own words alone (`row_of`): then only public data has been
thought about, and what its refusals prove is read from ccxt's classes (`errors.CLASSES`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from core.adapters.exchanges.backpack.errors import error_of as backpack_error
from core.adapters.exchanges.binance.errors import error_of as binance_error
from core.adapters.exchanges.bybit.errors import error_of as bybit_error
from core.adapters.exchanges.ccxt.names import PREFIX
from core.adapters.exchanges.connection.limiter import Limit
from core.adapters.exchanges.credentials import Credentials
from core.adapters.exchanges.hyperliquid.errors import error_of as hyperliquid_error
from core.adapters.exchanges.hyperliquid.errors import refusal_of
from core.adapters.exchanges.lighter.errors import error_of as lighter_error
from core.adapters.exchanges.lighter.rest import PREMIUM, STANDARD, weight_of
from core.adapters.exchanges.models import Capabilities, ExchangeType
from core.adapters.exchanges.native.rest import ErrorTable
from core.adapters.exchanges.okx.errors import error_of as okx_error
from core.errors import ConfigError, VenueError

_SPOT, _PERPETUAL = ExchangeType.SPOT, ExchangeType.PERPETUAL
_BOTH: Final = frozenset({_SPOT, _PERPETUAL})
_CAPABILITIES: Final = Capabilities(market_types=_BOTH)
_NAME: Final = re.compile(r"[a-z][a-z0-9]{1,30}", re.ASCII)


def _hmac(given: Credentials) -> Mapping[str, Any]:
    keys: dict[str, Any] = {"apiKey": given.key, "secret": given.secret.reveal()}
    if given.passphrase:
        keys["password"] = given.passphrase.reveal()
    return keys


class Deadline(Enum):
    """How a venue is told until when it may take an order."""

    WINDOW = "window"
    """So long after the time of the request, which is signed with it."""
    MOMENT = "moment"
    """A header with the moment, by the venue's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How one venue is spoken to through ccxt."""

    venue: str
    """Our name of it."""
    ccxt_id: str
    """ccxt's."""
    title: str
    host: str = ""
    """Where its requests go, to find out whether it can be reached; asked of ccxt where empty."""
    parsers: str = ""
    """Venue whose own parsers read its messages; ccxt's words are read where it is empty."""
    capabilities: Capabilities = _CAPABILITIES
    options: Mapping[str, Any] = field(default_factory=dict)
    """ccxt's `options`."""
    silenced: tuple[str, ...] = ()
    """Methods of ccxt that would sign or send what nobody asked for; they do nothing."""
    forbidden: tuple[bytes, ...] = ()
    """What may stand in no request: builders, referrers, changes of keys."""
    is_guarded: bool = False
    """Whether all that is not a GET and not listed in `asks` changes something; then it is sent
    only for an order or a setting that the caller asked for."""
    asks: tuple[str, ...] = ()
    """Ends of paths that change nothing although they are not a GET."""
    error_of: ErrorTable | None = None
    """What its refusals mean; None lets ccxt judge."""
    client_ids: str = "plain"
    """`plain`, `hex`, or how many bits a number may have."""
    has_number_ids: bool = False
    """Whether order ids are numbers; another text is no order then."""
    needs_symbol: bool = False
    """Whether orders and fills are told of one symbol at a time."""
    searches_lists: bool = False
    """Whether an order is looked for among the open and the closed ones."""
    sums_fills: bool = False
    """Whether an order that ended early does not say what it filled."""
    prices_markets: bool = False
    """Whether a market order needs a price (a limit far away)."""
    answers_orders: bool = False
    """Whether an order or a cancel is answered with the whole order."""
    hides_ends: bool = False
    """Whether lists of orders do not say when an order ended."""
    tells_time: bool = True
    """Whether the venue has an endpoint for its time."""
    silent: tuple[str, ...] = ()
    """Ends of paths whose success has an empty body."""
    has_fok: bool = True
    has_significant_digits: bool = False
    """Whether prices have at most five significant digits."""
    quotes_from_book: bool = False
    """Whether the book tells best bid and ask: tickers hold none, or ccxt mixes both into one."""
    asks_recent_trades: bool = False
    """Whether public trades are asked for raw: ccxt's method tells only those of an address."""
    acks_only: bool = False
    """Whether an order is answered with ids alone; the private socket tells what became of it."""
    acks_nothing: bool = False
    """Whether not even an id is answered: the private socket tells it, under ours."""
    signs_natively: bool = False
    """Whether the venue's native signer signs, through our own door to it (`signing.py`)."""
    names_worst_price: bool = False
    """Whether the price of a market order is its worst one; else ccxt goes beyond it by itself."""
    rests_as: str = "GTC"
    """ccxt's word for an order that rests until it is cancelled."""
    has_spot_tickers: bool = True
    """Whether ccxt can listen to the ticker of a spot market."""
    deadline: Deadline | None = None
    counts_books: bool = False
    """Whether book messages are numbered one by one and ccxt does not look (`sequence.py`)."""
    trades_between: Callable[[int, int], Mapping[str, Any]] | None = None
    """Parameters of ccxt's `fetch_trades` for public trades between two numbers; None where trade
    ids do not count one by one."""
    trades_page: int | None = None
    """How many public trades one answer may hold; the venue's default where it is None."""
    has_page_numbers: bool = False
    """Whether pages are asked for by offset rather than by time."""
    buys_cost_base: bool = False
    """Whether a spot buy pays its fee in what was bought."""
    page: int = 500
    limits: tuple[Limit, ...] = (Limit(600, 60.0),)
    """Of one address; ccxt's requests are counted as one each."""
    order_limits: tuple[Limit, ...] = (Limit(60, 10.0),)
    weigh: Callable[[str], int] | None = None
    """What a request costs by its path, once the account is known to be a premium one."""
    premium: tuple[Limit, ...] = ()
    """Instead of `limits`, for such an account, by weight."""
    premium_orders: tuple[Limit, ...] = ()
    """Instead of `order_limits`, for such an account."""
    keys: Callable[[Credentials], Mapping[str, Any]] = _hmac
    """ccxt's fields of our credentials."""

    def only_asks(self, path: str) -> bool:
        """Whether a path changes nothing whatever its method is."""
        return any(path.endswith(end) for end in self.asks)


def _okx_trades(first: int, last: int) -> Mapping[str, Any]:
    """From new to old: those before the one after the last."""
    del first
    return {"method": "publicGetMarketHistoryTrades", "after": str(last + 1)}


def _binance_trades(first: int, last: int) -> Mapping[str, Any]:
    """Joined trades from old to new."""
    del last
    return {"fromId": first}


def _wallet(given: Credentials) -> Mapping[str, Any]:
    keys: dict[str, Any] = {
        "walletAddress": given.account,
        "privateKey": given.secret.reveal(),
    }
    vault = given.options.get("vault")
    if vault:
        keys["options"] = {"vaultAddress": vault}
    return keys


_ELSEWHERE: Final = "kept by the signer"
"""In the place of a key that ccxt need not know: it only looks whether there is one."""


def _lighter(given: Credentials) -> Mapping[str, Any]:
    """An API key that exists: never the account's own key, which would register a new one."""
    account, number = given.account, given.options.get("api_key_index", "")
    if not account.isdigit() or not number.isdigit():
        raise ConfigError(
            "lighter needs the account's index and the API key's index beside the key.",
            source="keys",
            key="lighter",
            remedy="Store them with: ctos keys set lighter",
        )
    return {
        "options": {
            "auths": {account: {number: {"lighterPrivateKey": _ELSEWHERE}}},
            "accountIndex": int(account),
            "apiKeyIndex": int(number),
            "libraryPath": _ELSEWHERE,
            "tiersForAccountIndexes": {account: True},  # it asks so as to add an integrator
        }
    }


def _hyperliquid(
    status: int, body: object, *, is_order: bool, retry_after_s: float | None = None
) -> VenueError | None:
    """The venue's table, and the refusal of the first order among the statuses of an answer."""
    error = hyperliquid_error(status, body, is_order=is_order, retry_after_s=retry_after_s)
    if error is not None or not is_order or not isinstance(body, dict):
        return error
    response = body.get("response")
    data = response.get("data") if isinstance(response, dict) else None
    statuses = data.get("statuses") if isinstance(data, dict) else None
    for item in statuses if isinstance(statuses, list) else ():
        if isinstance(item, dict) and isinstance(item.get("error"), str):
            return refusal_of(item["error"])
    return None


_QUIET: Final[Mapping[str, Any]] = {
    "builderFee": False,
    "fetchCurrencies": False,
    "warnOnFetchOpenOrdersWithoutSymbol": False,
}
"""Options of every venue."""

ROWS: Final[tuple[Row, ...]] = (
    Row(
        venue="binance",
        ccxt_id="binance",
        title="Binance spot through ccxt",
        host="https://api.binance.com",
        parsers="binance",
        buys_cost_base=True,
        capabilities=Capabilities(
            market_types=frozenset({_SPOT}),
            has_reduce_only=False,
            has_request_deadline=True,
            max_client_order_id_length=36,
        ),
        deadline=Deadline.WINDOW,
        options={
            "defaultType": "spot",
            "fetchMargins": False,
            "fetchMarkets": {"types": ["spot"]},
            "watchTrades": {"name": "aggTrade"},
        },
        is_guarded=True,
        asks=("/userDataStream", "/userListenToken"),
        trades_between=_binance_trades,
        trades_page=1000,
        error_of=binance_error,
        has_number_ids=True,
        needs_symbol=True,
        answers_orders=True,
        page=1000,
        limits=(Limit(1200, 60.0),),
        order_limits=(Limit(50, 10.0),),
    ),
    Row(
        venue="binance-usdm",
        ccxt_id="binanceusdm",
        title="Binance USDⓈ-M through ccxt",
        host="https://fapi.binance.com",
        parsers="binance",
        capabilities=Capabilities(
            market_types=frozenset({_PERPETUAL}),
            has_request_deadline=True,
            max_client_order_id_length=36,
        ),
        deadline=Deadline.WINDOW,
        options={
            "defaultType": "swap",
            "fetchMarkets": {"types": ["linear"]},
            "watchTrades": {"name": "aggTrade"},
        },
        is_guarded=True,
        asks=("/listenKey",),
        trades_between=_binance_trades,
        trades_page=1000,
        error_of=binance_error,
        has_number_ids=True,
        needs_symbol=True,
        answers_orders=True,
        page=1000,
        limits=(Limit(1200, 60.0),),
        order_limits=(Limit(300, 10.0), Limit(1200, 60.0)),
    ),
    Row(
        venue="okx",
        ccxt_id="okx",
        title="OKX through ccxt",
        host="https://www.okx.com",
        parsers="okx",
        buys_cost_base=True,
        capabilities=Capabilities(market_types=_BOTH, has_request_deadline=True),
        deadline=Deadline.MOMENT,
        options={"brokerId": None, "fetchMarkets": {"types": ["spot", "swap"]}},
        is_guarded=True,
        forbidden=(b'"tag"', b"6b9ad766b55dBCDE"),
        error_of=okx_error,
        has_number_ids=True,
        acks_only=True,
        trades_between=_okx_trades,
        trades_page=100,
        page=100,
        limits=(Limit(300, 30.0),),
        order_limits=(Limit(60, 2.0),),
    ),
    Row(
        venue="bybit",
        ccxt_id="bybit",
        title="Bybit through ccxt",
        host="https://api.bybit.com",
        parsers="bybit",
        buys_cost_base=True,
        capabilities=Capabilities(
            market_types=_BOTH,
            has_request_deadline=True,
            client_order_id_unique_forever=True,
            max_client_order_id_length=36,
        ),
        deadline=Deadline.WINDOW,
        options={
            "brokerId": "",
            "defaultType": "swap",
            "enableUnifiedAccount": True,
            "enableUnifiedMargin": False,
            "fetchMarkets": {"types": ["spot", "linear"]},
        },
        is_guarded=True,
        error_of=bybit_error,
        acks_only=True,
        quotes_from_book=True,
        counts_books=True,
        trades_page=1000,
        page=100,
        limits=(Limit(400, 5.0),),
        order_limits=(Limit(50, 5.0),),
    ),
    Row(
        venue="backpack",
        ccxt_id="backpack",
        title="Backpack through ccxt",
        host="https://api.backpack.exchange",
        parsers="backpack",
        options={"watchOrderBook": {"snapshotDelay": 0}},
        is_guarded=True,
        forbidden=(b'"brokerId"',),
        error_of=backpack_error,
        client_ids="32",
        has_number_ids=True,
        answers_orders=True,
        hides_ends=True,
        silent=("/api/v1/account",),
        searches_lists=True,
        has_page_numbers=True,
        page=1000,
        limits=(Limit(600, 60.0),),
        order_limits=(Limit(100, 10.0),),
    ),
    Row(
        venue="hyperliquid",
        ccxt_id="hyperliquid",
        title="Hyperliquid through ccxt",
        host="https://api.hyperliquid.xyz",
        parsers="hyperliquid",
        options={"refSet": True, "fetchMarkets": {"types": ["spot", "swap"]}},
        silenced=("handle_builder_fee_approval", "set_ref", "approve_builder_fee"),
        forbidden=(b'"builder"', b"approveBuilderFee", b"setReferrer", b"approveAgent"),
        is_guarded=True,
        asks=("/info",),
        error_of=_hyperliquid,
        client_ids="hex",
        has_number_ids=True,
        sums_fills=True,
        tells_time=False,
        prices_markets=True,
        has_fok=False,
        has_significant_digits=True,
        quotes_from_book=True,
        asks_recent_trades=True,
        page=2000,
        limits=(Limit(240, 60.0),),
        keys=_wallet,
    ),
    Row(
        venue="lighter",
        ccxt_id="lighter",
        title="Lighter through ccxt",
        host="https://mainnet.zklighter.elliot.ai",
        parsers="lighter",
        capabilities=Capabilities(market_types=_BOTH, changes_in_flight=3),
        options={"rateLimit": 50},
        silenced=("handle_builder_fee_approval", "approve_builder_fee", "change_api_key"),
        forbidden=(b"integrator",),
        is_guarded=True,
        error_of=lighter_error,
        client_ids="48",
        has_number_ids=True,
        acks_only=True,
        acks_nothing=True,
        signs_natively=True,
        prices_markets=True,
        names_worst_price=True,
        rests_as="GTT",
        has_fok=False,
        has_spot_tickers=False,
        counts_books=True,
        trades_page=100,
        page=100,
        limits=(STANDARD,),
        order_limits=(STANDARD,),
        weigh=weight_of,
        premium=(PREMIUM,),
        premium_orders=(Limit(4_000, 60.0),),
        keys=_lighter,
    ),
)
"""Venues that were thought about; see docs/venues.md for what was verified of each."""

_BY_VENUE: Final = {row.venue: row for row in ROWS}


def row_of(name: str) -> Row:
    """The row of a venue, with or without `ccxt-` before its name; made up for one without.

    Raises:
        ConfigError: For a text that can be no name of ccxt's.
    """
    plain = name.removeprefix(PREFIX)
    row = _BY_VENUE.get(plain)
    if row is not None:
        return row
    if _NAME.fullmatch(plain) is None:
        raise ConfigError(f"ccxt has no venue {plain[:40]!r}.", key="exchange")
    return Row(venue=plain, ccxt_id=plain, title=f"{plain} through ccxt", searches_lists=True)


def options_of(row: Row) -> dict[str, Any]:
    """The `options` that ccxt is given for a venue."""
    return {**_QUIET, **row.options}
