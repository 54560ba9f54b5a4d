"""ccxt's exchange object, made so that it only builds, signs and reads.

Its requests go through `CcxtRest`; its sockets stay its own. What comes over them is heard before
ccxt handles it (`Ears.on_message`), so that nothing is lost between two calls of a `watch` method,
and a message that ccxt stumbles over costs the socket rather than a silent end of reading.
"""

# ruff: noqa: ANN401 # ccxt has no types

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from core.adapters.exchanges.ccxt.rest import decode_text
from core.adapters.exchanges.ccxt.signing import signed_class
from core.adapters.exchanges.ccxt.table import Deadline, Row, options_of, row_of
from core.adapters.exchanges.lighter.sign import Signer
from core.adapters.exchanges.settings import Address, VenueSettings
from core.errors import ConfigError, MalformedMessage

REST, SOCKET = "rest", "socket"
"""A venue's addresses in `config/exchanges/ccxt-<venue>.yaml`: hosts, ccxt adds its own paths."""
_SCHEMES: Final = {REST: ("http", "https"), SOCKET: ("ws", "wss")}


class Carrier(Protocol):
    """Who carries the requests."""

    def left_ms(self) -> int | None:
        """How long the request that is being signed shall be taken; None for no deadline."""

    async def fetch(
        self, url: str, method: str, headers: Mapping[str, str] | None, body: object
    ) -> object:
        """Carries a request; gives what ccxt's parsers read."""


class Ears(Protocol):
    """Who hears of the sockets; called on the loop, and must not raise."""

    def on_message(self, message: object) -> str:
        """A message, decoded, fractions as text, before ccxt handles it.

        Returns:
            Why its socket must be given up; empty where it need not.

        Raises:
            MalformedMessage: If ccxt must not read it.
        """

    def on_stumble(self, error: Exception) -> None:
        """A message could not be handled by ccxt; its socket is given up."""

    def on_socket(self) -> None:
        """A socket was opened."""


def exchange_class(row: Row) -> Any:
    """The class of ccxt.pro for of a venue; of ccxt where there are no sockets.

    Raises:
        ConfigError: If ccxt has no such venue.
    """
    import ccxt.async_support
    import ccxt.pro

    found = getattr(ccxt.pro, row.ccxt_id, None) or getattr(ccxt.async_support, row.ccxt_id, None)
    if not isinstance(found, type):
        raise ConfigError(f"ccxt has no venue {row.ccxt_id[:40]!r}.", key="exchange")
    return found


def knows(name: str) -> bool:
    """Whether ccxt has a venue of that name, with or without `ccxt-`."""
    try:
        exchange_class(row_of(name))
    except ConfigError:
        return False
    return True


def addresses_of(row: Row) -> dict[str, Address]:
    """The hosts that ccxt would go to, on the main network and on the test network."""
    base = exchange_class(row)({})
    urls = base.urls
    found = {}
    for name, schemes in _SCHEMES.items():
        main = _first(base, urls.get("api"), schemes)
        found[name] = Address(main=main, test=_first(base, urls.get("test"), schemes))
    return {name: address for name, address in found.items() if address.main}


def make_client(  # noqa: C901 # one class of small overrides
    row: Row,
    settings: VenueSettings,
    keys: Mapping[str, Any],
    rest: Carrier,
    ears: Ears,
    make_signer: Callable[[], Signer] | None = None,
) -> Any:
    """An exchange object of ccxt.

    Args:
        row: What is known of the venue.
        settings: Where it is, and through which proxy.
        keys: ccxt's fields of the credentials; empty for public data alone.
        rest: Carries its requests.
        ears: Hears what its sockets tell.
        make_signer: Makes what signs, where the venue has a signer of its own.
    """
    from ccxt import NetworkError as network_error  # noqa: N813 # a class of a heavy package

    base = exchange_class(row)
    if row.signs_natively and make_signer is not None:
        base = signed_class(base, make_signer)

    class Door(base):  # type: ignore[misc, valid-type] # known at run time alone
        """ccxt's class with our transport under it.

        Its numbers are Decimals, which its `safe_string` family does not know: it would read the
        steps and amounts of its own structures as missing.
        """

        @staticmethod
        def safe_string(dictionary: Any, key: Any, default_value: Any = None) -> Any:
            text = _text_of(dictionary, (key,))
            return base.safe_string(dictionary, key, default_value) if text is None else text

        @staticmethod
        def safe_float(dictionary: Any, key: Any, default_value: Any = None) -> Any:
            return _decimal_of(dictionary, key, default_value)

        @staticmethod
        def safe_string_2(dictionary: Any, key1: Any, key2: Any, default_value: Any = None) -> Any:
            text = _text_of(dictionary, (key1, key2))
            if text is None:
                return base.safe_string_2(dictionary, key1, key2, default_value)
            return text

        @staticmethod
        def safe_string_n(dictionary: Any, key_list: Any, default_value: Any = None) -> Any:
            text = _text_of(dictionary, key_list)
            return base.safe_string_n(dictionary, key_list, default_value) if text is None else text

        def open(self, lazy: bool = False) -> None:  # noqa: FBT001, FBT002 # ccxt's
            if settings.proxy is None:
                super().open(lazy)
                return
            from core.adapters.exchanges.ccxt.tunnel import tunnelled_session

            client: Any = self
            client.own_session = False  # so that it makes none
            try:
                super().open(lazy)
            finally:
                client.own_session = True
            if client.session is None:
                client.session = tunnelled_session(settings.proxy, client.ssl_context)

        def sign(self, *asked: Any, **named: Any) -> Any:
            left_ms = rest.left_ms()
            if row.deadline is None or left_ms is None:
                return super().sign(*asked, **named)
            if row.deadline is Deadline.WINDOW:
                usual, self.options["recvWindow"] = self.options["recvWindow"], left_ms
                try:
                    return super().sign(*asked, **named)
                finally:
                    self.options["recvWindow"] = usual
            made = super().sign(*asked, **named)
            if made["method"] == "POST":
                made["headers"]["expTime"] = str(self.nonce() + left_ms)
            return made

        async def fetch(
            self, url: str, method: str = "GET", headers: Any = None, body: Any = None
        ) -> object:
            # Headers of its own: that is how OKX's test network is told from the main one.
            return await rest.fetch(url, method, {**(headers or {}), **self.headers}, body)

        def client(self, url: str) -> Any:
            is_new = url not in (self.clients or {})
            found = super().client(url)
            if is_new:
                found.handle_text_or_binary_message = _reader(found)
            return found

        def order_book(self, snapshot: Any = None, depth: Any = None) -> Any:
            return _exact(super().order_book(snapshot or {}, depth), is_raw=not row.parsers)

        def counted_order_book(self, snapshot: Any = None, depth: Any = None) -> Any:
            return _exact(super().counted_order_book(snapshot or {}, depth), is_raw=not row.parsers)

        def indexed_order_book(self, snapshot: Any = None, depth: Any = None) -> Any:
            return _exact(super().indexed_order_book(snapshot or {}, depth), is_raw=not row.parsers)

        def on_connected(self, client: Any, message: Any = None) -> None:
            super().on_connected(client, message)
            ears.on_socket()

        def handle_message(self, client: Any, message: Any) -> None:
            try:
                why = ears.on_message(message)
            except MalformedMessage:
                return
            if why:
                client.on_error(network_error(why))
                return
            try:
                super().handle_message(client, message)
            except Exception as error:  # noqa: BLE001 # whatever it stumbles over
                ears.on_stumble(error)
                client.on_error(error)

    given = dict(keys)
    options = {**options_of(row), **given.pop("options", {})}
    made = Door({"enableRateLimit": False, "newUpdates": True, "options": options, **given})
    made.number = Decimal
    made.has["fetchCurrencies"] = False  # deposits and withdrawals are nobody's business here
    made.maxRetriesOnFailure = 0
    made.options["maxRetriesOnFailure"] = 0
    for name in row.silenced:
        setattr(made, name, _true)
    if settings.is_testnet:
        made.set_sandbox_mode(True)  # ccxt's
    elsewhere = _elsewhere(row, settings)
    if elsewhere:
        made.urls["api"] = _moved(made, made.urls["api"], elsewhere)
        if all(urlsplit(url).scheme in {"http", "ws"} for url in elsewhere.values()):
            made.timeout_on_exit = 0  # it waits for TLS to end, and there is none
    return made


def _exact(book: Any, *, is_raw: bool) -> Any:
    """A book that sorts by numbers although some of ccxt's handlers hand the wire's text on."""
    for side in (book["bids"], book["asks"]) if is_raw else ():
        side.storeArray = _stored_exactly(side.storeArray)
    return book


def _stored_exactly(store: Callable[[Any], None]) -> Callable[[Any], None]:
    def store_exactly(delta: Any) -> None:
        first, second, *others = delta
        store([_number_of(first), _number_of(second), *others])

    return store_exactly


def _number_of(value: Any) -> Any:
    return Decimal(value) if isinstance(value, str) else value


def _text_of(dictionary: Any, keys: Any) -> str | None:
    """The text of the first value that is there, if it is a Decimal."""
    for key in keys:
        try:
            value = dictionary[key]
        except (KeyError, IndexError, TypeError):
            continue
        if value is not None and value != "":
            return format(value, "f") if isinstance(value, Decimal) else None
    return None


def _decimal_of(dictionary: Any, key: Any, default: Any) -> Any:
    """The Decimal of a value; `default` where there is none or no finite number."""
    try:
        value = dictionary[key]
        number = Decimal(value if isinstance(value, Decimal) else str(value))
    except (ArithmeticError, KeyError, IndexError, TypeError, ValueError):
        return default
    return number if number.is_finite() else default


async def _true(*_arguments: object, **_named: object) -> bool:
    """What stands in the place of a method that would send what nobody asked for."""
    return True


def _reader(client: Any) -> Callable[[bytes | str], None]:
    def read(data: bytes | str) -> None:
        message = decode_text(data)
        if message is None:
            message = data.decode(errors="replace") if isinstance(data, bytes) else data
        client.on_message_callback(client, message)

    return read


def _first(exchange: Any, urls: object, schemes: tuple[str, ...]) -> str:
    """Scheme and host of the first address of a tree that has one of the schemes."""
    if isinstance(urls, dict):
        return next(filter(None, (_first(exchange, url, schemes) for url in urls.values())), "")
    if not isinstance(urls, str):
        return ""
    parts = urlsplit(exchange.implode_hostname(urls))
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in schemes else ""


def _elsewhere(row: Row, settings: VenueSettings) -> dict[str, str]:
    """The hosts that a file puts in the place of ccxt's."""
    own = addresses_of(row)
    test = settings.is_testnet
    return {
        name: url
        for name, url in settings.urls.items()
        if name in own and url != (own[name].test if test else own[name].main)
    }


def _moved(exchange: Any, urls: object, hosts: Mapping[str, str]) -> object:
    """The same tree with other hosts; paths stay, since ccxt reads them."""
    if isinstance(urls, dict):
        return {name: _moved(exchange, url, hosts) for name, url in urls.items()}
    if not isinstance(urls, str):
        return urls
    parts = urlsplit(exchange.implode_hostname(urls))
    kind = SOCKET if parts.scheme in _SCHEMES[SOCKET] else REST
    if kind not in hosts:
        return urls
    query = f"?{parts.query}" if parts.query else ""
    path = parts.path
    if kind == SOCKET and exchange.id == "binance" and path == "/ws":
        path = "/stream/ws"  # ccxt tells spot from futures by this word, which stood in the host
    return f"{hosts[kind].rstrip('/')}{path}{query}"
